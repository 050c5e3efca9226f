"""Model files: parts, sizes, shapes and classes are checked before anything is built."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

import seisclf
from seisclf.io import Limits
from seisclf.persistence import describe
from seisclf.persistence._trees import check_trees
from seisclf.preprocessing import WaveformScaler

X = np.random.default_rng(0).normal(size=(12, 400))
Y = np.array(["a", "b"] * 6)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    scaler = WaveformScaler().fit(X)
    scaler.learned_ = {"generator": np.random.RandomState(0), "array": np.arange(3.0)}
    return {
        "scaler": seisclf.save(scaler, folder / "scaler.seisclf"),
        "forest": seisclf.save(
            RandomForestClassifier(2, random_state=0).fit(X, Y), folder / "forest.seisclf"
        ),
    }


@pytest.fixture
def rewrite(tmp_path):
    """A model file with some of its parts replaced, and sums that fit."""

    def rewrite(path, parts=(), extra=()):
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        for name, change in dict(parts).items():
            content[name] = change(content[name])
        out = tmp_path / "changed.seisclf"
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in [*content.items(), *extra]:
                archive.writestr(name, data)
        return out

    return rewrite


def in_json(change):
    def apply(data):
        document = json.loads(data)
        new = change(document)
        return json.dumps(document if new is None else new).encode()

    return apply


def learned(value):
    """The scaler's file with another learned value."""

    def change(document):
        document["estimator"]["state"]["learned_"] = value

    return {"model.json": in_json(change)}


@pytest.mark.parametrize(
    "value",
    [
        {"$": "_class", "class": "x"},
        {"$": "nothing"},
        {"$": ["list"]},
        {"$": "dtype", "name": "O,O", "type": False},
        {"$": "dtype", "name": "(1000000000,1000000000)f8", "type": False},
        {"$": "array", "key": "no such key", "shape": [1]},
        {"$": "array", "items": [1, 2], "shape": [10**15]},
        {"$": "array", "items": [1, 2], "shape": [-1]},
        {"$": "generator", "legacy": True, "state": {"bit_generator": "test", "state": {}}},
        {
            "$": "generator",
            "legacy": False,
            "state": {"bit_generator": "MT19937", "state": {"pos": 10**6, "key": [1] * 624}},
        },
        {"$": "skops", "name": "model.json", "class": "x", "requests": {}},
        {"$": "skops", "name": "../../etc/passwd", "class": "x", "requests": {}},
        {"$": "range", "ends": ["a"]},
        {"$": "dict", "items": [[[], 1]]},
        {"$": "tensor", "data": 7},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_values_that_cannot_be(value, files, rewrite):
    with pytest.raises(ValueError, match="cannot be loaded"):
        seisclf.load(rewrite(files["scaler"], learned(value)))


@pytest.mark.parametrize("kind", ["estimator", "object"])
@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "subprocess:Popen",
        "sklearn.datasets._openml:GzipFile",
        "seisclf.persistence._files:Path",
        "sklearn.conftest:x",
        "seisclf.io...os:system",
        "sklearn:config_context.x",
    ],
)
def test_no_class_from_elsewhere(kind, name, files, rewrite, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    node = {"$": kind, "class": name, "requests": {}, "state": {},
            "params": {"filename": str(victim), "mode": "wb"}}  # fmt: skip
    with pytest.raises(ValueError, match="cannot be loaded"):
        seisclf.load(rewrite(files["scaler"], learned(node)))
    assert victim.read_text() == "precious"


def test_only_estimators_are_constructed(files, rewrite, tmp_path):
    folder = tmp_path / "made"
    node = {"$": "estimator", "class": "seisclf.model_selection._store:Store", "requests": {},
            "state": {}, "params": {"path": str(folder)}}  # fmt: skip
    with pytest.raises(ValueError, match="cannot be loaded"):
        seisclf.load(rewrite(files["scaler"], learned(node)))
    assert not folder.exists()


def test_an_array_is_used_once(files, rewrite):
    def change(document):
        state = document["estimator"]["state"]
        state["again_"] = [state["learned_"]["array"]] * 1000

    with pytest.raises(ValueError, match="cannot be loaded"):
        seisclf.load(rewrite(files["scaler"], {"model.json": in_json(change)}))


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "model.json", "x.pkl"])
def test_other_parts_are_refused(name, files, rewrite):
    with pytest.warns(UserWarning) if name == "model.json" else _nothing():
        path = rewrite(files["scaler"], extra=[(name, b"x")])
    for read in (seisclf.load, describe):
        with pytest.raises(ValueError, match=r"holds|damaged"):
            read(path)


class _nothing:
    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


def test_a_bomb_is_refused_before_it_goes_off(files, rewrite):
    path = rewrite(files["scaler"], extra=[("part0.skops", bytes(300 * 2**20))])
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match="max_expansion"):
        seisclf.load(path)


def test_limits_are_named_and_can_be_raised(files):
    with pytest.raises(ValueError, match=r"limits=seisclf.io.Limits\(max_model_bytes="):
        seisclf.load(files["forest"], limits=Limits(max_model_bytes=100))
    with pytest.raises(ValueError, match="max_model_json_bytes"):
        seisclf.load(files["forest"], limits=Limits(max_model_json_bytes=100))
    seisclf.load(files["forest"], limits=Limits(max_model_bytes=10**9))


def test_an_array_cannot_claim_more_than_is_there(files, rewrite):
    def change(data):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name.endswith(".npy"):
                    content = _npy_that_claims(10**12)
                new.writestr(name, content)
        return out.getvalue()

    with pytest.raises(ValueError, match="claims shape"):
        seisclf.load(rewrite(files["forest"], {"part0.skops": change}))


def _npy_that_claims(n):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8)


def test_json_too_deep(files, rewrite):
    with pytest.raises(ValueError, match="JSON"):
        seisclf.load(
            rewrite(files["scaler"], {"model.json": lambda _: b"[" * 10**6 + b"]" * 10**6})
        )


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06" + bytes(18), b"x" * 1000, b"PK\x03\x04" + b"\xff" * 100]
)
def test_what_is_no_model(content, tmp_path):
    path = tmp_path / "x.seisclf"
    path.write_bytes(content)
    for read in (seisclf.load, describe):
        with pytest.raises(ValueError, match=r"no model file|damaged"):
            read(path)
        with pytest.raises(FileNotFoundError):
            read(Path(tmp_path, "none"))
        with pytest.raises(ValueError, match="no model file"):
            read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda nodes: nodes["left_child"].__setitem__(0, 10**9),
        lambda nodes: nodes["right_child"].__setitem__(0, 0),
        lambda nodes: nodes["feature"].__setitem__(0, 4000),
        lambda nodes: nodes["feature"].__setitem__(0, -5),
    ],
)
def test_trees_that_point_elsewhere(change):
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    check_trees({"model": [forest]})
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    change(state["nodes"])
    tree.__setstate__(state)
    with pytest.raises(ValueError, match="tree"):
        check_trees({"model": [forest]})


def test_trees_of_fewer_features_than_the_forest():
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    forest.estimators_[0] = DecisionTreeClassifier().fit(np.hstack([X, X]), Y)
    with pytest.raises(ValueError, match="features"):
        check_trees(forest)


def test_boosting_and_neighbors_are_checked():
    boosting = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=1).fit(X, Y)
    check_trees(boosting)
    boosting._predictors[0][0].nodes["left"][0] = 10**6
    with pytest.raises(ValueError, match="children elsewhere"):
        check_trees(boosting)
    neighbors = KNeighborsClassifier(2, algorithm="kd_tree").fit(X, Y)
    check_trees(neighbors)
    np.asarray(neighbors._tree.get_arrays()[1])[0] = 10**6
    with pytest.raises(ValueError, match="neighbors"):
        check_trees(neighbors)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_flipped_bytes_give_a_sentence(data, files, tmp_path_factory):
    content = bytearray(files["forest"].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.seisclf"
    path.write_bytes(content)
    try:
        seisclf.load(path)
    except ValueError as error:
        assert str(path) in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["$", "class", "items", "state", "params"]), inside)
        | st.fixed_dictionaries(
            {
                "$": st.sampled_from(
                    ["array", "object", "estimator", "dict", "skops", "path", "dtype"]
                )
            },
            optional={
                "items": inside,
                "shape": inside,
                "class": st.text(max_size=9),
                "name": inside,
            },
        )
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(value=JSON)
def test_any_json_is_a_value_or_refused(value, files, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.seisclf"
    with zipfile.ZipFile(files["scaler"]) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            change = learned(value).get(name, lambda data: data)
            new.writestr(name, change(old.read(name)))
    try:
        seisclf.load(path)
    except ValueError as error:
        assert "cannot be loaded" in str(error)
