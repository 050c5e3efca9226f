"""What class_weight means, the same for forests and networks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight

import seisclf
from seisclf.ensemble import FeatureForestClassifier
from seisclf.ensemble._weights import event_weights
from seisclf.feature_extraction import SeismicFeatures
from seisclf.neural_network import STFTCNNClassifier
from seisclf.utils._class_weight import class_factors

CLASSES = np.array(["noise", "quake", "rockfall"])
PAIR = ("balanced", {"noise": 0.0})


def forest(**params):
    return FeatureForestClassifier(
        features=SeismicFeatures(features=["rms", "kurt_sig"]),
        n_estimators=10,
        random_state=0,
        **params,
    )


def network(**params):
    return STFTCNNClassifier(max_epochs=3, batch_size=16, device="cpu", random_state=0, **params)


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    y = np.repeat(CLASSES, [8, 10, 22])
    X = rng.normal(size=(40, 1, 600)).astype(np.float32)
    X[y == "rockfall"] *= 3
    X[y == "quake"] *= np.hanning(600).astype(np.float32)
    return X, y


def test_balanced_is_that_of_scikit_learn():
    y = np.repeat(CLASSES, [8, 10, 30])
    expected = compute_class_weight("balanced", classes=CLASSES, y=y)
    np.testing.assert_allclose(class_factors("balanced", CLASSES, [8, 10, 30]), expected)


@pytest.mark.parametrize("factor", [0.0, 1.0, 2.5])
def test_named_classes_do_not_count_in_the_balance(factor):
    found = class_factors(("balanced", {"noise": factor}), CLASSES, [8, 10, 30])
    without = class_factors("balanced", CLASSES[1:], [10, 30])
    np.testing.assert_array_equal(found, [factor, *without])
    assert found[1:] @ [10, 30] == pytest.approx(40)


def test_named_labels_may_be_absent():
    with pytest.warns(
        UserWarning, match=r"names \['noise'\], .* classes are \['quake', 'rockfall'\]"
    ):
        found = class_factors(PAIR, CLASSES[1:], [10, 30])
    np.testing.assert_array_equal(found, class_factors("balanced", CLASSES[1:], [10, 30]))
    # A class that is known but has no events in this call neither counts nor divides by zero.
    np.testing.assert_array_equal(class_factors(PAIR, CLASSES, [0, 10, 10]), [0, 1, 1])
    np.testing.assert_array_equal(class_factors(PAIR, CLASSES, [8, 0, 10]), [0, 1, 1])


def test_dict_of_all_labels_may_name_one_that_a_fold_lacks():
    whole = {"noise": 0.5, "quake": 1.0, "rockfall": 2.0}
    np.testing.assert_array_equal(class_factors(whole, CLASSES[1:], [1, 1]), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"\['quaek'\], which are not among the classes"):
        class_factors({"quaek": 2.0}, CLASSES, [1, 1, 1])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("auto", "class_weight must be None, 'balanced'"),
        (("balanced", "noise"), "class_weight must be None, 'balanced'"),
        (("balanced", {"noise": -1.0}), "finite numbers >= 0"),
        (("balanced", {"noise": None}), "finite numbers >= 0"),
        ({"noise": np.nan}, "finite numbers >= 0"),
        (("balanced", {7: 0.0}), r"\[7\], which are not among the classes"),
        (("balanced", dict.fromkeys(CLASSES.tolist(), 0.0)), "zero for every event"),
    ],
)
@pytest.mark.parametrize("make", [forest, network])
def test_errors_name_what_is_needed(events, make, class_weight, message):
    with pytest.raises(ValueError, match=message):
        make(class_weight=class_weight).fit(*events)


def test_weights_of_events_are_exact_sums():
    y = np.repeat(CLASSES, [8, 7, 31])
    weight = event_weights(y, ("balanced", {"noise": 0.1}))
    orders = [np.random.default_rng(seed).permutation(len(y)) for seed in range(20)]
    assert len({float(np.cumsum(weight[order])[-1]) for order in orders}) == 1
    assert np.all(event_weights(y, PAIR)[y == "noise"] == 0.0)


def test_forest_counts_events_by_their_weight(events):
    _, y = events
    weight = np.random.default_rng(1).integers(1, 4, size=len(y))
    repeated = event_weights(np.repeat(y, weight), PAIR)
    np.testing.assert_array_equal(
        np.repeat(event_weights(y, PAIR, weight) / weight, weight), repeated
    )


def test_a_class_of_weight_zero_is_known_but_teaches_nothing(events):
    X, y = events
    model = forest(class_weight=PAIR, bootstrap=False).fit(X, y)
    assert model.classes_.tolist() == CLASSES.tolist()
    assert model.predict_proba(X)[:, 0].max() == 0.0
    kept = y != "noise"
    alone = forest(class_weight="balanced", bootstrap=False).fit(X[kept], y[kept])
    np.testing.assert_allclose(model.predict_proba(X)[:, 1:], alone.predict_proba(X))


def test_network_takes_it_as_weights_of_events(events):
    X, y = events
    by_class = network(class_weight=PAIR, dtype="float64").fit(X, y)
    weight = event_weights(y, PAIR)
    by_row = network(class_weight=None, dtype="float64").fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), atol=1e-5)
    balanced = network(class_weight="balanced", dtype="float64").fit(X, y)
    assert not np.allclose(by_class.predict_proba(X), balanced.predict_proba(X), atol=1e-3)


def test_two_classes_of_which_one_weighs_nothing(events):
    """What 5 % of the labels may look like: no error, though only one class teaches."""
    X, y = events
    rows = y != "quake"
    assert np.all(forest(class_weight=PAIR).fit(X[rows], y[rows]).predict(X) == "rockfall")
    network(class_weight=PAIR).fit(X[rows], y[rows])


@pytest.mark.parametrize("make", [forest, network])
def test_clone_search_and_model_files(events, make, tmp_path):
    X, y = events
    grid = {"class_weight": ["balanced", PAIR, ("balanced", {"noise": 1.0})]}
    search = GridSearchCV(make(), grid, cv=2).fit(X, y)
    assert search.best_params_["class_weight"] in grid["class_weight"]
    model = clone(make(class_weight=PAIR)).fit(X, y)
    loaded = seisclf.load(model.save(tmp_path / "model.seisclf"))
    assert loaded.class_weight == PAIR
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_balance_means_the_same_as_in_scikit_learn_models(events):
    """The factors can be handed to an estimator that only knows a dict."""
    X, y = events
    factors = class_factors(PAIR, CLASSES, [8, 10, 22])
    table = X.std(axis=-1)
    model = LogisticRegression(class_weight=dict(zip(CLASSES, factors))).fit(table, y)
    assert model.predict_proba(table)[:, 0].max() < 0.05
