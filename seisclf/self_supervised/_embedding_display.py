"""Embeddings of events as a picture."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..utils import check_seed, import_optional

_METHODS = ("pca", "umap")
# Okabe and Ito's colours, which can be told apart by everybody, and forms for more classes.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = "os^Dv"
_UNLABELLED = "0.75"


class EmbeddingDisplay:
    """Events as points: near each other is what looks alike to the encoder.

    Parameters
    ----------
    points : ndarray of shape (n_events, 2)
        Where the events lie.
    y : array-like of shape (n_events,), optional
        Labels. Rows of -1 (or "-1") are unlabelled: grey, behind the others.
    axis_names : tuple of str, optional
        Names of the two axes.
    name : str, optional
        Title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axis, after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.

    See Also
    --------
    SelfSupervisedEncoder : Learns an embedding without labels.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.self_supervised import EmbeddingDisplay
    >>> embedding = np.random.default_rng(0).normal(size=(30, 8))
    >>> display = EmbeddingDisplay.from_embedding(embedding, ["slide", "fall", -1] * 10).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['fall', 'slide', 'unlabelled']
    """

    def __init__(self, points, y=None, *, axis_names=("1", "2"), name=None):
        self.points = points
        self.y = y
        self.axis_names = axis_names
        self.name = name

    @classmethod
    def from_embedding(cls, embedding, y=None, *, method="pca", name=None, random_state=0):
        """Reduce vectors to two dimensions.

        Parameters
        ----------
        embedding : array-like of shape (n_events, n_features)
            At least two events and two features.
        y : array-like of shape (n_events,), optional
            Labels, -1 where there is none.
        method : {"pca", "umap"}, default="pca"
            "pca": the two directions in which the events vary most; distances can be read from it.
            "umap": neighborhoods, without a scale; needs umap-learn.
        name : str, optional
            Title.
        random_state : int, RandomState, Generator or None, default=0
            For "umap".

        Returns
        -------
        display : EmbeddingDisplay
            Not yet drawn; call :meth:`plot`.

        Raises
        ------
        ValueError
            If `method` is neither, or `embedding` and `y` cannot be used.
        ImportError
            If umap-learn is not installed.
        """
        if method not in _METHODS:
            raise ValueError(f"method must be one of {_METHODS}; got {method!r}")
        embedding = check_array(
            embedding, input_name="embedding", ensure_min_samples=2, ensure_min_features=2
        )
        if y is not None:
            check_consistent_length(embedding, y)
        if method == "umap":
            umap = import_optional("umap", extra="umap", purpose="method='umap'")
            neighbors = min(15, len(embedding) - 1)
            reducer = umap.UMAP(
                n_neighbors=neighbors, random_state=check_seed(random_state) % 2**32, n_jobs=1
            )
            return cls(
                reducer.fit_transform(embedding), y, axis_names=("UMAP 1", "UMAP 2"), name=name
            )
        pca = PCA(2).fit(embedding)
        names = tuple(
            f"PC {i} ({share:.0%} of the variance)"
            for i, share in enumerate(np.nan_to_num(pca.explained_variance_ratio_), start=1)
        )
        return cls(pca.transform(embedding), y, axis_names=names, name=name)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, method="pca", name=None, random_state=0):
        """Embed events and reduce the vectors to two dimensions.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``embed(X)`` (:class:`seisclf.neural_network.CNNClassifier`) or
            ``transform(X)``.
        X : array-like or LazyWaveforms
            Events, as `estimator` takes them.
        y : array-like of shape (n_events,), optional
            Labels, -1 where there is none.
        method : {"pca", "umap"}, default="pca"
            See :meth:`from_embedding`.
        name : str, optional
            Title. By default the name of the class.
        random_state : int, RandomState, Generator or None, default=0
            For "umap".

        Returns
        -------
        display : EmbeddingDisplay
            Not yet drawn; call :meth:`plot`.

        Raises
        ------
        TypeError
            If the estimator has neither method.
        """
        check_is_fitted(estimator)
        embed = getattr(estimator, "embed", None) or getattr(estimator, "transform", None)
        if embed is None:
            raise TypeError(
                f"{type(estimator).__name__} has neither embed nor transform: give a "
                f"SelfSupervisedEncoder, a TrainedEncoder or a CNNClassifier"
            )
        name = type(estimator).__name__ if name is None else name
        return cls.from_embedding(embed(X), y, method=method, name=name, random_state=random_state)

    def plot(self, ax=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            By default a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            This object, with ``ax_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        handles = self._scatter(ax)
        ax.set_xlabel(self.axis_names[0])
        ax.set_ylabel(self.axis_names[1])
        ax.set_title(self.name or "", loc="left")
        if handles:
            ax.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return self

    def _scatter(self, ax):
        """Draw the points of each class, and return what the legend shows."""
        if self.y is None:
            ax.scatter(*self.points.T, s=18, color=_COLORS[0], alpha=0.8, linewidths=0)
            return []
        labels = np.array([str(label) for label in self.y])
        unlabelled = np.isin(labels, ("-1", "-1.0"))
        handles = []
        for i, label in enumerate(np.unique(labels[~unlabelled])):
            handles.append(
                ax.scatter(
                    *self.points[labels == label].T,
                    s=22,
                    color=_COLORS[i % len(_COLORS)],
                    marker=_MARKERS[i // len(_COLORS) % len(_MARKERS)],
                    alpha=0.85,
                    linewidths=0,
                    label=label,
                    zorder=2,
                )
            )
        if unlabelled.any():
            points = self.points[unlabelled].T
            handles.append(
                ax.scatter(
                    *points, s=14, color=_UNLABELLED, linewidths=0, label="unlabelled", zorder=1
                )
            )
        return handles
