"""How cost grows: with events, live orders, levels, and the size of a batch.

Each curve is ns an event over one of them; the least of a few rounds, for a curve is read by its
shape.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import bookflow as bf
from bench import floors, streams
from bench.latency import even_levels
from bench.measure import quiet
from bench.numba_books import NumbaLevels
from bench.pipelines import INSTRUMENT, pipeline


@dataclass
class Curves:
    """Named lines of (x, ns an event); `file` is the plot's name."""

    file: str
    title: str
    x: str
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, x: float, ns: float) -> None:
        self.lines.setdefault(name, []).append((x, ns))


def least(rounds: int, make: Callable[[], Any], run: Callable[[Any], Any], events: int) -> float:
    taken = []
    for _ in range(rounds):
        state = make()
        begin = time.process_time_ns()
        run(state)
        taken.append((time.process_time_ns() - begin) / events)
    return min(taken)


def decades(low: int, high: int, steps: tuple[int, ...] = (1, 3)) -> list[int]:
    out = [k * 10**e for e in range(9) for k in steps if low <= k * 10**e <= high]
    return out if out[-1] == high else [*out, high]


def by_events(quick: bool) -> Curves:
    """One book that lives on: the mean cost of its first x events, in chunks of up to a million."""
    out = Curves("events", "Cost an event as a stream goes on, 31,000 live orders", "events")
    marks = [10**e for e in range(4, 8 if quick else 9)]
    book, kernel, pipe = bf.OrderBook(), None, pipeline("1s")
    taken = {"OrderBook.replay": 0, "Pipeline.run": 0, "floor": 0}
    done = 0
    sizes = np.diff([0, *marks])
    market = streams.Market()
    seed = market.seed()
    book.replay(*seed.orders())
    pipe.run(seed.events(INSTRUMENT))
    middle = streams.market.MID
    kernel = floors.Orders((middle - 40_000, middle + 40_000), len(seed))
    kernel.replay(*seed.orders(), None)
    buffers = floors.quotes_out(1_000_000)
    for mark, size in zip(marks, sizes, strict=True):
        left = int(size)
        while left:
            n = min(left, 1_000_000)
            chunk = market.next(n)
            columns = tuple(np.ascontiguousarray(buffer[:n]) for buffer in buffers)
            events = chunk.events(INSTRUMENT)
            for name, run in (
                (
                    "OrderBook.replay",
                    lambda c=chunk, o=columns: book.replay(*c.orders(), out=o),
                ),
                ("floor", lambda c=chunk, o=columns: kernel.replay(*c.orders(), o)),
                ("Pipeline.run", lambda e=events: pipe.run(e)),
            ):
                if name == "Pipeline.run" and done >= 10**7:
                    continue  # it has shown its line; the book goes on
                begin = time.process_time_ns()
                run()
                taken[name] += time.process_time_ns() - begin
                if name != "Pipeline.run":
                    for mine, truth in zip(columns, chunk.quotes, strict=True):
                        assert np.array_equal(mine, truth)
            done += n
            left -= n
        for name, total in taken.items():
            if name != "Pipeline.run" or mark <= 10**7:
                out.add(name, mark, total / mark)
    return out


def by_orders(quick: bool) -> Curves:
    out = Curves("orders", "Cost an event by live orders", "live orders")
    for live in (100, 1_000, 10_000, 31_000, 100_000, 1_000_000, 5_000_000):
        if quick and live > 1_000_000:
            break
        stream = streams.simulated(200_000, live, seed=2)
        n = len(stream.events)
        columns = floors.quotes_out(n)
        seeds = stream.seed.orders()

        def filled(book: Any, seeds: Any = seeds) -> Any:
            book.replay(*seeds, out=floors.quotes_out(len(seeds[0])))
            return book

        def check(answer: Any, stream: Any = stream) -> None:
            for mine, truth in zip(answer, stream.events.quotes, strict=True):
                assert np.array_equal(mine, truth)

        orders = stream.events.orders()
        for name, make in (
            ("OrderBook.replay", bf.OrderBook),
            ("floor", lambda s=stream: floors.Orders(s.prices, s.live)),
            ("floor, prefetch", lambda s=stream: floors.Orders(s.prices, s.live, ahead=16)),
        ):

            def run(book: Any, c: Any = orders, o: Any = columns) -> None:
                book.replay(*c, out=o)

            rounds = 1 if live > 1_000_000 else 3
            out.add(name, live, least(rounds, lambda m=make: filled(m()), run, n))
            check(columns)
    return out


def by_levels(quick: bool) -> Curves:
    """Changes that fall evenly over all levels: the worst that a book of sizes can be given."""
    out = Curves(
        "levels", "Cost an event by levels a side, changes falling evenly", "levels a side"
    )
    for levels in decades(10, 10_000):
        n = 50_000 if quick else 200_000
        warm = 6 * levels
        side, price, size = even_levels(levels, warm + n)
        action = np.full(warm + n, int(bf.Action.LEVEL), np.uint8)
        columns = floors.quotes_out(n)
        prices = (1_000_000 - levels, 1_000_001 + levels)
        answers = []
        for name, make in (
            ("LevelBook.replay", bf.LevelBook),
            ("numba, fixed range", lambda p=prices: NumbaLevels(p)),
            ("floor", lambda p=prices: floors.Levels(p)),
        ):
            lead = (action,) if name == "LevelBook.replay" else ()

            def cut(rows: slice, lead: Any = lead, c: Any = (side, price, size)) -> Any:
                return [column[rows] for column in (*lead, *c)]

            def filled(make: Any = make, cut: Any = cut, warm: int = warm) -> Any:
                book = make()
                book.replay(*cut(slice(0, warm)), out=floors.quotes_out(warm))
                return book

            part = cut(slice(warm, None))

            def run(book: Any, c: Any = part, o: Any = columns) -> None:
                book.replay(*c, out=o)

            out.add(name, levels, least(3, filled, run, n))
            answers.append([column.copy() for column in columns])
        for other in answers[1:]:
            assert all(np.array_equal(a, b) for a, b in zip(answers[0], other, strict=True))
    return out


def by_batch(quick: bool) -> Curves:
    out = Curves("batch", "Cost an event by events a call", "events a call")
    total = 1_000_000
    stream = streams.simulated(total, seed=3)
    quotes = stream.events.quotes
    result = np.empty(total)
    for size in decades(1, 1_000_000, (1,)):
        # Small batches are read off fewer of them.
        n = min(total, size * (2_000 if quick else 5_000))
        starts = range(0, n, size)

        def ofi(_: Any, starts: Any = starts, size: int = size) -> None:
            for i in starts:
                rows = slice(i, i + size)
                bf.order_flow_imbalance(*(q[rows] for q in quotes), out=result[rows])

        def book(made: Any, starts: Any = starts, size: int = size) -> None:
            columns = stream.events.orders()
            for i in starts:
                made.replay(*(c[i : i + size] for c in columns))

        def filled() -> Any:
            made = bf.OrderBook()
            made.replay(*stream.seed.orders())
            return made

        def piped(starts: Any = starts, size: int = size) -> Any:
            pipe = pipeline()
            pipe.run(stream.seed.events(INSTRUMENT))
            return pipe, [stream.events[i : i + size].events(INSTRUMENT) for i in starts]

        def run(made: Any) -> None:
            pipe, chunks = made
            for chunk in chunks:
                pipe.run(chunk)

        out.add("order_flow_imbalance(out=)", size, least(3, lambda: None, ofi, n))
        out.add("OrderBook.replay", size, least(3, filled, book, n))
        if n // size <= 5_000:
            out.add("Pipeline.run", size, least(1, piped, run, n))
    return out


def curves(quick: bool) -> Iterator[Curves]:
    for make in (by_events, by_orders, by_levels, by_batch):
        with quiet():
            yield make(quick)
