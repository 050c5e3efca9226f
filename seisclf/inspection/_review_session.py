"""What happens between a review and its experts: events out, decisions in."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._correction import apply_decisions
from ._decisions import check_decisions
from ._folds import event_codes, fit_whole
from ._review_events import pipeline_steps, read_rows, relevance_shares, stream_events


class ReviewSession:
    """Part of `LabelReview`: events for the expert, and what follows from the decisions."""

    # Of LabelReview, which is the only child.
    estimator: Any
    estimator_: Any
    n_events_: int
    classes_: Any
    labels_: Any
    predicted_: Any
    event_ids_: Any
    metadata_: Any
    suspects_: Any
    table: Callable
    _checked: Callable

    def events(self, rows=None, which="suspects", relevance=True):
        """Yield what an expert is shown, event by event.

        Waveforms are read and explained in small batches, so that memory does not grow with the
        number of events.

        Parameters
        ----------
        rows : array-like of int, optional
            Rows of X, in the order wanted. Default: by `which`.
        which : {"suspects", "all"}, default="suspects"
            The suspects, or all events; the most doubtful first.
        relevance : bool, default=True
            Whether relevance for the given and the predicted class is computed.

        Yields
        ------
        event : ReviewEvent
            Waveform, spectrogram, relevance, probabilities, neighbours.

        Raises
        ------
        ValueError
            If `which` or a row does not exist, or the review came from a file and has no
            waveforms.
        """
        check_is_fitted(self)
        rows = self._rows(rows, which)
        return stream_events(self, self._waveforms(), rows, relevance=relevance)

    def _rows(self, rows, which):
        if which not in ("suspects", "all"):
            raise ValueError(f"which must be 'suspects' or 'all'; got {which!r}")
        if rows is None:
            return (self.suspects_ if which == "suspects" else self.table())["row"].to_numpy()
        rows = np.atleast_1d(np.asarray(rows))
        if rows.dtype == np.bool_ and rows.shape == (self.n_events_,):
            rows = np.flatnonzero(rows)
        if rows.size and rows.dtype.kind not in "iu":
            raise ValueError(
                f"rows must be integers, or a mask of {self.n_events_} booleans; got "
                f"{rows.dtype} of shape {rows.shape}"
            )
        rows = rows.astype(np.intp)
        wrong = rows[(rows < 0) | (rows >= self.n_events_)]
        if len(wrong):
            raise ValueError(
                f"rows must lie between 0 and {self.n_events_ - 1}; got {wrong.tolist()}"
            )
        return rows

    def attach_waveforms(self, X):
        """Give a review that was read from a file its waveforms back.

        Parameters
        ----------
        X : array-like or LazyWaveforms
            The X of ``fit``.

        Returns
        -------
        self : object
            The review.

        Raises
        ------
        ValueError
            If X has another shape than in ``fit``.
        """
        check_is_fitted(self)
        X = self._checked(X)
        if len(X) != self.n_events_:
            raise ValueError(f"X has {len(X)} events, the review {self.n_events_}")
        self.X_ = X
        return self

    def write_page(self, folder, *, rows=None, which="suspects", relevance=True, title=None):
        """Write the review page: a folder to open in a browser, without a server.

        Parameters
        ----------
        folder : str or Path
            Where to; made if it does not exist.
        rows : array-like of int, optional
            Rows of X. Default: by `which`.
        which : {"suspects", "all"}, default="suspects"
            The suspects, or all events; the most doubtful first.
        relevance : bool, default=True
            Whether relevance is computed and shown.
        title : str, optional
            Heading of the page.

        Returns
        -------
        index : Path
            The page.
        """
        from ._page import write_page

        rows = self._rows(rows, which)
        return write_page(self, folder, rows=rows, title=title, relevance=relevance)

    def fingerprint(self):
        """What tells these events from others, where they have no names of their own.

        Returns
        -------
        fingerprint : str
            "" where the metadata has ``event_id``; else made of the number of events and of the
            first and the last waveform.
        """
        if self.metadata_ is not None and "event_id" in self.metadata_:
            return ""
        ends = np.ascontiguousarray(
            read_rows(self._waveforms(), np.array([0, self.n_events_ - 1]))
        )
        digest = hashlib.sha256(ends.tobytes()).hexdigest()
        return f"{self.n_events_}-{digest[:16]}"

    def apply_decisions(
        self, decisions, *, noise="noise", noise_distance=30.0, relevance=False, bands=None
    ):
        """Correct the catalogue of this review.

        Parameters
        ----------
        decisions : DataFrame, list of dict, path or list of paths
            As :func:`read_decisions` gives or reads them.
        noise : str or list of str, default="noise"
            Labels that are no events.
        noise_distance : float or None, default=30.0
            Seconds within which of an event noise is dropped, see :func:`apply_decisions`.
        relevance : bool, default=False
            Whether the provenance says in which frequency bands the relevance of changed labels
            lies, where the classifier has relevance.
        bands : sequence of tuple of (low, high), optional
            These bands, in Hz. Default: octaves from 1 Hz up.

        Returns
        -------
        correction : Correction
            The metadata with a column ``label`` of corrected labels, the changes, and scores of
            the out-of-fold predictions before and after.

        Raises
        ------
        ValueError
            If decisions cannot be understood.
        """
        check_is_fitted(self)
        frame = (
            pd.DataFrame(index=range(self.n_events_))
            if self.metadata_ is None
            else (self.metadata_)
        )
        decisions = check_decisions(decisions)
        settings = {
            "noise": noise,
            "noise_distance": noise_distance,
            "predicted": self.predicted_,
            "model": type(pipeline_steps(self.estimator)[-1]).__name__,
        }
        # The label of the review wins over a column of that name in the metadata.
        catalog = frame.assign(event_id=self.event_ids_, label=self.labels_)
        correction = apply_decisions(catalog, decisions, **settings)
        changed = correction.changes["row"].to_numpy(dtype=np.intp)
        if relevance and len(changed):
            shares, reasons = relevance_shares(self, changed, correction.labels[changed], bands)
            correction = apply_decisions(catalog, decisions, relevance=shares, **settings)
            correction.notes.extend(sorted(reasons))
        return correction

    def continue_fit(self, correction, **params):
        """Go on training with what experts have verified.

        A classifier with ``continue_fit`` (a network, or a Pipeline that ends in one) learns
        from the verified events alone, on top of what it knows. Any other is fitted anew on the
        corrected catalogue, with all events that were not dropped.

        Parameters
        ----------
        correction : Correction
            Of this review, from :meth:`apply_decisions`.
        **params : dict
            For the ``continue_fit`` of the network, such as ``max_epochs``.

        Returns
        -------
        self : object
            With ``estimator_`` improved. Probabilities and suspects stay those of ``fit``.

        Raises
        ------
        ValueError
            If nothing was verified, or the correction belongs to another review.
        TypeError
            If `params` are given and the classifier has no ``continue_fit``.
        """
        check_is_fitted(self)
        if len(correction.labels) != self.n_events_:
            raise ValueError(
                f"correction is of {len(correction.labels)} rows, the review of {self.n_events_}"
            )
        labels = np.asarray(list(correction.labels))
        model = self.estimator_
        last = model.steps[-1][1] if isinstance(model, Pipeline) else model
        if hasattr(last, "continue_fit"):
            rows = correction.verified
            if not len(rows):
                raise ValueError("correction has no verified events to go on with")
            new = sorted(set(map(str, labels[rows])) - set(map(str, self.classes_)))
            if new:
                raise ValueError(
                    f"correction has the classes {new}, which the network does not know: fit a "
                    f"new one, estimator.fit(X[correction.kept], "
                    f"correction.labels[correction.kept])"
                )
            X = read_rows(self._waveforms(), rows)
            X = model[:-1].transform(X) if last is not model and len(model.steps) > 1 else X
            last.continue_fit(X, labels[rows], **params)
            return self
        if params:
            raise TypeError(
                f"{type(last).__name__} has no continue_fit that could take {sorted(params)}"
            )
        rows = np.flatnonzero(correction.kept)
        codes = event_codes(self.n_events_, None, self.metadata_)
        self.estimator_ = fit_whole(clone(self.estimator), self._waveforms(), labels, rows, codes)
        return self

    def _waveforms(self):
        if getattr(self, "X_", None) is None:
            raise ValueError(
                "this review was read from a file, which holds no waveforms: call "
                "review.attach_waveforms(X) first"
            )
        return self.X_
