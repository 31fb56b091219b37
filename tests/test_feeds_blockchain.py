"""Blockchain.com's messages: levels of a recording, by the connection's numbers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty, live_books
from feed_hostile import check_unchanged

from bookflow import Pipeline
from bookflow._core import Mid
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Blockchain, read_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/BLOCKCHAIN-f74c46.0"


def said(seqnum: int, event: str, bids: Any = (), asks: Any = (), **more: Any) -> dict[str, Any]:
    names = ("px", "qty", "id")
    sides = {
        name: [dict(zip(names, level, strict=False)) for level in side]
        for name, side in (("bids", bids), ("asks", asks))
    }
    return {"seqnum": seqnum, "event": event, "channel": "l2", "symbol": "X-Y"} | sides | more


def trade(seqnum: int, key: str = "7") -> dict[str, Any]:
    return {
        "seqnum": seqnum, "event": "updated", "channel": "trades", "symbol": "X-Y",
        "timestamp": "1970-01-01T00:00:01.5Z", "side": "sell", "qty": 8.5e-5, "price": 100.5,
        "trade_id": key,
    }  # fmt: skip


def live() -> Blockchain:
    handler = Blockchain()
    handler.feed(said(0, "snapshot", [(100.0, 1.5)], [(101.0, 2.0)]), 1)
    return handler


def by_order() -> Blockchain:
    handler = Blockchain()
    whole = said(0, "snapshot", [(100, 1, "a"), (100, 2, "b")], [(101, 4, "c")], channel="l3")
    handler.feed(whole, 1)
    return handler


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "blockchain")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 3_950
    assert dict(events.counts) == {"other: subscribed": 20, "snapshots": 7}
    assert len(events.instruments) == 7  # of ten symbols three are empty all through


def test_books_of_the_recording_are_good(shared: Path) -> None:
    rows = good = 0
    for number, part in read_feed(shared / RECORDING, "blockchain").split().items():
        pipeline = Pipeline(
            part.instruments[number], clock="event", features={"mid": Mid()}, order="as-is"
        )
        for chunk in part.chunks(10_000):
            status = pipeline.run(chunk).status
            rows += len(status)
            good += int((status == 0).sum())
    assert (good, rows) == (3_715, 3_715)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(shared: Path, fault: str, share: float) -> None:
    """After a gap every symbol is subscribed again, and its snapshot takes the next number."""
    messages = [line.text for line in lines(shared / RECORDING) if line.kind == "message"]
    messages = messages[:1_500]
    whole = Blockchain()
    states = []
    for text in messages:
        whole.feed(text, 1)
        states.append({symbol: state for symbol, (_, state) in live_books(whole).items()})
    hurt = Blockchain()
    shift = lost = 0
    for n, i in enumerate(faulty(messages, fault, share, seed=4)):
        text = re.sub(rb'"seqnum":\d+', b'"seqnum":%d' % (i + shift), messages[i], count=1)
        lost += max(i + shift - hurt._number - 1, 0) if hurt._number is not None else 0
        hurt.feed(text, 1)
        at = (hurt._number or 0) - shift
        if hurt.needs_snapshot and n % 9 == 0:
            for symbol in hurt.needs_snapshot:
                bids, asks = states[at].get(symbol, ((), ()))
                shift += 1
                again = said(at + shift, "snapshot", bids, asks, symbol=symbol)
                hurt.feed(re.sub(r'"(px|qty)": "([^"]*)"', r'"\1": \2', json.dumps(again)), 1)
            assert hurt.needs_snapshot == ()
        for symbol, (_, state) in live_books(hurt).items():
            if symbol in states[at]:
                assert state == states[at][symbol]
    assert hurt.counts["lost"] == lost
    if fault == "duplicate":
        assert "gaps" not in hurt.counts
    elif share >= 0.01:
        assert hurt.counts["gaps"] > 0


def test_messages_as_rows() -> None:
    handler = live()
    assert handler.feed(trade(1), 2).side.tolist() == [Side.SELL]
    rows = handler.feed(said(2, "updated", [(100.0, 0.0)], [(101.0, 0.5)]), 3)
    assert rows.action.tolist() == [Action.LEVEL, Action.LEVEL]
    assert len(handler.feed(said(2, "updated", [(99.0, 1)]), 4)) == 0
    rows = handler.feed(said(5, "updated", [(99.0, 1)]), 5)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert handler.counts["lost"] == 2
    assert len(handler.feed(trade(6), 5)) == 0
    assert handler.counts["repeated_prints"] == 1
    assert handler.needs_snapshot == ("X-Y",)


def test_an_empty_snapshot_is_one() -> None:
    handler = Blockchain()
    assert len(handler.feed(said(0, "snapshot"), 1)) == 0
    rows = handler.feed(said(1, "updated", [(99.5, 1)]), 2)
    assert rows.action.tolist() == [Action.CLEAR, Action.LEVEL]
    assert handler.needs_snapshot == ()


def test_every_order() -> None:
    handler = by_order()
    rows = handler.feed(
        said(
            1,
            "updated",
            [(100, 0, "a"), (99, 2, "b")],
            [(101, 3, "c"), (102, 1, "d")],
            channel="l3",
        ),
        2,
    )
    assert rows.action.tolist() == [Action.DELETE, Action.MODIFY, Action.CANCEL, Action.ADD]
    assert rows.flags.tolist() == [0, 0, 0, Flag.LAST]
    assert len(handler.feed(said(2, "updated", [(100, 1)]), 3)) == 0
    assert handler.counts["other: l2"] == 1


def test_hurt_messages_leave_no_trace() -> None:
    for message in (said(1, "updated", [(100.0, 0.5)], [(101.0, 0.0)]), trade(1), trade(3)):
        assert check_unchanged(live, message) > 20
    orders = said(1, "updated", [(100, 0, "a")], [(101, 3, "c")], channel="l3")
    assert check_unchanged(by_order, orders) > 20
