"""`python -m bench.many`: what a second thread gives `run_many`, over one. Needs two idle cores.

Instruments of unlike sizes, an order book and five features each. One thread and two take turns;
the ratio is that of the best round of each, which others on the machine disturb least, and of
every round beside it. The answers of both must be those of one `Pipeline.run` after the other.
"""

import os
import statistics
import time
from collections.abc import Mapping
from typing import Final

import numpy as np

import bookflow as bf
from bench import streams
from bench.pipelines import INSTRUMENT, pipeline

SIZES: Final = (600_000, 450_000, 450_000, 300_000, 300_000, 200_000, 100_000, 100_000)
ROUNDS: Final = 7


def market() -> dict[str, bf.Events]:
    """The start of one day for each instrument, under its own id."""
    stream = streams.simulated(max(SIZES), 31_000)
    parts = {}
    for number, rows in enumerate(SIZES, 1):
        instrument = bf.Instrument(f"S{number}", id=number, price_unit="1", tick="1", size_unit="1")
        day = bf.Events.concat([stream.seed.events(INSTRUMENT), stream.events.events(INSTRUMENT)])
        columns = {name: column for name, column in day.columns.items() if column is not None}
        columns["instrument"] = np.full(len(day), number, np.uint32)
        parts[instrument.symbol] = bf.Events(columns, instrument)[:rows]
    return parts


def mixed(parts: Mapping[str, bf.Events]) -> bf.Events:
    """All instruments as one source, by time."""
    ts = np.concatenate([part.ts for part in parts.values()])
    order = np.argsort(ts, kind="stable")
    first = next(iter(parts.values()))
    columns = {
        name: np.concatenate([np.asarray(part.columns[name]) for part in parts.values()])[order]
        for name, column in first.columns.items()
        if column is not None
    }
    instruments = {int(part.instrument.id): part.instrument for part in parts.values()}
    return bf.Events(columns, first.instrument, instruments=instruments)


def check(frames: Mapping[str, bf.FeatureFrame], expected: Mapping[str, bf.FeatureFrame]) -> None:
    assert frames.keys() == expected.keys()
    for symbol, frame in frames.items():
        assert len(frame) > 0
        assert frame.ts.tobytes() == expected[symbol].ts.tobytes()
        assert frame.to_numpy().tobytes() == expected[symbol].to_numpy().tobytes()


def main() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("needs two CPUs")
    parts = market()
    template = pipeline()
    expected = {
        symbol: bf.Pipeline.from_spec(template.spec, part.instrument).run(part)
        for symbol, part in parts.items()
    }
    count = sum(map(len, parts.values()))
    for name, events in (("a mapping", parts), ("one source", mixed(parts))):
        taken: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for threads in (1, 2):
                begin = time.perf_counter()
                frames = bf.run_many(events, template, threads=threads)
                taken[threads].append(time.perf_counter() - begin)
                check(frames, expected)
        rounds = statistics.median(one / two for one, two in zip(taken[1], taken[2], strict=True))
        print(
            f"{name}: {len(parts)} instruments, {count:,} events: "
            f"{min(taken[1]) / count * 1e9:.1f} ns an event on one thread, "
            f"{min(taken[2]) / count * 1e9:.1f} on two; "
            f"{min(taken[1]) / min(taken[2]):.2f} x (median of rounds {rounds:.2f} x)"
        )


if __name__ == "__main__":
    main()
