"""How a report was made: command, versions, machine, seconds."""

import platform
import shlex
import sys
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
    steps = pd.DataFrame({"step": times.keys(), "seconds": [round(t, 1) for t in times.values()]})
    steps.loc[len(steps)] = ["all", round(sum(times.values()), 1)]
    document.table(steps)
    if files:
        document.heading("Files")
        document.bullets(files)


def command_line():
    """Arguments of this process after the program's name."""
    return list(sys.argv[1:])


def _cores():
    import joblib

    return joblib.cpu_count()
