"""Weights of a backbone from a file, whatever wrote it, for any number of channels."""

from pathlib import Path

import numpy as np
import torch

from ..nets.backbones import check_backbone, make_backbone

# Keys under which a file may keep the weights beside other things.
_INSIDE = ("model_state_dict", "state_dict", "model")
# What others put before the names of torchvision.
_PREFIXES = ("module.", "model.", "encoder.", "backbone.")


class Weights(dict):
    """Weights by name, which print as one line instead of pages."""

    def __repr__(self):
        n = sum(array.size for array in self.values())
        return f"<{len(self)} arrays of {n} numbers>"


def read_backbone_weights(path, backbone, width=None):
    """Weights of a backbone, by the names they have in an `EventEncoder`.

    Parameters
    ----------
    path : str or pathlib.Path
        A file of torchvision or another one with its names, written by ``torch.save`` or in the
        format safetensors. Only tensors are read, no code is run. The last layer is left out.
    backbone : str
        Which network the weights are of, one of `BACKBONES`.
    width : int, optional
        Filters of its first convolution. None: as many as the file has.

    Returns
    -------
    weights : dict of str to ndarray
        Complete.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds something else than weights of this backbone.
    """
    check_backbone(backbone)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}: give its path, or download it before")
    found = {_plain_name(name): array for name, array in _arrays(path).items()}
    first = found.get(first_convolution(backbone).removeprefix("backbone."))
    if first is None or first.ndim != 4:
        raise ValueError(
            f"{path} holds no weights of {backbone}: its first entries are {list(found)[:3]}. "
            f"Say with backbone=... of which network they are"
        )
    with torch.device("meta"):
        empty = make_backbone(backbone, in_channels=first.shape[1], width=width or len(first))
    wanted = {name: tuple(value.shape) for name, value in empty.state_dict().items()}
    for name, shape in wanted.items():
        if name.endswith("num_batches_tracked"):  # files older than PyTorch 0.4.1 have none
            found.setdefault(name, np.zeros(shape, dtype=np.int64))
    wrong = [name for name, shape in wanted.items() if np.shape(found.get(name)) != shape]
    wrong = [name for name in wrong if name not in found or found[name].shape != wanted[name]]
    if wrong:
        raise ValueError(
            f"{path} does not hold the weights of {backbone}: {len(wrong)} of {len(wanted)} are "
            f"missing or of another shape, first {wrong[0]!r}. Say with backbone=... (and "
            f"width=...) of which network they are"
        )
    return {f"backbone.{name}": found[name] for name in wanted}


def first_convolution(backbone):
    """Name of the weights that meet the channels of a picture, in an `EventEncoder`."""
    layer = "features.0" if backbone == "alexnet" else "conv1"
    return f"backbone.{layer}.weight"


def fit_channels(weights, backbone, in_channels):
    """Weights for another number of channels.

    The first convolution's weights are summed over the channels it had, and shared out evenly
    over those it gets: what is the same in all channels is seen as before.

    Parameters
    ----------
    weights : dict of str to ndarray
        Left as they are.
    backbone : str
        Which network they are of.
    in_channels : int
        Channels wanted.

    Returns
    -------
    weights : dict of str to ndarray
        All but the first convolution's are the same arrays.
    """
    name = first_convolution(backbone)
    first = weights[name]
    if first.shape[1] == in_channels:
        return weights
    total = first.sum(axis=1, keepdims=True, dtype=np.float64) / in_channels
    shared = np.repeat(total, in_channels, axis=1).astype(first.dtype)
    return {**weights, name: shared}


def _arrays(path):
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return load_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a file of tensors alone ({type(error).__name__}): write "
            f"torch.save(model.state_dict(), path), or a .safetensors file"
        ) from error
    for key in _INSIDE:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds a {type(content).__name__}, where a dict from name to tensor is "
            f"needed: write torch.save(model.state_dict(), path)"
        )
    return {str(k): v.detach().numpy() for k, v in content.items() if torch.is_tensor(v)}


def _plain_name(name):
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
