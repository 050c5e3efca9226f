"""What an expert is shown of one event, made batch by batch."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..signal import bandpass, stft
from ._texts import as_text, is_missing

_BATCH = 32
_FEW_SAMPLES = 16  # too short for a spectrogram
_MAX_FRAMES = 160


@dataclass
class ReviewEvent:
    """One event under review, as :meth:`LabelReview.events` yields it.

    Parameters
    ----------
    row : int
        Its row in X.
    event_id : str
        Its name in the metadata; the row number where there is none.
    label, predicted : str
        The label that was given, and the class that the classifier finds likeliest without
        having seen the event.
    probabilities : dict of {str: float}
        Of each class, out of fold. Empty for an event that no fold tested.
    doubt : float
        From 0 (the label is certain) to 1 (another class is).
    reason : str
        Why the label is doubted or not, in words.
    metadata : dict of {str: str}
        Its line of the metadata. Text of others: escape it before it becomes part of a page.
    waveform : ndarray of float32 of shape (n_channels, n_samples)
        As the classifier's Pipeline filters it, or band-passed; stations of a network below one
        another.
    sampling_rate : float
        In Hz; 1.0 where it is not known.
    components : list of str
        Name of each channel.
    start_time : str
        UTC of the first sample (ISO 8601), or "".
    frequencies, times : ndarray or None
        Axes of `spectrogram` in Hz and in seconds after the first sample.
    spectrogram : ndarray of float32 of shape (n_channels, n_frequencies, n_times), or None
        The map that the network sees where relevance belongs to one, otherwise magnitudes of a
        short-time Fourier transform. None for events of a few samples.
    relevance : dict of {str: ndarray of float32}
        For the given and the predicted class, on the grid of the spectrogram, or of shape
        (n_channels, n_samples) where the network sees the waveform. Empty where there is none,
        and `relevance_note` says why.
    conservation_error : dict of {str: float}
        For the same classes, see :func:`layerwise_relevance`.
    neighbors : list of dict
        The most similar other events, nearest first: ``row``, ``event_id``, ``label``,
        ``distance``.
    suspect : bool
        Whether the event is among the suspects.
    relevance_note : str, default=""
        Why there is no relevance.

    See Also
    --------
    LabelReview : Makes them.
    """

    row: int
    event_id: str
    label: str
    predicted: str
    probabilities: dict[str, float]
    doubt: float
    reason: str
    metadata: dict[str, str]
    waveform: np.ndarray
    sampling_rate: float
    components: list[str]
    start_time: str
    frequencies: np.ndarray | None
    times: np.ndarray | None
    spectrogram: np.ndarray | None
    relevance: dict[str, np.ndarray] = field(default_factory=dict)
    conservation_error: dict[str, float] = field(default_factory=dict)
    neighbors: list[dict] = field(default_factory=list)
    suspect: bool = False
    relevance_note: str = ""


def stream_events(review, X, rows, *, relevance, batch_size=_BATCH):
    """Yield a ReviewEvent for each row; only one batch of waveforms is in memory at a time."""
    rate = sampling_rate_of(review)
    for first in range(0, len(rows), batch_size):
        batch = np.asarray(rows[first : first + batch_size], dtype=np.intp)
        events = read_rows(X, batch)
        maps, notes = _relevance(review, events, batch) if relevance else ({}, {})
        waveforms = _filtered(review, events, rate)
        for i, row in enumerate(batch):
            note = notes.get(i, "" if relevance else "not asked for")
            yield _one_event(review, int(row), waveforms[i], rate, maps.get(i), note)


def read_rows(X, rows):
    """Some rows of X as an array, also of waveforms on disk."""
    if hasattr(X, "read"):
        return X.read(rows)
    return np.asarray(X)[rows]


def sampling_rate_of(review):
    """The parameter, else what the classifier or a step of its Pipeline was told."""
    if review.sampling_rate is not None:
        return float(review.sampling_rate)
    rate = getattr(review.X_, "sampling_rate", None) if hasattr(review, "X_") else None
    if rate is not None and np.isfinite(rate):
        return float(rate)
    return next(
        (
            float(step.sampling_rate)
            for step in reversed(pipeline_steps(review.estimator))
            if isinstance(getattr(step, "sampling_rate", None), (int, float))
        ),
        1.0,
    )


def pipeline_steps(estimator):
    """Steps of a Pipeline (of Pipelines), else the estimator alone."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [step for _, one in estimator.steps for step in pipeline_steps(one)]


def _filtered(review, events, rate):
    """(n_events, n_channels, n_samples) float32, as an expert wants to see it."""
    shape = events.shape
    if review.bandpass is not None:
        low, high = review.bandpass
        events = bandpass(np.nan_to_num(events), sampling_rate=rate, low=low, high=high)
    elif isinstance(review.estimator_, Pipeline):
        for _, step in review.estimator_.steps[:-1]:
            if step is None or step == "passthrough":
                continue
            # From the first step on that makes features of waveforms there is nothing to show.
            changed = step.transform(events) if hasattr(step, "transform") else None
            if getattr(changed, "ndim", 0) != len(shape) or len(shape) < 3:
                break
            events = changed
    return np.asarray(events, dtype=np.float32).reshape(shape[0], -1, events.shape[-1])


def _relevance(review, events, rows):
    """What the judge of each event looked at; for those without any, why.

    Returns
    -------
    found : dict of {int: dict}
        By place in the batch: ``relevance``, ``errors`` (by class), ``map``, ``axes``.
    notes : dict of {int: str}
        For the others.
    """
    found: dict[int, dict] = {}
    notes: dict[int, str] = {}
    for judge, places in judges(review, rows):
        try:
            found |= _explained(judge, events[places], places, review, rows[places])
        except (TypeError, ValueError, NotImplementedError) as error:
            notes |= dict.fromkeys(
                places.tolist(), f"no relevance for {type(judge).__name__}: {error}"
            )
    return found, notes


def judges(review, rows):
    """Yield each classifier that judged some of the rows, and their places among `rows`."""
    fold = review.fold_[rows]
    for k in np.unique(fold):
        yield (
            review.estimator_ if k < 0 else review.estimators_[k],
            np.flatnonzero(fold == k),
        )


def _explained(judge, events, places, review, rows):
    from . import layerwise_relevance

    given, predicted = review.labels_[rows], review.predicted_[rows]
    maps = layerwise_relevance(judge, events, target=given)
    axes = None
    if maps.frequencies is not None:
        axes = np.asarray(maps.frequencies), np.asarray(maps.times)
    found = {
        int(place): {
            "relevance": {str(given[i]): maps.relevance[i].astype(np.float32)},
            "errors": {str(given[i]): float(maps.conservation_error[i])},
            "map": maps.maps[i].astype(np.float32),
            "axes": axes,
        }
        for i, place in enumerate(places)
    }
    different = np.flatnonzero(given != predicted)
    if len(different):
        others = layerwise_relevance(judge, events[different], target=predicted[different])
        for k, i in enumerate(different):
            one, label = found[int(places[i])], str(predicted[i])
            one["relevance"][label] = others.relevance[k].astype(np.float32)
            one["errors"][label] = float(others.conservation_error[k])
    return found


def relevance_shares(review, rows, labels, bands=None):
    """In words by row, which bands speak for its label; and, in a set, why some rows have none."""
    from . import layerwise_relevance

    if bands is None:
        edges = 2.0 ** np.arange(0, 1 + np.floor(np.log2(max(2.0, sampling_rate_of(review) / 2))))
        bands = list(zip(edges[:-1], edges[1:]))
    shares: dict[int, str] = {}
    reasons = set()
    for first in range(0, len(rows), _BATCH):
        batch = rows[first : first + _BATCH]
        target = np.asarray(list(labels[first : first + _BATCH]))
        known = np.isin(target, review.classes_)
        if not known.all():
            reasons.add("no relevance for labels that the classifier has not got")
        batch, target = batch[known], target[known]
        for judge, places in judges(review, batch):
            events = read_rows(review._waveforms(), batch[places])
            try:
                maps = layerwise_relevance(judge, events, target=target[places])
                table = maps.band_summary(bands)
            except (TypeError, ValueError, NotImplementedError) as error:
                reasons.add(f"no relevance for {type(judge).__name__}: {error}")
                continue
            for i, part in table.groupby("event"):
                shares[int(batch[places[i]])] = ", ".join(
                    f"{low:g}-{high:g} Hz {share:.2f}"
                    for low, high, share in zip(part["low"], part["high"], part["positive"])
                )
    return shares, reasons


def _one_event(review, row, waveform, rate, explained, note):
    frequencies, times, spectrogram = None, None, None
    if explained is not None and explained["axes"] is not None:
        (frequencies, times), spectrogram = explained["axes"], explained["map"]
    if spectrogram is None and waveform.shape[-1] >= _FEW_SAMPLES:
        frequencies, times, spectrogram = _spectrogram(waveform, rate)
    probabilities = review.probabilities_[row]
    return ReviewEvent(
        row=row,
        event_id=str(review.event_ids_[row]),
        label=str(review.labels_[row]),
        predicted=str(review.predicted_[row]),
        probabilities={
            str(name): float(p)
            for name, p in zip(review.classes_, probabilities)
            if np.isfinite(p)
        },
        doubt=float(review.doubt_[row]),
        reason=review._reason(row),
        metadata=_texts(review.metadata_, row),
        waveform=waveform,
        sampling_rate=rate,
        components=component_names(review, len(waveform)),
        start_time=start_time(review.metadata_, row),
        frequencies=frequencies,
        times=times,
        spectrogram=spectrogram,
        relevance={} if explained is None else explained["relevance"],
        conservation_error={} if explained is None else explained["errors"],
        neighbors=_neighbors(review, row),
        suspect=bool(review.suspect_[row]),
        relevance_note=note,
    )


def _spectrogram(waveform, rate):
    """Magnitudes; frames of a thirtieth of the event, at most `_MAX_FRAMES` of them."""
    n_samples = waveform.shape[-1]
    length = int(2 ** np.round(np.log2(max(8, min(n_samples / 15, 256)))))
    hop = max(1, length // 4, -(-n_samples // _MAX_FRAMES))
    frequencies, times, Z = stft(
        np.nan_to_num(waveform),
        sampling_rate=rate,
        window_length=length / rate,
        hop=hop / rate,
        output="magnitude",
    )
    return frequencies, times, np.asarray(Z, dtype=np.float32)


def component_names(review, n_channels):
    """Letters that were given or that the classifier knows, else numbers."""
    known = review.components
    if known is None:
        steps = pipeline_steps(review.estimator)
        known = next((c for s in steps if (c := getattr(s, "components", None)) is not None), None)
    if known is not None and len(known) == n_channels:
        return [str(name) for name in known]
    if known and n_channels % len(known) == 0:  # stations of a network, one after the other
        n_stations = n_channels // len(known)
        return [f"{name}{i + 1}" for i in range(n_stations) for name in known]
    if n_channels == 3:
        return ["Z", "N", "E"]
    return [f"channel {i}" for i in range(n_channels)] if n_channels > 1 else ["Z"]


def start_time(metadata, row):
    """ISO 8601 with Z, or nothing."""
    if metadata is None or "start_time" not in metadata:
        return ""
    value = metadata["start_time"].iloc[row]
    if is_missing(value):
        return ""
    time = pd.to_datetime(value, utc=True)
    return time.isoformat().replace("+00:00", "Z")


def _texts(metadata, row):
    if metadata is None:
        return {}
    line = metadata.iloc[row]
    return {str(name): as_text(value) for name, value in line.items()}


def _neighbors(review, row):
    found = []
    for other, distance in zip(review.neighbors_[row], review.neighbor_distances_[row]):
        if other >= 0:
            found.append(
                {
                    "row": int(other),
                    "event_id": str(review.event_ids_[other]),
                    "label": str(review.labels_[other]),
                    "distance": float(distance),
                }
            )
    return found
