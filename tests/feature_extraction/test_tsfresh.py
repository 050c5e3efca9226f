"""TsfreshFeatures against tsfresh itself, and what it promises beyond."""

import sys

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import seisclf
from seisclf.feature_extraction import TsfreshFeatures

pytest.importorskip("tsfresh")


@pytest.fixture(scope="module")
def events():
    """Two classes that differ in the level of the first of two channels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2, 60))
    y = np.array(["rockfall", "quake"])[np.arange(30) % 2]
    X[y == "quake", 0] *= 3.0
    return X, y


def test_same_values_and_names_as_extract_features():
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import EfficientFCParameters

    X = np.random.default_rng(1).normal(size=(2, 1, 120))
    long = pd.DataFrame(
        {"id": np.repeat([0, 1], 120), "time": np.tile(np.arange(120), 2), "ch0": X.ravel()}
    )
    expected = extract_features(
        long,
        column_id="id",
        column_sort="time",
        default_fc_parameters=EfficientFCParameters(),
        n_jobs=0,
        disable_progressbar=True,
    )
    expected = expected.replace([np.inf, -np.inf], np.nan)

    features = TsfreshFeatures(select=False).set_output(transform="pandas")
    found = features.fit_transform(X)
    found.columns = found.columns.str.replace("ch0_", "ch0__", n=1)
    assert set(found.columns) == set(expected.columns)
    np.testing.assert_allclose(found[expected.columns], expected, rtol=1e-10)


def test_selection_keeps_what_depends_on_y_and_computes_only_that(events):
    X, y = events
    features = TsfreshFeatures(settings=["maximum", "mean", "quantile"], components="ZN")
    table = features.fit_transform(X, y)
    names = features.get_feature_names_out().tolist()
    assert "Z_maximum" in names
    assert not any(name.startswith("N_") for name in names)
    assert features.n_candidates_ == 2 * (1 + 1 + 8)
    assert features.calculators_[1] == {}
    assert table.shape == (30, len(names))
    np.testing.assert_array_equal(features.transform(X), table)

    everything = TsfreshFeatures(
        settings=["maximum", "mean", "quantile"], components="ZN", select=False
    ).fit(X)
    columns = [everything.feature_names_.index(name) for name in names]
    np.testing.assert_array_equal(everything.transform(X)[:, columns], table)


def test_selection_inside_the_fold_finds_nothing_in_noise():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 20)), rng.integers(2, size=40)
    pipeline = make_pipeline(
        TsfreshFeatures(settings=["quantile", "maximum", "mean"], fdr_level=0.9),
        DecisionTreeClassifier(random_state=0),
    )
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="none of"):
        scores = cross_val_score(pipeline, X, y, cv=4)
    assert 0.25 < scores.mean() < 0.75


def test_settings_as_dictionary_and_their_errors(events):
    X, _ = events
    chosen = {"quantile": [{"q": 0.25}], "maximum": None}
    features = TsfreshFeatures(settings=chosen, components="ZN", select=False).fit(X)
    assert features.feature_names_[:2] == ["Z_quantile__q_0.25", "Z_maximum"]
    np.testing.assert_allclose(features.transform(X)[:, 0], np.quantile(X[:, 0], 0.25, axis=-1))
    for settings, hint in (
        ("fast", "minimal"),
        (["maximun"], "did you mean maximum"),
        (["np"], "no calculator 'np'"),
        ([], "names no calculator"),
    ):
        with pytest.raises(ValueError, match=hint):
            TsfreshFeatures(settings=settings, select=False).fit(X)


def test_undefined_and_infinite_are_nan():
    dead = TsfreshFeatures(settings=["variation_coefficient", "maximum"], select=False)
    table = dead.fit_transform(np.zeros((3, 40), dtype=np.float32))
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, [[np.nan, 0.0]] * 3)
    huge = TsfreshFeatures(settings=["abs_energy"], select=False).fit_transform(
        np.full((2, 40), 1e30, dtype=np.float32)
    )
    assert np.isnan(huge).all()


@pytest.mark.slow  # the time goes into importing tsfresh in new processes
def test_processes_give_the_same(events):
    X, _ = events
    one = TsfreshFeatures(settings="minimal", select=False).fit_transform(X)
    two = TsfreshFeatures(settings="minimal", select=False, n_jobs=2).fit_transform(X)
    np.testing.assert_array_equal(one, two)


def test_output_table_names_calculators(events):
    X, y = events
    features = TsfreshFeatures(settings=["quantile"], components="ZN", select=False).fit(X, y)
    table = features.output_table()
    assert table["column"].tolist() == features.feature_names_
    assert set(table["channel"]) == {"Z", "N"}
    assert set(table["family"]) == {"quantile"}


def test_reads_lazily(events, tmp_path):
    import h5py

    from seisclf.io import LazyWaveforms

    X, y = events
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X.astype(np.float32)
    lazy = LazyWaveforms.from_hdf5(tmp_path / "x.h5", "x", sampling_rate=100.0)
    features = TsfreshFeatures(settings="minimal", fdr_level=0.2)
    np.testing.assert_array_equal(
        features.fit_transform(lazy, y),
        TsfreshFeatures(settings="minimal", fdr_level=0.2).fit_transform(lazy.read(), y),
    )


def test_saved_and_loaded(events, tmp_path):
    X, y = events
    features = TsfreshFeatures(settings=["quantile", "maximum"]).fit(X, y)
    again = seisclf.load(features.save(tmp_path / "features.seisclf"))
    np.testing.assert_array_equal(again.transform(X), features.transform(X))


def test_missing_library_is_named(monkeypatch):
    class NoTsfresh:
        def find_spec(self, name, path=None, target=None):
            if name == "tsfresh":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "tsfresh"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoTsfresh(), *sys.meta_path])
    with pytest.raises(ImportError, match="seisclf\\[tsfresh\\]"):
        TsfreshFeatures(select=False).fit(np.ones((3, 10)))
