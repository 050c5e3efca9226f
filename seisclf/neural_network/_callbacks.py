"""What happens at the end of an epoch: learning rate, early stopping, progress."""

import math
from copy import deepcopy

from skorch.callbacks import Callback

from ..utils import progress_bar

_SCHEDULE_PARAMS = {
    "constant": {},
    "plateau": {"factor": 0.9, "patience": 5, "min_delta": 1e-4, "min_lr": 0.0},
    "cosine": {"min_lr": 0.0, "warmup": 0},
}


class FiniteLoss(Callback):
    """Stop with an error as soon as the loss is not a number any more."""

    def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
        """Look at the loss of one batch."""
        if training and not math.isfinite(loss.item()):
            epoch = len(net.history)
            raise ValueError(
                f"the training loss became {loss.item()} in epoch {epoch}: lower lr (now "
                f"{net.optimizer_.param_groups[0]['lr']:.3g}), scale the waveforms before the "
                f"network (seisclf.preprocessing.WaveformScaler), or clip gradients "
                f"(callbacks=[skorch.callbacks.GradientNormClipping(1.0)])"
            )


class EpochMeans(Callback):
    """Mean over an epoch of what each batch recorded, weighted by the size of the batches."""

    def on_epoch_end(self, net, **kwargs):
        """Record ``train_*`` and ``valid_*`` of the epoch."""
        batches = net.history[-1]["batches"]
        for prefix in ("train", "valid"):
            rows = [batch for batch in batches if f"{prefix}_batch_size" in batch]
            total = sum(batch[f"{prefix}_batch_size"] for batch in rows)
            names = {name for batch in rows for name in batch if name.startswith(prefix)}
            for name in sorted(names - {f"{prefix}_batch_size"}):
                mean = sum(batch[name] * batch[f"{prefix}_batch_size"] for batch in rows) / total
                net.history.record(name, mean)


class ForgetBatches(Callback):
    """Drop the records of single batches of earlier epochs, which otherwise pile up."""

    def on_epoch_begin(self, net, **kwargs):
        """Empty the epoch before."""
        if len(net.history) > 1:
            net.history[-2]["batches"] = []


class LearningRate(Callback):
    """Record the learning rate of each epoch, and set that of the next.

    Parts of a network with a rate of their own, groups of the optimizer with a ``lr_factor``, get
    the rate times this factor.

    Parameters
    ----------
    schedule : {"constant", "plateau", "cosine"}
        How it changes.
    lr : float
        Where it starts.
    max_epochs : int
        Length of the training, for "cosine".
    params : dict
        Settings of the schedule, complete.
    """

    def __init__(self, schedule, lr, max_epochs, params):
        self.schedule = schedule
        self.lr = lr
        self.max_epochs = max_epochs
        self.params = params

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.epoch_ = 0
        self.best_ = math.inf
        self.waited_ = 0
        self._set(net, self._cosine(0) if self.schedule == "cosine" else self.lr)

    def on_epoch_begin(self, net, **kwargs):
        """Record what the optimizer uses, whoever set it."""
        group = net.optimizer_.param_groups[-1]  # whatever has no factor comes last
        net.history.record("lr", group["lr"] / group.get("lr_factor", 1.0))

    def on_epoch_end(self, net, **kwargs):
        """Change for the next epoch."""
        self.epoch_ += 1
        if self.schedule == "plateau":
            self._plateau(net)
        elif self.schedule == "cosine":
            self._set(net, self._cosine(self.epoch_))

    def _set(self, net, lr):
        self.lr_ = lr
        for group in net.optimizer_.param_groups:
            group["lr"] = lr * group.get("lr_factor", 1.0)

    def _cosine(self, epoch):
        warmup, floor = self.params["warmup"], self.params["min_lr"]
        if epoch < warmup:
            return self.lr * (epoch + 1) / (warmup + 1)
        done = min(1.0, (epoch - warmup) / max(1, self.max_epochs - warmup))
        return floor + (self.lr - floor) * 0.5 * (1 + math.cos(math.pi * done))

    def _plateau(self, net):
        last = net.history[-1]
        loss = last.get("valid_loss", last["train_loss"])
        if loss < self.best_ - self.params["min_delta"]:
            self.best_, self.waited_ = loss, 0
            return
        self.waited_ += 1
        if self.waited_ >= self.params["patience"]:
            self.waited_ = 0
            self._set(net, max(self.lr_ * self.params["factor"], self.params["min_lr"]))


class StopEarly(Callback):
    """Stop when the validation loss stands still, and go back to the best weights.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which to stop.
    """

    def __init__(self, patience):
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.best_loss_ = math.inf
        self.best_epoch_ = None
        self.best_weights_ = None

    def on_epoch_end(self, net, **kwargs):
        """Compare with the best epoch so far."""
        epoch, loss = len(net.history), net.history[-1]["valid_loss"]
        if loss < self.best_loss_:
            self.best_loss_, self.best_epoch_ = loss, epoch
            self.best_weights_ = deepcopy(net.module_.state_dict())
        elif epoch - (self.best_epoch_ or 0) >= self.patience:
            net.stop_training()

    def on_train_end(self, net, **kwargs):
        """Restore the best weights."""
        if self.best_weights_ is not None:
            net.module_.load_state_dict(self.best_weights_)
        self.best_weights_ = None


class StopOnTrainAccuracy(Callback):
    """Record the accuracy on the training events, and stop when it does not rise any more.

    Events are counted as training sees them, augmented, with dropout and while the weights
    change; those of weight zero are not counted.

    Parameters
    ----------
    patience : int
        Epochs without a rise after which to stop.
    min_delta : float
        What is no rise: a smaller difference, or one as small.
    """

    def __init__(self, patience, min_delta):
        self.patience = patience
        self.min_delta = min_delta

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.best_ = -math.inf
        self.waited_ = 0

    def on_epoch_begin(self, net, **kwargs):
        """Nothing counted yet."""
        self.hits_ = self.seen_ = 0

    def on_batch_end(self, net, batch=None, training=None, y_pred=None, **kwargs):
        """Count the events of one batch that got their class."""
        if not training:
            return
        inputs, target = batch
        target = target.argmax(dim=1) if target.ndim == 2 else target  # probabilities, augmented
        counted = inputs["weight"] > 0
        hits = (y_pred.detach().argmax(dim=1).cpu() == target.cpu()) & counted
        self.hits_ += int(hits.sum())
        self.seen_ += int(counted.sum())

    def on_epoch_end(self, net, **kwargs):
        """Compare with the best epoch of this session."""
        accuracy = self.hits_ / max(1, self.seen_)
        net.history.record("train_acc", accuracy)
        if accuracy > self.best_ + self.min_delta:
            self.best_, self.waited_ = accuracy, 0
            return
        self.waited_ += 1
        if self.waited_ >= self.patience:
            net.stop_training()


class Progress(Callback):
    """One line per fit: a bar over the epochs with the losses.

    Parameters
    ----------
    n_epochs : int
        Length of the bar.
    name : str
        Words before it.
    """

    def __init__(self, n_epochs, name):
        self.n_epochs = n_epochs
        self.name = name
        self.bar = None

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.bar = progress_bar(total=self.n_epochs, desc=self.name, disable=False)
        self.bar.leave = True  # the losses stay on the screen

    def on_epoch_end(self, net, **kwargs):
        """Move it, with the last losses."""
        last = net.history[-1]
        names = [name for name in ("train_loss", "valid_loss", "valid_acc") if name in last]
        self.bar.set_postfix({name: f"{last[name]:.4f}" for name in names}, refresh=False)
        self.bar.update()

    def on_train_end(self, net, **kwargs):
        """Close it."""
        self.bar.close()
        self.bar = None  # a bar cannot be pickled


def schedule_params(schedule, params):
    """Complete and check `lr_schedule_params`.

    Parameters
    ----------
    schedule : str
        Name of the schedule.
    params : dict or None
        What the user gave.

    Returns
    -------
    params : dict
        With the defaults of the schedule.

    Raises
    ------
    ValueError
        If the schedule or one of its parameters does not exist.
    """
    if schedule not in _SCHEDULE_PARAMS:
        raise ValueError(
            f"lr_schedule must be one of {sorted(_SCHEDULE_PARAMS)}; got {schedule!r}"
        )
    defaults = _SCHEDULE_PARAMS[schedule]
    unknown = sorted(set(params or {}) - set(defaults))
    if unknown:
        raise ValueError(
            f"lr_schedule_params has {unknown}, but lr_schedule={schedule!r} knows only "
            f"{sorted(defaults)}"
        )
    return {**defaults, **(params or {})}
