"""Coinbase's messages: levels of a recording, and every order of a made-up session."""

import random
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty
from feed_hostile import check_unchanged

from bookflow import Pipeline
from bookflow._core import Mid
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Coinbase, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/COINBASE.ws.28.0"
TIME = "2023-11-14T22:13:20.123456Z"


def said(kind: str, sequence: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "product_id": "X-Y", "sequence": sequence, "time": TIME} | more


def opened(sequence: int, key: str, side: str, price: str, size: str) -> dict[str, Any]:
    return said("open", sequence, order_id=key, side=side, price=price, remaining_size=size)


def matched(sequence: int, key: str, side: str, price: str, size: str, number: int) -> Any:
    more = {"trade_id": number, "maker_order_id": key, "taker_order_id": "t"}
    return said("match", sequence, side=side, price=price, size=size, **more)


WHOLE = {"sequence": 5, "bids": [["100", "1", "a"], ["100", "2", "b"]], "asks": [["101", "4", "c"]]}


def full() -> Coinbase:
    handler = Coinbase(book="full")
    handler.snapshot(WHOLE, 1, "X-Y")
    return handler


# -- levels ----------------------------------------------------------------------------------------


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "coinbase")
    rows = list(events.chunks(1_000))
    assert sum(len(chunk) for chunk in rows) == 18_198
    assert sum(int((chunk.action == Action.TRADE).sum()) for chunk in rows) == 97
    assert dict(events.counts) == {"snapshots": 10, "last_match": 10, "other: subscriptions": 3}


def test_the_touch_when_a_print_is_told(shared: Path) -> None:
    """The others are the ticker of before the subscription."""
    truth = verify_feed(shared / RECORDING, "coinbase")["best quote"]
    assert (truth.compared, truth.equal) == (107, 100)
    assert truth.holds


def test_levels_are_unverifiable_and_never_crossed(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "coinbase")
    rows = 0
    for number, part in events.split().items():
        pipeline = Pipeline(
            part.instruments[number], clock="event", features={"mid": Mid()}, order="as-is"
        )
        for chunk in part.chunks(10_000):
            status = pipeline.run(chunk).status
            rows += len(status)
            assert (status[1:] == Status.UNVERIFIABLE).all()
    assert rows == 9_826


def test_prints_are_at_the_quote_of_their_side(shared: Path) -> None:
    """`match` names the maker: the aggressor is the other side."""
    handler = Coinbase()
    agree = compared = 0
    for line in lines(shared / RECORDING):
        if line.kind != "message":
            continue
        quotes = {b.number: b.text.quotes for b in handler._books.values() if b.live}
        for row in handler.feed(line.text, line.received).to_numpy():
            if row["action"] == Action.TRADE:
                bid, _, ask, _ = quotes[row["instrument"]]
                nearer = Side.BID if abs(ask - row["price"]) < abs(row["price"] - bid) else Side.ASK
                compared += 1
                agree += int(nearer == row["side"])
    assert (agree, compared) == (94, 97)


def test_changes_without_a_snapshot_wait_for_one() -> None:
    handler = Coinbase()
    change = {"type": "l2update", "product_id": "X-Y", "changes": [["buy", "100", "1"]]}
    rows = handler.feed(change | {"time": TIME}, 1)
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING | Status.UNVERIFIABLE]
    assert rows.ts_venue.tolist() == [1_700_000_000_123_456_000]
    assert handler.needs_snapshot == ("X-Y",)


# -- every order -----------------------------------------------------------------------------------


def test_a_match_executes_the_makers_order() -> None:
    handler = full()
    assert len(handler.feed(said("received", 6, order_id="t", side="buy"), 2)) == 0
    rows = handler.feed(matched(7, "c", "sell", "101", "1.5", 1), 2)
    assert rows.action.tolist() == [Action.EXECUTE]
    assert rows.side.tolist() == [Side.ASK]
    assert rows.order_id.tolist() == [3]
    rows = handler.feed(said("done", 8, order_id="t", reason="filled", side="buy"), 3)
    assert len(rows) == 0
    rows = handler.feed(said("change", 9, order_id="c", new_size="2", old_size="2.5"), 3)
    assert rows.action.tolist() == [Action.CANCEL]
    rows = handler.feed(said("change", 10, order_id="nobody", new_size="2"), 3)
    assert len(rows) == 0
    rows = handler.feed(said("change", 11, order_id="c", new_size="2", new_price="102"), 3)
    assert rows.action.tolist() == [Action.MODIFY]
    rows = handler.feed(said("done", 12, order_id="c", reason="canceled", side="sell"), 3)
    assert rows.action.tolist() == [Action.DELETE]
    assert len(handler._books["X-Y"].memory["orders"]) == 2  # those that are gone are forgotten
    assert "gaps" not in handler.counts


def test_messages_wait_for_the_snapshot_and_prints_do_not() -> None:
    handler = Coinbase(book="full")
    handler.feed(opened(5, "c", "sell", "101", "4"), 1)
    rows = handler.feed(matched(6, "c", "sell", "101", "1.5", 1), 2)
    assert (rows.action.tolist(), rows.side.tolist()) == ([Action.TRADE], [Side.BUY])
    assert len(handler.snapshot(WHOLE | {"sequence": 3}, 3, "X-Y")) == 0  # older than what was kept
    assert handler.counts["old_snapshots"] == 1
    rows = handler.snapshot(WHOLE, 3, "X-Y")
    assert rows.action.tolist() == [Action.CLEAR, *[Action.ADD] * 3, Action.CANCEL]
    assert rows.flags[-1] == Flag.FILL | Flag.LAST
    assert handler._books["X-Y"].sequence == 6


def test_a_gap_counts_what_is_lost_and_orders_keep_their_numbers() -> None:
    handler = full()
    rows = handler.feed(matched(9, "c", "sell", "101", "1", 7), 2)
    assert rows.action.tolist() == [Action.STATUS, Action.TRADE]
    assert rows.flags[0] & Flag.GAP
    assert handler.counts["lost"] == 3
    assert handler.needs_snapshot == ("X-Y",)
    rows = handler.snapshot(WHOLE | {"sequence": 9, "bids": []}, 3, "X-Y")
    assert rows.order_id.tolist() == [0, 3]
    assert len(handler.feed(matched(9, "c", "sell", "101", "1", 7), 4)) == 0
    assert handler.counts["old"] == 2


def test_prints_behind_a_snapshot_that_is_ahead_are_told_once() -> None:
    handler = full()
    handler.feed(matched(6, "c", "sell", "101", "1", 7), 2)
    handler.snapshot(WHOLE | {"sequence": 9}, 3, "X-Y")
    rows = handler.feed(matched(8, "c", "sell", "101", "1", 8), 4)
    assert rows.action.tolist() == [Action.TRADE]
    assert len(handler.feed(matched(8, "c", "sell", "101", "1", 8), 5)) == 0
    assert handler.counts["old"] == 2
    assert "repeated_prints" not in handler.counts


def test_executions_count_the_prints_that_were_left_out() -> None:
    handler = full()
    handler.feed(matched(6, "c", "sell", "101", "1", 7), 2)
    rows = handler.feed(matched(7, "c", "sell", "101", "1", 10), 3)
    assert rows.action.tolist() == [Action.EXECUTE]
    assert handler.counts["lost_prints"] == 2


def test_an_order_that_is_changed_to_nothing_is_gone() -> None:
    handler = full()
    rows = handler.feed(said("change", 6, order_id="c", new_size="0", new_price="102"), 2)
    assert rows.action.tolist() == [Action.DELETE]
    assert "c" not in handler._books["X-Y"].memory["orders"]


def session(n: int) -> tuple[list[dict[str, Any]], list[dict[str, tuple[str, str, str]]]]:
    """Messages 1 to n, and the orders after each: side, price and what is left."""
    chance = random.Random(5)
    live: dict[str, tuple[str, str, str]] = {}
    messages, states = [], []
    prints = 0
    for i in range(1, n + 1):
        roll = chance.random()
        if roll < 0.5 or not live:
            side = chance.choice(("buy", "sell"))
            price = str(100 + chance.randint(1, 9) * (1 if side == "sell" else -1))
            live[f"o{i}"] = (side, price, "10")
            messages.append(opened(i, f"o{i}", side, price, "10"))
        elif roll < 0.6:
            messages.append(said("received", i, order_id=f"o{i}", side="buy"))
        else:
            key = chance.choice(list(live))
            side, price, size = live[key]
            if roll < 0.8:
                prints += 1
                taken = chance.randint(1, int(size))
                messages.append(matched(i, key, side, price, str(taken), prints))
                live[key] = (side, price, str(int(size) - taken))
                if taken == int(size):
                    del live[key]
            else:
                messages.append(said("done", i, order_id=key, side=side, reason="canceled"))
                del live[key]
        states.append(dict(live))
    return messages, states


def ours(handler: Coinbase) -> dict[Any, tuple[str, str, str]]:
    book = handler._books["X-Y"]
    price, size = (float(str(u)) for u in (book.instrument.price_unit, book.instrument.size_unit))
    return {
        key: (
            "buy" if order.side == Side.BID else "sell",
            str(round(order.price * price)),
            str(round(order.size * size)),
        )
        for key, order in book.memory["orders"].items()
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(fault: str, share: float) -> None:
    messages, states = session(1_500)
    handler = Coinbase(book="full")
    handler.snapshot({"sequence": 0, "bids": [], "asks": []}, 1, "X-Y")
    handler.feed(messages[0], 1)
    handler.snapshot({"sequence": 0, "bids": [], "asks": []}, 1, "X-Y")
    lost = 0
    latest = 1
    for i in faulty(messages, fault, share, seed=3):
        if i == 0:
            continue
        book = handler._books["X-Y"]
        if book.live and i > (book.sequence or 0):
            lost += i - (book.sequence or 0)
        handler.feed(messages[i], 2)
        latest = max(latest, i + 1)
        if book.pending and i % 7 == 0:
            handler.snapshot(whole_of(states[latest - 1], latest), 3, "X-Y")
        if book.live:
            assert ours(handler) == states[(book.sequence or 0) - 1]
    assert handler.counts["lost"] == lost
    if fault == "duplicate":
        assert "gaps" not in handler.counts
    elif share >= 0.01:
        assert handler.counts["gaps"] > 0


def test_a_session_in_a_pipeline() -> None:
    messages, states = session(1_500)
    handler = Coinbase(book="full")
    handler.feed(messages[0], 1)
    pipeline = None
    for events in (
        handler.snapshot({"sequence": 0, "bids": [], "asks": []}, 1, "X-Y"),
        *(handler.feed(message, 2) for message in messages[1:]),
    ):
        if pipeline is None:
            pipeline = Pipeline(
                events.instrument, clock="event", features={"mid": Mid()}, order="as-is"
            )
        pipeline.run(events)
    assert pipeline is not None
    assert {name for name, n in pipeline.faults.items() if n} <= {"crossed"}
    best = {}
    for side, pick in (("buy", max), ("sell", min)):
        price = pick(int(p) for s, p, _ in states[-1].values() if s == side)
        sizes = [int(q) for s, p, q in states[-1].values() if (s, p) == (side, str(price))]
        best[side] = (price, sum(sizes))
    unit, lot = (float(str(u)) for u in (events.instrument.price_unit, events.instrument.size_unit))
    bid, bid_size, ask, ask_size = pipeline.quotes
    assert (round(bid * unit), round(bid_size * lot)) == best["buy"]
    assert (round(ask * unit), round(ask_size * lot)) == best["sell"]


def whole_of(orders: dict[str, tuple[str, str, str]], sequence: int) -> dict[str, Any]:
    sides = {
        name: [(p, q, key) for key, (s, p, q) in orders.items() if s == side]
        for name, side in (("bids", "buy"), ("asks", "sell"))
    }
    return {"sequence": sequence} | sides


# -- Advanced Trade --------------------------------------------------------------------------------


def levels(number: int, kind: str, *updates: tuple[str, str, str]) -> dict[str, Any]:
    names = ("side", "price_level", "new_quantity")
    event = {
        "type": kind,
        "product_id": "X-Y",
        "updates": [dict(zip(names, one, strict=True)) for one in updates],
    }
    return {"channel": "l2_data", "timestamp": TIME, "sequence_num": number, "events": [event]}


def trades(number: int, *keys: int) -> dict[str, Any]:
    one = {"product_id": "X-Y", "price": "101", "size": "1", "side": "SELL", "time": TIME}
    event = {"type": "update", "trades": [one | {"trade_id": str(key)} for key in keys]}
    return {
        "channel": "market_trades", "timestamp": TIME, "sequence_num": number, "events": [event],
    }  # fmt: skip


def advanced() -> Coinbase:
    handler = Coinbase()
    handler.feed(levels(0, "snapshot", ("bid", "100", "1"), ("offer", "101", "2")), 1)
    return handler


def test_a_connection_numbers_all_its_messages() -> None:
    handler = advanced()
    rows = handler.feed(trades(1, 8, 7), 2)  # newest first
    assert rows.side.tolist() == [Side.BUY, Side.BUY]
    assert handler.feed(levels(2, "update", ("offer", "101", "0")), 3).size.tolist() == [0]
    beat = {"channel": "heartbeats", "timestamp": TIME, "sequence_num": 3, "events": []}
    assert len(handler.feed(beat, 3)) == 0
    assert len(handler.feed(levels(3, "update", ("bid", "100", "9")), 4)) == 0
    assert handler.counts["old"] == 1
    rows = handler.feed(trades(6, 9), 5)
    assert rows.action.tolist() == [Action.STATUS, Action.TRADE]
    assert rows.size.tolist()[0] == Status.SNAPSHOT_PENDING
    assert handler.counts["lost"] == 2
    assert len(handler.feed(levels(7, "update", ("bid", "100", "9")), 6)) == 0
    handler.feed(levels(8, "snapshot", ("bid", "100", "3")), 7)
    assert handler.needs_snapshot == ()
    assert Coinbase(side="taker").feed(trades(0, 1), 1).side.tolist() == [Side.SELL]


def test_number_0_is_another_connection() -> None:
    handler = advanced()
    handler.feed(levels(1, "update", ("bid", "100", "2")), 2)
    rows = handler.feed(levels(0, "snapshot", ("bid", "99", "1")), 3)
    assert rows.action.tolist() == [Action.STATUS, Action.CLEAR, Action.LEVEL]
    assert handler.counts["disconnected"] == 1


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="full"):
        Coinbase(book="level3")
    with pytest.raises(InputError, match="taker"):
        Coinbase(side="both")
    with pytest.raises(InputError, match="full"):
        Coinbase().snapshot(WHOLE, 1, "X-Y")


def test_hurt_messages_leave_no_trace() -> None:
    for message in (
        opened(6, "z", "buy", "99", "1"),
        matched(6, "c", "sell", "101", "1", 1),
        matched(8, "c", "sell", "101", "1", 1),
        said("change", 6, order_id="c", new_size="2", new_price="102"),
    ):
        assert check_unchanged(full, message) > 30
        assert check_unchanged(lambda: Coinbase(book="full"), message) > 20
    for message in (levels(1, "update", ("bid", "100", "2")), trades(2, 5)):
        assert check_unchanged(advanced, message) > 30
