"""Checks that every estimator of waveforms must pass, beside scikit-learn's own.

scikit-learn's battery only knows tables. These checks feed events with channels and stations, and
hold the promises that seisclf makes on top. Use them on estimators of your own::

    from seisclf.utils.estimator_checks import check_waveform_estimator

    check_waveform_estimator(MyClassifier())
"""

import pickle
import random
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold

__all__ = ["check_waveform_estimator", "make_check_events", "yield_waveform_checks"]

_N_EVENTS, _N_SAMPLES = 24, 200


def check_waveform_estimator(estimator):
    """Run all checks on one estimator.

    Parameters
    ----------
    estimator : estimator
        An unfitted instance; it is cloned, not changed.

    Raises
    ------
    AssertionError
        At the first promise that does not hold.

    Examples
    --------
    >>> from seisclf.preprocessing import WaveformScaler
    >>> from seisclf.utils.estimator_checks import check_waveform_estimator
    >>> check_waveform_estimator(WaveformScaler())
    """
    for check in yield_waveform_checks(estimator):
        check()


def yield_waveform_checks(estimator):
    """Yield the checks that apply to an estimator, ready to be called.

    Parameters
    ----------
    estimator : estimator
        An unfitted instance.

    Yields
    ------
    check : functools.partial
        Call it without arguments; ``check.func.__name__`` is its name.
    """
    checks = [
        check_learns_shape,
        check_names_wrong_shape,
        check_leaves_input_alone,
        check_float32_like_float64,
        check_refit_on_another_length,
        check_same_seed_same_result,
        check_global_generators_untouched,
        check_pickle_round_trip,
        check_file_round_trip,
        check_network_events,
    ]
    if _is_sampler(estimator):
        checks.remove(check_names_wrong_shape)  # a sampler looks at each X anew
        checks.append(check_rows_come_first)
    if _is_classifier(estimator):
        checks += [check_labels_come_back, check_one_class_is_refused, check_parallel_search]
    for check in checks:
        yield partial(check, estimator)


def make_check_events(n_channels=3, *, n_stations=None, n_samples=_N_SAMPLES, dtype=np.float32):
    """Make two small classes that differ in pitch and length.

    Parameters
    ----------
    n_channels : int, default=3
        Channels, or components per station.
    n_stations : int, optional
        Stations; None for events without a station axis.
    n_samples : int, default=200
        Samples per trace.
    dtype : dtype, default=numpy.float32
        dtype of the waveforms.

    Returns
    -------
    X : ndarray of shape (24, n_channels, n_samples) or (24, n_stations, n_channels, n_samples)
        Waveforms.
    y : ndarray of shape (24,), dtype=int
        0 and 1 in turn.

    Examples
    --------
    >>> from seisclf.utils.estimator_checks import make_check_events
    >>> X, y = make_check_events(2)
    >>> X.shape, y[:4].tolist()
    ((24, 2, 200), [0, 1, 0, 1])
    """
    rng = np.random.default_rng(0)
    leads = (n_channels,) if n_stations is None else (n_stations, n_channels)
    y = np.arange(_N_EVENTS) % 2
    time = np.arange(n_samples) / 100.0
    pitch = np.where(y, 18.0, 6.0) * rng.uniform(0.9, 1.1, _N_EVENTS)
    onset = 0.3 * time[-1]
    decay = np.where(time < onset, 0.0, np.exp(-(time - onset) / 0.4))
    wave = decay * np.sin(2 * np.pi * np.outer(pitch, time))
    gain = rng.uniform(0.5, 2.0, (_N_EVENTS, *leads, 1))
    wave = wave.reshape(_N_EVENTS, *(1 for _ in leads), n_samples)
    return (gain * (wave + 0.05 * rng.normal(size=(_N_EVENTS, *leads, n_samples)))).astype(
        dtype
    ), y


def check_learns_shape(estimator):
    """Fitting learns the shape of X, and only fitting does."""
    X, y = make_check_events()
    fresh = clone(estimator)
    assert not hasattr(fresh, "n_samples_in_")
    fitted = fresh.fit(X, y)
    assert fitted is fresh, "fit must return self"
    assert (fitted.n_channels_in_, fitted.n_samples_in_) == (3, _N_SAMPLES)
    n_rows = len(_output(fitted, X))
    assert n_rows == len(X) or (_is_sampler(fitted) and n_rows > len(X))


def check_names_wrong_shape(estimator):
    """Another number of channels and of samples are refused together, with the numbers.

    An estimator that looks at channels one by one takes any number of them instead.
    """
    X, y = make_check_events()
    fitted = clone(estimator).fit(X, y)
    message = _refusal(fitted, X[:, :2, :-10])
    numbers = [str(_N_SAMPLES - 10), str(_N_SAMPLES)]
    if "channels" in getattr(fitted, "_free_axes", ()):
        assert len(_output(fitted, X[:, :2])) == len(X)
    else:
        numbers += ["2", "3"]
    for expected in numbers:
        assert expected in message, f"{expected} is missing from: {message}"


def check_leaves_input_alone(estimator):
    """X may be read-only (a memory map), and is never written to."""
    X, y = make_check_events()
    before = X.copy()
    X.flags.writeable = False
    _output(clone(estimator).fit(X, y), X)
    np.testing.assert_array_equal(X, before)


def check_float32_like_float64(estimator):
    """Single and double precision give the same answer, within single precision."""
    X, y = make_check_events(dtype=np.float64)
    single = _output(_seeded(estimator).fit(X.astype(np.float32), y), X.astype(np.float32))
    double = _output(_seeded(estimator).fit(X, y), X)
    scale = np.nanmax(np.abs(double)) or 1.0
    close = np.isclose(single, double, rtol=2e-2, atol=2e-3 * scale, equal_nan=True)
    assert close.mean() > 0.99, f"only {close.mean():.1%} of the numbers agree"
    preserved = estimator.__sklearn_tags__().transformer_tags
    if preserved is not None and "float32" in preserved.preserves_dtype:
        assert single.dtype == np.float32, f"float32 became {single.dtype}"


def check_refit_on_another_length(estimator):
    """A second fit, on longer windows and fewer channels, is like a first one."""
    X, y = make_check_events()
    longer, _ = make_check_events(2, n_samples=_N_SAMPLES + 60)
    again = _seeded(estimator).fit(X, y).fit(longer, y)
    fresh = _seeded(estimator).fit(longer, y)
    expected = _output(fresh, longer)
    np.testing.assert_array_equal(_output(again, longer), expected)
    np.testing.assert_array_equal(_output(clone(again).fit(longer, y), longer), expected)


def check_same_seed_same_result(estimator):
    """The seed fixes the run to the last bit."""
    X, y = make_check_events()
    first, second = (_output(_seeded(estimator).fit(X, y), X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def check_global_generators_untouched(estimator):
    """No fit and no prediction moves the user's own random numbers."""
    X, y = make_check_events()
    for fit_me in (_seeded(estimator), clone(estimator)):
        before = _generators()
        _output(fit_me.fit(X, y), X)
        assert before == _generators(), "a global random generator was moved"


def check_pickle_round_trip(estimator):
    """A pickled copy gives the same numbers."""
    X, y = make_check_events()
    fitted = _seeded(estimator).fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(_output(copy, X), _output(fitted, X))


def check_file_round_trip(estimator):
    """A file without pickle gives the same numbers, and keeps all parameters."""
    X, y = make_check_events()
    fitted = _seeded(estimator).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        copy = type(fitted).load(fitted.save(Path(folder) / "model.seisclf"))
    assert repr(copy) == repr(fitted)
    np.testing.assert_array_equal(_output(copy, X), _output(fitted, X))
    if hasattr(fitted, "classes_"):
        np.testing.assert_array_equal(copy.classes_, fitted.classes_)
        assert copy.classes_.dtype == fitted.classes_.dtype


def check_network_events(estimator):
    """Events over a network either work, or are refused with the shape that is needed."""
    X, y = make_check_events(n_stations=2)
    fresh = clone(estimator)
    try:
        fitted = fresh.fit(X, y)
    except ValueError as error:
        assert "4 axes" in str(error) and "n_channels" in str(error), error
    else:
        assert fitted.n_stations_in_ == 2
        if _is_sampler(fitted):
            assert _output(fitted, X).shape[1:] == X.shape[1:]
            return
        assert len(_output(fitted, X)) == len(X)
        if "stations" in getattr(fitted, "_free_axes", ()):
            assert len(_output(fitted, X[:, :1])) == len(X)
        else:
            assert "stations" in _refusal(fitted, X[:, :1])


def check_rows_come_first(estimator):
    """A sampler gives back the rows of X with their labels, and new ones only after them."""
    X, _ = make_check_events()
    y = _sampler_labels(X)
    resampled, labels = _seeded(estimator).fit_resample(X, y)
    np.testing.assert_array_equal(resampled[: len(X)], X)
    np.testing.assert_array_equal(labels[: len(X)], y)
    assert len(labels) == len(resampled) == len(labels.arrivals)
    assert resampled.dtype == X.dtype and labels.dtype == y.dtype


def check_labels_come_back(estimator):
    """Any kind of label comes back as it went in."""
    X, y = make_check_events()
    for labels in (
        np.array(["quake", "rockfall"]),
        np.array(["quake", "rockfall"], dtype=object),
        np.array([False, True]),
        np.array([10, -3]),
        np.array([2.0, 1.0]),
    ):
        fitted = _seeded(estimator).fit(X, labels[y])
        np.testing.assert_array_equal(fitted.classes_, np.unique(labels))
        predicted = fitted.predict(X)
        assert predicted.dtype == labels.dtype, (predicted.dtype, labels.dtype)
        assert set(predicted) <= set(labels)
        probabilities = fitted.predict_proba(X)
        assert probabilities.shape == (len(X), 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)


def check_one_class_is_refused(estimator):
    """One class can't be learned apart from anything; the message says so."""
    X, y = make_check_events()
    try:
        clone(estimator).fit(X, np.zeros_like(y))
    except ValueError as error:
        assert "class" in str(error), error
    else:
        raise AssertionError("one class was accepted")


def check_parallel_search(estimator):
    """A search over two processes gives what one process gives."""
    X, y = make_check_events()
    seeded = _seeded(estimator)
    # Two fits, one for each process: two seeds of one split, or two splits where there is no seed.
    grid, splits = {}, list(StratifiedKFold(2).split(X, y))
    if "random_state" in seeded.get_params():
        grid, splits = {"random_state": [0, 1]}, splits[:1]
    alone, parallel = (
        GridSearchCV(seeded, grid, cv=splits, n_jobs=n_jobs, refit=False, error_score="raise")
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for n_jobs in (None, 2)
    )
    np.testing.assert_allclose(alone, parallel)


def _seeded(estimator):
    copy = clone(estimator)
    return copy.set_params(random_state=0) if "random_state" in copy.get_params() else copy


def _output(fitted, X):
    if _is_sampler(fitted):
        return np.asarray(fitted.fit_resample(X, _sampler_labels(X))[0])
    for method in ("predict_proba", "transform", "predict"):
        if hasattr(fitted, method):
            return np.asarray(getattr(fitted, method)(X))
    raise AssertionError(f"{type(fitted).__name__} has neither transform nor predict")


def _refusal(fitted, X):
    try:
        _output(fitted, X)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{type(fitted).__name__} accepted X of shape {X.shape}")


def _generators():
    """State of every global generator, as something that can be compared."""
    import torch

    return (
        random.getstate(),
        pickle.dumps(np.random.get_state()),
        torch.random.get_rng_state().numpy().tobytes(),
    )


def _is_classifier(estimator):
    return estimator.__sklearn_tags__().estimator_type == "classifier"


def _is_sampler(estimator):
    return hasattr(estimator, "fit_resample")


def _sampler_labels(X):
    """One class half as large as the other, with arrivals that fit `make_check_events`."""
    from ._arrivals import EventLabels, array_to_arrivals

    leads = (len(X), 1) if X.ndim < 4 else (len(X), X.shape[1], 1)
    times = np.broadcast_to([0.6, 0.8, np.nan, np.nan], (*leads, 4))
    return EventLabels((np.arange(len(X)) % 3 == 0).astype(int), array_to_arrivals(times))
