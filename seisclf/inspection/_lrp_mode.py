"""What stands between a network and PyTorch while it is explained: every function passes here."""

from dataclasses import dataclass, field

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, resolve_name

from ._lrp_audit import SUPPORTED_TEXT
from ._lrp_layers import Layer, propagate

# Functions that move values about.
_MOVES = set(
    (  # noqa: SIM905
        "view reshape flatten unflatten squeeze unsqueeze permute transpose swapaxes movedim "
        "moveaxis t T mT contiguous clone __getitem__ narrow select index_select expand expand_as "
        "split chunk unbind cat concat stack flip roll repeat_interleave repeat"
    ).split()
)
# And others whose gradient already is the rule: sums of inputs times constants, or the largest.
_PASSED = _MOVES | set(
    (  # noqa: SIM905
        "relu relu_ leaky_relu leaky_relu_ max_pool1d max_pool2d avg_pool1d avg_pool2d "
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d amax "
        "__neg__ neg sum mean"
    ).split()
)
_VIEWS = {"unsqueeze", "squeeze", "movedim", "moveaxis", "transpose", "swapaxes", "permute"}
_ARITHMETIC = {"add", "subtract", "reversed_subtract", "multiply", "divide", "sigmoid"}
_CASTS = {"to", "float", "double", "type", "type_as"}
_REASONS = {
    "softmax": "explain the logits, before the softmax",
    "log_softmax": "explain the logits, before the softmax",
    "detach": "it cuts the way of relevance",
    "data": "it cuts the way of relevance",
    "lstm": "recurrent layers multiply their states with each other",
    "gru": "recurrent layers multiply their states with each other",
    "layer_norm": "it divides by a number that depends on the event",
}
_NO_GATE = "its output is used for something else than to multiply a map"


class Refused(RuntimeError):
    """A function that relevance cannot pass. No TypeError: Python's operators hide these."""


@dataclass
class _Recent:
    """The last linear layer: batch normalisation that follows it becomes a part of it."""

    layer: Layer
    x: torch.Tensor
    raw: torch.Tensor
    axis: int
    version: int
    out: torch.Tensor
    views: list = field(default_factory=list)


class RelevanceMode(TorchFunctionMode):
    """Give each linear function the gradient of its rule, and refuse what is unknown.

    Parameters
    ----------
    module : torch.nn.Module
        A working copy; hooks on it tell which part is running.
    settings : RuleSettings
        Rules.
    ledger : Ledger
        Where losses are booked.
    """

    def __init__(self, module, settings, ledger):
        super().__init__()
        self._module, self._settings, self._ledger = module, settings, ledger
        self._stack = [""]
        self._recent = None
        self._hooks = []

    def __enter__(self):
        for path, part in self._module.named_modules():
            self._hooks.append(part.register_forward_pre_hook(self._entering(path)))
            self._hooks.append(part.register_forward_hook(self._leaving, always_call=True))
        return super().__enter__()

    def __exit__(self, *error):
        for hook in self._hooks:
            hook.remove()
        self._recent = None
        return super().__exit__(*error)

    def _entering(self, path):
        return lambda module, inputs: self._stack.append(path)

    def _leaving(self, module, inputs, outputs):
        self._stack.pop()

    # The audit ----------------------------------------------------------------------------------

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """See a call; explain it, let it through, or refuse it."""
        kwargs = kwargs or {}
        tensors = list(_tensors((args, kwargs)))
        signal = any(t.requires_grad for t in tensors)
        gate = any(_is_gate(t) for t in tensors)
        if not signal and not gate:
            return func(*args, **kwargs)
        name = _name(func)
        handler = getattr(self, f"_do_{_HANDLERS.get(name, name)}", None)
        if not signal:
            return self._of_gates(func, name, args, kwargs)
        if gate and _HANDLERS.get(name) != "multiply":
            raise self._refusal("sigmoid", _NO_GATE)
        if handler is not None:
            out = handler(func, *args, **kwargs)
        elif name in _PASSED:
            out = self._pass(func, name, args, kwargs)
        else:
            out = func(*args, **kwargs)
            if not _is_question(out):
                raise self._refusal(name, _REASONS.get(name))
        if _lost(out):
            raise self._refusal(name, "it cuts the way of relevance")
        return out

    def _of_gates(self, func, name, args, kwargs):
        """Gates count as constants, and so does what is made of them by arithmetic."""
        out = func(*args, **kwargs)
        if _is_question(out):
            return out
        if name not in _MOVES and _HANDLERS.get(name) not in _ARITHMETIC:
            raise self._refusal("sigmoid", _NO_GATE)
        for tensor in _tensors(out):
            tensor._is_gate = True
        return out

    def _pass(self, func, name, args, kwargs):
        out = func(*args, **kwargs)
        recent = self._recent
        if recent is not None and name in _VIEWS and args[0] is recent.out:
            recent.views.append((func, args[1:], kwargs))
            recent.out = out
        return out

    def _refusal(self, name, why=None):
        where = self._stack[-1] or type(self._module).__name__
        because = "" if why is None else f": {why}"
        return Refused(
            f"relevance cannot pass the function {name!r} in {where!r} of "
            f"{type(self._module).__name__}{because}. Supported are {SUPPORTED_TEXT}."
        )

    # Linear functions ---------------------------------------------------------------------------

    def _layer(self, layer, x, out, kind):
        rule = self._settings.rule_for(self._stack[-1], kind)
        return propagate(layer, x, out, rule, self._settings, self._ledger)

    def _linear(self, layer, x, out, kind, axis):
        z = self._layer(layer, x, out, kind)
        self._recent = _Recent(layer, x, out, axis, z._version, z)
        return z

    def _do_linear(self, func, input, weight, bias=None):
        self._check_constant("linear", weight, bias)
        layer = Layer(F.linear, weight, bias)
        return self._linear(layer, input, func(input, weight, bias), "dense", -1)

    def _do_matmul(self, func, input, other):
        self._check_constant("matmul", other)
        if other.ndim != 2:
            raise self._refusal("matmul", "only matrices of weights are dense layers")
        return self._do_linear(F.linear, input, other.T)

    def _do_convolution(
        self, func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
    ):
        self._check_constant(_name(func), weight, bias)
        settings = (stride, padding, dilation, groups)
        n_axes = weight.ndim - 2
        if input.ndim != weight.ndim:
            raise self._refusal(_name(func), "its input has no axis of events")

        def product(x, weight):
            return func(x, weight, None, *settings)

        shaped = None if bias is None else bias.reshape(-1, *(1,) * n_axes)
        out = func(input, weight, bias, *settings)
        layer = Layer(product, weight, shaped)
        return self._linear(layer, input, out, "conv", -1 - n_axes)

    def _do_batch_norm(
        self,
        func,
        input,
        running_mean=None,
        running_var=None,
        weight=None,
        bias=None,
        training=False,
        momentum=0.1,
        eps=1e-5,
    ):
        if training or running_mean is None:
            raise self._refusal("batch_norm", "it takes its statistics from the batch")
        self._check_constant("batch_norm", running_mean, running_var, weight, bias)
        # In double precision, as the one place where rounding would change the layer.
        factor = (running_var.double() + eps).rsqrt()
        factor = factor if weight is None else factor * weight
        shift = -running_mean * factor
        shift = shift if bias is None else shift + bias
        factor, shift = factor.to(input.dtype), shift.to(input.dtype)
        recent = self._recent
        if recent is not None and recent.out is input and recent.version == input._version:
            return self._folded(recent, factor, shift)
        shaped = [v.reshape(-1, *(1,) * (input.ndim - 2)) for v in (factor, shift)]
        return self._affine(input, *shaped)

    def _folded(self, recent, factor, shift):
        layer = recent.layer.scaled(factor, shift, recent.axis)
        after = (-1, *(1,) * (-recent.axis - 1))
        out = recent.raw * factor.reshape(after) + shift.reshape(after)
        kind = "dense" if recent.axis == -1 else "conv"
        z = self._layer(layer, recent.x, out, kind)
        for func, args, kwargs in recent.views:
            z = func(z, *args, **kwargs)
        return z

    def _affine(self, x, factor, shift):
        """Each output from one input: a layer with a single weight."""
        layer = Layer(torch.mul, factor, shift)
        return self._layer(layer, x, x * factor + shift, "norm")

    # Sums and products --------------------------------------------------------------------------

    def _do_add(self, func, input, other, **kwargs):
        if not isinstance(input, torch.Tensor) or not input.requires_grad:
            input, other = other, input
        if isinstance(other, torch.Tensor) and other.requires_grad:
            return func(input, other, **kwargs)
        if _name(func) in ("add_", "sub_"):
            raise self._refusal(_name(func), "it adds a constant in place; write x = x + constant")
        if kwargs.get("alpha", 1) != 1:
            raise self._refusal("add", "alpha is not supported with a constant")
        other = torch.as_tensor(other, dtype=input.dtype, device=input.device)
        if not other.any():
            return input + other
        whole = torch.broadcast_shapes(input.shape, other.shape)
        if whole != input.shape:
            input = input.expand(whole)
        return self._affine(input, input.new_ones(()), other.expand(whole))

    def _do_subtract(self, func, input, other, **kwargs):
        if _moving(input) and _moving(other):
            return func(input, other, **kwargs)
        if kwargs or _name(func) == "sub_":
            raise self._refusal(_name(func), "it subtracts a constant in place, or with alpha")
        if _moving(input):
            return self._do_add(torch.add, input, -other)
        return self._do_add(torch.add, -input, other)

    def _do_reversed_subtract(self, func, input, other):
        return self._do_subtract(torch.sub, other, input)

    def _do_multiply(self, func, input, other):
        if _moving(input) and _moving(other):
            raise self._refusal("mul", "it multiplies signals with each other")
        return func(input, other)

    def _do_divide(self, func, input, other, **kwargs):
        if _moving(other):
            raise self._refusal("div", "it divides by a signal")
        if kwargs.get("rounding_mode") is not None:
            raise self._refusal("div", "it rounds")
        return func(input, other, **kwargs)

    def _do_sigmoid(self, func, input):
        gate = func(input.detach())
        gate._is_gate = True
        return gate

    # Functions with settings --------------------------------------------------------------------

    def _do_pad(self, func, input, pad, mode="constant", value=None):
        if mode == "constant" and value:
            raise self._refusal("pad", f"value={value!r} is a bias of its own")
        return func(input, pad, mode, value)

    def _do_interpolate(self, func, input, *args, **kwargs):
        mode = args[2] if len(args) > 2 else kwargs.get("mode", "nearest")
        if mode not in ("nearest", "nearest-exact"):
            raise self._refusal("interpolate", f"mode={mode!r}")
        return func(input, *args, **kwargs)

    def _do_dropout(self, func, input, p=0.5, training=True, inplace=False):
        if training and p:
            raise self._refusal("dropout", "it is in training mode")
        return input

    def _do_cast(self, func, *args, **kwargs):
        out = func(*args, **kwargs)
        if isinstance(out, torch.Tensor) and out.dtype != args[0].dtype:
            raise self._refusal(_name(func), f"it casts {args[0].dtype} to {out.dtype}")
        return out

    def _check_constant(self, name, *weights):
        if any(_moving(w) or _is_gate(w) for w in weights):
            raise self._refusal(name, "its weights depend on the signal")


_HANDLERS = {
    **dict.fromkeys(("conv1d", "conv2d"), "convolution"),
    **dict.fromkeys(("add", "add_", "__add__", "__radd__", "__iadd__"), "add"),
    **dict.fromkeys(("sub", "sub_", "__sub__", "__isub__", "subtract"), "subtract"),
    **dict.fromkeys(("rsub", "__rsub__"), "reversed_subtract"),
    **dict.fromkeys(("mul", "mul_", "__mul__", "__rmul__", "__imul__"), "multiply"),
    **dict.fromkeys(("div", "div_", "__truediv__", "true_divide"), "divide"),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "feature_dropout"), "dropout"),
    **dict.fromkeys(("matmul", "__matmul__", "mm"), "matmul"),
    **dict.fromkeys(_CASTS, "cast"),
    **dict.fromkeys(("sigmoid",), "sigmoid"),
}


def _name(func):
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        return resolve_name(func).split(".")[-2]
    return name


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)


def _moving(value):
    return isinstance(value, torch.Tensor) and value.requires_grad


def _is_gate(value):
    return getattr(value, "_is_gate", False)


def _is_question(out):
    """Comparisons, indices and the like: they steer, and carry no signal."""
    return not any(t.is_floating_point() or t.is_complex() for t in _tensors(out))


def _lost(out):
    found = [t for t in _tensors(out) if t.is_floating_point() or t.is_complex()]
    return bool(found) and not all(t.requires_grad or _is_gate(t) for t in found)
