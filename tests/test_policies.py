"""What a pipeline does about gaps, crossed books and silence, by hand and over any stream."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Dice, Market, dice, effort

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

CENTS = bf.Instrument("X", price_unit="0.01", tick="0.01")
BID, ASK = Side.BID, Side.ASK
LAST, GAP, SNAPSHOT = (int(flag) for flag in (Flag.LAST, Flag.GAP, Flag.SNAPSHOT))
FEATURES = {
    "bid": bf.Touch(of="bid_price"),
    "ask": bf.Touch(of="ask_price"),
    "volume": bf.Volume(),
    "ofi": bf.OrderFlowImbalance(window=None),
}


def pipeline(clock: str = "event", **settings: Any) -> bf.Pipeline:
    return bf.Pipeline(CENTS, clock=clock, features=FEATURES, **settings)


def level(pipe: bf.Pipeline, ts: int, side: int, price: int, size: int, flags: int = LAST) -> int:
    return pipe.push(ts, Action.LEVEL, side, price, size, flags=flags)


def quoted(pipe: bf.Pipeline) -> bf.Pipeline:
    level(pipe, 1, BID, 999, 5)
    level(pipe, 2, ASK, 1001, 7)
    level(pipe, 2, ASK, 1002, 9)
    level(pipe, 2, ASK, 1003, 2)
    return pipe


def counted(pipe: bf.Pipeline) -> dict[str, int]:
    return {name: n for name, n in pipe.faults.items() if n}


def content(frame: bf.FeatureFrame) -> list[bytes]:
    columns = [frame.ts, frame.status, frame.seen, frame.clean, *frame.columns.values()]
    return [column.tobytes() for column in columns]


def test_no_rows_from_a_gap_to_the_snapshot() -> None:
    pipe = quoted(pipeline(on_gap="hold"))
    assert level(pipe, 3, BID, 999, 6) == 1
    assert pipe.latest()["ofi"].tolist() == [1.0]
    pipe.push(4, Action.TRADE, Side.BUY, 1001, 2)
    assert level(pipe, 5, BID, 1000, 50, LAST | GAP) == 0
    assert pipe.push(6, Action.TRADE, Side.BUY, 1001, 3) == 0
    assert pipe.faults["held_rows"] == 2
    assert level(pipe, 7, BID, 998, 1, LAST | SNAPSHOT) == 0  # none is due at a snapshot
    assert level(pipe, 8, BID, 1000, 51) == 1
    row = pipe.latest()
    assert row.status.tolist() == [0]
    assert row.seen[0] & Status.GAP
    assert row["volume"].tolist() == [3.0]  # since the last row that was written
    assert row["ofi"].tolist() == [1.0 + 1.0]  # the state of 7 is a first one


def test_grid_rows_are_held_and_not_written_later() -> None:
    pipe = quoted(pipeline("10ns", on_gap="hold"))
    level(pipe, 15, BID, 999, 6, LAST | GAP)
    assert pipe.latest().ts.tolist() == [10]
    assert pipe.advance(45) == 0
    assert pipe.faults["held_rows"] == 3
    assert len(pipe.finish()) == 0
    level(pipe, 46, BID, 999, 6, LAST | SNAPSHOT)
    level(pipe, 61, BID, 999, 7)
    assert pipe.latest(2).ts.tolist() == [50, 60]


def test_rows_wait_for_the_first_snapshot_too() -> None:
    pipe = pipeline(on_gap="hold")
    assert pipe.push(1, Action.STATUS, 0, None, int(Status.SNAPSHOT_PENDING)) == 0
    assert level(pipe, 2, BID, 999, 5) == 0
    assert counted(pipe) == {"held_rows": 2}


def test_no_rows_while_crossed() -> None:
    pipe = quoted(pipeline(on_crossed="hold"))
    assert level(pipe, 3, BID, 1002, 1) == 0
    assert level(pipe, 4, BID, 1002, 0) == 1
    assert pipe.latest().seen[0] & Status.CROSSED
    assert counted(pipe) == {"crossed": 1, "held_rows": 1}


def test_older_levels_give_way() -> None:
    pipe = quoted(pipeline(on_crossed="uncross"))
    assert level(pipe, 3, BID, 1002, 1) == 1
    assert pipe.quotes == (1002, 1, 1002, 9)  # locked is not crossed
    assert pipe.latest().status.tolist() == [Status.LOCKED]
    assert counted(pipe) == {"uncrossed": 1}
    level(pipe, 4, ASK, 998, 1)
    assert pipe.quotes[2:] == (998, 1)
    assert pipe.status == Status.ONE_SIDED
    assert counted(pipe) == {"uncrossed": 3}


def test_the_side_of_what_crosses_and_was_named_last_is_right() -> None:
    """A message that ends with a level far from the touch is about the bid that crosses."""
    pipe = quoted(pipeline(on_crossed="uncross"))
    level(pipe, 3, BID, 1002, 1, 0)
    level(pipe, 3, ASK, 1010, 4)
    assert pipe.quotes == (1002, 1, 1002, 9)
    level(pipe, 4, BID, 1005, 1, 0)
    level(pipe, 4, ASK, 1003, 4)
    assert pipe.quotes == (1002, 1, 1002, 9)
    level(pipe, 5, BID, 1005, 1, 0)
    level(pipe, 5, BID, 1005, 0, 0)
    level(pipe, 5, ASK, 1000, 4)
    assert pipe.quotes == (999, 5, 1000, 4)


def test_older_orders_give_way_and_are_deletions() -> None:
    pipe = bf.Pipeline(
        CENTS,
        features={"gone": bf.CauseOrderFlowImbalance(output="cancelled", window=None)},
        on_crossed="uncross",
    )
    pipe.push(1, Action.ADD, BID, 1000, 5, 1)
    pipe.push(1, Action.ADD, BID, 1000, 6, 2)
    pipe.push(1, Action.ADD, BID, 990, 7, 3)
    pipe.push(1, Action.ADD, ASK, 1010, 7, 4)
    pipe.push(2, Action.ADD, ASK, 995, 3, 5)
    assert pipe.quotes == (990, 7, 995, 3)
    assert counted(pipe) == {"uncrossed": 2}
    pipe.push(3, Action.DELETE, BID, None, 0, 1)
    assert pipe.faults["unknown_id"] == 1


def test_a_replaced_order_keeps_its_side_when_others_are_removed() -> None:
    """ITCH's replace: the ADD takes the side of the order just deleted, not of one uncrossed."""
    pipe = bf.Pipeline(CENTS, features={"mid": bf.Mid()}, on_crossed="uncross")
    pipe.push(1, Action.ADD, BID, 1000, 5, 1)
    pipe.push(1, Action.ADD, ASK, 1010, 5, 2)
    pipe.push(1, Action.ADD, ASK, 1020, 5, 3)
    pipe.push(2, Action.ADD, BID, 1015, 5, 4, flags=0)
    pipe.push(2, Action.DELETE, BID, None, 0, 1)
    assert pipe.quotes == (1015, 5, 1020, 5)
    pipe.push(3, Action.ADD, Side.NONE, 1016, 5, 6)
    assert pipe.quotes == (1016, 5, 1020, 5)


def test_auctions_and_depth_rows_are_marked_not_uncrossed() -> None:
    pipe = quoted(pipeline(on_crossed="uncross"))
    pipe.push(3, Action.STATUS, 0, None, int(Status.AUCTION))
    level(pipe, 4, BID, 1002, 1)
    assert pipe.status == Status.AUCTION | Status.CROSSED
    pipe.push(5, Action.STATUS, 0, None, 0)
    assert pipe.status == Status.CROSSED  # nothing says which side is older
    level(pipe, 6, ASK, 1001, 8)
    assert pipe.quotes == (999, 5, 1001, 8)

    rows = {"ts": [1], "bid_price": [[10]], "bid_size": [[1]], "ask_price": [[9]]}
    arrays = {name: np.array(x) for name, x in (rows | {"ask_size": [[1]]}).items()}
    pipe = pipeline(on_crossed="uncross")
    frame = pipe.run(bf.Events.from_depth(arrays, CENTS, 1))
    assert frame.status.tolist() == [Status.CROSSED]
    assert counted(pipe) == {"crossed": 1}


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"on_gap": "raise"}, "gap"),
        ({"on_crossed": "raise"}, "crossed"),
        ({"on_fault": "raise", "on_crossed": "hold"}, "gap"),
        ({"on_fault": "raise", "on_gap": "hold"}, "crossed"),
        ({"on_fault": "raise", "on_gap": "hold", "on_crossed": "uncross"}, None),
    ],
)
def test_each_policy_raises_its_own_fault_alone(
    settings: dict[str, str], fault: str | None
) -> None:
    for name, event in (
        ("gap", (Action.TRADE, Side.BUY, 1001, 1, LAST | GAP)),
        ("crossed", (Action.LEVEL, BID, 1002, 1, LAST)),
    ):
        pipe = quoted(pipeline(**settings))
        before = pipe.to_bytes()
        action, side, price, size, flags = event
        if name != fault:
            pipe.push(3, action, side, price, size, flags=flags)
            continue
        with pytest.raises(bf.FeedFault, match=name) as error:
            pipe.push(3, action, side, price, size, flags=flags)
        assert error.value.fault == name
        assert pipe.to_bytes() == before


def test_rows_are_stale_once_nothing_came_for_longer() -> None:
    pipe = quoted(pipeline("10s", stale_after="20s"))
    level(pipe, 10 * SECOND, BID, 999, 6)
    pipe.advance(30 * SECOND)
    assert pipe.status == 0
    pipe.advance(30 * SECOND + 1)
    assert pipe.status == Status.STALE
    pipe.advance(51 * SECOND)
    frame = pipe.latest(5)
    assert frame.ts.tolist() == [n * 10 * SECOND for n in (1, 2, 3, 4, 5)]
    assert frame.status.tolist() == [0, 0, 0, Status.STALE, Status.STALE]
    assert frame.clean[3:].tolist() == [0, 0]
    level(pipe, 55 * SECOND, BID, 999, 7)
    assert pipe.status == 0
    pipe.advance(61 * SECOND)
    row = pipe.latest()
    assert (row.status[0], row.seen[0], row.clean[0]) == (0, Status.STALE, 5 * SECOND)


def test_the_first_row_after_a_silence_tells_of_it() -> None:
    pipe = quoted(pipeline(stale_after="5s"))
    level(pipe, 60 * SECOND, BID, 999, 6)
    row = pipe.latest()
    assert (row.status[0], row.seen[0], row.clean[0]) == (0, Status.STALE, 0)
    assert row["ofi"].tolist() == [1.0]


@effort(150)
@given(
    rolled=dice(60),
    ahead=st.binary(max_size=60).map(Dice),
    clock=st.sampled_from(("event", "best", "1s", "3events")),
    policies=st.fixed_dictionaries(
        {
            "on_gap": st.sampled_from(("mark", "hold")),
            "on_crossed": st.sampled_from(("mark", "hold", "uncross")),
            "stale_after": st.sampled_from(("500ms", "1s", "5s")),
        }
    ),
    kind=st.sampled_from(("orders", "levels", "quotes", "tape")),
)
def test_silence_is_the_same_in_batch_and_live(
    rolled: Dice, ahead: Dice, clock: str, policies: dict[str, str], kind: str
) -> None:
    stream = Market(rolled, kind).stream(60)
    batch, live = pipeline(clock, **policies), pipeline(clock, **policies)
    frames = [live.latest(0)]
    for i, event in enumerate(stream.events):
        if i and ahead.once_in(2):
            before = stream.events[i - 1][0]
            n = live.advance(before + (event[0] - before) * ahead.below(5) // 4)
            frames.append(live.latest(n))
        frames.append(live.latest(live.push(*event)))
    frame = batch.run(stream.take(CENTS))
    assert content(frame) == content(bf.FeatureFrame.concat(frames))
    assert counted(batch) == counted(live)
    assert batch.status == live.status
    if policies["on_gap"] == "hold":
        assert not np.any(frame.status & (Status.GAP | Status.SNAPSHOT_PENDING))
    if policies["on_crossed"] == "hold":
        assert not np.any(frame.status & Status.CROSSED)
