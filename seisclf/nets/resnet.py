"""Residual networks with the names of torchvision's weights."""

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
    """Residual network of 18 to 152 layers [1]_, for pictures of any size and number of channels.

    With 3 channels, 1000 outputs and a width of 64, the names and shapes of the weights are those
    of torchvision, so that its files load. Bottlenecks have their stride in the convolution of
    3 x 3, as there.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}, default=18
        Layers with weights. From 50 on, blocks are bottlenecks.
    in_channels : int, default=3
        Channels of a picture.
    n_outputs : int or None, default=1000
        Outputs of the last layer. None leaves it out, so that `forward` returns the features.
    width : int, default=64
        Filters of the first stage; each later one has twice as many as the one before.

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
    """

    def __init__(self, depth=18, *, in_channels=3, n_outputs=1000, width=64):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {sorted(DEPTHS)}; got {depth!r}")
        n_blocks, bottleneck = DEPTHS[depth]
        block = _Bottleneck if bottleneck else _Block
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        n_in, stages = width, []
        for stage, n in enumerate(n_blocks):
            n_inner, stride = width * 2**stage, 1 if stage == 0 else 2
            blocks = []
            for i in range(n):
                blocks.append(block(n_in, n_inner, stride if i == 0 else 1))
                n_in = n_inner * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.n_features = n_in
        self.fc = nn.Identity() if n_outputs is None else nn.Linear(n_in, n_outputs)
        self.apply(_initialize)

    def forward(self, x):
        """Outputs (n, n_outputs) of pictures (n, in_channels, height, width)."""
        return self.fc(self.features(x))

    def features(self, x):
        """What the last layer sees of pictures, (n, n_features)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.flatten(self.avgpool(x), 1)


class _Block(nn.Module):
    """Two convolutions of 3 x 3, and the input added to what they find."""

    expansion = 1

    def __init__(self, n_in, n_inner, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_inner, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_inner)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(n_inner, n_inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_inner)
        self.downsample = _shortcut(n_in, n_inner, stride)

    def forward(self, x):
        found = self.relu(self.bn1(self.conv1(x)))
        found = self.bn2(self.conv2(found))
        return self.relu(found + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    """A convolution of 3 x 3 between two of 1 x 1, and the input added to what they find."""

    expansion = 4

    def __init__(self, n_in, n_inner, stride):
        super().__init__()
        n_out = n_inner * self.expansion
        self.conv1 = nn.Conv2d(n_in, n_inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_inner)
        self.conv2 = nn.Conv2d(n_inner, n_inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_inner)
        self.conv3 = nn.Conv2d(n_inner, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(n_in, n_out, stride)

    def forward(self, x):
        found = self.relu(self.bn1(self.conv1(x)))
        found = self.relu(self.bn2(self.conv2(found)))
        found = self.bn3(self.conv3(found))
        return self.relu(found + (x if self.downsample is None else self.downsample(x)))


def _shortcut(n_in, n_out, stride):
    """What makes the input as large as the output, or None where it is."""
    if stride == 1 and n_in == n_out:
        return None
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
    )


def _initialize(layer):
    # Scales and shifts of batch normalisation start at one and zero by themselves.
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
