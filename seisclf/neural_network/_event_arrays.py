"""Pictures at the door of an estimator, and waveforms whose pictures would show nothing."""

import warnings

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ..base import _checked_target, validate_waveforms
from ..io._lazy_array import LazyArray
from ..nets import SpectrogramPicture

# Below this density, log10(1 + S) is S / ln(10) to half a per cent: no logarithm at all.
_LINEAR = 0.01
_LOOKED_AT = 64


def validate_events(estimator, X, y="no_validation", *, reset, representation, allow_nan=False):
    """Check waveforms or pictures, and give them an axis of channels.

    Parameters
    ----------
    estimator : estimator
        The one that was called. With `reset` it learns ``n_features_in_``, ``n_channels_in_`` and
        ``n_samples_in_``, of pictures ``picture_shape_`` instead of the last.
    X : array-like, LazyWaveforms or RandomChannels
        (n_events, height, width) or (n_events, n_channels, height, width) for "picture", else
        (n_events, n_samples) or (n_events, n_channels, n_samples).
    y : array-like of shape (n_events,), optional
        Targets.
    reset : bool
        Whether the shape is learned or compared.
    representation : {"spectrogram", "picture", "waveform"}
        What X is, or is turned into.
    allow_nan : bool, default=False
        Whether NaN may pass.

    Returns
    -------
    X : ndarray or LazyArray
        With an axis of channels.
    y : ndarray of shape (n_events,)
        Only where `y` was given.

    Raises
    ------
    ValueError
        If X or y cannot be used.
    """
    if representation != "picture":
        return validate_waveforms(estimator, X, y, reset=reset, allow_nan=allow_nan)
    pictures = _checked_pictures(estimator, X, reset, allow_nan)
    if isinstance(y, str) and y == "no_validation":
        return pictures
    return pictures, _checked_target(estimator, pictures, y)


def _checked_pictures(estimator, X, reset, allow_nan):
    name = type(estimator).__name__
    if isinstance(X, LazyArray):
        array = X
    else:
        array = check_array(
            X,
            dtype=[np.float64, np.float32],
            allow_nd=True,
            ensure_all_finite="allow-nan" if allow_nan else True,
            estimator=estimator,
            input_name="X",
        )
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{name} with representation='picture' cannot use X of shape {tuple(array.shape)}: it "
            f"needs pictures (n_events, height, width) or (n_events, n_channels, height, width). "
            f"Of waveforms it makes them itself with representation='spectrogram'."
        )
    shape = (1, *array.shape[1:]) if array.ndim == 3 else tuple(array.shape[1:])
    if reset:
        validate_data(estimator, array, reset=True, skip_check_array=True)
        estimator.n_channels_in_, estimator.picture_shape_ = shape[0], shape[1:]
    elif shape != (seen := (estimator.n_channels_in_, *estimator.picture_shape_)):
        raise ValueError(
            f"{name} cannot use X of shape {tuple(array.shape)}: its pictures (n_channels, "
            f"height, width) are {shape}, fit saw {seen}. Make pictures of the same size "
            f"(seisclf.preprocessing.Spectrogram, size=...), or fit again."
        )
    # What is lazy gets its axis when it is read.
    lift = array.ndim == 3 and not isinstance(array, LazyArray)
    return array[:, np.newaxis] if lift else array


def warn_if_frame_is_long(X, settings, *, stacklevel=3):
    """Warn if a frame is longer than the waveforms, so that it is shortened to them.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_channels, n_samples)
        Waveforms.
    settings : dict
        Of `EventEncoder`.
    stacklevel : int, default=3
        Of the warning.
    """
    if settings["representation"] != "spectrogram" or settings["window_length"] is None:
        return
    rate, n_samples = settings["sampling_rate"], X.shape[-1]
    if round(settings["window_length"] * rate) > n_samples:
        duration = n_samples / rate
        warnings.warn(
            f"window_length={settings['window_length']} s is longer than the events, "
            f"{duration:g} s ({n_samples} samples at {rate:g} Hz): the spectrogram uses frames of "
            f"{duration:g} s",
            UserWarning,
            stacklevel=stacklevel,
        )


def warn_if_log_is_linear(X, settings, *, stacklevel=3):
    """Warn if ``log(1 + S)`` of these waveforms is no logarithm, because S is so small.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_channels, n_samples)
        Waveforms; up to 64 events are looked at.
    settings : dict
        Of `EventEncoder`.
    stacklevel : int, default=3
        Of the warning.
    """
    if settings["representation"] != "spectrogram" or settings["log"] not in ("log10p1", "log1p"):
        return
    rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), _LOOKED_AT)).astype(int))
    some = X.fixed() if hasattr(X, "fixed") else X
    some = some.read(rows) if isinstance(some, LazyArray) else some[rows]
    frames = ("sampling_rate", "window_length", "overlap", "window")
    picture = SpectrogramPicture(some.shape[-1], **{name: settings[name] for name in frames})
    loudest = picture.density(torch.from_numpy(np.array(some, dtype=np.float64))).amax((-2, -1))
    loudest = loudest[loudest > 0]
    if not len(loudest) or (typical := float(loudest.median())) >= _LINEAR:
        return
    warnings.warn(
        f"log={settings['log']!r} is no logarithm for these waveforms: the loudest cell of a "
        f"typical trace has a density of {typical:.2g} per Hz, and log(1 + S) of so small an S is "
        f"proportional to S, so that only the strongest cells are seen. Set log='db', which does "
        f"not depend on the unit, or scale the waveforms to counts",
        UserWarning,
        stacklevel=stacklevel,
    )
