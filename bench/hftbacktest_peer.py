"""hftbacktest: a backtest over the feed, its depth read by a compiled strategy at every event."""

from typing import Any

import hftbacktest as hb
import numba as nb
import numpy as np
from hftbacktest.types import event_dtype

from bench.case import Case, equal_columns
from bench.streams import Stream
from bookflow import NONE


@nb.njit
def follow(hbt: Any, n: int, out: Any) -> int:
    depth = hbt.depth(0)
    for i in range(n):
        if hbt.wait_next_feed(False, 1_000_000_000_000) != 2:
            return i
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        out[i, 0] = bid
        out[i, 1] = np.int64(depth.bid_qty_at_tick(bid))
        out[i, 2] = ask
        out[i, 3] = np.int64(depth.ask_qty_at_tick(ask))
    return n


def levels_case(stream: Stream) -> Case:
    whole = stream.whole
    n = len(whole)
    feed = np.zeros(n + 1, event_dtype)  # the last only ends it
    kind = hb.DEPTH_EVENT | hb.EXCH_EVENT | hb.LOCAL_EVENT
    feed["ev"][:n] = np.where(whole.side == 1, kind | hb.BUY_EVENT, kind | hb.SELL_EVENT)
    feed["exch_ts"] = np.arange(n + 1, dtype=np.int64) * 1000 + 1_000_000  # one event a step
    feed["local_ts"] = feed["exch_ts"] + 1
    feed["px"][:n], feed["qty"][:n] = whole.price, whole.level_size
    feed[n:] = feed[n - 1 : n]
    feed["exch_ts"][n] += 1000
    feed["local_ts"][n] += 1000
    out = np.zeros((n, 4), np.int64)
    low, high = stream.prices

    def prepare() -> Any:
        asset = (
            hb.BacktestAsset()
            .data([feed])
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(1.0)
            .lot_size(1.0)
            .roi_lb(float(low - 1))
            .roi_ub(float(high + 1))
        )
        return hb.ROIVectorMarketDepthBacktest([asset])

    def run(hbt: Any) -> Any:
        taken = follow(hbt, n, out)
        hbt.close()
        return taken

    def check(taken: Any) -> None:
        assert taken == n, f"{taken} of {n} events were fed"
        rows = out[len(stream.seed) :].copy()
        for price, size in ((0, 1), (2, 3)):
            rows[rows[:, size] == 0, price] = NONE
        equal_columns(stream.events.quotes)(tuple(rows.T))

    return Case("hftbacktest", run, check, n, prepare)
