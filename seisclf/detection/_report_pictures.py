"""Pictures of catalogues whose work does not grow with the number of events they show."""

import numpy as np

from ._drawing import class_colors, hatch, label_times, matplotlib_times

# More events than this are drawn as counts in bins.
_MOST_MARKS = 3000
_MOST_PLACES = 5000
_N_BINS = 400
_HOUR = 3600.0
# Seconds of bins that people count in.
_BIN_SECONDS = (60, 300, 600, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400)


class Catalogue:
    """Times, classes and coverage of detections as arrays, in the form that pictures need.

    Parameters
    ----------
    detections : Detections
        What is to be drawn.

    Attributes
    ----------
    table : pandas.DataFrame
        The detections.
    labels : list
        Classes, the most frequent first, at most eight; all others are in `others`.
    onset, duration : ndarray of float
        Seconds since 1970, and seconds.
    start, end : float
        Of the record, or of the detections if nothing is known of it; seconds since 1970.
    """

    def __init__(self, detections):
        import pandas as pd

        self.table = detections.to_frame()
        counts = self.table["class"].value_counts(sort=False)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        self.counts = dict(ranked)
        self.labels = [label for label, _ in ranked[:8]]
        self.others = [label for label, _ in ranked[8:]]
        self.colors = class_colors(self.labels)
        self.onset = _seconds(self.table["onset"])
        self.duration = np.maximum(_seconds(self.table["end"]) - self.onset, 0.0)
        self.spans = detections.coverage_spans()
        self._starts, self._ends = _seconds(self.spans["start"]), _seconds(self.spans["end"])
        edges = np.concatenate([self.onset, self.onset + self.duration])
        if len(self.spans):
            edges = np.concatenate([self._starts, self._ends])
        first, last = (edges.min(), edges.max()) if len(edges) else (0.0, 0.0)
        self.start, self.end = float(first), float(max(last, first + 1.0))
        self.first = pd.Timestamp(self.start, unit="s", tz="UTC")
        self.last = pd.Timestamp(self.end, unit="s", tz="UTC")

    @property
    def seconds(self):
        """Length of the record."""
        return self.end - self.start

    def of(self, label):
        """Which detections are of a class, an ndarray of bool."""
        return (self.table["class"] == label).to_numpy(dtype=bool)

    def recorded(self, edges):
        """Recorded seconds of all stations together between neighbours of ascending times."""
        total = np.zeros(len(edges))
        weights = self.spans["covered"].to_numpy() if len(self.spans) else np.zeros(0)
        # Time recorded until t, of all stretches at once: sums over those that began or ended.
        for times, sign in ((self._starts, 1.0), (self._ends, -1.0)):
            order = np.argsort(times, kind="stable")
            n = np.searchsorted(times[order], edges, side="right")
            weight = np.concatenate([[0.0], np.cumsum(weights[order])])
            moment = np.concatenate([[0.0], np.cumsum(weights[order] * times[order])])
            total += sign * (edges * weight[n] - moment[n])
        return np.maximum(np.diff(total), 0.0)

    def stations(self, edges):
        """Mean number of stations that recorded between neighbours of ascending times."""
        return self.recorded(edges) / np.diff(edges)


def timeline(catalogue):
    """Events of each class over time, and how many stations recorded."""
    from matplotlib import pyplot as plt

    labels = catalogue.labels
    n = max(len(labels), 1)
    figure, (top, ax) = plt.subplots(
        2, 1, figsize=(10, 1.6 + 0.55 * n), sharex=True, layout="constrained",
        height_ratios=[1, 1.2 * n],
    )  # fmt: skip
    edges = np.linspace(catalogue.start, catalogue.end, _N_BINS + 1)
    _draw_recording(top, catalogue, edges)
    _hatch_silence(ax, catalogue, edges)
    marks = len(catalogue.onset) <= _MOST_MARKS
    for place, label in enumerate(labels):
        own = catalogue.onset[catalogue.of(label)]
        if marks:
            ax.vlines(
                _days(own), place - 0.36, place + 0.36, color=catalogue.colors[label], lw=1.2
            )
            continue
        number = np.histogram(own, edges)[0]
        shade = np.sqrt(number / max(number.max(), 1))
        colour = np.zeros((1, _N_BINS, 4))
        colour[..., :3], colour[..., 3] = _rgb(catalogue.colors[label]), shade
        ax.imshow(
            colour, extent=(*_days(edges[[0, -1]]), place - 0.4, place + 0.4), aspect="auto",
            origin="lower", interpolation="nearest",
        )  # fmt: skip
    ax.set_yticks(range(len(labels)), [_with_count(catalogue, label) for label in labels])
    ax.set_ylim(n - 0.4, -0.6)
    ax.grid(axis="x", color="0.9", lw=0.6)
    ax.set_axisbelow(True)
    label_times(ax, catalogue.first, catalogue.last)
    return figure


def rates(catalogue, seconds):
    """Events of each class in bins of so many seconds, stacked; hatched where nobody recorded."""
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(10, 3.0), layout="constrained")
    first = np.floor(catalogue.start / seconds) * seconds
    edges = np.arange(first, catalogue.end + seconds, seconds)
    bottom = np.zeros(len(edges) - 1)
    for label in catalogue.labels:
        number = np.histogram(catalogue.onset[catalogue.of(label)], edges)[0]
        # One patch for all bins: hundreds of bars take long to lay out.
        ax.stairs(
            bottom + number, _days(edges), baseline=bottom, fill=True,
            color=catalogue.colors[label], label=shown(label),
        )  # fmt: skip
        bottom = bottom + number
    _hatch_silence(ax, catalogue, edges)
    ax.set_ylabel(f"events per {bin_name(seconds)}")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_ylim(0, max(bottom.max(initial=0) * 1.05, 1))
    _legend(ax, catalogue)
    label_times(ax, catalogue.first, catalogue.last)
    return figure


def hours_of_day(catalogue):
    """Events per recorded hour in each hour of the day (UTC), a panel for each class."""
    from matplotlib import pyplot as plt

    labels = catalogue.labels[:4]
    figure, axes = plt.subplots(
        1, max(len(labels), 1), figsize=(10, 2.7), squeeze=False, layout="constrained"
    )
    recorded = _recorded_by_hour(catalogue)
    for ax, label in zip(axes[0], labels, strict=False):
        hour = np.floor(catalogue.onset[catalogue.of(label)] % 86400 / _HOUR).astype(int)
        number = np.bincount(hour, minlength=24)
        rate = np.divide(number, recorded, out=np.zeros(24), where=recorded > 0)
        ax.stairs(rate, np.arange(25), fill=True, color=catalogue.colors[label])
        ax.set(xlim=(0, 24), xticks=range(0, 25, 6), xlabel="hour of the day (UTC)")
        ax.set_title(shown(label), fontsize=10)
    axes[0, 0].set_ylabel("events per recorded hour")
    return figure


def distributions(catalogue):
    """Durations and probabilities of each class."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.0), layout="constrained")
    lasts = np.maximum(catalogue.duration, 0.01)
    low, high = (lasts.min(), lasts.max()) if len(lasts) else (1.0, 10.0)
    bins = np.geomspace(low * 0.95, max(high, low * 1.5) * 1.05, 31)
    probability = catalogue.table["probability"].to_numpy(dtype=float)
    for label in catalogue.labels:
        own = catalogue.of(label)
        style = {"color": catalogue.colors[label], "histtype": "step", "lw": 1.8}
        left.hist(lasts[own], bins, **style)
        likely = np.clip(probability[own], 0, 1)
        right.hist(likely, np.linspace(0, 1, 41), label=shown(label), **style)
    left.set(xscale="log", xlabel="duration (s)", ylabel="events")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,)))
    left.xaxis.set_major_formatter("{x:g}")
    left.xaxis.set_minor_formatter(NullFormatter())
    lowest = np.floor(10 * np.clip(probability, 0, 1).min(initial=1.0) - 0.5) / 10
    right.set(xlabel="probability", xlim=(max(min(lowest, 0.9), 0), 1))
    for ax in (left, right):
        ax.yaxis.get_major_locator().set_params(integer=True)
    _legend(right, catalogue)
    return figure


def station_map(catalogue, places, *, located):
    """Stations, larger the more they saw, and events that have a place."""
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
    if located:
        table = catalogue.table
        usable = table[table["latitude"].notna() & table["longitude"].notna()]
        step = -(-len(usable) // _MOST_PLACES) or 1
        for label in catalogue.labels:
            own = usable[(usable["class"] == label).to_numpy()].iloc[::step]
            ax.scatter(
                own["longitude"], own["latitude"], s=14, color=catalogue.colors[label],
                alpha=0.6, lw=0, label=shown(label),
            )  # fmt: skip
    seen = catalogue.table["stations"].str.split().explode().value_counts()
    number = seen.reindex(places.index).fillna(0).to_numpy(dtype=float)
    size = 45 + 220 * number / max(number.max(initial=0), 1)
    ax.scatter(
        places["longitude"], places["latitude"], size, marker="^", color="white",
        edgecolor="black", lw=1.2, zorder=3,
    )  # fmt: skip
    if len(places) <= 60:
        for code, row, times in zip(places.index, places.itertuples(), number, strict=True):
            ax.annotate(
                f"{shown(code)} ({times:.0f})", (row.longitude, row.latitude), (0, 9),
                textcoords="offset points", ha="center", fontsize=8, zorder=4,
            )  # fmt: skip
    latitude = float(np.mean(places["latitude"])) if len(places) else 0.0
    ax.set_aspect(1 / max(np.cos(np.radians(latitude)), 0.05), adjustable="datalim")
    ax.margins(0.2)  # room for the bar beneath the stations, and for their names
    ax.set(xlabel="longitude (°)", ylabel="latitude (°)")
    ax.ticklabel_format(useOffset=False)
    ax.tick_params(labelsize=8)
    ax.locator_params(axis="x", nbins=5)
    ax.grid(color="0.92", lw=0.6)
    _scale_bar(ax, latitude)
    if located:
        _legend(ax, catalogue)
    return figure


def rate_bins(seconds):
    """Two lengths of bins for a record: finer and coarser, not more than there is room for."""
    fitting = [size for size in _BIN_SECONDS if 2 * size <= seconds <= _N_BINS * size]
    hourly = next((size for size in fitting if size >= _HOUR), fitting[0] if fitting else 60)
    daily = next((size for size in fitting if size >= 86400 and size > hourly), None)
    return [size for size in (hourly, daily) if size]


def bin_name(seconds):
    """Words for a length of time, such as "6 hours"."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            number = int(seconds // size)
            return word if number == 1 else f"{number} {word}s"
    return f"{seconds:g} s"


def shown(text, most=28):
    """Text from data as matplotlib can show it: short, on one line, without formulas."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return text.replace("\\", "/").replace("$", r"\$").lstrip("_") or "–"


def _with_count(catalogue, label):
    return f"{shown(label)}  {catalogue.counts[label]:,}"


def _draw_recording(ax, catalogue, edges):
    number = catalogue.stations(edges)
    ax.stairs(number, _days(edges), fill=True, color="#9db4c8", baseline=0)
    ax.set_ylim(0, max(np.ceil(number.max(initial=0)), 1) * 1.1)
    ax.set_ylabel("stations", fontsize=8)
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=3)
    ax.tick_params(labelsize=8)


def _hatch_silence(ax, catalogue, edges):
    """Mark bins in which nobody recorded, if it is known who did."""
    from ._windows import runs

    if not len(catalogue.spans):
        return
    for first, last in runs(catalogue.recorded(edges) <= 0):
        hatch(ax, *_days(np.clip(edges[[first, last]], catalogue.start, catalogue.end)))


def _recorded_by_hour(catalogue):
    """Recorded hours of each hour of the day, of one station on average."""
    if not len(catalogue.spans):
        days = max(catalogue.seconds / 86400, 1e-9)
        return np.full(24, days)
    stations = max(catalogue.spans["station"].nunique(), 1)
    first = np.floor(catalogue.start / _HOUR)
    edges = np.arange(first, np.ceil(catalogue.end / _HOUR) + 1) * _HOUR
    hour = (edges[:-1] / _HOUR).astype(int) % 24
    return np.bincount(hour, catalogue.recorded(edges), minlength=24) / _HOUR / stations


def _scale_bar(ax, latitude):
    """A bar of a round number of kilometres."""
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    km = (high - low) * 111.2 * max(np.cos(np.radians(latitude)), 0.05)
    power = 10.0 ** np.floor(np.log10(km / 4))
    length = max(step * power for step in (1, 2, 5) if step * power <= km / 4)
    part = length / km
    ax.plot([0.03, 0.03 + part], [0.03, 0.03], transform=ax.transAxes, color="black", lw=2.5)
    words = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    ax.text(0.03 + part / 2, 0.042, words, transform=ax.transAxes, ha="center", fontsize=8)


def _legend(ax, catalogue):
    """Above the picture, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.figure.legend(
            handles, labels, loc="outside upper left", frameon=False, fontsize=9,
            ncols=min(len(labels), 4),
        )  # fmt: skip


def _rgb(color):
    from matplotlib.colors import to_rgb

    return to_rgb(color)


def _days(seconds):
    import pandas as pd

    return matplotlib_times(pd.Timestamp(0), np.asarray(seconds, dtype=float))


def _seconds(times):
    return times.dt.as_unit("ns").astype("int64").to_numpy() / 1e9
