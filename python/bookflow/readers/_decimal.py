"""Decimal text to integer units and back, in integers: no digit goes through a float."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from bookflow._optional import need
from bookflow._table import Where

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DECIMAL", "decimal_text", "exact_units"]

DECIMAL: Final = re.compile(r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# Python itself refuses to read thousands of digits.
_LONGEST: Final = 100


def exact_units(text: "pl.Series", unit: str, what: str, where: Where) -> "pl.Series":
    """Whole numbers of `unit` (which `what` names, "price" or "size"), a null for a null.

    InputError for text that is no number and for a number finer than the unit.
    """
    polars = need("polars", "io")
    mantissa, places = _parts(unit)
    groups = text.str.extract_groups(r"^ *(-?)([0-9]+)\.?([0-9]*)$").struct.unnest()
    fraction = groups["3"].str.strip_chars_end("0")
    digits = (groups["2"] + fraction.str.pad_end(places, "0")).cast(polars.Int64, strict=False)
    simple = (digits.is_not_null() & (fraction.str.len_bytes() <= places)).fill_null(False)
    numbers = digits.fill_null(0).to_numpy()
    minus = (groups["1"] == "-").fill_null(False).to_numpy()
    done = simple.to_numpy() & (numbers % mantissa == 0) & ~(minus & (numbers == 0))
    units = np.where(minus, -1, 1) * (numbers // mantissa)
    # An exponent, very many digits, or a fault: one by one.
    for row in np.flatnonzero(~done & text.is_not_null().to_numpy()).tolist():
        units[row] = _exact(text[row], unit, what, where, row)
    made: pl.Series = polars.Series(text.name, units)
    return made.set(text.is_null(), None)


def decimal_text(units: "pl.Series", unit: str) -> "pl.Series":
    """The number of `unit` as decimal text, always with a point; a null for a null."""
    polars = need("polars", "io")
    mantissa, places = _parts(unit)
    known = units.drop_nulls().unique()
    texts = []
    for number in known.to_list():
        digits = str(abs(number) * mantissa).zfill(places + 1)
        cut = len(digits) - places
        texts.append(f"{'-' if number < 0 else ''}{digits[:cut]}.{digits[cut:] or '0'}")
    return units.replace_strict(known, polars.Series(texts, dtype=polars.String), default=None)


def _parts(unit: str) -> tuple[int, int]:
    """Unit = mantissa / 10^places."""
    exponent = Decimal(unit).normalize().as_tuple().exponent
    places = max(0, -int(exponent))
    return int(Fraction(unit) * 10**places), places


def _exact(cell: str, unit: str, what: str, where: Where, row: int) -> int:
    if len(cell) > _LONGEST:
        raise where.fail(f"has more than {_LONGEST} characters", row, cell)
    if not DECIMAL.fullmatch(cell):
        raise where.fail("is not a finite number", row, cell)
    value = Fraction(cell)
    if not value and "-" in cell.lower().partition("e")[0]:
        raise where.fail("is minus zero", row, cell)
    number = value / Fraction(unit)
    if number.denominator != 1:
        finest = Decimal(cell).normalize().as_tuple().exponent
        fits = str(Decimal(1).scaleb(int(finest))).lower()
        rule = f"is no whole number of units of {unit}; it needs {what} unit {fits}"
        raise where.fail(rule, row, cell)
    if not -(2**63) < number < 2**63:
        raise where.fail("does not fit 64 bits", row, cell)
    return int(number)
