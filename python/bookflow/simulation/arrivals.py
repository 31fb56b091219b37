"""When traders act: self-exciting arrivals, and the windows in which some of them know more.

A Hawkes process with an exponential kernel is a cluster process: immigrants come by themselves,
and everyone has a Poisson number of children, each after an exponential delay. Drawn generation
by generation it needs no loop over events. A child copies its parent's intention half of the
time, so that trades follow trades, and buys buys.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bookflow.simulation.draws import Draws, Floats

CHILDREN = 0.55
"""Mean number of children of one arrival: the branching ratio."""
DELAY = 0.05
"""Seconds: mean delay of a child, the kernel's time constant."""
COPIES = 0.5
"""Chance that a child wants what its parent wanted."""
BURST_BOOST = 2.0
"""Immigrants inside a burst, beyond the usual ones, as a multiple of the usual rate."""
INFORMED = 0.7
"""Share of a burst's market orders that come from informed traders."""

_BURST_LENGTH = 0.016  # of the session
_BURSTS_FROM, _BURSTS_TO = 0.06, 0.84


@dataclass(frozen=True, slots=True)
class Window:
    """An informed burst in seconds from the open; direction +1 buys, -1 sells."""

    start: float
    end: float
    direction: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """One entry an arrival, in time order. `kind` and `sign` are uniform draws: the market reads
    them as what the trader does and, for a market order, on which side."""

    time: Floats
    kind: Floats
    sign: Floats

    def __len__(self) -> int:
        return len(self.time)

    def take(self, index: npt.NDArray[np.int64]) -> "Arrivals":
        return Arrivals(self.time[index], self.kind[index], self.sign[index])


def burst_windows(draws: Draws, bursts: int, span: float) -> list[Window]:
    """One burst in each equal part of the session's middle, at a random place in it."""
    if bursts == 0:
        return []
    part = (_BURSTS_TO - _BURSTS_FROM) / bursts
    length = min(_BURST_LENGTH, part / 2)
    place, side = draws.uniform(bursts).tolist(), draws.uniform(bursts).tolist()
    starts = [_BURSTS_FROM + part * i + (part - length) * place[i] for i in range(bursts)]
    return [
        Window(start * span, (start + length) * span, 1 if u < 0.5 else -1)
        for start, u in zip(starts, side, strict=True)
    ]


def draw_arrivals(draws: Draws, count: int, span: float, windows: list[Window]) -> Arrivals:
    """The first `count` arrivals of a session; by intention they fill all of it."""
    parts: list[Arrivals] = []
    have = 0
    while have < count:
        wanted = int((count - have) * (1 - CHILDREN) * 1.02) + 16
        generation = _immigrants(draws, wanted, span, windows)
        while len(generation):
            parts.append(generation)
            have += len(generation)
            generation = _children(draws, generation)
    everyone = Arrivals(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("time", "kind", "sign"))
    )
    first = everyone.take(np.argsort(everyone.time, kind="stable")[:count])
    return _informed(draws, first, windows)


def _informed(draws: Draws, arrivals: Arrivals, windows: list[Window]) -> Arrivals:
    sign = arrivals.sign.copy()
    for window in windows:
        first, end = np.searchsorted(arrivals.time, (window.start, window.end)).tolist()
        knows = draws.uniform(end - first) < INFORMED
        # The ends of the range: no lean of the market towards its fair price turns them round.
        sign[first:end][knows] = 0.0 if window.direction > 0 else 1.0
    return Arrivals(arrivals.time, arrivals.kind, sign)


def _immigrants(draws: Draws, n: int, span: float, windows: list[Window]) -> Arrivals:
    boosted = BURST_BOOST * sum(w.end - w.start for w in windows) / span
    extra = int(n * boosted / (1 + boosted))
    # Half evenly over the day, half busier towards both ends: the usual U of a session.
    u = draws.uniform(n - extra)
    ends = 0.5 + 0.5 * np.sign(u - 0.5) * np.sqrt(np.abs(2 * u - 1))
    time = np.where(draws.uniform(n - extra) < 0.5, u, ends) * span
    if extra:
        length = windows[0].end - windows[0].start
        starts = np.array([w.start for w in windows])
        which = (draws.uniform(extra) * len(windows)).astype(np.int64)
        time = np.concatenate([time, starts[which] + draws.uniform(extra) * length])
    return Arrivals(time, draws.uniform(n), draws.uniform(n))


def _children(draws: Draws, parents: Arrivals) -> Arrivals:
    births = draws.poisson(CHILDREN, len(parents))
    parent = parents.take(np.repeat(np.arange(len(parents)), births))
    n = len(parent)
    time = parent.time + draws.exponential(n) * DELAY
    copies = draws.uniform(n) < COPIES
    kind = np.where(copies, parent.kind, draws.uniform(n))
    sign = np.where(copies, parent.sign, draws.uniform(n))
    return Arrivals(time, kind, sign)
