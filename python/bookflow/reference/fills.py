"""What counts as one trade: a print, or all the fills of one aggressor order."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .tape import Print, Reading, Recorded, Tape
from .window import Window


class Trade(NamedTuple):
    """Its first print, how much that counts in a window, and the size so far."""

    weight: int | float
    first: Recorded
    size: int


def same_order(before: Recorded, after: Recorded) -> bool:
    """Whether two prints that follow one another are of one stamp and side."""
    return before.key.ts == after.key.ts and before.print.side == after.print.side


def first_fill(prints: Sequence[Recorded], i: int) -> int:
    """Where the trade begins of which the i-th print is one."""
    while i and same_order(prints[i - 1], prints[i]):
        i -= 1
    return i


def trades(
    tape: Tape, window: Window, at: Reading, fills: str, counts: Callable[[Print], bool]
) -> list[Trade]:
    """The trades in a window that the prints which count make: each belongs to where it began.

    >>> from .window import parse_window
    >>> tape = Tape()
    >>> tape.record(5, prints=[Print(100, 2, 1), Print(101, 3, 1), Print(100, 4, 2)])
    >>> at = tape.reading(5, 0)
    >>> flow = lambda one: one.in_flow
    >>> [t.size for t in trades(tape, parse_window(None), at, "aggressor", flow)]
    [5, 4]
    >>> [t.size for t in trades(tape, parse_window(None), at, "each", flow)]
    [2, 3, 4]
    """
    first = 0 if window.kind == "reset" else at.restart
    if window.kind == "row":
        first = max(first, at.last_row)
    every = [r for moment in tape.moments[first : at.end] for r in moment.prints]
    every = [r for r in every if counts(r.print)]
    out: list[Trade] = []
    for i, recorded in enumerate(every):
        size = recorded.print.size
        if fills == "aggressor" and i and same_order(every[i - 1], recorded):
            out[-1] = out[-1]._replace(size=out[-1].size + size)
        else:
            out.append(Trade(window.weight(recorded.key, at.now), recorded, size))
    return out
