"""The package's own events in Parquet, CSV and numpy files.

Parquet holds everything, the instrument in the file's metadata, sealed by a checksum. CSV has a
header of field names, with depth rows as bid_price_0, bid_size_0, ask_price_0, ask_size_0,
bid_price_1 ...; an empty cell is "none". `.npy` is the structured array of `Events.to_numpy`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bookflow._depth import DEPTH_FIELDS
from bookflow._from_table import Reading, numbered_levels
from bookflow._instrument import from_json, to_json
from bookflow._optional import need
from bookflow._table import NONE, Where
from bookflow.errors import InputError
from bookflow.events import FIELDS, OPTIONAL, Action, Events, Order
from bookflow.readers._csv import Column, CsvFile, head, refuse_cut_header
from bookflow.readers._decimal import decimal_text, exact_units
from bookflow.readers._guard import guarded, writing
from bookflow.readers._rows import Rows, Tables
from bookflow.readers._seal import BLANK, check_seal, seal

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument

__all__ = ["Parquet", "read_events", "write_csv", "write_npy", "write_parquet"]

_KEY: Final = "bookflow.instrument"
_FORMATS: Final = (".parquet", ".csv", ".npy")
_CODED: Final = ("action", "side")


def read_events(
    path: "str | PathLike[str]",
    instrument: "Instrument | None" = None,
    *,
    decimal: bool | None = None,
    columns: Mapping[str, str] | None = None,
    order: Order = "error",
) -> Events:
    """Events from a .parquet, .csv or .npy file, lazily.

    Parameters
    ----------
    path
        The file; its ending tells the format.
    instrument
        What the events are of. Parquet files written here know it: another symbol or tick may be
        given for them, but no other price or size unit, in which their numbers are.
    decimal
        Whether a CSV file's prices and sizes, those of its levels too, are decimals (in price and
        size) or integer units. By default the first lines tell: one number with a point or an
        exponent makes all of them decimals. A later line that differs is an error.
    columns
        The file's own names of fields, where they differ: ``{"ts": "time"}``.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".
    """
    file = Path(path)
    kind = file.suffix.lower()
    if decimal is not None and kind != ".csv":
        raise InputError("is for CSV files", source=file.name, field="decimal", value=decimal)
    if kind in _FORMATS and not file.stat().st_size:
        raise InputError("is empty", source=file.name)
    tables: Tables
    if kind == ".parquet":
        tables = Parquet(file)
    elif kind == ".csv":
        tables = _Csv(file, decimal, columns or {}, instrument)
    elif kind == ".npy":
        tables = _Npy(file)
    else:
        rule = f"must end in {', '.join(_FORMATS)}"
        raise InputError(rule, source=file.name, field="path", value=kind or file.name)
    known = instrument or tables.instrument
    if known is None:
        rule = "must be given: the file does not tell"
        raise InputError(rule, source=file.name, field="instrument")
    if instrument is not None and tables.instrument is not None:
        _same_units(instrument, tables.instrument, file.name)
    rows = Rows(file.name, tables.tables, Reading(known, columns=columns), order)
    return Events.lazy(rows, known, source=file.name)


def _same_units(given: "Instrument", own: "Instrument", source: str) -> None:
    for name in ("price_unit", "size_unit"):
        if getattr(given, name) != getattr(own, name):
            rule = f"is not the unit of the file's numbers, {getattr(own, name)}"
            raise InputError(rule, source=source, field=name, value=getattr(given, name))


class Parquet:
    """A Parquet file as frames."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._polars = need("polars", "io")
        check_seal(path)
        with guarded(path.name, "is no Parquet file"):
            text = self._polars.read_parquet_metadata(path).get(_KEY)
            self._count = (
                self._polars.scan_parquet(path).select(self._polars.len()).collect().item()
            )
            self.names: list[str] = list(self._polars.read_parquet_schema(path))
        self.instrument = None if text is None else from_json(text, path.name)

    def tables(self, rows: int) -> "Iterator[pl.DataFrame]":
        for start in range(0, self._count, rows):
            with guarded(self._path.name):
                table = self._polars.scan_parquet(self._path).slice(start, rows).collect()
            yield table


class _Npy:
    instrument: "Instrument | None" = None

    def __init__(self, path: Path) -> None:
        with guarded(path.name, "is no .npy file of numbers"):
            self._rows = np.load(path, mmap_mode="r", allow_pickle=False)
        if self._rows.ndim != 1:
            rule = f"must have 1 dimension, not {self._rows.ndim}"
            raise InputError(rule, source=path.name)

    def tables(self, rows: int) -> Iterator[object]:
        for start in range(0, len(self._rows), rows):
            yield self._rows[start : start + rows]


class _Csv:
    instrument: "Instrument | None" = None

    def __init__(
        self,
        path: Path,
        decimal: bool | None,
        columns: Mapping[str, str],
        units: "Instrument | None",
    ) -> None:
        names, sample, has_end = head(path)
        field_of = {name: field for field, name in columns.items()}
        levels = {name for level in numbered_levels(names) for name in level}
        levels.update(columns.get(field, field) for field in DEPTH_FIELDS)
        cells = [line.rstrip(b"\r").split(b",") for line in sample]
        priced = {
            i
            for i, name in enumerate(names)
            if name in levels or field_of.get(name, name) in ("price", "size")
        }
        if decimal is None:
            marks = (b".", b"e", b"E")
            seen = (line[i] for line in cells for i in priced if len(line) > i)
            decimal = any(mark in cell for cell in seen for mark in marks)
        described = []
        for i, name in enumerate(names):
            field = field_of.get(name, name)
            kind, empty = "text", True
            if i in priced:
                kind = "decimal" if decimal else "integer"
                empty = field != "size"
            elif field in _CODED:
                words = any(line[i][:1].isalpha() for line in cells if len(line) > i)
                kind = "text" if words else "integer"
                empty = False
            elif field in FIELDS:
                kind = "unsigned" if field == "order_id" else "integer"
                empty = field in ("ts_venue", "order_id")
            described.append(Column(name, kind, empty))
        absent = [n for n in FIELDS if n not in OPTIONAL and columns.get(n, n) not in names]
        if absent:
            rule = f"is no column of the header, which has {', '.join(names)[:200]}"
            raise InputError(rule, source=path.name, field=absent[0], value=columns.get(absent[0]))
        refuse_cut_header(path, has_end)
        self._file = CsvFile(path, described, header=True)
        self._units = units
        self._action, self._size = columns.get("action", "action"), columns.get("size", "size")
        prices = {columns.get(field, field) for field in ("price", "bid_price", "ask_price")}
        prices |= {price for level in numbered_levels(names) for price in level[::2]}
        self._decimals = {
            column.name: "price" if column.name in prices else "size"
            for column in described
            if column.kind == "decimal"
        }

    def tables(self, rows: int) -> Iterator[object]:
        first_row = 0
        for frame in self._file.batches(rows):
            yield frame.with_columns(
                self._in_units(frame, name, what, first_row)
                for name, what in self._decimals.items()
            )
            first_row += len(frame)

    def _in_units(self, frame: "pl.DataFrame", name: str, what: str, first_row: int) -> "pl.Series":
        assert self._units is not None
        where = Where(self._file.path.name, name, first_row)
        text = frame[name]
        unit = self._units.price_unit if what == "price" else self._units.size_unit
        if name != self._size:
            return exact_units(text, unit, what, where)
        # The size of a STATUS is its bits, which no unit changes.
        action = frame[self._action].cast(need("polars", "io").String)
        is_status = action.str.strip_chars().str.to_lowercase().is_in(["status", "10"])
        sizes = exact_units(text.set(is_status, None), unit, what, where)
        return sizes.zip_with(~is_status, exact_units(text.set(~is_status, None), "1", what, where))


def write_parquet(events: Events, path: "str | PathLike[str]") -> None:
    """Everything that `events` holds, in units, and the instrument."""
    file = Path(path)
    metadata = {
        _KEY: to_json(events.instrument),
        "bookflow.source": events.source,
        "bookflow.seal": BLANK,
    }
    with writing(file):
        events.to_polars().write_parquet(file, metadata=metadata)
    seal(file)


def write_csv(events: Events, path: "str | PathLike[str]", *, decimal: bool = False) -> None:
    """Text: integer units, or prices and sizes as decimals that read back exactly."""
    frame = events.to_polars()
    instrument = events.instrument
    is_status = need("polars", "io").Series(events.action == Action.STATUS)
    for name in frame.columns:
        kind = name.rstrip("_0123456789")
        values = frame[name]
        if kind.endswith("price") or name == "ts_venue":
            values = values.set(values == NONE, None)
        if decimal and kind.endswith("price"):
            values = decimal_text(values, instrument.price_unit)
        elif decimal and kind.endswith("size"):
            sizes = decimal_text(values, instrument.size_unit)
            values = (
                sizes.zip_with(~is_status, decimal_text(values, "1")) if name == "size" else sizes
            )
        frame = frame.with_columns(values)
    with writing(path):
        frame.write_csv(Path(path))


def write_npy(events: Events, path: "str | PathLike[str]") -> None:
    """The structured array of `Events.to_numpy`."""
    with open(path, "wb") as file:
        np.save(file, events.to_numpy(), allow_pickle=False)
