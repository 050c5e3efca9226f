"""Checks of the parameters that all networks share."""

import numbers

import torch

from ._callbacks import schedule_params

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}
DEFAULT_PATIENCE = 10
DEFAULT_VALIDATION_FRACTION = 0.1


def check_training_params(estimator):
    """Refuse impossible settings before anything is computed.

    Parameters
    ----------
    estimator : NeuralEstimator
        Whose parameters to look at.

    Raises
    ------
    ValueError
        That names the parameter, what came and what is needed.
    """
    check_positive_integer("max_epochs", estimator.max_epochs)
    check_positive_integer("batch_size", estimator.batch_size)
    if not is_number(estimator.lr) or estimator.lr <= 0:
        raise ValueError(f"lr must be a number > 0; got {estimator.lr!r}")
    check_not_negative("weight_decay", estimator.weight_decay)
    schedule_params(estimator.lr_schedule, estimator.lr_schedule_params)
    if estimator.dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64'; got {estimator.dtype!r}")
    resolve_optimizer(estimator.optimizer)
    patience_of(estimator.early_stopping)
    validation_part(estimator)
    if not isinstance(estimator.net_params, (dict, type(None))):
        raise ValueError(
            f"net_params must be a dict such as {{'optimizer__momentum': 0.9}}, or None; got "
            f"{estimator.net_params!r}"
        )
    if not isinstance(estimator.callbacks, (list, tuple, type(None))):
        raise ValueError(
            f"callbacks must be a list of skorch callbacks, or None; got {estimator.callbacks!r}"
        )
    if estimator.augmenter is not None and not hasattr(estimator.augmenter, "augment"):
        raise ValueError(
            f"augmenter={estimator.augmenter!r} has no method augment(X, y, rng): give an object "
            f"that has one, or None"
        )


def check_positive_integer(name, value):
    """Refuse what is not an integer of at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1; got {value!r}")


def check_not_negative(name, value):
    """Refuse what is not a number of at least 0."""
    if not is_number(value) or not value >= 0:
        raise ValueError(f"{name} must be a number >= 0; got {value!r}")


def is_number(value):
    """Whether this is a real number, and neither True nor False."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def resolve_optimizer(optimizer):
    """Class of the optimizer that the parameter names."""
    if isinstance(optimizer, type) and issubclass(optimizer, torch.optim.Optimizer):
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise ValueError(
            f"optimizer must be one of {sorted(OPTIMIZERS)} or a class of torch.optim; got "
            f"{optimizer!r}"
        )
    return OPTIMIZERS[optimizer]


def patience_of(early_stopping):
    """Epochs of patience, or None for no early stopping."""
    if early_stopping is None or early_stopping is False:
        return None
    if early_stopping is True:
        return DEFAULT_PATIENCE
    if isinstance(early_stopping, numbers.Integral) and early_stopping >= 1:
        return int(early_stopping)
    raise ValueError(
        f"early_stopping must be True, False or the number of epochs to wait for an improvement; "
        f"got {early_stopping!r}"
    )


def validation_part(estimator):
    """Part of the events to set aside, or None."""
    fraction = estimator.validation_fraction
    stopping = patience_of(estimator.early_stopping) is not None
    if fraction is None:
        return DEFAULT_VALIDATION_FRACTION if stopping else None
    if isinstance(fraction, numbers.Real) and 0 < fraction < 1:
        return float(fraction)
    raise ValueError(
        f"validation_fraction must lie between 0 and 1, or be None ("
        f"{DEFAULT_VALIDATION_FRACTION} with early_stopping, else no validation); got {fraction!r}"
    )
