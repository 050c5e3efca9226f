"""What a station-day costs, stage by stage, and what an archive of years would take."""

import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import cloudpickle

from benchmarks.archive import _Kept, _model

_STATIONS, _YEARS = 1000, 10
# What a plan must assume, beside what is measured: bytes per second of a file system that
# machines share, and the share of a core that is not lost to others and to the end of a run.
_SHARED_DISK, _EFFICIENCY = 1e9, 0.85
_STAGES = ("read", "infer", "post", "write")


def unit_costs(quick=False):
    """Processor seconds and bytes of a station-day: three components, 100 Hz.

    Parameters
    ----------
    quick : bool, default=False
        Minutes instead of hours, and only the forest.

    Returns
    -------
    figures : dict
        For each model ``<model>_<stage>_s`` for the stages read (bytes to records), infer, post
        (windows, probabilities over time, events) and write (by the coordinator); ``index_s``;
        ``read_mb`` and ``written_mb`` per station-day, at ``events_per_station_day``;
        ``task_bytes``, ``result_bytes`` and, once for each worker, ``<model>_shared_bytes``.
    """
    from seisclf.datasets import make_archive
    from seisclf.io import ArchiveIndex

    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        seconds = 600.0 if quick else 4 * 3600.0
        make_archive(
            archive, duration=seconds, file_length=3600.0, n_stations=1, faults=None,
            event_rate=4.0, random_state=1,
        )  # fmt: skip
        days = seconds / 86400
        size = sum(path.stat().st_size for path in archive.rglob("*.D.*"))
        figures["read_mb"] = round(size / days / 1e6, 2)
        begin = time.process_time()
        ArchiveIndex.open_or_build(archive)
        figures["index_s"] = round((time.process_time() - begin) / days, 2)
        for name in ("forest",) if quick else ("forest", "stft_cnn", "rocknet"):
            output = Path(folder) / name
            figures |= _costs(name, archive, output, days)
    return figures


def _costs(name, archive, output, days):
    """Stages of a scan by one process with one thread."""
    from seisclf.detection import EventDetector, _archive_scan, _scan_workers
    from seisclf.utils import limit_threads

    model = _Timed(_model(name))
    detector = EventDetector(model)
    spent, sent = Counter(), Counter()

    def told(context, task, *_):
        if not sent:
            model.seconds = 0.0  # the first windows are those that the model is known by
        sent["task_bytes"] = max(sent["task_bytes"], len(cloudpickle.dumps(task)))
        sent["shared_bytes"] = len(cloudpickle.dumps(context))

    with (
        limit_threads(1),
        _clock(_scan_workers, "load_task", spent, "read"),
        _clock(_scan_workers, "run_task", spent, "scan", told),
        _clock(_archive_scan.ScanStore, "put", spent, "write"),
    ):
        detector.scan(archive, output=output / "empty", end="2023-06-01T00:02")
        spent.clear()
        sent.clear()
        found = detector.scan(archive, output=output / "full")
    spent["infer"] = model.seconds
    spent["post"] = spent["scan"] - model.seconds
    figures = {f"{name}_{stage}_s": round(spent[stage] / days, 3) for stage in _STAGES}
    figures[f"{name}_shared_bytes"] = sent["shared_bytes"]
    figures["task_bytes"] = sent["task_bytes"]
    # Files that are there without events, one a day for all stations, are no cost of a station.
    written = _size(output / "full") - _size(output / "empty")
    figures["written_mb"] = round(written / days / 1e6, 3)
    figures["events_per_station_day"] = round(len(found) / days)
    return figures


class _Timed(_Kept):
    """A classifier that knows how long it was asked; nothing is kept."""

    seconds = 0.0

    def _call(self, X):
        begin = time.thread_time()
        answer = self.inner(X)
        self.seconds += time.thread_time() - begin
        return answer


@contextmanager
def _clock(owner, name, spent, stage, look=None):
    """Add the processor time of a function, in its own thread, to `spent`."""
    function = getattr(owner, name)

    def timed(*args, **kwargs):
        if look is not None:
            look(*args)
        begin = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += time.thread_time() - begin

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, function)


def _size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def plan(figures):
    """What 1,000 stations of ten years would take, on paper; it is printed.

    Parameters
    ----------
    figures : dict
        Of :func:`unit_costs`.

    Returns
    -------
    figures : dict
        ``plan_<model>_core_hours``, ``plan_<model>_days_on_32`` and ``..._on_256`` cores,
        ``plan_read_tb``, ``plan_catalogue_gb``, ``plan_coordinator_hours``.
    """
    total = _STATIONS * _YEARS * 365.25
    models = [key.removesuffix("_infer_s") for key in figures if key.endswith("_infer_s")]
    planned = {
        "plan_read_tb": round(total * figures["read_mb"] / 1e6, 1),
        "plan_catalogue_gb": round(total * figures["written_mb"] / 1e3, 1),
    }
    lines = [
        f"{_STATIONS:,} stations x {_YEARS} years = {total / 1e6:.2f} million station-days of "
        f"three components at 100 Hz",
        f"read {planned['plan_read_tb']} TB, catalogue {planned['plan_catalogue_gb']} GB at "
        f"{figures['events_per_station_day']} events a station-day",
        f"{'':10}{'s a station-day':>16}{'core-hours':>12}{'on 32':>9}{'on 256':>9}"
        f"{'MB/s on 256':>13}{'writing':>9}  bottleneck",
    ]
    for name in models:
        cost = {stage: figures[f"{name}_{stage}_s"] for stage in _STAGES}
        worker = cost["read"] + cost["infer"] + cost["post"] + figures["index_s"]
        hours = total * worker / 3600
        writing = total * cost["write"] / 3600
        days = {n: hours / n / _EFFICIENCY / 24 for n in (32, 256)}
        rate = 256 * _EFFICIENCY * figures["read_mb"] / worker
        limits = {
            "processors": days[256],
            "the coordinator's writing": writing / 24,
            "the shared disk": total * figures["read_mb"] * 1e6 / _SHARED_DISK / 86400,
        }
        planned |= {
            f"plan_{name}_core_hours": round(hours),
            f"plan_{name}_days_on_32": round(days[32], 2),
            f"plan_{name}_days_on_256": round(days[256], 2),
            f"plan_{name}_coordinator_hours": round(writing, 1),
        }
        lines.append(
            f"{name:10}{worker:16.2f}{hours:12,.0f}{days[32]:7.1f} d{days[256]:7.1f} d"
            f"{rate:13.0f}{writing:7.1f} h  {max(limits, key=limits.get)}"
        )
    print("\n".join(lines))
    return planned
