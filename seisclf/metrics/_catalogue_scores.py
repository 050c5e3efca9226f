"""A catalogue of detections against a known one, over the time that was recorded."""

import numpy as np

from seisclf.utils import check_seed

from ._coverage import DAY, stretches
from ._matching import _as_frame, _times_and_classes, match_events

_BLOCKS = {"day": DAY, "hour": 3600.0}
_COUNTS = ("known", "not_recorded", "detected", "matched")
# Delays of which medians of draws are taken.
_MOST_VALUES = 2000
# Lines of the table beside the classes.
MACRO, ALL, ANY = "macro", "all", "any class"


def catalogue_scores(
    detected,
    known,
    *,
    tolerance=None,
    min_overlap=None,
    coverage=None,
    min_stations=1,
    classes=None,
    noise="noise",
    wait=0.0,
    by="day",
    n_bootstrap=1000,
    level=0.95,
    random_state=0,
    onset="onset",
    end="end",
    label="class",
):
    """Precision, recall, false alarms a day and delays, with intervals, over recorded time.

    Detections and known events are paired one to one by an optimal assignment, see
    :func:`match_events`. A known event whose onset nobody recorded is no miss: it is counted as
    ``not_recorded``, and a detection that is paired with it is neither right nor wrong.

    Intervals are percentile bootstraps of whole days, drawn with replacement: events of a day are
    alike, because of weather, swarms or a faulty station. A pair belongs to the day of the known
    event, a false alarm to that of its own onset.

    Parameters
    ----------
    detected : Detections or DataFrame
        What was found.
    known : DataFrame or Detections
        The catalogue.
    tolerance : float, optional
        Largest difference of the onsets of a pair in seconds, itself included.
    min_overlap : float, optional
        Smallest overlap of a pair (0 to 1), see :func:`match_events`. Instead of `tolerance`, or
        as a second condition.
    coverage : DataFrame, optional
        When there was a record: columns ``start`` and ``end``, and perhaps ``station`` and
        ``covered`` (share that holds data). Default: what `detected` says of it.
    min_stations : int, default=1
        Time counts as recorded where so many stations did, those that an event needs.
    classes : sequence, optional
        Classes to score, in this order; others are left out of both tables. Default: all that
        occur, sorted.
    noise : str, default="noise"
        Label of what is no event; such rows are left out.
    wait : float, default=0.0
        Seconds of record after its end that a detector needs before a detection is final, such as
        ``StreamingDetector.latency``.
    by : {"day", "hour"} or float, default="day"
        What is drawn, or its seconds. Hours of a day are more alike than days.
    n_bootstrap : int, default=1000
        Number of resamples; 0 for no intervals.
    level : float, default=0.95
        Probability that the intervals are to have.
    random_state : int, RandomState, Generator or None, default=0
        Fixes the resamples.
    onset, end, label : str, default="onset", "end", "class"
        Names of the columns of both tables. Ends are needed for the overlap only; without those
        of the detections there is no latency.

    Returns
    -------
    scores : DataFrame
        A line for each class (pairs of this class), then "macro" (mean over classes), "all"
        (pairs of the same class, all classes together) and "any class" (pairs whatever their
        classes). Columns ``known`` (recorded), ``not_recorded``, ``detected``, ``matched``, and
        each with ``_low`` and ``_high``: ``precision``, ``recall``, ``f1``, ``false_per_day``
        (detections without a partner, by recorded time), ``delay`` (median of detected minus
        known onset, s) and ``latency`` (median from the known onset until the detection is final,
        s). What is undefined is NaN: ratios of nothing, intervals of fewer than two days.
        ``scores.attrs`` has ``recorded_days`` and ``blocks``, the number of days that were drawn
        from.

    Raises
    ------
    ValueError
        If it is not known what was recorded, classes are missing, a parameter is out of range, or
        the tables cannot be matched.

    See Also
    --------
    detection_scores : The same without coverage and intervals.
    catalogue_confusion_matrix : Which class was taken for which.

    Notes
    -----
    Means over classes: precision over those that were detected, recall over those that are known,
    F1 over those that are either; false alarms a day are added up, and delays of all classes are
    taken together.

    References
    ----------
    .. [1] Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application.
       Section 3.8. Cambridge University Press.

    Examples
    --------
    Two days with a gap in which an event happened:

    >>> import pandas as pd
    >>> from seisclf.metrics import catalogue_scores
    >>> day = 86400.0
    >>> known = pd.DataFrame({"onset": [100.0, 5000.0, day + 50.0], "class": "rockfall"})
    >>> found = pd.DataFrame({"onset": [100.5, 300.0, day + 51.0], "class": "rockfall"})
    >>> recorded = pd.DataFrame({"start": [0.0, 6000.0], "end": [4000.0, 2 * day]})
    >>> scores = catalogue_scores(found, known, tolerance=2.0, coverage=recorded)
    >>> scores.loc["rockfall", ["known", "not_recorded", "precision", "recall"]]
    known           2.000000
    not_recorded    1.000000
    precision       0.666667
    recall          1.000000
    Name: rockfall, dtype: float64
    """
    import pandas as pd

    length = block_length(by)
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level!r}")
    recorded = stretches(_coverage_of(detected, coverage), min_stations)
    found, truth = (
        _events(table, name, label, classes, noise)
        for table, name in ((detected, "detected"), (known, "known"))
    )
    names = {"onset": onset, "end": end, "label": label}
    labels = list(classes) if classes is not None else _sorted({*found[label], *truth[label]})
    t_found = _times_and_classes(found, onset, label, "detected")[0]
    t_truth = _times_and_classes(truth, onset, label, "known")[0]
    ready = None
    if end in found:
        ready = _times_and_classes(found, end, label, "detected")[0] + wait
    there = recorded.contain(t_truth)
    tally = _Tally(recorded, length, t_found, t_truth)
    lines = {}
    for same in (True, False):
        pairs = match_events(
            found, truth, tolerance=tolerance, min_overlap=min_overlap, same_class=same, **names
        )
        outcome = _Outcome(pairs, there, len(found), t_found, t_truth, ready)
        if same:
            for name in labels:
                own = (found[label] == name).to_numpy(), (truth[label] == name).to_numpy()
                lines[name] = tally.of(outcome, *own)
        everything = np.ones(len(found), dtype=bool), np.ones(len(truth), dtype=bool)
        lines[ALL if same else ANY] = tally.of(outcome, *everything)
    rng = np.random.default_rng(check_seed(random_state))
    draws = tally.draws(n_bootstrap, rng)
    quantiles = (1 - level) / 2, (1 + level) / 2
    scored = {name: tally.scores(line, draws) for name, line in lines.items()}
    scored[MACRO] = _macro([scored[name] for name in labels], scored[ALL])
    rows = {
        name: _row(scored[name], quantiles)
        for name in (*labels, MACRO, ALL, ANY)
        if name in scored
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("class")
    table[list(_COUNTS)] = table[list(_COUNTS)].astype(int)
    if ready is None:
        table = table.drop(columns=[name for name in table if name.startswith("latency")])
    table.attrs = {"recorded_days": float(tally.seconds.sum() / DAY), "blocks": tally.n_blocks}
    return table


def block_length(by):
    """Seconds of a block, of its name."""
    seconds = _BLOCKS.get(by, by) if isinstance(by, str) else by
    if isinstance(seconds, str) or not seconds > 0:
        raise ValueError(f"by must be 'day', 'hour' or a number of seconds; got {by!r}")
    return float(seconds)


def counts_by_block(detected, known, *, classes, coverage, min_stations, by, noise, **conditions):
    """Counts of each class in each block of time, for choices between thresholds.

    Parameters
    ----------
    detected, known, classes, coverage, min_stations, by, noise
        See :func:`catalogue_scores`.
    **conditions
        ``tolerance`` and ``min_overlap``.

    Returns
    -------
    counts : DataFrame
        Index ``class`` and ``block``; columns ``matched``, ``detected``, ``known``.
    seconds : Series
        Recorded seconds of each block.
    """
    import pandas as pd

    recorded = stretches(_coverage_of(detected, coverage), min_stations)
    found, truth = (
        _events(table, name, "class", classes, noise)
        for table, name in ((detected, "detected"), (known, "known"))
    )
    t_found = _times_and_classes(found, "onset", "class", "detected")[0]
    t_truth = _times_and_classes(truth, "onset", "class", "known")[0]
    pairs = match_events(found, truth, same_class=True, **conditions)
    outcome = _Outcome(pairs, recorded.contain(t_truth), len(found), t_found, t_truth, None)
    tally = _Tally(recorded, block_length(by), t_found, t_truth)
    parts = {}
    for name in classes:
        own = (found["class"] == name).to_numpy(), (truth["class"] == name).to_numpy()
        parts[name] = pd.DataFrame(
            tally.of(outcome, *own)["counts"],
            index=pd.Index(tally.blocks, name="block"),
            columns=["matched", "detected", "known"],
        )
    seconds = pd.Series(tally.seconds, index=pd.Index(tally.blocks, name="block"))
    return pd.concat(parts, names=["class"]), seconds


class _Outcome:
    """What became of each detection and each known event."""

    def __init__(self, pairs, there, n_found, t_found, t_truth, ready):
        i, j = pairs["detected"].to_numpy(dtype=int), pairs["known"].to_numpy(dtype=int)
        self.there = there
        # Whoever found what nobody recorded, at the edge of a gap, is neither right nor wrong.
        self.counts = np.ones(n_found, dtype=bool)
        self.counts[i[~there[j]]] = False
        i, j = i[there[j]], j[there[j]]
        self.i, self.j = i, j
        self.delay = t_found[i] - t_truth[j]
        self.latency = np.full(len(i), np.nan) if ready is None else ready[i] - t_truth[j]


class _Tally:
    """Counts by block of time, and scores of blocks that were drawn."""

    def __init__(self, recorded, length, t_found, t_truth):
        blocks, seconds = recorded.seconds_by_block(length)
        self.of_found = np.floor(t_found / length).astype(int)
        self.of_truth = np.floor(t_truth / length).astype(int)
        there = self.of_truth[recorded.contain(t_truth)]
        # A refined onset may lie just before the first block.
        self.blocks = np.unique(np.concatenate([blocks, self.of_found, there]))
        self.seconds = np.zeros(len(self.blocks))
        self.seconds[np.searchsorted(self.blocks, blocks)] = seconds
        self.n_blocks = len(self.blocks)

    def of(self, outcome, found, truth):
        """Counts (n_blocks, 3) of matched, detected, known; and delays with their blocks."""
        pair = found[outcome.i] & truth[outcome.j]
        matched = self._place(self.of_truth[outcome.j[pair]])
        known = self._place(self.of_truth[truth & outcome.there])
        wrong = found & outcome.counts
        wrong[outcome.i] = False
        false = self._place(self.of_found[wrong])
        counts = [self._count(place) for place in (matched, false, known)]
        counts[1] = counts[1] + counts[0]
        return {
            "counts": np.stack(counts, axis=1),
            "not_recorded": int((truth & ~outcome.there).sum()),
            "block": matched,
            "delay": outcome.delay[pair],
            "latency": outcome.latency[pair],
        }

    def draws(self, n_bootstrap, rng):
        """How often each block is drawn, (n_draws, n_blocks); the first line is all once."""
        once = np.ones((1, self.n_blocks))
        if self.n_blocks < 2 or n_bootstrap == 0:
            return once
        share = np.full(self.n_blocks, 1 / self.n_blocks)
        return np.concatenate([once, rng.multinomial(self.n_blocks, share, size=n_bootstrap)])

    def scores(self, line, draws):
        """Scores of all draws, each an ndarray of shape (n_draws,)."""
        matched, detected, known = (draws @ line["counts"]).T
        days = draws @ self.seconds / DAY
        return {
            "known": known[0],
            "not_recorded": line["not_recorded"],
            "detected": detected[0],
            "matched": matched[0],
            "precision": _ratio(matched, detected),
            "recall": _ratio(matched, known),
            "f1": _ratio(2 * matched, known + detected),
            "false_per_day": _ratio(detected - matched, days),
            "delay": _medians(line["delay"], line["block"], draws),
            "latency": _medians(line["latency"], line["block"], draws),
        }

    def _place(self, blocks):
        return np.searchsorted(self.blocks, blocks)

    def _count(self, place):
        return np.bincount(place, minlength=self.n_blocks)


def _medians(values, block, draws):
    """Median of the values of the blocks that were drawn, for each draw.

    Of very many values neighbours are taken for one: the medians of draws are then right to a
    two-thousandth of the values. The first draw, all blocks once, is exact.
    """
    result = np.full(len(draws), np.nan)
    if not len(values):
        return result
    order = np.argsort(values, kind="stable")
    values, block = values[order], block[order]
    n_groups = min(len(values), _MOST_VALUES)
    group = np.arange(len(values)) * n_groups // len(values)
    middle = values[np.searchsorted(group, np.arange(n_groups)) + np.bincount(group) // 2]
    counts = np.zeros((draws.shape[1], n_groups))
    np.add.at(counts, (block, group), 1)
    for first in range(0, len(draws), 256):  # all draws at once may not fit memory
        heights = np.cumsum(draws[first : first + 256] @ counts, axis=1)
        total = heights[:, -1]
        # The mean of the two in the middle, which are one where their number is odd.
        low = (heights >= ((total + 1) // 2)[:, None]).argmax(axis=1)
        high = (heights >= (total // 2 + 1)[:, None]).argmax(axis=1)
        both = (middle[low] + middle[high]) / 2
        result[first : first + 256] = np.where(total > 0, both, np.nan)
    result[0] = np.median(values)
    return result


def _macro(classes, everything):
    """Means over the classes for which a score is defined."""
    if not classes:
        return everything
    macro = dict(everything)
    for name in ("precision", "recall", "f1"):
        values = np.stack([scores[name] for scores in classes])
        number = (~np.isnan(values)).sum(axis=0)
        macro[name] = _ratio(np.nansum(values, axis=0), number)
    return macro


def _row(scores, quantiles):
    row = {name: scores[name] for name in _COUNTS}
    for name in ("precision", "recall", "f1", "false_per_day", "delay", "latency"):
        first, drawn = scores[name][0], scores[name][1:]
        drawn = drawn[~np.isnan(drawn)]
        low, high = np.quantile(drawn, quantiles) if len(drawn) else (np.nan, np.nan)
        row |= {name: first, f"{name}_low": low, f"{name}_high": high}
    return row


def _ratio(top, bottom):
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=np.asarray(bottom) > 0)


def _events(table, name, label, classes, noise):
    import pandas as pd

    frame = _as_frame(table)
    if not isinstance(frame, pd.DataFrame) or label not in frame:
        raise ValueError(
            f"{name} must be a table with a column {label!r}, its classes; got "
            f"{type(table).__name__}. Pass label=<name> if it has another name."
        )
    if frame[label].isna().any():
        raise ValueError(f"{int(frame[label].isna().sum())} events in {name} have no class.")
    frame = frame[frame[label] != noise]
    if classes is not None:
        frame = frame[frame[label].isin(list(classes))]
    return frame.reset_index(drop=True)


def _coverage_of(detected, coverage):
    if coverage is None and hasattr(detected, "coverage_spans"):
        coverage = detected.coverage_spans()
        coverage = coverage if len(coverage) else None
    if coverage is None:
        raise ValueError(
            "it is not known when there was a record, without which neither misses nor false "
            "alarms a day can be counted: pass coverage=, a table of start and end"
        )
    return coverage


def _sorted(labels):
    return sorted(labels, key=lambda name: (str(type(name)), name))
