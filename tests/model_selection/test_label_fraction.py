"""Curves over the number of labels: the same tests, nested labels, nothing of the test seen."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from seisclf.model_selection import LeakageError, label_fraction_curve

matplotlib.use("Agg")
SEEN = []


class Remembers(ClassifierMixin, BaseEstimator):
    """Writes down what it was given; its predictions depend on its seed."""

    def __init__(self, name="a", random_state=None):
        self.name = name
        self.random_state = random_state

    def fit(self, X, y):
        SEEN.append((self.name, X[:, -1].astype(int), y, self.random_state))
        known = [label for label in y.tolist() if label != -1]
        self.classes_ = np.unique(known)
        return self

    def predict(self, X):
        SEEN.append((f"test {self.name}", X[:, -1].astype(int), None, self.random_state))
        return np.full(len(X), self.classes_[0])


@pytest.fixture(autouse=True)
def forget():
    SEEN.clear()


@pytest.fixture
def rows(make_catalogue):
    """Features whose last column is the row number."""
    X, y, metadata = make_catalogue(100)
    return np.c_[X, np.arange(len(X))], y, metadata


def curve(estimators, rows, **options):
    X, y, metadata = rows
    options = {"metadata": metadata, "random_state": 0, "scoring": "accuracy"} | options
    return label_fraction_curve(estimators, X, y, **options)


def fits(name):
    return [seen for seen in SEEN if seen[0] == name]


def test_all_estimators_see_the_same_nested_labels_and_the_same_test(rows):
    found = curve({"a": Remembers("a"), "b": Remembers("b")}, rows)
    assert [s[1].tolist() for s in fits("a")] == [s[1].tolist() for s in fits("b")]
    assert [s[1].tolist() for s in fits("test a")] == [s[1].tolist() for s in fits("test b")]
    for repeat, (train, test) in enumerate(found.splits_):
        few, more, whole = (set(s[1]) for s in fits("a")[3 * repeat : 3 * repeat + 3])
        assert few < more < whole == set(train)
        assert not whole & set(test)
        tests = fits("test a")[3 * repeat : 3 * repeat + 3]
        assert all(set(s[1]) == set(test) for s in tests)
        assert [set(found.labelled_[repeat][f]) for f in (0.05, 0.1, 0.8)] == [few, more, whole]
    assert len({tuple(test) for _, test in found.splits_}) == 3


def test_fractions_count_events_of_the_whole_and_rows_of_an_event_stay_together(rows):
    X, y, metadata = rows
    table = curve({"a": Remembers()}, rows, fractions=(6, 0.1, 0.8)).table()
    assert table["n_labelled_events"].tolist() == [6, 10, 80] * 3
    assert table["n_labelled"].tolist() == [12, 20, 160] * 3  # two stations
    assert table["n_test"].tolist() == [40] * 9
    event = metadata["event_id"].to_numpy()
    for _, shown, _, _ in fits("a"):
        assert np.isin(event, event[shown]).sum() == len(shown)


def test_each_class_has_its_share_and_rare_ones_one_event():
    rng = np.random.default_rng(0)
    y = np.repeat(["common", "rare", "some"], [150, 4, 46])
    X = np.c_[rng.normal(size=(200, 2)), np.arange(200)]
    found = label_fraction_curve(
        {"a": Remembers()}, X, y, groups=np.arange(200), n_repeats=8, random_state=1
    )
    for (_, test), labelled in zip(found.splits_, found.labelled_):
        assert pd.Series(y[test]).value_counts()[["common", "some"]].tolist() == [30, 9]
        assert (y[labelled[0.05]] == "rare").sum() == 1
        assert abs((y[labelled[0.1]] == "common").mean() - 0.75) <= 0.05
        assert (y[test] == "rare").sum() == 1


def test_a_class_that_does_not_fit_in_is_reported(rows):
    with pytest.warns(UserWarning, match="Some subsets lack a class: fraction 2 of repeat 0"):
        found = curve({"a": Remembers()}, rows, fractions=(2, 0.8))
    assert any("fraction 2 of repeat 2 has no" in note for note in found.notes_)
    with pytest.raises(ValueError, match="labels of one class only"):
        curve({"a": Remembers()}, rows, fractions=(0.01,))


def test_marked_estimators_get_the_other_rows_without_label_and_never_the_test(rows):
    X, y, _ = rows
    found = curve({"a": Remembers("a"), "b": Remembers("b")}, rows, mark_unlabelled="b")
    assert found.table().query("estimator == 'b'")["n_train"].tolist() == [160] * 9
    for (_, shown, _, _), (_, seen, labels, _) in zip(fits("a"), fits("b")):
        assert labels.dtype == object
        known = np.array([label != -1 for label in labels])
        assert set(seen[known]) == set(shown)
        assert labels[known].tolist() == y[seen[known]].tolist()
    for repeat, (train, test) in enumerate(found.splits_):
        for _, seen, _, _ in fits("b")[3 * repeat : 3 * repeat + 3]:
            assert set(seen) == set(train) and not set(seen) & set(test)


def test_rows_without_a_label_are_neither_tested_nor_given_to_others(rows):
    X, y, metadata = rows
    y = np.where(np.arange(len(y)) % 10 < 6, y, "-1")
    y[:2] = ["noise", "-1"]  # an event of which one row has a label
    found = curve(
        {"a": Remembers("a"), "b": Remembers("b")}, (X, y, metadata), mark_unlabelled="b"
    )
    for _, rows_seen, *_ in [*fits("a"), *fits("test a"), *fits("test b")]:
        assert not np.any(y[rows_seen] == "-1")
    event = metadata["event_id"].to_numpy()
    for repeat, (_, test) in enumerate(found.splits_):
        for _, seen, labels, _ in fits("b")[3 * repeat : 3 * repeat + 3]:
            assert {label for row, label in zip(seen, labels) if y[row] == "-1"} == {-1}
            assert not set(event[seen]) & set(event[test])
            assert (y[seen] == "-1").sum() >= 60
    # Nobody asked for it: -1 is a class as any other.
    SEEN.clear()
    curve({"a": DummyClassifier()}, (X, y, metadata), n_repeats=1)


@pytest.mark.filterwarnings("ignore:y contains no unlabeled")
def test_semi_supervised_estimators_of_scikit_learn(make_catalogue):
    X, y, metadata = make_catalogue(100)
    codes = np.unique(y, return_inverse=True)[1]
    found = label_fraction_curve(
        {"own": SelfTrainingClassifier(GaussianNB()), "plain": GaussianNB()},
        X,
        codes,
        metadata=metadata,
        mark_unlabelled=["own"],
        random_state=0,
    )
    mean = found.summary()["accuracy", "mean"]
    assert mean["own", 0.8] == mean["plain", 0.8]  # then no row is without a label
    assert mean["own", 0.05] != mean["plain", 0.05]


def test_seeds_are_the_same_at_every_fraction_and_of_each_repeat(rows):
    estimators = {"a": make_pipeline(StandardScaler(), Remembers("a")), "b": Remembers("b", 7)}
    curve(estimators, rows)
    seeds = [seed for *_, seed in fits("a")]
    assert len(set(seeds)) == 3 and None not in seeds
    assert seeds == np.repeat(seeds[::3], 3).tolist()
    assert {seed for *_, seed in fits("b")} == {7}
    assert estimators["a"][-1].random_state is None


def test_the_same_for_any_number_of_processes(rows):
    one = curve({"a": GaussianNB()}, rows).table()
    two = curve({"a": GaussianNB()}, rows, n_jobs=2).table()
    times = ["fit_time", "score_time"]
    pd.testing.assert_frame_equal(one.drop(columns=times), two.drop(columns=times))


def test_a_stopped_run_continues(rows, tmp_path):
    options = {"store": tmp_path, "mark_unlabelled": "b"}
    first = curve({"a": Remembers("a")}, rows, store=tmp_path)
    assert len(fits("a")) == 9
    second = curve({"a": Remembers("a"), "b": Remembers("b")}, rows, **options)
    assert len(fits("a")) == 9 and len(fits("b")) == 9
    assert "9 of 18 fits were read" in second.notes_[-1]
    pd.testing.assert_frame_equal(first.table(), second.table().iloc[:9])
    # Another fraction leaves the others as they are; without the mark it is another fit.
    curve({"b": Remembers("b")}, rows, fractions=(0.05, 0.3), **options)
    assert len(fits("b")) == 12
    curve({"b": Remembers("b")}, rows, store=tmp_path)
    assert len(fits("b")) == 12 + 9


def test_leakage_is_refused(rows):
    X, y, metadata = rows
    with pytest.raises(LeakageError, match="share"):
        curve({"a": GaussianNB()}, rows, groups=np.arange(len(y)))
    # Overlapping windows count as one event, whoever named them.
    metadata = metadata.assign(event_id=np.arange(len(y)), station="XX.ST0")
    found = curve({"a": Remembers()}, (X, y, metadata))
    event = np.arange(len(y)) // 2
    for train, test in found.splits_:
        assert not set(event[train]) & set(event[test])
    with pytest.warns(UserWarning, match="cannot see which rows belong together"):
        curve({"a": GaussianNB()}, (X, y, None))


def test_groups_stay_together(rows):
    X, y, metadata = rows
    day = metadata["start_time"].dt.strftime("%Y-%j").to_numpy()
    found = curve({"a": Remembers()}, rows, groups=day)
    for train, test in found.splits_:
        assert not set(day[train]) & set(day[test])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractions": (0.05, 0.9)}, "only 80 are left for training"),
        ({"fractions": (0.05, 5)}, "two of them are the same"),
        ({"fractions": (1.5,)}, "shares of all events between 0 and 1"),
        ({"fractions": (True,)}, "shares of all events between 0 and 1"),
        ({"fractions": ()}, "at least one"),
        ({"fractions": (0.001,)}, "is less than 1"),
        ({"test_size": 1.0}, "test_size must be a share"),
        ({"test_size": 0}, "test_size must be a share"),
        ({"n_repeats": 0}, "n_repeats must be"),
        ({"mark_unlabelled": ("c",)}, r"mark_unlabelled names \['c'\]"),
    ],
)
def test_errors_name_what_is_needed(rows, options, message):
    with pytest.raises(ValueError, match=message):
        curve({"a": GaussianNB()}, rows, **options)


def test_other_errors(rows):
    X, y, metadata = rows
    with pytest.raises(ValueError, match="compares classifiers"):
        curve({"a": Ridge()}, rows)
    with pytest.raises(ValueError, match="repeat 0 has no test rows of class"):
        single = y.copy()
        single[:2] = "single"  # one event of its class
        curve({"a": GaussianNB()}, (X, single, metadata), n_repeats=1, test_size=2)
    # A class of one event is tested; the error allows by name what is missing, which is training.
    single = np.where(np.arange(len(y)) < 2, "single", y)
    with pytest.raises(
        ValueError, match=r"no train rows of class.*allow_missing_class=\('train',\)"
    ):
        curve({"a": GaussianNB()}, (X, single, metadata), n_repeats=1)
    with pytest.raises(ValueError, match="-1 in every row"):
        curve({"a": GaussianNB()}, (X, np.full(len(y), -1), metadata), mark_unlabelled="a")


def test_summary_and_words(rows):
    found = curve({"a": GaussianNB(), "b": DummyClassifier()}, rows, scoring=None)
    table, summary = found.table(), found.summary()
    own = table.query("estimator == 'a' and fraction == 0.1")["f1_macro"]
    assert summary.loc[("a", 0.1), ("f1_macro", "mean")] == pytest.approx(own.mean())
    assert summary.loc[("a", 0.1), ("f1_macro", "std")] == pytest.approx(own.std(ddof=1))
    assert f"{own.mean():.3f} ± {own.std(ddof=1):.3f}" in repr(found)
    assert "80 % (80 events)" in found._repr_html_()
    assert "nan" not in repr(curve({"a": GaussianNB()}, rows, n_repeats=1))


def test_picture(rows):
    found = curve({"a": GaussianNB(), "b": DummyClassifier()}, rows, fractions=(6, 0.1, 0.8))
    display = found.plot()
    line = {line.get_label(): line for line in display.ax_.lines}["a"]
    np.testing.assert_array_equal(line.get_xdata(), [6, 10, 80])
    mean = found.summary()["accuracy", "mean"]["a"]
    np.testing.assert_allclose(line.get_ydata(), mean)
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == [
        "6",
        "10\n10 %",
        "80\n80 %",
    ]
    assert display.ax_.get_xscale() == "log"
    # The legend has the order of the right end.
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["a", "b"]
    with pytest.raises(ValueError, match=r"metric must be one of \['accuracy'\]"):
        found.plot("f1_macro")
