"""Events in which every arrival can be seen exactly."""

import numpy as np
import pandas as pd
import pytest

from seisclf.utils import EventLabels

RATE, N_SAMPLES = 50.0, 1000


def make_events(n_events, *, noise=0.0, seed=0, earliest=2.0, latest=10.0, gap=(1.0, 3.0)):
    """A jolt at P on the first channel and at S on the second, in silence or noise.

    Each jolt is +h, -h, so that the traces have no mean; h is the number of the event plus one.
    """
    rng = np.random.default_rng(seed)
    p = np.round(rng.uniform(earliest, latest, n_events) * RATE)
    s = p + np.round(rng.uniform(*gap, n_events) * RATE)
    X = noise * rng.normal(size=(n_events, 2, N_SAMPLES))
    for row in range(n_events):
        for channel, onset in enumerate((p[row], s[row])):
            X[row, channel, int(onset) : int(onset) + 2] += [row + 1.0, -row - 1.0]
    return X, pd.DataFrame({"P": p / RATE, "S": s / RATE})


@pytest.fixture
def jolts():
    """X, y of 12 events of class 1 and 24 of class 0, in silence."""
    X, arrivals = make_events(36)
    return X, EventLabels((np.arange(36) % 3 == 0).astype(int), arrivals)


@pytest.fixture
def no_control():
    """Parameters of mosaics that let everything pass."""
    return {"sampling_rate": RATE, "max_joint_ratio": None, "min_p_snr": None, "random_state": 0}


@pytest.fixture(name="make_events", scope="session")
def make_events_fixture():
    return make_events
