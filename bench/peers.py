"""Packages that users would pick instead, each brought to the same work over the same stream.

A function here raises when its package is not installed: the page then says so.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from bench.case import Case, equal_columns
from bench.itch_bytes import TICK, encoded
from bench.streams import Columns, Stream
from bookflow import NONE


def polars_levels(stream: Stream, levels: int, truth: Any = None) -> Case:
    """Takes changes of size; the seed is a part of what it is given and of what is timed."""
    import polars as pl
    from polars_order_book import top_n_levels_from_price_mutations as top_n

    whole = stream.whole
    frame = pl.DataFrame(
        {"price": whole.price, "qty": level_changes(whole), "is_bid": whole.side == 1}
    )
    expression = top_n(pl.col("price"), pl.col("qty"), pl.col("is_bid"), n=levels)
    begin = len(stream.seed)
    truth = tuple(t[:, None] for t in stream.events.quotes) if truth is None else truth

    def check(answer: Any) -> None:
        table = answer.unnest("top").slice(begin)
        for price, size, (prices, sizes) in zip(
            ("bid_price", "ask_price"), ("bid_qty", "ask_qty"), (truth[:2], truth[2:]), strict=True
        ):
            for level in range(levels):
                suffix = f"_{level + 1}"
                mine = table[f"{price}{suffix}"].fill_null(NONE).to_numpy()
                np.testing.assert_array_equal(mine, prices[:, level])
                mine = table[f"{size}{suffix}"].fill_null(0).to_numpy()
                np.testing.assert_array_equal(mine, sizes[:, level])

    return Case(
        "polars-order-book",
        lambda _: frame.select(expression.alias("top")),
        check,
        len(whole),
    )


def level_changes(columns: Columns) -> np.ndarray:
    """By how much each event changed the size at its price."""
    order = np.lexsort((np.arange(len(columns)), columns.price, columns.side))
    sizes, price, side = columns.level_size[order], columns.price[order], columns.side[order]
    change = np.diff(sizes, prepend=0)
    first = np.ones(len(order), bool)
    first[1:] = (price[1:] != price[:-1]) | (side[1:] != side[:-1])
    change[first] = sizes[first]
    out = np.empty_like(change)
    out[order] = change
    return out


class SortedLevels:
    """sortedcontainers: a SortedDict a side."""

    def __init__(self) -> None:
        from sortedcontainers import SortedDict

        self.sides = SortedDict(), SortedDict()

    def replay(self, rows: Any) -> Any:
        bids, asks = self.sides
        out = []
        for side, price, size in rows:
            levels = bids if side == 1 else asks
            if size:
                levels[price] = size
            else:
                levels.pop(price, None)
            bid = bids.peekitem(-1) if bids else (NONE, 0)
            out.append(bid + (asks.peekitem(0) if asks else (NONE, 0)))
        return out


class OrderBookLevels:
    """order-book: sorted dicts in C, read by index."""

    def __init__(self) -> None:
        from order_book import OrderBook

        self.book = OrderBook()

    def replay(self, rows: Any) -> Any:
        bids, asks = self.book.bids, self.book.asks
        out = []
        for side, price, size in rows:
            levels = bids if side == 1 else asks
            if size:
                levels[price] = size
            elif price in levels:
                del levels[price]
            bid = bids.index(0) if len(bids) else (NONE, 0)
            out.append(bid + (asks.index(0) if len(asks) else (NONE, 0)))
        return out


def itch_book(stream: Stream) -> Case:
    """Reads ITCH bytes; its table of best quotes has a row where they change.

    Ids are numbered anew for it: it is made for Nasdaq's small ones, and refuses hashed ones.
    """
    from itch_book._core import Session

    whole = stream.whole
    _, numbers = np.unique(whole.order_id, return_inverse=True)
    data = encoded(replace(whole, order_id=numbers.astype(np.uint64) + np.uint64(1)))
    expected = changed_rows(whole)

    def run(_: Any) -> Any:
        session = Session(["bbo"], 1, [])
        session.feed(data)
        return session.take_bbo()

    def check(answer: Any) -> None:
        # Counts of orders change without the sizes now and then: compare where the four change.
        prices = [answer[f"{s}_px"] // TICK for s in ("bid", "ask")]
        sizes = [answer[f"{s}_sz"] for s in ("bid", "ask")]
        table = np.stack([prices[0], sizes[0], prices[1], sizes[1]], 1).astype(np.int64)
        keep = np.ones(len(table), bool)
        keep[1:] = (table[1:] != table[:-1]).any(1)
        np.testing.assert_array_equal(table[keep], expected)

    return Case("itch-book", run, check, len(whole))


def changed_rows(whole: Columns) -> np.ndarray:
    """The best quotes where they changed, a missing price as 0."""
    table = np.stack(whole.quotes, 1)
    table = np.where(table == NONE, 0, table)
    keep = np.ones(len(table), bool)
    keep[1:] = (table[1:] != table[:-1]).any(1)
    return table[keep]


def itchcpp(stream: Stream) -> Case:
    """Reads ITCH bytes; only the book at the end can be asked: no row a event, less work."""
    from itchcpp.book import BookManager

    data = encoded(stream.whole)
    last = [int(column[-1]) for column in stream.events.quotes]

    def run(_: Any) -> Any:
        manager = BookManager()
        manager.track_symbol("BENCH")
        manager.process_stream(data)
        return manager.book_for_symbol("BENCH").bbo()

    def check(bbo: Any) -> None:
        mine = [bbo.bid_price, bbo.bid_shares, bbo.ask_price, bbo.ask_shares]
        mine[0], mine[2] = round(mine[0] * 100), round(mine[2] * 100)
        assert mine == last, f"{mine} at the end, where {last} is right"

    return Case("itchcpp", run, check, len(stream.whole))


def _nautilus(stream: Stream, rows: int, *, orders: bool) -> Case:
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import BookOrder, OrderBookDelta
    from nautilus_trader.model.enums import BookAction, BookType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    instrument = InstrumentId.from_str("BENCH.SIM")
    side_of = {1: OrderSide.BUY, 2: OrderSide.SELL}
    left: dict[int, int] = {}

    def deltas(columns: Columns) -> list[Any]:
        out = []
        for i in range(len(columns)):
            ts, order_id = int(columns.ts[i]), int(columns.order_id[i])
            side, price = side_of[int(columns.side[i])], int(columns.price[i])
            if not orders:
                size, order_id = int(columns.level_size[i]), price
                action = BookAction.UPDATE if size else BookAction.DELETE
            elif columns.action[i] == 1:
                action, size = BookAction.ADD, int(columns.size[i])
                left[order_id] = size
            else:
                left[order_id] -= int(columns.size[i])
                size = left[order_id]
                action = BookAction.UPDATE if size else BookAction.DELETE
            order = BookOrder(side, Price(price, 0), Quantity(size, 0), order_id)
            out.append(OrderBookDelta(instrument, action, order, 0, i, ts, ts))
        return out

    seed = deltas(stream.seed)
    part = stream.events[:rows]
    events = deltas(part)

    def prepare() -> Any:
        book = OrderBook(instrument, BookType.L3_MBO if orders else BookType.L2_MBP)
        for delta in seed:
            book.apply_delta(delta)
        return book

    def run_orders(book: Any) -> Any:
        # Its best_bid_size is the first order's; a level's size is what a taker could get there.
        out = []
        for delta in events:
            book.apply_delta(delta)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            out.append(
                (
                    bid,
                    book.get_quantity_for_price(bid, OrderSide.SELL) if bid is not None else None,
                    ask,
                    book.get_quantity_for_price(ask, OrderSide.BUY) if ask is not None else None,
                )
            )
        return out

    def run_levels(book: Any) -> Any:
        out = []
        for delta in events:
            book.apply_delta(delta)
            out.append(
                (
                    book.best_bid_price(),
                    book.best_bid_size(),
                    book.best_ask_price(),
                    book.best_ask_size(),
                )
            )
        return out

    def check(answer: Any) -> None:
        missing = (NONE, 0, NONE, 0)
        mine = [
            [m if x is None else round(float(x)) for x, m in zip(row, missing, strict=True)]
            for row in answer
        ]
        equal_columns(part.quotes)(tuple(np.array(mine).T))

    run = run_orders if orders else run_levels
    return Case("nautilus_trader", run, check, len(part), prepare)


def nautilus_levels(stream: Stream, rows: int) -> Case:
    return _nautilus(stream, rows, orders=False)


def nautilus_orders(stream: Stream, rows: int) -> Case:
    return _nautilus(stream, rows, orders=True)


def hftbacktest_levels(stream: Stream) -> Case:
    """A backtest over the feed, its depth read by a compiled strategy after every event."""
    from bench.hftbacktest_peer import levels_case

    return levels_case(stream)
