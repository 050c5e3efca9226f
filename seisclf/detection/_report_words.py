"""Words, numbers and tables of the page on a catalogue."""

import numpy as np

from seisclf.utils._document import literal

# More lines of a table than this are left to the files.
MOST_LINES = 60


def between(low, high):
    if f"{low:.2f}" == f"{high:.2f}":
        return f"probability {low:.2f}"
    return f"probabilities from {low:.2f} to {high:.2f}"


def by_station(report):
    """One line for each station, whatever number of lines the report has for it."""
    import pandas as pd

    rows = []
    for station, own in report.groupby("station", sort=True):
        lasts = (own["end"] - own["start"]).dt.total_seconds().fillna(0) if "end" in own else 0.0
        row = {"station": station}
        if "start" in own:
            row |= {"start": own["start"].min(), "end": own["end"].max()}
            whole = (row["end"] - row["start"]).total_seconds() if own["end"].notna().any() else 0
            row["covered"] = (
                min(float((own["covered"] * lasts).sum()) / whole, 1.0) if whole else 0.0
            )
        for name in ("windows", "windows_without_data"):
            if name in own:
                row[name.replace("_", " ")] = int(own[name].sum())
        if "notes" in own:
            notes = [note for note in dict.fromkeys(own["notes"].dropna().astype(str)) if note]
            more = f"; and {len(notes) - 3} more" if len(notes) > 3 else ""
            row["notes"] = "; ".join(notes[:3]) + more
        rows.append(row)
    return pd.DataFrame(rows)


def with_interval(row, name):
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if np.isnan(value):
        return "–"
    digits = 2 if abs(value) < 100 else 0
    if np.isnan(low):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def literal_table(frame):
    """A table of which no cell and no heading is read as marks."""
    frame = frame.copy()
    for name in frame:
        if frame[name].dtype.kind not in "biufM":
            frame[name] = [
                literal(short(value)) if isinstance(value, str) else value for value in frame[name]
            ]
    frame.columns = [literal(name) for name in frame.columns]
    return frame


def short(value, most=300):
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def cut_off(n):
    return f" The first {MOST_LINES} of {n:,} lines." if n > MOST_LINES else ""


def cut_off_classes(data):
    if not data.others:
        return ""
    names = literal(", ".join(map(str, data.others[:10])))
    return f" The {len(data.others)} rarest classes are not drawn: {names}."


def count(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def length_of(seconds):
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or (word == "minute"):
            number = seconds / size
            text = f"{number:.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
            return f"{text} {word}{'' if text == '1' else 's'}"
    return f"{seconds:.0f} seconds"
