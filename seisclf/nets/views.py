"""What a self-supervised encoder is trained with: views of events, projector, discriminator."""

import torch
from torch import nn

from .crops import neighboring_crops, random_crops
from .encoder import EventEncoder
from .iter_norm import IterNorm
from .self_supervised_losses import (
    barlow_twins_terms,
    batch_correlation_loss,
    covariance_loss,
    event_correlation_loss,
    invariance_loss,
    neighborhood_loss,
    normalized_covariance_loss,
    variance_loss,
)

__all__ = ["OBJECTIVES", "SelfSupervisedLoss", "ViewsNet"]

OBJECTIVES = ("vnibcreg", "vibcreg", "vicreg", "tnc", "barlow_twins")
CROPS = ("neighboring", "random")
DIAGONALS = {"paper": batch_correlation_loss, "code": event_correlation_loss}
#: Weights of invariance, variance and covariance where none are given.
PUBLISHED_WEIGHTS = {
    "vnibcreg": (10.0, 10.0, 10.0),
    "vibcreg": (10.0, 10.0, 10.0),
    "vicreg": (25.0, 25.0, 1.0),
}
#: Objectives that tell neighboring crops from distant ones.
WITH_NEIGHBORS = ("vnibcreg", "tnc")


class ViewsNet(nn.Module):
    """One channel of an event, or two, in; embeddings of its crops and what the loss needs out.

    The first view is a crop of the first channel, the second one of the last channel: with one
    channel, of the same. An encoder of one channel embeds the crops. A projector of three layers
    takes the two views to where invariance, variance and covariance are measured; a discriminator
    tells pairs of neighbors from others.

    Each crop passes the encoder by itself, as in the published code, so that batch normalisation
    sees the statistics of one view at a time. One pass over all crops would normalise the views
    together, and distant crops would change the embeddings of the near ones.

    Parameters
    ----------
    objective : {"vnibcreg", "vibcreg", "vicreg", "tnc", "barlow_twins"}
        "tnc" has no projector; only "tnc" and "vnibcreg" have a discriminator. The projections of
        "vnibcreg" and "vibcreg" end with `IterNorm`, the others' with the last linear layer.
    crop : {"neighboring", "random"}, default="neighboring"
        See `seisclf.nets.crops`.
    crop_width : float, default=0.1
        Part of the width of the pictures.
    n_projector : int, default=4096
        Units of each layer of the projector.
    n_groups, n_iterations : int, default=64, 5
        Of `IterNorm`.
    **settings : dict
        The parameters of `EventEncoder`, without `in_channels`.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.views import ViewsNet
    >>> net = ViewsNet("vnibcreg", n_projector=16, shape=(2000,), size=32, width=2)
    >>> outputs = net(torch.randn(4, 2, 2000))
    >>> sorted(outputs)
    ['far', 'far_logit', 'first', 'near_logit', 'second', 'z_first', 'z_second']
    >>> outputs["first"].shape, outputs["z_first"].shape, outputs["near_logit"].shape
    (torch.Size([4, 16]), torch.Size([4, 16]), torch.Size([4]))
    """

    def __init__(
        self,
        objective,
        *,
        crop="neighboring",
        crop_width=0.1,
        n_projector=4096,
        n_groups=64,
        n_iterations=5,
        **settings,
    ):
        super().__init__()
        self.crop, self.crop_width = crop, crop_width
        self.encoder = EventEncoder(in_channels=1, **settings)
        n_features = self.encoder.n_features
        self.projector = None
        if objective != "tnc":
            whiten = objective in ("vnibcreg", "vibcreg")
            last = [IterNorm(n_projector, n_groups, n_iterations)] if whiten else []
            self.projector = _projector(n_features, n_projector, last)
        self.discriminator = _discriminator(n_features) if objective in WITH_NEIGHBORS else None

    def forward(self, x):
        """Embed and project crops of events (n, 1 or 2, ...).

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            One or two channels of each event.

        Returns
        -------
        outputs : dict of torch.Tensor
            ``first, second`` (n, n_features) and, with a discriminator, ``far``: embeddings of the
            crops. ``z_first, z_second`` (n, n_projector): projections. ``near_logit, far_logit``
            (n,): what the discriminator says of the pairs (first, second) and (first, far).
        """
        pictures = self.encoder.pictures(x)
        crops = self._crops(pictures[:, :1], pictures[:, -1:])
        outputs = {name: self.encoder.encode(crop) for name, crop in crops.items()}
        first, second = outputs["first"], outputs["second"]
        if self.projector is not None:
            outputs |= {"z_first": self.projector(first), "z_second": self.projector(second)}
        if self.discriminator is not None:
            pairs = [torch.cat([first, other], dim=1) for other in (second, outputs["far"])]
            logits = self.discriminator(torch.cat(pairs)).squeeze(1)
            outputs["near_logit"], outputs["far_logit"] = logits.chunk(2)
        return outputs

    def _crops(self, first, second):
        if self.crop == "random":
            first, second = random_crops(first, second, self.crop_width)
            return {"first": first, "second": second}
        reference, near, far = neighboring_crops(first, second, self.crop_width)
        crops = {"first": reference, "second": near}
        return crops if self.discriminator is None else crops | {"far": far}


class SelfSupervisedLoss(nn.Module):
    """Weighted sum of the terms of an objective, of what `ViewsNet` puts out.

    Parameters
    ----------
    objective : {"vnibcreg", "vibcreg", "vicreg", "tnc", "barlow_twins"}
        Which terms there are.
    invariance_weight, variance_weight, covariance_weight : float, optional
        By default 25, 25 and 1 for "vicreg", 10, 10 and 10 for "vibcreg" and "vnibcreg".
    tnc_weight : float, default=13.0
        Of the discriminator's loss and the diagonal term; for "vnibcreg".
    diagonal : {"paper", "code"} or None, default="paper"
        `batch_correlation_loss`, `event_correlation_loss` or no such term; for "vnibcreg".
    redundancy_weight : float, default=0.0051
        For "barlow_twins".

    Attributes
    ----------
    weights : dict of str to float
        Weight of each term.

    Examples
    --------
    >>> from seisclf.nets.views import SelfSupervisedLoss
    >>> SelfSupervisedLoss("vnibcreg").weights
    {'invariance': 10.0, 'variance': 10.0, 'covariance': 10.0, 'tnc': 13.0, 'diagonal': 13.0}
    """

    def __init__(
        self,
        objective,
        *,
        invariance_weight=None,
        variance_weight=None,
        covariance_weight=None,
        tnc_weight=13.0,
        diagonal="paper",
        redundancy_weight=0.0051,
    ):
        super().__init__()
        self.weights: dict[str, float] = {}
        if objective == "barlow_twins":
            self.weights = {"invariance": 1.0, "redundancy": redundancy_weight}
        elif objective in PUBLISHED_WEIGHTS:
            given = (invariance_weight, variance_weight, covariance_weight)
            names = ("invariance", "variance", "covariance")
            for name, own, published in zip(
                names, given, PUBLISHED_WEIGHTS[objective], strict=True
            ):
                self.weights[name] = published if own is None else own
        if objective == "tnc":
            self.weights["tnc"] = 1.0
        if objective == "vnibcreg":
            self.weights["tnc"] = tnc_weight
            if diagonal is not None:
                self.weights["diagonal"] = tnc_weight
        self.covariance = covariance_loss if objective == "vicreg" else normalized_covariance_loss
        self.diagonal = DIAGONALS.get(diagonal)

    def terms(self, outputs):
        """Each term, without its weight.

        Parameters
        ----------
        outputs : dict of torch.Tensor
            Of `ViewsNet`.

        Returns
        -------
        terms : dict of str to torch.Tensor
            One number each. Variance and covariance are sums over the two views.
        """
        terms = {}
        if "redundancy" in self.weights:
            both = barlow_twins_terms(outputs["z_first"], outputs["z_second"])
            terms["invariance"], terms["redundancy"] = both
        elif "invariance" in self.weights:
            first, second = outputs["z_first"], outputs["z_second"]
            terms["invariance"] = invariance_loss(first, second)
            terms["variance"] = variance_loss(first) + variance_loss(second)
            terms["covariance"] = self.covariance(first) + self.covariance(second)
        if "tnc" in self.weights:
            terms["tnc"] = neighborhood_loss(outputs["near_logit"], outputs["far_logit"])
        if self.diagonal is not None and "diagonal" in self.weights:
            terms["diagonal"] = self.diagonal(outputs["first"], outputs["second"], outputs["far"])
        return terms

    def total(self, terms):
        """Weighted sum of `terms`, one number."""
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()

    def forward(self, outputs, target=None):
        """Loss of a batch, one number; there is no target."""
        return self.total(self.terms(outputs))


def neighbor_accuracy(outputs):
    """Parts of the pairs that the discriminator gets right, near and far ones.

    Parameters
    ----------
    outputs : dict of torch.Tensor
        Of `ViewsNet` with a discriminator.

    Returns
    -------
    near, far : torch.Tensor
        Between 0 and 1.
    """
    near = (outputs["near_logit"].detach() > 0).double().mean()
    far = (outputs["far_logit"].detach() < 0).double().mean()
    return near, far


def _projector(n_features, n_projector, last):
    layers: list[nn.Module] = []
    for n_inputs in (n_features, n_projector):
        layers += [nn.Linear(n_inputs, n_projector), nn.BatchNorm1d(n_projector), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(n_projector, n_projector), *last)


def _discriminator(n_features):
    first, last = nn.Linear(2 * n_features, 4 * n_features), nn.Linear(4 * n_features, 1)
    for layer in (first, last):
        nn.init.xavier_uniform_(layer.weight)
    return nn.Sequential(first, nn.ReLU(), nn.Dropout(0.5), last)
