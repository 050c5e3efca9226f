"""What `encoder=` of a network may be, and what becomes of each of these."""

import inspect
import os
import warnings

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ..io import RandomChannels
from ._trained_encoder import TrainedEncoder

#: Parameters that an encoder settles.
ENCODER_PARAMS = (
    "representation",
    "sampling_rate",
    "window_length",
    "overlap",
    "window",
    "log",
    "size",
    "backbone",
    "width",
)


def needs_pretraining(encoder):
    """Whether `encoder` is an estimator that is to be fitted first, without labels."""
    if encoder is None or isinstance(encoder, (TrainedEncoder, FrozenEstimator, str, os.PathLike)):
        return False
    if not hasattr(encoder, "fit") or not hasattr(encoder, "get_params"):
        raise TypeError(
            f"encoder must be None, a TrainedEncoder, the path of a weights file, an estimator "
            f"that learns one without labels (SelfSupervisedEncoder), or such a fitted one in a "
            f"FrozenEstimator; got {encoder!r}"
        )
    if get_tags(encoder).target_tags.required:
        name = type(encoder).__name__
        raise TypeError(
            f"encoder={name} learns from labels: give an estimator that learns without, such as "
            f"SelfSupervisedEncoder, or what a fitted one has learned, {name}(...).fit(X, "
            f"y).encoder_, if it has that"
        )
    return True


def pretrained(encoder, X):
    """Fit a clone of an estimator on all events.

    Parameters
    ----------
    encoder : estimator
        With ``fit(X)``, and then ``encoder_``.
    X : array-like
        Events, labelled or not.

    Returns
    -------
    encoder : estimator
        The fitted clone.

    Raises
    ------
    TypeError
        If it has no ``encoder_`` after ``fit``.
    """
    if hasattr(encoder, "encoder_"):
        warnings.warn(
            f"encoder is a fitted {type(encoder).__name__}, and is trained anew: what it has "
            f"learned is passed on by encoder={type(encoder).__name__.lower()}.encoder_, or by "
            f"sklearn.frozen.FrozenEstimator(...)",
            UserWarning,
            stacklevel=6,
        )
    if isinstance(X, RandomChannels):
        # What learns without labels compares the channels of an event with each other.
        X = X.all_channels()
    fitted = clone(encoder).fit(X)
    _encoder_of(fitted)
    return fitted


def learned_encoder(encoder, estimator):
    """The encoder that a network starts from.

    Parameters
    ----------
    encoder : None, TrainedEncoder, path, FrozenEstimator or fitted estimator
        What it is made of.
    estimator : CNNClassifier
        Whose parameters say what a file of weights does not.

    Returns
    -------
    encoder : TrainedEncoder or None
        None: start from random weights.

    Raises
    ------
    TypeError
        If there is no encoder in it.
    ValueError
        If a parameter of the network says otherwise than the encoder.
    """
    if encoder is None:
        return None
    if isinstance(encoder, (str, os.PathLike)):
        given = {name: getattr(estimator, name) for name in ENCODER_PARAMS}
        given["backbone"] = given["backbone"] or estimator._backbone
        given["width"] = None if given["width"] == _default(estimator, "width") else given["width"]
        return TrainedEncoder.from_weights_file(encoder, in_channels=None, **given)
    if not isinstance(encoder, TrainedEncoder):
        encoder = _encoder_of(encoder)
    encoder._check_complete()
    _refuse_contradictions(encoder.settings, estimator)
    return encoder


def _encoder_of(estimator):
    inner = getattr(estimator, "estimator", estimator)  # inside a FrozenEstimator
    for owner in (estimator, inner):
        if isinstance(owner, TrainedEncoder):
            return owner
        if isinstance(found := getattr(owner, "encoder_", None), TrainedEncoder):
            return found
    raise TypeError(
        f"encoder={type(inner).__name__} has no attribute encoder_ that is a TrainedEncoder after "
        f"fit: give an estimator that has one (SelfSupervisedEncoder, CNNClassifier), or wrap a "
        f"fitted one, FrozenEstimator(estimator.fit(X))"
    )


def _as_tuple(value):
    """A list as a tuple: windows and sizes may be either."""
    return tuple(value) if isinstance(value, list) else value


def _refuse_contradictions(settings, estimator):
    """Parameters left at their default give way to the encoder; others must agree with it."""
    wrong = []
    for name in ENCODER_PARAMS:
        value, known = _as_tuple(getattr(estimator, name)), _as_tuple(settings[name])
        left_out = value == _default(estimator, name)
        # The rate is looked up by others, such as EventDetector: it must be true in any case.
        if name == "sampling_rate":
            left_out = settings["representation"] == "picture"
        if not left_out and value != known:
            wrong.append((name, known))
    if wrong:
        has = ", ".join(f"{name}={getattr(estimator, name)!r}" for name, _ in wrong)
        needed = ", ".join(f"{name}={value!r}" for name, value in wrong)
        raise ValueError(
            f"{type(estimator).__name__} has {has}, but its encoder was trained otherwise: set "
            f"{needed}, or train an encoder with the settings wanted"
        )


def _default(estimator, name):
    return inspect.signature(type(estimator).__init__).parameters[name].default
