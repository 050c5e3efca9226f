"""A process that opens broken files one after another, and tells its parent before each."""

import faulthandler
import json
import os
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

import numpy as np

_ROOM = 3 * 2**30  # bytes of addresses, beyond what the libraries take
OVERRUN = 512 * 2**20  # bytes of memory that no small file may take


def case_file(seeds, case, folder, random_state):
    """Write the broken file of a number.

    Parameters
    ----------
    seeds : dict of str to list of pathlib.Path
        See `benchmarks._fuzz_seeds.seeds`.
    case : int
        Which one.
    folder : pathlib.Path
        Emptied, then takes the file.
    random_state : int
        Of all cases.

    Returns
    -------
    kind : str
        Format.
    path : pathlib.Path
        The file.
    """
    from benchmarks._fuzz_readers import broken_copy

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng([random_state, case])
    kinds = list(seeds)
    kind = kinds[case % len(kinds)]
    own = seeds[kind]
    return kind, broken_copy(kind, own[rng.integers(len(own))], own, folder, rng)


def main():
    folder, scratch, pipe, first, last, step, random_state = sys.argv[1:]
    faulthandler.enable()
    out = os.fdopen(int(pipe), "w", buffering=1)
    from benchmarks._fuzz_seeds import seeds

    known = seeds(Path(folder))
    _import_all()
    _limit_memory()
    for case in range(int(first), int(last), int(step)):
        out.write(f"begin {case}\n")
        out.write(json.dumps(_run(known, case, Path(scratch), int(random_state))) + "\n")


def _import_all():
    import pyarrow.parquet  # noqa: F401
    import skops.io  # noqa: F401

    import seisclf.datasets
    import seisclf.detection
    import seisclf.inspection
    import seisclf.io
    import seisclf.neural_network  # noqa: F401
    from benchmarks._fuzz_seeds import example_record

    example_record()


def _limit_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(known, case, scratch, random_state):
    from benchmarks._fuzz_readers import ALLOWED, Overrun, open_file

    kind, path = case_file(known, case, scratch, random_state)
    before = _reset_peak()
    start, told, where = time.perf_counter(), "", ""
    try:
        told = open_file(kind, path, scratch)
    except (MemoryError, Overrun) as error:
        told, where = "overrun", f"{type(error).__name__}: {error}"[:300]
    except ALLOWED as error:
        told, where = type(error).__name__, str(error)[:200]
        if any(word in where for word in ("MemoryError", "Unable to allocate", "can't allocate")):
            told = "overrun"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "seisclf" in f.filename]
        at = ours[-1] if ours else last
        told = "unclear"
        where = f"{type(error).__name__}: {error} at {at.filename[-60:]}:{at.lineno}"[:400]
    seconds = time.perf_counter() - start
    peak = _peak() - before
    if peak > OVERRUN:
        told, where = "overrun", f"{peak / 2**20:.0f} MiB; {where}"
    return {"kind": kind, "told": told, "where": where, "seconds": seconds, "peak": peak}


def _reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return _peak()


def _peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
