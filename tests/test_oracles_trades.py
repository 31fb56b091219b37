"""Signs of trades, and what is made of them, against figures that others computed."""

import csv
import gzip
import json
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bookflow as bf
from bookflow.events import Action, Side

NS = 1_000_000_000
Rows = dict[str, list[str]]


def rows_of(path: Path) -> Rows:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = list(csv.DictReader(text.decode().splitlines()))
    return {name: [row[name] for row in rows] for name in rows[0]}


def units(values: list[str], unit: str = "1") -> NDArray[np.int64]:
    """Exactly as many units as the text says."""
    scaled = [Decimal(value) / Decimal(unit) for value in values]
    assert all(x == int(x) for x in scaled)
    return np.array([int(x) for x in scaled], np.int64)


def rounded(values: list[str], unit: str) -> NDArray[np.int64]:
    """The nearest unit: of numbers that were printed with 17 digits."""
    return np.array([round(float(value) / float(unit)) for value in values], np.int64)


def signs(sign: str, price: Any, bid: Any, ask: Any) -> NDArray[np.int64]:
    """+1, -1 or 0 a print: the imbalance of each alone."""
    size = np.ones(len(price), np.int64)
    value = bf.trade_flow_imbalance(price, size, bid_price=bid, ask_price=ask, sign=sign)
    return np.nan_to_num(value).astype(np.int64)


def day(shared: Path) -> Rows:
    return rows_of(shared / "oracles" / "synthetic" / "trades.csv")


@pytest.mark.parametrize(
    ("sign", "column"),
    [
        ("tick", "tick"),
        ("quote", "quote"),
        ("lee_ready", "lr"),
        ("emo", "emo"),
        ("clnv", "clnv"),
    ],
)
def test_signs_of_tclf(shared: Path, sign: str, column: str) -> None:
    expected = rows_of(shared / "oracles" / "tclf" / "tclf_on_synthetic.csv")
    trades = day(shared)
    price, bid, ask = (units(trades[name], "0.25") for name in ("price_ticks", "bid_px", "ask_px"))
    session = units(trades["session"])
    for one in np.unique(session):
        here = session == one
        np.testing.assert_array_equal(
            signs(sign, price[here], bid[here], ask[here]), units(expected[column])[here]
        )


def test_signs_of_pinstimation(shared: Path) -> None:
    trades = rows_of(shared / "data" / "pinstimation" / "hfdata.csv")
    signed = rows_of(shared / "oracles" / "pinstimation" / "classify_trades_hfdata.csv.gz")
    price, bid, ask = (units(trades[name], "0.0001") for name in ("price", "bid", "ask"))

    def theirs(rule: str) -> NDArray[np.int64]:
        words = {"1": 1, "0": -1, "TRUE": 1, "FALSE": -1, "NA": 0}
        return np.array([words[word] for word in signed[rule + "_lag0"]])

    for sign, rule in (("tick", "Tick"), ("emo", "EMO")):
        np.testing.assert_array_equal(signs(sign, price, bid, ask), theirs(rule))
    # It compares floats: prints at the mid have a side there.
    at_mid = 2 * price == bid + ask
    assert at_mid.sum() == 697
    quote = signs("quote", price, bid, ask)
    np.testing.assert_array_equal(quote == 0, at_mid)
    np.testing.assert_array_equal(quote[~at_mid], theirs("Quote")[~at_mid])
    lee_ready = signs("lee_ready", price, bid, ask)
    differ = lee_ready != theirs("LR")
    assert differ.sum() == 350
    assert np.all(at_mid[differ])


def merged(shared: Path) -> tuple[bf.Events, Rows]:
    """R's sample: quotes and trades by their time, quotes first where the time is the same."""
    folder = shared / "oracles" / "r_highfrequency"
    quotes = rows_of(folder / "sampleQData.csv.gz")
    trades = rows_of(folder / "sampleTData.csv")
    quote_ts, ts = units(quotes["DT"], "0.000000001"), units(trades["DT"], "0.000000001")
    n, m = len(quote_ts), len(ts)
    times = np.concatenate([np.repeat(quote_ts, 2), ts])
    bid, ask = rounded(quotes["BID"], "0.0001"), rounded(quotes["OFR"], "0.0001")
    price = np.concatenate(
        [np.stack([bid, ask], 1).reshape(-1), rounded(trades["PRICE"], "0.0001")]
    )
    order = np.argsort(times, kind="stable")
    columns = {
        "ts": times,
        "action": np.repeat(np.array([Action.QUOTE, Action.TRADE], np.uint8), [2 * n, m]),
        "side": np.concatenate([np.tile([1, 2], n), np.zeros(m)]).astype(np.uint8),
        "price": price,
        "size": np.ones(2 * n + m, np.int64),
        "flags": np.concatenate([np.tile([0, 1], n), np.ones(m)]).astype(np.uint8),
    }
    instrument = bf.Instrument("XXX", price_unit="0.0001")
    return bf.Events({k: v[order] for k, v in columns.items()}, instrument), trades


def test_lee_ready_of_r_highfrequency_two_seconds_ago(shared: Path) -> None:
    events, trades = merged(shared)
    r = rows_of(shared / "oracles" / "r_highfrequency" / "tq_lag2_directions.csv")
    theirs = units(r["LR_DIRECTION"])
    assert len(theirs) == 7168
    assert theirs.sum() == -1572
    # By the touch it chose: the first trade bought, the first two seconds by the day's first quote.
    price, bid, ask = (rounded(r[name], "0.0001") for name in ("PRICE", "BID", "OFR"))
    exact = signs("lee_ready", price, bid, ask)
    exact[0] = exact[0] or 1
    assert exact.sum() == -1554
    differ = exact != theirs
    assert differ.sum() == 55
    assert np.all(2 * price[differ] == bid[differ] + ask[differ])
    # By the quotes as they came.
    pipe = bf.Pipeline(
        events.instrument,
        clock="trade",
        features={"sign": bf.TradeFlowImbalance(sign="lee_ready:2s")},
    )
    ours = np.nan_to_num(pipe.run(events)["sign"]).astype(np.int64)
    ts = units(trades["DT"], "0.000000001")
    days, first = np.unique(ts // (86400 * NS), return_index=True)
    openings = ts[first]
    early = ts - openings[np.searchsorted(days, ts // (86400 * NS))] < 3 * NS
    np.testing.assert_array_equal(ours[~early], exact[~early])


def test_minutes_of_the_synthetic_day(shared: Path) -> None:
    """Lee-Ready without a lag: buys, sells, their imbalance and delta, and the VWAPs."""
    trades = day(shared)
    expected = rows_of(shared / "oracles" / "synthetic" / "ref_minutes.csv")
    price, bid, ask = (units(trades[name], "0.25") for name in ("price_ticks", "bid_px", "ask_px"))
    size, ts, session = (units(trades[name]) for name in ("size", "ts_ns", "session"))
    minute = ts // (60 * NS) * 60
    last = {(s, m): i for i, (s, m) in enumerate(zip(session, minute, strict=True))}
    keys = list(zip(units(expected["session"]), units(expected["minute_s"]), strict=True))
    assert list(last) == keys
    ends = np.array(list(last.values()))

    signed = {"sign": "lee_ready", "window": None}
    columns: dict[str, list[Any]] = {}
    for one in np.unique(session):
        here = session == one
        prints = [np.ascontiguousarray(x[here]) for x in (price, size)]
        touch = {"bid_price": bid[here], "ask_price": ask[here]}
        for name, values in {
            "buy": bf.buy_volume(*prints, **touch, **signed),
            "sell": bf.sell_volume(*prints, **touch, **signed),
            "cvd": bf.cumulative_volume_delta(*prints, **touch, sign="lee_ready"),
            "vwap": bf.vwap(*prints) / 4,
        }.items():
            columns.setdefault(name, []).append(values)
    at = {name: np.concatenate(parts)[ends] for name, parts in columns.items()}
    begins = np.r_[True, np.diff(session[ends]) != 0]
    for name in ("buy", "sell"):
        before = np.where(begins, 0, np.r_[0, at[name][:-1]])
        np.testing.assert_array_equal(at[name] - before, units(expected[name]))
    np.testing.assert_array_equal(at["cvd"], units(expected["cvd_session"]))
    their_vwap = np.array([float(x) for x in expected["vwap_session"]])
    np.testing.assert_allclose(at["vwap"], their_vwap, rtol=1e-14)

    # The same by a pipeline's own windows: the quotes come as events, each before its print.
    n = len(ts)
    table = {
        "ts": np.repeat(ts, 3),
        "action": np.tile(np.array([Action.QUOTE, Action.QUOTE, Action.TRADE], np.uint8), n),
        "side": np.tile(np.array([Side.BID, Side.ASK, 0], np.uint8), n),
        "price": np.stack([bid, ask, price], 1).reshape(-1),
        "size": np.stack([np.ones_like(size), np.ones_like(size), size], 1).reshape(-1),
        "flags": np.tile(np.array([0, 1, 1], np.uint8), n),
    }
    instrument = bf.Instrument("S", price_unit="0.25", tick="1")
    pipe = bf.Pipeline(
        instrument,
        clock="60s",
        origin=-1,
        features={
            "tfi": bf.TradeFlowImbalance(sign="lee_ready"),
            "volume": bf.Volume(),
            "vwap": bf.VWAP(window="row"),
        },
    )
    events = bf.Events(table, instrument)
    frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])
    traded = frame["volume"] > 0
    assert traded.sum() == len(keys)
    for ours, theirs in (("volume", "vol"), ("tfi", "tfi"), ("vwap", "vwap_minute")):
        # the session's first print has no earlier one within it: only minutes that it is not in
        same = ~begins if ours == "tfi" else np.ones(len(keys), bool)
        got, want = frame[ours][traded], np.array([float(x) for x in expected[theirs]])
        np.testing.assert_allclose(got[same], want[same], rtol=1e-14)


def test_lobster_minutes_of_another_author(shared: Path) -> None:
    theirs = rows_of(shared / "oracles" / "lobster_agg_marjonuzaj" / "AMZN_60sec_agg.csv")
    folder = shared / "data" / "lobster" / "AMZN_2012-06-21_1"
    events = bf.read_lobster(*sorted(folder.glob("*.csv")))
    features = {
        "Trades": bf.TradeCount(),
        "Volume": bf.Volume(),
        "Buy_Trades": bf.TradeCount(of="buy"),
        "Sell_Trades": bf.TradeCount(of="sell"),
    }
    pipe = bf.Pipeline(events.instrument, clock="60s", origin=-1, hidden="none", features=features)
    frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])
    for name in features:
        np.testing.assert_array_equal(frame[name][:390], units(theirs[name]), err_msg=name)


def test_the_fills_of_an_order_are_one_trade(shared: Path) -> None:
    """AMZN's messages by the stamp and side of each execution, in numpy."""
    folder = shared / "data" / "lobster" / "AMZN_2012-06-21_1"
    columns = bf.read_lobster(*sorted(folder.glob("*message*.csv"))).columns
    executed = columns["action"] == Action.EXECUTE
    ts, price, size = (columns[name][executed] for name in ("ts", "price", "size"))
    side = (3 - columns["side"][executed]).astype(np.uint8)  # of whom it met
    begins = np.r_[True, (np.diff(ts) != 0) | (np.diff(side.astype(int)) != 0)]
    sizes = np.add.reduceat(size, np.flatnonzero(begins))
    assert len(sizes) < 0.8 * len(size)
    settings: dict[str, Any] = {"ts": ts, "window": None, "fills": "aggressor"}
    assert bf.trade_count(price, size, side, **settings)[-1] == len(sizes)
    assert bf.trade_count(price, size, side, of="buy", **settings)[-1] == (side[begins] == 1).sum()
    assert bf.mean_trade_size(price, size, side, **settings)[-1] == sizes.mean()
    large = sizes[sizes >= 200].sum() / sizes.sum()
    assert bf.large_trade_share(price, size, side, least=200, **settings)[-1] == large
    # An order has the tick rule's sign of its first fill against the last price before it.
    ends = np.r_[np.flatnonzero(begins)[1:] - 1, len(ts) - 1]
    move = np.sign(np.r_[0, price[begins][1:] - price[ends][:-1]])
    at = np.maximum.accumulate(np.where(move != 0, np.arange(len(move)), -1))
    sign = np.where(at >= 0, move[np.maximum(at, 0)], 0)
    bought = bf.buy_volume(price, size, side, sign="tick", **settings)[-1]
    assert bought == sizes[sign > 0].sum()


@pytest.mark.parametrize(
    "name", ["cm__ethusd_perp_20240808", "cm__ethusd_perp_20240809", "usdm__ethusdt_20240808"]
)
def test_the_quote_rule_finds_the_aggressor_on_binance_futures(
    shared: Path, root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root))
    from bench import sign_accuracy

    recording = sign_accuracy.binance_futures(shared / "data" / "hftbacktest" / f"{name}.gz")
    n, right = sign_accuracy.accuracy(sign_accuracy.events_of(*recording, "0.01"))
    assert n > 1700
    assert right["quote"] >= 0.998
    assert right["quote"] > right["tick"]


def test_spreads_of_the_synthetic_sessions(shared: Path) -> None:
    """The effective spread, by minute and by session, and Roll's."""
    trades = day(shared)
    minutes = rows_of(shared / "oracles" / "synthetic" / "ref_minutes.csv")
    whole = json.loads((shared / "oracles/synthetic/ref_session_scalars.json").read_text())
    price, bid, ask = (units(trades[name], "0.25") for name in ("price_ticks", "bid_px", "ask_px"))
    size, ts, session = (units(trades[name]) for name in ("size", "ts_ns", "session"))
    minute = ts // (60 * NS) * 60
    for column, weight in (("eff_spread_mean", "trade"), ("eff_spread_vw", "volume")):
        got = []
        for one, begin in zip(units(minutes["session"]), units(minutes["minute_s"]), strict=True):
            here = (session == one) & (minute <= begin)
            values = bf.effective_spread(
                *(x[here] for x in (price, size)),
                bid_price=bid[here],
                ask_price=ask[here],
                sign="lee_ready",
                weight=weight,
                window=f"{int(np.sum(minute[here] == begin))}trades",
            )
            got.append(values[-1] / 4)
        np.testing.assert_allclose(got, [float(x) for x in minutes[column]], rtol=1e-13)
    for one, expected in whole.items():
        here = session == int(one)
        roll = bf.roll_spread(price[here], size[here])[-1] / 4
        assert roll == pytest.approx(expected["roll_spread"], rel=1e-13)


@pytest.mark.parametrize("n", [1, 2, 7, 100, 1000])
def test_quantiles_of_size_are_order_statistics(shared: Path, n: int) -> None:
    """Sizes with many ties, and without any."""
    sizes = units(day(shared)["size"][:3000])
    several = np.random.default_rng(n).permutation(len(sizes)) + 1
    for size in (sizes, several):
        ordered = np.sort(np.lib.stride_tricks.sliding_window_view(size, n), axis=1)
        for q in ("0.0", "0.07", "0.25", "0.5", "0.95", "1.0"):
            ours = bf.trade_size_quantile(np.full(len(size), 100), size, q=float(q), trades=n)
            assert np.isnan(ours[: n - 1]).all()
            rank = max(1, ceil(Decimal(q) * n))  # .07 of a hundred is the seventh
            np.testing.assert_array_equal(ours[n - 1 :], ordered[:, rank - 1])


def test_volume_confirmation_is_numpys_correlation(shared: Path) -> None:
    tape = day(shared)
    price, size, sign = rounded(tape["price_ticks"], "0.25"), units(tape["size"]), tape["true_side"]
    side = np.where(units(sign) > 0, Side.BUY, Side.SELL).astype(np.uint8)
    x, y = (units(sign) * size)[1:], np.diff(price)
    ours = bf.volume_confirmation(price, size, side)
    assert ours[-1] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
    last = bf.volume_confirmation(price, size, side, window="500trades")
    assert last[-1] == pytest.approx(np.corrcoef(x[-500:], y[-500:])[0, 1], rel=1e-12)
    agreement = bf.volume_confirmation(price, size, side, of="agreement")
    assert agreement[-1] == pytest.approx(np.sign(x * y)[y != 0].mean(), rel=1e-15)


def test_volume_climaxes_of_the_synthetic_minutes(shared: Path) -> None:
    """z against mean and sd of numpy, over the twenty minutes before."""
    tape = day(shared)
    first = np.array(tape["session"]) == "0"
    ts, size = units(tape["ts_ns"])[first], units(tape["size"])[first]
    price = rounded(tape["price_ticks"], "0.25")[first]
    minute = -(-ts // (60 * NS))  # (t - 1m, t]
    starts = np.flatnonzero(np.diff(minute, prepend=-1))
    volume = np.add.reduceat(size, starts)
    spread = np.maximum.reduceat(price, starts) - np.minimum.reduceat(price, starts)

    def scores(x: NDArray[np.int64]) -> NDArray[np.float64]:
        before = np.lib.stride_tricks.sliding_window_view(x, 20)[:-1]
        return (x[20:] - before.mean(axis=1)) / before.std(axis=1, ddof=1)

    def ours(of: str, threshold: float = 1.0) -> NDArray[np.float64]:
        """As the first print of the next minute shows it."""
        value = bf.volume_climax(price, size, ts=ts, of=of, threshold=threshold)
        assert np.isnan(value[: starts[21]]).all()
        return value[starts[21:]]

    z = {"volume": scores(volume)[:-1], "range": scores(spread)[:-1]}
    for of, expected in z.items():
        np.testing.assert_allclose(ours(of), expected, rtol=1e-9, atol=1e-9)
    both = np.minimum(z["volume"], z["range"]) > 1.0
    assert both.any()
    np.testing.assert_array_equal(ours("climax"), both)


@pytest.mark.parametrize("session", [0, 1])
def test_realised_spread_and_impact_of_the_synthetic_sessions(shared: Path, session: int) -> None:
    """As of 5 s later, of the prints whose horizon ends before the last quote.

    Some twenty prints a session were recorded after a quote of their own stamp; they come after it
    here, all others before. Their price impact is the whole of ES - RS, ours (calculators.md) half.
    """
    trades, quotes = day(shared), rows_of(shared / "oracles" / "synthetic" / "quotes.csv")
    whole = json.loads((shared / "oracles/synthetic/ref_session_scalars.json").read_text())
    here = units(trades["session"]) == session
    price, bid, ask = (
        units(trades[name], "0.25")[here] for name in ("price_ticks", "bid_px", "ask_px")
    )
    size, ts = (units(trades[name])[here] for name in ("size", "ts_ns"))
    there = units(quotes["session"]) == session
    touch = [units(quotes[name], "0.25")[there] for name in ("bid_px_0", "ask_px_0")]
    sizes = [units(quotes[name])[there] for name in ("bid_sz_0", "ask_sz_0")]
    times = units(quotes["ts_ns"])[there]
    before = np.searchsorted(times, ts, side="left") - 1
    late = (touch[0][before] != bid) | (touch[1][before] != ask)
    assert late.sum() < 25

    order = [(int(t), 1, k) for k, t in enumerate(times)]
    order += [(int(t), 2 if late[k] else 0, k) for k, t in enumerate(ts)]
    settings = 'horizon="5s", window=None, sign="lee_ready"'
    features = {"rs": f"RealisedSpread({settings})", "pi": f"PriceImpact({settings})"}
    pipe = bf.Pipeline(bf.Instrument("X", price_unit="1"), clock="trade", features=features)
    for t, kind, k in sorted(order):
        if kind == 1:
            pipe.push(t, Action.QUOTE, Side.BID, int(touch[0][k]), int(sizes[0][k]), 0, 0)
            pipe.push(t, Action.QUOTE, Side.ASK, int(touch[1][k]), int(sizes[1][k]))
        else:
            pipe.push(t, Action.TRADE, Side.NONE, int(price[k]), int(size[k]))
    row = pipe.finish()
    expected = whole[str(session)]
    assert row["rs"][0] / 4 == pytest.approx(expected["realized_spread_5s_mean"], rel=1e-12)

    done = ts + 5 * NS <= times[-1]
    assert done.sum() == expected["n_ok"]
    paid = signs("lee_ready", price, bid, ask) * (2 * price - bid - ask) / 4
    impact = paid[done].mean() - expected["realized_spread_5s_mean"]
    assert impact == pytest.approx(expected["price_impact_5s_mean"], rel=1e-12)
    assert row["pi"][0] / 4 == pytest.approx(impact / 2, rel=0.006)
