"""Blasts, earthquakes and noise at one station in Gujarat, classified in months not seen.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``gujarat/``.
"""

import sys
import time
import warnings

import numpy as np
from sklearn.model_selection import GroupKFold

from seisclf.datasets import add_noise_class, cut_windows, load_gujarat
from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures
from seisclf.model_selection import CalendarKFold, compare_estimators
from seisclf.neural_network import STFTCNNClassifier

# Octaves and half octaves up to the anti-alias filter: the same for all folds, not tuned.
BANDS = ((1, 2), (2, 4), (4, 8), (8, 12), (12, 16), (16, 24))
WINDOW = {"start": -2.0, "end": 13.0}  # s, relative to P
N_SPLITS, N_REPEATS = 5, 5
# What a random forest on ad hoc band energies and envelopes reached, to be beaten.
TO_BEAT = {"two": 0.790, "three": 0.854}


def run(quick=False):
    """Cross-validate on folds of whole months.

    Parameters
    ----------
    quick : bool, default=False
        One split, few trees, few epochs.

    Returns
    -------
    figures : dict
        ``<model>_<task>_f1_mean`` and ``..._f1_std``: mean and spread over five folds of macro-F1.
        Folds are whole months, dealt so that size and classes are alike. Models are ``forest``,
        ``forest_provost`` (the published features alone) and ``stft_cnn``, tasks are ``two``
        (earthquake, blast) and ``three`` (and noise). ``forest_<task>_f1_repeats`` has the mean
        of each of five other splits, months dealt at random, because one split is a draw as well.
    """
    figures = {}
    for task, events in _tasks().items():
        models = _models(quick)
        first = _compare(models, events, CalendarKFold(N_SPLITS, by="month"))
        for name in models:
            scores = first[name]
            figures[f"{name}_{task}_f1_mean"] = float(np.mean(scores))
            figures[f"{name}_{task}_f1_std"] = float(np.std(scores, ddof=1))
        figures[f"forest_{task}_f1_repeats"] = [
            float(np.mean(_compare({"forest": models["forest"]}, events, cv)["forest"]))
            for cv in _shuffled(1 if quick else N_REPEATS)
        ]
        figures[f"{task}_to_beat"] = TO_BEAT[task]
        figures[f"{task}_events"] = len(events.target)
    return figures


def _tasks():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = load_gujarat()
    return {
        "two": cut_windows(events, **WINDOW),
        "three": add_noise_class(events, **WINDOW),
    }


def _models(quick):
    rate = 50.0
    n_trees = 50 if quick else 500
    return {
        "forest": FeatureForestClassifier(
            features=SeismicFeatures(sampling_rate=rate, bands=BANDS, features=_dimensionless()),
            forest="extra_trees",
            min_samples_leaf=2,
            n_estimators=n_trees,
            random_state=0,
        ),
        "forest_provost": FeatureForestClassifier(
            features=SeismicFeatures(sampling_rate=rate, bands=BANDS),
            n_estimators=n_trees,
            random_state=0,
        ),
        "stft_cnn": STFTCNNClassifier(
            sampling_rate=rate,
            window_length=1.28,
            scaling="magnitude",
            freq_min=1.0,
            freq_max=20.0,
            max_epochs=2 if quick else 50,
            random_state=0,
        ),
    }


def _dimensionless():
    """All features of one station but amplitudes, which are those of sources, not of classes."""
    table = SeismicFeatures.feature_table(n_bands=len(BANDS))
    unwanted = ["unit_dependent", "needs_network", "constant_for_fixed_window"]
    return table.loc[~table[unwanted].any(axis=1), "name"].tolist()


def _months(events):
    return events.metadata["start_time"].dt.strftime("%Y-%m").to_numpy()


def _shuffled(n_repeats):
    # CalendarKFold balances sizes and classes, which leaves little to chance; here months are
    # dealt at random.
    return [GroupKFold(N_SPLITS, shuffle=True, random_state=seed) for seed in range(n_repeats)]


def _compare(models, events, cv):
    """Macro-F1 of each model on each fold."""
    scores = {}
    for name, model in models.items():
        start = time.perf_counter()
        comparison = compare_estimators(
            {name: model},
            events.data,
            events.target,
            cv=cv,
            groups=None if isinstance(cv, CalendarKFold) else _months(events),
            metadata=events.metadata,
            scoring="f1_macro",
            random_state=0,
            progress=False,
        )
        frame = comparison.per_fold_
        scores[name] = frame.loc[frame["metric"] == "f1_macro", "score"].to_numpy()
        print(
            f"  {name} on {len(events.target)} events: {scores[name].mean():.3f} "
            f"± {scores[name].std(ddof=1):.3f}, {time.perf_counter() - start:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    return scores
