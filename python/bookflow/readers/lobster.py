"""LOBSTER: a message file and, best, the orderbook file that goes with it.

With the pair every message is one row, whose depth is the orderbook's row: an N-level message file
holds only what happened inside the top N, so a book cannot be kept from it. A message file alone
(of many levels) can be replayed from a seed; its book is marked UNVERIFIABLE all through.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._optional import need
from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import (
    EVENT_DTYPE,
    FIELDS,
    Action,
    Depth,
    Events,
    Flag,
    Order,
    Side,
    Status,
    in_order,
)
from bookflow.readers._csv import Column, CsvFile
from bookflow.readers._lobster_book import (
    Seed,
    SeedLike,
    book_file,
    depth_rows,
    first_line,
    seed_row,
)

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

__all__ = ["read_lobster"]

_NAME: Final = re.compile(r"(?P<symbol>[^_]+)_(?P<date>\d{4}-\d\d-\d\d)_\d+_\d+_")
_ZONE: Final = "America/New_York"
# Since this day the direction of a hidden execution says nothing.
_NO_HIDDEN_SIDE: Final = date(2014, 7, 14)

_MESSAGE: Final = (
    Column("time", "text"),
    Column("type"),
    Column("order_id"),
    Column("size"),
    Column("price"),
    Column("direction"),
)
_ACTION: Final = np.array(
    [
        0,
        Action.ADD,
        Action.CANCEL,
        Action.DELETE,
        Action.EXECUTE,
        Action.TRADE,
        Action.TRADE,
        Action.STATUS,
    ],
    np.uint8,
)
_FLAGS: Final = np.array([0, 0, 0, 0, 0, Flag.HIDDEN, Flag.AUCTION, 0], np.uint16) | Flag.LAST
_HIDDEN, _CROSS, _HALT = 5, 6, 7
# The price of a type 7 message, and the trading status it stands for.
_HALTS: Final = {-1: Status.HALTED, 0: Status.AUCTION, 1: Status(0)}


def read_lobster(
    message_csv: "str | PathLike[str]",
    orderbook_csv: "str | PathLike[str] | None" = None,
    *,
    date: "date | str | None" = None,
    levels: int | None = None,
    seed: SeedLike | None = None,
    symbol: str | None = None,
    tick: str | None = "0.01",
    order: Order = "error",
) -> Events:
    """LOBSTER's messages, lazily, with the orderbook file as their depth rows.

    Parameters
    ----------
    message_csv, orderbook_csv
        The pair. Row i of the second is the book after message i.
    date
        Trading day (New York), if it is not in the file's name.
    levels
        Levels that the orderbook file must have; by default those that it has.
    seed
        Without an orderbook file: the book *after the first message*, as a row of LOBSTER's
        columns, as an orderbook file (its first row is taken) or as a `Depth` of one row. Each
        level becomes one order with an id of 2^63 and more. A removal that names an id never
        submitted in the file is taken off the seeded order at its price, if there is one, and
        counted in ``events.counts["unknown_id"]``; the book counts those that are left.
    symbol
        Instrument, if it is not in the file's name.
    tick
        Price grid of resting orders in USD; None for no check.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".

    Notes
    -----
    Time stays exact: text to integer nanoseconds since the epoch, digits beyond them cut off and
    counted as "truncated_digits". The side of a hidden execution is the aggressor's, opposite to
    the file's direction, and NONE from 2014-07-14 on, when the file stopped telling.
    """
    path = Path(message_csv)
    name = _NAME.match(path.name)
    day = date if date is not None else name and name["date"]
    if day is None:
        raise InputError("needs date=: the file's name has none", source=path.name, field="date")
    if symbol is None:
        symbol = name["symbol"] if name else ""
    instrument = _core.Instrument(symbol, price_unit="0.0001", tick=tick, size_unit="1")
    first_line(path)
    book = None
    if orderbook_csv is not None:
        if seed is not None:
            raise InputError("is for message files without an orderbook file", field="seed")
        book = book_file(Path(orderbook_csv), levels)
    elif levels is not None:
        raise InputError("is the orderbook file's, and none is given", field="levels", value=levels)
    source = _Lobster(
        # No piece of a direction is another direction.
        messages=CsvFile(path, _MESSAGE, is_whole=lambda before, last: True),
        book=book,
        seed=None if seed is None else seed_row(seed),
        midnight=_Midnight.of(day, path.name),
        instrument=instrument,
        order=order,
    )
    return Events.lazy(source, instrument, source=path.name)


@dataclass(frozen=True, slots=True)
class _Midnight:
    """A New York trading day, and its midnight in nanoseconds since the epoch."""

    day: date
    ns: int

    @classmethod
    def of(cls, value: object, source: str) -> "_Midnight":
        try:
            day = value if isinstance(value, date) else date.fromisoformat(str(value))
        except ValueError:
            raise InputError(
                "must be a date such as 2012-06-21", source=source, field="date", value=value
            ) from None
        try:
            zone = ZoneInfo(_ZONE)
        except ZoneInfoNotFoundError as error:
            raise ImportError(f"no time zone data for {_ZONE}: pip install tzdata") from error
        # The day's offset is noon's: clocks change in the night, never while there is trading.
        offset = datetime.combine(day, time(12), zone).utcoffset()
        assert offset is not None
        midnight = datetime.combine(day, time(0), UTC) - offset
        return cls(day, int(midnight.timestamp()) * 1_000_000_000)


@dataclass(slots=True)
class _Lobster:
    """The files, read from the start by every call of `chunks`."""

    messages: CsvFile
    book: CsvFile | None
    seed: Depth | None
    midnight: _Midnight
    instrument: "_core.Instrument"
    order: Order

    def chunks(self, rows: int) -> Iterator[Events]:
        last_ts, first_row = NONE, 0
        seeded: Seed | None = None
        for messages, book in self._frames(rows):
            columns, counts = self._columns(messages, first_row)
            columns["ts"], new_last = in_order(columns["ts"], self.order, counts, last_ts)
            if self.book is None:
                # The book of a message file is never verified: no status says otherwise.
                bits = np.where(columns["action"] == Action.STATUS, Status.UNVERIFIABLE, 0)
                columns["size"] = columns["size"] | bits
                if first_row == 0:
                    seeded = None if self.seed is None else Seed.before(columns, self.seed)
                    yield from self._start(int(columns["ts"][0]), seeded).chunks(rows)
                if seeded is not None:
                    seeded.rename(columns, counts)
            depth = None
            if book is not None and self.book is not None:
                rows_of = book.to_numpy(order="c")
                depth = depth_rows(rows_of, self.book.path.name, first_row)
            events = Events(
                columns, self.instrument, depth=depth, source=self.messages.path.name, counts=counts
            )
            self._check(events, first_row, last_ts)
            yield events
            last_ts = new_last
            first_row += len(messages)

    def _check(self, events: Events, first_row: int, last_ts: int) -> None:
        """The field rules, a fault of the book named by the orderbook file."""
        try:
            events.check(first_row, last_ts)
        except InputError as error:
            if self.book is None or not error.field.startswith(("bid_", "ask_")):
                raise
            name, _, level = error.field.partition(" of level ")
            raise InputError(
                error.rule,
                source=self.book.path.name,
                row=error.row,
                field=f"{name}_{int(level) - 1}" if level else name,
                value=error.value,
            ) from None

    def _frames(self, rows: int) -> "Iterator[tuple[pl.DataFrame, pl.DataFrame | None]]":
        """Frames of the same rows of both files."""
        books = iter(()) if self.book is None else self.book.batches(rows)
        messages = self.messages.batches(rows)
        first_row = 0
        for part in messages:
            book = next(books, None)
            if self.book is not None and (book is None or len(book) != len(part)):
                found = 0 if book is None else len(book)
                next(books if found < len(part) else messages, None)  # it may say why it ended
                self._ragged(first_row, len(part), found)
            yield part, book
            first_row += len(part)
        if self.book is not None and next(books, None) is not None:
            self._ragged(first_row, 0, 1)

    def _ragged(self, first_row: int, messages: int, book: int) -> None:
        assert self.book is not None
        short, long = self.messages.path.name, self.book.path.name
        if book < messages:
            short, long = long, short
        raise InputError(
            f"ends here, {long} goes on: the files must have the same rows",
            source=short,
            row=first_row + min(messages, book),
            field="rows",
        )

    def _columns(
        self, frame: "pl.DataFrame", first_row: int
    ) -> tuple[dict[str, Array], dict[str, int]]:
        kind = frame["type"].to_numpy()
        direction = frame["direction"].to_numpy()
        price = frame["price"].to_numpy()
        size = frame["size"].to_numpy()
        order_id = frame["order_id"].to_numpy()
        self._rule((kind < 1) | (kind > 7), "type", kind, "must be 1 to 7", first_row)
        resting = kind < _HIDDEN
        odd = (direction < -1) | (direction > 1) | (resting & (direction == 0))
        self._rule(odd, "direction", direction, "must be 1 (buy) or -1 (sell)", first_row)
        self._rule(resting & (order_id <= 0), "order_id", order_id, "must be positive", first_row)
        self._rule(price == NONE, "price", price, "must be within 2^61 price units", first_row)
        halt = kind == _HALT
        if halt.any():
            rule = "must be -1 (halt), 0 (quotes resume) or 1 (trading resumes)"
            self._rule(halt & ((price < -1) | (price > 1)), "price", price, rule, first_row)
            size = np.where(halt, np.array([_HALTS[p] for p in (0, 1, -1)])[price * halt], size)
            price = np.where(halt, NONE, price)
        side = np.where(direction > 0, Side.BID, Side.ASK).astype(np.uint8)
        hidden = kind == _HIDDEN
        if self.midnight.day < _NO_HIDDEN_SIDE:
            side[hidden] = 3 - side[hidden]
        else:
            side[hidden] = Side.NONE
        side[(kind == _CROSS) | halt | (direction == 0)] = Side.NONE
        counts: dict[str, int] = {}
        columns: dict[str, Array] = {
            "ts": self._times(frame, first_row, counts),
            "order_id": np.where(resting, order_id, 0).astype(np.uint64),
            "price": price,
            "size": size,
            "action": _ACTION[kind],
            "side": side,
            "flags": _FLAGS[kind],
        }
        return columns, counts

    def _times(
        self, frame: "pl.DataFrame", first_row: int, counts: dict[str, int]
    ) -> NDArray[np.int64]:
        """Text seconds after midnight as nanoseconds since the epoch."""
        pl = need("polars", "io")
        parts = frame.select(
            pl.col("time").str.extract_groups(r"^(\d{1,5})(?:\.(\d+))?$").alias("time")
        ).unnest("time")
        seconds = parts["1"].cast(pl.Int64)
        odd = (seconds.is_null() | (seconds >= 86_400)).to_numpy()
        times = frame["time"].to_numpy()
        self._rule(odd, "time", times, "is not seconds after midnight", first_row)
        digits = parts["2"].fill_null("")
        beyond = int((digits.str.len_bytes() > 9).sum())
        if beyond:
            counts["truncated_digits"] = beyond
        nanos = digits.str.slice(0, 9).str.pad_end(9, "0").cast(pl.Int64)
        ts: NDArray[np.int64] = (seconds * 1_000_000_000 + nanos + self.midnight.ns).to_numpy()
        return ts

    def _rule(self, wrong: Array, field: str, values: Array, rule: str, first_row: int) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{rule} (line {first_row + row + 1})",
                source=self.messages.path.name,
                row=first_row + row,
                field=field,
                value=values.tolist()[row],
            )

    def _start(self, ts: int, seed: "Seed | None") -> Events:
        """What comes before the first message: the status, and the seeded book."""
        rows = np.zeros(1 if seed is None else len(seed.orders) + 2, EVENT_DTYPE)
        rows["ts"], rows["ts_venue"], rows["price"] = ts, NONE, NONE
        rows["action"][0], rows["size"][0] = Action.STATUS, Status.UNVERIFIABLE
        if seed is not None:
            rows["action"][1] = Action.CLEAR
            rows["action"][2:] = Action.ADD
            for i, ((side, price), (number, size)) in enumerate(seed.orders.items(), 2):
                rows["side"][i], rows["price"][i] = side, price
                rows["order_id"][i], rows["size"][i] = number, size
            rows["flags"][1:] = Flag.SNAPSHOT
        rows["flags"][0] |= Flag.LAST
        rows["flags"][-1] |= Flag.LAST
        columns = {name: np.ascontiguousarray(rows[name]) for name in FIELDS}
        columns["instrument"][:] = self.instrument.id
        events = Events(columns, self.instrument, source="seed")
        events.check()
        return events
