"""The package's own events in Parquet, CSV and numpy files.

Parquet holds everything, the instrument in the file's metadata, sealed by a checksum. CSV has a
header of field names, with depth rows as bid_price_0, bid_size_0, ask_price_0, ask_size_0,
bid_price_1 ...; an empty cell is "none". `.npy` is the structured array of `Events.to_numpy`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from bookflow._from_table import event_columns, numbered_levels
from bookflow._instrument import from_json, to_json
from bookflow._optional import need
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import FIELDS, OPTIONAL, Action, Events, Order, in_order
from bookflow.readers._csv import LONGEST_LINE, Column, CsvFile
from bookflow.readers._guard import guarded
from bookflow.readers._seal import BLANK, check_seal, seal

if TYPE_CHECKING:
    from os import PathLike

    from bookflow._core import Instrument

__all__ = ["read_events", "write_csv", "write_npy", "write_parquet"]

_KEY: Final = "bookflow.instrument"
_FORMATS: Final = (".parquet", ".csv", ".npy")
_CODED: Final = ("action", "side")
_SAMPLE: Final = 1 << 16


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
        What the events are of. Parquet files written here know it.
    decimal
        Whether a CSV file's prices and sizes are decimals (in price and size) or integer units.
        By default the first lines tell, and a later line that differs is an error.
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
    tables: _Tables
    if kind == ".parquet":
        tables = _Parquet(file)
    elif kind == ".csv":
        tables = _Csv(file, decimal, columns or {})
    elif kind == ".npy":
        tables = _Npy(file)
    else:
        rule = f"must end in {', '.join(_FORMATS)}"
        raise InputError(rule, source=file.name, field="path", value=kind or file.name)
    known = instrument or tables.instrument
    if known is None:
        rule = "must be given: the file does not tell"
        raise InputError(rule, source=file.name, field="instrument")
    rows = _Rows(file.name, tables, known, columns, order)
    return Events.lazy(rows, known, source=file.name)


class _Tables(Protocol):
    """A file as tables of consecutive rows."""

    instrument: "Instrument | None"

    def tables(self, rows: int) -> Iterator[object]:
        """From the start, `rows` at a time."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The file's events, read from the start by every call of `chunks`."""

    source: str
    tables: _Tables
    instrument: "Instrument"
    columns: Mapping[str, str] | None
    order: Order

    def chunks(self, rows: int) -> Iterator[Events]:
        last_ts, first_row, after_delete = NONE, 0, False
        for table in self.tables.tables(rows):
            made, depth = event_columns(
                table, self.instrument, self.columns, self.source, first_row
            )
            counts: dict[str, int] = {}
            ts = made["ts"]
            assert ts is not None
            made["ts"], new_last = in_order(ts, self.order, counts, last_ts)
            events = Events(made, self.instrument, depth=depth, source=self.source, counts=counts)
            events.check(first_row, last_ts, after_delete=after_delete)
            yield events
            last_ts = new_last
            first_row += len(events)
            after_delete = bool(len(events) and events.action[-1] == Action.DELETE)


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._polars = need("polars", "io")
        check_seal(path)
        with guarded(path.name, "is no Parquet file"):
            text = self._polars.read_parquet_metadata(path).get(_KEY)
            self._count = (
                self._polars.scan_parquet(path).select(self._polars.len()).collect().item()
            )
        self.instrument = None if text is None else from_json(text, path.name)

    def tables(self, rows: int) -> Iterator[object]:
        for start in range(0, self._count, rows):
            with guarded(self._path.name):
                table = self._polars.scan_parquet(self._path).slice(start, rows).collect()
            yield table


class _Npy:
    instrument: "Instrument | None" = None

    def __init__(self, path: Path) -> None:
        with guarded(path.name, "is no .npy file of numbers"):
            self._rows = np.load(path, mmap_mode="r", allow_pickle=False)

    def tables(self, rows: int) -> Iterator[object]:
        for start in range(0, len(self._rows), rows):
            yield self._rows[start : start + rows]


class _Csv:
    instrument: "Instrument | None" = None

    def __init__(self, path: Path, decimal: bool | None, columns: Mapping[str, str]) -> None:
        with open(path, "rb") as file:
            header = file.readline(LONGEST_LINE).removeprefix(b"\xef\xbb\xbf")
            sample = file.read(_SAMPLE).rpartition(b"\n")[0].split(b"\n")
        names = header.decode("utf-8", "replace").rstrip("\r\n").split(",")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError("names a column twice", source=path.name, field="header", value=twice)
        field_of = {name: field for field, name in columns.items()}
        levels = {name for level in numbered_levels(names) for name in level}
        cells = [line.rstrip(b"\r").split(b",") for line in sample]
        described = []
        for i, name in enumerate(names):
            field = field_of.get(name, name)
            seen = [line[i] for line in cells if len(line) > i]
            kind, empty = "text", True
            if field in ("price", "size") or name in levels:
                has_point = any(b"." in cell or b"e" in cell for cell in seen)
                kind = "decimal" if (has_point if decimal is None else decimal) else "integer"
                empty = field != "size"
            elif field in _CODED:
                kind = "text" if any(cell[:1].isalpha() for cell in seen) else "integer"
                empty = False
            elif field in FIELDS:
                kind = "unsigned" if field == "order_id" else "integer"
                empty = field in ("ts_venue", "order_id")
            described.append(Column(name, kind, empty))
        absent = [n for n in FIELDS if n not in OPTIONAL and columns.get(n, n) not in names]
        if absent:
            rule = f"is no column of the header, which has {', '.join(names)[:200]}"
            raise InputError(rule, source=path.name, field=absent[0], value=columns.get(absent[0]))
        self._file = CsvFile(path, described, header=True)

    def tables(self, rows: int) -> Iterator[object]:
        yield from self._file.batches(rows)


def write_parquet(events: Events, path: "str | PathLike[str]") -> None:
    """Everything that `events` holds, in units, and the instrument."""
    file = Path(path)
    metadata = {
        _KEY: to_json(events.instrument),
        "bookflow.source": events.source,
        "bookflow.seal": BLANK,
    }
    events.to_polars().write_parquet(file, metadata=metadata)
    seal(file)


def write_csv(events: Events, path: "str | PathLike[str]", *, decimal: bool = False) -> None:
    """Text: integer units, or prices and sizes as decimals that read back exactly."""
    polars = need("polars", "io")
    frame = events.to_polars()
    instrument = events.instrument
    for name in frame.columns:
        kind = name.rstrip("_0123456789")
        values = frame[name]
        none = values == NONE if kind.endswith("price") or name == "ts_venue" else None
        if decimal and kind.endswith("price"):
            values = polars.Series(name, instrument.price(values.to_numpy()))
        elif decimal and kind.endswith("size"):
            sizes = instrument.size(values.to_numpy())
            if name == "size":
                sizes = np.where(events.action == Action.STATUS, values.to_numpy(), sizes)
            values = polars.Series(name, sizes)
        if none is not None:
            values = values.set(none, None)
        frame = frame.with_columns(values)
    frame.write_csv(Path(path))


def write_npy(events: Events, path: "str | PathLike[str]") -> None:
    """The structured array of `Events.to_numpy`."""
    with open(path, "wb") as file:
        np.save(file, events.to_numpy(), allow_pickle=False)
