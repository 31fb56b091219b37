"""Streams put in order, and the best quote over two venues: pushes of one event, and one of all.

Plain Python does the same beside it over lists and tuples, a heap for the order: without checks,
counts, gaps or flags, and without making an `Events` of what comes out.
"""

import statistics
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from time import process_time_ns

import numpy as np

import bookflow as bf
from bench.measure import quiet
from bookflow.events import Action, Events, Side

ROUNDS = 15
BATCH = 400_000
PUSHES = 2_000  # so few that they stay in the cache, as what has just come does
CENTS = bf.Instrument("X", price_unit="0.01", tick=None)
STEP = 1_000  # ns from event to event
SPAN = 200 * STEP  # as many are held; what is late is late by half of it at most
DICE = np.random.default_rng(3)

Best = tuple[int, int, int, int]
Row = tuple[int, ...]


def prints(late: bool) -> Events:
    ts = STEP * np.arange(1, BATCH + 1)
    if late:
        ts += DICE.integers(-SPAN // 2, 1, BATCH) + SPAN
    columns = {
        "ts": ts,
        "action": np.full(BATCH, Action.TRADE, np.uint8),
        "side": np.full(BATCH, Side.BUY, np.uint8),
        "price": np.full(BATCH, 10_000),
        "size": np.arange(1, BATCH + 1),
    }
    return Events(columns, CENTS, source="made")


def venue(offset: int) -> Events:
    """Bids and asks of one level, each an event of one row."""
    n = BATCH // 2
    side = DICE.integers(Side.BID, Side.ASK + 1, n).astype(np.uint8)
    columns = {
        "ts": 2 * STEP * np.arange(1, n + 1) + offset,
        "action": np.full(n, Action.QUOTE, np.uint8),
        "side": side,
        "price": 10_000 + np.where(side == Side.BID, -1, 1) * DICE.integers(1, 4, n),
        "size": DICE.integers(1, 99, n),
    }
    return Events(columns, CENTS, source="made")


def singles(events: Events) -> list[Events]:
    return [events[i : i + 1] for i in range(PUSHES)]


def rows_of(events: Events, *names: str) -> list[Row]:
    return list(zip(*(getattr(events, name).tolist() for name in names), strict=True))


def plain_order(rows: list[Row]) -> list[Row]:
    out, held, newest = [], [], -1
    for arrival, (ts, size) in enumerate(rows):
        newest = max(newest, ts)
        while held and held[0][0] < newest - SPAN:
            then, _, one = heappop(held)
            out.append((then, one))
        heappush(held, (ts, arrival, size))
    return out


def plain_best(rows: list[Row]) -> list[tuple[int, Best]]:
    nothing = (bf.NONE, 0, bf.NONE, 0)
    quotes: list[list[tuple[int, int] | None]] = [[None, None], [None, None]]
    out: list[tuple[int, Best]] = []
    told: Best = nothing
    for ts, number, side, price, size in rows:
        quotes[number][side - 1] = (price, size)
        bid, bid_size, ask, ask_size = nothing
        for its_bid, its_ask in quotes:
            if its_bid is None or its_ask is None:
                continue
            if bid == bf.NONE or its_bid[0] > bid:
                bid, bid_size = its_bid
            elif its_bid[0] == bid:
                bid_size += its_bid[1]
            if ask == bf.NONE or its_ask[0] < ask:
                ask, ask_size = its_ask
            elif its_ask[0] == ask:
                ask_size += its_ask[1]
        best = (bid, bid_size, ask, ask_size)
        if best != told:
            told = best
            out.append((ts, best))
    return out


def timed(call: Callable[[], object], events: int) -> float:
    begin = process_time_ns()
    call()
    return (process_time_ns() - begin) / events


Case = tuple[str, int, Callable[[], object], Callable[[], object], Callable[[], bool]]


def reorder_cases(name: str, late: bool) -> Iterator[Case]:
    whole = prints(late)
    parts = singles(whole)
    rows = rows_of(whole, "ts", "size")

    def push_each() -> list[Events]:
        push = bf.Reorder(f"{SPAN}ns").push
        return [push(part) for part in parts]

    def push_all() -> Events:
        return bf.Reorder(f"{SPAN}ns").push(whole)

    def push_and_forget() -> None:
        push = bf.Reorder(f"{SPAN}ns").push
        for part in parts:
            push(part)

    yield (
        f"Reorder, {name}, a push of one event",
        PUSHES,
        push_and_forget,
        lambda: plain_order(rows[:PUSHES]),
        lambda: rows_of(Events.concat(push_each()), "ts", "size") == plain_order(rows[:PUSHES]),
    )
    yield (
        f"Reorder, {name}, one push of {BATCH:,}",
        BATCH,
        push_all,
        lambda: plain_order(rows),
        lambda: rows_of(push_all(), "ts", "size") == plain_order(rows),
    )


def consolidated_cases() -> Iterator[Case]:
    venues = {"a": venue(0), "b": venue(STEP)}
    both = dict.fromkeys(venues, CENTS)
    rows = sorted(
        (ts, number, *rest)
        for number, events in enumerate(venues.values())
        for ts, *rest in rows_of(events, "ts", "side", "price", "size")
    )
    parts = [part for pair in zip(*map(singles, venues.values()), strict=True) for part in pair]
    names = list(venues) * PUSHES

    def push_each() -> list[Events]:
        push = bf.Consolidated(both).push
        return [push(name, part) for name, part in zip(names, parts, strict=True)]

    def told(events: Events) -> list[tuple[int, Best]]:
        table = rows_of(events, "ts", "price", "size")
        pairs = zip(table[::2], table[1::2], strict=True)
        return [(bid[0], (*bid[1:], *ask[1:])) for bid, ask in pairs]

    def push_and_forget() -> None:
        push = bf.Consolidated(both).push
        for name, part in zip(names, parts, strict=True):
            push(name, part)

    yield (
        "Consolidated, two venues, a push of one event",
        2 * PUSHES,
        push_and_forget,
        lambda: plain_best(rows[: 2 * PUSHES]),
        lambda: told(Events.concat(push_each())) == plain_best(rows[: 2 * PUSHES]),
    )
    yield (
        f"consolidated, two venues, {BATCH:,} events",
        BATCH,
        lambda: bf.consolidated(venues),
        lambda: plain_best(rows),
        lambda: told(bf.consolidated(venues)) == plain_best(rows),
    )


def main() -> None:
    cases = [*reorder_cases("in order", False), *reorder_cases("late", True), *consolidated_cases()]
    taken: list[tuple[list[float], list[float]]] = [([], []) for _ in cases]
    for name, *_, agrees in cases:
        assert agrees(), name
    with quiet():
        for _ in range(ROUNDS):
            for (_, events, ours, plain, _), (own, other) in zip(cases, taken, strict=True):
                own.append(timed(ours, events))
                other.append(timed(plain, events))
    print("ns an event (medians of interleaved rounds)              bookflow   plain Python")
    for (name, *_), (own, other) in zip(cases, taken, strict=True):
        print(f"{name:54s} {statistics.median(own):10.0f} {statistics.median(other):14.0f}")


if __name__ == "__main__":
    main()
