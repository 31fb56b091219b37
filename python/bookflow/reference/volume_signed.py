"""Volume signed by the price's own movement."""

from collections.abc import Sequence

from .tape import Reading, Tape, trade_tape
from .trade_sign import change_sign, tick_sign
from .units import COLUMN_UNITS, Units
from .window import parse_window, ratio, total


def volume_signed_imbalance_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    zero: str = "carry",
    normalised: bool = False,
) -> float:
    sign = {"carry": tick_sign, "none": change_sign}[zero]
    flow = [(w, r) for w, r in tape.prints(parse_window(window), at) if r.print.in_flow]
    net = total((w, sign(tape, r) * r.print.size) for w, r in flow)
    if normalised:
        return ratio(net, total((w, r.print.size) for w, r in flow))
    return float(net * units.size)


def volume_signed_imbalance(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    zero: str = "carry",
    normalised: bool = False,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The sum over the window of sign(price change) x size.

    In size units (a pipeline: the instrument's size). `zero` says what an unchanged price is:
    `carry` the last sign (the tick rule), `none` unsigned. `normalised` divides by the volume
    of all the flow in the window, NaN when that is 0. The first print is unsigned. `side` is
    not read.

    >>> volume_signed_imbalance([100, 101, 101, 99], [1, 2, 3, 4])
    [0.0, 2.0, 3.0, -4.0]
    >>> volume_signed_imbalance([100, 101, 101, 99], [1, 2, 3, 4], zero="none", window=None)
    [0.0, 2.0, 2.0, -2.0]
    >>> volume_signed_imbalance([100, 101], [1, 3], normalised=True, window=None)
    [0.0, 0.75]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        volume_signed_imbalance_at(
            tape, row, COLUMN_UNITS, window=window, zero=zero, normalised=normalised
        )
        for row in rows
    ]
