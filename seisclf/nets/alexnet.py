"""AlexNet with the names of torchvision's weights."""

import torch
from torch import nn

#: Smallest picture that is left of by three poolings.
_SMALLEST = 63


class AlexNet(nn.Module):
    """Five convolutions and three dense layers [1]_, for pictures of any size.

    With 3 channels, 1000 outputs and a width of 64, the names and shapes of the weights are those
    of torchvision, so that its files load: the variant of one column [2]_, without local
    normalisation. The last convolution is averaged to 6 x 6 fields whatever the picture's size.

    Parameters
    ----------
    in_channels : int, default=3
        Channels of a picture. Pictures with sides shorter than 63 are surrounded by zeros.
    n_outputs : int or None, default=1000
        Outputs of the last layer. None leaves it out, so that `forward` returns the features.
    width : int, default=64
        Filters of the first convolution. All others grow with it, the dense layers have 64 times
        as many units.
    dropout : float, default=0.5
        Part of the units dropped before each of the first two dense layers while training.

    Attributes
    ----------
    n_features : int
        Length of what the last layer sees, 64 `width`.

    References
    ----------
    .. [1] Krizhevsky, A., Sutskever, I. and Hinton, G. E. (2017). ImageNet classification with
       deep convolutional neural networks. Communications of the ACM 60.
    .. [2] Krizhevsky, A. (2014). One weird trick for parallelizing convolutional neural networks.
       arXiv:1404.5997.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import AlexNet, count_parameters
    >>> net = AlexNet(in_channels=1, n_outputs=8, width=2)
    >>> net(torch.zeros(2, 1, 30, 50)).shape, net.n_features
    (torch.Size([2, 8]), 128)
    >>> count_parameters(AlexNet())
    61100840
    """

    def __init__(self, *, in_channels=3, n_outputs=1000, width=64, dropout=0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, width, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(width, 3 * width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(3 * width, 6 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(6 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.n_features = 64 * width
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(4 * width * 36, self.n_features),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(self.n_features, self.n_features),
            nn.ReLU(),
            nn.Identity() if n_outputs is None else nn.Linear(self.n_features, n_outputs),
        )

    def forward(self, x):
        """Outputs (n, n_outputs) of pictures (n, in_channels, height, width)."""
        found = self.avgpool(self.features(_large_enough(x)))
        return self.classifier(torch.flatten(found, 1))


def _large_enough(x):
    missing = [max(0, _SMALLEST - size) for size in x.shape[-2:]]
    if not any(missing):
        return x
    (top, left), (height, width) = (n // 2 for n in missing), missing
    return nn.functional.pad(x, (left, width - left, top, height - top))
