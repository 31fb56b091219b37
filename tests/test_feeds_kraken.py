"""Kraken's messages: checksums of a real recording, and what a loss does."""

from pathlib import Path

import pytest
from feed_faults import FAULTS, SHARES, faulty, live_books

from bookflow.errors import InputError
from bookflow.events import Flag, Status
from bookflow.feeds import Kraken, read_feed, verify_feed
from bookflow.feeds.recording import lines

RECORDING = "data/cryptofeed/KRAKEN.ws.50.0"

SNAPSHOT = b"""[1,{"as":[["5541.3","2.5","1534614248.123678"],["5541.8","0.33","1534614098.3"]],
"bs":[["5541.2","1.529","1534614248.765567"]]},"book-10","XBT/USD"]"""


def test_every_checksum_of_the_recording(shared: Path) -> None:
    truth = verify_feed(shared / RECORDING, "kraken")["checksum"]
    assert (truth.compared, truth.equal, truth.first) == (4_269, 4_269, "")


def test_the_recording_as_events(shared: Path) -> None:
    events = read_feed(shared / RECORDING, "kraken")
    assert sum(len(chunk) for chunk in events.chunks(1_000)) == 11_755
    assert len(events.instruments) == 10
    assert events.counts["snapshots"] == 10
    assert "gaps" not in events.counts


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(shared: Path, fault: str, share: float) -> None:
    """Its ten best levels, which are all that a checksum tells of."""
    messages = [line for line in lines(shared / RECORDING) if line.kind == "message"]
    whole = Kraken()
    states = set()
    for line in messages:
        whole.feed(line.text, line.received)
        states |= {(symbol, state) for symbol, (_, state) in live_books(whole, 10).items()}
    hurt = Kraken()
    for i in faulty(messages, fault, share, seed=1):
        line = messages[i]
        hurt.feed(line.text, line.received)
        assert {(s, state) for s, (_, state) in live_books(hurt, 10).items()} <= states
    if fault == "drop" and share >= 0.01:
        assert hurt.counts["gaps"] == hurt.counts["checksum"] > 0


def test_a_checksum_that_differs_is_a_gap_until_the_next_snapshot() -> None:
    handler = Kraken()
    handler.feed(SNAPSHOT, 1)
    update = b'[1,{"b":[["5541.1","3","1534614249.1"]],"c":"1"},"book-10","XBT/USD"]'
    rows = handler.feed(update, 2)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert handler.needs_snapshot == ("XBT/USD",)
    assert len(handler.feed(update, 3)) == 0
    assert len(handler.feed(SNAPSHOT, 4)) == 4
    assert handler.needs_snapshot == ()
    assert handler.counts["gaps"] == 1


@pytest.mark.parametrize("n", range(0, len(SNAPSHOT), 7))
def test_a_message_that_is_cut_changes_nothing(n: int) -> None:
    handler = Kraken()
    handler.feed(SNAPSHOT, 1)
    before = live_books(handler)
    with pytest.raises(InputError, match="kraken"):
        handler.feed(SNAPSHOT[:n], 2)
    assert live_books(handler) == before
