"""`python -m bench.itch`: bytes of ITCH 5.0 framed, to events, and to best quotes.

Three streams: one stock with the bench's simulated orders; thousands of stocks, each with a book of
its own, drawn evenly, so that every message is another's; and the same, nearer to a real day, by
Zipf's law: of 8,000 stocks the first hundred have half of all messages.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

import bookflow as bf
from bench import streams
from bookflow import _core

MIDNIGHT = 0
OPEN = 34_200 * 10**9


def one_stock(events: int) -> bytes:
    """The bench's stream of orders as one stock's day."""
    w = streams.simulated(events, 31_000).whole
    encoder = _core.ItchEncoder(MIDNIGHT)
    encoder.name(1, "ONE")
    ts = w.ts - w.ts[0] + OPEN
    ids = np.unique(w.order_id, return_inverse=True)[1].astype(np.uint64) + np.uint64(1)
    locate = np.ones(len(ts), np.uint32)
    data = encoder.encode(ts, w.action, w.side, w.price * 100, w.size, None, ids, locate)
    return encoder.directory(1, 0) + data + encoder.finish()


def many_stocks(stocks: int, events: int, zipf: float = 0.0, seed: int = 1) -> bytes:
    """Adds and deletes of some 50 orders a stock near its own price.

    The n-th most active stock has a share of messages like n**-zipf, 0 being evenly.
    """
    chance = np.random.default_rng(seed)
    shares = np.cumsum(np.arange(1.0, stocks + 1) ** -zipf)
    place_of = np.searchsorted(shares, shares[-1] * chance.random(events), side="right")
    stock = chance.permutation(np.arange(1, stocks + 1, dtype=np.uint32))[place_of]
    order = np.argsort(stock, kind="stable")
    place = np.empty(events, np.int64)  # of each message among its stock's
    starts = np.r_[0, np.flatnonzero(np.diff(stock[order])) + 1]
    lengths = np.diff(np.r_[starts, events])
    place[order] = np.arange(events) - np.repeat(starts, lengths)
    # Behind the first 50 adds of a stock each second message deletes the order of 50 adds before.
    late = place - 50
    deletes = (late >= 0) & (late % 2 == 0)
    number = np.where(deletes, late // 2, np.where(late < 0, place, 50 + late // 2))
    ids = (stock.astype(np.uint64) << np.uint64(32)) | (number.astype(np.uint64) + np.uint64(1))
    side = np.where(deletes, 0, 1 + number % 2).astype(np.uint8)
    away = chance.geometric(0.2, events)
    middle = 5_000 + 3 * stock.astype(np.int64)
    price = np.where(number % 2 == 0, middle - away, middle + away) * 100
    encoder = _core.ItchEncoder(MIDNIGHT)
    names = []
    for n in range(1, stocks + 1):
        encoder.name(n, f"S{n}")
        names.append(encoder.directory(n, 0))
    data = encoder.encode(
        OPEN + np.arange(events),
        np.where(deletes, 3, 1).astype(np.uint8),
        side,
        np.where(deletes, -(2**63), price),
        np.where(deletes, 0, 100).astype(np.int64),
        None,
        ids,
        stock,
    )
    return b"".join(names) + data + encoder.finish()


def least(run: Callable[[], int], rounds: int) -> tuple[float, int]:
    """ns a message of the quickest round, and how many messages there are."""
    best, messages = float("inf"), 0
    for _ in range(rounds):
        start = time.perf_counter()
        messages = run()
        best = min(best, time.perf_counter() - start)
    return best / messages * 1e9, messages


def frames(data: bytes) -> int:
    return _core.itch_frame(data)[0]


def events_of(data: bytes) -> int:
    feed = _core.ItchFeed(MIDNIGHT, [])
    view = memoryview(data)
    while True:
        _, used = feed.decode(view, 1 << 16)
        view = view[used:]
        if not used:
            return frames(data)


def quotes_of(data: bytes) -> int:
    books = _core.ItchBooks(MIDNIGHT, [])
    view = memoryview(data)
    while True:
        _, used = books.replay(view, 1 << 16)
        view = view[used:]
        if not used:
            return frames(data)


def check(data: bytes) -> None:
    """The quotes straight from the bytes are those of a plain replay of the events, by stock."""
    ours = np.concatenate(_core.ItchBooks(MIDNIGHT, []).replay(data, 1 << 40)[0][2:])
    columns, _ = _core.ItchFeed(MIDNIGHT, []).decode(data, 1 << 40)
    _, _, ids, price, size, stock, action, side, _ = columns
    theirs = np.empty((4, len(ids)), np.int64)
    for number in np.unique(stock):
        own = np.flatnonzero(stock == number)
        book = bf.OrderBook()
        out = book.replay(action[own], side[own], price[own], size[own], ids[own])
        theirs[:, own] = out
    assert np.array_equal(ours, theirs.ravel())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--stocks", type=int, default=8_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    streams_of = {
        "one stock": one_stock(args.events),
        f"{args.stocks:,} evenly": many_stocks(args.stocks, args.events),
        f"{args.stocks:,} by Zipf": many_stocks(args.stocks, args.events, zipf=1.0),
    }
    for name, data in streams_of.items():
        check(data)
        for what, run in (("framed", frames), ("events", events_of), ("best quotes", quotes_of)):
            ns, messages = least(lambda run=run, data=data: run(data), args.rounds)
            print(f"{name:14} {what:12} {ns:8.2f} ns a message, {1e3 / ns:7.1f} M/s ({messages:,})")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")


if __name__ == "__main__":
    main()
