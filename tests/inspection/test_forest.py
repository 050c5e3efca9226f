"""Forests: contributions that sum to probabilities, importance by family."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from seisclf.datasets import make_seismic_events
from seisclf.ensemble import FeatureForestClassifier
from seisclf.inspection import (
    ForestContributionDisplay,
    forest_contributions,
    forest_permutation_importance,
)
from seisclf.inspection._forest_importance import _orders
from seisclf.preprocessing import WaveformScaler


@pytest.fixture(scope="module")
def events():
    X, y = make_seismic_events(60, n_samples=800, random_state=0, return_X_y=True)
    X[0, 1] = 0  # a dead channel: features that are not defined
    return X, y


@pytest.fixture(scope="module", params=["random_forest", "extra_trees"])
def forest(request, events):
    model = FeatureForestClassifier(forest=request.param, n_estimators=40, random_state=0)
    return model.fit(*events)


def test_contributions_sum_to_probabilities(forest, events):
    X, _ = events
    found = forest_contributions(forest, X)
    assert found.contributions.shape == (60, len(forest.feature_names_), 4)
    expected = forest.predict_proba(X)
    total = found.bias + found.contributions.sum(axis=1)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.contributions.sum(axis=2), 0, atol=1e-12)
    assert np.isnan(found.features[0]).any()


def test_contributions_follow_the_path():
    """One tree, written out node by node."""
    X, y = make_seismic_events(30, n_samples=500, random_state=1, return_X_y=True)
    forest = FeatureForestClassifier(n_estimators=1, bootstrap=False, random_state=0).fit(X, y)
    found = forest_contributions(forest, X[:5])
    tree, features = forest.forest_.estimators_[0].tree_, forest.extract_features(X[:5])
    for event, row in enumerate(features.astype(np.float32)):
        expected, node = np.zeros_like(found.contributions[0]), 0
        share = tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)
        while tree.children_left[node] >= 0:
            feature = tree.feature[node]
            left = row[feature] <= tree.threshold[node]
            if np.isnan(row[feature]):
                left = tree.missing_go_to_left[node]
            child = (tree.children_left if left else tree.children_right)[node]
            expected[feature] += share[child] - share[node]
            node = child
        np.testing.assert_allclose(found.contributions[event], expected, atol=1e-12)


def test_table_of_an_event(forest, events):
    found = forest_contributions(make_pipeline(forest), events[0][:3])
    by_feature, by_family = found.event(1), found.event(1, by="family")
    assert by_feature["contribution"].abs().is_monotonic_decreasing
    assert by_family["n_features"].sum() == len(by_feature)
    best = found.probabilities[1].max() - found.bias[found.probabilities[1].argmax()]
    assert by_feature["contribution"].sum() == pytest.approx(best)
    assert by_family["contribution"].sum() == pytest.approx(best)
    with pytest.raises(ValueError, match="none of the classes"):
        found.event(1, target="whale")
    with pytest.raises(ValueError, match="by must be"):
        found.event(1, by="colour")
    with pytest.raises(TypeError, match="FeatureForestClassifier"):
        forest_contributions(WaveformScaler().fit(events[0]), events[0])


def test_importance_by_family(forest, events):
    X, y = events
    table = forest_permutation_importance(forest, X, y, n_repeats=3, random_state=0)
    assert set(table.index) == set(forest.feature_table()["family"])
    assert table["importance"].is_monotonic_decreasing
    assert table["n_features"].sum() == len(forest.feature_names_)
    repeats = table.filter(like="repeat_").to_numpy()
    np.testing.assert_allclose(repeats.mean(axis=1), table["importance"])
    ours = forest.grouped_importances(X, y, n_repeats=3, random_state=0)
    assert list(table.index) == ours.names and table.attrs["score"] == ours.score
    with_events = forest_permutation_importance(
        forest, X, y, groups=np.arange(60) // 2, n_repeats=2, random_state=0
    )
    assert with_events["importance"].iloc[0] > 0


def test_no_row_gets_features_of_its_own_event():
    groups = np.repeat(["a", "b", "c", "d"], [1, 5, 2, 4])
    for order in _orders(groups, 12, 20, seed=0):
        assert (groups[order] != groups).all()
    with pytest.raises(ValueError, match="shuffling needs at least 2"):
        _orders(np.zeros(4), 4, 1, seed=0)
    with pytest.raises(ValueError, match="event of each of 5 rows"):
        _orders(np.zeros(4), 5, 1, seed=0)


def test_display(forest, events):
    display = ForestContributionDisplay.from_estimator(forest, events[0][1], max_bars=5)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert len(labels) == 6 and labels[-1].endswith("others")
    widths = [bar.get_width() for bar in display.ax_.patches]
    found = display.contributions
    total = found.probabilities[0].max() - found.bias[found.probabilities[0].argmax()]
    assert sum(widths) == pytest.approx(total)
