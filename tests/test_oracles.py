"""The compiled core against figures that others computed, on real recordings."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bookflow as bf

NS = 1_000_000_000


def lobster(shared: Path, folder: str) -> bf.Events:
    message, orderbook = sorted((shared / "data" / "lobster" / folder).glob("*.csv"))
    return bf.read_lobster(message, orderbook)


def table(path: Path) -> dict[str, NDArray[np.float64]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = list(csv.DictReader(text.decode().splitlines()))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def whole(pipe: bf.Pipeline, events: bf.Events) -> bf.FeatureFrame:
    return bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])


def left_closed(clock: str, events: bf.Events, **features: Any) -> bf.FeatureFrame:
    """Bins [t, t + clock): the grid stands a nanosecond early."""
    pipe = bf.Pipeline(events.instrument, clock=clock, origin=-1, hidden="none", features=features)
    return whole(pipe, events)


@pytest.mark.parametrize(
    ("folder", "total"),
    [
        ("AMZN_2012-06-21_1", -64089),
        ("AMZN_2012-06-21_5", -64089),
        ("AAPL_2012-06-21_1", -218913),
    ],
)
def test_ofi_of_the_day(shared: Path, folder: str, total: int) -> None:
    frame = whole(
        bf.Pipeline(
            (events := lobster(shared, folder)).instrument,
            clock="10s",
            features={"ofi": bf.OrderFlowImbalance()},
        ),
        events,
    )
    assert frame["ofi"].sum() == total


@pytest.mark.parametrize("levels", [1, 5])
def test_ofi_of_every_ten_seconds(shared: Path, levels: int) -> None:
    events = lobster(shared, f"AMZN_2012-06-21_{levels}")
    expected = table(shared / "oracles" / "ofi_lobster" / f"AMZN_L{levels}_10s.csv")
    frame = left_closed(
        "10s",
        events,
        ofi=bf.OrderFlowImbalance(),
        levels=bf.MultiLevelOrderFlowImbalance(levels=levels),
        mid=bf.Mid(),
    )
    assert len(frame) == 2340
    np.testing.assert_array_equal(frame["ofi"], expected["ofi_1"])
    for m in range(levels):
        np.testing.assert_array_equal(frame[f"levels_{m + 1}"], expected[f"ofi_{m + 1}"])
    # The first bin has no mid before it but the day's first.
    moved = np.diff(frame["mid"]) * 100
    np.testing.assert_allclose(moved, expected["dP_ticks"][1:], rtol=0, atol=1e-6)


def test_the_regression_on_ofi(shared: Path) -> None:
    """Bins 2 to 2340 of AMZN: R2 .316, slope .0025315 cents a share."""
    frame = left_closed(
        "10s",
        lobster(shared, "AMZN_2012-06-21_1"),
        ofi=bf.OrderFlowImbalance(),
        mid=bf.Mid(),
    )
    moved = np.diff(frame["mid"]) * 100
    slope, _ = np.polyfit(frame["ofi"][1:], moved, 1)
    assert np.corrcoef(frame["ofi"][1:], moved)[0, 1] ** 2 == pytest.approx(0.316, abs=5e-4)
    assert slope == pytest.approx(0.0025315, abs=5e-8)


def test_trades_of_every_minute(shared: Path) -> None:
    """lobster_agg: visible executions only, 390 of 390 minutes."""
    expected = table(shared / "oracles" / "lobster_agg_marjonuzaj" / "AMZN_60sec_agg.csv")
    frame = left_closed(
        "60s",
        lobster(shared, "AMZN_2012-06-21_5"),
        trades=bf.TradeCount(),
        volume=bf.Volume(),
        buys=bf.TradeCount(of="buy"),
        sells=bf.TradeCount(of="sell"),
    )
    assert len(frame) == 390
    np.testing.assert_array_equal(frame["trades"], expected["Trades"])
    np.testing.assert_array_equal(frame["volume"], expected["Volume"])
    np.testing.assert_array_equal(frame["buys"], expected["Buy_Trades"])
    np.testing.assert_array_equal(frame["sells"], expected["Sell_Trades"])


@pytest.mark.parametrize("levels", [1, 5])
def test_trade_imbalance_with_hidden_prints(shared: Path, levels: int) -> None:
    """`hidden="flow"`: types 4 and 5 by the file's side."""
    events = lobster(shared, f"AMZN_2012-06-21_{levels}")
    file = f"AMZN_L{levels}_10s_trade_imbalance.csv"
    expected = table(shared / "oracles" / "ofi_lobster" / file)
    pipe = bf.Pipeline(
        events.instrument,
        clock="10s",
        origin=-1,
        hidden="flow",
        features={"net": bf.CumulativeVolumeDelta(window="row")},
    )
    np.testing.assert_array_equal(whole(pipe, events)["net"], expected["trade_imbalance"])


def test_the_papers_small_cases(shared: Path) -> None:
    path = shared / "oracles" / "paper_micro_tests" / "micro_tests.json"
    cases = json.loads(path.read_text(encoding="utf-8"))
    for *quotes, e in cases["cks_en"]["cases"]:
        ofi = bf.OrderFlowImbalance()
        assert ofi.update(*quotes[:4]) == 0
        assert ofi.update(*quotes[4:]) == e

    case = cases["mlofi_inside_spread"]
    mlofi = bf.MultiLevelOrderFlowImbalance(levels=3)
    for state in (case["prev"], case["cur"]):
        bid, ask = (np.array(state[side], dtype=np.int64).T.copy() for side in ("bid", "ask"))
        value = mlofi.update(bid[0], bid[1], ask[0], ask[1])
    assert value.tolist() == case["mlofi"]

    stoikov = cases["stoikov_weighted_mid"]
    for bid, bid_size, ask, ask_size, mid, share, weighted in stoikov["rows"]:
        units = bf.Instrument(price_unit="0.01")
        quotes = {
            "ts": np.array([1]),
            "bid_price": np.array([bid]),
            "bid_size": np.array([bid_size]),
            "ask_price": np.array([ask]),
            "ask_size": np.array([ask_size]),
        }
        pipe = bf.Pipeline(
            units,
            features={"mid": bf.Mid(), "share": bf.QueueShare(), "weighted": bf.WeightedMid()},
        )
        frame = pipe.run(bf.Events.from_quotes(quotes, units))
        assert frame["mid"][0] == mid
        assert frame["share"][0] == pytest.approx(share, abs=5e-7)
        assert frame["weighted"][0] == pytest.approx(weighted, abs=5e-7)

    split = cases["vpin_split"]
    imbalances = [abs(buy - sell) for buy, sell in split["buckets_buy_sell"]]
    for n in (1, 2, 3):
        vpin = bf.VPIN(bucket_volume=split["V"], n_buckets=n)
        seen = []
        filled = 0
        for volume, share in split["bars"]:
            # A bar is split over buckets in proportion: as buys and sells of each bucket's part.
            while volume:
                part = min(volume, split["V"] - filled)
                buy = round(part * share)
                for size, side in ((buy, bf.Side.BUY), (part - buy, bf.Side.SELL)):
                    if size:
                        value = vpin.update(100, size, side)
                filled += part
                volume -= part
                if filled == split["V"]:
                    filled = 0
                    seen.append(value)
        expected = [
            sum(imbalances[i - n + 1 : i + 1]) / (n * split["V"]) if i + 1 >= n else np.nan
            for i in range(len(imbalances))
        ]
        np.testing.assert_array_equal(seen, expected)


def synthetic_quotes(shared: Path) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    path = shared / "oracles" / "synthetic" / "quotes.csv"
    with path.open() as file:
        names = file.readline().strip().split(",")
    numbers = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64, unpack=True)
    columns = dict(zip(names, numbers, strict=True))
    return columns, columns["session"]


def depth_of(columns: dict[str, NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    return [
        np.stack([columns[f"{side}_{what}_{i}"] for i in range(5)], axis=1)
        for side in ("bid", "ask")
        for what in ("px", "sz")
    ]


def test_ofi_of_every_synthetic_state(shared: Path) -> None:
    columns, session = synthetic_quotes(shared)
    expected = table(shared / "oracles" / "synthetic" / "ref_ofi_events.csv.gz")
    for number in np.unique(session):
        rows = session == number
        depth = [np.ascontiguousarray(side[rows]) for side in depth_of(columns)]
        e = bf.multi_level_order_flow_imbalance(*depth)
        for m in range(5):
            np.testing.assert_array_equal(e[:, m], expected[f"e_{m + 1}"][rows])
        touch = [side[:, 0] for side in depth]  # strided, read in place
        np.testing.assert_array_equal(bf.order_flow_imbalance(*touch), expected["e_1"][rows])


def test_ofi_of_the_synthetic_bins(shared: Path) -> None:
    columns, session = synthetic_quotes(shared)
    expected = table(shared / "oracles" / "synthetic" / "ref_ofi_10s.csv")
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    instrument = bf.Instrument("S", price_unit="1", tick="1")
    for number in np.unique(session):
        rows = session == number
        depth = dict(zip(names, (side[rows] for side in depth_of(columns)), strict=True))
        events = bf.Events.from_numpy(
            depth_rows(columns["ts_ns"][rows], depth), instrument, source="synthetic"
        )
        pipe = bf.Pipeline(
            instrument,
            clock="10s",
            origin=-1,
            features={"ofi": bf.MultiLevelOrderFlowImbalance(levels=5)},
        )
        frame = whole(pipe, events)
        wanted = expected["session"] == number
        begins = (frame.ts // (10 * NS) * 10 * NS).astype(float)
        listed = np.isin(begins, expected["bin_start_ns"][wanted])
        assert listed.sum() == wanted.sum()
        for m in range(5):
            assert not frame[f"ofi_{m + 1}"][~listed].any()  # bins without a state are not listed
            np.testing.assert_array_equal(
                frame[f"ofi_{m + 1}"][listed], expected[f"ofi_{m + 1}"][wanted]
            )


def depth_rows(ts: NDArray[np.int64], depth: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
    n = len(ts)
    return {
        "ts": ts,
        "action": np.full(n, bf.Action.QUOTE, np.uint8),
        "side": np.zeros(n, np.uint8),
        "price": np.full(n, bf.NONE),
        "size": np.zeros(n, np.int64),
        **depth,
    }


def test_minutes_of_the_synthetic_tape(shared: Path) -> None:
    """Counts, volume and prices; the signs there are Lee and Ready's, which come later."""
    folder = shared / "oracles" / "synthetic"
    trades = table(folder / "trades.csv")
    expected = table(folder / "ref_minutes.csv")
    instrument = bf.Instrument("S", price_unit="0.25")  # in ticks: prints stand at quarters
    for number in (0, 1):
        rows = trades["session"] == number
        # 2^53 is below these stamps: read them as integers
        stamps = np.loadtxt(
            folder / "trades.csv", delimiter=",", skiprows=1, usecols=0, dtype=np.int64
        )[rows]
        events = bf.Events.from_trades(
            {
                "ts": stamps,
                "price": trades["price_ticks"][rows],
                "size": trades["size"][rows].astype(np.int64),
                "side": np.where(trades["true_side"][rows] > 0, 1, 2).astype(np.uint8),
            },
            instrument,
        )
        pipe = bf.Pipeline(
            instrument,
            clock="60s",
            origin=-1,
            features={
                "n": bf.TradeCount(),
                "volume": bf.Volume(),
                "vwap": bf.VWAP(window="row"),
                "since": bf.VWAP(),
                "last": bf.LastPrice(),
            },
        )
        frame = whole(pipe, events)
        frame_minutes = (frame.ts + 1) // (60 * NS) * 60 - 60
        frame_minutes[-1] = frame.ts[-1] // (60 * NS) * 60
        wanted = expected["session"] == number
        traded = np.isin(frame_minutes, expected["minute_s"][wanted])
        assert traded.sum() == wanted.sum()
        assert not frame["n"][~traded].any()
        for mine, theirs in {
            "n": "n",
            "volume": "vol",
            "vwap": "vwap_minute",
            "since": "vwap_session",
            "last": "last_px",
        }.items():
            np.testing.assert_allclose(frame[mine][traded], expected[theirs][wanted], rtol=1e-12)


def test_messages_replayed_from_a_seed(shared: Path) -> None:
    """AAPL's 50-level messages through the order book against the level-1 file: 99.93 %."""
    data = shared / "data" / "lobster"
    stem = "AAPL_2012-06-21_34200000"
    events = bf.read_lobster(
        data / "AAPL_2012-06-21_50_msgonly" / f"{stem}_37800000_message_50.csv",
        seed=data / "AAPL_2012-06-21_10_first998" / f"{stem}_57600000_orderbook_10.csv",
    )
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    features = {name: bf.Touch(of=name) for name in names}
    pipe = bf.Pipeline(events.instrument, clock="event", features=features)
    frame = pipe.run(events)
    assert ((frame.status & bf.Status.UNVERIFIABLE) != 0).all()

    written = events.to_numpy()
    written = written[(written["flags"] & bf.Flag.SNAPSHOT) == 0]
    assert len(written) == len(frame)
    level_1 = lobster(shared, "AAPL_2012-06-21_1")
    truth = level_1.to_numpy()
    truth = truth[truth["ts"] <= written["ts"][-1]]
    # The level-1 file holds the messages that touched the best quotes: find them in order.
    rows = iter(range(len(written)))
    same = [tuple(row) for row in written[["ts", "price", "size"]].tolist()]
    found = [
        next(i for i in rows if same[i] == wanted)
        for wanted in (tuple(row) for row in truth[["ts", "price", "size"]].tolist())
    ]
    assert len(found) == len(truth) == 25_641
    unit = events.instrument
    depth = level_1.depth
    assert depth is not None
    equal = np.ones(len(found), bool)
    for name in names:
        units = getattr(depth, name)[: len(found), 0]
        expected = unit.price(units) if name.endswith("price") else unit.size(units)
        equal &= frame[name][found] == expected
    assert equal.sum() == 25_623
