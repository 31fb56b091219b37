"""KuCoin's messages, made by hand after its documentation."""

import random
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty, live_books
from feed_hostile import check_unchanged

from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import KuCoin

Level = tuple[str, str, str]


def spot(first: int, last: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    data = {"symbol": "X-Y", "sequenceStart": first, "sequenceEnd": last, "time": last}
    data |= {"changes": {"bids": list(bids), "asks": list(asks)}}
    return {"type": "message", "topic": "/market/level2:X-Y", "subject": "s", "data": data}


def future(sequence: int, change: str) -> dict[str, Any]:
    data = {"sequence": sequence, "change": change, "timestamp": sequence}
    return {"type": "message", "topic": "/contractMarket/level2:XM", "subject": "s", "data": data}


def fetched(sequence: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    data = {"sequence": str(sequence), "time": sequence, "bids": list(bids), "asks": list(asks)}
    return {"code": "200000", "data": data}


def match(key: str, **more: Any) -> dict[str, Any]:
    data = {"symbol": "X-Y", "side": "sell", "price": "100", "size": "0.5", "tradeId": key}
    data |= {"time": "1729843222921000000"} | more
    return {"type": "message", "topic": "/market/match:X-Y", "subject": "s", "data": data}


def live() -> KuCoin:
    handler = KuCoin()
    handler.snapshot(fetched(10, [["100", "1"]], [["101", "2"]]), 1, "X-Y")
    return handler


def bids(handler: KuCoin, symbol: str = "X-Y") -> list[tuple[str, str]]:
    return handler._books[symbol].text.text(1, 99)


def test_changes_wait_for_a_snapshot_that_they_follow() -> None:
    handler = KuCoin()
    rows = handler.feed(spot(9, 11, [["100", "5", "9"], ["99", "7", "11"]]), 1)
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING]
    handler.feed(spot(12, 12, [["98", "1", "12"]]), 1)
    assert handler.needs_snapshot == ("X-Y",)
    assert len(handler.snapshot(fetched(7, [["100", "1"]]), 2, "X-Y")) == 0
    assert handler.counts["old_snapshots"] == 1
    rows = handler.snapshot(fetched(10, [["100", "1"]]), 2, "X-Y")
    assert rows.action.tolist() == [Action.CLEAR, Action.LEVEL, Action.LEVEL, Action.LEVEL]
    # The change with number 9 is older than the snapshot.
    assert bids(handler) == [("100", "1"), ("99", "7"), ("98", "1")]
    assert rows.ts_venue.tolist() == [10_000_000, 10_000_000, 11_000_000, 12_000_000]


def test_what_follows_what_is_old_and_what_is_lost() -> None:
    handler = live()
    handler.feed(spot(11, 12, [["100", "3", "11"]], [["101", "0", "12"]]), 2)
    assert bids(handler) == [("100", "3")]
    assert len(handler.feed(spot(11, 12, [["100", "9", "11"]]), 2)) == 0
    handler.feed(spot(12, 13, [["100", "9", "12"], ["99", "1", "13"]]), 2)  # an overlap
    assert bids(handler) == [("100", "3"), ("99", "1")]
    assert len(handler.feed(spot(14, 14, [["0", "0", "14"]]), 2)) == 0  # only a number
    assert handler._books["X-Y"].sequence == 14
    rows = handler.feed(spot(18, 18, [["99", "0", "18"]]), 3)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert (handler.counts["lost"], handler.counts["old"]) == (3, 1)
    rows = handler.snapshot(fetched(17, [["100", "3"], ["99", "2"]]), 4, "X-Y")
    assert bids(handler) == [("100", "3")]
    assert handler.needs_snapshot == ()


def test_futures() -> None:
    handler = KuCoin()
    handler.feed(future(21, "5000.0,buy,83"), 1)
    data = {"symbol": "XM", "sequence": 20, "ts": 1_700_000_000_000_000_000}
    data |= {"bids": [["4999.5", 7]], "asks": [[5001.0, 9]]}
    handler.snapshot({"code": "200000", "data": data}, 2)
    assert bids(handler, "XM") == [("5000.0", "83"), ("4999.5", "7")]
    rows = handler.feed(future(22, "5001.0,sell,0"), 3)
    assert (rows.side.tolist(), rows.size.tolist()) == ([Side.ASK], [0])
    assert len(handler.feed(future(23, "0,sell,0"), 3)) == 0
    handler.feed(future(27, "5001.0,sell,1"), 3)
    assert handler.counts["lost"] == 3
    with pytest.raises(InputError, match="kucoin"):
        handler.feed(future(28, "5001.0,sell"), 3)


def test_prints() -> None:
    handler = live()
    rows = handler.feed(match("a"), 2)
    assert rows.side.tolist() == [Side.SELL]
    assert rows.ts_venue.tolist() == [1_729_843_222_921_000_000]
    assert len(handler.feed(match("a"), 2)) == 0
    assert handler.counts["repeated_prints"] == 1
    said = match("b", price=100.5, ts=1_729_843_222_921_000_000, size=3)
    del said["data"]["time"]
    said["topic"] = "/contractMarket/execution:XM"
    assert handler.feed(said, 2).ts_venue.tolist() == [1_729_843_222_921_000_000]


def session(n: int) -> tuple[list[dict[str, Any]], dict[int, Any], list[int]]:
    chance = random.Random(8)
    whole = live()
    messages, ends, states = [], [], {}
    number = 10
    for _ in range(n):
        first, sides = number + 1, ([], [])
        for _ in range(chance.randint(1, 4)):
            number += 1
            side = chance.randint(0, 1)
            price = str(100 - chance.randint(0, 9) if side == 0 else 101 + chance.randint(0, 9))
            sides[side].append([price, str(chance.randint(0, 3)), str(number)])
        if chance.random() < 0.1:
            number += 1
            sides[0].append(["0", "0", str(number)])
        messages.append(spot(first, number, *sides))
        ends.append(number)
        whole.feed(messages[-1], 1)
        states[number] = live_books(whole)["X-Y"][1]
    return messages, states, ends


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(fault: str, share: float) -> None:
    messages, states, ends = session(1_000)
    hurt = live()
    lost = latest = 0
    for n, i in enumerate(faulty(messages, fault, share, seed=9)):
        book = hurt._books["X-Y"]
        if book.live:
            lost += max(messages[i]["data"]["sequenceStart"] - (book.sequence or 0) - 1, 0)
        hurt.feed(messages[i], 1)
        latest = max(latest, ends[i])
        if book.pending and n % 7 == 0:
            hurt.snapshot(fetched(latest, *states[latest]), 1, "X-Y")
            assert book.live
        if book.live and book.sequence in states:
            assert live_books(hurt)["X-Y"][1] == states[book.sequence]
    assert hurt.counts["lost"] == lost
    if fault == "duplicate":
        assert "gaps" not in hurt.counts
    elif share >= 0.01:
        assert hurt.counts["gaps"] > 0


def test_hurt_messages_leave_no_trace() -> None:
    for message in (
        spot(11, 12, [["100", "3", "11"]], [["101", "0", "12"]]),
        spot(14, 14, [["100", "3", "14"]]),
        match("a"),
    ):
        assert check_unchanged(live, message) > 20
        assert check_unchanged(KuCoin, message) > 20
    assert check_unchanged(KuCoin, future(21, "5000.0,buy,83")) > 20
