"""Crops of pictures along time, drawn for a whole batch at once."""

import torch

__all__ = ["LARGEST_NEIGHBORING_CROP", "crop_columns", "neighboring_crops", "random_crops"]

# With a quarter of the width, there is always room for a third crop beyond the neighborhood.
LARGEST_NEIGHBORING_CROP = 0.25


def crop_columns(width, crop_width):
    """Columns of a crop.

    Parameters
    ----------
    width : int
        Columns of the picture.
    crop_width : float
        Part of the width to crop, in (0, 1].

    Returns
    -------
    columns : int
        At least one.

    Examples
    --------
    >>> from seisclf.nets.crops import crop_columns
    >>> crop_columns(711, 0.1), crop_columns(4, 0.1)
    (71, 1)
    """
    # Against rounding: 0.29 * 100 is 28.999...
    return max(1, int(width * crop_width + 1e-9))


def neighboring_crops(first, second, crop_width=0.1):
    """Three crops of each event: a reference, a neighbor of it and a distant one.

    All have the full height and ``crop_width`` of the width. With c columns a crop, the reference
    W_t lies anywhere in the picture (but for half a crop and a quarter at either end, as long as
    that leaves enough). The neighbor W_l is moved by a normal deviate with a standard deviation of
    c / 8, cut at c / 4. The distant one W_k is at least one crop beyond this neighborhood, 5/4 c
    from W_t, uniformly over what is left of the range of W_t. (The preprocessing of [1]_, in
    whole columns.)

    Parameters
    ----------
    first : torch.Tensor of shape (n, channels, height, width)
        Pictures to take W_t of.
    second : torch.Tensor of shape (n, channels, height, width)
        Pictures to take W_l and W_k of: those of another sensor, or `first` again.
    crop_width : float, default=0.1
        Part of the width. Up to 0.25, W_t and W_k never overlap in a picture of four or more
        columns; where there is no room, W_k is as far from W_t as the picture allows.

    Returns
    -------
    reference, near, far : torch.Tensor of shape (n, channels, height, columns)
        The crops, as copies. Random numbers come from torch's generator of the CPU.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). VNIbCReg: VICReg with
       neighboring-invariance and better-covariance evaluated on non-stationary seismic signal
       time series. arXiv:2204.02697

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.crops import neighboring_crops
    >>> columns = torch.arange(100.0).repeat(5, 1, 1, 1)
    >>> t, l, k = neighboring_crops(columns, columns, 0.2)
    >>> tuple(t.shape), bool(((l - t).abs() <= 5).all()), bool(((k - t).abs() >= 25).all())
    ((5, 1, 1, 20), True, True)
    """
    n, _, _, width = first.shape
    columns = crop_columns(width, crop_width)
    starts = _neighboring_starts(n, width, columns)
    pictures = (first, second, second)
    return tuple(
        _cut(picture, start, columns) for picture, start in zip(pictures, starts, strict=True)
    )


def random_crops(first, second, crop_width=0.1):
    """Two crops of each event that have nothing to do with each other.

    Both have the full height and ``crop_width`` of the width, and lie anywhere but for half a crop
    at either end, which the published code leaves out.

    Parameters
    ----------
    first, second : torch.Tensor of shape (n, channels, height, width)
        Pictures to take the first and the second crop of.
    crop_width : float, default=0.1
        Part of the width.

    Returns
    -------
    first, second : torch.Tensor of shape (n, channels, height, columns)
        The crops, as copies. Random numbers come from torch's generator of the CPU.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.crops import random_crops
    >>> columns = torch.arange(100.0).repeat(5, 1, 1, 1)
    >>> [tuple(crop.shape) for crop in random_crops(columns, columns, 0.2)]
    [(5, 1, 1, 20), (5, 1, 1, 20)]
    """
    n, _, _, width = first.shape
    columns = crop_columns(width, crop_width)
    room = width - columns
    low = min(columns // 2, room // 2)
    return tuple(
        _cut(picture, _integers(low, torch.full((n,), room - 2 * low + 1)), columns)
        for picture in (first, second)
    )


def _neighboring_starts(n, width, columns):
    """First columns of W_t, W_l and W_k, each of shape (n,)."""
    room = width - columns
    shift = columns // 4
    distance = -(-5 * columns // 4)
    # Enough of the picture must be left for W_k on at least one side of any W_t.
    margin = min(max(0, room // 2 - distance), shift + columns // 2)
    low, high = margin, room - margin
    reference = _integers(low, torch.full((n,), high - low + 1))

    near = reference + _truncated_normal(n, shift)
    near = near.clamp(0, room)

    before = (reference - distance - low + 1).clamp(min=0)
    after = (high - reference - distance + 1).clamp(min=0)
    place = _integers(0, before + after)
    far = torch.where(place < before, low + place, reference + distance + place - before)
    farthest = torch.where(reference - low > high - reference, low, high)
    return reference, near, torch.where(before + after > 0, far, farthest)


def _integers(low, counts):
    """Uniform integers from `low` on, one of `counts` for each event."""
    uniform = torch.rand(len(counts), dtype=torch.float64)
    return low + (uniform * counts).long()


def _truncated_normal(n, limit):
    """Whole numbers within +-limit, normal with a standard deviation of half of it."""
    edge = torch.special.ndtr(torch.tensor(-2.0, dtype=torch.float64))
    probability = edge + (1 - 2 * edge) * torch.rand(n, dtype=torch.float64)
    deviate = torch.special.ndtri(probability) * limit / 2
    return deviate.round().long().clamp(-limit, limit)


def _cut(pictures, starts, columns):
    index = starts[:, None] + torch.arange(columns)
    index = index[:, None, None, :].expand(-1, *pictures.shape[1:3], -1)
    return pictures.gather(3, index.to(pictures.device))
