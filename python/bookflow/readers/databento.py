"""Databento's MBO, MBP-1, MBP-10, TBBO, trades and status as events, from files and live.

MBO. A, C, M and R change the book; T is the print; F, which says which resting order a print met,
is dropped, and the next C or M of that order in the same atomic event carries FILL instead. MBP:
every record carries the book after it (a T the book before it, which it does not change), so its
levels are the depth row. TBBO and trades: prints, each an atomic event, a TBBO's with the quotes
before it. Status: a STATUS each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._busy import one_thread
from bookflow._instrument import with_id
from bookflow._optional import need
from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import EVENT_DTYPE, Events, Order, in_order
from bookflow.readers._chunks import check_rows, cut
from bookflow.readers._dbn import EVENT_SCHEMAS, MESSAGE, RTYPE, DbnFile, Records
from bookflow.readers._records import F_BAD_TS, F_LAST, F_SNAPSHOT, Conversion

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["DatabentoHandler", "read_databento"]

# MBO records read at a time: an event that is long is looked at again with every piece.
_PIECE: Final = 1 << 16
# The rtype of the records by which the live gateway names instruments.
_SYMBOL_MAPPING: Final = 22
# No atomic event is longer; a file without any end of one is not held in memory for its sake.
_LONGEST_EVENT: Final = 1 << 20


def read_databento(
    path: "str | PathLike[str]",
    *,
    schema: str | None = None,
    instrument: "_core.Instrument | None" = None,
    definitions: "str | PathLike[str] | None" = None,
    publisher: int | Literal["all"] | None = None,
    time: Literal["received", "venue"] = "received",
    order: Order = "error",
) -> Events:
    """A DBN file (.dbn or .dbn.zst), lazily.

    Parameters
    ----------
    path
        The file.
    schema
        "mbo", "mbp-1", "mbp-10", "tbbo", "trades" or "status", if the file's header does not say.
    instrument
        Units, tick and symbol. Without it prices are in units of 1e-9, with no tick grid. A file's
        instrument ids are kept: `Events.split` separates those of a file that holds several.
    definitions
        A file of definitions that gives symbols and ticks, if no `instrument` is given. Leave it
        out where resting prices may be off the smallest increment, as in spreads and options.
    publisher
        Take only this publisher's records. Books of one instrument from two publishers in one file
        are an error without it; "all" takes them as the one book that a consolidated feed sends.
    time
        The clock of the events: when Databento received them, or the venue's own (which is
        always kept in ``ts_venue``).
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".

    Notes
    -----
    Records of other kinds in the file are counted in ``events.counts["other_records"]``, inexact
    receive times in ``"bad_ts_recv"``, instruments with no event behind their last gap in
    ``"gap"``. A book that starts without a snapshot is UNVERIFIABLE until both of its sides are
    known.
    """
    if time not in ("received", "venue"):
        raise InputError('must be "received" or "venue"', field="time", value=time)
    file = DbnFile(Path(path), schema)
    first = next((records for records in file.chunks(1) if len(records.values)), None)
    if first is not None:
        number = int(first.values["instrument_id"][0])
    else:
        number = next(iter(file.symbols), 0)
    known = _instruments(file, number, instrument, definitions)
    source = _Databento(file, known[number], publisher, time, order)
    return Events.lazy(source, known[number], source=file.path.name, instruments=known)


def _instruments(
    file: DbnFile,
    first: int,
    given: "_core.Instrument | None",
    definitions: "str | PathLike[str] | None",
) -> "dict[int, _core.Instrument]":
    """The instruments that are known before the records are read, the `first` among them."""
    units = given or _core.Instrument(price_unit="1e-9", tick=None, size_unit="1")
    known = {number: with_id(units, number, symbol) for number, symbol in file.symbols.items()}
    known.setdefault(first, with_id(units, first))
    if given is not None and given.symbol:
        known[first] = with_id(units, first, given.symbol)
    if definitions is None:
        return known
    if given is not None:
        raise InputError("takes no part where an instrument is given", field="definitions")
    for number, (symbol, tick) in (
        DbnFile(Path(definitions), None, ("definition",)).definitions().items()
    ):
        known[number] = _core.Instrument(symbol, price_unit="1e-9", tick=tick, id=number)
    return known


@dataclass(slots=True)
class _Databento:
    """The file, read from the start by every call of `chunks`."""

    file: DbnFile
    instrument: "_core.Instrument"
    publisher: int | Literal["all"] | None
    time: str
    order: Order

    def chunks(self, rows: int) -> Iterator[Events]:
        stream = _Stream(
            self.file.path.name,
            self.file.schema,
            self.time,
            self.instrument,
            self.publisher,
            self.order,
        )
        for records in self._atomic(rows):
            yield from cut(stream.events(records), rows)
        if stream.gaps:
            yield stream.end()

    def _atomic(self, rows: int) -> Iterator[Records]:
        """Chunks that end where no instrument is inside an atomic event.

        Only so can the end of an event, when it stands on a record that is dropped, go to the one
        before, and can a fill be looked for in the rest of its event.
        """
        if self.file.schema != "mbo":
            yield from self.file.chunks(rows)
            return
        held = Records(np.empty(0, self.file.dtype), np.empty(0, np.int64), 0)
        for chunk in self.file.chunks(max(rows, _PIECE)):
            held = Records(
                np.concatenate([held.values, chunk.values]),
                np.concatenate([held.rows, chunk.rows]),
                held.others + chunk.others,
            )
            end = _whole(held.values)
            if not end and len(held.values) > _LONGEST_EVENT:
                end = len(held.values)
            if end:
                yield Records(held.values[:end], held.rows[:end], held.others)
                held = Records(held.values[end:], held.rows[end:], 0)
        if len(held.values) or held.others:
            yield held


class DatabentoHandler:
    """Records as Databento's live client yields them, one at a time, as the events of the file.

    Parameters
    ----------
    schema
        As for `read_databento`; records of others are counted. Without it that of the first record
        of one that there is ("mbp-1", not "tbbo", which looks the same).
    instrument, publisher, time, order
        As for `read_databento`.

    Attributes
    ----------
    instruments : dict[int, Instrument]
        Those that were named by a definition (with its tick, if no `instrument` was given), by a
        symbol mapping, or by an event.
    """

    def __init__(
        self,
        schema: str | None = None,
        *,
        instrument: "_core.Instrument | None" = None,
        publisher: int | Literal["all"] | None = None,
        time: Literal["received", "venue"] = "received",
        order: Order = "error",
    ) -> None:
        if time not in ("received", "venue"):
            raise InputError('must be "received" or "venue"', field="time", value=time)
        if schema is not None and schema not in EVENT_SCHEMAS:
            rule = f"must be one of {', '.join(EVENT_SCHEMAS)}"
            raise InputError(rule, field="schema", value=schema)
        self._given = instrument
        self._units = instrument or _core.Instrument(price_unit="1e-9", tick=None, size_unit="1")
        self.instruments: dict[int, _core.Instrument] = {}
        self._settings = (time, publisher, order)
        self._dbn = need("databento_dbn", "io")
        self._schema = schema
        self._stream: _Stream | None = None
        self._dtype = np.dtype([])
        self._flags = 0
        self._held: list[bytes] = []
        self._rows: list[int] = []
        self._open: set[int] = set()
        self._whole = 0
        self._row = 0
        self._others = 0

    @one_thread
    def feed(self, record: object) -> Events:
        """The events that this record, or each of a list of them, completes; often there are none.

        An MBO record waits for the end of its atomic event: only then is it known whether it is a
        fill. While one instrument is inside an event those of others wait too (a million records at
        most), so that all keep the feed's order. What is fed one by one are the same events as
        those of the file. A record that breaks a rule is an `InputError`, and what came with it is
        dropped: tell so by `gap`.
        """
        for one in record if isinstance(record, list | tuple) else (record,):
            self._take(one)
        is_long = len(self._held) - self._whole > _LONGEST_EVENT
        return self._events(len(self._held) if is_long else self._whole)

    @one_thread
    def gap(self) -> None:
        """Something was lost here, as after a reconnect: each instrument's next event carries GAP.

        What is held of events that were not complete is dropped.
        """
        self._held.clear()
        self._rows.clear()
        self._open.clear()
        self._whole = 0
        if self._stream is not None:
            self._stream.gaps |= set(self.instruments)

    @one_thread
    def finish(self) -> Events:
        """What is held of events that are not complete, as at a file's end."""
        self._open.clear()
        made = self._events(len(self._held))
        if self._stream is not None and self._stream.gaps:
            made._counts["gap"] = len(self._stream.gaps)
        return made

    def _take(self, record: object) -> None:
        if isinstance(record, self._dbn.Metadata):
            return
        if not hasattr(record, "rtype"):
            what = type(record).__name__
            raise TypeError(f"record: {what} is none of databento_dbn's records")
        raw = bytes(record)  # type: ignore[call-overload]
        row = self._row
        self._row += 1
        rtype, number = raw[1], int.from_bytes(raw[4:8], "little")
        if self._schema is None:
            kinds = (schema for schema in EVENT_SCHEMAS if RTYPE[schema] == rtype)
            self._schema = next(kinds, None)
        if self._schema is None or rtype != RTYPE[self._schema]:
            self._others += 1
            self._name(record, rtype, number)
            return
        if self._stream is None:
            self._begin(self._schema, number)
        size = self._dtype.itemsize
        if len(raw) < size:
            rule = f"must be {size} bytes in {self._schema}"
            raise InputError(rule, source="live", row=row, field="length", value=len(raw))
        if number not in self.instruments:
            self.instruments[number] = with_id(self._units, number, self._symbol(number))
        self._held.append(raw[:size])
        self._rows.append(row)
        if self._schema == "mbo":
            is_open = not self._held[-1][self._flags] & F_LAST
            (self._open.add if is_open else self._open.discard)(number)
        if not self._open:
            self._whole = len(self._held)

    def _begin(self, schema: str, number: int) -> None:
        time, publisher, order = self._settings
        first = self.instruments.setdefault(
            number, with_id(self._units, number, self._units.symbol)
        )
        self._dtype = np.dtype(list(getattr(self._dbn, MESSAGE[schema])._dtypes))
        fields = self._dtype.fields
        if fields is not None and "flags" in fields:
            self._flags = int(fields["flags"][1])
        self._stream = _Stream("live", schema, time, first, publisher, order)

    def _symbol(self, number: int) -> str:
        known = self.instruments.get(number)
        return known.symbol if known is not None else ""

    def _name(self, record: object, rtype: int, number: int) -> None:
        """Symbols and ticks of the records that carry them."""
        if rtype == _SYMBOL_MAPPING:
            symbol = record.stype_out_symbol  # type: ignore[attr-defined]
            if number not in self.instruments:
                self.instruments[number] = with_id(self._units, number, symbol)
        elif rtype == RTYPE["definition"]:
            nanos = record.min_price_increment  # type: ignore[attr-defined]
            symbol = record.raw_symbol  # type: ignore[attr-defined]
            units = self._units
            if self._given is None and 0 < nanos < 2**63 - 1:
                units = _core.Instrument(price_unit="1e-9", tick=f"{nanos}e-9")
            self.instruments[number] = with_id(units, number, symbol)

    def _events(self, count: int) -> Events:
        if self._stream is None:
            counts = {"other_records": self._others} if self._others else {}
            self._others = 0
            nothing = _Stream("live", "mbo", "received", self._units, None, "error").end()
            nothing._counts = counts
            return nothing
        if not count:
            made = self._stream.end()
            made._counts = {}
        else:
            held = np.frombuffer(b"".join(self._held[:count]), self._dtype)
            rows = np.array(self._rows[:count])
            del self._held[:count], self._rows[:count]
            self._whole = 0
            made = self._stream.events(Records(held, rows, 0))
        if self._others:
            made._counts["other_records"] = self._others
            self._others = 0
        made.instruments = self.instruments
        return made


@dataclass(slots=True)
class _Stream:
    """Records of one schema, in order, as events: what one chunk must know of those before."""

    source: str
    schema: str
    time: str
    instrument: "_core.Instrument"
    publisher: int | Literal["all"] | None
    order: Order
    last_ts: int = NONE
    publishers: dict[int, int] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)
    gaps: set[int] = field(default_factory=set)

    def events(self, records: Records) -> Events:
        """Those of these records, which end where no instrument is inside an atomic event."""
        counts = {"other_records": records.others} if records.others else {}
        if isinstance(self.publisher, int):
            own = records.values["publisher_id"] == self.publisher
            records = Records(records.values[own], records.rows[own], 0)
        elif self.publisher is None:
            self._one_publisher(records, self.publishers)
        if self.schema != "status":
            inexact = (records.values["flags"] & (F_BAD_TS | F_SNAPSHOT)) == F_BAD_TS
            bad_times = int(np.count_nonzero(inexact))
            if bad_times:
                counts["bad_ts_recv"] = bad_times
        convert = Conversion(self.source, self.schema, self.time, self.instrument)
        columns, depth, numbers = convert(records, self.started, self.gaps)
        columns["ts"], new_last = in_order(columns["ts"], self.order, counts, self.last_ts)
        events = Events(columns, self.instrument, depth=depth, source=self.source, counts=counts)
        self._check(events, numbers, self.last_ts)
        self.last_ts = new_last
        return events

    def end(self) -> Events:
        """No rows: gaps after which nothing came are told, with no row to stand on."""
        columns: dict[str, Array | None] = {
            name: np.empty(0, EVENT_DTYPE[name])
            for name in ("ts", "action", "side", "price", "size")
        }
        counts = {"gap": len(self.gaps)} if self.gaps else {}
        return Events(columns, self.instrument, source=self.source, counts=counts)

    def _check(self, events: Events, numbers: NDArray[np.int64], last_ts: int) -> None:
        """The field rules, a fault named by its record in the file."""
        if (events.instrument_id != self.instrument.id).any():
            # Each instrument has a grid of its own, which its pipeline checks.
            loose = _core.Instrument(price_unit=self.instrument.price_unit)
            events = Events(events.columns, loose, depth=events.depth, source=events.source)
        check_rows(events, numbers, last_ts)

    def _one_publisher(self, records: Records, known: dict[int, int]) -> None:
        """Two venues' books of one instrument must not become one."""
        if self.schema in ("trades", "tbbo", "status"):
            return
        ids, publishers = records.values["instrument_id"], records.values["publisher_id"]
        pairs = ids.astype(np.uint64) << np.uint64(16) | publishers
        for row in np.sort(np.unique(pairs, return_index=True)[1]).tolist():
            number, publisher = int(ids[row]), int(publishers[row])
            if known.setdefault(number, publisher) != publisher:
                raise InputError(
                    f"instrument {number} has another book, of publisher {known[number]}: "
                    'take one with publisher=, or all with "all" if the feed is consolidated',
                    source=self.source,
                    row=int(records.rows[row]),
                    field="publisher_id",
                    value=publisher,
                )


def _whole(values: Array) -> int:
    """How many records there are up to the last moment without an open atomic event."""
    order = np.argsort(values["instrument_id"], kind="stable")
    is_open = (values["flags"][order] & F_LAST) == 0
    number = values["instrument_id"][order]
    was_open = np.r_[False, is_open[:-1] & (number[1:] == number[:-1])]
    change = np.empty(len(values), np.int64)
    change[order] = is_open.astype(np.int64) - was_open
    ends = np.flatnonzero(np.cumsum(change) == 0)
    return int(ends[-1]) + 1 if len(ends) else 0
