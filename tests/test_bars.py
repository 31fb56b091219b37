"""Bars: as clocks of a pipeline and as records on arrays, against the definition and each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow import reference
from bookflow.events import Action, Flag

UNITS = bf.Instrument("X", price_unit="1")
EXPECTED = "trades=4, min_trades=2, max_trades=7, prints=5, bars=3"
CLOCKS = (
    "3s",
    "3trades",
    "event",
    "trade",
    "2events",
    "10volume",
    "90value",
    *(
        f"{kind}({of}, {EXPECTED}, sign={sign})"
        for kind in ("imbalance", "run")
        for of in ("trades", "volume", "value")
        for sign in ("aggressor", "tick")
    ),
)
PRINTS = st.lists(
    st.tuples(
        st.integers(-3, 8),
        st.one_of(st.integers(1, 9), st.integers(1, 60)),
        st.integers(0, 2),
        st.integers(0, 2 * 10**9),
    ),
    max_size=80,
)


def columns(prints: list[tuple[int, int, int, int]]) -> dict[str, Any]:
    price, size, side, wait = zip(*prints, strict=True) if prints else ((), (), (), ())
    return {
        "price": np.array(price, np.int64),
        "size": np.array(size, np.int64),
        "side": np.array(side, np.uint8),
        "ts": np.cumsum(np.array(wait, np.int64), dtype=np.int64),
    }


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.tolist()]


@effort(300)
@given(
    prints=PRINTS,
    clock=st.sampled_from(CLOCKS),
    origin=st.sampled_from([0, 7]),
    sign=st.sampled_from([None, "aggressor", "tick"]),
    partial=st.booleans(),
)
def test_bars_are_those_of_the_definition(
    prints: Any, clock: str, origin: int, sign: str | None, partial: bool
) -> None:
    given_ = columns(prints) | {"clock": clock, "origin": origin, "sign": sign, "partial": partial}
    got = rows(bf.bars(**given_))
    assert got == [tuple(bar) for bar in reference.bars(**given_)]


@effort(150)
@given(prints=PRINTS, clock=st.sampled_from(CLOCKS))
def test_bars_lie_between_the_rows_of_a_pipeline(prints: Any, clock: str) -> None:
    given_ = columns(prints)
    features = {
        "volume": "Volume()",
        "buy": "BuyVolume()",
        "sell": "SellVolume()",
        "trades": "TradeCount()",
        "close": "LastPrice()",
        "vwap": 'VWAP(window="row")',
    }
    pipe = bf.Pipeline(UNITS, clock=clock, features=features)
    n = len(given_["ts"])
    full = lambda x, kind: np.full(n, x, kind)  # noqa: E731
    events = {
        "ts": given_["ts"],
        "action": full(Action.TRADE, np.uint8),
        "side": given_["side"],
        "price": given_["price"],
        "size": given_["size"],
        "flags": full(Flag.LAST, np.uint16),
    }
    frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])
    bars = bf.bars(**given_, clock=clock, sign="aggressor", partial=True)
    traded = frame["trades"] > 0  # a span without prints is a row and no bar
    assert bars["ts"].tolist() == frame.ts[traded].tolist()
    for name in ("volume", "buy", "sell", "trades", "close", "vwap"):
        assert bars[name].tolist() == frame[name][traded].tolist(), name


def test_the_print_that_completes_a_bar_is_its_and_the_excess_counts_on() -> None:
    sizes = [4, 6, 25, 4, 1]  # 10 | 25: two and a half, one bar | 5 + 4 + 1
    bars = bf.bars([1] * 5, sizes, clock="10volume")
    assert bars["volume"].tolist() == [10, 25, 5]
    assert bars["first"].tolist() == [0, 2, 3]


def test_value_is_the_absolute_price_times_size() -> None:
    bars = bf.bars([-5, 3, 4], [2, 5, 1], clock="10value")
    assert bars["volume"].tolist() == [2, 5]  # 10 | 15: 5 above | 4: 9


@pytest.mark.parametrize(
    ("instrument", "clock", "volume"),
    [
        (bf.Instrument("L", price_unit="0.01", size_unit="0.1", multiplier="50"), "600value", [6]),
        (bf.Instrument("I", price_unit="0.01", multiplier="100", kind="inverse"), "300value", [3]),
        (bf.Instrument("B", price_unit="1e-9", size_unit="1e-8"), "2e-16value", [2e-8]),
    ],
)
def test_value_is_in_money(instrument: bf.Instrument, clock: str, volume: list[float]) -> None:
    """Price 2 ticks, one size unit a print."""
    pipe = bf.Pipeline(instrument, clock=clock, features={"volume": "Volume()"})
    price = 200 if instrument.symbol != "B" else 10
    size = {"L": 10, "I": 1, "B": 1}[instrument.symbol]
    for i in range(10):
        if pipe.push(i, Action.TRADE, 1, price, size):
            break
    assert pipe.latest()["volume"].tolist() == volume


@pytest.mark.parametrize(
    ("clock", "message"),
    [
        ("imbalance(volume)", "imbalance.trades: is required: a whole number from 1"),
        ("run(trades=5, min_trades=1)", "run.max_trades: is required"),
        ("run(trades=5, min_trades=6, max_trades=9)", "run.trades = 5: must be from min_trades"),
        ("run(size, trades=5)", "run.of = \"size\": must be one of trades, volume, value"),
        ("run(trades=5, most=3)", "run: has no parameter most; there are of, trades"),
        ("imbalances", "clock = imbalances: must be \"event\", \"best\""),
        ("0.5value", "clock = 0.5value: must be a whole number of price unit x size unit"),
        ("1e60value", "clock = 1e60value: must be a whole number of price unit"),
    ],
)  # fmt: skip
def test_wrong_clocks_say_what_is_right(clock: str, message: str) -> None:
    features = {"volume": "Volume()"}
    with pytest.raises(bf.InputError) as error:
        bf.Pipeline(UNITS, clock=clock, features=features)
    assert message.replace('"', "") in str(error.value).replace("'", "").replace('"', "")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"clock": "best"}, "clock"),
        ({"clock": "row"}, "clock"),
        ({"clock": "1s"}, "clock"),
        ({"clock": "1trades", "sign": "aggressor"}, "sign"),
        ({"clock": "1trades", "sign": "emo"}, "sign"),
        ({"clock": "1trades", "sign": "sometimes"}, "sign"),
        ({"clock": "run(trades=1, min_trades=1, max_trades=1)"}, "sign"),
        ({"clock": "1trades", "size": [1, 0]}, "size"),
        ({"clock": "1trades", "price": [1, 2**62]}, "price"),
        ({"clock": "1trades", "side": [1, 3]}, "side"),
        ({"clock": "1trades", "side": [1, 300]}, "side"),
        ({"clock": "1trades", "ts": [2, 1]}, "ts"),
        ({"clock": "1trades", "ts": [2, -1]}, "ts"),
    ],
)
def test_wrong_bars_say_what_is_right(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(bf.InputError) as error:
        bf.bars(**({"price": [1, 2], "size": [1, 1]} | settings))
    assert error.value.field == field


def test_other_columns() -> None:
    with pytest.raises(TypeError, match="price must be an array of integers"):
        bf.bars([1.5], [1], clock="1trades")
    with pytest.raises(ValueError, match="column 'size' has 2 rows"):
        bf.bars([1], [1, 2], clock="1trades")
    with pytest.raises(OverflowError):
        bf.bars([1] * 9, [2**60] * 9, clock="9trades")
    stamps = np.array([3, 5], "datetime64[ns]")
    assert bf.bars([1, 2], [1, 1], ts=stamps, clock="2trades")["end"].tolist() == [5]
    assert bf.bars([], [], clock="2trades").dtype == bf.BAR_DTYPE
