"""The door for waveforms: what passes, what is learned, and how it refuses."""

import numpy as np
import pandas as pd
import pytest

import seisclf
from seisclf.base import WaveformEstimator, validate_waveforms


class Estimator(WaveformEstimator):
    """The least that can be validated."""


def fitted(shape, **options):
    estimator = Estimator()
    validate_waveforms(estimator, np.zeros(shape), reset=True, **options)
    return estimator


@pytest.mark.parametrize(
    ("shape", "lifted", "learned"),
    [
        ((5, 80), (5, 1, 80), (1, 80, None)),
        ((5, 3, 80), (5, 3, 80), (3, 80, None)),
        ((5, 4, 3, 80), (5, 4, 3, 80), (3, 80, 4)),
    ],
)
def test_learns_shape_and_lifts_one_channel(shape, lifted, learned):
    estimator = Estimator()
    X = validate_waveforms(estimator, np.zeros(shape), reset=True, ndim=(2, 3, 4))
    assert X.shape == lifted
    stations = getattr(estimator, "n_stations_in_", None)
    assert (estimator.n_channels_in_, estimator.n_samples_in_, stations) == learned
    assert estimator.n_features_in_ == shape[1]


def test_forgets_stations_of_an_earlier_fit():
    estimator = fitted((5, 4, 3, 80), ndim=(3, 4))
    validate_waveforms(estimator, np.zeros((5, 3, 80)), reset=True, ndim=(3, 4))
    assert not hasattr(estimator, "n_stations_in_")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_floats_without_copy(dtype):
    X = np.zeros((5, 3, 80), dtype=dtype)
    assert np.shares_memory(validate_waveforms(Estimator(), X, reset=True), X)


def test_integers_become_float64():
    assert validate_waveforms(Estimator(), [[1, 2], [3, 4]], reset=True).dtype == np.float64


def test_one_channel_may_come_with_or_without_its_axis():
    estimator = fitted((5, 80))
    assert validate_waveforms(estimator, np.zeros((2, 1, 80)), reset=False).shape == (2, 1, 80)
    estimator = fitted((5, 1, 80))
    assert validate_waveforms(estimator, np.zeros((2, 80)), reset=False).shape == (2, 1, 80)


def test_names_all_problems_at_once():
    X = np.zeros((6, 2, 70))
    X[4, 0, 3] = np.nan
    X[1, 1, 3] = np.inf
    with pytest.raises(ValueError) as error:
        validate_waveforms(fitted((5, 3, 80)), X, reset=False)
    message = str(error.value)
    assert "for 4 reasons" in message
    for words in (
        "2 channels, fit saw 3",
        "70 samples, fit saw 80",
        "row 4",
        "row 1",
        "(6, 2, 70)",
    ):
        assert words in message
    assert "cut_windows" in message


def test_too_many_axes_gets_the_call_that_mends_it():
    with pytest.raises(ValueError, match=r"has 4 axes .*take one station, X\[:, 0\]"):
        validate_waveforms(Estimator(), np.zeros((2, 2, 3, 50)), reset=True)


def test_other_stations_are_refused():
    estimator = fitted((5, 4, 3, 80), ndim=(3, 4))
    with pytest.raises(ValueError, match="2 stations, fit saw 4"):
        validate_waveforms(estimator, np.zeros((5, 2, 3, 80)), reset=False, ndim=(3, 4))
    with pytest.raises(ValueError, match="no stations, fit saw 4"):
        validate_waveforms(estimator, np.zeros((5, 3, 80)), reset=False, ndim=(3, 4))


def test_missing_stations_pass_where_allowed_but_infinity_never():
    X = np.zeros((5, 2, 3, 80))
    X[0, 1] = np.nan
    validate_waveforms(Estimator(), X, reset=True, ndim=(4,), allow_nan=True)
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="inf"):
        validate_waveforms(Estimator(), X, reset=True, ndim=(4,), allow_nan=True)


def test_large_finite_values_are_not_taken_for_infinity():
    X = np.full((5, 80), np.finfo(np.float32).max, dtype=np.float32)
    with np.errstate(over="ignore"):
        assert np.isinf(X.sum())  # the quick look overflows, the second one does not
    validate_waveforms(Estimator(), X, reset=True)


def test_column_names_of_a_frame_are_kept():
    frame = pd.DataFrame(np.zeros((4, 3)), columns=["a", "b", "c"])
    estimator = Estimator()
    validate_waveforms(estimator, frame, reset=True)
    assert list(estimator.feature_names_in_) == ["a", "b", "c"]


def test_target_is_needed_and_must_fit():
    X = np.zeros((5, 80))
    with pytest.raises(ValueError, match="y is None"):
        validate_waveforms(Estimator(), X, None, reset=True)
    with pytest.raises(ValueError, match="inconsistent"):
        validate_waveforms(Estimator(), X, np.arange(4), reset=True)


class Other(WaveformEstimator):
    """Another one."""


def test_a_class_loads_its_own_files_and_no_others(tmp_path):
    path = fitted((5, 80)).save(tmp_path / "x.seisclf")
    assert Estimator.load(path).n_samples_in_ == 80
    with pytest.raises(TypeError, match="holds a Estimator, not a Other"):
        Other.load(path)
    with pytest.raises(ValueError, match="trusted="):
        seisclf.load(path)
