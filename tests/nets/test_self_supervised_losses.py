"""Losses without labels against NumPy, equation by equation."""

import numpy as np
import pytest
import torch

from seisclf.nets.self_supervised_losses import (
    barlow_twins_loss,
    barlow_twins_terms,
    batch_correlation_loss,
    covariance_loss,
    event_correlation_loss,
    invariance_loss,
    neighborhood_loss,
    normalized_covariance_loss,
    variance_loss,
)

# More events than features, and fewer: the sums off the diagonal are computed in two ways.
SHAPES = [(9, 4), (5, 8), (2, 6)]


def views(shape, n=2, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=shape)
    return [base * rng.uniform(0.1, 3, shape[1]) + rng.normal(size=shape) for _ in range(n)]


def tensors(arrays):
    return [torch.from_numpy(array) for array in arrays]


def off_diagonal(matrix):
    return sum(matrix[i, j] ** 2 for i in range(len(matrix)) for j in range(len(matrix)) if i != j)


def unit_columns(z):
    centred = z - z.mean(axis=0)
    return centred / np.sqrt((centred**2).sum(axis=0))


@pytest.mark.parametrize("shape", SHAPES)
def test_invariance_is_equation_3(shape):
    first, second = views(shape)
    per_event = ((first - second) ** 2).sum(axis=1)
    got = invariance_loss(*tensors([first, second]), reduction="sum")
    assert float(got) == pytest.approx(per_event.mean())
    mean = invariance_loss(*tensors([first, second]))
    assert float(mean) == pytest.approx(per_event.mean() / shape[1])
    with pytest.raises(ValueError, match="reduction must be"):
        invariance_loss(*tensors([first, second]), reduction="max")


@pytest.mark.parametrize("shape", SHAPES)
def test_variance_is_equation_4(shape):
    (z,) = views(shape, 1)
    z *= np.linspace(0.05, 1.5, shape[1])
    expected = np.maximum(0, 1 - np.sqrt(z.var(axis=0, ddof=1) + 1e-4)).mean()
    assert float(variance_loss(torch.from_numpy(z))) == pytest.approx(expected)
    assert expected > 0
    expected = np.maximum(0, 2 - np.sqrt(z.var(axis=0, ddof=1) + 0.1)).mean()
    assert float(variance_loss(torch.from_numpy(z), gamma=2, eps=0.1)) == pytest.approx(expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_covariances_are_those_of_the_papers(shape):
    (z,) = views(shape, 1)
    expected = off_diagonal(np.cov(z.T)) / shape[1]
    assert float(covariance_loss(torch.from_numpy(z))) == pytest.approx(expected)
    expected = off_diagonal(np.corrcoef(z.T)) / shape[1] ** 2
    assert float(normalized_covariance_loss(torch.from_numpy(z))) == pytest.approx(expected)


def test_normalized_covariance_does_not_see_scale():
    (z,) = tensors(views((9, 4), 1))
    scale = torch.tensor([0.1, 1.0, 20.0, 3.0])
    torch.testing.assert_close(
        normalized_covariance_loss(z * scale + 7), normalized_covariance_loss(z)
    )
    assert covariance_loss(z * scale) > 2 * covariance_loss(z)


@pytest.mark.parametrize("shape", SHAPES)
def test_barlow_twins(shape):
    first, second = views(shape)
    correlation = unit_columns(first).T @ unit_columns(second)
    invariance = ((1 - np.diag(correlation)) ** 2).sum()
    redundancy = off_diagonal(correlation)
    got = barlow_twins_terms(*tensors([first, second]))
    np.testing.assert_allclose([float(term) for term in got], [invariance, redundancy])
    loss = barlow_twins_loss(*tensors([first, second]))
    assert float(loss) == pytest.approx(invariance + 0.0051 * redundancy)


def test_neighborhood_is_cross_entropy_of_near_and_far_pairs():
    near, far = (np.random.default_rng(seed).normal(size=7) for seed in (0, 1))
    sigmoid = lambda logit: 1 / (1 + np.exp(-logit))  # noqa: E731
    expected = (-np.log(sigmoid(near)) - np.log(1 - sigmoid(far))).mean()
    assert float(neighborhood_loss(*tensors([near, far]))) == pytest.approx(expected)
    # The better the discriminator, the smaller the loss: the printed sign would turn this round.
    strong = neighborhood_loss(torch.full((3,), 50.0), torch.full((3,), -50.0))
    wrong = neighborhood_loss(torch.full((3,), -500.0), torch.full((3,), 500.0))
    assert float(strong) < 1e-6 and float(wrong) == pytest.approx(1000)


@pytest.mark.parametrize("shape", SHAPES)
def test_diagonal_term_as_printed(shape):
    t, near, far = views(shape, 3)
    c_p, c_n = (
        np.trace(unit_columns(t).T @ unit_columns(other)) / shape[1] for other in (near, far)
    )
    got = batch_correlation_loss(*tensors([t, near, far]))
    assert float(got) == pytest.approx((1 - c_p) ** 2 + c_n**2)


@pytest.mark.parametrize("shape", SHAPES)
def test_diagonal_term_of_the_code(shape):
    t, near, far = views(shape, 3)
    c_p, c_n = (
        np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(t, other, strict=True)])
        for other in (near, far)
    )
    got = event_correlation_loss(*tensors([t, near, far]))
    assert float(got) == pytest.approx(((1 - c_p) ** 2).mean() + (c_n**2).mean())


def test_the_two_diagonal_terms_differ():
    """Views that differ by an offset of each event: alike for the code, not over the batch."""
    y = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 5)))
    offset = torch.linspace(-9, 9, 20, dtype=torch.float64)[torch.randperm(20)][:, None]
    unrelated = torch.from_numpy(np.random.default_rng(1).normal(size=(20, 5)))
    code = event_correlation_loss(y, y + offset, unrelated)
    paper = batch_correlation_loss(y, y + offset, unrelated)
    exact = event_correlation_loss(y, y, unrelated)
    torch.testing.assert_close(code, exact)
    assert paper > batch_correlation_loss(y, y, unrelated) + 0.1


LOSSES = {
    invariance_loss: 2,
    variance_loss: 1,
    covariance_loss: 1,
    normalized_covariance_loss: 1,
    barlow_twins_loss: 2,
    batch_correlation_loss: 3,
    event_correlation_loss: 3,
}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("shape", [(6, 3), (4, 7)])
def test_gradients(loss, shape):
    inputs = [z.requires_grad_() for z in tensors(views(shape, LOSSES[loss], seed=3))]
    assert torch.autograd.gradcheck(loss, inputs)


def test_gradient_of_neighborhood():
    inputs = [torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(neighborhood_loss, inputs)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("n", [2, 9])
@pytest.mark.parametrize("level", [0.0, 0.1, 1e4])
def test_collapsed_batch_is_finite(loss, n, level):
    """All events alike, in single precision, where a mean leaves rounding behind."""
    inputs = [torch.full((n, 6), level, requires_grad=True) for _ in range(LOSSES[loss])]
    value = loss(*inputs)
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(z.grad).all() for z in inputs)
