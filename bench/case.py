"""What is measured: groups of competitors that do the same work and must give the same answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def nothing() -> None:
    """What a case without a state prepares."""


@dataclass(frozen=True)
class Case:
    """One competitor: `prepare` untimed before every round, `run` timed, `check` its answer."""

    name: str
    run: Callable[[Any], Any]
    check: Callable[[Any], None]
    events: int
    prepare: Callable[[], Any] = nothing


@dataclass(frozen=True)
class Target:
    """What bookflow is to reach: `limit` ns an event, or `factor` times a competitor's time.

    A factor above 1 is what another may be faster by ("within 1.3x"), one below 1 what bookflow
    must be faster by (1/4: four times as fast).
    """

    text: str
    limit: float | None = None
    factor: float | None = None
    beside: str = ""
    minus: str = ""  # a competitor whose time is the work that the limit does not count
    of: str = "bookflow"


@dataclass
class Group:
    """The competitors of one kind of work over one stream; `missing` names who is not there."""

    name: str
    work: str
    stream: str
    cases: list[Case]
    targets: list[Target] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    real: bool = False

    def take(self, name: str, make: Callable[[], Case]) -> None:
        """Adds a competitor that may not be installed, or may not do the work: then it says so."""
        try:
            self.cases.append(make())
        except Exception as reason:  # whatever a peer raises is told on the page
            self.missing.append((name, f"{type(reason).__name__}: {reason}".splitlines()[0]))


Maker = Callable[[bool], Iterable[Group]]
GROUPS: dict[str, Maker] = {}


def group(name: str) -> Callable[[Maker], Maker]:
    """Registers a function that makes the groups of a name; it is told whether to be quick."""

    def register(make: Maker) -> Maker:
        GROUPS[name] = make
        return make

    return register


def equal_columns(expected: tuple[Any, ...]) -> Callable[[Any], None]:
    """Every row of every column, exactly."""

    def check(answer: Any) -> None:
        assert len(answer) == len(expected)
        for mine, truth in zip(answer, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(mine), truth)

    return check
