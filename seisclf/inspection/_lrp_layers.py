"""How relevance passes a layer: the rules of layer-wise relevance propagation.

What is carried backwards is relevance over activation, ``c = R / a``. In these terms a layer that
is linear without bias passes ``c`` as it passes a gradient, so that autograd does the work; a rule
is another layer with the same output, whose gradient is what the rule says.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch

RULES = ("zero", "epsilon", "gamma", "alpha_beta", "z_plus")


@dataclass(frozen=True)
class RuleSettings:
    """Which rule holds where, and the constants of the rules.

    Parameters
    ----------
    rule : str or dict of str to str
        One of `RULES`; or rules by layer: keys are "dense", "conv", paths of modules or patterns
        of them, as in ``{"blocks.0.*": "gamma", "*": "epsilon"}``. The first key that fits counts.
    epsilon, gamma, alpha : float
        Of "epsilon" and "gamma"; of "gamma"; of "alpha_beta" (beta is alpha - 1).
    bias : {"absorb", "distribute"}
        What becomes of the relevance of biases.
    """

    rule: str | dict = "epsilon"
    epsilon: float = 1e-7
    gamma: float = 0.25
    alpha: float = 2.0
    bias: str = "absorb"

    def __post_init__(self):
        for rule in self.rule.values() if isinstance(self.rule, dict) else [self.rule]:
            if rule not in RULES:
                raise ValueError(f"rule must be one of {RULES}, or a dict of them; got {rule!r}")
        if self.bias not in ("absorb", "distribute"):
            raise ValueError(f"bias must be 'absorb' or 'distribute'; got {self.bias!r}")
        if not (self.epsilon >= 0 and self.gamma >= 0 and self.alpha >= 1):
            raise ValueError(
                f"epsilon and gamma must be at least 0 and alpha at least 1; got "
                f"epsilon={self.epsilon!r}, gamma={self.gamma!r}, alpha={self.alpha!r}"
            )

    def rule_for(self, path, kind):
        """Rule of the layer of this kind in the module of this path."""
        if not isinstance(self.rule, dict):
            return self.rule
        for key, rule in self.rule.items():
            if key == kind or fnmatchcase(path, key):
                return rule
        raise ValueError(
            f"rule={self.rule!r} says nothing about the layer {path!r} ({kind}): add a key '*' "
            f"for all others"
        )


class Ledger:
    """What each event's relevance lost on the way: to biases, to epsilon, to gaps.

    Parameters
    ----------
    n : int
        Events in the batch.
    """

    def __init__(self, n):
        self.n = n
        self.absorbed = {}

    def add(self, name, amount, factor=1.0):
        """Book `amount` times `factor`, a tensor whose first axis is that of the events."""
        if amount.shape[0] != self.n:
            if amount.shape[0] % self.n:
                raise ValueError(
                    f"a layer saw {amount.shape[0]} rows for {self.n} events: events must stay "
                    f"the first axis, so that relevance can be counted for each"
                )
            amount = amount.reshape(self.n, -1)
        if amount.ndim > 2:
            amount = amount.sum(dim=tuple(range(2, amount.ndim)))
        sums = factor * amount.double().sum(dim=1)
        self.absorbed[name] = self.absorbed.get(name, 0.0) + sums

    def total(self, name):
        """What was booked under `name`, of shape (n,)."""
        return self.absorbed.get(name, torch.zeros(self.n, dtype=torch.float64))


@dataclass(frozen=True)
class Layer:
    """A linear layer: how it multiplies, by which weights, and what it adds.

    Parameters
    ----------
    product : callable
        ``product(x, weight)`` without bias.
    weight : torch.Tensor
        Weights.
    bias : torch.Tensor or None
        Of as many axes as the output or fewer, as broadcasting wants it.
    """

    product: object
    weight: torch.Tensor
    bias: torch.Tensor | None

    def scaled(self, factor, shift, channel_axis):
        """This layer and an affine one after it, as one."""
        weight = self.weight * factor.reshape(-1, *(1,) * (self.weight.ndim - 1))
        n_after = -channel_axis - 1
        factor, shift = (v.reshape(-1, *(1,) * n_after) for v in (factor, shift))
        bias = shift if self.bias is None else self.bias * factor + shift
        return Layer(self.product, weight, bias)


def propagate(layer, x, out, rule, settings, ledger):
    """The layer's output, with a gradient that is the rule's.

    Parameters
    ----------
    layer : Layer
        What is to be explained.
    x : torch.Tensor
        Its input.
    out : torch.Tensor
        Its output, with the gradient that autograd knows.
    rule : str
        One of `RULES`.
    settings : RuleSettings
        Constants.
    ledger : Ledger
        Where losses are booked.

    Returns
    -------
    z : torch.Tensor
        The output.
    """
    z = out.detach()
    if rule == "epsilon" and settings.bias == "absorb" and settings.epsilon > 0:
        size = z.abs().add_(settings.epsilon)
        signed = torch.div(z, size, out=size)
        return _Stabilised.apply((z, signed, layer.bias, settings.epsilon, ledger), out)
    parts = _PARTS[rule](layer, x, out, z, settings)
    if settings.bias == "distribute":
        parts = _distributed(layer, x, z, parts)
    return _Substitute.apply((z, parts, ledger), *(part.product for part in parts))


class _Stabilised(torch.autograd.Function):
    """The rule "epsilon", which most networks are explained by, in as few passes as it takes."""

    @staticmethod
    def forward(ctx, given, out):
        z, ctx.signed, ctx.bias, ctx.epsilon, ctx.ledger = given
        return z

    @staticmethod
    def backward(ctx, c):
        # z / (|z| + epsilon): its size is the scale, its sign tells whom the stabiliser helped.
        kept = c * ctx.signed
        ctx.ledger.add("epsilon", kept, ctx.epsilon)
        back = torch.mul(c, ctx.signed.abs_(), out=kept)
        if ctx.bias is not None:
            ctx.ledger.add("bias", _times(back, ctx.bias))
        return None, back


@dataclass
class _Part:
    """One share of a rule: ``c`` times `scale` goes back through `product`."""

    product: torch.Tensor
    scale: torch.Tensor | None = None  # None: one
    bias: torch.Tensor | None = None  # per unit of what goes back, the share of the bias
    leak: torch.Tensor | None = None  # per unit of c, what goes nowhere


class _Substitute(torch.autograd.Function):
    """Forward the output of a layer, backward the parts of its rule."""

    @staticmethod
    def forward(ctx, given, *products):
        z, parts, ctx.ledger = given
        # Without the products: nothing but what the backward pass needs is kept.
        ctx.parts = [(part.scale, part.bias, part.leak) for part in parts]
        return z

    @staticmethod
    def backward(ctx, c):
        passed = []
        for scale, bias, leak in ctx.parts:
            back = c if scale is None else c * scale
            if bias is not None:
                ctx.ledger.add("bias", _times(back, bias))
            if leak is not None:
                ctx.ledger.add("epsilon", c * leak)
            passed.append(back)
        return None, *passed


def _times(c, bias):
    """Products with a bias that is one number per channel, without a tensor of that size."""
    if bias.ndim == 1:
        return c * bias
    if bias.ndim == c.ndim - 1 and bias.numel() == len(bias):
        return c.sum(dim=tuple(range(2, c.ndim))) * bias.flatten()
    return c * bias


def _zero(layer, x, out, z, settings):
    return [_Part(out, bias=layer.bias)]


def _epsilon(layer, x, out, z, settings):
    if settings.epsilon == 0:
        return _zero(layer, x, out, z, settings)
    size = z.abs()
    scale = size.div_(size + settings.epsilon)
    return [_Part(out, scale, layer.bias, torch.copysign(scale * settings.epsilon, z))]


def _signed(layer, x):
    """Products of what is for the output, and of what is against it."""
    for_it, against = layer.weight.clamp_min(0), layer.weight.clamp_max(0)
    if bool((x >= 0).all()):
        return layer.product(x, for_it), layer.product(x, against)
    up, down = x * (x > 0), x * (x < 0)
    return (
        layer.product(up, for_it) + layer.product(down, against),
        layer.product(up, against) + layer.product(down, for_it),
    )


def _signed_bias(layer):
    if layer.bias is None:
        return None, None
    return layer.bias.clamp_min(0), layer.bias.clamp_max(0)


def _plus(a, b):
    return a if b is None else a + b


def _gamma(layer, x, out, z, settings):
    # For an output below zero, it is what speaks against it that is favoured.
    positive, negative = _signed(layer, x)
    bias_up, bias_down = _signed_bias(layer)
    up = z > 0
    with torch.no_grad():
        favoured = torch.where(up, _plus(positive, bias_up), _plus(negative, bias_down))
        whole = z + settings.gamma * favoured
        size = whole.abs()
        scale = z / torch.copysign(size + settings.epsilon, whole)
        scale = torch.where(whole == 0, 0.0, scale)
        leak = z - scale * whole
    more = settings.gamma * scale
    return [
        _Part(out, scale, layer.bias, leak),
        _Part(positive, more * up, bias_up),
        _Part(negative, more * ~up, bias_down),
    ]


def _alpha_beta(layer, x, out, z, settings, alpha=None):
    alpha = settings.alpha if alpha is None else alpha
    positive, negative = _signed(layer, x)
    bias_up, bias_down = _signed_bias(layer)
    with torch.no_grad():
        up, down = _plus(positive.detach(), bias_up), _plus(negative.detach(), bias_down)
        # Where all speaks for (or against) the output, all relevance goes there.
        share = torch.where(down == 0, 1.0, torch.where(up == 0, 0.0, alpha))
        scale_up = torch.where(up == 0, 0.0, share * z / up)
        scale_down = torch.where(down == 0, 0.0, (1 - share) * z / down)
        leak = z - scale_up * up - scale_down * down
    return [
        _Part(positive, scale_up, bias_up, leak),
        _Part(negative, scale_down, bias_down),
    ]


def _z_plus(layer, x, out, z, settings):
    return _alpha_beta(layer, x, out, z, settings, alpha=1.0)


def _distributed(layer, x, z, parts):
    """Give what biases and epsilon would keep to the inputs, in proportion to |x w|."""
    with torch.no_grad():
        kept = torch.zeros_like(z)
        for part in parts:
            if part.bias is not None:
                kept += part.bias if part.scale is None else part.scale * part.bias
            if part.leak is not None:
                kept += part.leak
    size = layer.product(x * x.detach().sign(), layer.weight.abs())
    with torch.no_grad():
        scale = torch.where(size == 0, 0.0, kept / size)
        leak = torch.where(size == 0, kept, 0.0)
    shares = [_Part(part.product, part.scale) for part in parts]
    return [*shares, _Part(size, scale, leak=leak)]


_PARTS = {
    "zero": _zero,
    "epsilon": _epsilon,
    "gamma": _gamma,
    "alpha_beta": _alpha_beta,
    "z_plus": _z_plus,
}
