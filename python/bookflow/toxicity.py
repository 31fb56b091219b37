"""Toxicity over a whole sample: VPIN's buckets as records, the papers' sigma, ECDF, alarms, IVPIN.

Batch only. `VPIN` and `BulkVPIN` are the streaming calculators; what looks ahead here says so.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bookflow import _core
from bookflow.errors import InputError

__all__ = [
    "BUCKET_DTYPE",
    "IVPIN_DTYPE",
    "bulk_sigma",
    "ecdf",
    "ivpin",
    "normal_cdf",
    "student_t_cdf",
    "toxic_events",
    "vpin_buckets",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

BUCKET_DTYPE: Final = np.dtype(
    [
        ("start", np.int64),
        ("end", np.int64),
        ("buy", np.float64),
        ("sell", np.float64),
        ("duration", np.float64),
        ("vpin", np.float64),
    ]
)
"""A completed bucket: ns, ns, volume, volume, seconds, and VPIN as of it (NaN before n)."""

_DAY: Final = 86_400_000_000_000
_UNITS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
                 "d": _DAY}  # fmt: skip


def _error(rule: str, field: str, value: object = None, row: int | None = None) -> InputError:
    return InputError(rule, field=field, value=value, row=row)


def normal_cdf(x: ArrayLike) -> Floats:
    """P(Z <= x), Z standard normal: the core's own, the same bits on every platform.

    Within 1e-15, and 1e-14 of the lower tail down to 1e-300.
    """
    return _core._normal_cdf(x)


def student_t_cdf(x: ArrayLike, nu: float) -> Floats:
    """P(T <= x), T Student t of `nu` degrees of freedom, from 0.01 to 1e6, whole or not.

    The core's own, the same bits on every platform; within 1e-14, and 1e-12 of the lower tail.
    """
    return _core._student_t_cdf(x, nu)


class _Bars(NamedTuple):
    start: Ints
    end: Ints
    first: Floats
    last: Floats
    volume: Floats

    def where(self, kept: NDArray[np.bool_]) -> "_Bars":
        start, end = self.start[kept], self.end[kept]
        return _Bars(start, end, self.first[kept], self.last[kept], self.volume[kept])


def _nanoseconds(bar: str) -> int:
    number = bar.rstrip("dhmsun")
    unit = _UNITS.get(bar[len(number) :])
    if unit is None or not number.replace(".", "", 1).isdigit():
        raise _error("must be a span in time like '1m', or None", "bar", bar)
    width = round(float(number) * unit)
    if width <= 0:
        raise _error("must be above 0", "bar", bar)
    return width


def _columns(
    price: ArrayLike, size: ArrayLike, ts: ArrayLike | None
) -> tuple[Floats, Floats, Ints]:
    p, v = np.asarray(price, np.float64), np.asarray(size, np.float64)
    t = np.arange(len(p), dtype=np.int64) if ts is None else np.asarray(ts)
    if t.dtype.kind not in "iu":
        raise TypeError("ts must be whole nanoseconds")
    if not (p.ndim == 1 and p.shape == v.shape == t.shape):
        raise ValueError("price, size and ts must be columns of one length")
    for field, bad, rule in (
        ("price", ~np.isfinite(p), "must be finite"),
        ("size", ~(np.isfinite(v) & (v >= 0)), "must be finite and not negative"),
        ("ts", np.r_[False, np.diff(t) < 0][: len(t)], "must not fall"),
    ):
        if bad.any():
            row = int(bad.argmax())
            raise _error(rule, field, {"price": p, "size": v, "ts": t}[field][row], row)
    return p, v, t.astype(np.int64)


def _bars(p: Floats, v: Floats, t: Ints, bar: str | None, closed: str) -> _Bars:
    """Bars with a print: their price first and last, and the volume."""
    if bar is None:
        return _Bars(t, t, p, p, v)
    if closed not in ("right", "left"):
        raise _error("must be 'right' or 'left'", "closed", closed)
    width = _nanoseconds(bar)
    start = (t - (closed == "right")) // width * width
    begins = np.flatnonzero(np.r_[True, np.diff(start) != 0][: len(t)])
    ends = np.r_[begins[1:], len(t)] - 1 if len(t) else begins
    volume = np.add.reduceat(v, begins) if len(t) else v
    return _Bars(start[begins], start[begins] + width, p[begins], p[ends], volume)


def _changes(bars: _Bars, dp: str, session: Ints | None) -> Floats:
    """dP of each bar; NaN where it has no close before it."""
    if dp == "open-close":
        return bars.last - bars.first
    if dp != "close-close":
        raise _error("must be 'close-close' or 'open-close'", "dp", dp)
    out = np.full(len(bars.last), np.nan)
    out[1:] = np.diff(bars.last)
    if session is not None:
        out[1:][np.diff(session) != 0] = np.nan
    return out


def _sessions(session: ArrayLike | None, t: Ints, bars: _Bars, bar: str | None) -> Ints | None:
    """The session of each bar, from that of each print."""
    if session is None:
        return None
    number = np.asarray(session)
    if number.shape != t.shape:
        raise ValueError("session must be a column like ts")
    codes = np.cumsum(np.r_[0, number[1:] != number[:-1]][: len(t)]).astype(np.int64)
    if bar is None:
        return codes
    at = np.searchsorted(t, bars.start, side="left")
    return codes[np.minimum(at, len(t) - 1)]


def bulk_sigma(
    price: ArrayLike,
    ts: ArrayLike | None = None,
    *,
    bar: str | None = "1m",
    dp: Literal["close-close", "open-close"] = "close-close",
    empty_bars: Literal["zero", "skip"] = "skip",
    session: ArrayLike | None = None,
    closed: Literal["right", "left"] = "right",
) -> float:
    """The standard deviation (n - 1) of price changes over the whole sample, for `sigma=`.

    **It looks ahead**: the papers classify the first bar with what the last one added. In the
    price's own units. `empty_bars="zero"` counts a bar without prints as dP = 0, on the days
    (UTC) that have a print, from the first bar to the last; "skip" leaves such bars out. With
    `session`, a column that changes where a session does, no change reaches across one. `closed`
    says which end of a bar belongs to it: (t - bar, t], or [t, t + bar).

    >>> bulk_sigma([10.0, 11.0, 13.0, 13.0], bar=None)
    1.0
    """
    p, v, t = _columns(price, np.ones(len(np.asarray(price))), ts)
    if bar is not None and ts is None:
        raise _error("bars in time need ts", "ts")
    bars = _bars(p, v, t, bar, closed)
    changes = _changes(bars, dp, _sessions(session, t, bars, bar))
    changes = changes[~np.isnan(changes)]
    n, mean = float(len(changes)), 0.0
    if empty_bars == "zero":
        if bar is None:
            raise _error("needs bars in time", "empty_bars", empty_bars)
        width = _nanoseconds(bar)
        first, last = bars.start[0], bars.start[-1]
        days = np.unique(bars.start // _DAY) * _DAY
        begin, end = np.maximum(days, first), np.minimum(days + _DAY - width, last)
        n += float(((end - begin) // width + 1).sum()) - len(bars.start)
    elif empty_bars != "skip":
        raise _error("must be 'zero' or 'skip'", "empty_bars", empty_bars)
    if n < 2:
        return float("nan")
    mean = float(changes.sum()) / n
    squares = float(((changes - mean) ** 2).sum()) + (n - len(changes)) * mean**2
    return float(np.sqrt(squares / (n - 1)))


def _distribution(cdf: str) -> Callable[[Floats], Floats]:
    if cdf == "normal":
        return normal_cdf
    if cdf.startswith("t:"):
        nu = float(cdf[2:])
        return lambda x: student_t_cdf(x, nu)
    raise _error("must be 'normal' or 't:NU'", "cdf", cdf)


def _trailing(changes: Floats, n: int) -> Floats:
    """The standard deviation of the last n changes before each."""
    out = np.full(len(changes), np.nan)
    known = np.flatnonzero(~np.isnan(changes))
    if len(known) < n:
        return out
    windows = np.lib.stride_tricks.sliding_window_view(changes[known], n)
    sd = np.empty(len(windows))
    for begin in range(0, len(windows), 1024):  # of which numpy makes copies
        part = windows[begin : begin + 1024]
        spread = part.std(axis=1, ddof=1)
        spread[part.min(axis=1) == part.max(axis=1)] = 0.0  # not what rounding leaves of it
        sd[begin : begin + 1024] = spread
    before = np.searchsorted(known, np.arange(len(changes)))  # known changes before each
    enough = before >= n
    out[enough] = sd[before[enough] - n]
    return out


def _bulk_shares(changes: Floats, sigma: float | str, cdf: str) -> Floats:
    if isinstance(sigma, str):
        n = sigma.removeprefix("trailing:")
        if n == sigma or not n.isdigit() or int(n) < 2:
            raise _error("must be a number, or 'trailing:N'", "sigma", sigma)
        scale = _trailing(changes, int(n))
    else:
        if not sigma > 0:
            raise _error("must be above 0", "sigma", sigma)
        scale = np.full(len(changes), float(sigma))
    moved = np.nan_to_num(changes)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.array(_distribution(cdf)(moved / scale))
    shares[scale == 0] = np.where(moved > 0, 1.0, 0.0)[scale == 0]
    shares[moved == 0] = 0.5
    shares[np.isnan(scale)] = np.nan
    return shares


def _print_shares(p: Floats, side: ArrayLike | None, sign: str) -> tuple[Floats, Floats]:
    if sign == "aggressor":
        if side is None:
            raise _error("sign='aggressor' needs side", "side")
        given = np.asarray(side)
        return (given == 1).astype(np.float64), (given == 2).astype(np.float64)
    moved = np.sign(np.diff(p, prepend=p[:1]))
    at = np.maximum.accumulate(np.where(moved != 0, np.arange(len(p)), -1)) if len(p) else moved
    carried = np.where(at >= 0, moved[np.maximum(at, 0).astype(np.int64)], 0.0)
    return (carried > 0).astype(np.float64), (carried < 0).astype(np.float64)


def vpin_buckets(
    price: ArrayLike,
    size: ArrayLike,
    side: ArrayLike | None = None,
    ts: ArrayLike | None = None,
    *,
    bucket_volume: float,
    n_buckets: int = 50,
    sign: Literal["aggressor", "tick", "bulk"] = "aggressor",
    bar: str | None = "1m",
    dp: Literal["close-close", "open-close"] = "close-close",
    sigma: float | str = "trailing:390",
    cdf: str = "normal",
    session: ArrayLike | None = None,
    closed: Literal["right", "left"] = "right",
    times: Literal["bar", "interpolated"] = "bar",
) -> Records:
    """Every completed bucket of VPIN as a record: start, end, buy, sell, duration, vpin.

    The open bucket is none of them. With sign="bulk" bars of `bar` are classified as `BulkVPIN`
    does (the other rules take each print alone and read neither `bar` nor what follows it).
    Prices, sizes, sigma and bucket_volume are in one unit each, of your choice. `session` changes
    where a session does: no price change reaches across it, buckets do.

    times="bar" stamps a bucket with the beginning of the bar in which it begins and the end of
    the one that completes it, which is when it is known; "interpolated" spreads a bar's volume
    evenly over its time, as PINstimation does, and gives `ivpin` its durations. Without ts, prints
    are a nanosecond apart.

    >>> vpin_buckets([10, 10, 10], [50, 80, 70], [1, 2, 1], bucket_volume=100, n_buckets=2)["vpin"]
    array([nan, 0.2])
    """
    p, v, t = _columns(price, size, ts)
    if not bucket_volume > 0:
        raise _error("must be above 0", "bucket_volume", bucket_volume)
    if n_buckets < 1:
        raise _error("must be at least 1", "n_buckets", n_buckets)
    if sign == "bulk":
        if bar is not None and ts is None:
            raise _error("bars in time need ts", "ts")
        bars = _bars(p, v, t, bar, closed)
        changes = _changes(bars, dp, _sessions(session, t, bars, bar))
        buy_share = _bulk_shares(changes, sigma, cdf)
        known = ~np.isnan(buy_share) & (bars.volume > 0)
        bars = bars.where(known)
        buy_share = buy_share[known]
        sell_share = 1 - buy_share
    elif sign in ("aggressor", "tick"):
        bars = _Bars(t, t, p, p, v)
        buy_share, sell_share = _print_shares(p, side, sign)
        known = v > 0
        bars = bars.where(known)
        buy_share, sell_share = buy_share[known], sell_share[known]
    else:
        raise _error("must be 'aggressor', 'tick' or 'bulk'", "sign", sign)
    return _fill(bars, buy_share, sell_share, float(bucket_volume), n_buckets, times)


def _fill(
    bars: _Bars, buy: Floats, sell: Floats, bucket_volume: float, n_buckets: int, times: str
) -> Records:
    if times not in ("bar", "interpolated"):
        raise _error("must be 'bar' or 'interpolated'", "times", times)
    total = np.r_[0.0, np.cumsum(bars.volume)]
    # A bucket that lacks a part in 10^12 lacks it by rounding; so has one of that size not begun.
    complete = int(total[-1] / bucket_volume + 1e-12 * max(1.0, total[-1] / bucket_volume))
    edges = np.minimum(np.arange(complete + 1) * bucket_volume, total[-1])
    out = np.zeros(complete, BUCKET_DTYPE)
    for name, share in (("buy", buy), ("sell", sell)):
        filled = np.interp(edges, total, np.r_[0.0, np.cumsum(bars.volume * share)])
        out[name] = np.diff(filled)
    starts_in = np.searchsorted(total, edges[:-1], side="right") - 1
    ends_in = np.searchsorted(total, edges[1:], side="left") - 1
    out["start"], out["end"] = bars.start[starts_in], bars.end[ends_in]
    seconds = (out["end"] - out["start"]) / 1e9
    if times == "interpolated":
        width = bars.end - bars.start
        late = (edges[:-1] - total[starts_in]) / bars.volume[starts_in] * width[starts_in]
        early = (total[ends_in + 1] - edges[1:]) / bars.volume[ends_in] * width[ends_in]
        seconds = seconds - (late + early) / 1e9
        out["start"] += np.round(late).astype(np.int64)
        out["end"] -= np.round(early).astype(np.int64)
    out["duration"] = seconds
    out["vpin"] = np.nan
    if complete >= n_buckets:
        imbalance = np.abs(out["buy"] - out["sell"]) / bucket_volume
        windows = np.lib.stride_tricks.sliding_window_view(imbalance, n_buckets)
        out["vpin"][n_buckets - 1 :] = np.minimum(windows.mean(axis=1), 1.0)
    return out


def ecdf(
    values: ArrayLike, reference: Literal["expanding"] | int | ArrayLike = "expanding"
) -> Floats:
    """#{v <= x} / N for each value: how high it stands, in [0, 1]. NaN is no value.

    `reference` is "expanding" (all values up to this one, which is included), a number n (the
    last n, this one included) or an array that was known before, which stays as it is. None of
    them looks ahead.

    >>> ecdf([1.0, 3.0, 2.0, 3.0])
    array([1.        , 1.        , 0.66666667, 1.        ])
    >>> ecdf([1.0, 3.0, 2.0], reference=[2.0, 2.0, 5.0, 6.0])
    array([0. , 0.5, 0.5])
    """
    from bisect import bisect_left, bisect_right, insort
    from collections import deque

    x = np.asarray(values, np.float64)
    out = np.full(x.shape, np.nan)
    known = np.flatnonzero(~np.isnan(x))
    if not isinstance(reference, (str, int)):
        frozen = np.asarray(reference, np.float64)
        frozen = np.sort(frozen[~np.isnan(frozen)])
        if len(frozen):
            out[known] = np.searchsorted(frozen, x[known], side="right") / len(frozen)
        return out
    if isinstance(reference, str):
        if reference != "expanding":
            raise _error("must be 'expanding', a number or an array", "reference", reference)
        most = len(x) + 1
    else:
        most = reference
        if most < 1:
            raise _error("must be at least 1", "reference", reference)
    past: deque[float] = deque()
    ordered: list[float] = []
    for i in known:
        one = float(x[i])
        if len(past) == most:
            ordered.pop(bisect_left(ordered, past.popleft()))
        past.append(one)
        insort(ordered, one)
        out[i] = bisect_right(ordered, one) / len(ordered)
    return out


def toxic_events(cdf: ArrayLike, *, level: float = 0.99, back: float = 0.9) -> Ints:
    """Where a CDF reaches `level` from below: the rows, one an event.

    Hysteresis: the next event needs a value below `back` first, and so does the first one (where
    the first value came from is not known). NaN is no value.

    >>> toxic_events([1.0, 0.5, 0.99, 0.95, 1.0, 0.8, 0.99])
    array([2, 6])
    """
    if not 0 < back <= level <= 1:
        raise _error("must be above 0 and at most level", "back", back)
    rows, armed = [], False
    for row, value in enumerate(np.asarray(cdf, np.float64).tolist()):
        if value < back:
            armed = True
        elif armed and value >= level:
            armed = False
            rows.append(row)
    return np.array(rows, np.int64)


IVPIN_DTYPE: Final = np.dtype(
    [(name, np.float64) for name in ("alpha", "delta", "mu", "eps_b", "eps_s", "loglik", "ivpin")]
)
"""What `ivpin` gives for each bucket: NaN before n."""


def ivpin(buy: ArrayLike, sell: ArrayLike, duration: ArrayLike, *, n_buckets: int = 50) -> Records:
    """IVPIN = alpha mu / (eps_b + eps_s + mu), by maximum likelihood over the last n buckets.

    A bucket of `duration` seconds has no news with probability 1 - alpha, bad news with alpha
    delta, good news with alpha (1 - delta). Buys and sells arrive at eps_b and eps_s a second,
    with mu more sells on bad and mu more buys on good news:

        ln L = sum ln[(1-alpha) p(eps_b, eps_s) + alpha delta p(eps_b, eps_s + mu)
                      + alpha (1-delta) p(eps_b + mu, eps_s)],
        ln p(b, s) = VB ln b + VS ln s - (b + s) t        (without ln VB! VS!, which is constant)

    Maximised by EM, whose steps are closed forms but for mu, found by bisection; from 18 starts,
    of which the best is taken: EM may end in a local maximum, as every optimiser here does.
    Durations of 0 are refused: use vpin_buckets(..., times="interpolated"). Alpha, delta, mu and
    the rates look at the n buckets up to the row's own, never ahead.

    Source: Ke and Lin (2017), "An improved version of the volume-synchronized probability of
    informed trading".
    """
    vb, vs, t = (np.asarray(x, np.float64) for x in (buy, sell, duration))
    if not (vb.ndim == 1 and vb.shape == vs.shape == t.shape):
        raise ValueError("buy, sell and duration must be columns of one length")
    for field, bad in (
        ("buy", ~(np.isfinite(vb) & (vb >= 0))),
        ("sell", ~(np.isfinite(vs) & (vs >= 0))),
        ("duration", ~(np.isfinite(t) & (t > 0))),
    ):
        if bad.any():
            rule = "must be finite and " + ("above 0" if field == "duration" else "not negative")
            raise _error(rule, field, row=int(bad.argmax()))
    if n_buckets < 2:
        raise _error("must be at least 2", "n_buckets", n_buckets)
    out = np.full(len(vb), np.nan, IVPIN_DTYPE)
    view = np.lib.stride_tricks.sliding_window_view
    for end in range(n_buckets, len(vb) + 1, 256):
        begin = end - n_buckets
        stop = min(end + 255, len(vb))
        columns = (view(x[begin:stop], n_buckets) for x in (vb, vs, t))
        out[end - 1 : stop] = _most_likely(*columns)
    return out


def _most_likely(vb: Floats, vs: Floats, t: Floats) -> Records:
    """One maximum a row of buckets."""
    rows, n = vb.shape
    shares = np.linspace(0.1, 0.9, 9)
    best = np.full(rows, np.nan, IVPIN_DTYPE)
    best["loglik"] = -np.inf
    # The informed ones are at first the fastest buckets, or the most one-sided ones.
    for order in ((vb + vs) / t, np.abs(vb - vs)):
        rank = order.argsort(axis=1).argsort(axis=1)
        for share in shares:
            informed = (rank >= n - round(share * n)) * 0.98 + 0.01
            bad = informed * np.where(vs > vb, 0.98, 0.02)
            _keep_better(best, _em(vb, vs, t, informed - bad, bad))
    return best


def _keep_better(best: Records, other: Records) -> None:
    better = other["loglik"] > best["loglik"]
    best[better] = other[better]


def _em(vb: Floats, vs: Floats, t: Floats, good: Floats, bad: Floats) -> Records:
    """From these probabilities of good and bad news in each bucket, uphill."""
    out = np.full(len(vb), np.nan, IVPIN_DTYPE)
    out["loglik"] = -np.inf
    going = np.arange(len(vb))
    for _ in range(2000):
        b, s, d = vb[going], vs[going], t[going]
        step = _maximised(b, s, d, good, bad)
        none, up, down = _log_parts(b, s, d, step)
        most = np.maximum(none, np.maximum(up, down))
        parts = np.exp(none - most), np.exp(up - most), np.exp(down - most)
        total = parts[0] + parts[1] + parts[2]
        step["loglik"] = (most + np.log(total)).sum(axis=1)
        good, bad = parts[1] / total, parts[2] / total
        before = out[going]
        out[going] = step
        moved = np.abs(step["ivpin"] - before["ivpin"])
        rises = step["loglik"] - before["loglik"]
        scale = np.abs(step["loglik"]) * 1e-15
        more = ~((moved < 1e-13) | ((rises <= scale) & (moved < 1e-11)))
        if not more.any():
            break
        going, good, bad = going[more], good[more], bad[more]
    return out


def _log_parts(vb: Floats, vs: Floats, t: Floats, p: Records) -> tuple[Floats, Floats, Floats]:
    alpha, delta, mu, eb, es = (
        p[name][:, None] for name in ("alpha", "delta", "mu", "eps_b", "eps_s")
    )

    def log_p(buys: Floats, sells: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(vb > 0, vb * np.log(buys), 0) + np.where(vs > 0, vs * np.log(sells), 0)
        return np.asarray(logs - (buys + sells) * t)

    with np.errstate(divide="ignore"):
        none, up, down = np.log(1 - alpha), np.log(alpha * (1 - delta)), np.log(alpha * delta)
    return none + log_p(eb, es), up + log_p(eb + mu, es), down + log_p(eb, es + mu)


def _maximised(vb: Floats, vs: Floats, t: Floats, good: Floats, bad: Floats) -> Records:
    """The parameters that are most likely given how likely each bucket's news are.

    With the sums below, eps_b, eps_s and mu solve
        a/eb + c/(eb+mu) = T,   b/es + d/(es+mu) = T,   c/(eb+mu) + d/(es+mu) = Ti:
    given mu the first two are quadratic, and what they leave of the third falls in mu.
    """
    whole, informed = t.sum(axis=1), ((good + bad) * t).sum(axis=1)
    a, c = ((1 - good) * vb).sum(axis=1), (good * vb).sum(axis=1)
    b, d = ((1 - bad) * vs).sum(axis=1), (bad * vs).sum(axis=1)

    def rate(base: Floats, more: Floats, mu: Floats) -> Floats:
        p = mu - (base + more) / whole
        root = np.sqrt(p * p + 4 * base * mu / whole)
        # of two forms the one that does not cancel
        with np.errstate(divide="ignore", invalid="ignore"):
            other = 2 * base * mu / whole / (p + root)
        return np.asarray(np.where(p > 0, other, (root - p) / 2))

    def left(mu: Floats) -> Floats:
        eb, es = rate(a, c, mu), rate(b, d, mu)
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.nan_to_num(c / (eb + mu)) + np.nan_to_num(d / (es + mu))
        return np.asarray(sides - informed)

    low, high = np.zeros(len(a)), (c + d) / informed
    for _ in range(80):
        middle = (low + high) / 2
        positive = left(middle) > 0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    mu = (low + high) / 2
    out = np.zeros(len(a), IVPIN_DTYPE)
    news = good.mean(axis=1) + bad.mean(axis=1)
    out["alpha"] = news
    out["delta"] = bad.mean(axis=1) / news
    out["mu"], out["eps_b"], out["eps_s"] = mu, rate(a, c, mu), rate(b, d, mu)
    out["ivpin"] = news * mu / (out["eps_b"] + out["eps_s"] + mu)
    return out
