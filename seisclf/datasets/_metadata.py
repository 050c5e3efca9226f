"""Metadata columns: SeisBench's names to ours and back."""

import warnings

import numpy as np

from ..io._times import to_utc

# Ours -> SeisBench's, numbers that only change their name.
NUMBERS = {
    "source_latitude": "source_latitude_deg",
    "source_longitude": "source_longitude_deg",
    "source_depth": "source_depth_km",
    "magnitude": "source_magnitude",
    "distance": "path_ep_distance_km",
    "back_azimuth": "path_back_azimuth_deg",
    "station_latitude": "station_latitude_deg",
    "station_longitude": "station_longitude_deg",
    "station_elevation": "station_elevation_m",
    "snr_db": "trace_snr_db",
}
# Ours, in seconds after the first sample -> SeisBench's, in samples.
ONSETS = {
    "p_onset": "trace_p_arrival_sample",
    "s_onset": "trace_s_arrival_sample",
    "event_start": "trace_event_start_sample",
    "event_end": "trace_event_end_sample",
}
# The first arrival of each family is the onset.
_PHASES = {
    "trace_p_arrival_sample": ("p", "p1", "pg", "pn"),
    "trace_s_arrival_sample": ("s", "s1", "sg", "sn"),
}
ARRIVALS = {"P": "p_onset", "S": "s_onset", "start": "event_start", "end": "event_end"}
STANDARD_COLUMNS = (
    "event_id",
    "station",
    "site",
    "start_time",
    "end_time",
    "origin_time",
    *NUMBERS,
    *ONSETS,
)


def standard_metadata(metadata, *, rate, n_samples, sampling_rate):
    """Put our standard columns before SeisBench's.

    Parameters
    ----------
    metadata : DataFrame
        Rows of ``metadata.csv``.
    rate : ndarray of shape (n_events,)
        Sampling rate in Hz at which picks were counted.
    n_samples : int
        Length of the windows that were read, in samples.
    sampling_rate : float
        Sampling rate in Hz of the windows that were read.

    Returns
    -------
    metadata : DataFrame
        Standard columns where they are known, then the given ones.
    """
    import pandas as pd

    new = {}
    if "source_id" in metadata:
        # Noise has no source: each of its rows is an event of its own.
        new["event_id"] = metadata["source_id"].astype(object).fillna(metadata["trace_name"])
    if "station_code" in metadata:
        network = metadata.get("station_network_code", pd.Series("", index=metadata.index))
        code = metadata["station_code"].astype(object).fillna("")
        new["station"] = network.astype(object).fillna("") + "." + code
    if "station_site" in metadata:
        new["site"] = metadata["station_site"].astype(object)
    if "trace_start_time" in metadata:
        start = to_utc(metadata["trace_start_time"])
        new["start_time"] = start
        new["end_time"] = start + pd.Timedelta(n_samples / sampling_rate, unit="s")
    if "source_origin_time" in metadata:
        new["origin_time"] = to_utc(metadata["source_origin_time"])
    for ours, theirs in NUMBERS.items():
        if theirs in metadata:
            new[ours] = pd.to_numeric(metadata[theirs], errors="coerce").astype(float)
    for ours, theirs in ONSETS.items():
        new[ours] = _first_arrival(metadata, theirs) / rate
    added = pd.DataFrame(new, index=metadata.index)
    for name in ("event_id", "station", "site"):
        if name in added:
            added[name] = added[name].astype(str)
    rest = metadata.drop(columns=[name for name in added if name in metadata])
    return pd.concat([added, rest], axis=1)


def _first_arrival(metadata, column):
    import pandas as pd

    found = [name for name in metadata if name.lower() in _pick_columns(column)]
    if not found:
        return np.full(len(metadata), np.nan)
    samples = metadata[found].apply(pd.to_numeric, errors="coerce").astype(float)
    return samples.min(axis=1).to_numpy()


def _pick_columns(column):
    return (
        {f"trace_{p}_arrival_sample" for p in _PHASES[column]} if column in _PHASES else {column}
    )


def seisbench_metadata(metadata, *, sampling_rate, n_samples):
    """Replace our standard columns by SeisBench's; the inverse of `standard_metadata`.

    Parameters
    ----------
    metadata : DataFrame
        Rows with standard columns, SeisBench's, or both; where both are there ours wins.
    sampling_rate : float
        Rate of the waveforms in Hz.
    n_samples : ndarray of shape (n_events,)
        Recorded samples of each row.

    Returns
    -------
    metadata : DataFrame
        Columns as SeisBench names them; columns that neither knows are kept.
    """
    import pandas as pd

    new = metadata.reset_index(drop=True).copy()
    if "event_id" in new:
        new["source_id"] = new.pop("event_id").astype(str)
    if "station" in new:
        parts = new.pop("station").astype(str).str.split(".", n=1, expand=True)
        if parts.shape[1] < 2:  # no network given
            parts = pd.DataFrame({0: "", 1: parts[0]})
        new["station_network_code"] = parts[0].where(parts[1].notna(), "")
        new["station_code"] = parts[1].fillna(parts[0])
    if "site" in new:
        new["station_site"] = new.pop("site")
    new = new.drop(columns=[name for name in ("end_time", "n_valid") if name in new])
    for ours, theirs in (
        ("start_time", "trace_start_time"),
        ("origin_time", "source_origin_time"),
    ):
        if ours in new:
            new[theirs] = to_utc(new.pop(ours)).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for ours, theirs in NUMBERS.items():
        if ours in new:
            new[theirs] = new.pop(ours)
    for ours, theirs in ONSETS.items():
        if ours in new:
            samples = pd.to_numeric(new.pop(ours)) * sampling_rate
            new = new.drop(columns=_stale_picks(new, theirs, samples.to_numpy()))
            if samples.notna().any():
                new[theirs] = samples.round(6)
    new["trace_sampling_rate_hz"] = float(sampling_rate)
    new["trace_npts"] = n_samples
    return new.drop(columns=[name for name in ("trace_dt_s", "index") if name in new])


def _stale_picks(metadata, column, samples):
    """Columns of this phase that count samples in another window than the one written."""
    found = [name for name in metadata if name.lower() in _pick_columns(column)]
    same = np.allclose(_first_arrival(metadata, column), samples, atol=1e-3, equal_nan=True)
    lost = [] if same else [name for name in found if name.lower() != column]
    if lost:
        warnings.warn(
            f"{', '.join(lost)} count samples in windows that were cut since: not written",
            UserWarning,
            stacklevel=4,
        )
    return [name for name in found if name.lower() == column] + lost


def arrivals_of(metadata):
    """Return the table of picks P, S, start and end, in seconds after the first sample."""
    import pandas as pd

    nothing = pd.Series(np.nan, index=metadata.index)
    return pd.DataFrame({k: metadata.get(v, nothing).astype(float) for k, v in ARRIVALS.items()})


def stations_of(metadata):
    """Return one row per station with its coordinates, or None where stations are not known."""
    if "station" not in metadata:
        return None
    columns = ["station", "station_latitude", "station_longitude", "station_elevation"]
    table = metadata[[name for name in columns if name in metadata]]
    table = table.groupby("station", sort=True, as_index=False).first()
    return table.rename(columns=lambda name: name.removeprefix("station_"))
