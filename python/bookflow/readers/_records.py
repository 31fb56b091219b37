"""DBN records as event columns, whole chunks at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import Action, Depth, Flag, Side, Status
from bookflow.readers._dbn import Records

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["F_BAD_TS", "F_LAST", "F_SNAPSHOT", "Conversion", "fills", "with_moved_ends"]

F_LAST: Final = 128
F_TOB: Final = 64
F_SNAPSHOT: Final = 32
F_BAD_TS: Final = 8
F_MAYBE_BAD_BOOK: Final = 4

_UNDEFINED_PRICE: Final = 2**63 - 1
_UNDEFINED_TIME: Final = 2**64 - 1
_NANO: Final = Fraction(1, 10**9)
_UNKNOWN: Final = 255

# What a status' action means for trading; 255: it says nothing of it.
_NO_CHANGE: Final = 255
_TRADING: Final = np.array(
    [
        _NO_CHANGE,  # none
        Status.AUCTION,  # pre-open
        Status.AUCTION,  # pre-cross
        Status.AUCTION,  # quoting, not trading
        Status.AUCTION,  # cross
        Status.AUCTION,  # opening rotation
        Status.AUCTION,  # new price indication
        0,  # trading
        Status.HALTED,  # halt
        Status.HALTED,  # pause
        Status.HALTED,  # suspend
        Status.AUCTION,  # pre-close
        Status.HALTED,  # close
        Status.HALTED,  # post-close
        _NO_CHANGE,  # change of a short sale restriction
        Status.HALTED,  # not available for trading
    ],
    np.int64,
)

_ACTIONS: Final = {
    b"A": Action.ADD,
    b"C": Action.CANCEL,
    b"M": Action.MODIFY,
    b"R": Action.CLEAR,
    b"T": Action.TRADE,
}
_SIDES: Final = {b"B": Side.BID, b"A": Side.ASK, b"N": Side.NONE}
_DROPPED: Final = (b"F", b"N")


def _code_table(codes: Mapping[bytes, int]) -> NDArray[np.uint8]:
    table = np.full(256, _UNKNOWN, np.uint8)
    for letter, code in codes.items():
        table[letter[0]] = code
    return table


_ACTION_OF: Final = _code_table(_ACTIONS)
# In MBP a record may have no action: then it is a book whose cause is not known.
_ACTION_OR_NONE: Final = _code_table({**_ACTIONS, b"N": Action.QUOTE})
_SIDE_OF: Final = _code_table(_SIDES)
_FLAGS_OF: Final = np.array(
    [
        (Flag.LAST if bits & F_LAST else 0)
        | (Flag.SNAPSHOT if bits & F_SNAPSHOT else 0)
        | (Flag.GAP if bits & F_MAYBE_BAD_BOOK else 0)
        for bits in range(256)
    ],
    np.uint16,
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """From records of one schema to event columns in an instrument's units."""

    source: str
    schema: str
    time: str
    instrument: "Instrument"

    def __call__(
        self, records: Records, started: set[int], gaps: set[int]
    ) -> tuple[dict[str, Array], Depth | None, NDArray[np.int64]]:
        """Columns, depth rows, and the record that each event comes from.

        `started` holds the instruments whose book has begun, and gets those that begin here;
        `gaps` those with a gap before their next event, which these records may not hold.
        """
        if self.schema == "status":
            return self._statuses(records)
        flags = _FLAGS_OF[records.values["flags"]]
        if self.schema == "mbo":
            order = np.argsort(records.values["instrument_id"], kind="stable")
            flags, waiting = with_moved_ends(records.values, flags, order)
            flags |= fills(records.values, order)
            kept = ~np.isin(records.values["action"], _DROPPED)
            records = Records(records.values[kept], records.rows[kept], records.others)
            flags = flags[kept]
        _mark(gaps, records.values["instrument_id"], flags)
        if self.schema == "mbo":
            gaps |= waiting
        columns = self._common(records)
        columns["flags"] = flags
        if self.schema == "mbo":
            self._orders(columns, records)
            starts = _starts(columns, started)
            if len(starts):
                rows = np.insert(records.rows, starts, records.rows[starts])
                return _with_status(columns, starts), None, rows
            return columns, None, records.rows
        if self.schema in ("trades", "tbbo"):
            # Of what happened these records are the prints alone, each of them whole.
            wrong = columns["action"] != Action.TRADE
            self._rule(wrong, records, "action", f"must be T in {self.schema}")
            columns["flags"] = (flags & np.uint16(Flag.GAP)) | np.uint16(Flag.LAST)
        if self.schema == "trades":
            return columns, None, records.rows
        self._causes(columns)
        return columns, self._depth(records), records.rows

    def _statuses(self, records: Records) -> tuple[dict[str, Array], None, NDArray[np.int64]]:
        action = records.values["action"].astype(np.int64)
        self._rule(action >= len(_TRADING), records, "action", "is not known")
        bits = _TRADING[action]
        kept = bits != _NO_CHANGE
        records = Records(records.values[kept], records.rows[kept], records.others)
        rows = len(records.values)
        columns: dict[str, Array] = {
            "ts": self._times(records, "ts_recv" if self.time == "received" else "ts_event"),
            "ts_venue": self._venue(records),
            "price": np.full(rows, NONE),
            "size": bits[kept],
            "instrument": records.values["instrument_id"].copy(),
            "action": np.full(rows, Action.STATUS, np.uint8),
            "side": np.zeros(rows, np.uint8),
            "flags": np.full(rows, Flag.LAST, np.uint16),
        }
        return columns, None, records.rows

    def _venue(self, records: Records) -> NDArray[np.int64]:
        stamps = records.values["ts_event"]
        return np.where(stamps == _UNDEFINED_TIME, NONE, stamps.astype(np.int64))

    def _common(self, records: Records) -> dict[str, Array]:
        values = records.values
        table = _ACTION_OF if self.schema == "mbo" else _ACTION_OR_NONE
        action = self._codes(records, "action", table)
        columns = {
            "ts": self._times(records, "ts_recv" if self.time == "received" else "ts_event"),
            "ts_venue": self._venue(records),
            "price": self._prices(records, "price"),
            "size": self._sizes(records, "size"),
            "instrument": values["instrument_id"].copy(),
            "action": action,
            "side": self._codes(records, "side", _SIDE_OF),
        }
        clear = action == Action.CLEAR
        columns["side"][clear] = Side.NONE
        columns["price"][clear] = NONE
        columns["size"][clear] = 0
        return columns

    def _orders(self, columns: dict[str, Array], records: Records) -> None:
        """What MBO has more: order ids, and records that replace a whole side."""
        action = columns["action"]
        order_id = records.values["order_id"].copy()
        order_id[(action == Action.CLEAR) | (action == Action.TRADE)] = 0
        places = (action == Action.ADD) | (action == Action.MODIFY)
        top = places & ((records.values["flags"] & F_TOB) != 0)
        action[top] = Action.QUOTE
        order_id[top] = 0
        columns["size"][top & (columns["price"] == NONE)] = 0
        columns["order_id"] = order_id

    def _causes(self, columns: dict[str, Array]) -> None:
        unknown = columns["action"] == Action.QUOTE
        columns["side"][unknown] = Side.NONE
        columns["price"][unknown] = NONE
        columns["size"][unknown] = 0

    def _depth(self, records: Records) -> Depth:
        levels = sum(name.startswith("bid_px_") for name in records.values.dtype.names or ())
        blocks = []
        for side in ("bid", "ask"):
            names = [(f"{side}_px_{i:02d}", f"{side}_sz_{i:02d}") for i in range(levels)]
            price = np.stack([self._prices(records, px) for px, _ in names], axis=1)
            size = np.stack([self._sizes(records, sz) for _, sz in names], axis=1)
            price[size == 0] = NONE
            blocks += [price, size]
        return Depth(*blocks)

    def _codes(self, records: Records, field: str, table: Array) -> Array:
        codes = table[np.ascontiguousarray(records.values[field]).view(np.uint8)]
        self._rule(codes == _UNKNOWN, records, field, "is not known")
        return codes

    def _times(self, records: Records, field: str) -> NDArray[np.int64]:
        times = records.values[field]
        self._rule(times > np.uint64(2**63 - 1), records, field, "is no time")
        return times.astype(np.int64)

    def _prices(self, records: Records, field: str) -> NDArray[np.int64]:
        nanos = records.values[field]
        undefined = nanos == _UNDEFINED_PRICE
        unit = Fraction(self.instrument.price_unit)
        units = self._scaled(np.where(undefined, 0, nanos), _NANO / unit, records, field)
        units[undefined] = NONE
        return units

    def _sizes(self, records: Records, field: str) -> NDArray[np.int64]:
        sizes = records.values[field].astype(np.int64)
        return self._scaled(sizes, 1 / Fraction(self.instrument.size_unit), records, field)

    def _scaled(
        self, values: NDArray[np.int64], factor: Fraction, records: Records, field: str
    ) -> NDArray[np.int64]:
        if factor == 1:
            return values.copy() if values.base is not None else values
        finer = values % factor.denominator != 0
        self._rule(finer, records, field, "is finer than the instrument's unit")
        whole = values // factor.denominator
        limit = (2**63 - 1) // factor.numerator
        self._rule(np.abs(whole) > limit, records, field, "does not fit the instrument's units")
        return whole * np.int64(factor.numerator)

    def _rule(self, wrong: Array, records: Records, field: str, rule: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            value = records.values[field][row].item()
            raise InputError(
                rule,
                source=self.source,
                row=int(records.rows[row]),
                field=field,
                value=value.decode("latin-1") if isinstance(value, bytes) else value,
            )


def _groups(values: Array, order: Array) -> tuple[Array, Array]:
    """Instrument and number of the atomic event, for the records in `order` (by instrument)."""
    last = (values["flags"][order] & F_LAST) != 0
    return values["instrument_id"][order], np.cumsum(last) - last


def _mark(gaps: set[int], instrument: Array, flags: Array) -> None:
    """GAP at the first record of each instrument of `gaps` that has one, and is then done with."""
    for number in list(gaps):
        rows = np.flatnonzero(instrument == number)
        if len(rows):
            flags[rows[0]] |= np.uint16(Flag.GAP)
            gaps.remove(number)


def with_moved_ends(values: Array, flags: Array, order: Array) -> tuple[Array, set[int]]:
    """Flags without the dropped records: their end of an event goes back, their gap goes on.

    Also the instruments whose gap has no record left to go on to.
    """
    dropped = np.isin(values["action"][order], _DROPPED)
    if not dropped.any():
        return flags, set()
    instrument, group = _groups(values, order)
    moved = flags[order]
    place = np.arange(len(order))
    before = np.maximum.accumulate(np.where(dropped, -1, place))
    after = np.minimum.accumulate(np.where(dropped, len(order), place)[::-1])[::-1]
    ends = np.flatnonzero(dropped & ((moved & Flag.LAST) != 0) & (before >= 0))
    to = before[ends]
    ends = ends[(instrument[ends] == instrument[to]) & (group[ends] == group[to])]
    moved[before[ends]] |= np.uint16(Flag.LAST)
    gaps = np.flatnonzero(dropped & ((moved & Flag.GAP) != 0))
    # Past the end is no instrument's: -1 stands for it.
    follows = np.append(instrument.astype(np.int64), -1)[after[gaps]] == instrument[gaps]
    waiting = set(instrument[gaps[~follows]].tolist())
    moved[after[gaps[follows]]] |= np.uint16(Flag.GAP)
    result = np.empty_like(flags)
    result[order] = moved
    return result, waiting


def fills(values: Array, order: Array) -> NDArray[np.uint16]:
    """FILL at the first C or M that follows an F of the same order in the same atomic event."""
    flags = np.zeros(len(values), np.uint16)
    action = values["action"][order]
    rows = np.flatnonzero(np.isin(action, (b"F", b"C", b"M")))
    is_fill = action[rows] == b"F"
    if not is_fill.any():
        return flags
    instrument, group = (key[rows] for key in _groups(values, order))
    order_id = values["order_id"][order][rows]
    by_order = np.lexsort((rows, order_id, group, instrument))
    keys = [key[by_order] for key in (instrument, group, order_id)]
    same = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    follows = same & is_fill[by_order][:-1] & ~is_fill[by_order][1:]
    flags[order[rows[by_order[1:][follows]]]] = Flag.FILL
    return flags


def _starts(columns: dict[str, Array], started: set[int]) -> NDArray[np.int64]:
    """Rows at which a book begins without a snapshot and without a clear."""
    numbers, first = np.unique(columns["instrument"], return_index=True)
    rows = []
    for number, row in zip(numbers.tolist(), first.tolist(), strict=True):
        if number in started:
            continue
        started.add(number)
        is_whole = columns["action"][row] == Action.CLEAR or columns["flags"][row] & Flag.SNAPSHOT
        if not is_whole:
            rows.append(row)
    return np.sort(np.array(rows, np.int64))


def _with_status(columns: dict[str, Array], starts: NDArray[np.int64]) -> dict[str, Array]:
    """A STATUS row before each of `starts`: unverifiable until both sides are known."""
    status: dict[str, int] = {
        "action": Action.STATUS,
        "size": Status.UNVERIFIABLE | Status.ONE_SIDED,
        "price": NONE,
        "side": Side.NONE,
        "order_id": 0,
        "flags": Flag.LAST,
    }
    return {
        name: np.insert(column, starts, status[name] if name in status else column[starts])
        for name, column in columns.items()
    }
