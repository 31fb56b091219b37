"""What a call from a numba loop costs beside the work that it asks for.

    python bench/numba_calls.py

The same quotes through Mid, which has next to no work, and OrderFlowImbalance: over columns (the
work), called from a numba loop, called from a Python loop, and written by hand in numba (no checks,
no window). The same answers are asserted. Medians of interleaved rounds, in ns an event of this
process's CPU time.
"""

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import bookflow as bf
import bookflow.numba

EVENTS = 200_000
ROUNDS = 15

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Way = Callable[[np.ndarray], object]


@numba.njit
def called(ofi, bid, bid_size, ask, ask_size, out):
    for i in range(len(bid)):
        out[i] = ofi.update(bid[i], bid_size[i], ask[i], ask_size[i])


@numba.njit
def mid_by_hand(bid, bid_size, ask, ask_size, out):
    for i in range(len(bid)):
        out[i] = (bid[i] + ask[i]) / 2


@numba.njit
def ofi_by_hand(bid, bid_size, ask, ask_size, out):
    b, bs, a, az = bid[0], bid_size[0], ask[0], ask_size[0]
    for i in range(len(bid)):
        e = 0
        if bid[i] >= b:
            e += bid_size[i]
        if bid[i] <= b:
            e -= bs
        if ask[i] <= a:
            e -= ask_size[i]
        if ask[i] >= a:
            e += az
        b, bs, a, az = bid[i], bid_size[i], ask[i], ask_size[i]
        out[i] = e


def in_python(calculator: Any, quotes: list[list[int]], out: np.ndarray) -> None:
    update = calculator.update
    for i, row in enumerate(zip(*quotes, strict=True)):
        out[i] = update(*row)


def some_quotes() -> Columns:
    random = np.random.default_rng(1)
    bid = 10_000 + np.cumsum(random.integers(-1, 2, EVENTS))
    ask = bid + random.integers(1, 3, EVENTS)
    sizes = random.integers(1, 1_000, (2, EVENTS))
    return bid, sizes[0], ask, sizes[1]


def ways(cls: Any, over_columns: Any, by_hand: Any, quotes: Columns) -> dict[str, Way]:
    lists = [column.tolist() for column in quotes]
    return {
        "over columns": lambda out: over_columns(*quotes, out=out),
        "numba loop": lambda out: called(cls(), *quotes, out),
        "numba, by hand": lambda out: by_hand(*quotes, out),
        "Python loop": lambda out: in_python(cls(), lists, out),
    }


def measured(way: Way, out: np.ndarray, expected: np.ndarray) -> float:
    """Nanoseconds an event."""
    begin = time.process_time_ns()
    way(out)
    spent = time.process_time_ns() - begin
    np.testing.assert_array_equal(out, expected)
    return spent / EVENTS


def main() -> None:
    quotes = some_quotes()
    out = np.empty(EVENTS)
    calculators = {
        "Mid": (bf.Mid, bf.mid, mid_by_hand),
        "OrderFlowImbalance": (bf.OrderFlowImbalance, bf.order_flow_imbalance, ofi_by_hand),
    }
    print("| ns an event | over columns | numba loop | numba, by hand | Python loop |")
    print("|---|---|---|---|---|")
    for name, (cls, over_columns, by_hand) in calculators.items():
        expected = over_columns(*quotes)
        tried = ways(cls, over_columns, by_hand, quotes)
        rounds = [
            [measured(way, out, expected) for way in tried.values()] for _ in range(ROUNDS + 1)
        ]
        medians = np.median(rounds[1:], axis=0)  # the first compiles
        print(f"| {name} | " + " | ".join(f"{ns:.1f}" for ns in medians) + " |")


if __name__ == "__main__":
    main()
