"""The label -1 in arrays of every kind."""

import numpy as np
import pytest

from seisclf.utils._unlabelled import is_unlabelled


@pytest.mark.parametrize(
    "y",
    [
        [1, -1, 0],
        [1.0, -1.0, 0.5],
        ["quake", "-1", "noise"],
        np.array(["quake", -1, "noise"], dtype=object),
        np.array(["quake", -1.0, None], dtype=object),
        np.array([b"quake", b"-1", b"noise"]),
    ],
)
def test_only_minus_one_is_no_label(y):
    assert is_unlabelled(y).tolist() == [False, True, False]


def test_truth_values_and_times_are_labels():
    assert not is_unlabelled([True, False]).any()
    assert not is_unlabelled(np.array(["2024-01-01"], dtype="datetime64[D]")).any()
