"""Nasdaq TotalView-ITCH 5.0: every order of every stock of a day, in one file or as live packets.

A and F add, E and C execute, X cancels, D deletes; U is a DELETE and an ADD with side NONE, one
atomic event. P is a TRADE against a hidden order (HIDDEN, without a side), Q a cross (AUCTION); C
that is not printable leaves the book as a CANCEL with FILL, as its print is a cross's part. B takes
the print of its match number back (BROKEN). H and h are STATUS events. What speaks of no book and
no tape is counted by name, and `itch_messages` gives it as arrays.

Bytes are decoded in the core, a block at a time; files are read in blocks rather than mapped, so
that one cut short meanwhile is an error and no crash. Mapped they are no faster (bench/README.md).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._busy import one_thread
from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.events import EVENT_DTYPE, FIELDS, Events, Order
from bookflow.readers._chunks import cut
from bookflow.readers._new_york import Midnight, midnight_before
from bookflow.readers._pieces import pieces

if TYPE_CHECKING:
    from os import PathLike

    from bookflow._core import Instrument

__all__ = [
    "ItchDecoder",
    "ItchQuotes",
    "itch_messages",
    "itch_quotes",
    "read_itch",
    "write_itch",
]

# No message is longer.
_LONGEST: Final = 64
_BLOCK: Final = 1 << 20
"""Small enough to be still in the cache when it is decoded: larger blocks cost a third more."""

# How far into a file the directory is looked for; it is the first thing of the day.
_DIRECTORY: Final = 1 << 25
_NAMED_DAY: Final = re.compile(r"(?<!\d)(?:(\d{2})(\d{2})(\d{4})|(\d{4})-(\d{2})-(\d{2}))(?!\d)")
_UNIT: Final = "0.0001"


class ItchQuotes(NamedTuple):
    """The best quotes after messages that speak of a book: int64 columns, prices in 1e-4.

    `instrument` is the stock's locate code; an empty side has price NONE and size 0.
    """

    ts: NDArray[np.int64]
    instrument: NDArray[np.uint32]
    bid_price: NDArray[np.int64]
    bid_size: NDArray[np.int64]
    ask_price: NDArray[np.int64]
    ask_size: NDArray[np.int64]


def read_itch(
    path: "str | PathLike[str]",
    symbols: str | Sequence[str] | None = None,
    *,
    date: date | str | None = None,
    tick: object = None,
    market: str = "Q",
    order: Order = "error",
    damaged: Literal["error", "stop"] = "error",
) -> Events:
    """A file of ITCH 5.0 messages, plain or compressed (gzip, xz, zstd, a zip of one), lazily.

    Parameters
    ----------
    path
        The file: each message behind two bytes of its length (or of 0, where its type tells).
    symbols
        The stocks to take, in one pass; by default all.
    date
        The trading day, a date or "YYYY-MM-DD", where the file's name has none (01302020 or
        2020-01-30). Times are nanoseconds since its midnight in New York.
    tick
        The tick of the instruments; by default no grid, as it differs by stock and price.
    market
        Whose operational halts count: "Q" Nasdaq, "B" BX, "X" PSX.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".
    damaged
        What happens at a message that is cut or at fault. "error": `InputError` with its byte,
        after `Events.chunks` has given all that is before it. "stop": the events end there, which
        is counted as "damaged".

    Notes
    -----
    Instrument ids are the stocks' locate codes: `Events.split` separates them. Messages that make
    no events are counted by name in ``events.counts``, those of other stocks as "other_stocks". A
    broken trade makes the file be read twice, as only then its prints must be kept in memory.
    """
    if damaged not in ("error", "stop"):
        raise InputError('must be "error" or "stop"', field="damaged", value=damaged)
    file = Path(path)
    wanted = _symbols(symbols)
    source = _Itch(file, wanted, _midnight(date, file), tick, market, _as_is(order), damaged)
    known = source.directory()
    first = next(iter(known.values()), None) or _instrument(0, wanted[0] if wanted else "", tick)
    return Events.lazy(source, first, source=file.name, instruments=known)


def itch_quotes(
    path: "str | PathLike[str]",
    symbols: str | Sequence[str] | None = None,
    *,
    date: date | str | None = None,
    changes: bool = False,
    order: Order = "error",
    rows: int = 1 << 18,
) -> Iterator[ItchQuotes]:
    """The best quotes straight from the bytes, a book of orders a stock: no events in between.

    A row after every message that speaks of a book, at most `rows` of them at a time; with
    `changes` only those where one of the four numbers is another one. The rest is as in
    `read_itch`.
    """
    if rows < 1:
        raise InputError("must be at least 1", field="rows", value=rows)
    file = Path(path)
    books = _core.ItchBooks(_midnight(date, file), _symbols(symbols), _as_is(order), changes)
    with _named(file.name):
        for data in _blocks(file, books):
            while True:
                columns, used = books.replay(data, rows)
                data = data[used:]
                if len(columns[0]):
                    yield ItchQuotes(*columns)
                if not used:
                    break


def itch_messages(path: "str | PathLike[str]", kind: str) -> Array:
    """All messages of one type ("I": imbalances) as a structured array, prices in 1e-4.

    The fields are called as in ``bookflow._core.ITCH_MESSAGES``; ``timestamp`` is in nanoseconds
    since midnight. Numbers are unsigned, in the machine's own byte order; texts keep their blanks.
    """
    if kind not in _core.ITCH_MESSAGES:
        known = " ".join(_core.ITCH_MESSAGES)
        raise InputError(f"is none of the types {known}", field="kind", value=kind)
    _, fields = _core.ITCH_MESSAGES[kind]
    file = Path(path)
    cursor = _Cursor()
    parts = []
    with _named(file.name):
        for data in _blocks(file, cursor):
            found, used = _core.itch_pick(data, kind, cursor.position)
            cursor.position += used
            parts.append(found)
            if used < len(data):
                _core.itch_pick(data[used:], kind, cursor.position)
    raw = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, 1 + sum(f[1] for f in fields))
    types = [(n, f"S{w}" if a == "text" else f"u{8 if w == 6 else w}") for n, w, a in fields]
    out = np.zeros(len(raw), np.dtype(types))
    at = 1
    for name, width, as_ in fields:
        piece = np.ascontiguousarray(raw[:, at : at + width])
        at += width
        if as_ == "text":
            out[name] = piece.view(f"S{width}")[:, 0]
        else:
            whole = 8 if width == 6 else width
            padded = np.zeros((len(raw), whole), np.uint8)
            padded[:, whole - width :] = piece
            out[name] = padded.view(f">u{whole}")[:, 0]
    return out


def write_itch(
    events: Events,
    path: "str | PathLike[str]",
    *,
    date: date | str | None = None,
    rows: int = 1 << 18,
) -> None:
    """Events as a file that `read_itch` reads, with directory and system messages.

    Instrument ids are locate codes (0 to 65535) and every instrument has a symbol; prices are whole
    numbers of 1e-4 and sizes of shares. A MODIFY becomes a cancel or a replace; what ITCH has no
    message for is an `InputError`. Every message is an atomic event when read again.
    """
    file = Path(path)
    encoder: _core.ItchEncoder | None = None
    midnight = last = 0
    # No partial file under the name: a simulated day that fails half-way is none.
    with file.open("wb") as out:
        for chunk in events.chunks(rows):
            if not len(chunk):
                continue
            if encoder is None:
                midnight = _midnight(date, file) if date else midnight_before(int(chunk.ts[0]))
                encoder = _core.ItchEncoder(midnight)
                now = int(chunk.ts[0]) - midnight
                out.write(encoder.system_event("O", now) + encoder.system_event("S", now))
                for number, instrument in events.instruments.items():
                    encoder.name(number, instrument.symbol)
                    out.write(encoder.directory(number, now))
                out.write(encoder.system_event("Q", now))
            price, size = _itch_units(chunk, events)
            out.write(
                encoder.encode(
                    chunk.ts,
                    chunk.action,
                    chunk.side,
                    price,
                    size,
                    chunk.flags,
                    chunk.order_id,
                    chunk.instrument_id,
                )
            )
            last = int(chunk.ts[-1]) - midnight
        if encoder is not None:
            out.write(encoder.finish())
            for code in "MEC":
                out.write(encoder.system_event(code, last))


class ItchDecoder:
    """Live bytes as events: a stream of messages behind their lengths, or MoldUDP64 packets.

    What is at fault stops the decoder before it: the events of all that was whole are returned, and
    the next call raises the `InputError`. After a gap in the packets the next event of every stock
    carries GAP.
    """

    def __init__(
        self,
        date: date | str,
        symbols: str | Sequence[str] | None = None,
        *,
        tick: object = None,
        market: str = "Q",
        order: Order = "error",
    ) -> None:
        self._feed = _core.ItchFeed(
            _midnight(date, Path()), _symbols(symbols), market, _as_is(order), True
        )
        self._stocks = _Stocks(tick)
        self._rest = b""
        self._received = 0

    @one_thread
    def feed(self, data: bytes) -> Events:
        """The events of the messages that are whole by now."""
        return self._decoded(self._rest + bytes(data))

    @one_thread
    def feed_packet(self, packet: bytes) -> Events:
        """The events of what is new in a MoldUDP64 packet."""
        if self._rest:
            self._decoded(self._rest)  # raises what is wrong with it
        begin = self._feed.packet(packet, self._received)
        self._received += len(packet)
        return self._decoded(bytes(packet[begin:]))

    @one_thread
    def finish(self) -> None:
        """Raises `InputError` where the stream ends inside a message."""
        if self._rest:
            self._decoded(self._rest)
        _core.itch_cut(self._rest, self._feed.position)

    @property
    def counts(self) -> dict[str, int]:
        """What was passed over, by name."""
        return dict(self._feed.counts)

    @property
    def packets(self) -> dict[str, int]:
        """Of MoldUDP64: the number expected next; lost, duplicates, heartbeats; whether ended."""
        return dict(self._feed.packets)

    def _decoded(self, data: bytes) -> Events:
        columns, used = self._feed.decode(data, 1 << 62)
        self._rest = data[used:]
        known = self._stocks.of(self._feed)
        first = next(iter(known.values()), None) or _instrument(0, "", None)
        return Events(
            dict(zip(FIELDS, columns, strict=True)), first, source="itch", instruments=known
        )


@dataclass(slots=True)
class _Cursor:
    """Where a reading without a feed stands."""

    position: int = 0


class _Stocks:
    """The instruments of a feed, made as the stocks are named."""

    def __init__(self, tick: object) -> None:
        self._tick = tick
        self._known: dict[int, Instrument] = {}
        self._seen = 0

    def of(self, feed: "_core.ItchFeed") -> "dict[int, Instrument]":
        for locate, symbol in feed.stocks(self._seen):
            self._seen += 1
            self._known[locate] = _instrument(locate, symbol, self._tick)
        return self._known


@dataclass(slots=True)
class _Itch:
    """The file, read from the start by every call of `chunks`."""

    file: Path
    symbols: list[str]
    midnight: int
    tick: object
    market: str
    as_is: bool
    damaged: str

    def feed(self, keep_prints: bool) -> "_core.ItchFeed":
        return _core.ItchFeed(self.midnight, self.symbols, self.market, self.as_is, keep_prints)

    def directory(self) -> "dict[int, Instrument]":
        """The stocks that the start of the file names, among them all that were asked for."""
        feed = self.feed(False)
        stocks = _Stocks(self.tick)
        read = 0
        try:
            for data in _blocks(self.file, feed):
                read += len(data)
                while True:
                    columns, used = feed.decode(data, 4096)
                    data = data[used:]
                    if not used or (columns[6] == 1).any():
                        break
                if (columns[6] == 1).any() or read > _DIRECTORY:
                    break
        except InputError:
            pass  # told by who reads on
        known = stocks.of(feed)
        missing = set(self.symbols) - {instrument.symbol for instrument in known.values()}
        if missing and feed.counts.get("stock_directory"):
            rule = "is not in the file's directory"
            value = sorted(missing)[0]
            raise InputError(rule, source=self.file.name, field="symbols", value=value)
        return known

    def chunks(self, rows: int) -> Iterator[Events]:
        feed, stocks = self.feed(False), _Stocks(self.tick)
        cursor = _Cursor()
        told: dict[str, int] = {}
        try:
            with _named(self.file.name):
                for data in _blocks(self.file, cursor):
                    while True:
                        columns, used = feed.decode(data, max(rows, 2))
                        data = data[used:]
                        cursor.position = feed.position
                        yield from self._events(columns, feed, stocks, told, rows)
                        if feed.needs_prints:
                            feed = self._with_prints(feed.position)
                        elif not used:
                            break
        except InputError:
            if self.damaged != "stop":
                raise
            counts = {"damaged": 1}
            yield self._made([np.empty(0, EVENT_DTYPE[n]) for n in FIELDS], stocks.of(feed), counts)

    def _events(
        self,
        columns: Sequence[Array],
        feed: "_core.ItchFeed",
        stocks: _Stocks,
        told: dict[str, int],
        rows: int,
    ) -> Iterator[Events]:
        now = feed.counts
        counts = {name: n - told.get(name, 0) for name, n in now.items() if n > told.get(name, 0)}
        told.update(now)
        if not len(columns[0]) and not counts:
            return
        yield from cut(self._made(columns, stocks.of(feed), counts), rows)

    def _made(
        self, columns: Sequence[Array], known: "dict[int, Instrument]", counts: dict[str, int]
    ) -> Events:
        first = next(iter(known.values()), None) or _instrument(0, "", self.tick)
        return Events(
            dict(zip(FIELDS, columns, strict=True)),
            first,
            source=self.file.name,
            counts=counts,
            instruments=known,
        )

    def _with_prints(self, until: int) -> "_core.ItchFeed":
        """A feed that knows the prints of all before a broken trade, and stands at it."""
        feed = self.feed(True)
        for data in _blocks(self.file, feed):
            data = data[: until - feed.position]
            while data:
                _, used = feed.decode(data, 1 << 18)
                data = data[used:]
            if feed.position == until:
                break
        return feed


def _blocks(file: Path, reader: Any) -> Iterator[memoryview]:
    """Consecutive bytes of the file: what `reader` leaves of a block begins the next one.

    `reader.position` tells how far it has read. A file that ends inside a message is an error.
    """
    held = b""
    start = 0
    for piece in pieces(file, _BLOCK):
        held += piece
        yield memoryview(held)
        used = reader.position - start
        start += used
        held = held[used:]
        if len(held) > _LONGEST:
            return  # the reader wants no more
    _core.itch_cut(held, reader.position)


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Errors of the core say which file it is."""
    try:
        yield
    except InputError as error:
        if error.source:
            raise
        raise InputError(
            error.rule, source=source, offset=error.offset, field=error.field, value=error.value
        ) from None


def _instrument(locate: int, symbol: str, tick: object) -> "Instrument":
    return _core.Instrument(
        symbol, price_unit=_UNIT, tick=cast(Any, tick), size_unit="1", id=locate
    )


def _symbols(symbols: str | Sequence[str] | None) -> list[str]:
    if symbols is None:
        return []
    chosen = [symbols] if isinstance(symbols, str) else list(symbols)
    if not chosen:
        raise InputError("names no stock", field="symbols", value="[]")
    return chosen


def _as_is(order: str) -> bool:
    if order not in ("error", "as-is"):
        raise InputError('must be "error" or "as-is"', field="order", value=order)
    return order == "as-is"


def _midnight(day: date | str | None, file: Path) -> int:
    """Midnight in New York, in ns since the epoch."""
    if day is None:
        for match in _NAMED_DAY.finditer(file.name):
            month, dom, year, year2, month2, dom2 = match.groups()
            try:
                day = date(int(year or year2), int(month or month2), int(dom or dom2))
            except ValueError:
                continue
            break
        else:
            rule = "must be given: the file's name has no day (01302020 or 2020-01-30)"
            raise InputError(rule, source=file.name, field="date")
    return Midnight.of(day, file.name).ns


def _itch_units(chunk: Events, events: Events) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Prices in 1e-4 and sizes in shares."""
    from fractions import Fraction

    from bookflow._table import NONE

    price, size = chunk.price.copy(), chunk.size.copy()
    for instrument in {id(i): i for i in events.instruments.values()}.values():
        own = (
            slice(None)
            if len(events.instruments) == 1
            else chunk.instrument_id == np.uint32(instrument.id)
        )
        by = Fraction(str(instrument.price_unit)) / Fraction(_UNIT)
        if Fraction(str(instrument.size_unit)) != 1:
            raise InputError("must be 1, a share", field="size_unit", value=instrument.size_unit)
        part = price[own]
        given = part != NONE
        values = part[given]
        if (np.abs(values) > (1 << 62) // max(by.numerator, 1)).any():
            raise InputError("is beyond ITCH's range", source=chunk.source, field="price")
        scaled = values * by.numerator
        if (scaled % by.denominator).any():
            raise InputError("is finer than 1e-4", source=chunk.source, field="price")
        part[given] = scaled // by.denominator
        price[own] = part
    return price, size
