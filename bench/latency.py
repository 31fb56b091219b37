"""How long single events take: quantiles, not means."""

import subprocess
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import bookflow as bf
from bench import floors, real, streams
from bench.measure import quiet
from bench.pipelines import INSTRUMENT, pipeline


@dataclass(frozen=True)
class Latency:
    """Quantiles in ns, each with what asking the clock costs in it."""

    name: str
    p50: float
    p99: float
    p999: float
    most: float
    clock: float
    histogram: tuple[list[int], list[float]] | None = None  # counts, and edges in ns


def timed(name: str, call: Any, rows: list[tuple[Any, ...]]) -> Latency:
    """Each call between two looks at the clock."""
    now = time.perf_counter_ns
    taken = np.empty(len(rows), np.int64)
    clock = np.empty(len(rows), np.int64)
    with quiet():
        for i, row in enumerate(rows):
            begin = now()
            middle = now()
            call(*row)
            end = now()
            clock[i] = middle - begin
            taken[i] = end - middle
    quantiles = np.quantile(taken, [0.5, 0.99, 0.999, 1.0]).tolist()
    edges = np.geomspace(20, 1e6, 48)
    counts, _ = np.histogram(np.clip(taken, 20, 1e6), edges)
    return Latency(name, *quantiles, float(np.median(clock)), (counts.tolist(), edges.tolist()))


def pushes(quick: bool) -> list[Latency]:
    """`Pipeline.push` of the whole pipeline, rows of 100 ms written on the way."""
    n = 100_000 if quick else 300_000
    out = []
    for stream in (real.aapl(), streams.simulated(500_000 if quick else 2_000_000)):
        if stream is None:
            continue
        pipe = pipeline()
        pipe.run(stream.seed.events(INSTRUMENT))
        part = stream.events[:n]
        columns = (c.tolist() for c in (part.ts, *part.orders()))
        rows = list(zip(*columns, strict=True))
        out.append(timed(f"Pipeline.push, {stream.name}", pipe.push, rows))
    return out


def even_levels(levels: int, n: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    """LEVEL columns that fall evenly over `levels` a side; two in three leave a size."""
    random = np.random.default_rng(seed)
    side = random.integers(1, 3, n).astype(np.uint8)
    behind = random.integers(0, levels, n)
    price = np.where(side == 1, 1_000_000 - behind, 1_000_001 + behind)
    size = np.where(random.random(n) < 1 / 3, 0, random.integers(1, 101, n))
    return side, price, size


def worst(quick: bool) -> list[Latency]:
    """10,000 levels, evenly: in C++ alone, and through `LevelBook.apply`."""
    flags = (*floors.WHEEL_FLAGS, f"-I{floors.HEADERS}")
    program = floors.built("worst_event.cpp", "worst_event", flags)
    with quiet():
        run = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    p50, p99, p999, most, clock = (float(x) for x in run.stdout.split())
    out = [Latency("LevelBook::apply in C++, 10,000 levels", p50, p99, p999, most, clock)]
    book = bf.LevelBook()
    columns = even_levels(10_000, 60_000 + (100_000 if quick else 300_000))
    rows = [
        (int(bf.Action.LEVEL), *row) for row in zip(*(c.tolist() for c in columns), strict=True)
    ]
    for row in rows[:60_000]:
        book.apply(*row)
    out.append(timed("LevelBook.apply from Python, 10,000 levels", book.apply, rows[60_000:]))
    return out
