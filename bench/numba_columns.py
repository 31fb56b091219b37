"""Calculators over columns, as a user of numba writes them: no checks, states always good."""

import numba as nb
import numpy as np


@nb.njit(cache=True)
def imbalance(bid, ask, out):
    for i in range(len(bid)):
        total = bid[i] + ask[i]
        out[i] = (bid[i] - ask[i]) / total if total else np.nan
    return out


@nb.njit(cache=True)
def ofi(bp, bs, ap, asz, out):
    out[0] = 0.0
    for i in range(1, len(bp)):
        e = np.int64(0)
        e += bs[i] if bp[i] >= bp[i - 1] else 0
        e -= bs[i - 1] if bp[i] <= bp[i - 1] else 0
        e -= asz[i] if ap[i] <= ap[i - 1] else 0
        e += asz[i - 1] if ap[i] >= ap[i - 1] else 0
        out[i] = e
    return out


@nb.njit(cache=True)
def ofi_rolling(bp, bs, ap, asz, window, out):
    ring = np.zeros(window, np.int64)
    total = np.int64(0)
    out[0] = 0.0
    at = 1
    for i in range(1, len(bp)):
        e = np.int64(0)
        e += bs[i] if bp[i] >= bp[i - 1] else 0
        e -= bs[i - 1] if bp[i] <= bp[i - 1] else 0
        e -= asz[i] if ap[i] <= ap[i - 1] else 0
        e += asz[i - 1] if ap[i] >= ap[i - 1] else 0
        total += e - ring[at]
        ring[at] = e
        at += 1
        if at == window:
            at = 0
        out[i] = total
    return out


@nb.njit(cache=True)
def mlofi(bp, bs, ap, asz, out):
    """Full rows: no level is missing."""
    out[0] = 0.0
    levels = bp.shape[1]
    for i in range(1, len(bp)):
        for m in range(levels):
            e = np.int64(0)
            e += bs[i, m] if bp[i, m] >= bp[i - 1, m] else 0
            e -= bs[i - 1, m] if bp[i, m] <= bp[i - 1, m] else 0
            e -= asz[i, m] if ap[i, m] <= ap[i - 1, m] else 0
            e += asz[i - 1, m] if ap[i, m] >= ap[i - 1, m] else 0
            out[i, m] = e
    return out


@nb.njit(cache=True)
def vpin(size, side, volume, n, out):
    ring = np.zeros(n, np.int64)
    filled = net = total = np.int64(0)
    count = 0
    value = np.nan
    for i in range(len(size)):
        sign = np.int64(1) if side[i] == 1 else np.int64(-1)
        filled += size[i]
        net += sign * size[i]
        while filled >= volume:
            filled -= volume
            gap = abs(net - sign * filled)
            net = sign * filled
            total += gap - ring[count % n]
            ring[count % n] = gap
            count += 1
            if count >= n:
                value = total / (n * volume)
        out[i] = value
    return out
