"""A synthetic archive of miniSEED files, with planted events and planted faults."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from seisclf.utils import check_seed

from ._archive_faults import FAULTS, plan_faults, write_file
from ._synthetic_checks import check_balance, check_classes, check_counts, check_snr, first_time
from ._synthetic_continuous import add_events, catalog_of, channel_code, draw_begins, long_noise
from ._synthetic_propagation import TimeGrid
from ._synthetic_sites import make_sites, stations_frame

_FADE = 10.0  # s in which noise of one block gives way to that of the next
_LONGEST = 60.0  # s an event may take, with its coda
# Blocks do not end where files do, so that events lie across midnight.
_BLOCKS_OF_A_FILE = 10 / 3
_SHORTEST_BLOCK = 3500.0  # s


def make_archive(
    folder,
    *,
    duration=86400.0,
    file_length=86400.0,
    n_stations=3,
    n_components=3,
    sampling_rate=100.0,
    classes=("earthquake", "quake", "rockfall"),
    event_rate=4.0,
    class_balance=None,
    snr_db=(10.0, 25.0),
    faults="all",
    n_faults=1,
    start="2023-06-01",
    n_sites=3,
    site=0,
    random_state=None,
):
    """Write an archive of a small network with all that goes wrong in archives, and say where.

    Files lie in the layout of SeisComP (SDS), one for each channel and day, in Steim-2 where
    nothing is planted that needs another encoding. Memory does not grow with `duration`.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where to write; it must be empty or not exist.
    duration : float, default=86400.0
        Length in seconds.
    file_length : float, default=86400.0
        Seconds of a file; of shorter ones than a day the name ends with the time.
    n_stations : int, default=3
        Number of stations.
    n_components : {1, 3}, default=3
        3 for Z, N, E; 1 for Z only.
    sampling_rate : float, default=100.0
        In Hz.
    classes : sequence of str, default=("earthquake", "quake", "rockfall")
        Classes of events, see :func:`make_seismic_events`.
    event_rate : float, default=4.0
        Mean number of events per hour. They do not overlap.
    class_balance : dict or sequence of float, optional
        Relative number of events of each class; None gives equal numbers.
    snr_db : float or tuple of (low, high), default=(10.0, 25.0)
        Signal-to-noise ratio in dB, mean of the stations, as in :func:`make_seismic_events`.
    faults : "all", None or sequence of str, default="all"
        What to plant, any of ``seisclf.datasets.FAULTS``.
    n_faults : int, default=1
        How often each of them is planted, each time elsewhere.
    start : str or datetime, default="2023-06-01"
        Time (UTC) of the first sample.
    n_sites, site : int, default=3, 0
        Sites that are invented, and which of them is recorded.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes everything.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        folder : pathlib.Path
            The archive.
        catalog : DataFrame
            One row per event, see :func:`make_continuous_record`.
        faults : DataFrame
            One row per planted fault: ``fault`` (as in `faults`), ``kind`` (what a
            :class:`~seisclf.io.ReadReport` should call it; empty where files are just not
            there), ``station``, ``trace``, ``file`` (relative to `folder`), ``start`` and
            ``end`` (UTC, of the samples concerned), ``hides`` (whether these samples are lost).
        stations : DataFrame
            Coordinates.
        sampling_rate, components, DESCR
            As in :func:`make_continuous_record`.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the archive is too short for the faults.
    FileExistsError
        If `folder` holds anything.

    Examples
    --------
    >>> import tempfile
    >>> from seisclf.datasets import make_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_archive(folder, duration=600, n_stations=1, faults=["gap"],
    ...                         random_state=0)
    ...     len(list(made.folder.rglob("*.D.*")))
    3
    >>> made.faults[["fault", "kind", "hides"]]
      fault kind  hides
    0   gap  gap   True
    """
    classes = check_classes(classes)
    check_counts(1, n_sites, n_stations, n_components, 0)
    if not duration >= 60 or not file_length >= 60:
        raise ValueError(
            f"duration and file_length must be at least 60 s; got {duration:g}, {file_length:g}"
        )
    if "noise" in classes:
        raise ValueError(f"classes must not hold 'noise', it is everywhere else; got {classes}")
    chosen = _chosen(faults)
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"folder={str(folder)!r} is not empty; name another one")
    seed = check_seed(random_state)
    place = make_sites(n_sites, n_stations, np.random.default_rng([seed, 0]))[site]
    grid = TimeGrid(round(duration * sampling_rate), float(sampling_rate))
    signal = _Signal(
        place, grid, n_components, classes, check_balance(class_balance, classes),
        event_rate, check_snr(snr_db), round(file_length * sampling_rate), seed,
    )  # fmt: skip
    first = first_time(start)
    codes = [
        [
            f"{place.network}.{station}..{channel_code(place, grid)}{c}"
            for c in "ZNE"[:n_components]
        ]
        for station in place.station_codes
    ]
    start_ns = int(first.astype("datetime64[ns]").astype("int64"))
    edges = _file_edges(start_ns, grid, file_length)
    rng = np.random.default_rng([seed, 4, site])
    plan = plan_faults(chosen * n_faults, codes, edges, grid.sampling_rate, rng)
    planted = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        at_ns = start_ns + round(begin / grid.sampling_rate * 1e9)
        data = signal.read(begin, end).reshape(-1, end - begin)
        for code, x in zip(np.ravel(codes), data, strict=True):
            own = plan.get((code, begin), ())
            planted += write_file(
                folder, str(code), x, at_ns, grid.sampling_rate, file_length, own
            )
    return Bunch(
        folder=folder,
        catalog=signal.catalog(first),
        faults=_fault_table(planted),
        stations=stations_frame([place]),
        sampling_rate=grid.sampling_rate,
        components="ZNE"[:n_components],
        DESCR=(
            f"{duration:g} s of synthetic record at {place.name}, {n_stations} station(s), as "
            f"miniSEED files, with {len(planted)} planted faults. No real recording is in it."
        ),
    )


def _chosen(faults):
    if faults is None:
        return []
    if isinstance(faults, str):
        if faults != "all":
            raise ValueError(f"faults must be 'all', None or a list of names; got {faults!r}")
        return list(FAULTS)
    unknown = [name for name in faults if name not in FAULTS]
    if unknown:
        raise ValueError(f"faults holds {', '.join(unknown)}; known are {', '.join(FAULTS)}")
    return list(faults)


def _file_edges(start_ns, grid, file_length):
    """Samples at which files begin: at whole multiples of their length of UTC."""
    length_ns = round(file_length * 1e9)
    edge, edges = start_ns // length_ns * length_ns + length_ns, [0]
    while True:
        at = round((edge - start_ns) * grid.sampling_rate / 1e9)
        if at >= grid.n_samples:
            return [*edges, grid.n_samples]
        edges.append(at)
        edge += length_ns


def _fault_table(planted):
    import pandas as pd

    columns = ["fault", "kind", "station", "trace", "file", "start", "end", "hides"]
    table = pd.DataFrame(planted, columns=columns)
    for name in ("start", "end"):
        table[name] = pd.to_datetime(table[name], unit="ns", utc=True)
    return table.sort_values(["start", "trace"], ignore_index=True)


class _Signal:
    """Counts of a network, made block by block as they are asked for, in order of time."""

    def __init__(
        self, site, grid, n_components, classes, balance, event_rate, snr, file_samples, seed
    ):
        self.site, self.grid, self.n_components = site, grid, n_components
        self.classes, self.balance, self.event_rate, self.snr = classes, balance, event_rate, snr
        rate = grid.sampling_rate
        self.longest = TimeGrid(round(_LONGEST * rate), rate)
        self.fade = round(_FADE * rate)
        size = max(round(file_samples / _BLOCKS_OF_A_FILE), round(_SHORTEST_BLOCK * rate))
        self.size = min(size, grid.n_samples)
        self.seed = seed
        self.truth = []
        self._at, self._number = 0, 0  # first sample kept, next block
        self._kept = np.zeros((site.n_stations, n_components, 0), dtype=np.float32)
        self._tail = None

    def read(self, begin, end):
        """Counts (n_stations, n_components, end - begin), int32; `begin` never goes back."""
        blocks = [self._kept[..., begin - self._at :]]
        while self._at + self._kept.shape[-1] + sum(b.shape[-1] for b in blocks[1:]) < end:
            blocks.append(self._block())
        joined = np.concatenate(blocks, axis=-1)
        self._at, self._kept = end, joined[..., end - begin :].copy()
        return np.rint(joined[..., : end - begin]).astype(np.int32)

    def catalog(self, first):
        """All events so far."""
        return catalog_of(self.truth, self.site, first)

    def _block(self):
        rng = np.random.default_rng([self.seed, 5, self._number])
        begin = self._number * self.size
        block = TimeGrid(self.size, self.grid.sampling_rate)
        longer = TimeGrid(self.size + self.fade, self.grid.sampling_rate)
        noise = long_noise(self.site, longer, self.n_components, rng)
        if self._tail is not None:
            ramp = np.sin(0.5 * np.pi * (np.arange(self.fade) + 0.5) / self.fade)
            noise[..., : self.fade] *= ramp.astype(np.float32)
            noise[..., : self.fade] += self._tail * ramp[::-1].astype(np.float32)
        self._tail = noise[..., self.size :].copy()
        data = np.ascontiguousarray(noise[..., : self.size])
        inside = min(self.size, self.grid.n_samples - begin)
        room = TimeGrid(inside, block.sampling_rate)
        if inside > self.longest.n_samples:
            # The last block may be too short for what is drawn, which is not the caller's fault.
            short = inside < self.size
            begins = draw_begins(self.event_rate, room, self.longest, rng, crowded=short)
            label = rng.choice(len(self.classes), len(begins), p=self.balance)
            snr = rng.uniform(*self.snr, len(begins))
            found = add_events(
                data, self.classes, label, self.site, self.longest, begins, snr, rng
            )
            offset = begin / block.sampling_rate
            self.truth += [(name, seconds + offset, event) for name, seconds, event in found]
        self._number += 1
        return data
