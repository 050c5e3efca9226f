"""Layer-wise relevance propagation through torch modules: audit, run, balance."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from ..nets.layers import ConvUnit
from ._lrp_audit import check_modules
from ._lrp_layers import Ledger, RuleSettings
from ._lrp_mode import Refused, RelevanceMode

__all__ = ["ModuleRelevance", "relevance_of", "working_copy"]


@dataclass(frozen=True)
class ModuleRelevance:
    """Relevance of a batch, and what became of the rest.

    Parameters
    ----------
    relevance : tuple of torch.Tensor
        One for each input, of its shape.
    explained : torch.Tensor of float64 of shape (n,)
        What was explained of each event, such as a logit.
    outputs : torch.Tensor or tuple of torch.Tensor
        All that the module returned.
    bias, epsilon : torch.Tensor of float64 of shape (n,)
        What biases and the stabiliser kept.
    """

    relevance: tuple
    explained: torch.Tensor
    outputs: object
    bias: torch.Tensor
    epsilon: torch.Tensor

    @property
    def total(self):
        """Sum of the relevance of each event over all inputs, float64 of shape (n,)."""
        return sum(r.flatten(1).sum(dim=1, dtype=torch.float64) for r in self.relevance)

    @property
    def conservation_error(self):
        """Relevance that is missing (< 0) or too much, over the size of what was explained."""
        return (self.total - self.explained) / self.explained.abs()

    @property
    def unaccounted(self):
        """The part of the error that neither biases nor the stabiliser explain: rounding."""
        balance = self.total + self.bias + self.epsilon - self.explained
        return balance / self.explained.abs()


def relevance_of(
    module,
    *inputs,
    target,
    rule="epsilon",
    epsilon=1e-7,
    gamma=0.25,
    alpha=2.0,
    bias="absorb",
    dtype=None,
):
    """Explain an output of a torch module by the relevance of its inputs.

    Parameters
    ----------
    module : torch.nn.Module
        Any network of supported layers. It is not changed.
    *inputs : torch.Tensor of shape (n, ...)
        What ``module(*inputs)`` takes, events along the first axis.
    target : int, array-like of int of shape (n,) or callable
        Which of the outputs of shape (n, n_outputs) is explained; or a function from what the
        module returns to one number for each event, linear and without constant, as the mean of
        some outputs, for relevance to be conserved.
    rule : {"zero", "epsilon", "gamma", "alpha_beta", "z_plus"} or dict, default="epsilon"
        See `layerwise_relevance`.
    epsilon, gamma, alpha : float
        Constants of the rules.
    bias : {"absorb", "distribute"}, default="absorb"
        See `layerwise_relevance`.
    dtype : torch.dtype, optional
        Precision of the arithmetic. Default: that of the inputs.

    Returns
    -------
    found : ModuleRelevance
        Relevance and balance.

    Raises
    ------
    TypeError
        If the module has layers, or calls functions, through which relevance has no way.
    ValueError
        If a parameter cannot be used.

    Examples
    --------
    >>> import torch
    >>> from seisclf.inspection import relevance_of
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> net.weight.data = torch.tensor([[2.0, -1.0]])
    >>> found = relevance_of(net, torch.tensor([[3.0, 1.0]]), target=0, rule="zero")
    >>> found.relevance[0]
    tensor([[ 6., -1.]])
    >>> found.explained
    tensor([5.], dtype=torch.float64)
    """
    settings = RuleSettings(rule, epsilon, gamma, alpha, bias)
    dtype = inputs[0].dtype if dtype is None else dtype
    check_modules(module)
    copied = working_copy(module, dtype)
    given = [x.detach().to(dtype) for x in inputs]
    return propagate_relevance(copied, copied, given, target, settings)


def working_copy(module, dtype=None, device=None):
    """A copy in evaluation mode that shares weights, but neither gradients nor hooks.

    Where batch normalisation follows a convolution by construction, it is folded here already;
    elsewhere it is when both are seen to follow each other.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is.
    dtype : torch.dtype, optional
        Precision of the copy; weights are copied only if it differs.
    device : torch.device, optional
        Where the copy is.

    Returns
    -------
    copied : torch.nn.Module
        For `propagate_relevance`.
    """
    shared = {}
    for parameter in module.parameters():
        shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    for buffer in module.buffers():
        shared[id(buffer)] = buffer.detach()
    copied = copy.deepcopy(module, shared).eval().to(device=device, dtype=dtype)
    for part in copied.modules():
        if isinstance(part, ConvUnit):
            part.fold()
    return copied


def propagate_relevance(module, run, inputs, target, settings, front=None):
    """`relevance_of` for a working copy.

    Parameters
    ----------
    module : torch.nn.Module
        Whose parts are named by their paths.
    run : callable
        ``run(*inputs)``; the module, or a method of it.
    inputs : list of torch.Tensor of shape (n, ...)
        Inputs.
    target : int, array of int or callable
        See `relevance_of`.
    settings : RuleSettings
        Rules.
    front : callable, optional
        ``front(*inputs)`` makes a tuple of what `run` takes. It is not looked at: its gradient
        must be relevance over activation already.

    Returns
    -------
    found : ModuleRelevance
        Relevance and balance.
    """
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    ledger = Ledger(len(leaves[0]))
    with torch.enable_grad():
        # Clones: a network that works in place must not write into the leaves.
        given = tuple(leaf.clone() for leaf in leaves)
        given = given if front is None else front(*given)
        try:
            with RelevanceMode(module, settings, ledger):
                outputs = run(*given)
        except Refused as refused:
            raise TypeError(str(refused)) from None
        explained = _explained(outputs, target)
        if not explained.requires_grad:
            raise TypeError(
                f"what is explained of {type(module).__name__} does not depend on its input by a "
                f"way that relevance can take: gates count as constants"
            )
        passed = torch.autograd.grad(explained.sum(), leaves, allow_unused=True)
    relevance = tuple(
        torch.zeros_like(leaf) if c is None else (leaf.detach() * c)
        for leaf, c in zip(leaves, passed, strict=True)
    )
    return ModuleRelevance(
        relevance,
        explained.detach().double(),
        _detached(outputs),
        ledger.total("bias"),
        ledger.total("epsilon"),
    )


def _explained(outputs, target):
    if callable(target):
        explained = target(outputs)
        if explained.ndim != 1:
            raise ValueError(
                f"target must return one number for each event, of shape (n,); got "
                f"{tuple(explained.shape)}"
            )
        return explained
    if not isinstance(outputs, torch.Tensor) or outputs.ndim != 2:
        raise ValueError(
            "the module does not return outputs of shape (n, n_outputs): give as target a "
            "function that makes one number for each event of what it returns"
        )
    columns = torch.as_tensor(target, device=outputs.device).expand(len(outputs))
    return outputs.gather(1, columns.long()[:, None])[:, 0]


def _detached(outputs):
    if isinstance(outputs, torch.Tensor):
        return outputs.detach()
    return tuple(_detached(out) for out in outputs)
