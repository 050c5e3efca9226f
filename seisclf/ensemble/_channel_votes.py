"""From the probabilities of channels to one answer: votes, weights, uncertainty."""

import numpy as np
from scipy.special import entr, softmax

# What one channel holds impossible, many others may still carry: log 0 would be a veto.
_SMALLEST = 1e-12


def combine(probabilities, *, voting, weights=None):
    """Probabilities of events from those of their channels.

    Parameters
    ----------
    probabilities : ndarray of shape (n_events, n_channels, n_classes)
        NaN where a channel has no vote.
    voting : {"soft", "hard", "weighted", "geometric"}
        How they become one.
    weights : ndarray of shape (n_events, n_channels), optional
        For "weighted", from `vote_weights`.

    Returns
    -------
    combined : ndarray of shape (n_events, n_classes)
        Each row sums to one.
    """
    if voting == "hard":
        return shares(probabilities)
    if voting == "geometric":
        logs = np.log(np.maximum(probabilities, _SMALLEST))
        return softmax(np.nanmean(logs, axis=1), axis=1)
    mean = weighted_mean(probabilities, weights if voting == "weighted" else None)
    return mean / mean.sum(axis=1, keepdims=True)


def weighted_mean(values, weights):
    """Mean over the channels that have a vote.

    Parameters
    ----------
    values : ndarray of shape (n_events, n_channels, ...)
        NaN where a channel has no vote.
    weights : ndarray of shape (n_events, n_channels) or None
        They sum to one; None: all count the same.

    Returns
    -------
    mean : ndarray of shape (n_events, ...)
        Over axis 1.
    """
    if weights is None:
        return np.nanmean(values, axis=1)
    present = np.nan_to_num(values, nan=0.0)
    return np.einsum("ec,ec...->e...", weights, present)


def shares(probabilities):
    """Share of the channels that vote for each class."""
    votes = one_hot(probabilities)
    return np.nanmean(votes, axis=1)


def one_hot(probabilities):
    """1 for the class a channel votes for, 0 for the others, NaN without a vote."""
    choice = first_best(probabilities)
    votes = (np.arange(probabilities.shape[-1]) == choice[..., np.newaxis]).astype(np.float64)
    votes[np.isnan(probabilities[..., 0])] = np.nan
    return votes


def first_best(probabilities):
    """Index of the class that each channel votes for; 0 without a vote."""
    return np.nan_to_num(probabilities, nan=-1.0).argmax(axis=-1)


def decide(combined, probabilities, *, voting):
    """Index of the class of each event; equal shares of votes go by the mean probability.

    Parameters
    ----------
    combined : ndarray of shape (n_events, n_classes)
        From `combine`.
    probabilities : ndarray of shape (n_events, n_channels, n_classes)
        What it was made from.
    voting : str
        How.

    Returns
    -------
    choice : ndarray of int of shape (n_events,)
        Columns.
    """
    if voting != "hard":
        return combined.argmax(axis=1)
    tied = combined >= combined.max(axis=1, keepdims=True) - 1e-12
    return np.where(tied, np.nanmean(probabilities, axis=1), -1.0).argmax(axis=1)


def vote_weights(raw, usable):
    """Weights of channels that sum to one in each event.

    Parameters
    ----------
    raw : ndarray of shape (n_events, n_channels)
        Not negative, in any unit; NaN counts as zero.
    usable : ndarray of bool of shape (n_events, n_channels)
        Channels that have a vote.

    Returns
    -------
    weights : ndarray of shape (n_events, n_channels)
        Zero without a vote; equal where all that vote have none.
    """
    raw = np.where(usable, np.nan_to_num(raw, nan=0.0), 0.0)
    nothing = raw.sum(axis=1, keepdims=True) == 0
    raw = np.where(nothing, usable, raw)
    return raw / raw.sum(axis=1, keepdims=True)


def confidence(probabilities):
    """One minus the entropy of each channel, over its largest value; NaN without a vote."""
    n_classes = probabilities.shape[-1]
    if n_classes < 2:
        return np.ones(probabilities.shape[:-1])
    certain = 1 - entr(probabilities).sum(axis=-1) / np.log(n_classes)
    return np.maximum(certain, 0)


def uncertainty_table(probabilities, choice, weights=None):
    """How sure the channels are, and how much they agree.

    Parameters
    ----------
    probabilities : ndarray of shape (n_events, n_channels, n_classes)
        NaN where a channel has no vote.
    choice : ndarray of int of shape (n_events,)
        Columns of the classes that the ensemble says.
    weights : ndarray of shape (n_events, n_channels), optional
        Of the channels.

    Returns
    -------
    table : pandas.DataFrame
        See `ChannelEnsembleClassifier.uncertainty`.
    """
    import pandas as pd

    has_vote = ~np.isnan(probabilities[..., 0])
    entropy = entr(weighted_mean(probabilities, weights)).sum(axis=-1)
    expected = weighted_mean(entr(probabilities).sum(axis=-1), weights)
    otherwise = (first_best(probabilities) != choice[:, np.newaxis]) & has_vote
    n_channels = has_vote.sum(axis=1)
    return pd.DataFrame(
        {
            "entropy": entropy,
            "expected_entropy": expected,
            # Not negative but for rounding: entropy is concave.
            "disagreement": np.maximum(entropy - expected, 0),
            "dissent": otherwise.sum(axis=1) / n_channels,
            "n_channels": n_channels,
        }
    )
