"""IEX DEEP 1.0 as events: price levels, prints and trading status from a packet capture.

A price level update is the size that the level has now; its flag says whether the matching event is
complete, and that is LAST. A trade report changes no level (the update that follows does) and names
no side. Every message has a number: what is lost is known exactly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import Action, Events, Flag, Order, Side, Status, in_order
from bookflow.readers._chunks import check_rows, cut
from bookflow.readers._iex_messages import NAMES, Messages, messages

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["read_iex"]

Tick = str | Sequence[tuple[str | int, str]] | None

TICKS: Final = ((0, "0.0001"), (1, "0.01"))
"""The grid of Rule 612: a hundredth of a cent below one dollar, a cent from there on."""

_BID, _ASK, _TRADE, _BREAK = b"85TB"
_STATUS, _HALT, _SYSTEM = b"HOS"
_BOOK_AND_TAPE: Final = np.frombuffer(b"85TBHO", np.uint8)

# A trading status' letter, and what it is here.
_TRADING: Final = {
    ord("T"): Status(0),
    ord("H"): Status.HALTED,
    ord("O"): Status.AUCTION,
    ord("P"): Status.HALTED | Status.AUCTION,
}
_HALTS: Final = {ord("O"): Status.HALTED, ord("N"): Status(0)}

_COMPLETE: Final = 1
_CROSS: Final = 0x08
_CONDITIONS: Final = {
    0x80: "intermarket_sweep",
    0x40: "extended_hours",
    0x20: "odd_lot",
    0x10: "trade_through_exempt",
    _CROSS: "single_price_cross",
}


def read_iex(
    path: "str | PathLike[str]",
    symbols: str | Sequence[str] | None = None,
    *,
    time: Literal["received", "venue"] = "received",
    tick: Tick = TICKS,
    order: Order = "error",
) -> Events:
    """A capture of IEX DEEP 1.0 (pcap or pcapng, also compressed), lazily.

    Parameters
    ----------
    path
        The file.
    symbols
        Read these alone, numbered from 1 in this order. Without it all are read, numbered from 1 as
        they appear in the file; ``events.instruments`` knows those read so far, `Events.split`
        separates them.
    time
        The clock of the events: when the packet was captured, or the venue's own (which is always
        kept in ``ts_venue``).
    tick
        Price grid of resting orders in USD, a schedule by price, or None for no check.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".

    Notes
    -----
    A number above the expected one is a gap: the next event of every symbol carries GAP, and
    ``events.counts`` has the "gap"s and exactly how many "lost_messages". Messages that came before
    ("repeated_messages") are left out. Books of a file that does not begin with the first message
    of its session are UNVERIFIABLE: DEEP sends no snapshots.

    A trade break is the print of its size, BROKEN. Prints of a cross carry AUCTION; the other sale
    conditions are counted by name, as are the messages that are neither book, tape nor status, and
    packets that are not DEEP's ("other_packets"). Symbols whose last matching event is not complete
    are counted as "unfinished".
    """
    if time not in ("received", "venue"):
        raise InputError('must be "received" or "venue"', field="time", value=time)
    if tick is not None and not isinstance(tick, str):
        tick = [*tick]
    wanted = [symbols] if isinstance(symbols, str) else symbols
    if wanted is not None and (not wanted or len(set(wanted)) != len(wanted)):
        raise InputError("must be different symbols, at least one", field="symbols", value=wanted)
    file = Path(path)
    known: dict[int, _core.Instrument] = {}
    source = _Iex(file, wanted is None, time, tick, order, known)
    for symbol in wanted if wanted is not None else _first_symbol(file):
        source.number_of(_packed(symbol))
    first = known.get(1) or _core.Instrument(price_unit="0.0001", tick=tick, id=1)
    events = Events.lazy(source, first, source=file.name)
    # The same dict: what is read adds to it.
    events.instruments = known
    return events


def _packed(symbol: str) -> int:
    """Up to 8 letters, filled up with blanks, as the number that they are in a message."""
    text = symbol.encode("ascii", "replace")
    if not 0 < len(text) <= 8 or not symbol.isascii() or " " in symbol:
        rule = "must be 1 to 8 ASCII letters"
        raise InputError(rule, field="symbols", value=symbol)
    return int.from_bytes(text.ljust(8), "little")


def _first_symbol(path: Path) -> list[str]:
    for block in messages(path):
        rows = np.flatnonzero(np.isin(block.kind, _BOOK_AND_TAPE))
        if len(rows):
            number = int(block.shared(rows[:1])["symbol"][0])
            return [_symbol(number, path.name, int(block.number[rows[0]]))]
    return []


def _symbol(number: int, source: str, row: int) -> str:
    text = number.to_bytes(8, "little")
    symbol = text.decode("ascii", "replace").rstrip(" ")
    if not symbol or not symbol.isascii() or not symbol.isprintable() or " " in symbol:
        raise InputError("is no symbol", source=source, row=row, field="symbol", value=repr(text))
    return symbol


@dataclass(slots=True)
class _Books:
    """What is known of each symbol's book, by its number."""

    gaps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    sessions: NDArray[np.int64] = field(default_factory=lambda: np.full(1, -1))
    is_open: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, np.bool_))
    trading: dict[int, Status] = field(default_factory=dict)
    halted: dict[int, Status] = field(default_factory=dict)

    def grow(self, count: int) -> None:
        """Room for numbers below `count`."""
        more = max(0, count - len(self.gaps))
        self.gaps = np.append(self.gaps, np.zeros(more, np.int64))
        self.sessions = np.append(self.sessions, np.full(more, -1))
        self.is_open = np.append(self.is_open, np.zeros(more, np.bool_))


@dataclass(slots=True)
class _Iex:
    """The file, read from the start by every call of `chunks`."""

    path: Path
    takes_all: bool
    time: str
    tick: Tick
    order: Order
    known: "dict[int, _core.Instrument]"
    numbers: dict[int, int] = field(default_factory=dict)

    def number_of(self, packed: int, row: int = 0) -> int:
        """The symbol's number, given to it now if it is new."""
        number = self.numbers.get(packed)
        if number is None:
            symbol = _symbol(packed, self.path.name, row)
            number = self.numbers[packed] = len(self.numbers) + 1
            self.known[number] = _core.Instrument(
                symbol, price_unit="0.0001", tick=self.tick, size_unit="1", id=number
            )
        return number

    def chunks(self, rows: int) -> Iterator[Events]:
        last_ts = NONE
        books = _Books()
        instrument = self.known.get(1) or _core.Instrument(price_unit="0.0001", id=1)
        for block in messages(self.path):
            counts = dict(block.counts)
            columns, packets = self._columns(block, books, counts)
            columns["ts"], new_last = in_order(columns["ts"], self.order, counts, last_ts)
            events = Events(columns, instrument, source=self.path.name, counts=counts)
            events.instruments = self.known
            check_rows(events, packets, last_ts)
            last_ts = new_last
            yield from cut(events, rows)
        if books.is_open.any():
            columns = {name: column[:0] for name, column in columns.items()}
            unfinished = {"unfinished": int(np.count_nonzero(books.is_open))}
            yield Events(columns, instrument, source=self.path.name, counts=unfinished)

    def _columns(
        self, block: Messages, books: _Books, counts: dict[str, int]
    ) -> tuple[dict[str, Array], NDArray[np.int64]]:
        """Event columns, and the packet of each."""
        kinds, numbers = np.unique(block.kind, return_counts=True)
        for kind, count in zip(kinds.tolist(), numbers.tolist(), strict=True):
            if kind not in _BOOK_AND_TAPE:
                name = NAMES.get(kind, "unknown_messages")
                counts[name] = counts.get(name, 0) + count
        rows = np.flatnonzero(np.isin(block.kind, _BOOK_AND_TAPE))
        number = self._numbers(block, rows)
        rows, number = rows[number > 0], number[number > 0]
        books.grow(len(self.numbers) + 1)
        kind, packet = block.kind[rows], block.number[rows]
        shared = block.shared(rows)
        is_level = (kind == _BID) | (kind == _ASK)
        is_print = (kind == _TRADE) | (kind == _BREAK)
        price, size = np.full(len(rows), NONE), np.zeros(len(rows), np.int64)
        priced = is_level | is_print
        values = block.priced(rows[priced])
        price[priced], size[priced] = values["price"], values["size"]
        action = np.full(len(rows), Action.STATUS, np.uint8)
        action[is_level], action[is_print] = Action.LEVEL, Action.TRADE
        side = np.where(kind == _BID, Side.BID, np.where(kind == _ASK, Side.ASK, Side.NONE))
        for row in np.flatnonzero(~priced).tolist():
            letter = int(shared["flags"][row])
            size[row] = self._status(
                int(kind[row]), int(number[row]), letter, int(packet[row]), books
            )
        if not block.is_whole:
            size[~priced] |= Status.UNVERIFIABLE
        conditions = shared["flags"][kind == _TRADE]
        for bit, name in _CONDITIONS.items():
            if count := int(np.count_nonzero(conditions & bit)):
                counts[name] = count
        flags = np.where(is_print & ((shared["flags"] & _CROSS) != 0), Flag.AUCTION, 0)
        flags |= np.where(kind == _BREAK, Flag.BROKEN, 0)
        is_complete = (shared["flags"] & _COMPLETE) != 0
        last, gap, is_first, is_new = _follow(
            number, is_level, is_complete, block.gaps[rows], block.sessions[rows], books
        )
        flags |= np.where(last, Flag.LAST, 0) | np.where(gap, Flag.GAP, 0)
        columns: dict[str, Array] = {
            "ts": block.ts[rows] if self.time == "received" else shared["ts"].copy(),
            "ts_venue": shared["ts"].copy(),
            "order_id": np.zeros(len(rows), np.uint64),
            "price": price,
            "size": size,
            "instrument": number.astype(np.uint32),
            "action": action,
            "side": side.astype(np.uint8),
            "flags": flags.astype(np.uint16),
        }
        before = is_new if block.is_whole else is_new | is_first
        return _with_begun(columns, np.flatnonzero(before), is_new, packet)

    def _numbers(self, block: Messages, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each row's symbol by its number, 0 for those that are not asked for."""
        symbols, first, inverse = np.unique(
            block.shared(rows)["symbol"], return_index=True, return_inverse=True
        )
        found = np.zeros(len(symbols), np.int64)
        for i in np.argsort(first).tolist():
            packed = int(symbols[i])
            if self.takes_all:
                found[i] = self.number_of(packed, int(block.number[rows[first[i]]]))
            else:
                found[i] = self.numbers.get(packed, 0)
        return found[inverse]

    def _status(self, kind: int, number: int, letter: int, packet: int, books: _Books) -> Status:
        """The status after this message: trading status and operational halt are two things."""
        meanings, known = (_TRADING, books.trading) if kind == _STATUS else (_HALTS, books.halted)
        if letter not in meanings:
            rule = f"must be one of {', '.join(map(chr, meanings))}"
            name = NAMES[kind]
            value = chr(letter)
            raise InputError(rule, source=self.path.name, row=packet, field=name, value=value)
        known[number] = meanings[letter]
        return books.trading.get(number, Status(0)) | books.halted.get(number, Status(0))


def _follow(
    number: NDArray[np.int64],
    is_level: NDArray[np.bool_],
    is_complete: NDArray[np.bool_],
    gaps: NDArray[np.int64],
    sessions: NDArray[np.int64],
    books: _Books,
) -> tuple[NDArray[np.bool_], ...]:
    """Of each row: does it end its event, is something lost before it, is it the first of its
    symbol, is it the first of its symbol in a later session.

    Prints and statuses end theirs, unless a matching event of the symbol is not complete.
    """
    order = np.argsort(number, kind="stable")
    symbol = number[order]
    same = np.r_[False, symbol[1:] == symbol[:-1]][: len(symbol)]

    def before(values: Array, stored: Array) -> Array:
        return np.where(same, np.r_[values[:1], values[:-1]], stored[symbol])

    gap, session = gaps[order], sessions[order]
    session_before = before(session, books.sessions)
    is_lost = before(gap, books.gaps) != gap
    is_first = session_before < 0
    is_new = ~is_first & (session_before != session)
    # The newest level update at or before each row, if it is this symbol's.
    place = np.arange(len(symbol))
    level = np.maximum.accumulate(np.where(is_level[order], place, -1))
    own = (level >= 0) & (symbol[level] == symbol)
    is_open = np.where(own, ~is_complete[order][level], books.is_open[symbol])
    ends = np.flatnonzero(~np.r_[same[1:], False][: len(symbol)])
    books.gaps[symbol[ends]], books.sessions[symbol[ends]] = gap[ends], session[ends]
    books.is_open[symbol[ends]] = is_open[ends]
    found = []
    for values in (~is_open, is_lost, is_first, is_new):
        back = np.empty(len(symbol), np.bool_)
        back[order] = values
        found.append(back)
    return tuple(found)


def _with_begun(
    columns: dict[str, Array],
    rows: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    packets: NDArray[np.int64],
) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """A row before each of these: the book is empty in a new session, else of unknown beginning."""
    if not len(rows):
        return columns, packets
    new = is_new[rows]
    begun: dict[str, Array | int] = {
        "action": np.where(new, Action.CLEAR, Action.STATUS),
        "size": np.where(new, 0, Status.UNVERIFIABLE),
        "flags": np.where(new, Flag.SNAPSHOT | Flag.LAST, Flag.LAST),
        "price": NONE,
        "side": Side.NONE,
    }
    columns = {
        name: np.insert(column, rows, begun[name] if name in begun else column[rows])
        for name, column in columns.items()
    }
    return columns, np.insert(packets, rows, packets[rows])
