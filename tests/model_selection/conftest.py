"""A small catalogue with everything that can leak."""

import numpy as np
import pandas as pd
import pytest


def make_catalogue(n_events=60, *, seed=0, n_stations=2):
    """Features, classes and metadata of events over a year, each at several stations."""
    rng = np.random.default_rng(seed)
    event = np.repeat(np.arange(n_events), n_stations)
    y = np.array(["earthquake", "noise", "rockfall"])[event % 3]
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(rng.uniform(0, 360 * 86400, n_events))[event], unit="s"
    )
    metadata = pd.DataFrame(
        {
            "event_id": [f"ev{i:03d}" for i in event],
            "station": np.tile([f"XX.ST{k}" for k in range(n_stations)], n_events),
            "site": np.where(event % 2, "east", "west"),
            "start_time": start,
            "end_time": start + pd.Timedelta("30s"),
        }
    )
    X = rng.normal(size=(len(event), 6))
    X[y == "rockfall", 0] += 2
    X[y == "noise", 1] += 2
    return X, y, metadata


@pytest.fixture
def catalogue():
    return make_catalogue()


@pytest.fixture(name="make_catalogue")
def make_catalogue_fixture():
    return make_catalogue
