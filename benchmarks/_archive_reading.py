"""Reading an archive: ours beside ObsPy's read and merge, clean and with faults."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RATE = 100.0


def reading(quick=False):
    """Time `read_archive` against a loop of `obspy.read` and `Stream.merge` on the same files.

    Both decode the same Steim-2 files, three channels at 100 Hz, a file for each channel and day,
    and give one array for each channel. ObsPy's way is told the format. The reader of ours also
    checks every record, looks for constant and clipped stretches, and keeps a mask. The faulty
    archive has every fault that `seisclf.datasets.make_archive` plants but those that ObsPy cannot
    read at all; to merge, ObsPy's way then needs what its users do: left-out files of other
    formats, one dtype and one rate.

    Parameters
    ----------
    quick : bool, default=False
        Two hours instead of two days, and 500 pieces instead of 5000.

    Returns
    -------
    figures : dict
        ``read_mb_per_s`` and ``read_mb_per_s_obspy`` (bytes of files per second of wall time,
        median of rounds), ``read_ratio_vs_obspy``, the median of their ratios; the same with
        ``read_faulty_…``, and with ``read_small_…`` for 300 files of three minutes, as sets of
        events have them; ``read_cpu_ratio_vs_obspy``, the ratio of processor times, which other
        processes of the machine change less; ``merge_pieces_s`` and ``merge_pieces_s_obspy``:
        processor time for 5000 pieces of a day of one channel onto one array.
    """
    seconds = 2 * 3600.0 if quick else 2 * 86_400.0
    rounds = 3 if quick else 5
    with tempfile.TemporaryDirectory() as folder:
        clean = _clean(Path(folder) / "clean", seconds)
        figures = _race(clean, rounds, "read_")
        small = _small(Path(folder) / "small", 50 if quick else 300)
        figures |= _race(small, rounds, "read_small_")
        faulty = _faulty(Path(folder) / "faulty", 7200.0 if quick else 86_400.0)
        figures |= _race(faulty, rounds, "read_faulty_")
    return figures | _pieces(500 if quick else 5000)


def _clean(folder, seconds):
    """Noise of a seismometer in counts, a file for each channel and half of the time."""
    from obspy import Trace, UTCDateTime

    folder.mkdir()
    n = int(seconds * RATE) // 2
    for k, channel in enumerate(("HHZ", "HHN", "HHE")):
        for half in range(2):
            rng = np.random.default_rng([k, half])
            noise = rng.normal(0, 40, n + 1)
            x = (noise[1:] + noise[:-1]) + 200 * np.sin(np.arange(n) / RATE)
            start = UTCDateTime(2023, 6, 1) + half * n / RATE
            header = {"network": "XX", "station": "A", "channel": channel}
            header |= {"sampling_rate": RATE, "starttime": start}
            path = folder / f"XX.A..{channel}.D.2023.{152 + half}"
            trace = Trace(x.astype(np.int32), header)
            trace.write(str(path), format="MSEED", encoding="STEIM2", reclen=512)
    return folder


def _small(folder, n_files):
    """Three minutes at 50 Hz, a file for each station."""
    from obspy import Trace, UTCDateTime

    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(n_files):
        header = {"network": "XX", "station": f"S{k:03d}", "channel": "BHZ"}
        header |= {"sampling_rate": 50.0, "starttime": UTCDateTime(2023, 6, 1) + 500 * k}
        trace = Trace(rng.normal(0, 300, 9000).astype(np.int32), header)
        trace.write(str(folder / f"{k}.mseed"), format="MSEED", encoding="STEIM2", reclen=512)
    return folder


def _faulty(folder, seconds):
    from seisclf.datasets import FAULTS, make_archive

    make_archive(
        folder, duration=seconds, file_length=seconds / 4, n_stations=1, random_state=0,
        faults=[name for name in FAULTS if name not in ("other component names",)], event_rate=1,
    )  # fmt: skip
    return folder


def _race(folder, rounds, prefix):
    """Both in turns, each in a process of its own, as a first reading is."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    ways = {"ours": [], "obspy": []}
    for i in range(rounds):
        for name in sorted(ways, reverse=bool(i % 2)):
            ways[name].append(_timed(name, folder))
    wall, cpu = (
        {name: [row[k] for row in rows] for name, rows in ways.items()} for k in ("wall", "cpu")
    )

    def ratio(times):
        return statistics.median(b / a for a, b in zip(times["ours"], times["obspy"], strict=True))

    return {
        f"{prefix}mb": round(size, 1),
        f"{prefix}mb_per_s": round(size / statistics.median(wall["ours"]), 1),
        f"{prefix}mb_per_s_obspy": round(size / statistics.median(wall["obspy"]), 1),
        f"{prefix}ratio_vs_obspy": round(ratio(wall), 3),
        f"{prefix}cpu_ratio_vs_obspy": round(ratio(cpu), 3),
    }


def _timed(name, folder):
    command = [sys.executable, "-m", "benchmarks._archive_reading", name, str(folder)]
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    out = subprocess.run(
        command, cwd=root, env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(out.stdout.splitlines()[-1])


def _with_obspy(folder):
    """What users write: read what can be read, make it fit, merge."""
    from obspy import Stream, read

    stream = Stream()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                stream += read(str(path), format="MSEED")
            except Exception:
                continue  # in silence: that is the way it is mostly done
    if len({trace.data.dtype for trace in stream}) > 1:
        for trace in stream:
            trace.data = trace.data.astype(np.float32)
    for trace in list(stream):
        rate = 50.0 if trace.stats.station.startswith("S") else RATE
        if abs(trace.stats.sampling_rate - rate) > 0.01:
            stream.remove(trace)
        trace.stats.sampling_rate = rate
    return stream.merge(method=1)


def _with_ours(folder):
    from seisclf.io import read_archive

    return read_archive(folder)


def _pieces(n_pieces):
    from obspy import Stream, Trace, UTCDateTime

    from seisclf.io import read_records

    rng = np.random.default_rng(0)
    step = 86_400.0 / n_pieces
    n = int(step * RATE)
    traces = []
    for k in rng.permutation(n_pieces):
        header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": RATE}
        header["starttime"] = UTCDateTime(2023, 6, 1) + k * step
        traces.append(Trace(rng.normal(0, 300, n - 200).astype(np.int32), header))
    begin = time.process_time()
    read_records(Stream(traces))
    ours = time.process_time() - begin
    begin = time.process_time()
    Stream(traces).merge(method=1)
    obspy = time.process_time() - begin
    return {"merge_pieces_s": round(ours, 3), "merge_pieces_s_obspy": round(obspy, 3)}


if __name__ == "__main__":
    import warnings

    import obspy  # so that its import is not timed

    import seisclf.io  # noqa: F401

    warnings.simplefilter("ignore")
    obspy.read()
    way = {"ours": _with_ours, "obspy": _with_obspy}[sys.argv[1]]
    wall, cpu = time.perf_counter(), time.process_time()
    way(Path(sys.argv[2]))
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))
