"""The space of k-means: whitened, of length one, without rounding blown up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.cluster._whitening import learn_whitening, whiten


def _vectors(n=80, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 5


def test_components_have_unit_variance_and_no_correlation():
    vectors = _vectors()
    whitening = learn_whitening(vectors, 4)
    white = (vectors - whitening["mean"]) @ whitening["components"].T / whitening["scale"]
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 1000))
def test_every_event_has_length_one(n, d, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    white = whiten(vectors, learn_whitening(vectors, None))
    assert white.shape == (n, min(d, n - 1))
    if white.shape[1] > 1:
        np.testing.assert_allclose(np.linalg.norm(white, axis=1), 1)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_neither_scale_nor_offset_of_the_vectors_matters(scale, offset):
    vectors = _vectors()
    other = scale * (vectors + offset)
    np.testing.assert_allclose(
        whiten(other, learn_whitening(other, 3)),
        whiten(vectors, learn_whitening(vectors, 3)),
        atol=1e-5,
    )


def test_rounding_is_no_direction():
    """Features that are sums of others have no variance of their own, whatever float32 says."""
    few = np.random.default_rng(0).normal(size=(50, 3))
    vectors = (few @ np.random.default_rng(1).normal(size=(3, 10))).astype(np.float32)
    assert len(learn_whitening(vectors, None)["scale"]) == 3


def test_part_of_the_variance():
    vectors = np.random.default_rng(0).normal(size=(500, 4)) * [10, 10, 1, 1]
    assert len(learn_whitening(vectors, 0.9)["scale"]) == 2
    assert len(learn_whitening(vectors, 0.999)["scale"]) == 4


def test_equal_events_become_zero():
    vectors = np.full((5, 3), 7.3, dtype=np.float32)
    np.testing.assert_array_equal(whiten(vectors, learn_whitening(vectors)), np.zeros((5, 1)))


@pytest.mark.parametrize("wrong", [0, -1, 1.5, 0.0, "all", True])
def test_impossible_number_of_components(wrong):
    with pytest.raises(ValueError, match="n_components"):
        learn_whitening(_vectors(), wrong)
