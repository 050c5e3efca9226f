"""Iterative normalization against the whitening that an eigenvalue decomposition gives."""

import numpy as np
import pytest
import torch

from seisclf.nets import IterNorm


def correlated(n, n_features, seed=0):
    rng = np.random.default_rng(seed)
    mixing = np.eye(n_features) + 0.3 * rng.normal(size=(n_features, n_features))
    return torch.from_numpy(
        rng.normal(size=(n, n_features)) @ mixing + rng.normal(size=n_features)
    )


def inverse_root(sigma):
    values, vectors = np.linalg.eigh(sigma)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def test_many_iterations_are_eigenvalue_whitening():
    x = correlated(400, 6)
    norm = IterNorm(6, 1, n_iterations=30, affine=False, eps=1e-12).double()
    white = norm(x).numpy()
    sigma = np.cov(x.numpy().T, ddof=0)
    expected = (x.numpy() - x.numpy().mean(axis=0)) @ inverse_root(sigma)
    np.testing.assert_allclose(white, expected, atol=1e-8)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(6), atol=1e-8)
    np.testing.assert_allclose(
        norm.running_whitening[0].numpy(), 0.9 * np.eye(6) + 0.1 * inverse_root(sigma), atol=1e-8
    )


def test_five_iterations_follow_the_algorithm():
    """Newton's steps written out, with eps on the diagonal and the trace taken out."""
    x = correlated(50, 4, seed=1)
    centred = x.numpy() - x.numpy().mean(axis=0)
    sigma = centred.T @ centred / 50 + 1e-5 * np.eye(4)
    root = np.eye(4)
    for _ in range(5):
        root = 0.5 * (3 * root - root @ root @ root @ sigma / np.trace(sigma))
    expected = centred @ root / np.sqrt(np.trace(sigma))
    got = IterNorm(4, 1, affine=False).double()(x).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_groups_are_whitened_by_themselves():
    x = correlated(200, 6)
    norm = IterNorm(6, 2, n_iterations=15, affine=False).double()
    assert (norm.num_groups, norm.group_size) == (2, 3)
    white = norm(x).numpy()
    alone = IterNorm(3, 1, n_iterations=15, affine=False).double()
    np.testing.assert_allclose(white[:, 3:], alone(x[:, 3:]).numpy(), atol=1e-12)
    between = np.cov(white.T, ddof=0)[:3, 3:]
    assert np.abs(between).max() > 0.01


@pytest.mark.parametrize(
    ("n_features", "n_groups", "size", "groups"),
    [(4096, 64, 64, 64), (8, 64, 1, 8), (10, 3, 2, 5), (7, 2, 1, 7), (12, 5, 3, 4)],
)
def test_groups_that_do_not_divide(n_features, n_groups, size, groups):
    norm = IterNorm(n_features, n_groups)
    assert (norm.group_size, norm.num_groups) == (size, groups)
    if n_features < 100:
        assert norm(torch.randn(5, n_features)).shape == (5, n_features)


def test_one_feature_a_group_is_standardisation():
    x = correlated(30, 5)
    got = IterNorm(5, 5, n_iterations=20, affine=False, eps=0.0).double()(x).numpy()
    expected = (x - x.mean(0)).numpy() / x.std(0, correction=0).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_evaluation_uses_running_statistics():
    norm = IterNorm(4, 2).double()
    x = correlated(40, 4)
    for _ in range(60):
        trained = norm(x)
    norm.eval()
    torch.testing.assert_close(norm(x), trained, atol=1e-2, rtol=0)
    # One row by itself is what it is among others.
    torch.testing.assert_close(norm(x[:1]), norm(x)[:1])
    before = norm.running_mean.clone(), norm.running_whitening.clone()
    norm(x * 5)
    torch.testing.assert_close((norm.running_mean, norm.running_whitening), before)
    # Running statistics travel with the weights.
    copy = IterNorm(4, 2).double()
    copy.load_state_dict(norm.state_dict())
    torch.testing.assert_close(copy.eval()(x), norm(x))


def test_first_batch_replaces_a_tenth():
    norm = IterNorm(3, 1).double()
    x = correlated(40, 3)
    norm(x)
    torch.testing.assert_close(norm.running_mean[0, :, 0], 0.1 * x.mean(0))


@pytest.mark.parametrize("n_groups", [1, 2])
def test_gradients(n_groups):
    norm = IterNorm(4, n_groups).double()
    x = correlated(7, 4).requires_grad_()
    assert torch.autograd.gradcheck(norm, (x,))


@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_collapsed_batch_is_finite(n, level):
    norm = IterNorm(8, 2)
    x = torch.full((n, 8), level, requires_grad=True)
    out = norm(x)
    out.square().sum().backward()
    assert torch.isfinite(out).all() and torch.isfinite(x.grad).all()


def test_fewer_events_than_features_is_finite():
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    out = IterNorm(64, 1)(x)
    assert torch.isfinite(out).all() and out.std() > 0.1


@pytest.mark.parametrize("bad", [{"num_features": 0}, {"n_groups": 0}, {"n_iterations": 0}])
def test_numbers_must_be_positive(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be at least 1"):
        IterNorm(**{"num_features": 4, **bad})
