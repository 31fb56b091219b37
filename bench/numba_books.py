"""Books that a user of numba writes: a ladder over a fixed range of prices, a dict of orders."""

import numba as nb
import numpy as np
from numba.typed import Dict

NONE = np.iinfo(np.int64).min


@nb.njit(cache=True)
def levels_replay(sizes, best, low, side, price, size, out_bp, out_bs, out_ap, out_as):
    """`sizes` (2, places), asks mirrored so that the best is the largest place; 0 stays empty."""
    places = sizes.shape[1]
    bid, ask = best[0], best[1]
    bid_price = low + bid if bid else NONE
    ask_price = low + places - ask if ask else NONE
    for i in range(len(side)):
        at = price[i] - low
        if side[i] == 1:
            sizes[0, at] = size[i]
            if (at >= bid) & ((at > bid) == (size[i] != 0)):
                bid = at
                while bid > 0 and sizes[0, bid] == 0:
                    bid -= 1
                bid_price = low + bid if bid else NONE
        else:
            at = places - at
            sizes[1, at] = size[i]
            if (at >= ask) & ((at > ask) == (size[i] != 0)):
                ask = at
                while ask > 0 and sizes[1, ask] == 0:
                    ask -= 1
                ask_price = low + places - ask if ask else NONE
        out_bp[i] = bid_price
        out_bs[i] = sizes[0, bid]
        out_ap[i] = ask_price
        out_as[i] = sizes[1, ask]
    best[0], best[1] = bid, ask


@nb.njit(cache=True)
def levels_replay_top(sizes, best, low, side, price, size, out_bp, out_bs, out_ap, out_as):
    """The same, the best N = out.shape[1] levels found anew at each row that touches them."""
    places = sizes.shape[1]
    n = out_bp.shape[1]
    last = np.zeros(2, np.int64)  # the place of the N-th best
    for i in range(len(side)):
        s = np.int64(side[i]) - 1
        at = price[i] - low
        if s == 1:
            at = places - at
        sizes[s, at] = size[i]
        if (at >= best[s]) & ((at > best[s]) == (size[i] != 0)):
            b = at
            while b > 0 and sizes[s, b] == 0:
                b -= 1
            best[s] = b
        for t in range(2):
            prices = out_bp if t == 0 else out_ap
            tops = out_bs if t == 0 else out_as
            if i > 0 and (t != s or at < last[t]):
                for k in range(n):
                    prices[i, k] = prices[i - 1, k]
                    tops[i, k] = tops[i - 1, k]
                continue
            p = best[t]
            for k in range(n):
                while p > 0 and sizes[t, p] == 0:
                    p -= 1
                prices[i, k] = (low + p if t == 0 else low + places - p) if p else NONE
                tops[i, k] = sizes[t, p]
                last[t] = p
                p = max(p - 1, 0)


class NumbaLevels:
    def __init__(self, prices: tuple[int, int]) -> None:
        low, high = prices
        self.low = low - 1
        self.sizes = np.zeros((2, high - low + 3), np.int64)
        self.best = np.zeros(2, np.int64)

    def replay(self, side, price, size, out):
        replay = levels_replay if out[0].ndim == 1 else levels_replay_top
        replay(self.sizes, self.best, self.low, side, price, size, *out)
        return out


@nb.njit(cache=True)
def orders_replay(
    orders, sizes, best, low, action, side, price, size, ids, out_bp, out_bs, out_ap, out_as
):
    """Without queues: id -> (side, price, size) in a typed dict."""
    places = sizes.shape[1]
    for i in range(len(action)):
        if action[i] == 1:
            s, p, by = np.int64(side[i]) - 1, price[i], size[i]
            orders[ids[i]] = (s, p, by)
        else:
            s, p, left = orders[ids[i]]
            by = -left if action[i] == 3 else -size[i]
            if left + by == 0:
                del orders[ids[i]]
            else:
                orders[ids[i]] = (s, p, left + by)
        at = p - low if s == 0 else places - p + low
        sizes[s, at] += by
        if (at >= best[s]) & ((at > best[s]) == (sizes[s, at] != 0)):
            b = at
            while b > 0 and sizes[s, b] == 0:
                b -= 1
            best[s] = b
        bid, ask = best[0], best[1]
        out_bp[i] = low + bid if bid else NONE
        out_bs[i] = sizes[0, bid]
        out_ap[i] = low + places - ask if ask else NONE
        out_as[i] = sizes[1, ask]


class NumbaOrders:
    def __init__(self, prices: tuple[int, int]) -> None:
        self.levels = NumbaLevels(prices)
        value = nb.types.UniTuple(nb.int64, 3)
        self.orders = Dict.empty(nb.uint64, value)

    def replay(self, action, side, price, size, ids, out):
        levels = self.levels
        book = (self.orders, levels.sizes, levels.best, levels.low)
        orders_replay(*book, action, side, price, size, ids, *out)
        return out
