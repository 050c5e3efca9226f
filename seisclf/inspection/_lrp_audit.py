"""Which modules relevance can pass, said before anything runs."""

from torch import nn

_SUPPORTED = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Linear,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.LeakyReLU,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Flatten,
    nn.Unflatten,
    nn.Identity,
    nn.Sigmoid,
    nn.Upsample,
    nn.UpsamplingNearest2d,
    nn.ConstantPad1d,
    nn.ConstantPad2d,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
)
_CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)

SUPPORTED_TEXT = (
    "convolutions and pooling in one and two dimensions, dense layers, batch normalisation, ReLU "
    "and LeakyReLU, dropout, flattening, sums, concatenation, cropping, zero padding, stretching "
    "to the nearest sample, and gates (a sigmoid that multiplies a map)"
)

_REASONS = {
    nn.RNNBase: "recurrent layers multiply their states with each other",
    nn.Softmax: "explain the logits, before the softmax",
    nn.LogSoftmax: "explain the logits, before the softmax",
    nn.LayerNorm: "it divides by a number that depends on the event",
    nn.GroupNorm: "it divides by a number that depends on the event",
    nn.MultiheadAttention: "attention multiplies signals with each other",
}


def check_modules(module, *, skip=()):
    """Refuse a network with layers that relevance cannot pass.

    Parameters
    ----------
    module : torch.nn.Module
        Looked at, not run.
    skip : sequence of str
        Paths of parts that are not run.

    Raises
    ------
    TypeError
        It names every such layer by its path and type.
    """
    refused = []
    for path, part in module.named_modules():
        if any(path == name or path.startswith(f"{name}.") for name in skip):
            continue
        why = _refusal(part)
        if why is not None:
            where = path or "the module itself"
            refused.append(f"{where}: {type(part).__name__}{why}")
    if refused:
        shown = refused[:8]
        more = f" … and {len(refused) - 8} more" if len(refused) > 8 else ""
        raise TypeError(
            f"relevance cannot pass {len(refused)} of the layers of {type(module).__name__}:\n  "
            + "\n  ".join(shown)
            + f"{more}\nSupported are {SUPPORTED_TEXT}."
        )


def _refusal(part):
    """None, or what is to be said besides the type."""
    if isinstance(part, nn.Upsample) and part.mode not in ("nearest", "nearest-exact"):
        return f" with mode={part.mode!r}"
    if isinstance(part, (nn.ConstantPad1d, nn.ConstantPad2d)) and part.value != 0:
        return f" with value={part.value!r}, which is a bias of its own"
    if isinstance(part, _SUPPORTED):
        return None
    # Of what others write, the functions are checked while it runs.
    kind = next(kind for kind in type(part).__mro__ if kind.__module__.startswith("torch.nn."))
    if kind in _CONTAINERS:
        return None
    reason = next((why for known, why in _REASONS.items() if isinstance(part, known)), None)
    return "" if reason is None else f" ({reason})"
