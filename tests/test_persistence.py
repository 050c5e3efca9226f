"""Model files: every kind of value survives, nothing runs on loading, errors say what to do."""

import json
import zipfile

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import seisclf
from seisclf.feature_extraction import SeismicFeatures
from seisclf.persistence import describe
from seisclf.preprocessing import WaveformScaler
from seisclf.utils.estimator_checks import make_check_events

X, Y = make_check_events()
LABELS = np.array(["quake", "rockfall"])[Y]
FEATURES = SeismicFeatures(groups=("waveform",), undefined=0.0)


def round_trip(value, tmp_path):
    """One value through a file, as a learned attribute."""
    scaler = WaveformScaler().fit(X)
    scaler.learned_ = value
    return seisclf.load(seisclf.save(scaler, tmp_path / "x.seisclf")).learned_


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "text",
        3,
        0.1 + 0.2,
        float("inf"),
        (1, "two", None),
        {"a": [1, (2,)], "$": 1},
        {1: "int key", ("a", 1): "tuple key"},
        {3, 1},
        range(2, 10, 2),
        np.float32(0.1),
        np.int64(7),
        np.str_("label"),
        np.bool_(True),
        np.datetime64("2020-03-28T13:00:00"),
    ],
    ids=repr,
)
def test_values_survive(value, tmp_path):
    copy = round_trip(value, tmp_path)
    assert copy == value
    assert type(copy) is type(value)


def test_nan_survives(tmp_path):
    assert np.isnan(round_trip(float("nan"), tmp_path))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array(2.5),
        np.array(["a", "längere"]),
        np.array(["a", None, 3], dtype=object),
        np.array([1 + 2j]),
        np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
        np.zeros((0, 3), dtype=np.float32),
        np.array([1.0, 2.0], dtype=">f8"),
        np.array([True, False]),
    ],
    ids=lambda a: str(a.dtype),
)
def test_arrays_survive(array, tmp_path):
    copy = round_trip(array, tmp_path)
    assert copy.dtype == array.dtype
    assert copy.shape == array.shape
    np.testing.assert_array_equal(copy, array)


def test_tensors_survive(tmp_path):
    tensors = {"weight": torch.randn(2, 3), "step": torch.tensor(4)}
    copy = round_trip(tensors, tmp_path)
    assert all(torch.equal(copy[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_go_on_where_they_stood(make, tmp_path):
    generator = make(3)
    generator.normal(size=5)
    copy = round_trip(generator, tmp_path)
    np.testing.assert_array_equal(copy.normal(size=4), generator.normal(size=4))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(FEATURES, RandomForestClassifier(10, random_state=0)),
        GridSearchCV(
            make_pipeline(FEATURES, LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=GroupKFold(2),
        ),
        VotingClassifier(
            [
                ("a", make_pipeline(FEATURES, LogisticRegression())),
                ("b", make_pipeline(FEATURES, RandomForestClassifier(5, random_state=0))),
            ],
            voting="soft",
        ),
        CalibratedClassifierCV(make_pipeline(FEATURES, LogisticRegression()), cv=2),
        make_pipeline(FEATURES, SimpleImputer(), StandardScaler(), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learn_around_ours(model, tmp_path):
    groups = {"groups": np.arange(len(X)) // 2} if isinstance(model, GridSearchCV) else {}
    model.fit(X, LABELS, **groups)
    copy = seisclf.load(seisclf.save(model, tmp_path / "x.seisclf"))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_metadata_requests_survive(tmp_path):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        forest = RandomForestClassifier(5).set_fit_request(sample_weight=True)
        model = make_pipeline(FEATURES, forest).fit(X, LABELS, sample_weight=np.ones(len(X)))
        copy = seisclf.load(seisclf.save(model, tmp_path / "x.seisclf"))
        assert copy[-1].get_metadata_routing().fit.requests == {"sample_weight": True}
        copy.fit(X, LABELS, sample_weight=np.ones(len(X)))


def test_no_pickle_in_the_file(tmp_path):
    model = make_pipeline(FEATURES, RandomForestClassifier(5)).fit(X, LABELS)
    with zipfile.ZipFile(seisclf.save(model, tmp_path / "x.seisclf")) as archive:
        names = archive.namelist()
    assert names[:2] == ["model.json", "arrays.safetensors"]
    assert all(name.endswith(".skops") for name in names[2:])


def test_describe_tells_without_building(tmp_path):
    model = make_pipeline(FEATURES, RandomForestClassifier(5)).fit(X, LABELS)
    facts = describe(seisclf.save(model, tmp_path / "x.seisclf"))
    assert facts["summary"]["classes"] == ["quake", "rockfall"]
    assert facts["seisclf"] == seisclf.__version__


def test_what_cannot_be_saved_is_named(tmp_path):
    scaler = WaveformScaler().fit(X)
    scaler.hooks_ = {"after": [lambda: None]}
    with pytest.raises(TypeError, match=r"WaveformScaler\.hooks_\['after'\]\[0\]"):
        seisclf.save(scaler, tmp_path / "x.seisclf")
    assert list(tmp_path.iterdir()) == []  # neither a half-written file


def edit(path, change):
    """Rewrite a model file with its JSON changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(parts["model.json"])
    change(document)
    parts["model.json"] = json.dumps(document)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("class", "subprocess:Popen", "load\\(path, trusted=\\['subprocess'\\]\\)"),
        ("class", "seisclf.persistence:save", "not there"),
    ],
)
def test_other_classes_are_not_built(tmp_path, field, value, words):
    path = seisclf.save(WaveformScaler().fit(X), tmp_path / "x.seisclf")
    edit(path, lambda document: document["estimator"].update({field: value}))
    with pytest.raises(ValueError, match=words):
        seisclf.load(path)


def test_newer_format_is_refused(tmp_path):
    path = seisclf.save(WaveformScaler().fit(X), tmp_path / "x.seisclf")
    edit(path, lambda document: document.update(format=99))
    with pytest.raises(ValueError, match="pip install --upgrade"):
        seisclf.load(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        seisclf.load(tmp_path / "none.seisclf")
    text = tmp_path / "text.seisclf"
    text.write_text("no model")
    with pytest.raises(ValueError, match="no model file"):
        seisclf.load(text)
