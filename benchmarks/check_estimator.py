"""scikit-learn's battery over every public estimator: checks run, passed, failed, seconds."""

import os
import time
import warnings

# The check of array-API input runs only when SciPy was asked for it before it was imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

from sklearn.utils.estimator_checks import check_estimator

from seisclf.utils import all_estimators


def run(quick=False):
    """Figures: `<estimator>` (a row of the table for each set of test parameters) and `failed`."""
    rows, failed = {}, 0
    for name, cls in all_estimators()[: 2 if quick else None]:
        for i, params in enumerate(cls._get_test_params()):
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = check_estimator(cls(**params), on_fail=None, on_skip=None)
            seconds = time.perf_counter() - start
            counts = {
                status: sum(result["status"] == status for result in results)
                for status in ("passed", "failed", "skipped", "xfail")
            }
            failed += counts["failed"]
            rows[f"{name}[{i}]"] = (
                f"{len(results)} checks, "
                + ", ".join(f"{n} {status}" for status, n in counts.items())
                + f", {seconds:.1f} s"
            )
    return rows | {"failed": failed}
