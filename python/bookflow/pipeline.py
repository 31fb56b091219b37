"""The pipeline: one instrument's book, its calculators, and the clock that writes their rows."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, cast

from bookflow import _core
from bookflow._session import schedule
from bookflow.errors import FeedFault, InputError
from bookflow.events import Events, Flag
from bookflow.frame import FeatureFrame, FeatureRow

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["Calculator", "Pipeline"]

_SETTINGS: Final = (
    "clock",
    "origin",
    "session",
    "hidden",
    "on_fault",
    "on_gap",
    "on_crossed",
    "stale_after",
    "order",
    "max_rows",
    "history",
)
_RESERVED: Final = frozenset({*_SETTINGS, "ts", "status", "seen", "clean"})
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CHUNK: Final = 1 << 18
"""Rows that a lazy source is read by: large enough to forget the call, small enough to forget."""


class Calculator(Protocol):
    """What a Pipeline takes as a feature: anything of the list says its settings as text."""

    @property
    def spec(self) -> str:
        """Its settings as text."""


class Pipeline(_core.Pipeline):
    """Events in, feature rows out: the same rows from one run, any chunks, or one event at a time.

    Parameters
    ----------
    instrument : Instrument
        The units; an event of another instrument is an error.
    clock : str
        When a row is written: "event", "best" (any best quote changed), "trade", or every "10s",
        "100events", "500trades", "1000volume", "50000value", or when trading is one-sided:
        "imbalance(volume, trades=100, min_trades=20, max_trades=500)", "run(...)". A grid in time
        stands at multiples of the span since the epoch plus `origin` (ns).
    features : dict[str, Calculator | str]
        Name -> calculator, or its spec text. The pipeline holds fresh copies.
    session : str | None
        "09:30-16:00 America/New_York", "00:00 UTC": flows restart with it, and with an end prints
        outside feed nothing and no rows are written outside.
    hidden : "volume" | "flow" | "none"
        What executions against hidden orders count in: the volume alone, the flow too, nothing.
    on_fault : "mark" | "raise"
        Feed faults mark the status and are counted; or FeedFault, the pipeline exactly before the
        offending atomic event (this keeps a copy of the state a call: for research and tests).
        "late" and "unfinished" are counted either way.
    on_gap : "mark" | "hold" | "raise"
        After a gap, or while a snapshot is pending: mark the status; write no rows until a
        complete snapshot, counted as "held_rows"; or FeedFault before the gap.
    on_crossed : "mark" | "hold" | "uncross" | "raise"
        While the book is crossed: mark the status; write no rows, counted as "held_rows"; remove
        the older levels or orders that cross, counted as "uncrossed"; or FeedFault before it.
        Depth rows and auctions are marked where others are uncrossed.
    stale_after : str | None
        "5s": rows are STALE once nothing came for longer; None: never.
    order : "error" | "as-is"
        Decreasing times are an error; or take the running maximum, counted as "late".
    max_rows : int
        More rows than this between two events is an error.
    history : int
        How many rows `latest` can reach back at least.

    Examples
    --------
    >>> import bookflow as bf
    >>> pipe = bf.Pipeline(bf.Instrument("X", price_unit="0.01", tick="0.01"), clock="event",
    ...                    features={"mid": bf.Mid(), "qi": bf.QueueImbalance()})
    >>> pipe.push(1, bf.Action.LEVEL, bf.Side.BID, 999, 30)
    1
    >>> pipe.push(2, bf.Action.LEVEL, bf.Side.ASK, 1001, 10)
    1
    >>> pipe.latest(1)["mid"], pipe.latest(1)["qi"]
    (array([10.]), array([0.5]))
    """

    __slots__ = ()

    def __init__(
        self,
        instrument: "Instrument",
        *,
        clock: str = "event",
        features: Mapping[str, Calculator | str],
        session: str | None = None,
        hidden: str = "volume",
        on_fault: str = "mark",
        on_gap: str = "mark",
        on_crossed: str = "mark",
        stale_after: str | None = None,
        order: str = "error",
        origin: int = 0,
        max_rows: int = 1_000_000,
        history: int = 1024,
    ) -> None:
        super().__init__(
            instrument,
            clock,
            [(_checked_name(name), _spec(name, given)) for name, given in features.items()],
            session=schedule(session),
            hidden=hidden,
            on_fault=on_fault,
            on_gap=on_gap,
            on_crossed=on_crossed,
            stale_after=stale_after,
            order=order,
            origin=origin,
            max_rows=max_rows,
            history=history,
        )

    @classmethod
    def from_spec(cls, text: str, instrument: "Instrument", **settings: Any) -> Self:
        """A pipeline from `spec` text: one `name=value` a line (or separated by ";").

        Settings are those of the constructor, everything else is a feature. `settings` replaces
        what the text says.
        """
        features: dict[str, str] = {}
        given: dict[str, Any] = {}
        for statement in re.split(r"[\n;]", text):
            if not statement.strip() or statement.lstrip().startswith("#"):
                continue
            name, equals, value = (part.strip() for part in statement.partition("="))
            if not equals:
                raise InputError("a statement is NAME=VALUE", field="spec", value=statement.strip())
            if name in given or name in features:
                raise InputError("is given twice", field="spec", value=name)
            if name in _SETTINGS:
                given[name] = _setting(name, value)
            else:
                features[name] = value
        return cls(instrument, features=features, **(given | settings))

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """A pipeline from `to_bytes`; StateError when the bytes are not one."""
        pipeline = cls.__new__(cls)
        _core.Pipeline.__init__(pipeline, state)
        return pipeline

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)

    def run(self, events: Any) -> FeatureFrame:
        """Takes events and returns the rows they wrote, continuing from the present state.

        Parameters
        ----------
        events : Events | structured array | dict of columns
            Lazy events are streamed: only their rows are kept.

        Raises
        ------
        InputError
            A field breaks a rule (source, row, field, value, rule); nothing of the chunk was
            applied. Of lazy events the chunks before it were.
        FeedFault
            With ``"raise"`` of a policy only.
        """
        if not isinstance(events, Events):
            from bookflow._from_table import event_columns

            # Types only: the core checks the fields, by this pipeline's own rule on order.
            columns, depth = event_columns(events, self.instrument, None, "array")
            events = Events(columns, self.instrument, depth=depth, source="array")
        if not events.is_lazy:
            return self._frame(self._rows(events))
        frames: list[FeatureFrame] = []
        self._hold()  # nobody comes between two chunks
        try:
            for chunk in events.chunks(_CHUNK):
                frames.append(self._frame(self._rows(chunk)))
        except FeedFault as fault:
            fault.rows_applied += chunk.first_row
            if fault.frame is not None:
                fault.frame = FeatureFrame.concat([*frames, fault.frame])
            raise
        finally:
            self._let_go()
        return FeatureFrame.concat(frames) if frames else self.latest(0)

    def stream(self, source: Events | Iterable[Any]) -> Iterator[FeatureRow]:
        """Rows as they are written, from chunks, records or tuples.

        Parameters
        ----------
        source : Events | iterable
            Events, or an iterable of Events or structured arrays (many events each), of single
            records of EVENT_DTYPE, or of tuples in the order of `push`.
        """
        for item in source.chunks(_CHUNK) if isinstance(source, Events) else source:
            if isinstance(item, tuple):
                written = self.push(*item)
            elif isinstance(item, Events) or getattr(item, "shape", None) != ():
                yield from self.run(item)
                continue
            else:
                written = self._push_record(item)
            if written:
                yield from self.latest(written)

    def latest(self, n: int = 1) -> FeatureFrame:
        """The last n rows (fewer if there were fewer), a copy."""
        return self._frame(self._latest(n))

    def peek(
        self,
        ts: int,
        action: int,
        side: int,
        price: int | None,
        size: int,
        order_id: int = 0,
        flags: int = Flag.LAST,
    ) -> FeatureRow | None:
        """The row as it would be if this event came now and a row were written.

        Nothing is consumed and nothing changes, whatever happens: it is a push and a finish of a
        copy, which costs what the book and the windows take (some MB in a deep book).

        Parameters
        ----------
        ts, action, side, price, size, order_id, flags
            As of `push`. The event is taken as the LAST of its atomic event, with those that wait.

        Returns
        -------
        FeatureRow, marked PARTIAL where the clock would not write one here; None where no row could
        have the event in it: outside the session, in a snapshot whose book nothing followed, or
        while rows are held.

        Raises
        ------
        InputError, FeedFault
            As `push` would.
        """
        rows = self._frame(self._peek(ts, action, side, price, size, order_id, flags))
        return next(iter(rows), None)

    def finish(self) -> FeatureFrame:
        """Writes the open interval, if any event came since the last row, and returns its row.

        The row is stamped with the last time and marked PARTIAL. Events that wait for the LAST of
        their atomic event are dropped and counted as "unfinished".
        """
        return self.latest(self._finish())

    def _rows(self, events: Events) -> tuple[Any, ...]:
        columns = events.columns
        depth = events.depth
        try:
            return self._run(
                columns["ts"],
                columns["action"],
                columns["side"],
                columns["price"],
                columns["size"],
                columns["flags"],
                columns["order_id"],
                columns["instrument"],
                None if depth is None else depth.arrays(),
                source=events.source,
                first_row=events.first_row,
            )
        except FeedFault as fault:
            fault.frame = self._frame(cast("tuple[Any, ...]", fault.frame))
            raise

    def _push_record(self, record: Any) -> int:
        if int(record["instrument"]) != self.instrument.id:
            raise InputError(
                f"the instrument here is {self.instrument.id}",
                field="instrument",
                value=int(record["instrument"]),
            )
        fields = ("ts", "action", "side", "price", "size", "order_id", "flags")
        return self.push(*(int(record[name]) for name in fields))

    def _frame(self, rows: tuple[Any, ...]) -> FeatureFrame:
        ts, status, seen, clean, features = rows
        return FeatureFrame(
            ts,
            status,
            seen,
            clean,
            dict(zip(self.columns, features, strict=True)),
            spec=self.spec,
            instrument=self.instrument,
            version=_core.__version__,
        )

    def copy(self) -> Self:
        """A copy, state and all."""
        return self.from_bytes(self.to_bytes())

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __repr__(self) -> str:
        return f"<Pipeline {self.instrument.symbol!r}: {'; '.join(self.spec.splitlines())}>"


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise InputError(
            "a feature's name is letters, digits and _, and none of "
            + ", ".join(sorted(_RESERVED)),
            field="features",
            value=name,
        )
    return name


def _spec(name: str, given: Calculator | str) -> str:
    if isinstance(given, str):
        return given
    spec = getattr(given, "spec", None)
    if not isinstance(spec, str):
        raise InputError(
            "must be a calculator or its spec text", field=f"features[{name!r}]", value=repr(given)
        )
    return spec


def _setting(name: str, text: str) -> Any:
    if name in ("origin", "max_rows", "history"):
        try:
            return int(text)
        except ValueError:
            raise InputError("must be an integer", field=name, value=text) from None
    unquoted = text[1:-1] if text[:1] in "\"'" and text[-1:] == text[:1] and len(text) > 1 else text
    return None if text == "None" else unquoted
