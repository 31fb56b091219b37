"""Groups of calculators over whole columns, and what a column call costs when it does nothing."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

import bookflow as bf
from bench import floors, numba_columns, real, streams
from bench.case import Case, Group, Target, equal_columns, group
from bench.numba_books import NumbaLevels

Quotes = tuple[np.ndarray, ...]
BUCKET, BUCKETS = 10_000, 50


def numpy_ofi(bp: Any, bs: Any, ap: Any, asz: Any) -> Any:
    out = np.zeros(bp.shape)
    out[1:] = bs[1:] * (bp[1:] >= bp[:-1]) - bs[:-1] * (bp[1:] <= bp[:-1])
    out[1:] += asz[:-1] * (ap[1:] >= ap[:-1]) - asz[1:] * (ap[1:] <= ap[:-1])
    return out


def numpy_rolling(*quotes: Any) -> Any:
    total = np.cumsum(numpy_ofi(*quotes))
    total[1000:] -= total[:-1000].copy()
    return total


def polars_ofi(quotes: Quotes, window: int | None) -> Callable[[Any], Any]:
    import polars as pl

    names = ("bp", "bs", "ap", "asz")
    frame = pl.DataFrame(dict(zip(names, quotes, strict=True)))
    bp, bs, ap, asz = (pl.col(name) for name in names)
    zero = pl.lit(0, pl.Int64)
    e = (
        pl.when(bp >= bp.shift(1)).then(bs).otherwise(zero)
        - pl.when(bp <= bp.shift(1)).then(bs.shift(1)).otherwise(zero)
        - pl.when(ap <= ap.shift(1)).then(asz).otherwise(zero)
        + pl.when(ap >= ap.shift(1)).then(asz.shift(1)).otherwise(zero)
    ).fill_null(0)
    if window is not None:
        e = e.rolling_sum(window, min_samples=1)
    return lambda _: (frame.select(e.cast(pl.Float64).alias("e"))["e"].to_numpy(),)


def case(name: str, run: Callable[[Any], Any], truth: Any, n: int) -> Callable[[], Case]:
    return lambda: Case(name, run, equal_columns((truth,)), n)


@cache
def quotes(quick: bool) -> list[tuple[str, Quotes]]:
    """The touch after every event: a real day, then the simulated one. No side is missing."""
    out = []
    if (day := real.amzn()) is not None and day.depth is not None:
        touch = (np.ascontiguousarray(side[:, 0]) for side in day.depth.arrays())
        out.append(("AMZN 2012-06-21, depth rows", tuple(touch)))
    n = 500_000 if quick else 2_000_000
    out.append((f"simulated, {n:,} quotes", streams.simulated(n).events.quotes))
    return out


def work(name: str, what: str, stream: str, targets: list[Target]) -> Group:
    return Group(name, what, stream, [], targets, real="simulated" not in stream)


@group("columns-imbalance")
def imbalances(quick: bool) -> Iterable[Group]:
    for stream, columns in quotes(quick):
        _, bs, _, asz = columns
        n = len(bs)
        truth = (bs - asz) / (bs + asz)
        out = np.full(n, -1.0)
        group = work(
            "columns-imbalance",
            "columns: queue imbalance",
            stream,
            [
                Target("within 1.1x of numba", factor=1.1, beside="numba"),
                Target("within 1.1x of the streaming limit", factor=1.1, beside="floor, stream"),
            ],
        )
        summed = sum(columns).astype(float)
        for name, run, answer in (
            ("bookflow", lambda _, c=columns, o=out: (bf.queue_imbalance(*c, out=o),), truth),
            ("floor, stream", lambda _, c=columns, o=out: (floors.stream(*c, o),), summed),
            (
                "numba",
                lambda _, b=bs, a=asz, o=out: (numba_columns.imbalance(b, a, o),),
                truth,
            ),
            ("numpy", lambda _, b=bs, a=asz: ((b - a) / (b + a),), truth),
        ):
            group.take(name, case(name, run, answer, n))
        yield group


@group("columns-ofi")
def flows(quick: bool) -> Iterable[Group]:
    for stream, columns in quotes(quick):
        for window, what in ((None, "OFI"), (1000, "OFI + rolling 1000")):
            n = len(columns[0])
            out = np.full(n, -1.0)
            summed = sum(columns).astype(float)
            rolling = window is not None
            targets = (
                [Target("faster than numba", factor=1.0, beside="numba")]
                if rolling
                else [
                    Target("within 1.1x of numba", factor=1.1, beside="numba"),
                    Target(
                        "within 1.1x of the streaming limit", factor=1.1, beside="floor, stream"
                    ),
                ]
            )
            group = work("columns-ofi", f"columns: {what}", stream, targets)
            truth = numpy_rolling(*columns) if rolling else numpy_ofi(*columns)
            how = {"window": "1000events"} if rolling else {}
            compiled = numba_columns.ofi_rolling if rolling else numba_columns.ofi
            more = (1000,) if rolling else ()
            plain = numpy_rolling if rolling else numpy_ofi
            for name, run, answer in (
                (
                    "bookflow",
                    lambda _, c=columns, o=out, h=how: (bf.order_flow_imbalance(*c, **h, out=o),),
                    truth,
                ),
                ("floor, stream", lambda _, c=columns, o=out: (floors.stream(*c, o),), summed),
                (
                    "numba",
                    lambda _, f=compiled, c=columns, m=more, o=out: (f(*c, *m, o),),
                    truth,
                ),
                ("numpy", lambda _, f=plain, c=columns: (f(*c),), truth),
            ):
                group.take(name, case(name, run, answer, n))
            group.take(
                "polars",
                lambda c=columns, w=window, t=truth, n=n: case("polars", polars_ofi(c, w), t, n)(),
            )
            group.take("wickra", lambda c=columns, w=window or 1: wickra_ofi(c, w))
            yield group


def wickra_ofi(columns: Quotes, window: int) -> Case:
    """It takes snapshots as tuples of lists; a rolling sum over its period."""
    from wickra import OrderFlowImbalance

    part = [column[:100_000] for column in columns]
    rows = [tuple([float(x)] for x in row) for row in zip(*(c.tolist() for c in part), strict=True)]
    truth = numpy_ofi(*part)
    truth = np.convolve(truth, np.ones(window))[: len(truth)] if window > 1 else truth

    def check(answer: Any) -> None:
        mine = np.asarray(answer)
        ready = ~np.isnan(mine)
        assert ready.any()
        np.testing.assert_allclose(mine[ready], truth[ready], atol=1e-6)

    return Case("wickra", lambda _: OrderFlowImbalance(window).batch(rows), check, len(rows))


@group("columns-mlofi")
def levels_flows(quick: bool) -> Iterable[Group]:
    for levels in (5, 10):
        for stream, columns in depth(levels, quick):
            n = len(columns[0])
            out = np.full((n, levels), -1.0)
            group = work(
                "columns-mlofi",
                f"columns: OFI of {levels} levels",
                stream,
                [Target("faster than numba", factor=1.0, beside="numba")],
            )
            truth = numpy_ofi(*columns)
            for name, run in (
                (
                    "bookflow",
                    lambda _, c=columns, k=levels, o=out: (
                        bf.multi_level_order_flow_imbalance(*c, levels=k, out=o),
                    ),
                ),
                ("numba", lambda _, c=columns, o=out: (numba_columns.mlofi(*c, o),)),
                ("numpy", lambda _, c=columns: (numpy_ofi(*c),)),
            ):
                group.take(name, case(name, run, truth, n))
            yield group


def depth(levels: int, quick: bool) -> Iterable[tuple[str, Quotes]]:
    if levels == 5 and (day := real.amzn()) is not None and day.depth is not None:
        blocks = tuple(day.depth.arrays())
        # Missing levels are another rule in every competitor: the rows where all five are there.
        whole = (blocks[1] > 0).all(1) & (blocks[3] > 0).all(1)
        yield (
            "AMZN 2012-06-21, depth rows",
            tuple(np.ascontiguousarray(block[whole]) for block in blocks),
        )
    n = 200_000 if quick else 500_000
    stream = streams.simulated(n)
    book = NumbaLevels(stream.prices)
    book.replay(*stream.seed.levels(), floors.quotes_out(stream.live))
    columns = book.replay(*stream.events.levels(), floors.quotes_out(n, levels))
    yield f"simulated, {n:,} rows", columns


@group("columns-vpin")
def vpins(quick: bool) -> Iterable[Group]:
    for stream, price, size, side in trades(quick):
        n = len(size)
        out = np.full(n, -1.0)
        group = work(
            "columns-vpin",
            "columns: VPIN",
            stream,
            [Target("faster than numba", factor=1.0, beside="numba")],
        )
        truth = numba_columns.vpin(size, side, BUCKET, BUCKETS, np.empty(n))
        for name, run in (
            (
                "bookflow",
                lambda _, p=price, q=size, s=side, o=out: (
                    bf.vpin(p, q, s, bucket_volume=BUCKET, n_buckets=BUCKETS, out=o),
                ),
            ),
            (
                "numba",
                lambda _, q=size, s=side, o=out: (numba_columns.vpin(q, s, BUCKET, BUCKETS, o),),
            ),
        ):
            group.take(name, case(name, run, truth, n))
        group.take("wickra", lambda p=price, q=size, s=side, t=truth: wickra_vpin(p, q, s, t))
        group.missing.append(
            ("flowrisk", "another measure: bulk volume by time bars, no prints with sides")
        )
        yield group


def trades(quick: bool) -> Iterable[tuple[str, Any, Any, Any]]:
    if (day := real.amzn()) is not None:
        rows = day.action == bf.Action.EXECUTE
        # The aggressor is the other side than the resting order's.
        yield (
            "AMZN 2012-06-21, executions",
            day.price[rows],
            day.size[rows],
            (3 - day.side[rows]).astype(np.uint8),
        )
    simulated = streams.trades(500_000 if quick else 2_000_000)
    yield "simulated trades", simulated.price, simulated.size, simulated.side


def wickra_vpin(price: Any, size: Any, side: Any, truth: Any) -> Case:
    from wickra import Vpin

    n = min(len(size), 500_000)
    columns = price[:n].astype(float).tolist(), size[:n].astype(float).tolist()
    buys = (side[:n] == 1).tolist()

    def check(answer: Any) -> None:
        np.testing.assert_allclose(np.asarray(answer), truth[:n], atol=1e-9)

    return Case("wickra", lambda _: Vpin(BUCKET, BUCKETS).batch(*columns, buys), check, n)


@group("columns-call")
def fixed_cost(quick: bool) -> Iterable[Group]:
    """One row with `out=`: what a column call costs before it does anything."""
    n = 20_000 if quick else 100_000
    one = [np.array([x]) for x in (100, 5, 101, 7)]
    out = np.full(1, -1.0)
    group = work(
        "columns-call",
        "fixed cost of a column call with out=, 1 row",
        "simulated, one quote",
        [Target("<= 250 ns", limit=250)],
    )

    def repeated(call: Callable[[], Any]) -> Callable[[Any], Any]:
        def run(_: Any) -> Any:
            for _ in range(n):
                answer = call()
            return (answer,)

        return run

    ofi, imbalance, compiled = bf.order_flow_imbalance, bf.queue_imbalance, numba_columns.ofi
    a, b, c, d = one
    zero, share = np.zeros(1), np.array([-2 / 12])
    for name, call, truth in (
        ("bookflow", lambda: ofi(a, b, c, d, out=out), zero),
        ("bookflow, queue imbalance", lambda: imbalance(a, b, c, d, out=out), share),
        ("numba", lambda: compiled(a, b, c, d, out), zero),
        ("numpy", lambda: numpy_ofi(a, b, c, d), zero),
        ("empty loop", lambda: out, None),
    ):
        answer = share if truth is None else truth
        made = Case(name, repeated(call), equal_columns((answer,)), n)
        group.cases.append(
            made if truth is not None else Case(name, repeated(call), lambda _: None, n)
        )
    yield group
