"""The bounded stage that puts streams in order, against its definition and on a recording."""

import gzip
import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow.events import Action, Flag, Side

CENTS = bf.Instrument("X", price_unit="0.01")
NONE = bf.NONE
Unit = tuple[int, list[tuple[bool, int]]]
"""Its time, and of each row whether it changes the book, and its number."""


def events_of(units: list[Unit], venue: list[int] | None = None) -> bf.Events:
    rows = [(ts, book, n, i == len(group) - 1) for ts, group in units
            for i, (book, n) in enumerate(group)]  # fmt: skip
    table = list(zip(*rows, strict=True)) if rows else [()] * 4
    columns: dict[str, Any] = {
        "ts": np.array(table[0], np.int64),
        "action": np.where(np.array(table[1], bool), Action.LEVEL, Action.TRADE).astype(np.uint8),
        "side": np.ones(len(rows), np.uint8),
        "price": np.full(len(rows), 1000),
        "size": np.array(table[2], np.int64),
        "flags": np.array(table[3], np.uint16) * np.uint16(Flag.LAST),
    }
    if venue is not None:
        stamps = [stamp for stamp, (_, group) in zip(venue, units, strict=True) for _ in group]
        columns["ts_venue"] = np.array(stamps, np.int64)
    return bf.Events(columns, CENTS)


class Plain:
    """One atomic event after another, as the words say."""

    def __init__(self, span: int) -> None:
        self.span, self.newest, self.last_out, self.late = span, -1, -1, 0
        self.held: list[tuple[int, bool, int, Unit]] = []
        self.out: list[tuple[int, int]] = []

    def push(self, unit: Unit) -> None:
        ts, rows = unit
        self.advance(ts)
        if ts < self.newest - self.span:
            if ts < self.last_out:
                self.late += len(rows)
            self.release(max(ts, self.last_out), unit)
        else:
            self.held.append((ts, any(book for book, _ in rows), rows[0][1], unit))

    def advance(self, ts: int) -> None:
        self.newest = max(self.newest, ts)
        self.held.sort(key=lambda held: held[:3])
        while self.held and self.held[0][0] < self.newest - self.span:
            ts, _, _, unit = self.held.pop(0)
            self.release(ts, unit)

    def flush(self) -> None:
        newest = self.newest
        self.advance(10**9)
        self.newest = max(newest, self.last_out + self.span + 1) if self.out else newest

    def release(self, ts: int, unit: Unit) -> None:
        self.last_out = ts
        self.out += [(ts, n) for _, n in unit[1]]


def rows_of(*parts: bf.Events) -> list[tuple[int, int]]:
    return [row for e in parts for row in zip(e.ts.tolist(), e.size.tolist(), strict=True)]


steps = st.lists(
    st.tuples(
        st.integers(0, 30), st.lists(st.booleans(), min_size=1, max_size=3), st.integers(0, 4)
    ),
    max_size=25,
)


@effort(300)
@given(steps=steps, span=st.integers(1, 12), cuts=st.sets(st.integers(0, 25)), saved=st.booleans())
def test_any_cut_is_the_plain_definition(
    steps: list[tuple[int, list[bool], int]], span: int, cuts: set[int], saved: bool
) -> None:
    plain, stage = Plain(span), bf.Reorder(f"{span}ns")
    parts = []
    waiting: list[Unit] = []
    number = 0
    for i, (ts, books, what) in enumerate(steps):
        unit = (ts + i, [(book, number + k) for k, book in enumerate(books)])
        number += len(books)
        waiting.append(unit)
        plain.push(unit)
        if i in cuts or what >= 3:
            parts.append(stage.push(events_of(waiting)))
            waiting = []
            if saved:
                stage = pickle.loads(pickle.dumps(stage))
        if what == 3:
            plain.advance(ts + i + 2)
            parts.append(stage.advance(ts + i + 2))
        if what == 4:
            plain.flush()
            parts.append(stage.flush())
        assert rows_of(*parts) == plain.out[: len(rows_of(*parts))]
    parts += [stage.push(events_of(waiting)), stage.flush()]
    plain.flush()
    assert rows_of(*parts) == plain.out
    assert stage.counts.get("late", 0) == plain.late
    assert stage.held == 0
    assert np.all(np.diff(bf.Events.concat(parts).ts) >= 0)


@effort(60)
@given(steps=steps, cuts=st.lists(st.integers(0, 80), max_size=5))
def test_atomic_events_may_be_cut_and_wait_for_their_stream(
    steps: list[tuple[int, list[bool], int]], cuts: list[int]
) -> None:
    units = [(ts + i, [(book, i) for book in books]) for i, (ts, books, _) in enumerate(steps)]
    events = events_of(units)
    stage = bf.Reorder("7ns")
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    parts = [stage.push(events[a:b], "a") for a, b in pairwise(edges)]
    whole = bf.Reorder("7ns")
    assert rows_of(*parts, stage.flush()) == rows_of(whole.push(events), whole.flush())


def test_prints_come_first_by_venue_time_and_no_stamp_keeps_the_receipt() -> None:
    book = events_of([(100, [(True, 1), (True, 2)]), (104, [(True, 3)])], [90, 95])
    prints = events_of([(103, [(False, 4)]), (106, [(False, 5)])], [90, NONE])
    stage = bf.Reorder("20ns", time="venue")
    parts = [stage.push(book), stage.push(prints), stage.flush()]
    assert rows_of(*parts) == [(90, 4), (90, 1), (90, 2), (95, 3), (106, 5)]
    assert parts[-1].ts_venue.tolist() == [90, 90, 90, 95, NONE]
    assert stage.counts == {"no_venue_time": 1}
    merged = bf.merge(book, prints, reorder="20ns", time="venue")
    assert rows_of(merged) == rows_of(*parts)
    assert merged.counts == {"no_venue_time": 1}
    late = bf.merge(book, prints, reorder="2ns", time="venue")
    assert late.counts == {"no_venue_time": 1}
    assert rows_of(bf.merge(book, prints, reorder="1us")) == [
        (100, 1), (100, 2), (103, 4), (104, 3), (106, 5)
    ]  # fmt: skip


def test_depth_rows_are_those_in_force() -> None:
    level = np.array([[10], [11]])
    one = np.ones((2, 1), np.int64)
    rows = {"ts": np.array([5, 8]), "bid_price": level, "bid_size": one}
    quotes = bf.Events.from_depth(rows | {"ask_price": level + 2, "ask_size": one}, CENTS, 1)
    prints = events_of([(4, [(False, 7)]), (6, [(False, 8)]), (8, [(False, 9)])])
    merged = bf.merge(prints, quotes, reorder="10ns")
    assert merged.ts.tolist() == [4, 5, 6, 8, 8]
    assert merged.depth is not None
    assert merged.depth.bid_price[:, 0].tolist() == [NONE, 10, 10, 10, 11]
    stage = bf.Reorder("10ns")
    parts = [stage.push(quotes, "quotes"), stage.push(prints, "prints"), stage.flush()]
    live = bf.Events.concat(parts)
    assert live.to_numpy().tobytes() == merged.to_numpy().tobytes()
    stage = bf.Reorder("10ns")
    stage.push(prints)
    with pytest.raises(bf.InputError, match="first"):
        stage.push(quotes)


def test_what_is_wrong_is_told_and_nothing_is_taken() -> None:
    for settings in ({"span": "5events"}, {"time": "local"}, {"max_events": 0}):
        with pytest.raises(bf.InputError):
            bf.Reorder(**settings)
    stage = bf.Reorder("10ns", max_events=2)
    stage.push(events_of([(1, [(True, 1)])]))
    with pytest.raises(bf.InputError, match="max_events"):
        stage.push(events_of([(2, [(True, 2)]), (3, [(True, 3)]), (20, [(True, 4)])]))
    assert stage.held == 1
    stage.push(events_of([(2, [(True, 2)]), (20, [(True, 4)]), (31, [(True, 4)])]))
    assert stage.held == 1
    other = events_of([(1, [(True, 1)])])
    with pytest.raises(bf.InputError, match="instruments"):
        stage.push(bf.Events(other.columns, bf.Instrument("Y", price_unit="0.01")))
    with pytest.raises(bf.InputError, match="ts_venue"):
        bf.Reorder("10ns", time="venue").push(events_of([(1, [(True, 1)])], [-5]))
    with pytest.raises(bf.InputError, match="reorder"):
        bf.merge(other, other, time="venue")


def recording(shared: Path) -> tuple[bf.Events, bf.Events]:
    """bookTicker and trades of a raw Binance stream, as they were received."""
    path = shared / "data" / "hftbacktest" / "usdm__ethusdt_20240808.gz"
    quotes: list[tuple[int, ...]] = []
    trades: list[tuple[int, ...]] = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        stamp, text = line.split(" ", 1)
        data = json.loads(text).get("data", {})
        times = (int(stamp), data.get("T", 0) * 1_000_000)
        if data.get("e") == "bookTicker":
            for side, price, size in ((1, "b", "B"), (2, "a", "A")):
                row = (round(float(data[price]) * 100), round(float(data[size]) * 1000))
                quotes.append((*times, Action.QUOTE, side, *row, side - 1))
        elif data.get("e") == "trade" and data.get("X") == "MARKET":
            side = Side.SELL if data["m"] else Side.BUY
            row = (round(float(data["p"]) * 100), round(float(data["q"]) * 1000))
            trades.append((*times, Action.TRADE, side, *row, 1))
    names = ("ts", "ts_venue", "action", "side", "price", "size", "flags")
    instrument = bf.Instrument("ETHUSDT", price_unit="0.01", size_unit="0.001")
    streams = []
    for rows in (quotes, trades):
        table = np.array(rows, np.int64)
        table[:, 0] = np.maximum.accumulate(table[:, 0])
        columns = {n: table[:, i].astype(bf.EVENT_DTYPE[n]) for i, n in enumerate(names)}
        streams.append(bf.Events(columns, instrument))
    return streams[0], streams[1]


def test_the_quote_rule_knows_who_traded_when_the_venues_time_rules(shared: Path) -> None:
    """By arrival it is right on four prints of five, by the venue's time on all but a few."""
    quotes, trades = recording(shared)

    def right(events: bf.Events) -> float:
        features = {s: bf.TradeFlowImbalance(sign=s) for s in ("aggressor", "quote")}
        pipe = bf.Pipeline(events.instrument, clock="trade", features=features)
        frame = pipe.run(events)
        return float(np.mean(frame["aggressor"] == frame["quote"]))

    ordered = bf.merge(quotes, trades, reorder="1s", time="venue")
    assert "late" not in ordered.counts
    assert 0.78 < right(bf.merge(quotes, trades)) < 0.83
    assert right(ordered) > 0.9995

    live = bf.Reorder("1s", time="venue")
    arrivals = [
        (ts, kind, i)
        for kind, stream in enumerate((quotes, trades))
        for i, ts in enumerate(stream.ts[(stream.flags & 1) == 1].tolist())
    ]
    parts = []
    for _, kind, i in sorted(arrivals)[:3000]:
        parts.append(live.push(trades[i : i + 1] if kind else quotes[2 * i : 2 * i + 2], kind))
    got = bf.Events.concat(parts)
    assert len(got)
    assert got.to_numpy().tobytes() == ordered.to_numpy()[: len(got)].tobytes()
