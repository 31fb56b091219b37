"""hftbacktest's arrays: there and back, exactly, and what an array made elsewhere means."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bookflow as bf

A, F = bf.Action, bf.Flag
FINE = bf.Instrument("F", price_unit="0.01", size_unit="0.001", id=4)
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
BOTH = EXCH | LOCAL
DEPTH, TRADE, CLEAR, SNAPSHOT, BBO = 1, 2, 3, 4, 5
ADD, CANCEL, MODIFY, FILL = 10, 11, 12, 13


def array(*rows: tuple[Any, ...]) -> np.ndarray:
    """(ev, exch_ts, local_ts, px, qty, order_id), the rest 0."""
    return np.array([(*row, 0, 0.0) for row in rows], bf.HFTBACKTEST_DTYPE)


def refused(rows: np.ndarray, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        bf.from_hftbacktest(rows, FINE, **settings)
    assert error.value.source == "hftbacktest"
    return error.value


def test_the_layout_is_theirs() -> None:
    assert bf.HFTBACKTEST_DTYPE.itemsize == 64
    assert bf.HFTBACKTEST_DTYPE.names == (
        *("ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval"),
    )


def test_an_array_of_levels() -> None:
    rows = array(
        (CLEAR | BUY | BOTH, 5, 10, 99.0, 0, 0),
        (SNAPSHOT | BUY | BOTH, 5, 10, 100.0, 1.5, 0),
        (SNAPSHOT | SELL | BOTH, 5, 10, 100.01, 2, 0),
        (DEPTH | SELL | LOCAL, 4, 11, 100.01, 0, 0),
        (DEPTH | SELL | EXCH, 4, 11, 100.01, 0, 0),
        (TRADE | SELL | BOTH, 6, 12, 100.0, 0.001, 77),
        (BBO | BUY | BOTH, 7, 12, 99.99, 4, 0),
        (TRADE | BOTH, 8, 13, 100.0, 1, 0),
    )
    events = bf.from_hftbacktest(rows, FINE)
    assert events.action.tolist() == [
        *(A.CLEAR, A.LEVEL, A.LEVEL, A.LEVEL, A.TRADE, A.QUOTE, A.TRADE),
    ]
    assert events.side.tolist() == [1, 1, 2, 2, 2, 1, 0]
    assert events.price.tolist() == [9900, 10000, 10001, 10001, 10000, 9999, 10000]
    assert events.size.tolist() == [0, 1500, 2000, 0, 1, 4000, 1000]
    assert events.flags.tolist() == [0, F.SNAPSHOT, F.SNAPSHOT | F.LAST, 1, 1, 1, 1]
    assert events.ts.tolist() == [10, 10, 10, 11, 12, 12, 13]
    assert events.ts_venue.tolist() == [5, 5, 5, 4, 6, 7, 8]
    assert events.order_id.tolist() == [0] * 7
    back = bf.to_hftbacktest(events, marks=False)
    again = bf.from_hftbacktest(back, FINE)
    assert np.array_equal(again.to_numpy(), events.to_numpy())
    # The rows of either clock are in its order.
    for flag, name in ((EXCH, "exch_ts"), (LOCAL, "local_ts")):
        stamps = back[name][(back["ev"] & np.uint64(flag)) != 0]
        assert len(stamps) == 7
        assert (np.diff(stamps) >= 0).all()


def test_an_array_of_orders() -> None:
    rows = array(
        (CLEAR | BOTH, 1, 1, np.nan, 0, 0),
        (ADD | BUY | BOTH, 2, 2, 100.0, 5, 11),
        (TRADE | SELL | BOTH, 3, 3, 100.0, 2, 0),
        (FILL | BUY | BOTH, 3, 3, 100.0, 2, 11),
        (MODIFY | BUY | BOTH, 3, 3, 100.0, 3, 11),
        (FILL | BUY | BOTH, 4, 4, 100.0, 1, 11),
        (CANCEL | BUY | BOTH, 4, 4, 100.0, 1, 11),
        (CANCEL | BUY | BOTH, 5, 5, 100.0, 0, 11),
        (FILL | BUY | BOTH, 6, 6, 100.0, 1, 11),
    )
    events = bf.from_hftbacktest(rows, FINE)
    assert events.action.tolist() == [A.CLEAR, A.ADD, A.TRADE, A.MODIFY, A.CANCEL, A.DELETE]
    assert events.flags.tolist() == [1, 1, 0, F.FILL | F.LAST, F.FILL | F.LAST, F.LAST]
    assert events.price[0] == bf.NONE
    assert events.order_id.tolist() == [0, 11, 0, 11, 11, 11]


def test_an_execution_is_a_trade_a_fill_and_a_cancel() -> None:
    table = {"ts": [1, 2, 2], "action": [A.ADD, A.EXECUTE, A.CANCEL], "side": [1, 1, 1]}
    columns = {name: np.array(values) for name, values in table.items()} | {
        "price": np.array([100, 100, 100]),
        "size": np.array([9, 4, 2]),
        "order_id": np.array([7, 7, 7], np.uint64),
        "flags": np.array([1, 0, F.LAST | F.FILL], np.uint16),
    }
    events = bf.Events.from_numpy(columns, FINE)
    rows = bf.to_hftbacktest(events)
    plain = [(int(ev) & 0xFF, int(ev) & (BUY | SELL), q) for ev, q in rows[["ev", "qty"]].tolist()]
    assert plain == [
        (ADD, BUY, 0.009),
        (TRADE, SELL, 0.004),
        (FILL, BUY, 0.004),
        (CANCEL, BUY, 0.004),
        (FILL, BUY, 0.002),
        (CANCEL, BUY, 0.002),
    ]
    assert np.array_equal(bf.from_hftbacktest(rows, FINE).to_numpy(), events.to_numpy())
    unmarked = bf.from_hftbacktest(bf.to_hftbacktest(events, marks=False), FINE)
    assert unmarked.action.tolist() == [A.ADD, A.TRADE, A.CANCEL, A.CANCEL]
    assert unmarked.flags.tolist() == [1, 0, F.FILL, F.FILL | F.LAST]


@st.composite
def streams(draw: st.DrawFn) -> bf.Events:
    count = draw(st.integers(0, 30))
    rows = np.zeros(count, bf.EVENT_DTYPE)
    rows["ts"] = np.cumsum(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    rows["instrument"] = FINE.id
    for i in range(count):
        action = draw(st.sampled_from(list(A)))
        price = draw(st.integers(-(2**40), 2**40))
        side = draw(st.sampled_from([1, 2]))
        size = draw(st.integers(1, 2**40))
        flags = draw(st.sampled_from([0, 1, F.LAST | F.SNAPSHOT, F.GAP, F.LAST | F.FILL, F.HIDDEN]))
        if action is A.STATUS:
            size, price, side = draw(st.sampled_from([0, 64, 128, 256])), bf.NONE, 0
        elif action is A.QUOTE and draw(st.booleans()):
            price, size = bf.NONE, 0
        elif action is A.CLEAR:
            price, size, side = bf.NONE, 0, draw(st.sampled_from([0, 1, 2]))
        elif action is A.TRADE:
            side = draw(st.sampled_from([0, 1, 2]))
        elif action in (A.DELETE, A.LEVEL) and draw(st.booleans()):
            size = 0
        rows[i]["action"], rows[i]["price"], rows[i]["size"] = action, price, size
        rows[i]["side"], rows[i]["flags"] = side, flags
        rows[i]["order_id"] = draw(st.sampled_from([1, 2, 2**64 - 1])) if action <= A.EXECUTE else 0
        rows[i]["ts_venue"] = draw(st.sampled_from([bf.NONE, 0, 1, 2, 5, int(rows[i]["ts"])]))
    return bf.Events.from_numpy(rows, FINE)


@given(streams())
def test_there_and_back_is_the_same(events: bf.Events) -> None:
    rows = bf.to_hftbacktest(events)
    assert np.array_equal(bf.from_hftbacktest(rows, FINE).to_numpy(), events.to_numpy())
    for flag, name in ((EXCH, "exch_ts"), (LOCAL, "local_ts")):
        stamps = rows[name][(rows["ev"] & np.uint64(flag)) != 0]
        assert (np.diff(stamps) >= 0).all()
    both = [(rows["ev"] & np.uint64(flag)) != 0 for flag in (EXCH, LOCAL)]
    assert both[0].sum() == both[1].sum()
    assert (both[0] | both[1]).all()


def test_there_and_back_on_recordings(shared: Path) -> None:
    folder = shared / "data"
    mbo = bf.read_databento(next((folder / "databento" / "nautilus").glob("orderbooks_mbo_2024*")))
    tardis = bf.read_tardis(folder / "tardis" / "nautilus_trades.csv")
    for events in (mbo, tardis):
        rows = bf.to_hftbacktest(events)
        again = bf.from_hftbacktest(rows, events.instrument)
        assert np.array_equal(again.to_numpy(), events.to_numpy())
        plain = bf.from_hftbacktest(bf.to_hftbacktest(events, marks=False), events.instrument)
        assert len(plain) >= len(events) - 1


@pytest.mark.parametrize(
    ("change", "row", "field"),
    [
        ({"ev": 7 | BOTH}, 1, "ev"),
        ({"px": 100.001}, 1, "px"),
        ({"px": np.inf}, 1, "px"),
        ({"px": np.nan}, 1, "price"),
        ({"qty": 0.0001}, 1, "qty"),
        ({"qty": -1.0}, 1, "size"),
        ({"qty": np.nan}, 1, "size"),
        ({"local_ts": 0}, 1, "ts"),
        ({"local_ts": -5}, 1, "ts"),
        ({"ev": ADD | BUY | BOTH}, 1, "order_id"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, Any], row: int, field: str) -> None:
    rows = array(*[(DEPTH | BUY | BOTH, i, i + 1, 100.0, 1, 0) for i in range(3)])
    for name, value in change.items():
        rows[name][1] = value
    error = refused(rows)
    assert (error.row, error.field) == (row, field)
    copy = array((DEPTH | BUY | EXCH, 0, 1, 100.0, 1, 0))
    error = refused(np.concatenate([copy, rows]))
    assert (error.row, error.field) == (row + 1, field)


def test_what_an_array_cannot_hold() -> None:
    quotes = {name: np.array([100 + i]) for i, name in enumerate(["bid_price", "ask_price"])}
    sizes = {name: np.array([1]) for name in ("ts", "bid_size", "ask_size")}
    depth = bf.Events.from_quotes(quotes | sizes, FINE)
    with pytest.raises(bf.InputError, match="depth rows"):
        bf.to_hftbacktest(depth)
    trade = {"ts": np.array([1, 2]), "price": np.array([1, 2**58 + 1]), "size": np.array([1, 1])}
    huge = bf.Events.from_trades(trade, FINE)
    with pytest.raises(bf.InputError) as error:
        bf.to_hftbacktest(huge)
    assert (error.value.row, error.value.field) == (1, "price")
    rows = np.zeros(2, bf.EVENT_DTYPE)
    rows["action"], rows["size"], rows["flags"] = A.TRADE, 1, 1
    rows["instrument"] = [4, 5]
    with pytest.raises(bf.InputError) as error:
        bf.to_hftbacktest(bf.Events.from_numpy(rows, FINE))
    assert (error.value.row, error.value.field) == (1, "instrument")
    assert len(bf.from_hftbacktest(bf.to_hftbacktest(huge[:0]), FINE)) == 0
    with pytest.raises(TypeError):
        bf.from_hftbacktest(np.zeros(3), FINE)
    with pytest.raises(bf.InputError, match="no such column"):
        bf.from_hftbacktest(np.zeros(3, [("ev", "u8")]), FINE)


def test_hftbacktest_itself_has_our_book() -> None:
    """Its local book after every feed event is ours after the same row."""
    theirs: Any = pytest.importorskip("hftbacktest", reason="a peer that need not be there")
    assert theirs.types.event_dtype == bf.HFTBACKTEST_DTYPE
    rng, n = np.random.default_rng(3), 3_000
    side = rng.integers(1, 3, n).astype(np.uint8)
    ts = np.cumsum(rng.integers(1_000, 50_000, n)) + 10**18
    columns = {
        "ts": ts,
        "ts_venue": ts - rng.integers(0, 30_000, n),
        "action": np.full(n, A.LEVEL, np.uint8),
        "side": side,
        "price": np.where(
            side == 1, 10_000 - rng.integers(0, 30, n), 10_001 + rng.integers(0, 30, n)
        ),
        "size": rng.integers(0, 5, n) * 1_000,
    }
    events = bf.Events.from_numpy(columns, FINE)
    rows = bf.to_hftbacktest(events)
    assert len(rows) > n
    book = bf.LevelBook()
    bid, bid_size, ask, _ = book.replay(events.action, side, events.price, events.size)
    asset = theirs.BacktestAsset().data(rows).linear_asset(1.0)
    latency = getattr(asset, "constant_order_latency", None) or asset.constant_latency
    asset = latency(0, 0).risk_adverse_queue_model().no_partial_fill_exchange()
    asset = asset.trading_value_fee_model(0, 0).tick_size(0.01).lot_size(0.001)
    run = theirs.HashMapMarketDepthBacktest([asset])
    depth, compared = run.depth(0), 0
    while run.wait_next_feed(False, 10**12) == 2:
        row = int(np.searchsorted(ts, run.current_timestamp, side="right")) - 1
        if min(bid[row], ask[row]) == bf.NONE:
            continue
        shown = depth.best_bid * 100, depth.best_bid_qty * 1000, depth.best_ask * 100
        assert [round(x) for x in shown] == [bid[row], bid_size[row], ask[row]]
        compared += 1
    assert compared > 2_900
    run.close()
