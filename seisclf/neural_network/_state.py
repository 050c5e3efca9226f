"""What a trained net must keep, on any device and in a file."""

import numbers
from contextlib import contextmanager

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.parameter import is_lazy

_FEW_WEIGHTS = 10**6
_FIRST_COLUMNS = ("epoch", "train_loss", "train_acc", "valid_loss", "valid_acc", "lr", "dur")


def history_of(net):
    """The net's history without its batches.

    Parameters
    ----------
    net : EventNet
        After training.

    Returns
    -------
    history : list of dict
        One dictionary for each epoch; plain numbers only.
    """
    return [_plain_row(epoch) for epoch in net.history]


def _plain_row(epoch):
    names = [name for name in _FIRST_COLUMNS if name in epoch]
    names += [
        name
        for name, value in epoch.items()
        if name not in names
        and isinstance(value, numbers.Number)
        and not name.endswith(("_batch_count", "_best"))
    ]
    return {
        name: int(epoch[name]) if isinstance(epoch[name], numbers.Integral) else float(epoch[name])
        for name in names
    }


def move_net(net, device):
    """Move a net with its optimizer to `device`, where it is not there already."""
    if torch.device(net.device) == device:
        return net
    net.device = str(device)
    net.module_.to(device)
    net.criterion_.to(device)
    for values in net.optimizer_.state.values():
        for name, value in values.items():
            # Adam counts its steps on the CPU, also when it trains on a GPU.
            if torch.is_tensor(value) and value.ndim > 0:
                values[name] = value.to(device)
    return net


def net_to_state(net):
    """Tensors and numbers of a net, all on the CPU.

    Parameters
    ----------
    net : EventNet
        Initialised.

    Returns
    -------
    state : dict
        Weights under "module" and "criterion"; the optimizer's memory as a list under
        "optimizer", one dictionary for each parameter; "lr" as the optimizer has it.
    """
    optimizer = net.optimizer_.state_dict()
    return {
        "module": _on_cpu(net.module_.state_dict()),
        "criterion": _on_cpu(net.criterion_.state_dict()),
        "optimizer": [[int(i), _on_cpu(values)] for i, values in optimizer["state"].items()],
    }


@contextmanager
def no_more_weights_than(state):
    """For the length of a ``with``, refuse modules that have far more weights than a state.

    A model file names the sizes of its layers; the weights that it holds say whether they are
    true, before memory is filled with random ones.
    """
    held = sum(value.numel() for value in state["module"].values())
    made = 0

    def count(module, name, parameter):
        nonlocal made
        if parameter is not None and not is_lazy(parameter):
            made += parameter.numel()
        if made > 2 * held + _FEW_WEIGHTS:
            raise ValueError(f"its layers need more weights than the {held} that are there")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def net_from_state(net, state):
    """Give an initialised net the weights and the optimizer's memory of another one."""
    net.module_.load_state_dict(state["module"])
    net.criterion_.load_state_dict(state["criterion"])
    optimizer = net.optimizer_.state_dict()
    optimizer["state"] = {int(i): values for i, values in state["optimizer"]}
    net.optimizer_.load_state_dict(optimizer)
    for parameter, values in net.optimizer_.state.items():
        for name, value in values.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                # In the parameter's order in memory: sums of two orders are slow.
                values[name] = torch.empty_like(parameter).copy_(value)
    return net


def _on_cpu(values):
    return {
        name: value.detach().cpu().contiguous() if torch.is_tensor(value) else value
        for name, value in values.items()
    }
