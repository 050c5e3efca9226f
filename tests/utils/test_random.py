"""Seeds: anything becomes one integer, and the global generator stays."""

import numpy as np
import pytest

from seisclf.utils import check_seed


def test_integers_pass():
    assert check_seed(0) == 0
    assert check_seed(np.int64(12)) == 12


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_are_drawn_from(make):
    assert check_seed(make(1)) == check_seed(make(1))
    generator = make(1)
    assert check_seed(generator) != check_seed(generator)


def test_none_is_fresh_and_leaves_the_global_generator():
    before = np.random.get_state()[1].copy()
    assert check_seed(None) != check_seed(None)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("value", ["1", 1.5, -1, 2**32])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match="random_state must be"):
        check_seed(value)
