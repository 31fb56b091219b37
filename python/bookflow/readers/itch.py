"""Nasdaq TotalView-ITCH 5.0: files and live packets as events, or straight as best quotes.

Messages are decoded in the core. A stock's instrument id is its locate code of the day; prices are
in units of 1e-4. Every message is an atomic event; a replace is a DELETE and the ADD of the new
order.
"""

import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow.errors import InputError
from bookflow.events import FIELDS, Events, Order
from bookflow.readers._new_york import midnight
from bookflow.readers._pieces import is_compressed, pieces

if TYPE_CHECKING:
    from os import PathLike

    from bookflow._core import Instrument

__all__ = ["ItchQuotes", "ItchStream", "itch_quotes", "read_itch", "write_itch"]

_PIECE: Final = 4 << 20
"""Bytes decoded at a time."""

_COLUMNS: Final = (
    "ts",
    "ts_venue",
    "order_id",
    "price",
    "size",
    "instrument",
    "action",
    "side",
    "flags",
)
assert set(_COLUMNS) == set(FIELDS)

_DATES: Final = (
    (re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)"), (1, 2, 3)),
    (re.compile(r"(?<!\d)(\d\d)(\d\d)(20\d\d)(?!\d)"), (3, 1, 2)),
    (re.compile(r"(?<![0-9])S(\d\d)(\d\d)(\d\d)-v"), (3, 1, 2)),
)
"""Days in the names that Nasdaq and others give files: 01302019.NASDAQ_ITCH50, S081321-v50."""


def read_itch(
    path: "str | PathLike[str]",
    symbols: Iterable[str] | None = None,
    *,
    date: str | None = None,
    order: Order = "error",
) -> Events:
    """A file of ITCH 5.0 messages, plain or compressed (gzip, xz, zstd), lazily.

    Parameters
    ----------
    path
        The file: messages, each behind two bytes of its length (0: its type's).
    symbols
        Take only these stocks; by default all of them. `Events.split` separates them.
    date
        The trading day, "2019-01-30", where the file's name has none: times are since its midnight
        in New York.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".

    Notes
    -----
    Hidden trades (P) have no side; crosses (Q) carry AUCTION; what is executed without a print of
    its own (C, not printable) leaves the book with FILL; a broken trade (B) takes its print back.
    Kinds of messages that change nothing are counted in ``events.counts`` by name. A message that
    is none, or is cut, is an `InputError` with its byte offset, after all events before it.
    """
    file = Path(path)
    source = _Itch(file, midnight(_day(file, date), file.name), _names(symbols), order == "as-is")
    first = next(source.chunks(1), None)
    instrument = _stock(0, "") if first is None else first.instrument
    known = None if first is None else first.instruments
    return Events.lazy(source, instrument, source=file.name, instruments=known)


class ItchQuotes(NamedTuple):
    """The best quotes after each message that changed a book: arrays of one length.

    Prices in units of 1e-4 (`bookflow.NONE`: the side is empty), sizes in shares.
    """

    ts: NDArray[np.int64]
    instrument: NDArray[np.uint32]
    bid_price: NDArray[np.int64]
    bid_size: NDArray[np.int64]
    ask_price: NDArray[np.int64]
    ask_size: NDArray[np.int64]


def itch_quotes(
    path: "str | PathLike[str]",
    symbols: Iterable[str] | None = None,
    *,
    date: str | None = None,
    order: Order = "error",
    every: bool = False,
    names: dict[int, str] | None = None,
) -> Iterator[ItchQuotes]:
    """The best quotes of every stock, straight from the bytes, a piece of the file at a time.

    A book of orders a stock is kept in the core; no events are made. With ``every=False`` only
    rows are given in which one of the four numbers changed. `names` gets the symbols by instrument
    id as they come; the rest is as for `read_itch`.
    """
    file = Path(path)
    quotes = _core.ItchQuotes(
        midnight(_day(file, date), file.name), _names(symbols), order == "as-is", not every
    )
    known = 0
    for columns in _read(quotes, _Window(file), 1 << 40):
        if names is not None:
            new = quotes.named(known)
            known += len(new)
            names.update(new)
        if len(columns[0]):
            yield ItchQuotes(*columns)


class ItchStream:
    """Live messages of ITCH 5.0, as they come: bytes of a stream, or MoldUDP64 packets.

    Parameters
    ----------
    date
        The trading day, "2019-01-30".
    symbols
        Take only these stocks; by default all of them.
    """

    def __init__(self, date: str, symbols: Iterable[str] | None = None) -> None:
        day = _day(Path(""), date)
        self._decoder = _core.ItchDecoder(midnight(day, "itch"), _names(symbols), True, True)
        self._rest = b""
        self._known = 0
        self.instruments: dict[int, Instrument] = {}

    def feed(self, data: bytes) -> Events:
        """The events of all messages that are whole now; the start of one is kept for the next."""
        held = self._rest + data
        columns, done = self._decoder.read(held)
        self._rest = held[done:]
        if self._rest and not done:
            self._decoder.read(self._rest)  # what is no message says so now
        return self._events(columns)

    def packet(self, data: bytes) -> Events:
        """The events of a MoldUDP64 packet.

        Of messages that were lost before it `lost` counts how many; the next event of every stock
        carries GAP then. A packet that came before gives none.
        """
        columns, _ = self._decoder.packet(data)
        return self._events(columns)

    @property
    def counts(self) -> dict[str, int]:
        """What was passed over, by name; "lost", "duplicates" and "heartbeats" of packets."""
        counts = dict(self._decoder.counts)
        for name in ("lost", "duplicates", "heartbeats"):
            if n := getattr(self._decoder, name):
                counts[name] = n
        return counts

    @property
    def ended(self) -> bool:
        """Whether the session's end was announced."""
        return self._decoder.ended

    def _events(self, columns: tuple[Any, ...]) -> Events:
        for number, symbol in self._decoder.named(self._known):
            self.instruments[number] = _stock(number, symbol)
            self._known += 1
        instrument = next(iter(self.instruments.values()), _stock(0, ""))
        named = dict(zip(_COLUMNS, columns, strict=True))
        return Events._trusted(named, instrument, "itch", dict(self.instruments))


def write_itch(
    events: Events,
    path: "str | PathLike[str]",
    *,
    date: str | None = None,
    symbols: Mapping[int, str] | None = None,
) -> None:
    """Events as a file of ITCH 5.0 messages: what `read_itch` reads as these events.

    Prices must be in units of 1e-4 and sizes in shares; a stock's instrument id becomes its locate
    code. `symbols` names the stocks by id, by default as `events.instruments` do. What ITCH has no
    message for (levels, quotes, prints of a known side) is an `InputError`.
    """
    file = Path(path)
    start = midnight(_day(file, date), file.name)
    encoder = _core.ItchEncoder(start)
    names = dict(symbols or {n: i.symbol for n, i in events.instruments.items()})
    with open(file, "wb") as out:
        out.write(encoder.system_event("O", 0))
        for number, symbol in names.items():
            encoder.name(number, symbol)
            out.write(encoder.directory(number, 0))
        for chunk in events.chunks(1 << 18):
            out.write(
                encoder.encode(
                    chunk.ts,
                    chunk.action,
                    chunk.side,
                    chunk.price,
                    chunk.size,
                    chunk.flags,
                    chunk.order_id,
                    chunk.instrument_id,
                )
            )
        out.write(encoder.finish())


@dataclass(frozen=True, slots=True)
class _Itch:
    """The file, read from the start by every call of `chunks`."""

    path: Path
    midnight: int
    symbols: list[str]
    as_is: bool

    def chunks(self, rows: int) -> Iterator[Events]:
        decoder, window = self._decoder(keep_prints=False), _Window(self.path)
        instruments: dict[int, Instrument] = {}
        told: dict[str, int] = {}
        while True:
            for columns in _read(decoder, window, rows):
                instruments |= {n: _stock(n, s) for n, s in decoder.named(len(instruments))}
                counts = {name: n - told.get(name, 0) for name, n in decoder.counts.items()}
                told = decoder.counts
                yield from self._events(columns, instruments, counts, rows)
            if not decoder.needs_prints:
                return
            # A print is taken back, and prints were not kept so far: few days have one.
            decoder = self._decoder(keep_prints=True)
            for _ in _read(decoder, _Window(self.path), 1 << 40, until=window.at):
                pass
            told = decoder.counts

    def _decoder(self, *, keep_prints: bool) -> "_core.ItchDecoder":
        return _core.ItchDecoder(self.midnight, self.symbols, self.as_is, keep_prints)

    def _events(
        self,
        columns: tuple[Any, ...],
        instruments: "dict[int, Instrument]",
        counts: dict[str, int],
        rows: int,
    ) -> Iterator[Events]:
        found = {name: n for name, n in counts.items() if n}
        if not len(columns[0]) and not found:
            return
        first = next(iter(instruments.values()), _stock(0, ""))
        named = dict(zip(_COLUMNS, columns, strict=True))
        events = Events._trusted(named, first, self.path.name, dict(instruments))
        for i, part in enumerate(events.chunks(rows) if len(events) else [events]):
            part.instruments = events.instruments
            part._counts = found if i == 0 else {}
            yield part


class _Window:
    """The bytes of a file from a place on: mapped, or decompressed as far as they are looked at."""

    _LEAST: Final = 64
    """No message is longer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        self._start = 0
        self._held: bytes | mmap.mmap = b""
        self._pieces = pieces(path, _PIECE) if is_compressed(path) else None
        if self._pieces is None and path.stat().st_size:
            with open(path, "rb") as file:
                self._held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def view(self) -> memoryview:
        """What comes next: whole messages, if there are any more."""
        while self._pieces is not None and len(self._held) - self._start < self._LEAST:
            piece = next(self._pieces, None)
            if piece is None:
                self._pieces = None
                break
            self._held = self._held[self._start :] + piece
            self._start = 0
        return memoryview(self._held)[self._start : self._start + _PIECE]

    def take(self, n: int) -> None:
        self._start += n
        self.at += n


class _Codec(Protocol):
    def read(self, data: memoryview, rows: int = ...) -> tuple[tuple[Any, ...], int]: ...


def _read(
    codec: _Codec, window: _Window, rows: int, *, until: int | None = None
) -> Iterator[tuple[Any, ...]]:
    """Columns of the messages of a file, at most about `rows` at a time, to its end.

    It also ends where the codec needs prints that it has not kept, or at the byte `until`.
    """
    while True:
        view = window.view() if until is None else window.view()[: until - window.at]
        try:
            columns, done = codec.read(view, rows)
        except InputError as error:
            raise InputError(
                error.rule,
                source=window.path.name,
                offset=error.offset,
                field=error.field,
                value=error.value,
            ) from None
        window.take(done)
        yield columns
        if getattr(codec, "needs_prints", False):
            return
        if not done:
            break
    if len(view):
        raise InputError(
            "the file ends inside this message",
            source=window.path.name,
            offset=window.at,
            field="length",
            value=f"{len(view)} bytes",
        )


def _stock(number: int, symbol: str) -> "Instrument":
    return _core.Instrument(symbol, price_unit="1e-4", tick=None, size_unit="1", id=number)


def _names(symbols: Iterable[str] | None) -> list[str]:
    if symbols is None:
        return []
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    if not names:
        raise InputError("names no stock; None takes all", field="symbols", value=symbols)
    return names


def _day(path: Path, date: str | None) -> str:
    """The trading day: as given, or as the file's name has it."""
    if date is not None:
        return date
    for pattern, (year, month, day) in _DATES:
        if found := pattern.search(path.name):
            return f"20{found[year][-2:]}-{found[month]}-{found[day]}"
    raise InputError("its name has no day: give it with date=", source=path.name, field="date")
