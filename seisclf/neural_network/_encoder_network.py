"""What networks share that are an encoder of events and a linear layer after it."""

import numpy as np
import torch
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length

from ..nets import BACKBONES, EncoderClassifier
from ..nets.encoder import REPRESENTATIONS
from ..nets.pictures import LOGS
from ._batches import EventDataset
from ._event_arrays import validate_events, warn_if_frame_is_long, warn_if_log_is_linear
from ._params import check_positive_integer, is_number
from ._pretrained import ENCODER_PARAMS, learned_encoder, needs_pretraining, pretrained
from ._trained_encoder import TrainedEncoder
from ._weight_files import fit_channels
from ._weighted_norms import RunningStatistics


class EncoderNetwork:
    """Architecture, start and rates of a network around an encoder; stands left of the parent.

    A child, such as ``class CNNClassifier(EncoderNetwork, NeuralClassifier)``, says how many
    outputs the linear layer has (`_n_outputs`). If `encoder` may be an estimator that is fitted
    first without targets, it says which rows have one (`_has_target`).

    Parameters
    ----------
    sampling_rate, representation, window_length, overlap, window, log, size, backbone, width, \
            encoder, freeze_encoder, freeze_batch_norm, head_lr, encoder_lr, dropout : object
        As of :class:`CNNClassifier`. A child names them in its own constructor.
    **training : dict
        The parameters of the parent to the right.
    """

    #: If neither `backbone` nor the encoder says.
    _backbone = "resnet34"
    #: How y marks an event that has no target, in words.
    _no_target = "unlabelled (-1)"

    def __init__(
        self,
        *,
        sampling_rate,
        representation,
        window_length,
        overlap,
        window,
        log,
        size,
        backbone,
        width,
        encoder,
        freeze_encoder,
        freeze_batch_norm,
        head_lr,
        encoder_lr,
        dropout,
        **training,
    ):
        self.sampling_rate = sampling_rate
        self.representation = representation
        self.window_length = window_length
        self.overlap = overlap
        self.window = window
        self.log = log
        self.size = size
        self.backbone = backbone
        self.width = width
        self.encoder = encoder
        self.freeze_encoder = freeze_encoder
        self.freeze_batch_norm = freeze_batch_norm
        self.head_lr = head_lr
        self.encoder_lr = encoder_lr
        self.dropout = dropout
        super().__init__(**training)

    # What a child says --------------------------------------------------------------------------

    def _n_outputs(self):
        """Outputs of the linear layer, once the targets are known."""
        raise NotImplementedError

    def _has_target(self, y):
        """Which rows of y, as the user gave it, have a target; others are only pre-trained on."""
        return np.ones(len(y), dtype=bool)

    def _checked_target(self, y):
        """The targets of the rows that have one, fit for `_learn_target`."""
        return y

    # What was learned ---------------------------------------------------------------------------

    @property
    def encoder_(self):
        """The encoder as it is after training, to be used elsewhere."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"this {type(self).__name__} is not fitted: it has no encoder_")
        return TrainedEncoder.from_module(self.net_.module_.encoder)

    def pictures(self, X):
        """Show what the network sees.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, or pictures (n_events, n_channels, height, width).

        Returns
        -------
        frequencies : ndarray of shape (height,) or None
            Hz; of pictures that were given, the numbers of the rows; of waveforms None.
        times : ndarray of shape (width,)
            Centres of the columns in seconds after the first sample, or their numbers.
        maps : ndarray of shape (n_events, n_channels, height, width)
            The input of the first convolution; with ``representation="waveform"`` (n_events,
            n_channels, n_samples).
        """
        maps = self._forward(X, part="explained_input")
        return *self.net_.module_.map_axes(), maps

    # Training -----------------------------------------------------------------------------------

    def _dataset(self, X, y, sample_weight, *, fresh, **more):
        self._check_architecture(fresh)
        encoder, labelled = self.encoder, None
        if needs_pretraining(encoder):
            events = X
            if y is not None:
                check_consistent_length(X, y, sample_weight)
                labelled = self._labelled(y)
                X, y, sample_weight = _rows_of(labelled, X, y, sample_weight)
                y = self._checked_target(y)
            if fresh:
                # A y that cannot be used must not show only after hours of pre-training.
                if y is not None and more.get("learn_from") is None:
                    self._learn_target(y)
                self.pretraining_ = encoder = pretrained(encoder, events)
        elif fresh and hasattr(self, "pretraining_"):
            del self.pretraining_
        if fresh:
            self._initial_encoder = learned_encoder(encoder, self)
        dataset = super()._dataset(X, y, sample_weight, fresh=fresh, **more)
        dataset.labelled = labelled
        if fresh:
            self.encoder_settings_ = settings = self._settings()
            warn_if_frame_is_long(dataset.X, settings, stacklevel=6)
            warn_if_log_is_linear(dataset.X, settings, stacklevel=6)
        return dataset

    def _labelled(self, y):
        labelled = self._has_target(y)
        if not labelled.any():
            raise ValueError(
                f"y marks all {len(labelled)} events as {self._no_target}: give targets to some, "
                f"or learn without them alone, {type(self.encoder).__name__}(...).fit(X)"
            )
        return labelled

    def _divide(self, dataset, groups, fresh):
        if groups is not None and dataset.labelled is not None:
            check_consistent_length(dataset.labelled, groups)
            (groups,) = _rows_of(dataset.labelled, groups)
        return super()._divide(dataset, groups, fresh)

    def _settings(self):
        """Parameters of the encoder that are in force."""
        if self._initial_encoder is not None:
            settings = dict(self._initial_encoder.settings)
        else:
            settings = {name: getattr(self, name) for name in ENCODER_PARAMS}
            settings["backbone"] = self.backbone or self._backbone
        pictures = settings["representation"] == "picture"
        shape = self.picture_shape_ if pictures else (self.n_samples_in_,)
        return {**settings, "in_channels": self.n_channels_in_, "shape": tuple(shape)}

    def _prepared_net(self, device, callbacks, seed):
        net = super()._prepared_net(device, callbacks, seed)
        net.module_.freeze(encoder=self.freeze_encoder, batch_norm=self.freeze_batch_norm)
        encoder = vars(self).pop("_initial_encoder", None)
        if encoder is not None:
            settings = self.encoder_settings_
            weights = fit_channels(encoder.weights, settings["backbone"], settings["in_channels"])
            tensors = {name: torch.from_numpy(np.array(w)) for name, w in weights.items()}
            net.module_.encoder.load_state_dict(tensors)
        return net

    def _module(self):
        return EncoderClassifier, {
            "n_outputs": self._n_outputs(),
            "dropout": self.dropout,
            "freeze_encoder": self.freeze_encoder,
            "freeze_batch_norm": self.freeze_batch_norm,
            **self.encoder_settings_,
        }

    def _param_groups(self):
        encoder_lr, head_lr = self.encoder_lr, self.head_lr
        if encoder_lr is None:
            encoder_lr = self.lr if self.encoder is None else self.lr / 2
        head_lr = self.lr if head_lr is None else head_lr
        return [("encoder.*", encoder_lr / self.lr), ("head.*", head_lr / self.lr)]

    def _more_callbacks(self):
        return [("running_statistics", RunningStatistics())]

    # Events and parameters ----------------------------------------------------------------------

    def _representation(self):
        initial = vars(self).get("_initial_encoder")
        if initial is not None:
            return initial.settings["representation"]
        if self.__sklearn_is_fitted__():
            return self.encoder_settings_["representation"]
        return self.representation

    def _validate(self, X, y, *, reset):
        return validate_events(self, X, y, reset=reset, representation=self._representation())

    def _validate_input(self, X):
        return validate_events(self, X, reset=False, representation=self._representation())

    def _event_dataset(self, X, y=None, weight=None):
        n_axes = 4 if self._representation() == "picture" else 3
        return EventDataset(X, y, weight, n_axes=n_axes)

    def _check_architecture(self, fresh):
        choices = {
            "representation": REPRESENTATIONS,
            "log": LOGS,
            "backbone": (*BACKBONES, None),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        check_positive_integer("width", self.width)
        rate, length = self.sampling_rate, self.window_length
        if not is_number(rate) or not 0 < rate < np.inf:
            raise ValueError(f"sampling_rate must be a number > 0 (Hz); got {rate!r}")
        if length is not None and not is_number(length):
            raise ValueError(f"window_length must be a number of seconds or None; got {length!r}")
        if not is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1); got {self.dropout!r}")
        for name in ("head_lr", "encoder_lr"):
            value = getattr(self, name)
            if value is not None and (not is_number(value) or not value > 0):
                mend = "; to keep the encoder as it is, set freeze_encoder=True"
                raise ValueError(
                    f"{name} must be a number > 0 or None; got {value!r}"
                    f"{mend if name == 'encoder_lr' else ''}"
                )
        if fresh and self.freeze_encoder and self.encoder is None:
            raise ValueError(
                "freeze_encoder=True without encoder would keep random weights as they are: give "
                "encoder=..., or freeze_encoder=False"
            )


def _rows_of(mask, *arrays):
    """Rows of arrays, lists, tables or what is lazy; None stays None."""
    rows = np.flatnonzero(mask)
    return [
        array if array is None or len(rows) == len(mask) else _safe_indexing(array, rows)
        for array in arrays
    ]
