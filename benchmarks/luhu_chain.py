"""STFT-CNN from training to catalogue on Luhu's hour, beside what RockNet's authors published."""

import json
import time
from pathlib import Path

import numpy as np

from benchmarks._rocknet_sets import (
    CLASSES,
    DURATION,
    SAMPLING_RATE,
    STATIONS,
    _quiet_record,
    make_set,
)

RESULTS = Path(__file__).parent / "results"
SEEDS = (0, 1, 2)
WINDOW = 15.0
# Seconds: what a detection and a published event may be apart, half a window, since windows tell
# the time no better before onsets are refined; and what stations of one slope may be.
_TOLERANCE, _MAX_DELAY = 7.5, 5.0
# Height of the published occurrence at which there is an event, and samples between events.
_OCCURRENCE, _APART = 0.3, 300


def run(quick=False):
    """Train, scan, post-process, associate and match.

    STFT-CNN is trained on synthetic earthquakes and rockfalls in real noise of Luhu (see
    `_rocknet_sets`), in windows of 15 s whose middle lies within the event, and scans the hour
    with a window every second. Chain and thresholds are the published ones; nothing was chosen on
    the hour. What is found at two stations or more within 5 s is an event of the network, and is
    matched one to one with the six rockfalls and eight earthquakes that RockNet's published
    functions show. These are no truth of their own, but the only catalogue of the hour there is.

    The training noise comes from the first half of the same hour, from where the published
    functions see nothing. A detector knows that noise, and false alarms there are fewer than in
    another hour; figures of the second half, whose noise it has not seen, are given apart
    (``second half``).

    Parameters
    ----------
    quick : bool, default=False
        One seed, few events, one epoch.

    Returns
    -------
    figures : dict
        For each way from probabilities to events: ``detected``, ``found`` (published events that
        are matched), ``right_class`` and ``false`` (detections without a partner), each seed's.
        ``macro_f1``: of windows of synthetic events in noise of the second half. The confusion
        matrix of the paper's chain, the events and a picture of the first seed go to
        ``results/luhu_chain.*``.
    """
    settings = {
        "n_train": 24 if quick else 360,
        "n_test": 24 if quick else 120,
        "epochs": 1 if quick else 25,
        "tolerance_s": _TOLERANCE,
    }
    known = published_events()
    stream, start = _record()
    figures = {"settings": settings, "published": known["class"].value_counts().to_dict()}
    rows, first = [], None
    for seed in SEEDS[:1] if quick else SEEDS:
        began = time.perf_counter()
        classifier, macro_f1 = _train(seed, settings)
        trained = time.perf_counter()
        functions, found = _detections(classifier, stream)
        scanned = time.perf_counter()
        for name, detections in found.items():
            rows.append({"way": name, "seed": seed, **_counts(detections, known, start)})
        first = first or (functions, found["paper"], classifier.classes_)
        for name, value in (
            ("macro_f1", round(macro_f1, 3)),
            ("seconds_training", round(trained - began)),
            ("seconds_scan", round(scanned - trained)),
        ):
            figures.setdefault(name, []).append(value)
    for row in rows:
        for name in ("detected", "found", "right_class", "false"):
            figures.setdefault(f"{name} [{row['way']}]", []).append(row[name])
            figures.setdefault(f"{name} [{row['way']}, second half]", []).append(
                row[f"{name}, second half"]
            )
    confusion = _confusion(first[1], known)
    figures["confusion [paper, first seed]"] = confusion.to_dict(orient="index")
    if not quick:
        _write(figures, known, confusion, stream, *first)
    return figures


def published_events():
    """Events that the published functions of occurrence show: class and onset, in order.

    Returns
    -------
    events : pandas.DataFrame
        Columns ``onset`` and ``class``.
    """
    import pandas as pd

    from seisclf.datasets import load_luhu_hour
    from seisclf.detection._function_picking import peaks_of

    rows = []
    for code, label in (("EQ", "earthquake"), ("RF", "rockfall")):
        trace = load_luhu_hour().functions.select(station=code, channel="occ")[0]
        begin = pd.Timestamp(trace.stats.starttime.ns, tz="UTC")
        for peak in peaks_of(trace.data, height=_OCCURRENCE, distance=_APART):
            # The authors mark events half a second before their onset.
            rows.append((begin + pd.Timedelta(peak / 100 + 0.5, "s"), label))
    return pd.DataFrame(sorted(rows), columns=["onset", "class"])


def _record():
    """The hour as a Stream, prepared as the noise of the training set was, and its start."""
    from obspy import Stream, Trace

    from seisclf.datasets import load_luhu_hour

    start = load_luhu_hour().functions[0].stats.starttime
    stream = Stream()
    for station, rows in zip(STATIONS, _quiet_record()[0], strict=True):
        for letter, row in zip("ZNE", rows, strict=True):
            header = {
                "network": "TW", "station": station, "channel": f"EH{letter}",
                "sampling_rate": SAMPLING_RATE, "starttime": start,
            }  # fmt: skip
            stream += Trace(row.astype(np.float32), header)
    return stream, start


def _train(seed, settings):
    from sklearn.metrics import f1_score

    from seisclf.neural_network import STFTCNNClassifier

    X, y = _windows(settings["n_train"], "train", seed)
    X_test, y_test = _windows(settings["n_test"], "test", seed)
    classifier = STFTCNNClassifier(
        sampling_rate=SAMPLING_RATE,
        window_length=1.28,  # as many samples of a frame as at 50 Hz tell frequencies apart
        normalization="channel",  # as traces of the training noise are
        max_epochs=settings["epochs"],
        batch_size=64,
        random_state=seed,
        device="cpu",
    ).fit(X, y)
    return classifier, float(f1_score(y_test, classifier.predict(X_test), average="macro"))


def _windows(n_events, part, seed):
    """Windows of 15 s of single stations, whose middle lies within the event if there is one."""
    X, y, arrivals = make_set(n_events, part, random_state=seed)
    rng = np.random.default_rng([seed, n_events])
    half = WINDOW / 2
    first, last = np.moveaxis(arrivals[:, :, 0, 2:], -1, 0)
    first = np.clip(np.nan_to_num(first), half, DURATION - half)
    last = np.clip(np.nan_to_num(last, nan=DURATION), first, DURATION - half)
    middle = rng.uniform(first, last)
    starts = ((middle - half) * SAMPLING_RATE).astype(int)
    length = round(WINDOW * SAMPLING_RATE)
    index = starts[:, :, np.newaxis, np.newaxis] + np.arange(length)
    windows = np.take_along_axis(X, index, axis=-1)
    return windows.reshape(-1, 3, length), np.repeat(y, X.shape[1])


def _detections(classifier, stream):
    """Probabilities over time, and the events of the network by each way to them."""
    from seisclf.detection import EventDetector, stft_cnn_postprocessing

    settings = {"step": 1.0, "components": "ZNE"}
    scan = EventDetector(classifier, stack="window", **settings)
    functions = scan.predict_functions(stream)
    ways = {
        "windows": scan,
        **{
            variant: EventDetector(
                classifier, postprocessing=stft_cnn_postprocessing(variant), **settings
            )
            for variant in ("paper", "code")
        },
    }
    found = {
        name: detector.pick(functions).associate(min_stations=2, max_delay=_MAX_DELAY)
        for name, detector in ways.items()
    }
    return ways["paper"].pick(functions).functions, found


def _counts(detections, known, start):
    import pandas as pd

    table = detections.to_frame()
    half = pd.Timestamp(start.ns, tz="UTC") + pd.Timedelta(1860, "s")
    counts = _counted(table, known)
    later = _counted(table[table["onset"] >= half], known[known["onset"] >= half])
    return counts | {f"{name}, second half": value for name, value in later.items()}


def _counted(table, known):
    from seisclf.metrics import match_events

    pairs = match_events(table, known, tolerance=_TOLERANCE, same_class=False)
    classes = (
        frame["class"].to_numpy()[rows]
        for frame, rows in ((table, pairs["detected"]), (known, pairs["known"]))
    )
    return {
        "detected": len(table),
        "found": len(pairs),
        "right_class": int(np.equal(*classes).sum()),
        "false": len(table) - len(pairs),
    }


def _confusion(detections, known):
    from seisclf.metrics import catalogue_confusion_matrix

    return catalogue_confusion_matrix(detections, known, tolerance=_TOLERANCE, classes=CLASSES)


def _write(figures, known, confusion, stream, functions, detections, classes):
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "luhu_chain.json").write_text(json.dumps(figures, indent=1) + "\n")
    confusion.to_csv(RESULTS / "luhu_chain_confusion.csv")
    detections.to_csv(RESULTS / "luhu_chain.csv")
    _draw(known, stream, functions, detections, classes)


def _draw(known, stream, functions, detections, classes):
    """The hour: a trace, what the chain left at each station, and both catalogues."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        2 + len(functions), 1, figsize=(13, 8), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [1, 0.6, *[0.8] * len(functions)]},
    )  # fmt: skip
    begin = min(function.start_time for function in functions.values())
    trace = stream.select(component="Z")[0]
    limit = np.percentile(np.abs(trace.data), 99.9)
    axes[0].plot(trace.times(), np.clip(trace.data / limit, -1, 1), color="0.2", linewidth=0.3)
    axes[0].set(ylabel=f"{trace.stats.station} Z", yticks=[])
    colors = {"earthquake": "#009e73", "rockfall": "0.1"}
    for row, table in enumerate((known, detections.to_frame())):
        for label, color in colors.items():
            onsets = table.loc[table["class"] == label, "onset"]
            axes[1].plot(
                [(onset - begin).total_seconds() for onset in onsets],
                np.full(len(onsets), -row), "v", color=color,
                label=label if row == 0 else None,
            )  # fmt: skip
    axes[1].set(yticks=[0, -1], yticklabels=["published", "this chain"], ylim=(-1.6, 0.6))
    axes[1].legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.5))
    for ax, function in zip(axes[2:], functions.values(), strict=True):
        seconds = (np.arange(len(function.coverage)) + 0.5) * function.step
        for label, color in colors.items():
            column = list(classes).index(label)
            ax.plot(seconds, function.raw[:, column], color=color, linewidth=0.4, alpha=0.35)
            ax.plot(seconds, function.probabilities[:, column], color=color, linewidth=1.2)
        ax.set(ylabel=function.station, ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    axes[-1].set_xlabel(f"seconds after {begin:%Y-%m-%d %H:%M:%S} UTC")
    figure.savefig(RESULTS / "luhu_chain.png", dpi=110)
    plt.close(figure)
