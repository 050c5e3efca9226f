"""Losses and IterNorm give the numbers that the code of VNIbCReg's authors gives.

The numbers were computed with ML4ITS/Aknes_clf (MIT licence), commit of 2022-10-21, in double
precision, from arrays that a formula makes.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seisclf.nets import IterNorm
from seisclf.nets import self_supervised_losses as losses

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def authors():
    """Their outputs by name."""
    return json.loads((Path(__file__).parent / "fixtures" / "vnibcreg.json").read_text())


def events(k):
    """Twelve events of eight features."""
    i, j = np.arange(12)[:, None], np.arange(8)[None]
    waves = np.sin(1.7 * i * (j + 1) + 0.3 * k * j) + 0.5 * np.cos(0.9 * i + k * (j + 1))
    return torch.from_numpy(waves)


FIRST, SECOND, FAR = events(1), events(2), events(5)


def assert_equal(ours, theirs):
    np.testing.assert_allclose(ours.detach().ravel(), theirs, rtol=0, atol=TOLERANCE)


def test_iter_norm(authors):
    expected = authors["iter_norm"]
    norm = IterNorm(8, n_groups=2, n_iterations=5).double()
    x = FIRST.clone().requires_grad_()
    output = norm(x)
    (output * SECOND).sum().backward()
    assert_equal(output, expected["output"])
    assert_equal(x.grad, expected["gradient"])
    assert_equal(norm.running_mean, expected["running_mean"])
    assert_equal(norm.running_whitening, expected["running_whitening"])
    assert_equal(norm.eval()(SECOND), expected["evaluation"])


def test_terms_of_vibcreg(authors):
    assert_equal(losses.invariance_loss(FIRST, SECOND), authors["invariance"])
    half = losses.variance_loss(0.5 * FIRST) + losses.variance_loss(0.5 * SECOND)
    assert_equal(half, authors["variance"])
    both = losses.normalized_covariance_loss(FIRST) + losses.normalized_covariance_loss(SECOND)
    assert_equal(both, authors["covariance"])


def test_terms_of_tnc(authors):
    # The discriminator is a scalar product, so that no weights need be known.
    near, far = (FIRST * SECOND).sum(dim=1), (FIRST * FAR).sum(dim=1)
    tnc = losses.neighborhood_loss(near, far)
    assert_equal(tnc, authors["tnc"])
    diagonal = losses.event_correlation_loss(FIRST, SECOND, FAR)
    assert_equal(tnc + diagonal, authors["tnc_and_diagonal"])
