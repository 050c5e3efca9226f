"""Residual networks with the names of torchvision's weights, for pictures and for waveforms."""

import torch
from torch import nn

#: Blocks of each stage, and whether they are bottlenecks.
DEPTHS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


class ResNet(nn.Module):
    """Residual network of 18 to 152 layers [1]_, for events of any size and number of channels.

    With 3 channels, 1000 outputs and a width of 64, the names and shapes of the weights are those
    of torchvision, so that its files load. Bottlenecks have their stride in the convolution of
    3 x 3, as there.

    With ``ndim=1`` it is the same network for waveforms: a kernel of n x n becomes one of n²
    samples, a stride of 2 x 2 one of 4. It has as many weights, and its filters see as many
    numbers as those of a picture. The last of them look at the whole waveform, as distances need
    that show in the time between P and S.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}, default=18
        Layers with weights. From 50 on, blocks are bottlenecks.
    in_channels : int, default=3
        Channels of a picture or waveform.
    n_outputs : int or None, default=1000
        Outputs of the last layer. None leaves it out, so that `forward` returns the features.
    width : int, default=64
        Filters of the first stage; each later one has twice as many as the one before.
    ndim : {2, 1}, default=2
        Axes of an event beside its channels: 2 for pictures, 1 for waveforms.

    Attributes
    ----------
    n_features : int
        Length of what the last layer sees: 8 `width`, with bottlenecks 32 `width`.

    References
    ----------
    .. [1] He, K., Zhang, X., Ren, S. and Sun, J. (2016). Deep residual learning for image
       recognition. CVPR.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import ResNet, count_parameters
    >>> net = ResNet(18, in_channels=1, n_outputs=8, width=4)
    >>> net(torch.zeros(2, 1, 30, 50)).shape, net.n_features
    (torch.Size([2, 8]), 32)
    >>> count_parameters(ResNet(18))
    11689512
    >>> ResNet(18, in_channels=3, n_outputs=8, width=4, ndim=1)(torch.zeros(2, 3, 900)).shape
    torch.Size([2, 8])
    """

    def __init__(self, depth=18, *, in_channels=3, n_outputs=1000, width=64, ndim=2):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {sorted(DEPTHS)}; got {depth!r}")
        if ndim not in _LAYERS:
            raise ValueError(f"ndim must be 2 (pictures) or 1 (waveforms); got {ndim!r}")
        n_blocks, bottleneck = DEPTHS[depth]
        block = _Bottleneck if bottleneck else _Block
        layers = _LAYERS[ndim]
        self.conv1 = layers.conv(in_channels, width, 7, stride=2)
        self.bn1 = layers.norm(width)
        self.relu = nn.ReLU()
        self.maxpool = layers.pool(3, stride=2)
        n_in, stages = width, []
        for stage, n in enumerate(n_blocks):
            n_inner, stride = width * 2**stage, 1 if stage == 0 else 2
            blocks = []
            for i in range(n):
                blocks.append(block(layers, n_in, n_inner, stride if i == 0 else 1))
                n_in = n_inner * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = layers.mean(1)
        self.n_features = n_in
        self.fc = nn.Identity() if n_outputs is None else nn.Linear(n_in, n_outputs)
        self.apply(_initialize)

    def forward(self, x):
        """Outputs (n, n_outputs) of pictures or waveforms (n, in_channels, ...)."""
        return self.fc(self.features(x))

    def features(self, x):
        """What the last layer sees of pictures or waveforms, (n, n_features)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.flatten(self.avgpool(x), 1)


class _Layers:
    """Layers of networks for pictures, or of the same networks for waveforms."""

    def __init__(self, ndim):
        self.ndim = ndim
        self._conv = nn.Conv2d if ndim == 2 else nn.Conv1d
        self._pool = nn.MaxPool2d if ndim == 2 else nn.MaxPool1d
        self.norm = nn.BatchNorm2d if ndim == 2 else nn.BatchNorm1d
        self.mean = nn.AdaptiveAvgPool2d if ndim == 2 else nn.AdaptiveAvgPool1d

    def conv(self, n_in, n_out, kernel, *, stride=1):
        """Convolution of kernel x kernel, or kernel², without a bias, as large as its input."""
        kernel, stride = self._flat(kernel), self._flat(stride)
        padding = (kernel - 1) // 2
        return self._conv(n_in, n_out, kernel, stride=stride, padding=padding, bias=False)

    def pool(self, kernel, *, stride):
        """Maximum over as many values as a picture's."""
        kernel, stride = self._flat(kernel), self._flat(stride)
        return self._pool(kernel, stride=stride, padding=(kernel - 1) // 2)

    def _flat(self, n):
        return n if self.ndim == 2 else n * n


_LAYERS = {ndim: _Layers(ndim) for ndim in (2, 1)}


class _Block(nn.Module):
    """Two convolutions of 3 x 3, and the input added to what they find."""

    expansion = 1

    def __init__(self, layers, n_in, n_inner, stride):
        super().__init__()
        self.conv1 = layers.conv(n_in, n_inner, 3, stride=stride)
        self.bn1 = layers.norm(n_inner)
        self.relu = nn.ReLU()
        self.conv2 = layers.conv(n_inner, n_inner, 3)
        self.bn2 = layers.norm(n_inner)
        self.downsample = _shortcut(layers, n_in, n_inner, stride)

    def forward(self, x):
        found = self.relu(self.bn1(self.conv1(x)))
        found = self.bn2(self.conv2(found))
        return self.relu(found + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    """A convolution of 3 x 3 between two of 1 x 1, and the input added to what they find."""

    expansion = 4

    def __init__(self, layers, n_in, n_inner, stride):
        super().__init__()
        n_out = n_inner * self.expansion
        self.conv1 = layers.conv(n_in, n_inner, 1)
        self.bn1 = layers.norm(n_inner)
        self.conv2 = layers.conv(n_inner, n_inner, 3, stride=stride)
        self.bn2 = layers.norm(n_inner)
        self.conv3 = layers.conv(n_inner, n_out, 1)
        self.bn3 = layers.norm(n_out)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(layers, n_in, n_out, stride)

    def forward(self, x):
        found = self.relu(self.bn1(self.conv1(x)))
        found = self.relu(self.bn2(self.conv2(found)))
        found = self.bn3(self.conv3(found))
        return self.relu(found + (x if self.downsample is None else self.downsample(x)))


def _shortcut(layers, n_in, n_out, stride):
    """What makes the input as large as the output, or None where it is."""
    if stride == 1 and n_in == n_out:
        return None
    return nn.Sequential(layers.conv(n_in, n_out, 1, stride=stride), layers.norm(n_out))


def _initialize(layer):
    # Scales and shifts of batch normalisation start at one and zero by themselves.
    # Nor is anything drawn for weights on the meta device, for which PyTorch loads its compiler.
    if isinstance(layer, (nn.Conv2d, nn.Conv1d)) and not layer.weight.is_meta:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
