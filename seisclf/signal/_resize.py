"""Change the size of pictures, such as spectrograms."""

import functools

import numpy as np

from ._arrays import as_float, for_each_chunk


def resize(x, size, *, workers=None):
    """Resize pictures bilinearly; shrinking averages, so that nothing is skipped.

    Parameters
    ----------
    x : array-like of shape (..., height, width)
        Pictures. They are not changed.
    size : tuple of int (height, width) or int
        New size. One number is the height; the width then keeps its ratio to the height (rounded
        down).
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    resized : ndarray of shape (..., new_height, new_width)
        float32 if `x` is float32, else float64.

    Raises
    ------
    ValueError
        If `x` has fewer than two axes or the new size is not positive.

    Notes
    -----
    Pixels are areas: pixel ``i`` of ``n`` lies at ``(i + 0.5) / n``, as in OpenCV, Pillow and
    ``torch.nn.functional.interpolate(align_corners=False, antialias=True)``. Enlarging
    interpolates linearly between centres and repeats the edge; shrinking widens the triangle of
    weights to the new pixel's own width.

    Examples
    --------
    >>> from seisclf.signal import resize
    >>> resize([[0.0, 1.0], [2.0, 3.0]], (2, 4))
    array([[0.  , 0.25, 0.75, 1.  ],
           [2.  , 2.25, 2.75, 3.  ]])
    """
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(f"x must have two axes or more, (..., height, width); got {x.shape}")
    height, width = resized_shape(x.shape[-2:], size)
    if (height, width) == x.shape[-2:]:
        return x.copy()
    rows = interpolation_matrix(x.shape[-2], height).astype(x.dtype)
    columns = interpolation_matrix(x.shape[-1], width).astype(x.dtype)
    pictures = x.reshape((-1,) + x.shape[-2:])
    out = np.empty((len(pictures), height, width), dtype=x.dtype)

    def run(start, stop):
        np.matmul(rows, pictures[start:stop] @ columns.T, out=out[start:stop])

    for_each_chunk(lambda size: run, len(pictures), height * width * x.itemsize, workers=workers)
    return out.reshape(x.shape[:-2] + (height, width))


def resized_shape(shape, size):
    """New (height, width) of a picture of the given shape."""
    if np.ndim(size) == 0:
        height = int(size)
        # Height first, so that a whole width does not come out one short by rounding.
        size = (height, max(1, shape[1] * height // shape[0]))
    height, width = (int(n) for n in size)
    if height < 1 or width < 1:
        raise ValueError(f"size must be at least one pixel each way, got {height} x {width}")
    return height, width


@functools.lru_cache(maxsize=32)
def interpolation_matrix(n_old, n_new):
    """Weights (n_new, n_old) of a linear, area-preserving interpolation; rows sum to one."""
    ratio = n_old / n_new
    centres = (np.arange(n_new) + 0.5) * ratio - 0.5
    support = max(ratio, 1.0)
    distance = np.abs(np.arange(n_old) - np.clip(centres, 0, n_old - 1)[:, None])
    if support > 1:
        distance = np.abs(np.arange(n_old) - centres[:, None]) / support
    weights = np.maximum(0.0, 1.0 - distance)
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights
