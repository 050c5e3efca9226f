"""From decisions to a corrected catalogue that says who changed what, when and why."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ._agreement import consensus_of, votes_of
from ._decisions import check_decisions
from ._noise_near_events import noise_near_events
from ._texts import as_text

_DROP = "(drop)"
_PROVENANCE = {
    "old_label": "",
    "new_label": "",
    "action": "",
    "expert": "",
    "time": "",
    "note": "",
    "n_experts": 0,
    "agreement": np.nan,
    "votes": "",
    "model": "",
    "relevance": "",
}


@dataclass
class Correction:
    """A corrected catalogue and how it came about.

    Parameters
    ----------
    catalog : DataFrame
        The catalogue with corrected labels, without the dropped rows; its index is that of the
        rows before. Further columns: ``row``, ``verified`` (an expert has settled the label), and
        the provenance of decided rows: ``old_label``, ``new_label``, ``action``, ``expert``
        (those who say so, separated by ", "), ``time`` (UTC of the last decision), ``note``,
        ``n_experts``, ``agreement`` (share of the confidence that the label has), ``votes`` (of
        all experts, as text), ``model``, ``relevance``. In a catalogue that was corrected before,
        rows without a new decision keep theirs; columns of its own with one of these names are
        kept under another, and `notes` says which.
    changes : DataFrame
        Rows with a new label: ``row``, ``event_id`` and the provenance.
    dropped : DataFrame
        ``row``, ``event_id``, ``label``, ``reason``.
    unresolved : DataFrame
        Rows on which no decision was reached ("unsure", or a tie of experts) and that stay as
        they were: ``row``, ``event_id``, ``label``, ``reason``, ``votes``.
    unmatched : DataFrame
        Decisions that were not applied, with the ``reason``.
    before_after : DataFrame or None
        Recall, precision and F1 of each class and their mean over classes ("macro average"),
        and ``n``, of the classifier's out-of-fold predictions against the labels before and
        after. None where no predictions are known.
    confusion_before, confusion_after : DataFrame or None
        Labels (rows) against predictions (columns).
    labels : ndarray of shape (n_rows,)
        Corrected labels of all rows of the catalogue that came, dropped ones included; of the
        type that came, where the new ones can be.
    kept : ndarray of bool of shape (n_rows,)
        False for dropped rows.
    verified : ndarray of int
        Rows whose label an expert has settled ("keep" or "change") and that were not dropped:
        what to go on training with.
    notes : list of str
        What could not be checked.
    """

    catalog: pd.DataFrame
    changes: pd.DataFrame
    dropped: pd.DataFrame
    unresolved: pd.DataFrame
    unmatched: pd.DataFrame
    before_after: pd.DataFrame | None
    confusion_before: pd.DataFrame | None
    confusion_after: pd.DataFrame | None
    labels: np.ndarray
    kept: np.ndarray
    verified: np.ndarray
    notes: list[str]

    def __str__(self):
        """A few lines for a protocol."""
        lines = [
            f"{len(self.kept)} rows before, {int(self.kept.sum())} after: "
            f"{len(self.changes)} labels changed, {len(self.verified)} verified, "
            f"{len(self.dropped)} dropped, {len(self.unresolved)} unresolved, "
            f"{len(self.unmatched)} decisions not applied"
        ]
        if self.before_after is not None:
            before, after = self.before_after.loc["macro average", ["f1_before", "f1_after"]]
            lines.append(f"macro-F1 against the labels: {before:.3f} before, {after:.3f} after")
        return "\n".join(lines + self.notes)


def apply_decisions(
    catalog,
    decisions,
    *,
    label="label",
    noise="noise",
    noise_distance=30.0,
    predicted=None,
    model="",
    relevance=None,
):
    """Correct a catalogue by what experts decided.

    A decision belongs to the row with its ``event_id``; of several rows with this id to the one
    that has its ``row`` (or to all of them if it names none); without an id to row number
    ``row``. The last decision of each expert counts. Where experts differ, the label with the
    larger sum of confidences wins; in a tie the label stays as it was. Afterwards noise within
    `noise_distance` of an event of the same station is dropped, as such windows hold the event's
    coda [1]_; noise that an expert has verified stays.

    Parameters
    ----------
    catalog : DataFrame
        One line per event. Used are ``event_id``, ``station``, ``start_time``, ``end_time`` and
        the labels. Not changed.
    decisions : DataFrame, list of dict, path or list of paths
        As :func:`read_decisions` gives or reads them.
    label : str, default="label"
        Column with the labels.
    noise : str or list of str, default="noise"
        Labels that are no events.
    noise_distance : float or None, default=30.0
        Seconds between the windows of noise and event (where ``end_time`` is not known, between
        their starts) up to which noise is dropped. None drops none.
    predicted : array-like of shape (n_rows,), optional
        Out-of-fold predictions of a classifier, for the comparison before and after.
    model : str, default=""
        What the experts looked at, for the provenance.
    relevance : dict of {int: str}, optional
        Summary of relevance by row, for the provenance.

    Returns
    -------
    correction : Correction
        The corrected catalogue, the changes, and what was not applied.

    Raises
    ------
    ValueError
        If the catalogue has no labels, or decisions cannot be understood.

    See Also
    --------
    LabelReview.apply_decisions : With predictions and relevance of a review.

    References
    ----------
    .. [1] See the :ref:`User Guide <label_review>`.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.inspection import apply_decisions
    >>> catalog = pd.DataFrame({"event_id": ["a", "b"], "label": ["quake", "noise"]})
    >>> decision = {"event_id": "a", "old_label": "quake", "new_label": "rockfall"}
    >>> correction = apply_decisions(catalog, [decision | {"expert": "ada"}])
    >>> correction.catalog[["event_id", "label", "old_label", "expert"]]
      event_id     label old_label expert
    0        a  rockfall     quake    ada
    1        b     noise
    """
    catalog = pd.DataFrame(catalog)
    if label not in catalog:
        raise ValueError(
            f"catalog has no column {label!r} with labels; it has {list(catalog.columns)}: name "
            f"the right one, apply_decisions(catalog, decisions, label=...)"
        )
    if noise_distance is not None and not noise_distance >= 0:
        raise ValueError(f"noise_distance must be at least 0 s, or None; got {noise_distance!r}")
    table, notes = _without_clashes(catalog.reset_index(drop=True))
    old = table[label].to_numpy(dtype=object)
    ids = _ids(table)
    matched, unmatched = _match(check_decisions(decisions), ids, _texts(old))
    state = _State(table, old, ids, model, relevance or {})
    for row, group in matched.groupby("row", sort=True):
        state.settle(int(row), group)
    noises = [noise] if isinstance(noise, str) else list(noise)
    notes += state.drop_noise(noises, noise_distance)
    kept = ~state.out
    corrected = state.catalog(label).set_axis(catalog.index, axis=0)
    labels = corrected[label].to_numpy()
    scores = _scores(old, state.labels, kept, predicted)
    return Correction(
        catalog=corrected[kept],
        changes=state.changes(),
        dropped=_frame(state.dropped, ["row", "event_id", "label", "reason"]),
        unresolved=_frame(state.unresolved, ["row", "event_id", "label", "reason", "votes"]),
        unmatched=unmatched,
        before_after=scores[0],
        confusion_before=scores[1],
        confusion_after=scores[2],
        labels=labels,
        kept=kept,
        verified=np.flatnonzero(state.verified & kept),
        notes=notes,
    )


class _State:
    """Labels and provenance while decisions are applied row by row."""

    def __init__(self, table, labels, ids, model, relevance):
        self.table, self.ids, self.model, self.relevance = table, ids, model, relevance
        self.labels = labels.copy()
        self.by_text = {as_text(value): value for value in pd.unique(labels)}
        self.verified = np.zeros(len(labels), dtype=bool)
        self.verified_before = _verified_before(table)
        self.out = np.zeros(len(labels), dtype=bool)
        self.provenance = {}
        self.dropped, self.unresolved = [], []

    def settle(self, row, group):
        """Agree on one row by what its experts say."""
        # On two pages an event may have two numbers: the last word counts all the same.
        group = group.drop_duplicates("expert", keep="last")
        votes = votes_of(group.assign(event_id=self.ids[row]))
        old = self.labels[row]
        facts = {
            "old_label": as_text(old),
            "new_label": as_text(old),
            "action": "unsure",
            "expert": _names(group["expert"]),
            "time": _iso(group["time"].max()),
            "note": "; ".join(dict.fromkeys(n for n in group["note"] if n)),
            "n_experts": int(group["expert"].nunique()),
            "agreement": np.nan,
            "votes": "",
            "model": self.model,
            "relevance": self.relevance.get(row, ""),
        }
        self.provenance[row] = facts
        if not len(votes):
            self._leave(row, "no expert is sure", "")
            return
        consensus = consensus_of(votes).iloc[0]
        facts |= {"agreement": float(consensus["share"]), "votes": consensus["votes"]}
        if not consensus["tie"]:
            won = votes[votes["vote"] == consensus["label"]]
            facts["expert"] = _names(won["expert"])
        if consensus["tie"]:
            facts["action"] = "tie"
            self._leave(row, "experts disagree and none outweighs the other", consensus["votes"])
        elif consensus["label"] == _DROP:
            facts["action"] = "drop"
            self._drop(row, f"dropped by {facts['expert'] or 'an expert'}")
        else:
            new = self.by_text.get(consensus["label"], consensus["label"])
            facts["new_label"] = as_text(new)
            facts["action"] = "keep" if as_text(new) == as_text(old) else "change"
            self.labels[row] = new
            self.verified[row] = True

    def drop_noise(self, noise, seconds):
        if seconds is None:
            return []
        rows = np.flatnonzero(~self.out)
        found, notes = noise_near_events(
            self.table.iloc[rows], _texts(self.labels[rows]), noise, seconds
        )
        for near, event, gap in found:
            row, event = rows[near], rows[event]
            if not self.all_verified()[row]:
                where = "overlaps with" if gap == 0 else f"{gap:.1f} s from"
                self._drop(int(row), f"noise {where} {self.labels[event]} {self.ids[event]}")
        return notes

    def _leave(self, row, why, votes):
        line = (row, self.ids[row], self.labels[row], why, votes)
        self.unresolved.append(line)

    def _drop(self, row, why):
        self.out[row] = True
        self.dropped.append((row, self.ids[row], self.labels[row], why))

    def catalog(self, label):
        catalog = self.table.copy()
        catalog[label] = _of_type(self.labels, catalog[label])
        catalog["row"] = np.arange(len(catalog))
        catalog["verified"] = self.all_verified()
        for name, empty in _PROVENANCE.items():
            before = _provenance_before(self.table, name, empty)
            catalog[name] = [
                self.provenance[row][name] if row in self.provenance else before[row]
                for row in range(len(catalog))
            ]
        return catalog

    def all_verified(self):
        """Also what was settled in an earlier session and not decided again."""
        again = np.isin(np.arange(len(self.labels)), list(self.provenance))
        return np.where(again, self.verified, self.verified_before)

    def changes(self):
        lines = [
            {"row": row, "event_id": self.ids[row], **facts}
            for row, facts in sorted(self.provenance.items())
            if facts["action"] == "change"
        ]
        return pd.DataFrame(lines, columns=["row", "event_id", *_PROVENANCE])


def _corrected_before(table):
    return {*_PROVENANCE, "verified"} <= set(table)


def _without_clashes(table):
    """The table with columns of its own moved out of the way of the provenance; notes."""
    names = [name for name in ("row", "verified", *_PROVENANCE) if name in table]
    if _corrected_before(table) or not names:
        return table, []
    moved = {}
    for name in names:
        moved[name] = name + "_before"
        while moved[name] in table:
            moved[name] += "_before"
    words = ", ".join(f"{name} as {new}" for name, new in moved.items())
    return table.rename(columns=moved), [f"columns of the catalogue kept by another name: {words}"]


def _verified_before(table):
    if not _corrected_before(table):
        return np.zeros(len(table), dtype=bool)
    return np.array([as_text(value).lower() == "true" for value in table["verified"]], dtype=bool)


def _provenance_before(table, name, empty):
    """Entries of an earlier correction, also where empty ones were lost in a file."""
    if not _corrected_before(table):
        return [empty] * len(table)
    return [empty if as_text(value) == "" else value for value in table[name]]


def _of_type(labels, column):
    """Labels as a column of the same type, if they fit in; else as they are."""
    labels = pd.Series(labels, dtype=object)
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        new = [value for value in labels.dropna().unique() if value not in dtype.categories]
        return labels.astype(pd.CategoricalDtype([*dtype.categories, *new], dtype.ordered))
    if dtype.kind == "b" and not labels.isin([True, False]).all():
        return labels
    try:
        return labels.astype(dtype)
    except (TypeError, ValueError):
        return labels


def _texts(values):
    return np.array([as_text(value) for value in values], dtype=object)


def _ids(table):
    if "event_id" not in table:
        return np.arange(len(table)).astype(str).astype(object)
    names = [as_text(name) or str(row) for row, name in enumerate(table["event_id"])]
    return np.array(names, dtype=object)


def _match(decisions, ids, labels):
    """Decisions with the rows of the catalogue they belong to, and those without."""
    by_id = pd.Series(np.arange(len(ids))).groupby(ids).agg(list).to_dict()
    matched, unmatched = [], []
    for _, decision in decisions.iterrows():
        rows, why = _rows_of(decision, by_id, len(ids))
        stale = [r for r in rows if labels[r] != decision["old_label"]]
        stale = [r for r in stale if labels[r] != decision["new_label"]]
        if not why and stale:
            rows = [r for r in rows if r not in stale]
            why = (
                f"the label of row {stale[0]} is {labels[stale[0]]}, the decision was about "
                f"{decision['old_label'] or 'none'}"
            )
        matched += [decision.to_dict() | {"row": row} for row in rows]
        if why:
            unmatched.append(decision.to_dict() | {"reason": why})
    columns = list(decisions.columns)
    return _typed(matched, columns), _frame(unmatched, [*columns, "reason"])


def _rows_of(decision, by_id, n):
    name, row = decision["event_id"], decision["row"]
    numbered = not pd.isna(row)
    if name:
        rows = by_id.get(name, [])
        if not rows:
            return [], f"the catalogue has no event {name}"
        if len(rows) == 1 or not numbered:
            return rows, ""
        if int(row) in rows:
            return [int(row)], ""
        return [], f"event {name} has the rows {rows}, not {int(row)}"
    if 0 <= row < n:
        return [int(row)], ""
    return [], f"the catalogue has {n} rows, no row {row}"


def _typed(lines, columns):
    frame = pd.DataFrame(lines, columns=columns)
    frame["row"] = frame["row"].astype("Int64")
    return frame


def _frame(lines, columns):
    return pd.DataFrame(lines, columns=columns)


def _names(experts):
    return ", ".join(sorted({name for name in experts if name}))


def _iso(time):
    return "" if pd.isna(time) else time.isoformat().replace("+00:00", "Z")


def _scores(old, new, kept, predicted):
    if predicted is None:
        return None, None, None
    predicted = np.asarray(predicted, dtype=object).astype(str)
    if len(predicted) != len(old):
        raise ValueError(f"predicted has {len(predicted)} rows, the catalogue {len(old)}")
    old, new = _texts(old).astype(str), _texts(new).astype(str)
    classes = np.unique(np.concatenate([old, new[kept], predicted]))
    parts = [(old, predicted, "before"), (new[kept], predicted[kept], "after")]
    tables, matrices = [], []
    for y, y_predicted, when in parts:
        numbers = precision_recall_fscore_support(
            y, y_predicted, labels=classes, zero_division=np.nan
        )
        table = pd.DataFrame(
            dict(zip(("precision", "recall", "f1", "n"), numbers)), index=list(classes)
        )
        present = table[table["n"] > 0]
        table.loc["macro average"] = [*present[["precision", "recall", "f1"]].mean(), len(y)]
        tables.append(table.add_suffix(f"_{when}"))
        matrix = confusion_matrix(y, y_predicted, labels=classes)
        matrices.append(pd.DataFrame(matrix, index=classes, columns=classes))
    both = pd.concat(tables, axis=1)
    order = [
        f"{name}_{w}" for name in ("recall", "precision", "f1", "n") for w in ("before", "after")
    ]
    both = both[order].astype({"n_before": int, "n_after": int}).rename_axis("label")
    for matrix in matrices:
        matrix.index.name, matrix.columns.name = "label", "predicted"
    return both, *matrices
