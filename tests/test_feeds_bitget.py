"""Bitget's messages: checksums of a real recording, and what a loss does."""

import json
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, HOSTILE, NO_NUMBERS, SHARES, assert_refused, hurt_run, live_books
from venue_logs import bitget_message as message

from bookflow.events import Flag, Side, Status
from bookflow.feeds import Bitget, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/BITGET.ws.1.0"
SNAPSHOT = message("snapshot", [["8", "1"], ["7.50", "2"]], [["9", "3"]])


def test_every_checksum_of_the_recording(shared: Path) -> None:
    truth = verify_feed(shared / RECORDING, "bitget")["checksum"]
    assert (truth.compared, truth.equal, truth.first) == (443, 443, "")
    events = read_feed(shared / RECORDING, "bitget")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 31_291
    assert len(events.instruments) == 8
    assert (events.counts["snapshots"], events.counts["old_prints"]) == (8, 400)
    assert "gaps" not in events.counts


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(shared: Path, fault: Any, share: float) -> None:
    """Its 25 best levels, which are all that a checksum tells of."""
    kept = [line for line in lines(shared / RECORDING) if b'"books"' in line.text[:80]]
    messages = [(line.text, line.received) for line in kept if line.kind == "message"]

    def snapshot(symbol: str, book: Any) -> bytes:
        return message("snapshot", *book[1], symbol=symbol).replace(b"SPOT", b"sp")

    hurt = hurt_run(Bitget, messages, fault, share, depth=25, snapshot=snapshot)
    assert hurt.counts["gaps"] == hurt.counts["checksum"]
    if fault == "drop" and share >= 0.05:
        assert hurt.counts["gaps"] > 0


def test_a_checksum_is_over_the_text_that_was_sent() -> None:
    handler = Bitget()
    handler.feed(message("snapshot", [["0.00000000150", "1.0"]], [["0.00000000160", "1"]]), 1)
    handler.feed(
        message(
            "update",
            [["1.461E-9", "2.0"], ["0.00000000150", "0"]],
            [],
            said="1.461E-9:2.0:0.00000000160:1",
        ),
        2,
    )
    assert handler.truths["checksum"].equal == 2
    assert live_books(handler)["XY"][1][0] == (("1.461E-9", "2.0"),)


def test_a_checksum_that_differs_is_a_gap_until_the_next_snapshot() -> None:
    handler = Bitget()
    handler.feed(SNAPSHOT, 1)
    lost = handler.feed(message("update", [["8", "5"]], [], said="else"), 2)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.needs_snapshot == ("XY",)
    assert len(handler.feed(message("update", [["8", "5"]], [], said="else"), 3)) == 0
    handler.feed(SNAPSHOT, 4)
    assert (handler.needs_snapshot, handler.counts["gaps"]) == ((), 1)


def test_without_a_checksum_a_book_is_unverifiable() -> None:
    handler = Bitget()
    events = handler.feed(message("snapshot", [["8", "1"]], [["9", "1"]], said=None), 1)
    assert events.size[-1] == Status.UNVERIFIABLE


def test_a_channel_that_sends_all_it_shows() -> None:
    handler = Bitget()
    handler.feed(message("snapshot", [["8", "1"]], [["9", "1"]], channel="books5"), 1)
    handler.feed(message("snapshot", [["8.5", "1"]], [["9", "2"]], channel="books5"), 2)
    assert live_books(handler)["XY"][1] == ((("8.5", "1"),), (("9", "2"),))
    assert len(handler.feed(SNAPSHOT, 3)) == 0
    assert handler.counts["other: books"] == 1


def test_another_market_of_the_same_name_is_left_out() -> None:
    handler = Bitget()
    handler.feed(SNAPSHOT, 1)
    assert len(handler.feed(SNAPSHOT.replace(b"SPOT", b"USDT-FUTURES"), 2)) == 0
    assert handler.counts["other: USDT-FUTURES XY"] == 1


def prints(action: str, *numbers: int) -> bytes:
    data = [
        {"ts": str(1000 + n), "price": "8", "size": "2", "side": "sell", "tradeId": str(n)}
        for n in numbers
    ]
    arg = {"instType": "SPOT", "channel": "trade", "instId": "XY"}
    return json.dumps({"action": action, "arg": arg, "data": data}).encode()


def test_prints_before_the_subscription_are_old_and_missed_ones_are_not() -> None:
    handler = Bitget()
    assert len(handler.feed(prints("snapshot", 3, 2, 1), 1)) == 0
    events = handler.feed(prints("update", 5, 4), 2)
    assert events.side.tolist() == [Side.SELL] * 2
    assert events.ts_venue.tolist() == [1_004_000_000, 1_005_000_000]
    assert len(handler.feed(prints("snapshot", 7, 6, 5, 4), 3)) == 2
    assert handler.counts == {"old_prints": 3, "repeated_prints": 2}


@pytest.mark.parametrize("hostile", [*HOSTILE, *(SNAPSHOT[:n] for n in range(1, 150, 11))])
def test_what_is_no_message_changes_nothing(hostile: bytes) -> None:
    handler = Bitget()
    handler.feed(SNAPSHOT, 1)
    assert_refused(handler, hostile)


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_number_changes_nothing(number: bytes) -> None:
    handler = Bitget()
    handler.feed(SNAPSHOT, 1)
    update = message("update", [["7", "1"]], [["9", "2"]])
    for place in (b'"7"', b'"2"'):
        assert_refused(handler, update.replace(place, b'"' + number + b'"'))
        assert_refused(handler, update.replace(place, b"2.5"))
    for wrong in (b'"12"', b"1.5", b"null", b"1e999"):
        assert_refused(handler, update.replace(b'"checksum": ', b'"checksum": %s, "x": ' % wrong))
