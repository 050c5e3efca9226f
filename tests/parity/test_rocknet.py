"""RockNet's published weights give the outputs that the authors' code gives."""

import numpy as np
import pytest
import torch

from seisclf.nets import fold_batch_norms
from seisclf.nets._rocknet_published import load_published_association, load_published_station

TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def golden(data_dir):
    """Loader of the golden arrays by the name of their file."""
    return lambda name: np.load(data_dir / "rocknet" / "golden" / f"{name}.npz")


@pytest.fixture(scope="module")
def windows(golden):
    """Six windows of filtered counts (6, 4, 3, 6000), components Z N E."""
    segments = golden("filtered_segments")["segments"]
    in_our_order = segments[..., [2, 1, 0]].transpose(0, 1, 3, 2)
    return torch.from_numpy(np.ascontiguousarray(in_our_order, dtype=np.float32))


def probabilities(logits):
    """Softmax with the classes last, as the golden arrays have them."""
    return torch.softmax(logits, dim=-2).transpose(-1, -2).numpy()


def worst(ours, theirs):
    return np.abs(ours - theirs).max()


def test_inputs_are_the_authors(data_dir, golden, windows):
    net = load_published_station(data_dir / "rocknet" / "net_fusion_RF_60s" / "train.hdf5")
    waveform, spectrogram = net.input(windows.flatten(0, 1))
    inputs = golden("inputs")
    ours = waveform.unflatten(0, (6, 4)).flip(2).permute(0, 1, 3, 2)
    assert worst(ours.numpy(), inputs["waveform"]) <= TOLERANCE
    ours = spectrogram.unflatten(0, (6, 4)).permute(0, 1, 3, 4, 2)
    assert worst(ours.numpy(), inputs["spectrogram"]) <= TOLERANCE


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("name", ["net_fusion_RF_60s", "net_fusion_RF_60s_noINSTANCE"])
def test_association(data_dir, golden, windows, name, fold):
    net = load_published_association(data_dir / "rocknet" / name / "train.hdf5")
    with torch.no_grad():
        occurrence, picks, masks = (fold_batch_norms(net) if fold else net)(windows)
    expected = golden(f"assoc_{name}")
    assert worst(probabilities(occurrence[:, 0]), expected["rfocc"]) <= TOLERANCE
    assert worst(probabilities(occurrence[:, 1]), expected["eqocc"]) <= TOLERANCE
    assert worst(probabilities(picks), expected["eqpick"]) <= TOLERANCE
    assert worst(probabilities(masks[:, :, 0]), expected["eqmask"]) <= TOLERANCE
    assert worst(probabilities(masks[:, :, 1]), expected["rfmask"]) <= TOLERANCE


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize(
    "outputs, weights",
    [("single_wf_RF_60s", "wf_RF_60s"), ("single_fusion_RF_60s", "net_fusion_RF_60s")],
)
def test_single_station(data_dir, golden, windows, outputs, weights, fold):
    net = load_published_station(data_dir / "rocknet" / weights / "train.hdf5")
    with torch.no_grad():
        picks, masks = (fold_batch_norms(net) if fold else net)(windows.flatten(0, 1))
    expected = golden(outputs)
    ours = {
        "eqpick": probabilities(picks),
        "eqmask": probabilities(masks[:, 0]),
        "rfmask": probabilities(masks[:, 1]),
    }
    for key, values in ours.items():
        assert worst(values.reshape(expected[key].shape), expected[key]) <= TOLERANCE


def test_maps_inside_the_fusion_network(data_dir, golden, windows):
    """Not only the outputs agree, but what leads to them."""
    net = load_published_station(data_dir / "rocknet" / "net_fusion_RF_60s" / "train.hdf5")
    expected = golden("fusion_intermediates_window2")
    with torch.no_grad():
        maps, _ = net.maps(windows[2])
        picture = net.input(windows[2])[1]
        for level in range(5):
            picture = net.pictures[2 * level + 1](net.pictures[2 * level](picture))
            ours = picture.permute(0, 2, 3, 1).numpy()
            assert worst(ours, expected[f"spec_E{level}"]) <= 1e-4
            ours = maps[level].transpose(1, 2).numpy()
            assert worst(ours, expected[f"ts_E{level}"].reshape(ours.shape)) <= 1e-4
    assert worst(maps[5].transpose(1, 2).numpy(), expected["crossfusion"]) <= 1e-4


@pytest.mark.parametrize("components", ["ENZ", "NZE"])
def test_components_in_another_order(data_dir, golden, windows, components):
    path = data_dir / "rocknet" / "net_fusion_RF_60s" / "train.hdf5"
    net = load_published_station(path, components=components)
    order = ["ZNE".index(letter) for letter in components]
    with torch.no_grad():
        picks, _ = net(windows[2][:, order])
    assert worst(probabilities(picks), golden("single_fusion_RF_60s")["eqpick"][2]) <= TOLERANCE


def test_wrong_files_are_refused(data_dir, tmp_path):
    rocknet = data_dir / "rocknet"
    with pytest.raises(ValueError, match="RockNetClassifier.from_published"):
        load_published_association(rocknet / "wf_RF_60s" / "train.hdf5")
    with pytest.raises(FileNotFoundError, match="fetch_rocknet_weights"):
        load_published_station(tmp_path / "absent.hdf5")
    (tmp_path / "text.hdf5").write_text("weights")
    with pytest.raises(ValueError, match="is not an HDF5 file"):
        load_published_station(tmp_path / "text.hdf5")
    with pytest.raises(ValueError, match="each once"):
        load_published_station(rocknet / "wf_RF_60s" / "train.hdf5", components="ZZE")
