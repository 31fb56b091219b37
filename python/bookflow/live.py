"""A pipeline in a thread of its own: what a process that sees every event of a market needs."""

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from bookflow import _core
from bookflow.errors import InputError, QueueFull
from bookflow.events import EVENT_DTYPE, Events, Status
from bookflow.frame import FeatureFrame, FeatureRow
from bookflow.pipeline import Pipeline
from bookflow.rings import EventQueue, FeatureRing, HistoryRing, Window

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["Live", "LiveAlarm", "LiveState"]

_CHUNK: Final = 65_536
_LOOK: Final = 0.002
"""Seconds between two looks of an asynchronous reader."""
_TURN: Final = 0.1
"""Seconds for which a thread waits before it looks whether it is still wanted."""


class LiveAlarm(NamedTuple):
    """A row in which a watched feature was neither 0 nor NaN."""

    ts: int
    """The row's time, ns."""
    row: int
    """Its number, counted from 0."""
    feature: str
    value: float


class LiveState(NamedTuple):
    """A pipeline as it stood between two events, and how many events it had taken by then."""

    pipeline: Pipeline
    events: int


class Live(_core.Live):
    """A pipeline that a native thread feeds from a queue, without the GIL.

    Events are pushed from any one Python thread, rows are read by any number of threads and
    processes. They are, bit for bit, the rows that `Pipeline.run` writes over the same events.

    Parameters
    ----------
    pipeline : Pipeline
        Live goes on from its state; the object itself is copied and stays as it is.
    queue : int | EventQueue
        Events that may wait, or a queue of one's own (of another process, with its ``name``).
    history : int
        Feature rows that can be read at any time.
    events : int
        Events that can be read at any time, in the ring `event_ring`; 0: none are kept.
    overflow, timeout : see EventQueue
        When the queue is full. The default, "block", waits for room, however long that takes. A
        queue of one's own has its own.
    wait : {"sleep", "yield", "spin"}
        How the thread waits for events: asleep for up to 0.2 ms, giving its core away, or
        burning it.
    heartbeat : str | None
        A span such as "100ms" after which time moves without an event: to the clock on the wall,
        less one heartbeat. Needs a pipeline with ``order="as-is"``, since an event may come with
        an earlier time; it counts as "late". Events must be stamped by the clock on the wall too.
    name : str
        Of a shared segment from which other processes read the rows (`FeatureRing.attach`).
    replace : bool
        Takes the place of a segment of that name whose maker is dead.

    Notes
    -----
    Fields are checked when events are pushed: a bad one raises InputError there, nothing of that
    call is queued, and the thread goes on. What can be known only behind the queue (a feed fault
    with ``"raise"``, sums that do not fit) stops the thread; the next call raises it, with the
    event's number as ``row``. An object that was forked says so.

    Examples
    --------
    >>> pipe = bf.Pipeline(instrument, features={"mid": bf.Mid()})
    >>> with bf.Live(pipe) as live:
    ...     live.push(1, bf.Action.LEVEL, bf.Side.BID, 999, 30)
    ...     live.push(2, bf.Action.LEVEL, bf.Side.ASK, 1001, 10)
    ...     live.drain()
    ...     with live.latest() as rows:
    ...         print(rows["mid"])
    1
    1
    [10.]
    """

    rows: FeatureRing
    """The ring of feature rows."""
    event_ring: HistoryRing | None
    """The ring of the events themselves (one column, "event"), if they are kept."""
    queue: EventQueue

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        queue: int | EventQueue = 65_536,
        history: int = 65_536,
        events: int = 0,
        overflow: str | None = None,
        timeout: float | None = None,
        wait: str = "sleep",
        heartbeat: str | None = None,
        name: str = "",
        replace: bool = False,
    ) -> None:
        span = 0 if heartbeat is None else _core.span_ns(heartbeat, "heartbeat")
        if not isinstance(queue, EventQueue):
            queue = EventQueue(queue, overflow=overflow or "block", timeout=timeout, wait=wait)
        elif overflow is not None or timeout is not None:
            raise InputError("is the queue's own setting", field="overflow, timeout")
        self.queue = queue
        self.event_ring = HistoryRing({"event": EVENT_DTYPE}, events) if events else None
        self.rows = FeatureRing.of(pipeline, history, name=name, replace=replace)
        try:
            super().__init__(
                pipeline.to_bytes(), self.queue, self.rows, self.event_ring, wait, span
            )
        except BaseException:
            self.rows.close()
            raise
        self._spec = pipeline.spec
        self._instrument = pipeline.instrument
        self._features = list(pipeline.columns)
        self._closed = False
        self._alarms = _Alarms(self)
        # A Python thread must not wait in the core when the interpreter ends.
        self._ending = weakref.finalize(
            self, _Alarms.end, self._alarms.ending, self._alarms.threads
        )

    # -- the thread ------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begins to take events; again after `stop`."""
        if self._closed:
            raise RuntimeError("this Live is closed")
        self._start()
        return self

    def stop(self) -> None:
        """Ends the thread after the batch that it is at. What waits in the queue stays there."""
        self._stop()

    def drain(self, timeout: float | None = None) -> bool:
        """Until all that was pushed is taken and its rows are there: whether that is so.

        False after `timeout` seconds. Raises what has stopped the thread, and RuntimeError if it
        does not run and events wait.
        """
        drained: bool = self._drain(timeout)
        self._rethrow()
        if not drained and not self.running:
            raise RuntimeError(f"{len(self.queue)} events wait, and the thread does not run")
        return drained

    def finish(self) -> FeatureFrame:
        """Drains, stops, and writes the open interval as `Pipeline.finish` does: its row."""
        self.drain()
        self.stop()
        return self.rows.frame(self._finish())

    def close(self) -> None:
        """Stops the thread and tells those who read the rows; what waits in the queue stays there.

        Rows can be read still. Closing again does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self._stop()
        self._close()
        if self._forked:
            return
        self._alarms.close()
        self._ending.detach()
        self.rows.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None and self.running:
                self.drain()
        finally:
            self.close()
        if error is None:
            self._rethrow()
            self._alarms.rethrow()

    # -- events in -------------------------------------------------------------------------------

    def _push_events(self, events: Any) -> int:
        """`push` of many: Events (a handler's, a reader's), a structured array, or one record.

        Of lazy events the chunks before a bad one are taken, as `Pipeline.run` takes them.
        """
        if not isinstance(events, Events):
            from bookflow._from_table import event_columns

            if getattr(events, "shape", None) == ():  # one record
                events = np.asarray(events).reshape(1)
            columns, depth = event_columns(events, self._instrument, None, "array")
            events = Events(columns, self._instrument, depth=depth, source="array")
        taken = 0
        whole = (events,) if not events.is_lazy and len(events) else ()
        for chunk in events.chunks(_CHUNK) if events.is_lazy else whole:
            try:
                rows = None if chunk.depth is None else chunk.depth.arrays()
                some = self._push(chunk.columns, rows, chunk.source, chunk.first_row)
            except QueueFull as full:
                full.accepted += taken
                raise
            taken += some
            if some < len(chunk) and self.queue.overflow != "drop":
                break
        return taken

    # -- rows out --------------------------------------------------------------------------------

    def latest(self, n: int = 1) -> Window:
        """The last n rows in place, without a copy; see Window."""
        self._rethrow()
        return self.rows.latest(n)

    def frame(self, n: int) -> FeatureFrame:
        """The last n rows (fewer if there were fewer), a copy."""
        self._rethrow()
        return self.rows.frame(n)

    def wait(self, seen: int | None = None, timeout: float | None = None) -> int:
        """Until there are more rows than `seen` (None: than now), at most `timeout` seconds.

        Returns how many there are; also when the time is over, or the thread does not run.
        """
        written: int = self._wait(self.rows.written if seen is None else seen, timeout)
        self._rethrow()
        return written

    def __iter__(self) -> Iterator[FeatureRow]:
        """Rows from now on, until the thread is stopped; Overrun if they come faster than read."""
        return self._rows_from(self.rows.written)

    def _rows_from(self, seen: int) -> Iterator[FeatureRow]:
        while (frame := self._next_rows(seen, None)) is not None:
            seen += len(frame)
            yield from frame

    def __aiter__(self) -> AsyncIterator[FeatureRow]:
        """The same in an event loop, which goes on between two looks, 2 ms apart."""
        return self._later_rows_from(self.rows.written)

    async def _later_rows_from(self, seen: int) -> AsyncIterator[FeatureRow]:
        # A look now and then: a thread that waited for each reader would be one too many.
        while (frame := self._next_rows(seen, 0)) is not None:
            seen += len(frame)
            for row in frame:
                yield row
            await asyncio.sleep(0 if len(frame) else _LOOK)

    def _next_rows(self, seen: int, timeout: float | None) -> FeatureFrame | None:
        """None: there will be none."""
        runs = self.running  # before the count: what was written by then is not missed
        if self._wait(seen, timeout) == seen and not runs:
            self._rethrow()
            return None
        return self.rows.frame_since(seen)

    # -- what it says ----------------------------------------------------------------------------

    @property
    def spec(self) -> str:
        """The pipeline's text."""
        return self._spec

    @property
    def instrument(self) -> "Instrument":
        """What the events are of."""
        return self._instrument

    @property
    def status(self) -> Status:
        """The book's status after the last batch."""
        return Status(self._status)

    def state(self, timeout: float | None = 10.0) -> LiveState:
        """The pipeline as it stands between two batches, a copy; TimeoutError after `timeout` s.

        The thread pauses while it writes its state down. This is what a checkpoint keeps.
        """
        state = self._state(timeout)
        if state is None:
            raise TimeoutError(f"the thread gave no state within {timeout} s")
        return LiveState(Pipeline.from_bytes(state[0]), state[1])

    def latency(self, *quantiles: float) -> list[float]:
        """Quantiles (0 to 1) of the time from a push to its row, in ns, to the next 1/8 upwards.

        Of each batch its oldest event is counted. NaN before the first row.
        """
        if not all(0 <= q <= 1 for q in quantiles):
            raise InputError("must be from 0 to 1", field="quantiles", value=quantiles)
        buckets = self.counters["latency"]
        below = np.array([b for b, _ in buckets], np.float64)
        counts = np.cumsum([n for _, n in buckets])
        if not buckets:
            return [float("nan")] * len(quantiles)
        places = np.searchsorted(counts, np.asarray(quantiles) * counts[-1])
        return [float(below[min(p, len(below) - 1)]) for p in places]

    def on_alarm(self, feature: str, call: Callable[[LiveAlarm], object]) -> None:
        """Calls `call` with a LiveAlarm for each later row in which `feature` is neither 0 nor NaN.

        Alarms are found in the native thread and go through a queue of their own (4,096 of them;
        ``counters["alarms_lost"]``) to one Python thread, which makes the calls in order. An
        exception of a call is raised when Live is left or by `raise_alarm_error`; the others go on.
        """
        if feature not in self._features:
            raise InputError(
                f"the features are {', '.join(self._features)}", field="feature", value=feature
            )
        self._alarms.call(self._features.index(feature), feature, call)

    def raise_alarm_error(self) -> None:
        """Raises the first exception of a call of `on_alarm` that was not raised yet."""
        self._alarms.rethrow()

    def __repr__(self) -> str:
        runs = "closed" if self._closed else "running" if self.running else "stopped"
        return f"<Live {self._instrument.symbol!r}: {runs}, {self.rows.written} rows>"


class _Alarms:
    """The calls of `on_alarm`, and the thread that makes them."""

    def __init__(self, live: Live) -> None:
        self._live = weakref.ref(live)  # the thread must not keep it alive
        self._calls: dict[int, tuple[str, list[Callable[[LiveAlarm], object]]]] = {}
        self.threads: list[threading.Thread] = []
        self.ending = threading.Event()
        self._error: BaseException | None = None

    def call(self, column: int, feature: str, call: Callable[[LiveAlarm], object]) -> None:
        live = self._live()
        assert live is not None
        self._calls.setdefault(column, (feature, []))[1].append(call)
        live._watch(column)
        if not self.threads:
            thread = threading.Thread(target=self._run, name="bookflow alarms", daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while (live := self._live()) is not None:
            ending = self.ending.is_set()  # before the queue: what is in it then is still called
            alarm = live._next_alarm(_TURN)
            idle = alarm is None and not live.running
            del live
            if alarm is None:
                if ending:
                    return
                if idle:
                    self.ending.wait(_TURN)
                continue
            ts, row, column, value = alarm
            feature, calls = self._calls.get(column, ("", []))
            for call in calls:
                try:
                    call(LiveAlarm(ts, row, feature, value))
                except BaseException as error:  # the others are called still
                    self._error = self._error or error

    @staticmethod
    def end(
        ending: threading.Event, threads: list[threading.Thread], timeout: float | None = 1.0
    ) -> None:
        """A call that does not return is waited for no longer than that: a process must end."""
        ending.set()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout)

    def close(self) -> None:
        self.end(self.ending, self.threads, None)
        self._calls.clear()  # they may hold whom they are told of

    def rethrow(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
