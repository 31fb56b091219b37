"""`update` takes any integer, read where it lies or through `__index__`: the same number."""

from typing import Any

import numpy as np
import pytest

import bookflow as bf

POWERS = [1 << bits for bits in (0, 15, 30, 31, 59, 60, 61)]
EDGES = sorted({sign * power + d for power in POWERS for d in (-1, 0, 1) for sign in (-1, 1)})


class Index:
    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Sub(int):
    pass


@pytest.mark.parametrize("kind", [int, np.int64, np.longlong, Index, Sub])
@pytest.mark.parametrize("value", EDGES)
def test_any_kind_of_integer_is_its_number(kind: Any, value: int) -> None:
    bid = bf.Touch(of="bid_price")
    if abs(value) <= 1 << 61:
        assert bid.update(kind(value), kind(5), kind(value), 5) == float(value)
        return
    with pytest.raises(bf.InputError, match=rf"{value}: must be within 2\^61"):
        bid.update(kind(value), 5, 5, 5)


@pytest.mark.parametrize("value", [np.int8(-3), np.uint8(200), np.int32(-7), np.uint64(1 << 61)])
def test_other_numpy_integers(value: Any) -> None:
    assert bf.Touch(of="bid_price").update(value, 5, 5, 5) == float(int(value))


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 1 << 200, np.uint64((1 << 64) - 1)])
def test_what_does_not_fit_is_refused(value: Any) -> None:
    with pytest.raises(OverflowError, match="bid_price does not fit 64 bits"):
        bf.OrderFlowImbalance().update(value, 1, 1, 1)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, np.float64(1.0), "1", None, [1]])
@pytest.mark.parametrize("at", range(4))
def test_what_is_no_integer_is_refused(value: Any, at: int) -> None:
    row: list[Any] = [1, 2, 3, 4]
    row[at] = value
    with pytest.raises(TypeError, match="must be an integer"):
        bf.OrderFlowImbalance().update(*row)


def test_by_position_by_name_and_mixed() -> None:
    names = ("bid_price", "bid_size", "ask_price", "ask_size", "ts")
    row = (99, 7, 101, 3, 5)
    for given in range(6):
        more = dict(zip(names[given:], row[given:], strict=True))
        assert bf.QueueImbalance().update(*row[:given], **more) == 0.4
