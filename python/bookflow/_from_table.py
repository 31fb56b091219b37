"""Event columns of a table of events, of quotes, of depth or of trades."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bookflow._depth import DEPTH_FIELDS, Depth
from bookflow._table import NONE, Array, Table
from bookflow.errors import InputError
from bookflow.events import (
    ACTION_WORDS,
    EVENT_DTYPE,
    FIELDS,
    OPTIONAL,
    Action,
    Flag,
)

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = [
    "KINDS",
    "Kind",
    "Reading",
    "depth_columns",
    "event_columns",
    "numbered_levels",
    "trade_columns",
]

Columns = dict[str, Array | None]
Kind = Literal["events", "trades", "quotes", "depth"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

SIDE_WORDS: Final = {
    "buy": 1,
    "b": 1,
    "bid": 1,
    "sell": 2,
    "s": 2,
    "a": 2,
    "ask": 2,
    "n": 0,
    "none": 0,
    "unknown": 0,
}

# Names of bid price, bid size, ask price and ask size of one level.
_LEVEL_NAMES: Final = (
    ("bid_price_{0}", "bid_size_{0}", "ask_price_{0}", "ask_size_{0}"),
    ("bid_px_{0:02d}", "bid_sz_{0:02d}", "ask_px_{0:02d}", "ask_sz_{0:02d}"),
    ("bid_px_{0}", "bid_sz_{0}", "ask_px_{0}", "ask_sz_{0}"),
    ("bids[{0}].price", "bids[{0}].amount", "asks[{0}].price", "asks[{0}].amount"),
)


def event_columns(
    data: object,
    instrument: "Instrument",
    columns: Mapping[str, str] | None,
    source: str,
    first_row: int = 0,
    ts_unit: str = "ns",
) -> tuple[Columns, Depth | None]:
    """A table of events: the fields of `EVENT_DTYPE`, and depth rows if it has them."""
    fields = (*FIELDS, *DEPTH_FIELDS)
    table = Table(data, columns=columns, fields=fields, source=source, first_row=first_row)
    action = table.codes("action", ACTION_WORDS, np.uint8)
    made: Columns = {
        "ts": table.times("ts", ts_unit),
        "action": action,
        "side": _sides(table),
        "price": table.prices("price", instrument),
        "size": table.sizes("size", instrument, codes=action == Action.STATUS),
    }
    for name in OPTIONAL:
        null = {"ts_venue": NONE, "order_id": 0}.get(name)
        if not table.has(name):
            made[name] = None
        elif name == "ts_venue" and ts_unit != "ns":
            made[name] = table.times(name, ts_unit)
        else:
            made[name] = table.integers(name, EVENT_DTYPE[name], null)
    table.refuse_misspelt(OPTIONAL)
    return made, _depth(table, instrument)


def depth_columns(
    data: object,
    instrument: "Instrument",
    levels: int,
    columns: Mapping[str, str] | None,
    prefix: str,
    ts_unit: str,
    source: str,
    first_row: int = 0,
) -> tuple[Columns, Depth | None]:
    """Quotes or depth: one event a row, whose cause is not known."""
    if levels < 1:
        raise InputError("must be at least 1", field="levels", value=levels)
    fields = ("ts", "ts_venue", "flags", *DEPTH_FIELDS)
    table = Table(data, columns=columns, fields=fields, source=source, first_row=first_row)
    made = _stamps(table, ts_unit)
    depth = _depth(table, instrument, prefix, levels)
    if depth is None:
        # No name fits: the message lists what the first one could have been.
        raise table.absent("bid_price", prefix + "bid_price")
    table.refuse_misspelt(("ts_venue",))
    rows = table.rows
    made |= {
        "action": np.full(rows, Action.QUOTE, np.uint8),
        "side": np.zeros(rows, np.uint8),
        "price": np.full(rows, NONE),
        "size": np.zeros(rows, np.int64),
    }
    return made, depth


def trade_columns(
    data: object,
    instrument: "Instrument",
    columns: Mapping[str, str] | None,
    ts_unit: str,
    source: str,
    first_row: int = 0,
) -> tuple[Columns, Depth | None]:
    """Prints, every one an atomic event."""
    fields = ("ts", "ts_venue", "flags", "price", "size", "side")
    table = Table(data, columns=columns, fields=fields, source=source, first_row=first_row)
    table.refuse_misspelt(("ts_venue", "side"))
    made = _stamps(table, ts_unit)
    made |= {
        "price": table.prices("price", instrument, missing=False),
        "size": table.sizes("size", instrument),
        "side": _sides(table) if table.has("side") else np.zeros(table.rows, np.uint8),
        "action": np.full(table.rows, Action.TRADE, np.uint8),
    }
    return made, None


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read: what its rows are, and what its columns are called."""

    instrument: "Instrument"
    kind: Kind = "events"
    columns: Mapping[str, str] | None = None
    prefix: str = ""
    levels: int = 10
    ts_unit: str = "ns"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"must be one of {', '.join(KINDS)}", field="kind", value=self.kind)

    def __call__(
        self, data: object, source: str, first_row: int = 0
    ) -> tuple[Columns, Depth | None]:
        """Columns and depth rows of the table, whose first row has this number in messages."""
        if self.kind == "events":
            return event_columns(
                data, self.instrument, self.columns, source, first_row, self.ts_unit
            )
        if self.kind == "trades":
            return trade_columns(
                data, self.instrument, self.columns, self.ts_unit, source, first_row
            )
        levels = 1 if self.kind == "quotes" else self.levels
        return depth_columns(
            data,
            self.instrument,
            levels,
            self.columns,
            self.prefix,
            self.ts_unit,
            source,
            first_row,
        )


def numbered_levels(names: list[str], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """The four column names of every level, best first, in the first way of naming that is there.

    Levels are counted from 0, or from 1 where there is no level 0. A level is there if any of its
    four names is, and those below the last are: a column that is not will be missed.
    """
    there = set(names)
    for pattern in _LEVEL_NAMES:
        levels = [tuple(prefix + n.format(i) for n in pattern) for i in range(len(there) + 1)]
        known = [i for i, level in enumerate(levels) if not there.isdisjoint(level)]
        if known and known[0] < 2:
            yield from levels[known[0] : known[-1] + 1]
            return


def _stamps(table: Table, ts_unit: str) -> Columns:
    flags = None
    # Only where the caller says so: a vendor's flags are other bits (Databento's 128 is its LAST).
    if table.renames("flags"):
        flags = table.integers("flags", np.uint16) | np.uint16(Flag.LAST)
    return {
        "ts": table.times("ts", ts_unit),
        "ts_venue": table.times("ts_venue", ts_unit) if table.has("ts_venue") else None,
        "flags": flags,
    }


def _sides(table: Table) -> NDArray[np.uint8]:
    """Codes, signs or text, as `Side`. 1 is the bid both as a code and as a sign."""
    field = "side"
    sides: Array = table.codes(field, SIDE_WORDS, np.int64)
    if not len(sides):
        return sides.astype(np.uint8)
    wrong = (sides < -1) | (sides > 2)
    if not wrong.any() and sides.min() < 0:
        # A column of signs has no code 2.
        wrong = sides == 2
    if wrong.any():
        row = int(np.argmax(wrong))
        rule = "must be a code (0 none, 1 bid or buy, 2 ask or sell), a sign (+1, -1) or text"
        raise table.where(field).fail(rule, row, int(sides[row]))
    return np.where(sides < 0, 2, sides).astype(np.uint8)


def _depth(
    table: Table, instrument: "Instrument", prefix: str = "", levels: int | None = None
) -> Depth | None:
    """The depth of a table's plain or numbered columns, or None if it has neither."""
    plain = [table.name(f) if table.has(f) else prefix + f for f in DEPTH_FIELDS]
    there = [name for name in plain if name in table.names]
    numbered = list(numbered_levels(table.names, prefix))[:levels]
    if not there or (numbered and len(there) < len(plain)):
        names = numbered
    elif table.ndim(there[0]) == 2:
        return _blocks(table, instrument, plain, levels)
    else:
        names = [tuple(plain)]
    return _levels(table, instrument, names) if names else None


def _blocks(table: Table, instrument: "Instrument", names: list[str], levels: int | None) -> Depth:
    blocks: list[Array] = []
    for price_name, size_name in (names[:2], names[2:]):
        price = table.prices(price_name, instrument, ndim=2)[:, :levels]
        size = table.sizes(size_name, instrument, ndim=2, missing=True)[:, :levels]
        if price.shape != size.shape:
            raise table.where(size_name).fail("must have the price's levels", None, size.shape)
        blocks += _known(price, size, table, size_name)
    return Depth(*blocks)


def _levels(table: Table, instrument: "Instrument", names: list[tuple[str, ...]]) -> Depth:
    blocks: list[Array] = []
    for side in (0, 2):
        known = []
        for level in names:
            price = table.prices(level[side], instrument)
            size = table.sizes(level[side + 1], instrument, missing=True)
            known.append(_known(price, size, table, level[side + 1]))
        blocks += [np.stack(column, axis=1) for column in zip(*known, strict=True)]
    return Depth(*blocks)


def _known(price: Array, size: Array, table: Table, size_name: str) -> tuple[Array, Array]:
    """Price and size, both of nothing where a level is empty."""
    unknown = size == NONE
    lost = unknown & (price != NONE)
    if lost.any():
        place, row = table.where(size_name).at(int(np.argmax(lost)), lost.shape)
        raise place.fail("is missing where there is a price", row)
    if unknown.any():
        size = np.where(unknown, 0, size)
    empty = size == 0
    return (np.where(empty, NONE, price) if empty.any() else price), size
