"""Shocks planted in a book, whose times of recovery are known."""

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import Action, Events, Flag, Side

SECOND = 10**9
UNITS = bf.Instrument("X", price_unit="1", tick=None, size_unit="1")
TIMES = np.array([0.5, 2.0, 7.25, 0.001, 30.0, 90.0])
"""From a print to the touch as it was before; the last is longer than the horizon."""


def planted(side: Side, apart: bool) -> Events:
    """A print takes the touch of the other side every 200 s; `apart`: the book follows 1 ms later.

    Half of the size comes back half-way, all of it at the end.
    """
    hit, price, next_price = (Side.ASK, 101, 103) if side == Side.BID else (Side.BID, 100, 98)
    rows: list[tuple[int, int, int, int, int, int]] = []

    def level(ts: int, side: int, price: int, size: int, last: bool = True) -> None:
        rows.append((ts, Action.LEVEL, side, price, size, Flag.LAST if last else 0))

    for book_side, prices in ((Side.BID, (100, 98)), (Side.ASK, (101, 103))):
        for p in prices:
            level(0, book_side, p, 10)
    for i, seconds in enumerate(TIMES):
        start = (i + 1) * 200 * SECOND
        back = start + round(seconds * SECOND)
        rows.append((start, Action.TRADE, side, price, 10, Flag.LAST if apart else 0))
        level(start + (100_000 if apart else 0), hit, price, 0)
        level(start + (back - start) // 2, hit, price, 5)
        rows.append((back - 1, Action.TRADE, side, price, 1, Flag.LAST))  # part of the shock
        level(back, hit, price, 10)
    level(2_000 * SECOND, hit, next_price, 11)
    names = ("ts", "action", "side", "price", "size", "flags")
    columns = {
        name: np.array(values, bf.EVENT_DTYPE[name])
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return Events(columns, UNITS)


def value(events: Events, settings: str) -> float:
    calculator = f'Resilience(window="session", horizon="60s", {settings})'
    pipeline = bf.Pipeline(UNITS, clock="1000s", features={"x": calculator})
    frames = [pipeline.run(events), pipeline.finish()]
    return float(bf.FeatureFrame.concat(frames)["x"][-1])


@pytest.mark.parametrize("side", [Side.BID, Side.ASK])
@pytest.mark.parametrize("apart", [False, True])
class TestPlanted:
    def test_depth(self, side: Side, apart: bool) -> None:
        """Back at the whole size, or at half of it half-way."""
        events = planted(side, apart)
        assert value(events, 'of="depth"') == pytest.approx(TIMES[:5].mean(), rel=1e-9)
        assert value(events, 'of="depth", output="share"') == 5 / 6
        half = value(events, 'of="depth", fraction=0.5')
        assert half == pytest.approx((TIMES / 2).mean(), rel=1e-6)
        assert value(events, 'of="depth", fraction=0.5, output="share"') == 1

    def test_spread(self, side: Side, apart: bool) -> None:
        """The price is back when half of the size is."""
        events = planted(side, apart)
        assert value(events, 'of="spread"') == pytest.approx((TIMES / 2).mean(), rel=1e-6)
        assert value(events, 'of="spread", output="share"') == 1


def test_a_print_that_leaves_the_touch_as_good_is_no_shock() -> None:
    pipeline = bf.Pipeline(UNITS, clock="event", features={"x": bf.Resilience(window=None)})
    for side, price in ((Side.BID, 100), (Side.ASK, 101)):
        pipeline.push(0, Action.LEVEL, side, price, 10)
    pipeline.push(1, Action.TRADE, Side.BID, 101, 1)
    pipeline.push(2, Action.LEVEL, Side.ASK, 101, 9)
    pipeline.push(3, Action.LEVEL, Side.ASK, 101, 0)
    pipeline.push(4, Action.LEVEL, Side.ASK, 101, 9)
    assert np.isnan(pipeline.latest(1)["x"][0])


def test_a_gap_ends_a_shock_without_an_answer() -> None:
    pipeline = bf.Pipeline(
        UNITS, clock="event", features={"x": bf.Resilience(window=None, output="share")}
    )
    for side, price in ((Side.BID, 100), (Side.ASK, 101), (Side.ASK, 103)):
        pipeline.push(0, Action.LEVEL, side, price, 10)
    pipeline.push(1, Action.TRADE, Side.BID, 101, 10, flags=0)
    pipeline.push(1, Action.LEVEL, Side.ASK, 101, 0)
    pipeline.push(2, Action.STATUS, Side.NONE, None, 0, flags=Flag.LAST | Flag.GAP)
    pipeline.push(100 * SECOND, Action.LEVEL, Side.ASK, 101, 10)
    assert np.isnan(pipeline.latest(1)["x"][0])


def test_alone_only_the_spread_is_known() -> None:
    alone = bf.Resilience(of="depth")
    with pytest.raises(bf.InputError, match=r"Resilience\.of = depth: is for a pipeline"):
        alone.update(100, 1, 1, 0, 100, 101)
