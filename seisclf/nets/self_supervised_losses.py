r"""Losses that need no labels, as pure functions of embeddings.

Rows are events (n of them), columns features (F). A batch has at least two rows. Constant columns
(a collapsed network) give finite values and gradients everywhere.
"""

from torch.nn import functional

__all__ = [
    "barlow_twins_loss",
    "barlow_twins_terms",
    "batch_correlation_loss",
    "covariance_loss",
    "event_correlation_loss",
    "invariance_loss",
    "neighborhood_loss",
    "normalized_covariance_loss",
    "variance_loss",
]

# A column shorter than this is divided by it: what does not vary, correlates with nothing.
_SHORTEST = 1e-6


def invariance_loss(first, second, reduction="mean"):
    r"""Mean squared difference of two views of the same events.

    .. math:: s(Z, Z') = \frac{1}{n} \sum_b \lVert z_b - z'_b \rVert_2^2
              \quad\text{("sum"; eq. 3 of [1]_)}

    Parameters
    ----------
    first, second : torch.Tensor of shape (n, F)
        Projections of the two views.
    reduction : {"mean", "sum"}, default="mean"
        Over the features. The equation has the sum; the published codes of [1]_ and [2]_ take the
        mean, with which the published weights (10 or 25) were used. "sum" is F times as much.

    Returns
    -------
    loss : torch.Tensor
        One number.

    Raises
    ------
    ValueError
        If `reduction` is neither.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). VNIbCReg: VICReg with
       neighboring-invariance and better-covariance evaluated on non-stationary seismic signal
       time series. arXiv:2204.02697
    .. [2] Bardes, A., Ponce, J. and LeCun, Y. (2021). VICReg: variance-invariance-covariance
       regularization for self-supervised learning. arXiv:2105.04906

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import invariance_loss
    >>> invariance_loss(torch.zeros(3, 4), torch.ones(3, 4), reduction="sum")
    tensor(4.)
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum'; got {reduction!r}")
    loss = functional.mse_loss(first, second)
    return loss * first.shape[1] if reduction == "sum" else loss


def variance_loss(z, gamma=1.0, eps=1e-4):
    r"""Hinge that keeps the standard deviation of each feature above `gamma`.

    .. math:: v(Z) = \frac{1}{F} \sum_f
              \mathrm{ReLU}\left(\gamma - \sqrt{\mathrm{Var}(Z_f) + \epsilon}\right)

    (eq. 4 of arXiv:2204.02697, eq. 1 of VICReg, arXiv:2105.04906.)

    Parameters
    ----------
    z : torch.Tensor of shape (n, F)
        Projections of one view.
    gamma : float, default=1.0
        Standard deviation to reach.
    eps : float, default=1e-4
        Added to the variance (with n - 1), so that the root has a gradient at zero.

    Returns
    -------
    loss : torch.Tensor
        One number in [0, gamma].

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import variance_loss
    >>> round(variance_loss(torch.ones(8, 4)).item(), 4)  # collapsed
    0.99
    """
    return functional.relu(gamma - (z.var(dim=0) + eps).sqrt()).mean()


def covariance_loss(z):
    r"""Squares of the covariances between features.

    .. math:: c(Z) = \frac{1}{F} \sum_{i \neq j} C(Z)_{ij}^2, \qquad
              C(Z) = \frac{1}{n - 1} \sum_b (z_b - \bar z)(z_b - \bar z)^T

    (eqs. 3 and 4 of VICReg, arXiv:2105.04906.)

    Parameters
    ----------
    z : torch.Tensor of shape (n, F)
        Projections of one view.

    Returns
    -------
    loss : torch.Tensor
        One number.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import covariance_loss
    >>> covariance_loss(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))  # both covariances are 2
    tensor(4.)
    """
    centred = (z - z.mean(dim=0)) / (len(z) - 1) ** 0.5
    return _off_diagonal(centred, centred) / z.shape[1]


def normalized_covariance_loss(z):
    r"""Squares of the correlations between features, whatever their scale.

    .. math:: c(Z) = \frac{1}{F^2} \sum_{i \neq j} C(Z)_{ij}^2, \qquad
              C(Z) = \left(\frac{Z - \bar Z}{\lVert Z - \bar Z \rVert_2}\right)^T
              \left(\frac{Z - \bar Z}{\lVert Z - \bar Z \rVert_2}\right)

    with each column divided by its own norm (eqs. 5 and 6 of arXiv:2204.02697; VIbCReg,
    arXiv:2109.00783).

    Parameters
    ----------
    z : torch.Tensor of shape (n, F)
        Projections of one view.

    Returns
    -------
    loss : torch.Tensor
        One number in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import normalized_covariance_loss
    >>> normalized_covariance_loss(torch.tensor([[1.0, 5.0], [-1.0, -5.0]]))  # 2 of 4 are one
    tensor(0.5000)
    """
    columns = _unit_columns(z)
    return _off_diagonal(columns, columns) / z.shape[1] ** 2


def barlow_twins_loss(first, second, redundancy_weight=0.0051):
    r"""Distance of the correlations between two views from the identity.

    .. math:: L = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \neq j} C_{ij}^2

    with C the correlation of feature i of one view with feature j of the other [1]_.

    Parameters
    ----------
    first, second : torch.Tensor of shape (n, F)
        Projections of the two views.
    redundancy_weight : float, default=0.0051
        :math:`\lambda`; the default is the paper's.

    Returns
    -------
    loss : torch.Tensor
        One number.

    See Also
    --------
    barlow_twins_terms : The two sums.

    References
    ----------
    .. [1] Zbontar, J., Jing, L., Misra, I., LeCun, Y. and Deny, S. (2021). Barlow Twins:
       self-supervised learning via redundancy reduction. ICML 2021. arXiv:2103.03230

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import barlow_twins_loss
    >>> z = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    >>> round(barlow_twins_loss(z, z).item(), 6), round(barlow_twins_loss(z, -z).item(), 6)
    (0.0, 8.0)
    """
    invariance, redundancy = barlow_twins_terms(first, second)
    return invariance + redundancy_weight * redundancy


def barlow_twins_terms(first, second):
    """Sums of `barlow_twins_loss`.

    Parameters
    ----------
    first, second : torch.Tensor of shape (n, F)
        Projections of the two views.

    Returns
    -------
    invariance : torch.Tensor
        Sum over the diagonal.
    redundancy : torch.Tensor
        Sum off the diagonal, without its weight.
    """
    first, second = _unit_columns(first), _unit_columns(second)
    diagonal = (first * second).sum(dim=0)
    return ((1 - diagonal) ** 2).sum(), _off_diagonal(first, second)


def neighborhood_loss(near, far):
    r"""Binary cross-entropy of the discriminator of temporal neighborhood coding.

    .. math:: L = -\log D(y_t, y_l) - \log(1 - D(y_t, y_k))

    averaged over the events, with :math:`D = 1 / (1 + e^{-\mathrm{logit}})` [1]_, without the
    weight of unlabeled pairs (w = 0). In eq. 7 of arXiv:2204.02697 the second term has the
    opposite sign, which would reward mistaking distant crops for neighbors; its code has the sign
    given here.

    Parameters
    ----------
    near, far : torch.Tensor of shape (n,) or (n, 1)
        Logits of pairs of neighbors (t, l), and of pairs that are none (t, k).

    Returns
    -------
    loss : torch.Tensor
        One number; 2 log 2 where the discriminator cannot tell.

    References
    ----------
    .. [1] Tonekaboni, S., Eytan, D. and Goldenberg, A. (2021). Unsupervised representation
       learning for time series with temporal neighborhood coding. ICLR 2021. arXiv:2106.00750

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import neighborhood_loss
    >>> neighborhood_loss(torch.zeros(4), torch.zeros(4))
    tensor(1.3863)
    """
    return functional.softplus(-near).mean() + functional.softplus(far).mean()


def batch_correlation_loss(reference, near, far):
    r"""Diagonal term of VNIbCReg as printed: correlations over the batch.

    .. math:: (1 - c_p)^2 + c_n^2, \qquad
              c_p = \frac{1}{F} \sum_i \left(\frac{Y_t - \bar Y_t}{\lVert Y_t - \bar Y_t \rVert}
              \right)_{\!\cdot i}^T \left(\frac{Y_l - \bar Y_l}{\lVert Y_l - \bar Y_l \rVert}
              \right)_{\!\cdot i}

    and c_n likewise with :math:`Y_k` (eqs. 7 to 9 of arXiv:2204.02697): each feature is centred
    and normalised over the events, and its correlations with the same feature of the other crop
    are averaged over the features.

    Parameters
    ----------
    reference, near, far : torch.Tensor of shape (n, F)
        Embeddings of the crops t, l and k.

    Returns
    -------
    loss : torch.Tensor
        One number.

    See Also
    --------
    event_correlation_loss : What the published code computes instead.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import batch_correlation_loss
    >>> y = torch.tensor([[1.0, 2.0], [3.0, 1.0], [2.0, 3.0]])
    >>> round(batch_correlation_loss(y, y, -y).item(), 4)
    1.0
    """
    reference, near, far = map(_unit_columns, (reference, near, far))
    c_p = (reference * near).sum(dim=0).mean()
    c_n = (reference * far).sum(dim=0).mean()
    return (1 - c_p) ** 2 + c_n**2


def event_correlation_loss(reference, near, far):
    r"""Diagonal term of VNIbCReg as its published code computes it: correlations per event.

    .. math:: \frac{1}{n} \sum_b (1 - \cos_b(t, l))^2 + \frac{1}{n} \sum_b \cos_b(t, k)^2

    where each embedding is centred over its own features before the cosine. Events are compared
    one by one; nothing is taken over the batch but the last mean.

    Parameters
    ----------
    reference, near, far : torch.Tensor of shape (n, F)
        Embeddings of the crops t, l and k.

    Returns
    -------
    loss : torch.Tensor
        One number.

    See Also
    --------
    batch_correlation_loss : The term as it is printed.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.self_supervised_losses import event_correlation_loss
    >>> y = torch.tensor([[1.0, 2.0, 4.0], [3.0, 1.0, 0.0]])
    >>> round(event_correlation_loss(y, y, -y).item(), 4)
    1.0
    """
    reference, near, far = (_unit_columns(y.T) for y in (reference, near, far))
    c_p = (reference * near).sum(dim=0)
    c_n = (reference * far).sum(dim=0)
    return ((1 - c_p) ** 2).mean() + (c_n**2).mean()


def _unit_columns(z):
    return functional.normalize(z - z.mean(dim=0), dim=0, eps=_SHORTEST)


def _off_diagonal(first, second):
    """Sum of squares of ``first.T @ second`` off its diagonal."""
    n, n_features = first.shape
    if n >= n_features:
        product = first.T @ second
        return (product**2).sum() - (product.diagonal() ** 2).sum()
    # The same sum from matrices of events by events: with 4096 features and 128 events, a
    # thousandth of the memory and a thirtieth of the products.
    total = ((first @ first.T) * (second @ second.T)).sum()
    return total - ((first * second).sum(dim=0) ** 2).sum()
