"""Many instruments on many cores: a pipeline each, and threads that share the work."""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, Literal, overload

from bookflow.errors import FeedFault, InputError, InstrumentErrors
from bookflow.events import Events
from bookflow.frame import FeatureFrame
from bookflow.pipeline import Pipeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bookflow._core import Instrument

__all__ = ["run_many"]

_CHUNK: Final = 1 << 20
"""Rows of a lazy source of many instruments that are read, and shared out, at a time."""

Pipelines = Pipeline | Mapping[str, Pipeline]


@overload
def run_many(
    events: Mapping[str, Events] | Events,
    pipeline: Pipelines,
    *,
    threads: int | None = None,
    frame: Literal[False] = False,
    finish: bool = False,
) -> dict[str, FeatureFrame]: ...
@overload
def run_many(
    events: Mapping[str, Events] | Events,
    pipeline: Pipelines,
    *,
    threads: int | None = None,
    frame: Literal[True],
    finish: bool = False,
) -> FeatureFrame: ...
def run_many(
    events: Mapping[str, Events] | Events,
    pipeline: Pipelines,
    *,
    threads: int | None = None,
    frame: bool = False,
    finish: bool = False,
) -> dict[str, FeatureFrame] | FeatureFrame:
    """The rows of many instruments: the same bits as of one `Pipeline.run` after the other.

    Threads take one instrument each, the largest first, and compute without the interpreter lock.
    One instrument's events are never shared out, so the largest is the least that it takes.

    Parameters
    ----------
    events : Mapping[str, Events] | Events
        Events by symbol; or those of several instruments, which go by their instrument's symbol
        (its id, where it has none). Lazy ones are streamed, those of a mapping each in the thread
        that has it, before those whose length is known.
    pipeline : Pipeline | Mapping[str, Pipeline]
        The settings of all: each instrument has a fresh pipeline of them, and this one's own
        instrument and state are not used. Or a pipeline a symbol, which goes on from its state and
        has state and faults afterwards.
    threads : int | None
        How many, at least 1; None: as many as the process may use CPUs.
    frame : bool
        One frame, instrument by instrument, whose rows have a `FeatureFrame.symbol`.
    finish : bool
        Write the open interval of each at its end as well, as `Pipeline.finish` does.

    Returns
    -------
    dict[str, FeatureFrame], in the order given, or of first appearance; or one FeatureFrame.

    Raises
    ------
    InstrumentErrors
        What stopped some instruments, by symbol, with the rows of all. The others ran to their end.
        Rows of its messages count the instrument's own events, as `Events.split` gives them.
    InputError
        The arguments are wrong, or a source of several instruments is; nothing is returned.
    """
    if threads is None:
        threads = _cpus()
    elif threads < 1:
        raise InputError("must be at least 1", field="threads", value=threads)
    with ThreadPoolExecutor(threads, "bookflow") as pool:
        try:
            if isinstance(events, Events):
                jobs = _source(events, pipeline, pool)
            else:
                jobs = _mapping(events, pipeline, pool)
            frames = dict(pool.map(lambda job: (job.symbol, job.ended(finish)), jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    errors = {job.symbol: job.error for job in jobs if job.error is not None}
    if errors:
        raise InstrumentErrors(errors, frames)
    return FeatureFrame.concat(frames) if frame else frames


class _Job:
    """One instrument: its pipeline, its rows so far, and what stopped it."""

    def __init__(self, symbol: str, instrument: "Instrument", pipelines: Pipelines) -> None:
        self.symbol = symbol
        self.error: Exception | None = None
        self._frames: list[FeatureFrame] = []
        self._taken = 0
        if isinstance(pipelines, Pipeline):
            self._pipeline = Pipeline.from_spec(pipelines.spec, instrument)
        elif symbol in pipelines:
            self._pipeline = pipelines[symbol]
        else:
            raise InputError("has no pipeline", field="pipeline", value=symbol)

    def take(self, events: Events, rows: "slice | NDArray[np.intp] | None" = None) -> None:
        """These rows of the events (None: all that there are), unless something stopped it."""
        if self.error is not None:
            return
        before = self._taken
        try:
            if rows is not None:
                events = events._taken(rows, self._pipeline.instrument)
                events.first_row = before
                self._taken += len(events)
            self._frames.append(self._pipeline.run(events))
        except Exception as error:
            if isinstance(error, FeedFault) and error.frame is not None:
                error.rows_applied += before
                self._frames.append(error.frame)
            self.error = error

    def ended(self, finish: bool) -> FeatureFrame:
        """All rows that it wrote; `finish`: and that of the open interval."""
        if finish and self.error is None:
            self._frames.append(self._pipeline.finish())
        return FeatureFrame.concat(self._frames) if self._frames else self._pipeline.latest(0)


Part = tuple[_Job, Events, "slice | NDArray[np.intp] | None"]


def _mapping(
    events: Mapping[str, Events], pipelines: Pipelines, pool: ThreadPoolExecutor
) -> list[_Job]:
    jobs = [_Job(symbol, part.instrument, pipelines) for symbol, part in events.items()]
    # How many a lazy one has is not known before it is read, and then it is late to begin.
    sizes = [math.inf if part.is_lazy else len(part) for part in events.values()]
    parts: list[Part] = [(job, part, None) for job, part in zip(jobs, events.values(), strict=True)]
    wait(_begun(parts, sizes, pool))
    return jobs


def _source(events: Events, pipelines: Pipelines, pool: ThreadPoolExecutor) -> list[_Job]:
    jobs: dict[int, _Job] = {}
    symbols: dict[str, int] = {}
    running: list[Future[None]] = []
    for chunk in events.chunks(_CHUNK) if events.is_lazy else (events,):
        parts: list[Part] = []
        sizes = []
        for number, rows in chunk._rows_of_each().items():
            if number not in jobs:
                instrument = events._instrument_of(number)
                symbol = instrument.symbol or str(number)
                if symbols.setdefault(symbol, number) != number:
                    raise InputError(
                        f"is the symbol of instruments {symbols[symbol]} and {number}: "
                        "split() the events and name each",
                        source=events.source,
                        field="symbol",
                        value=symbol,
                    )
                jobs[number] = _Job(symbol, instrument, pipelines)
            parts.append((jobs[number], chunk, rows))
            sizes.append(len(chunk) if isinstance(rows, slice) else len(rows))
        wait(running)  # this chunk was read meanwhile; an instrument's own come in order
        running = _begun(parts, sizes, pool)
    wait(running)
    return list(jobs.values())


def _begun(
    parts: Sequence[Part], sizes: Sequence[float], pool: ThreadPoolExecutor
) -> list[Future[None]]:
    """The parts in the order of their sizes, largest first: what is left at the end is short."""
    order = sorted(range(len(parts)), key=lambda i: -sizes[i])
    return [pool.submit(job.take, events, rows) for job, events, rows in (parts[i] for i in order)]


def _cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
