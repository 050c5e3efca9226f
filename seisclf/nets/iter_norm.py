"""Iterative normalization: whitening without an eigenvalue decomposition."""

import torch
from torch import nn

__all__ = ["IterNorm"]


class IterNorm(nn.Module):
    r"""Whiten the features of a batch, group by group, with Newton's iterations.

    The rows of a group, centred over the batch, are multiplied with an approximation of
    :math:`\Sigma^{-1/2}`, where :math:`\Sigma` is their covariance (divided by n) with `eps` on
    the diagonal. With :math:`\Sigma_N = \Sigma / \mathrm{tr}\,\Sigma` and :math:`P_0 = I`,

    .. math:: P_{k+1} = \tfrac12 (3 P_k - P_k^3 \Sigma_N), \qquad
              \Sigma^{-1/2} \approx P_T / \sqrt{\mathrm{tr}\,\Sigma}

    (Algorithm 1 of [1]_). With few iterations, directions in which the features hardly vary are
    left small, which is wanted: they are mostly noise.

    Parameters
    ----------
    num_features : int
        Features F of a row.
    n_groups : int, default=64
        Groups that are whitened separately. A group has ``ceil(F / n_groups)`` features, or if
        this does not divide F, the largest number below that does: there are then more groups
        than asked for. One feature a group is a plain standardisation.
    n_iterations : int, default=5
        T, Newton's iterations.
    affine : bool, default=True
        Whether a learned weight and bias of each feature follow.
    momentum : float, default=0.1
        Part of the running mean and whitening matrix that each training batch replaces.
    eps : float, default=1e-5
        Added to the diagonal of the covariance.

    Attributes
    ----------
    num_groups, group_size : int
        What `n_groups` became.
    running_mean : torch.Tensor of shape (num_groups, group_size, 1)
        Used in evaluation, as is `running_whitening`.
    running_whitening : torch.Tensor of shape (num_groups, group_size, group_size)
        Running mean of the whitening matrices.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    .. [1] Huang, L., Zhou, Y., Zhu, F., Liu, L. and Shao, L. (2019). Iterative normalization:
       beyond standardization towards efficient whitening. CVPR 2019. arXiv:1904.03441

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import IterNorm
    >>> x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    >>> x = x @ torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    >>> white = IterNorm(2, n_groups=1, n_iterations=10)(x)
    >>> torch.allclose(torch.cov(white.T, correction=0), torch.eye(2), atol=1e-3)
    True
    """

    running_mean: torch.Tensor
    running_whitening: torch.Tensor

    def __init__(
        self, num_features, n_groups=64, n_iterations=5, *, affine=True, momentum=0.1, eps=1e-5
    ):
        super().__init__()
        for name, value in (
            ("num_features", num_features),
            ("n_groups", n_groups),
            ("n_iterations", n_iterations),
        ):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value!r}")
        size = -(-num_features // min(n_groups, num_features))
        while num_features % size:
            size -= 1
        self.num_features = num_features
        self.group_size, self.num_groups = size, num_features // size
        self.n_iterations = n_iterations
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(self.num_groups, size, 1))
        self.register_buffer("running_whitening", torch.eye(size).repeat(self.num_groups, 1, 1))

    def forward(self, x):
        """Whitened features (n, num_features) of rows (n, num_features)."""
        groups = x.T.reshape(self.num_groups, self.group_size, len(x))
        if self.training:
            mean = groups.mean(dim=2, keepdim=True)
            centred = groups - mean
            whitening = self._whitening(centred)
            self._remember(mean, whitening)
        else:
            centred, whitening = groups - self.running_mean, self.running_whitening
        white = (whitening @ centred).reshape(self.num_features, len(x)).T
        return white if self.weight is None else white * self.weight + self.bias

    def _whitening(self, centred):
        eye = torch.eye(self.group_size, dtype=centred.dtype, device=centred.device)
        sigma = centred @ centred.mT / centred.shape[2] + self.eps * eye
        trace = sigma.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        # The eigenvalues must lie below one for the iterations to converge.
        sigma = sigma / trace
        # The product of P and Sigma is carried along: P^3 Sigma, as it stands in the algorithm, is
        # the same but for rounding, which then grows from step to step.
        root, product = eye, sigma
        for _ in range(self.n_iterations):
            step = 1.5 * eye - 0.5 * root @ product
            root, product = step @ root, product @ step
        return root / trace.sqrt()

    def _remember(self, mean, whitening):
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_whitening.lerp_(whitening.to(self.running_whitening.dtype), self.momentum)

    def extra_repr(self):
        """Sizes, for the printed module."""
        return (
            f"{self.num_features}, num_groups={self.num_groups}, group_size={self.group_size}, "
            f"n_iterations={self.n_iterations}"
        )
