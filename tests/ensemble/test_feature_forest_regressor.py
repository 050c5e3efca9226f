"""FeatureForestRegressor: numbers, their standard deviations by hand, files, what is refused."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.ensemble import FeatureForestRegressor, FeatureImportanceDisplay
from seisclf.feature_extraction import SeismicFeatures
from seisclf.inspection import forest_contributions, forest_permutation_importance
from seisclf.metrics import interval_coverage
from seisclf.preprocessing import WaveformScaler

FEW = SeismicFeatures(features=["fft_centroid", "kurt_sig", "rms"])
SMALL = {"features": FEW, "n_estimators": 20, "random_state": 0}


class Samples(TransformerMixin, BaseEstimator):
    """The first two samples of the first channel, as features."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, 0, :2]


def make_events(n, seed=0):
    """Events of 3 channels whose pitch tells a number."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(10, 100, n)
    t = np.arange(300) / 100
    X = rng.normal(size=(n, 3, 300)) + 5 * np.sin(2 * np.pi * (y[:, None, None] / 3) * t)
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def events():
    return make_events(120)


@pytest.fixture(scope="module")
def fitted(events):
    return FeatureForestRegressor(**SMALL).fit(*events)


@pytest.mark.parametrize("forest", ["random_forest", "extra_trees"])
def test_it_learns_a_number(forest, events):
    X, y = make_events(80, seed=1)
    model = FeatureForestRegressor(**SMALL, forest=forest).fit(*events)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, model.predict(X))
    assert model.score(X, y) > 0.9
    assert mean.dtype == std.dtype == np.float64 and std.shape == (80,)
    assert 0.8 < interval_coverage(y, mean, std) <= 1


@pytest.mark.parametrize("weighted", [False, True])
def test_standard_deviations_by_hand(weighted):
    """Mixture of the leaves of all trees, each with the training events that lie in it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 1, 20)), rng.normal(size=60)
    weight = rng.uniform(0.5, 2, 60) if weighted else np.ones(60)
    settings = {"features": Samples(), "n_estimators": 7, "min_samples_leaf": 4}
    model = FeatureForestRegressor(**settings, bootstrap=False, random_state=0)
    model.fit(X, y, sample_weight=weight if weighted else None)
    new = rng.normal(size=(15, 1, 20))
    mean, std = model.predict(new, return_std=True)
    own, other = (model.forest_.apply(model.extract_features(rows)) for rows in (X, new))
    for i in range(15):
        # All trees weigh the same, whatever their leaves hold.
        share = np.mean(
            [
                weight * (own[:, t] == other[i, t]) / weight[own[:, t] == other[i, t]].sum()
                for t in range(7)
            ],
            axis=0,
        )
        assert mean[i] == pytest.approx(share @ y)
        assert std[i] == pytest.approx(np.sqrt(share @ (y - share @ y) ** 2))


def test_events_that_cannot_be_known_have_large_standard_deviations(events):
    X, y = events
    rng = np.random.default_rng(1)
    hidden = np.arange(120) % 2 == 0
    # Each kind of event at a loudness of its own; of one the pitch says nothing.
    other = X.copy()
    other[hidden] = 100 * rng.normal(size=X[hidden].shape)
    _, std = FeatureForestRegressor(**SMALL).fit(other, y).predict(other, return_std=True)
    assert np.median(std[hidden]) > 1.5 * np.median(std[~hidden])


def test_leaves_of_one_event_leave_the_spread_between_trees(events):
    X, y = events
    model = FeatureForestRegressor(**SMALL, min_samples_leaf=1).fit(X, y)
    trees = np.array([tree.predict(model.extract_features(X)) for tree in model.forest_])
    np.testing.assert_allclose(model.predict(X, return_std=True)[1], trees.std(axis=0))


def test_many_events_are_looked_up_in_parts(fitted, events, monkeypatch):
    whole = fitted.predict(events[0], return_std=True)
    monkeypatch.setattr("seisclf.ensemble._feature_forest_regressor._AT_ONCE", 130)
    np.testing.assert_array_equal(fitted.predict(events[0], return_std=True), whole)


def test_a_pipeline_passes_return_std_on(events, tmp_path):
    X, y = events
    model = make_pipeline(WaveformScaler(scope="event"), FeatureForestRegressor(**SMALL))
    model.fit(X, y)
    loaded = seisclf.load(seisclf.save(model, tmp_path / "forest.seisclf"))
    for ours, theirs in zip(
        model.predict(X, return_std=True), loaded.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_searched_with_features_inside(events):
    grid = {"features__features": [["rms"], ["fft_centroid"]], "min_samples_leaf": [1, 5]}
    search = GridSearchCV(
        FeatureForestRegressor(**SMALL), grid, cv=2, scoring="neg_mean_absolute_error"
    ).fit(*events)
    assert search.best_params_["features__features"] == ["fft_centroid"]


def test_out_of_bag_score(events):
    model = FeatureForestRegressor(**SMALL, oob_score=True).fit(*events)
    assert 0.8 < model.oob_score_ < 1


def test_importances_are_losses_of_r2(fitted):
    X, y = make_events(60, seed=1)
    found = fitted.grouped_importances(X, y, by="feature", n_repeats=3, random_state=0)
    assert "fft_centroid" in found.names[0]
    assert found.score == pytest.approx(fitted.score(X, y))
    display = FeatureImportanceDisplay.from_estimator(fitted, X, y, n_repeats=2)
    assert display.score_name == "R²"
    table = forest_permutation_importance(fitted, X, y, by="feature", n_repeats=3)
    assert "fft_centroid" in table.index[0]


def test_what_cannot_be_done_is_refused(events, fitted):
    X, y = events
    other = FeatureForestRegressor(**SMALL, criterion="absolute_error").fit(X[:30], y[:30])
    with pytest.raises(ValueError, match="criterion='absolute_error': set criterion='squared_er"):
        other.predict(X, return_std=True)
    with pytest.raises(ValueError, match="1d array"):
        FeatureForestRegressor(**SMALL).fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="NaN"):
        FeatureForestRegressor(**SMALL).fit(X, np.where(y > 50, np.nan, y))
    with pytest.raises(ValueError, match="forest must be one of"):
        FeatureForestRegressor(**SMALL, forest="oak").fit(X, y)
    with pytest.raises(ValueError, match="fit saw 3"):
        fitted.predict(X[:, :2])
    with pytest.raises(TypeError, match="FeatureForestRegressor has none: ask forest_permutation"):
        forest_contributions(fitted, X)
