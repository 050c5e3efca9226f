"""Memory that a process has taken at most."""

import resource
import sys
from pathlib import Path


def peak_bytes():
    """Most memory that this process has had, since it began to run its own program.

    What `getrusage` says holds that of the process it was started from as well, which may have
    been larger; Linux tells it apart.

    Returns
    -------
    n_bytes : int
        Resident memory.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
