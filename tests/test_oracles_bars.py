"""Bars against figures that others computed: mlfinpy's, and the minutes of the synthetic tape."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_oracles_toxicity import table

import bookflow as bf

START = {"sample": 1000, "synth": 200}
FILES = {"sample": "imbalance_sample_data_small.csv", "synth": "synthetic_trades_3col.csv"}
WORDS = {"trades": "tick", "volume": "volume", "value": "dollar"}
UNIT = 10_000  # price units in 1


@pytest.fixture(scope="module", params=FILES)
def tape(request: pytest.FixtureRequest, shared: Path) -> tuple[str, Any, Any]:
    read = table(shared / "oracles/mlfinpy" / FILES[request.param])
    columns = {name.lower(): column for name, column in read.items()}
    price = np.rint(columns["price"] * UNIT).astype(np.int64)
    return request.param, price, columns["volume"].astype(np.int64)


def clock(kind: str, of: str, start: int, **settings: int) -> str:
    all_of_them = {"trades": start, "min_trades": start, "max_trades": start, "prints": start}
    words = [f"{name}={n}" for name, n in (all_of_them | settings).items()]
    return f"{kind}({', '.join([of, *words])}, sign=tick)"


@pytest.mark.parametrize("of", WORDS)
@pytest.mark.parametrize("mode", ["const", "ema"])
def test_the_first_imbalance_bar_is_mlfinpys(
    shared: Path, tape: tuple[str, Any, Any], of: str, mode: str
) -> None:
    """Its mean over prints has the span of as many as there were: the first `trades` of them.

    Later bars: that span grows with the prints there, here it is a setting. Its > is a >= here,
    which no bar of these meets.
    """
    name, price, size = tape
    start = START[name]
    theirs = table(shared / f"oracles/mlfinpy/{name}_{mode}_{WORDS[of]}_imbalance.csv")
    ours = bf.bars(price, size, clock=clock("imbalance", of, start))
    for field in ("open", "high", "low", "close"):
        assert ours[field][0] == round(theirs[field][0] * UNIT)
    assert ours["volume"][0] == theirs["volume"][0]
    assert ours["buy"][0] == theirs["cum_buy_volume"][0]
    assert ours["trades"][0] == theirs["cum_ticks"][0] == theirs["tick_num"][0]
    value = ours["vwap"][0] * ours["volume"][0] / UNIT
    np.testing.assert_allclose(value, theirs["cum_dollar_value"][0], 1e-12)
    if name == "synth" and mode == "const":
        assert np.cumsum(ours["trades"])[1] == theirs["tick_num"][1]


@pytest.mark.parametrize("of", WORDS)
def test_the_first_threshold_is_mlfinpys(shared: Path, tape: tuple[str, Any, Any], of: str) -> None:
    """E[T] |E[b]| before the first bar, from our signs: b's weighted mean over `trades` prints."""
    name, price, size = tape
    start = START[name]
    path = shared / f"oracles/mlfinpy/{name}_ema_{WORDS[of]}_imbalance_thresholds.csv.gz"
    rows = list(csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines()))
    assert len(rows) == len(price)
    theta, expected, length = (
        np.array([float(row[column] or "nan") for row in rows])
        for column in ("cum_theta", "expected_imbalance", "exp_num_ticks")
    )
    sign = np.nan_to_num(bf.trade_flow_imbalance(price, np.ones_like(size), sign="tick"))
    signed = sign * {"trades": 1.0, "volume": size, "value": size * price / UNIT}[of]
    assert np.isnan(expected[: start - 1]).all()
    weights = (1 - 2 / (start + 1)) ** np.arange(start)[::-1]
    mean = np.average(signed[:start], weights=weights)
    assert expected[start - 1] == pytest.approx(mean, rel=1e-11)
    assert length[start - 1] == start

    bar = int(bf.bars(price, size, clock=clock("imbalance", of, start))["trades"][0])
    np.testing.assert_allclose(theta[start - 1 : bar], np.cumsum(signed)[start - 1 : bar], 1e-11)
    crossed = np.abs(theta) > length * np.abs(expected)
    assert np.flatnonzero(crossed)[0] == bar - 1


def test_unbounded_lengths_collapse(shared: Path, tape: tuple[str, Any, Any]) -> None:
    """mlfinpy's moving E[T]: most of its bars are one print. Ours are not shorter than what
    min_trades prints of the expected imbalance make."""
    name, price, size = tape
    start = START[name]
    theirs = table(shared / f"oracles/mlfinpy/{name}_ema_tick_imbalance.csv")
    assert np.median(theirs["cum_ticks"]) == 1
    bounds = {"min_trades": start // 5, "max_trades": start * 5, "bars": 3}
    ours = bf.bars(price, size, clock=clock("imbalance", "trades", start, **bounds))
    assert 4 <= len(ours) <= 5
    assert ours["trades"].min() > start // 5


@pytest.mark.parametrize("of", WORDS)
def test_run_bars_are_as_many(shared: Path, tape: tuple[str, Any, Any], of: str) -> None:
    """mlfinpy waits for `start` prints of either side and takes P over bars: no bar is equal."""
    name, price, size = tape
    theirs = table(shared / f"oracles/mlfinpy/{name}_const_{WORDS[of]}_run.csv")
    ours = bf.bars(price, size, clock=clock("run", of, START[name]))
    assert len(theirs["close"]) * 0.8 <= len(ours) <= len(theirs["close"]) * 1.5


@pytest.mark.parametrize("of", WORDS)
def test_run_bars_of_moving_length_are_fewer(
    shared: Path, tape: tuple[str, Any, Any], of: str
) -> None:
    """The expected length follows the bars: to twice as many prints in mlfinpy."""
    name, price, size = tape
    start = START[name]
    fixed, moving = (
        table(shared / f"oracles/mlfinpy/{name}_{mode}_{WORDS[of]}_run.csv")["cum_ticks"]
        for mode in ("const", "ema")
    )
    assert moving[0] == fixed[0]
    assert np.median(moving) > 1.5 * np.median(fixed)
    bounds = {"min_trades": start // 5, "max_trades": start * 5, "bars": 3}
    ours = [bf.bars(price, size, clock=clock("run", of, start, **set_)) for set_ in ({}, bounds)]
    assert ours[1]["trades"][0] == ours[0]["trades"][0]
    assert np.median(ours[0]["trades"]) < np.median(ours[1]["trades"]) <= np.median(moving)
    assert len(moving) * 0.8 <= len(ours[1]) <= len(ours[0])


def test_minutes_of_the_synthetic_tape(shared: Path) -> None:
    trades = table(shared / "oracles/synthetic/trades.csv")
    expected = table(shared / "oracles/synthetic/ref_minutes.csv")
    path = shared / "oracles/synthetic/trades.csv"  # stamps have more digits than a float
    ts = np.loadtxt(path, delimiter=",", skiprows=1, usecols=0, dtype=np.int64)
    names = ("price_ticks", "bid_px", "ask_px")
    quarter = {name: np.rint(trades[name] * 4).astype(np.int64) for name in names}
    size = trades["size"].astype(np.int64)
    side = np.zeros(len(ts), np.uint8)
    for session in (0, 1):  # the tick rule starts anew in each
        at = trades["session"] == session
        price, bid, ask = (column[at] for column in quarter.values())
        touch = {"bid_price": bid, "ask_price": ask, "sign": "lee_ready"}
        bought = bf.buy_volume(price, size[at], **touch) > 0
        sold = bf.sell_volume(price, size[at], **touch) > 0
        side[at] = bought + 2 * sold
    # bins there are closed on the left: the grid lies 1 ns before the minutes
    got = bf.bars(quarter["price_ticks"], size, side, ts, clock="1m", origin=-1, partial=True)
    assert ((got["start"] // 10**9) // 60 * 60).tolist() == expected["minute_s"].tolist()
    for ours, theirs in (("trades", "n"), ("volume", "vol"), ("buy", "buy"), ("sell", "sell")):
        assert got[ours].tolist() == expected[theirs].tolist(), ours
    assert (got["close"] / 4).tolist() == expected["last_px"].tolist()
    np.testing.assert_allclose(got["vwap"] / 4, expected["vwap_minute"], 1e-14)
