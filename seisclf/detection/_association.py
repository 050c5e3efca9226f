"""Detections of single stations become events of a network."""

import numpy as np


def associate_table(table, *, min_stations, max_delay):
    """Join detections of several stations whose onsets lie close together.

    Parameters
    ----------
    table : pandas.DataFrame
        Detections of single stations.
    min_stations : int
        Events seen by fewer stations are left out.
    max_delay : float
        Seconds between the first and the last onset of an event.

    Returns
    -------
    events : pandas.DataFrame
        The same columns, one row per event.
    rows : list of list of int
        Rows of `table` that each event was made of.
    """
    import pandas as pd

    if min_stations < 1:
        raise ValueError(f"min_stations must be at least 1; got {min_stations}")
    if max_delay < 0:
        raise ValueError(f"max_delay must not be negative; got {max_delay:g} s")
    delay = pd.Timedelta(max_delay, unit="s")
    ordered = table.sort_values(["onset", "stations"], kind="stable")
    groups = []
    for number, row in zip(ordered.index, ordered.to_dict("records"), strict=True):
        row["rows"] = [number]
        group = groups[-1] if groups else None
        stations = {member["stations"] for member in group} if group else set()
        if group and row["onset"] - group[0]["onset"] <= delay:
            if row["stations"] not in stations:
                group.append(row)
                continue
            # A second detection at one station within the delay belongs to the same event.
            known = next(member for member in group if member["stations"] == row["stations"])
            known["end"] = max(known["end"], row["end"])
            known["rows"].append(number)
            continue
        groups.append([row])
    groups = [group for group in groups if len(group) >= min_stations]
    events = pd.DataFrame([_join(group) for group in groups], columns=table.columns)
    members = [[number for member in group for number in member["rows"]] for group in groups]
    return (events if groups else table.iloc[:0].copy()), members


def _join(group):
    support = {}
    for member in group:
        support[member["class"]] = support.get(member["class"], 0.0) + member["probability"]
    label = max(support, key=support.get)
    return {
        "class": label,
        "onset": group[0]["onset"],
        "end": max(member["end"] for member in group),
        # Stations that say otherwise count with nothing for this class.
        "probability": support[label] / len(group),
        "event_probability": float(np.mean([m["event_probability"] for m in group])),
        "stations": " ".join(member["stations"] for member in group),
        "coverage": float(np.mean([member["coverage"] for member in group])),
    }
