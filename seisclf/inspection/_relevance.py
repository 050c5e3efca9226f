"""Layer-wise relevance of events: what in the waveform speaks for a class, and what against."""

import numbers

import numpy as np
import torch
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from ..neural_network import NeuralEstimator
from ._lrp import propagate_relevance, working_copy
from ._lrp_layers import RuleSettings
from ._relevance_networks import explained_network
from ._relevance_result import Relevance

__all__ = ["layerwise_relevance"]

_QUANTITIES = ("logit", "contrast")


def layerwise_relevance(
    estimator,
    X,
    *,
    target=None,
    rule="epsilon",
    space="input",
    explain="logit",
    epsilon=1e-7,
    gamma=0.25,
    alpha=2.0,
    bias="absorb",
    span=None,
    components=None,
    batch_size=32,
    dtype=None,
):
    """Divide the logit of a class among the cells of what the network sees.

    Layer-wise relevance propagation [1]_ goes back from the logit, layer by layer; each neuron
    divides its relevance among its inputs in proportion to what they contributed. Cells that
    speak for the class become positive, cells that speak against it negative, and apart from
    what biases keep, their sum is the logit.

    Parameters
    ----------
    estimator : NeuralEstimator or Pipeline
        A fitted classifier of ours, or a pipeline that ends in one, whose other steps are applied
        to `X`.
    X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
        Waveforms, as for ``estimator.predict``.
    target : label or array-like of shape (n_events,), optional
        The class that is explained: one for all events or one for each. Default: the one that is
        predicted.
    rule : {"epsilon", "zero", "gamma", "alpha_beta", "z_plus"} or dict, default="epsilon"
        How neurons divide their relevance. "epsilon": in proportion to ``x w``, with a small
        number in the denominator, as in [2]_; "zero": without it, which is gradient times input
        in these networks. "gamma": what speaks for the neuron counts ``1 + gamma`` times.
        "alpha_beta": what speaks for it shares `alpha` times its relevance, what speaks against
        it ``1 - alpha`` times. "z_plus": only what speaks for it, i.e. alpha 1. A dictionary
        gives rules by layer: keys are "conv", "dense", or patterns of paths in the module, and
        the first that fits counts, as in ``{"blocks.0.*": "gamma", "*": "epsilon"}``.
    space : {"input", "waveform"}, default="input"
        Whether relevance ends at the map that the network sees, or goes on to the waveform as it
        is normalised: cells pass it to samples in proportion to what these contribute to the
        magnitude; what magnitudes and waveforms are divided by counts as a constant.
    explain : {"logit", "contrast"}, default="logit"
        "contrast" explains the logit less the mean of those of the other classes: what makes the
        event this and nothing else.
    epsilon : float, default=1e-7
        Size of the stabiliser of "epsilon" and "gamma", in units of a layer's output.
    gamma : float, default=0.25
        Of "gamma".
    alpha : float, default=2.0
        Of "alpha_beta".
    bias : {"absorb", "distribute"}, default="absorb"
        "absorb": the part of a neuron's output that is its bias belongs to no cell and stays
        with it. "distribute": that part (and the stabiliser's) is divided among the neuron's
        inputs in proportion to ``|x w|``, so that the map sums to the logit whatever the biases.
    span : tuple of float, optional
        For RockNet, whose classes are functions over time: the first and last second of the part
        of the mask that is explained. Default: the whole window.
    components : str or sequence of str, optional
        Names of the channels. Default: those of the estimator, "ZNE" for three channels.
    batch_size : int, default=32
        Events that are explained at once.
    dtype : {"float32", "float64"}, optional
        Precision of the arithmetic. Default: that of the network. Double precision leaves a
        balance of 1e-12 where single precision leaves 1e-6.

    Returns
    -------
    relevance : Relevance
        Maps with axes, and the balance of each event.

    Raises
    ------
    TypeError
        If `estimator` is no network of ours, or has layers that relevance cannot pass: they are
        named.
    ValueError
        If `target` is no class, or a parameter cannot be used.

    See Also
    --------
    RelevanceDisplay : The maps as a picture.
    relevance_of : The same for any torch module.
    forest_contributions : Contributions of features to a forest's probabilities.

    Notes
    -----
    With relevance ``R`` of the cells and the explained number ``f`` of an event,
    ``conservation_error`` is ``(sum(R) - f) / |f|``. ``bias_share`` and ``epsilon_share`` are the
    relevance that biases (including those of batch normalisation, which is folded into the layer
    before it) and the stabiliser kept, over ``|f|``. They are counted where they occur, so that
    ``unaccounted``, the sum of the three, tells the rounding; anything else in it is an error.

    Maximum pooling passes all relevance to the largest value, sums divide it in proportion to
    their terms, and gates (a sigmoid that multiplies a map, in RockNet) count as constants: all
    relevance goes to what they let through. RockNet's explained number is the mean over time of
    the mask's logit less that of its absence; its relevance belongs to the waveform's z-score
    and, in the space "input", also to the spectrogram (``more``).

    References
    ----------
    .. [1] Bach, S. et al. (2015). On pixel-wise explanations for non-linear classifier decisions
       by layer-wise relevance propagation. PLoS ONE 10(7), e0130140.
    .. [2] Montavon, G. et al. (2019). Layer-wise relevance propagation: an overview. In:
       Explainable AI, Springer, 193-209.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events
    >>> from seisclf.inspection import layerwise_relevance
    >>> from seisclf.neural_network import STFTCNNClassifier
    >>> X, y = make_seismic_events(24, n_samples=500, random_state=0, return_X_y=True)
    >>> net = STFTCNNClassifier(n_filters=(4, 4), n_hidden=8, max_epochs=2, random_state=0)
    >>> found = layerwise_relevance(net.fit(X, y), X[:2], bias="distribute")
    >>> found.relevance.shape == net.spectrogram(X[:2])[2].shape
    True
    >>> bool(abs(found.conservation_error).max() < 1e-3)
    True
    """
    network, X = last_step(estimator, X)
    settings = RuleSettings(rule, epsilon, gamma, alpha, bias)
    _check_choices(explain, batch_size, dtype)
    dataset = network._event_dataset(network._validate_input(X))
    wanted = _codes(network, target, len(dataset))
    dtype = getattr(torch, network.dtype if dtype is None else dtype)
    device = network._inference_device()
    module = working_copy(network.net_.module_, dtype, device)
    explained = explained_network(module, network, space, span)
    _check_columns(explained.columns, network, wanted)

    batches = []
    for first in range(0, len(dataset), batch_size):
        part = slice(first, min(first + batch_size, len(dataset)))
        x = torch.as_tensor(dataset.batch(part)[0]).to(device, dtype)
        asked = None if wanted is None else torch.as_tensor(wanted[part], device=device)
        batches.append(_explain_batch(explained, x, asked, explain, settings))
    found = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    codes, scores, more = found.pop("code"), found.pop("scores"), found.pop("more", None)
    frequencies, times = explained.axes(found["relevance"].shape)
    rows = np.arange(len(codes))
    finite = np.isfinite(scores).all()  # classes without a function of their own have no score
    return Relevance(
        **found,
        frequencies=frequencies,
        times=times,
        target=network.classes_[codes],
        logit=scores[rows, codes],
        probability=softmax(scores, axis=1)[rows, codes] if finite else np.full(len(rows), np.nan),
        rule=rule,
        space=space,
        explain=explain,
        components=channel_names(network, components, found["relevance"].shape[1]),
        more={} if more is None else _more(explained, more),
    )


def _more(explained, relevance):
    name, frequencies, times = explained.more_axes()
    return {name: {"relevance": relevance, "frequencies": frequencies, "times": times}}


def _explain_batch(explained, x, codes, quantity, settings):
    with torch.no_grad():
        # What leads from the waveform to the map may enlarge rounding errors a thousandfold.
        inputs = explained.inputs(x.double() if explained.space == "waveform" else x)
    chosen = []

    def target(outputs):
        scores = explained.scores(outputs)
        chosen.append(scores.detach().argmax(dim=1) if codes is None else codes)
        return _quantity(scores, chosen[0], quantity)

    found = propagate_relevance(
        explained.module, explained.run, inputs, target, settings, _cast(explained.front, x.dtype)
    )
    size = found.explained.abs()
    arrays = {
        "relevance": found.relevance[0].to(x.dtype),
        "maps": inputs[0].to(x.dtype),
        "explained": found.explained,
        "conservation_error": found.conservation_error,
        "bias_share": found.bias / size,
        "epsilon_share": found.epsilon / size,
        "code": chosen[0],
        "scores": explained.scores(found.outputs).double(),
    }
    if len(found.relevance) > 1:
        # Real and imaginary part of a cell are one cell for whoever looks at it.
        arrays["more"] = found.relevance[1].sum(dim=1, keepdim=True)
    return {name: np.ascontiguousarray(value.cpu().numpy()) for name, value in arrays.items()}


def _cast(front, dtype):
    def cast(*inputs):
        prepared = inputs if front is None else front(*inputs)
        return tuple(x.to(dtype) for x in prepared)

    return cast


def _quantity(scores, codes, quantity):
    """What is explained of each event, of shape (n,)."""
    own = scores.gather(1, codes[:, None])[:, 0]
    if quantity == "logit":
        return own
    others = torch.isfinite(scores).scatter(1, codes[:, None], False)
    n_others = others.sum(dim=1).clamp_min(1)
    return own - torch.where(others, scores, 0.0).sum(dim=1) / n_others


def last_step(estimator, X):
    """The network at the end of a pipeline, and X as it sees it."""
    check_is_fitted(estimator)
    network = estimator
    if hasattr(estimator, "steps"):
        network = estimator[-1]
        X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
    if isinstance(network, NeuralEstimator) and hasattr(network, "classes_"):
        return network, X
    more = ""
    if hasattr(network, "extract_features"):
        more = "; for a forest there is forest_contributions(estimator, X)"
    raise TypeError(
        f"layer-wise relevance needs a classifier from seisclf.neural_network, or a Pipeline that "
        f"ends in one; got {type(network).__name__}{more}"
    )


def channel_names(network, components, n_channels):
    """Names of the channels: as given, as the estimator knows them, or usual ones."""
    given = components is not None
    names = components if given else getattr(network, "components", None)
    names = ("ZNE" if n_channels == 3 else ()) if names is None else names
    if len(names) == n_channels:
        return tuple(map(str, names))
    if given:
        raise ValueError(f"components names {len(names)} channels, but events have {n_channels}")
    return tuple(f"channel {i}" for i in range(n_channels)) if n_channels > 1 else ("",)


def _codes(network, target, n):
    """Columns of the classes that are to be explained, or None for the predicted ones."""
    if target is None:
        return None
    labels = np.asarray(target)
    if labels.ndim > 1 or (labels.ndim == 1 and len(labels) != n):
        raise ValueError(
            f"target must be one label or one for each of the {n} events; got shape {labels.shape}"
        )
    classes = network.classes_.tolist()
    unknown = sorted(set(np.atleast_1d(labels).tolist()) - set(classes), key=str)
    if unknown:
        raise ValueError(f"target has the labels {unknown}; the classes are {classes}")
    code = {label: i for i, label in enumerate(classes)}
    found = np.array([code[label] for label in np.atleast_1d(labels).tolist()], dtype=np.int64)
    return np.broadcast_to(found, n).copy()


def _check_columns(columns, network, wanted):
    """Refuse classes that have no output of their own."""
    if wanted is None or columns is None:
        return
    missing = sorted(set(wanted.tolist()) - set(columns))
    if missing:
        names = network.classes_[missing].tolist()
        raise ValueError(
            f"target names {names}, for which {type(network).__name__} has no mask; explained can "
            f"be {network.classes_[columns].tolist()}"
        )


def _check_choices(explain, batch_size, dtype):
    if explain not in _QUANTITIES:
        raise ValueError(f"explain must be one of {_QUANTITIES}; got {explain!r}")
    if not isinstance(batch_size, numbers.Integral) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}")
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f"dtype must be None, 'float32' or 'float64'; got {dtype!r}")
