"""A simulated trading session: its events, and where the informed traders were."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bookflow._core import Instrument
from bookflow.errors import InputError
from bookflow.events import NONE, Action, Events, Flag, Side
from bookflow.simulation.arrivals import Arrivals, Window, burst_windows, draw_arrivals
from bookflow.simulation.draws import Draws, Floats, Integers
from bookflow.simulation.market import OPENING, Market, Tape, open_market, trade

FEWEST_EVENTS = 1_000
MOST_BURSTS = 100

_OPEN = 1_704_205_800_000_000_000  # 2024-01-02 09:30 in New York
_MIDDLE = 10_000  # ticks: the opening price; the ladder is twice as long
_SECOND = 1_000_000_000
_STEP = 0.05  # ticks: deviation of the fair price's step at each arrival
_STEP_IN_BURST = 0.01  # there it goes one way
_BURST_TICKS = 15.0
_BURST_ARRIVALS_A_TICK = 200  # small sessions get smaller moves


class Burst(NamedTuple):
    """Informed traders bought (direction 1) or sold (-1) in start <= ts < end."""

    start: int
    end: int
    direction: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What `simulate` returns."""

    events: Events
    bursts: tuple[Burst, ...]
    instrument: Instrument


def simulate(
    seed: int = 0,
    events: int = 1_000_000,
    *,
    bursts: int = 6,
    hours: float = 6.5,
    start: int = _OPEN,
    instrument: Instrument | None = None,
) -> Simulation:
    """A market-by-order session of `events` rows, the same bits for the same arguments anywhere.

    Orders, cancellations and trades arrive as a Hawkes process with an exponential kernel around
    a fair price that wanders. In each of the `bursts` windows informed traders come in numbers
    and take from one side while the fair price moves their way. The first rows are a snapshot.

    `start` is the opening in ns since the epoch; `instrument` needs one tick that is its price
    unit, and is 0.01 by 0.01 with whole shares when not given.

    >>> sim = bf.simulate(seed=1, events=50_000)
    >>> len(sim.events), len(sim.bursts)
    (50000, 6)
    """
    if events < FEWEST_EVENTS:
        raise InputError(f"must be at least {FEWEST_EVENTS}", field="events", value=events)
    if not 0 <= bursts <= MOST_BURSTS:
        raise InputError(f"must be 0 to {MOST_BURSTS}", field="bursts", value=bursts)
    if not 0 < hours <= 24:
        raise InputError("must be above 0 and at most 24", field="hours", value=hours)
    if instrument is None:
        instrument = Instrument("SIM", price_unit="0.01", tick="0.01", size_unit="1")
    elif instrument.tick not in (None, instrument.price_unit):
        rule = f"must be the price unit, {instrument.price_unit}"
        raise InputError(rule, field="instrument.tick", value=str(instrument.tick))
    draws = Draws(seed)
    rows = events - OPENING - 1
    span = hours * 3600.0
    windows = burst_windows(draws, bursts, span)
    arrivals = draw_arrivals(draws, rows, span, windows)
    market = open_market(draws, 2 * _MIDDLE, _MIDDLE)
    opening = _snapshot(market)
    tape = trade(draws, market, arrivals, _fair_price(draws, arrivals, windows), rows)
    # Trades take several rows, so not all arrivals are used: the last one used closes the session.
    stretch = span / float(arrivals.time[tape.arrival[-1]]) * _SECOND
    ts = start + (arrivals.time[tape.arrival] * stretch).astype(np.int64)
    return Simulation(
        Events(_columns(opening, tape, ts, start), instrument, source=f"simulation {seed}"),
        tuple(
            Burst(start + int(w.start * stretch), start + int(w.end * stretch), w.direction)
            for w in windows
        ),
        instrument,
    )


def _fair_price(draws: Draws, arrivals: Arrivals, windows: list[Window]) -> Floats:
    """In ticks at each arrival: a random walk in event time that moves on through each burst."""
    steps = draws.bell(len(arrivals)) * _STEP
    moved = np.zeros(len(arrivals))
    for window in windows:
        first, end = np.searchsorted(arrivals.time, (window.start, window.end)).tolist()
        steps[first:end] *= _STEP_IN_BURST / _STEP
        ticks = min(_BURST_TICKS, (end - first) / _BURST_ARRIVALS_A_TICK)
        done = (arrivals.time - window.start) / (window.end - window.start)
        moved += window.direction * ticks * np.clip(done, 0.0, 1.0)
    fair = _MIDDLE + np.cumsum(steps) + moved
    # The ladder's ends are for orders that rest far behind.
    return np.clip(fair, 0.5 * _MIDDLE, 1.5 * _MIDDLE)


def _snapshot(market: Market) -> Tape:
    n = len(market.slot_id)
    return Tape(
        action=np.full(n, int(Action.ADD)),
        order_id=np.array(market.slot_id),
        side=np.array(market.slot_side),
        ticks=np.array(market.slot_ticks),
        size=np.array(market.slot_size),
        arrival=np.full(n, -1),
    )


def _columns(opening: Tape, tape: Tape, ts: Integers, start: int) -> dict[str, Integers]:
    """The event columns: a CLEAR, the opening orders, and what was traded."""

    def joined(clear: int, name: str) -> Integers:
        return np.concatenate([[clear], getattr(opening, name), getattr(tape, name)])

    n_opening = 1 + len(opening.action)
    arrival = joined(-1, "arrival")
    last = np.append(arrival[1:] != arrival[:-1], True)
    flags = np.where(last, int(Flag.LAST), 0)
    flags[:n_opening] |= int(Flag.SNAPSHOT)
    return {
        "ts": np.concatenate([np.full(n_opening, start), ts]),
        "order_id": joined(0, "order_id").astype(np.uint64),
        "price": joined(NONE, "ticks"),
        "size": joined(0, "size"),
        "action": joined(int(Action.CLEAR), "action").astype(np.uint8),
        "side": joined(int(Side.NONE), "side").astype(np.uint8),
        "flags": flags.astype(np.uint16),
    }
