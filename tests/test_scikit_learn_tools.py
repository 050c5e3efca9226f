"""What people do with scikit-learn estimators, done with ours."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from seisclf.datasets import make_seismic_events
from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.neural_network import STFTCNNClassifier
from seisclf.preprocessing import Bandpass, WaveformScaler

RATE = 100.0


@pytest.fixture(scope="module")
def events():
    return make_seismic_events(
        60, classes=("earthquake", "rockfall"), n_samples=1000, n_sites=3, random_state=0
    )


def forest(**params):
    settings = {"n_estimators": 20, "sampling_rate": RATE, "random_state": 0}
    return FeatureForestClassifier(**settings | params)


def network(**params):
    settings = {
        "n_filters": (8, 16),
        "n_hidden": 16,
        "pooling": "average",
        "dropout": 0.0,
        "max_epochs": 20,
        "lr": 3e-3,
        "batch_size": 8,
        "sampling_rate": RATE,
        "random_state": 0,
    }
    return STFTCNNClassifier(**settings | params)


def linear():
    features = SeismicFeatures(sampling_rate=RATE, groups=("waveform", "spectral"), undefined=0.0)
    return make_pipeline(features, StandardScaler(), LogisticRegression(max_iter=500))


@pytest.mark.parametrize("make", [forest, network, linear], ids=lambda make: make.__name__)
def test_pipeline_learns(make, events):
    bandpass = Bandpass(low=1.0, high=40.0, sampling_rate=RATE)
    model = make_pipeline(bandpass, WaveformScaler(), make())
    scores = cross_validate(
        model,
        events.data,
        events.target,
        cv=GroupKFold(3),
        groups=events.metadata["site"],
        scoring=["f1_macro", "neg_log_loss"],
        error_score="raise",
    )
    assert scores["test_f1_macro"].mean() > 0.6


def test_search_over_all_steps_in_two_processes(events):
    model = make_pipeline(Bandpass(low=1.0, high=40.0, sampling_rate=RATE), forest())
    grid = {"bandpass__high": [20.0, 40.0], "featureforestclassifier__max_features": ["sqrt", 0.5]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(events.data, events.target)
    assert search.best_score_ > 0.7
    assert len(search.predict(events.data)) == 60


def test_search_over_a_network(events):
    search = GridSearchCV(network(max_epochs=2), {"lr": [1e-2, 1e-3], "n_filters": [(4,), (4, 8)]})
    search.set_params(cv=2, error_score="raise").fit(events.data, events.target)
    assert set(search.best_params_) == {"lr", "n_filters"}


def test_voting_and_stacking_mix_forest_and_network(events):
    members = [("forest", forest()), ("network", network()), ("linear", linear())]
    voting = VotingClassifier(members, voting="soft").fit(events.data, events.target)
    assert voting.score(events.data, events.target) > 0.8
    stacking = StackingClassifier(members[::2], cv=2).fit(events.data, events.target)
    assert stacking.predict_proba(events.data).shape == (60, 2)


@pytest.mark.parametrize("make", [forest, network], ids=lambda make: make.__name__)
def test_calibration(make, events):
    calibrated = CalibratedClassifierCV(make(), cv=2).fit(events.data, events.target)
    probabilities = calibrated.predict_proba(events.data)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_out_of_fold_probabilities(events):
    probabilities = cross_val_predict(
        forest(), events.data, events.target, cv=3, method="predict_proba"
    )
    assert probabilities.shape == (60, 2)


def test_features_as_data_frame(events):
    features = SeismicFeatures(sampling_rate=RATE).set_output(transform="pandas")
    frame = features.fit_transform(events.data)
    assert list(frame.columns) == list(features.get_feature_names_out())
    assert "Z_fft_centroid" in frame.columns


def test_feature_union(events):
    union = FeatureUnion(
        [
            ("time", SeismicFeatures(sampling_rate=RATE, groups=("waveform",))),
            ("pitch", SeismicFeatures(sampling_rate=RATE, groups=("spectral",))),
        ]
    )
    both = SeismicFeatures(sampling_rate=RATE, groups=("waveform", "spectral"))
    assert union.fit_transform(events.data).shape == both.fit_transform(events.data).shape


@pytest.mark.parametrize("make", [forest, network], ids=lambda make: make.__name__)
def test_clone_and_joblib(make, events, tmp_path):
    fitted = make().fit(events.data, events.target)
    assert not hasattr(clone(fitted), "classes_")
    joblib.dump(fitted, tmp_path / "model.joblib")
    copy = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        copy.predict_proba(events.data), fitted.predict_proba(events.data)
    )


@pytest.mark.parametrize("make", [forest, network, linear], ids=lambda make: make.__name__)
def test_drawn_in_a_notebook(make):
    model = make_pipeline(WaveformScaler(), make())
    assert type(model[-1]).__name__ in estimator_html_repr(model)
