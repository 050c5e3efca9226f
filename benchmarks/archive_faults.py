"""Ten days with every fault planted: what is reported, what is found, what five kills change."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RATE = 100.0
WINDOW, STEP = 12.0, 2.0
# Reports may begin or end a record of miniSEED, or a window of constancy, away from the fault.
SLACK = 10.0  # s
KILLS = 5
AROUND = np.timedelta64(120, "s")


def run(quick=False):
    """Plant faults and events, scan once in peace and once with five kills, and compare.

    Three stations with three components at 100 Hz, every fault of ``seisclf.datasets.FAULTS``
    planted three times (quick: three hours, once). A random forest on spectral features learns
    from other events of the same ground. One scan runs through; the other is killed
    (SIGKILL, the whole process) at five random times and called again each time.

    Set ``ARCHIVE_FAULTS_STORE`` to a folder to keep the archive (1.6 GB) and the catalogues.

    Parameters
    ----------
    quick : bool, default=False
        Three hours instead of ten days.

    Returns
    -------
    figures : dict
        ``planted`` and ``reported`` faults, and ``unreported`` ones by name; ``events``: planted
        ones that at least two stations recorded without a fault; ``found`` of them (detections
        of two stations or more overlap them), ``missed``; ``lost``: those of the missed ones that
        are found where only a few minutes around them are read, with ``obspy.read``, and scanned:
        these the scan has lost, the others the forest does not see; ``associated``: events found
        once detections are joined into those of the network; ``detections`` in all; ``kills``;
        ``same_catalogue``: whether tables, picks and coverage are equal to the last bit;
        ``archive_mb``, ``scan_s``.
    """
    store = os.environ.get("ARCHIVE_FAULTS_STORE")
    if store:
        return _measure(Path(store), quick)
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder), quick)


def _measure(folder, quick):
    import pandas as pd

    from seisclf.detection import read_scan
    from seisclf.io import ArchiveIndex

    made = _archive(folder, quick)
    model = _model(folder / "model.seisclf")
    begin = time.perf_counter()
    peaceful = scan(made.folder, model, folder / "peaceful")
    seconds = time.perf_counter() - begin
    kills = _killed(made.folder, model, folder / "killed", seconds)
    killed = read_scan(folder / "killed")
    found = pd.concat([ArchiveIndex(made.folder).report.findings, peaceful.findings])
    reported = [_is_reported(fault, found, peaceful) for fault in made.faults.itertuples()]
    expected = made.catalog[_recorded(made.catalog, made.faults, made.stations)]
    hit = _seen(expected, peaceful) >= 2
    missed = expected[~hit]
    again = [_seen_alone(event, made.folder, model) for _, event in missed.iterrows()]
    # The onset of a detection made of windows may be wrong by a window.
    joined = peaceful.associate(min_stations=2, max_delay=WINDOW).to_frame()
    return {
        "planted": len(reported),
        "reported": int(np.sum(reported)),
        "unreported": sorted(made.faults["fault"][~np.array(reported)]),
        "events": len(expected),
        "events_in_faults": len(made.catalog) - len(expected),
        "found": int(hit.sum()),
        "missed": [_told(event) for _, event in missed.iterrows()],
        "lost": [_told(event) for _, event in missed[np.array(again, dtype=int) >= 2].iterrows()],
        "associated": int(_overlapped(expected, joined).sum()),
        "detections": len(peaceful),
        "kills": kills,
        "same_catalogue": _same(peaceful, killed),
        "archive_mb": round(sum(p.stat().st_size for p in made.folder.rglob("*.D.*")) / 1e6),
        "scan_s": round(seconds),
    }


def scan(archive, model, output):
    """Scan with a saved model; what the killed processes do as well."""
    import seisclf
    from seisclf.detection import EventDetector

    detector = EventDetector(seisclf.load(model), step=STEP)
    return detector.scan(archive, output=output)


def _archive(folder, quick):
    from joblib import dump, load

    from seisclf.datasets import make_archive

    kept = folder / "made.joblib"
    if kept.exists():
        return load(kept)
    size = {"duration": 3 * 3600.0, "file_length": 3600.0, "event_rate": 10.0}
    if not quick:
        size = {"duration": 10 * 86400.0, "n_faults": 3}
    made = make_archive(
        folder / "archive", sampling_rate=RATE, snr_db=(20.0, 35.0), random_state=0, **size
    )
    dump(made, kept)
    return made


def _model(path):
    from seisclf.datasets import make_seismic_events
    from seisclf.ensemble import FeatureForestClassifier
    from seisclf.feature_extraction import SeismicFeatures

    X, y = make_seismic_events(
        600, duration=WINDOW, sampling_rate=RATE, snr_db=(0.0, 30.0), random_state=0,
        return_X_y=True,
    )  # fmt: skip
    features = SeismicFeatures(sampling_rate=RATE, groups=("spectral",))
    forest = FeatureForestClassifier(
        features=features, sampling_rate=RATE, n_estimators=50, random_state=0
    )
    return forest.fit(X, y).save(path)


def _killed(archive, model, output, seconds):
    """Scan in processes that are killed, and in a last one that is not; returns the kills."""
    words = "import sys; from benchmarks.archive_faults import scan; scan(*sys.argv[1:])"
    command = [sys.executable, "-c", words, str(archive), str(model), str(output)]
    rng = np.random.default_rng()
    kills = 0
    for _ in range(KILLS):
        child = subprocess.Popen(command)
        try:
            # Also while the index is opened and the first task is not done.
            child.wait(timeout=rng.uniform(0.2, 1.0) * (5 + seconds / (KILLS + 1)))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            kills += 1
    subprocess.run(command, check=True)
    return kills


def _is_reported(fault, findings, detections):
    """Whether something is said of a fault: of its file as a whole, or of its trace and time."""
    import pandas as pd

    if fault.fault == "past midnight":  # nothing is amiss if nothing is lost
        return not _gap_at(fault, findings)
    if fault.fault == "missing file":
        return _gap_at(fault, findings) or _not_covered(fault, detections)
    kind = findings[findings["kind"] == fault.kind]
    if kind["file"].astype(str).str.endswith(fault.file).any() and fault.fault.endswith("file"):
        return True
    slack = pd.Timedelta(SLACK, unit="s")
    own = kind[kind["trace"] == fault.trace]
    timed = own["start"].notna()
    inside = (own["start"] <= fault.end + slack) & (own["end"] >= fault.start - slack)
    return bool((inside | ~timed).any())


def _gap_at(fault, findings):
    gaps = findings[(findings["kind"] == "gap") & (findings["trace"] == fault.trace)]
    return bool(((gaps["start"] < fault.end) & (gaps["end"] > fault.start)).any())


def _not_covered(fault, detections):
    tasks = detections.tasks
    own = tasks[(tasks["start"] < fault.end) & (tasks["end"] > fault.start)]
    return bool((own["recorded"] < (own["end"] - own["start"]).dt.total_seconds() - 1).any())


def _recorded(catalog, faults, stations):
    """Events that at least two stations recorded with nothing lost in a window around them."""
    import pandas as pd

    around = pd.Timedelta(WINDOW, unit="s")
    hiding = faults[faults["hides"]]
    n_stations = np.full(len(catalog), len(stations))
    for _, own in hiding.groupby("station"):
        hidden = np.zeros(len(catalog), dtype=bool)
        for fault in own.itertuples():
            hidden |= (
                (catalog["onset"] - around <= fault.end) & (catalog["end"] + around >= fault.start)
            ).to_numpy()
        n_stations -= hidden
    return n_stations >= 2


def _seen(known, detections):
    """Number of stations with a detection that overlaps each event."""
    table = detections.to_frame()
    return np.sum([_overlapped(known, own) for _, own in table.groupby("stations")], axis=0)


def _seen_alone(event, folder, model):
    """Number of stations that detect an event in a stretch read without seisclf."""
    import obspy

    import seisclf
    from seisclf.detection import EventDetector

    first, last = event.onset - AROUND, event.end + AROUND
    span = {"starttime": obspy.UTCDateTime(first), "endtime": obspy.UTCDateTime(last)}
    days = {f"*.{first:%Y.%j}*", f"*.{last:%Y.%j}*"}
    stream = obspy.Stream()
    for path in sorted({path for day in days for path in folder.glob(f"*/*/*/*.D/{day}")}):
        if path.stat().st_size:
            stream += obspy.read(path, format="MSEED", **span)
    detections = EventDetector(seisclf.load(model), step=STEP).detect(stream)
    return int(_seen(event.to_frame().T, detections)[0]) if len(detections) else 0


def _told(event):
    return f"{event['class']} {event.onset:%Y-%m-%dT%H:%M:%S}, {event.snr_db:.0f} dB"


def _overlapped(known, detected):
    first = np.searchsorted(detected["end"].cummax().to_numpy(), known["onset"].to_numpy())
    starts = np.append(detected["onset"].to_numpy(), known["end"].max() + np.timedelta64(1, "D"))
    return starts[np.minimum(first, len(detected))] <= known["end"].to_numpy()


def _same(one, other):
    return bool(
        other.complete
        and one.to_frame().equals(other.to_frame())
        and one.picks.equals(other.picks)
        and one.coverage_report().equals(other.coverage_report())
    )
