"""The words of an event, typed a second time: this package shares nothing with the core.

`tests/test_reference_words.py` holds them equal to `bookflow.events`.
"""

from enum import IntEnum, IntFlag

NONE = -(2**63)
NAN = float("nan")


class Action(IntEnum):
    """What an event does."""

    ADD = 1
    CANCEL = 2
    DELETE = 3
    MODIFY = 4
    EXECUTE = 5
    TRADE = 6
    LEVEL = 7
    QUOTE = 8
    CLEAR = 9
    STATUS = 10


class Side(IntEnum):
    """A resting side; on a TRADE the aggressor's (BUY = BID, SELL = ASK)."""

    NONE = 0
    BID = 1
    ASK = 2
    BUY = 1
    SELL = 2


class Flag(IntFlag):
    """What else is true of an event."""

    LAST = 1
    SNAPSHOT = 2
    GAP = 4
    FILL = 8
    HIDDEN = 16
    AUCTION = 32
    OFF_BOOK = 64
    BROKEN = 128


class Status(IntFlag):
    """What is wrong, or worth knowing, about the book at a row."""

    SNAPSHOT_PENDING = 1
    GAP = 2
    CROSSED = 4
    LOCKED = 8
    ONE_SIDED = 16
    STALE = 32
    HALTED = 64
    AUCTION = 128
    UNVERIFIABLE = 256
    PARTIAL = 512


BAD = (
    Status.SNAPSHOT_PENDING
    | Status.GAP
    | Status.CROSSED
    | Status.ONE_SIDED
    | Status.STALE
    | Status.HALTED
    | Status.AUCTION
)
"""The bits that end a clean stretch; LOCKED, UNVERIFIABLE and PARTIAL are only told."""
