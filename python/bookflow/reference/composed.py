"""Calculators of calculators: what the values of another one come to.

A value is taken where a row is written, or at each atomic event. What reads values of the second
kind lives there itself: to it every atomic event is what a row is to the others.
"""

import ast
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple

from .tape import Reading, Tape
from .units import Units
from .window import Key, Window
from .words import NAN, NONE

Call = tuple[str, Mapping[str, Any]]
"""A calculator's snake name and its settings."""


class Sample(NamedTuple):
    """What the sources were at one place. Nothing is differenced between two lives."""

    key: Key
    values: tuple[float, ...]
    life: Any


class History(NamedTuple):
    """All samples up to now, and what a reading sees of them."""

    samples: Sequence[Sample]
    now: Key
    row: int
    """The first sample since the row before."""
    row_ts: int
    """When that row was written; NONE: it is the first."""
    session: int
    """The first sample of this session."""
    life: Any

    def in_window(self, window: Window) -> list[tuple[int | float, Sample]]:
        """(weight, sample) of those the window holds."""
        first = {"row": self.row, "reset": 0}.get(window.kind, self.session)
        weighted = [(window.weight(s.key, self.now), s) for s in self.samples[first:]]
        return [(weight, sample) for weight, sample in weighted if weight]

    def this_life(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.life == self.life]


def parse_spec(text: str) -> Call:
    """A spec in full, which is Python's own syntax.

    >>> parse_spec('Ratio(of=Mid(), by=Spread(unit="ticks"))')
    ('ratio', {'of': 'Mid()', 'by': "Spread(unit='ticks')"})
    """
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", call.func.id).lower()
    name = {"min": "minimum", "max": "maximum"}.get(name, name)
    settings = {}
    for keyword in call.keywords:
        nested = isinstance(keyword.value, ast.Call)
        value = ast.unparse(keyword.value) if nested else ast.literal_eval(keyword.value)
        settings[str(keyword.arg)] = value
    return name, settings


def deepest(calls: Sequence[Call], fallback: int) -> int:
    """How many levels any of these looks at, or any that they look at."""
    levels = [1]
    for _, settings in calls:
        nested = [parse_spec(s) for s in settings.values() if isinstance(s, str) and s[-1:] == ")"]
        levels += [settings.get("levels", fallback), deepest(nested, fallback)]
    return max(levels)


def _lives(tape: Tape, end: int) -> tuple[int, int]:
    """How many first states and session ends a sample that sees `moments[:end]` comes after."""
    if end not in tape.lives:
        firsts = sum(1 for m in range(end) if m in tape.first_states or not tape.fed[m])
        tape.lives[end] = firsts, sum(1 for m in tape.restarts if m < end)
    return tape.lives[end]


def history(
    tape: Tape, at: Reading, units: Units, sources: Sequence[str | None], on: str = "row"
) -> History:
    """What these sources were, wherever they are looked at, as `at` sees it."""
    assert all(sources)
    looks = "event" if "event" in (on, at.domain) else "row"
    readings = tape.readings[looks]
    if looks == at.domain:
        own = next(i for i in range(len(readings) - 1, -1, -1) if readings[i] is at)
        readings = readings[: own + 1]
    else:
        readings = readings[: bisect_left(readings, at.end + 1, key=lambda r: r.end)]
    columns = [_values(tape, units, str(source), looks, readings) for source in sources]
    samples = [
        Sample(r.now, tuple(column[i] for column in columns), _lives(tape, r.end))
        for i, r in enumerate(readings)
    ]
    rows = tape.readings[at.domain]
    before = rows[: next(i for i, r in enumerate(rows) if r is at)]
    since = len(readings) - 1
    if looks != at.domain:
        since = sum(r.end <= at.last_row for r in readings)
    return History(
        samples,
        at.now,
        since,
        before[-1].now.ts if before else NONE,
        sum(r.end <= at.restart for r in readings),
        _lives(tape, at.end),
    )


def _values(
    tape: Tape, units: Units, source: str, looks: str, readings: Sequence[Reading]
) -> list[Any]:
    """The source's values at these readings, each worked out once."""
    from .catalogue import DEFINITIONS

    known = tape.values.setdefault((source, looks), [])
    name, settings = parse_spec(source)
    for reading in readings[len(known) :]:
        known.append(DEFINITIONS[name](tape, reading, units, **settings))
    return known


def histories(columns: Sequence[Sequence[float]], ts: Sequence[int] | None = None) -> list[History]:
    """Columns of values: every element is a sample and a row."""
    times = [NONE] * len(columns[0]) if ts is None else [int(t) for t in ts]
    samples = [
        Sample(Key(t, i + 1, 0), tuple(float(x) for x in values), 0)
        for i, (t, values) in enumerate(zip(times, zip(*columns, strict=True), strict=True))
    ]
    return [
        History(samples[: i + 1], samples[i].key, i, times[i - 1] if i else NONE, 0, 0)
        for i in range(len(samples))
    ]


Definition = Callable[..., float]
"""definition(past, **settings) -> what a calculator is, seen from the past's end."""


def for_pipeline(definition: Definition, *usual: str) -> Definition:
    """A definition over a history as one over a tape; `usual`: its sources if none is given."""
    inputs = ("of", "by")[: max(1, len(usual))]

    def at(
        tape: Tape, reading: Reading, units: Units, *, on: str = "row", **settings: Any
    ) -> float:
        given = [settings.pop(name, None) for name in inputs]
        sources = [source or usual[i] for i, source in enumerate(given)]
        return definition(history(tape, reading, units, sources, on), **settings)

    return at


def for_columns(definition: Definition) -> Callable[..., list[float]]:
    """The same over columns of values: every element is a sample and a row."""

    @wraps(definition)
    def columns(
        *values: Sequence[float], ts: Sequence[int] | None = None, **settings: Any
    ) -> list[float]:
        return [definition(past, **settings) for past in histories(values, ts)]

    return columns


# Of two, and one of many.


def ratio_at(tape: Tape, at: Reading, units: Units, *, of: str, by: str) -> float:
    return _ratio(history(tape, at, units, (of, by)))


def ratio(
    of: Sequence[float], by: Sequence[float], *, ts: Sequence[int] | None = None
) -> list[float]:
    """of / by; NaN where either is or where `by` is 0.

    >>> ratio([3.0, 1.0], [4.0, 0.0])
    [0.75, nan]
    """
    return [_ratio(h) for h in histories((of, by), ts)]


def _ratio(h: History) -> float:
    a, b = h.samples[-1].values
    return a / b if b else NAN


def difference_at(tape: Tape, at: Reading, units: Units, *, of: str, less: str) -> float:
    return _difference(history(tape, at, units, (of, less)))


def difference(
    of: Sequence[float], less: Sequence[float], *, ts: Sequence[int] | None = None
) -> list[float]:
    """of - less; NaN where either is.

    >>> difference([3.0], [4.5])
    [-1.5]
    """
    return [_difference(h) for h in histories((of, less), ts)]


def _difference(h: History) -> float:
    a, b = h.samples[-1].values
    return a - b


def pick_at(tape: Tape, at: Reading, units: Units, *, of: str, item: int = 1) -> float:
    vector: Any = history(tape, at, units, (of,)).samples[-1].values[0]
    return float(vector[item - 1])


def pick(of: Sequence[float], *, item: int = 1, ts: Sequence[int] | None = None) -> list[float]:
    """One number of a vector; alone the number itself.

    >>> pick([7.0])
    [7.0]
    """
    return [float(x) for x in of]
