"""The CSV files of data.binance.vision: prints and best quotes of spot and futures.

Whether a file has a header depends on its day and market, and so do its stamps: milliseconds, or,
for spot from 2025 on, microseconds. Both are found in the file. The clock is the venue's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bookflow._instrument import with_id
from bookflow._optional import need
from bookflow.errors import InputError
from bookflow.events import Events, Order
from bookflow.readers._csv import Column, CsvFile
from bookflow.readers._pieces import pieces
from bookflow.readers.tables import read_csv
from bookflow.readers.tardis import first_units

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument

__all__ = ["binance_depth_frame", "read_binance_csv"]

Kind = Literal["trades", "aggTrades", "bookTicker"]

# Columns in their order; spot has one more, whether a print was the best match.
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "trades": ("id", "price", "amount", "quote_value", "time", "is_buyer_maker"),
    "aggTrades": ("id", "price", "amount", "first_id", "last_id", "time", "is_buyer_maker"),
    "bookTicker": (
        "id",
        "bid_price",
        "bid_amount",
        "ask_price",
        "ask_amount",
        "time",
        "event_time",
    ),
}
_FIELDS: Final = {
    "price": "price",
    "size": "amount",
    "side": "is_buyer_maker",
    "bid_price": "bid_price",
    "bid_size": "bid_amount",
    "ask_price": "ask_price",
    "ask_size": "ask_amount",
    "ts": "time",
    "ts_venue": "time",
}
# If the buyer was the maker, the aggressor sold.
_WORDS: Final = {"side": {"true": "sell", "false": "buy"}}
_NAME: Final = re.compile(r"([A-Z0-9_]+)-(trades|aggTrades|bookTicker|bookDepth)-")
_SAMPLE: Final = 1 << 16
_SECOND: Final = 1_000_000_000
_DAYS: Final = (1_483_228_800, 4_102_444_800)
"""2017 to 2100, in seconds: other stamps are in another unit, or none."""


def read_binance_csv(
    path: "str | PathLike[str]",
    kind: Kind | None = None,
    *,
    instrument: "Instrument | None" = None,
    order: Order = "error",
    open_end: bool = False,
) -> Events:
    """A CSV file of data.binance.vision (plain, .zip, .gz), lazily.

    Parameters
    ----------
    path
        The file.
    kind
        "trades", "aggTrades" (prints of one order at one price as one) or "bookTicker" (best
        quotes). By default the file's name tells, such as ``BTCUSDT-trades-2024-01-01.zip``.
    instrument
        Its units. By default they are powers of ten that hold the first rows' digits and two more,
        and the symbol is that of the file's name.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late", which some files of quotes need.
    open_end
        Whether the last line is whole although no newline ends it; without this it is an error,
        unless the file is compressed.

    Notes
    -----
    The first row tells by its digits whether stamps are milliseconds or microseconds; one that is
    not between 2017 and 2100 in this unit is an error. Sizes of COIN-M futures are contracts.
    ``bookDepth`` has no prices and is no book: `binance_depth_frame`.
    """
    file = Path(path)
    found = _NAME.match(file.name)
    what = kind or (found[2] if found else "")
    if what not in _COLUMNS:
        rule = f"must be one of {', '.join(_COLUMNS)}, or be told by the file's name"
        if what == "bookDepth":
            rule = "has no prices and is no book: read it with binance_depth_frame"
        raise InputError(rule, source=file.name, field="kind", value=what)
    is_quotes = what == "bookTicker"
    lines = _first_lines(file)
    header = None if lines[0][0][:1].isdigit() else lines.pop(0)
    due = _COLUMNS[what]
    width = len(header or lines[0])
    if width not in (len(due), len(due) + (not is_quotes)):
        rule = f"has {width} columns, where {what} have {len(due)}"
        raise InputError(rule, source=file.name, row=0)
    names = [*due, "is_best_match"][:width]
    unit = _stamp_unit(lines, names.index("time"), file.name)
    if instrument is None:
        columns = [
            Column(name, "decimal" if name.endswith(("price", "amount")) else "text")
            for name in names
        ]
        instrument = first_units(names, lines, columns)
        if found:
            instrument = with_id(instrument, int(instrument.id), found[1])
    shown = names if header is None else header
    events = read_csv(
        file,
        instrument,
        kind="quotes" if is_quotes else "trades",
        columns={
            field: shown[names.index(name)] for field, name in _FIELDS.items() if name in names
        },
        words=None if is_quotes else _WORDS,
        names=names if header is None else None,
        open_end=open_end,
        ts_unit=unit,
        order=order,
    )
    return Events.lazy(_Dated(events, unit, file.name), instrument, source=file.name)


def binance_depth_frame(path: "str | PathLike[str]", *, open_end: bool = False) -> "pl.DataFrame":
    """A ``bookDepth`` file as a Polars frame: what rests within a percentage of the price.

    Stamps are UTC datetimes, numbers float64. It holds sums over a range of prices every half
    minute, no levels, so no book can be made of it.
    """
    polars = need("polars", "io")
    file = Path(path)
    names = ["timestamp", "percentage", "depth", "notional"]
    lines = _first_lines(file)
    columns = [Column("timestamp", "text"), *(Column(name, "decimal") for name in names[1:])]
    csv = CsvFile(
        file,
        columns,
        header=not lines[0][0][:1].isdigit(),
        is_whole=(lambda before, last: True) if open_end else None,
    )
    frames = list(csv.batches(1 << 20)) or [polars.DataFrame(schema=dict.fromkeys(names, str))]
    frame: pl.DataFrame = polars.concat(frames)
    times = frame["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    if times.null_count():
        row = int(times.is_null().arg_max() or 0)
        rule = "is no time such as 2024-01-31 00:00:30"
        raise InputError(
            rule, source=file.name, row=row, field="timestamp", value=frame["timestamp"][row]
        )
    return frame.with_columns(
        times.dt.replace_time_zone("UTC"), *(polars.col(name).cast(float) for name in names[1:])
    )


def _first_lines(path: Path) -> list[list[str]]:
    start = next(pieces(path, _SAMPLE), b"")[: 2 * _SAMPLE].removeprefix(b"\xef\xbb\xbf")
    if not start.strip():
        raise InputError("is empty", source=path.name)
    whole = start.rpartition(b"\n")[0] or start
    lines = [line.decode("utf-8", "replace").rstrip("\r") for line in whole.split(b"\n")]
    return [line.split(",") for line in lines if line]


def _stamp_unit(lines: list[list[str]], place: int, source: str) -> str:
    """What the first row's stamp counts, by its digits."""
    if not lines:
        return "ms"
    text = lines[0][place] if len(lines[0]) > place else ""
    for unit, digits in (("ms", 13), ("us", 16)):
        if text.isdigit() and len(text) == digits:
            return unit
    rule = "is neither milliseconds nor microseconds since 1970"
    raise InputError(rule, source=source, row=0, field="time", value=text)


@dataclass(frozen=True, slots=True)
class _Dated:
    """Events whose stamps must be of these days."""

    events: Events
    unit: str
    source: str

    def chunks(self, rows: int) -> Iterator[Events]:
        first_row = 0
        low, high = (day * _SECOND for day in _DAYS)
        for chunk in self.events.chunks(rows):
            stamps = chunk.columns["ts_venue"]
            assert stamps is not None
            odd = (stamps < low) | (stamps >= high)
            if odd.any():
                row = int(np.argmax(odd))
                value = int(stamps[row]) // (1_000_000 if self.unit == "ms" else 1_000)
                rule = f"is no time from 2017 to 2100 in {self.unit}, which the first row has"
                raise InputError(
                    rule, source=self.source, row=first_row + row, field="time", value=value
                )
            yield chunk
            first_row += len(chunk)
