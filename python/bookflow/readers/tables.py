"""Any table in a CSV or Parquet file as events, when told which column is what.

For files of vendors and papers that have no reader of their own. Prices and sizes are amounts, and
converted exactly: text digit by digit, never through a float.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bookflow._depth import DEPTH_FIELDS
from bookflow._from_table import KINDS, Kind, Reading, numbered_levels
from bookflow._optional import need
from bookflow._table import Where
from bookflow.errors import InputError
from bookflow.events import FIELDS, Events, Order
from bookflow.readers._csv import Column, CsvFile, head, refuse_cut_header, taken
from bookflow.readers._decimal import exact_units
from bookflow.readers._rows import Rows
from bookflow.readers.files import Parquet

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument

__all__ = ["read_csv"]

_UNITS: Final = {"s": 9, "ms": 6, "us": 3, "ns": 0}
_TIMES: Final = ("ts", "ts_venue")
_PRICES: Final = ("price", "bid_price", "ask_price")
_SIZES: Final = ("size", "bid_size", "ask_size")
_TEXT: Final = ("action", "side")
_FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "events": FIELDS,
    "trades": ("ts", "ts_venue", "flags", "price", "size", "side"),
    "quotes": ("ts", "ts_venue", "flags", *DEPTH_FIELDS),
    "depth": ("ts", "ts_venue", "flags", *DEPTH_FIELDS),
}
_DATE: Final = r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))? ?(?:Z|UTC|([+-]\d\d):?(\d\d))?$"
_PARQUET: Final = b"PAR1"


def read_csv(
    path: "str | PathLike[str]",
    instrument: "Instrument",
    *,
    kind: Kind = "events",
    columns: Mapping[str, str] | None = None,
    words: Mapping[str, Mapping[str, str]] | None = None,
    split: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] | None = None,
    open_end: bool = False,
    float_digits: int | None = None,
    ts_unit: str = "ns",
    prefix: str = "",
    levels: int = 10,
    order: Order = "error",
) -> Events:
    """Events from a table in a CSV (plain, .gz, .xz, .zst) or Parquet file, lazily.

    Parameters
    ----------
    path
        The file; its first bytes tell what it is.
    instrument
        Units of price and size. Numbers of the file are amounts (dollars, coins), not units.
    kind
        What a row is: an event (action, side, price, size ...), a print, a quote, or the best
        levels. Fields and names of levels are those of `Events.from_numpy`, `from_trades`,
        `from_quotes` and `from_depth`.
    columns
        The file's column of each field, where its name differs: ``{"ts": "time"}``. A text that
        begins with ``=`` stands for itself in every row: ``{"action": "=level"}``.
    words
        What the cells of a field say, where they differ from our words:
        ``{"side": {"1": "sell", "0": "buy"}}``.
    split
        Columns that hold several values with something between, and what these are called:
        ``{"bid": ("_", "bid_price", "bid_size")}`` for cells such as ``2271.58_1.6477``.
    names
        The columns of a CSV file that has no header.
    open_end
        Whether a CSV file's last line is whole although no newline ends it, as some writers leave
        it. Nobody can tell it from one that was cut, so without this it is an error.
    float_digits
        Significant digits, at most 15, that a Parquet file's float prices and sizes are meant to
        have, if its writer did sums with them: 0.00031099999999999997 is 0.000311 with 15. By
        default a float which is not the nearest to a decimal is an error.
    ts_unit
        What numbers in ``ts`` and ``ts_venue`` count: "s", "ms", "us" or "ns", also with decimals.
        Dates such as ``2024-10-21T11:54:29.221Z`` are known by themselves; without a zone they are
        UTC. Digits beyond nanoseconds are cut off and counted as "truncated_digits".
    prefix, levels
        Of numbered levels, as `Events.from_depth` takes them.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".
    """
    file = Path(path)
    if kind not in KINDS:
        raise InputError(f"must be one of {', '.join(KINDS)}", field="kind", value=kind)
    if ts_unit not in _UNITS:
        raise InputError(f"must be one of {', '.join(_UNITS)}", field="ts_unit", value=ts_unit)
    if float_digits is not None and not 1 <= float_digits <= 15:
        raise InputError("must be 1 to 15", field="float_digits", value=float_digits)
    with open(file, "rb") as opened:
        is_parquet = opened.read(4) == _PARQUET
    if is_parquet and names is not None:
        raise InputError("are in the file", source=file.name, field="names")
    named = dict(columns or {})
    constants = {f: text[1:] for f, text in named.items() if text.startswith("=")}
    for field in constants:
        named[field] = f"={field}"
    for field in (*named, *(words or {})):
        if field not in _FIELDS[kind]:
            rule = f"is no field of {kind}, which are {', '.join(_FIELDS[kind])}"
            raise InputError(rule, source=file.name, field="columns", value=field)
    parts = {name: tuple(value) for name, value in (split or {}).items()}
    for name, (mark, *made) in parts.items():
        if not mark or not made:
            rule = "must be what stands between, and the names of the parts"
            raise InputError(rule, source=file.name, field="split", value=name)
    tables: _Csv | Parquet
    if is_parquet:
        tables = Parquet(file)
        there = list(tables.names)
    else:
        there = list(names) if names is not None else _header(file)
        tables = _Csv(file, there, names is None, open_end)
    for name in parts:
        if name not in there:
            rule = f"is no column; there are {', '.join(there)[:200]}"
            raise InputError(rule, source=file.name, field="split", value=name)
    made_names = [part for _, *made in parts.values() for part in made]
    shown = [*there, *made_names, *(named[field] for field in constants)]
    source = _Mapped(
        tables=tables,
        source=file.name,
        instrument=instrument,
        # A vendor's flags are other bits than ours, so of these only those that are named.
        name_of={
            field: named.get(field, field)
            for field in _FIELDS[kind]
            if kind == "events" or field != "flags" or field in named
        },
        constants=constants,
        words={f: {k.lower(): v for k, v in w.items()} for f, w in (words or {}).items()},
        parts=parts,
        levels=list(numbered_levels(shown, prefix))[:levels] if kind in ("quotes", "depth") else [],
        prefix=prefix,
        ts_digits=_UNITS[ts_unit],
        float_digits=float_digits,
        has_header=names is None,
        counts={},
    )
    own = {field: name for field, name in named.items() if name in shown}
    absent = {field: name for field, name in named.items() if name not in shown}
    for field, name in absent.items():
        rule = f"is no column; there are {', '.join(there)[:200]}"
        raise InputError(rule, source=file.name, field=field, value=name)
    reading = Reading(instrument, kind, own, prefix, levels)
    return Events.lazy(_Chunks(source, reading, order), instrument, source=file.name)


def _header(path: Path) -> list[str]:
    names, _, has_end = head(path)
    refuse_cut_header(path, has_end)
    return names


class _Csv:
    """A CSV file as frames of text."""

    def __init__(self, path: Path, names: Sequence[str], has_header: bool, open_end: bool) -> None:
        columns = [Column(name, "text", empty=True) for name in names]
        self._file = CsvFile(path, columns, header=has_header, is_whole=taken(open_end))

    def tables(self, rows: int) -> "Iterator[pl.DataFrame]":
        return self._file.batches(rows)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The file's events, with what the conversion counted, read anew by every call of `chunks`."""

    mapped: "_Mapped"
    reading: Reading
    order: Order

    def chunks(self, rows: int) -> Iterator[Events]:
        mapped = replace(self.mapped, counts={})
        source = Rows(mapped.source, mapped, self.reading, self.order)
        for events in source.chunks(rows):
            for name, count in mapped.counts.items():
                events._counts[name] = events._counts.get(name, 0) + count
            mapped.counts.clear()
            yield events


@dataclass(slots=True)
class _Mapped:
    """Tables whose cells are what the fields of events are."""

    tables: "_Csv | Parquet"
    source: str
    instrument: "Instrument"
    name_of: dict[str, str]
    constants: dict[str, str]
    words: dict[str, dict[str, str]]
    parts: dict[str, tuple[str, ...]]
    levels: list[tuple[str, ...]]
    prefix: str
    ts_digits: int
    float_digits: int | None
    has_header: bool
    counts: dict[str, int]

    def __call__(self, rows: int) -> Iterator[object]:
        first_row = 0
        for frame in self.tables.tables(rows):
            yield self._converted(frame, first_row)
            first_row += len(frame)

    def _converted(self, frame: "pl.DataFrame", first_row: int) -> "pl.DataFrame":
        polars = need("polars", "io")
        text = polars.String
        for name, (mark, *made) in self.parts.items():
            frame = frame.with_columns(self._split(frame, name, mark, made, first_row))
        for field, value in self.constants.items():
            frame = frame.with_columns(polars.lit(value, text).alias(self.name_of[field]))
        for field, words in self.words.items():
            name = self.name_of[field]
            if name in frame.columns:
                cells = frame[name].cast(text).str.strip_chars().str.to_lowercase()
                frame = frame.with_columns(cells.replace(words).alias(name))
        done = []
        for name in self._columns(_TIMES, frame):
            done.append(self._times(frame[name], self._where(name, first_row)))
        for what, at in (("price", 0), ("size", 1)):
            fields = _PRICES if what == "price" else _SIZES
            named = self._columns(fields, frame) + [
                name for level in self.levels for name in (level[at], level[at + 2])
            ]
            unit = getattr(self.instrument, f"{what}_unit")
            for name in dict.fromkeys(named):
                amounts = self._amounts(frame, name)
                if amounts is not None:
                    done.append(exact_units(amounts, unit, what, self._where(name, first_row)))
        for name in self._columns(("order_id", "flags", "instrument"), frame):
            if frame[name].dtype == text:
                kind = polars.UInt64 if name == self.name_of.get("order_id") else polars.Int64
                done.append(self._integers(frame[name], kind, self._where(name, first_row)))
        for name in self._columns(_TEXT, frame):
            cells = frame[name].cast(text).str.strip_chars()
            # Codes and signs are numbers, if all of the column are.
            numbers = cells.cast(polars.Int64, strict=False)
            done.append(cells if numbers.null_count() else numbers)
        return frame.with_columns(done)

    def _amounts(self, frame: "pl.DataFrame", name: str) -> "pl.Series | None":
        """A column's numbers as text, or None for floats that are taken as they are."""
        if name not in frame.columns:
            return None
        polars = need("polars", "io")
        cells = frame[name]
        if not cells.dtype.is_float():
            return cells.cast(polars.String)
        if self.float_digits is None:
            return None
        cells = cells.fill_nan(None)
        texts = [None if x is None else f"{x:.{self.float_digits}g}" for x in cells.to_list()]
        amounts: pl.Series = polars.Series(name, texts, polars.String)
        return amounts

    def _columns(self, fields: Sequence[str], frame: "pl.DataFrame") -> list[str]:
        named = [self.name_of[field] for field in fields if field in self.name_of]
        plain = [self.prefix + field for field in fields if field in DEPTH_FIELDS]
        return [name for name in dict.fromkeys([*named, *plain]) if name in frame.columns]

    def _where(self, name: str, first_row: int) -> Where:
        return Where(self.source, name, first_row)

    def _integers(self, cells: "pl.Series", kind: Any, where: Where) -> "pl.Series":
        numbers: pl.Series = cells.str.strip_chars().cast(kind, strict=False)
        wrong = numbers.is_null() & cells.is_not_null()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise where.fail("is no integer that fits", row, cells[row])
        return numbers

    def _split(
        self, frame: "pl.DataFrame", name: str, mark: str, made: Sequence[str], first_row: int
    ) -> "list[pl.Series]":
        cells = frame[name].cast(need("polars", "io").String)
        pieces = cells.str.split(mark)
        wrong = (pieces.list.len() != len(made)).fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            rule = f'must be {len(made)} values with "{mark}" between'
            raise self._where(name, first_row).fail(rule, row, cells[row])
        parts = [pieces.list.get(i).alias(part) for i, part in enumerate(made)]
        return [part.set(part == "", None) for part in parts]

    def _times(self, cells: "pl.Series", where: Where) -> "pl.Series":
        """Nanoseconds since the epoch, or the datetimes that they are."""
        polars = need("polars", "io")
        if cells.dtype.is_temporal():
            return cells
        if cells.dtype.is_integer():
            cells = cells.cast(polars.String)
        elif cells.dtype != polars.String:  # a float does not hold nanoseconds
            raise where.wrong_type(
                f"{cells.dtype} is no exact time: text, integers or datetimes are"
            )
        known = cells.drop_nulls()
        if len(known) and re.match(r"\d{4}-", known[0].strip()):
            return self._dates(cells, where)
        digits = self.ts_digits
        # What is finer than a nanosecond is cut off: no clock knows it.
        whole = f"^ *-?[0-9]+[.][0-9]{{{digits}}}"
        long = cells.str.contains(f"{whole}[0-9]*[1-9]").fill_null(False)
        if count := int(long.sum()):
            self.counts["truncated_digits"] = self.counts.get("truncated_digits", 0) + count
        cut = cells.str.replace(f"({whole})[0-9]+$", "${1}")
        return exact_units(cut, f"1e-{digits}", "time", where)

    def _dates(self, cells: "pl.Series", where: Where) -> "pl.Series":
        polars = need("polars", "io")
        groups = cells.str.strip_chars().str.extract_groups(_DATE).struct.unnest()
        stamp = (groups["1"] + " " + groups["2"]).str.to_datetime(
            "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False
        )
        wrong = stamp.is_null() & cells.is_not_null()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            rule = "is no date such as 2024-10-21T11:54:29.221Z"
            raise where.fail(rule, row, cells[row])
        digits = groups["3"].fill_null("")
        if count := int((digits.str.slice(9).str.strip_chars("0") != "").sum()):
            self.counts["truncated_digits"] = self.counts.get("truncated_digits", 0) + count
        nanos = digits.str.slice(0, 9).str.pad_end(9, "0").cast(polars.Int64)
        hours, minutes = (groups[g].cast(polars.Int64).fill_null(0) for g in ("4", "5"))
        sign = (groups["4"].str.starts_with("-").fill_null(False)).cast(polars.Int64) * -2 + 1
        offset = (hours * 60 + sign * minutes) * 60
        seconds = stamp.dt.epoch("s") - offset
        made: pl.Series = (seconds * 1_000_000_000 + nanos).alias(cells.name)
        return made
