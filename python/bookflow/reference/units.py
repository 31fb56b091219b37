"""What one price unit, one size unit and one tick are worth, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

Number = str | int | float | Decimal | Fraction


def exact(x: Any) -> Fraction:
    """The decimal number as written; a float stands for its shortest decimal text.

    >>> exact(0.1)
    Fraction(1, 10)
    """
    return Fraction(repr(x)) if isinstance(x, float) else Fraction(str(x))


@dataclass(frozen=True)
class Units:
    """One price unit and one size unit, and the grid's steps as (from price unit, step) bands.

    The default is that of the column functions: everything in integer units, a tick is one.
    """

    price: Fraction = Fraction(1)
    size: Fraction = Fraction(1)
    bands: tuple[tuple[Fraction, Fraction], ...] = ()

    def tick(self, price: int) -> Fraction:
        """The grid's step at a price, in price units; 1 without a grid.

        >>> Units(bands=((Fraction(0), Fraction(1)), (Fraction(500), Fraction(5)))).tick(500)
        Fraction(5, 1)
        """
        step = self.bands[0][1] if self.bands else Fraction(1)
        for start, band_step in self.bands:
            if price >= start:
                step = band_step
        return step

    def whole_size(self, amount: Any, name: str) -> int:
        """An amount in the instrument's size as whole size units, refused if it is none.

        >>> Units(size=Fraction("0.001")).whole_size(2.5, "bucket_volume")
        2500
        """
        units = exact(amount) / self.size
        if units.denominator != 1 or units <= 0:
            raise ValueError(f"{name}={amount}: not a positive number of size units {self.size}")
        return int(units)


COLUMN_UNITS = Units()
"""What the column functions work in."""


def units_of(instrument: Any) -> Units:
    """The Units of anything with price_unit, size_unit and tick.

    >>> from types import SimpleNamespace
    >>> stock = SimpleNamespace(price_unit="0.0001", size_unit="1", tick="0.01")
    >>> units_of(stock).tick(1_000_000)
    Fraction(100, 1)
    """
    price = exact(instrument.price_unit)
    tick = instrument.tick
    steps: Sequence[Any] = tick if isinstance(tick, list | tuple) else [(0, tick)]
    bands = () if tick is None else tuple((exact(a) / price, exact(b) / price) for a, b in steps)
    return Units(price, exact(instrument.size_unit), bands)
