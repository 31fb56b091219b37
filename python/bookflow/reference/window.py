"""Over what a flow is summed, and how much each sample of it counts when a row is read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import fsum
from typing import NamedTuple

from .words import NAN, NONE

NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}


class Key(NamedTuple):
    """Where a sample or a row stands: time, atomic events so far, trades so far."""

    ts: int
    event: int
    trade: int


@dataclass(frozen=True)
class Window:
    """A parsed window. `axis` is the key a width or half-life is measured on."""

    kind: str
    axis: str = ""
    width: int = 0

    def weight(self, sample: Key, now: Key) -> int | float:
        """How much a sample counts at `now`: 1 inside and 0 outside, or 2^-(age/half-life).

        Inside is `now - width < sample <= now`.

        >>> parse_window("10s").weight(Key(0, 1, 0), Key(10_000_000_000, 9, 0))
        0
        >>> parse_window("2events").weight(Key(0, 8, 0), Key(0, 9, 0))
        1
        >>> parse_window("ew:4events").weight(Key(0, 1, 0), Key(0, 9, 0))
        0.25
        """
        if not self.axis:
            return 1
        at, seen_from = getattr(sample, self.axis), getattr(now, self.axis)
        if NONE in (at, seen_from):
            raise ValueError("a window in time needs ts")
        age = seen_from - at
        if self.kind == "ew":
            return float(2.0 ** -(age / self.width))
        return int(age < self.width)


def quantity(text: str) -> tuple[Fraction, str] | None:
    """A number and the word behind it, or None.

    >>> quantity("0.5volume")
    (Fraction(1, 2), 'volume')
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", text)
    return (Fraction(match[1]), match[2]) if match else None


def whole(amount: Fraction, text: str) -> int:
    """The amount as a positive integer, refused if it is none."""
    if amount.denominator != 1 or amount <= 0:
        raise ValueError(f"{text!r}: not a positive whole number of its unit")
    return int(amount)


def parse_window(text: str | None) -> Window:
    """`row`, `session`, None, a span, N events or trades, `ew:` and a span or N events.

    >>> parse_window("100ms")
    Window(kind='sliding', axis='ts', width=100000000)
    >>> parse_window("ew:100events")
    Window(kind='ew', axis='event', width=100)
    """
    if text is None:
        return Window("reset")
    if text in ("row", "session"):
        return Window(text)
    kind = "ew" if text.startswith("ew:") else "sliding"
    parsed = quantity(text.removeprefix("ew:"))
    if parsed is None:
        raise ValueError(f"window={text!r}: not a window")
    amount, unit = parsed
    if unit in NANOSECONDS:
        return Window(kind, "ts", whole(amount * NANOSECONDS[unit], text))
    if unit == "events" or (unit == "trades" and kind == "sliding"):
        return Window(kind, unit.removesuffix("s"), whole(amount, text))
    raise ValueError(f"window={text!r}: not a window")


def total(terms: Iterable[tuple[int | float, int]]) -> Fraction:
    """The sum of weight x sample: exact for whole weights, else correctly rounded (fsum).

    The core decays one running sum instead, so that the two differ by rounding only: at most
    (number of samples) x 2^-52 of the sum of their absolute weighted values.
    """
    products = [weight * x for weight, x in terms]
    if all(isinstance(product, int) for product in products):
        return Fraction(sum(products))
    return Fraction(fsum(products))


def ratio(numerator: Fraction, denominator: Fraction) -> float:
    """Numerator / denominator, correctly rounded; NaN where the denominator is zero."""
    return float(numerator / denominator) if denominator else NAN
