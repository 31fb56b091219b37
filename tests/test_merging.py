"""The compiled Reorder and Consolidated against their reference, whole, cut, saved, and refused."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Dice, Market, Stream, dice, effort

import bookflow as bf
from bookflow.events import Action, Depth, Events, Flag, Side
from bookflow.reference.consolidated import Best
from bookflow.reference.consolidated import Consolidated as PlainConsolidated
from bookflow.reference.reorder import Arrival
from bookflow.reference.reorder import Reorder as PlainReorder

NONE = bf.NONE
LAST = int(Flag.LAST)
CENTS = bf.Instrument("X", price_unit="0.01")
KINDS = ("orders", "levels", "quotes", "depth")


def arrivals(roll: Dice, most: int) -> list[Arrival]:
    """Rows at about their times, numbered; some without a stamp of the venue's, some cut."""
    rows = []
    for number in range(most):
        if not roll.left:
            break
        ts = number + roll.below(30)
        stamp = NONE if roll.once_in(4) else ts - roll.below(9)
        action = roll.pick((Action.TRADE, Action.LEVEL, Action.STATUS))
        flags = 0 if roll.once_in(3) else LAST
        rows.append(Arrival(ts, max(stamp, 0) if stamp != NONE else stamp, action, flags, number))
    return rows


def events_of(rows: list[Arrival], depth: bool) -> Events:
    """The number is the size and, with depth rows, the first bid's price."""
    n = len(rows)
    size = np.array([row.carries for row in rows], np.int64)
    top = np.repeat(size[:, None], 2, axis=1)
    return Events(
        {
            "ts": np.array([row.ts for row in rows], np.int64),
            "ts_venue": np.array([row.ts_venue for row in rows], np.int64),
            "action": np.array([row.action for row in rows], np.uint8),
            "side": np.zeros(n, np.uint8),
            "price": np.full(n, NONE),
            "size": size,
            "flags": np.array([row.flags for row in rows], np.uint16),
        },
        CENTS,
        depth=Depth(top, top + 1, top + 2, top + 3) if depth else None,
    )


def rows_of(events: Events) -> list[Arrival]:
    columns = (events.ts, events.ts_venue, events.action, events.flags, events.size)
    return [Arrival(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


@effort(300)
@given(
    rolls=st.tuples(dice(30), dice(30)),
    span=st.integers(1, 12),
    by_venue=st.booleans(),
    depth=st.booleans(),
    cuts=st.binary(max_size=90).map(Dice),
)
def test_reorder_is_its_reference(
    rolls: tuple[Dice, Dice], span: int, by_venue: bool, depth: bool, cuts: Dice
) -> None:
    """Two streams, the first perhaps with depth rows; one push of each cut, and a row at a time."""
    streams = [arrivals(roll, 30) for roll in rolls]
    time: Any = "venue" if by_venue else "receive"
    plain = PlainReorder(span, by_venue=by_venue)
    stage, single = (bf.Reorder(f"{span}ns", time=time) for _ in range(2))
    if depth:
        stage.push(events_of([], True), "0")
        single.push(events_of([], True), "0")
    expected: list[Arrival] = []
    parts: list[Events] = []
    singles: list[Events] = []
    left = dict(enumerate(streams))
    while any(left.values()):
        which = cuts.pick([k for k, rows in left.items() if rows])
        n = 1 + cuts.below(7)
        rows, left[which] = left[which][:n], left[which][n:]
        own = depth and which == 0
        expected += plain.push(rows, str(which))
        parts.append(stage.push(events_of(rows, own), str(which)))
        singles += [single.push(events_of([row], own), str(which)) for row in rows]
        if cuts.once_in(8):
            now = expected[-1].ts + 5 if expected else 5
            expected += plain.advance(now)
            parts.append(stage.advance(now))
            singles.append(single.advance(now))
        if cuts.once_in(9):
            expected += plain.flush()
            parts.append(stage.flush())
            singles.append(single.flush())
        if cuts.once_in(5):
            saved = stage.to_bytes()
            stage = bf.Reorder.from_bytes(saved)
            assert stage.to_bytes() == saved
        assert stage.held == plain.held
        assert stage.to_bytes() == single.to_bytes()
    if not parts:
        return
    expected += plain.flush()
    parts.append(stage.flush())
    singles.append(single.flush())
    whole = Events.concat(parts)
    assert [row for part in parts for row in rows_of(part)] == expected
    assert [row for part in singles for row in rows_of(part)] == expected
    assert stage.counts == single.counts == {k: n for k, n in plain.counts.items() if n}
    if depth and whole.depth is not None:
        firsts = {row.carries for row in streams[0]}
        force = NONE
        for row, top in zip(expected, whole.depth.bid_price[:, 1].tolist(), strict=True):
            force = row.carries if row.carries in firsts and top == row.carries else force
            assert top == force


def merged_quotes(events: Events) -> list[tuple[int, Best]]:
    rows = list(zip(events.ts.tolist(), events.price.tolist(), events.size.tolist(), strict=True))
    return [
        (bid[0], Best(bid[1], bid[2], ask[1], ask[2]))
        for bid, ask in zip(rows[::2], rows[1::2], strict=True)
    ]


def depth_of(stream: Stream, begin: int, end: int) -> list[Best] | None:
    if stream.depth is None:
        return None
    tops = [[side[0] for side in row] for row in stream.depth[begin:end]]
    return [Best(*top) for top in tops]


@effort(250)
@given(
    rolled=st.lists(st.tuples(st.sampled_from(KINDS), dice(30)), min_size=1, max_size=4),
    stale=st.sampled_from((None, "500ms", "1s", "4s")),
    cuts=st.binary(max_size=120).map(Dice),
)
def test_consolidated_is_its_reference(
    rolled: list[tuple[str, Dice]], stale: str | None, cuts: Dice
) -> None:
    streams = [Market(one, kind).stream(30) for kind, one in rolled]
    names = [f"v{k}" for k in range(len(streams))]
    span = {None: None, "500ms": SECOND // 2, "1s": SECOND, "4s": 4 * SECOND}[stale]
    ends = [[i + 1 for i, e in enumerate(s.events) if e[6] & LAST] for s in streams]
    order = sorted(
        (stream.events[b - 1][0], k, a, b)
        for k, (stream, last) in enumerate(zip(streams, ends, strict=True))
        for a, b in pairwise([0, *last])
    )
    plain = PlainConsolidated(names, span)
    live = bf.Consolidated(dict.fromkeys(names, CENTS), stale_after=stale)
    takes = [stream.take(CENTS) for stream in streams]
    expected: list[tuple[int, Best]] = []
    got: list[tuple[int, Best]] = []
    for ts, k, a, b in order:
        expected += plain.push(names[k], streams[k].events[a:b], depth_of(streams[k], a, b))
        for begin, end in pairwise([a, a + cuts.below(b - a + 1), b]):
            got += merged_quotes(live.push(names[k], takes[k][begin:end]))
            if cuts.once_in(4):
                saved = live.to_bytes()
                live = bf.Consolidated.from_bytes(saved)
                assert live.to_bytes() == saved
        if cuts.once_in(3):
            expected += plain.advance(ts)
            got += merged_quotes(live.advance(ts))
        assert got == expected
    whole = bf.consolidated(dict(zip(names, takes, strict=True)), stale_after=stale)
    assert merged_quotes(whole) == expected


def one(action: int, side: int, price: int, size: int, ts: int = 9, **more: Any) -> Events:
    columns: dict[str, Any] = {
        "ts": np.array([ts]), "action": np.array([action], np.uint8),
        "side": np.array([side], np.uint8), "price": np.array([price]), "size": np.array([size]),
    }  # fmt: skip
    return Events(columns | more, CENTS, source="feed")


def order_id(number: int) -> Any:
    return np.array([number], np.uint64)


def test_what_consolidated_refuses_leaves_it_as_it_was() -> None:
    best = bf.Consolidated({"levels": CENTS, "orders": CENTS, "depth": CENTS})
    best.push("levels", one(Action.LEVEL, Side.BID, 100, 5))
    best.push("orders", one(Action.ADD, Side.BID, 100, 2**60, order_id=order_id(1)))
    top = np.array([[1]])
    row = one(Action.STATUS, 0, NONE, 0)
    depth = Events(row.columns, CENTS, depth=Depth(top, top, top + 1, top), source="feed")
    best.push("depth", depth)
    before = best.to_bytes()
    refused = [
        ("levels", one(Action.ADD, Side.BID, 1, 1, order_id=order_id(1)), "action = ADD.*one kind"),
        ("levels", depth, "depth = depth rows.*one kind"),
        ("orders", one(Action.LEVEL, Side.BID, 1, 1), "action = LEVEL.*one kind"),
        ("depth", one(Action.CLEAR, 0, NONE, 0), "action = CLEAR.*one kind"),
        ("levels", one(Action.LEVEL, Side.BID, 1, -1), "size = -1"),
        ("levels", one(Action.LEVEL, Side.BID, 1, 1, 8), "ts = 8"),
        ("levels", one(Action.LEVEL, Side.BID, 1, 1, instrument=np.array([3], np.uint32)), "split"),
    ]
    for venue, events, message in refused:
        with pytest.raises(bf.InputError, match="feed.*" + message):
            best.push(venue, events)
        assert best.to_bytes() == before
    with pytest.raises(OverflowError, match="feed: row 0: size"):
        best.push("orders", one(Action.ADD, Side.BID, 100, 1, order_id=order_id(2)))
    with pytest.raises(bf.InputError, match="ts = 8"):
        best.advance(8)
    assert best.to_bytes() == before
    assert not len(best.push("depth", one(Action.TRADE, Side.BUY, 2, 1)))  # beside depth rows


def test_sizes_at_one_price_add_up_to_the_largest_there_can_be() -> None:
    names = [f"v{k}" for k in range(40)]
    best = bf.Consolidated(dict.fromkeys(names, CENTS))
    plain = PlainConsolidated(names)
    rows = [(9, Action.QUOTE, s, 99 + s, 2**60, 0, LAST if s == 2 else 0) for s in (1, 2)]
    for name in names:
        events = Stream(rows).take(CENTS)
        assert merged_quotes(best.push(name, events)) == plain.push(name, rows)
    assert plain.told == (100, 2**60, 101, 2**60)


def test_damaged_states_are_refused() -> None:
    stage = bf.Reorder("10ns")
    stage.push(one(Action.TRADE, Side.BUY, 1, 1))
    stage.push(one(Action.TRADE, Side.BUY, 1, 1, flags=np.array([0], np.uint16)), 3)
    assert bf.Reorder.from_bytes(stage.to_bytes()).held == 2
    best = bf.Consolidated({"a": CENTS})
    for cls, state in ((bf.Reorder, stage.to_bytes()), (bf.Consolidated, best.to_bytes())):
        for at in range(len(state)):
            damaged = state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :]
            for bad in (state[:at], damaged):
                with pytest.raises(bf.StateError):
                    cls.from_bytes(bad)
    stage.push(one(Action.TRADE, Side.BUY, 1, 1), ("a", 1))
    with pytest.raises(bf.InputError, match="names that are text"):
        stage.to_bytes()
