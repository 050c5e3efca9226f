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
    features. Workers have one thread each. Scans are timed in turns, each after a short one in
    which processes import what they need. Then a worker of dask is killed when a
    third of the tasks is done, and the catalogue compared with that of one process.

    Parameters
    ----------
    quick : bool, default=False
        Minutes instead of hours, one round, and costs of the forest only.

    Returns
    -------
    figures : dict
        ``speedup``: time on a dask cluster with one worker over that with two, median of rounds;
        ``speedup_kept``: likewise with workers that keep freed memory, see the guide on scaling;
        ``kept_ratio``: one worker as dask starts it over one of those. ``speedup_loky`` and
        ``speedup_threads``: this process alone over two workers.
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
        ways = [("dask", 1), ("dask", 2)]
        if not quick:
            ways += [("kept", 1), ("kept", 2), ("alone", 1), ("loky", 2), ("threads", 2)]

        def scan(**options):
            return detector.scan(archive, chunk=chunk, **options)

        times, catalogues = _timed(scan, ways, rounds)
        # All at once, in this process.
        with _workers("alone", 1):
            expected = scan()
        figures = _speedups(times)
        figures["same"] = int(all(_same(found, expected) for found in catalogues))
        output = folder / "killed"
        with (
            _workers("dask", 2) as client,
            _killed_on_the_way(client, output, n_tasks=2 if quick else 6),
        ):
            found = scan(output=output)
        figures["recovered"] = int(_same(found, expected))
    figures |= unit_costs(quick=quick)
    figures |= plan(figures)
    return figures


@contextmanager
def _workers(kind, number):
    """Make joblib use so many workers; of dask, none others are there meanwhile."""
    backends = {"alone": "sequential", "loky": "loky", "threads": "threading"}
    if kind in backends:
        with joblib.parallel_config(backend=backends[kind], n_jobs=number):
            yield
        return
    with (
        _environment_restored(),
        _cluster(number, keeps_memory=kind == "kept") as client,
        joblib.parallel_config(backend="dask", client=client),
    ):
        yield client


@contextmanager
def _environment_restored():
    """dask writes what its workers are started with into this process too, for all others."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _cluster(n_workers, *, keeps_memory):
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


def _timed(scan, ways, rounds):
    start = "2023-06-01"
    times, catalogues = {way: [] for way in ways}, []
    for number in range(rounds):
        for way in sorted(ways, reverse=bool(number % 2)):
            with _workers(*way):
                scan(start=start, end=f"{start}T00:{int(_WARM_UP) // 60}")
                begin = time.perf_counter()
                catalogues.append(scan())
                times[way].append(time.perf_counter() - begin)
    return times, catalogues


def _speedups(times):
    import numpy as np

    def ratio(one, two):
        return round(float(np.median(np.array(times[one]) / np.array(times[two]))), 2)

    figures = {"speedup": ratio(("dask", 1), ("dask", 2))}
    if ("kept", 1) in times:
        figures["speedup_kept"] = ratio(("kept", 1), ("kept", 2))
        figures["kept_ratio"] = ratio(("dask", 1), ("kept", 1))
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
