"""TrainedEncoder: vectors of events and channels, other shapes, files."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.io import RandomChannels
from seisclf.model_selection._fingerprint import digest
from seisclf.nets import AlexNet, EventEncoder, ResNet
from seisclf.neural_network import CNNClassifier, TrainedEncoder

TINY = {"backbone": "resnet18", "width": 2, "size": 16, "log": "db"}


def make(in_channels=1, shape=(300,), seed=0, **settings):
    torch.manual_seed(seed)
    return (
        EventEncoder(in_channels=in_channels, shape=shape, **{**TINY, **settings}).float().eval()
    )


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(7, 3, 300)).astype(np.float32)


def by_hand(encoder, X):
    with torch.no_grad():
        return encoder(torch.from_numpy(X)).numpy()


def test_each_channel_is_seen_by_itself_and_the_mean_is_the_event(X):
    encoder = make()
    trained = TrainedEncoder.from_module(encoder)
    expected = np.stack([by_hand(encoder, X[:, [c]]) for c in range(3)], axis=1)
    channels = trained.transform_channels(X)
    assert channels.dtype == np.float32 and channels.shape == (7, 3, 16)
    np.testing.assert_allclose(channels, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.transform(X), expected.mean(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.transform(X[:, 1]), expected[:, 1], rtol=1e-4, atol=1e-6)


def test_missing_channels_do_not_count(X):
    trained = TrainedEncoder.from_module(make())
    whole = trained.transform_channels(X)
    X[2, 1], X[3, :2] = np.nan, np.nan
    channels = trained.transform_channels(X)
    missing = np.isnan(channels)
    assert missing.all(axis=2).sum() == 3 == missing.any(axis=2).sum()
    np.testing.assert_allclose(channels[~missing], whole[~missing], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.transform(X)[3], whole[3, 2], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        trained.transform(X)[2], whole[2, [0, 2]].mean(axis=0), rtol=1e-4, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"1 of 7 events have no channel .* \(row 4\)"):
        X[4] = np.nan
        trained.transform(X)
    with pytest.raises(ValueError, match=r"NaN in a part of them, or infinity \(row 0\)"):
        X[4], X[0, 0, 5] = 0, np.nan
        trained.transform(X)


def test_an_encoder_of_several_channels_sees_them_at_once(X):
    encoder = make(in_channels=3)
    trained = TrainedEncoder.from_module(encoder)
    np.testing.assert_allclose(trained.transform(X), by_hand(encoder, X), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"sees 3 channels at once, X has 2.*in_channels=2"):
        trained.transform(X[:, :2])
    with pytest.raises(ValueError, match="has no vector for each"):
        trained.transform_channels(X)


def test_events_of_any_length_until_fit_has_seen_one(X):
    trained = TrainedEncoder.from_module(make())
    longer = np.concatenate([X, X], axis=-1)
    encoder = make(shape=(600,))  # the same seed: the same weights
    expected = by_hand(encoder, longer[:, [0]])
    np.testing.assert_allclose(trained.transform(longer[:, 0]), expected, rtol=1e-4, atol=1e-6)
    trained.fit(X)
    assert (trained.n_channels_in_, trained.n_samples_in_) == (3, 300)
    assert trained.get_feature_names_out().tolist()[-1] == "trainedencoder15"
    with pytest.raises(ValueError, match="600 samples, fit saw 300"):
        trained.transform(longer)


def test_pictures(X):
    encoder = make(shape=(9, 12), representation="picture")
    trained = TrainedEncoder.from_module(encoder)
    pictures = np.random.default_rng(0).random((5, 2, 9, 12)).astype(np.float32)
    expected = np.mean([by_hand(encoder, pictures[:, [c]]) for c in range(2)], axis=0)
    np.testing.assert_allclose(trained.transform(pictures), expected, rtol=1e-4, atol=1e-6)
    flat = by_hand(encoder, pictures[:, :1])
    np.testing.assert_allclose(trained.transform(pictures[:, 0]), flat, rtol=1e-4, atol=1e-6)
    assert trained.fit(pictures).picture_shape_ == (9, 12)


def test_what_is_read_late_is_read_in_batches(X):
    trained = TrainedEncoder.from_module(make())
    fixed = RandomChannels(X, n_channels=2, seed=0).fixed()
    expected = trained.transform(fixed.read())
    np.testing.assert_allclose(trained.transform(fixed), expected, rtol=1e-4, atol=1e-6)
    many = np.concatenate([X] * 10)
    np.testing.assert_allclose(
        trained.transform(many), np.concatenate([trained.transform(X)] * 10), rtol=1e-4, atol=1e-6
    )


def test_the_module_has_its_own_weights(X):
    trained = TrainedEncoder.from_module(make())
    before = trained.transform(X)
    module = trained.module()
    assert not module.training and all(p.requires_grad for p in module.parameters())
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    np.testing.assert_array_equal(trained.transform(X), before)


@pytest.mark.parametrize("backbone", ["resnet18", "alexnet"])
def test_a_module_for_other_channels_sees_the_same_in_equal_ones(backbone):
    encoder = make(in_channels=2, backbone=backbone)
    trained = TrainedEncoder.from_module(encoder)
    x = torch.randn(3, 1, 300)
    with torch.no_grad():
        expected = encoder(x.repeat(1, 2, 1))
        for n in (1, 2, 3, 5):
            found = trained.module(in_channels=n)(x.repeat(1, n, 1))
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_weights_that_do_not_belong_are_refused(X):
    one, other = (TrainedEncoder.from_module(make(width=width)) for width in (2, 3))
    mixed = TrainedEncoder(settings=one.settings, weights=other.weights)
    with pytest.raises(ValueError, match="do not belong to its settings"):
        mixed.transform(X)
    with pytest.raises(ValueError, match="has no settings or no weights"):
        TrainedEncoder().transform(X)
    with pytest.raises(ValueError, match=r"give module\(shape=...\)"):
        TrainedEncoder(settings={**one.settings, "shape": None}, weights=one.weights).module()


# In scikit-learn, in files ----------------------------------------------------------------------


def test_before_a_classifier_under_cross_validation():
    rng = np.random.default_rng(0)
    t = np.arange(300) / 100
    y = np.tile([0, 1], 20)
    X = rng.normal(size=(40, 300)) + 5 * np.sin(2 * np.pi * np.where(y, 4, 20)[:, None] * t)
    trained = TrainedEncoder.from_module(make(width=4))
    linear = make_pipeline(trained, LogisticRegression(C=100))
    assert cross_val_score(linear, X, y, cv=4).mean() > 0.9  # also of random weights


def test_copies_and_files_are_the_same(X, tmp_path):
    trained = TrainedEncoder.from_module(make())
    expected = trained.transform(X)
    path = seisclf.save(trained.fit(X), tmp_path / "encoder.seisclf")
    for copy in (clone(trained), pickle.loads(pickle.dumps(trained)), seisclf.load(path)):
        np.testing.assert_array_equal(copy.transform(X), expected)
        assert repr(copy) == repr(trained)
        assert digest(copy) == digest(trained)
    loaded = TrainedEncoder.load(path)
    assert loaded.settings == trained.settings and loaded.n_samples_in_ == 300


def test_other_weights_are_recognised_as_others():
    encoders = [TrainedEncoder.from_module(make(seed=seed)) for seed in (0, 1)]
    nets = [CNNClassifier(encoder=encoder) for encoder in encoders]
    assert digest(encoders[0]) != digest(encoders[1])
    assert digest(nets[0]) != digest(nets[1])
    again = TrainedEncoder.from_module(make(seed=0))
    assert digest(CNNClassifier(encoder=again)) == digest(nets[0])


def test_it_prints_in_a_line(X):
    trained = TrainedEncoder.from_module(make(in_channels=3))
    assert repr(trained) == "TrainedEncoder(resnet18 of width 2, spectrogram of 3 channels)"
    assert repr(TrainedEncoder()) == "TrainedEncoder()"
    assert len(repr(make_pipeline(trained, LogisticRegression()))) < 500


# Weights of others ------------------------------------------------------------------------------


@pytest.mark.parametrize("net", [ResNet(50, width=2), AlexNet(width=2)])
def test_a_file_of_torchvision(net, X, tmp_path):
    name = "alexnet" if isinstance(net, AlexNet) else "resnet50"
    path = tmp_path / "weights.pth"
    torch.save(net.state_dict(), path)
    trained = TrainedEncoder.from_weights_file(path, backbone=name, log="db", size=16)
    assert trained.settings["in_channels"] == 1 and trained.settings["width"] == 2
    assert trained.transform(X).shape == (7, net.n_features)
    module = trained.module(shape=(300,), in_channels=3)
    at = "features.0.weight" if name == "alexnet" else "conv1.weight"
    first, own = net.state_dict()[at], module.backbone.state_dict()[at]
    torch.testing.assert_close(own.sum(dim=1), first.sum(dim=1))
    whole = TrainedEncoder.from_weights_file(path, backbone=name, in_channels=None)
    np.testing.assert_array_equal(whole.weights[f"backbone.{at}"], first.numpy())


def test_files_that_others_wrap(tmp_path, X):
    """The form of the authors' encoders: a dict in a dict, with the name of the module before."""
    net = ResNet(18, in_channels=1, n_outputs=None, width=2)
    wrapped = {f"model.{name}": value for name, value in net.state_dict().items()}
    old = {name: value for name, value in wrapped.items() if "num_batches" not in name}
    torch.save({"epoch": 3, "model_state_dict": old}, tmp_path / "encoder.ckpt")
    trained = TrainedEncoder.from_weights_file(tmp_path / "encoder.ckpt", backbone="resnet18")
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(trained.weights[f"backbone.{name}"], value.numpy())


def test_files_of_something_else_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(FileNotFoundError, match="no weights file"):
        TrainedEncoder.from_weights_file(path, backbone="resnet18")
    torch.save(ResNet(18, width=2).state_dict(), path)
    with pytest.raises(ValueError, match=r"does not hold the weights of resnet34: .* are missing"):
        TrainedEncoder.from_weights_file(path, backbone="resnet34")
    with pytest.raises(ValueError, match="holds no weights of alexnet"):
        TrainedEncoder.from_weights_file(path, backbone="alexnet")
    with pytest.raises(ValueError, match="backbone must be one of"):
        TrainedEncoder.from_weights_file(path, backbone="vgg")
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds a list, where a dict"):
        TrainedEncoder.from_weights_file(path, backbone="resnet18")
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="cannot be read as a file of tensors alone"):
        TrainedEncoder.from_weights_file(path, backbone="resnet18")


def test_no_code_in_a_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"conv1.weight": Evil()}, tmp_path / "weights.pth", pickle_protocol=2)
    with pytest.raises(ValueError, match="cannot be read as a file of tensors alone"):
        TrainedEncoder.from_weights_file(tmp_path / "weights.pth", backbone="resnet18")
    assert not (tmp_path / "ran").exists()
