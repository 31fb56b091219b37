"""Memory of this process, where the system tells it."""

import resource
import sys
from pathlib import Path


def resident() -> int:
    """Bytes in memory now; 0 where /proc does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def peak() -> int:
    """The most bytes there were in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
