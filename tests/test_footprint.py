"""The footprint, cell by cell against a dict."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow.footprints import footprint, stacked

TRADES = st.lists(
    st.tuples(st.integers(-6, 6), st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=60
)


@effort(80)
@given(trades=TRADES, row=st.integers(1, 3), ratio=st.sampled_from([1.0, 2.5, 3.0]))
def test_cells_and_diagonals(trades: list[tuple[int, int, int]], row: int, ratio: float) -> None:
    price, size, side = zip(*trades, strict=True)
    bar = footprint(price, size, side, row=row)
    cells: Counter[tuple[int, int]] = Counter()
    for p, q, s in trades:
        cells[p // row * row, s] += q
    low, high = min(price) // row * row, max(price) // row * row
    assert bar.price.tolist() == list(range(low, high + 1, row))
    for i, p in enumerate(bar.price.tolist()):
        bought, sold = cells[p, 1], cells[p, 2]
        assert (bar.bought[i], bar.sold[i]) == (bought, sold)
        buys = bought >= ratio * cells[p - row, 2] and bought >= 2
        sells = sold >= ratio * cells[p + row, 1] and sold >= 2
        assert bar.buy_imbalances(ratio, least=2)[i] == buys
        assert bar.sell_imbalances(ratio, least=2)[i] == sells
    assert bar.unfinished == tuple(bool(cells[p, 1] and cells[p, 2]) for p in (low, high))


def test_runs_of_imbalances() -> None:
    assert stacked(np.array([1, 1, 1, 0, 1, 1], bool)) == [(0, 2)]
    assert stacked(np.array([1, 1, 1, 0, 1, 1], bool), 2) == [(0, 2), (4, 5)]
    assert stacked(np.zeros(0, bool)) == []


def test_what_is_no_footprint() -> None:
    empty = footprint(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
    assert empty.unfinished == (False, False)
    assert len(empty.buy_imbalances()) == 0
    with pytest.raises(bf.InputError, match="side"):
        footprint([1, 2], [1, 1], [1])
    bar = footprint([1], [1], [1])
    for refused in (
        lambda: bar.buy_imbalances(0),
        lambda: bar.buy_imbalances(float("nan")),
        lambda: bar.sell_imbalances(least=0),
        lambda: stacked(np.ones(3, bool), 0),
    ):
        with pytest.raises(bf.InputError):
            refused()
