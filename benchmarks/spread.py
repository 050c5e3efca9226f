"""Scans on one worker and on two, a worker killed mid-way, and what a large archive takes."""

import os
import signal
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import joblib

from benchmarks._spread_costs import plan, unit_costs

# Seconds of record: processes import what they need before anything is timed.
_WARM_UP = 240.0


def run(quick=False):
    """Scan a synthetic archive with one worker and with two, of dask, loky and threads.

    Three stations of three components at 100 Hz with events, miniSEED in SDS, a forest on
    features. Workers have one thread each. Scans with one and with two are timed in turns, after
    a short one in which processes import what they need. Then a worker of dask is killed when a
    third of the tasks is done, and the catalogue compared with that of one process.

    Parameters
    ----------
    quick : bool, default=False
        Minutes instead of hours, one round, and costs of the forest only.

    Returns
    -------
    figures : dict
        ``speedup``: time on a dask cluster with one worker over that with two, median of rounds;
        ``speedup_loky`` and ``speedup_threads``: this process alone over two workers.
        ``speedup_memory_kept``: a worker as dask starts it over one that keeps freed memory.
        ``recovered``: 1 if the catalogue is the same although a worker was killed, else 0;
        ``same``: 1 if all other catalogues were the same. Unit costs and the plan, see
        :func:`benchmarks._spread_costs.unit_costs` and ``plan`` there, which is printed too.
    """
    seconds, rounds, step = (900.0, 1, 7.5) if quick else (2 * 3600.0, 3, None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        archive = _archive(folder / "archive", seconds)
        detector = _detector(n_trees=50 if quick else 300, step=step)
        chunk = seconds / (4 if quick else 8)
        clients = {n: stack.enter_context(_cluster(n)) for n in (1, 2)}
        ways = {
            ("dask", 1): {"backend": "dask", "client": clients[1]},
            ("dask", 2): {"backend": "dask", "client": clients[2]},
        }
        if not quick:
            as_dask_is = stack.enter_context(_cluster(1, keeps_memory=False))
            ways |= {
                ("trims", 1): {"backend": "dask", "client": as_dask_is},
                ("alone", 1): {"backend": "sequential"},
                ("loky", 2): {"backend": "loky", "n_jobs": 2},
                ("threads", 2): {"backend": "threading", "n_jobs": 2},
            }

        def scan(way, **options):
            with joblib.parallel_config(**ways[way]):
                return detector.scan(archive, chunk=chunk, **options)

        times, catalogues = _timed(scan, list(ways), rounds, archive)
        # All at once, in this process.
        with joblib.parallel_config(backend="sequential"):
            expected = detector.scan(archive, chunk=chunk)
        figures = _speedups(times)
        figures["same"] = int(all(_same(found, expected) for found in catalogues))
        output = folder / "killed"
        with _killed_on_the_way(clients[2], output, n_tasks=2 if quick else 6):
            found = scan(("dask", 2), output=output)
        figures["recovered"] = int(_same(found, expected))
    figures |= unit_costs(quick=quick)
    figures |= plan(figures)
    return figures


@contextmanager
def _cluster(n_workers, *, keeps_memory=True):
    """A cluster; workers as dask starts them give memory back to the system all the time."""
    import dask
    from distributed import Client, LocalCluster

    trims = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
    with (
        dask.config.set({trims: None} if keeps_memory else {}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _archive(folder, seconds):
    from seisclf.datasets import make_archive
    from seisclf.io import ArchiveIndex

    make_archive(
        folder, duration=seconds, file_length=3600.0, n_stations=3, faults=None,
        event_rate=8.0, snr_db=(20.0, 30.0), random_state=0,
    )  # fmt: skip
    ArchiveIndex.open_or_build(folder)
    return folder


def _detector(n_trees, step):
    from seisclf.datasets import make_seismic_events
    from seisclf.detection import EventDetector
    from seisclf.ensemble import FeatureForestClassifier

    X, y = make_seismic_events(
        160, duration=15.0, sampling_rate=100.0, random_state=0, return_X_y=True
    )
    forest = FeatureForestClassifier(sampling_rate=100.0, n_estimators=n_trees, random_state=0)
    return EventDetector(forest.fit(X, y), step=step)


def _timed(scan, ways, rounds, archive):
    start = "2023-06-01"
    for way in ways:
        scan(way, start=start, end=f"{start}T00:{int(_WARM_UP) // 60}")
    times, catalogues = {way: [] for way in ways}, []
    for number in range(rounds):
        for way in sorted(ways, reverse=bool(number % 2)):
            begin = time.perf_counter()
            catalogues.append(scan(way))
            times[way].append(time.perf_counter() - begin)
    return times, catalogues


def _speedups(times):
    import numpy as np

    def ratio(one, two):
        return round(float(np.median(np.array(times[one]) / np.array(times[two]))), 2)

    figures = {"speedup": ratio(("dask", 1), ("dask", 2))}
    if ("trims", 1) in times:
        figures["speedup_memory_kept"] = ratio(("trims", 1), ("dask", 1))
    for name in ("loky", "threads"):
        if (name, 2) in times:
            figures[f"speedup_{name}"] = ratio(("alone", 1), (name, 2))
    return figures


def _same(found, expected):
    """Whether two catalogues are one, but for numbers of the sixth decimal."""
    import pandas as pd

    try:
        pd.testing.assert_frame_equal(
            found.to_frame(), expected.to_frame(), check_dtype=False, rtol=0, atol=1e-6
        )
    except AssertionError:
        return False
    return found.complete and len(found) > 0


@contextmanager
def _killed_on_the_way(client, output, *, n_tasks):
    """Kill a worker, without a chance to say goodbye, once some tasks are done."""
    from seisclf.detection import read_scan

    over = threading.Event()

    def watch():
        while not over.wait(0.1):
            if not (output / "catalogue.sqlite").exists():
                continue
            if len(read_scan(output).tasks) >= n_tasks:
                pid = next(iter(client.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        killed = not watcher.is_alive()
        watcher.join()
    if not killed:
        raise RuntimeError("the scan was over before a worker was killed")
