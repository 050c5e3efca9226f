"""What scikit-learn asks of an estimator, of the engine alone and of its first network."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import seisclf
from seisclf.neural_network import STFTCNNClassifier


@pytest.fixture
def stft_cnn():
    return STFTCNNClassifier(**STFTCNNClassifier._get_test_params()[0], random_state=0)


def test_whole_battery_with_a_network_that_can_learn_blobs(Tiny):
    """No check is relaxed: not poor_score, and weights equal repetition to 1e-7."""
    results = check_estimator(Tiny(dtype="float64", random_state=0), on_fail=None)
    failed = [r["check_name"] for r in results if r["status"] == "failed"]
    assert failed == []
    passed = {r["check_name"] for r in results if r["status"] == "passed"}
    assert len(passed) > 45
    assert "check_sample_weight_equivalence_on_dense_data" in passed
    assert not Tiny().__sklearn_tags__().classifier_tags.poor_score


@pytest.mark.parametrize(
    "labels",
    [["quake", "noise"], [True, False], [5, 17], [-1.0, 1.0]],
    ids=["string", "bool", "gappy", "float"],
)
def test_labels_come_back_as_they_went_in(Tiny, events, labels):
    X, y, _ = events
    target = np.array(labels)[(y == "a").astype(int)]
    net = Tiny(random_state=0).fit(X, target)
    assert_array_equal(net.classes_, np.unique(target))
    predicted = net.predict(X)
    assert predicted.dtype == target.dtype
    assert np.mean(predicted == target) > 0.9


def test_probabilities_sum_to_one_and_follow_the_logits(Tiny, events):
    X, y, _ = events
    net = Tiny(random_state=0).fit(X, y)
    proba = net.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert_array_equal(net.classes_[proba.argmax(1)], net.predict(X))
    np.testing.assert_allclose(np.log(proba), net.predict_log_proba(X), atol=1e-12)
    assert net.decision_function(X).shape == (60, 3)


def test_huge_logits_stay_finite(Tiny, events):
    X, y, _ = events
    net = Tiny(random_state=0).fit(X, y)
    last = net.net_.module_.layers[-1]
    last.weight.data.zero_()
    last.bias.data[:] = last.bias.data.new_tensor([1e4, -1e4, 0.0])
    assert_array_equal(net.predict_proba(X), np.tile([1.0, 0.0, 0.0], (60, 1)))
    assert np.isfinite(net.predict_log_proba(X)).all()


def test_clone_refits_on_another_shape(stft_cnn, events):
    X, y, _ = events
    first = stft_cnn.fit(X, y)
    other = clone(first)
    assert not hasattr(other, "net_")
    longer = np.concatenate([X, X, X], axis=-1)[:, :1]
    other.fit(longer, y)
    assert (other.n_channels_in_, other.n_samples_in_) == (1, 60)
    first.fit(longer, y)
    assert_array_equal(first.predict_proba(longer), other.predict_proba(longer))


def test_events_of_another_shape_are_refused(stft_cnn, events):
    X, y, _ = events
    stft_cnn.fit(X, y)
    with pytest.raises(ValueError, match="1 channels, fit saw 2"):
        stft_cnn.predict(X[:, :1])


def test_joblib_dump(stft_cnn, events, tmp_path):
    X, y, _ = events
    stft_cnn.fit(X, y)
    joblib.dump(stft_cnn, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    assert_array_equal(loaded.predict_proba(X), stft_cnn.predict_proba(X))


def test_save_and_load_predict_and_continue_bit_equal(events, tmp_path):
    X, y, _ = events
    net = STFTCNNClassifier(
        n_filters=(4, 4), window_length=0.1, hop=0.05, max_epochs=3, random_state=0, device="cpu"
    ).fit(X, y)
    loaded = STFTCNNClassifier.load(net.save(tmp_path / "net.seisclf"))
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert loaded.history_ == net.history_
    assert (loaded.n_iter_, loaded.best_epoch_) == (3, 3)
    for one in (net, loaded):
        one.partial_fit(X, y, epochs=2)
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert [row["epoch"] for row in loaded.history_] == [1, 2, 3, 4, 5]


def test_unfitted_network_can_be_saved(stft_cnn, tmp_path):
    seisclf.save(stft_cnn, tmp_path / "net.seisclf")
    loaded = seisclf.load(tmp_path / "net.seisclf")
    assert loaded.get_params() == stft_cnn.get_params()


def test_meta_estimators(stft_cnn, events):
    X, y, _ = events
    result = cross_validate(make_pipeline(stft_cnn), X, y, cv=2, scoring="f1_macro")
    assert np.isfinite(result["test_score"]).all()
    vote = VotingClassifier([("a", stft_cnn), ("b", clone(stft_cnn))], voting="soft").fit(X, y)
    np.testing.assert_allclose(vote.predict_proba(X).sum(axis=1), 1)
    calibrated = CalibratedClassifierCV(stft_cnn, cv=2).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert "STFTCNNClassifier" in stft_cnn._repr_html_()
