"""bookflow's objects in numba functions: the same bits and the same errors as in Python."""

import gc
import math
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_once import together
from streams import SECOND, Columns, Dice, Market, columns_of
from variants import ALONE, ENTRIES, Variant

import bookflow as bf

pytest.importorskip("numba", reason="needs numba: the extra bookflow[numba]")

from numba import njit, prange, typed
from numba.core.errors import NumbaTypeError, TypingError

import bookflow.numba

# Compiled code is not given the touch that some signs need: the core refuses there.
WITHOUT = tuple(v for v in ALONE if not v.touch)
SOME = bytes((i * 73 + i // 7 * 31) % 251 for i in range(400))

WITHOUT_TOUCH = [entry for entry in ENTRIES if not entry["needs_touch"]]
each_entry = pytest.mark.parametrize("entry", WITHOUT_TOUCH, ids=lambda entry: entry["name"])


def bits(values: Any) -> bytes:
    return np.asarray(values, np.float64).tobytes()


# The same loops compiled, and (`.py_func`) in Python.


@njit
def quotes_loop(c: Any, bid: Any, bid_size: Any, ask: Any, ask_size: Any, ts: Any, out: Any) -> Any:
    for i in range(len(bid)):
        out[i] = c.update(bid[i], bid_size[i], ask[i], ask_size[i], ts[i])
    return c.value


@njit
def trades_loop(c: Any, price: Any, size: Any, side: Any, ts: Any, out: Any) -> Any:
    for i in range(len(price)):
        out[i] = c.update(price[i], size[i], side[i], ts[i])
    return c.value


@njit
def depth_loop(c: Any, bid: Any, bid_size: Any, ask: Any, ask_size: Any, ts: Any, out: Any) -> Any:
    for i in range(len(bid)):
        out[i] = c.update(bid[i], bid_size[i], ask[i], ask_size[i], ts[i])
    return c.value


@njit
def changes_loop(
    c: Any, price: Any, change: Any, side: Any, cause: Any, touch: Any, ts: Any, out: Any
) -> Any:
    for i in range(len(price)):
        out[i] = c.update(price[i], change[i], side[i], cause[i], touch[i], ts[i])
    return c.value


@njit
def queues_loop(c: Any, a: Any, b: Any, d: Any, e: Any, f: Any, g: Any, ts: Any, out: Any) -> Any:
    for i in range(len(a)):
        out[i] = c.update(a[i], b[i], d[i], e[i], f[i], g[i], ts[i])
    return c.value


@njit
def of_loop(c: Any, of: Any, ts: Any, out: Any) -> Any:
    for i in range(len(of)):
        out[i] = c.update(of[i], ts[i])
    return c.value


@njit
def of_two_loop(c: Any, of: Any, by: Any, ts: Any, out: Any) -> Any:
    for i in range(len(of)):
        out[i] = c.update(of[i], by[i], ts[i])
    return c.value


@njit
def of_call(c: Any, of: Any, ts: Any) -> Any:
    return c.update(of, ts=ts)


@njit
def of_two_call(c: Any, of: Any, by: Any, ts: Any) -> Any:
    return c.update(of, by, ts)


def loop_of(entry: dict[str, Any]) -> Any:
    by_feed = {"quotes": quotes_loop, "trades": trades_loop, "depth": depth_loop}
    by_feed |= {"changes": changes_loop, "queues": queues_loop}
    return by_feed.get(entry["feed"]) or {1: of_loop, 2: of_two_loop}[len(entry["inputs"])]


def some_columns(entry: dict[str, Any]) -> Columns:
    return columns_of(entry["feed"], Dice(SOME), inputs=entry["inputs"])


def variants(entry: dict[str, Any]) -> list[Variant]:
    return [variant for variant in WITHOUT if variant.entry is entry]


def empty(variant: Variant, rows: int) -> np.ndarray:
    value = np.asarray(variant.make_alone().value)
    return np.full((rows, *value.shape), -1.0)


def by_python(variant: Variant, columns: Columns) -> tuple[np.ndarray, Any]:
    calculator = variant.make_alone()
    out = empty(variant, len(columns["ts"]))
    for i in range(len(out)):
        row = (c[i] if c.ndim == 2 else c[i].item() for c in columns.values())
        out[i] = calculator.update(*row)
    return out, calculator


@each_entry
def test_a_compiled_loop_gives_the_same_bits(entry: dict[str, Any]) -> None:
    columns = some_columns(entry)
    for variant in variants(entry):
        expected, in_python = by_python(variant, columns)
        calculator = variant.make_alone()
        out = empty(variant, len(expected))
        value = loop_of(entry)(calculator, *columns.values(), out)
        assert bits(out) == bits(expected), variant
        assert bits(value) == bits(in_python.value)
        assert calculator == in_python


@njit
def reset(calculator: Any) -> None:
    calculator.reset()


@each_entry
def test_reset(entry: dict[str, Any]) -> None:
    for variant in variants(entry):
        _, calculator = by_python(variant, some_columns(entry))
        assert calculator != variant.make_alone()
        reset(calculator)
        assert calculator == variant.make_alone()


@njit
def quotes_call(c: Any, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any) -> Any:
    return c.update(bid_price, bid_size, ask_price=ask_price, ask_size=ask_size)


@njit
def timed_call(c: Any, a: Any, b: Any, d: Any, e: Any, ts: Any) -> Any:
    return c.update(a, b, d, e, ts)


@njit
def changes_call(
    c: Any, price: Any, change: Any, side: Any, cause: Any, touch: Any, ts: Any
) -> Any:
    return c.update(price, change, side, cause, touch=touch, ts=ts)


@njit
def queues_call(c: Any, a: Any, b: Any, d: Any, e: Any, bid_age: Any, ask_age: Any, ts: Any) -> Any:
    return c.update(a, b, d, e, ask_age=ask_age, bid_age=bid_age, ts=ts)


@njit
def trades_call(c: Any, price: Any, size: Any) -> Any:
    return c.update(price, size)


@njit
def sided_call(c: Any, price: Any, size: Any, side: Any, ts: Any) -> Any:
    return c.update(price, size, side=side, ts=ts)


def a_call(entry: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A function of all arguments, and good ones."""
    feed, inputs = entry["feed"], entry["inputs"]
    if inputs:
        call = of_call if len(inputs) == 1 else of_two_call
        return call, dict.fromkeys(inputs, 2.5) | {"ts": 9 * SECOND}
    if feed == "trades":
        return sided_call, {"price": 100, "size": 5, "side": 1, "ts": 9 * SECOND}
    if feed == "queues":
        names = ("bid_orders", "ask_orders", "bid_size", "ask_size", "bid_age", "ask_age")
        return queues_call, dict(zip(names, (2, 3, 5, 6, 70, 90), strict=True)) | {"ts": 9 * SECOND}
    if feed == "changes":
        row = {"price": 100, "change": 5, "side": 1, "cause": 1, "touch": 3}
        return changes_call, row | {"ts": 9 * SECOND}
    row: dict[str, Any] = {"bid_price": 99, "bid_size": 5, "ask_price": 101, "ask_size": 6}
    if feed == "depth":
        steps = {"bid_price": -1, "bid_size": 1, "ask_price": 1, "ask_size": 1}
        row = {name: row[name] + steps[name] * np.arange(3) for name in row}
    return timed_call, row | {"ts": 9 * SECOND}


def error_of(work: Callable[[], object]) -> BaseException | None:
    try:
        work()
    except Exception as error:
        return error
    return None


def same_error(a: BaseException | None, b: BaseException | None) -> bool:
    names = ("source", "row", "field", "value", "rule")
    return (
        type(a) is type(b)
        and str(a) == str(b)
        and all(getattr(a, name, None) == getattr(b, name, None) for name in names)
    )


WRONG = {
    "ts": (-1, 5 * SECOND - 1, 2**62, 2**63 - 1),
    "side": (-1, 3, 255, 2**40),
    "size": (0, -1, 2**60 + 1, 2**63 - 1),
    "price": (2**61 + 1, -(2**61) - 1),
    "change": (0, -5, 2**60 + 1, 2**63 - 1),
    "cause": (0, -1, 5, 2**40),
    "touch": (-1, 4, 2**40),
    "orders": (-1, 2**32, 2**63 - 1),
    "age": (-1, 2**62, 2**63 - 1),
}


@each_entry
def test_errors_are_the_same(entry: dict[str, Any]) -> None:
    variant = variants(entry)[0]
    compiled, good = a_call(entry)
    tried = 0
    for name in good:
        infinite = (math.inf, -math.inf)
        for value in infinite if name in entry["inputs"] else WRONG[name.rpartition("_")[2]]:
            wrong = np.array([value, *good[name][1:]]) if np.ndim(good[name]) else value
            row = good | {name: wrong}
            a, b = variant.make_alone(), variant.make_alone()
            for calculator in (a, b):
                calculator.update(**good | {"ts": 5 * SECOND})
            expected = error_of(lambda b=b, row=row: b.update(**row))
            got = error_of(lambda a=a, row=row: compiled(a, *row.values()))
            assert same_error(got, expected), (got, expected)
            assert a == b
            assert compiled(a, *good.values()) is not None  # and it is of use afterwards
            tried += expected is not None
    assert tried > (5 if entry["inputs"] else 8)


def test_settings_that_only_a_pipeline_can_take() -> None:
    calculator = bf.OrderFlowImbalance(window="2trades")
    with pytest.raises(bf.InputError, match="measured in trades"):
        quotes_call(calculator, 99, 5, 101, 6)
    with pytest.raises(bf.InputError, match="a window in time needs ts"):
        quotes_call(bf.OrderFlowImbalance(window="3s"), 99, 5, 101, 6)


# Arguments.


def test_integers_of_every_width_and_none() -> None:
    expected = bf.TradeFlowImbalance(window=None).update(100, 5, 1, 9)
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        calculator = bf.TradeFlowImbalance(window=None)
        assert sided_call(calculator, kind(100), kind(5), kind(1), kind(9)) == expected
    calculator = bf.TradeFlowImbalance(window=None)
    assert sided_call(calculator, 100, 5, bf.Side.BUY, None) == expected
    assert sided_call(calculator, 100, 5, None, None) == expected  # of no known side
    assert trades_call(calculator, 100, 5) == expected


@njit
def maybe_timed(c: Any, ts: Any, known: Any) -> Any:
    return c.update(100, 5, 1, ts if known else None)


def test_a_time_that_may_be_none() -> None:
    calculator = bf.Volume(window="3s")
    assert maybe_timed(calculator, 7, True) == 5
    with pytest.raises(bf.InputError, match="needs ts"):
        maybe_timed(calculator, -1, False)


def test_what_does_not_fit_is_no_other_number() -> None:
    for value in (2**63, 2**64 - 1):
        calculator = bf.Volume()
        expected = error_of(lambda c=calculator, v=value: c.update(v, 5))
        got = error_of(lambda c=calculator, v=value: trades_call(c, np.uint64(v), 5))
        assert same_error(got, expected)
    with pytest.raises(bf.InputError, match=f"price = {2**63 - 1}"):
        trades_call(bf.Volume(), np.uint64(2**63 - 1), 5)
    book = bf.OrderBook()
    expected = error_of(lambda: book.apply(1, 1, 100, 5, -1))
    assert same_error(error_of(lambda: applied(book, 1, 1, 100, 5, -1)), expected)


@pytest.mark.parametrize("wrong", [1.0, True, np.float32(1), np.bool_(True), "1", 1j, (1,), None])
def test_what_is_no_integer_is_refused_when_compiled(wrong: Any) -> None:
    for place, name in enumerate(("price", "size", "side", "ts")):
        if wrong is None and name in ("side", "ts"):
            continue
        row: list[Any] = [100, 5, 1, 9]
        row[place] = wrong
        with pytest.raises(TypingError, match=rf"Volume\.update: {name} must be an integer, got"):
            sided_call(bf.Volume(), *row)


def test_arguments_that_are_not_there() -> None:
    with pytest.raises(TypingError, match="missing a required argument: 'ask_price'"):
        njit(lambda c: c.update(1, 2))(bf.Mid())
    with pytest.raises(TypingError, match="too many positional arguments"):
        njit(lambda c: c.update(1, 2, 3, 4, 5, 6))(bf.Mid())
    with pytest.raises(TypingError, match="Unknown attribute 'updated'"):
        njit(lambda c: c.updated(1))(bf.Mid())


# Levels.


def levels(n: int = 3) -> list[np.ndarray]:
    steps = np.arange(n)
    return [99 - steps, 5 + steps, 101 + steps, 4 + steps]


@njit
def levels_call(c: Any, a: Any, b: Any, d: Any, e: Any) -> Any:
    return c.update(a, b, d, e)


@njit
def levels_into(c: Any, a: Any, b: Any, d: Any, e: Any, out: Any) -> Any:
    return c.update(a, b, d, e, None, out)


def test_arrays_of_any_stride() -> None:
    expected = bf.MultiLevelImbalance(levels=3).update(*levels())
    apart = np.full((4, 3, 2), -7, np.int64)
    apart[:, :, 1] = levels()
    assert levels_call(bf.MultiLevelImbalance(levels=3), *apart[:, :, 1]) == expected
    backwards = [column[::-1].copy()[::-1] for column in levels()]
    assert levels_call(bf.MultiLevelImbalance(levels=3), *backwards) == expected
    for column in backwards:
        column.flags.writeable = False
    assert levels_call(bf.MultiLevelImbalance(levels=3), *backwards) == expected


def test_arrays_of_different_lengths() -> None:
    for wrong in range(1, 4):
        columns = levels()
        columns[wrong] = columns[wrong][:2]
        for calculator in (bf.MultiLevelImbalance(levels=2), bf.MultiLevelOrderFlowImbalance()):
            expected = error_of(lambda c=columns, k=calculator: k.update(*c))
            got = error_of(lambda c=columns, k=calculator: levels_call(k, *c))
            assert isinstance(got, ValueError)
            assert same_error(got, expected)
    few = error_of(lambda: levels_call(bf.MultiLevelImbalance(levels=4), *levels()))
    assert "needs at least 4 levels" in str(few)


@pytest.mark.parametrize(
    "wrong",
    [np.arange(3.0), np.arange(3, dtype=np.int32), np.ones((1, 3), np.int64), (1, 2, 3), 1],
    ids=["float", "int32", "2-d", "tuple", "int"],
)
def test_what_is_no_array_of_levels(wrong: Any) -> None:
    for place, name in enumerate(("bid_price", "bid_size", "ask_price", "ask_size")):
        columns: list[Any] = levels()
        columns[place] = wrong
        for calculator in (bf.MultiLevelImbalance(), bf.MultiLevelOrderFlowImbalance()):
            with pytest.raises(TypingError, match=f"update: {name} must be an aligned 1-d int64"):
                levels_call(calculator, *columns)


def test_arrays_that_are_not_aligned() -> None:
    """numba itself takes them for aligned."""
    packed = np.zeros(3, [("a", "i1"), ("b", "i8")])["b"]
    for place in range(4):
        columns = levels()
        columns[place] = packed
        expected = error_of(lambda c=columns: bf.MultiLevelImbalance(levels=2).update(*c))
        got = error_of(lambda c=columns: levels_call(bf.MultiLevelImbalance(levels=2), *c))
        assert "is not aligned in memory" in str(got)
        assert same_error(got, expected)


def test_a_vector_is_fresh_or_written_where_it_is_wanted() -> None:
    calculator = bf.MultiLevelOrderFlowImbalance(levels=3, window=None)
    first = levels_call(calculator, *levels())
    more = levels()
    more[1] = more[1] + 4
    second = levels_call(calculator, *more)
    assert bits(first) == bits(np.zeros(3))
    assert bits(second) == bits(np.full(3, 4.0))
    out = np.full(3, -1.0)
    again = bf.MultiLevelOrderFlowImbalance(levels=3, window=None)
    assert levels_into(again, *levels(), out) is not None
    levels_into(again, *more, out)
    assert bits(out) == bits(second)
    before = again.to_bytes()
    for size in (2, 4):
        with pytest.raises(ValueError, match="out must have one number a level"):
            levels_into(again, *more, np.zeros(size))
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    for wrong in (np.zeros(3, np.float32), np.zeros(6)[::2], np.zeros((1, 3)), 1.0, read_only):
        with pytest.raises(TypingError, match="out must be a writable contiguous"):
            levels_into(again, *more, wrong)
    assert again.to_bytes() == before


# Books and pipelines.


@njit
def applied(book: Any, action: Any, side: Any, price: Any, size: Any, order_id: Any) -> Any:
    return book.apply(action, side, price, size, order_id)


@njit
def book_loop(book: Any, rows: Any, ids: Any, changed: Any, quotes: Any) -> None:
    for i in range(len(rows)):
        changed[i] = book.apply(rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3], ids[i])
        bid, bid_size, ask, ask_size = book.quotes
        quotes[i, 0], quotes[i, 1], quotes[i, 2], quotes[i, 3] = bid, bid_size, ask, ask_size


def stream_of(kind: str) -> list[tuple[int, ...]]:
    return Market(Dice(SOME * 9), kind).stream(300).events


@pytest.mark.parametrize(
    ("kind", "cls", "book_actions"),
    [("levels", bf.LevelBook, {bf.Action.LEVEL, bf.Action.QUOTE, bf.Action.CLEAR}),
     ("orders", bf.OrderBook, set(bf.Action) - {bf.Action.LEVEL, bf.Action.QUOTE, bf.Action.TRADE,
                                                bf.Action.STATUS})],
)  # fmt: skip
def test_books(kind: str, cls: Any, book_actions: set[int]) -> None:
    events = [event for event in stream_of(kind) if event[1] in book_actions]
    rows = np.array([event[1:5] for event in events])
    ids = np.array([event[5] for event in events], np.uint64)
    assert len(rows) > 50
    answers = []
    for loop in (book_loop, book_loop.py_func):
        book, changed = cls(), np.empty(len(rows), np.int64)
        quotes = np.empty((len(rows), 4), np.int64)
        if loop is book_loop:
            loop(book, rows, ids, changed, quotes)
        else:
            loop(book, rows, ids.tolist(), changed, quotes)
        answers.append((book.content_hash, book.faults, changed.tolist(), quotes.tolist()))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "event",
    [(0, 1, 100, 5, 1), (77, 1, 100, 5, 1), (256, 1, 100, 5, 1), (-1, 1, 100, 5, 1),
     (bf.Action.TRADE, 1, 100, 5, 1), (bf.Action.ADD, 3, 100, 5, 1), (bf.Action.ADD, -1, 100, 5, 1),
     (bf.Action.ADD, 256, 100, 5, 1), (bf.Action.ADD, 1, 2**62, 5, 1),
     (bf.Action.ADD, 1, 100, -5, 1), (bf.Action.ADD, 1, 100, 5, 0)],
    ids=str,
)  # fmt: skip
def test_errors_of_books(event: tuple[int, ...]) -> None:
    for cls in (bf.OrderBook, bf.LevelBook):
        a, b = cls(), cls()
        expected = error_of(lambda b=b: b.apply(*event))
        got = error_of(lambda a=a: applied(a, *event))
        assert isinstance(got, bf.InputError) or event[0] == bf.Action.TRADE
        assert same_error(got, expected)
        assert a == b


@njit
def pipeline_loop(pipe: Any, columns: Any, ids: Any, written: Any, read: Any) -> None:
    for i in range(len(columns)):
        ts, action, side, price, size, flags = columns[i]
        written[i] = pipe.push(ts, action, side, price, size, ids[i], flags)
        bid, _, ask, _ = pipe.quotes
        read[i, 0], read[i, 1] = bid, ask
        if written[i]:
            read[i, 2], read[i, 3] = pipe.last(0), pipe.last(1)
            read[i, 4], read[i, 5] = pipe.last_ts, pipe.last_status


@njit
def push_short(pipe: Any, ts: Any, action: Any, side: Any, price: Any, size: Any) -> Any:
    return pipe.push(ts, action, side, price, size)


@njit
def pushed(pipe: Any, ts: Any, action: Any, side: Any, price: Any, size: Any, flags: Any) -> Any:
    return pipe.push(ts, action, side, price, size, flags=flags)


@njit
def last(pipe: Any, column: Any) -> Any:
    return pipe.last(column)


@njit
def advanced(pipe: Any, ts: Any) -> Any:
    return pipe.advance(ts), pipe.last_ts


def pipeline(**settings: Any) -> bf.Pipeline:
    features = {"mid": bf.Mid(), "ofi": bf.OrderFlowImbalance(window=None)}
    return bf.Pipeline(bf.Instrument("X"), features=features, **settings)


@pytest.mark.parametrize("clock", ["event", "3s"])
@pytest.mark.parametrize("kind", ["orders", "levels"])
def test_pipelines(kind: str, clock: str) -> None:
    events = stream_of(kind)
    columns = tuple(tuple(int(x) for x in (*e[:5], e[6])) for e in events)
    ids = np.array([e[5] for e in events], np.uint64)
    answers = []
    for loop in (pipeline_loop, pipeline_loop.py_func):
        pipe = pipeline(clock=clock)
        written = np.zeros(len(events), np.int64)
        read = np.zeros((len(events), 6))
        if loop is pipeline_loop:
            loop(pipe, np.array(columns), ids, written, read)
        else:
            loop(pipe, columns, ids.tolist(), written, read)
        answers.append((pipe.to_bytes(), written.tolist(), bits(read)))
    assert sum(answers[0][1]) > 10
    assert answers[0] == answers[1]
    frame = pipe.latest(1)
    assert bits([pipe.last(0), pipe.last(1)]) == bits(frame.to_numpy()[-1])
    assert (pipe.last_ts, pipe.last_status) == (frame.ts[-1], frame.status[-1])


def test_pipelines_in_short() -> None:
    pipe = pipeline()
    assert push_short(pipe, 1, bf.Action.LEVEL, bf.Side.BID, 999, 30) == 1
    assert push_short(pipe, 2, bf.Action.LEVEL, bf.Side.ASK, 1001, 10) == 1
    assert push_short(pipe, 3, bf.Action.STATUS, bf.Side.NONE, None, 0) == 1
    assert last(pipe, 0) == pipe.last(0) == 10.0
    pipe = pipeline(clock="1s")
    assert pushed(pipe, 5 * SECOND, bf.Action.LEVEL, 1, 999, 30, bf.Flag.LAST) == 0
    assert advanced(pipe, 8 * SECOND) == (3, 7 * SECOND)


def test_errors_of_pipelines() -> None:
    good = (5, bf.Action.LEVEL, 1, 999, 30, 1)
    for place, value in [(0, 4), (0, -1), (1, 99), (1, 1000), (2, -3), (3, 2**62), (4, -1),
                         (5, 2**15), (5, 2**16), (5, -1)]:  # fmt: skip
        wrong = list(good)
        wrong[place] = value
        a, b = pipeline(), pipeline()
        for pipe in (a, b):
            pipe.push(*good[:5])
        expected = error_of(lambda b=b, w=wrong: b.push(*w[:5], 0, w[5]))
        got = error_of(lambda a=a, w=wrong: pushed(a, *w))
        assert same_error(got, expected), (got, expected)
        assert a.to_bytes() == b.to_bytes()
    for column in (-1, 2, 2**40):
        pipe = pipeline()
        for expected in ("no row was written yet", f"column {column} of 2"):
            for read in (lambda c=column, p=pipe: p.last(c), lambda c=column, p=pipe: last(p, c)):
                with pytest.raises(IndexError, match=expected):
                    read()
            pipe.push(*good[:5])


def test_a_fault_of_the_feed() -> None:
    a, b = pipeline(on_fault="raise"), pipeline(on_fault="raise")
    ts, bid, ask = 5, (bf.Action.LEVEL, 1, 999, 30), (bf.Action.LEVEL, 2, 998, 30)
    for pipe in (a, b):
        pipe.push(ts, *bid)
    expected = error_of(lambda: b.push(ts, *ask))  # the book is crossed
    got = error_of(lambda: push_short(a, ts, *ask))
    assert type(got) is type(expected) is bf.FeedFault
    assert (str(got), got.fault) == (str(expected), expected.fault)


# Exceptions within compiled code.


@njit
def update_of(c: Any, size: Any) -> Any:
    return c.update(99, size, 101, 6)


@njit
def one_more(c: Any, size: Any) -> Any:
    return update_of(c, size) + 1


@njit
def caught(c: Any, sizes: Any) -> Any:
    bad = 0
    for size in sizes:
        try:
            one_more(c, size)
        except Exception:
            bad += 1
    return bad


def test_errors_through_nested_functions() -> None:
    assert one_more(bf.Mid(), 5) == 101
    for size in (-1, -2):
        with pytest.raises(bf.InputError, match=f"bid_size = {size}: must be from 0"):
            one_more(bf.Mid(), size)


def test_errors_that_compiled_code_catches_leave_nothing_behind() -> None:
    calculator = bf.Mid()
    assert caught(calculator, np.array([5, -1, 6, -1, -1])) == 3
    assert calculator.value == 100
    with pytest.raises(bf.InputError, match="bid_size = -7"):
        one_more(calculator, -7)


def test_there_is_nothing_pending_without_a_failure() -> None:
    error_of(lambda: update_of(bf.Mid(), -1))
    with pytest.raises(AssertionError, match="without an error"):
        bookflow.numba._Pending()


# Lifetime.


@njit
def identity(x: Any) -> Any:
    return x


@njit
def generated(c: Any) -> Iterator[Any]:
    yield c.value


@njit
def generated_from_a_tuple(c: Any) -> Iterator[Any]:
    inside = (c, c)
    yield 0.0
    yield inside[0].value


@njit
def listed(c: Any) -> int:
    return len([c])


@njit
def in_a_typed_list(c: Any) -> Any:
    kept = typed.List()
    kept.append(c)
    return kept


@njit
def in_a_tuple(c: Any) -> Any:
    return c, 1


GLOBAL = bf.Mid()


@njit
def of_a_global() -> Any:
    return GLOBAL.value


def test_objects_are_borrowed_for_the_call() -> None:
    made = bf.Mid()
    keepers = (identity, generated, generated_from_a_tuple, listed, in_a_typed_list, in_a_tuple)
    for keep in keepers:
        with pytest.raises(TypingError, match=r"bookflow\.Mid is borrowed for the call"):
            keep(made)
    with pytest.raises(NumbaTypeError, match=r"bookflow\.Mid is borrowed for the call"):
        of_a_global()

    def of_a_closure() -> Any:
        return made.value

    with pytest.raises(NumbaTypeError, match=r"bookflow\.Mid is borrowed for the call"):
        njit(of_a_closure)()
    with pytest.raises(TypingError, match="OrderFlowImbalance"):
        njit(lambda: bf.OrderFlowImbalance())()


def test_references_are_as_before() -> None:
    calculator = bf.Mid()
    update_of(calculator, 5)
    error_of(lambda: update_of(calculator, -1))
    before = sys.getrefcount(calculator)
    for _ in range(100):
        update_of(calculator, 5)
        error_of(lambda: update_of(calculator, -1))
        caught(calculator, np.array([5, -1]))
    assert sys.getrefcount(calculator) == before


class Mine(bf.Mid):
    """Python's own; it can be referenced weakly."""


def test_subclasses_are_refused() -> None:
    """Compiled code would not see what they override."""
    mine = Mine()
    gone = weakref.ref(mine)
    with pytest.raises(TypeError, match="not its subclass Mine"):
        update_of(mine, 5)
    del mine
    gc.collect()
    assert gone() is None


@njit
def used(x: Any) -> Any:
    return x.quotes


def test_what_was_never_initialised_is_refused_where_it_is_used() -> None:
    for cls, use in [
        (bf.Mid, lambda x: update_of(x, 5)),
        (bf.Mid, lambda x: by_index((bf.Mid(), x), 5)),
        (bf.Mid, reset),
        (bf.MultiLevelOrderFlowImbalance, lambda x: levels_call(x, *levels(5))),
        (bf.LevelBook, used),
        (bf.OrderBook, lambda x: applied(x, 1, 1, 100, 5, 1)),
        (bf.Pipeline, used),
    ]:
        with pytest.raises(TypeError, match="never initialised"):
            use(cls.__new__(cls))


def test_one_object_twice_in_a_call() -> None:
    one = bf.Mid()
    assert by_index((one, one), 5) == 400
    assert one.update(99, 5, 103, 6) == 101  # it was given back


# Tuples.


@njit
def of_three(calculators: Any, size: Any) -> Any:
    mid, spread, weighted = calculators
    total = mid.update(99, size, 101, 6) + spread.update(99, size, 101, 6)
    return total + weighted.update(99, size, 101, 6) + calculators[1].value


@njit
def by_index(calculators: Any, size: Any) -> Any:
    total = 0.0
    for i in range(len(calculators)):
        total += calculators[i].update(99, size, 101, 6)
    for calculator in calculators:
        total += calculator.value
    return total


def test_tuples() -> None:
    assert of_three((bf.Mid(), bf.Spread(unit="price"), bf.WeightedMid()), 6) == 204
    first = bf.Mid()
    calculators = (first, bf.Mid())
    assert by_index(calculators, 5) == 400
    before = sys.getrefcount(first)
    for _ in range(10):
        by_index(calculators, 5)
        error_of(lambda: by_index(calculators, -5))
    assert sys.getrefcount(first) == before
    with pytest.raises(bf.InputError, match="bid_size = -5"):
        by_index(calculators, -5)


# Threads.


@njit(nogil=True)
def busy_loop(c: Any, n: Any) -> Any:
    done = 0
    for i in range(n):
        c.update(99, 1 + i % 7, 101, 6)
        done += 1
    return done


@njit(nogil=True)
def no_gil(c: Any, size: Any) -> Any:
    return c.update(99, size, 101, 6)


def test_errors_without_the_gil_are_each_threads_own() -> None:
    busy_loop(bf.Mid(), 1)

    def work(i: int) -> str:
        words = set()
        for _ in range(200):
            words.add(str(error_of(lambda: no_gil(bf.Mid(), -1 - i))))
            busy_loop(bf.Mid(), 100)
        assert len(words) == 1
        return words.pop()

    results = together(4, work)
    assert results == [f"bid_size = {-1 - i}: must be from 0 to 2^60 size units" for i in range(4)]


def test_one_object_in_two_threads_is_an_error() -> None:
    shared = bf.OrderFlowImbalance(window="100events")
    calls = 20_000
    busy_loop(shared, 1)
    met = 0
    for _ in range(100):
        results = together(2, lambda i: busy_loop(shared, calls))
        errors = [result for result in results if isinstance(result, Exception)]
        for error in errors:
            assert type(error) is RuntimeError
            assert str(error) == "this object is in use by another thread"
        assert all(isinstance(r, Exception) or r == calls for r in results)
        met += len(errors)
        if met:
            break
    assert met
    assert busy_loop(shared, 10) == 10  # the flag is down


@njit(parallel=True)
def parallel(calculators: Any, sizes: Any, out: Any) -> None:
    for k in prange(len(calculators)):
        for i in range(len(sizes)):
            out[k] = calculators[k].update(99, sizes[i], 101, 6)


def test_prange_is_refused_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba drops the errors of its threads."""
    heard: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: heard.append(str(unraisable)))
    out = np.zeros(4)
    calculators = tuple(bf.WeightedMid() for _ in range(4))
    parallel(calculators, np.arange(1, 9), out)
    assert bool(heard) == np.any(out == 0)  # what this thread did itself was done
    assert all("was used in a prange" in words for words in heard)
    for calculator in calculators:
        assert calculator.update(99, 8, 101, 6) > 99  # of use afterwards


# Compiled code in a file.

CACHED = """
import numpy as np
from numba import njit, prange, typed

import bookflow as bf
import bookflow.numba

@njit(cache=True)
def inner(c, size):
    return c.update(99, size, 101, 6)

@njit(cache=True)
def loop(c, vector, book, pipe, sizes, levels):
    total = 0.0
    for i in range(len(sizes)):
        total += inner(c, sizes[i])
        total += vector.update(levels, levels, levels + 9, levels).sum()
        total += book.apply(8, 1, 100, 5) + pipe.push(i, 8, 1, 100, 5)
    return total

arguments = (
    bf.WeightedMid(), bf.MultiLevelOrderFlowImbalance(levels=1), bf.LevelBook(),
    bf.Pipeline(bf.Instrument("X"), features={"mid": bf.Mid()}),
)
total = loop(*arguments, np.arange(1, 4), np.array([5]))
try:
    loop(*arguments, np.array([-1]), np.array([5]))
except bf.InputError as error:
    said = str(error)
print(total, said, sum(loop.stats.cache_hits.values()), sum(loop.stats.cache_misses.values()))
"""


def test_compiled_code_is_cached_across_processes(tmp_path: Path) -> None:
    script = tmp_path / "cached.py"
    script.write_text(CACHED, encoding="utf-8")
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run() -> list[str]:
        import os

        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rsplit(maxsplit=2)

    first, second = run(), run()
    assert first[1:] == ["0", "1"]
    assert second[1:] == ["1", "0"]
    assert first[0] == second[0]
    assert "bid_size = -1: must be from 0" in first[0]


def test_code_of_another_version_is_not_this_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache is keyed by types: a version in their names compiles anew."""
    ours = bookflow.numba.QuotesCalculator("Mid")
    monkeypatch.setattr(bookflow.numba._core, "__version__", "9.9.9")
    theirs = bookflow.numba.QuotesCalculator("Mid")
    assert ours != theirs
    assert ours.symbol("update") == "bookflow_Mid_update"


def test_every_calculator_has_its_c_functions() -> None:
    functions = bf._core._C_FUNCTIONS
    for entry in ENTRIES:
        for function in ("take", "give_back", "update", "value", "reset", "width"):
            assert functions[f"{entry['name']}.{function}"] > 0


def test_importing_bookflow_does_not_import_numba() -> None:
    code = "import sys, bookflow; print('numba' in sys.modules or 'llvmlite' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_it_says_what_is_missing() -> None:
    code = "import sys; sys.modules['numba.core'] = None; import bookflow.numba"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "bookflow[numba]"' in run.stderr
