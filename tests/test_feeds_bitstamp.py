"""Bitstamp's messages, and five hours of its orders with the venue's own levels."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from feed_hostile import check_unchanged

from bookflow import Pipeline
from bookflow._core import Mid
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Bitstamp, read_feed
from bookflow.feeds.recording import lines
from bookflow.readers.obanalytics import UNITS, read_obanalytics, replay

RECORDING = "data/cryptofeed/BITSTAMP-b88f8b.0"
ORDERS = "data/obanalytics/2015-05-01.log.xz"


def difference(at: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    said = {"timestamp": "1", "microtimestamp": str(at), "bids": list(bids), "asks": list(asks)}
    return {"event": "data", "channel": "diff_order_book_btcusd", "data": said}


def order(event: str, key: int, kind: int, price: str, amount: str, at: int = 9) -> dict[str, Any]:
    said = {"id": key, "order_type": kind, "price_str": price, "amount_str": amount}
    said["microtimestamp"] = str(at)
    return {"event": event, "channel": "live_orders_btcusd", "data": said}


def trade(key: int, kind: int | None = 1) -> dict[str, Any]:
    said = {"id": key, "price_str": "100", "amount_str": "0.5", "microtimestamp": "1000"}
    if kind is not None:
        said["type"] = kind
    return {"event": "trade", "channel": "live_trades_btcusd", "data": said}


def whole(at: int, *, by_order: bool = False) -> dict[str, Any]:
    bids = [["100", "1", "7"], ["100", "2", "8"]] if by_order else [["100", "3"]]
    asks = [["101", "4", "9"]] if by_order else [["101", "4"]]
    return {"timestamp": "1", "microtimestamp": str(at), "bids": bids, "asks": asks}


def top(bids: Any, asks: Any) -> dict[str, Any]:
    said = {"microtimestamp": "20", "bids": bids, "asks": asks}
    return {"event": "data", "channel": "order_book_btcusd", "data": said}


def levels() -> Bitstamp:
    handler = Bitstamp()
    handler.snapshot(whole(5), 1, "btcusd")
    return handler


def orders(**settings: Any) -> Bitstamp:
    handler = Bitstamp(**settings)
    handler.snapshot(whole(5, by_order=True), 1, "btcusd")
    return handler


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "bitstamp")
    rows = list(events.chunks(1_000))
    assert sum(len(chunk) for chunk in rows) == 16_185
    assert len(events.instruments) == 10
    assert events.counts["snapshots"] == 10
    assert events.counts["old"] == 111
    assert sum((chunk.action == Action.TRADE).sum() for chunk in rows) == 32


def test_books_of_the_recording_are_unverifiable_and_never_crossed(shared: Path) -> None:
    """A snapshot that was older than the differences kept for it would leave crossed books."""
    parts = read_feed(shared / RECORDING, "bitstamp").split()
    crossed = rows = 0
    for number, part in parts.items():
        pipeline = Pipeline(
            part.instruments[number], clock="event", features={"mid": Mid()}, order="as-is"
        )
        for chunk in part.chunks(10_000):
            status = pipeline.run(chunk).status
            good = status[(status & Status.SNAPSHOT_PENDING) == 0]
            assert (good & Status.UNVERIFIABLE).all()
            rows += len(good)
            crossed += int(((good & Status.CROSSED) != 0).sum())
    assert (crossed, rows) == (0, 3_133)


def test_prints_of_the_recording_are_on_their_sides_quote(shared: Path) -> None:
    agree = compared = 0
    handler = Bitstamp()
    for line in lines(shared / RECORDING):
        if line.kind == "answer":
            handler.answer(line.url, line.text, line.received)
        if line.kind != "message":
            continue
        quotes = {b.number: b.text.quotes for b in handler._books.values() if b.live}
        for row in handler.feed(line.text, line.received).to_numpy():
            if row["action"] == Action.TRADE and row["instrument"] in quotes:
                bid, _, ask, _ = quotes[row["instrument"]]
                nearer = Side.BID if abs(ask - row["price"]) < abs(row["price"] - bid) else Side.ASK
                compared += 1
                agree += int(nearer == row["side"])
    assert (agree, compared) == (30, 32)


# -- orders ----------------------------------------------------------------------------------------


def test_five_hours_of_orders_until_the_first_stale_one(shared: Path) -> None:
    """It is told by the second of the venue's books that shows it, and never too early."""
    handler = Bitstamp(instruments={"btcusd": UNITS}, book="live_orders", truth=True)
    gap: list[int] = []
    seen = 0
    for events in replay(shared / ORDERS, handler):
        if "nothing too much" in handler.truths:
            seen = handler.truths["nothing too much"].compared
        if len(events) and (events.flags & Flag.GAP).any():
            gap.append(seen)
            break
    assert gap == [3_026]
    truth = handler.truths["nothing too much"]
    # The first stale order is in books 3,025 and 3,026; 15 others have too much that once.
    assert (truth.compared, truth.equal) == (3_026, 3_009)
    assert handler.needs_snapshot == ("btcusd",)
    assert handler.counts["stale_levels"] == handler.counts["gaps"] == 1


def test_five_hours_of_orders_with_stale_ones_removed(shared: Path) -> None:
    handler = Bitstamp(
        instruments={"btcusd": UNITS}, book="live_orders", stale="remove", truth=True
    )
    prints = sum(
        int((events.action == Action.TRADE).sum()) for events in replay(shared / ORDERS, handler)
    )
    assert prints == 575
    assert handler.counts["stale_orders"] == handler.counts["stale_levels"] == 4
    truth = handler.truths["nothing too much"]
    assert (truth.compared, truth.equal) == (5_011, 4_973)
    # Orders of before the log are not known, and are within the twenty best levels for long.
    assert handler.truths["venue's levels"].equal == 1_788


def test_the_reader_of_these_orders(shared: Path, tmp_path: Path) -> None:
    log = tmp_path / "orders.log"
    with lzma.open(shared / ORDERS) as file:
        log.write_bytes(b"".join(file.readline() for _ in range(2_000)))
    events = read_obanalytics(log)
    assert len(events) == 1_751
    assert events.counts["unknown_orders"] == 88
    assert int((events.action == Action.TRADE).sum()) == 55


def test_a_line_that_is_none_of_the_log_is_named(tmp_path: Path) -> None:
    log = tmp_path / "orders.log"
    log.write_text('1430438404518 trade {"price": 1.5, "amount": 2, "id": 3}\n1 trade {}\n')
    with pytest.raises(InputError, match=r"orders.log: row 1"):
        read_obanalytics(log)


def test_orders_as_rows() -> None:
    handler = orders()
    rows = handler.feed(order("order_changed", 7, 0, "100", "0.4"), 2)
    assert (rows.action.tolist(), rows.order_id.tolist()) == ([Action.CANCEL], [7])
    assert rows.flags.tolist() == [Flag.FILL | Flag.LAST]
    rows = handler.feed(order("order_deleted", 7, 0, "100", "0.4"), 3)
    assert rows.action.tolist() == [Action.DELETE]
    rows = handler.feed(order("order_deleted", 8, 0, "100", "0.00000000"), 4)
    assert (rows.action.tolist(), rows.side.tolist()) == ([Action.CANCEL], [Side.BID])
    assert len(handler.feed(order("order_deleted", 8, 0, "100", "0"), 5)) == 0
    assert handler.counts["unknown_orders"] == 1
    rows = handler.feed(order("order_created", 1 << 60, 1, "102", "1"), 6)
    assert (rows.action.tolist(), rows.order_id.tolist()) == ([Action.ADD], [1 << 60])
    assert len(handler.feed(order("order_created", 9, 1, "101", "4"), 7)) == 0
    assert handler.counts["duplicate_orders"] == 1


def test_what_a_snapshot_of_orders_has_already_is_not_done_again() -> None:
    """An order that was changed twice would grow back, and lose its place in the queue."""
    handler = Bitstamp()
    handler.feed(order("order_changed", 7, 0, "100", "5", 3), 1)
    handler.feed(order("order_changed", 7, 0, "100", "1", 4), 2)
    handler.feed(order("order_changed", 7, 0, "100", "0.4", 5), 2)
    rows = handler.snapshot(whole(5, by_order=True), 3, "btcusd")
    assert rows.action.tolist()[-2:] == [Action.ADD, Action.CANCEL]
    assert Action.MODIFY not in rows.action
    assert handler.counts["old"] == 2


def test_a_snapshot_of_orders_that_is_older_than_the_book_is_not_taken() -> None:
    handler = orders()
    handler.feed(order("order_deleted", 7, 0, "100", "1"), 2)
    assert len(handler.snapshot(whole(8, by_order=True), 3, "btcusd")) == 0
    assert handler.counts["old_snapshots"] == 1
    assert len(handler.snapshot(whole(9, by_order=True), 4, "btcusd")) == 4


def test_a_snapshot_older_than_what_was_kept_for_it_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bookflow.feeds.handler._MOST_WAITING", 2)
    handler = Bitstamp()
    for at in (6, 7, 8):  # the first is forgotten
        handler.feed(difference(at, [["99", str(at)]]), 1)
    assert len(handler.snapshot(whole(6), 2, "btcusd")) == 0
    assert handler.needs_snapshot == ("btcusd",)
    assert len(handler.snapshot(whole(7), 3, "btcusd")) > 0


def test_a_refused_snapshot_does_not_choose_the_channel() -> None:
    handler = Bitstamp()
    handler.feed(trade(1), 1)
    bad = whole(5) | {"microtimestamp": "now"}
    with pytest.raises(InputError, match="microtimestamp"):
        handler.snapshot(bad, 2, "btcusd")
    assert "channel" not in handler._books["btcusd"].memory


def test_a_stale_order_is_told_by_two_books_that_agree() -> None:
    for stale in ("gap", "remove"):
        handler = orders(stale=stale)
        said = top([["100", "2"], ["99", "1"]], [["101", "4"]])
        assert len(handler.feed(said, 2)) == 0
        rows = handler.feed(said, 3)
        if stale == "gap":
            assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
            assert rows.size.tolist() == [Status.SNAPSHOT_PENDING | Status.UNVERIFIABLE]
        else:
            assert (rows.action.tolist(), rows.order_id.tolist()) == ([Action.DELETE], [7])
    handler = orders()
    handler.feed(top([["100", "2"]], [["101", "4"]]), 2)
    assert len(handler.feed(top([["100", "3"]], [["101", "4"]]), 3)) == 0  # it was in flight


# -- levels ----------------------------------------------------------------------------------------


def test_differences_wait_for_the_snapshot() -> None:
    handler = Bitstamp()
    assert handler.feed(difference(3, [["99", "1"]]), 1).size.tolist() == [
        Status.SNAPSHOT_PENDING | Status.UNVERIFIABLE
    ]
    handler.feed(difference(6, [["100", "2"]]), 2)
    assert handler.needs_snapshot == ("btcusd",)
    rows = handler.snapshot(json.dumps(whole(5)), 3, "btcusd")
    assert rows.action.tolist() == [
        Action.STATUS, Action.CLEAR, Action.LEVEL, Action.LEVEL, Action.LEVEL,
    ]  # fmt: skip
    assert handler._books["btcusd"].text.text(1, 9) == [("100", "2")]
    assert handler.counts["old"] == 1
    assert len(handler.feed(difference(6, [["100", "9"]]), 4)) == 0
    assert len(handler.snapshot(whole(5), 5, "btcusd")) == 0
    assert handler.counts["old_snapshots"] == 1


def test_prints_have_the_aggressor_and_come_once() -> None:
    handler = levels()
    assert handler.feed(trade(1, 1), 2).side.tolist() == [Side.SELL]
    assert handler.feed(trade(2, 0), 2).side.tolist() == [Side.BUY]
    assert handler.feed(trade(4, None), 2).side.tolist() == [Side.NONE]
    assert handler.feed(trade(3), 2).ts_venue.tolist() == [1_000_000]
    assert len(handler.feed(trade(2), 2)) == 0
    assert handler.counts["repeated_prints"] == 1


def test_whole_books_are_written_as_changes() -> None:
    handler = Bitstamp()
    handler.feed(top([["100", "1"], ["99", "1"]], [["101", "4"]]), 1)
    rows = handler.feed(top([["99", "1"], ["98", "2"]], [["101", "4"]]), 2)
    assert len(rows) > 0
    assert Action.CLEAR not in rows.action
    assert handler._books["btcusd"].text.text(1, 9) == [("99", "1"), ("98", "2")]


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="live_orders"):
        Bitstamp(book="full")
    with pytest.raises(InputError, match="remove"):
        Bitstamp(stale="keep")


def test_hurt_messages_leave_no_trace() -> None:
    assert check_unchanged(levels, difference(9, [["100", "2"]], [["101", "0"]])) > 40
    assert check_unchanged(levels, trade(1)) > 40
    assert check_unchanged(orders, order("order_changed", 7, 0, "100", "0.4")) > 40
    assert check_unchanged(orders, top([["100", "2"]], [["101", "4"]])) > 40
    assert check_unchanged(Bitstamp, difference(9, [["100", "2"]])) > 40
