"""Classes of sources from pictures of record sections, synthetic and of real mass movements.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``esec/``. Runs by name only: it
takes minutes. Earthquakes of Kachchh against mass movements of the ESEC are not among the sets:
each class would have networks of its own, and a picture could tell those apart instead.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from benchmarks.esec_channels import BAND, FEATURES
from benchmarks.esec_channels import RATE as ESEC_RATE
from seisclf.datasets import load_esec, make_seismic_events, to_network_events
from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.io import NetworkEvents
from seisclf.model_selection import compare_estimators
from seisclf.neural_network import CNNClassifier
from seisclf.preprocessing import RecordSection
from seisclf.signal import bandpass

# A folder named by SECTIONS_STORE keeps finished fits, so that a run can be interrupted.
RESULTS = Path(__file__).parent / "results"
SIZE, WIDTH = (64, 48), 8  # time, offset
EPOCHS, N_FOLDS = 25, 3
DEPTHS = (18, 34, 50, 101, 152)
DEPTH_EPOCHS = 15
# Per cent of the paper, on a set that was not published.
PAPER = {18: 83, 34: 84, 50: 87, 101: 80, 152: 78}
SYNTHETIC_RATE = 50.0
SCORES = ("accuracy", "balanced_accuracy", "f1_macro")


def run(quick=False):
    """Compare classifiers on record sections, with slopes or sites kept together.

    Sets: ``synthetic``, earthquakes, rockfalls and slides over networks of six stations with
    known offsets; ``esec``, 172 mass movements of four classes at up to eight stations. The ESEC
    files name no places of stations, so that offsets are not known: traces are evenly spaced in
    the order of their signal-to-noise ratio. All classifiers see the vertical components only,
    band-passed. All settings were made before any score was seen.

    Methods: ``section`` and ``density``, a ResNet18 on pictures; ``spectrogram``, a ResNet18 on
    spectrograms of the same traces as channels; ``forest``, a random forest on features of the
    same traces; ``chance``, the most frequent class. Then the five depths of ResNet on ``section``
    pictures of the synthetic set, with fewer epochs, the same for all.

    Parameters
    ----------
    quick : bool, default=False
        Few events and epochs, no real ones.

    Returns
    -------
    figures : dict
        ``accuracy``, ``balanced_accuracy`` and ``f1_macro`` of each ``[set method]``, mean over
        folds, each with ``_std`` over folds. Written to ``results/section_classes.*``.
    """
    figures, rows = {}, []
    for name, load in (("esec", _esec), ("synthetic", _synthetic)):
        if quick and name == "esec":
            continue
        events, y, sites, rate, features = load(quick)
        figures[f"events [{name}]"] = len(y)
        figures[f"sites [{name}]"] = len(np.unique(sites))
        parts = {"methods": _methods(rate, features, quick)}
        if name == "synthetic":
            parts["depths"] = _depths(rate, quick)
        for part, estimators in parts.items():
            start = time.process_time()
            found = _compare(estimators, events, y, sites, quick)
            rows += [{"set": name, "part": part, **row} for row in found]
            figures[f"cpu_seconds [{name} {part}]"] = round(time.process_time() - start)
            print(f"  {name}, {part}: done", file=sys.stderr, flush=True)
    figures["folds"] = 2 if quick else N_FOLDS
    for row in rows:
        label = f"[{row['set']} {row['method']}]"
        for score in SCORES:
            figures[f"{score} {label}"] = row[score]
            figures[f"{score}_std {label}"] = row[f"{score}_std"]
    _print(rows)
    if not quick:
        _write(figures, rows)
    return figures


def _synthetic(quick):
    bunch = make_seismic_events(
        36 if quick else 180,
        classes=("earthquake", "rockfall", "slide"),
        n_sites=6,
        n_stations=6,
        network_radius=5.0,
        duration=60.0,
        sampling_rate=SYNTHETIC_RATE,
        snr_db=(0.0, 15.0),
        missing_station_probability=0.1,
        random_state=0,
    )
    network = to_network_events(bunch)
    events = _vertical(network.data.read(), SYNTHETIC_RATE, (1.0, 20.0), network.data.offsets)
    features = SeismicFeatures(sampling_rate=SYNTHETIC_RATE, components="Z")
    return events, network.target, network.metadata["site"].to_numpy(), SYNTHETIC_RATE, features


def _esec(quick):
    bunch = load_esec(n_stations=8, sampling_rate=ESEC_RATE, min_class_size=10)
    events = _vertical(bunch.data, ESEC_RATE, BAND, None)
    features = SeismicFeatures(**{**FEATURES, "components": "Z"})
    return events, bunch.target, bunch.metadata["site"].to_numpy(), ESEC_RATE, features


def _vertical(waveforms, rate, band, offsets):
    """Vertical components in the band, missing ones NaN."""
    vertical = waveforms[:, :, :1].astype(np.float64)
    there = ~np.isnan(vertical[..., 0])
    traces = vertical[there] - vertical[there].mean(axis=-1, keepdims=True)
    vertical[there] = bandpass(traces, sampling_rate=rate, low=band[0], high=band[1])
    return NetworkEvents(vertical.astype(np.float32), offsets=offsets)


def _network(rate, depth=18, epochs=EPOCHS, quick=False, **params):
    return CNNClassifier(
        sampling_rate=rate,
        backbone=f"resnet{depth}",
        width=WIDTH,
        max_epochs=2 if quick else epochs,
        batch_size=16,
        device="cpu",
        **params,
    )


def _on_sections(rate, depth=18, epochs=EPOCHS, quick=False, **params):
    section = RecordSection(sampling_rate=rate, size=SIZE, n_threads=1, **params)
    return make_pipeline(section, _network(rate, depth, epochs, quick, representation="picture"))


def _as_channels(X):
    """Stations as channels, missing ones zero."""
    return np.nan_to_num(np.asarray(X)[:, :, 0])


def _methods(rate, features, quick):
    spectrogram = {"window_length": 4.0, "overlap": 0.5, "log": "db", "size": SIZE}
    return {
        "section": _on_sections(rate, quick=quick),
        "density": _on_sections(rate, quick=quick, style="density"),
        "spectrogram": make_pipeline(
            FunctionTransformer(_as_channels), _network(rate, quick=quick, **spectrogram)
        ),
        "forest": FeatureForestClassifier(features=features, n_estimators=20 if quick else 300),
        "chance": make_pipeline(FunctionTransformer(_as_rows), DummyClassifier()),
    }


def _as_rows(X):
    return np.zeros((len(X), 1))


def _depths(rate, quick):
    depths = DEPTHS[::4] if quick else DEPTHS
    return {f"resnet{d}": _on_sections(rate, d, DEPTH_EPOCHS, quick) for d in depths}


def _compare(estimators, events, y, sites, quick):
    """A row for each estimator: means and standard deviations over folds."""
    store = os.environ.get("SECTIONS_STORE")
    comparison = compare_estimators(
        estimators,
        events,
        y,
        groups=sites,
        cv=StratifiedGroupKFold(2 if quick else N_FOLDS, shuffle=True, random_state=0),
        scoring=list(SCORES),
        store=None if quick else store,
        allow_missing_class=("test",),
        random_state=0,
    )
    scores = comparison.to_frame()
    rows = []
    for name in estimators:
        own = scores[scores["estimator"] == name]
        row = {"method": name}
        for score in SCORES:
            values = own[score] if score in own else own[own["metric"] == score]["score"]
            row[score] = round(float(np.mean(values)), 3)
            row[f"{score}_std"] = round(float(np.std(values, ddof=1)), 3)
        rows.append(row)
    return rows


def _print(rows):
    for row in rows:
        scores = "  ".join(f"{s} {row[s]:.3f} ± {row[f'{s}_std']:.3f}" for s in SCORES)
        print(f"{row['set']:10s} {row['method']:19s} {scores}", file=sys.stderr)


def _write(figures, rows):
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "section_classes.json").write_text(json.dumps(figures, indent=1) + "\n")
    pd.DataFrame(rows).to_csv(RESULTS / "section_classes.csv", index=False)
    _draw(rows)


def _draw(rows):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys((row["set"], row["part"]) for row in rows))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.4 * len(panels), 4.0), layout="constrained", sharey=True
    )
    for ax, (name, part) in zip(axes, panels, strict=True):
        shown = [row for row in rows if (row["set"], row["part"]) == (name, part)]
        places = np.arange(len(shown))
        for shift, score in ((-0.13, "accuracy"), (0.13, "balanced_accuracy")):
            ax.errorbar(
                places + shift,
                [row[score] for row in shown],
                [row[f"{score}_std"] for row in shown],
                fmt="o",
                capsize=3,
                label=score.replace("_", " "),
            )
        if part == "depths":
            paper = [PAPER[int(row["method"].removeprefix("resnet"))] / 100 for row in shown]
            ax.plot(places, paper, "x", color="0.4", label="paper, another set")
            ax.legend(fontsize="small", loc="lower left")
        ax.set_xticks(places, [row["method"] for row in shown], fontsize="small")
        ax.set_title(f"{name}, {part}", loc="left", fontsize="medium")
        ax.set_ylim(0, 1.02)
        ax.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel(f"mean and std over {N_FOLDS} folds by site")
    figure.savefig(RESULTS / "section_classes.png", dpi=100)
    plt.close(figure)
