"""Table I of the RockNet paper, recomputed from the scores its authors published.

Needs the score files: those in SEISCLF_DATA are used, else they are downloaded (0.6 MB).
"""

import sys

import numpy as np

from seisclf.datasets import load_rocknet_scores
from seisclf.metrics import classification_table, threshold_predictions, threshold_scan

CLASSES = ["earthquake", "rockfall"]
# Liao et al. (2023), Table I: threshold, F1 of earthquakes, rockfalls and others, macro-F1.
PAPER = {
    "fusion": (0.5, 0.995, 0.970, 0.985, 0.983),
    "waveform": (0.5, 0.994, 0.919, 0.974, 0.962),
    "association": (0.3, 0.996, 0.980, 0.994, 0.990),
    "association_luhu": (0.1, 0.994, 0.937, 0.973, 0.968),
}
# "The optimal positive detection threshold is determined by argmax(F1), 0.1, 0.2, ..., 0.8."
GRID = np.arange(1, 9) / 10


def run(quick=False):
    """Score the published predictions by the rules of the scripts and of the paper.

    Parameters
    ----------
    quick : bool, default=False
        Nothing changes: it takes a second.

    Returns
    -------
    figures : dict
        ``<model>_f1_macro``: by the rule of the scripts (the stored class counts if its
        probability is at least 0.5). For the two association models also
        ``<model>_f1_macro_paper``: the larger probability counts if it reaches the threshold
        that the paper gives; ``<model>_f1_macro_grid``: the best of the thresholds that the
        paper tried; ``<model>_f1_macro_best``, ``<model>_best_low``, ``<model>_best_high``: the
        best in steps of 0.01, and the range of thresholds that share it. ``<model>_paper`` is
        the value in Table I. The stored classes of the single-station models depend on masks
        that are not in the files, so that they cannot be scored at other thresholds. A
        threshold is chosen on the same test set that it is scored on, here as in the paper.
    """
    scores = load_rocknet_scores()
    figures, lines = {}, []
    for model, (paper_threshold, *paper) in PAPER.items():
        y_true, y_pred = scores[model]["y_true"], scores[model]["y_pred"]
        proba = scores[model][CLASSES].to_numpy()
        by_script = threshold_predictions(proba, CLASSES, y_pred=y_pred)
        figures[f"{model}_f1_macro"] = _line(lines, model, "scripts, 0.5", y_true, by_script)
        figures[f"{model}_paper"] = paper[-1]
        if model.startswith("association"):
            at_paper = threshold_predictions(proba, CLASSES, threshold=paper_threshold)
            figures[f"{model}_f1_macro_paper"] = _line(
                lines, model, f"probabilities, {paper_threshold}", y_true, at_paper
            )
            grid = threshold_scan(y_true, proba, CLASSES, thresholds=GRID)
            figures[f"{model}_f1_macro_grid"] = grid.score
            scan = threshold_scan(y_true, proba, CLASSES)
            best = scan.table.loc[scan.table["macro_f1"] > scan.score - 1e-9, "threshold"]
            low, high = float(best.min()), float(best.max())
            figures |= {
                f"{model}_f1_macro_best": scan.score,
                f"{model}_best_low": low,
                f"{model}_best_high": high,
            }
            at_best = threshold_predictions(proba, CLASSES, threshold=scan.best)
            _line(lines, model, f"probabilities, {low}-{high}", y_true, at_best)
        lines.append((model, f"paper, {paper_threshold}", *paper))
    _print(lines)
    return figures


def _line(lines, model, rule, y_true, y_pred):
    """Note F1 of each class, return macro-F1."""
    f1 = classification_table(y_true, y_pred, classes=CLASSES)["f1"]
    lines.append((model, rule, *f1))
    return float(f1["macro average"])


def _print(lines):
    heads = ("model", "rule and threshold", "earthquake", "rockfall", "others", "macro-F1")
    rows = [heads]
    for model, rule, *f1 in lines:
        digits = 3 if rule.startswith("paper") else 4  # as many as are printed there
        rows.append((model, rule, *(f"{value:.{digits}f}" for value in f1)))
    for row in rows:
        print(f"{row[0]:<17}{row[1]:<26}" + "".join(f"{x:>11}" for x in row[2:]), file=sys.stderr)
