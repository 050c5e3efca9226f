"""How a report was made: command, versions, machine, seconds."""

import platform
import shlex
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "obspy", "pandas", "tsfresh")


def provenance_section(document, *, command, seed, times, files=()):
    """What is needed to do it again.

    Parameters
    ----------
    document : Document
        The report.
    command : list of str
        Arguments after ``seisclf``.
    seed : int
        Of everything random.
    times : dict of str to float
        Seconds of each step.
    files : iterable of str
        What else lies in the folder.
    """
    import pandas as pd

    import seisclf

    document.section("How this was made")
    document.code("seisclf " + shlex.join(command))
    document.text(
        f"Random seed {seed}. Python {platform.python_version()} on {platform.system()} "
        f"{platform.machine()}, {_cores()} cores."
    )
    versions = {"seisclf": seisclf.__version__}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    document.table(pd.DataFrame({"library": versions.keys(), "version": versions.values()}))
    steps = pd.DataFrame({"step": times.keys(), "seconds": [f"{t:.1f}" for t in times.values()]})
    steps.loc[len(steps)] = ["all", f"{sum(times.values()):.1f}"]
    document.table(steps)
    if files:
        document.heading("Files")
        document.bullets(files)


def _cores():
    import joblib

    return joblib.cpu_count()
