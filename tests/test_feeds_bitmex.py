"""BitMEX's messages: levels by id, its own quotes in a real recording, prints."""

import json
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, faulty, live_books

import bookflow as bf
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Bitmex, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/BITMEX.ws.17.0"
UNITS = bf.Instrument("X", price_unit="1e-7", tick=None, size_unit="1", id=1)
UNVERIFIABLE = int(Status.UNVERIFIABLE)


def made(**settings: Any) -> Bitmex:
    return Bitmex(instruments={"X": UNITS}, **settings)


def level(number: int, side: str = "Buy", **more: str) -> str:
    rest = "".join(f',"{name}":{value}' for name, value in more.items())
    return f'{{"symbol":"X","id":{number},"side":"{side}"{rest}}}'


def book(action: str, *levels: str) -> str:
    return f'{{"table":"orderBookL2","action":"{action}","data":[{",".join(levels)}]}}'


WHOLE = book(
    "partial",
    level(7, "Sell", size="4", price="0.0000013"),
    level(8, "Buy", size="2", price="1.2e-6"),
    level(9, "Buy", size="3", price="0.0000011"),
)


def test_the_quotes_of_the_recording_are_among_its_touches(shared: Path) -> None:
    truth = verify_feed(shared / RECORDING, "bitmex")["quote"]
    assert (truth.compared, truth.equal, truth.holds) == (429, 421, True)


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "bitmex")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 6_648
    assert events.counts["snapshots"] == 10
    assert events.counts["prints_before"] == 10
    assert "gaps" not in events.counts
    assert {i.size_unit for i in events.instruments.values()} == {"1"}


def test_an_id_s_price_is_that_of_its_insert() -> None:
    handler = made()
    first = handler.feed(WHOLE, 1)
    assert first.action.tolist() == [Action.STATUS, Action.CLEAR] + [Action.LEVEL] * 3
    assert (first.price[2:].tolist(), first.size[2:].tolist()) == ([12, 11, 13], [2, 3, 4])
    rows = handler.feed(book("update", level(8, size="5"), level(7, "Sell", size="1")), 2)
    assert (rows.price.tolist(), rows.size.tolist()) == ([12, 13], [5, 1])
    assert rows.flags.tolist() == [0, Flag.LAST]
    handler.feed(book("insert", level(6, "Sell", size="9", price="0.0000014")), 3)
    rows = handler.feed(book("delete", level(7, "Sell"), level(8)), 4)
    assert (rows.price.tolist(), rows.size.tolist()) == ([12, 13], [0, 0])
    assert handler._books["X"].text.quotes == (11, 3, 14, 9)
    handler.feed(book("insert", level(7, "Buy", size="1", price="0.0000013")), 5)
    assert handler._books["X"].text.quotes == (13, 1, 14, 9)


def test_a_level_goes_to_the_other_side() -> None:
    handler = made()
    handler.feed(WHOLE, 1)
    rows = handler.feed(book("update", level(7, "Buy", size="6")), 2)
    assert rows.side.tolist() == [Side.BID, Side.ASK]
    assert (rows.price.tolist(), rows.size.tolist()) == ([13, 13], [6, 0])


@pytest.mark.parametrize(
    "message",
    [
        book("update", level(8, size="1"), level(5, size="1")),
        book("delete", level(5)),
        book("insert", level(8, size="1", price="0.0000012")),
    ],
)
def test_an_id_that_does_not_fit_is_a_gap(message: str) -> None:
    handler = made()
    handler.feed(WHOLE, 1)
    rows = handler.feed(message, 2)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING | UNVERIFIABLE]
    assert handler.counts["unknown_id"] == 1
    assert not len(handler.feed(book("update", level(8, size="5")), 3))
    handler.feed(WHOLE, 4)
    assert handler.needs_snapshot == ()
    assert handler._books["X"].text.quotes == (12, 2, 13, 4)


def test_what_comes_before_the_partial_is_passed_over() -> None:
    handler = made()
    rows = handler.feed(book("delete", level(5)), 1)
    assert not len(handler.feed(book("insert", level(5, size="1", price="0.0000012")), 2))
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING | UNVERIFIABLE]
    assert "gaps" not in handler.counts


@pytest.mark.parametrize("fault", FAULTS)
def test_the_book_is_never_called_verified(shared: Path, fault: Any) -> None:
    """An inserted level that comes twice shows, an update that does not come cannot."""
    messages = [line for line in lines(shared / RECORDING) if line.kind == "message"]
    handler = Bitmex()
    for i in faulty(messages, fault, 0.05, seed=2):
        handler.feed(messages[i].text, messages[i].received)
    assert handler.counts["gaps"] == handler.counts["unknown_id"] > 0
    assert {book.status for book in handler._books.values()} == {UNVERIFIABLE}


def trade(action: str = "insert", **more: Any) -> str:
    one = {"timestamp": "2021-04-17T16:41:07.897Z", "symbol": "X", "side": "Sell", "size": 5}
    one |= {"price": 0.0000012, "trdMatchID": "a"} | more
    return json.dumps({"table": "trade", "action": action, "data": [one]})


def test_prints_have_the_aggressor_s_side() -> None:
    handler = made()
    assert not len(handler.feed(trade("partial"), 1))
    assert not len(handler.feed(trade(), 1))  # the same again
    rows = handler.feed(trade(trdMatchID="b"), 2)
    assert (rows.side[0], rows.price[0], rows.size[0]) == (Side.ASK, 12, 5)
    assert rows.ts_venue[0] == 1_618_677_667_897_000_000
    other = handler.feed(trade(trdMatchID="c", side="", trdType="Referential"), 3)
    assert (other.side[0], other.flags[0]) == (Side.NONE, Flag.LAST | Flag.OFF_BOOK)
    assert handler.counts == {"prints_before": 1, "repeated_prints": 1}


def test_other_tables_are_counted() -> None:
    handler = made()
    handler.feed('{"table":"funding","action":"insert","data":[{"symbol":"X"}]}', 1)
    handler.feed('{"info":"Welcome"}', 1)
    assert handler.counts == {"other: funding": 1, "other: ": 1}


BAD = [
    b"",
    b"[]",
    b"\xff",
    b'{"data":' * 10_000,
    WHOLE[:90],
    book("partial", level(1, size="1", price="NaN")),
    book("insert", level(1, size="1", price="1e999")),
    book("insert", level(1, size="-1", price="0.0000012")),
    book("insert", level(1, size="1")),
    book("insert", level(1, size="1", price="0.00000012")),
    book("update", level(8, size='"x"')),
    book("update", level(8, "Up", size="1")),
    book("replace", level(8, size="1")),
    trade(timestamp="yesterday"),
    trade(timestamp="NaTZ"),
    trade(price=None),
    trade(side="Up"),
    {"table": "orderBookL2", "action": "partial", "data": []},
]


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_bad_messages_change_nothing(message: Any) -> None:
    handler = made()
    handler.feed(WHOLE, 1)
    before = live_books(handler)
    with pytest.raises(InputError, match="bitmex"):
        handler.feed(message, 2)
    assert live_books(handler) == before
    assert handler.feed(book("update", level(8, size="5")), 3).size.tolist() == [5]
