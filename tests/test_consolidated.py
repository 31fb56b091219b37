"""The best quote over venues, against its definition: pipelines side by side."""

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Dice, Market, Stream, dice, effort

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

NONE = bf.NONE
LAST = int(Flag.LAST)
CENTS = bf.Instrument("X", price_unit="0.01")
BAD = sum(
    int(Status[name])
    for name in ("SNAPSHOT_PENDING", "GAP", "CROSSED", "ONE_SIDED", "HALTED", "AUCTION")
)
KINDS = ("orders", "levels", "quotes", "depth")
Quote = tuple[int, int, int, int]


def atomic_events(stream: Stream) -> list[tuple[int, int, int]]:
    """(time of the LAST, first row, row after the last)."""
    ends = [i + 1 for i, event in enumerate(stream.events) if event[6] & LAST]
    return [(stream.events[b - 1][0], a, b) for a, b in pairwise([0, *ends])]


def best_of(quotes: list[Quote]) -> Quote:
    if not quotes:
        return (NONE, 0, NONE, 0)
    bid, ask = max(q[0] for q in quotes), min(q[2] for q in quotes)
    return (
        bid, sum(q[1] for q in quotes if q[0] == bid),
        ask, sum(q[3] for q in quotes if q[2] == ask),
    )  # fmt: skip


def plain(streams: list[Stream], stale_after: int | None) -> list[tuple[int, Quote]]:
    """Every change of the best quote, one atomic event after another."""
    pipes = [bf.Pipeline(CENTS, features={}) for _ in streams]
    heard: list[int | None] = [None] * len(streams)
    good: dict[int, Quote] = {}
    out: list[tuple[int, Quote]] = []

    def tell(ts: int) -> None:
        best = best_of(list(good.values()))
        if best != (out[-1][1] if out else (NONE, 0, NONE, 0)):
            out.append((ts, best))

    order = sorted((t, k, a, b) for k, s in enumerate(streams) for t, a, b in atomic_events(s))
    for ts, k, a, b in order:
        if stale_after is not None:
            for old, venue in sorted(
                (then + stale_after + 1, venue)
                for venue, then in enumerate(heard)
                if then is not None and venue in good
            ):
                if old <= ts:
                    del good[venue]
                    tell(old)
        pipes[k].run(streams[k].take(CENTS)[a:b])
        actions = {event[1] for event in streams[k].events[a:b]}
        if actions - {Action.TRADE, Action.STATUS}:
            heard[k] = ts
        quote = pipes[k].quotes
        good.pop(k, None)
        then = heard[k]
        fresh = stale_after is None or (then is not None and ts - then <= stale_after)
        if fresh and not pipes[k].status & BAD and quote[1] and quote[3]:
            good[k] = quote
        tell(ts)
    return out


def told(events: bf.Events) -> list[tuple[int, Quote]]:
    rows = list(zip(events.ts.tolist(), events.price.tolist(), events.size.tolist(), strict=True))
    assert events.side.tolist() == [Side.BID, Side.ASK] * (len(rows) // 2)
    assert events.flags.tolist() == [0, LAST] * (len(rows) // 2)
    return [(b[0], (b[1], b[2], a[1], a[2])) for b, a in zip(rows[::2], rows[1::2], strict=True)]


@effort(250)
@given(
    rolled=st.lists(st.tuples(st.sampled_from(KINDS), dice(30)), min_size=1, max_size=3),
    stale=st.sampled_from((None, "500ms", "1s", "4s")),
    cuts=st.binary(max_size=90).map(Dice),
)
def test_batch_and_live_are_the_plain_definition(
    rolled: list[tuple[str, Dice]], stale: str | None, cuts: Dice
) -> None:
    streams = [Market(one, kind).stream(30) for kind, one in rolled]
    names = [f"v{k}" for k in range(len(streams))]
    span = {None: None, "500ms": SECOND // 2, "1s": SECOND, "4s": 4 * SECOND}[stale]
    expected = plain(streams, span)
    takes = [stream.take(CENTS) for stream in streams]
    whole = bf.consolidated(dict(zip(names, takes, strict=True)), stale_after=stale)
    assert told(whole) == expected
    whole.check()

    live = bf.Consolidated(dict.fromkeys(names, CENTS), stale_after=stale)
    order = sorted((t, k, a, b) for k, s in enumerate(streams) for t, a, b in atomic_events(s))
    got: list[tuple[int, Quote]] = []
    for ts, k, a, b in order:
        edges = [a, a + cuts.below(b - a + 1), b]
        for begin, end in pairwise(edges):
            got += told(live.push(names[k], takes[k][begin:end]))
        if cuts.once_in(3):
            got += told(live.advance(ts))
            live = pickle.loads(pickle.dumps(live))
    assert got == expected


def level(ts: int, side: int, price: int, size: int) -> bf.Events:
    columns: dict[str, Any] = {
        "ts": np.array([ts]), "action": np.array([Action.LEVEL], np.uint8),
        "side": np.array([side], np.uint8), "price": np.array([price]), "size": np.array([size]),
    }  # fmt: skip
    return bf.Events(columns, CENTS)


def test_venues_are_crossed_with_each_other_and_a_pipeline_says_so() -> None:
    best = bf.Consolidated({"a": CENTS, "b": CENTS})
    steps = [("a", 1, 1, 100, 5), ("a", 2, 2, 102, 5), ("b", 3, 1, 103, 1), ("b", 4, 2, 104, 1)]
    parts = [best.push(venue, level(*row)) for venue, *row in steps]
    pipe = bf.Pipeline(best.instrument, features={"ofi": bf.OrderFlowImbalance(window=None)})
    frame = pipe.run(bf.Events.concat(parts))
    assert frame.status.tolist() == [0, Status.CROSSED]
    assert pipe.quotes == (103, 1, 102, 5)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(bf.InputError, match="nothing"):
        bf.consolidated({})
    other = bf.Instrument("X", price_unit="0.001")
    with pytest.raises(bf.InputError, match="price_unit"):
        bf.Consolidated({"a": CENTS, "b": other})
    with pytest.raises(bf.InputError, match="stale_after"):
        bf.Consolidated({"a": CENTS}, stale_after="5events")
    best = bf.Consolidated({"a": CENTS, "b": CENTS})
    best.push("a", level(5, 1, 100, 5))
    with pytest.raises(bf.InputError, match="Reorder"):
        best.push("b", level(4, 1, 100, 5))
    with pytest.raises(bf.InputError, match="one of a, b"):
        best.push("c", level(6, 1, 100, 5))
    with pytest.raises(bf.InputError, match="venue's"):
        best.push("b", bf.Events(level(6, 1, 100, 5).columns, other))
    with pytest.raises(bf.InputError, match="ts"):
        best.advance(4)
    finer = bf.Instrument("X", price_unit="0.01", tick="0.05")
    assert bf.Consolidated({"a": CENTS, "b": finer}).instrument.tick is None
    assert bf.Consolidated({"a": finer, "b": finer}).instrument == finer
