"""FTX's recorded messages: every checksum and every ticker, and what a loss does."""

import json
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, HOSTILE, NO_NUMBERS, SHARES, assert_refused, hurt_run, live_books
from venue_logs import alternating
from venue_logs import ftx_message as message

from bookflow.events import Flag, Side
from bookflow.feeds import FTX, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDINGS = {"FTX.ws.32.0": (1_276, 1_276, 4_026), "FTX.ws.1.0": (971, 970, 3_115)}
BIDS, ASKS = [["8.0", "1.0"], ["7.5", "2e-05"]], [["9.0", "3.0"]]
SNAPSHOT = message("partial", BIDS, ASKS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_checksum_and_ticker_of_the_recording(shared: Path, name: str) -> None:
    checksums, quotes, rows = RECORDINGS[name]
    path = shared / "data/cryptofeed" / name
    truths = verify_feed(path, "ftx")
    said = {what: (truth.compared, truth.equal) for what, truth in truths.items()}
    assert said == {"checksum": (checksums, checksums), "best quote": (quotes, quotes)}
    events = read_feed(path, "ftx")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == rows
    assert (len(events.instruments), events.counts["snapshots"]) == (10, 10)
    assert "gaps" not in events.counts


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(shared: Path, fault: Any, share: float) -> None:
    """Its 100 best levels, which are all that there are."""
    path = shared / "data/cryptofeed/FTX.ws.1.0"
    kept = [line for line in lines(path) if line.kind == "message"]
    messages = [(m.text, m.received) for m in kept if b'"orderbook"' in m.text[:40]][:500]

    def snapshot(symbol: str, book: Any) -> bytes:
        return message("partial", *book[1], symbol=symbol)

    hurt = hurt_run(FTX, messages, fault, share, depth=100, snapshot=snapshot)
    assert hurt.counts["gaps"] == hurt.counts["checksum"]
    if fault == "drop" and share >= 0.01:
        assert hurt.counts["gaps"] > 0


def test_a_checksum_is_over_the_shortest_text_of_a_double() -> None:
    handler = FTX()
    handler.feed(SNAPSHOT, 1)
    handler.feed(
        message("update", [["8.0", "1e-05"]], [["9.0", "0.0"]], said="8.0:1e-05:7.5:2e-05"), 2
    )
    assert handler.truths["checksum"].equal == 2
    assert live_books(handler)["X/Y"][1] == ((("8.0", "1e-05"), ("7.5", "2e-05")), ())


def test_a_checksum_that_differs_is_a_gap_until_the_next_snapshot() -> None:
    handler = FTX()
    handler.feed(SNAPSHOT, 1)
    lost = handler.feed(message("update", [["8.0", "5.0"]], [], said="else"), 2)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.needs_snapshot == ("X/Y",)
    assert len(handler.feed(message("update", [["8.0", "5.0"]], [], said="else"), 3)) == 0
    handler.feed(SNAPSHOT, 4)
    assert (handler.needs_snapshot, handler.counts["gaps"]) == ((), 1)


def test_a_ticker_is_compared_with_the_book_of_its_time() -> None:
    ticker = {"bid": 8.0, "ask": None, "bidSize": 1.0, "askSize": 3.0, "time": 1_700_000_000.0}
    said = {"channel": "ticker", "market": "X/Y", "type": "update", "data": ticker}
    handler = FTX(truth=True)
    handler.feed(json.dumps(said), 1)
    handler.feed(SNAPSHOT, 2)
    assert [(c.bid, c.ask) for c in handler.claims] == [
        (handler._books["X/Y"].text.quotes[0], None)
    ]


def test_prints_are_the_takers_and_come_once() -> None:
    one = {"id": 7, "price": 8.0, "size": 2.0, "side": "sell", "liquidation": True}
    one |= {"time": "2021-07-22T22:45:25.101992+00:00"}
    said = {"channel": "trades", "market": "X/Y", "type": "update", "data": [one]}
    handler = FTX()
    events = handler.feed(json.dumps(said), 1 << 60)
    assert events.side.tolist() == [Side.SELL]
    assert events.ts_venue.tolist() == [1_626_993_925_101_992_000]
    assert len(handler.feed(json.dumps(said), 1 << 60)) == 0
    assert handler.counts == {"liquidations": 1, "repeated_prints": 1}


@pytest.mark.parametrize("hostile", [*HOSTILE, *(SNAPSHOT[:n] for n in range(1, 150, 11))])
def test_what_is_no_message_changes_nothing(hostile: bytes) -> None:
    handler = FTX()
    handler.feed(SNAPSHOT, 1)
    assert_refused(handler, hostile)


@pytest.mark.parametrize("number", [*NO_NUMBERS, b'"2.0"', b"null", b"-2.0", b"[2.0]"])
def test_what_is_no_number_changes_nothing(number: bytes) -> None:
    handler = FTX()
    handler.feed(SNAPSHOT, 1)
    update = message("update", [["7.0", "1.0"]], [["9.0", "2.0"]], said=alternating(BIDS, ASKS))
    assert_refused(handler, update.replace(b"2.0", number))
