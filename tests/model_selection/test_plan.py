"""Plans count what the folds hold, and refuse the ones that cannot be compared."""

import numpy as np
import pytest

from seisclf.model_selection import (
    CalendarKFold,
    EventKFold,
    FoldPlanDisplay,
    LeaveOneSiteOut,
    plan_folds,
)


def test_counts_agree_with_the_folds(catalogue):
    X, y, metadata = catalogue
    plan = plan_folds(CalendarKFold(4), X, y, metadata=metadata)
    for k, (train, test) in enumerate(plan.splits):
        for name in plan.classes:
            assert plan.table.loc[name, (k, "train")] == (y[train] == name).sum()
            assert plan.table.loc[name, (k, "test")] == (y[test] == name).sum()
    tested = plan.counts[plan.counts["part"] == "test"]
    assert tested["rows"].sum() == len(y)
    assert tested["events"].sum() == 60
    assert plan.group_table().to_numpy().sum() == len(y)
    assert plan.group_table(by="station").index.get_level_values("station").unique().size == 2


def test_an_empty_fold_is_refused():
    plan = plan_folds([(np.arange(6), np.array([], dtype=int))], np.zeros((6, 1)), list("ababab"))
    assert plan.problems() == ["fold 0 has no test rows"]
    with pytest.raises(ValueError, match="fold 0 has no test rows"):
        plan.check()


def test_a_class_missing_from_train_or_test_is_refused_unless_allowed():
    y = np.array(["quake", "noise", "quake", "noise", "rockfall", "quake"])
    plan = plan_folds([(np.arange(4), np.arange(4, 6))], np.zeros((6, 1)), y)
    with pytest.raises(ValueError, match="no train rows of class 'rockfall'.*class 'noise'"):
        plan.check()
    with pytest.raises(ValueError, match="no train rows of class 'rockfall'"):
        plan.check(allow_missing_class="test")
    assert plan.check(allow_missing_class=("train", "test")) is plan
    with pytest.raises(ValueError, match="allow_missing_class may name"):
        plan.check(allow_missing_class=("both",))


def test_purged_rows_are_counted_as_unused(make_catalogue):
    X, y, metadata = make_catalogue(30)
    metadata.loc[:1, "site"] = ["east", "west"]  # one event at both sites
    plan = plan_folds(LeaveOneSiteOut(), X, y, metadata=metadata)
    assert plan.table[(0, "unused")]["total"] == 1
    assert (plan.parts == "unused").sum() == 2


def test_a_number_makes_folds_by_event_or_group(catalogue):
    X, y, metadata = catalogue
    assert plan_folds(3, X, y, metadata=metadata).cv_name == "EventKFold(n_splits=3)"
    by_site = plan_folds(2, X, y, metadata=metadata, groups="site")
    for train, test in by_site.splits:
        assert not set(metadata["site"].iloc[train]) & set(metadata["site"].iloc[test])
    with pytest.raises(ValueError, match="groups='slope' names a column"):
        plan_folds(2, X, y, metadata=metadata, groups="slope")


def test_group_splitters_of_scikit_learn_ask_for_groups(catalogue):
    from sklearn.model_selection import GroupKFold

    X, y, metadata = catalogue
    with pytest.raises(ValueError, match="needs groups.*groups='event_id'"):
        plan_folds(GroupKFold(3), X, y, metadata=metadata)
    assert plan_folds(GroupKFold(3), X, y, metadata=metadata, groups="event_id").n_splits == 3


def test_it_shows_itself_as_text_html_and_picture(catalogue):
    X, y, metadata = catalogue
    plan = plan_folds(EventKFold(3), X, y, metadata=metadata)
    assert "3 folds by EventKFold(n_splits=3): 120 of 120 rows tested" in repr(plan)
    assert "<table" in plan._repr_html_() and "Every fold has every class" in plan._repr_html_()
    import matplotlib

    matplotlib.use("Agg")
    for kind in ("rows", "counts"):
        display = plan.plot(kind=kind)
        assert isinstance(display, FoldPlanDisplay)
        labels = [text.get_text() for text in display.ax_.get_yticklabels()]
        labels += [text.get_text() for text in display.ax_.get_xticklabels()]
        assert {"fold 0", "fold 1", "fold 2"} <= set(labels)
    with pytest.raises(ValueError, match="kind must be"):
        plan.plot(kind="pie")


def test_sites_that_take_turns_are_drawn_together(catalogue):
    X, y, metadata = catalogue
    site = np.where(np.arange(len(y)) % 2, "north", "south")
    metadata = metadata.assign(site=site, event_id=np.arange(len(y)).astype(str))
    by_site = plan_folds(LeaveOneSiteOut(purge=()), X, y, metadata=metadata).plot()
    assert by_site.ax_.get_xlabel() == "rows in the order of site"
    by_month = plan_folds(CalendarKFold(4), X, y, metadata=metadata).plot()
    assert by_month.ax_.get_xlabel() == "rows in the order of time"
