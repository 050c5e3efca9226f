"""Every channel votes on the event, and one classifier of single channels serves them all."""

import numbers

import numpy as np
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..io import RandomChannels
from ..preprocessing._aggregator import signal_to_noise
from ..utils import active_workers, check_seed, spread
from ..utils._unlabelled import is_unlabelled
from ._channel_rows import MEMBERS, chunks, members_of, read, rows_for, usable_members
from ._channel_scores import score_channels
from ._channel_votes import (
    combine,
    confidence,
    decide,
    uncertainty_table,
    vote_weights,
)
from ._feature_forest import FeatureForestClassifier
from ._fit_arguments import (
    fit_arguments,
    takes_argument,
    takes_channels,
    warn_of_inner_folds,
)

_VOTINGS = ("soft", "hard", "weighted", "geometric")


class ChannelEnsembleClassifier(ClassifierMixin, MetaEstimatorMixin, WaveformEstimator):
    """Classify every channel of an event by itself, and let the channels vote.

    One classifier of single channels is trained on all of them and asked about each; what it
    says is averaged. A slope with 24 traces and few labels gives 24 views of each event to learn
    from, and 24 opinions [1]_.

    Parameters
    ----------
    estimator : classifier, optional
        Classifier of single channels, of seisclf or scikit-learn, a Pipeline or a search. Those
        of scikit-learn get flat rows (n_rows, n_samples). Default: a
        :class:`FeatureForestClassifier`.
    n_channels_per_step : int or "all", default=1
        How many random channels of each event a network sees in each epoch, drawn one by one;
        "all": every channel in every epoch. Other estimators always learn from all channels, one
        row each, and leave this parameter aside; so does a Pipeline that ends with a network.
    voting : {"soft", "hard", "weighted", "geometric"}, default="soft"
        "soft": mean of the probabilities over channels. "hard": each channel has one vote; equal
        numbers of votes are decided by the mean probability. "weighted": mean with `weights`.
        "geometric": normalised geometric mean. An estimator without ``predict_proba`` can only
        vote "hard".
    weights : {"snr", "confidence"} or array-like of shape (n_channels,), default="snr"
        With ``voting="weighted"``. "snr": the signal-to-noise ratio of each channel of each
        event, as in :class:`~seisclf.preprocessing.ChannelAggregator`; of a station, the mean
        over its components. "confidence": one minus the entropy of the channel's probabilities,
        over its largest value. An array: one weight per channel (or station), for all events.
    members : {"channels", "stations", "pictures"}, default="channels"
        What votes. "channels": every trace of X, (n_events, n_channels, n_samples) or (n_events,
        n_stations, n_components, n_samples). "stations": every station of the latter, with all
        its components. "pictures": every channel of (n_events, n_channels, height, width), for
        instance from :class:`~seisclf.preprocessing.Spectrogram`.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the random channels, and the seeds that `estimator` leaves open.
    n_jobs : int, optional
        Processes that predict, each on some of the events; for estimators other than networks.
        Training has the ``n_jobs`` of `estimator`.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier of single channels.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_, n_stations_in_ : int
        Its channels (or components), samples and, in four dimensions, stations. For pictures
        they are the height, the width and the number of channels.

    See Also
    --------
    seisclf.preprocessing.ChannelAggregator : The baseline: one channel made from all.
    seisclf.io.RandomChannels : Where the random channels come from.
    ChannelVotesDisplay : What each channel said of an event, as a picture.

    Notes
    -----
    Channels that are NaN have no vote; dead ones, constant throughout, only if an event has
    nothing else. Events may so have different numbers of channels, and ``predict`` may see
    another number than ``fit``, unless `weights` says one by one what they count.

    All rows of one event go into ``fit`` under one group (that of `groups`, or the event itself)
    where the estimator takes groups, so that its own validation never sees an event it has
    learned from. A cross-validation outside sees events, not rows. Where events have different
    numbers of channels and the estimator takes sample weights, each event counts the same.

    The text of [1]_ averages probabilities ("soft"); the code its authors published averages the
    logarithms of them ("geometric"), which gives more weight to a channel that excludes a class.

    References
    ----------
    .. [1] Lee et al. (2022), "Ensemble and Self-supervised Learning for Improved Classification
       of Seismic Signals from the Åknes Rockslope", Mathematical Geosciences.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from seisclf.ensemble import ChannelEnsembleClassifier
    >>> from seisclf.feature_extraction import SeismicFeatures
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 6, 400))
    >>> y = np.repeat(["quake", "rockfall"], 20)
    >>> X[20:] *= 1 + np.hanning(400)  # an event with a beginning and an end
    >>> X[3, 2:] = np.nan  # a broken cable
    >>> features = SeismicFeatures(features=["kurt_sig", "rms"])
    >>> one_channel = make_pipeline(features, StandardScaler(), LogisticRegression())
    >>> ensemble = ChannelEnsembleClassifier(one_channel).fit(X[::2], y[::2])
    >>> ensemble.predict_proba_channels(X[1::2]).shape
    (20, 6, 2)
    >>> ensemble.uncertainty(X[1::2])["n_channels"].tolist()[:3]
    [6, 2, 6]
    >>> ensemble.score(X[1::2], y[1::2])
    1.0
    """

    def __init__(
        self,
        estimator=None,
        *,
        n_channels_per_step=1,
        voting="soft",
        weights="snr",
        members="channels",
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_channels_per_step = n_channels_per_step
        self.voting = voting
        self.weights = weights
        self.members = members
        self.random_state = random_state
        self.n_jobs = n_jobs

    # Training -----------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, groups=None):
        """Train one classifier on the channels of all events.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says; (n_events, n_samples) is read as one channel.
            Missing channels are NaN throughout. Networks read memory maps and lazy waveforms
            batch by batch; other estimators get a copy where channels are missing.
        y : array-like of shape (n_events,)
            Labels. -1 marks events without one where the estimator knows that, such as
            :class:`~seisclf.neural_network.CNNClassifier` with an encoder that learns from them;
            it then sees all channels of an event together.
        sample_weight : array-like of shape (n_events,), optional
            Weights of events, where the estimator takes some. All channels of an event share its
            weight: more of them do not make it count more.
        groups : array-like of shape (n_events,), optional
            Events that an estimator may not divide between training and validation. Default:
            each event is a group of its channels.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError
            If `estimator` is no classifier.
        ValueError
            If X, y or a parameter cannot be used, or an event has no channel.
        """
        self._check_params()
        X, y = self._validate(X, y, reset=True)
        labels = _labels(y)
        check_classification_targets(labels)
        if len(labels) < 2:
            raise ValueError(
                f"{type(self).__name__} needs events of at least 2 classes; y has 1 class, "
                f"{labels.tolist()}"
            )
        if groups is not None:
            check_consistent_length(y, groups)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, y, dtype=np.float64)
        estimator = self._new_estimator(sample_weight)
        self._check_number_of_weights(X.shape[1])
        usable = usable_members(X, self.members)
        rows, events = self._training_rows(estimator, X, usable)
        arguments = fit_arguments(
            estimator,
            sample_weight=_shared(sample_weight, events),
            groups=_grouped(groups, events),
        )
        self.estimator_ = estimator.fit(rows, y[events], **arguments)
        # Labels of the type of y, which not every estimator keeps; one that is frozen has its own.
        known = self.estimator_.classes_
        self.classes_ = labels if np.array_equal(known, labels) else known
        return self

    def _training_rows(self, estimator, X, usable):
        """Rows for the estimator, and the event that each belongs to."""
        n_draws = self.n_channels_per_step
        if _reads_batches(estimator) and n_draws != "all":
            events = np.repeat(np.arange(len(X)), n_draws)
            seed = _seeds(self.random_state, 1)[0]
            random = RandomChannels(
                X, usable, keep_axis=self.members != "stations", seed=int(seed)
            )
            return (random if n_draws == 1 else random[events]), events
        events, channels = np.nonzero(usable)
        return self._rows(estimator, X, usable, events, channels), events

    def _rows(self, estimator, X, usable, events, channels):
        return rows_for(
            X,
            usable,
            events,
            channels,
            batches=_reads_batches(estimator),
            keeps_axes=takes_channels(estimator),
            members=self.members,
        )

    def _new_estimator(self, sample_weight):
        estimator = clone(self._estimator_or_default())
        name = type(estimator).__name__
        if get_tags(estimator).estimator_type != "classifier":
            raise TypeError(
                f"estimator must be a classifier of single channels, got {estimator!r}; the "
                f"channels become one before a classifier with ChannelAggregator"
            )
        if self.voting != "hard" and not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"voting={self.voting!r} needs probabilities, and {name} has no predict_proba: "
                f"use voting='hard', or CalibratedClassifierCV({name}(), cv=GroupKFold())"
            )
        if sample_weight is not None and not takes_argument(estimator, "sample_weight"):
            raise ValueError(
                f"sample_weight was given, but fit of {name} takes none: leave it out, or choose "
                f"an estimator that weighs events"
            )
        warn_of_inner_folds(estimator)
        if self.random_state is not None:
            _seed_unset(estimator, self.random_state)
        return estimator

    # Prediction ---------------------------------------------------------------------------------

    def predict(self, X):
        """Classes of the events.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says, with any number of channels.

        Returns
        -------
        labels : ndarray of shape (n_events,)
            Labels as they were given to ``fit``.
        """
        choice = self._choice(*self._votes(X))
        return self.classes_[choice]

    def predict_proba(self, X):
        """Probabilities of the classes, from all channels.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says, with any number of channels.

        Returns
        -------
        probabilities : ndarray of shape (n_events, n_classes)
            In the order of ``classes_``; with ``voting="hard"``, shares of votes.
        """
        probabilities, weights = self._votes(X)
        return combine(probabilities, voting=self.voting, weights=weights)

    def predict_proba_channels(self, X):
        """Probabilities of the classes from each channel alone.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says, with any number of channels.

        Returns
        -------
        probabilities : ndarray of shape (n_events, n_channels, n_classes)
            NaN for channels that have no vote. Stations and components of a four-dimensional X
            stand in one axis, in the order of ``X.reshape(n_events, -1, n_samples)``. 1 and 0
            from an estimator that says a class only.
        """
        return self._votes(X)[0]

    def channel_mask(self, X):
        """Which channels have a vote.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says, with any number of channels.

        Returns
        -------
        mask : ndarray of bool of shape (n_events, n_channels)
            False for channels that are NaN, and for dead ones beside others that are not.
        """
        check_is_fitted(self)
        return usable_members(self._validate(X, reset=False), self.members)

    def uncertainty(self, X):
        """How sure the channels are, and how much they agree.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or what `members` says, with any number of channels.

        Returns
        -------
        table : pandas.DataFrame
            One row per event. ``entropy``: of the mean probabilities, in nats (at most the
            logarithm of the number of classes). ``expected_entropy``: the mean over channels of
            their own entropies, large where each channel is unsure. ``disagreement``: the
            difference of the two, large where channels are sure of different classes. ``dissent``:
            share of the channels whose most probable class is another than ``predict`` says.
            ``n_channels``: how many have a vote. With ``voting="weighted"`` means are weighted;
            otherwise they are plain, also where votes become one in another way.
        """
        probabilities, weights = self._votes(X)
        return uncertainty_table(probabilities, self._choice(probabilities, weights), weights)

    def channel_scores(self, X, y, *, scoring=None):
        """Which channels carry the class.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Events that were not trained on, or scores show what was learned by heart.
        y : array-like of shape (n_events,)
            Their labels.
        scoring : str or callable, optional
            Score of the ensemble for ``drop``, by scikit-learn's name or as ``scoring(estimator,
            X, y)`` that looks at predictions only. Default: macro-F1.

        Returns
        -------
        table : pandas.DataFrame
            One row per channel. ``n_events``: in how many it has a vote. ``accuracy`` and
            ``f1_macro``: of this channel alone, in these events. ``drop``: what the ensemble's
            score loses when this channel has no vote (negative: it does better without); an
            event that has no other channel keeps it. With four-dimensional X and
            ``members="channels"`` also ``station`` and ``component``, counted from 0.
        """
        shape = np.shape(X)
        probabilities, weights = self._votes(X)
        y = np.asarray(y)
        check_consistent_length(probabilities, y)
        table = score_channels(
            self.classes_, probabilities, weights, y, voting=self.voting, scoring=scoring
        )
        if len(shape) == 4 and self.members == "channels":
            table.insert(1, "station", table["channel"] // shape[2])
            table.insert(2, "component", table["channel"] % shape[2])
        return table

    def _votes(self, X):
        """Probabilities of each channel, and weights where they are asked for."""
        check_is_fitted(self)
        self._check_params()
        X = self._validate(X, reset=False)
        usable = usable_members(X, self.members)
        probabilities = np.full((*usable.shape, len(self.classes_)), np.nan)
        if _reads_batches(self.estimator_):
            events, channels = np.nonzero(usable)
            rows = self._rows(self.estimator_, X, usable, events, channels)
            probabilities[usable] = _probabilities(self.estimator_, rows)
        else:
            parts = chunks(X, n_parts=active_workers(self.n_jobs).number)
            calls = ((read(X, part), usable[part]) for part in parts)
            for k, answer in spread(_answer, calls, shared=self, n_jobs=self.n_jobs):
                part = parts[k]
                probabilities[part][usable[part]] = answer
        return probabilities, self._weights(X, usable, probabilities)

    def _choice(self, probabilities, weights):
        combined = combine(probabilities, voting=self.voting, weights=weights)
        return decide(combined, probabilities, voting=self.voting)

    def _weights(self, X, usable, probabilities):
        if self.voting != "weighted":
            return None
        if isinstance(self.weights, str) and self.weights == "confidence":
            return vote_weights(confidence(probabilities), usable)
        if isinstance(self.weights, str):
            ratios = np.empty(usable.shape)
            for part in chunks(X):
                ratios[part] = self._ratios(read(X, part), usable[part])
            return vote_weights(ratios, usable)
        self._check_number_of_weights(usable.shape[1])
        weights = np.asarray(self.weights, dtype=np.float64)
        return vote_weights(np.broadcast_to(weights, usable.shape), usable)

    def _check_number_of_weights(self, n_members):
        if self.voting != "weighted" or isinstance(self.weights, str):
            return
        if len(self.weights) != n_members:
            raise ValueError(
                f"weights has {len(self.weights)} entries, but X has {n_members} "
                f"{self.members}: give one weight for each, or weights='snr'"
            )

    def _ratios(self, part, usable):
        """Signal-to-noise ratios of members; what has no vote is left out of the arithmetic."""
        part = np.where(usable.reshape(*usable.shape, *(1,) * (part.ndim - 2)), part, 0)
        if self.members != "stations":
            return signal_to_noise(part)
        n, stations, components, n_samples = part.shape
        ratios = signal_to_noise(part.reshape(n, -1, n_samples))
        return ratios.reshape(n, stations, components).mean(axis=2)

    # Details ------------------------------------------------------------------------------------

    @property
    def _free_axes(self):
        return ("stations", "channels") if self.members == "channels" else ("stations",)

    def _validate(self, X, y="no_validation", *, reset):
        """X with its members in the second axis, and y."""
        ndim, mend = MEMBERS[self.members]
        n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        if n_axes == 3 and n_axes not in ndim:
            raise ValueError(
                f"members={self.members!r} needs X with 4 axes, (n_events, n_{self.members}, ., "
                f".), got shape {np.shape(X)}: {mend}, and for members='channels' n_channels is "
                f"the second axis"
            )
        checked = validate_waveforms(self, X, y, reset=reset, ndim=ndim, allow_nan=True)
        if isinstance(y, str) and y == "no_validation":
            return members_of(checked, self.members)
        return members_of(checked[0], self.members), checked[1]

    def _check_params(self):
        _check_choice("voting", self.voting, _VOTINGS)
        _check_choice("members", self.members, tuple(MEMBERS))
        if isinstance(self.weights, str):
            _check_choice("weights", self.weights, ("snr", "confidence"))
        else:
            _check_weights(self.weights)
        n = self.n_channels_per_step
        if n == "all":
            return
        if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f'n_channels_per_step must be a positive integer or "all", got {n!r}')

    def _estimator_or_default(self):
        return FeatureForestClassifier() if self.estimator is None else self.estimator

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator_or_default())
        tags.non_deterministic = inner.non_deterministic
        if inner.classifier_tags is not None:
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        return tags

    @classmethod
    def _get_test_params(cls):
        from sklearn.linear_model import LogisticRegression, RidgeClassifier

        forest = FeatureForestClassifier(**FeatureForestClassifier._get_test_params()[0])
        return [
            {"estimator": forest},
            {"estimator": forest, "voting": "weighted", "weights": "confidence"},
            {"estimator": LogisticRegression(), "voting": "geometric"},
            {"estimator": RidgeClassifier(), "voting": "hard"},
        ]


def _labels(y):
    """Labels that occur; -1 among text is none of them, and cannot be sorted with them."""
    if y.dtype == object and any(isinstance(label, str) for label in y):
        y = y[~is_unlabelled(y)]
    return np.unique(y)


def _reads_batches(estimator):
    """Whether it asks for the waveforms of one batch at a time, as networks do."""
    return getattr(estimator, "_reads_batches", False)


def _answer(ensemble, part, usable):
    """Probabilities of the usable members of some events."""
    events, channels = np.nonzero(usable)
    estimator = ensemble.estimator_
    rows = ensemble._rows(estimator, part, usable, events, channels)
    return _probabilities(estimator, rows)


def _probabilities(estimator, rows):
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    said = np.asarray(estimator.predict(rows))
    return (said[:, np.newaxis] == estimator.classes_).astype(np.float64)


def _shared(sample_weight, events):
    """Weights of rows: those of an event sum to its own, times the mean number of rows."""
    n_rows = np.bincount(events)
    if (n_rows == n_rows[0]).all():
        return None if sample_weight is None else sample_weight[events]
    weight = np.ones(len(n_rows)) if sample_weight is None else sample_weight
    total = weight.sum()
    mean = (weight * n_rows).sum() / total if total > 0 else 1.0
    return (weight * mean / n_rows)[events]


def _grouped(groups, events):
    """Groups of rows; none are needed where every event is one row and has no other group."""
    if groups is not None:
        return np.asarray(groups)[events]
    return None if len(np.unique(events)) == len(events) else events


def _seeds(random_state, n):
    sequence = np.random.SeedSequence(check_seed(random_state))
    return sequence.generate_state(n).tolist()


def _seed_unset(estimator, random_state):
    """Give a seed to every `random_state` that is None, also of parts of the estimator."""
    unset = [
        name
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and name.split("__")[-1] == "random_state"
    ]
    seeds = _seeds(random_state, 1 + len(unset))[1:]
    estimator.set_params(**dict(zip(unset, seeds, strict=True)))


def _check_choice(name, value, allowed):
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")


def _check_weights(weights):
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"weights must be 'snr', 'confidence' or one number >= 0 for each channel, got an "
            f"array of shape {weights.shape}"
        )
