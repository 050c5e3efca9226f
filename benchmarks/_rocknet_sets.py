"""Synthetic events in real noise of the Luhu slope, for the training benchmark."""

import numpy as np

SAMPLING_RATE = 50.0
DURATION = 30.0
STATIONS = ["LH01", "LH02", "LH03", "LH04"]
CLASSES = ("earthquake", "rockfall", "noise")
_N_SAMPLES = round(SAMPLING_RATE * DURATION)


def make_set(n_events, part, *, snr_db=(0.0, 15.0), random_state=0):
    """Events of a network of four stations in real noise.

    Parameters
    ----------
    n_events : int
        Rows; a third of them noise alone.
    part : {"train", "test"}
        The noise is cut from the first or the second half of the hour, so that no stretch of it
        stands on both sides.
    snr_db : tuple of float
        Range of the signal-to-noise ratio of an event: of the root mean squares over its
        duration. Stations scatter about it by 4 dB.
    random_state : int
        Fixes events and noise.

    Returns
    -------
    X : ndarray of float32, shape (n_events, 4, 3, 1500)
        30 s at 50 Hz.
    y : ndarray of str, shape (n_events,)
        Classes.
    arrivals : ndarray of shape (n_events, 4, 1, 4)
        P, S, start and end at each station, in seconds.
    """
    from seisclf.datasets import make_seismic_events
    from seisclf.utils import arrivals_to_array

    rng = np.random.default_rng([random_state, part == "test"])
    events = make_seismic_events(
        n_events,
        classes=CLASSES,
        n_stations=4,
        duration=DURATION,
        sampling_rate=SAMPLING_RATE,
        snr_db=60.0,  # next to nothing but signal: the noise comes from the record
        random_state=int(rng.integers(2**31)),
    )
    arrivals = arrivals_to_array(events.arrivals, n_events, n_stations=4)
    noise = _noise(n_events, part, rng)
    signal = _band(events.data.astype(np.float64))
    level = rng.uniform(*snr_db, (n_events, 1)) + rng.normal(0.0, 4.0, (n_events, 4))
    for row in range(n_events):
        if events.target[row] == "noise":
            signal[row] = 0.0
            continue
        for station in range(4):
            first, last = arrivals[row, station, 0, 2:] * SAMPLING_RATE
            part_of_it = signal[row, station, :, int(first) : int(np.ceil(last)) + 1]
            rms = np.sqrt(np.mean(part_of_it**2))
            signal[row, station] *= 10 ** (level[row, station] / 20) / max(rms, 1e-12)
    return (signal + noise).astype(np.float32), events.target, arrivals


def _noise(n, part, rng):
    """Windows of the hour without events (n, 4, 3, 1500); traces have a deviation of 1."""
    data, quiet = _quiet_record()
    half = len(quiet) // 2
    allowed = quiet.copy()
    allowed[half:] &= part == "test"
    allowed[:half] &= part == "train"
    run = np.convolve(allowed, np.ones(_N_SAMPLES), mode="valid") > _N_SAMPLES - 0.5
    starts = rng.choice(np.flatnonzero(run), n)
    windows = np.stack([data[..., start : start + _N_SAMPLES] for start in starts])
    return windows / windows.std(axis=-1, keepdims=True)


def _quiet_record():
    """The prepared hour (4, 3, n), and where RockNet's authors found nothing in it."""
    from seisclf.datasets import load_luhu_hour
    from seisclf.signal import resample

    hour = load_luhu_hour()
    begin = hour.functions[0].stats.starttime
    traces = []
    for station in STATIONS:
        for letter in "ZNE":
            trace = hour.stream.select(station=station, component=letter)[0].copy()
            trace.trim(begin, begin + 3720, nearest_sample=True)
            traces.append(trace.data[:372_000].astype(np.float64))
    data = np.array(traces).reshape(4, 3, -1)
    data = _band(resample(data - data.mean(-1, keepdims=True), old_rate=100.0, new_rate=50.0))
    loud = np.zeros(372_000, dtype=bool)
    for trace in hour.functions:
        limit = 0.1 if trace.stats.channel == "occ" else 0.5
        loud |= trace.data > limit
    # Ten seconds on either side as well.
    loud = np.convolve(loud, np.ones(2001), mode="same") > 0.5
    return data, ~loud[::2][: data.shape[-1]]


def _band(x):
    from seisclf.signal import bandpass

    return bandpass(x, sampling_rate=SAMPLING_RATE, low=2.0, high=20.0)
