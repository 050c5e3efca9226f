"""Events of many channels, few of them labelled, as pictures: synthetic ones and real ones."""

import warnings

import numpy as np
import pandas as pd

#: Label of rows that nobody has labelled.
UNLABELLED = "-1"
#: All sorts of signals that a slope records; eight, as at Åknes.
CLASSES = ("earthquake", "quake", "rockfall", "tremor", "noise", "spike", "car", "machinery")
#: Signal to noise of an event in dB, and how it differs from channel to channel.
SNR, SPREAD = (-5.0, 10.0), 8.0
#: Seconds around P of the real recordings that are shown.
REAL_WINDOW = {"start": -5.0, "end": 30.0}


def synthetic_events(n_labelled, n_unlabelled, *, size, random_state=0):
    """Events of eight classes at eight stations of three components, 24 channels.

    Parameters
    ----------
    n_labelled, n_unlabelled : int
        Events; of the latter the label is hidden.
    size : int
        Height of the pictures.
    random_state : int, default=0
        Fixes the events.

    Returns
    -------
    pictures : ndarray of float32 of shape (n_events, 24, height, width)
        Spectrograms.
    y : ndarray of str of shape (n_events,)
        Classes, "-1" where hidden.
    metadata : DataFrame
        One row for each event.
    """
    from seisclf.datasets import make_seismic_events

    events = make_seismic_events(
        n_labelled + n_unlabelled,
        classes=CLASSES,
        n_sites=1,
        n_stations=8,
        duration=16.0,
        sampling_rate=100.0,
        snr_db=SNR,
        channel_snr_spread_db=SPREAD,
        random_state=random_state,
    )
    n, *_, n_samples = events.data.shape
    X = events.data.reshape(n, 24, n_samples)
    y = events.target.astype(object)
    hidden = np.random.default_rng(random_state).permutation(n)[:n_unlabelled]
    y[hidden] = UNLABELLED
    return _pictures(X, 100.0, 0.32, size), y.astype(str), events.metadata


def real_events(*, size):
    """Earthquakes and blasts at one station in Gujarat, and earthquakes of another network.

    The recordings of Kachchh, up to five of each event, join as events without a label: other
    stations, other distances, and one class, so that a label would tell the network apart.

    Parameters
    ----------
    size : int
        Height of the pictures.

    Returns
    -------
    pictures : ndarray of float32 of shape (n_recordings, 3, height, width)
        Spectrograms of Z, N and E.
    y : ndarray of str of shape (n_recordings,)
        "earthquake", "blast", and "-1" for Kachchh.
    metadata : DataFrame
        One row for each recording; ``day`` is that of the recording.
    """
    from seisclf.datasets import cut_windows, load_gujarat, load_kachchh

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sets = [cut_windows(load(), **REAL_WINDOW) for load in (load_gujarat, load_kachchh)]
    X = np.concatenate([np.asarray(events.data) for events in sets]).astype(np.float32)
    y = np.concatenate([sets[0].target.astype(str), np.full(len(sets[1].target), UNLABELLED)])
    columns = ["event_id", "station", "start_time", "end_time"]
    metadata = pd.concat([events.metadata[columns] for events in sets], ignore_index=True)
    metadata["day"] = metadata["start_time"].dt.strftime("%Y-%m-%d")
    return _pictures(X, 50.0, 0.64, size), y, metadata


def _pictures(X, sampling_rate, window_length, size):
    from seisclf.preprocessing import Spectrogram

    spectrogram = Spectrogram.from_preset(
        "aknes", sampling_rate=sampling_rate, window_length=window_length, log="db", size=size
    )
    return np.concatenate(
        [spectrogram.fit_transform(X[i : i + 64]).astype(np.float32) for i in range(0, len(X), 64)]
    )
