"""Sound files of every format that is read, from which broken ones are made."""

import io
import os
import shutil
import warnings
from pathlib import Path

import numpy as np

from benchmarks._fuzz_streams import write_scans, write_streams

# Files of ObsPy's own tests, below obspy/io, at most so large (bytes).
_OBSPY = {
    "mseed": ("mseed", "*"),
    "sac": ("sac", "*"),
    "seg2": ("seg2", "*.seg2*"),
    "gse2": ("gse2", "*"),
    "text waveforms": ("ascii", "*.ascii"),
    "segy": ("segy", "*_first_trace"),
    "reftek": ("reftek", "*.rt130"),
    "gcf": ("gcf", "*.gcf"),
    "knet": ("nied", "*.knet"),
    "sh": ("sh", "*.ASC"),
    "ah": ("ah", "*[1-2].[cft]"),
    "seisan": ("seisan", "*S.*_[0-9]*[0-9]"),
    "win": ("win", "*[0-9s]"),
}
_LARGEST = 60_000
# How the insides of each are broken; the others are bytes.
KINDS = {
    "text waveforms": "text",
    "gse2": "text",
    "knet": "text",
    "sh": "text",
    "csv": "text",
    "detections csv": "text",
    "decisions": "text",
    "quakeml": "xml",
    "detections xml": "xml",
    "stationxml": "xml",
    "model": "zip",
    "sqlite index": "sqlite",
    "decisions sqlite": "sqlite",
    "scan sqlite": "sqlite",
    "stream state": "state",
    "seedlink state": "text",
}
WAVEFORMS = (*_OBSPY,)


def write_seeds(folder):
    """Write all seeds.

    Parameters
    ----------
    folder : pathlib.Path
        Gets one folder for each format.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _from_obspy(folder)
        _real(folder)
        _made(folder)


def seeds(folder):
    """Seeds by format, in a fixed order.

    Parameters
    ----------
    folder : pathlib.Path
        Where they were written.

    Returns
    -------
    seeds : dict of str to list of pathlib.Path
        Files, or folders of sets.
    """
    return {kind.name: sorted(kind.iterdir()) for kind in sorted(folder.iterdir())}


def _from_obspy(folder):
    import obspy

    root = Path(obspy.__file__).parent
    for name, (module, pattern) in _OBSPY.items():
        for file in sorted((root / "io" / module / "tests" / "data").glob(pattern)):
            if file.is_file() and file.stat().st_size < _LARGEST and file.suffix != ".npz":
                _put(folder, name, file.name, file.read_bytes())
    for name, pattern in (("quakeml", "io/quakeml/tests/data/*.xml"),
                          ("stationxml", "io/stationxml/tests/data/*.xml")):  # fmt: skip
        for file in sorted(root.glob(pattern)):
            if file.stat().st_size < _LARGEST:
                _put(folder, name, file.name, file.read_bytes())


def _real(folder):
    """Recordings of the folder that SEISCLF_DATA names, if there are any."""
    import obspy

    home = os.environ.get("SEISCLF_DATA")
    if not home:
        return
    home = Path(home)
    for file in sorted((home / "esec" / "waveforms").rglob("*"))[:2000:100]:
        if file.is_file() and file.stat().st_size < 4 * _LARGEST:
            _put(folder, "mseed", file.name, file.read_bytes())
    for file in sorted((home / "luhu" / "sac_2020.088.13").glob("*.sac"))[:4]:
        trace = obspy.read(str(file), format="SAC")[0]
        out = io.BytesIO()
        trace.slice(trace.stats.starttime, trace.stats.starttime + 30).write(out, format="SAC")
        _put(folder, "sac", file.name, out.getvalue())
    for file in sorted((home / "aknes").glob("*.dat"))[:1]:
        _put(folder, "seg2", file.name, file.read_bytes())


def _made(folder):
    import pandas as pd
    from obspy import read_events as read

    from seisclf.datasets import write_seisbench

    rng = np.random.default_rng(0)
    record = example_record()
    catalog = pd.DataFrame(
        {
            "time": [str(record[0].stats.starttime + 5 * i) for i in range(1, 6)],
            "class": ["rockfall", "earthquake", "rockfall", "noise", "noise"],
            "latitude": 46.5, "longitude": 8.0, "magnitude": [1.0, 2.0, 0.5, np.nan, np.nan],
        }
    )  # fmt: skip
    _put(folder, "csv", "catalog.csv", catalog.to_csv(index=False).encode())
    _put(folder, "csv", "catalog.txt", catalog.to_csv(index=False, sep="|").encode())
    out = io.BytesIO()
    read().write(out, format="QUAKEML")
    _put(folder, "quakeml", "example.xml", out.getvalue())
    for name, blocks in (("blocks", True), ("single", False)):
        rows = pd.DataFrame({"event_id": list("abcd"), "p_onset": [0.5, 0.7, np.nan, 1.0],
                             "station": "XX.LH01", "start_time": "2020-01-01"})  # fmt: skip
        write_seisbench(
            folder / "seisbench" / name, rng.normal(size=(4, 3, 200)).astype("float32"), rows,
            sampling_rate=100.0, target=["rockfall", "noise"] * 2, blocks=blocks,
        )  # fmt: skip
    _detections(folder)
    _decisions(folder)
    _models(folder, rng)
    _index(folder, record)
    write_scans(folder)
    write_streams(folder)


def example_record():
    """Half a minute at one station, ObsPy's example.

    Returns
    -------
    stream : obspy.Stream
        Three components.
    """
    import obspy

    return obspy.read()


def _detections(folder):
    import pandas as pd

    from seisclf.detection import Detections

    onset = pd.to_datetime(["2020-03-28T13:05:00.00Z", "2020-03-28T14:05:00.25Z"]).as_unit("ns")
    table = pd.DataFrame({
        "class": ["rockfall", "noise"], "onset": onset, "end": onset + pd.Timedelta(20, unit="s"),
        "probability": [0.9, 0.5], "event_probability": [0.95, 0.6],
        "stations": ["TW.LH01", "TW.LH01"], "coverage": [1.0, 0.5],
    })  # fmt: skip
    found = Detections(table)
    for write in ("csv", "parquet", "quakeml", "seiscomp"):
        ending = {"quakeml": "xml", "seiscomp": "scml"}.get(write, write)
        place = folder / f"detections {'xml' if ending == 'scml' else ending}"
        place.mkdir(exist_ok=True)
        path = getattr(found, f"to_{write}")(place / f"detections.{ending}")
        beside = Path(f"{path}.json")
        if write == "csv" and beside.exists():
            _put(folder, "detections json", beside.name, beside.read_bytes())
            beside.unlink()


def _decisions(folder):
    from seisclf.inspection._decision_store import DecisionStore

    text = "event_id,row,old_label,new_label,confidence,note,expert,time,seconds,action\n"
    text += "e1,0,quake,rockfall,1.0,hm,ada,2024-01-01T10:00:00Z,3.5,change\n" * 3
    _put(folder, "decisions", "decisions.csv", text.encode())
    place = folder / "decisions sqlite"
    place.mkdir()
    store = DecisionStore(place / "decisions.sqlite")
    entry = dict(zip(text.split("\n")[0].split(","), ["e1", 0, "quake", "rockfall", 1.0, "hm",
        "ada", "2024-01-01T10:00:00Z", 3.5, "change"], strict=True))  # fmt: skip
    store.add([{"uid": "12345678", "decision": entry}])


def _models(folder, rng):
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    import seisclf
    from seisclf.feature_extraction import SeismicFeatures
    from seisclf.neural_network import STFTCNNClassifier
    from seisclf.preprocessing import WaveformScaler

    X, y = rng.normal(size=(12, 400)), np.array(["a", "b"] * 6)
    features = SeismicFeatures(groups=("waveform",), undefined=0.0)
    boosting = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1)
    models = {
        "scaler": WaveformScaler(),
        "forest": make_pipeline(features, RandomForestClassifier(3, random_state=0)),
        "boosting": make_pipeline(features, boosting),
        "neighbors": make_pipeline(features, KNeighborsClassifier(2, algorithm="ball_tree")),
        "network": STFTCNNClassifier(**STFTCNNClassifier._get_test_params()[0]),
    }  # fmt: skip
    (folder / "model").mkdir()
    for name, model in models.items():
        seisclf.save(model.fit(X, y), folder / "model" / f"{name}.seisclf")


def _index(folder, record):
    from seisclf.io import ArchiveIndex

    archive = folder / "sqlite index" / "archive"
    archive.mkdir(parents=True)
    record.write(str(archive / "a.mseed"), format="MSEED")
    index = ArchiveIndex(archive, path=archive / "index.sqlite")
    index.update()
    index.close()
    shutil.copy(archive / "index.sqlite", folder / "sqlite index" / "index.sqlite")
    shutil.rmtree(archive)


def _put(folder, name, file, content):
    (folder / name).mkdir(exist_ok=True, parents=True)
    (folder / name / file).write_bytes(content)
