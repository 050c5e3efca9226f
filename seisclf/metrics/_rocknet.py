"""How RockNet is scored: from functions over time to one class for each record."""

import numpy as np

_SPACING = 100  # samples between peaks, and around a stretch in which P and S are looked for
_SHORTEST = 50  # samples of a stretch that can be an earthquake


def rocknet_association_score(functions, times, *, sampling_rate, threshold=0.5, within=20.0):
    """Class of each network event from the functions of occurrence, by RockNet's rule.

    The largest value of each class is taken within 20 s of the true occurrence, for noise in
    the whole window. The larger one decides if it reaches the threshold, else it is noise; so
    it is if two are equal.

    Parameters
    ----------
    functions : dict of str to array-like of shape (n_events, n_samples)
        As ``predict_functions`` of `RockNetAssociator` returns them: those named
        ``occurrence_<class>`` are used.
    times : array-like of shape (n_events,)
        True occurrence in seconds after the first sample; NaN for noise.
    sampling_rate : float
        In Hz.
    threshold : float, default=0.5
        Least probability of an event.
    within : float, default=20.0
        Seconds on either side of the true occurrence (the sample at its end is left out).

    Returns
    -------
    scores : DataFrame
        A row for each event: ``y_pred``, ``pick`` (s, where the function of this class is
        largest; NaN for noise), and the largest probability of each class.

    Raises
    ------
    ValueError
        If there is no function of occurrence, or shapes do not fit.

    See Also
    --------
    threshold_scan : The same rule at every threshold, from the probabilities.

    Notes
    -----
    The search around the truth makes events easier and noise harder than in a continuous
    record: score detections in a record with :func:`detection_scores`. In the authors' files
    the true time of noise is a left-over of another event; here it is NaN [1]_.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.metrics import rocknet_association_score
    >>> rockfall, earthquake = np.zeros((2, 1, 600))
    >>> rockfall[0, 300], earthquake[0, 320] = 0.8, 0.6
    >>> functions = {"occurrence_rockfall": rockfall, "occurrence_earthquake": earthquake}
    >>> rocknet_association_score(functions, [29.0], sampling_rate=10)
         y_pred  pick  rockfall  earthquake
    0  rockfall  30.0       0.8         0.6
    """
    import pandas as pd

    prefix = "occurrence_"
    classes = [name.removeprefix(prefix) for name in functions if name.startswith(prefix)]
    if not classes:
        raise ValueError(
            f"functions has none named occurrence_<class>; it has {', '.join(functions)}"
        )
    series = np.stack([_series(functions, prefix + name) for name in classes], axis=1)
    n, k, n_samples = series.shape
    times = _seconds(times, n, "times")
    center = np.where(np.isnan(times), 0, np.floor(times * sampling_rate + 0.5))
    reach = np.where(np.isnan(times), np.inf, round(within * sampling_rate))
    i = np.arange(n_samples)
    inside = (i >= (center - reach)[:, None]) & (i < (center + reach)[:, None])
    if not inside.any(axis=1).all():
        raise ValueError("times holds occurrences farther than `within` outside the window")
    searched = np.where(inside[:, None], series, -np.inf)
    largest = searched.max(axis=2)
    winner = largest.argmax(axis=1)
    tie = (largest == largest.max(axis=1, keepdims=True)).sum(axis=1) > 1
    noise = tie | (largest.max(axis=1) < threshold)
    pick = searched[np.arange(n), winner].argmax(axis=1) / sampling_rate
    scores = pd.DataFrame(
        {
            "y_pred": np.where(noise, "noise", np.asarray(classes)[winner]),
            "pick": np.where(noise, np.nan, pick),
        }
    )
    return scores.assign(**dict(zip(classes, largest.T, strict=True)))


def rocknet_station_score(
    functions,
    y_true,
    starts,
    ends,
    *,
    sampling_rate,
    threshold=0.5,
    pick_threshold=0.3,
    flank=0.5,
):
    """Class of each record of one station from functions over time, by RockNet's rules.

    The rule depends on the true class.

    Rockfall
        Mean masks over the labelled stretch with its flanks. Rockfall if its mask reaches the
        threshold and exceeds the earthquake's; else earthquake if that one exceeds, passes the
        threshold somewhere in the record, and the picker (below) finds an event; else noise.
    Earthquake
        Mean masks from P to S, rounded to three decimals. Earthquake if its mask reaches the
        threshold; else rockfall if that one does and exceeds; else noise.
    Anything else
        Rockfall if its mask passes the threshold anywhere in the record; else earthquake if
        the picker finds an event; else noise. Probabilities are the largest mean over a
        stretch above the threshold, and 0 without one.

    The picker takes a stretch of the earthquake mask above the threshold that lasts half a
    second, if a peak of P and one of S lie within a second of it.

    Parameters
    ----------
    functions : dict of str to array-like of shape (n_records, n_samples)
        As ``predict_functions`` of `RockNetClassifier` returns them: P, S, earthquake, rockfall.
    y_true : array-like of shape (n_records,)
        True class: earthquake, rockfall, or anything else.
    starts, ends : array-like of shape (n_records,)
        P and S of earthquakes, start and end of rockfalls, in seconds after the first sample.
        Of other records they are not used, and may be NaN.
    sampling_rate : float
        In Hz. Durations above are those at 100 Hz: 50 and 100 samples.
    threshold : float, default=0.5
        Of masks.
    pick_threshold : float, default=0.3
        Height of peaks of P and S.
    flank : float, default=0.5
        Seconds by which a rockfall's stretch is widened on either side: its label there still
        exceeds 0.1.

    Returns
    -------
    scores : DataFrame
        A row for each record: ``y_pred`` and the probabilities ``earthquake`` and ``rockfall``.

    Raises
    ------
    ValueError
        If a function is missing, shapes do not fit, or an event has no stretch in the window.

    Notes
    -----
    Noise is judged by the whole record, events only where they are labelled, so that a false
    alarm beside an event costs nothing [1]_. The authors' script has three flaws that are not
    repeated here: the class or a probability of an earlier record is left standing in some
    branches (noise whose only rockfall stretch is one sample; noise with an earthquake mask and
    no picks; the probability to which an earthquake in noise is compared); stretches lose
    their last sample; and the threshold of P is used for S as well (which is kept).

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.metrics import rocknet_station_score
    >>> functions = {name: np.zeros((2, 3000)) for name in ("P", "S", "earthquake", "rockfall")}
    >>> functions["rockfall"][0, 900:2100] = 0.9
    >>> rocknet_station_score(
    ...     functions, ["rockfall", "car"], [10.0, np.nan], [20.0, np.nan], sampling_rate=100
    ... )
         y_pred  earthquake  rockfall
    0  rockfall         0.0       0.9
    1     noise         0.0       0.0
    """
    import pandas as pd

    p, s, eq, rf = (_series(functions, name) for name in ("P", "S", "earthquake", "rockfall"))
    n, n_samples = eq.shape
    y_true = np.asarray(y_true)
    if y_true.shape != (n,) or not p.shape == s.shape == rf.shape == eq.shape:
        raise ValueError(
            f"y_true and all functions must have one row for each record; got {y_true.shape}, "
            f"{[x.shape for x in (p, s, eq, rf)]}"
        )
    rockfall, earthquake = y_true == "rockfall", y_true == "earthquake"
    event = rockfall | earthquake
    begin, end = _stretches(starts, ends, event, rockfall, flank, sampling_rate, n_samples)
    eq_mean, rf_mean = (_mean_between(x, begin, end) for x in (eq, rf))
    eq_mean, rf_mean = (np.where(earthquake, np.round(x, 3), x) for x in (eq_mean, rf_mean))
    rf_loud, eq_loud = (_loudest_stretch(x, threshold) for x in (rf, eq))
    rf_somewhere, eq_somewhere = rf_loud > 0, eq_loud > 0
    maybe = (rockfall & eq_somewhere & (eq_mean > rf_mean)) | (
        ~event & ~rf_somewhere & eq_somewhere
    )
    picked = np.zeros(n)
    for row in np.flatnonzero(maybe):
        picked[row] = _picked_mask(eq[row], p[row], s[row], threshold, pick_threshold)
    is_rockfall = np.where(event, (rf_mean >= threshold) & (rf_mean > eq_mean), rf_somewhere)
    is_earthquake = np.where(earthquake, eq_mean >= threshold, picked > 0)
    # Which of the two is asked first.
    is_rockfall &= ~(earthquake & is_earthquake)
    classes = np.select([is_rockfall, is_earthquake], ["rockfall", "earthquake"], "noise")
    return pd.DataFrame(
        {
            "y_pred": classes,
            "earthquake": np.where(event, eq_mean, picked),
            "rockfall": np.where(event, rf_mean, rf_loud),
        }
    )


def _series(functions, name):
    if name not in functions:
        raise ValueError(f"functions has no {name!r}; it has {', '.join(functions)}")
    series = np.asarray(functions[name], dtype=float)
    if series.ndim != 2:
        raise ValueError(
            f"functions[{name!r}] must have shape (n_events, n_samples); got {series.shape}"
        )
    return series


def _seconds(values, n, name):
    values = np.asarray(values, dtype=float)
    if values.shape != (n,):
        raise ValueError(f"{name} must have one entry for each of {n} events; got {values.shape}")
    return values


def _stretches(starts, ends, event, rockfall, flank, sampling_rate, n_samples):
    """First sample of each labelled stretch and the one after it; of noise 0 and 1."""
    starts, ends = _seconds(starts, len(event), "starts"), _seconds(ends, len(event), "ends")
    wider = np.where(rockfall, round(flank * sampling_rate), 0)
    begin, end = (np.where(event, np.floor(x * sampling_rate + 0.5), 0) for x in (starts, ends))
    begin, end = np.clip(begin - wider, 0, None), np.clip(end + wider, None, n_samples)
    wrong = event & ~(begin < end)
    if wrong.any():
        raise ValueError(
            f"{int(wrong.sum())} events have no labelled stretch in the window, the first in "
            f"row {int(np.argmax(wrong))}: starts and ends must be known and in order"
        )
    begin, end = np.where(event, begin, 0), np.where(event, end, 1)
    return begin.astype(int), end.astype(int)


def _mean_between(series, begin, end):
    total, rows = _cumulative(series), np.arange(len(series))
    return (total[rows, end] - total[rows, begin]) / (end - begin)


def _cumulative(series):
    return np.concatenate([np.zeros((len(series), 1)), np.cumsum(series, axis=1)], axis=1)


def _runs(above):
    """Row, first sample and the one after the last of each run, of a boolean array."""
    padded = np.zeros((len(above), above.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = above
    change = np.diff(padded, axis=1)
    row, first = np.nonzero(change == 1)
    return row, first, np.nonzero(change == -1)[1]


def _loudest_stretch(series, threshold):
    """Largest mean over a run above the threshold in each row; 0 without a run."""
    row, first, stop = _runs(series > threshold)
    total = _cumulative(series)
    loudest = np.zeros(len(series))
    np.maximum.at(loudest, row, (total[row, stop] - total[row, first]) / (stop - first))
    return loudest


def _picked_mask(mask, p, s, threshold, pick_threshold):
    """Largest mean of the stretches of the mask that have a P and an S; 0 without one."""
    from scipy.signal import find_peaks

    peaks = [find_peaks(x, height=pick_threshold, distance=_SPACING)[0] for x in (p, s)]
    best = 0.0
    for first, stop in zip(*_runs((mask > threshold)[np.newaxis])[1:], strict=True):
        near = [np.any((x >= first - _SPACING) & (x < stop - 1 + _SPACING)) for x in peaks]
        if stop - 1 - first >= _SHORTEST and all(near):
            best = max(best, float(mask[first:stop].mean()))
    return best
