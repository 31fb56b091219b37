"""Bitfinex's messages: a recording that is numbered, checksums by hand, and what a loss does."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, HOSTILE, NO_NUMBERS, SHARES, assert_refused, faulty, hurt_run
from venue_logs import BITFINEX_START, bitfinex_snapshot, bitfinex_sum, signed

from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import Bitfinex, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/BITFINEX-58bafb.0"
BIDS, ASKS = [["8.1", "1"], ["7.5", "1e-7"]], [["9", "3"]]
CHANNELS = {"tKNCBTC": 146466, "tETHJPY": 146467}


def begun(*, flags: int = 196_608, precision: str = "P0", truth: bool = False) -> Bitfinex:
    handler = Bitfinex(truth=truth)
    for message in BITFINEX_START:
        text = message.replace(b"196608", b"%d" % flags)
        handler.feed(text.replace(b"P0", precision.encode()), 0)
    return handler


def test_the_recording(shared: Path) -> None:
    truth = verify_feed(shared / RECORDING, "bitfinex")["ticker"]
    assert (truth.compared, truth.equal, truth.first) == (46, 46, "")
    events = read_feed(shared / RECORDING, "bitfinex")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 23_501
    assert (len(events.instruments), events.counts["snapshots"]) == (8, 8)
    assert events.counts["old_prints"] == 240
    assert not {"gaps", "lost", "old"} & events.counts.keys()


@cache
def recorded(path: Path) -> tuple[list[tuple[bytes, int]], list[tuple[bytes, int]]]:
    """How the connection began, and its messages by number."""
    kept = [line for line in lines(path) if line.kind == "message"][:1_400]
    all_ = [(line.text, line.received) for line in kept]
    events = [message for message in all_ if message[0][:1] == b"{"]
    return events, [message for message in all_ if message[0][:1] == b"["]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_every_loss_is_noticed_and_counted(shared: Path, fault: Any, share: float) -> None:
    start, messages = recorded(shared / RECORDING)
    made: list[Bitfinex] = []

    def make() -> Bitfinex:
        made.append(Bitfinex(CHANNELS))
        for message in start:
            made[-1].feed(*message)
        return made[-1]

    def snapshot(symbol: str, book: Any) -> bytes:
        number = made[-1]._sequence or 0
        made[-1]._sequence = number - 1  # one message more than the recording has
        return bitfinex_snapshot(*book[1], number, CHANNELS[symbol])

    hurt = hurt_run(make, messages, fault, share, snapshot=snapshot, numbered=True)
    order = faulty(messages, fault, share, seed=1)
    numbers = [json.loads(messages[i][0])[-1] for i in order]
    newest = sorted({max(numbers[: k + 1]) for k in range(len(numbers))})
    assert hurt.counts["lost"] == sum(b - a - 1 for a, b in pairwise(newest))
    assert hurt.counts["old"] == len(numbers) - len(newest)
    assert fault != "duplicate" or "gaps" not in hurt.counts
    assert fault != "drop" or share < 0.01 or hurt.counts["gaps"] > 0


def test_a_checksum_is_of_the_book_as_it_is_when_it_comes() -> None:
    handler = begun()
    handler.feed(bitfinex_snapshot(BIDS, ASKS, 1), 1)
    assert len(handler.feed(bitfinex_sum(BIDS, ASKS, 2), 2)) == 0
    handler.feed(b"[1, [8.1, 0, 1], 3]", 3)
    handler.feed(b"[1, [9, 2, -4], 4]", 4)
    assert len(handler.feed(bitfinex_sum(BIDS[1:], [["9", "4"]], 5), 5)) == 0
    text = signed("8.1:1:9:-3:7.5:1e-7")
    lost = handler.feed(b'[1, "cs", %d, 6]' % text, 6)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.needs_snapshot == ("tX",)
    assert handler.truths["checksum"].equal == 2


def test_orders_and_their_checksum() -> None:
    handler = begun(precision="R0")
    snapshot = b"[1, [[12, 8, 1.5], [11, 8, 2], [13, 8.5, 1], [20, 9, -3]], 1]"
    events = handler.feed(snapshot, 1)
    assert events.action.tolist() == [Action.CLEAR] + [Action.ADD] * 4
    assert events.order_id.tolist() == [0, 12, 11, 13, 20]
    good = signed("13:1:20:-3:11:2:12:1.5")
    assert len(handler.feed(b'[1, "cs", %d, 2]' % good, 2)) == 0
    assert handler.feed(b"[1, [11, 8, 1], 3]", 3).action.tolist() == [Action.MODIFY]
    assert handler.feed(b"[1, [13, 0, 1], 4]", 4).action.tolist() == [Action.DELETE]
    assert handler.feed(b"[1, [21, 9.5, -1], 5]", 5).side.tolist() == [Side.ASK]
    good = signed("11:1:20:-3:12:1.5:21:-1")
    assert len(handler.feed(b'[1, "cs", %d, 6]' % good, 6)) == 0
    assert len(handler.feed(b"[1, [13, 0, 1], 7]", 7)) == 0
    assert handler.counts["unknown_orders"] == 1
    assert handler.truths["checksum"].equal == 2
    assert len(handler.feed(b'[1, "cs", 1, 8]', 8)) == 1
    assert handler.counts["gaps"] == 1
    for number in (b"0", b"-1", b"99999999999999999999", b"1.5"):
        assert_refused(handler, b"[1, [%s, 9, -1], 9]" % number)


def test_without_numbers_and_checksums_a_book_is_unverifiable() -> None:
    handler = begun(flags=0)
    events = handler.feed(b"[1, [[8, 1, 1], [9, 1, -1]]]", 1)
    assert events.size[-1] == Status.UNVERIFIABLE


def test_prints_come_once() -> None:
    handler = begun()
    assert len(handler.feed(b"[2, [[7, 900, -1, 8.5], [6, 800, 1, 8]], 1]", 1)) == 0
    events = handler.feed(b'[2, "te", [8, 1000, -2, 8.5], 2]', 1 << 60)
    assert (events.side[0], events.ts_venue[0]) == (Side.SELL, 1_000_000_000)
    assert len(handler.feed(b'[2, "tu", [8, 1000, -2, 8.5], 3]', 1 << 60)) == 0
    assert len(handler.feed(b'[2, "tu", [9, 1001, 2, 8.5], 4]', 1 << 60)) == 1
    again = b"[2, [[10, 1002, 1, 8], [9, 1001, 2, 8.5], [8, 1000, -2, 8.5]], 5]"
    assert len(handler.feed(again, 1 << 60)) == 1
    assert handler.counts["old_prints"] == 2


def test_a_new_connection_numbers_anew() -> None:
    handler = begun()
    handler.feed(bitfinex_snapshot(BIDS, ASKS, 50), 1)
    assert handler.disconnected(2).flags.tolist() == [Flag.GAP | Flag.LAST]
    for message in BITFINEX_START:
        handler.feed(message, 3)
    assert len(handler.feed(bitfinex_snapshot(BIDS, ASKS, 1), 4)) == 4
    assert handler.feed(BITFINEX_START[0], 5).flags.tolist() == [Flag.GAP | Flag.LAST]


@pytest.mark.parametrize(
    "hostile", [*HOSTILE, b"[1]", b"[1, 2]", b"[]", b'[1, "cs"]', b'[1, "hb"]']
)
def test_what_is_no_message_changes_nothing(hostile: bytes) -> None:
    handler = begun()
    handler.feed(bitfinex_snapshot(BIDS, ASKS, 1), 1)
    assert_refused(handler, hostile)


@pytest.mark.parametrize("n", range(1, 50, 5))
def test_a_message_that_is_cut_changes_nothing(n: int) -> None:
    handler = begun()
    snapshot = bitfinex_snapshot(BIDS, ASKS, 1)
    handler.feed(snapshot, 1)
    assert_refused(handler, snapshot[:n])


@pytest.mark.parametrize("number", [*NO_NUMBERS, b'"2"', b"null", b"[2]", b"true"])
def test_what_is_no_number_changes_nothing(number: bytes) -> None:
    handler = begun()
    handler.feed(bitfinex_snapshot(BIDS, ASKS, 1), 1)
    assert_refused(handler, b"[1, [%s, 1, -4], 2]" % number)
    assert_refused(handler, b"[1, [9, 1, %s], 2]" % number)
    if number != b"9" * 30:
        assert_refused(handler, b"[1, [9, %s, -4], 2]" % number.replace(b"true", b"x"))
    assert len(handler.feed(b"[1, [9, 1, -4], 2]", 2)) == 1


def test_decoded_messages_are_refused() -> None:
    with pytest.raises(InputError, match="must be text"):
        begun().feed([1, [9, 1, -4], 2], 1)
