"""LabelReview: folds that keep events whole, planted errors found, events for the page."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import seisclf
from seisclf.datasets import make_seismic_events
from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.inspection import LabelReview, ReviewEvent
from seisclf.preprocessing import Bandpass

RATE = 50.0


@pytest.fixture(scope="module")
def events():
    bunch = make_seismic_events(
        90, classes=("rockfall", "noise"), duration=10.0, sampling_rate=RATE,
        snr_db=(12.0, 25.0), random_state=0,
    )  # fmt: skip
    y = bunch.target.copy()
    flipped = np.random.default_rng(0).choice(len(y), 6, replace=False)
    y[flipped] = np.where(y[flipped] == "noise", "rockfall", "noise")
    return bunch, y, flipped


def forest(**params):
    return FeatureForestClassifier(sampling_rate=RATE, n_estimators=25, random_state=0, **params)


@pytest.fixture(scope="module")
def review(events):
    bunch, y, _ = events
    return LabelReview(forest(), cv=3, random_state=0).fit(bunch.data, y, bunch.metadata)


def table(n_per_class=30, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_classes), n_per_class)
    return rng.normal(size=(len(codes), 3)) + 8.0 * np.eye(3)[codes % 3], codes


def test_planted_errors_come_first(events, review):
    _, _, flipped = events
    first = review.suspects_["row"].head(8)
    assert len(set(first) & set(flipped)) >= 5
    assert review.suspects_["doubt"].is_monotonic_decreasing
    assert review.suspects_["doubt"].between(0, 1).all()
    worst = review.suspects_.iloc[0]
    assert worst["label"] in worst["reason"] and worst["predicted"] in worst["reason"]


@pytest.mark.parametrize("method", ["margin", "confident_learning"])
def test_own_methods_find_planted_errors(method):
    X, y = table(n_classes=3)
    y[[3, 40, 70]] = [1, 2, 0]
    found = LabelReview(KNeighborsClassifier(9), method=method, random_state=0).fit(X, y)
    assert set(found.suspects_["row"]) == {3, 40, 70}
    assert found.method_ == method


class Memory(ClassifierMixin, BaseEstimator):
    """Knows exactly what it has seen, and nothing else."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.nearest_ = KNeighborsClassifier(1).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.nearest_.predict_proba(X)

    def predict(self, X):
        return self.nearest_.predict(X)


def stations_of_events():
    """60 events at two stations alike to a hair, labels at random: only leaks give a score."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 5)).repeat(2, axis=0)
    X += 1e-6 * rng.normal(size=X.shape)
    return X, rng.integers(0, 2, 60).repeat(2), np.arange(60).repeat(2)


@pytest.mark.parametrize("way", ["groups", "metadata", "both"])
def test_one_event_is_in_one_fold(way):
    X, y, event = stations_of_events()
    metadata = pd.DataFrame({"event_id": [f"e{i}" for i in event]})
    given = {
        "groups": {"groups": event},
        "metadata": {"metadata": metadata},
        "both": {"groups": event // 3, "metadata": metadata},
    }[way]
    review = LabelReview(Memory(), method="margin", random_state=0).fit(X, y, **given)
    assert np.mean(review.predicted_ == y) < 0.7
    leaky = LabelReview(Memory(), method="margin", random_state=0).fit(X, y)
    assert np.mean(leaky.predicted_ == y) > 0.7  # what the other half of the event gives away


def test_groups_and_events_are_joined():
    """Rows that share a day or an event are held out together."""
    X, y, event = stations_of_events()
    metadata = pd.DataFrame({"event_id": event.astype(str)})
    shifted = np.roll(event, 1)  # each group holds halves of two events: one long chain
    with pytest.raises(ValueError, match="all rows belong to one event"):
        LabelReview(Memory()).fit(X, y, metadata, groups=shifted)


def test_unnamed_events_stand_alone():
    X, y = table()
    metadata = pd.DataFrame({"event_id": [None] * len(y)})
    review = LabelReview(LogisticRegression(), random_state=0).fit(X, y, metadata)
    assert list(review.event_ids_[:2]) == ["0", "1"]


def test_folds_that_divide_an_event_are_refused():
    X, y, event = stations_of_events()
    with pytest.raises(ValueError, match="cv divides .* events"):
        LabelReview(Memory(), cv=KFold(5, shuffle=True, random_state=0)).fit(X, y, groups=event)
    LabelReview(Memory(), cv=StratifiedGroupKFold(3)).fit(X, y, groups=event)


def test_splitters_of_ours_get_the_metadata():
    from seisclf.model_selection import CalendarKFold

    X, y = table()
    times = pd.date_range("2024-01-01", periods=len(y), freq="5D", tz="UTC")
    order = np.random.default_rng(0).permutation(len(y))
    metadata = pd.DataFrame({"start_time": times[order]})
    review = LabelReview(LogisticRegression(), cv=CalendarKFold(3, by="month"))
    assert np.mean(review.fit(X, y, metadata).predicted_ == y) > 0.9


def test_events_that_no_fold_tests_are_named():
    X, y = table()
    half = [(np.arange(10, 60), np.arange(10))]
    with pytest.warns(UserWarning, match="no fold of cv tests 50 of 60"):
        review = LabelReview(LogisticRegression(), cv=half).fit(X, y)
    assert np.isnan(review.probabilities_[10:]).all()
    assert not review.suspect_[10:].any()
    assert next(review.events(rows=[30])).probabilities == {}


def test_repeated_tests_are_averaged():
    X, y = table()
    a, b = np.arange(0, 60, 2), np.arange(1, 60, 2)
    twice = [(a, b), (b, a), (np.append(a, b[:5]), b[5:])]
    review = LabelReview(LogisticRegression(), cv=twice).fit(X, y)
    one = LogisticRegression().fit(X[a], y[a]).predict_proba(X[b[5:]])
    two = LogisticRegression().fit(*(v[np.append(a, b[:5])] for v in (X, y)))
    expected = (one + two.predict_proba(X[b[5:]])) / 2
    np.testing.assert_allclose(review.probabilities_[b[5:]], expected)


def test_a_class_absent_from_training_has_probability_zero():
    X, y = table(n_classes=3)
    rare = np.append(np.arange(60), 60)  # one event of class 2
    review = LabelReview(LogisticRegression(), method="margin", random_state=0)
    review.fit(X[rare], y[rare])
    assert review.probabilities_.shape == (61, 3)
    assert review.probabilities_[60, 2] == 0
    assert review.suspect_[60]


def test_wrong_input_is_explained(events):
    bunch, y, _ = events
    with pytest.raises(TypeError, match="CalibratedClassifierCV"):
        LabelReview(LinearSVC()).fit(*table())
    with pytest.raises(ValueError, match="metadata must have one line"):
        LabelReview(forest()).fit(bunch.data, y, bunch.metadata.head(3))
    with pytest.raises(ValueError, match="at least 2 classes"):
        LabelReview(forest()).fit(bunch.data, np.full(len(y), "noise"))
    with pytest.raises(ValueError, match="at least 2 folds"):
        LabelReview(forest(), cv=1).fit(bunch.data, y)
    with pytest.raises(ValueError, match="n_neighbors"):
        LabelReview(forest(), n_neighbors=-1).fit(bunch.data, y)


def test_neighbors_are_other_events():
    X, y, event = stations_of_events()
    metadata = pd.DataFrame({"event_id": event.astype(str)})
    review = LabelReview(LogisticRegression(), n_neighbors=3, random_state=0).fit(X, y, metadata)
    assert review.neighbor_space_ == "features"
    assert (event[review.neighbors_] != event[:, None]).all()
    assert (np.diff(review.neighbor_distances_, axis=1) >= 0).all()
    centred = (X - X.mean(axis=0)) / X.std(axis=0)
    distances = np.linalg.norm(centred - centred[0], axis=1)
    distances[event == event[0]] = np.inf
    assert review.neighbors_[0, 0] == distances.argmin()


def test_too_few_events_for_neighbors_leave_places_empty():
    X, y = table(n_per_class=3)
    review = LabelReview(LogisticRegression(), cv=3, n_neighbors=8, random_state=0).fit(X, y)
    assert (review.neighbors_ >= 0).sum(axis=1).tolist() == [5] * 6
    assert len(next(review.events(which="all")).neighbors) == 5


def test_summary_counts_pairs(review):
    summary = review.summary()
    assert summary["n_suspects"].sum() == len(review.suspects_)
    first = summary.iloc[0]
    pairs = review.suspects_
    same = (pairs["label"] == first["label"]) & (pairs["predicted"] == first["predicted"])
    assert first["n_suspects"] == same.sum()
    assert first["share"] == same.sum() / np.sum(review.labels_ == first["label"])


def test_events_with_several_rows_are_summarised():
    X, y = table()
    y[[0, 1]] = 1  # both rows of the first event
    metadata = pd.DataFrame({"event_id": np.arange(len(y)) // 2})
    review = LabelReview(LogisticRegression(), method="margin", random_state=0).fit(X, y, metadata)
    summary = review.summarize_events()
    assert summary.loc[0, ["event_id", "n_rows", "n_suspects", "rows"]].tolist() == [
        "0", 2, 2, [0, 1]
    ]  # fmt: skip
    assert len(review.suspects_) == 2


def test_what_the_expert_is_shown(events, review):
    bunch, y, _ = events
    event = next(review.events())
    row = review.suspects_["row"].iloc[0]
    assert isinstance(event, ReviewEvent)
    assert (event.row, event.label, event.suspect) == (row, y[row], True)
    assert event.event_id == bunch.metadata["event_id"][row]
    np.testing.assert_array_equal(event.waveform, bunch.data[row])
    assert event.waveform.dtype == np.float32
    assert (event.sampling_rate, list(event.components)) == (RATE, list("ZNE"))
    assert event.spectrogram.shape == (3, len(event.frequencies), len(event.times))
    assert event.frequencies[-1] == RATE / 2
    assert event.times[-1] <= 10.5
    assert sum(event.probabilities.values()) == pytest.approx(1)
    assert event.start_time.endswith("Z")
    assert all(isinstance(value, str) for value in event.metadata.values())
    assert [n["row"] for n in event.neighbors] == review.neighbors_[row].tolist()
    assert event.relevance == {} and event.relevance_note


def test_all_events_in_order_of_doubt(review):
    doubts = [event.doubt for event in review.events(which="all", relevance=False)]
    assert len(doubts) == 90
    assert doubts == sorted(doubts, reverse=True)
    assert [event.row for event in review.events(rows=[5, 2])] == [5, 2]
    with pytest.raises(ValueError, match="rows must lie between 0 and 89"):
        review.events(rows=[90])
    with pytest.raises(ValueError, match="which must be"):
        review.events(which="some")


def test_waveforms_are_filtered_as_the_classifier_does(events):
    bunch, y, _ = events
    band = Bandpass(sampling_rate=RATE, low=2.0, high=8.0)
    model = make_pipeline(
        band,
        SeismicFeatures(sampling_rate=RATE, groups=("waveform",), undefined=0.0),
        RandomForestClassifier(10, random_state=0),
    )
    review = LabelReview(model, cv=2, random_state=0).fit(bunch.data, y)
    shown = next(review.events(rows=[0])).waveform
    np.testing.assert_allclose(shown, band.fit_transform(bunch.data[:1])[0], rtol=1e-5)
    assert review.neighbor_space_ == "features"
    review.set_params(bandpass=(5.0, 10.0))
    other = next(review.events(rows=[0])).waveform
    spectrum = np.abs(np.fft.rfft(other[0]))
    assert np.fft.rfftfreq(500, 1 / RATE)[spectrum.argmax()] > 4


def test_networks_of_stations_are_shown_below_one_another():
    bunch = make_seismic_events(
        24, classes=("earthquake", "noise"), n_stations=2, n_samples=256, sampling_rate=RATE,
        random_state=0,
    )  # fmt: skip
    features = SeismicFeatures(sampling_rate=RATE, groups=("waveform",))
    review = LabelReview(forest(features=features), cv=2, random_state=0)
    review.fit(bunch.data, bunch.target, bunch.metadata)
    event = next(review.events(which="all"))
    np.testing.assert_array_equal(event.waveform, bunch.data[event.row].reshape(6, -1))


def test_lazy_waveforms_give_the_same_and_memory_stays_flat(tmp_path):
    import h5py

    from seisclf.io import LazyWaveforms

    n = 400
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3, 1000)).astype(np.float32)
    y = np.arange(n) % 2
    X[y == 1] *= 4
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["data"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "x.hdf5", "data", sampling_rate=RATE)
    features = SeismicFeatures(sampling_rate=RATE, features=["rms", "kurt_sig"])
    params = {"cv": 2, "random_state": 0, "method": "margin"}
    a = LabelReview(forest(features=features), **params).fit(lazy, y)
    b = LabelReview(forest(features=features), **params).fit(X, y)
    np.testing.assert_allclose(a.probabilities_, b.probabilities_)
    assert a.X_ is lazy

    tracemalloc.start()
    n_seen = 0
    for event in a.events(which="all", relevance=False):  # noqa: B007
        n_seen += 1
        if n_seen == 100:
            tracemalloc.reset_peak()
            early = tracemalloc.get_traced_memory()[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_seen == n
    assert peak - early < 4e6  # X alone is 4.8 MB, spectrograms several times that
    np.testing.assert_array_equal(event.waveform, X[event.row])


def test_a_saved_review_needs_its_waveforms_back(events, tmp_path):
    bunch, y, _ = events
    features = SeismicFeatures(sampling_rate=RATE, features=["rms", "kurt_sig"])
    model = make_pipeline(features, StandardScaler(), LogisticRegression())
    review = LabelReview(model, cv=2, random_state=0).fit(bunch.data, y, bunch.metadata)
    copy = seisclf.load(review.save(tmp_path / "review.seisclf"))
    pd.testing.assert_frame_equal(copy.suspects_, review.suspects_)
    np.testing.assert_array_equal(copy.predict(bunch.data), review.predict(bunch.data))
    with pytest.raises(ValueError, match="attach_waveforms"):
        copy.events()
    shown = next(copy.attach_waveforms(bunch.data).events(which="all"))
    original = next(review.events(which="all"))
    np.testing.assert_array_equal(shown.waveform, original.waveform)
    assert pd.Timestamp(shown.start_time) == pd.Timestamp(original.start_time)
    with pytest.raises(ValueError, match="X has 5 events"):
        copy.attach_waveforms(bunch.data[:5])


def test_decisions_become_a_catalogue_and_a_better_model(events, review):
    bunch, y, flipped = events
    decisions = pd.DataFrame(
        {
            "event_id": review.event_ids_[flipped],
            "row": flipped,
            "old_label": y[flipped],
            "new_label": bunch.target[flipped],
            "expert": "ada",
        }
    )
    correction = review.apply_decisions(decisions, noise_distance=None)
    np.testing.assert_array_equal(correction.labels, bunch.target)
    assert correction.changes["model"].unique().tolist() == ["FeatureForestClassifier"]
    asked = review.apply_decisions(decisions, noise_distance=None, relevance=True)
    assert any("no relevance for FeatureForestClassifier" in note for note in asked.notes)
    scores = correction.before_after.loc["macro average"]
    assert scores["f1_after"] > scores["f1_before"]
    untouched = review.estimator_
    fresh = LabelReview(forest(), cv=3, random_state=0).fit(bunch.data, y, bunch.metadata)
    fresh.continue_fit(correction)
    expected = forest().fit(bunch.data, bunch.target).predict_proba(bunch.data)
    np.testing.assert_allclose(fresh.predict_proba(bunch.data), expected)
    assert review.estimator_ is untouched
    with pytest.raises(TypeError, match="no continue_fit"):
        fresh.continue_fit(correction, max_epochs=3)


class Going(LogisticRegression):
    """Remembers what it was told to go on with."""

    def continue_fit(self, X, y, *, max_epochs=50):
        self.told_ = X, y, max_epochs
        return self


def test_networks_go_on_with_the_verified_events():
    X, y = table()
    y[3] = 1
    decisions = [
        {"event_id": "3", "old_label": "1", "new_label": "0", "expert": "ada"},
        {"event_id": "7", "old_label": "0", "new_label": "0", "expert": "ada"},
        {"event_id": "8", "old_label": "0", "new_label": "0", "action": "unsure"},
        {"event_id": "9", "old_label": "0", "new_label": "", "action": "drop"},
    ]
    review = LabelReview(Going(), random_state=0).fit(X, y)
    correction = review.apply_decisions(decisions)
    review.continue_fit(correction, max_epochs=7)
    rows, labels, epochs = review.estimator_.told_
    np.testing.assert_array_equal(rows, X[[3, 7]])
    np.testing.assert_array_equal(labels, [0, 0])
    assert labels.dtype == y.dtype and epochs == 7


def test_folds_that_test_what_they_trained_on_are_refused():
    X, y = table()
    everything = np.arange(len(y))
    with pytest.raises(ValueError, match="cv divides 60 events"):
        LabelReview(LogisticRegression(), cv=[(everything, everything)]).fit(X, y)


def test_an_empty_event_id_is_no_event():
    X, y = table()
    metadata = pd.DataFrame({"event_id": ["", None] * (len(y) // 2)})
    review = LabelReview(LogisticRegression(), random_state=0).fit(X, y, metadata)
    assert review.event_ids_.tolist() == [str(row) for row in range(len(y))]
    assert not len(review.apply_decisions([]).unmatched)


def test_rows_by_a_mask_and_no_other_kind_of_number():
    X, y = table()
    review = LabelReview(LogisticRegression(), random_state=0).fit(X, y)
    mask = np.zeros(len(y), dtype=bool)
    mask[[3, 7]] = True
    assert [event.row for event in review.events(rows=mask)] == [3, 7]
    for wrong in ([1.7], [True, False]):
        with pytest.raises(ValueError, match="rows must be integers"):
            review.events(rows=wrong)


def test_channels_of_a_network_are_named_by_station():
    rng = np.random.default_rng(0)
    y = np.array(["quake", "rockfall"] * 6)
    X = rng.normal(size=(12, 2, 3, 200)).astype(np.float32)
    review = LabelReview(forest(), cv=2, components="ZNE", random_state=0).fit(X, y)
    event = next(review.events(rows=[0], relevance=False))
    assert event.components == ["Z1", "N1", "E1", "Z2", "N2", "E2"]
    assert event.waveform.shape == (6, 200)


def test_a_page_is_not_written_over_that_of_other_events_without_names(tmp_path):
    X, y = table()
    y[3] = 1 - y[3]
    named = pd.DataFrame({"event_id": [f"ev{i}" for i in range(len(y))]})
    review = LabelReview(LogisticRegression(), random_state=0).fit(X, y)
    other = LabelReview(LogisticRegression(), random_state=0).fit(X + 1.0, y)
    index = review.write_page(tmp_path / "rows", which="all")
    assert review.write_page(tmp_path / "rows", which="all") == index
    with pytest.raises(FileExistsError, match="review of other events.*event_id"):
        other.write_page(tmp_path / "rows", which="all")
    for X_now in (X, X + 1.0):  # names tell events apart, whatever became of their waveforms
        again = LabelReview(LogisticRegression(), random_state=0).fit(X_now, y, named)
        again.write_page(tmp_path / "named", which="all")
