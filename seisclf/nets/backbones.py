"""Backbones by name: networks for pictures or waveforms without their last layer."""

from .alexnet import AlexNet
from .resnet import DEPTHS, ResNet

BACKBONES = (*(f"resnet{depth}" for depth in DEPTHS), "alexnet")


def make_backbone(name, *, in_channels, width=64, ndim=2):
    """Make a network for pictures or waveforms that has no last layer.

    Parameters
    ----------
    name : {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "alexnet"}
        Which one.
    in_channels : int
        Channels of an event.
    width : int, default=64
        Filters of the first convolution, and with them of all others.
    ndim : {2, 1}, default=2
        2 for pictures, 1 for waveforms; AlexNet is for pictures only.

    Returns
    -------
    backbone : ResNet or AlexNet
        It turns pictures (n, in_channels, height, width), or waveforms (n, in_channels,
        n_samples), into (n, n_features); ``n_features`` is an attribute.

    Raises
    ------
    ValueError
        If there is no backbone of that name, or none for waveforms.

    Examples
    --------
    >>> from seisclf.nets import make_backbone
    >>> make_backbone("resnet34", in_channels=1).n_features
    512
    """
    check_backbone(name)
    if name == "alexnet":
        if ndim == 1:
            raise ValueError(
                "backbone='alexnet' is a network for pictures and has no form for waveforms "
                "(representation='waveform'): take backbone='resnet18', or another ResNet"
            )
        return AlexNet(in_channels=in_channels, n_outputs=None, width=width)
    depth = int(name.removeprefix("resnet"))
    return ResNet(depth, in_channels=in_channels, n_outputs=None, width=width, ndim=ndim)


def check_backbone(name):
    """Refuse names that are not in `BACKBONES`."""
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {BACKBONES}; got {name!r}")
