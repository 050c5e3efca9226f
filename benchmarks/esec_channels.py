"""Real mass movements on up to 24 channels: aggregate, let channels vote, or take the best one.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``esec/``. Runs by name only: it
takes minutes.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline

from seisclf.datasets import load_esec
from seisclf.ensemble import ChannelEnsembleClassifier, FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.neural_network import CNNClassifier
from seisclf.preprocessing import ChannelAggregator
from seisclf.signal import bandpass

# A folder named by ESEC_STORE keeps finished parts, so that a run can be interrupted.
RESULTS = Path(__file__).parent / "results"
RATE = 20.0  # Hz
N_STATIONS = 8
BAND = (0.3, 8.0)  # Hz
# Settled before any score was seen: bands below the Nyquist frequency of 10 Hz, windows of
# seconds for events of minutes.
FEATURES = {
    "sampling_rate": RATE,
    "bands": ((0.3, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0)),
    "smoothing": 5.0,
    "envelope_smoothing": 0.5,
    "spectrogram_window": 5.0,
    "spectrogram_smoothing": 2.5,
}
CNN = {
    "sampling_rate": RATE,
    "window_length": 4.0,
    "overlap": 0.5,
    "size": 32,
    "backbone": "resnet18",
    "width": 8,
    "batch_size": 32,
    "device": "cpu",
}
EPOCHS = 40
VOTINGS = ("soft", "hard", "weighted", "geometric")
# Single channels that may be the best one: those of the first stations, which most events have.
SINGLE_STATIONS = {"forest": 3, "cnn": 1}
# Networks take longer, and slopes not seen are a second question.
REPEATS = {
    ("forest", "random"): 3,
    ("forest", "site"): 2,
    ("cnn", "random"): 2,
    ("cnn", "site"): 1,
}
N_FOLDS = 5
N_RESAMPLES = 4000


def run(quick=False):
    """Cross-validate what can be done with the channels of one event.

    172 events of four classes; channels are those of up to eight stations, band-passed and
    scaled to the same power, missing ones NaN. Rows are events, so no event is in training and
    test at once. ``aggregate``: one trace, the mean of the channels weighted by signal-to-noise
    ratio. ``soft``, ``hard``, ``weighted`` (by signal-to-noise ratio) and ``geometric``: one
    classifier trained on single channels, and their votes. ``single``: the channel with which a
    forest did best on the training events (out of the bag); of events that do not have it the
    most frequent class is said. ``oracle``: the one that did best on the test events, which
    nobody can know. Channels to choose from are those of the best three stations (forest) or of
    the best one (network).

    Parameters
    ----------
    quick : bool, default=False
        One repeat, few trees and epochs.

    Returns
    -------
    figures : dict
        ``[model folds method]``: ``f1``, macro-F1 over all events, mean of the repeats;
        ``f1_low`` and ``f1_high``, 95 % bootstrap over events; ``fold_std``, standard deviation of
        macro-F1 over folds. ``gain``, ``gain_low``, ``gain_high``: the method minus ``aggregate``,
        paired by event. Folds are ``random`` (stratified, repeated) or ``site`` (events of one
        slope stay together, without single channels). Written to ``results/esec_channels.*``.
    """
    data = _Data()
    figures = {"events": len(data.y), "traces": int(data.usable.sum())}
    rows = []
    for model in ("forest", "cnn"):
        for scheme in ("random",) if quick else ("random", "site"):
            folds, predictions, seconds = _part(model, scheme, data, quick)
            rows += _judge(model, scheme, data.y, folds, predictions)
            figures[f"cpu_seconds [{model} {scheme}]"] = round(seconds)
            print(f"  {model}, {scheme} folds: {seconds:.0f} s", file=sys.stderr, flush=True)
    for row in rows:
        name = f"[{row['model']} {row['folds']} {row['method']}]"
        for key, value in row.items():
            if key not in ("model", "folds", "method"):
                figures[f"{key} {name}"] = value
    _print(rows)
    if not quick:
        _write(figures, rows)
    return figures


class _Data:
    """Channels of all events, at the same power; which of them are there."""

    def __init__(self):
        events = load_esec(n_stations=N_STATIONS, sampling_rate=RATE, min_class_size=10)
        X = events.data.reshape(len(events.data), -1, events.data.shape[-1])
        self.usable = ~np.isnan(X[..., 0])
        self.X = np.full_like(X, np.nan)
        traces = X[self.usable].astype(np.float64)
        traces = bandpass(
            traces - traces.mean(axis=-1, keepdims=True),
            sampling_rate=RATE,
            low=BAND[0],
            high=BAND[1],
        )
        # As strong as counts of a digitizer, for the logarithm of the spectrogram.
        self.X[self.usable] = 100 * traces / traces.std(axis=-1, keepdims=True)
        self.y = events.target
        self.site = events.metadata["site"].to_numpy()


def _classifier(model, seed, quick):
    if model == "cnn":
        epochs = 2 if quick else EPOCHS
        return CNNClassifier(max_epochs=epochs, random_state=seed, **CNN)
    return FeatureForestClassifier(
        features=SeismicFeatures(**FEATURES),
        n_estimators=20 if quick else 200,
        oob_score=True,
        random_state=seed,
    )


def _part(model, scheme, data, quick):
    """Folds, predictions and seconds of the processor for one model and kind of folds."""
    store = os.environ.get("ESEC_STORE")
    path = Path(store) / f"{model}_{scheme}.npz" if store and not quick else None
    if path is not None and path.is_file():
        with np.load(path) as stored:
            kept = dict(stored)
        return kept.pop("folds"), kept, float(kept.pop("seconds"))
    start = time.process_time()
    n_repeats = 1 if quick else REPEATS[model, scheme]
    folds, predictions = _cross_validate(model, scheme, data, n_repeats, quick)
    seconds = time.process_time() - start
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, folds=folds, seconds=seconds, **predictions)
    return folds, predictions, seconds


def _cross_validate(model, scheme, data, n_repeats, quick):
    """Number of the fold of each event, and predictions by method: both (n_repeats, n_events)."""
    folds = np.zeros((n_repeats, len(data.y)), dtype=int)
    predictions = {}
    for repeat in range(n_repeats):
        if scheme == "site":
            cv = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=repeat)
        else:
            cv = StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat)
        for fold, (train, test) in enumerate(cv.split(data.y, data.y, data.site)):
            folds[repeat, test] = fold
            classifier = _classifier(model, 100 * repeat + fold, quick)
            methods = _methods(model, scheme, classifier, data, train, test)
            for method, labels in methods:
                full = predictions.setdefault(method, np.full((n_repeats, len(data.y)), "?" * 20))
                full[repeat, test] = labels
    return folds, predictions


def _methods(model, scheme, classifier, data, train, test):
    """Name and predictions of each method, for one fold."""
    X, y = data.X, data.y
    aggregate = make_pipeline(ChannelAggregator(), clone(classifier)).fit(X[train], y[train])
    yield "aggregate", aggregate.predict(X[test])
    seed = classifier.random_state
    ensemble = ChannelEnsembleClassifier(clone(classifier), random_state=seed)
    ensemble.fit(X[train], y[train])
    for voting in VOTINGS:
        # How votes are counted is not trained.
        yield voting, ensemble.set_params(voting=voting).predict(X[test])
    if scheme == "site":
        return
    channels = range(3 * SINGLE_STATIONS[model])
    labels, merits = [], []
    for channel in channels:
        said, fitted = _single(classifier, data, train, test, channel)
        if model == "cnn":
            _, fitted = _single(_classifier("forest", seed, False), data, train, test, channel)
        merits.append(_out_of_bag(fitted, data, train, channel))
        labels.append(said)
        yield f"channel {channel}", said
    yield "single", labels[int(np.argmax(merits))]


def _single(classifier, data, train, test, channel):
    """Predictions from one channel; where an event lacks it, the most frequent class."""
    has = train[data.usable[train, channel]]
    there = data.usable[test, channel]
    labels = _fallback(data.y[train], len(test))
    fitted = clone(classifier).fit(data.X[has, channel : channel + 1], data.y[has])
    if there.any():
        labels[there] = fitted.predict(data.X[test[there], channel : channel + 1])
    return labels, fitted


def _out_of_bag(fitted, data, train, channel):
    """Macro-F1 of a channel on the training events that each tree did not see."""
    labels = _fallback(data.y[train], len(train))
    votes = np.nan_to_num(fitted.forest_.oob_decision_function_)
    labels[data.usable[train, channel]] = fitted.classes_[votes.argmax(axis=1)]
    return f1_score(data.y[train], labels, average="macro")


def _fallback(y, n):
    names, counts = np.unique(y, return_counts=True)
    return np.full(n, names[counts.argmax()], dtype="U20")


def _judge(model, scheme, y, folds, predictions):
    """One row for each method; the best channel of all is the oracle."""
    rng = np.random.default_rng(0)
    resamples = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), N_RESAMPLES)
    resamples = np.vstack([np.ones(len(y), dtype=int), resamples])
    scores = {name: _macro_f1(y, labels, resamples) for name, labels in predictions.items()}
    channels = [name for name in scores if name.startswith("channel ")]
    methods = ["aggregate", *VOTINGS]
    if channels:
        oracle = max(channels, key=lambda name: scores[name][0])
        methods += ["single", "oracle"]
    rows = []
    for method in methods:
        name = oracle if method == "oracle" else method
        score, gain = scores[name], scores[name] - scores["aggregate"]
        row = {"model": model, "folds": scheme, "method": method, "f1": _round(score[0])}
        row |= dict(zip(("f1_low", "f1_high"), _interval(score), strict=True))
        row["fold_std"] = _round(_fold_std(y, folds, predictions[name]))
        row |= {"gain": _round(gain[0])}
        row |= dict(zip(("gain_low", "gain_high"), _interval(gain), strict=True))
        rows.append(row)
    return rows


def _macro_f1(y, labels, resamples):
    """Macro-F1 of each resample of the events, mean over repeats."""
    total = np.zeros(len(resamples))
    for predicted in labels:
        for name in np.unique(y):
            true, said = y == name, predicted == name
            hits = resamples @ (true & said)
            total += 2 * hits / np.maximum(resamples @ true + resamples @ said, 1)
    return total / (len(labels) * len(np.unique(y)))


def _interval(values):
    return [_round(v) for v in np.quantile(values[1:], (0.025, 0.975))]


def _fold_std(y, folds, labels):
    scores = [
        f1_score(y[folds[repeat] == fold], labels[repeat, folds[repeat] == fold], average="macro")
        for repeat in range(len(folds))
        for fold in range(N_FOLDS)
    ]
    return np.std(scores, ddof=1)


def _round(value):
    return round(float(value), 3)


def _print(rows):
    for row in rows:
        f1 = f"{row['f1']:.3f} [{row['f1_low']:.3f}, {row['f1_high']:.3f}]"
        gain = f"{row['gain']:+.3f} [{row['gain_low']:+.3f}, {row['gain_high']:+.3f}]"
        what = f"{row['model']:7}{row['folds']:8}{row['method']:10}"
        print(f"  {what} {f1}  ± {row['fold_std']:.3f}  {gain}", file=sys.stderr)


def _write(figures, rows):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "esec_channels.json").write_text(json.dumps(figures, indent=1) + "\n")
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS / "esec_channels.csv", index=False)
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 3.4), layout="constrained", sharey=True, sharex=True
    )
    for axis, scheme in zip(axes, ("random", "site"), strict=True):
        for k, (model, color) in enumerate((("forest", "tab:green"), ("cnn", "tab:blue"))):
            part = table[(table["model"] == model) & (table["folds"] == scheme)]
            height = np.arange(len(part)) + 0.2 * k - 0.1
            below, above = part["f1"] - part["f1_low"], part["f1_high"] - part["f1"]
            axis.errorbar(
                part["f1"], height, xerr=[below, above], fmt="o", color=color, label=model
            )
        methods = table["method"].unique()
        axis.set_yticks(np.arange(len(methods)), methods)
        axis.set_title("folds at random" if scheme == "random" else "slopes not seen in training")
        axis.set_xlabel("macro-F1 and 95 % interval over events")
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower right")
    figure.savefig(RESULTS / "esec_channels.png", dpi=150)
    plt.close(figure)
