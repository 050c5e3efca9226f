"""An encoder with its weights, as a transformer from events to vectors."""

from copy import copy

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from ..base import WaveformEstimator
from ..nets import EventEncoder
from ..nets.layers import picture_layout
from ._batches import EventDataset
from ._device import in_worker_process, private_generator
from ._event_arrays import validate_events
from ._weight_files import Weights, fit_channels, read_backbone_weights

_BATCH = 64


class TrainedEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, WaveformEstimator):
    """Turn events into vectors with an encoder that has been trained before.

    It is what pre-training leaves behind (``encoder_`` of
    :class:`seisclf.self_supervised.SelfSupervisedEncoder`) or a training with labels
    (``encoder_`` of :class:`CNNClassifier`), and it can be made of a file of weights
    (:meth:`from_weights_file`). It is given to ``CNNClassifier(encoder=...)`` to be trained
    further, or stands before any classifier in a Pipeline.

    Parameters
    ----------
    settings : dict, optional
        Parameters of :class:`seisclf.nets.EventEncoder`. ``shape`` may be absent or None.
    weights : dict of str to ndarray, optional
        Weights by the names of ``EventEncoder(...).state_dict()``, complete.

    Attributes
    ----------
    n_features_in_, n_channels_in_ : int
        Shape of the events seen in ``fit``.
    n_samples_in_ : int
        Samples of a waveform; of pictures there is ``picture_shape_``, (height, width), instead.

    See Also
    --------
    CNNClassifier : Trains it further, with labels.

    Notes
    -----
    `fit` learns nothing but the shape of X, which is compared from then on. Without it,
    `transform` takes events of any length.

    An encoder of one channel is applied to each channel by itself, and an event's vector is the
    mean over its channels. A channel that is NaN throughout is missing and does not count.

    Weights are computed with on a GPU where there is one, except in worker processes.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.neural_network import CNNClassifier
    >>> X = np.random.default_rng(0).normal(size=(8, 1, 400))
    >>> net = CNNClassifier(backbone="resnet18", width=2, log="db", max_epochs=1, random_state=0)
    >>> encoder = net.fit(X, np.tile(["a", "b"], 4)).encoder_
    >>> encoder
    TrainedEncoder(resnet18 of width 2, spectrogram of 1 channel)
    >>> encoder.transform(np.ones((5, 3, 700))).shape
    (5, 16)
    """

    def __init__(self, *, settings=None, weights=None):
        self.settings = settings
        self.weights = weights

    @classmethod
    def from_module(cls, encoder):
        """Keep what an encoder has learned.

        Parameters
        ----------
        encoder : EventEncoder
            Its weights are copied.

        Returns
        -------
        encoder : TrainedEncoder
            Of the same settings.
        """
        weights = {
            name: np.array(value.detach().cpu().numpy(), order="C")
            for name, value in encoder.state_dict().items()
        }
        return cls(settings=dict(encoder.settings), weights=Weights(weights))

    @classmethod
    def from_weights_file(
        cls,
        path,
        *,
        backbone,
        in_channels=1,
        width=None,
        representation="spectrogram",
        sampling_rate=100.0,
        window_length=None,
        overlap=0.125,
        window=("tukey", 0.25),
        log="log10p1",
        size=128,
    ):
        """Make an encoder of a file of torchvision's weights, or of others with its names.

        Parameters
        ----------
        path : str or pathlib.Path
            A ``.pth`` file (or ``.pt``, ``.ckpt``: whatever ``torch.load`` reads with
            ``weights_only=True``) or a ``.safetensors`` file. The last layer is left out.
        backbone : str
            Which network the weights are of: "resnet18", "resnet34", "resnet50", "resnet101",
            "resnet152" or "alexnet".
        in_channels : int or None, default=1
            Channels that the encoder is to see at once. If the file is for another number, its
            first convolution is summed over its channels and shared out evenly. None keeps the
            channels of the file.
        width : int, optional
            Filters of the first convolution; None: as many as the file has.
        representation, sampling_rate, window_length, overlap, window, log, size : object
            As of :class:`CNNClassifier`.

        Returns
        -------
        encoder : TrainedEncoder
            Ready to transform.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds something else than weights of this backbone, or `representation` is
            "waveform".

        Notes
        -----
        torchvision's weights were learned from photographs of three colours that were
        standardised; pictures here lie between 0 and 1.
        """
        if representation == "waveform":
            raise ValueError(
                "a file of torchvision's weights is of a network for pictures: take "
                "representation='spectrogram' (or 'picture'), not 'waveform'"
            )
        weights = read_backbone_weights(path, backbone, width)
        first = next(iter(weights.values()))
        if in_channels is None:
            in_channels = first.shape[1]
        settings = {
            "in_channels": in_channels,
            "shape": None,
            "representation": representation,
            "sampling_rate": sampling_rate,
            "window_length": window_length,
            "overlap": overlap,
            "window": window,
            "log": log,
            "size": size,
            "backbone": backbone,
            "width": len(first),
        }
        weights = fit_channels(weights, backbone, in_channels)
        return cls(settings=settings, weights=Weights(weights))

    def module(self, shape=None, in_channels=None):
        """Build the torch module, with a copy of the weights.

        Parameters
        ----------
        shape : tuple of int, optional
            (n_samples,) or (height, width) of the events; default that of the training.
        in_channels : int, optional
            Channels that it sees at once; default as in the training. The first convolution is
            summed over the channels it had and shared out evenly over the new ones.

        Returns
        -------
        encoder : EventEncoder
            In evaluation mode, on the CPU.

        Raises
        ------
        ValueError
            If there are no weights, or they do not belong to the settings.
        """
        settings = self._settings(shape, in_channels)
        weights = fit_channels(self.weights, settings["backbone"], settings["in_channels"])
        with torch.device("meta"):  # neither time nor random numbers for weights that go again
            encoder = EventEncoder(**settings)
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
        try:
            encoder.load_state_dict(tensors, assign=True)
        except RuntimeError as error:
            raise ValueError(
                f"the weights of this TrainedEncoder do not belong to its settings "
                f"(backbone={settings['backbone']!r}, width={settings['width']}): take both from "
                f"one encoder, TrainedEncoder.from_module(encoder). {error}"
            ) from error
        # Buffers that are no weights were made in double precision.
        dtype = next(encoder.parameters()).dtype
        return encoder.to(dtype=dtype, memory_format=picture_layout(dtype)).eval()

    def fit(self, X, y=None):
        """Check X and remember its shape; nothing is learned.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms; (n_events, n_samples) is read as one channel. Pictures are (n_events,
            n_channels, height, width) or (n_events, height, width).
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        X = self._checked(X, reset=True)
        if isinstance(X, np.ndarray):
            _present(X, 0, n_axes=2)  # what is lazy is checked when it is read
        with torch.device("meta"):
            encoder = EventEncoder(**self._settings(self._event_shape(X)))
        self._n_features_out = encoder.n_features
        return self

    def transform(self, X):
        """Vectors of events.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms or pictures, as for `fit`. Channels that are NaN throughout are missing.

        Returns
        -------
        embedding : ndarray of float32 of shape (n_events, n_embedding)
            Mean over the channels that are not missing, if the encoder sees one channel at once.

        Raises
        ------
        ValueError
            If X cannot be used, or an event has no channel.
        """
        X = self._checked(X)
        if self.settings["in_channels"] > 1:
            vectors = self._embed(X, per_channel=False)
        else:
            vectors = self._embed_channels(X)
        lost = np.isnan(vectors).all(axis=tuple(range(1, vectors.ndim)))
        if lost.any():
            rows = np.flatnonzero(lost)
            shown = ", ".join(map(str, rows[:5]))
            raise ValueError(
                f"TrainedEncoder cannot use X: {len(rows)} of {len(X)} events have no channel "
                f"that is not NaN (row {shown}): leave them out"
            )
        return vectors if vectors.ndim == 2 else np.nanmean(vectors, axis=1)

    def transform_channels(self, X):
        """Vectors of the channels of events, each by itself.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms or pictures.

        Returns
        -------
        embedding : ndarray of float32 of shape (n_events, n_channels, n_embedding)
            NaN where a channel is missing.

        Raises
        ------
        ValueError
            If X cannot be used, or the encoder sees several channels at once.
        """
        X = self._checked(X)
        if (n := self.settings["in_channels"]) > 1:
            raise ValueError(
                f"this encoder sees {n} channels at once and has no vector for each: call "
                f"transform, or make one of a single channel, "
                f"TrainedEncoder.from_module(encoder.module(in_channels=1))"
            )
        return self._embed_channels(X)

    def _settings(self, shape=None, in_channels=None):
        self._check_complete()
        shape = self.settings.get("shape") if shape is None else shape
        if shape is None:
            raise ValueError("the shape of the events is not known: give module(shape=...)")
        in_channels = self.settings["in_channels"] if in_channels is None else in_channels
        return {**self.settings, "shape": tuple(shape), "in_channels": in_channels}

    def _check_complete(self):
        if not self.settings or not self.weights:
            raise ValueError(
                "this TrainedEncoder has no settings or no weights: take the encoder_ of a fitted "
                "SelfSupervisedEncoder or CNNClassifier, or call "
                "TrainedEncoder.from_weights_file(path, backbone=...)"
            )

    def _checked(self, X, *, reset=False):
        """Events with an axis of channels, unless they are lazy, in a shape that can be used."""
        # Without fit there is nothing to compare with: a copy learns the shape and is forgotten.
        fitted = hasattr(self, "n_channels_in_")
        X = validate_events(
            self if reset or fitted else copy(self),
            X,
            reset=reset or not fitted,
            representation=self._representation(),
            allow_nan=True,
        )
        self._check_complete()
        n, seen = self.settings["in_channels"], self._n_channels(X)
        if n > 1 and seen != n:
            raise ValueError(
                f"TrainedEncoder cannot use X of shape {tuple(X.shape)}: the encoder sees {n} "
                f"channels at once, X has {seen}. Select the same channels, or make an encoder "
                f"for them, TrainedEncoder.from_module(encoder.module(in_channels={seen}))"
            )
        return X

    def _representation(self):
        return (self.settings or {}).get("representation", "spectrogram")

    def _n_axes(self):
        return 4 if self._representation() == "picture" else 3

    def _n_channels(self, X):
        return 1 if X.ndim < self._n_axes() else X.shape[1]

    def _event_shape(self, X):
        return X.shape[2 - self._n_axes() :]

    def _embed_channels(self, X):
        """Vectors (n_events, n_channels, n_embedding), NaN where a channel is missing."""
        return self._embed(X, per_channel=True)

    def _embed(self, X, *, per_channel):
        encoder = self.module(self._event_shape(X))
        gpu = torch.cuda.is_available() and not in_worker_process()
        device = torch.device("cuda" if gpu else "cpu")
        encoder.to(device)
        dtype = next(encoder.parameters()).dtype
        dataset = EventDataset(X, n_axes=self._n_axes(), check=_any_value)
        lead = (len(X), self._n_channels(X)) if per_channel else (len(X),)
        out = np.full((*lead, encoder.n_features), np.nan, dtype=np.float32)
        size = max(1, _BATCH // (lead[1] if per_channel else 1))
        for start in range(0, len(X), size):
            rows = slice(start, min(start + size, len(X)))
            batch = dataset.batch(rows)[0]
            present = _present(batch, start, n_axes=len(lead))
            if present.any():
                x = torch.from_numpy(np.ascontiguousarray(batch[present])).to(device, dtype)
                with torch.inference_mode():
                    vectors = encoder(x[:, None] if per_channel else x)
                out[rows][present] = vectors.float().cpu().numpy()
        return out

    # What scikit-learn asks ---------------------------------------------------------------------

    def __repr__(self, N_CHAR_MAX=700):
        """Say what it is; the weights would fill pages."""
        if not self.settings or not self.weights:
            return "TrainedEncoder()"
        get = self.settings.get
        channels = "1 channel" if get("in_channels") == 1 else f"{get('in_channels')} channels"
        return (
            f"TrainedEncoder({get('backbone')} of width {get('width')}, "
            f"{self._representation()} of {channels})"
        )

    def _set_fitted_state(self, state):
        super()._set_fitted_state(state)
        if isinstance(self.weights, dict):
            self.weights = Weights(self.weights)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @classmethod
    def _get_test_params(cls):
        frames = {"window_length": 0.02, "log": "db", "size": 8}
        with private_generator(0, torch.device("cpu")):
            encoder = EventEncoder(
                in_channels=1, shape=(2,), backbone="resnet18", width=2, **frames
            )
        trained = cls.from_module(encoder.double())
        return [{"settings": trained.settings, "weights": trained.weights}]


def _any_value(X, rows):
    """What is missing is found when the batch is looked at."""


def _present(batch, start, n_axes):
    """Which channels (or with one axis, which events) are not NaN throughout."""
    missing = np.isnan(batch)
    axes = tuple(range(n_axes, batch.ndim))
    none, some = missing.all(axis=axes), missing.any(axis=axes)
    broken = some & ~none
    infinite = np.isinf(batch).any(axis=axes)
    if (broken | infinite).any():
        rows = start + np.unique(np.argwhere(broken | infinite)[:, 0])
        raise ValueError(
            f"TrainedEncoder cannot use X: {len(rows)} events of one batch have channels with NaN "
            f"in a part of them, or infinity (row {', '.join(map(str, rows[:5]))}): fill the "
            f"gaps, or set the whole channel to NaN, which means that it is missing"
        )
    return ~none
