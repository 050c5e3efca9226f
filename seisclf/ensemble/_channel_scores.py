"""Which channels carry the class."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, get_scorer

from ._channel_votes import combine, decide, first_best, vote_weights


def score_channels(classes, probabilities, weights, y, *, voting, scoring=None):
    """Score each channel alone, and the ensemble without it.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels.
    probabilities : ndarray of shape (n_events, n_channels, n_classes)
        NaN where a channel has no vote.
    weights : ndarray of shape (n_events, n_channels) or None
        Of the channels.
    y : ndarray of shape (n_events,)
        True labels.
    voting : str
        How channels become one answer.
    scoring : str or callable, optional
        Score of the ensemble; default macro-F1.

    Returns
    -------
    table : pandas.DataFrame
        See `ChannelEnsembleClassifier.channel_scores`.
    """
    import pandas as pd

    scorer = _macro_f1 if scoring is None else get_scorer(scoring)
    has_vote = ~np.isnan(probabilities[..., 0])

    def score(some_probabilities, some_weights):
        combined = combine(some_probabilities, voting=voting, weights=some_weights)
        choice = decide(combined, some_probabilities, voting=voting)
        return float(scorer(_Known(classes, choice, combined), np.arange(len(y)), y))

    whole = score(probabilities, weights)
    rows = []
    for channel in range(probabilities.shape[1]):
        at = has_vote[:, channel]
        said = classes[first_best(probabilities[at, channel])]
        without = _without(probabilities, weights, has_vote, channel)
        rows.append(
            {
                "channel": channel,
                "n_events": int(at.sum()),
                "accuracy": accuracy_score(y[at], said) if at.any() else np.nan,
                "f1_macro": _f1(y[at], said) if at.any() else np.nan,
                "drop": whole - score(*without) if at.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _without(probabilities, weights, has_vote, channel):
    """Votes of the other channels; an event that has no other keeps this one."""
    leaves = has_vote[:, channel] & (has_vote.sum(axis=1) > 1)
    probabilities, has_vote = probabilities.copy(), has_vote.copy()
    probabilities[leaves, channel] = np.nan
    has_vote[leaves, channel] = False
    return probabilities, None if weights is None else vote_weights(weights, has_vote)


class _Known:
    """Stands in for a classifier whose answers are there already; X holds row numbers."""

    _estimator_type = "classifier"

    def __init__(self, classes, choice, probabilities):
        self.classes_ = classes
        self._choice = choice
        self._probabilities = probabilities

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
        )

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.classes_[self._choice[X]]

    def predict_proba(self, X):
        return self._probabilities[X]


def _macro_f1(estimator, X, y):
    return _f1(y, estimator.predict(X))


def _f1(y, predicted):
    return f1_score(y, predicted, average="macro", zero_division=0)
