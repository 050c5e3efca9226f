"""Look at the folds before anything is trained on them."""

from html import escape

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import type_of_target

from ._base import number_of_rows
from ._inputs import resolve_folds
from ._leakage import check_leakage


class FoldPlan:
    """Rows of each fold, counted by class and group. Made by :func:`plan_folds`.

    Parameters
    ----------
    splits : list of (train, test)
        Row numbers of each fold.
    y : ndarray of shape (n_events,) or None
        Classes; None or continuous values count as one class.
    metadata : DataFrame of n_events rows or None
        What is known of the rows.
    groups : ndarray of shape (n_events,) or None
        What the folds were cut along.
    group_name : str
        What the groups are, for people.
    cv_name : str
        The splitter, for people.
    n_rows : int, optional
        Number of rows; needed if `y` is None.

    Attributes
    ----------
    splits : list of (train, test)
        As given.
    counts : DataFrame
        Tidy: fold, part ("train", "test", "unused"), class, rows, events (where known), groups.
    classes : list
        All classes.
    """

    def __init__(self, splits, y, *, metadata, groups, group_name, cv_name, n_rows=None):
        self.splits = [(np.asarray(train), np.asarray(test)) for train, test in splits]
        self.metadata = metadata
        self.groups = groups
        self.group_name = group_name
        self.cv_name = cv_name
        self._labels = _as_classes(y, len(y) if n_rows is None else n_rows)
        self.classes = sorted(pd.unique(self._labels).tolist())
        self.counts = self._count()

    @property
    def n_splits(self):
        """Number of folds."""
        return len(self.splits)

    @property
    def parts(self):
        """ndarray of str of shape (n_folds, n_events): "train", "test" or "unused"."""
        parts = np.full((self.n_splits, len(self._labels)), "unused", dtype="<U6")
        for k, (train, test) in enumerate(self.splits):
            parts[k, train] = "train"
            parts[k, test] = "test"
        return parts

    def _count(self):
        frames = []
        for k, parts in enumerate(self.parts):
            rows = pd.DataFrame({"part": parts, "class": self._labels})
            rows["event"] = self._column("event_id")
            rows["group"] = self.groups if self.groups is not None else None
            grouped = rows.groupby(["part", "class"], sort=False)
            count = pd.DataFrame(
                {
                    "rows": grouped.size(),
                    "events": grouped["event"].nunique(),
                    "groups": grouped["group"].nunique(),
                }
            )
            # Absent combinations are zeros, not missing: a class-less fold must be seen.
            full = pd.MultiIndex.from_product(
                [["train", "test", "unused"], self.classes], names=["part", "class"]
            )
            count = count.reindex(full, fill_value=0).reset_index()
            count.insert(0, "fold", k)
            frames.append(count)
        return pd.concat(frames, ignore_index=True)

    def _column(self, name):
        if self.metadata is None or name not in self.metadata:
            return None
        return self.metadata[name].to_numpy()

    @property
    def table(self):
        """DataFrame of rows: classes down, (fold, part) across."""
        kept = self.counts[(self.counts["part"] != "unused") | (self.counts["rows"] > 0)]
        table = kept.pivot_table(
            index="class", columns=["fold", "part"], values="rows", aggfunc="sum", fill_value=0
        )
        columns = [
            (k, part)
            for k in range(self.n_splits)
            for part in ("train", "test", "unused")
            if (k, part) in table.columns
        ]
        table = table.reindex(columns=pd.MultiIndex.from_tuples(columns, names=["fold", "part"]))
        table.loc["total"] = table.sum()
        return table.astype(int)

    def group_table(self, by=None):
        """Count tested rows by group and class in each fold.

        Parameters
        ----------
        by : str, optional
            Column of the metadata; by default what the folds were cut along.

        Returns
        -------
        table : DataFrame
            (group, class) down, folds across; rows tested.

        Raises
        ------
        ValueError
            If there is no such column, or the folds were cut along nothing.
        """
        groups = self.groups if by is None else self._column(by)
        if groups is None:
            raise ValueError(
                "These folds were not cut along groups: name a column of the metadata, by='site'."
                if by is None
                else f"The metadata have no column {by!r}; pass metadata to plan_folds."
            )
        name = by or self.group_name
        tested = [
            pd.DataFrame({name: groups[test], "class": self._labels[test], "fold": k})
            for k, (_, test) in enumerate(self.splits)
        ]
        rows = pd.concat(tested, ignore_index=True)
        table = rows.groupby([name, "class", "fold"]).size().unstack("fold", fill_value=0)
        return table.reindex(columns=range(self.n_splits), fill_value=0)

    def problems(self, *, allow_missing_class=()):
        """Say what is wrong with the folds.

        Parameters
        ----------
        allow_missing_class : tuple of {"train", "test"}, default=()
            Parts in which a class may be missing.

        Returns
        -------
        problems : list of str
            One sentence each; empty if all is well.
        """
        allowed = _check_parts(allow_missing_class)
        found = [] if self.n_splits else ["there is no fold"]
        for (fold, part), count in self.counts.groupby(["fold", "part"], sort=False):
            if part == "unused":
                continue
            if not count["rows"].sum():
                unused = int((self.parts[fold] == "unused").sum())
                why = f" ({unused} rows are unused: purged, or in the gap)" if unused else ""
                found.append(f"fold {fold} has no {part} rows{why}")
            elif part not in allowed:
                missing = count.loc[count["rows"] == 0, "class"].tolist()
                if missing:
                    found.append(
                        f"fold {fold} has no {part} rows of class "
                        + ", ".join(repr(name) for name in missing)
                    )
        return found

    def check(self, *, allow_missing_class=()):
        """Refuse folds that are empty or lack a class.

        Parameters
        ----------
        allow_missing_class : tuple of {"train", "test"}, default=()
            Parts in which a class may be missing. Scores of such folds mean something else.

        Returns
        -------
        self : FoldPlan
            The plan.

        Raises
        ------
        ValueError
            Naming each fold that is empty or lacks a class.
        """
        found = self.problems(allow_missing_class=allow_missing_class)
        if found:
            shown = "; ".join(found[:6]) + ("; ..." if len(found) > 6 else "")
            raise ValueError(
                f"These folds ({self.cv_name}) cannot be compared: {shown}. Take fewer folds, a "
                f"shorter calendar unit or another splitter, join or leave out rare classes, or "
                f'allow it by name: allow_missing_class=("test",). plan_folds shows the counts.'
            )
        return self

    def check_leakage(self, *, allow_leakage=()):
        """Refuse folds in which train and test share something; see :func:`check_leakage`.

        Parameters
        ----------
        allow_leakage : tuple of {"event", "overlap"}, default=()
            What is known and wanted.

        Returns
        -------
        notes : list of str
            What could not be checked.
        """
        if self.metadata is None:
            return ["no metadata with event_id: leakage between train and test was not checked"]
        return check_leakage(self.splits, self.metadata, allow_leakage=allow_leakage)

    def plot(self, ax=None, **kwargs):
        """Draw the folds; see :class:`FoldPlanDisplay`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw.
        **kwargs
            Passed to :meth:`FoldPlanDisplay.plot`.

        Returns
        -------
        display : FoldPlanDisplay
            With ``ax_`` and ``figure_``.
        """
        from ._plan_display import FoldPlanDisplay

        return FoldPlanDisplay(self).plot(ax=ax, **kwargs)

    def _headline(self):
        n, n_tested = len(self._labels), int((self.parts == "test").any(axis=0).sum())
        line = f"{self.n_splits} folds by {self.cv_name}: {n_tested} of {n} rows tested"
        if self.groups is not None:
            line += f", {len(pd.unique(self.groups))} {self.group_name} groups"
        return line + "."

    def _verdict(self):
        found = self.problems()
        return f"Problems: {'; '.join(found)}." if found else "Every fold has every class."

    def __repr__(self):
        return f"{self._headline()}\n{self.table.to_string()}\n{self._verdict()}"

    def _repr_html_(self):
        return (
            f"<p><b>{escape(self._headline())}</b></p>{self.table.to_html()}"
            f"<p>{escape(self._verdict())}</p>"
        )


def plan_folds(cv, X, y=None, *, groups=None, metadata=None, random_state=None):
    """Make the folds and count them, before training.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        A number makes that many folds by event, as in :func:`compare_estimators`.
    X : array-like of n_events rows
        Only the number of rows counts.
    y : array-like of shape (n_events,), optional
        Classes.
    groups : str, array-like of shape (n_events,) or DataFrame, optional
        What the folds are cut along; a str names a column of the metadata.
    metadata : DataFrame of n_events rows, optional
        What is known of the rows.
    random_state : int, RandomState, Generator or None, default=None
        For folds made from a number.

    Returns
    -------
    plan : FoldPlan
        Printed, it is a table of classes, groups and folds.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.model_selection import EventKFold, plan_folds
    >>> y = np.array(["noise", "rockfall"] * 6)
    >>> plan = plan_folds(EventKFold(3), np.zeros((12, 50)), y, groups=np.arange(12))
    >>> plan.table
    fold         0          1          2
    part     train test train test train test
    class
    noise        4    2     4    2     4    2
    rockfall     4    2     4    2     4    2
    total        8    4     8    4     8    4
    >>> plan.check().problems()
    []
    """
    n = number_of_rows(X)
    folds = resolve_folds(cv, n, y, groups=groups, metadata=metadata, random_state=random_state)
    splits = folds.splits(X, y)
    return FoldPlan(
        splits,
        y,
        metadata=folds.metadata,
        groups=folds.labels,
        group_name=folds.label_name,
        cv_name=folds.name,
        n_rows=n,
    )


def _as_classes(y, n):
    if y is None:
        return np.full(n, "(any)", dtype=object)
    y = np.asarray(y)
    if type_of_target(y) not in ("binary", "multiclass"):
        return np.full(n, "(any)", dtype=object)
    return y


def _check_parts(parts):
    names = (parts,) if isinstance(parts, str) else tuple(parts)
    unknown = [name for name in names if name not in ("train", "test")]
    if unknown:
        raise ValueError(f"allow_missing_class may name 'train' and 'test'; got {unknown}.")
    return names
