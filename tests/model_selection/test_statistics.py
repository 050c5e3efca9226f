"""The corrected t-test against numbers worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from seisclf.model_selection import corrected_ttest
from seisclf.model_selection._statistics import all_pairs, holm


def test_corrected_ttest_by_hand():
    # Differences 0.10, 0.05, 0.10, 0.15: mean 0.10, variance 0.005 / 3.
    a, b = [0.8, 0.9, 0.85, 0.95], [0.7, 0.85, 0.75, 0.80]
    test = corrected_ttest(a, b, n_train=300, n_test=100)
    t = 0.1 / np.sqrt((1 / 4 + 1 / 3) * 0.005 / 3)
    assert test.difference == pytest.approx(0.1)
    assert test.statistic == pytest.approx(t)
    assert t == pytest.approx(3.2071, abs=1e-4)
    assert test.pvalue == pytest.approx(2 * stats.t.sf(t, 3))
    assert test.df == 3


def test_without_the_correction_it_is_the_paired_ttest():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 10))
    test = corrected_ttest(a, b, n_train=1e12, n_test=1)
    plain = stats.ttest_rel(a, b)
    assert test.statistic == pytest.approx(plain.statistic)
    assert test.pvalue == pytest.approx(plain.pvalue)


def test_it_is_antisymmetric_and_knows_equal_scores():
    a, b = [0.7, 0.8, 0.9], [0.6, 0.9, 0.7]
    there = corrected_ttest(a, b, n_train=2, n_test=1)
    back = corrected_ttest(b, a, n_train=2, n_test=1)
    assert there.statistic == -back.statistic and there.pvalue == back.pvalue
    same = corrected_ttest(a, a, n_train=2, n_test=1)
    assert (same.statistic, same.pvalue) == (0.0, 1.0)
    shifted = corrected_ttest([0.2, 0.3], [0.1, 0.2], n_train=2, n_test=1)
    assert shifted.statistic == np.inf and shifted.pvalue == 0.0


def test_it_rejects_less_often_than_the_plain_test():
    """Resampled scores of two equal classifiers differ by chance; 5 % may be called different."""
    rng = np.random.default_rng(0)
    plain, corrected, runs, n, k = 0, 0, 300, 60, 10
    for _ in range(runs):
        right = rng.random((2, n)) < 0.7
        test_rows = [rng.permutation(n)[: n // 3] for _ in range(k)]
        a, b = (np.array([right[c, rows].mean() for rows in test_rows]) for c in (0, 1))
        corrected += corrected_ttest(a, b, n_train=2 * n / 3, n_test=n / 3).pvalue < 0.05
        plain += stats.ttest_rel(a, b).pvalue < 0.05
    assert corrected / runs < 0.5 * plain / runs


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.9]), [1.0, 1.0])


def test_all_pairs_of_one_and_three():
    import pandas as pd

    scores = pd.DataFrame({"a": [0.9, 0.8], "b": [0.7, 0.7], "c": [0.5, 0.6]})
    assert list(zip(*all_pairs(scores, 4, 2)[["a", "b"]].to_numpy().T)) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert len(all_pairs(scores[["a"]], 4, 2)) == 0


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="two or more folds"):
        corrected_ttest([0.5], [0.4], n_train=2, n_test=1)
