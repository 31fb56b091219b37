"""Recordings as streams, where BOOKFLOW_SHARED (default ../shared) has them; else there are none.

What a venue sends is brought to the form of `streams.Columns`: orders whose id was never seen are
left out, a MODIFY is a CANCEL, or a DELETE and an ADD. The truth is written by plain Python.
"""

import gzip
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

import bookflow as bf
from bench.plain_books import PlainOrders
from bench.streams import Columns, Stream

SHARED = Path(os.environ.get("BOOKFLOW_SHARED", Path(__file__).parents[2] / "shared"))
LOBSTER = SHARED / "data" / "lobster"
BINANCE = SHARED / "data" / "hftbacktest"
ES = SHARED / "data" / "databento" / "nautilus"

Row = tuple[int, int, int, int, int, int]  # ts, action, side, price, size, order_id


def _there(*paths: Path) -> bool:
    return all(path.exists() for path in paths)


@cache
def amzn() -> bf.Events | None:
    """A day of depth rows, five levels, with what caused each."""
    folder = LOBSTER / "AMZN_2012-06-21_5"
    if not _there(folder):
        return None
    message, orderbook = (next(folder.glob(f"*{kind}_5.csv")) for kind in ("message", "orderbook"))
    events = bf.read_lobster(message, orderbook)
    len(events.ts)  # load it
    return events


def _sound_orders(rows: Iterator[Row]) -> Iterator[Row]:
    orders: dict[int, list[int]] = {}
    for ts, action, side, price, size, order_id in rows:
        order = orders.get(order_id)
        if action == bf.Action.ADD and order is None:
            orders[order_id] = [side, price, size]
            yield ts, 1, side, price, size, order_id
        elif order is None:
            continue
        elif action in (bf.Action.CANCEL, bf.Action.EXECUTE, bf.Action.DELETE):
            gone = action == bf.Action.DELETE or size >= order[2]
            taken = order[2] if gone else size
            order[2] -= taken
            kind = 3 if gone and action != bf.Action.EXECUTE else int(action)
            yield ts, kind, order[0], order[1], taken, order_id
            if gone:
                del orders[order_id]
        elif action == bf.Action.MODIFY:
            if price == order[1] and 0 < size < order[2]:
                yield ts, 2, order[0], price, order[2] - size, order_id
                order[2] = size
            elif (price, size) != (order[1], order[2]):
                yield ts, 3, order[0], order[1], order[2], order_id
                del orders[order_id]
                if size:
                    orders[order_id] = [order[0], price, size]
                    yield ts, 1, order[0], price, size, order_id


def _columns(rows: list[Row]) -> Columns:
    """The rows, and the truth after each."""
    book = PlainOrders()
    quotes, level_sizes = [], []
    for _, action, side, price, size, order_id in rows:
        quotes += book.replay([(action, side, price, size, order_id)])
        level_sizes.append(book.levels.get(side, price))
    ts, action, side, price, size, order_id = zip(*rows, strict=True)
    given = (action, side, price, size, order_id, ts, level_sizes, *zip(*quotes, strict=True))
    like = Columns.empty(0).arrays()
    return Columns(*(np.array(c, a.dtype) for c, a in zip(given, like, strict=True)))


def _orders_of(name: str, events: bf.Events) -> Stream:
    table = events.to_numpy()
    snapshot = (table["flags"] & bf.Flag.SNAPSHOT) != 0
    names = ("ts", "action", "side", "price", "size", "order_id")
    given = table["price"][table["price"] != bf.NONE]
    table["price"] //= np.gcd.reduce(given)  # in ticks: kernels of fixed range need it small
    high = table["order_id"] >= 1 << 63  # peers with signed ids
    table["order_id"][high] -= np.uint64(1 << 62)
    rows = list(_sound_orders(zip(*(table[name].tolist() for name in names), strict=True)))
    seeds = int(snapshot[table["action"] == bf.Action.ADD].sum())
    columns = _columns(rows)
    return Stream(name, columns[:seeds], columns[seeds:])


@cache
def aapl() -> Stream | None:
    """The first hour of AAPL's orders, from 50-level messages seeded with the first book."""
    stem = "AAPL_2012-06-21_34200000"
    message = LOBSTER / "AAPL_2012-06-21_50_msgonly" / f"{stem}_37800000_message_50.csv"
    seed = LOBSTER / "AAPL_2012-06-21_10_first998" / f"{stem}_57600000_orderbook_10.csv"
    if not _there(message, seed):
        return None
    return _orders_of("AAPL 2012-06-21, 9:30 to 10:30", bf.read_lobster(message, seed=seed))


@cache
def es() -> Stream | None:
    """ES futures, market by order: the snapshot of 13,600 orders is what is replayed."""
    files = sorted(ES.glob("orderbooks_mbo_2024-05-08*"))
    if not files:
        return None
    stream = _orders_of("ESM4, 13,600 orders of a snapshot", bf.read_databento(files[0]))
    return Stream(stream.name, stream.seed[:0], stream.whole)


@cache
def binance(name: str = "spot__btcusdt_20240808") -> Stream | None:
    """L2 diffs from the snapshot on, as LEVEL events."""
    path = BINANCE / f"{name}.gz"
    if not _there(path):
        return None
    rows: list[tuple[int, int, str, str]] = []
    waiting: list[tuple[int, int, str, str, int]] = []  # diffs that came before the snapshot
    seeds = 0
    last_id = None
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        stamp, text = line.split(" ", 1)
        message = json.loads(text)
        data = message.get("data", message)
        if "lastUpdateId" in data:
            last_id = data["lastUpdateId"]
            sides = ((1, data["bids"]), (2, data["asks"]))
            rows = [(int(stamp), side, p, s) for side, sent in sides for p, s in sent]
            seeds = len(rows)
            rows += [(int(stamp), *row[1:4]) for row in waiting if row[4] > last_id]
        elif data.get("e") == "depthUpdate":
            sides = ((1, data["b"]), (2, data["a"]))
            sent = [(int(stamp), side, p, s) for side, sent in sides for p, s in sent]
            if last_id is None:
                waiting += [(*row, data["u"]) for row in sent]
            elif data["u"] > last_id:
                rows += sent
    if not rows:
        return None
    return _level_stream(f"Binance {name.replace('__', ' ')}", rows, seeds)


def _level_stream(name: str, rows: list[tuple[int, int, str, str]], seeds: int) -> Stream:
    from bench.plain_books import PlainLevels

    def units(column: list[str]) -> list[int]:
        exact = [Decimal(text) for text in column]
        places = max(-int(x.normalize().as_tuple().exponent) for x in exact)
        return [int(x.scaleb(max(places, 0))) for x in exact]

    ts, side, price_text, size_text = (list(column) for column in zip(*rows, strict=True))
    price, size = units(price_text), units(size_text)
    ts = np.maximum.accumulate(np.array(ts, np.int64))
    quotes = PlainLevels().replay(zip(side, price, size, strict=True))
    zeros = np.zeros(len(rows), np.uint64)
    given = (np.full(len(rows), bf.Action.LEVEL), side, price, size, zeros, ts, size)
    like = Columns.empty(0).arrays()
    everything = (*given, *zip(*quotes, strict=True))
    columns = Columns(*(np.array(c, a.dtype) for c, a in zip(everything, like, strict=True)))
    return Stream(name, columns[:seeds], columns[seeds:])
