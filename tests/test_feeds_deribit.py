"""Deribit's messages: options of a recording, by change_id and by their tickers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty, live_books
from feed_hostile import check_unchanged

from bookflow import Pipeline
from bookflow._core import Mid
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Deribit, read_feed, verify_feed
from bookflow.feeds.deribit import greeks
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/DERIBIT-5dd9ce.0"


def said(channel: str, data: Any) -> dict[str, Any]:
    params = {"channel": channel, "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


def book(
    change_id: int, before: int | None, bids: Any = (), asks: Any = (), name: str = "X"
) -> dict[str, Any]:
    head = {"type": "snapshot" if before is None else "change", "timestamp": change_id}
    head |= {"instrument_name": name, "change_id": change_id, "bids": bids, "asks": asks}
    if before is not None:
        head["prev_change_id"] = before
    return said(f"book.{name}.raw", head)


def trade(number: int, **more: Any) -> dict[str, Any]:
    one = {"trade_seq": number, "timestamp": 7, "instrument_name": "X", "direction": "sell"}
    return said("trades.X.raw", [one | {"price": 100.5, "amount": 2.0} | more])


def ticker(at: int, bid: Any, ask: Any, state: str = "open") -> dict[str, Any]:
    touch = {"best_bid_price": bid, "best_bid_amount": 1.5 if bid else 0.0}
    touch |= {"best_ask_price": ask, "best_ask_amount": 2.0 if ask else 0.0}
    more = {"timestamp": at, "instrument_name": "X", "state": state}
    return said("ticker.X.raw", touch | more)


def live() -> Deribit:
    handler = Deribit()
    handler.feed(book(5, None, [["new", 100.0, 1.5]], [["new", 101.0, 2.0]]), 1)
    return handler


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "deribit")
    assert sum(len(chunk) for chunk in events.chunks(100)) == 376
    assert dict(events.counts) == {"other: result": 1, "snapshots": 9}
    assert len(events.instruments) == 9  # one of ten options is empty on both sides


def test_every_ticker_is_our_touch(shared: Path) -> None:
    truth = verify_feed(shared / RECORDING, "deribit")["ticker"]
    assert (truth.compared, truth.equal, truth.first) == (240, 240, "")


def test_the_status_of_the_recording_is_the_books_own(shared: Path) -> None:
    seen: set[int] = set()
    for number, part in read_feed(shared / RECORDING, "deribit").split().items():
        pipeline = Pipeline(
            part.instruments[number], clock="event", features={"mid": Mid()}, order="as-is"
        )
        for chunk in part.chunks(1_000):
            seen |= set(pipeline.run(chunk).status.tolist())
    assert seen == {0, Status.ONE_SIDED}


def test_greeks_of_the_recording(shared: Path) -> None:
    found = list(greeks(shared / RECORDING))
    assert len(found) == 273
    assert found[0]["symbol"] == "ETH-9APR21-1950-C"
    assert (found[0]["delta"], found[0]["mark_iv"]) == (0.8609, 78.74)
    assert len({one["symbol"] for one in found}) == 10
    some = list(greeks(shared / RECORDING, ["ETH-9APR21-1950-C"]))
    assert 0 < len(some) < 273


def test_a_ticker_without_its_fields_is_named(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text('1700000000.1: {"params":{"data":{"greeks":null}}}\n')
    with pytest.raises(InputError, match=r"x\.log: row 0"):
        list(greeks(log))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(shared: Path, fault: str, share: float) -> None:
    messages = [
        line.text
        for line in lines(shared / RECORDING)
        if line.kind == "message" and b'"channel":"book' in line.text
    ]
    whole = Deribit()
    states: dict[tuple[str, Any], Any] = {}
    latest = []
    for text in messages:
        whole.feed(text, 1)
        books = live_books(whole)
        states |= {(name, at): state for name, (at, state) in books.items()}
        latest.append(books)
    hurt = Deribit()
    gaps = 0
    for n, i in enumerate(faulty(messages, fault, share, seed=6)):
        change = json.loads(messages[i])["params"]["data"]
        mine = hurt._books.get(change["instrument_name"])
        gaps += bool(
            mine and mine.live and change.get("change_id", 0) > (mine.sequence or 0)
            and change.get("prev_change_id", mine.sequence) != mine.sequence
        )  # fmt: skip
        hurt.feed(messages[i], 1)
        if n % 3 == 0:
            for name in hurt.needs_snapshot:
                at, (bids, asks) = latest[i].get(name, (0, ((), ())))
                sides = [[["new", *level] for level in side] for side in (bids, asks)]
                text = json.dumps(book(at or 0, None, *sides, name=name))
                hurt.feed(re.sub(r'"new", "([^"]*)", "([^"]*)"', r'"new", \1, \2', text), 1)
        for name, (at, state) in live_books(hurt).items():
            if (name, at) in states:
                assert state == states[name, at]
    assert hurt.counts["gaps"] == gaps
    if fault == "duplicate":
        assert gaps == 0
    elif share >= 0.05:
        assert gaps > 0


def test_a_change_that_does_not_follow_is_a_gap() -> None:
    handler = live()
    rows = handler.feed(book(8, 5, [["change", 100.0, 1.0]], [["delete", 101.0, 0.0]]), 2)
    assert rows.action.tolist() == [Action.LEVEL, Action.LEVEL]
    assert rows.size.tolist()[1] == 0
    assert len(handler.feed(book(8, 5, [["change", 100.0, 1.0]]), 3)) == 0
    assert handler.counts["old"] == 1
    rows = handler.feed(book(12, 11, [["change", 100.0, 1.0]]), 4)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert handler.counts["change_id"] == 1
    assert "lost" not in handler.counts
    assert len(handler.feed(book(13, 12, [["change", 100.0, 1.0]]), 5)) == 0
    handler.feed(book(20, None, [["new", 99.0, 1.0]]), 6)
    assert handler.needs_snapshot == ()


def test_an_empty_snapshot_is_one() -> None:
    handler = Deribit()
    handler.feed(book(0, None), 1)
    rows = handler.feed(book(4, 0, [["new", 0.05, 1.0]]), 2)
    assert rows.action.tolist() == [Action.CLEAR, Action.LEVEL]
    handler = Deribit()
    handler.feed(book(2, None), 1)
    rows = handler.feed(book(4, 3, [["new", 0.05, 1.0]]), 2)
    assert rows.action.tolist() == [Action.CLEAR, Action.STATUS]


def test_prints_and_where_they_were_made() -> None:
    handler = Deribit()
    assert handler.feed(trade(1), 1).side.tolist() == [Side.SELL]
    assert len(handler.feed(trade(1), 1)) == 0
    assert handler.feed(trade(4, block_trade_id="b"), 1).flags[0] & Flag.OFF_BOOK
    assert handler.feed(trade(5, combo_trade_id="c"), 1).flags[0] & Flag.OFF_BOOK
    assert not handler.feed(trade(6, liquidation="T"), 1).flags[0] & Flag.OFF_BOOK
    counts = {"repeated_prints": 1, "lost_prints": 2, "liquidations": 1}
    assert dict(handler.counts) == counts


def test_quotes_are_compared_when_all_changes_of_before_have_come() -> None:
    handler = Deribit(truth=True)
    handler.feed(book(5, None, [["new", 100.0, 1.5]], [["new", 101.0, 2.0]]), 1)
    handler.feed(ticker(8, 0.0, 101.0), 2)
    handler.feed(book(8, 5, [["delete", 100.0, 0.0]]), 3)
    handler.feed(said("quote.X", ticker(9, None, 102.0)["params"]["data"]), 4)
    assert handler.truths == {}
    handler.finish()
    assert handler.truths["ticker"].equal == 1
    assert (handler.truths["quote"].compared, handler.truths["quote"].equal) == (1, 0)


def test_a_market_that_is_not_open_is_halted() -> None:
    handler = live()
    assert handler.feed(ticker(8, 100.0, 101.0, "closed"), 2).size.tolist() == [Status.HALTED]
    assert handler.feed(ticker(9, 100.0, 101.0), 3).size.tolist() == [0]


def test_grouped_books_are_unverifiable() -> None:
    handler = Deribit()
    data = {"timestamp": 5, "instrument_name": "X", "change_id": 1}
    first = data | {"bids": [[100.0, 1.0], [99.0, 2.0]], "asks": [[101.0, 1.0]]}
    rows = handler.feed(said("book.X.none.10.100ms", first), 1)
    assert rows.size.tolist()[0] == Status.UNVERIFIABLE
    second = data | {"bids": [[99.0, 2.0]], "asks": [[101.0, 1.0]]}
    handler.feed(said("book.X.none.10.100ms", second), 2)
    assert handler._books["X"].text.text(1, 9) == [("99.0", "2.0")]


def test_hurt_messages_leave_no_trace() -> None:
    for message in (
        book(8, 5, [["change", 100.0, 1.0]], [["delete", 101.0, 0.0]]),
        book(8, 7, [["change", 100.0, 1.0]]),
        trade(1),
        ticker(8, 100.0, 101.0, "closed"),
    ):
        assert check_unchanged(live, message) > 20
