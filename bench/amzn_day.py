"""A day of AMZN (LOBSTER, five levels) and a simulated session, in memory, on a 10 s clock.

OFI, OFI at five levels, queue imbalance and VPIN, by bookflow and by competent plain Python; the
same answer is asserted.

    python bench/amzn_day.py

prints a Markdown table. AMZN needs BOOKFLOW_SHARED (default ../shared); without it there is only
the simulated session.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from plain_pipeline import columns_of, features, states_of_depth_rows, states_of_orders

import bookflow as bf

T = TypeVar("T")

SHARED = Path(os.environ.get("BOOKFLOW_SHARED", Path(__file__).parents[2] / "shared"))
AMZN = SHARED / "data" / "lobster" / "AMZN_2012-06-21_5"
SECONDS = 10
BUCKET, BUCKETS = 10_000, 50
ROUNDS = 5


def pipeline(instrument: bf.Instrument) -> bf.Pipeline:
    return bf.Pipeline(
        instrument,
        clock=f"{SECONDS}s",
        features={
            "ofi": bf.OrderFlowImbalance(),
            "mlofi": bf.MultiLevelOrderFlowImbalance(levels=5),
            "qi": bf.QueueImbalance(),
            "vpin": bf.VPIN(bucket_volume=BUCKET, n_buckets=BUCKETS),
        },
    )


def compiled(events: bf.Events) -> np.ndarray:
    pipe = pipeline(events.instrument)
    frame = pipe.run(events)
    return np.concatenate([frame.to_numpy(), pipe.finish().to_numpy()])


def timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    answer = work()
    return time.perf_counter() - begin, answer


def line(name: str, events: bf.Events) -> str:
    columns = columns_of(events)
    states = states_of_orders if columns.depth is None else states_of_depth_rows
    fast, slow = [], []
    for _ in range(ROUNDS):
        seconds, answer = timed(lambda: compiled(events))
        fast.append(seconds)
        seconds, rows = timed(lambda: features(states(columns), SECONDS * 10**9, BUCKET, BUCKETS))
        slow.append(seconds)
        plain = np.array(rows)
        # bookflow's first column is the OFI of the touch: level one of the five.
        np.testing.assert_array_equal(answer[:, 1:], plain)
        np.testing.assert_array_equal(answer[:, 0], plain[:, 0])
    a, b = statistics.median(fast), statistics.median(slow)
    return (
        f"| {name} | {len(events):,} | {len(answer):,} | {a * 1e3:.1f} ms | "
        f"{a / len(events) * 1e9:.0f} ns | {b * 1e3:,.0f} ms | {b / a:.0f} x |"
    )


def main() -> None:
    print("| stream | events | rows | bookflow | an event | plain Python | |")
    print("|---|---|---|---|---|---|---|")
    if AMZN.is_dir():
        message, orderbook = (
            next(AMZN.glob(f"*{kind}_5.csv")) for kind in ("message", "orderbook")
        )
        events = bf.read_lobster(message, orderbook)
        len(events.ts)  # load it
        print(line("AMZN 2012-06-21, depth rows", events))
    print(line("simulated session, orders by id", bf.simulate(seed=1, events=1_000_000).events))


if __name__ == "__main__":
    main()
