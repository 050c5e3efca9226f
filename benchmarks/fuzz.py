"""Broken files of every format that is read: no crash, no hang, no memory beyond measure."""

import argparse
import collections
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._fuzz_seeds import seeds, write_seeds
from benchmarks._fuzz_worker import case_file

_SECONDS = 20.0  # for one file, on a busy machine
_START = 180.0  # for a process to import everything
_KEPT = 100  # files of one outcome that are put aside
BAD = ("crash", "hang", "overrun", "unclear")


def run(quick=False, n_files=None, n_jobs=2, random_state=0, keep=None, formats=None):
    """Break sound files in every way we know, and open them by the public functions.

    Each file is opened in a child process with a limit on time and memory. Seeds are real
    recordings (of the folder SEISCLF_DATA and of ObsPy's tests) and files made on the spot;
    bits are flipped, lengths and numbers set to extremes, parts cut, doubled and swapped, also
    inside zips and states of streams (with sums that fit), JSON and databases.

    Parameters
    ----------
    quick : bool, default=False
        A few files of each format.
    n_files : int, optional
        How many. Default: 20,000.
    n_jobs : int, default=2
        Processes.
    random_state : int, default=0
        Same number, same files.
    keep : path-like, optional
        Folder for the files that crashed, hung, took too much memory or raised something unclear.
        Default: a new one below the temporary files, named at the end if it holds any.

    formats : list of str, optional
        Only these, such as ``["mseed", "model"]``. Default: all.

    Returns
    -------
    figures : dict
        ``files`` tried; ``read``, ``skipped`` (reported as such), ``refused`` (with a clear
        ValueError or OSError); ``crashes``, ``hangs``, ``overruns`` (more than 512 MiB, or out of
        memory) and ``unclear`` (any other exception), all of which should be 0;
        ``files_per_second``; ``slowest`` in s; ``largest`` in MiB.
    """
    n_files = n_files or (42 if quick else 20_000)
    keep = Path(keep or tempfile.mkdtemp(prefix="seisclf-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "seeds")
        place.mkdir()
        write_seeds(place)
        _keep_formats(place, formats)
        workers = [
            _Worker(place, Path(folder, f"work{i}"), i, n_files, n_jobs, random_state)
            for i in range(n_jobs)
        ]
        results = _collect(workers, place, keep, random_state)
    print(_table(results))
    slowest = max(results, key=lambda result: result["seconds"])
    print(f"slowest: case {slowest['case']}, {slowest['kind']}, {slowest['told']}")
    figures = _figures(results, time.perf_counter() - start)
    if any(keep.iterdir()):
        print(f"put aside: {keep}")
    elif keep.name.startswith("seisclf-fuzz-"):
        keep.rmdir()
    return figures


def _keep_formats(place, formats):
    known = list(seeds(place))
    if unknown := set(formats or ()) - set(known):
        raise ValueError(f"formats has {sorted(unknown)}, there are {known}")
    for name in known:
        if formats and name not in formats:
            shutil.rmtree(place / name)


class _Worker:
    """One child process, started again after each death."""

    def __init__(self, place, scratch, first, last, step, random_state):
        self.place, self.scratch, self.random_state = place, scratch, random_state
        self.next, self.last, self.step = first, last, step
        self.current = None
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        self.start()

    def start(self):
        ours, theirs = os.pipe()
        words = (self.place, self.scratch, theirs, self.next, self.last, self.step)
        path = os.pathsep.join(p for p in ["", *sys.path] if p) or os.getcwd()
        self.log.seek(0)
        self.log.truncate()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks._fuzz_worker", *map(str, words),
             str(self.random_state)],
            pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=self.log,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        os.close(theirs)
        self.pipe, self.rest = ours, b""
        self.deadline = time.monotonic() + _START

    def lines(self):
        """Whole lines that have come; None after the last one."""
        data = os.read(self.pipe, 1 << 16)
        if not data:
            os.close(self.pipe)
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return lines

    def last_words(self):
        self.log.seek(0)
        return " | ".join(self.log.read().decode("utf-8", "replace").splitlines()[:8])[:400]


def _collect(workers, place, keep, random_state):
    results, running, kept = [], list(workers), collections.Counter()

    def note(result):
        results.append(result)
        if result["told"] in BAD:
            print(_line(result), flush=True)
        if result["told"] in BAD and kept[result["told"]] < _KEPT:
            kept[result["told"]] += 1
            name = f"{result['told']}-{result['kind'].replace(' ', '_')}-{result['case']}"
            case_file(seeds(place), result["case"], keep / name, random_state)

    while running:
        ready, _, _ = select.select([w.pipe for w in running], [], [], 1.0)
        for worker in list(running):
            lines = worker.lines() if worker.pipe in ready else []
            for line in lines or []:
                if line.startswith(b"begin "):
                    worker.current = int(line.split()[1])
                    worker.next = worker.current + worker.step
                    worker.deadline = time.monotonic() + _SECONDS
                else:
                    note(json.loads(line) | {"case": worker.current})
                    worker.current, worker.deadline = None, time.monotonic() + _SECONDS
            hung = time.monotonic() > worker.deadline and lines is not None
            if hung:
                worker.process.kill()
            if lines is None or hung:
                _after_death(worker, hung, note, place)
                if worker.next >= worker.last:
                    running.remove(worker)
                else:
                    worker.start()
    return results


def _after_death(worker, hung, note, place):
    code = worker.process.wait()
    if hung:
        os.close(worker.pipe)
    if worker.current is None:
        if code and not hung:
            raise RuntimeError(f"a child ended with {code}: {worker.last_words()}")
        if hung:
            raise RuntimeError("a child did not start in time")
        worker.next = worker.last
        return
    kinds = list(seeds(place))
    name = signal.Signals(-code).name if code < 0 else f"exit {code}"
    note({
        "case": worker.current, "kind": kinds[worker.current % len(kinds)],
        "told": "hang" if hung else "crash",
        "where": f"more than {_SECONDS:g} s" if hung else f"{name}: {worker.last_words()}",
        "seconds": _SECONDS if hung else 0.0, "peak": 0,
    })  # fmt: skip
    worker.current = None


def _figures(results, seconds):
    told = collections.Counter(result["told"] for result in results)
    ways = {"read", "skipped", *BAD}
    return {
        "files": len(results),
        "read": told["read"],
        "skipped": told["skipped"],
        "refused": sum(n for name, n in told.items() if name not in ways),
        "crashes": told["crash"],
        "hangs": told["hang"],
        "overruns": told["overrun"],
        "unclear": told["unclear"],
        "files_per_second": len(results) / seconds,
        "slowest": max(result["seconds"] for result in results),
        "largest": max(result["peak"] for result in results) / 2**20,
    }


def _line(result):
    return f"{result['told']} {result['case']} {result['kind']}: {result['where']}"


def _table(results):
    """Counts by format and outcome."""
    counts = collections.Counter((result["kind"], result["told"]) for result in results)
    outcomes = sorted({told for _, told in counts}, key=lambda t: (t in BAD, t))
    lines = ["| format | " + " | ".join(outcomes) + " |", "|---" * (len(outcomes) + 1) + "|"]
    for kind in sorted({kind for kind, _ in counts}):
        lines.append(f"| {kind} | " + " | ".join(str(counts[kind, t]) for t in outcomes) + " |")
    return "\n".join(lines)


def replay(folder):
    """Open one file that was put aside once more, in this process.

    Parameters
    ----------
    folder : path-like
        Of the file, named ``<outcome>-<format>-<number>``.
    """
    from benchmarks._fuzz_readers import open_file

    folder = Path(folder)
    kind = folder.name.split("-")[1].replace("_", " ")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "x")
        shutil.copytree(folder, copy)
        (file,) = copy.iterdir()
        print(open_file(kind, file, copy))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, help="how many; default 20,000")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument("--keep", help="folder for the files that fail")
    parser.add_argument("--formats", help="only these, with commas between them")
    parser.add_argument("--quick", action="store_true", help="a few files of each format")
    parser.add_argument("--replay", help="open one file that was put aside")
    options = parser.parse_args()
    if options.replay:
        replay(options.replay)
    else:
        formats = options.formats.split(",") if options.formats else None
        words = (options.quick, options.files, options.jobs, options.seed, options.keep, formats)
        print(json.dumps(run(*words)))
