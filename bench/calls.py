"""Groups of single calls from Python: one event, one number back.

The loop over the rows is a part of every figure; the empty loop stands beside, nothing is
subtracted. Ints are positional in `bookflow`; keywords and numpy's scalars are cases of their own.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import bookflow as bf
from bench import floors, streams
from bench.case import Case, Group, Target, group
from bench.columns import BUCKET, BUCKETS
from bench.pipelines import INSTRUMENT
from bench.plain_books import PlainLevels

Rows = list[tuple[Any, ...]]
FLOW = {"ofi": bf.OrderFlowImbalance()}


def rows_of(*columns: np.ndarray) -> Rows:
    return list(zip(*(column.tolist() for column in columns), strict=True))


def scalars_of(*columns: np.ndarray) -> Rows:
    """Numpy's own scalars, as indexing an array gives them."""
    return list(zip(*(list(column.astype(np.int64)) for column in columns), strict=True))


def each(call4: Callable[..., Any], rows: Rows) -> Any:
    last = None
    for a, b, c, d in rows:
        last = call4(a, b, c, d)
    return last


def each3(call3: Callable[..., Any], rows: Rows) -> Any:
    last = None
    for a, b, c in rows:
        last = call3(a, b, c)
    return last


def each5(call5: Callable[..., Any], rows: Rows) -> Any:
    last = None
    for a, b, c, d, e in rows:
        last = call5(a, b, c, d, e)
    return last


def empty(rows: Rows) -> None:
    for _ in rows:
        pass


class PlainFlow:
    """OFI as a class in plain Python."""

    def __init__(self) -> None:
        self.last: tuple[int, int, int, int] | None = None

    def update(self, bp: int, bs: int, ap: int, asz: int) -> float:
        last, self.last = self.last, (bp, bs, ap, asz)
        if last is None:
            return 0.0
        obp, obs, oap, oas = last
        e = 0
        if bp >= obp:
            e += bs
        if bp <= obp:
            e -= obs
        if ap <= oap:
            e -= asz
        if ap >= oap:
            e += oas
        return float(e)


def case(name: str, make: Callable[[], Any], loop: Any, rows: Rows, expected: Any) -> Case:
    """`make` gives the bound method; every value is compared once, the last one every time."""
    if expected is not None:
        method = make()
        seen = [method(*row) for row in rows]
        np.testing.assert_array_equal(np.array(seen, float), expected)

    def check(last: Any) -> None:
        if expected is not None:
            np.testing.assert_equal(float(last), float(expected[-1]))

    return Case(name, lambda method: loop(method, rows), check, len(rows), make)


def loops(to: Group, rows: Rows, loop: Any) -> None:
    """What is beside every group: the call that does nothing, and the loop alone."""
    noop = floors.module().noop
    to.cases.append(Case("floor, no-op", lambda _: loop(noop, rows), lambda _: None, len(rows)))
    to.cases.append(Case("empty loop", lambda _: empty(rows), lambda _: None, len(rows)))


@group("call-ofi")
def ofi(quick: bool) -> Iterable[Group]:
    quotes = streams.simulated(500_000 if quick else 2_000_000).events.quotes
    part = [column[:100_000] for column in quotes]
    rows, scalars = rows_of(*part), scalars_of(*part)
    expected = bf.order_flow_imbalance(*part)
    out = Group(
        "call-ofi",
        "OrderFlowImbalance.update(4 numbers)",
        "simulated quotes",
        [],
        [Target("<= 45 ns", limit=45)],
    )

    def make() -> Any:
        return bf.OrderFlowImbalance().update

    def keywords(method: Any, rows: Rows) -> Any:
        last = None
        for a, b, c, d in rows:
            last = method(bid_price=a, bid_size=b, ask_price=c, ask_size=d)
        return last

    out.take("bookflow", lambda: case("bookflow", make, each, rows, expected))
    out.take(
        "bookflow, keywords", lambda: case("bookflow, keywords", make, keywords, rows, expected)
    )
    out.take(
        "bookflow, np.int64", lambda: case("bookflow, np.int64", make, each, scalars, expected)
    )
    out.take(
        "plain Python",
        lambda: case("plain Python", lambda: PlainFlow().update, each, rows, expected),
    )
    out.take("wickra", lambda: wickra_ofi(part, expected))
    loops(out, rows, each)
    yield out


def wickra_ofi(part: list[np.ndarray], expected: np.ndarray) -> Case:
    from wickra import OrderFlowImbalance

    rows = [tuple([float(x)] for x in row) for row in rows_of(*part)]

    def check(last: Any) -> None:
        np.testing.assert_equal(last, expected[-1])

    def make() -> Any:
        return OrderFlowImbalance(1).update

    return Case("wickra", lambda method: each(method, rows), check, len(rows), make)


@group("call-vpin")
def vpin(quick: bool) -> Iterable[Group]:
    trades = streams.trades(500_000 if quick else 2_000_000)
    part = [column[:100_000] for column in (trades.price, trades.size, trades.side)]
    rows, scalars = rows_of(*part), scalars_of(*part)
    settings = {"bucket_volume": BUCKET, "n_buckets": BUCKETS}
    expected = bf.vpin(*part, **settings)
    out = Group(
        "call-vpin",
        "a trade into VPIN.update",
        "simulated trades",
        [],
        [Target("<= 45 ns", limit=45)],
    )

    def make() -> Any:
        return bf.VPIN(**settings).update

    def keywords(method: Any, rows: Rows) -> Any:
        last = None
        for a, b, c in rows:
            last = method(price=a, size=b, side=c)
        return last

    out.take("bookflow", lambda: case("bookflow", make, each3, rows, expected))
    out.take(
        "bookflow, keywords", lambda: case("bookflow, keywords", make, keywords, rows, expected)
    )
    out.take(
        "bookflow, np.int64", lambda: case("bookflow, np.int64", make, each3, scalars, expected)
    )

    def wickra() -> Case:
        from wickra import Vpin

        floats = [(float(p), float(q), s == 1) for p, q, s in rows]

        def check(last: Any) -> None:
            np.testing.assert_allclose(last, expected[-1], atol=1e-9)

        def fresh() -> Any:
            return Vpin(BUCKET, BUCKETS).update

        return Case("wickra", lambda method: each3(method, floats), check, len(rows), fresh)

    out.take("wickra", wickra)
    loops(out, rows, each3)
    yield out


@group("call-apply")
def apply(quick: bool) -> Iterable[Group]:
    stream = streams.simulated(500_000 if quick else 2_000_000)
    part = stream.events[:100_000]
    level = int(bf.Action.LEVEL)
    columns = (np.full(len(part), level), *part.levels())
    rows, scalars = rows_of(*columns), scalars_of(*columns)
    seed = rows_of(np.full(stream.live, level), *stream.seed.levels())
    last = tuple(int(column[-1]) for column in part.quotes)
    out = Group("call-apply", "LevelBook.apply", stream.name, [], [Target("<= 55 ns", limit=55)])

    def fresh() -> Any:
        book = bf.LevelBook()
        for row in seed:
            book.apply(*row)
        return book

    def looped(name: str, rows: Rows, loop: Any) -> Case:
        def run(book: Any) -> Any:
            loop(book.apply, rows)
            return book.quotes

        def check(quotes: Any) -> None:
            assert tuple(quotes) == last

        return Case(name, run, check, len(rows), fresh)

    def keywords(method: Any, rows: Rows) -> None:
        for a, b, c, d in rows:
            method(action=a, side=b, price=c, size=d)

    out.cases = [
        looped("bookflow", rows, each),
        looped("bookflow, keywords", rows, keywords),
        looped("bookflow, np.int64", scalars, each),
    ]
    for name, make in (("plain Python", PlainLevels), ("sortedcontainers", None)):
        out.take(name, lambda n=name, m=make: book_alone(n, m, rows, seed, last))
    loops(out, rows, each)
    yield out


def book_alone(name: str, make: Any, rows: Rows, seed: Rows, last: Any) -> Case:
    """The same updates into a competitor's book; the touch is read at the end, as above."""
    from bench.peers import SortedLevels

    def fresh() -> Any:
        book = (make or SortedLevels)()
        book.replay([row[1:] for row in seed])
        return book

    updates = [row[1:] for row in rows[:-1]]

    def run(book: Any) -> Any:
        if make is not None:
            each3(book.set, updates)
        else:
            bids, asks = book.sides
            for side, price, size in updates:
                levels = bids if side == 1 else asks
                if size:
                    levels[price] = size
                else:
                    levels.pop(price, None)
        return book.replay([rows[-1][1:]])[0]

    def check(quotes: Any) -> None:
        assert tuple(quotes) == last

    return Case(name, run, check, len(rows), fresh)


@group("call-push")
def push(quick: bool) -> Iterable[Group]:
    stream = streams.simulated(500_000 if quick else 2_000_000)
    part = stream.events[:100_000]
    rows = rows_of(part.ts, np.full(len(part), int(bf.Action.LEVEL)), *part.levels())
    seed = stream.seed.events(INSTRUMENT, l2=True)
    quotes = streams.Columns.joined(stream.seed, part).quotes
    # NaN stands before the first state with both sides.
    expected = float(np.nansum(bf.order_flow_imbalance(*quotes)))
    out = Group(
        "call-push",
        "Pipeline.push (LevelBook + OFI, no row written)",
        stream.name,
        [],
        [Target("<= 90 ns", limit=90)],
    )

    def fresh() -> Any:
        pipe = bf.Pipeline(INSTRUMENT, clock="1h", features=FLOW)
        pipe.run(seed)
        return pipe

    def looped(name: str, rows: Rows) -> Case:
        def run(pipe: Any) -> Any:
            each5(pipe.push, rows)
            return pipe

        def check(pipe: Any) -> None:
            assert pipe.finish()["ofi"][-1] == expected

        return Case(name, run, check, len(rows), fresh)

    scalars = scalars_of(part.ts, np.full(len(part), int(bf.Action.LEVEL)), *part.levels())
    out.cases = [looped("bookflow", rows), looped("bookflow, np.int64", scalars)]
    loops(out, rows, each5)
    yield out
