"""Databento's MBO, MBP-1, MBP-10 and trades as events.

MBO. A, C, M and R change the book; T is the print; F, which says which resting order a print met,
is dropped, and the next C or M of that order in the same atomic event carries FILL instead. MBP:
every record carries the book after it (a T the book before it, which it does not change), so its
levels are the depth row. Trades: prints, each an atomic event.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._instrument import with_id
from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import Events, Order, in_order
from bookflow.readers._chunks import check_rows, cut
from bookflow.readers._dbn import DbnFile, Records
from bookflow.readers._records import F_BAD_TS, F_LAST, F_SNAPSHOT, Conversion

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["read_databento"]

# MBO records read at a time: an event that is long is looked at again with every piece.
_PIECE: Final = 1 << 16
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
        "mbo", "mbp-1", "mbp-10" or "trades", if the file's header does not say.
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
        last_ts = NONE
        publishers: dict[int, int] = {}
        started: set[int] = set()
        gaps: set[int] = set()
        convert = Conversion(self.file.path.name, self.file.schema, self.time, self.instrument)
        for records in self._atomic(rows):
            counts = {"other_records": records.others} if records.others else {}
            if isinstance(self.publisher, int):
                own = records.values["publisher_id"] == self.publisher
                records = Records(records.values[own], records.rows[own], 0)
            elif self.publisher is None:
                self._one_publisher(records, publishers)
            inexact = (records.values["flags"] & (F_BAD_TS | F_SNAPSHOT)) == F_BAD_TS
            bad_times = int(np.count_nonzero(inexact))
            if bad_times:
                counts["bad_ts_recv"] = bad_times
            columns, depth, numbers = convert(records, started, gaps)
            columns["ts"], new_last = in_order(columns["ts"], self.order, counts, last_ts)
            events = Events(
                columns, self.instrument, depth=depth, source=self.file.path.name, counts=counts
            )
            self._check(events, numbers, last_ts)
            last_ts = new_last
            yield from cut(events, rows)
        if gaps:
            # What they were before never came: they are told, with no row to stand on.
            columns = {name: column[:0] for name, column in columns.items()}
            yield Events(
                columns,
                self.instrument,
                source=self.file.path.name,
                counts={"gap": len(gaps)},
            )

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

    def _check(self, events: Events, numbers: NDArray[np.int64], last_ts: int) -> None:
        """The field rules, a fault named by its record in the file."""
        if (events.instrument_id != self.instrument.id).any():
            # Each instrument has a grid of its own, which its pipeline checks.
            loose = _core.Instrument(price_unit=self.instrument.price_unit)
            events = Events(events.columns, loose, depth=events.depth, source=events.source)
        check_rows(events, numbers, last_ts)

    def _one_publisher(self, records: Records, known: dict[int, int]) -> None:
        """Two venues' books of one instrument must not become one."""
        if self.file.schema == "trades":
            return
        ids, publishers = records.values["instrument_id"], records.values["publisher_id"]
        pairs = ids.astype(np.uint64) << np.uint64(16) | publishers
        for row in np.sort(np.unique(pairs, return_index=True)[1]).tolist():
            number, publisher = int(ids[row]), int(publishers[row])
            if known.setdefault(number, publisher) != publisher:
                raise InputError(
                    f"instrument {number} has another book, of publisher {known[number]}: "
                    'take one with publisher=, or all with "all" if the feed is consolidated',
                    source=self.file.path.name,
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
