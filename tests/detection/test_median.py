"""Medians over a few rows equal NumPy's."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.detection._median import median_rows, nanmedian_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), seed=st.integers(0, 2**32 - 1), ties=st.booleans())
def test_equal_to_the_last_bit(dtype, n, seed, ties):
    rows = np.random.default_rng(seed).random((n, 3, 40)).astype(dtype)
    rows = rows.round(1) if ties else rows
    result = median_rows(rows.copy())
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.median(rows, axis=0))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_what_is_missing_does_not_count(n, seed, share):
    rng = np.random.default_rng(seed)
    rows = rng.random((n, 50), dtype=np.float32)
    rows[rng.random(rows.shape) < share] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmedian(rows, axis=0)
    np.testing.assert_array_equal(nanmedian_rows(rows), expected)
