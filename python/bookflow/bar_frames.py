"""Bars of prints: one record between any two rows that a clock would write."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow.errors import InputError

__all__ = ["BAR_DTYPE", "bars"]

BAR_DTYPE: Final = _core.BAR_DTYPE
"""A bar: times (ns) of its row, its first and its last print, which print it begins with, and what
was traded, in price and size units."""


def bars(
    price: Any,
    size: Any,
    side: Any = None,
    ts: Any = None,
    *,
    clock: str,
    sign: str | None = None,
    origin: int = 0,
    partial: bool = False,
) -> NDArray[np.void]:
    """Open, high, low, close, volume and VWAP of bars in time, trades, volume, value, imbalance.

    The bars lie between the rows that a `Pipeline` with this clock writes when every print is an
    event of its own: the print that reaches the number belongs to the bar it completes, wholly,
    and what is above the number counts towards the next.

    Parameters
    ----------
    price, size : int64 arrays (n,), in price and size units; sizes above 0.
    side : array (n,) of the aggressor: 1 bought, 2 sold, 0 not known.
    ts : int64 array (n,) of ns, not decreasing. Bars in time need it.
    clock : str
        "1m": (t - 1 m, t] on the grid of the epoch plus `origin`; a span without a print is no bar.
        "500trades" (tick bars), "1000volume", "50000value" (of |price| x size, all in units), or
        "imbalance(...)" and "run(...)", which end when trading is more one-sided than expected.
    sign : "aggressor" | "tick" | None
        Who buys and sells; None: the clock's own rule, else by `side` where it is given, else by
        the tick rule.
    partial : bool
        Add the bar that is still open, marked `partial`.

    Returns
    -------
    records of BAR_DTYPE
        ts, start, end (ns; NONE without `ts`), first, trades, open, high, low, close, volume, buy,
        sell (int64; volume of unknown sign is in neither), vwap (float64), partial.

    Raises
    ------
    InputError, TypeError, ValueError
        A number breaks a rule, a column's type is none of integers, lengths differ.

    Source: Lopez de Prado (2018), "Advances in Financial Machine Learning", 2.3.

    >>> frame = bars([10, 12, 11, 11], [4, 7, 2, 9], clock="10volume")
    >>> frame[["open", "high", "close", "volume", "trades"]].tolist()    # 11, then 1 + 2 + 9
    [(10, 12, 12, 11, 2), (11, 11, 11, 11, 2)]
    """
    return _core._bars(
        _column(price, "price", np.int64),
        _column(size, "size", np.int64),
        None if side is None else _column(side, "side", np.uint8),
        None if ts is None else _column(ts, "ts", np.int64),
        clock,
        sign,
        origin,
        partial,
    )


def _column(values: Any, name: str, kind: type[np.integer[Any]]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype == kind:
        return array
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ns]").view(np.int64)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name} must be an array of integers")
    out = array.astype(kind)
    wrong = np.flatnonzero(out != array)
    if len(wrong):
        at = int(wrong[0])
        rule = f"does not fit {np.dtype(kind)}"
        raise InputError(rule, field=name, value=int(array.flat[at]), row=at)
    return out
