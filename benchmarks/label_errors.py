"""Wrong labels planted in synthetic events: how many are found, and what correcting them is worth.

Runs by name only: it takes minutes.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.metrics import average_precision_score, f1_score

from seisclf.datasets import make_seismic_events
from seisclf.ensemble import FeatureForestClassifier
from seisclf.inspection import LabelReview
from seisclf.neural_network import STFTCNNClassifier

RESULTS = Path(__file__).parent / "results"
RATE = 50.0  # Hz
SHARES = (0.05, 0.10, 0.20)
SEEDS = (0, 1, 2)
METHODS = ("margin", "confident_learning", "cleanlab")


def run(quick=False):
    """Flip labels, look for them, put right the suspects that were wrong, train again.

    Each seed draws its own events, four classes in equal numbers, 10 s of three components. A
    share of the training labels is replaced by another class drawn at random. All methods judge
    the same out-of-fold probabilities; "cleanlab" is its ``find_label_issues`` with its defaults.
    The reviewing expert makes no mistakes: suspects get their true label back, all other labels
    stay as they are. Test events have the right labels. Three seeds of a forest and of a network.

    Parameters
    ----------
    quick : bool, default=False
        One seed, few events, few trees; the forest only.

    Returns
    -------
    figures : dict
        Means over seeds, ``[model share method]``: ``precision`` and ``recall`` of the suspects,
        ``reviewed`` (share of the events that are suspect), macro-F1 on the test set ``f1_after``
        correction; ``[model share]``: ``f1_before`` (labels as flipped), ``average_precision`` of
        the doubt; ``f1_clean [model]``: without wrong labels. Each with its spread over seeds,
        ``..._std``. Written to ``results/label_errors.*`` as well.
    """
    rows, seconds = [], {}
    shares = SHARES[1:2] if quick else SHARES
    for name in ("forest",) if quick else ("forest", "stft_cnn"):
        for seed in SEEDS[:1] if quick else SEEDS:
            start = time.perf_counter()
            data = _Data(seed, 120 if quick else 400, 120 if quick else 800)
            model = _model(name, quick, seed)
            for share in shares:
                rows += _one(name, model, data, share, seed)
            rows.append(_row(name, seed, f1_clean=data.f1(model, data.y)))
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
            print(f"  {name}, seed {seed}: {seconds[name]:.0f} s", file=sys.stderr, flush=True)
        figures = _means(rows) | {f"seconds [{k}]": round(s) for k, s in seconds.items()}
        if not quick:
            _write(figures, rows)
    return figures


class _Data:
    """Events for training, and others for testing."""

    def __init__(self, seed, n_train, n_test):
        events = make_seismic_events(
            n_train + n_test, duration=10.0, sampling_rate=RATE, random_state=seed
        )
        self.X, self.y = events.data[:n_train], events.target[:n_train]
        self.X_test, self.y_test = events.data[n_train:], events.target[n_train:]

    def f1(self, model, y):
        """Macro-F1 on the test set, trained with these labels."""
        predicted = clone(model).fit(self.X, y).predict(self.X_test)
        return f1_score(self.y_test, predicted, average="macro")


def _model(name, quick, seed):
    if name == "forest":
        return FeatureForestClassifier(
            sampling_rate=RATE, n_estimators=20 if quick else 150, random_state=seed
        )
    return STFTCNNClassifier(
        sampling_rate=RATE,
        window_length=1.28,
        hop=0.32,
        freq_min=1.0,
        freq_max=20.0,
        max_epochs=20,
        batch_size=32,
        random_state=seed,
    )


def _one(name, model, data, share, seed):
    y, wrong = _flip(data.y, share, seed)
    review = LabelReview(model, method="margin", n_neighbors=0, random_state=seed)
    review.fit(data.X, y)
    judged = _row(
        name,
        seed,
        share,
        f1_before=f1_score(data.y_test, review.predict(data.X_test), average="macro"),
        average_precision=average_precision_score(wrong, review.doubt_),
    )
    rows = [judged]
    for method in METHODS:
        # One set of probabilities for all: only the rule differs.
        suspect = _suspects(review, method)
        corrected = np.where(suspect, data.y, y)
        rows.append(
            _row(
                name,
                seed,
                share,
                method,
                precision=wrong[suspect].mean() if suspect.any() else 0.0,
                recall=suspect[wrong].mean(),
                reviewed=suspect.mean(),
                f1_after=data.f1(model, corrected),
            )
        )
    return rows


def _suspects(review, method):
    from cleanlab.filter import find_label_issues

    from seisclf.inspection._suspects import find_suspects

    codes = np.searchsorted(review.classes_, review.labels_)
    if method == "cleanlab":
        return find_label_issues(codes, review.probabilities_, n_jobs=1)
    return find_suspects(codes, review.probabilities_, method)


def _flip(y, share, seed):
    rng = np.random.default_rng([seed, round(100 * share)])
    classes, codes = np.unique(y, return_inverse=True)
    wrong = np.zeros(len(y), dtype=bool)
    wrong[rng.choice(len(y), round(share * len(y)), replace=False)] = True
    other = (codes + rng.integers(1, len(classes), len(y))) % len(classes)
    return classes[np.where(wrong, other, codes)], wrong


def _row(model, seed, share=None, method=None, **figures):
    return {"model": model, "seed": seed, "share": share, "method": method} | figures


def _means(rows):
    values = {}
    for row in rows:
        parts = [row["model"], row["share"] and f"{row['share']:.0%}", row["method"]]
        what = " ".join(part for part in parts if part)
        for key in row.keys() - {"model", "seed", "share", "method"}:
            values.setdefault(f"{key} [{what}]", []).append(float(row[key]))
    figures = {}
    for key in sorted(values):
        name, what = key.split(" [")
        figures[key] = round(float(np.mean(values[key])), 3)
        if len(values[key]) > 1:
            figures[f"{name}_std [{what}"] = round(float(np.std(values[key], ddof=1)), 3)
    return figures


def _write(figures, rows):
    import pandas as pd

    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=2)
    (RESULTS / "label_errors.json").write_text(text + "\n")
    pd.DataFrame(rows).round(4).to_csv(RESULTS / "label_errors.csv", index=False)
