"""Price impact, illiquidity and the measures of a trade's liquidity, against figures of others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_oracles import left_closed, lobster, whole
from test_oracles_trades import Rows, day, rounded, rows_of, units

import bookflow as bf
from bookflow.events import Action, Side

Column = NDArray[np.float64]


def floats(values: list[str]) -> Column:
    return np.array([np.nan if value == "NA" else float(value) for value in values])


def quoted_prints(
    instrument: bf.Instrument,
    ts: Any,
    price: Any,
    size: Any,
    bid: Any,
    ask: Any,
    bid_size: Any = None,
    ask_size: Any = None,
) -> bf.Events:
    """Prints, each after its touch."""
    n = len(ts)
    ones = np.ones(n, np.int64)
    sizes = [ones if bid_size is None else bid_size, ones if ask_size is None else ask_size, size]
    table = {
        "ts": np.repeat(ts, 3),
        "action": np.tile(np.array([Action.QUOTE, Action.QUOTE, Action.TRADE], np.uint8), n),
        "side": np.tile(np.array([Side.BID, Side.ASK, 0], np.uint8), n),
        "price": np.stack([bid, ask, price], 1).reshape(-1),
        "size": np.stack(sizes, 1).reshape(-1),
        "flags": np.tile(np.array([0, 1, 1], np.uint8), n),
    }
    return bf.Events(table, instrument)


@pytest.mark.parametrize("session", [0, 1])
def test_kyle_and_amihud_of_the_synthetic_minutes(shared: Path, session: int) -> None:
    """Minutes with a print, in ticks; the first has no change."""
    folder = shared / "oracles/synthetic"
    expected = json.loads((folder / "ref_session_scalars.json").read_text())[str(session)]
    minutes = {name: floats(column) for name, column in rows_of(folder / "ref_minutes.csv").items()}
    here = minutes["session"] == session
    last, buy, sell, vwap, volume = (
        minutes[name][here] for name in ("last_px", "buy", "sell", "vwap_minute", "vol")
    )
    change, signed = bf.diff(last), buy - sell
    slope = bf.kyle_lambda(change, signed)[-1]
    intercept = bf.kyle_lambda(change, signed, output="intercept")[-1]
    assert slope == pytest.approx(expected["kyle_lambda_ols_1min"], rel=1e-13)
    assert intercept == pytest.approx(expected["kyle_intercept"], rel=1e-13)
    # a return of 1e-4 is the difference of two logarithms of 9: 12 digits are left
    amihud = bf.amihud(bf.log_return(last), vwap * volume)[-1]
    assert amihud == pytest.approx(expected["amihud_mean_1min"], rel=1e-12)

    # By a pipeline's minutes. Those without a print are no sample of Amihud's mean, which has no
    # turnover to divide by, but one of Kyle's line: no volume moved nothing.
    trades = day(shared)
    rows = units(trades["session"]) == session
    instrument = bf.Instrument("S", price_unit="0.25")
    columns = (
        units(trades[name], unit)[rows]
        for name, unit in (
            ("ts_ns", "1"),
            ("price_ticks", "0.25"),
            ("size", "1"),
            ("bid_px", "0.25"),
            ("ask_px", "0.25"),
        )
    )
    kyle: dict[str, Any] = {
        "of": bf.Diff(of=bf.LastPrice(), window="row", on="row"),
        "by": bf.Difference(
            of=bf.BuyVolume(sign="lee_ready"), less=bf.SellVolume(sign="lee_ready")
        ),
    }
    frame = left_closed(
        "60s",
        quoted_prints(instrument, *columns),
        slope=bf.KyleLambda(**kyle),
        intercept=bf.KyleLambda(**kyle, output="intercept"),
        amihud=bf.Amihud(),
        n=bf.TradeCount(),
    )
    assert frame["amihud"][-1] == pytest.approx(expected["amihud_mean_1min"], rel=1e-12)
    empty = np.zeros((frame["n"] == 0).sum())
    assert len(frame) == len(last) + len(empty)
    line = np.polyfit(np.r_[signed[1:], empty], np.r_[change[1:], empty], 1)
    np.testing.assert_allclose([frame["slope"][-1], frame["intercept"][-1]], line, rtol=1e-12)
    assert frame["slope"][-1] == pytest.approx(expected["kyle_lambda_ols_1min"], rel=5e-3)


def test_the_regression_on_ofi_within_the_pipeline(shared: Path) -> None:
    """Bins 2 to 2340 of AMZN: R2 .316, slope .0025315 cents a share."""
    features = {
        output: bf.Regression(window=None, output=output) for output in ("slope", "r2", "t")
    }
    frame = left_closed("10s", lobster(shared, "AMZN_2012-06-21_1"), **features)
    assert len(frame) == 2340
    assert frame["slope"][-1] * 100 == pytest.approx(0.0025315, abs=5e-8)
    assert frame["r2"][-1] == pytest.approx(0.316, abs=5e-4)
    # of one line: R2 = t^2 / (t^2 + n - 2)
    t2 = frame["t"][-1] ** 2
    assert frame["r2"][-1] == pytest.approx(t2 / (t2 + 2339 - 2), rel=1e-12)


def liquidity(shared: Path) -> tuple[Rows, bf.FeatureFrame]:
    """R's sample day and ours, a row a trade."""
    theirs = rows_of(shared / "oracles/r_highfrequency/liquidity_2018-01-02_lag0.csv")
    price, bid, ask = (rounded(theirs[name], "0.0001") for name in ("PRICE", "BID", "OFR"))
    size, bid_size, ask_size = (units(theirs[name]) for name in ("SIZE", "BIDSIZ", "OFRSIZ"))
    ts = units(theirs["DT"], "0.000000001")
    events = quoted_prints(
        bf.Instrument("XXX", price_unit="0.0001"), ts, price, size, bid, ask, bid_size, ask_size
    )
    features = {
        "mid": bf.Mid(),
        "sign": bf.TradeFlowImbalance(sign="lee_ready"),
        "signed_size": bf.CumulativeVolumeDelta(sign="lee_ready", window="row"),
        "effective": bf.EffectiveSpread(sign="lee_ready"),
        "proportional": bf.Ratio(of=bf.EffectiveSpread(sign="lee_ready"), by=bf.Mid()),
        "value": bf.Turnover(),
        "signed_root": bf.SignedRootTurnover(sign="lee_ready"),
        "imbalance": bf.QueueImbalance(),
        "quoted": bf.Spread(unit="price"),
        "quoted_bp": bf.Spread(unit="bp"),
        "return": bf.LogReturn(of=bf.LastPrice()),
        "mid_return": bf.LogReturn(of=bf.Mid()),
    }
    return theirs, whole(bf.Pipeline(events.instrument, clock="trade", features=features), events)


def test_liquidity_of_r_highfrequency(shared: Path) -> None:
    """Every trade of 2018-01-02 against its own touch.

    No calculator here: `logQuotedSpread` and `logQuotedSize` (ln of ask / bid, and of the product
    of their sizes), `quotedSlope` and `logQSlope` (a spread over the second of them).
    Wrong there, as the oracles' README says: `realizedSpread` is 300 rows ahead, not seconds, and
    with it `proportionalRealizedSpread`, `priceImpact` and `proportionalPriceImpact`;
    `depthImbalanceRatio`, of two sizes, is below 0 for a sale.
    """
    theirs, ours = liquidity(shared)
    r = {name: floats(theirs[name]) for name in theirs if name not in ("SYMBOL", "QUOTEEX", "EX")}
    assert len(ours) == len(r["PRICE"]) == 3691

    def same(mine: Column, name: str, rtol: float = 1e-13, atol: float = 0.0) -> None:
        np.testing.assert_allclose(mine, r[name], rtol=rtol, atol=atol, err_msg=name)

    same(ours["mid"], "midpoints")
    same(ours["value"], "valueTrade")
    same(ours["quoted"], "quotedSpread", rtol=1e-10)  # theirs is a difference of floats
    same(ours["quoted_bp"] / 1e4, "proportionalQuotedSpread", rtol=1e-10)
    # A spread is 0 at the mid, whoever bought; theirs is a rounding error there.
    effective = ours["effective"]
    same(effective, "effectiveSpread", rtol=0, atol=1e-12)
    same(effective / 2, "halfTradedSpread", rtol=0, atol=1e-12)
    same(ours["proportional"], "proportionalEffectiveSpread", rtol=0, atol=1e-14)
    same(ours["proportional"] / 2, "proportionalHalfTradedSpread", rtol=0, atol=1e-14)
    for name, squared, absolute in (
        ("return", "squaredLogReturn", "absLogReturn"),
        ("mid_return", "midQuoteSquaredReturn", "midQuoteAbsReturn"),
    ):
        same(np.abs(ours[name]), absolute, rtol=0, atol=1e-14)
        same(ours[name] ** 2, squared, rtol=0, atol=1e-16)

    # Their mid is a float: at it a print may have a side there that the tick rule does not give.
    differ = ours["sign"] != r["direction"]
    assert differ.sum() == 108
    price, bid, ask = (rounded(theirs[name], "0.0001") for name in ("PRICE", "BID", "OFR"))
    assert (2 * price == bid + ask)[differ].all()
    kept = ~differ
    np.testing.assert_array_equal(ours["signed_size"][kept], r["signedTradeSize"][kept])
    root = ours["signed_root"]
    np.testing.assert_allclose(
        (np.sign(root) * root**2)[kept], r["signedValueTrade"][kept], rtol=1e-13
    )
    imbalance = -r["direction"] * ours["imbalance"]
    np.testing.assert_allclose(imbalance, r["depthImbalanceDifference"], rtol=1e-13)
    assert (r["depthImbalanceRatio"][r["direction"] < 0] < 0).all()
