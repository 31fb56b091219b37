"""Interleaved rounds on one CPU, each in an order of its own; medians of CPU time."""

import gc
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.case import Case, Group


@dataclass(frozen=True)
class Figure:
    """Nanoseconds an event: the median of the rounds, and their spread."""

    name: str
    median: float
    least: float
    most: float
    rounds: int


@contextmanager
def quiet() -> Iterator[None]:
    """One CPU, no garbage collection."""
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cpus is not None:
        os.sched_setaffinity(0, {max(cpus)})
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        if cpus is not None:
            os.sched_setaffinity(0, cpus)


def one_round(case: Case, *, checked: bool, clock: Callable[[], int]) -> float:
    state = case.prepare()
    begin = clock()
    answer = case.run(state)
    taken = clock() - begin
    if checked:
        case.check(answer)
    return taken / case.events


def measure(
    group: Group,
    *,
    seconds: float = 8.0,
    least: int = 5,
    clock: Callable[[], int] = time.process_time_ns,
) -> list[Figure]:
    """Rounds until `seconds` are over, `least` of them whatever they take.

    The round before them warms up compilers and pages, and is where every answer is checked: a
    competitor that is wrong is not ranked but named, with its reason, among the missing.
    """
    with quiet():
        for case in list(group.cases):
            try:
                one_round(case, checked=True, clock=clock)
            except ImportError as absent:
                group.missing.append((case.name, f"{type(absent).__name__}: {absent}"))
                group.cases.remove(case)
            except AssertionError as wrong:
                if case.name.startswith(("bookflow", "floor")):
                    raise
                words = " ".join(str(wrong).split())[:160]
                group.missing.append((case.name, f"another answer: {words}"))
                group.cases.remove(case)
        times: dict[str, list[float]] = {case.name: [] for case in group.cases}
        begin = time.perf_counter()
        number = 0
        # Drawn, not rotated: after a competitor that floods the caches the next two read from
        # memory and the third from the cache, and in a rotation those are always the same.
        order = random.Random(1)
        while group.cases and (
            number < least or (time.perf_counter() - begin < seconds and number < 201)
        ):
            for case in order.sample(group.cases, len(group.cases)):
                times[case.name].append(one_round(case, checked=False, clock=clock))
            number += 1
    return [
        Figure(name, statistics.median(taken), min(taken), max(taken), number)
        for name, taken in times.items()
    ]
