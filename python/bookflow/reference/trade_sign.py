"""Who started a trade: +1 a buyer, -1 a seller, 0 not known."""

from collections.abc import Callable
from fractions import Fraction
from typing import TypeGuard

from .fills import first_fill
from .tape import Recorded, Tape, Touch
from .window import NANOSECONDS, quantity, whole
from .words import NONE, Side

Rule = Callable[[Tape, Recorded], int]


def aggressor_sign(tape: Tape, recorded: Recorded) -> int:
    """The side the event gives."""
    return {Side.BUY: 1, Side.SELL: -1}.get(Side(recorded.print.side), 0)


def tick_sign(tape: Tape, recorded: Recorded, fills: str = "each") -> int:
    """Against the last different price of the flow; 0 before there is one.

    With fills="aggressor" a trade is signed by its first print's price against the last of the
    trade before; where those are equal it has that one's sign.

    >>> tape = Tape()
    >>> from .tape import Print
    >>> for price in (100, 101, 101, 99):
    ...     tape.record(0, prints=[Print(price, 1)])
    >>> [tick_sign(tape, moment.prints[0]) for moment in tape.moments]
    [0, 1, 1, -1]
    """
    at = recorded.flow_before
    while True:
        if fills == "aggressor":
            at = first_fill(tape.recorded, at)
        if not at:
            return 0
        change = tape.flow[at].price - tape.flow[at - 1].price
        if change:
            return 1 if change > 0 else -1
        at -= 1


def change_sign(tape: Tape, recorded: Recorded) -> int:
    """Against the price of the print before; 0 when they are equal, or there is none."""
    if not recorded.flow_before:
        return 0
    change = recorded.print.price - tape.flow[recorded.flow_before - 1].price
    return (change > 0) - (change < 0)


def quote_sign(price: int, touch: Touch | None) -> int:
    """Against the mid; 0 at the mid, and where the touch is one-sided or crossed.

    >>> [quote_sign(price, (100, 103)) for price in (101, 102)], quote_sign(102, (101, 103))
    ([-1, 1], 0)
    """
    if not known(touch):
        return 0
    bid, ask = touch
    return (2 * price > bid + ask) - (2 * price < bid + ask)


def at_touch_sign(price: int, touch: Touch | None) -> int:
    """Ellis, Michaely, O'Hara: +1 at the ask, -1 at the bid; a locked touch tells nothing.

    >>> [at_touch_sign(price, (100, 103)) for price in (99, 100, 102, 103)]
    [0, -1, 0, 1]
    """
    if not known(touch) or touch[0] == touch[1]:
        return 0
    bid, ask = touch
    return (price == ask) - (price == bid)


def near_touch_sign(price: int, touch: Touch | None) -> int:
    """Chakrabarty, Li, Nguyen, Van Ness: the outer 30 % of the spread, ends included.

    Bid 100, ask 110: [107, 110] bought, [100, 103] sold; a locked touch tells nothing.

    >>> [near_touch_sign(p, (100, 110)) for p in (99, 100, 103, 104, 106, 107, 110, 111)]
    [0, -1, -1, 0, 0, 1, 1, 0]
    """
    if not known(touch) or touch[0] == touch[1]:
        return 0
    bid, ask = touch
    third = Fraction(3, 10) * (ask - bid)
    return (ask - third <= price <= ask) - (bid <= price <= bid + third)


def known(touch: Touch | None) -> TypeGuard[Touch]:
    """Both sides there, and not crossed."""
    return touch is not None and NONE not in touch and touch[0] <= touch[1]


BY_TOUCH: dict[str, Callable[[int, Touch | None], int]] = {
    "quote": quote_sign,
    "lee_ready": quote_sign,
    "emo": at_touch_sign,
    "clnv": near_touch_sign,
}


def rule_of(text: str, fills: str = "each") -> Rule:
    """The rule that `sign=` names: the touch tells first, then, except for `quote`, the tick rule.

    The touch is that before the print's atomic event, of this session and since the last gap; with
    an age behind a colon the one that stood so long before the print.

    >>> tape = Tape()
    >>> from .tape import Print
    >>> tape.record(0, ((100, 1),), ((102, 1),))
    >>> tape.record(3, ((200, 1),), ((202, 1),), [Print(102, 1)])
    >>> tape.record(4, prints=[Print(102, 1), Print(103, 1)])
    >>> one, two, three = (r for moment in tape.moments for r in moment.prints)
    >>> [rule_of("quote")(tape, r) for r in (one, two, three)]
    [1, -1, -1]
    >>> [rule_of("lee_ready:2ns")(tape, r) for r in (one, two, three)]
    [1, 1, 1]
    >>> [rule_of("emo")(tape, r) for r in (one, two, three)]
    [1, 0, 1]
    """

    def ticked(tape: Tape, recorded: Recorded) -> int:
        return tick_sign(tape, recorded, fills)

    plain: dict[str, Rule] = {"aggressor": aggressor_sign, "tick": ticked}
    if text in plain:
        return plain[text]
    name, colon, age = text.partition(":")
    by_touch = BY_TOUCH[name]
    lag = 0
    if colon:
        parsed = quantity(age)
        if parsed is None or parsed[1] not in NANOSECONDS:
            raise ValueError(f"sign={text!r}: no time after the colon")
        lag = whole(parsed[0] * NANOSECONDS[parsed[1]], text)

    def sign(tape: Tape, recorded: Recorded) -> int:
        told = by_touch(recorded.print.price, tape.touch_before(recorded, lag))
        return told or (0 if name == "quote" else ticked(tape, recorded))

    return sign
