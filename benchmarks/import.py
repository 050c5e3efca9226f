"""How long `import seisclf` takes in a fresh interpreter, and what it drags along."""

import json
import statistics
import subprocess
import sys

_HEAVY = (
    "torch",
    "obspy",
    "pandas",
    "sklearn",
    "scipy",
    "matplotlib",
    "skorch",
    "tsfresh",
    "h5py",
)
_PROBE = f"""
import json, sys, time
start = time.perf_counter()
import seisclf
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {_HEAVY!r} if name in sys.modules]]))
"""


def run(quick=False):
    """Figures: `seconds` (median) and `heavy_modules` that came along."""
    runs = [_probe() for _ in range(3 if quick else 11)]
    return {
        "seconds": statistics.median(seconds for seconds, _ in runs),
        "heavy_modules": sorted({name for _, names in runs for name in names}),
        "runs": len(runs),
    }


def _probe():
    output = subprocess.run(
        [sys.executable, "-c", _PROBE], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(output)
