"""FeatureForestClassifier: what it learns, weights, missing features, files, importances."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import seisclf
from seisclf.ensemble import FeatureForestClassifier, FeatureImportanceDisplay
from seisclf.feature_extraction import SeismicFeatures, TsfreshFeatures

NAMES = ["fft_centroid", "gamma1", "kurt_sig", "kurt_env", "rms", "crest_factor"]


def small_forest(**params):
    features = SeismicFeatures(sampling_rate=100.0, features=NAMES)
    return FeatureForestClassifier(
        **{"features": features, "n_estimators": 30, "random_state": 0} | params
    )


@pytest.fixture(scope="module")
def events():
    """Three components; the classes differ in the frequency of E, and in nothing else."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3, 300))
    y = np.array(["rockfall", "quake"])[np.arange(80) % 2]
    time = np.arange(300) / 100.0
    frequency = np.where(y == "quake", 5.0, 20.0)[:, np.newaxis]
    X[:, 2] += 2.0 * np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6, size=(80, 1)))
    return X, y


@pytest.fixture(scope="module")
def fitted(events):
    X, y = events
    return small_forest(n_estimators=60, max_features=None).fit(X[:40], y[:40])


def test_default_features_classify_and_are_named(events):
    X, y = events
    forest = FeatureForestClassifier(n_estimators=30, random_state=0).fit(X[:40], y[:40])
    assert forest.score(X[40:], y[40:]) > 0.95
    assert forest.predict(X[40:]).dtype == y.dtype
    np.testing.assert_allclose(forest.predict_proba(X[40:]).sum(axis=1), 1.0)
    assert list(forest.feature_names_) == SeismicFeatures().fit(X).feature_names_
    assert forest.extract_features(X[:3]).shape == (3, len(forest.feature_names_))
    table = forest.feature_table()
    assert table["importance"].sum() == pytest.approx(1.0)
    assert table.groupby("channel")["importance"].sum().idxmax() == "E"


@pytest.mark.parametrize("params", [{"forest": "extra_trees"}, {"bootstrap": False}])
def test_other_forests(events, params):
    X, y = events
    assert small_forest(**params).fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9


def test_out_of_bag_score(events):
    X, y = events
    forest = small_forest(oob_score=True, n_estimators=60).fit(X, y)
    assert forest.oob_score_ > 0.9
    with pytest.raises(ValueError, match="bootstrap=True"):
        small_forest(oob_score=True, forest="extra_trees").fit(X, y)


@pytest.mark.parametrize("class_weight", [None, "balanced", {"rockfall": 3.0, "quake": 1.0}])
def test_a_weight_of_two_is_an_event_twice(events, class_weight):
    X, y = events
    rng = np.random.default_rng(1)
    y = rng.permutation(y)  # a task that is hard, so that weights matter
    weight = rng.integers(0, 4, size=len(y))
    params = {
        "bootstrap": False,
        "max_features": None,
        "max_depth": 3,
        "class_weight": class_weight,
    }
    weighted = small_forest(**params).fit(X, y, sample_weight=weight)
    repeated = small_forest(**params).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X))


def test_balanced_weights_find_the_rare_class():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 200)) * (1.0 + 0.12 * y[:, np.newaxis])
    features = SeismicFeatures(features=["rms"])

    def found(class_weight):
        forest = small_forest(features=features, class_weight=class_weight, max_depth=2)
        return (forest.fit(X[::2], y[::2]).predict(X[1::2])[y[1::2] == 1] == 1).mean()

    assert found("balanced") > found(None)
    assert found({0: 1.0, 1: 1000.0}) == 1.0


@pytest.mark.parametrize("imputation", ["native", "mean", "median", -1.0])
def test_dead_channels_are_no_obstacle(events, imputation):
    X, y = events
    X = X.copy()
    X[::5, 2] = 0.0
    with pytest.warns(UserWarning, match="constant"):
        forest = small_forest(imputation=imputation).fit(X[:40], y[:40])
    with pytest.warns(UserWarning, match="constant"):
        table = forest.extract_features(X[40:])
        correct = forest.predict(X[40:]) == y[40:]
    alive = np.arange(40, 80) % 5 != 0
    assert correct[alive].mean() > 0.9
    missing = table[~alive][:, [name.startswith("E_") for name in forest.feature_names_]]
    if imputation == "native":
        assert np.isnan(missing).all()
    else:
        assert np.isfinite(missing).all()
    if imputation == -1.0:
        assert (missing == -1.0).all()


def test_a_channel_never_seen_keeps_its_columns(events):
    X, y = events
    X = X.copy()
    X[:, 1] = 0.0
    with pytest.warns(UserWarning, match="constant"):
        forest = small_forest(imputation="median").fit(X, y)
        assert forest.extract_features(X).shape == (80, 18)
    assert np.isfinite(forest.fill_values_).all()


def test_features_that_learn_from_y(events):
    pytest.importorskip("tsfresh")
    X, y = events
    features = TsfreshFeatures(settings=["mean_abs_change", "maximum", "mean"])
    forest = small_forest(features=features).fit(X[:40], y[:40])
    assert "E_mean_abs_change" in forest.feature_names_
    assert len(forest.feature_names_) < 9
    assert forest.score(X[40:], y[40:]) > 0.9
    assert not hasattr(features, "feature_names_")


def test_any_transformer_will_do(events):
    X, y = events
    energy = FunctionTransformer(lambda X: (np.diff(X, axis=-1) ** 2).mean(axis=-1))
    forest = small_forest(features=energy).fit(X[:40], y[:40])
    assert forest.score(X[40:], y[40:]) > 0.9
    assert len(forest.grouped_importances(X[40:], y[40:], n_repeats=2).names) == 3
    with pytest.raises(TypeError, match="features must be a transformer"):
        small_forest(features="fft").fit(X, y)


def test_searched_with_features_inside(events):
    X, y = events
    search = GridSearchCV(
        small_forest(n_estimators=5),
        {"features__features": [["kurt_sig"], ["fft_centroid"]], "forest": ["extra_trees"]},
        cv=2,
    ).fit(X, y)
    assert search.best_params_["features__features"] == ["fft_centroid"]


def test_pandas_output_configuration_changes_nothing(events):
    import sklearn

    X, y = events
    expected = small_forest().fit(X, y).predict_proba(X)
    with sklearn.config_context(transform_output="pandas"):
        found = small_forest().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(found, expected)


def test_lazy_waveforms(events, tmp_path):
    import h5py

    from seisclf.io import LazyWaveforms

    X, y = events
    X = X.astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "x.h5", "x", sampling_rate=100.0)
    expected = small_forest().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(small_forest().fit(lazy, y).predict_proba(lazy), expected)


@pytest.mark.parametrize("params", [{}, {"forest": "extra_trees", "imputation": "median"}])
def test_saved_without_pickle(events, tmp_path, params):
    X, y = events
    forest = small_forest(**params).fit(X, y)
    again = seisclf.load(forest.save(tmp_path / "forest.seisclf"))
    np.testing.assert_array_equal(again.predict_proba(X), forest.predict_proba(X))
    assert list(again.feature_names_) == list(forest.feature_names_)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"forest": "boosting"}, "forest must be one of"),
        ({"imputation": "zero"}, "imputation must be"),
        ({"imputation": None}, "imputation must be"),
    ],
)
def test_errors_name_the_parameter(events, params, message):
    with pytest.raises(ValueError, match=message):
        small_forest(**params).fit(*events)


def test_grouped_importances_find_what_matters(events, fitted):
    X, y = events
    by_channel = fitted.grouped_importances(X[40:], y[40:], by="channel", random_state=0)
    assert by_channel.names[0] == "E"
    assert by_channel.importances_mean[0] > 0.3
    assert np.abs(by_channel.importances_mean[1:]).max() < 0.1
    assert by_channel.n_features.tolist() == [6, 6, 6]
    assert by_channel.score > 0.7

    by_family = fitted.grouped_importances(X[40:], y[40:], random_state=0)
    assert by_family.names[0] == "frequency"
    both = fitted.grouped_importances(X[40:], y[40:], by=("channel", "family"), random_state=0)
    assert both.names[0] == "E frequency"
    mine = fitted.grouped_importances(
        X[40:], y[40:], by=lambda row: row["name"][:3], n_repeats=3, scoring="accuracy"
    )
    assert mine.importances.shape == (5, 3)
    assert set(mine.names) == {"fft", "gam", "kur", "rms", "cre"}


def test_a_group_is_worth_more_than_its_members(events, fitted):
    """Two features that know the same hide each other when shuffled one by one."""
    X, y = events
    alone = fitted.grouped_importances(X[40:], y[40:], by="feature", random_state=0)
    value = dict(zip(alone.names, alone.importances_mean, strict=True))
    together = fitted.grouped_importances(X[40:], y[40:], by=("channel", "family"), random_state=0)
    assert together.importances_mean[0] > max(value["E_fft_centroid"], value["E_gamma1"])


def test_importances_are_reproducible_and_check_their_input(events, fitted):
    X, y = events
    first, second = (
        fitted.grouped_importances(X[40:], y[40:], n_repeats=3, random_state=7) for _ in range(2)
    )
    np.testing.assert_array_equal(first.importances, second.importances)
    with pytest.raises(ValueError, match="by must be one of"):
        fitted.grouped_importances(X[40:], y[40:], by="colour")
    with pytest.raises(ValueError, match="n_repeats"):
        fitted.grouped_importances(X[40:], y[40:], n_repeats=0)
    with pytest.raises(ValueError, match="one for each"):
        fitted.grouped_importances(X[40:], y[41:])


def test_display_shows_bars_and_repeats(events, fitted):
    X, y = events
    display = fitted.explain(X[40:], y[40:], by="feature", n_repeats=3, max_groups=4)
    assert len(display.ax_.patches) == 4
    assert len(display.ax_.lines[0].get_xdata()) == 4 * 3
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == list(display.importances.names[:4])
    assert "4 of 18 shown" in display.ax_.get_title(loc="left")

    from matplotlib import pyplot as plt

    figure, ax = plt.subplots()
    again = FeatureImportanceDisplay(display.importances).plot(ax=ax)
    assert again.figure_ is figure


def test_display_takes_a_pipeline_and_refuses_others(events, fitted):
    X, y = events
    pipeline = make_pipeline(FunctionTransformer(np.negative), small_forest()).fit(X[:40], y[:40])
    display = FeatureImportanceDisplay.from_estimator(pipeline, X[40:], y[40:], n_repeats=2)
    assert display.importances.score > 0.6
    with pytest.raises(TypeError, match="FeatureForestClassifier"):
        FeatureImportanceDisplay.from_estimator(SeismicFeatures(), X, y)


def test_weights_choose_the_events_that_are_scored(events, fitted):
    X, y = events
    weight = (np.arange(40) < 20).astype(float)
    params = {"n_repeats": 2, "random_state": 0}
    found = fitted.grouped_importances(X[40:], y[40:], sample_weight=weight, **params)
    first = fitted.grouped_importances(X[40:60], y[40:60], **params)
    assert found.score == pytest.approx(first.score)
    assert found.score != fitted.grouped_importances(X[40:], y[40:], **params).score
