"""Data as small scripts, which a page that was opened as a file may load."""

import json
import math

import numpy as np

from ...signal import bandpass as _bandpass
from ._arrays import pack_relevance, pack_spectrogram, pack_waveform, small_map

# Columns of the metadata that hold onsets in seconds after the first sample.
_MARKS = {"p_onset": "P", "s_onset": "S"}


def script(function, *values):
    """A call of one of the page's functions, safe wherever it is put.

    Parameters
    ----------
    function : str
        Name.
    *values : object
        Arguments, as JSON holds them.

    Returns
    -------
    text : str
        ASCII only (so no line separators), and without a ``<`` that could close a script.
    """
    texts = (
        json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        for value in values
    )
    inside = ",".join(texts).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"seisclf.{function}({inside});\n"


def event_record(event, classes, shown):
    """What the page needs to know of an event.

    Parameters
    ----------
    event : ReviewEvent
        As :meth:`LabelReview.events` gives it.
    classes : list of str
        Order of the probabilities.
    shown : ndarray of shape (n_channels, n_samples)
        The waveform as it is drawn, see :func:`shown_waveform`.

    Returns
    -------
    record : dict
        As JSON holds it; arrays packed.
    """
    record = {
        "row": int(event.row),
        "event_id": str(event.event_id),
        "label": str(event.label),
        "predicted": str(event.predicted),
        "probabilities": [_number(event.probabilities.get(name)) for name in classes],
        "doubt": _number(event.doubt),
        "reason": str(event.reason),
        "suspect": bool(event.suspect),
        "start_time": str(event.start_time or ""),
        "duration": shown.shape[1] / float(event.sampling_rate),
        "components": component_names(event.components, len(shown)),
        "metadata": [[str(name), str(value)] for name, value in event.metadata.items()],
        "marks": _marks(event.metadata),
        "waveform": pack_waveform(shown),
        "spectrogram": None,
        "relevance": _relevance(event),
        "relevance_note": str(getattr(event, "relevance_note", "")),
    }
    if event.spectrogram is not None:
        values, frequencies, times = small_map(
            _three_axes(event.spectrogram), event.frequencies, event.times
        )
        record["spectrogram"] = pack_spectrogram(values) | _axes(frequencies, times)
    return record


def shown_waveform(event, band):
    """The waveform of an event as it is drawn.

    Parameters
    ----------
    event : ReviewEvent
        Any event.
    band : tuple of float or None
        Corner frequencies (Hz).

    Returns
    -------
    waveform : ndarray of shape (n_channels, n_samples)
        See :func:`filtered`.
    """
    waveform = np.atleast_2d(np.asarray(event.waveform))
    return filtered(waveform, float(event.sampling_rate), band)


def filtered(waveform, rate, band):
    """Waveforms as they are shown: without mean, band-passed where there is no gap.

    Parameters
    ----------
    waveform : ndarray of shape (n_channels, n_samples)
        NaN where there is a gap.
    rate : float
        Hertz.
    band : tuple of float or None
        Corner frequencies (Hz).

    Returns
    -------
    waveform : ndarray of shape (n_channels, n_samples)
        A filter would smear a gap over everything: channels with gaps only lose their mean.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    known = np.isfinite(waveform)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, waveform, 0.0).sum(axis=1, keepdims=True) / count
    shown = waveform - mean
    whole = known.all(axis=1)
    if band is not None and whole.any():
        shown[whole] = _bandpass(shown[whole], sampling_rate=rate, low=band[0], high=band[1])
    return shown


def component_names(components, n_channels):
    """A name for each channel.

    Parameters
    ----------
    components : str or sequence of str or None
        Such as ``"ZNE"``; repeated for several stations.
    n_channels : int
        How many names are needed.

    Returns
    -------
    names : list of str
        ``ch0``, ``ch1``, ... where `components` does not fit.
    """
    names = [str(name) for name in components or ()]
    if names and n_channels % len(names) == 0:
        stations = n_channels // len(names)
        if stations == 1:
            return names
        return [f"{name}{i + 1}" for i in range(stations) for name in names]
    return [f"ch{i}" for i in range(n_channels)]


def _relevance(event):
    """Maps of the given and of the predicted class, in this order."""
    maps = []
    for name in dict.fromkeys((event.label, event.predicted)):
        if name not in (event.relevance or {}):
            continue
        values, frequencies, times = _three_axes(event.relevance[name]), event.frequencies, None
        if values.shape[1] == 1:
            frequencies = None
        if event.times is not None and len(event.times) == values.shape[2]:
            times = event.times
        else:
            duration = np.shape(event.waveform)[-1] / float(event.sampling_rate)
            times = (np.arange(values.shape[2]) + 0.5) * duration / values.shape[2]
        values, frequencies, times = small_map(values, frequencies, times)
        error = (event.conservation_error or {}).get(name)
        packed = pack_relevance(values) | _axes(frequencies, times)
        maps.append(packed | {"label": str(name), "error": _number(error)})
    return maps


def _three_axes(values):
    """A map (channels, frequencies, frames); relevance of samples gets one frequency."""
    values = np.asarray(values)
    return values[:, None, :] if values.ndim == 2 else values


def _axes(frequencies, times):
    return {"frequencies": _rounded(frequencies), "times": _rounded(times)}


def _rounded(axis):
    return None if axis is None else [float(f"{value:.5g}") for value in axis]


def _marks(metadata):
    marks = {}
    for column, name in _MARKS.items():
        try:
            seconds = float(metadata.get(column, "nan"))
        except (TypeError, ValueError):
            continue
        if math.isfinite(seconds):
            marks[name] = seconds
    return marks


def _number(value):
    """A float for JSON, which knows no NaN."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.6g}")
