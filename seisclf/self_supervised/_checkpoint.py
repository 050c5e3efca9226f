"""A training that outlives its interruption."""

import hashlib
import numbers
from contextlib import suppress
from copy import copy
from pathlib import Path

import numpy as np
from skorch.callbacks import Callback

from ..io._lazy_array import LazyArray
from ..neural_network._state import history_of
from ..persistence import load, save
from ._net import row_slices

# These change nothing in what is learned.
_WITHOUT_EFFECT = ("callbacks", "checkpoint", "checkpoint_every", "device", "verbose")


class Checkpoint:
    """File with a training that is under way, or finished.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    estimator : SelfSupervisedEncoder
        Who trains.
    X : ndarray or LazyArray
        On what.
    """

    def __init__(self, path, estimator, X):
        self.path = Path(path)
        self.origin = {"parameters": _parameters(estimator), "X": describe_data(X)}

    def read(self, cls):
        """Load the training, None if there is no file.

        Raises
        ------
        ValueError
            If the file holds another training, or something else.
        """
        if not self.path.exists():
            return None
        found = self._load()
        if not isinstance(found, cls) or not hasattr(found, "_origin"):
            raise ValueError(
                f"checkpoint={str(self.path)!r} holds a {type(found).__name__} that is no "
                f"checkpoint: name another file"
            )
        differences = self._differences(found._origin)
        if differences:
            raise ValueError(
                f"checkpoint={str(self.path)!r} belongs to another training: "
                f"{'; '.join(differences)}. Set the same parameters and give the same X to go on "
                f"with it, or start anew with another file, set_params(checkpoint=...), or after "
                f"pathlib.Path({str(self.path)!r}).unlink()"
            )
        return found

    def _load(self):
        try:
            return load(self.path)
        except Exception as error:
            # A damaged file raises what it likes: of the archive, of JSON, or of the arrays.
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be read ({type(error).__name__}: {error}): "
                f"name another file, set_params(checkpoint=...), or start anew after "
                f"pathlib.Path({str(self.path)!r}).unlink()"
            ) from error

    def _differences(self, origin):
        now, then = self.origin["parameters"], origin["parameters"]
        found = [
            f"{name}={now.get(name, 'unknown')} here, {then.get(name, 'unknown')} there"
            for name in sorted(set(now) | set(then))
            if now.get(name) != then.get(name)
        ]
        if self.origin["X"] != origin["X"]:
            found.append(f"X is {self.origin['X']} here, {origin['X']} there")
        return found

    def check_writing(self, estimator):
        """Find out before the training what would fail in the middle of it: folder, parameters."""
        trial = Checkpoint.__new__(Checkpoint)
        trial.path, trial.origin = self.path.with_name(self.path.name + ".trial"), {}
        try:
            trial.write(estimator)
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be written: {error}. Name another file, or "
                f"give parameters that can be saved, such as an optimizer by name"
            ) from error
        finally:
            with suppress(OSError):
                trial.path.unlink()

    def write(self, estimator, net=None):
        """Write the estimator, with a net that has more to learn."""
        partial = copy(estimator)
        # A callback has no form outside pickle, and the next fit brings its own.
        partial.set_params(callbacks=None, checkpoint=None)
        partial._origin = self.origin
        if net is not None:
            partial.net_ = net
            partial.history_ = history_of(net)
            partial.n_iter_ = partial.best_epoch_ = len(partial.history_)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save(partial, self.path)


class WriteCheckpoint(Callback):
    """Write a checkpoint after every so many epochs.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where to.
    estimator : SelfSupervisedEncoder
        Who trains.
    every : int
        Epochs.
    """

    def __init__(self, checkpoint, estimator, every):
        self.checkpoint = checkpoint
        self.estimator = estimator
        self.every = every
        self.interrupted = False

    def on_epoch_end(self, net, **kwargs):
        """Write, if it is time; the last epoch is written by ``fit``."""
        done = len(net.history)
        if done % self.every or done >= self.estimator.max_epochs:
            return
        try:
            self.checkpoint.write(self.estimator, net)
        except KeyboardInterrupt:
            # Between epochs it also is the way in which callbacks end a training for good.
            self.interrupted = True
            raise


def describe_data(X):
    """Shape, dtype and a hash of the values.

    Parameters
    ----------
    X : ndarray or LazyArray
        Read once, a part at a time.

    Returns
    -------
    description : str
        Equal for equal data.
    """
    digest = hashlib.blake2b(digest_size=8)
    for rows in row_slices(X):
        part = X.read(rows) if isinstance(X, LazyArray) else X[rows]
        digest.update(part.tobytes())
    return f"{X.dtype} {tuple(X.shape)} hash {digest.hexdigest()}"


def _parameters(estimator):
    parameters = estimator.get_params(deep=False)
    kept = {name: value for name, value in parameters.items() if name not in _WITHOUT_EFFECT}
    if not isinstance(kept["random_state"], numbers.Integral):
        # No two draws from a generator are the same: the seed in the checkpoint counts.
        kept["random_state"] = "drawn"
    # A number of NumPy's is the same number.
    plain = (value.item() if isinstance(value, np.generic) else value for value in kept.values())
    return {name: repr(value) for name, value in zip(kept, plain, strict=True)}
