"""Stoikov's microprice: how far the price will go from the mid, fitted on past quotes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bookflow._core import Microprice
from bookflow.errors import InputError

__all__ = ["MicropriceModel", "fit_microprice"]

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MicropriceModel:
    """What `fit_microprice` found. A state is (spread in ticks - 1) x buckets + imbalance bucket.

    ``edges`` : float64 (buckets + 1,), of bid size / (bid size + ask size); buckets are closed on
    the right. ``q`` (n, n): the mid stays and the next state is j. ``r1`` (n, jumps): the mid moves
    by ``jumps`` (ticks). ``r2`` (n, n): the mid moves and the next state is j. ``states`` (n,):
    samples in each, mirrored ones too. ``wide`` and ``far``: rows with a wider (or no) spread,
    and transitions of a larger jump, that were left out.
    """

    edges: _Floats
    spreads: int
    jumps: _Floats
    q: _Floats
    r1: _Floats
    r2: _Floats
    states: _Ints
    wide: int = 0
    far: int = 0

    @property
    def first(self) -> _Floats:
        """G1 = (1 - Q)^-1 R1 k, the expected first move from each state, in ticks: eq. 3.3."""
        return self._solved(self.r1 @ self.jumps)

    @property
    def between(self) -> _Floats:
        """B = (1 - Q)^-1 R2: the state after the first move."""
        return self._solved(self.r2)

    def adjustment(self, terms: int | None = None) -> _Floats:
        """G* = sum of B^i G1 over so many terms, or until nothing is added; ticks.

        I - B is singular, so that the series is summed. NaN for states that were never seen, and
        for all where the series does not settle: then too few moves were seen.
        """
        between, term = self.between, self.first
        out = term.copy()
        most = _MOST_TERMS if terms is None else terms
        for _ in range(most - 1):
            term = between @ term
            out += term
            if terms is None and np.abs(term).max() <= 1e-15 * np.abs(out).max():
                break
        else:
            if terms is None:
                out[:] = np.nan
        return np.where(self.states > 0, out, np.nan)

    def apply(
        self, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any, *, tick: int = 1
    ) -> _Floats:
        """The microprice of each row, mid + G*, in price units; NaN outside the fitted states.

        Columns and ``tick`` as for `fit_microprice`.
        """
        quotes = _columns(bid_price, bid_size, ask_price, ask_size)
        state = _state(quotes, self.edges, self.spreads, tick)
        adjustment = np.r_[self.adjustment(), np.nan]
        mid = (quotes[0] + quotes[2]) / 2
        return np.asarray(mid + adjustment[state] * tick)

    def calculator(self) -> Microprice:
        """The same as a calculator, for a stream or a pipeline; its tick is the instrument's."""
        return Microprice(edges=self.edges.tolist(), adjustment=self.adjustment().tolist())

    def save(self, path: str | Path) -> None:
        """Writes it as JSON."""
        fields = {name: _plain(value) for name, value in vars(self).items()}
        Path(path).write_text(json.dumps({"model": "microprice", "version": 1} | fields))

    @classmethod
    def load(cls, path: str | Path) -> "MicropriceModel":
        """Reads what `save` wrote; InputError where the file is none."""
        try:
            fields = json.loads(Path(path).read_text())
            if (fields.pop("model"), fields.pop("version")) != ("microprice", 1):
                raise ValueError("another model or version")
            for name, dtype in _ARRAYS.items():
                fields[name] = np.array(fields[name], dtype)
            model = cls(**fields)
            n = model.spreads * (len(model.edges) - 1)
            shapes = [model.q.shape, model.r1.shape, model.r2.shape, model.states.shape]
            if shapes != [(n, n), (n, len(model.jumps)), (n, n), (n,)]:
                raise ValueError("its tables do not fit together")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"is no saved microprice model: {error}", source=str(path)) from error
        return model

    def _solved(self, right: _Floats) -> _Floats:
        return np.asarray(np.linalg.solve(np.eye(len(self.q)) - self.q, right), np.float64)


_MOST_TERMS = 100_000
_ARRAYS = {
    "edges": np.float64,
    "jumps": np.float64,
    "q": np.float64,
    "r1": np.float64,
    "r2": np.float64,
    "states": np.int64,
}


def fit_microprice(
    bid_price: Any,
    bid_size: Any,
    ask_price: Any,
    ask_size: Any,
    *,
    tick: int = 1,
    spreads: int = 2,
    edges: Any = 10,
    max_jump: float = 1.0,
) -> MicropriceModel:
    """Counts the moves of the mid from each state of imbalance and spread, one row ahead.

    Every transition counts twice, once mirrored (imbalance I as 1 - I, a rise as a fall): else the
    series of G* diverges.

    Parameters
    ----------
    bid_price, bid_size, ask_price, ask_size : int64 arrays (n,), in units; one row a step.
    tick : int
        Price units a tick.
    spreads : int
        The widest spread, in ticks; wider, crossed, locked and one-sided rows are counted and left
        out, and no transition leads across them.
    edges : int or float64 array (buckets + 1,)
        So many buckets of equal width, or the edges themselves, rising, from 0 to 1 or narrower.
    max_jump : float
        In ticks, a whole number of halves: the mid's larger moves are counted and left out.

    Raises
    ------
    InputError
        A parameter is out of range, columns differ in length, or no transition is left.

    Source: Stoikov (2018), "The micro-price: a high-frequency estimator of future prices".
    """
    quotes = _columns(bid_price, bid_size, ask_price, ask_size)
    for name, value in (("tick", tick), ("spreads", spreads)):
        if value < 1:
            raise InputError("must be at least 1", field=name, value=repr(value))
    steps = round(2 * max_jump) if 0 < max_jump < 1000 else 0
    if not steps or steps != 2 * max_jump:
        rule = "must be a whole number of half ticks, from 0.5"
        raise InputError(rule, field="max_jump", value=repr(max_jump))
    bounds = _edges(edges)
    buckets = len(bounds) - 1
    n = spreads * buckets

    state = _state(quotes, bounds, spreads, tick)
    twice_mid = quotes[0] + quotes[2]
    move = np.diff(twice_mid)  # of half price units: a half tick is `tick` of them
    known = (state[:-1] >= 0) & (state[1:] >= 0)
    near = (np.abs(move) <= steps * tick) & (move % tick == 0)
    kept = known & near
    if not kept.any():
        raise InputError("have no transition between known states", field="quotes")
    begin, end, half = state[:-1][kept], state[1:][kept], move[kept] // tick
    begin = np.r_[begin, _mirror(begin, buckets)]
    end = np.r_[end, _mirror(end, buckets)]
    half = np.r_[half, -half]

    jumps = np.array([k for k in range(-steps, steps + 1) if k])
    q, r1, r2 = np.zeros((n, n)), np.zeros((n, len(jumps))), np.zeros((n, n))
    still = half == 0
    np.add.at(q, (begin[still], end[still]), 1)
    np.add.at(r2, (begin[~still], end[~still]), 1)
    np.add.at(r1, (begin[~still], np.searchsorted(jumps, half[~still])), 1)
    states = np.bincount(begin, minlength=n)
    each = np.maximum(states, 1)[:, None]
    return MicropriceModel(
        edges=bounds,
        spreads=spreads,
        jumps=jumps / 2,
        q=q / each,
        r1=r1 / each,
        r2=r2 / each,
        states=states.astype(np.int64),
        wide=int(np.sum(state < 0)),
        far=int(np.sum(known & ~near)),
    )


def _columns(*columns: Any) -> tuple[_Ints, ...]:
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    out = []
    for name, column in zip(names, columns, strict=True):
        array = np.asarray(column)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be a one-dimensional array of integers")
        if len(array) != len(np.asarray(columns[0])):
            rule = f"has {len(array)} rows, expected {len(np.asarray(columns[0]))}"
            raise InputError(rule, field=name)
        out.append(array.astype(np.int64))
    return tuple(out)


def _edges(given: Any) -> _Floats:
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        if not 1 <= given <= 1000:
            raise InputError("must be from 1 to 1000 buckets", field="edges", value=repr(given))
        return np.arange(int(given) + 1) / int(given)
    edges = np.asarray(given, np.float64)
    rising = edges.ndim == 1 and len(edges) > 1 and bool(np.all(np.diff(edges) > 0))
    if not rising or edges[0] < 0 or edges[-1] > 1:
        rule = "must be a number of buckets, or edges that rise within 0 and 1"
        raise InputError(rule, field="edges", value=repr(given))
    return edges


def _state(quotes: tuple[_Ints, ...], edges: _Floats, spreads: int, tick: int) -> _Ints:
    """Each row's state, -1 where it is none."""
    bid, bid_size, ask, ask_size = quotes
    spread = ask - bid
    good = (bid_size > 0) & (ask_size > 0) & (spread > 0) & (spread % tick == 0)
    good &= spread <= spreads * tick
    imbalance = np.full(len(bid), np.nan)
    np.divide(bid_size, bid_size + ask_size, out=imbalance, where=good)
    good &= (imbalance >= edges[0]) & (imbalance <= edges[-1])
    bucket = np.searchsorted(edges[1:-1], imbalance, side="left")
    return np.where(good, (spread // tick - 1) * (len(edges) - 1) + bucket, -1)


def _mirror(state: _Ints, buckets: int) -> _Ints:
    return state + buckets - 1 - 2 * (state % buckets)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
