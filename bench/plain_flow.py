"""The pipeline of `pipelines.py` in plain Python, incremental: another book, another code.

Rows of (ts, imbalance, OFI, ten OFIs, trade flow imbalance, VPIN), one for every 100 ms.
"""

import math
from collections import deque
from typing import Any

from bench.plain_books import PlainOrders
from bench.streams import Columns

SPAN = 100_000_000
LEVELS = 10
BUCKET, BUCKETS = 10_000, 50


def _top(book: PlainOrders) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The ten best levels of each side; a missing one has size 0, infinitely far."""
    out = []
    for s in (0, 1):
        keys = book.levels.keys[s][: -LEVELS - 1 : -1]
        sizes = book.levels.sizes[s]
        out.append([(key, sizes[key]) for key in keys] + [(-(1 << 62), 0)] * (LEVELS - len(keys)))
    return out[0], out[1]  # asks by negated price: larger is better on either side


def rows_of(seed: Columns, events: Columns) -> list[list[float]]:
    book = PlainOrders()
    rows: list[list[float]] = []
    flow = [0] * LEVELS
    before: Any = None
    point = None
    bought = sold = filled = net = total = 0
    buckets: deque[int] = deque()
    columns = Columns.joined(seed, events)
    start = int(events.ts[0])
    lists = [c.tolist() for c in (columns.ts, *columns.orders())]
    for ts, action, side, price, size, order_id in zip(*lists, strict=True):
        if point is None:
            point = -(-ts // SPAN) * SPAN
        while point < ts:
            if ts >= start:
                rows.append(_row(point, before, flow, bought, sold, buckets, total))
            flow = [0] * LEVELS
            bought = sold = 0
            point += SPAN
        if action == 5:
            sign = -1 if side == 1 else 1
            bought, sold = bought + size * (sign > 0), sold + size * (sign < 0)
            filled += size
            net += sign * size
            while filled >= BUCKET:
                filled -= BUCKET
                gap = abs(net - sign * filled)
                net = sign * filled
                total += gap
                buckets.append(gap)
                if len(buckets) > BUCKETS:
                    total -= buckets.popleft()
        s = side - 1
        keys = book.levels.keys[s]
        edge = keys[-LEVELS] if len(keys) >= LEVELS else None
        book.replay([(action, side, price, size, order_id)])
        if edge is not None and (-price if s else price) < edge:
            continue
        now = _top(book)
        if now[0][0][1] and now[1][0][1]:
            if before is not None:
                for m in range(LEVELS):
                    for t, sign in ((0, 1), (1, -1)):
                        key, amount = now[t][m]
                        old_key, old_amount = before[t][m]
                        e = (amount if key >= old_key else 0) - (
                            old_amount if key <= old_key else 0
                        )
                        flow[m] += sign * e
            before = now
    return rows


def _row(
    ts: int, top: Any, flow: list[int], bought: int, sold: int, buckets: deque[int], total: int
) -> list[float]:
    if top is None:
        return [ts] + [math.nan] * (LEVELS + 4)
    bid, ask = top[0][0][1], top[1][0][1]
    traded = bought + sold
    return [
        ts,
        (bid - ask) / (bid + ask),
        flow[0],
        *flow,
        (bought - sold) / traded if traded else math.nan,
        total / (BUCKETS * BUCKET) if len(buckets) == BUCKETS else math.nan,
    ]
