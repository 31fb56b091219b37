"""What a call from a numba loop costs beside the work that it asks for.

    python bench/numba_calls.py

The same quotes through OrderFlowImbalance: over columns (the work alone), called from a numba loop,
called from a Python loop, and written by hand in numba (no checks, no window); the same answers are
asserted. And `value` alone, which has next to no work. Medians of interleaved rounds, in ns a call
of this process's CPU time.
"""

import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

import bookflow as bf
import bookflow.numba

EVENTS = 200_000
ROUNDS = 15

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@numba.njit
def called(ofi, bid, bid_size, ask, ask_size, out):
    for i in range(len(bid)):
        out[i] = ofi.update(bid[i], bid_size[i], ask[i], ask_size[i])


@numba.njit
def by_hand(bid, bid_size, ask, ask_size, out):
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


@numba.njit
def read(calculator, out):
    for i in range(len(out)):
        out[i] = calculator.value


def in_python(quotes: list[list[int]], out: np.ndarray) -> None:
    update = bf.OrderFlowImbalance().update
    for i, row in enumerate(zip(*quotes, strict=True)):
        out[i] = update(*row)


def some_quotes() -> Columns:
    random = np.random.default_rng(1)
    bid = 10_000 + np.cumsum(random.integers(-1, 2, EVENTS))
    ask = bid + random.integers(1, 3, EVENTS)
    sizes = random.integers(1, 1_000, (2, EVENTS))
    return bid, sizes[0], ask, sizes[1]


def main() -> None:
    quotes = some_quotes()
    lists = [column.tolist() for column in quotes]
    ways: dict[str, Callable[[np.ndarray], object]] = {
        "over columns": lambda out: bf.order_flow_imbalance(*quotes, out=out),
        "numba loop, bookflow": lambda out: called(bf.OrderFlowImbalance(), *quotes, out),
        "numba loop, by hand": lambda out: by_hand(*quotes, out),
        "Python loop, bookflow": lambda out: in_python(lists, out),
    }
    last = bf.OrderFlowImbalance()
    last.update(*(int(column[-1]) for column in quotes))
    out = np.empty(EVENTS)
    expected = bf.order_flow_imbalance(*quotes)
    reading = "numba loop, `value` alone"
    times: dict[str, list[float]] = {way: [] for way in [*ways, reading]}
    for done in range(ROUNDS + 1):  # the first compiles
        for way, run in ways.items():
            begin = time.process_time()
            run(out)
            seconds = time.process_time() - begin
            np.testing.assert_array_equal(out, expected)
            if done:
                times[way].append(seconds)
        begin = time.process_time()
        read(last, out)
        seconds = time.process_time() - begin
        assert (out == last.value).all()
        if done:
            times[reading].append(seconds)
    print("| OFI | ns a call |\n|---|---|")
    for way, seconds_of in times.items():
        print(f"| {way} | {statistics.median(seconds_of) / EVENTS * 1e9:.1f} |")


if __name__ == "__main__":
    main()
