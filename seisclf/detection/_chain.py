"""Post-processing of class probabilities over time, within a detector."""

from dataclasses import replace

import numpy as np


def check_postprocessing(postprocessing):
    """Refuse what cannot transform series.

    Parameters
    ----------
    postprocessing : object or None
        A transformer or Pipeline.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if postprocessing is None:
        return
    if isinstance(postprocessing, type) or not hasattr(postprocessing, "fit_transform"):
        name = getattr(postprocessing, "__name__", type(postprocessing).__name__)
        raise TypeError(
            f"postprocessing must be a transformer of series or a Pipeline of such, got {name}: "
            f"EventDetector(..., postprocessing=stft_cnn_postprocessing())"
        )


def processed(function, postprocessing, is_event):
    """A probability function as the chain leaves it; the chain always starts from raw values.

    Parameters
    ----------
    function : ProbabilityFunction
        Processed before, by whatever chain, or not.
    postprocessing : object or None
        A transformer or Pipeline; None undoes what was done before.
    is_event : ndarray of bool, shape (n_classes,)
        Classes that the chain concerns.

    Returns
    -------
    function : ProbabilityFunction
        With ``raw`` if there is a chain.
    """
    raw = function.probabilities if function.raw is None else function.raw
    if postprocessing is None:
        return function if function.raw is None else replace(function, probabilities=raw, raw=None)
    from sklearn.base import clone

    # A copy, because it is fitted: series of two stations need not be equally long.
    chain = clone(postprocessing, safe=False)
    series = np.ascontiguousarray(raw[:, is_event].T)[np.newaxis]
    try:
        result = np.asarray(chain.fit_transform(series), dtype=float)
    except ValueError as error:
        raise ValueError(
            f"postprocessing={describe(postprocessing)} cannot transform series of shape "
            f"{series.shape} (n_series, n_classes, n_frames): {error}. What can is "
            f"stft_cnn_postprocessing(), or steps of it"
        ) from error
    if result.shape != series.shape:
        raise ValueError(
            f"postprocessing turned series of shape {series.shape} (n_series, n_classes, "
            f"n_frames) into {result.shape}; it must keep the shape"
        )
    values = raw.copy()
    values[:, is_event] = result[0].T
    values[np.isnan(raw)] = np.nan
    return replace(function, probabilities=values, raw=raw)


def steps_of(postprocessing):
    """Fresh copies of the steps of a chain, in order.

    Parameters
    ----------
    postprocessing : object or None
        A transformer or Pipeline.

    Returns
    -------
    steps : list
        Empty without a chain; steps that pass everything through are left out.
    """
    from sklearn.base import clone

    if postprocessing is None:
        return []
    steps = [step for _, step in getattr(postprocessing, "steps", [("", postprocessing)])]
    return [clone(step, safe=False) for step in steps if step not in (None, "passthrough")]


def describe(postprocessing):
    """A chain in words, on one line.

    Parameters
    ----------
    postprocessing : object
        A transformer or Pipeline.

    Returns
    -------
    text : str
        Steps with all their parameters.

    Examples
    --------
    >>> from seisclf.detection import stft_cnn_postprocessing
    >>> describe(stft_cnn_postprocessing()[:2])
    'ThresholdFilter(threshold=0.5), MedianFilter(size=5)'
    """
    steps = [step for _, step in getattr(postprocessing, "steps", [("", postprocessing)])]
    said = []
    for step in steps:
        params = step.get_params(deep=False) if hasattr(step, "get_params") else {}
        values = ", ".join(f"{name}={value!r}" for name, value in params.items())
        said.append(f"{type(step).__name__}({values})")
    return ", ".join(said)
