"""ChannelEnsembleClassifier: what it trains on, who votes, and what comes of the votes."""

import pickle

import h5py
import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import entropy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import seisclf
from seisclf.ensemble import ChannelEnsembleClassifier, FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.io import LazyWaveforms, RandomChannels
from seisclf.neural_network import CNNClassifier
from seisclf.preprocessing import Bandpass, ChannelAggregator
from seisclf.self_supervised import SelfSupervisedEncoder
from seisclf.signal import snr


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers what it is given; its probabilities are the first samples of a row."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, groups=None):
        self.X_, self.y_, self.weight_, self.groups_ = X, y, sample_weight, groups
        self.classes_, self.calls_ = np.unique(y), []
        return self

    def predict_proba(self, X):
        self.calls_.append(X.shape)
        return np.abs(X[:, : len(self.classes_)]).astype(np.float64)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SpyNet(Spy):
    """The same, as networks do it: with a channel axis, batch by batch."""

    _reads_batches = True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def predict_proba(self, X):
        self.calls_.append(X.shape)
        return np.abs(X.read().reshape(len(X), -1)[:, : len(self.classes_)]).astype(np.float64)


def spying(probabilities, spy=None, **params):
    """A fitted ensemble whose channels say these probabilities, and the X that makes them."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    n_events, _, n_classes = probabilities.shape
    rng = np.random.default_rng(0)
    X = np.concatenate([probabilities, rng.normal(size=(*probabilities.shape[:2], 9))], axis=2)
    X[np.isnan(probabilities).any(axis=2)] = np.nan
    y = np.array(["a", "b", "c", "d"])[np.arange(max(n_events, n_classes)) % n_classes]
    training = X[np.arange(len(y)) % n_events]
    return ChannelEnsembleClassifier(spy or Spy(), **params).fit(training, y), X


def noisy_events(n_events, seed, n_channels=24, n_samples=400):
    """Three classes of pitch; noise, gain, polarity and arrival differ between channels."""
    rng = np.random.default_rng(seed)
    y = np.array(["low", "middle", "high"])[np.arange(n_events) % 3]
    pitch = np.array([6.0, 9.0, 13.0])[np.arange(n_events) % 3] * rng.uniform(0.85, 1.15, n_events)
    leads = (n_events, n_channels, 1)
    after = np.arange(n_samples) / 100 - rng.uniform(0.8, 1.5, leads)
    wave = np.where(after > 0, np.exp(-after / 0.45), 0) * rng.choice([-1, 1], leads)
    wave = wave * np.sin(2 * np.pi * pitch[:, np.newaxis, np.newaxis] * after)
    X = wave * 10 ** rng.uniform(-0.75, 0.75, leads) + 0.3 * rng.normal(size=wave.shape)
    return (X * 10 ** rng.uniform(-1, 1, leads)).astype(np.float32), y


def forest(**params):
    names = ["fft_centroid", "gamma1", "kurt_sig", "kurt_env", "crest_factor"]
    settings = {"n_estimators": 30, "min_samples_leaf": 5, "random_state": 0}
    return FeatureForestClassifier(features=SeismicFeatures(features=names), **settings | params)


# Training ---------------------------------------------------------------------------------------


def test_every_channel_is_a_row_and_the_event_its_group():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 3, 20)), np.array([0, 1, 0, 1, 1])
    spy = ChannelEnsembleClassifier(Spy()).fit(X, y).estimator_
    assert spy.X_.shape == (15, 20)
    np.testing.assert_array_equal(spy.X_, X.reshape(15, 20))
    np.testing.assert_array_equal(spy.y_, np.repeat(y, 3))
    np.testing.assert_array_equal(spy.groups_, np.repeat(np.arange(5), 3))
    assert spy.weight_ is None
    months = np.array(["jan", "jan", "feb", "feb", "mar"])
    spy = ChannelEnsembleClassifier(Spy()).fit(X, y, groups=months).estimator_
    np.testing.assert_array_equal(spy.groups_, np.repeat(months, 3))


def test_missing_and_dead_channels_are_no_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 3, 20)), np.array([0, 1, 0, 1])
    X[0, 1] = np.nan
    X[1, 0] = 7.0  # dead
    X[2, :2] = np.nan
    X[2, 2] = 5.0  # dead, but the event has nothing else
    ensemble = ChannelEnsembleClassifier(Spy()).fit(X, y)
    expected = [[True, False, True], [False, True, True], [False, False, True], [True] * 3]
    np.testing.assert_array_equal(ensemble.channel_mask(X), expected)
    np.testing.assert_array_equal(ensemble.estimator_.groups_, [0, 0, 1, 1, 2, 3, 3, 3])
    np.testing.assert_array_equal(ensemble.estimator_.X_, X[np.array(expected)])
    probabilities = ensemble.predict_proba_channels(X)
    np.testing.assert_array_equal(~np.isnan(probabilities).any(axis=2), expected)


def test_weights_of_an_event_are_shared_by_its_channels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 3, 20)), np.array([0, 1, 0, 1])
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    spy = ChannelEnsembleClassifier(Spy()).fit(X, y, sample_weight=weight).estimator_
    np.testing.assert_array_equal(spy.weight_, np.repeat(weight, 3))
    X[3, 1:] = np.nan
    for given in (None, weight):
        spy = ChannelEnsembleClassifier(Spy()).fit(X, y, sample_weight=given).estimator_
        of_event = np.bincount(spy.groups_, spy.weight_)
        expected = np.ones(4) if given is None else weight
        np.testing.assert_allclose(of_event / of_event[0], expected)


def test_weights_reach_the_last_step_of_a_pipeline():
    X, y = noisy_events(30, 0, n_channels=3)
    pipeline = make_pipeline(
        SeismicFeatures(features=["fft_centroid", "kurt_sig"]),
        StandardScaler(),
        LogisticRegression(),
    )
    plain = ChannelEnsembleClassifier(pipeline).fit(X, y)
    weighted = ChannelEnsembleClassifier(pipeline).fit(X, y, sample_weight=1.0 + 9 * (y == "low"))
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.1
    with pytest.raises(ValueError, match="fit of KNeighborsClassifier takes none"):
        ChannelEnsembleClassifier(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(30))


def test_networks_see_random_channels_in_batches():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 4, 20)), np.arange(6) % 2
    X[0, 1:] = np.nan
    spy = ChannelEnsembleClassifier(SpyNet()).fit(X, y, sample_weight=np.arange(6)).estimator_
    assert isinstance(spy.X_, RandomChannels) and spy.X_.shape == (6, 1, 20)
    assert spy.groups_ is None  # every event is one row
    np.testing.assert_array_equal(spy.weight_, np.arange(6))
    assert (spy.X_.read() != spy.X_.read()).any()
    np.testing.assert_array_equal(spy.X_.read()[0], X[0, :1])
    ensemble = ChannelEnsembleClassifier(SpyNet(), n_channels_per_step=3).fit(X, y)
    assert ensemble.estimator_.X_.shape == (18, 1, 20)
    np.testing.assert_array_equal(ensemble.estimator_.groups_, np.repeat(np.arange(6), 3))
    everything = ChannelEnsembleClassifier(SpyNet(), n_channels_per_step="all").fit(X, y)
    np.testing.assert_array_equal(everything.estimator_.X_.read()[:, 0], X[~np.isnan(X[..., 0])])


@pytest.mark.parametrize("spy", [Spy(), SpyNet()])
def test_prediction_is_one_call(spy):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 8, 20)), np.arange(50) % 2
    ensemble = ChannelEnsembleClassifier(spy).fit(X, y)
    ensemble.predict(X)
    assert [shape[0] for shape in ensemble.estimator_.calls_] == [400]


def test_prediction_in_chunks_and_processes(monkeypatch):
    X, y = noisy_events(30, 0, n_channels=4)
    X[3, 2:] = np.nan
    ensemble = ChannelEnsembleClassifier(forest()).fit(X, y)
    expected = ensemble.predict_proba_channels(X)
    monkeypatch.setattr("seisclf.ensemble._channel_rows._CHUNK_BYTES", 7 * X[0].nbytes)
    np.testing.assert_array_equal(ensemble.predict_proba_channels(X), expected)
    ensemble.set_params(n_jobs=2)
    with parallel_config(backend="threading"):  # what processes do is joblib's own affair
        np.testing.assert_array_equal(ensemble.predict_proba_channels(X), expected)


def test_folds_inside_that_divide_events_are_warned_of():
    X, y = noisy_events(24, 0, n_channels=3)
    grid = {"max_depth": [2, None]}
    inner = RandomForestClassifier(n_estimators=3, random_state=0)
    with pytest.warns(UserWarning, match="channels of one event may fall into training and test"):
        ChannelEnsembleClassifier(GridSearchCV(inner, grid, cv=2)).fit(X, y)
    ensemble = ChannelEnsembleClassifier(GridSearchCV(inner, grid, cv=GroupKFold(3))).fit(X, y)
    assert ensemble.estimator_.n_splits_ == 3


# Votes ------------------------------------------------------------------------------------------

CHANNELS = np.array(
    [
        [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.4, 0.5, 0.1]],
        [[0.2, 0.2, 0.6], [0.5, 0.3, 0.2], [np.nan] * 3],
    ]
)


def test_votings_against_arithmetic():
    ensemble, X = spying(CHANNELS)
    np.testing.assert_allclose(ensemble.predict_proba_channels(X), CHANNELS)
    soft = np.nanmean(CHANNELS, axis=1)
    np.testing.assert_allclose(ensemble.predict_proba(X), soft)
    assert ensemble.predict(X).tolist() == ["b", "c"]
    ensemble.set_params(voting="geometric")
    geometric = np.exp(np.nanmean(np.log(CHANNELS), axis=1))
    geometric /= geometric.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ensemble.predict_proba(X), geometric)
    ensemble.set_params(voting="hard")
    np.testing.assert_allclose(
        ensemble.predict_proba(X), [[1 / 3, 2 / 3, 0], [1 / 2, 0, 1 / 2]], atol=1e-12
    )
    # One vote each in the second event: the mean of "c", 0.4, is larger than 0.35 of "a".
    assert ensemble.predict(X).tolist() == ["b", "c"]


def test_weighted_votes():
    ensemble, X = spying(CHANNELS, voting="weighted", weights=[3.0, 1.0, 0.0])
    np.testing.assert_allclose(
        ensemble.predict_proba(X),
        [
            0.75 * CHANNELS[0, 0] + 0.25 * CHANNELS[0, 1],
            0.75 * CHANNELS[1, 0] + 0.25 * CHANNELS[1, 1],
        ],
    )
    with pytest.raises(ValueError, match="weights has 3 entries, but X has 2 channels"):
        ensemble.predict(X[:, :2])
    ensemble.set_params(weights="confidence")
    confidence = 1 - entropy(CHANNELS[0], axis=1) / np.log(3)
    expected = confidence / confidence.sum() @ CHANNELS[0]
    np.testing.assert_allclose(ensemble.predict_proba(X)[0], expected)
    ensemble.set_params(weights="snr")
    ratios = snr(X[0])
    np.testing.assert_allclose(ensemble.predict_proba(X)[0], ratios / ratios.sum() @ CHANNELS[0])


def test_impossible_for_one_channel_is_no_veto():
    sure = np.array([[[0.0, 1.0], *[[0.9, 0.1]] * 23]])
    ensemble, X = spying(sure, voting="geometric")
    assert ensemble.predict(X).tolist() == ["a"]


def test_uncertainty_by_hand():
    ensemble, X = spying(CHANNELS)
    table = ensemble.uncertainty(X)
    mean = np.nanmean(CHANNELS, axis=1)
    own = [entropy(CHANNELS[0], axis=1).mean(), entropy(CHANNELS[1, :2], axis=1).mean()]
    np.testing.assert_allclose(table["entropy"], entropy(mean, axis=1))
    np.testing.assert_allclose(table["expected_entropy"], own)
    np.testing.assert_allclose(table["disagreement"], entropy(mean, axis=1) - own)
    np.testing.assert_allclose(table["dissent"], [1 / 3, 1 / 2])
    assert table["n_channels"].tolist() == [3, 2]
    same, X = spying(np.repeat(CHANNELS[:, :1], 4, axis=1))
    assert (same.uncertainty(X)["disagreement"] < 1e-12).all()
    assert (same.uncertainty(X)["dissent"] == 0).all()


def test_which_channels_carry_the_class():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    truth = np.where(y[:, np.newaxis] == [0, 1], 0.95, 0.05)
    coin = rng.dirichlet([1, 1], size=(60, 2))
    probabilities = np.concatenate([truth[:, np.newaxis], coin], axis=1)
    probabilities[:6, 2] = np.nan
    ensemble, X = spying(probabilities)
    names = np.array(["a", "b"])[y]
    table = ensemble.channel_scores(X, names)
    assert table["channel"].tolist() == [0, 1, 2]
    assert table["n_events"].tolist() == [60, 60, 54]
    assert table["accuracy"][0] == 1 and table["f1_macro"][0] == 1
    assert table["accuracy"][1] == np.mean(coin[:, 0].argmax(axis=1) == y)
    assert table["drop"].idxmax() == 0 and table["drop"][0] > 0.2
    without = np.nanmean(probabilities[:, 1:], axis=1).argmax(axis=1)
    by_accuracy = ensemble.channel_scores(X, names, scoring="accuracy")
    assert by_accuracy["drop"][0] == pytest.approx(
        ensemble.score(X, names) - np.mean(without == y)
    )
    assert np.isfinite(ensemble.channel_scores(X, names, scoring="neg_log_loss")["drop"]).all()


def test_estimators_without_probabilities_can_only_vote_hard():
    X, y = noisy_events(24, 0, n_channels=3)
    with pytest.raises(ValueError, match="voting='soft' needs probabilities, and RidgeClassifier"):
        ChannelEnsembleClassifier(RidgeClassifier()).fit(X, y)
    hard = ChannelEnsembleClassifier(RidgeClassifier(), voting="hard").fit(X, y)
    assert set(np.unique(hard.predict_proba_channels(X))) == {0.0, 1.0}


# Shapes -----------------------------------------------------------------------------------------


def test_any_number_of_channels():
    X, y = noisy_events(45, 0, n_channels=6)
    ensemble = ChannelEnsembleClassifier(forest()).fit(X, y)
    whole = ensemble.predict_proba_channels(X)
    np.testing.assert_array_equal(ensemble.predict_proba_channels(X[:, 2:3]), whole[:, 2:3])
    np.testing.assert_array_equal(ensemble.predict_proba_channels(X[:, 0]), whole[:, :1])
    twice = np.concatenate([X, X], axis=1)
    np.testing.assert_allclose(ensemble.predict_proba(twice), ensemble.predict_proba(X))
    by_station = X.reshape(45, 2, 3, -1)
    np.testing.assert_array_equal(ensemble.predict_proba_channels(by_station), whole)
    with pytest.raises(ValueError, match="samples"):
        ensemble.predict(X[..., :-1])


def test_stations_vote_with_all_their_components():
    X, y = noisy_events(30, 0, n_channels=6)
    X = X.reshape(30, 2, 3, -1)
    X[4, 1] = np.nan
    X[5, 0, 2] = np.nan  # a station without one of its components has no vote
    ensemble = ChannelEnsembleClassifier(forest(), members="stations").fit(X, y)
    assert ensemble.estimator_.n_channels_in_ == 3
    mask = ensemble.channel_mask(X)
    assert mask.shape == (30, 2) and np.argwhere(~mask).tolist() == [[4, 1], [5, 0]]
    probabilities = ensemble.predict_proba_channels(X)
    np.testing.assert_array_equal(
        probabilities[:4, 1], ensemble.estimator_.predict_proba(X[:4, 1])
    )
    assert len(ensemble.predict(X[:, :1][mask[:, 0]])) == 29
    with pytest.raises(ValueError, match="channels"):
        ensemble.predict(X[:, :, :2])
    with pytest.raises(ValueError, match="a single station is"):
        ensemble.predict(X[:, 0])
    flat = ChannelEnsembleClassifier(Spy(), members="stations").fit(X, y)
    assert flat.estimator_.X_.shape == (58, 1200)


def test_pictures_vote():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 5, 4, 6)), np.arange(8) % 2
    X[2, 3] = np.nan
    ensemble = ChannelEnsembleClassifier(Spy(), members="pictures").fit(X, y)
    assert ensemble.estimator_.X_.shape == (39, 24)
    assert ensemble.predict_proba_channels(X[:, :2]).shape == (8, 2, 2)
    net = ChannelEnsembleClassifier(SpyNet(), members="pictures").fit(X, y)
    assert net.estimator_.X_.shape == (8, 1, 4, 6)
    with pytest.raises(ValueError, match="channels"):
        ensemble.predict(X[:, :, :3])


def test_waveforms_on_disk(tmp_path):
    X, y = noisy_events(30, 0, n_channels=6)
    X[3, 2] = np.nan
    with h5py.File(tmp_path / "w.hdf5", "w") as file:
        file["x"] = X
    np.save(tmp_path / "x.npy", X)
    lazy = LazyWaveforms.from_hdf5(tmp_path / "w.hdf5", "x", sampling_rate=100.0)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for estimator in (forest(), SpyNet()):
        ensemble = ChannelEnsembleClassifier(estimator, random_state=0).fit(X, y)
        expected = ensemble.predict_proba_channels(X)
        for other in (lazy, mapped):
            again = ChannelEnsembleClassifier(estimator, random_state=0).fit(other, y)
            np.testing.assert_array_equal(again.predict_proba_channels(other), expected)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda X: X[4, 1, :5].fill(np.nan), r"partly NaN in event 4, channel 1"),
        (lambda X: X[3].fill(np.nan), r"1 of 12 events have no usable channel"),
        (lambda X: X[2, 0, :1].fill(np.inf), r"infinity"),
    ],
)
def test_what_cannot_be_used_is_refused(damage, message):
    X, y = noisy_events(12, 0, n_channels=2)
    fitted = ChannelEnsembleClassifier(Spy()).fit(X, y)
    damage(X)
    for call in (lambda: ChannelEnsembleClassifier(Spy()).fit(X, y), lambda: fitted.predict(X)):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"voting": "loud"}, "voting must be one of"),
        ({"members": "events"}, "members must be one of"),
        ({"weights": "noise"}, "weights must be one of"),
        ({"weights": [1.0, -1.0]}, "one number >= 0 for each channel"),
        ({"n_channels_per_step": 0}, "n_channels_per_step must be a positive integer"),
    ],
)
def test_parameters_are_checked(params, message):
    X, y = noisy_events(12, 0, n_channels=2)
    with pytest.raises(ValueError, match=message):
        ChannelEnsembleClassifier(Spy(), **params).fit(X, y)
    with pytest.raises(TypeError, match="must be a classifier of single channels"):
        ChannelEnsembleClassifier(StandardScaler()).fit(X, y)


def test_number_of_weights_is_checked_before_the_training():
    X, y = noisy_events(12, 0, n_channels=2)
    with pytest.raises(ValueError, match="weights has 3 entries, but X has 2 channels"):
        ChannelEnsembleClassifier(Spy(), voting="weighted", weights=[1, 2, 3]).fit(X, y)


# Together with the rest -------------------------------------------------------------------------


def test_it_beats_the_aggregate_and_every_single_channel():
    """Noise, polarity and arrival differ between channels and events: nothing adds up."""
    X, y = noisy_events(60, 0)
    X_test, y_test = noisy_events(150, 100)
    ensemble = ChannelEnsembleClassifier(forest()).fit(X, y).score(X_test, y_test)
    one = forest(min_samples_leaf=1)
    aggregate = make_pipeline(ChannelAggregator(), one).fit(X, y).score(X_test, y_test)
    single = [one.fit(X[:, [c]], y).score(X_test[:, [c]], y_test) for c in range(0, 24, 4)]
    assert ensemble > aggregate + 0.05 and ensemble > max(single) + 0.2


def test_searches_scores_copies_and_files(tmp_path):
    X, y = noisy_events(24, 0, n_channels=3)
    one = forest(random_state=None, n_estimators=5)
    ensemble = ChannelEnsembleClassifier(one, random_state=0)
    grid = {"estimator__min_samples_leaf": [1, 60], "voting": ["soft", "hard"]}
    search = GridSearchCV(ensemble, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["estimator__min_samples_leaf"] == 1
    scores = cross_val_score(ensemble, X, y, cv=GroupKFold(2), groups=np.arange(24) // 3)
    assert len(scores) == 2
    fitted = ensemble.fit(X, y)
    copies = [
        pickle.loads(pickle.dumps(fitted)),
        seisclf.load(seisclf.save(fitted, tmp_path / "e")),
    ]
    for copy in copies:
        np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))


def test_inside_a_pipeline_with_a_frozen_estimator():
    X, y = noisy_events(30, 0, n_channels=4)
    one = forest().fit(X[:, 0], y)
    ensemble = ChannelEnsembleClassifier(FrozenEstimator(one)).fit(X, y)
    np.testing.assert_array_equal(
        ensemble.predict_proba_channels(X)[:, 2], one.predict_proba(X[:, 2])
    )
    pipeline = make_pipeline(Bandpass(low=2.0, high=30.0), ChannelEnsembleClassifier(forest()))
    assert pipeline.fit(X, y).predict(X).shape == (30,)


def test_default_estimator_and_seed(monkeypatch):
    monkeypatch.setitem(FeatureForestClassifier.__init__.__kwdefaults__, "n_estimators", 5)
    X, y = noisy_events(12, 0, n_channels=2, n_samples=300)
    first, second = (ChannelEnsembleClassifier(random_state=3).fit(X, y) for _ in range(2))
    assert isinstance(first.estimator_, FeatureForestClassifier)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_it_is_compared_and_scans_records():
    from seisclf.datasets import make_continuous_record, make_seismic_events
    from seisclf.detection import EventDetector
    from seisclf.model_selection import compare_estimators

    X, y = make_seismic_events(24, n_samples=1500, random_state=0, return_X_y=True)
    ensemble = ChannelEnsembleClassifier(forest(), random_state=0)
    comparison = compare_estimators(
        {"ensemble": ensemble, "aggregate": make_pipeline(ChannelAggregator(), forest())},
        X,
        y,
        groups=np.arange(24) // 2,
        cv=2,
    )
    frame = comparison.to_frame()
    assert set(frame["estimator"]) == {"ensemble", "aggregate"}

    fitted = ensemble.fit(X, y)
    stream = make_continuous_record(
        duration=120, n_stations=1, event_rate=60, random_state=1
    ).stream
    settings = {"window": 15.0, "step": 5.0, "sampling_rate": 100.0, "background": "noise"}
    found = EventDetector(fitted, **settings).detect(stream)
    assert set(found.to_frame()["class"]) <= set(y)
    # Fitted on three components, it scans a station that has one.
    only_z = stream.select(component="Z")
    detector = EventDetector(fitted, components="Z", threshold=0.3, **settings)
    assert len(detector.detect(only_z)) > 0


@pytest.mark.parametrize("members", ["channels", "stations"])
def test_an_encoder_learns_from_all_channels_and_from_events_without_labels(members):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 2, 3, 600))
    X[0, 0, 1] = np.nan
    X[1, 1, 2] = 0.0  # dead: no channel votes there, none is learned from
    y = np.array(["quake", "noise"] * 12, dtype=object)
    y[8:] = -1
    small = {"backbone": "resnet18", "width": 2, "size": 16, "log": "db", "max_epochs": 1}
    learner = SelfSupervisedEncoder(n_projector=8, n_groups=2, crop_width=0.25, **small)
    network = CNNClassifier(encoder=learner, max_epochs=1)
    if members == "stations":
        X[0, 0] = np.nan
    ensemble = ChannelEnsembleClassifier(network, members=members, random_state=0).fit(X, y)
    assert ensemble.classes_.tolist() == ["noise", "quake"]
    assert ensemble.estimator_.pretraining_.n_channels_in_ == 6
    assert set(ensemble.predict(X)) <= {"noise", "quake"}
