"""Regressors of distance, depth and back-azimuth for the recordings of Kachchh."""

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seisclf.datasets import fetch_rocknet_weights
from seisclf.ensemble import FeatureForestRegressor
from seisclf.feature_extraction import EnvelopeFeatures, SeismicFeatures
from seisclf.neural_network import CNNRegressor, RockNetClassifier
from seisclf.preprocessing import AmplitudePicture, WaveformScaler
from seisclf.signal import bandpass, envelope, polarization, resample

RATE = 50.0  # Hz
# P lies about 20 s after the first sample, by the window's cut; where exactly is sought.
ENVELOPES = {"sampling_rate": RATE, "onset_range": (17.0, 23.5)}
BANDS = ((1.0, 3.0), (3.0, 8.0), (8.0, 20.0))
WAVEFORM_RATE, ENVELOPE_RATE = 20.0, 5.0
CNN = {"backbone": "resnet18", "batch_size": 32, "lr": 2e-3, "device": "cpu"}
EPOCHS = {"picture": 40, "spectrogram": 30, "waveform": 40, "envelope": 30, "onset": 25}
# Values by which pictures and samples are moved in training: about a second either way, as P is.
SHIFTS = {"picture": 2, "waveform": 20}
# Peaks of the published network that count as picks, and where P is sought (s).
PICK, P_RANGE = 0.1, (15.0, 26.0)
P_WINDOWS = (0.5, 1.0, 2.0)  # seconds of P whose particle motion is looked at
P_BANDS = ((1.0, 3.0), (2.0, 8.0), (5.0, 15.0))


def forest(quick=False):
    """Extra trees with standard deviations on a table that is there already."""
    return FeatureForestRegressor(
        features=FunctionTransformer(_as_table),
        forest="extra_trees",
        n_estimators=20 if quick else 200,
        max_features=0.3,
        min_samples_leaf=2,
        random_state=0,
    )


def _as_table(X):
    return X.reshape(len(X), -1)


def seismic_features():
    return SeismicFeatures(sampling_rate=RATE, undefined=0.0)


def envelope_features():
    return EnvelopeFeatures(**ENVELOPES)


def boosting(quick=False):
    return HistGradientBoostingRegressor(
        max_iter=20 if quick else 150,
        learning_rate=0.08,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        max_features=0.15,
        random_state=0,
    )


def network(kind, *, quick=False, period=None):
    """A small ResNet18 on pictures, spectrograms, samples, envelopes or the onset of P."""
    settings = {
        **CNN,
        "width": 8,
        "loss": "gaussian" if period is None else "huber",
        "period": period,
        "max_epochs": 1 if quick else EPOCHS[kind],
        "augmenter": _Shift(SHIFTS[kind]) if kind in SHIFTS else None,
        "random_state": 0,
    }
    scaler = WaveformScaler(scope="event")
    if kind == "picture":
        picture = AmplitudePicture(sampling_rate=RATE, size=(32, 128), style="fill", scale="event")
        return make_pipeline(
            FunctionTransformer(_filtered), picture,
            CNNRegressor(representation="picture", size=None, **settings),
        )  # fmt: skip
    if kind == "spectrogram":
        return CNNRegressor(sampling_rate=RATE, size=32, log="db", **settings)
    prepare, rate = {
        "waveform": (_slower, WAVEFORM_RATE),
        "envelope": (_log_envelopes, ENVELOPE_RATE),
        "onset": (_around_onset, RATE),
    }[kind]
    steps = [FunctionTransformer(prepare)] + ([scaler] if kind != "envelope" else [])
    regressor = CNNRegressor(sampling_rate=rate, representation="waveform", **settings)
    return make_pipeline(*steps, regressor)


class _Shift:
    """Move the events of a batch in time, each by up to `most` values either way."""

    def __init__(self, most):
        self.most = most

    def augment(self, X, y, rng):
        """Moved events, what leaves on one side comes back on the other; y as it is."""
        shift = rng.integers(-self.most, self.most + 1, len(X))
        at = (np.arange(X.shape[-1]) - shift[:, np.newaxis]) % X.shape[-1]
        at = at.reshape(len(X), *(1,) * (X.ndim - 2), -1)
        return np.take_along_axis(X, at, axis=-1), y


def _filtered(X):
    return bandpass(X, sampling_rate=RATE, low=1.0, high=20.0)


def _slower(X):
    return resample(_highpassed(X), old_rate=RATE, new_rate=WAVEFORM_RATE)


def _highpassed(X):
    return bandpass(X, sampling_rate=RATE, low=1.0, high=None)


def _log_envelopes(X):
    """Logarithm of power of three bands and components, five values in a second."""
    step = round(RATE / ENVELOPE_RATE)
    curves = []
    for low, high in BANDS:
        power = envelope(bandpass(X, sampling_rate=RATE, low=low, high=high)) ** 2
        cells = power.reshape(*power.shape[:2], -1, step).mean(axis=-1)
        # Relative to the noise, in which the size of the earthquake is not seen.
        floor = np.quantile(cells, 0.1, axis=-1, keepdims=True)
        curves.append(np.log(cells / (floor + 1e-3) + 1e-2) / 4)
    return np.concatenate(curves, axis=1).astype(np.float32)


def onsets(X):
    """Seconds after the first sample at which P is found; nothing is learned."""
    return EnvelopeFeatures(groups=("steps",), **ENVELOPES).fit(X).find_onset(X)


def _around_onset(X):
    """From one second before P to three after it."""
    at = np.round(onsets(X) * RATE).astype(int)[:, np.newaxis] + np.arange(-50, 150)
    return np.take_along_axis(_highpassed(X), at[:, np.newaxis], axis=-1)


def p_motion(X):
    """Particle motion of P in windows and bands: direction (up), rectilinearity; (n, 36)."""
    at, time = onsets(X), np.arange(X.shape[-1]) / RATE
    columns = []
    for low, high in P_BANDS:
        filtered = bandpass(X, sampling_rate=RATE, low=low, high=high)
        for length in P_WINDOWS:
            since = time - at[:, np.newaxis]
            motion = polarization(filtered, mask=(since >= -0.2) & (since < length))
            columns += [motion.direction, motion.rectilinearity[:, np.newaxis]]
    return np.nan_to_num(np.concatenate(columns, axis=1))


def polarized_back_azimuth(motion):
    """Where the motion of P points when it goes down: bands 2-8 Hz, the first second."""
    column = 4 * (len(P_WINDOWS) * 1 + 1)
    _, north, east = motion[:, column : column + 3].T
    return np.degrees(np.arctan2(-east, -north)) % 360.0


def azimuth_forest(quick=False):
    """Extra trees that predict cosine and sine together."""
    trees = ExtraTreesRegressor(
        20 if quick else 200, max_features=0.5, min_samples_leaf=3, random_state=0
    )
    return TransformedTargetRegressor(
        trees, func=_to_circle, inverse_func=_to_degrees, check_inverse=False
    )


def _to_circle(degrees):
    angle = np.radians(np.ravel(degrees))
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _to_degrees(circle):
    return np.degrees(np.arctan2(circle[:, 1], circle[:, 0])) % 360.0


def published_s_minus_p(X):
    """S minus P in seconds by the published RockNet, NaN where it does not pick both."""
    network = RockNetClassifier.from_published(fetch_rocknet_weights("waveform"), device="cpu")
    X = resample(X - X.mean(axis=-1, keepdims=True), old_rate=RATE, new_rate=100.0)
    functions = network.predict_functions(bandpass(X, sampling_rate=100.0, low=5.0, high=45.0))
    first, last = (round(100 * t) for t in P_RANGE)
    p, s = functions["P"], functions["S"]
    p_at = p[:, first:last].argmax(axis=1) + first
    later = np.arange(s.shape[1]) > p_at[:, np.newaxis] + 20
    s = np.where(later, s, 0)
    picked = (p[:, first:last].max(axis=1) > PICK) & (s.max(axis=1) > PICK)
    return np.where(picked, (s.argmax(axis=1) - p_at) / 100.0, np.nan)
