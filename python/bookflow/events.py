"""Market events as columns, and the doors that make them.

`Events` holds one numpy array a field (see `EVENT_DTYPE`) and may carry `Depth`: the top of the
book after every row, which then *is* the book, the row's event being only its cause and its tape.
A reader's `Events` is lazy: touching a column loads the file, `chunks(n)` streams it instead.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._depth import DEPTH_FIELDS, Depth
from bookflow._instrument import with_id
from bookflow._optional import need
from bookflow._table import NONE, Array, Table
from bookflow.errors import InputError
from bookflow.words import Action, Flag, Side, Status

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument
    from bookflow._from_table import Kind

__all__ = [
    "EVENT_DTYPE",
    "NONE",
    "Action",
    "Depth",
    "Events",
    "Flag",
    "Side",
    "Status",
    "merge",
]

Order = Literal["error", "as-is"]

EVENT_DTYPE: Final = np.dtype(
    [
        ("ts", np.int64),
        ("ts_venue", np.int64),
        ("order_id", np.uint64),
        ("price", np.int64),
        ("size", np.int64),
        ("instrument", np.uint32),
        ("action", np.uint8),
        ("side", np.uint8),
        ("flags", np.uint16),
    ]
)
"""One event as a structured row of 48 bytes, the same as the core's."""

FIELDS: Final[tuple[str, ...]] = tuple(EVENT_DTYPE.names or ())
OPTIONAL: Final = ("ts_venue", "order_id", "instrument", "flags")

ACTION_WORDS: Final = {action.name.lower(): int(action) for action in Action}


class Source(Protocol):
    """Where lazy events come from. Every call of `chunks` reads from the start."""

    def chunks(self, rows: int) -> "Iterator[Events]":
        """Events in order, at most `rows` of them at a time."""


class Events:
    """Events of one file, feed or frame, as columns.

    Parameters
    ----------
    columns
        Arrays by field name: ``ts``, ``action``, ``side``, ``price`` and ``size``, and of
        ``ts_venue``, ``order_id``, ``instrument`` and ``flags`` those that there are.
    instrument
        What the events are of: it gives prices and sizes their meaning.
    depth
        The top of the book after every row, or None.
    source
        What messages call the input, such as a file's name.
    first_row
        Row of the input at which a chunk of it begins: messages count from there.
    counts
        Faults that a reader found and passed over, by name.
    instruments
        Every instrument of a file that holds several, by its id.
    """

    _LOAD_ROWS: Final = 1 << 18

    def __init__(
        self,
        columns: Mapping[str, Array | None],
        instrument: "Instrument",
        *,
        depth: Depth | None = None,
        source: str = "",
        counts: Mapping[str, int] | None = None,
        instruments: "Mapping[int, Instrument] | None" = None,
    ) -> None:
        self.instrument = instrument
        self.source = source
        self.first_row = 0
        self.instruments = dict(instruments or {int(instrument.id): instrument})
        self._counts = dict(counts or {})
        self._loader: Source | None = None
        self._columns, self._depth = _checked_columns(columns, depth, source)

    @classmethod
    def _trusted(
        cls,
        columns: dict[str, Array | None],
        instrument: "Instrument",
        source: str,
        instruments: "dict[int, Instrument]",
    ) -> Self:
        """All columns, of the right dtypes and one length, which nobody else has."""
        events = cls.__new__(cls)
        events.instrument = instrument
        events.source = source
        events.first_row = 0
        events.instruments = instruments
        events._counts = {}
        events._loader = None
        events._columns, events._depth = columns, None
        return events

    @classmethod
    def lazy(
        cls,
        loader: Source,
        instrument: "Instrument",
        *,
        source: str = "",
        instruments: "Mapping[int, Instrument] | None" = None,
    ) -> Self:
        """Events that are read from `loader` when they are needed."""
        self = cls(_no_rows(), instrument, source=source, instruments=instruments)
        self._loader = loader
        return self

    @classmethod
    def from_numpy(
        cls,
        data: object,
        instrument: "Instrument",
        *,
        columns: Mapping[str, str] | None = None,
        order: Order = "error",
        source: str = "array",
    ) -> Self:
        """Events from a structured array (by field name), a dict of arrays, a frame or a stream.

        Integer prices and sizes are units, floats are converted exactly through the instrument.
        ``flags`` are bits of `Flag`. Depth rows are four 2-D fields (``bid_price`` ...) or columns
        numbered by level.
        """
        from bookflow import _from_table

        return cls._built(
            _from_table.event_columns(data, instrument, columns, source), instrument, order, source
        )

    from_polars = from_numpy

    @classmethod
    def from_arrow(
        cls,
        data: object,
        instrument: "Instrument",
        *,
        kind: "Kind" = "events",
        columns: Mapping[str, str] | None = None,
        prefix: str = "",
        levels: int = 10,
        ts_unit: str = "ns",
        order: Order = "error",
        source: str = "arrow",
    ) -> Self:
        """Events from anything with `__arrow_c_stream__`, lazily and batch by batch.

        Polars, pandas, pyarrow (also a reader of record batches) and DuckDB have it. Columns of the
        event's own types are not copied; the rest is as `from_numpy`, or, by `kind`, as
        `from_quotes`, `from_depth` or `from_trades`. A null is an error that names its row where a
        value is due. A stream that can be read once only gives its rows once: load it
        (``len(events)``) to use them again.
        """
        from bookflow import _from_table
        from bookflow.readers._rows import ArrowTables, Rows

        read = _from_table.Reading(instrument, kind, columns, prefix, levels, ts_unit)
        rows = Rows(source, ArrowTables(data, source), read, order)
        return cls.lazy(rows, instrument, source=source)

    @classmethod
    def from_quotes(
        cls,
        data: object,
        instrument: "Instrument",
        *,
        columns: Mapping[str, str] | None = None,
        prefix: str = "",
        ts_unit: str = "ns",
        order: Order = "error",
        source: str = "quotes",
    ) -> Self:
        """Best quotes: ``ts, bid_price, bid_size, ask_price, ask_size``, each row a whole quote.

        Without those names the first of numbered levels is taken, as `from_depth` finds them. A
        size of 0, or a null price, is an empty side. `Flag` bits are taken from the column that
        ``columns={"flags": ...}`` names, and from no other: a vendor's flags are other bits.
        """
        from bookflow import _from_table

        parts = _from_table.depth_columns(data, instrument, 1, columns, prefix, ts_unit, source)
        return cls._built(parts, instrument, order, source)

    @classmethod
    def from_depth(
        cls,
        data: object,
        instrument: "Instrument",
        levels: int = 10,
        *,
        columns: Mapping[str, str] | None = None,
        prefix: str = "",
        ts_unit: str = "ns",
        order: Order = "error",
        source: str = "depth",
    ) -> Self:
        """The best `levels` (or as many as there are) of each side, each row the whole top.

        Levels are four 2-D arrays ``bid_price, bid_size, ask_price, ask_size`` of a dict, or
        numbered columns as they are called here (``bid_price_0``, or from 1), by Databento
        (``bid_px_00``, ``bid_sz_00``) or by Tardis (``bids[0].price``, ``bids[0].amount``), with
        `prefix` before every one of them. A size of 0, or a null price, is a missing level.
        `Flag` bits are taken from the column that ``columns={"flags": ...}`` names only.
        """
        from bookflow import _from_table

        parts = _from_table.depth_columns(
            data, instrument, levels, columns, prefix, ts_unit, source
        )
        return cls._built(parts, instrument, order, source)

    @classmethod
    def from_trades(
        cls,
        data: object,
        instrument: "Instrument",
        *,
        columns: Mapping[str, str] | None = None,
        ts_unit: str = "ns",
        order: Order = "error",
        source: str = "trades",
    ) -> Self:
        """Prints: ``ts, price, size``, and ``side`` (the aggressor's) if known.

        `Flag` bits are taken from the column that ``columns={"flags": ...}`` names, and from no
        other: a vendor's flags are other bits.

        A side is a code (0 none, 1 buy, 2 sell), a sign (+1 buy, -1 sell, 0 none) or text
        ("buy", "B", "bid", "sell", "S", "A", "ask", "N", "none", "unknown", in any case).
        """
        from bookflow import _from_table

        parts = _from_table.trade_columns(data, instrument, columns, ts_unit, source)
        return cls._built(parts, instrument, order, source)

    @classmethod
    def concat(cls, parts: "Iterable[Events]") -> "Events":
        """One `Events` of chunks of the same input, in their order."""
        blocks = [part._loaded() for part in parts]
        if not blocks:
            raise InputError("nothing to put together", field="parts")
        if len(blocks) == 1:
            return blocks[0]
        first = blocks[0]
        columns: dict[str, Array | None] = {
            name: None
            if all(block._columns[name] is None for block in blocks)
            else np.concatenate([block._filled(name) for block in blocks])
            for name in FIELDS
        }
        depths = [block._depth for block in blocks if block._depth is not None]
        if len(depths) not in (0, len(blocks)):
            raise InputError("some parts have depth rows and others none", field="depth")
        counts: dict[str, int] = {}
        for block in blocks:
            _add_counts(counts, block._counts)
        return cls(
            columns,
            first.instrument,
            depth=Depth.concat(depths) if depths else None,
            source=first.source,
            counts=counts,
            instruments={n: i for block in blocks for n, i in block.instruments.items()},
        )

    @classmethod
    def _built(
        cls,
        parts: tuple[dict[str, Array | None], Depth | None],
        instrument: "Instrument",
        order: Order,
        source: str,
    ) -> Self:
        columns, depth = parts
        events = cls(columns, instrument, depth=depth, source=source)
        events._columns["ts"], _ = in_order(events._filled("ts"), order, events._counts)
        events.check()
        return events

    # -- columns ---------------------------------------------------------------------------------

    @property
    def is_lazy(self) -> bool:
        """Whether the rows are still where they come from."""
        return self._loader is not None

    @property
    def columns(self) -> dict[str, Array | None]:
        """The arrays by field name; an optional one that there is not is None."""
        return dict(self._loaded()._columns)

    @property
    def depth(self) -> Depth | None:
        """The top of the book after every row, or None: (rows, levels) int64 arrays, in units."""
        return self._loaded()._depth

    @property
    def counts(self) -> dict[str, int]:
        """Faults that the reader passed over, by name (of what has been read so far)."""
        return dict(self._counts)

    @property
    def ts(self) -> NDArray[np.int64]:
        """(rows,) int64: nanoseconds since the epoch, UTC; never decreasing, never NONE."""
        return self._loaded()._filled("ts")

    @property
    def ts_venue(self) -> NDArray[np.int64]:
        """(rows,) int64: the venue's own stamp, nanoseconds since the epoch; NONE if not sent."""
        return self._loaded()._filled("ts_venue")

    @property
    def order_id(self) -> NDArray[np.uint64]:
        """(rows,) uint64: the order; 0 for none."""
        return self._loaded()._filled("order_id")

    @property
    def price(self) -> NDArray[np.int64]:
        """(rows,) int64: price units; NONE where there is no price."""
        return self._loaded()._filled("price")

    @property
    def size(self) -> NDArray[np.int64]:
        """(rows,) int64: size units; of a STATUS its bits."""
        return self._loaded()._filled("size")

    @property
    def instrument_id(self) -> NDArray[np.uint32]:
        """(rows,) uint32: the instrument's id."""
        return self._loaded()._filled("instrument")

    @property
    def action(self) -> NDArray[np.uint8]:
        """(rows,) uint8: an `Action`."""
        return self._loaded()._filled("action")

    @property
    def side(self) -> NDArray[np.uint8]:
        """(rows,) uint8: a `Side`; of a TRADE the aggressor's."""
        return self._loaded()._filled("side")

    @property
    def flags(self) -> NDArray[np.uint16]:
        """(rows,) uint16: bits of `Flag`; LAST in every row where none were given."""
        return self._loaded()._filled("flags")

    def _filled(self, name: str) -> Array:
        values = self._columns[name]
        if values is not None:
            return values
        default = {
            "ts_venue": NONE,
            "order_id": 0,
            "instrument": int(self.instrument.id),
            "flags": int(Flag.LAST),
        }[name]
        return np.full(self._rows(), default, EVENT_DTYPE[name])

    def _rows(self) -> int:
        return len(self._filled("ts"))

    def _loaded(self) -> Self:
        if self._loader is not None:
            chunks = list(self.chunks(self._LOAD_ROWS))
            if chunks:
                whole = Events.concat(chunks)
                self._columns, self._depth = whole._columns, whole._depth
            self._loader = None
        return self

    # -- parts -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._loaded()._rows()

    def __getitem__(self, rows: slice) -> "Events":
        """These rows, without a copy. Counts stay with the whole."""
        if not isinstance(rows, slice):
            raise TypeError(
                f"events are sliced, as events[a:b], not picked by {type(rows).__name__}"
            )
        if rows.step is not None and rows.step < 1:
            raise InputError("events have one order: the step must be positive", value=rows.step)
        return self._taken(rows)

    def _taken(self, rows: slice | Array, instrument: "Instrument | None" = None) -> "Events":
        self._loaded()
        instrument = instrument or self.instrument
        return Events(
            {n: None if c is None else c[rows] for n, c in self._columns.items()},
            instrument,
            depth=None if self._depth is None else self._depth[rows],
            source=self.source,
            instruments=self.instruments if instrument is self.instrument else None,
        )

    def chunks(self, rows: int) -> "Iterator[Events]":
        """At most `rows` events at a time, in order; a lazy input is streamed, not loaded."""
        if rows < 1:
            raise InputError("must be at least 1", field="rows", value=rows)
        if self._loader is None:
            for start in range(0, len(self), rows):
                chunk = self[start : start + rows]
                chunk.first_row = self.first_row + start
                yield chunk
            return
        counts: dict[str, int] = {}
        self._counts = counts
        first_row = 0
        for chunk in self._loader.chunks(rows):
            _add_counts(counts, chunk._counts)
            self.instruments.update(chunk.instruments)  # a feed names them as they come
            chunk.first_row = first_row
            first_row += len(chunk)
            yield chunk

    def split(self) -> "dict[int, Events]":
        """The events of each instrument, by its id, in order of first appearance.

        A lazy input is loaded; `split_chunks` streams it.
        """
        if self._loaded()._columns["instrument"] is None:
            return {int(self.instrument.id): self}
        return {
            number: self._taken(rows, self._instrument_of(number))
            for number, rows in self._rows_of_each().items()
        }

    def _instrument_of(self, number: int) -> "Instrument":
        """The instrument of this id; one that nobody described has the units of the others."""
        return self.instruments.get(number) or with_id(self.instrument, number)

    def _rows_of_each(self) -> dict[int, slice | NDArray[np.intp]]:
        """The rows of each instrument, by its id in order of first appearance."""
        ids = self._loaded()._columns["instrument"]
        if ids is None:
            return {int(self.instrument.id): slice(None)}
        if not len(ids):
            return {}
        if (ids == ids[0]).all():
            return {int(ids[0]): slice(None)}
        # A stable sort, 16 bits a pass: numpy sorts so few by counting, ten times as fast.
        rows = np.argsort(ids.astype(np.uint16), kind="stable")
        high = (ids >> np.uint32(16)).astype(np.uint16)
        if high.any():
            rows = rows[np.argsort(high[rows], kind="stable")]
        found = ids[rows]
        parts = np.split(rows, np.flatnonzero(found[1:] != found[:-1]) + 1)
        parts.sort(key=lambda part: int(part[0]))
        return {int(ids[part[0]]): part for part in parts}

    def split_chunks(self, rows: int) -> "Iterator[tuple[int, Events]]":
        """`split` in one pass: (id, events of this instrument), of at most `rows` events at a time.

        A lazy input is streamed, not loaded; an instrument comes again with each `rows` that it is
        among, and its events are in order: what takes them, such as a pipeline, goes on.

        Examples
        --------
        >>> import bookflow as bf
        >>> cents = bf.Instrument("X", price_unit="0.01")
        >>> two = bf.Events.from_numpy({"ts": [1, 2, 3, 4], "action": [6] * 4, "side": [1] * 4,
        ...                             "price": [5] * 4, "size": [1, 2, 3, 4],
        ...                             "instrument": [7, 8, 8, 7]}, cents)
        >>> [(number, part.size.tolist()) for number, part in two.split_chunks(3)]
        [(7, [1]), (8, [2, 3]), (7, [4])]
        """
        for chunk in self.chunks(rows):
            chunk.instruments = self.instruments  # those that were named before as well
            yield from chunk.split().items()

    # -- out -------------------------------------------------------------------------------------

    def to_numpy(self) -> Array:
        """A structured array of `EVENT_DTYPE`; depth rows are four (levels,) fields more."""
        depth = self.depth
        fields: list[Any] = [(name, EVENT_DTYPE[name]) for name in FIELDS]
        if depth is not None:
            fields += [(name, np.int64, (depth.levels,)) for name in DEPTH_FIELDS]
        rows = np.empty(len(self), fields)
        for name in FIELDS:
            rows[name] = self._filled(name)
        if depth is not None:
            for name in DEPTH_FIELDS:
                rows[name] = getattr(depth, name)
        return rows

    def to_polars(self) -> "pl.DataFrame":
        """The columns that there are, in units; depth rows as bid_price_0, bid_size_0 ..."""
        polars = need("polars", "io")
        depth = self.depth
        columns = {n: c for n, c in self._columns.items() if c is not None}
        if depth is not None:
            columns |= depth.columns()
        frame: pl.DataFrame = polars.DataFrame(
            {n: np.ascontiguousarray(c) for n, c in columns.items()}
        )
        return frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns of `to_polars` as an Arrow stream; what is contiguous is not copied."""
        from bookflow import _arrow
        from bookflow._instrument import to_json

        columns = {n: c for n, c in self.columns.items() if c is not None}
        if self.depth is not None:
            columns |= self.depth.columns()
        return _arrow.stream(columns, {"bookflow.instrument": to_json(self.instrument)})

    def write_parquet(self, path: "str | PathLike[str]") -> None:
        """Everything, the instrument included: `read_events` gives it back."""
        from bookflow.readers import files

        files.write_parquet(self, path)

    def write_csv(self, path: "str | PathLike[str]", *, decimal: bool = False) -> None:
        """Text with a header: integer units, or prices and sizes as decimals."""
        from bookflow.readers import files

        files.write_csv(self, path, decimal=decimal)

    def write_npy(self, path: "str | PathLike[str]") -> None:
        """`to_numpy()` as a file that `numpy.load` and `read_events` read."""
        from bookflow.readers import files

        files.write_npy(self, path)

    def check(self, first_row: int = 0, last_ts: int = NONE, *, after_delete: bool = False) -> None:
        """Raise `InputError` at the first row that breaks a field rule.

        The rest is about the row before the first: its number, its time and whether it was a
        DELETE, after which an ADD may leave its side open.
        """
        self._loaded()
        depth = self._depth
        _core.check_events(
            self._columns["ts"],
            self._columns["action"],
            self._columns["side"],
            self._columns["price"],
            self._columns["size"],
            self._columns["flags"],
            self._columns["order_id"],
            self._columns["instrument"],
            None if depth is None else depth.arrays(),
            self.instrument,
            source=self.source,
            first_row=first_row,
            last_ts=last_ts,
            after_delete=after_delete,
        )

    def __repr__(self) -> str:
        name = self.instrument.symbol or f"instrument {self.instrument.id}"
        if self._loader is not None:
            return f"<Events of {name} from {self.source}, not read yet>"
        depth = "" if self._depth is None else f", depth of {self._depth.levels}"
        return f"<Events of {name}: {self._rows()} rows{depth}>"


def merge(
    *events: Events, reorder: str | None = None, time: Literal["receive", "venue"] = "receive"
) -> Events:
    """One stream of several of one instrument, by time.

    At equal time prints come before book changes, then the order of the arguments, then each
    one's own order. Atomic events stay whole and take the time of their last row. Rows of streams
    without depth rows carry those in force (all levels missing before the first).

    Parameters
    ----------
    events
        Streams in the order of their times.
    reorder : str | None
        "100ms": as they would have come through a `Reorder` of this span, in the order of `ts`; a
        print then comes before any book change of the same time, its own stream's too.
    time : "receive" | "venue"
        "venue", with `reorder`: by the venue's stamps, which become `ts`.
    """
    from bookflow import _merge

    if reorder is not None:
        from bookflow.reorder import merged_in_order

        return merged_in_order(events, reorder, time)
    if time != "receive":
        raise InputError('goes with reorder="100ms" or the like', field="time", value=time)

    return _merge.merged(events)


def in_order(
    ts: NDArray[np.int64], order: Order, counts: dict[str, int], last: int = NONE
) -> tuple[NDArray[np.int64], int]:
    """Times that never decrease, and the last of them, given the `last` one before.

    With ``order="as-is"`` a late row takes the running maximum and is counted; otherwise nothing
    is done here, because the check that follows names the row.
    """
    if order not in ("error", "as-is"):
        raise InputError('must be "error" or "as-is"', field="order", value=order)
    if not len(ts):
        return ts, last
    if order == "as-is":
        highest = np.maximum(np.maximum.accumulate(ts), last)
        late = int(np.count_nonzero(ts < highest))
        if late:
            counts["late"] = counts.get("late", 0) + late
            ts = highest
    return ts, int(ts[-1])


def _add_counts(total: dict[str, int], part: Mapping[str, int]) -> None:
    for name, count in part.items():
        total[name] = total.get(name, 0) + count


def _no_rows() -> dict[str, Array | None]:
    return {name: np.empty(0, EVENT_DTYPE[name]) for name in FIELDS if name not in OPTIONAL}


def _checked_columns(
    columns: Mapping[str, Array | None], depth: Depth | None, source: str
) -> tuple[dict[str, Array | None], Depth | None]:
    """Columns of the right dtypes and one length (the door for arrays made by a reader)."""
    table = Table({n: c for n, c in columns.items() if c is not None}, source=source)
    for name in table.names:
        if name not in FIELDS:
            raise InputError("is no event field", source=source, field="columns", value=name)
    checked: dict[str, Array | None] = {}
    for name in FIELDS:
        absent = name in OPTIONAL and not table.has(name)
        checked[name] = None if absent else table.integers(name, EVENT_DTYPE[name])
    if depth is not None and len(depth) != table.rows:
        raise InputError(
            f"has {len(depth)} rows where ts has {table.rows}", source=source, field="depth"
        )
    return checked, depth
