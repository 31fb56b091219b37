"""Groups of books: columns of events in, columns of quotes out, row by row."""

from collections.abc import Callable, Iterable
from typing import Any

import bookflow as bf
from bench import floors, peers, real, streams
from bench.case import Case, Group, Target, equal_columns, group
from bench.numba_books import NumbaLevels, NumbaOrders
from bench.plain_books import PlainLevels, PlainOrders
from bench.streams import Stream

SLOW = 100_000  # events that competitors in plain Python are given
SLOWEST = 10_000  # and those whose cost grows with the book


def filled(book: Any, seed: tuple[Any, ...]) -> Any:
    """The book after the seed; what the seed's quotes are is nobody's question."""
    if len(seed[0]):
        book.replay(*seed, out=floors.quotes_out(len(seed[0])))
    return book


def columns_case(
    name: str, make: Callable[[], Any], stream: Stream, kind: str, levels: int | None, truth: Any
) -> Case:
    """A competitor that replays columns into `out`; a fresh book and a poisoned `out` a round."""
    events = getattr(stream.events, kind)()
    seed = getattr(stream.seed, kind)()
    n = len(stream.events)
    out = floors.quotes_out(n, levels)

    def prepare() -> Any:
        for column in out:
            column.fill(-1)
        return filled(make(), seed)

    return Case(name, lambda book: book.replay(*events, out=out), equal_columns(truth), n, prepare)


class Bookflow:
    """bookflow's books under the signature that all share here."""

    def __init__(self, book: Any, levels: int | None = None) -> None:
        self.book, self.levels = book, levels

    def replay(self, *columns: Any, out: Any) -> Any:
        if len(columns) == 3:
            columns = (None, *columns)
        levels = None if out[0].ndim == 1 else out[0].shape[1]
        self.book.replay(*columns, levels=levels, out=out)
        return out


def plain_case(
    name: str, make: Callable[[], Any], stream: Stream, kind: str, rows_given: int = SLOW
) -> Case:
    """A competitor in plain Python: lists, and a part of the stream."""
    part = stream.events[:rows_given]
    rows = list(zip(*(c.tolist() for c in getattr(part, kind)()), strict=True))
    seed = list(zip(*(c.tolist() for c in getattr(stream.seed, kind)()), strict=True))

    def prepare() -> Any:
        book = make()
        book.replay(seed)
        return book

    def check(answer: Any) -> None:
        equal_columns(part.quotes)(tuple(zip(*answer, strict=True)))

    return Case(name, lambda book: book.replay(rows), check, len(part), prepare)


def add_optional(to: Group, names: Iterable[tuple[str, Callable[[], Case]]]) -> None:
    for name, make in names:
        to.take(name, make)


def l2_streams(quick: bool) -> list[Stream]:
    n = 500_000 if quick else 2_000_000
    real_ones = [real.binance("usdm__ethusdt_20240808"), real.aapl()]
    simulated = [streams.simulated(n), streams.simulated(n, deep=0.6)]
    return [stream for stream in (*real_ones, *simulated) if stream is not None]


@group("l2")
def l2(quick: bool) -> Iterable[Group]:
    for stream in l2_streams(quick):
        truth = stream.events.quotes
        out = Group(
            "l2",
            "L2 columns in, 4 best-quote columns out",
            stream.name,
            [],
            [
                Target("<= 6 ns", limit=6),
                Target(">= 4x polars-order-book", factor=1 / 4, beside="polars-order-book"),
                Target("within 1.3x of a numba ladder", factor=1.3, beside="numba, fixed range"),
            ],
            real="simulated" not in stream.name,
        )

        def columns(name: str, make: Any, s: Stream = stream, t: Any = truth) -> Any:
            return name, lambda: columns_case(name, make, s, "levels", None, t)

        def plain(name: str, make: Any, rows: int = SLOW, s: Stream = stream) -> Any:
            return name, lambda: plain_case(name, make, s, "levels", rows)

        add_optional(
            out,
            [
                columns("bookflow", lambda: Bookflow(bf.LevelBook())),
                columns("floor", lambda s=stream: floors.Levels(s.prices)),
                columns("floor, native", lambda s=stream: floors.Levels(s.prices, native=True)),
                columns("numba, fixed range", lambda s=stream: NumbaLevels(s.prices)),
                ("polars-order-book", lambda s=stream: peers.polars_levels(s, 1)),
                plain("plain Python", PlainLevels),
                plain("sortedcontainers", peers.SortedLevels),
                plain("order-book", peers.OrderBookLevels, SLOWEST),
                ("nautilus_trader", lambda s=stream: peers.nautilus_levels(s, SLOW)),
                ("hftbacktest", lambda s=stream: peers.hftbacktest_levels(s)),
            ],
        )
        yield out


@group("l2-top")
def l2_top(quick: bool) -> Iterable[Group]:
    for stream in l2_streams(quick)[:: 1 if not quick else 2]:
        for levels in (5, 10):
            truth = top_truth(stream, levels)
            out = Group(
                "l2-top",
                f"L2 columns in, top {levels} columns out",
                stream.name,
                [],
                [Target(">= 5x polars-order-book", factor=1 / 5, beside="polars-order-book")],
                real="simulated" not in stream.name,
            )

            def columns(
                name: str, make: Any, s: Any = stream, k: int = levels, t: Any = truth
            ) -> Any:
                return name, lambda: columns_case(name, make, s, "levels", k, t)

            add_optional(
                out,
                [
                    columns("bookflow", lambda: Bookflow(bf.LevelBook())),
                    columns("floor", lambda s=stream: floors.Levels(s.prices)),
                    columns("numba, fixed range", lambda s=stream: NumbaLevels(s.prices)),
                    (
                        "polars-order-book",
                        lambda s=stream, k=levels, t=truth: peers.polars_levels(s, k, t),
                    ),
                ],
            )
            yield out


def top_truth(stream: Stream, levels: int) -> tuple[Any, ...]:
    """By the numba ladder, whose first column is compared with the stream's own truth."""
    book = filled(NumbaLevels(stream.prices), stream.seed.levels())
    top = book.replay(*stream.events.levels(), out=floors.quotes_out(len(stream.events), levels))
    equal_columns(stream.events.quotes)(tuple(column[:, 0] for column in top))
    return top


@group("l3")
def l3(quick: bool) -> Iterable[Group]:
    n = 500_000 if quick else 2_000_000
    for stream in (real.aapl(), real.es(), streams.simulated(n), streams.simulated(n, deep=0.6)):
        if stream is not None:
            yield orders_group("l3", stream, "floor", peers_too=True)


@group("l3-5m")
def l3_5m(quick: bool) -> Iterable[Group]:
    n, live = (300_000, 1_000_000) if quick else (1_000_000, 5_000_000)
    for make in (streams.simulated, streams.scattered):
        yield orders_group("l3-5m", make(n, live), "floor, prefetch", peers_too=False)


def orders_group(name: str, stream: Stream, beside: str, *, peers_too: bool) -> Group:
    truth = stream.events.quotes
    targets = [Target(f"<= 1.25x the {beside}", factor=1.25, beside=beside)]
    if peers_too:
        targets += [
            Target(f">= 3x {peer}", factor=1 / 3, beside=peer) for peer in ("itch-book", "itchcpp")
        ]
    out = Group(
        name,
        "L3 with 64-bit hashed ids and FIFO, best quotes out",
        stream.name,
        [],
        targets,
        real="simulated" not in stream.name,
    )

    def columns(title: str, make: Any) -> Any:
        return title, lambda: columns_case(title, make, stream, "orders", None, truth)

    floor = lambda **how: floors.Orders(stream.prices, max(stream.live, 31_000), **how)  # noqa: E731
    cases = [
        columns("bookflow", lambda: Bookflow(bf.OrderBook())),
        columns("floor", floor),
        columns("floor, prefetch", lambda: floor(ahead=16)),
        columns("numba, typed dict, no queues", lambda: NumbaOrders(stream.prices)),
    ]
    if peers_too:
        cases += [
            columns("floor, native", lambda: floor(native=True)),
            ("itch-book", lambda: peers.itch_book(stream)),
            ("itchcpp", lambda: peers.itchcpp(stream)),
            ("plain Python", lambda: plain_case("plain Python", PlainOrders, stream, "orders")),
            ("nautilus_trader", lambda: peers.nautilus_orders(stream, SLOW)),
        ]
    add_optional(out, cases)
    return out
