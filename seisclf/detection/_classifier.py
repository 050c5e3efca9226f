"""What a fitted classifier tells about the windows it was trained on."""

import os
import warnings
from functools import partial

import numpy as np


def check_classifier(classifier):
    """Refuse what cannot give class probabilities, or is not fitted."""
    from sklearn.utils.validation import check_is_fitted

    if isinstance(classifier, type):
        raise TypeError(
            f"classifier must be a fitted classifier, got the class {classifier.__name__}: "
            f"{classifier.__name__}(...).fit(X, y)"
        )
    if isinstance(classifier, str | os.PathLike):
        raise TypeError(
            f"classifier must be a fitted classifier, got the path {str(classifier)!r}: "
            f"EventDetector(seisclf.load(path))"
        )
    if hasattr(classifier, "get_params"):
        check_is_fitted(classifier)
    if not hasattr(classifier, "predict_proba"):
        raise TypeError(
            f"classifier must have predict_proba, {type(classifier).__name__} has not: wrap it, "
            f"sklearn.calibration.CalibratedClassifierCV(classifier).fit(X, y)"
        )
    if not hasattr(classifier, "classes_"):
        raise TypeError(f"{type(classifier).__name__} has no classes_: give a fitted classifier")
    if function_predictor(classifier) is not None:
        return
    if find_attribute(classifier, "n_stations_in_") is not None:
        raise ValueError(
            f"{type(classifier).__name__} was fitted on events of a whole network, (n_events, "
            f"n_stations, n_components, n_samples), and has no predict_functions; EventDetector "
            f"scans one station at a time then: fit it on (n_events, n_channels, n_samples)"
        )


def function_predictor(classifier):
    """What answers with functions over time, or None.

    Parameters
    ----------
    classifier : object
        Itself with ``predict_functions``, or a search over such a one, or a Pipeline that ends
        with one.

    Returns
    -------
    predict : callable or None
        Windows to a dict of functions.
    """
    if hasattr(classifier, "predict_functions"):
        return classifier.predict_functions
    best = getattr(classifier, "best_estimator_", None)
    if best is not None:
        return function_predictor(best)
    steps = getattr(classifier, "steps", None)
    last = function_predictor(steps[-1][1]) if steps else None
    return last and partial(_through, [step for _, step in steps[:-1]], last)


def labels_of_functions(classifier, name, default):
    """Labels that a classifier of functions names in a parameter, as a list.

    Parameters
    ----------
    classifier : object
        See :func:`function_predictor`.
    name : str
        ``"picked"`` or ``"background"``.
    default : tuple
        Where it has no such parameter.

    Returns
    -------
    labels : list
        One label alone becomes a list of one.
    """
    inner = function_predictor(classifier)
    inner = inner.args[1] if isinstance(inner, partial) else inner
    owner = getattr(inner, "__self__", classifier)
    # A network of stations has these from the model of one station in it.
    parts = (owner, getattr(owner, "station_model_", None))
    labels = next((getattr(p, name) for p in parts if getattr(p, name, None) is not None), default)
    return [labels] if isinstance(labels, str) or np.ndim(labels) == 0 else list(labels)


def _through(steps, predict, X):
    for step in steps:
        if step not in (None, "passthrough") and not hasattr(step, "fit_resample"):
            X = step.transform(X)
    return predict(X)


def expected_sampling_rate(classifier, given):
    """Hertz of the windows that the classifier was trained on."""
    rate = given if given is not None else find_attribute(classifier, "sampling_rate")
    if rate is None:
        raise ValueError(
            f"sampling_rate is needed: {type(classifier).__name__} does not know its own. "
            f"EventDetector(classifier, sampling_rate=...)"
        )
    own = find_attribute(classifier, "sampling_rate")
    if own is not None and abs(own - rate) > 1e-4 * own:
        raise ValueError(
            f"sampling_rate={rate:g} Hz, but the classifier was built for {own:g} Hz: leave the "
            f"parameter out, and use resample=True for records of another rate"
        )
    if not rate > 0:
        raise ValueError(f"sampling_rate must be positive; got {rate}")
    return float(rate)


def expected_components(classifier, given):
    """Component letters in the order of the classifier's channels."""
    n_channels = find_attribute(classifier, "n_channels_in_")
    components = given
    if given is not None and "channels" in (find_attribute(classifier, "_free_axes") or ()):
        return components  # every channel is looked at by itself, whatever their number
    if given is None:
        components = {1: "Z", 3: "ZNE", None: "Z"}.get(n_channels)
    if components is None:
        raise ValueError(
            f"the classifier was fitted on {n_channels} channels: name them, "
            f"EventDetector(classifier, components='...')"
        )
    if n_channels is not None and len(components) != n_channels:
        raise ValueError(
            f"components={components!r} are {len(components)}, but the classifier was fitted on "
            f"{n_channels} channel{'s' if n_channels > 1 else ''}"
        )
    return components


def expected_window(classifier, given, sampling_rate):
    """Seconds of the windows that the classifier was trained on."""
    n_samples = find_attribute(classifier, "n_samples_in_")
    if given is None and n_samples is None:
        raise ValueError(
            f"window is needed: {type(classifier).__name__} does not know how long its windows "
            f"are. EventDetector(classifier, window=...)"
        )
    window = n_samples / sampling_rate if given is None else float(given)
    if n_samples is not None and round(window * sampling_rate) != n_samples:
        raise ValueError(
            f"window={window:g} s are {round(window * sampling_rate)} samples at "
            f"{sampling_rate:g} Hz, but the classifier was fitted on {n_samples} "
            f"({n_samples / sampling_rate:g} s): leave the parameter out"
        )
    if round(window * sampling_rate) < 2:
        raise ValueError(f"window must hold at least two samples; got {window:g} s")
    return window


def background_labels(classifier, background):
    """Labels that are no events, as a list."""
    classes = np.asarray(classifier.classes_)
    if function_predictor(classifier) is not None:
        # That there is none is no reason to warn: functions are low where nothing happens.
        given = [] if background is None else np.ravel(background).tolist()
        own = labels_of_functions(classifier, "background", ())
        return [label for label in classes.tolist() if label in [*given, *own]]
    if background is None:
        return []
    labels = [background] if np.ndim(background) == 0 else list(background)
    absent = [label for label in labels if label not in classes.tolist()]
    if absent:
        warnings.warn(
            f"background={background!r}: the classifier has no such class (it has "
            f"{', '.join(map(str, classes))}), so every stretch of a record will be some event; "
            f"train with noise windows (seisclf.datasets.add_noise_class), or pass "
            f"background=None to say that this is meant",
            UserWarning,
            stacklevel=3,
        )
    return [label for label in labels if label not in absent]


def threshold_vector(classes, threshold, background):
    """Threshold of each class, infinity for the background."""
    if isinstance(threshold, dict):
        unknown = [label for label in threshold if label not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"threshold names classes that the classifier does not have: "
                f"{', '.join(map(str, unknown))}; it has {', '.join(map(str, classes))}"
            )
        values = [threshold.get(label, 0.5) for label in classes.tolist()]
    else:
        values = [threshold] * len(classes)
    values = np.array(values, dtype=float)
    if not ((values > 0) & (values <= 1)).all():
        raise ValueError(f"threshold must lie above 0 and not above 1; got {threshold}")
    values[np.isin(classes, background)] = np.inf
    if np.isinf(values).all():
        raise ValueError(f"every class is background ({background}): nothing could be detected")
    return values


def predict_windows(classifier, X):
    """Probabilities of windows (n_windows, n_components, n_samples), checked."""
    if X.shape[1] == 1 and find_attribute(classifier, "n_channels_in_") is None:
        X = X[:, 0]
    probabilities = np.asarray(classifier.predict_proba(X), dtype=float)
    expected = (len(X), len(classifier.classes_))
    if probabilities.shape != expected:
        raise ValueError(
            f"{type(classifier).__name__}.predict_proba gave shape {probabilities.shape} for "
            f"{len(X)} windows, {expected} is needed"
        )
    total = probabilities.sum(axis=1)
    if not (np.abs(total - 1) < 1e-3).all() or (probabilities < 0).any():
        raise ValueError(
            f"{type(classifier).__name__}.predict_proba must give probabilities that sum to one; "
            f"they sum to between {total.min():.4g} and {total.max():.4g}"
        )
    return probabilities


def find_attribute(estimator, name):
    """An attribute of the estimator, or of the part of it that sees the waveforms first."""
    seen = []
    queue = [estimator]
    while queue:
        part = queue.pop(0)
        if part is None or isinstance(part, str) or any(part is other for other in seen):
            continue
        seen.append(part)
        value = getattr(part, name, None)
        if value is not None:
            return value
        queue[:0] = _inner(part)
    return None


def _inner(estimator):
    """Parts of a meta-estimator, in the order in which data reaches them."""
    if hasattr(estimator, "steps"):
        return [step for _, step in estimator.steps]
    parts = [
        getattr(estimator, attribute, None)
        for attribute in ("best_estimator_", "estimator_", "features_", "estimator")
    ]
    for attribute in ("calibrated_classifiers_", "estimators_", "transformer_list"):
        several = getattr(estimator, attribute, None)
        if isinstance(several, list) and several:
            first = several[0]
            parts.append(first[1] if isinstance(first, tuple) else first)
    return parts
