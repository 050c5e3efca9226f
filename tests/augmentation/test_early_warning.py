"""Windows that begin or end between P and S."""

import numpy as np
import pytest

from seisclf.augmentation import EarlyWarningAugmenter
from seisclf.utils import arrivals_to_array

RATE, N_SAMPLES = 50.0, 1000
DURATION = (N_SAMPLES - 1) / RATE


def new_times(X, y, **params):
    augmenter = EarlyWarningAugmenter(sampling_strategy=40, **params)
    resampled, labels = augmenter.fit_resample(X, y)
    n_new = len(labels) - len(X)
    assert n_new == 80
    return resampled[-n_new:], arrivals_to_array(labels.arrivals, len(labels))[-n_new:]


@pytest.mark.parametrize("n_events", [1, 2])
@pytest.mark.parametrize("margin", [0.2, 0.5])
def test_window_begins_between_p_and_s(jolts, no_control, margin, n_events):
    windows, times = new_times(
        *jolts, edges="begin", margin=margin, n_events=n_events, **no_control
    )
    p, s = times[:, 0, 0], times[:, 0, 1]
    assert (p < 0).all() and (s >= margin - 1e-9).all()
    # Seconds, not samples: begins spread over all of the time that is allowed.
    begin = -p / (s - p - margin)
    assert begin.min() < 0.15 and begin.max() > 0.85
    first_s = np.round(s * RATE).astype(int)
    assert (windows[np.arange(80), 1, first_s] > 0.5).all()
    seen_p = np.argmax(windows[:, 0] > 0.5, axis=-1)
    assert n_events == 2 or not seen_p.any()


@pytest.mark.parametrize("n_events", [1, 2])
@pytest.mark.parametrize("margin", [0.2, 0.5])
def test_window_ends_between_p_and_s(jolts, no_control, margin, n_events):
    windows, times = new_times(*jolts, edges="end", margin=margin, n_events=n_events, **no_control)
    count = np.isfinite(times[:, :, 0]).sum(axis=1)
    last = times[np.arange(80), count - 1]
    p, s = last[:, 0], last[:, 1]
    assert (s > DURATION).all() and (p <= DURATION + 1 / RATE - margin + 1e-9).all()
    end = (DURATION - p - margin) / (s - p - margin)
    assert end.min() < 0.15 and end.max() > 0.85
    at = np.round(p * RATE).astype(int)
    assert (windows[np.arange(80), 0, at] > 0.5).all()


def test_both_edges_by_default(jolts, no_control):
    _, times = new_times(*jolts, **no_control)
    begins = times[:, 0, 0] < 0
    np.testing.assert_array_equal(begins, np.arange(80) % 2 == 0)


def test_on_the_fly(jolts, no_control):
    X, y = jolts
    augmenter = EarlyWarningAugmenter(probability=1.0, **no_control)
    augmented, labels = augmenter.augment(X, y, 0)
    partial = (labels.arrivals["P"] < 0) | (labels.arrivals["S"] > DURATION)
    assert partial.all() and augmented.shape == X.shape


def test_wrong_edges_are_refused(jolts):
    with pytest.raises(ValueError, match="edges must be"):
        EarlyWarningAugmenter(edges="middle").fit_resample(*jolts)
