"""Memory, each in a process of its own: what a book takes an order, what a run takes on top.

    python -m bench.memory orders 5000000

prints bytes an order, index included; `pipeline N` the most that a run of N events took beyond
its input, in bytes.
"""

import resource
import subprocess
import sys
from pathlib import Path

import bookflow as bf
from bench import streams

ROOT = Path(__file__).parents[1]
INDEX_ENTRY = 8  # order_index.hpp: a power of two of these, at most a quarter full


def resident() -> int:
    """Bytes in memory now (Linux tells it in pages)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def forget_peak() -> None:
    """Linux: the most that there was in memory is counted from now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    """The most bytes there were in memory since."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def of_orders(live: int) -> float:
    """Bytes an order, index included, of a book that was filled in chunks."""
    columns = streams.Market(live).seed().orders()
    book = bf.OrderBook()
    book.replay(*(column[:1000] for column in columns))
    before = resident()
    for begin in range(1000, live, 20_000):
        book.replay(*(column[begin : begin + 20_000] for column in columns))
    return (resident() - before) / (live - 1000)


def of_index(live: int) -> float:
    """Bytes an order of the index alone."""
    return INDEX_ENTRY * (1 << (4 * live - 1).bit_length()) / live


def of_run(events: int) -> float:
    from bench.pipelines import INSTRUMENT, pipeline

    stream = streams.simulated(events)
    seed, chunk = (part.events(INSTRUMENT) for part in (stream.seed, stream.events))
    pipe = pipeline()
    pipe.run(seed)
    forget_peak()
    before = resident()
    frame = pipe.run(chunk)
    assert len(frame)
    return float(peak() - before)


def asked(what: str, n: int) -> float:
    """The same, by a fresh process."""
    command = [sys.executable, "-m", "bench.memory", what, str(n)]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(run.stdout)


if __name__ == "__main__":
    print({"orders": of_orders, "pipeline": of_run}[sys.argv[1]](int(sys.argv[2])))
