"""Doubt labels: out-of-fold probabilities, suspects, similar events."""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..utils import check_seed
from ._folds import event_codes, fit_whole, make_splits, out_of_fold
from ._neighbors import honest_neighbors
from ._review_session import ReviewSession
from ._suspects import doubt_of, find_suspects, reason, resolve_method, self_confidence
from ._texts import as_columns, as_text


class LabelReview(ReviewSession, ClassifierMixin, MetaEstimatorMixin, WaveformEstimator):
    """Find labels that deserve a second look, and carry the expert's answer back.

    Every event is judged by a classifier that was not trained on it. Labels that contradict the
    judgement are suspects, the most doubtful first; :meth:`events` yields what an expert wants to
    see of each, :meth:`write_page` makes a page for the browser of it, and
    :meth:`apply_decisions` turns decisions into a corrected catalogue.

    It is a classifier itself, a meta-estimator: ``predict`` is that of the classifier fitted on
    all events, and of the improved one after :meth:`continue_fit`.

    Read more in the :ref:`User Guide <label_review>`.

    Parameters
    ----------
    estimator : estimator
        Classifier with ``predict_proba``: one of ours, of scikit-learn, or a Pipeline. Cloned.
    cv : int, splitter or iterable of (train, test), default=5
        A number makes that many shuffled folds, stratified by class, which leave events whole.
        Of splitters the folds are checked: none may divide an event.
    method : {"confident_learning", "margin", "cleanlab", "auto"}, default="confident_learning"
        Which labels are suspect. "margin": another class is likelier. "confident_learning":
        as many events of each pair of classes as the confident joint counts [1]_, those with the
        largest margin; classes on which the classifier is less sure are judged by their own
        measure. "cleanlab": the default filter of that library. "auto": "cleanlab" where it is
        installed, else "margin"; ``method_`` says which.
    n_neighbors : int, default=5
        Similar events, by what the last layer of a network or a forest's features say, that each
        event is shown with. 0 leaves them out.
    sampling_rate : float, optional
        Of X in Hz, for pictures. Default: that of lazy waveforms or of the classifier.
    components : str or sequence of str, optional
        Names of the channels, for pictures. Default: those of the classifier, else "ZNE".
    bandpass : tuple of (low, high), optional
        Corners in Hz of the filter for the waveforms that are shown. Default: as the steps of
        the classifier's Pipeline leave them.
    n_jobs : int, optional
        Folds that are fitted at a time.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the folds made from a number. The classifier has its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    probabilities_ : ndarray of shape (n_events, n_classes)
        Out of fold; NaN in rows that no fold tested.
    predicted_ : ndarray of shape (n_events,)
        Likeliest class out of fold; the label itself where no fold tested.
    doubt_ : ndarray of shape (n_events,)
        ``(1 + p_likeliest_other - p_label) / 2``, from 0 to 1; NaN where no fold tested.
    suspect_ : ndarray of bool of shape (n_events,)
        Mask of the suspects.
    suspects_ : DataFrame
        The suspects, the most doubtful first: ``row``, ``event_id``, ``label``, ``predicted``,
        ``p_label``, ``p_predicted``, ``doubt``, ``reason``.
    self_confidence_ : ndarray of shape (n_classes,)
        Mean probability of the label, for each class.
    estimators_ : list of estimators
        One for each fold: the judges of the events it was not fitted on. Relevance and neighbours
        are theirs too, since a classifier that has learned a wrong label defends it.
    fold_ : ndarray of int of shape (n_events,)
        Which of them judged each event, the first if several; -1 where no fold tested.
    estimator_ : estimator
        Fitted on all events, for ``predict``; also for relevance where no fold tested.
    method_ : str
        The method that was used.
    neighbors_ : ndarray of int of shape (n_events, n_neighbors)
        Rows of the most similar other events; -1 where there are no more.
    neighbor_distances_ : ndarray of shape (n_events, n_neighbors)
        Their distances.
    neighbor_space_ : {"embedding", "features", "probabilities"}
        Where similarity was measured.
    labels_ : ndarray of shape (n_events,)
        y.
    event_ids_ : ndarray of str of shape (n_events,)
        From the metadata; the row number where there is none.
    metadata_ : DataFrame or None
        As given, with rows numbered from 0.
    X_ : ndarray or LazyWaveforms
        The events, for pictures; not written to files, see :meth:`attach_waveforms`.
    n_events_ : int
        Number of rows.

    Raises
    ------
    ValueError
        If X, y, metadata or a parameter cannot be used, or `cv` divides an event.

    See Also
    --------
    read_decisions : Decisions from files.
    label_agreement : How far several experts agree.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang (2021). Confident learning: estimating
       uncertainty in dataset labels. Journal of Artificial Intelligence Research 70, 1373-1411.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from seisclf.inspection import LabelReview
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["quake", "rockfall"] * 20)
    >>> X = rng.normal(size=(40, 4)) + 3 * (y == "rockfall")[:, None]
    >>> y[3] = "quake"  # a slip of the pen
    >>> review = LabelReview(LogisticRegression(), method="margin", random_state=0).fit(X, y)
    >>> review.suspects_[["row", "label", "predicted"]]
       row  label predicted
    0    3  quake  rockfall
    """

    def __init__(
        self,
        estimator,
        *,
        cv=5,
        method="confident_learning",
        n_neighbors=5,
        sampling_rate=None,
        components=None,
        bandpass=None,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.cv = cv
        self.method = method
        self.n_neighbors = n_neighbors
        self.sampling_rate = sampling_rate
        self.components = components
        self.bandpass = bandpass
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y, metadata=None, groups=None):
        """Judge every label by a classifier that has not seen the event.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            What the classifier takes: also (n_events, n_samples), network events (n_events,
            n_stations, n_components, n_samples), or a table of features.
        y : array-like of shape (n_events,)
            Labels, some of them wrong.
        metadata : DataFrame of n_events rows, optional
            One line for each row of X. Rows with the same ``event_id`` (one event at several
            stations) are kept in one fold; all columns are shown to the expert.
        groups : array-like of shape (n_events,), optional
            What else must stay together, such as days.

        Returns
        -------
        self : object
            The fitted review.

        Raises
        ------
        ValueError
            If X, y, metadata or a parameter cannot be used, or `cv` divides an event.
        TypeError
            If the classifier has no ``predict_proba``.
        """
        X, y = self._validate(X, y)
        metadata = _check_metadata(metadata, len(y))
        seed = check_seed(self.random_state)
        self.method_ = resolve_method(self.method)
        groups_or_events = event_codes(len(y), groups, metadata)
        splits = make_splits(self.cv, X, y, groups_or_events, metadata, seed)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.labels_, self.metadata_, self.X_ = y, metadata, X
        self.n_events_ = len(y)
        self.event_ids_ = _event_ids(metadata, len(y))
        self.probabilities_, self.estimators_, self.fold_ = out_of_fold(
            self.estimator, X, y, self.classes_, splits, groups_or_events, n_jobs=self.n_jobs
        )
        self._judge(codes)
        rows = np.arange(len(y))
        self.estimator_ = fit_whole(clone(self.estimator), X, y, rows, groups_or_events)
        self._find_neighbors(X, groups, metadata)
        return self

    def _validate(self, X, y):
        n_neighbors = self.n_neighbors
        if not isinstance(n_neighbors, (int, np.integer)) or n_neighbors < 0:
            raise ValueError(f"n_neighbors must be an integer from 0 on; got {n_neighbors!r}")
        if not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                f"LabelReview needs a classifier with predict_proba; "
                f"{type(self.estimator).__name__} has none: wrap it in "
                f"sklearn.calibration.CalibratedClassifierCV"
            )
        table = _is_table(X)
        X, y = validate_waveforms(self, X, y, reset=True, ndim=(2, 3, 4), allow_nan=True)
        check_classification_targets(y)
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"LabelReview needs events of at least 2 classes; y has 1 class, "
                f"{np.unique(y).tolist()}"
            )
        # Only the check wants a channel axis: what comes as a table goes on as a table.
        return (X[:, 0] if table else X), y

    def _judge(self, codes):
        """From probabilities to suspects."""
        judged = np.isfinite(self.probabilities_).all(axis=1)
        best = np.where(judged, np.nan_to_num(self.probabilities_).argmax(axis=1), codes)
        self.predicted_ = self.classes_[best]
        self.doubt_ = doubt_of(codes, self.probabilities_)
        self.suspect_ = find_suspects(codes, self.probabilities_, self.method_)
        self.self_confidence_ = self_confidence(codes, self.probabilities_)
        if not judged.all():
            warnings.warn(
                f"no fold of cv tests {np.sum(~judged)} of {len(codes)} events: their labels are "
                f"not judged (probabilities_ is NaN there)",
                UserWarning,
                stacklevel=3,
            )

    def _find_neighbors(self, X, groups, metadata):
        # An event is what event_id says; without it groups are the best guess.
        known = metadata is not None and "event_id" in metadata
        codes = event_codes(self.n_events_, None if known else groups, metadata)
        self.neighbors_, self.neighbor_distances_, self.neighbor_space_ = honest_neighbors(
            [*self.estimators_, self.estimator_],
            self.fold_,
            X,
            self.probabilities_,
            codes,
            int(self.n_neighbors),
        )

    @property
    def suspects_(self):
        """The suspects, the most doubtful first."""
        check_is_fitted(self)
        table = self.table()
        return table[table.pop("suspect")].reset_index(drop=True)

    def table(self):
        """All events and how much their labels are doubted.

        Returns
        -------
        table : DataFrame
            Columns of ``suspects_`` and ``suspect``, the most doubtful first; events that no
            fold tested last.
        """
        check_is_fitted(self)
        order = np.argsort(-np.nan_to_num(self.doubt_, nan=-1.0), kind="stable")
        codes = np.searchsorted(self.classes_, self.labels_)
        best = np.searchsorted(self.classes_, self.predicted_)
        rows = np.arange(self.n_events_)
        table = pd.DataFrame(
            {
                "row": rows,
                "event_id": self.event_ids_,
                "label": self.labels_,
                "predicted": self.predicted_,
                "p_label": self.probabilities_[rows, codes],
                "p_predicted": self.probabilities_[rows, best],
                "doubt": self.doubt_,
                "reason": [self._reason(row) for row in rows],
                "suspect": self.suspect_,
            }
        )
        return table.iloc[order].reset_index(drop=True)

    def _reason(self, row):
        given = np.searchsorted(self.classes_, self.labels_[row])
        best = np.searchsorted(self.classes_, self.predicted_[row])
        p = self.probabilities_[row]
        return reason(
            self.labels_[row],
            self.predicted_[row],
            p[given],
            p[best],
            self.self_confidence_[given],
            bool(self.suspect_[row]),
        )

    def summary(self):
        """Count suspects by what the label is and what the classifier says.

        Returns
        -------
        summary : DataFrame
            ``label``, ``predicted``, ``n_suspects``, ``n_labelled`` (events with this label) and
            ``share`` of these, the most frequent first.
        """
        suspects = self.suspects_
        counts = suspects.groupby(["label", "predicted"], sort=True).size()
        summary = counts.rename("n_suspects").reset_index()
        labelled = pd.Series(self.labels_).value_counts()
        summary["n_labelled"] = summary["label"].map(labelled).astype(int)
        summary["share"] = summary["n_suspects"] / summary["n_labelled"]
        order = summary["n_suspects"].sort_values(ascending=False, kind="stable").index
        return summary.loc[order].reset_index(drop=True)

    def summarize_events(self):
        """The suspects by event, for events with several rows.

        Returns
        -------
        events : DataFrame
            ``event_id``, ``n_rows``, ``n_suspects``, largest and mean ``doubt``, and ``rows``,
            for events with a suspect row, the most doubtful (on average) first.
        """
        table = self.table()
        events = (
            table.groupby("event_id", sort=False)
            .agg(
                n_rows=("row", "size"),
                n_suspects=("suspect", "sum"),
                doubt_max=("doubt", "max"),
                doubt_mean=("doubt", "mean"),
                rows=("row", lambda rows: sorted(map(int, rows))),
            )
            .reset_index()
        )
        events = events[events["n_suspects"] > 0]
        return events.sort_values("doubt_mean", ascending=False, kind="stable", ignore_index=True)

    def predict(self, X):
        """Classes, by the classifier fitted on all events.

        Parameters
        ----------
        X : array-like or LazyWaveforms
            Events of the shape seen in ``fit``.

        Returns
        -------
        labels : ndarray of shape (n_events,)
            Classes.
        """
        check_is_fitted(self)
        return self.estimator_.predict(self._checked(X))

    def predict_proba(self, X):
        """Probabilities of the classes, by the classifier fitted on all events.

        Parameters
        ----------
        X : array-like or LazyWaveforms
            Events of the shape seen in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_events, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(self._checked(X))

    def _checked(self, X):
        table = _is_table(X)
        X = validate_waveforms(self, X, reset=False, ndim=(2, 3, 4), allow_nan=True)
        return X[:, 0] if table else X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags

    @classmethod
    def _get_test_params(cls):
        from ..ensemble import FeatureForestClassifier

        forest = FeatureForestClassifier(**FeatureForestClassifier._get_test_params()[0])
        return [
            {"estimator": forest, "method": "margin", "cv": 2, "random_state": 0},
            {"estimator": forest, "method": "confident_learning", "cv": 3, "random_state": 0},
        ]

    def _get_fitted_state(self):
        state = super()._get_fitted_state()
        state.pop("X_", None)
        if self.metadata_ is not None:
            state["metadata_"] = as_columns(self.metadata_)
        return state

    def _set_fitted_state(self, state):
        super()._set_fitted_state(state)
        if self.metadata_ is not None:
            self.metadata_ = pd.DataFrame(self.metadata_)


def _is_table(X):
    return len(X.shape if hasattr(X, "shape") else np.asarray(X).shape) == 2


def _check_metadata(metadata, n):
    if metadata is None:
        return None
    metadata = pd.DataFrame(metadata).reset_index(drop=True)
    if len(metadata) != n:
        raise ValueError(
            f"metadata must have one line for each of {n} events; got {len(metadata)}"
        )
    return metadata


def _event_ids(metadata, n):
    if metadata is None or "event_id" not in metadata:
        return np.arange(n).astype(str)
    return np.array([as_text(name) or str(row) for row, name in enumerate(metadata["event_id"])])
