"""What `import bookflow` adds to `import numpy`: medians of interleaved fresh interpreters."""

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 31
# Bytecode is written once and kept, as after an installation by pip.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return time.perf_counter() - begin


def main() -> None:
    imports = ["import numpy", "import numpy, bookflow"]
    taken: dict[str, list[float]] = {code: [] for code in imports}
    for code in imports:
        seconds(code)
    for _ in range(ROUNDS):
        for code in imports:
            taken[code].append(seconds(code))
    numpy, both = (statistics.median(taken[code]) for code in imports)
    print(f"numpy {numpy * 1e3:.1f} ms, with bookflow {both * 1e3:.1f} ms: ", end="")
    print(f"{(both - numpy) * 1e3:+.1f} ms (medians of {ROUNDS})")


if __name__ == "__main__":
    main()
