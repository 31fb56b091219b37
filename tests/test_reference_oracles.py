"""The reference against figures worked out by others: see oracles/README.md for each file."""

import csv
import gzip
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bookflow.reference as reference
from bookflow.reference import NONE, Action, Pipeline, Row, Side
from bookflow.reference.volume_buckets import Part, fill

S = 1_000_000_000
LEVELS = range(5)


def rows_of(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))


# The papers' own small cases.


@pytest.fixture(scope="module")
def micro(shared: Path) -> dict[str, Any]:
    text = (shared / "oracles/paper_micro_tests/micro_tests.json").read_text()
    cases: dict[str, Any] = json.loads(text)
    return cases


def test_micro_order_flow(micro: dict[str, Any]) -> None:
    assert len(micro["cks_en"]["cases"]) == 9
    for *quotes, e in micro["cks_en"]["cases"]:
        columns = [[quotes[i], quotes[i + 4]] for i in range(4)]
        assert reference.order_flow_imbalance(*columns) == [0, e]


def test_micro_order_flow_cascade(micro: dict[str, Any]) -> None:
    case = micro["mlofi_inside_spread"]
    columns = [
        [[level[field] for level in case[when][side]] for when in ("prev", "cur")]
        for side in ("bid", "ask")
        for field in (0, 1)
    ]
    vector = reference.multi_level_order_flow_imbalance(*columns, levels=3)
    assert vector[1] == case["mlofi"]


def test_micro_weighted_mid(micro: dict[str, Any]) -> None:
    for row in micro["stoikov_weighted_mid"]["rows"]:
        bid, bid_size, ask, ask_size, mid, share, weighted = row
        quotes = [round(100 * bid)], [bid_size], [round(100 * ask)], [ask_size]
        assert reference.mid(*quotes)[0] / 100 == pytest.approx(mid, abs=5e-7)
        assert reference.queue_share(*quotes)[0] == pytest.approx(share, abs=5e-7)
        assert reference.weighted_mid(*quotes)[0] / 100 == pytest.approx(weighted, abs=5e-7)


def test_micro_bucket_split(micro: dict[str, Any]) -> None:
    case = micro["vpin_split"]
    shares = [(volume, Fraction(str(buy))) for volume, buy in case["bars"]]
    parts = [Part(volume, buy, 1 - buy) for volume, buy in shares]
    expected = [tuple(pair) for pair in case["buckets_buy_sell"]]
    buckets = fill(parts, lambda session: case["V"])
    assert [(one.buy, one.sell) for one in buckets if one.full] == expected


# The synthetic sessions: prices in quarter ticks, as the finest prints are.

QUARTERS = SimpleNamespace(price_unit="0.25", size_unit="1", tick="1")


class Session:
    """One session's quotes and trades, as events with depth rows, prints first."""

    def __init__(self, folder: Path, number: int) -> None:
        self.quotes = [
            row for row in rows_of(folder / "quotes.csv") if int(row["session"]) == number
        ]
        self.trades = [
            row for row in rows_of(folder / "trades.csv") if int(row["session"]) == number
        ]

    def depth_columns(self, rows: slice) -> list[list[list[int]]]:
        names = ("bid_px", "bid_sz", "ask_px", "ask_sz")
        return [
            [[int(row[f"{name}_{i}"]) for i in LEVELS] for row in self.quotes[rows]]
            for name in names
        ]

    def book_events(self) -> Iterator[tuple[tuple[int, ...], tuple[list[int], ...]]]:
        for row in self.quotes:
            depth = tuple(
                [quarters * int(row[f"{name}_{i}"]) for i in LEVELS]
                for name, quarters in (("bid_px", 4), ("bid_sz", 1), ("ask_px", 4), ("ask_sz", 1))
            )
            yield (int(row["ts_ns"]), Action.QUOTE, Side.NONE, NONE, 0), depth

    def prints(self, signs: list[int]) -> Iterator[tuple[int, ...]]:
        sides = {1: Side.BUY, -1: Side.SELL, 0: Side.NONE}
        for row, sign in zip(self.trades, signs, strict=True):
            price = 4 * Fraction(row["price_ticks"])
            assert price.denominator == 1
            yield (int(row["ts_ns"]), Action.TRADE, sides[sign], int(price), int(row["size"]))


@pytest.fixture(scope="module", params=[0, 1])
def number(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def session(shared: Path, number: int) -> Session:
    return Session(shared / "oracles/synthetic", number)


def expected(shared: Path, name: str, number: int) -> list[dict[str, str]]:
    rows = rows_of(shared / "oracles/synthetic" / name)
    return [row for row in rows if int(row["session"]) == number]


STATE = {
    "mid": ("mid", {}),
    "spread": ("spread", {}),
    "qi_l1": ("queue_imbalance", {}),
    "qi_l5_sum": ("multi_level_imbalance", {}),
    "qi_l5_exp05": ("multi_level_imbalance", {"weights": "exponential"}),
    "qi_l5_linear": ("multi_level_imbalance", {"weights": "linear"}),
    "qi_l5_invdist": ("multi_level_imbalance", {"weights": "inverse"}),
    "weighted_mid": ("weighted_mid", {}),
}


def test_synthetic_state(shared: Path, session: Session, number: int) -> None:
    truth = expected(shared, "ref_state.csv.gz", number)
    rows = slice(0, 2_000)
    columns = session.depth_columns(rows)
    best = [[levels[0] for levels in column] for column in columns]
    for name, (calculator, settings) in STATE.items():
        quotes = columns if calculator == "multi_level_imbalance" else best
        values = getattr(reference, calculator)(*quotes, **settings)
        truths = [float(row[name]) for row in truth[rows]]
        assert values == pytest.approx(truths, rel=1e-15, abs=1e-14)


def test_synthetic_order_flow_events(shared: Path, session: Session, number: int) -> None:
    truth = expected(shared, "ref_ofi_events.csv.gz", number)
    everything = slice(None)
    columns = session.depth_columns(everything)
    vectors = reference.multi_level_order_flow_imbalance(*columns)
    assert vectors == [[float(row[f"e_{m + 1}"]) for m in LEVELS] for row in truth]
    best = [[levels[0] for levels in column] for column in columns]
    assert reference.order_flow_imbalance(*best) == [vector[0] for vector in vectors]


def test_synthetic_order_flow_bins(shared: Path, session: Session, number: int) -> None:
    truth = expected(shared, "ref_ofi_10s.csv", number)
    pipe = Pipeline(
        QUARTERS,
        clock="10s",
        origin=-1,  # the oracle's bins are closed on the left
        features={
            "ofi": ("multi_level_order_flow_imbalance", {}),
            "best": ("order_flow_imbalance", {}),
            "mid": ("mid", {}),
        },
    )
    for event, depth in session.book_events():
        pipe.push(event, depth)
    pipe.finish()
    bins = {(row.ts // (10 * S)) * 10 * S: row for row in pipe.rows}
    assert len(bins) == len(pipe.rows)
    for row in truth:
        written = bins[int(row["bin_start_ns"])]
        assert written.values["ofi"] == [float(row[f"ofi_{m + 1}"]) for m in LEVELS]
        assert written.values["best"] == float(row["ofi_1"])


def lee_ready_signs(shared: Path, number: int) -> list[int]:
    rows = rows_of(shared / "oracles/tclf/tclf_on_synthetic.csv")
    return [round(float(row["lr"])) for row in rows if int(row["session"]) == number]


def minute_rows(session: Session, signs: list[int]) -> dict[int, Row]:
    pipe = Pipeline(
        QUARTERS,
        clock="60s",
        origin=-1,
        features={
            "n": ("trade_count", {}),
            "vol": ("volume", {}),
            "buy": ("buy_volume", {}),
            "sell": ("sell_volume", {}),
            "tfi": ("trade_flow_imbalance", {}),
            "vwap_minute": ("vwap", {"window": "row"}),
            "vwap_session": ("vwap", {}),
            "cvd_session": ("cumulative_volume_delta", {}),
            "last_px": ("last_price", {}),
        },
    )
    pipe.run(session.prints(signs))
    pipe.finish()
    return {row.ts // (60 * S) * 60: row for row in pipe.rows}


def test_synthetic_minutes(shared: Path, session: Session, number: int) -> None:
    truth = expected(shared, "ref_minutes.csv", number)
    written = minute_rows(session, lee_ready_signs(shared, number))
    assert sum(row.values["n"] > 0 for row in written.values()) == len(truth)
    for row in truth:
        values = written[int(row["minute_s"])].values
        for name, value in values.items():
            assert value == pytest.approx(float(row[name]), rel=1e-12), name


def test_synthetic_tick_rule(shared: Path, session: Session, number: int) -> None:
    rows = rows_of(shared / "oracles/tclf/tclf_on_synthetic.csv")
    signs = [float(row["tick"]) for row in rows if int(row["session"]) == number]
    price = [int(4 * Fraction(row["price_ticks"])) for row in session.trades]
    assert reference.volume_signed_imbalance(price, [1] * len(price)) == signs


# A day of AMZN: the sums of e over the day and per bin.


def test_lobster_order_flow(shared: Path) -> None:
    (book,) = (shared / "data/lobster/AMZN_2012-06-21_1").rglob("*orderbook_1.csv")
    (messages,) = (shared / "data/lobster/AMZN_2012-06-21_1").rglob("*message_1.csv")
    pipe = Pipeline(
        SimpleNamespace(price_unit="0.0001", size_unit="1", tick="0.01"),
        clock="10s",
        origin=-1,
        features={"ofi": ("order_flow_imbalance", {})},
    )
    with book.open() as book_file, messages.open() as message_file:
        for state, message in zip(csv.reader(book_file), csv.reader(message_file), strict=True):
            ask_price, ask_size, bid_price, bid_size = map(int, state)
            ts = int(Fraction(message[0]) * S)
            depth = ([bid_price], [bid_size], [ask_price], [ask_size])
            pipe.push((ts, Action.QUOTE, Side.NONE, NONE, 0), depth)
    pipe.finish()
    truth = rows_of(shared / "oracles/ofi_lobster/AMZN_L1_10s.csv")
    ofi = [row.values["ofi"] for row in pipe.rows]
    assert sum(ofi) == -64089
    assert ofi == [float(row["ofi_1"]) for row in truth]
