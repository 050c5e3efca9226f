"""SelfSupervisedEncoder: objectives, channels, parameters, random numbers."""

import numpy as np
import pytest

from seisclf.neural_network import TrainedEncoder
from seisclf.self_supervised import SelfSupervisedEncoder

TINY = {
    "backbone": "resnet18",
    "width": 2,
    "size": 8,
    "n_projector": 8,
    "log": "db",
    "window_length": 0.16,
    "max_epochs": 1,
    "batch_size": 6,
    "random_state": 0,
}
X = np.random.default_rng(0).normal(size=(12, 3, 300)).astype(np.float32)


def fit(X=X, **params):
    return SelfSupervisedEncoder(**{**TINY, **params}).fit(X)


def terms(encoder):
    return {name[6:] for name in encoder.history_[0] if name.startswith("train_")} - {"loss"}


THREE = {"invariance", "variance", "covariance"}
ACCURACY = {"near_accuracy", "far_accuracy"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"objective": "vnibcreg"}, THREE | {"tnc", "diagonal"} | ACCURACY),
        ({"objective": "vnibcreg", "diagonal": "code"}, THREE | {"tnc", "diagonal"} | ACCURACY),
        ({"objective": "vnibcreg", "diagonal": None}, THREE | {"tnc"} | ACCURACY),
        ({"objective": "vibcreg", "crop": "random"}, THREE),
        ({"objective": "vibcreg"}, THREE),
        ({"objective": "vicreg"}, THREE),
        ({"objective": "tnc"}, {"tnc"} | ACCURACY),
        ({"objective": "barlow_twins", "crop": "random"}, {"invariance", "redundancy"}),
    ],
)
def test_objectives_record_their_terms(params, expected):
    encoder = fit(**params)
    assert terms(encoder) == expected
    embedding = encoder.transform(X)
    assert embedding.shape == (12, 16) and embedding.dtype == np.float32
    assert np.isfinite(embedding).all() and embedding.std(axis=0).max() > 0
    assert isinstance(encoder.encoder_, TrainedEncoder)


@pytest.mark.parametrize(
    ("objective", "weights"),
    [("vicreg", (25, 25, 1)), ("vibcreg", (10, 10, 10)), ("vnibcreg", (10, 10, 10))],
)
def test_default_weights_are_the_published_ones(objective, weights):
    epoch = fit(objective=objective, tnc_weight=0.0).history_[0]
    parts = [epoch[f"train_{name}"] for name in ("invariance", "variance", "covariance")]
    assert epoch["train_loss"] == pytest.approx(np.dot(weights, parts), rel=1e-5)
    epoch = fit(objective=objective, tnc_weight=0, variance_weight=0.0).history_[0]
    parts = [epoch[f"train_{name}"] for name in ("invariance", "variance", "covariance")]
    expected = weights[0] * parts[0] + weights[2] * parts[2]
    assert epoch["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_same_seed_same_weights_other_seed_others():
    first, again, other = (fit(random_state=seed).transform(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_embedding_is_the_mean_over_channels():
    encoder = fit()
    channels = encoder.encoder_.transform_channels(X)
    np.testing.assert_allclose(encoder.transform(X), channels.mean(axis=1), atol=1e-6)


def test_second_fit_is_like_a_first_one():
    encoder = fit()
    encoder.fit(X[:, :2, :250])
    np.testing.assert_array_equal(
        encoder.transform(X[:, :2, :250]), fit(X[:, :2, :250]).transform(X[:, :2, :250])
    )


# Channels -------------------------------------------------------------------------------------


def test_sensor_invariance_changes_what_is_learned():
    assert np.abs(fit().transform(X) - fit(sensor_invariance=False).transform(X)).max() > 1e-4


def test_one_channel_falls_back_with_a_warning():
    with pytest.warns(UserWarning, match="sensor_invariance=True needs events of several"):
        warned = fit(X[:, :1])
    silent = fit(X[:, :1], sensor_invariance=False)
    np.testing.assert_array_equal(warned.transform(X[:, :1]), silent.transform(X[:, :1]))


def test_missing_channels_are_never_shown():
    """Filling a missing channel with anything but NaN would change the weights; NaN does not."""
    gaps = X.copy()
    gaps[::2, 1] = np.nan
    gaps[0, 0] = np.nan
    encoder = fit(gaps)
    embedding = encoder.transform(gaps)
    channels = encoder.encoder_.transform_channels(gaps)
    np.testing.assert_allclose(embedding, np.nanmean(channels, axis=1), atol=1e-6)
    for values in encoder.encoder_.weights.values():
        assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((slice(2, 4), slice(None)), "2 of 12 events of X have no channel, all are NaN .row 2, 3"),
        ((5, 1, slice(0, 9)), "NaN in a part of them, or with infinity .row 5"),
    ],
)
def test_events_that_cannot_be_shown_are_refused(where, message):
    gaps = X.copy()
    gaps[where] = np.nan
    with pytest.raises(ValueError, match=message):
        fit(gaps)


def test_memory_map_is_read_batch_by_batch(tmp_path):
    file = tmp_path / "X.npy"
    np.save(file, X)
    mapped = np.load(file, mmap_mode="r")
    np.testing.assert_array_equal(fit(mapped).transform(mapped), fit().transform(X))


@pytest.mark.parametrize("shape", [(12, 3, 8, 24), (12, 8, 24)])
def test_pictures(shape):
    pictures = np.random.default_rng(1).normal(size=shape)
    settings = {"representation": "picture", "sensor_invariance": len(shape) == 4}
    encoder = fit(pictures, **settings)
    assert encoder.picture_shape_ == (8, 24)
    assert encoder.transform(pictures).shape == (12, 16)
    with pytest.raises(ValueError, match=r"\(3, 8, 20\)|\(1, 8, 20\)"):
        encoder.transform(pictures[..., :20])


def test_last_event_joins_the_batch_before():
    """Seven events in batches of 6: none is left alone."""
    assert np.isfinite(fit(X[:7]).history_[0]["train_loss"])


# Parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"objective": "tnc", "crop": "random"}, "objective='tnc' tells neighboring crops"),
        ({"objective": "vnibcreg", "crop": "random"}, "set crop='neighboring'"),
        ({"objective": "simclr"}, "objective must be one of"),
        ({"crop": "center"}, "crop must be one of"),
        ({"crop_width": 0.3}, "at most 0.25 with crop='neighboring'"),
        ({"crop_width": 0.0}, r"crop_width must lie in \(0, 1\]"),
        ({"diagonal": "mean"}, "diagonal must be one of"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"n_projector": 0}, "n_projector must be an integer >= 1"),
        ({"tnc_weight": -1}, "tnc_weight must be a number >= 0"),
        ({"backbone": "vgg"}, "backbone must be one of"),
        ({"checkpoint_every": 0}, "checkpoint_every must be an integer"),
    ],
)
def test_impossible_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


def test_one_event_is_not_enough():
    with pytest.raises(ValueError, match="n_samples=1 event is not enough"):
        fit(X[:1])


def test_narrow_pictures_are_warned_about():
    with pytest.warns(UserWarning, match="too few for neighboring crops"):
        fit(X[..., :20])


def test_nothing_to_continue():
    assert not hasattr(SelfSupervisedEncoder(), "partial_fit")


def test_progress_is_one_bar(capsys):
    fit(verbose=1, max_epochs=3)
    lines = capsys.readouterr().err
    assert lines.count("0/3") == 1 and "3/3" in lines
