"""The best quote over several venues of one thing, the same in batch and live."""

from collections.abc import Mapping
from typing import Any, Self

from bookflow import _core
from bookflow._core import Instrument
from bookflow.errors import InputError
from bookflow.events import Events

__all__ = ["Consolidated", "consolidated"]


class Consolidated:
    """The best bid and ask over venues, as QUOTE events, from their events as they come.

    After every atomic event of a venue the best price of each side is taken over the venues that
    count, with the sizes of all that stand at it added up (to 2^60 at most); where one of the four
    numbers is another one than before, two QUOTE rows say so. A venue counts while its book is
    good: two-sided, not crossed in itself, no gap since its last snapshot, neither halted nor in an
    auction; and while its last book event (no print, no STATUS) is no older than `stale_after`.
    When it gets older the quote without it is written 1 ns later. Venues may be crossed with each
    other: whoever takes the quotes marks that as CROSSED.

    Parameters
    ----------
    instruments : Mapping[str, Instrument]
        Of each venue; price unit, size unit, multiplier and kind must be equal.
    stale_after : str | None
        "5s": how old a venue's last book event may be; None: any age.
    instrument : Instrument | None
        What the quotes are of: by default the first venue's, without a tick where ticks differ.

    Examples
    --------
    >>> import bookflow as bf
    >>> cents = bf.Instrument("X", price_unit="0.01")
    >>> def quote(ts, bid, bid_size, ask, ask_size):
    ...     return bf.Events.from_quotes({"ts": [ts], "bid_price": [bid], "bid_size": [bid_size],
    ...                                   "ask_price": [ask], "ask_size": [ask_size]}, cents)
    >>> best = bf.Consolidated({"a": cents, "b": cents}, stale_after="5ns")
    >>> best.push("a", quote(1, 999, 2, 1001, 3)).price.tolist()
    [999, 1001]
    >>> more = best.push("b", quote(2, 999, 5, 1002, 7))
    >>> more.price.tolist(), more.size.tolist()
    ([999, 1001], [7, 3])
    >>> late = best.advance(9)
    >>> late.ts.tolist(), late.price.tolist() == [999, 1002, bf.NONE, bf.NONE]
    ([7, 7, 8, 8], True)
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        stale_after: str | None = None,
        instrument: Instrument | None = None,
    ) -> None:
        self._instruments = dict(instruments)
        if not self._instruments:
            raise InputError("there is nothing to consolidate", field="instruments")
        self._instrument = _common(self._instruments, instrument)
        self._own = {self._instrument.id: self._instrument}
        self._numbers = {name: number for number, name in enumerate(self._instruments)}
        span = 0 if stale_after is None else _core.span_ns(stale_after, "stale_after")
        self._venues = _core.Consolidated(self._instruments, self._instrument, span)

    @property
    def instrument(self) -> Instrument:
        """What the quotes are of."""
        return self._instrument

    def push(self, venue: str, events: Events) -> Events:
        """Takes a venue's events and returns the quotes they changed.

        Nothing may be earlier than what any venue has pushed before (`Reorder` sees to that). An
        atomic event may be cut between two pushes: its rows wait.
        """
        number = self._numbers.get(venue)
        if number is None:
            raise InputError(
                "must be one of " + ", ".join(self._numbers), field="venue", value=venue
            )
        return self._events(self._venues.push(number, *self._taken(venue, events)))

    def advance(self, ts: int) -> Events:
        """Time moves to `ts` (ns) without an event; returns the quotes that this changed."""
        return self._events(self._venues.advance(ts))

    def to_bytes(self) -> bytes:
        """Everything it is as bytes."""
        return self._venues.to_bytes()

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """One from `to_bytes`; StateError when the bytes are not that."""
        made = cls.__new__(cls)
        made._venues = _core.Consolidated.from_bytes(state)
        made._instruments = made._venues.instruments
        made._instrument = made._venues.instrument
        made._own = {made._instrument.id: made._instrument}
        made._numbers = {name: number for number, name in enumerate(made._instruments)}
        return made

    def _push_all(self, events: Mapping[str, Events]) -> Events:
        parts = [self._taken(venue, part) for venue, part in events.items()]
        return self._events(self._venues.push_all(parts))

    def _taken(self, venue: str, events: Events) -> tuple[Any, ...]:
        """What the core takes of a venue's events."""
        own = self._instruments[venue]
        if events.instrument is not own and events.instrument != own:
            raise InputError(
                "is not the venue's", field="instrument", value=events.instrument.symbol
            )
        if events._loader is not None:
            events._loaded()
        depth = None if events._depth is None else events._depth.arrays()
        return events._columns, depth, events.source, events.first_row

    def _events(self, columns: dict[str, Any]) -> Events:
        return Events._trusted(columns, self._instrument, "consolidated", self._own.copy())


def consolidated(
    venues: Mapping[str, Events],
    *,
    stale_after: str | None = None,
    instrument: Instrument | None = None,
) -> Events:
    """The best quote over venues, from the whole of their events: what `Consolidated` would say.

    Parameters
    ----------
    venues : Mapping[str, Events]
        Each one's events in order of time; of equal time the order of the mapping.
    stale_after, instrument
        As of `Consolidated`. Quotes that would get too old after the last event stay.
    """
    for name, events in venues.items():
        if not isinstance(events, Events):
            raise TypeError(f"{name} is {type(events).__name__}: Events are consolidated")
    own = {name: events.instrument for name, events in venues.items()}
    return Consolidated(own, stale_after=stale_after, instrument=instrument)._push_all(venues)


def _common(instruments: Mapping[str, Instrument], given: Instrument | None) -> Instrument:
    first = given or next(iter(instruments.values()))
    for name, one in instruments.items():
        for unit in ("price_unit", "size_unit", "multiplier", "kind"):
            if getattr(one, unit) != getattr(first, unit):
                raise InputError(
                    f"must be {getattr(first, unit)} at every venue",
                    source=name,
                    field=unit,
                    value=str(getattr(one, unit)),
                )
    if given is not None or all(one.tick == first.tick for one in instruments.values()):
        return first
    return Instrument(
        first.symbol,
        id=first.id,
        price_unit=first.price_unit,
        size_unit=first.size_unit,
        multiplier=first.multiplier,
        kind=first.kind,
    )
