"""From what the user passes to folds: which groups go to the splitter, which to estimators."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils.metadata_routing import get_routing_for_object

from seisclf.utils import check_seed

from ._base import MetadataSplitter
from ._split import CalendarKFold, EventKFold


@dataclass
class Folds:
    """A splitter with what it needs, and what its folds mean."""

    cv: Any
    split_groups: Any
    metadata: pd.DataFrame | None
    fit_groups: np.ndarray | None
    events: np.ndarray
    events_known: bool
    labels: np.ndarray | None
    label_name: str
    name: str

    def splits(self, X, y):
        """Row numbers of each fold."""
        y = np.zeros(len(self.events)) if y is None else y
        n = len(self.events)
        # The splitters only look at the number of rows; X may be large and on disk.
        return list(self.cv.split(np.zeros((n, 1)), y, self.split_groups))


def resolve_folds(cv, n, y, *, groups=None, metadata=None, random_state=None):
    """Decide what the folds are cut along and which groups estimators get for inner splits."""
    if metadata is None and isinstance(groups, pd.DataFrame):
        metadata, groups = groups, None
    metadata = _check_metadata(metadata, n)
    group_name = groups if isinstance(groups, str) else "groups"
    groups = _check_groups(groups, metadata, n)
    known_events = metadata is not None and "event_id" in metadata
    if isinstance(cv, int) and not isinstance(cv, bool):
        cv = _default_cv(cv, y, known_events or groups is not None, random_state)
        if isinstance(cv, EventKFold) and groups is not None and known_events:
            metadata_for_split: Any = metadata.drop(columns="event_id").assign(event_id=groups)
        else:
            metadata_for_split = metadata if known_events else groups
    elif isinstance(cv, MetadataSplitter):
        metadata_for_split = _frame_for(cv, groups, metadata)
    else:
        cv = check_cv(cv, y, classifier=y is not None)
        _check_groups_given(cv, groups, metadata)
        metadata_for_split = groups
    events, events_known = _events(cv, groups, metadata, n)
    fit_groups = groups if groups is not None else (events if events_known else None)
    labels, label_name = _labels(cv, metadata_for_split, groups, group_name)
    return Folds(
        cv=cv,
        split_groups=metadata_for_split,
        metadata=metadata if metadata is not None else _events_frame(events, events_known),
        fit_groups=fit_groups,
        events=events,
        events_known=events_known,
        labels=labels,
        label_name=label_name,
        name=" ".join(repr(cv).split()),
    )


def _check_metadata(metadata, n):
    if metadata is None:
        return None
    if not isinstance(metadata, pd.DataFrame):
        raise TypeError(
            f"metadata must be a DataFrame with one row for each event; got "
            f"{type(metadata).__name__}. pd.DataFrame(metadata) makes one of a dictionary."
        )
    if len(metadata) != n:
        raise ValueError(f"metadata have {len(metadata)} rows and X has {n}.")
    return metadata.reset_index(drop=True)


def _check_groups(groups, metadata, n):
    if isinstance(groups, str):
        if metadata is None or groups not in metadata:
            have = [] if metadata is None else list(metadata.columns)
            raise ValueError(
                f"groups={groups!r} names a column of the metadata, which have {have}. Pass "
                f"metadata with that column, or the groups themselves."
            )
        return metadata[groups].to_numpy()
    if groups is None:
        return None
    if isinstance(groups, pd.DataFrame):
        raise TypeError(
            "groups must be one column when metadata are passed too: name it, groups='site'."
        )
    groups = np.asarray(groups)
    if groups.ndim != 1 or len(groups) != n:
        raise ValueError(f"groups must have shape ({n},), one label a row; got {groups.shape}.")
    return groups


def _default_cv(n_splits, y, grouped, random_state):
    # Without a seed the folds are dealt in order, so that two calls agree.
    shuffle = random_state is not None
    seed = check_seed(random_state) if shuffle else None
    if grouped:
        return EventKFold(n_splits, shuffle=shuffle, random_state=seed)
    from sklearn.utils.multiclass import type_of_target

    if y is None or type_of_target(y) not in ("binary", "multiclass"):
        from sklearn.model_selection import KFold

        return KFold(n_splits, shuffle=shuffle, random_state=seed)
    return StratifiedKFold(n_splits, shuffle=shuffle, random_state=seed)


def _frame_for(cv, groups, metadata):
    """What one of our splitters reads: the metadata, cut along `groups` if those are given."""
    if metadata is None or groups is None:
        return metadata if groups is None else groups
    return metadata.assign(**{cv._column: groups})


def _check_groups_given(cv, groups, metadata):
    if groups is not None or not hasattr(cv, "get_metadata_routing"):
        return
    request = get_routing_for_object(cv).split.requests.get("groups")
    if request is True:
        hint = "" if metadata is None else " or name a column of the metadata, groups='event_id',"
        raise ValueError(
            f"{cv!r} needs groups: pass groups=<one label a row>,{hint} or use one of the "
            f"splitters of seisclf.model_selection, which read the metadata."
        )


def _events(cv, groups, metadata, n):
    """Which event each row belongs to; each row its own where nothing says so."""
    if metadata is not None and "event_id" in metadata:
        events = metadata["event_id"]
        missing = events.isna().to_numpy()
        events = events.astype(str).to_numpy(dtype=object)
        events[missing] = [f"row {i}" for i in np.flatnonzero(missing)]
        return events, True
    if isinstance(cv, EventKFold) and groups is not None:
        return groups.astype(str).astype(object), True
    return np.array([f"row {i}" for i in range(n)], dtype=object), False


def _events_frame(events, known):
    return pd.DataFrame({"event_id": events}) if known else None


def _labels(cv, for_split, groups, group_name):
    """What a table of the folds shows as groups."""
    if isinstance(cv, CalendarKFold):
        return cv.units(for_split), cv.by
    if isinstance(cv, MetadataSplitter) and cv._column in ("station", "site", "event_id"):
        if isinstance(for_split, pd.DataFrame):
            return for_split[cv._column].to_numpy(), cv._column.removesuffix("_id")
        return groups, cv._column.removesuffix("_id")
    return groups, group_name
