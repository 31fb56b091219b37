"""`Pipeline.peek`: the row after an event that has not come. Nothing changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Market, Stream, dice, effort

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

ACME = bf.Instrument("ACME", price_unit="0.01", tick="0.01")
FEATURES = {
    "mid": bf.Mid(),
    "ofi": bf.OrderFlowImbalance(),
    "mlofi": bf.MultiLevelOrderFlowImbalance(levels=3, window="3events"),
    "tfi": bf.TradeFlowImbalance(window="2s"),
    "age": bf.TouchAge(),
    "high": bf.Max(of=bf.Mid(), window="5s", on="event"),
}
CLOCKS = ("event", "best", "trade", "3events", "2s", "7volume")
KINDS = ("orders", "levels", "quotes", "tape")
BID, ASK = Side.BID, Side.ASK


def pipeline(clock: str = "event", **settings: Any) -> bf.Pipeline:
    return bf.Pipeline(ACME, clock=clock, features=FEATURES, **settings)


def said(row: bf.FeatureRow | None) -> Any:
    """All of it; NaN is as good as NaN."""
    return row if row is None else (repr(row), row.seen, row.clean)


def assert_peeks(pipe: bf.Pipeline, stream: Stream) -> None:
    """At each event: what a push and a finish of a copy leave, if the event is in it."""
    waiting = 0  # flags of the events that wait for a LAST
    for event in stream.events:
        before = pipe.to_bytes()
        row = pipe.peek(*event)
        assert pipe.to_bytes() == before
        then = pipe.copy()
        then.push(*event[:6], event[6] | Flag.LAST)
        held = then.faults["held_rows"]
        ended = then.finish()
        if len(ended):
            assert said(row) == said(next(iter(ended)))
        elif (waiting | event[6]) & Flag.SNAPSHOT or then.faults["held_rows"] > held:
            assert row is None
        else:
            assert said(row) == said(next(iter(then.latest())))
            assert row is not None
            assert row.ts == event[0]
            assert not row.status & Status.PARTIAL
        pipe.push(*event)
        waiting = 0 if event[6] & Flag.LAST else waiting | event[6]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@effort(8)
def test_as_a_push_and_a_finish(clock: str, kind: str, data: st.DataObject) -> None:
    stream = Market(data.draw(dice(40)), kind).stream(40)
    settings = data.draw(
        st.fixed_dictionaries(
            {
                "on_gap": st.sampled_from(("mark", "hold")),
                "on_crossed": st.sampled_from(("mark", "hold", "uncross")),
                "stale_after": st.sampled_from((None, "2s")),
            }
        )
    )
    assert_peeks(pipeline(clock, **settings), stream)


def test_what_it_would_be_and_what_it_is() -> None:
    pipe = pipeline("10s")
    assert pipe.push(1, Action.LEVEL, BID, 999, 30) == 0
    assert pipe.push(2, Action.LEVEL, ASK, 1001, 10) == 0
    row = pipe.peek(3, Action.LEVEL, ASK, 1000, 7)
    assert row is not None
    assert (row.ts, row.mid) == (3, 9.995)
    assert row.status == Status.PARTIAL  # the clock writes none here
    row = pipe.peek(11 * SECOND, Action.LEVEL, ASK, 1001, 0)  # a row of the grid comes before it
    assert row is not None
    assert row.status == Status.PARTIAL | Status.ONE_SIDED
    assert len(pipe.latest()) == 0
    assert pipe.quotes == (999, 30, 1001, 10)


def test_it_ends_the_atomic_event_that_waits() -> None:
    pipe = pipeline()
    pipe.push(1, Action.LEVEL, BID, 999, 30, flags=0)
    row = pipe.peek(1, Action.LEVEL, ASK, 1001, 10, flags=0)
    assert row is not None
    assert row.mid == 10.0
    assert pipe.pending == 1


def test_where_no_row_would_be() -> None:
    pipe = pipeline(on_gap="hold")
    pipe.push(1, Action.LEVEL, BID, 999, 30)
    pipe.push(1, Action.LEVEL, ASK, 1001, 30)
    assert pipe.peek(2, Action.LEVEL, BID, 999, 31, flags=Flag.LAST | Flag.GAP) is None
    assert pipe.peek(2, Action.LEVEL, BID, 999, 31, flags=Flag.LAST | Flag.SNAPSHOT) is None
    assert pipe.peek(2, Action.LEVEL, BID, 999, 31) is not None
    hours = pipeline(session="10:00-11:00 UTC")
    hour = 3600 * SECOND
    assert hours.peek(9 * hour, Action.LEVEL, BID, 999, 30) is None
    assert hours.peek(10 * hour, Action.LEVEL, BID, 999, 30) is not None
    assert hours.push(10 * hour, Action.LEVEL, BID, 999, 30) == 1
    assert hours.peek(11 * hour, Action.LEVEL, BID, 999, 31) is None


def test_whatever_is_wrong_changes_nothing() -> None:
    pipe = pipeline(on_fault="raise", on_gap="raise")
    pipe.push(5, Action.ADD, BID, 999, 30, 1)
    before = pipe.to_bytes()
    with pytest.raises(bf.InputError, match="ts = 4: is before 5"):
        pipe.peek(4, Action.ADD, BID, 999, 30, 2)
    with pytest.raises(bf.InputError, match=r"^size = -1: "):
        pipe.peek(6, Action.ADD, BID, 999, -1, 2)
    with pytest.raises(bf.FeedFault, match="duplicate_id"):
        pipe.peek(6, Action.ADD, BID, 999, 30, 1)
    with pytest.raises(bf.FeedFault, match="gap"):
        pipe.peek(6, Action.ADD, BID, 999, 30, 2, Flag.LAST | Flag.GAP)
    with pytest.raises(OverflowError):
        pipe.peek(6, Action.ADD, BID, 999, 2**60, 2)
    with pytest.raises(TypeError, match="size must be an integer"):
        pipe.peek(6, Action.ADD, BID, 999, 1.5, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        pipe.peek(6, Action.ADD)  # type: ignore[call-arg]
    assert pipe.to_bytes() == before
    row = pipe.peek(6, Action.CANCEL, BID, None, 10, 1)
    assert row is not None
    assert pipe.to_bytes() == before
    assert pipe.peek(6, Action.CANCEL, BID, bf.NONE, 10, 1) is not None
