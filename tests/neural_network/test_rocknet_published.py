"""The estimators with published weights against the authors' outputs."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from seisclf.neural_network import RockNetAssociator, RockNetClassifier

_FUNCTIONS = {
    "P": ("eqpick", 0),
    "S": ("eqpick", 1),
    "earthquake": ("eqmask", 0),
    "rockfall": ("rfmask", 0),
}
_OCCURRENCES = {"occurrence_rockfall": ("rfocc", 0), "occurrence_earthquake": ("eqocc", 0)}


@pytest.fixture(scope="module")
def golden(data_dir):
    folder = data_dir / "rocknet"
    if not folder.is_dir():
        pytest.skip("no published RockNet files among the recordings")
    with np.load(folder / "golden" / "filtered_segments.npz") as file:
        enz = file["segments"]
    return folder, np.moveaxis(enz, -1, -2)


def differences(functions, golden, names, rows=slice(None)):
    with np.load(golden) as file:
        return {
            name: np.abs(
                functions[name] - file[key][rows, ..., channel].reshape(functions[name].shape)
            ).max()
            for name, (key, channel) in names.items()
        }


@pytest.mark.parametrize("components", ["ZNE", "ENZ"])
@pytest.mark.parametrize("name", ["net_fusion_RF_60s", "net_fusion_RF_60s_noINSTANCE"])
def test_association(golden, name, components):
    folder, X = golden
    net = RockNetAssociator.from_published(
        folder / name / "train.hdf5", components=components, device="cpu"
    )
    # All events once; in the other order of components a rockfall and an earthquake.
    rows = slice(None) if components == "ZNE" else slice(2, 4)
    X = X[rows][:, :, ["ENZ".index(letter) for letter in components]]
    functions = net.predict_functions(X)
    assert list(functions) == [*_OCCURRENCES, *_FUNCTIONS]
    golden = folder / "golden" / f"assoc_{name}.npz"
    found = differences(functions, golden, _FUNCTIONS | _OCCURRENCES, rows)
    assert max(found.values()) < 2e-5, found


@pytest.mark.parametrize(
    ("weights", "name"),
    [("net_fusion_RF_60s", "single_fusion_RF_60s"), ("wf_RF_60s", "single_wf_RF_60s")],
)
def test_one_station(golden, weights, name, tmp_path):
    folder, X = golden
    X = X[:, :, ::-1].reshape(24, 3, 6000)
    net = RockNetClassifier.from_published(folder / weights / "train.hdf5", device="cpu")
    functions = net.predict_functions(X)
    found = differences(functions, folder / "golden" / f"{name}.npz", _FUNCTIONS)
    assert max(found.values()) < 2e-5, found
    # Rows 2 to 4 are a rockfall and two earthquakes at four stations, the first and last noise.
    labels = net.predict(X).reshape(6, 4)
    assert (labels[3:5] == "earthquake").all()
    assert (labels[2] == "rockfall").sum() >= 2
    assert (labels[[0, 1, 5]] == "noise").all()
    loaded = RockNetClassifier.load(net.save(tmp_path / "net.seisclf"))
    assert_array_equal(loaded.predict_proba(X[8:12]), net.predict_proba(X[8:12]))


def test_events_of_the_network(golden, tmp_path):
    folder, X = golden
    path = folder / "net_fusion_RF_60s" / "train.hdf5"
    net = RockNetAssociator.from_published(path, device="cpu")
    X = X[1:4, :, ::-1].copy()
    proba = net.predict_proba(X)
    assert net.classes_[proba.argmax(axis=1)].tolist() == ["noise", "rockfall", "earthquake"]
    loaded = RockNetAssociator.load(net.save(tmp_path / "net.seisclf"))
    assert_array_equal(loaded.predict_proba(X), proba)
    picks = net.pick(X[1:])
    quake = picks[(picks["row"] == 1) & (picks["class"] == "earthquake")]
    assert sorted(quake["station"]) == [0, 1, 2, 3]
    assert (quake["S"] - quake["P"]).between(2, 8).all()
    masked = RockNetAssociator.from_published(path, missing="masked", device="cpu")
    X[2, 3] = np.nan
    for one in (net, masked):
        assert one.predict(X[2:3]).tolist() == ["earthquake"]


def test_training_goes_on_from_published_weights(golden):
    folder, X = golden
    net = RockNetClassifier.from_published(
        folder / "wf_RF_60s" / "train.hdf5", warm_start=True, max_epochs=1, device="cpu"
    )
    X = X[1:4, 0, ::-1]
    before = net.predict_functions(X)["rockfall"]
    net.set_params(lr=1e-6).fit(X, ["noise", "rockfall", "earthquake"])
    assert net.n_iter_ == 1
    after = net.predict_functions(X)["rockfall"]
    assert not np.array_equal(before, after)
    with pytest.raises(ValueError, match="fit saw 6000"):
        net.predict(X[..., :3000])


def test_a_file_of_one_station_is_no_network(golden):
    folder, _ = golden
    with pytest.raises(ValueError, match="from_published"):
        RockNetAssociator.from_published(folder / "wf_RF_60s" / "train.hdf5")


@pytest.mark.parametrize("of_network", [True, False])
def test_predictions_in_bfloat16_stay_close(golden, of_network):
    folder, X = golden
    X = X[2:4, :, ::-1] if of_network else X[2, :2, ::-1]
    path = folder / "net_fusion_RF_60s" / "train.hdf5"
    made = RockNetAssociator if of_network else RockNetClassifier
    net = made.from_published(path, device="cpu")
    exact = net.predict_functions(X)
    rounded = net.set_params(inference_dtype="bfloat16").predict_functions(X)
    for name, function in rounded.items():
        assert function.dtype == np.float32
        difference = np.abs(function - exact[name]).max()
        assert 0 < difference < 0.06, (name, difference)
    assert_array_equal(net.set_params(inference_dtype=None).predict_functions(X)["P"], exact["P"])


def test_random_state_draws_what_stands_for_missing_stations(golden):
    folder, X = golden
    path = folder / "net_fusion_RF_60s" / "train.hdf5"
    X = X[2:3, :, ::-1].copy()
    X[0, 3] = np.nan
    default, drawn = (
        RockNetAssociator.from_published(path, random_state=seed, device="cpu")
        for seed in (None, 3)
    )
    one, again, other = (
        net.predict_functions(X)["occurrence_rockfall"] for net in (drawn, drawn, default)
    )
    assert_array_equal(one, again)
    assert not np.array_equal(one, other)
