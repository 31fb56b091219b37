"""Tardis' CSV files as events: book changes, trades, quotes, book snapshots and options' quotes.

A file says in its header what it holds. Of book changes a message is an atomic event: all rows of a
symbol with one ``local_timestamp``. Trades, quotes and snapshots are whole row by row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._depth import Depth
from bookflow._from_table import numbered_levels
from bookflow._instrument import with_id
from bookflow._optional import need
from bookflow._table import NONE, Array, Where
from bookflow.errors import InputError
from bookflow.events import Action, Events, Flag, Order, Side, Status, in_order
from bookflow.readers._chunks import check_rows, cut
from bookflow.readers._csv import Column, CsvFile, head, refuse_cut_header, taken
from bookflow.readers._decimal import exact_units

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument

__all__ = ["read_tardis", "tardis_frame"]

# What only this kind of file has in its header, the first that fits.
_KINDS: Final = {
    "incremental_book_L2": ("is_snapshot", "side", "price", "amount"),
    "book_snapshot": ("bids[0].price", "asks[0].price"),
    "options_chain": ("strike_price", "bid_price", "ask_price"),
    "derivative_ticker": ("funding_rate",),
    "quotes": ("bid_price", "bid_amount", "ask_price", "ask_amount"),
    "trades": ("side", "price", "amount"),
}
_STAMPS: Final = ("exchange", "symbol", "timestamp", "local_timestamp")
_TIMES: Final = ("timestamp", "local_timestamp", "funding_timestamp", "expiration")
_TEXT: Final = ("exchange", "symbol", "id", "side", "type", "is_snapshot", "underlying_index")
_QUOTE: Final = ("bid_price", "bid_amount", "ask_price", "ask_amount")

# Stamps of these days, 2001 to 2286, have 16 digits in microseconds: others are in another unit.
_NS_IN: Final = {"us": 1_000, "ns": 1}
_DIGITS: Final = {"us": 15, "ns": 18}

_SIDES: Final = {
    "incremental_book_L2": {"bid": Side.BID, "ask": Side.ASK},
    "trades": {"buy": Side.BUY, "sell": Side.SELL, "unknown": Side.NONE},
}
# No message is longer; a file in which time stands still is not held in memory for its sake.
_LONGEST_EVENT: Final = 1 << 20
_ROOM: Final = 2
"""Digits of units beyond those that the first rows need."""
_LARGEST: Final = 2**60
_GROWTH: Final = 1_000


def read_tardis(
    path: "str | PathLike[str]",
    kind: str | None = None,
    *,
    instrument: "Instrument | None" = None,
    instruments: "Mapping[str, Instrument] | None" = None,
    ts_unit: Literal["us", "ns"] = "us",
    time: Literal["received", "venue"] = "received",
    order: Order = "error",
    open_end: bool = False,
) -> Events:
    """A CSV file of Tardis (.csv, .csv.gz and so on), lazily.

    Parameters
    ----------
    path
        The file.
    kind
        "incremental_book_L2", "trades", "quotes", "book_snapshot" or "options_chain" (its best
        quotes), if the header should not decide. A derivative_ticker has no quotes: `tardis_frame`.
    instrument
        What the file's first symbol is, and the units of others it may hold, numbered on from it.
        Without it they are numbered from 1.
    instruments
        The same by symbol, numbered from 1 in this order; symbols not in it are refused. Of a file
        of several symbols `Events.split` separates them.
    ts_unit
        What stamps count: microseconds, as Tardis writes them, or nanoseconds.
    time
        The clock of the events: ``local_timestamp``, when Tardis received them, or the venue's own
        (which is always kept in ``ts_venue``).
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".
    open_end
        Whether the last line is whole although no newline ends it; without this it is an error,
        unless the file is compressed.

    Notes
    -----
    Without an instrument the units are powers of ten that hold all digits of the file's first rows
    and two more, with no tick grid. A later number that is finer still is an error which names the
    unit that it needs. Files that are to be merged need one and the same `instrument`.

    Rows that are a snapshot after rows that are none clear the book. From the second one on this
    means that the connection was lost: the CLEAR carries GAP, and "gap" counts them. There are no
    sequence numbers, so books of changes are UNVERIFIABLE.
    """
    if time not in ("received", "venue"):
        raise InputError('must be "received" or "venue"', field="time", value=time)
    if ts_unit not in _NS_IN:
        raise InputError("must be us or ns", field="ts_unit", value=ts_unit)
    if instrument is not None and instruments is not None:
        raise InputError("takes no part where instruments are given", field="instrument")
    file = Path(path)
    names, sample, has_end = head(file)
    found = _kind(names, kind, file.name)
    refuse_cut_header(file, has_end)
    if found == "derivative_ticker":
        rule = "holds no quotes and no prints: read it with tardis_frame"
        raise InputError(rule, source=file.name, field="kind", value=found)
    levels: list[tuple[str, ...]] = [_QUOTE]
    if found not in ("quotes", "options_chain"):
        levels = list(numbered_levels(names)) if found == "book_snapshot" else []
    columns = _columns(names, {name for level in levels for name in level})
    cells = [line.rstrip(b"\r").decode("utf-8", "replace").split(",") for line in sample if line]
    symbols = [line[names.index("symbol")] for line in cells if len(line) == len(names)]
    units = instrument or _units(names, cells, columns)
    known: dict[int, Instrument] = {}
    source = _Tardis(
        file=CsvFile(file, columns, header=True, is_whole=taken(open_end)),
        kind=found,
        levels=levels,
        units=units,
        takes_all=instruments is None,
        ns=_NS_IN[ts_unit],
        least=10 ** _DIGITS[ts_unit],
        time=time,
        order=order,
        known=known,
    )
    for symbol, own in (instruments or {}).items():
        source.add(symbol, own)
    if instruments is None and symbols:
        source.add(symbols[0], units)
    first = next(iter(known.values()), units)
    events = Events.lazy(source, first, source=file.name)
    # The same dict: what is read adds to it.
    events.instruments = known
    return events


def tardis_frame(
    path: "str | PathLike[str]", *, ts_unit: Literal["us", "ns"] = "us", open_end: bool = False
) -> "pl.DataFrame":
    """Any CSV file of Tardis as a Polars frame: stamps as UTC datetimes, numbers as float64.

    For what is no event: funding and open interest (derivative_ticker), greeks (options_chain). An
    empty cell is null.
    """
    polars = need("polars", "io")
    if ts_unit not in _NS_IN:
        raise InputError("must be us or ns", field="ts_unit", value=ts_unit)
    file = Path(path)
    names, _, has_end = head(file)
    _kind(names, None, file.name)
    refuse_cut_header(file, has_end)
    numbers = {name for name in names if name not in (*_TIMES, *_TEXT)}
    csv = CsvFile(file, _columns(names, numbers), header=True, is_whole=taken(open_end))
    frames = list(csv.batches(1 << 20)) or [polars.DataFrame(schema=dict.fromkeys(names, str))]
    time = polars.Datetime(ts_unit, "UTC")
    frame: pl.DataFrame = polars.concat(frames).with_columns(
        *(polars.col(name).cast(polars.Int64).cast(time) for name in names if name in _TIMES),
        *(polars.col(name).cast(polars.Float64) for name in names if name in numbers),
    )
    return frame


def _kind(names: list[str], given: str | None, source: str) -> str:
    absent = [name for name in _STAMPS if name not in names]
    if absent:
        rule = "is no column of the header: is this a CSV file of Tardis?"
        raise InputError(rule, source=source, field=absent[0])
    if given is not None:
        given = "book_snapshot" if given.startswith("book_snapshot") else given
        if given not in _KINDS:
            rule = f"must be one of {', '.join(_KINDS)}"
            raise InputError(rule, source=source, field="kind", value=given)
        lost = [name for name in _KINDS[given] if name not in names]
        if lost:
            rule = f"is no column of the header, as {given} has"
            raise InputError(rule, source=source, field=lost[0])
        return given
    for kind, needed in _KINDS.items():
        if all(name in names for name in needed):
            return kind
    rule = f"is none of {', '.join(_KINDS)}"
    raise InputError(rule, source=source, field="header", value=",".join(names))


def _columns(names: list[str], numbers: set[str]) -> list[Column]:
    """The file's columns: those of `numbers` may be empty, as may what is not read."""
    described = []
    for name in names:
        if name in _TIMES:
            described.append(Column(name, "integer", empty=name != "local_timestamp"))
        elif name in ("price", "amount"):
            described.append(Column(name, "decimal"))
        elif name in numbers:
            described.append(Column(name, "decimal", empty=True))
        else:
            described.append(Column(name, "text", empty=name not in ("symbol", "is_snapshot")))
    return described


def _units(names: list[str], cells: list[list[str]], columns: list[Column]) -> "Instrument":
    """Units that hold the first rows' numbers, and finer and larger ones."""
    made = []
    for endings in (("price",), ("amount",)):
        places = [
            i
            for i, (name, column) in enumerate(zip(names, columns, strict=True))
            if column.kind == "decimal" and name.endswith(endings)
        ]
        finest, largest = 0, Decimal(1)
        for line in cells:
            for text in (line[i] for i in places if len(line) == len(names)):
                try:
                    value = Decimal(text or "0").normalize()
                except InvalidOperation:
                    continue  # the reader will say so, with its row
                if value.is_finite():
                    finest = max(finest, -int(value.as_tuple().exponent))
                    largest = max(largest, abs(value))
        digits = finest + _ROOM
        while digits > finest and largest * _GROWTH * 10**digits > _LARGEST:
            digits -= 1
        made.append(f"1e-{min(digits, 18)}")
    return _core.Instrument(price_unit=made[0], tick=None, size_unit=made[1], id=1)


@dataclass(slots=True)
class _Tardis:
    """The file, read from the start by every call of `chunks`."""

    file: CsvFile
    kind: str
    levels: list[tuple[str, ...]]
    units: "Instrument"
    takes_all: bool
    ns: int
    least: int
    time: str
    order: Order
    known: "dict[int, Instrument]"
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, symbol: str, units: "Instrument") -> int:
        """A number for the symbol, which is given one now."""
        first = 1 if units is not self.units else int(units.id)
        number = self.numbers[symbol] = first + len(self.numbers)
        named = units is self.units and not self.known and units.symbol
        self.known[number] = units if named else with_id(units, number, symbol)
        return number

    def chunks(self, rows: int) -> Iterator[Events]:
        last_ts, first_row = NONE, 0
        books = _Books()
        held: pl.DataFrame | None = None
        polars = need("polars", "io")
        for frame in self.file.batches(rows):
            if held is not None:
                frame = polars.concat([held, frame])
            held = None
            if self.kind == "incremental_book_L2":
                # The last message goes on, perhaps: its end is known when another begins.
                stamps = frame["local_timestamp"].to_numpy()
                others = np.flatnonzero(stamps != stamps[-1])
                end = int(others[-1]) + 1 if len(others) else 0
                if len(frame) - end <= _LONGEST_EVENT:
                    frame, held = frame[:end], frame[end:]
            if len(frame):
                events, last_ts = self._events(frame, first_row, last_ts, books)
                yield from cut(events, rows)
                first_row += len(frame)
        if held is not None:
            events, _ = self._events(held, first_row, last_ts, books)
            yield from cut(events, rows)

    def _events(
        self, frame: "pl.DataFrame", first_row: int, last_ts: int, books: "_Books"
    ) -> tuple[Events, int]:
        counts: dict[str, int] = {}
        number, unit_of = self._numbers(frame, first_row)
        local = self._times(frame, "local_timestamp", first_row)
        venue = self._times(frame, "timestamp", first_row)
        columns: dict[str, Array] = {
            "ts": local if self.time == "received" else np.where(venue == NONE, local, venue),
            "ts_venue": venue,
            "instrument": number.astype(np.uint32),
            "flags": np.full(len(frame), Flag.LAST, np.uint16),
        }
        rows = np.arange(first_row, first_row + len(frame))
        depth = None
        if self.levels:
            depth = self._depth(frame, first_row, number, unit_of)
            columns |= {
                "action": np.full(len(frame), Action.QUOTE, np.uint8),
                "side": np.zeros(len(frame), np.uint8),
                "price": np.full(len(frame), NONE),
                "size": np.zeros(len(frame), np.int64),
            }
        else:
            is_trade = self.kind == "trades"
            columns |= {
                "action": np.full(len(frame), Action.TRADE if is_trade else Action.LEVEL, np.uint8),
                "side": self._sides(frame, first_row),
                "price": self._scaled(frame, "price", "price", first_row, number, unit_of),
                "size": self._scaled(frame, "amount", "size", first_row, number, unit_of),
            }
            if not is_trade:
                is_snapshot = self._snapshot(frame, first_row)
                columns, rows = _with_begun(columns, local, is_snapshot, books, rows, counts)
        columns["ts"], new_last = in_order(columns["ts"], self.order, counts, last_ts)
        first = next(iter(self.known.values()))
        events = Events(columns, first, depth=depth, source=self.file.path.name, counts=counts)
        self._check(events, rows, last_ts)
        events.instruments = self.known
        return events, new_last

    def _check(self, events: Events, rows: NDArray[np.int64], last_ts: int) -> None:
        if len(self.known) > 1:
            # Each instrument has a grid of its own, which its pipeline checks.
            loose = _core.Instrument(price_unit=self.units.price_unit)
            events = Events(events.columns, loose, depth=events.depth, source=events.source)
        check_rows(events, rows, last_ts)

    def _numbers(
        self, frame: "pl.DataFrame", first_row: int
    ) -> tuple[NDArray[np.int64], "dict[int, Instrument]"]:
        """Each row's symbol by its number, and the instruments that are here."""
        symbols = frame["symbol"]
        here = symbols.unique(maintain_order=True).to_list()
        for symbol in here:
            if symbol not in self.numbers:
                if not self.takes_all:
                    row = first_row + int((symbols == symbol).arg_max() or 0)
                    raise self._fail("is no symbol of instruments=", row, "symbol", symbol)
                self.add(symbol, self.units)
        unit_of = {self.numbers[symbol]: self.known[self.numbers[symbol]] for symbol in here}
        if len(here) == 1:
            return np.full(len(frame), next(iter(unit_of))), unit_of
        polars = need("polars", "io")
        number = symbols.replace_strict(self.numbers, return_dtype=polars.Int64).to_numpy()
        return number, unit_of

    def _times(self, frame: "pl.DataFrame", name: str, first_row: int) -> NDArray[np.int64]:
        stamps = frame[name]
        absent = stamps.is_null().to_numpy()
        values: NDArray[np.int64] = stamps.fill_null(self.least).to_numpy()
        odd = (values < self.least) | (values >= 10 * self.least)
        if odd.any():
            row = int(np.argmax(odd))
            is_other = 10**15 <= abs(int(values[row])) < 10**19
            unit, other = ("us", "ns") if self.ns == 1_000 else ("ns", "us")
            hint = f'; ts_unit="{other}" may be right' if is_other else ""
            raise self._fail(f"is no time in {unit}{hint}", first_row + row, name, int(values[row]))
        return np.where(absent, NONE, values * self.ns)

    def _sides(self, frame: "pl.DataFrame", first_row: int) -> NDArray[np.uint8]:
        words = _SIDES[self.kind]
        texts = frame["side"]
        sides = np.zeros(len(frame), np.uint8)
        known = np.zeros(len(frame), np.bool_)
        for word, side in words.items():
            is_word = (texts == word).fill_null(False).to_numpy()
            sides[is_word] = side
            known |= is_word
        if not known.all():
            row = int(np.argmin(known))
            rule = f"must be one of {', '.join(words)}"
            raise self._fail(rule, first_row + row, "side", texts[row] or "")
        return sides

    def _snapshot(self, frame: "pl.DataFrame", first_row: int) -> NDArray[np.bool_]:
        texts = frame["is_snapshot"]
        is_true = (texts == "true").to_numpy()
        odd = ~(is_true | (texts == "false").to_numpy())
        if odd.any():
            row = int(np.argmax(odd))
            raise self._fail("must be true or false", first_row + row, "is_snapshot", texts[row])
        return is_true

    def _scaled(
        self,
        frame: "pl.DataFrame",
        name: str,
        what: Literal["price", "size"],
        first_row: int,
        number: NDArray[np.int64],
        unit_of: "dict[int, Instrument]",
    ) -> NDArray[np.int64]:
        """Units of each row's own instrument, NONE for an empty cell."""
        text = frame[name]
        where = Where(self.file.path.name, name, first_row)
        units = {getattr(i, f"{what}_unit") for i in unit_of.values()}
        if len(units) == 1:
            return exact_units(text, units.pop(), what, where).fill_null(NONE).to_numpy()
        made = np.full(len(frame), NONE)
        for one, own in unit_of.items():
            mine = need("polars", "io").Series(number == one)
            scaled = exact_units(text.set(~mine, None), getattr(own, f"{what}_unit"), what, where)
            made = np.where(mine.to_numpy(), scaled.fill_null(NONE).to_numpy(), made)
        return made

    def _depth(
        self,
        frame: "pl.DataFrame",
        first_row: int,
        number: NDArray[np.int64],
        unit_of: "dict[int, Instrument]",
    ) -> Depth:
        blocks = []
        for side in (0, 2):
            prices, sizes = [], []
            for level in self.levels:
                of = (first_row, number, unit_of)
                price = self._scaled(frame, level[side], "price", *of)
                size = self._scaled(frame, level[side + 1], "size", *of)
                lost = (size == NONE) & (price != NONE)
                if lost.any():
                    row = first_row + int(np.argmax(lost))
                    raise self._fail("is missing where there is a price", row, level[side + 1])
                empty = (size <= 0) & ((size == 0) | (size == NONE)) | (price == NONE)
                prices.append(np.where(empty, NONE, price))
                sizes.append(np.where(empty, 0, size))
            blocks += [np.stack(prices, axis=1), np.stack(sizes, axis=1)]
        return Depth(*blocks)

    def _fail(self, rule: str, row: int, name: str, value: object = None) -> InputError:
        rule = f"{rule} (line {row + 2})"
        return InputError(rule, source=self.file.path.name, row=row, field=name, value=value)


@dataclass(slots=True)
class _Books:
    """What each symbol's next row must know, by its number."""

    in_snapshot: dict[int, bool] = field(default_factory=dict)


def _with_begun(
    columns: dict[str, Array],
    local: NDArray[np.int64],
    is_snapshot: NDArray[np.bool_],
    books: _Books,
    rows: NDArray[np.int64],
    counts: dict[str, int],
) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """LAST at the end of each symbol's message, a CLEAR before each snapshot, a status at first."""
    number = columns["instrument"]
    order = np.argsort(number, kind="stable")
    symbol, stamp = number[order], local[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (symbol[1:] != symbol[:-1]) | (stamp[1:] != stamp[:-1])
    flags = np.where(is_snapshot, Flag.SNAPSHOT, 0).astype(np.uint16)
    flags[order[last]] |= np.uint16(Flag.LAST)
    columns["flags"] = flags
    places: list[int] = []
    begun: list[tuple[int, int, int]] = []
    same = np.r_[False, symbol[1:] == symbol[:-1]]
    snapshot = is_snapshot[order]
    before = np.r_[False, snapshot[:-1]]
    # Rows at which something may begin: a symbol's first here, and a snapshot's first.
    for i in np.flatnonzero(~same | (snapshot & ~before)).tolist():
        one, place = int(symbol[i]), int(order[i])
        was = bool(before[i]) if same[i] else books.in_snapshot.get(one)
        if was is None:
            pending = 0 if snapshot[i] else Status.SNAPSHOT_PENDING
            places.append(place)
            begun.append((Action.STATUS, Status.UNVERIFIABLE | pending, Flag.LAST))
        if snapshot[i] and not was:
            gap = 0 if was is None else Flag.GAP
            if gap:
                counts["gap"] = counts.get("gap", 0) + 1
            places.append(place)
            begun.append((Action.CLEAR, 0, Flag.SNAPSHOT | gap))
    ends = np.flatnonzero(~np.r_[same[1:], False])
    books.in_snapshot.update(zip(symbol[ends].tolist(), snapshot[ends].tolist(), strict=True))
    if not places:
        return columns, rows
    at = np.array(places)
    by_row = np.argsort(at, kind="stable")
    at, table = at[by_row], np.array(begun)[by_row]
    values: dict[str, Array | int] = {
        "action": table[:, 0],
        "size": table[:, 1],
        "flags": table[:, 2],
        "price": NONE,
        "side": Side.NONE,
    }
    columns = {
        name: np.insert(column, at, values[name] if name in values else column[at])
        for name, column in columns.items()
    }
    return columns, np.insert(rows, at, rows[at])
