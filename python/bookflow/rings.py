"""Rings between threads and processes: events to a pipeline, and the latest rows of anything."""

import atexit
import json
import weakref
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from bookflow import _core
from bookflow._instrument import from_json, to_json
from bookflow.errors import InputError, Overrun, QueueFull, SegmentError
from bookflow.events import EVENT_DTYPE, FIELDS, Events
from bookflow.frame import FeatureFrame

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from bookflow._core import Instrument

__all__ = ["EventQueue", "FeatureRing", "HistoryRing", "Window"]

_TRIES: Final = 16
"""How often a copy is tried before it is told that the writer is too fast for it."""


class EventQueue(_core.EventQueue):
    """Events from one thread (or process) to one other, first in, first out, without locks.

    Parameters
    ----------
    capacity : int
        Events that fit: from 1 to 2**32.
    overflow : {"refuse", "block", "drop"}
        What becomes of events for which there is no room: they stay with the caller, who is told
        how many were taken; the caller waits; or they are gone and counted, and the next event
        that is taken carries GAP. ``sent == received + dropped`` once the queue is empty.
    timeout : float | None
        Seconds that ``"block"`` waits before it raises QueueFull; None: for ever.
    wait : {"sleep", "yield", "spin"}
        How a side waits: asleep for up to 0.2 ms, giving its core away, or burning it.
    name : str
        Of a shared segment that other processes can `attach` to; "": the process's own.
    replace : bool
        Takes the place of a segment of that name whose maker is dead.

    Raises
    ------
    SegmentError
        The shared segment cannot be made: there is one of that name, or no room.

    Examples
    --------
    >>> queue = bf.EventQueue(capacity=2)
    >>> queue.try_push(1, bf.Action.TRADE, bf.Side.BID, 100, 5)
    True
    >>> queue.pop()["price"]
    array([100])
    """

    def __init__(
        self,
        capacity: int = 65_536,
        *,
        overflow: str = "refuse",
        timeout: float | None = None,
        wait: str = "sleep",
        name: str = "",
        replace: bool = False,
    ) -> None:
        super().__init__(capacity, overflow, timeout, wait, name, replace)
        if name:
            _close_at_exit(self)

    @classmethod
    def attach(
        cls,
        name: str,
        *,
        overflow: str = "refuse",
        timeout: float | None = None,
        wait: str = "sleep",
    ) -> Self:
        """The queue of that name which another process made; SegmentError says what is wrong."""
        queue = cls.__new__(cls)
        _core.EventQueue.__init__(queue, name, overflow, timeout, wait)
        return queue

    def push(self, events: "Events | NDArray[np.void]") -> int:
        """Takes many events, and returns how many were taken.

        Parameters
        ----------
        events : Events | structured array of EVENT_DTYPE
            In order. Field rules are checked by whoever takes them out.

        Raises
        ------
        QueueFull
            With ``overflow="block"``, after the timeout.
        """
        taken = 0
        for columns, rows in _columns_of(events):
            try:
                some = self._push(columns)
            except QueueFull as full:
                full.accepted += taken
                raise
            taken += some
            if some < rows and self.overflow != "drop":  # what is dropped is counted, all of it
                break
        return taken

    def pop(self, most: int = 65_536) -> "NDArray[np.void]":
        """What waits, at most `most` events: a structured array of EVENT_DTYPE."""
        out = np.empty(min(len(self), most), EVENT_DTYPE)
        return out[: self.pop_into(out)]

    def __repr__(self) -> str:
        where = f" {self.name!r}" if self.name else ""
        return f"<EventQueue{where}: {len(self)} of {self.capacity}, overflow={self.overflow!r}>"


def _columns_of(events: Any) -> Iterator[tuple[Any, int]]:
    """(columns, rows) of each chunk; only lazy events have several."""
    if isinstance(events, Events):
        whole = (events,) if not events.is_lazy and len(events) else ()
        for chunk in events.chunks(65_536) if events.is_lazy else whole:
            if chunk.depth is not None:
                raise InputError(
                    "rows of a whole depth do not go through a queue of single events",
                    source=events.source,
                    field="depth",
                )
            yield chunk.columns, len(chunk)
    elif isinstance(events, np.ndarray) and events.dtype == EVENT_DTYPE:
        yield {name: events[name] for name in FIELDS}, len(events)
    else:
        what = f"dtype {events.dtype}" if isinstance(events, np.ndarray) else type(events).__name__
        raise TypeError(f"expected Events or an array of EVENT_DTYPE, got {what}")


class Window:
    """The latest rows of a ring as they stand in it: arrays of this window are not copies.

    The writer goes on, and may come round: `valid` tells, and leaving the ``with`` raises Overrun
    if it has. ``window["ofi"]`` (or ``window.ofi``) is a read-only array, and lives as long as it
    is kept: only what it shows is overwritten some time.
    """

    __slots__ = ("_ring", "first", "rows")

    def __init__(self, ring: "HistoryRing", first: int, rows: int) -> None:
        self._ring = ring
        self.first = first
        """The number of its first row; the ring's rows count from 0."""
        self.rows = rows
        """How many rows it has."""

    def __len__(self) -> int:
        return self.rows

    @property
    def valid(self) -> bool:
        """Whether all of its rows still are what they were. Ask after reading."""
        return self._ring._valid(self.first)

    def __getitem__(self, name: str) -> "NDArray[Any]":
        return self._ring._column(name, self.first, self.rows)

    def __getattr__(self, name: str) -> "NDArray[Any]":
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and not self.valid:
            raise Overrun(
                f"rows {self.first} to {self.first + self.rows - 1} were overwritten while they "
                f"were read: {self._ring.written} are written, {self._ring.most} can be read"
            )


class HistoryRing(_core.HistoryRing):
    """The last rows of several columns: one thread writes, any threads and processes read.

    The latest n rows of a column are always one contiguous array without a copy: the storage is
    mapped twice, back to back. Nobody waits for anybody; a reader is told when the writer has come
    round to what it was reading.

    Parameters
    ----------
    columns : mapping of name to dtype
        Items of 2 bytes, or of a multiple of 8 up to 4096.
    rows : int
        Rows that can be read at any time; some more are kept, as many as fill whole pages.
    name, replace
        Of a shared segment, as of EventQueue.
    about : object
        Anything that JSON holds, for those who attach.
    single_mapping : bool
        Writes each item twice in place of mapping the storage twice: for systems and tools that
        cannot have the latter.

    Examples
    --------
    >>> ring = bf.HistoryRing({"ts": np.int64, "x": np.float64}, rows=1000)
    >>> ring.append(ts=[1, 2, 3], x=[0.5, 1.5, 2.5])
    >>> with ring.latest(2) as window:
    ...     window["x"].sum()
    np.float64(4.0)
    """

    _about: Any
    _columns: dict[str, tuple[int, np.dtype[Any]]]

    def __init__(
        self,
        columns: "Mapping[str, DTypeLike]",
        rows: int,
        *,
        name: str = "",
        replace: bool = False,
        about: object = None,
        single_mapping: bool = False,
    ) -> None:
        dtypes = {column: np.dtype(dtype) for column, dtype in columns.items()}
        for column, dtype in dtypes.items():
            if dtype.hasobject or not dtype.isnative:
                raise InputError("must be a plain dtype in native order", field=column, value=dtype)
        text = json.dumps(
            {
                "columns": [[column, _dtype_text(dtype)] for column, dtype in dtypes.items()],
                "about": about,
            }
        )
        sizes = [dtype.itemsize for dtype in dtypes.values()]
        super().__init__(rows, sizes, text, name, replace, single_mapping)
        if name:
            _close_at_exit(self)
        self._read_text()

    @classmethod
    def attach(cls, name: str) -> Self:
        """The ring of that name which another process writes; SegmentError says what is wrong."""
        ring = cls.__new__(cls)
        _core.HistoryRing.__init__(ring, name)
        ring._read_text()
        return ring

    def _read_text(self) -> None:
        try:
            text = json.loads(self._text)
            self._about = text["about"]
            self._columns = {
                str(name): (i, _dtype_of(dtype)) for i, (name, dtype) in enumerate(text["columns"])
            }
            dtypes = [dtype for _, dtype in self._columns.values()]
            if any(dtype.hasobject for dtype in dtypes):
                raise ValueError("objects")
            if [dtype.itemsize for dtype in dtypes] != self._item_bytes:
                raise ValueError("sizes")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SegmentError(
                f"shared segment {self.name!r}: is damaged: no columns can be read of it"
            ) from error

    @property
    def columns(self) -> dict[str, np.dtype[Any]]:
        """Names and dtypes."""
        return {name: dtype for name, (_, dtype) in self._columns.items()}

    @property
    def about(self) -> Any:
        """What the maker said of it."""
        return self._about

    def append(self, **columns: Any) -> None:
        """Writes rows: for each column an array (or a list, or one number) of the same length."""
        missing = set(self._columns) ^ set(columns)
        if missing:
            raise InputError(
                f"the columns are {', '.join(self._columns)}",
                field="columns",
                value=", ".join(sorted(missing)),
            )
        self._append([_exact(name, columns[name], of) for name, (_, of) in self._columns.items()])

    def latest(self, n: int = 1) -> Window:
        """The last n rows (fewer if there were fewer), in place."""
        written = self.written
        n = min(self._checked(n), written)
        return Window(self, written - n, n)

    def copy(self, n: int) -> "dict[str, NDArray[Any]]":
        """The last n rows (fewer if there were fewer), copied whole.

        Raises
        ------
        Overrun
            The writer came round in each of several tries.
        """
        self._checked(n)
        for _ in range(_TRIES):
            written = self.written
            rows = self._rows(max(0, written - n), min(n, written))
            if rows is not None:
                return rows
        raise Overrun(f"{n} rows were overwritten while they were copied, {_TRIES} times")

    def since(self, first: int) -> "dict[str, NDArray[Any]]":
        """The rows from number `first` on, copied; at most `most` of them.

        Raises
        ------
        Overrun
            They are overwritten already.
        """
        n = min(self.written - first, self.most)
        rows = self._rows(first, n) if n > 0 and self._valid(first) else None
        if n <= 0:
            return {name: np.empty(0, dtype) for name, (_, dtype) in self._columns.items()}
        if rows is None:
            raise Overrun(
                f"row {first} is overwritten: {self.written} are written, "
                f"and the ring keeps {self.most}"
            )
        return rows

    def wait(
        self, seen: int | None = None, timeout: float | None = None, *, how: str = "sleep"
    ) -> int:
        """Until there are more rows than `seen` (None: than now), at most `timeout` seconds.

        Returns how many there are; also when the time is over, or the maker is gone.
        """
        return self._wait(self.written if seen is None else seen, timeout, how)

    def _checked(self, n: int) -> int:
        if not 0 <= n <= self.most:
            raise InputError(f"must be from 0 to {self.most}", field="n", value=n)
        return n

    def _rows(self, first: int, n: int) -> "dict[str, NDArray[Any]] | None":
        out = [np.empty(n, dtype) for _, dtype in self._columns.values()]
        return dict(zip(self._columns, out, strict=True)) if self._copy(first, out) else None

    def _column(self, name: str, first: int, n: int) -> "NDArray[Any]":
        try:
            column, dtype = self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}; there are {', '.join(self._columns)}") from None
        return self._view(column, dtype, first, n)

    def __repr__(self) -> str:
        where = f" {self.name!r}" if self.name else ""
        return (
            f"<{type(self).__name__}{where}: {self.written} rows written, {self.most} kept, "
            f"of {', '.join(self._columns)}>"
        )


_STAMPS: Final = {"ts": np.int64, "status": np.uint16, "seen": np.uint16, "clean": np.int64}


class FeatureRing(HistoryRing):
    """The last feature rows of a pipeline: a HistoryRing that also gives them as a FeatureFrame."""

    @classmethod
    def of(
        cls,
        pipeline: Any,
        rows: int,
        *,
        name: str = "",
        replace: bool = False,
    ) -> Self:
        """A ring for the rows of this pipeline."""
        columns = {**_STAMPS, **dict.fromkeys(pipeline.columns, np.float64)}
        about = {
            "spec": pipeline.spec,
            "instrument": to_json(pipeline.instrument),
            "version": _core.__version__,
        }
        return cls(columns, rows, name=name, replace=replace, about=about)

    def _read_text(self) -> None:
        super()._read_text()
        known = isinstance(self._about, dict) and {"spec", "instrument", "version"} <= set(
            self._about
        )
        if not known or not set(_STAMPS) <= set(self._columns):
            raise SegmentError(f"shared segment {self.name!r}: holds no feature rows")

    @property
    def instrument(self) -> "Instrument":
        """What the rows are of."""
        return from_json(self._about["instrument"])

    @property
    def spec(self) -> str:
        """The pipeline's text."""
        return str(self._about["spec"])

    def frame(self, n: int) -> FeatureFrame:
        """The last n rows (fewer if there were fewer), a copy; Overrun as `copy`."""
        return self._frame(self.copy(n))

    def frame_since(self, first: int) -> FeatureFrame:
        """The rows from number `first` on; Overrun as `since`."""
        return self._frame(self.since(first))

    def _frame(self, rows: "dict[str, NDArray[Any]]") -> FeatureFrame:
        stamps = {name: rows.pop(name) for name in _STAMPS}
        return FeatureFrame(
            **stamps,
            columns=rows,
            spec=self.spec,
            instrument=self.instrument,
            version=str(self._about["version"]),
        )


def _close_at_exit(ring: EventQueue | HistoryRing) -> None:
    """A process that ends takes its segments' names away, unless it is killed."""
    here = weakref.ref(ring)

    def close() -> None:
        ring = here()
        if ring is not None:
            ring.close()

    atexit.register(close)


def _exact(name: str, values: Any, dtype: np.dtype[Any]) -> "NDArray[Any]":
    """The values as this dtype, none of them changed by it."""
    given = np.ascontiguousarray(np.atleast_1d(values))
    masked = isinstance(values, np.ma.MaskedArray)
    if given.dtype == dtype and not masked:
        return given
    numbers = given.dtype.kind in "iuf" and dtype.kind in "iuf" and not masked
    made = given.astype(dtype) if numbers else given
    same = np.array_equal(made.astype(given.dtype), given, equal_nan=given.dtype.kind == "f")
    if not numbers or not same or ((made < 0) != (given < 0)).any():
        raise InputError(f"does not fit dtype {dtype}", field=name, value=values)
    return made


def _dtype_text(dtype: np.dtype[Any]) -> Any:
    return dtype.str if dtype.names is None else [list(field) for field in dtype.descr]


def _dtype_of(text: Any) -> np.dtype[Any]:
    return np.dtype(text if isinstance(text, str) else [tuple(field) for field in text])
