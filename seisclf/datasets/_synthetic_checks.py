"""What the parameters of the synthetic sets must be."""

import numbers

import numpy as np

from ._synthetic_events import SIMULATORS
from ._synthetic_propagation import TimeGrid
from ._synthetic_sites import MAX_SITES


def check_classes(classes):
    classes = [classes] if isinstance(classes, str) else list(classes)
    unknown = [name for name in classes if name not in SIMULATORS]
    if unknown or not classes or len(set(classes)) < len(classes):
        raise ValueError(
            f"classes must be different names among {list(SIMULATORS)}; got {classes}"
        )
    return classes


def check_grid(n_samples, duration, sampling_rate):
    if not sampling_rate >= 20:
        raise ValueError(
            f"sampling_rate must be at least 20 Hz, or quakes cannot be told; got {sampling_rate}"
        )
    if duration is not None:
        n_samples = round(duration * sampling_rate)
    if not isinstance(n_samples, numbers.Integral) or n_samples < sampling_rate:
        raise ValueError(
            f"n_samples (or duration) must give a window of at least one second, an integer "
            f"number of samples; got {n_samples!r} samples at {sampling_rate} Hz"
        )
    return TimeGrid(int(n_samples), float(sampling_rate))


def check_counts(n_events, n_sites, n_stations, n_components, missing):
    for name, value in {
        "n_events": n_events,
        "n_sites": n_sites,
        "n_stations": n_stations,
    }.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"{name} must be a positive integer; got {value!r}")
    if n_sites > MAX_SITES:
        raise ValueError(f"n_sites must be at most {MAX_SITES}; got {n_sites}")
    if n_components not in (1, 3):
        raise ValueError(f"n_components must be 1 (Z) or 3 (Z, N, E); got {n_components!r}")
    if not 0 <= missing < 1:
        raise ValueError(f"missing_station_probability must be in [0, 1); got {missing!r}")


def check_balance(class_balance, classes):
    if class_balance is None:
        class_balance = [1.0] * len(classes)
    elif hasattr(class_balance, "keys"):
        if set(class_balance) != set(classes):
            raise ValueError(
                f"class_balance must have the keys {classes}; got {list(class_balance)}"
            )
        class_balance = [class_balance[name] for name in classes]
    balance = np.asarray(class_balance, dtype=float)
    if balance.shape != (len(classes),) or np.any(balance < 0) or balance.sum() <= 0:
        raise ValueError(
            f"class_balance must hold {len(classes)} numbers, none negative, not all zero; "
            f"got {class_balance}"
        )
    return balance / balance.sum()


def check_snr(snr_db):
    bounds = np.asarray(snr_db, dtype=float)
    if bounds.ndim == 0:
        bounds = np.repeat(bounds, 2)
    if bounds.shape != (2,) or not np.all(np.isfinite(bounds)) or bounds[0] > bounds[1]:
        raise ValueError(f"snr_db must be a number or (low, high) in dB; got {snr_db!r}")
    return bounds


def check_spread(channel_snr_spread_db):
    if not (np.isfinite(channel_snr_spread_db) and channel_snr_spread_db >= 0):
        raise ValueError(
            f"channel_snr_spread_db must be a number of dB, not negative; got "
            f"{channel_snr_spread_db!r}"
        )
    return float(channel_snr_spread_db)


def check_radius(network_radius):
    # Beyond it the flat map on which stations are placed is no longer true.
    if not 0 < network_radius <= 200:
        raise ValueError(
            f"network_radius must be a number of km, over 0 and up to 200; got {network_radius!r}"
        )
    return float(network_radius)


def first_time(start):
    """A time as UTC without a zone, to the nanosecond."""
    import pandas as pd

    time = pd.Timestamp(start)
    time = time.tz_convert("UTC").tz_localize(None) if time.tzinfo else time
    return np.datetime64(time.to_datetime64(), "ns")
