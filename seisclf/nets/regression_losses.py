"""Losses of networks that predict a number and how far off it may be."""

import math

import torch
from torch import nn

#: Smallest variance of a scaled target: a standard deviation of a hundredth of the spread.
VARIANCE_FLOOR = 1e-4
#: What softplus turns into one.
_ONE = math.log(math.expm1(1.0))


class GaussianNLL(nn.Module):
    """Negative log likelihood of targets under normal distributions of their own width.

    Parameters
    ----------
    beta : float, default=0.5
        While training, the loss of each event is multiplied by its predicted variance to this
        power, which is not differentiated [1]_. 0 is the plain likelihood, in which events that
        the network believes to be uncertain hardly teach it a better mean, so that they stay
        uncertain; 1 weighs the errors as squared errors do. In evaluation it is always 0.

    Notes
    -----
    Outputs are means and then what `split` turns into variances, both in the unit of the scaled
    targets. An output of 0 is a variance of 1, and no variance is smaller than 1e-4.

    References
    ----------
    .. [1] Seitzer, M., Tavakoli, A., Antic, D. and Martius, G. (2022). On the pitfalls of
       heteroscedastic uncertainty estimation with probabilistic neural networks. ICLR.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.regression_losses import GaussianNLL
    >>> GaussianNLL()(torch.zeros(1, 2), torch.tensor([[2.0]]))
    tensor([[1.9999]])
    """

    def __init__(self, beta=0.5):
        super().__init__()
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie in [0, 1]; got {beta!r}")
        self.beta = beta

    @staticmethod
    def split(outputs):
        """Means and variances, both (n, n_targets), of outputs (n, 2 n_targets)."""
        mean, raw = outputs.chunk(2, dim=1)
        return mean, nn.functional.softplus(raw + _ONE) + VARIANCE_FLOOR

    def forward(self, outputs, target):
        """Losses (n, n_targets), without the constant term, of targets (n, n_targets)."""
        mean, variance = self.split(outputs)
        loss = 0.5 * (variance.log() + (target - mean).square() / variance)
        if self.training and self.beta:
            loss = loss * variance.detach() ** self.beta
        return loss


class VonMisesNLL(nn.Module):
    """Negative log likelihood of angles under von Mises distributions, normal ones of a circle.

    Outputs are a vector for each target, cosine parts first: its direction is that of the mean,
    its length the concentration. In these parameters the loss is convex, and a vector of no
    length, where training begins, says that all angles are alike.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.regression_losses import VonMisesNLL
    >>> target = torch.tensor([[0.6, 0.8]])  # cosine and sine of 53 degrees
    >>> vague, sure = (VonMisesNLL()(k * target, target).item() for k in (0.0, 5.0))
    >>> round(vague, 2), round(sure, 2)
    (0.0, -1.7)
    """

    def forward(self, outputs, target):
        """Losses (n, n_targets), 0 if all angles are alike, of targets (n, 2 n_targets)."""
        (cos, sin), (target_cos, target_sin) = outputs.chunk(2, dim=1), target.chunk(2, dim=1)
        # The root has no slope at zero.
        concentration = torch.sqrt(cos.square() + sin.square() + 1e-12)
        # log I0, of which the exponential part is taken out.
        normalization = torch.special.i0e(concentration).log() + concentration
        return normalization - cos * target_cos - sin * target_sin
