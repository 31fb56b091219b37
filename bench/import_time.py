"""What `import bookflow` adds to `import numpy`: medians over fresh interpreters.

Both are timed inside one interpreter, one after the other: what starting and ending a process takes
varies more between two runs than the import that is measured.
"""

import os
import statistics
import subprocess
import sys

ROUNDS = 31
# Bytecode is written once and kept, as after an installation by pip.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
CODE = """
from time import perf_counter
begin = perf_counter()
import numpy
middle = perf_counter()
import bookflow
print(middle - begin, perf_counter() - middle)
"""


def seconds() -> list[float]:
    """How long numpy took, and bookflow after it."""
    command = [sys.executable, "-c", CODE]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return [float(taken) for taken in run.stdout.split()]


def main() -> None:
    seconds()
    taken = [seconds() for _ in range(ROUNDS)]
    numpy, bookflow = (statistics.median(column) * 1e3 for column in zip(*taken, strict=True))
    print(f"numpy {numpy:.1f} ms, and bookflow {bookflow:.1f} ms (medians of {ROUNDS})")


if __name__ == "__main__":
    main()
