"""Who started a trade: +1 a buyer, -1 a seller, 0 not known."""

from .tape import Recorded, Tape
from .words import Side


def aggressor_sign(tape: Tape, recorded: Recorded) -> int:
    """The side the event gives."""
    return {Side.BUY: 1, Side.SELL: -1}.get(Side(recorded.print.side), 0)


def tick_sign(tape: Tape, recorded: Recorded) -> int:
    """Against the last different price of the flow; 0 before there is one.

    >>> tape = Tape()
    >>> from .tape import Print
    >>> for price in (100, 101, 101, 99):
    ...     tape.record(0, prints=[Print(price, 1)])
    >>> [tick_sign(tape, moment.prints[0]) for moment in tape.moments]
    [0, 1, 1, -1]
    """
    price = recorded.print.price
    for earlier in reversed(range(recorded.flow_before)):
        if tape.flow[earlier].price != price:
            return 1 if price > tape.flow[earlier].price else -1
    return 0


def change_sign(tape: Tape, recorded: Recorded) -> int:
    """Against the price of the print before; 0 when they are equal, or there is none."""
    if not recorded.flow_before:
        return 0
    change = recorded.print.price - tape.flow[recorded.flow_before - 1].price
    return (change > 0) - (change < 0)


SIGNS = {"aggressor": aggressor_sign, "tick": tick_sign}
