"""What `import bookflow` adds to `import numpy`: medians of interleaved fresh interpreters."""

import statistics
import subprocess
import sys
import time

ROUNDS = 31


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    imports = ["import numpy", "import numpy, bookflow"]
    taken: dict[str, list[float]] = {code: [] for code in imports}
    for _ in range(ROUNDS):
        for code in imports:
            taken[code].append(seconds(code))
    numpy, both = (statistics.median(taken[code]) for code in imports)
    print(f"numpy {numpy * 1e3:.1f} ms, with bookflow {both * 1e3:.1f} ms: ", end="")
    print(f"{(both - numpy) * 1e3:+.1f} ms (medians of {ROUNDS})")


if __name__ == "__main__":
    main()
