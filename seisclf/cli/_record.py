"""The real record that comes with ObsPy, and what is known of it."""

from pathlib import Path

# Unterhaching, Bavaria, 27 May 2010; ObsPy's tutorial on triggers uses it.
_FILES = "BW.UH[1234]._.?HZ.D.2010.147.cut.slist.gz"
_TRIGGER = {"thr_on": 3.5, "thr_off": 1.0, "sta": 0.5, "lta": 10}
_BAND = {"freqmin": 10.0, "freqmax": 20.0}


def shipped_record():
    """Four minutes of vertical ground motion at BW.UH1 to BW.UH4.

    Returns
    -------
    stream : obspy.Stream or None
        None if this installation of ObsPy has no such files.
    """
    import obspy

    from ..io import read_waveform_file

    folder = Path(obspy.__file__).parent / "signal" / "tests" / "data"
    stream = obspy.Stream()
    for path in sorted(folder.glob(_FILES)):
        stream += read_waveform_file(path)
    return stream if len({trace.id for trace in stream}) == 4 else None


def coincidence_triggers(stream):
    """Events that a coincidence of STA/LTA triggers finds, with ObsPy's tutorial's settings.

    Parameters
    ----------
    stream : obspy.Stream
        Left unchanged.

    Returns
    -------
    triggers : pandas.DataFrame
        ``time`` (UTC) and ``stations`` of each event that triggers at three stations or more.
    """
    import pandas as pd
    from obspy.signal.trigger import coincidence_trigger

    filtered = stream.copy().filter("bandpass", **_BAND)
    found = coincidence_trigger(
        "recstalta", _TRIGGER["thr_on"], _TRIGGER["thr_off"], filtered, 3,
        sta=_TRIGGER["sta"], lta=_TRIGGER["lta"],
    )  # fmt: skip
    return pd.DataFrame(
        {
            "time": pd.to_datetime([str(event["time"]) for event in found]),
            "stations": [" ".join(sorted(event["stations"])) for event in found],
        }
    )


def agreement(triggers, detections, *, tolerance=3.0):
    """Set known events beside detections.

    Parameters
    ----------
    triggers : pandas.DataFrame
        See :func:`coincidence_triggers`.
    detections : Detections
        Of single stations.
    tolerance : float, default=3.0
        Seconds that onsets may differ.

    Returns
    -------
    known : pandas.DataFrame
        One row per known event: which stations trigger, which detect it, as what.
    others : pandas.DataFrame
        Detections that belong to no known event.
    """
    import pandas as pd

    table = detections.to_frame()
    near = pd.Timedelta(tolerance, unit="s")
    used = pd.Series(False, index=table.index)
    rows = []
    for trigger in triggers.itertuples():
        own = (table["onset"] - trigger.time).abs() <= near
        used |= own
        votes = table.loc[own, "class"].value_counts()
        rows.append(
            {
                "known event (UTC)": trigger.time.strftime("%H:%M:%S"),
                "STA/LTA triggers at": trigger.stations,
                "detected at": " ".join(s.split(".")[1] for s in sorted(table[own]["stations"]))
                or "not detected",
                "called": ", ".join(f"{n} × {name}" for name, n in votes.items()) or "–",
            }
        )
    return pd.DataFrame(rows), table[~used].reset_index(drop=True)
