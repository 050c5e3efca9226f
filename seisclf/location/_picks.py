"""Times from P to S, by a picker that is fitted already."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def sp_times(picker, waveforms):
    """Seconds from P to S on each trace.

    Parameters
    ----------
    picker : estimator
        Fitted, with ``pick``; a Pipeline that ends with one; or a FrozenEstimator of either.
    waveforms : ndarray of shape (n_traces, n_components, n_samples)
        Recordings.

    Returns
    -------
    seconds : ndarray of shape (n_traces,)
        Of the event whose less certain pick is the most certain; NaN where P and S were not both
        picked.
    """
    steps, last = opened(picker)
    for step in steps:
        waveforms = step.transform(waveforms)
    wanted = getattr(last, "n_samples_in_", waveforms.shape[-1])
    if waveforms.shape[-1] != wanted:
        rate = getattr(last, "sampling_rate", None)
        rate = f" at {rate:g} Hz" if rate else ""
        raise ValueError(
            f"picker takes windows of {wanted} samples{rate}, and gets {waveforms.shape[-1]}: put "
            f"what is needed before it, e.g. picker=FrozenEstimator(make_pipeline(Resampler("
            f"sampling_rate=..., target_rate=...), Bandpass(...), picker))"
        )
    seconds = np.full(len(waveforms), np.nan)
    if len(waveforms) == 0:
        return seconds
    picks = last.pick(waveforms)
    picks = picks[picks["P"].notna() & picks["S"].notna() & (picks["S"] > picks["P"])]
    certain = np.minimum(picks["P_probability"], picks["S_probability"])
    # The last one assigned stays, so the most certain comes last.
    picks = picks.iloc[np.argsort(certain.to_numpy(), kind="stable")]
    seconds[picks["row"].to_numpy(dtype=int)] = (picks["S"] - picks["P"]).to_numpy()
    return seconds


def opened(picker):
    """Steps before a picker, and the picker; refused where it cannot pick or is not fitted."""
    inner = picker.estimator if isinstance(picker, FrozenEstimator) else picker
    *steps, last = [step for _, step in inner.steps] if isinstance(inner, Pipeline) else [inner]
    steps = [step for step in steps if step not in (None, "passthrough")]
    if not hasattr(last, "pick"):
        raise TypeError(
            f"picker must have a method pick, e.g. a fitted RockNetClassifier; got a "
            f"{type(last).__name__}"
        )
    if not hasattr(last, "fit"):
        return steps, last  # it has nothing to learn
    try:
        check_is_fitted(last)
    except ValueError as error:
        raise ValueError(
            "picker must be fitted. A clone, as cross-validation makes it, forgets what was "
            "learned: give picker=FrozenEstimator(picker)"
        ) from error
    return steps, last
