"""OKX's messages: checksums of real recordings, sequence numbers, and what a loss does."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, HOSTILE, NO_NUMBERS, SHARES, assert_refused, hurt_run, live_books
from venue_logs import okx_message as message

from bookflow._core import crc32
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import OKX, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDINGS = {
    "OKEX.ws.56.0": (2_398, 10_541, 10),
    "OKX.ws.1.0-b": (290, 8_341, 3),
    "OKCOIN.ws.3.0": (1_099, 5_835, 10),
}
SNAPSHOT = message("snapshot", [["8", "1"], ["7.5", "2"]], [["9", "3"]], 10, -1)


def recorded(shared: Path, name: str) -> list[tuple[bytes, int]]:
    path = shared / "data/cryptofeed" / name
    return [(line.text, line.received) for line in lines(path) if line.kind == "message"]


def numbered(messages: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Messages of v5 as they are sent now: sequence numbers, and 0 for the checksum."""
    last: dict[str, int] = {}
    out = []
    for number, (text, received) in enumerate(messages, 100):
        said = json.loads(text)
        if said.get("action"):
            symbol = said["arg"]["instId"]
            before = -1 if said["action"] == "snapshot" else last[symbol]
            last[symbol] = number
            said["data"][0] |= {"checksum": 0, "seqId": number, "prevSeqId": before}
            out.append((json.dumps(said).encode(), received))
    return out


def snapshot_of(symbol: str, book: Any) -> bytes:
    sequence, (bids, asks) = book
    return message("snapshot", bids, asks, sequence, -1, symbol=symbol)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_checksum_of_the_recording(shared: Path, name: str) -> None:
    checksums, rows, symbols = RECORDINGS[name]
    path = shared / "data/cryptofeed" / name
    truth = verify_feed(path, "okx")["checksum"]
    assert (truth.compared, truth.equal, truth.first) == (checksums, checksums, "")
    events = read_feed(path, "okx")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == rows
    assert (len(events.instruments), events.counts["snapshots"]) == (symbols, symbols)
    assert "gaps" not in events.counts


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_by_checksum_a_book_that_is_called_good_is_right(
    shared: Path, fault: Any, share: float
) -> None:
    """Its 25 best levels, which are all that a checksum tells of."""
    hurt = hurt_run(OKX, recorded(shared, "OKX.ws.1.0-b"), fault, share, depth=25)
    assert hurt.counts["gaps"] == hurt.counts["checksum"]
    if fault == "drop" and share >= 0.01:
        assert hurt.counts["gaps"] > 0


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_by_sequence_the_whole_book_is_right(shared: Path, fault: Any, share: float) -> None:
    messages = numbered(recorded(shared, "OKX.ws.1.0-b"))
    hurt = hurt_run(OKX, messages, fault, share, snapshot=snapshot_of)
    assert hurt.counts["gaps"] == hurt.counts["sequence"]
    if share >= 0.05:
        assert hurt.counts["gaps"] > 0
    assert "checksum" not in hurt.truths


def test_the_next_message_must_follow() -> None:
    handler = OKX()
    assert handler.feed(SNAPSHOT, 1).action.tolist() == [Action.CLEAR] + [Action.LEVEL] * 3
    assert len(handler.feed(message("update", [["8", "0"]], [], 15, 10), 2)) == 1
    lost = handler.feed(message("update", [["8", "5"]], [], 17, 16), 3)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert lost.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert handler.needs_snapshot == ("X-Y",)
    assert len(handler.feed(message("update", [["8", "5"]], [], 18, 17), 4)) == 0
    handler.feed(SNAPSHOT, 5)
    assert handler.needs_snapshot == ()
    assert (handler.counts["gaps"], handler.counts["lost"]) == (1, 0)


def test_keep_alives_and_resets_are_no_loss() -> None:
    handler = OKX()
    handler.feed(SNAPSHOT, 1)
    assert len(handler.feed(message("update", [], [], 10, 10), 2)) == 0
    assert len(handler.feed(message("update", [["7", "1"]], [], 15, 10), 3)) == 1
    assert len(handler.feed(message("update", [["7", "2"]], [], 3, 15), 4)) == 1
    assert len(handler.feed(message("update", [["7", "0"]], [], 5, 3), 5)) == 1
    assert handler.counts == {"snapshots": 1, "resets": 1}


def test_a_checksum_of_old_messages_is_signed() -> None:
    levels = b"8:1:9:3:7.5:2"
    checksum = crc32(levels) - (1 << 32 if crc32(levels) >> 31 else 0)
    handler = OKX()
    handler.feed(message("snapshot", [["8", "1"], ["7.5", "2"]], [["9", "3"]], checksum=checksum))
    assert handler.truths["checksum"].equal == 1
    lost = handler.feed(message("update", [["8", "2"]], [], checksum=checksum), 2)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]


def test_neither_sequence_nor_checksum_is_unverifiable() -> None:
    handler = OKX()
    events = handler.feed(message("snapshot", [["8", "1"]], [["9", "1"]]), 1)
    assert events.action[-1] == Action.STATUS
    assert events.size[-1] == Status.UNVERIFIABLE


def test_a_channel_that_sends_all_it_shows() -> None:
    handler = OKX()
    handler.feed(message(None, [["8", "1"]], [["9", "1"]], 5, channel="bbo-tbt", ts=2), 1)
    later = handler.feed(message(None, [["8.5", "1"]], [["9", "1"]], 9, channel="bbo-tbt", ts=3), 2)
    changed = [e[1:] for e in zip(later.action, later.side, later.size, strict=True)]
    unit = later.size.max()
    assert changed == [(Side.BID, 0), (Side.BID, unit), (Side.ASK, unit)]
    old = message(None, [["8", "1"]], [["9", "1"]], 7, channel="bbo-tbt", ts=2)
    assert len(handler.feed(old, 3)) == 0
    assert handler.counts["old"] == 1


def test_the_touch_beside_a_book_is_compared_at_its_number() -> None:
    handler = OKX(truth=True)
    handler.feed(SNAPSHOT, 1)
    handler.feed(message(None, [["8", "1"]], [["9", "3"]], 10, channel="bbo-tbt"), 2)
    assert len(handler.claims) == 1
    handler.feed(message(None, [["8", "1"]], [["9", "3"]], 11, channel="bbo-tbt"), 3)
    assert handler.claims == []


def test_prints_are_the_takers_and_come_once() -> None:
    handler = OKX()
    text = json.dumps(
        {
            "arg": {"channel": "trades", "instId": "X-Y"},
            "data": [
                {"tradeId": "7", "px": "8", "sz": "2", "side": "sell", "ts": "1652459199958"},
                {"tradeId": "8", "px": "8.5", "sz": "1", "side": "buy", "ts": "1652459199959"},
            ],
        }
    )
    events = handler.feed(text, 1 << 60)
    assert events.side.tolist() == [Side.SELL, Side.BUY]
    assert events.ts_venue.tolist() == [1652459199958_000_000, 1652459199959_000_000]
    assert len(handler.feed(text, 1 << 60)) == 0
    assert handler.counts["repeated_prints"] == 2


def deflated(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush()


def test_what_is_deflated_is_bounded() -> None:
    handler = OKX()
    assert len(handler.feed(deflated(SNAPSHOT), 1)) == 4
    with pytest.raises(InputError, match="holds more than"):
        handler.feed(deflated(b" " * (1 << 25)), 2)
    for n in range(0, len(deflated(SNAPSHOT)), 5):
        assert_refused(handler, deflated(SNAPSHOT)[:n])


@pytest.mark.parametrize("hostile", [*HOSTILE, *(SNAPSHOT[:n] for n in range(1, 150, 11))])
def test_what_is_no_message_changes_nothing(hostile: bytes) -> None:
    handler = OKX()
    handler.feed(SNAPSHOT, 1)
    assert_refused(handler, hostile)


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_number_changes_nothing(number: bytes) -> None:
    handler = OKX()
    handler.feed(SNAPSHOT, 1)
    update = message("update", [["7", "1"]], [["9", "2"]], 11, 10)
    for place in (b'"7"', b'"2"'):
        assert_refused(handler, update.replace(place, b'"' + number + b'"'))
        assert_refused(handler, update.replace(place, b"2.5"))
    assert_refused(handler, update.replace(b'"2"', b'"-2"'))
    assert len(handler.feed(update, 2)) == 2
    assert live_books(handler)["X-Y"][0] == 11
