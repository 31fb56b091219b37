"""Two instruments on two cores: one `run` each, beside both on one thread. Wall clock."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import streams
from bench.pipelines import INSTRUMENT, pipeline


def speedup(live: int, n: int, rounds: int) -> float:
    """How many times the work of one thread two threads do; needs two idle cores."""
    if len(os.sched_getaffinity(0)) < 2:
        raise RuntimeError("needs two CPUs")
    stream = streams.simulated(n, live)
    events = stream.events.events(INSTRUMENT)
    full = pipeline()
    full.run(stream.seed.events(INSTRUMENT))
    state = full.to_bytes()

    def fresh() -> list[Any]:
        return [type(full).from_bytes(state) for _ in range(2)]

    ratios = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            one, two = fresh(), fresh()
            begin = time.perf_counter()
            frames = [pipe.run(events) for pipe in one]
            alone = time.perf_counter() - begin
            begin = time.perf_counter()
            others = list(pool.map(lambda pipe: pipe.run(events), two))
            together = time.perf_counter() - begin
            assert len(frames[0]) == len(others[0]) == len(others[1])
            ratios.append(alone / together)
    return statistics.median(ratios)
