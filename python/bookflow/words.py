"""The words of an event, their numbers equal to the core's (a test compares them)."""

from enum import IntEnum, IntFlag

__all__ = ["Action", "Flag", "Side", "Status"]


class Action(IntEnum):
    """What an event does to the book and to the tape."""

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
    """The resting order's side; of a TRADE the aggressor's (BUY, SELL)."""

    NONE = 0
    BID = 1
    ASK = 2
    BUY = 1
    SELL = 2


class Flag(IntFlag):
    """What else is known about an event. LAST ends an atomic event: only then is the book read."""

    LAST = 1
    SNAPSHOT = 2
    GAP = 4
    FILL = 8
    HIDDEN = 16
    AUCTION = 32
    OFF_BOOK = 64
    BROKEN = 128


class Status(IntFlag):
    """What is wrong with, or unusual about, the book at a moment."""

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
