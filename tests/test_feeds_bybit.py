"""Bybit's messages: update numbers of v5, ids of the stream before, prints."""

import json
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, faulty, live_books

import bookflow as bf
from bookflow.errors import InputError
from bookflow.events import Action, Events, Flag, Side, Status
from bookflow.feeds import Bybit, read_feed
from bookflow.feeds.recording import lines

RECORDING = "data/nautilus/bybit_xrpusdt-ob500.data.zip"
BEFORE = "data/cryptofeed/BYBIT.ws.25.0"

UNITS = bf.Instrument("X", price_unit="0.01", tick=None, size_unit="0.001", id=1)
MS = 1_700_000_000_000


def made() -> Bybit:
    return Bybit(instruments={"X": UNITS})


def book(number: int, type_: str = "delta", **sides: Any) -> dict[str, Any]:
    said = {"s": "X", "b": [["1.00", str(number)]], "a": [], "u": number, "seq": number * 7}
    topic = {"topic": "orderbook.50.X", "type": type_, "ts": MS + 5, "cts": MS + number}
    return topic | {"data": said | sides}


def prices(events: Events) -> list[tuple[int, int]]:
    levels = events.action == Action.LEVEL
    pairs = zip(events.price[levels].tolist(), events.size[levels].tolist(), strict=True)
    return [(price, size // 1_000) for price, size in pairs]


# -- v5 --------------------------------------------------------------------------------------------


def test_lines_without_a_stamp_have_it_in_the_message(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "bybit")
    chunk = next(iter(events.chunks(1 << 20)))
    assert len(chunk) == 3_967
    assert chunk.ts[0] == 1_733_011_200_691_000_000
    assert chunk.ts_venue[0] == 1_733_011_200_589_000_000
    assert events.counts == {"snapshots": 1}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(4))
def test_a_book_that_is_called_good_is_right(shared: Path, fault: Any, seed: int) -> None:
    messages = [line.text for line in lines(shared / RECORDING)]
    whole, hurt = Bybit(), Bybit()
    states: dict[int | None, Any] = {}
    for text in messages:
        whole.feed(text, 1)
        states |= dict(live_books(whole).values())
    hurt.feed(messages[0], 1)
    for i in faulty(messages[1:], fault, 0.05, seed):
        hurt.feed(messages[1 + i], 1)
        for sequence, state in live_books(hurt).values():
            assert states[sequence] == state
    assert hurt.counts["gaps"] <= 1
    assert fault != "duplicate" or not hurt.counts["gaps"]


def test_every_loss_is_counted_and_a_snapshot_makes_good(shared: Path) -> None:
    messages = [line.text for line in lines(shared / RECORDING)]
    kept = set(faulty(messages, "drop", 0.2, seed=5)) | {0, len(messages) - 1}
    whole, hurt = Bybit(), Bybit()
    for i, text in enumerate(messages):
        whole.feed(text, 1)
        if i not in kept:
            continue
        rows = hurt.feed(text, 1)
        if hurt.needs_snapshot:
            assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
            number, (bids, asks) = live_books(whole)["XRPUSDT"]
            again = json.loads(text) | {"type": "snapshot"}
            again["data"] = {"s": "XRPUSDT", "b": bids, "a": asks, "u": number, "seq": 1}
            hurt.feed(json.dumps(again), 1)
        assert live_books(hurt) == live_books(whole)
    assert hurt.counts["lost"] == len(messages) - len(kept) > 3
    assert hurt.counts["gaps"] == hurt.counts["sequence"]


def test_a_restart_of_the_service_is_a_snapshot() -> None:
    handler = made()
    assert len(handler.feed(book(7), 1)) == 1  # its snapshot is awaited
    assert handler.needs_snapshot == ("X",)
    handler.feed(book(8, "snapshot"), 2)
    assert prices(handler.feed(book(9), 3)) == [(100, 9)]
    rows = handler.feed(book(1, "snapshot", b=[["0.99", "4"]]), 4)
    assert prices(rows) == [(99, 4)]
    assert rows.ts_venue[0] == (MS + 1) * 1_000_000
    assert prices(handler.feed(book(2), 5)) == [(100, 2)]
    assert "gaps" not in handler.counts


def test_a_gap_says_how_many_were_lost() -> None:
    handler = made()
    handler.feed(book(8, "snapshot"), 1)
    assert not len(handler.feed(book(8), 2))
    rows = handler.feed(book(12), 3)
    assert (rows.flags.tolist(), rows.size.tolist()) == (
        [Flag.GAP | Flag.LAST],
        [Status.SNAPSHOT_PENDING],
    )
    assert handler.counts == {"snapshots": 1, "old": 1, "gaps": 1, "sequence": 1, "lost": 3}
    assert not len(handler.feed(book(13), 4))


def test_one_depth_a_symbol() -> None:
    handler = made()
    handler.feed(book(8, "snapshot"), 1)
    assert not len(handler.feed(book(99, "snapshot") | {"topic": "orderbook.1.X"}, 2))
    assert handler.counts["other: orderbook.1.X"] == 1


def test_prints_have_the_taker_s_side() -> None:
    one = {"T": MS, "s": "X", "S": "Buy", "v": "2", "p": "1.00", "i": "a", "BT": False}
    data = [one, one | {"i": "b", "S": "Sell", "BT": True}, one]
    handler = made()
    rows = handler.feed({"topic": "publicTrade.X", "type": "snapshot", "ts": MS, "data": data}, 1)
    assert rows.side.tolist() == [Side.BID, Side.ASK]
    assert rows.flags.tolist() == [Flag.LAST, Flag.LAST | Flag.OFF_BOOK]
    assert handler.counts == {"repeated_prints": 1}
    bad = [one | {"i": "c"}, one | {"v": "-1"}]
    for wrong in (bad, [one | {"i": "c"}, one | {"S": "Up"}]):
        with pytest.raises(InputError, match="bybit"):
            handler.feed({"topic": "publicTrade.X", "data": wrong}, 2)
    assert len(handler.feed({"topic": "publicTrade.X", "data": bad[:1]}, 2)) == 1


BAD: list[Any] = [
    b"",
    b"[1]",
    b"\xff",
    b"[" * 10_000,
    book(9, b=[["nan", "1"]]),
    book(9, b=[["1.01", "1"], ["1e999", "1"]]),
    book(9, b=[["1.01", "1"]], a=[["1.02", "-1"]]),
    book(9, b=[["1.00"]]),
    book(9, b=[["1.00", 1]]),
    book(9, u="9"),
    book(9, u=0),
    book(9) | {"cts": 5},
    book(9) | {"data": None},
]


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_bad_messages_change_nothing(message: Any) -> None:
    handler = made()
    handler.feed(book(8, "snapshot"), 1)
    before = live_books(handler)
    with pytest.raises(InputError, match="bybit"):
        handler.feed(message, 2)
    assert live_books(handler) == before
    assert prices(handler.feed(book(9), 3)) == [(100, 9)]


# -- before ----------------------------------------------------------------------------------------


def level(price: str, side: str, size: str = "1") -> str:
    name = int(price.replace(".", ""))
    return f'{{"price":"{price}","symbol":"X","id":"{name}","side":"{side}","size":{size}}}'


def said(number: int, data: str, type_: str = "delta") -> str:
    end = f'"cross_seq":"{number}","timestamp_e6":"{MS * 1_000 + number}"'
    return f'{{"topic":"orderBookL2_25.X","type":"{type_}","data":{data},{end}}}'


WHOLE = said(5, f'{{"order_book":[{level("1.00", "Buy")},{level("1.01", "Sell")}]}}', "snapshot")


def delta(number: int, **parts: str) -> str:
    kept = {"delete": "", "update": "", "insert": ""} | parts
    return said(number, "{" + ",".join(f'"{k}":[{v}]' for k, v in kept.items()) + "}")


def test_the_recording_of_the_stream_before(shared: Path) -> None:
    events = read_feed(shared / BEFORE, "bybit")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 20_459
    assert events.counts == {"snapshots": 8, "other: ": 16}
    assert len(events.instruments) == 8


def test_levels_by_id() -> None:
    handler = made()
    first = handler.feed(WHOLE, 1)
    assert first.action.tolist()[:2] == [Action.STATUS, Action.CLEAR]
    assert first.size[0] == Status.UNVERIFIABLE
    rows = handler.feed(
        delta(
            9,
            delete=level("1.00", "Buy"),
            update=level("1.01", "Sell", "2.500"),
            insert=level("0.99", "Buy", "3"),
        ),
        2,
    )
    assert rows.price.tolist() == [100, 99, 101]
    assert rows.size.tolist() == [0, 3_000, 2_500]
    assert rows.ts_venue[0] == MS * 1_000_000 + 9_000


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (delta(9, update=level("0.90", "Buy")), "unknown_id"),
        (delta(9, delete=level("0.90", "Buy")), "unknown_id"),
        (delta(9, insert=level("1.00", "Buy")), "unknown_id"),
        (delta(4, update=level("1.00", "Buy")), "sequence"),
    ],
)
def test_what_shows_that_something_was_lost(message: str, reason: str) -> None:
    handler = made()
    handler.feed(WHOLE, 1)
    rows = handler.feed(message, 2)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING | Status.UNVERIFIABLE]
    assert handler.counts[reason] == 1
    assert not len(handler.feed(delta(10, update=level("1.00", "Buy")), 3))
    handler.feed(WHOLE, 4)
    assert handler.needs_snapshot == ()


@pytest.mark.parametrize("n", range(1, len(WHOLE), 9))
def test_a_message_that_is_cut_changes_nothing(n: int) -> None:
    handler = made()
    handler.feed(WHOLE, 1)
    before = live_books(handler)
    with pytest.raises(InputError, match="bybit"):
        handler.feed(WHOLE[:n], 2)
    assert live_books(handler) == before


def test_numbers_that_are_no_text_are_not_taken_decoded() -> None:
    with pytest.raises(InputError, match="give the message as received"):
        made().feed(json.loads(WHOLE), 1)
