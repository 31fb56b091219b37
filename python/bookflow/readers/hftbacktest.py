"""hftbacktest's event arrays as events, and events as its arrays.

Both hold a row an event with the venue's stamp and the local one. What an array has no place for
(flags, the action where two become one there) goes into its spare column ``ival``, so that events
come back as they were; an array made elsewhere has no such marks, and is read by its own rules.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array, Table
from bookflow.errors import InputError
from bookflow.events import Action, Events, Flag, Order, Side, in_order
from bookflow.readers._chunks import check_rows
from bookflow.readers._records import F_LAST, fills, with_moved_ends

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["HFTBACKTEST_DTYPE", "from_hftbacktest", "to_hftbacktest"]

HFTBACKTEST_DTYPE: Final = np.dtype(
    [
        ("ev", np.uint64),
        ("exch_ts", np.int64),
        ("local_ts", np.int64),
        ("px", np.float64),
        ("qty", np.float64),
        ("order_id", np.uint64),
        ("ival", np.int64),
        ("fval", np.float64),
    ],
    align=True,
)
"""A row of hftbacktest's arrays."""

_DEPTH, _TRADE, _CLEAR, _SNAPSHOT, _BBO = 1, 2, 3, 4, 5
_ADD, _CANCEL, _MODIFY, _FILL = 10, 11, 12, 13
_STATUS: Final = 100  # no kind of hftbacktest's, which passes over it

_EXCH, _LOCAL, _BUY, _SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
_KIND: Final = 0xFF

# In ival: "book", then no venue stamp, the action, the flags. A row that another one stands for has
# no action.
_MARK: Final = 0x626F6F6B << 32
_MARK_BITS: Final = -(1 << 32)
_NO_VENUE: Final = 1 << 24

_KIND_OF: Final = {
    Action.ADD: _ADD,
    Action.CANCEL: _CANCEL,
    Action.DELETE: _CANCEL,
    Action.MODIFY: _MODIFY,
    Action.EXECUTE: _FILL,
    Action.TRADE: _TRADE,
    Action.LEVEL: _DEPTH,
    Action.QUOTE: _BBO,
    Action.CLEAR: _CLEAR,
    Action.STATUS: _STATUS,
}
_ACTION_OF: Final = {
    _DEPTH: Action.LEVEL,
    _TRADE: Action.TRADE,
    _CLEAR: Action.CLEAR,
    _SNAPSHOT: Action.LEVEL,
    _BBO: Action.QUOTE,
    _ADD: Action.ADD,
    _CANCEL: Action.CANCEL,
    _MODIFY: Action.MODIFY,
    _FILL: Action.EXECUTE,  # dropped: the change of the order behind it says FILL
}
_LETTERS: Final = {_FILL: b"F", _CANCEL: b"C", _MODIFY: b"M"}


def to_hftbacktest(events: Events, *, marks: bool = True) -> NDArray[np.void]:
    """Events of one instrument as an array for hftbacktest.

    Parameters
    ----------
    events
        What happened, without depth rows: an array holds changes, not books.
    marks
        Whether ``ival`` carries what `from_hftbacktest` needs to give the very same events back.

    Returns
    -------
    structured array of `HFTBACKTEST_DTYPE`. ``local_ts`` is ``ts`` and ``exch_ts`` is ``ts_venue``
    (``ts`` where there is none); a row whose venue stamp runs backwards is there twice, once in the
    order of either clock, as hftbacktest wants it.

    Notes
    -----
    An EXECUTE becomes a trade, a fill and a cancel; a CANCEL that carries FILL has its fill before
    it. A DELETE is a cancel of 0. A STATUS has the kind 100, which hftbacktest passes over. A price
    or size whose nearest float64 is also another one's is an error that names its row.
    """
    if events.depth is not None:
        rule = "are not of an array, which holds changes: give LEVEL or QUOTE events"
        raise InputError(rule, source=events.source, field="depth rows")
    other = events.instrument_id != events.instrument.id
    if other.any():
        row = int(np.argmax(other))
        rule = "is not the events' one instrument: split() them"
        value = int(events.instrument_id[row])
        raise InputError(rule, source=events.source, row=row, field="instrument", value=value)
    action, side, flags = events.action, events.side, events.flags
    kind = np.zeros(256, np.uint64)
    for one, code in _KIND_OF.items():
        kind[one] = code
    ev = kind[action]
    ev[(action == Action.LEVEL) & ((flags & Flag.SNAPSHOT) != 0)] = _SNAPSHOT
    # A quote of nothing empties its side.
    ev[(action == Action.QUOTE) & (events.price == NONE)] = _CLEAR
    rows = np.zeros(len(events), HFTBACKTEST_DTYPE)
    sides = np.array([0, _BUY, _SELL], np.uint64)
    rows["ev"] = ev | sides[side]
    rows["local_ts"] = events.ts
    unknown = events.ts_venue == NONE
    rows["exch_ts"] = np.where(unknown, events.ts, events.ts_venue)
    rows["px"] = _decimals(events.price, events, "price")
    rows["qty"] = _decimals(events.size, events, "size")
    rows["order_id"] = events.order_id
    mark = _MARK | action.astype(np.int64) << 16 | flags.astype(np.int64)
    rows["ival"] = mark | np.where(unknown, _NO_VENUE, 0) if marks else 0
    rows = _with_fills(rows, action, side, flags, marks)
    return _by_both_clocks(rows)


def _decimals(units: NDArray[np.int64], events: Events, field: str) -> NDArray[np.float64]:
    """The float64 nearest to each price or size, NaN for NONE; it must give the units back."""
    instrument = events.instrument
    plain = (events.action == Action.STATUS) & (field == "size")
    unit = Fraction(instrument.price_unit if field == "price" else instrument.size_unit)
    absent = units == NONE
    known = np.where(absent, 0, units)
    factor, parts = unit.numerator, unit.denominator
    # Two exact floats: their quotient is rounded once.
    simple = (np.abs(known) <= 2**53 // factor) & (parts <= 2**53)
    made = np.where(simple, known, 0) * float(factor) / float(parts)
    for place in np.flatnonzero(~simple).tolist():
        made[place] = int(known[place]) * factor / parts
    made[plain] = units[plain]
    back = instrument.price_units if field == "price" else instrument.size_units
    try:
        same = back(np.where(plain, 0.0, made)) == np.where(plain, 0, known)
        row = None if same.all() else int(np.argmin(same))
    except InputError as error:
        row = error.row
    if row is not None:
        rule, value = "has no float64 of its own", int(units[row])
        raise InputError(rule, source=events.source, row=row, field=field, value=value)
    made[absent] = np.nan
    return made


def _with_fills(rows: Array, action: Array, side: Array, flags: Array, marks: bool) -> Array:
    """A trade before and a cancel behind each EXECUTE, a fill before each CANCEL that is one."""
    executed = np.flatnonzero(action == Action.EXECUTE)
    cancelled = np.flatnonzero((action == Action.CANCEL) & ((flags & Flag.FILL) != 0))
    if not len(executed) and not len(cancelled):
        return rows
    trades, cancels, filled = rows[executed], rows[executed], rows[cancelled]
    swap = np.array([0, _SELL, _BUY], np.uint64)
    trades["ev"] = np.uint64(_TRADE) | swap[side[executed]]
    cancels["ev"] = (cancels["ev"] & ~np.uint64(_KIND)) | np.uint64(_CANCEL)
    filled["ev"] = (filled["ev"] & ~np.uint64(_KIND)) | np.uint64(_FILL)
    for added in (trades, cancels, filled):
        added["ival"] = _MARK if marks else 0
    trades["order_id"] = 0
    # What stands behind a row goes before what stands in front of the next one.
    places = np.concatenate([executed + 1, executed, cancelled])
    return np.insert(rows, places, np.concatenate([cancels, trades, filled]))


def _by_both_clocks(rows: Array) -> Array:
    """Rows in the local clock's order; those late by the venue's again, in that one's."""
    stamps = rows["exch_ts"]
    both = np.uint64(_EXCH | _LOCAL)
    late = stamps < np.maximum.accumulate(stamps) if len(stamps) else np.zeros(0, np.bool_)
    rows["ev"] |= np.where(late, np.uint64(_LOCAL), both)
    if not late.any():
        return rows
    copies = rows[late]
    copies["ev"] = (copies["ev"] & ~both) | np.uint64(_EXCH)
    copies = copies[np.argsort(copies["exch_ts"], kind="stable")]
    in_time = np.flatnonzero(~late)
    # Behind the last row that is not later by the venue's clock.
    after = np.searchsorted(stamps[in_time], copies["exch_ts"], side="right")
    return np.insert(rows, np.append(in_time, len(rows))[after], copies)


def from_hftbacktest(
    array: NDArray[np.void],
    instrument: "Instrument",
    *,
    order: Order = "error",
    source: str = "hftbacktest",
) -> Events:
    """An array of hftbacktest (such as ``numpy.load("day.npz")["data"]``) as events.

    Parameters
    ----------
    array
        Structured, with the fields of `HFTBACKTEST_DTYPE`. Of rows that are there once for either
        clock the local one is taken.
    instrument
        What it is of; prices and sizes are converted exactly.
    order
        "error": a time that goes back is refused. "as-is": it takes the running maximum and is
        counted as "late".

    Notes
    -----
    Where `to_hftbacktest` left its marks, the events are those that it was given. In an array
    without them an atomic event is what shares both stamps; a cancel of 0 is a DELETE; a fill is
    dropped, and the next cancel or change of its order in the same event carries FILL. A clear
    empties its whole side, also if it has a price up to which hftbacktest would clear.
    """
    both = Table(array, source=source).integers("ev", np.uint64)
    known = np.flatnonzero(((both & np.uint64(_LOCAL)) != 0) | ((both & np.uint64(_EXCH)) == 0))
    try:
        columns = _columns(Table(array[known], source=source), instrument)
    except InputError as error:
        row = None if error.row is None else int(known[error.row])
        raise InputError(
            error.rule, source=source, row=row, field=error.field, value=error.value
        ) from None
    rows = known[columns.pop("row")]
    counts: dict[str, int] = {}
    columns["ts"], _ = in_order(columns["ts"], order, counts)
    events = Events(columns, instrument, source=source, counts=counts)
    check_rows(events, rows, NONE)
    return events


def _columns(table: Table, instrument: "Instrument") -> dict[str, Array]:
    """Event columns of rows in the local clock's order, and the "row" of each."""
    ev, order_id = table.integers("ev", np.uint64), table.integers("order_id", np.uint64)
    local, venue, ival = (table.integers(n, np.int64) for n in ("local_ts", "exch_ts", "ival"))
    kind = (ev & np.uint64(_KIND)).astype(np.int64)
    is_marked = (ival & _MARK_BITS) == _MARK
    actions = np.zeros(256, np.uint8)
    for code, one in _ACTION_OF.items():
        actions[code] = one
    action = np.where(is_marked, ival >> 16 & 0xFF, actions[kind]).astype(np.uint8)
    odd = ~is_marked & (action == 0)
    if odd.any():
        row = int(np.argmax(odd))
        rule = "is no kind of event"
        raise table.where("ev").fail(rule, row, int(kind[row]))
    price = table.prices("px", instrument)
    size = table.sizes("qty", instrument, missing=True, codes=action == Action.STATUS)
    kept = action != 0  # the others stand beside an EXECUTE or a fill
    is_buy, is_sell = (ev & np.uint64(_BUY)) != 0, (ev & np.uint64(_SELL)) != 0
    side = np.where(is_buy, Side.BID, np.where(is_sell, Side.ASK, Side.NONE)).astype(np.uint8)
    last = np.ones(len(ev), np.bool_)
    last[:-1] = (local[1:] != local[:-1]) | (venue[1:] != venue[:-1])
    own = np.where(last, int(Flag.LAST), 0) | np.where(kind == _SNAPSHOT, int(Flag.SNAPSHOT), 0)
    flags: NDArray[np.uint16] = np.where(is_marked, ival & 0xFFFF, own).astype(np.uint16)
    is_plain = ~is_marked
    if is_plain.any():
        action[is_plain & (action == Action.CANCEL) & (size == 0)] = Action.DELETE
        if (is_plain & (kind == _FILL)).any():
            flags, dropped = _fills(kind, order_id, flags, is_plain)
            kept &= ~dropped
        empty = is_plain & np.isin(kind, (_CLEAR, _TRADE))
        order_id = np.where(empty, 0, order_id).astype(np.uint64)
        size = np.where(is_plain & (kind == _CLEAR), 0, size)
    absent = is_marked & ((ival & _NO_VENUE) != 0)
    return {
        "ts": local[kept],
        "ts_venue": np.where(absent, NONE, venue)[kept],
        "order_id": order_id[kept],
        "price": price[kept],
        "size": size[kept],
        "action": action[kept],
        "side": side[kept],
        "flags": flags[kept],
        "row": np.flatnonzero(kept),
    }


def _fills(
    kind: Array, order_id: Array, flags: Array, is_plain: Array
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Flags without the fills, as of Databento's records; and which rows are fills."""
    values = np.zeros(
        len(kind),
        [("instrument_id", "u4"), ("order_id", "u8"), ("action", "S1"), ("flags", "u1")],
    )
    values["order_id"], values["action"] = order_id, b"A"
    for code, letter in _LETTERS.items():
        values["action"][is_plain & (kind == code)] = letter
    values["flags"] = np.where(flags & Flag.LAST, F_LAST, 0)
    order = np.arange(len(kind))
    moved, _ = with_moved_ends(values, flags, order)
    return moved | fills(values, order), values["action"] == b"F"
