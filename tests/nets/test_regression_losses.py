"""Likelihoods of regressions, against SciPy's densities, and where they are stable."""

import numpy as np
import pytest
import torch
from scipy import stats

from seisclf.nets.regression_losses import VARIANCE_FLOOR, GaussianNLL, VonMisesNLL


def test_the_gaussian_likelihood_is_scipys():
    rng = np.random.default_rng(0)
    outputs, target = torch.from_numpy(rng.normal(size=(9, 4))), rng.normal(size=(9, 2))
    mean, variance = GaussianNLL.split(outputs)
    found = GaussianNLL().eval()(outputs, torch.from_numpy(target))
    density = stats.norm(mean.numpy(), np.sqrt(variance.numpy())).logpdf(target)
    np.testing.assert_allclose(found.numpy(), -density - 0.5 * np.log(2 * np.pi))
    torch.testing.assert_close(mean, outputs[:, :2])


def test_beta_weighs_the_slopes_by_the_variance_and_only_in_training():
    target = torch.tensor([[2.0]], dtype=torch.float64)
    slopes = {}
    for beta in (0.0, 0.5, 1.0):
        outputs = torch.tensor([[0.0, 3.0]], dtype=torch.float64, requires_grad=True)
        loss = GaussianNLL(beta=beta)
        (slopes[beta],) = torch.autograd.grad(loss(outputs, target).sum(), outputs)
        torch.testing.assert_close(
            loss.eval()(outputs, target), GaussianNLL(beta=0.0)(outputs, target)
        )
    variance = GaussianNLL.split(outputs)[1].item()
    torch.testing.assert_close(slopes[0.5], slopes[0.0] * variance**0.5)
    # With 1 the mean learns as from squared errors, whatever the variance.
    assert slopes[1.0][0, 0].item() == pytest.approx(-2.0)
    with pytest.raises(ValueError, match=r"beta must lie in \[0, 1\]"):
        GaussianNLL(beta=2)


def test_the_von_mises_likelihood_is_scipys():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(9, 4)) * 5
    angle = rng.uniform(-np.pi, np.pi, (9, 2))
    target = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    found = VonMisesNLL()(torch.from_numpy(outputs), torch.from_numpy(target)).numpy()
    kappa = np.hypot(outputs[:, :2], outputs[:, 2:])
    direction = np.arctan2(outputs[:, 2:], outputs[:, :2])
    density = stats.vonmises(kappa, loc=direction).logpdf(angle)
    np.testing.assert_allclose(found, -density - np.log(2 * np.pi), atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 1e-8, 1.0, 1e3, 1e6])
def test_losses_and_slopes_are_finite_wherever_the_network_is(size):
    for loss, n_target in ((GaussianNLL(), 1), (VonMisesNLL(), 2)):
        for sign in (-1.0, 1.0):
            outputs = torch.full((1, 2), sign * size, requires_grad=True)
            target = torch.tensor([[1.0, 0.0]])[:, :n_target]
            value = loss(outputs, target)
            value.sum().backward()
            assert torch.isfinite(value).all() and torch.isfinite(outputs.grad).all()


def test_no_variance_is_below_the_floor_and_zero_is_one():
    _, variance = GaussianNLL.split(torch.tensor([[0.0, -1e4], [0.0, 0.0]]))
    assert variance[0].item() == pytest.approx(VARIANCE_FLOOR)
    assert variance[1].item() == pytest.approx(1 + VARIANCE_FLOOR)
