"""Statistics for scores that come from overlapping training sets."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class TTest(NamedTuple):
    """Mean difference, t statistic, two-sided p value and degrees of freedom."""

    difference: float
    statistic: float
    pvalue: float
    df: int


def corrected_ttest(a, b, *, n_train, n_test):
    """Paired t-test on fold scores, corrected for training sets that overlap.

    Folds share most of their training rows, so their scores vary less than scores of
    independent experiments, and the ordinary t-test finds differences that are not there.
    Nadeau and Bengio [1]_ replace the variance of the mean, ``var / k``, by
    ``(1 / k + n_test / n_train) * var``.

    Parameters
    ----------
    a, b : array-like of shape (n_folds,)
        Scores of two estimators on the same folds.
    n_train, n_test : float or array-like of shape (n_folds,)
        Rows in train and test; their mean ratio is used.

    Returns
    -------
    test : TTest
        Fields difference (mean of a - b), statistic, pvalue (two-sided), df.

    Raises
    ------
    ValueError
        If the numbers of folds differ or are below 2.

    References
    ----------
    .. [1] Nadeau, C. and Bengio, Y. (2003). Inference for the Generalization Error. Machine
       Learning, 52, 239-281. https://doi.org/10.1023/A:1024068626366

    Examples
    --------
    >>> from seisclf.model_selection import corrected_ttest
    >>> test = corrected_ttest([0.8, 0.9, 0.85], [0.7, 0.85, 0.75], n_train=200, n_test=100)
    >>> round(test.statistic, 3), round(test.pvalue, 3), test.df
    (3.162, 0.087, 2)
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"a and b must hold scores of the same two or more folds; got shapes {a.shape} and "
            f"{b.shape}."
        )
    difference = a - b
    mean, variance = difference.mean(), difference.var(ddof=1)
    ratio = np.mean(np.asarray(n_test, dtype=float) / np.asarray(n_train, dtype=float))
    spread = np.sqrt((1 / len(a) + ratio) * variance)
    # Differences that are equal but for rounding have no spread to speak of.
    if spread <= 1e-12 * max(1.0, abs(mean)):
        statistic = 0.0 if abs(mean) < 1e-12 else np.copysign(np.inf, mean)
    else:
        statistic = mean / spread
    df = len(a) - 1
    return TTest(float(mean), float(statistic), float(2 * stats.t.sf(abs(statistic), df)), df)


def holm(pvalues):
    """Holm's step-down correction of p values for many tests (NaN stays NaN)."""
    pvalues = np.asarray(pvalues, dtype=float)
    order = np.argsort(pvalues)
    steps = np.maximum.accumulate(pvalues[order] * np.arange(len(pvalues), 0, -1))
    corrected = np.empty_like(pvalues)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def all_pairs(scores, n_train, n_test):
    """Corrected t-test of every pair of columns of `scores` (folds down)."""
    lines = []
    for a, b in combinations(scores.columns, 2):
        test = corrected_ttest(scores[a], scores[b], n_train=n_train, n_test=n_test)
        lines.append({"a": a, "b": b, **test._asdict()})
    frame = pd.DataFrame(
        lines, columns=["a", "b", "difference", "statistic", "pvalue", "df"]
    ).rename(columns={"statistic": "t", "pvalue": "p"})
    frame.insert(5, "p_holm", holm(frame["p"]) if len(frame) else frame["p"])
    return frame
