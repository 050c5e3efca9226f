"""RockNet at one station: picks, masks and the class of an event."""

import numbers
import warnings

import numpy as np

from ..nets import RockNet, RockNetWaveform
from ..utils import arrivals_to_array
from ._function_classifier import PICKS, FunctionClassifier, as_labels
from ._rocknet_rules import EventRule
from ._rocknet_targets import ArrivalFiller, EventTargets, check_order, warn_outside

_NETWORKS = ("fusion", "waveform")


class RockNetClassifier(FunctionClassifier):
    """RockNet: marks P, S and the stretch of each kind of event, at one station.

    A U-Net of recurrent-residual blocks over the waveform, joined at the bottom with an encoder
    of the spectrogram [1]_. It learns functions over time: the P and S picks of earthquakes, and
    a mask for each class of events. The class of a window follows from them by a rule, see
    `predict_proba`.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Sampling rate of the waveforms in Hz.
    network : {"fusion", "waveform"}, default="fusion"
        Waveform and spectrogram, or the published network of the waveform alone.
    components : str, default="ZNE"
        Letters of the channels. The spectrogram is that of Z; without Z, or if X has another
        number of channels, that of the first one.
    picked : label or sequence of labels, default=("earthquake",)
        Classes whose mask goes from P to S and whose P and S are picked. The others have a mask
        from start to end.
    background : label, sequence of labels or None, default="noise"
        Classes without event. Of several that occur in y, the first of this sequence is what
        is predicted.
    normalize : bool, default=True
        Whether each trace is reduced to mean 0 and standard deviation 1 before the network.
        Without, sizes are seen.
    filters : tuple of int, default=(6, 12, 18, 24, 30)
        Filters of each level.
    stride : int, default=5
        How many times shorter in time each level is than the one before.
    alignment : {"aligned", "published"}, default="aligned"
        What the decoder does where lengths differ. The published weights need "published", where
        the lowest level is stretched five times in time.
    dropout : float, default=0.1
        Part of the values that is dropped after each convolution while training.
    spectrogram_window, spectrogram_hop : float, default=0.2, 0.1
        Frames of the spectrogram, in seconds.
    mask_threshold, pick_threshold : float, default=0.5, 0.3
        Probabilities that a mask, and P and S, must reach for an event.
    task_weighting : {"dwa", "equal"} or dict, default="dwa"
        How much each task counts in the loss: by dynamic weight averaging, all alike, or as said
        for ``"P_S"`` and the classes of events. The validation loss weighs all tasks alike,
        unless a dict is given.
    dwa_temperature : float, default=2.0
        Of dynamic weight averaging; larger is more alike.
    class_weight : None, "balanced", dict or ("balanced", dict), default=None
        Factor of each class in the loss. "balanced" gives all classes the same total weight;
        ``("balanced", {"noise": 0.0})`` all but the classes named, which get their factor.
    max_epochs : int, default=100
        Passes over the training events; fewer with `early_stopping`.
    lr : float, default=1e-4
        Learning rate at the beginning.
    batch_size : int, default=32
        Events in one step of the optimizer, and in one step of a prediction.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="constant"
        How the learning rate falls, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        Of the schedule.
    early_stopping : bool or int, default=False
        Epochs without a better validation loss after which to stop (True: 10).
    validation_fraction : float, optional
        Part of the events set aside; None: 0.1 with `early_stopping`, else nothing.
    augmenter : object, optional
        With a method ``augment(X, y, rng)`` for training batches; y is the tuple of classes
        (n,), as indices into ``classes_``, and arrivals (n, n_in_window, 4), in seconds.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    inference_dtype : None or "bfloat16", default=None
        "bfloat16" lets predictions multiply with 8 bits of precision, which pays where the
        hardware does (GPUs since Ampere, some CPUs); probabilities then differ by some hundredths
        where a function is steep. Weights, training and outputs stay float32. Not with
        ``dtype="float64"``. None: `dtype`.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one, or from published weights.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training; global generators are not touched.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of ``predict_proba``.
    event_classes_ : ndarray of shape (n_event_classes,)
        Those that have a mask.
    n_estimated_ : int
        Recordings of the last ``fit`` or ``partial_fit`` whose arrivals were, in part or whole,
        estimated by :func:`seisclf.signal.estimate_arrivals`.
    n_whole_window_ : int
        Those among them in which no onset stood out: their mask is the whole window.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), the loss of each task as
        ``train_P_S_loss``, ``train_<class>_loss``, with "dwa" the weights ``weight_P_S``, …, and
        with validation the same losses as ``valid_*``.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: with early stopping the best one, otherwise the last.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of the events seen in ``fit``.

    See Also
    --------
    RockNetAssociator : The same for a network of stations.
    TrainingDisplay : The losses over the epochs.
    seisclf.augmentation.MosaicAugmenter : Makes windows with several events.

    Notes
    -----
    Targets are those of the paper: truncated Gaussians 0.2 s wide at P and 0.3 s at S; masks that
    are 1 from P to S with half-Gaussians of these widths outside, for other classes from start to
    end with half-Gaussians 1 s wide. An arrival that is not given is estimated. The authors sum
    the loss over time, here it is averaged, which for Adam is nearly the same.

    Weights of rows count in the batch normalisation too: a row of weight 2 is the same as two
    rows, as long as one step holds all of them.

    References
    ----------
    .. [1] Liao, W.-Y., Lee, E.-J., Wang, C.-C., Chen, P., Provost, F., Hibert, C., Malet, J.-P.,
       Chu, C.-R. and Lin, G.-W. (2023). RockNet: rockfall and earthquake detection and
       association via multitask learning and transfer learning. IEEE Transactions on Geoscience
       and Remote Sensing, 61. https://doi.org/10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events
    >>> from seisclf.neural_network import RockNetClassifier
    >>> classes = ("earthquake", "rockfall", "noise")
    >>> events = make_seismic_events(
    ...     12, classes=classes, duration=20.0, sampling_rate=20.0, random_state=0
    ... )
    >>> net = RockNetClassifier(
    ...     sampling_rate=20.0, filters=(4, 4), max_epochs=1, random_state=0, device="cpu"
    ... )
    >>> net = net.fit(events.data, events.target, arrivals=events.arrivals)
    >>> {name: f.shape for name, f in net.predict_functions(events.data[:5]).items()}
    {'P': (5, 400), 'S': (5, 400), 'earthquake': (5, 400), 'rockfall': (5, 400)}
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        network="fusion",
        components="ZNE",
        picked=("earthquake",),
        background="noise",
        normalize=True,
        filters=(6, 12, 18, 24, 30),
        stride=5,
        alignment="aligned",
        dropout=0.1,
        spectrogram_window=0.2,
        spectrogram_hop=0.1,
        mask_threshold=0.5,
        pick_threshold=0.3,
        task_weighting="dwa",
        dwa_temperature=2.0,
        class_weight=None,
        max_epochs=100,
        lr=1e-4,
        batch_size=32,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="constant",
        lr_schedule_params=None,
        early_stopping=False,
        validation_fraction=None,
        augmenter=None,
        callbacks=None,
        net_params=None,
        dtype="float32",
        inference_dtype=None,
        device="auto",
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.sampling_rate = sampling_rate
        self.network = network
        self.components = components
        self.picked = picked
        self.background = background
        self.normalize = normalize
        self.filters = filters
        self.stride = stride
        self.alignment = alignment
        self.spectrogram_window = spectrogram_window
        self.spectrogram_hop = spectrogram_hop
        self.dropout = dropout
        self.mask_threshold = mask_threshold
        self.pick_threshold = pick_threshold
        super().__init__(
            task_weighting=task_weighting,
            dwa_temperature=dwa_temperature,
            class_weight=class_weight,
            max_epochs=max_epochs,
            lr=lr,
            batch_size=batch_size,
            optimizer=optimizer,
            weight_decay=weight_decay,
            lr_schedule=lr_schedule,
            lr_schedule_params=lr_schedule_params,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            augmenter=augmenter,
            callbacks=callbacks,
            net_params=net_params,
            dtype=dtype,
            inference_dtype=inference_dtype,
            device=device,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def fit(self, X, y, sample_weight=None, groups=None, arrivals=None):
        """Train the network.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, filtered but not normalised; (n_events, n_samples) is read as one channel.
        y : array-like of shape (n_events,)
            Labels of any type. A :class:`seisclf.utils.EventLabels` brings its arrivals along.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss, besides `class_weight`.
        groups : array-like of shape (n_events,), optional
            Events of one group are not divided between training and validation.
        arrivals : pandas.DataFrame with n_events rows, optional
            Columns ``P``, ``S``, ``start``, ``end`` in seconds after the first sample, see
            :func:`seisclf.utils.arrivals_to_array`. What is NaN or has no column is estimated.
            scikit-learn's searches pass it on after ``set_fit_request(arrivals=True)``.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y, arrivals or a parameter cannot be used, or the loss is not finite.
        """
        return super().fit(X, y, sample_weight, groups, arrivals)

    def predict_functions(self, X):
        """Probabilities over time.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        functions : dict of str to ndarray of float32 of shape (n_events, n_samples)
            "P" and "S", then the mask of each of ``event_classes_`` under its name (a class
            that is itself called P or S under ``"mask_P"``, ``"mask_S"``).
        """
        return super().predict_functions(X)

    def predict_proba(self, X):
        """Probabilities of the classes, from the functions over time.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_events, n_classes)
            Each row sums to one; columns in the order of ``classes_``.

        Notes
        -----
        The largest probability is that of the class which the benchmark's rule names, without
        looking at labels: runs are the stretches of at least 0.5 s where a mask is not below
        `mask_threshold`. A run of a picked class counts only if there are peaks of both P and S,
        not below `pick_threshold`, from 1 s before it to 1 s after it (a peak has nothing higher
        within 1 s). The class whose best run has the largest mean is the event's; without any
        run it is background.

        The evidence ``e`` of a class is 0.5 where the mean of its best run is `mask_threshold`
        and 1 where it is 1, linear in between. Without a run that counts, it is below 0.5:
        half of ``min(m / mask_threshold, 1)``, ``m`` the largest mean of the mask over 0.5 s; for
        a picked class, times the same for the maxima of P and S with `pick_threshold`. Background
        gets ``1 - max(e)``, and all are divided by their sum. Where no class is background, the
        largest evidence wins.
        """
        return super().predict_proba(X)

    def pick(self, X, *, threshold=None):
        """List what was found: a row for each run of a mask.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.
        threshold : float, optional
            For P and S, instead of `pick_threshold`.

        Returns
        -------
        picks : pandas.DataFrame
            Columns ``row`` (of X), ``class``, ``P``, ``P_probability``, ``S``,
            ``S_probability``, ``start``, ``end`` and ``probability``, the mean of the mask from
            start to end; sorted by row and start. Times are in seconds after the first sample. P
            and S are the highest peaks within 1 s of the run, NaN where there is none, and for
            classes that are not picked.
        """
        return self._pick_table(self._forward_batches(X), threshold)

    def _pick_table(self, batches, threshold):
        import pandas as pd

        rule, tables, first_row = self._rule(), [], 0
        for batch in batches:
            for name, mask, picks in self._masks_and_picks(batch):
                columns = rule.table(mask, *picks, threshold=threshold)
                columns["row"] = columns["row"] + first_row
                tables.append(pd.DataFrame({"row": columns.pop("row"), "class": name, **columns}))
            first_row += len(batch[0])
        table = pd.concat(tables, ignore_index=True)
        return table.sort_values(["row", "start"], kind="stable", ignore_index=True)

    def _masks_and_picks(self, functions):
        """Label, mask and, for a picked class, P and S functions of one batch."""
        picks, masks = functions
        _, picked = self._codes()
        for i, code in enumerate(self._event_codes()):
            ps = (picks[:, 0], picks[:, 1]) if picked[code] else ()
            yield self.classes_[code], masks[:, i, 0], ps

    def _evidence(self, functions):
        rule = self._rule()
        evidence = [rule.evidence(mask, *ps) for _, mask, ps in self._masks_and_picks(functions)]
        return np.stack(evidence, axis=1)

    def _named(self, functions):
        picks, masks = functions
        named = {"P": picks[:, 0], "S": picks[:, 1]}
        return named | {name: masks[:, i, 0] for i, name in enumerate(self._event_names())}

    def _rule(self):
        for name in ("mask_threshold", "pick_threshold"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or not 0 < value < 1:
                raise ValueError(f"{name} must lie between 0 and 1; got {value!r}")
        return EventRule(self.sampling_rate, self.mask_threshold, self.pick_threshold)

    # What is trained ----------------------------------------------------------------------------

    def _class_settings(self):
        return as_labels(self.picked), as_labels(self.background)

    def _learn_target(self, y):
        super()._learn_target(y)
        for name, unnamed in (("picked", ["earthquake"]), ("background", ["noise"])):
            labels = as_labels(getattr(self, name))
            if labels not in ([], unnamed) and not set(labels) & set(self.classes_.tolist()):
                warnings.warn(
                    f"{name}={getattr(self, name)!r}, but y has only the labels "
                    f"{self.classes_.tolist()}: none of them is treated so",
                    UserWarning,
                    stacklevel=6,
                )

    def _tasks(self):
        return ((PICKS, 0, None), *((name, 1, i) for i, name in enumerate(self._event_names())))

    def _expand(self):
        masks, picked = self._codes()
        return EventTargets(self.n_samples_in_, self.sampling_rate, masks, picked)

    def _fill_arrivals(self, X, codes, arrivals):
        n = len(codes)
        given = np.full((n, 1, 4), np.nan)
        if arrivals is not None:
            given = arrivals_to_array(arrivals, n)
        masks, picked = self._codes()
        filler = ArrivalFiller(
            picked=picked,
            masks=masks,
            sampling_rate=self.sampling_rate,
            vertical=self._vertical(),
        )
        read = self._event_dataset(X).batch
        filled = filler.fill(lambda rows: read(rows)[0], codes, given)
        check_order(filled, codes, self.classes_, picked)
        duration = self.n_samples_in_ / self.sampling_rate
        warn_outside(filled, codes, self.classes_, picked, duration)
        self.n_estimated_, self.n_whole_window_ = filler.n_estimated_, int(filler.whole_.sum())
        return filled

    def _vertical(self):
        if len(self.components) != self.n_channels_in_:
            return 0
        return max(self.components.upper().find("Z"), 0)

    def _module(self):
        if self.network not in _NETWORKS:
            raise ValueError(f"network must be one of {_NETWORKS}; got {self.network!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1); got {self.dropout!r}")
        self._rule()
        params = {
            "n_channels": self.n_channels_in_,
            "n_samples": self.n_samples_in_,
            "n_masks": len(self.event_classes_),
            "sampling_rate": self.sampling_rate,
            "filters": tuple(self.filters),
            "stride": self.stride,
            "alignment": self.alignment,
            "dropout": self.dropout,
            "normalize": self.normalize,
        }
        if self.network == "waveform":
            return RockNetWaveform, params
        window, hop = self._frames()
        frames = {"spectrogram_window": window, "spectrogram_hop": hop}
        return RockNet, {**params, "vertical": self._vertical(), **frames}

    def _frames(self):
        window, hop = self.spectrogram_window, self.spectrogram_hop
        duration = self.n_samples_in_ / self.sampling_rate
        if round(window * self.sampling_rate) <= self.n_samples_in_:
            return window, hop
        warnings.warn(
            f"spectrogram_window={window} s is longer than the events, {duration:g} s "
            f"({self.n_samples_in_} samples at {self.sampling_rate:g} Hz): the spectrogram uses "
            f"frames of {duration:g} s",
            UserWarning,
            stacklevel=8,
        )
        return duration, min(hop, duration)

    # Published weights --------------------------------------------------------------------------

    @classmethod
    def from_published(cls, path, *, components="ZNE", **params):
        """Classifier with the weights that RockNet's authors published.

        Parameters
        ----------
        path : str or pathlib.Path
            HDF5 file of the waveform-only network (``wf_RF_60s``), or of an association network
            (``net_fusion_RF_60s``), whose network of one station is the fusion network. See
            :func:`seisclf.datasets.fetch_rocknet_weights`.
        components : str, default="ZNE"
            Order in which the components will come.
        **params : dict
            Further parameters of the constructor, e.g. ``lr`` and ``warm_start=True`` for
            training on.

        Returns
        -------
        classifier : RockNetClassifier
            Fitted, for windows of 6000 samples at 100 Hz, filtered to 5 to 45 Hz, of the classes
            "earthquake", "noise" and "rockfall".

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        from ..nets._rocknet_published import load_published_station

        module = load_published_station(path, components=components)
        params.setdefault("network", "fusion" if isinstance(module, RockNet) else "waveform")
        estimator = cls(components=components, alignment="published", **params)
        estimator.n_features_in_ = estimator.n_channels_in_ = 3
        estimator.n_samples_in_ = 6000
        classes = np.array(["earthquake", "noise", "rockfall"])
        return estimator._adopt(module, classes, classes[[0, 2]])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Of points with two coordinates, the z-score leaves nothing but a sign.
        tags.classifier_tags.poor_score = bool(self.normalize)
        return tags

    @classmethod
    def _get_test_params(cls):
        return [
            {
                "sampling_rate": 10.0,
                "filters": (2, 2),
                "stride": 2,
                "dropout": 0.0,
                "max_epochs": 1,
                "lr": 0.02,
                "batch_size": 512,
                "dtype": "float64",
                "device": "cpu",
            }
        ]
