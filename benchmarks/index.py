"""A minute out of an archive: by its index, by ObsPy's SDS client, and by plain obspy.read."""

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

RATE, WINDOW = 100.0, 60.0
_COMPONENTS = "ZNE"


def run(quick=False):
    """Build an index of an archive in SDS layout and read windows of a minute from it.

    One station, three components, 100 Hz, one file a channel and day, Steim-2 in records of
    512 bytes; ten days, of which each reader is given the same random windows. Files are in the
    memory of the system, so that reading and decoding is what is timed. All readers must return
    the same samples.

    Parameters
    ----------
    quick : bool, default=False
        One day and fewer windows.

    Returns
    -------
    figures : dict
        ``build_mb_per_s``: headers of the archive into the index; ``update_ms``: looking for
        changes where there are none; ``index_ms``, ``sds_ms``, ``read_ms``: a window of three
        components, median; ``ratio_vs_sds`` and ``ratio_vs_read``: their time over that of the
        index, medians of windows; ``index_share``: size of the index over that of the archive.
        ``sac_minute_ms``: a minute of a day in one SAC file, minute after minute, which is read
        once for all of them; ``sac_ratio_vs_read``: the time of `obspy.read` over it.
    """
    n_days, n_windows = (1, 10) if quick else (10, 100)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "sds")
        n_bytes = _write(root, n_days)
        figures = _measure(root, Path(folder, "index.sqlite"), n_days, n_windows, n_bytes)
        return figures | _whole_files(Path(folder, "sac"), n_windows)


def _measure(root, path, n_days, n_windows, n_bytes):
    from obspy import UTCDateTime
    from obspy.clients.filesystem.sds import Client

    from seisclf.io import ArchiveIndex

    index, client = ArchiveIndex(root, path=path), Client(str(root))
    start = time.perf_counter()
    index.update()
    build = time.perf_counter() - start
    start = time.perf_counter()
    index.update()
    update = time.perf_counter() - start
    rng = np.random.default_rng(0)
    begins = UTCDateTime(2023, 6, 1) + 0.0
    seconds = rng.integers(0, n_days * 86_400 - int(WINDOW), n_windows).tolist()
    readers = {
        "index": lambda a, b: index.read(a, b),
        "sds": lambda a, b: client.get_waveforms("XX", "A", "*", "HH?", a, b),
        "read": lambda a, b: _plain(root, a, b),
    }
    times = {name: [] for name in readers}
    for i, second in enumerate([seconds[0], *seconds]):
        a = begins + second
        # The last sample of the window is one before its end.
        answers = {}
        for name in sorted(readers, reverse=bool(i % 2)):
            b = a + WINDOW if name == "index" else a + WINDOW - 1 / RATE
            t = time.perf_counter()
            answers[name] = readers[name](a, b)
            if i:  # the first opens and imports
                times[name].append(time.perf_counter() - t)
        _check(answers)
    t = {name: np.array(values) for name, values in times.items()}
    return {
        "ratio_vs_sds": round(float(np.median(t["sds"] / t["index"])), 1),
        "ratio_vs_read": round(float(np.median(t["read"] / t["index"])), 1),
        "index_ms": round(1e3 * statistics.median(times["index"]), 2),
        "sds_ms": round(1e3 * statistics.median(times["sds"]), 2),
        "read_ms": round(1e3 * statistics.median(times["read"]), 2),
        "build_mb_per_s": round(n_bytes / 1e6 / build, 1),
        "update_ms": round(1e3 * update, 1),
        "index_share": round(os.path.getsize(path) / n_bytes, 5),
        "archive_mb": round(n_bytes / 1e6, 1),
        "n_windows": n_windows,
    }


def _whole_files(folder, n_windows):
    """Minutes that follow one another, of a file that can only be read as a whole."""
    from obspy import Trace, UTCDateTime, read

    from seisclf.io import ArchiveIndex

    folder.mkdir()
    begin, file = UTCDateTime(2023, 6, 1), str(folder / "day.sac")
    data = np.random.default_rng(2).normal(0, 300, round(86_400 * RATE)).astype(np.float32)
    header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": RATE}
    Trace(data, header | {"starttime": begin}).write(file, format="SAC")
    index = ArchiveIndex.open_or_build(folder)
    times = {"index": [], "read": []}
    for k in range(n_windows):
        a, b = begin + k * WINDOW, begin + (k + 1) * WINDOW
        start = time.perf_counter()
        ours = index.read(a, b)[0].data
        times["index"].append(time.perf_counter() - start)
        start = time.perf_counter()
        plain = read(file, format="SAC", starttime=a, endtime=b - 1 / RATE)[0].data
        times["read"].append(time.perf_counter() - start)
        if not np.array_equal(ours, plain):
            raise RuntimeError("the index and obspy.read disagree about SAC")
    total = {name: sum(values) for name, values in times.items()}  # the first reads all
    return {
        "sac_minute_ms": round(1e3 * total["index"] / n_windows, 2),
        "sac_ratio_vs_read": round(total["read"] / total["index"], 1),
    }


def _plain(root, a, b):
    """The way one writes it down first: the files of the day, cut by obspy.read."""
    from obspy import Stream, read

    stream = Stream()
    days = {(t.year, t.julday) for t in (a, b)}
    for year, day in sorted(days):
        for file in sorted(root.glob(f"{year}/XX/A/HH?.D/XX.A..HH?.D.{year}.{day:03d}")):
            stream += read(str(file), format="MSEED", starttime=a, endtime=b)
    return stream


def _check(answers):
    data = {}
    for name, stream in answers.items():
        stream.merge(1)
        data[name] = {trace.id: trace.data for trace in stream}
    for name in ("sds", "read"):
        for id, values in data["index"].items():
            if not np.array_equal(values, data[name][id]):
                raise RuntimeError(f"{name} and the index disagree about {id}")


def _write(root, n_days):
    """An archive in SDS layout; returns its bytes."""
    from obspy import Stream, Trace, UTCDateTime

    rng, n_bytes = np.random.default_rng(1), 0
    n_samples = round(86_400 * RATE)
    for day in range(n_days):
        start = UTCDateTime(2023, 6, 1) + 86_400 * day
        for component in _COMPONENTS:
            header = {"network": "XX", "station": "A", "channel": f"HH{component}"}
            header |= {"sampling_rate": RATE, "starttime": start}
            data = rng.normal(0, 300, n_samples).astype(np.int32)
            name = f"XX.A..HH{component}.D.{start.year}.{start.julday:03d}"
            file = root / str(start.year) / "XX" / "A" / f"HH{component}.D" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            stream = Stream([Trace(data, header)])
            stream.write(str(file), format="MSEED", reclen=512, encoding="STEIM2")
            n_bytes += file.stat().st_size
    return n_bytes
