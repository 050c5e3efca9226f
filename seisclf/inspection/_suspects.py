"""Which labels to doubt, from probabilities of events that the classifier has not seen."""

import importlib.util

import numpy as np

from ..utils import import_optional

METHODS = ("auto", "confident_learning", "margin", "cleanlab")


def resolve_method(method):
    """Name of the method that "auto" stands for on this machine."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}; got {method!r}")
    if method != "auto":
        return method
    return "cleanlab" if importlib.util.find_spec("cleanlab") else "margin"


def find_suspects(codes, probabilities, method):
    """Mask of the rows whose label is doubted; rows without probabilities are never suspect."""
    judged = np.isfinite(probabilities).all(axis=1)
    mask = np.zeros(len(codes), dtype=bool)
    mask[judged] = _FINDERS[method](codes[judged], probabilities[judged])
    return mask


def doubt_of(codes, probabilities):
    """(1 + likeliest other class - given class) / 2: from 0, sure of the label, to 1."""
    rows = np.arange(len(codes))
    others = probabilities.copy()
    others[rows, codes] = -np.inf
    return np.clip((1 + others.max(axis=1) - probabilities[rows, codes]) / 2, 0, 1)


def self_confidence(codes, probabilities):
    """Mean probability that events of each label get for this label (n_classes,)."""
    n_classes = probabilities.shape[1]
    judged = np.isfinite(probabilities).all(axis=1)
    means = np.full(n_classes, np.nan)
    for k in range(n_classes):
        of_class = judged & (codes == k)
        if of_class.any():
            means[k] = probabilities[of_class, k].mean()
    return means


def confident_joint(codes, probabilities):
    """Count events by given label and by the class they confidently belong to.

    An event confidently belongs to the likeliest of the classes whose probability reaches what
    events with that label get on average; to none, if there is no such class. Counts of a label
    are scaled to the number of events that have it (Northcutt et al. 2021, eq. 1-3).
    """
    n_classes = probabilities.shape[1]
    thresholds = np.nan_to_num(self_confidence(codes, probabilities), nan=np.inf)
    # A class whose events all have equal probabilities must reach its own mean.
    reached = probabilities >= thresholds - 1e-9
    best = np.where(reached, probabilities, -1.0).argmax(axis=1)
    some = reached.any(axis=1)
    joint = np.zeros((n_classes, n_classes))
    np.add.at(joint, (codes[some], best[some]), 1)
    n_labels = np.bincount(codes, minlength=n_classes)
    empty = joint.sum(axis=1) == 0
    joint[empty, empty] = n_labels[empty]
    sums = joint.sum(axis=1, keepdims=True)
    return np.divide(joint * n_labels[:, None], sums, out=joint, where=sums > 0)


def _confident_learning(codes, probabilities):
    """Prune by noise rate: as many events of each pair of classes as the joint counts."""
    joint = confident_joint(codes, probabilities)
    mask = np.zeros(len(codes), dtype=bool)
    for given, actual in np.argwhere(joint > 0):
        if given == actual:
            continue
        rows = np.flatnonzero(codes == given)
        margin = probabilities[rows, actual] - probabilities[rows, given]
        worst = np.argsort(-margin, kind="stable")[: int(round(joint[given, actual]))]
        mask[rows[worst[margin[worst] > 0]]] = True
    return mask


def _margin(codes, probabilities):
    return doubt_of(codes, probabilities) > 0.5


def _cleanlab(codes, probabilities):
    filters = import_optional("cleanlab.filter", extra="cleanlab", purpose="method='cleanlab'")
    present, dense = np.unique(codes, return_inverse=True)
    if len(present) < probabilities.shape[1]:
        probabilities = probabilities[:, present]
        total = probabilities.sum(axis=1, keepdims=True)
        probabilities = np.divide(
            probabilities,
            total,
            out=np.full_like(probabilities, 1 / len(present)),
            where=total > 0,
        )
    if len(present) < 2:
        return np.zeros(len(codes), dtype=bool)
    return filters.find_label_issues(dense, probabilities, n_jobs=1)


_FINDERS = {"confident_learning": _confident_learning, "margin": _margin, "cleanlab": _cleanlab}


def reason(label, predicted, p_label, p_predicted, own_mean, suspect):
    """One sentence for an expert."""
    if not np.isfinite(p_label):
        return "no fold tested this event: its label was not judged"
    mean = (
        f"; events labelled {label} get {own_mean:.2f} on average" if np.isfinite(own_mean) else ""
    )
    if label == predicted:
        return f"the classifier agrees: {label} with {p_label:.2f}{mean}"
    head = f"the classifier says {predicted} with {p_predicted:.2f}, {label} with {p_label:.2f}"
    return head + mean + ("" if suspect else "; not unusual enough to suspect the label")
