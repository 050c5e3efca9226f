"""Bandpass, WaveformScaler, Resampler, ChannelAggregator, and what all transformers share."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from seisclf import preprocessing
from seisclf.base import WaveformEstimator
from seisclf.preprocessing import (
    AmplitudePicture,
    Bandpass,
    ChannelAggregator,
    RecordSection,
    Resampler,
    Scalogram,
    Spectrogram,
    WaveformScaler,
)
from seisclf.signal import bandpass, resample, scale

# Drawn pictures are float32 whatever they are made of, and have tests of their own.
DRAWN = (AmplitudePicture, RecordSection)
ALL = [
    cls(**params)
    for cls in (getattr(preprocessing, name) for name in preprocessing.__all__)
    if isinstance(cls, type) and issubclass(cls, WaveformEstimator) and cls not in DRAWN
    for params in cls._get_test_params()
]
PICTURES = (Spectrogram, Scalogram)


def waves(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def ids(estimator):
    return repr(estimator)


@pytest.mark.filterwarnings("ignore:window_length:UserWarning")
@pytest.mark.parametrize("estimator", ALL, ids=ids)
def test_scikit_learn_contract(estimator):
    results = check_estimator(estimator, on_fail="raise", on_skip=None)
    assert sum(result["status"] == "passed" for result in results) > 40


@pytest.mark.parametrize("shape", [(4, 60), (4, 3, 60), (4, 2, 3, 60)], ids=str)
@pytest.mark.parametrize("estimator", ALL, ids=ids)
def test_every_shape_and_dtype(estimator, shape):
    for dtype in (np.float32, np.float64):
        X = waves(*shape, dtype=dtype)
        X.flags.writeable = False
        before = X.copy()
        result = clone(estimator).fit(X).transform(X)
        assert result.dtype == dtype
        assert len(result) == 4
        assert np.isfinite(result).all()
        assert_array_equal(X, before)
        assert not np.shares_memory(result, X)
        extra = isinstance(estimator, PICTURES)
        assert result.ndim == max(X.ndim, 3) + 1 if extra else result.ndim == X.ndim


@pytest.mark.parametrize("estimator", ALL, ids=ids)
def test_two_axes_are_one_channel(estimator):
    X = waves(4, 60)
    flat = clone(estimator).fit(X).transform(X)
    lifted = clone(estimator).fit(X[:, None]).transform(X[:, None])
    assert_array_equal(flat, lifted if isinstance(estimator, PICTURES) else lifted[:, 0])


@pytest.mark.parametrize("estimator", ALL, ids=ids)
def test_a_row_does_not_depend_on_its_neighbours(estimator):
    X = waves(9, 3, 80)
    estimator = clone(estimator).fit(X)
    together = estimator.transform(X)
    assert_allclose(estimator.transform(X[5:6]), together[5:6], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "estimator", [e for e in ALL if e.get_params().get("log") is None], ids=ids
)
def test_missing_stations_stay_missing(estimator):
    X = waves(3, 4, 3, 80, dtype=np.float64)
    X[1, 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = clone(estimator).fit(X).transform(X)
    if isinstance(estimator, ChannelAggregator):
        assert np.isfinite(result).all()
        return
    assert np.isnan(result[1, 2]).all()
    assert np.isfinite(np.delete(result.reshape((12,) + result.shape[2:]), 6, axis=0)).all()


@pytest.mark.parametrize("estimator", [Bandpass(), Spectrogram(window_length=0.1)], ids=ids)
def test_gaps_are_refused(estimator):
    X = waves(3, 4, 3, 80)
    X[1, 2, 0, 5] = np.nan
    with pytest.raises(ValueError, match="partly NaN.*event 1"):
        estimator.fit(X)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(X[:, 2])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Bandpass(low=60), "Nyquist"),
        (Bandpass(low=None), "at least one corner"),
        (WaveformScaler(method="l2"), "method"),
        (WaveformScaler(scope="network"), "scope"),
        (Resampler(target_rate=0), "new_rate"),
        (ChannelAggregator(weights="max"), "weights"),
    ],
    ids=str,
)
def test_parameters_are_checked_in_fit(estimator, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(waves(3, 60))


def test_bandpass_and_resampler_are_their_functions():
    X = waves(3, 2, 300)
    options = {"sampling_rate": 50, "low": 2, "high": 10, "order": 2, "zero_phase": False}
    assert_array_equal(Bandpass(**options).fit_transform(X), bandpass(X, **options))
    resampler = Resampler(sampling_rate=50, target_rate=20)
    assert_array_equal(resampler.fit_transform(X), resample(X, old_rate=50, new_rate=20))
    assert resampler.n_samples_out_ == 120


def test_scopes_of_the_scaler():
    X = waves(5, 4, 3, 100) * np.float32(10) ** waves(5, 4, 3, 1, seed=1) + 3
    for scope, axes in (("channel", -1), ("station", (2, 3)), ("event", (1, 2, 3))):
        scaled = WaveformScaler(scope=scope).fit_transform(X)
        assert_allclose(scaled.mean(axis=axes), 0, atol=1e-4)
        assert_allclose(scaled.std(axis=axes), 1, atol=1e-4)
    ratio = WaveformScaler(method="max_abs", scope="station", center=False).fit_transform(X) / X
    assert_allclose(ratio, np.broadcast_to(ratio[:, :, :1, :1], X.shape), rtol=1e-4)


def test_scaler_leaves_missing_traces_out_of_the_scale():
    X = waves(2, 3, 3, 100)
    X[0, 1] = np.nan
    scaled = WaveformScaler(scope="event").fit_transform(X)
    assert_allclose(scaled[0, [0, 2]], scale(X[0, [0, 2]], "zscore", (0, 1, 2)), atol=1e-6)
    X[1, 0, 2] = np.nan
    scaled = WaveformScaler(scope="station").fit_transform(X)
    assert_allclose(scaled[1, 0, :2], scale(X[1, 0, :2], "zscore", (0, 1)), atol=1e-6)
    assert_allclose(scaled[1, 1], scale(X[1, 1], "zscore", (0, 1)), atol=1e-6)
    assert np.isnan(scaled[1, 0, 2]).all()


# --- aggregation


def event_and_noise():
    rng = np.random.default_rng(0)
    signal = np.where(np.arange(1000) > 600, np.exp(-(np.arange(1000) - 600) / 100), 0)
    signal = signal * rng.normal(size=1000)
    quiet, loud = 0.01 * rng.normal(size=1000), rng.normal(size=1000)
    return np.stack([signal + quiet, signal + 0.3 * loud, loud])[None], signal


def test_noisier_channels_weigh_less():
    X, signal = event_and_noise()
    aggregator = ChannelAggregator().fit(X)
    weights = aggregator.channel_weights(X)[0]
    assert (np.diff(weights) < 0).all()
    assert weights.sum() == pytest.approx(1)
    result = aggregator.transform(X)
    assert_allclose(result[0, 0], weights @ X[0])
    uniform = ChannelAggregator(weights="uniform").fit_transform(X)
    assert_allclose(uniform, X.mean(axis=1, keepdims=True))

    def error(estimate):
        return np.abs(estimate[0, 0] - signal).mean()

    assert error(result) < error(uniform)


def test_channels_that_are_missing_have_no_weight():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 5, 300)).astype(np.float32)
    gappy = X.copy()
    gappy[1, 2:] = np.nan
    aggregator = ChannelAggregator(weights="uniform").fit(gappy)
    result = aggregator.transform(gappy)
    np.testing.assert_allclose(result[1, 0], X[1, :2].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result[0, 0], X[0].mean(axis=0), atol=1e-6)
    gappy[1, 0, 7] = np.nan
    with pytest.raises(ValueError, match="1 traces are partly NaN"):
        aggregator.transform(gappy)


def test_spectrograms_are_aggregated_too():
    X, _ = event_and_noise()
    S = Spectrogram(window_length=0.5, output="power").fit_transform(X)
    aggregator = ChannelAggregator().fit(S)
    weights = aggregator.channel_weights(S)
    assert weights[0, 0] > weights[0, 1] > weights[0, 2]
    assert_allclose(aggregator.transform(S)[0, 0], np.tensordot(weights[0], S[0], 1))


def test_dead_and_missing_channels_do_not_count():
    X = np.concatenate([waves(2, 3, 200), np.full((2, 1, 200), 7, np.float32)], axis=1)
    weights = ChannelAggregator().fit(X).channel_weights(X)
    assert_array_equal(weights[:, 3], 0)
    dead = np.zeros((2, 3, 50))
    assert_allclose(ChannelAggregator().fit(dead).channel_weights(dead), 1 / 3)
    S = waves(2, 3, 5, 20) ** 2
    S[0, 1] = np.nan
    for kind in ("snr", "uniform"):
        aggregator = ChannelAggregator(weights=kind).fit(S)
        assert aggregator.channel_weights(S)[0, 1] == 0
        assert np.isfinite(aggregator.transform(S)).all()
