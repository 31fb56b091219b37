"""One object, several threads: an error or the right answer, never a crash or a wrong number."""

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from at_once import together
from streams import Dice, columns_of
from variants import ALONE, ENTRIES, Variant

import bookflow as bf
from bookflow import _core, feeds
from bookflow.events import Action, Flag, Side

IN_USE = "this object is in use by another thread"
UNITS: dict[str, Any] = {"price_unit": "0.01", "tick": "0.01"}
ACME = bf.Instrument("ACME", **UNITS)
SOME = Dice(bytes((i * 73 + i // 7 * 31) % 251 for i in range(400)))._data


def refused(call: Callable[[], Any]) -> bool:
    """Whether it was, which is the only error that a call may give."""
    try:
        call()
    except RuntimeError as error:
        if str(error) != IN_USE:
            raise
        return True
    return False


def done(results: list[Any]) -> list[Any]:
    """Those that were not refused, which is the only thing that may happen."""
    for result in results:
        if isinstance(result, Exception):
            assert type(result) is RuntimeError
            assert str(result) == IN_USE
    return [result for result in results if not isinstance(result, Exception)]


def counted(calls: int, work: Callable[[], Any]) -> Callable[[int], int]:
    """Of so many calls, how many were not refused."""

    def many(_: int) -> int:
        return sum(not refused(work) for _ in range(calls))

    return many


@contextmanager
def held_by_another(thing: Any, name: str) -> Iterator[None]:
    """Another thread has the object, as compiled code has it for as long as it runs."""
    function = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)
    take = function(_core._C_FUNCTIONS[f"{name}.take"])
    give_back = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(_core._C_FUNCTIONS[f"{name}.give_back"])
    has, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        taken = take(thing)
        has.set()
        may_end.wait()
        give_back(taken)

    thread = threading.Thread(target=hold)
    thread.start()
    has.wait()
    try:
        yield
    finally:
        may_end.set()
        thread.join()


def all_refused(thing: Any, calls: dict[str, Callable[[], Any]], free: set[str]) -> None:
    """Each public name is in `calls`, and refused, or `free`: it reads what never changes."""
    public = {name for name in dir(thing) if not name.startswith("_")}
    static = {"from_bytes", "from_spec", "instruments"}
    assert public - static - free == {name for name in calls if not name.startswith("_")}
    for name, call in calls.items():
        assert refused(call), name


STATE: dict[str, Callable[[Any], Any]] = {
    "copy": lambda x: x.copy(),
    "to_bytes": lambda x: x.to_bytes(),
    "__copy__": lambda x: x.__copy__(),
    "__deepcopy__": lambda x: x.__deepcopy__({}),
    "__reduce__": lambda x: x.__reduce__(),
}


def bound(calls: dict[str, Callable[[Any], Any]], thing: Any) -> dict[str, Callable[[], Any]]:
    return {name: (lambda call=call: call(thing)) for name, call in calls.items()}


PIPELINE: dict[str, Callable[[Any], Any]] = {
    "push": lambda p: p.push(1_000, Action.LEVEL, Side.BID, 99, 5),
    "peek": lambda p: p.peek(1_000, Action.LEVEL, Side.BID, 99, 5),
    "run": lambda p: p.run(levels(700)),
    "__run of few": lambda p: p.run(levels(2)),
    "__run of lazy ones": lambda p: p.run(lazy(levels(2))),
    "stream": lambda p: list(p.stream([levels(2)])),
    "advance": lambda p: p.advance(1 << 40),
    "finish": lambda p: p.finish(),
    "latest": lambda p: p.latest(),
    "last": lambda p: p.last(0),
    **{
        name: lambda p, name=name: getattr(p, name)
        for name in (
            "last_ts", "last_status", "spec", "columns", "instrument", "status", "quotes", "faults",
            "content_hash", "pending",
        )
    },
    "reset": lambda p: p.reset(),
    "restore": lambda p: p.restore(pipeline_bytes()),
}  # fmt: skip


def pipeline_bytes() -> bytes:
    return bf.Pipeline(bf.Instrument("X"), features={"mid": bf.Mid()}).to_bytes()


def levels(n: int) -> bf.Events:
    i = np.arange(n)
    columns = {
        "ts": np.full(n, 1_000),
        "action": np.full(n, Action.LEVEL, np.uint8),
        "side": (1 + i % 2).astype(np.uint8),
        "price": np.where(i % 2 == 1, 1001, 999) + i % 7,
        "size": 1 + i % 5,
    }
    return bf.Events(columns, ACME)


def lazy(events: bf.Events, rows: int = 500) -> bf.Events:
    class Source:
        def chunks(self, most: int) -> Iterator[bf.Events]:
            return events.chunks(min(most, rows))

    return bf.Events.lazy(Source(), events.instrument)


def pipeline(clock: str = "100events") -> bf.Pipeline:
    features = {"mid": bf.Mid(), "ofi": bf.OrderFlowImbalance(window="50events")}
    return bf.Pipeline(ACME, clock=clock, features=features)


def test_a_pipeline_that_another_thread_has() -> None:
    pipe = pipeline("event")
    pipe.run(levels(10))
    before = pipe.to_bytes()
    with held_by_another(pipe, "Pipeline"):
        all_refused(pipe, bound(PIPELINE | STATE, pipe), set())
    assert pipe.to_bytes() == before
    for call in bound(PIPELINE | STATE, pipe).values():
        call()


def test_a_pipeline_in_the_middle_of_lazy_events() -> None:
    """Between two chunks too nobody comes in, and its own thread may look."""
    pipe = pipeline()
    middle, go_on = threading.Event(), threading.Event()
    seen = []

    class Source:
        def chunks(self, most: int) -> Iterator[bf.Events]:
            yield levels(700)
            seen.append(pipe.quotes)
            middle.set()
            go_on.wait()
            yield levels(700)

    events = bf.Events.lazy(Source(), ACME)
    frames = []
    thread = threading.Thread(target=lambda: frames.append(pipe.run(events)), daemon=True)
    thread.start()
    middle.wait()
    all_refused(pipe, bound(PIPELINE | STATE, pipe), set())
    go_on.set()
    thread.join()
    whole = pipeline()
    expected = whole.run(bf.Events.concat([levels(700), levels(700)]))
    assert frames[0].to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert pipe.to_bytes() == whole.to_bytes()
    assert len(seen) == 1


def test_lazy_events_that_fail_leave_the_pipeline_free() -> None:
    class Source:
        def chunks(self, most: int) -> Iterator[bf.Events]:
            yield levels(10)
            raise OSError("gone")

    pipe = pipeline()
    with pytest.raises(OSError, match="gone"):
        pipe.run(bf.Events.lazy(Source(), ACME))
    assert together(1, lambda _: pipe.push(2_000, Action.LEVEL, Side.BID, 999, 5)) == [0]


BOOK: dict[str, Callable[[Any], Any]] = {
    "apply_columns": lambda b: b.apply_columns(*columns(b, 700)),
    "replay": lambda b: b.replay(*columns(b, 700)),
    "depth": lambda b: b.depth(),
    "check": lambda b: b.check(),
    "clear": lambda b: b.clear(),
    "__eq__": lambda b: type(b)() == b,
    **{n: lambda b, n=n: getattr(b, n) for n in ("quotes", "levels", "content_hash", "faults")},
}
LEVELS = BOOK | {"apply": lambda b: b.apply(Action.LEVEL, Side.BID, 99, 5)}
ORDERS = BOOK | {
    "apply": lambda b: b.apply(Action.ADD, Side.BID, 99, 5, 1),
    "order": lambda b: b.order(1),
    "queue": lambda b: b.queue(Side.BID, 99),
    "queue_position": lambda b: b.queue_position(1),
    "__len__": len,
}


def columns(book: Any, n: int) -> list[Any]:
    i = np.arange(n)
    side = (1 + i % 2).astype(np.uint8)
    price, size = np.where(i % 2 == 1, 1001, 999) + i % 7, 1 + i % 5
    if isinstance(book, bf.LevelBook):
        return [np.full(n, Action.LEVEL, np.uint8), side, price, size]
    return [np.full(n, Action.ADD, np.uint8), side, price, size, (1 + i % 300).astype(np.uint64)]


@pytest.mark.parametrize("cls", [bf.LevelBook, bf.OrderBook])
def test_a_book_that_another_thread_has(cls: Any) -> None:
    book = cls()
    calls = bound((LEVELS if cls is bf.LevelBook else ORDERS) | STATE, book)
    with held_by_another(book, cls.__name__):
        all_refused(book, calls, set())
    for call in calls.values():
        call()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_a_calculator_that_another_thread_has(entry: dict[str, Any]) -> None:
    variant = next(variant for variant in ALONE if variant.entry is entry)
    thing = variant.make_alone()
    args = arguments(variant)
    calls = bound(STATE, thing) | {
        "update": lambda: thing.update(*args),
        "peek": lambda: thing.peek(*args),
        "value": lambda: thing.value,
        "reset": lambda: thing.reset(),
        "__eq__": lambda: variant.make_alone() == thing,
    }
    settings = {parameter["name"] for parameter in entry["parameters"]}
    with held_by_another(thing, entry["name"]):
        all_refused(thing, calls, settings | {"spec"})
        assert repr(thing) == thing.spec
    for call in calls.values():
        call()
    assert thing == thing  # both sides are one object


def arguments(variant: Variant) -> list[Any]:
    """Those of an `update`."""
    made = columns_of(variant.feed, Dice(SOME), touch=variant.touch, inputs=variant.entry["inputs"])
    return [column[0] if column.ndim == 2 else column[0].item() for column in made.values()]


# At work, and not only held.


def test_threads_that_run_one_pipeline() -> None:
    pipe, events = pipeline(), levels(20_000)
    held = done(together(4, counted(6, lambda: pipe.run(events))))
    expected = pipeline()
    for _ in range(sum(held)):
        expected.run(events)
    assert sum(held) > 0
    assert pipe.to_bytes() == expected.to_bytes()


def test_threads_that_push_to_one_pipeline() -> None:
    pipe = pipeline("event")
    held = done(together(4, counted(500, lambda: pipe.push(1, Action.TRADE, Side.BID, 99, 1))))
    assert sum(held) > 0
    expected = pipeline("event")
    for _ in range(sum(held)):
        expected.push(1, Action.TRADE, Side.BID, 99, 1)
    assert pipe.to_bytes() == expected.to_bytes()


def test_who_looks_while_a_pipeline_runs_is_refused_or_right() -> None:
    pipe, events = pipeline(), levels(300_000)
    states = [pipe.to_bytes()]
    other = pipeline()
    other.run(events)
    states.append(other.to_bytes())
    ended = threading.Event()

    def run() -> None:
        try:
            pipe.run(events)
        finally:
            ended.set()

    def look() -> None:
        while not ended.is_set():
            seen: list[bytes] = []
            assert refused(lambda seen=seen: seen.append(pipe.to_bytes())) or seen[0] in states

    results = together(2, lambda i: run() if i == 0 else look())
    assert not any(isinstance(result, Exception) for result in results), results
    assert pipe.to_bytes() == states[1]


@pytest.mark.parametrize("cls", [bf.LevelBook, bf.OrderBook])
def test_threads_on_one_book(cls: Any) -> None:
    book = cls()
    given = columns(book, 5_000)
    out = tuple(np.empty(5_000, np.int64) for _ in range(4))
    held = done(together(4, counted(10, lambda: book.replay(*given, out=out))))
    expected = cls()
    for _ in range(sum(held)):
        tops = expected.replay(*given)
    assert sum(held) > 0
    assert book.to_bytes() == expected.to_bytes()
    for got, right in zip(out, tops, strict=True):
        assert got.tobytes() == right.tobytes()


def test_threads_on_one_calculator() -> None:
    for make in (bf.OrderFlowImbalance, lambda: bf.QueueImbalance(), lambda: bf.Mid()):
        calculator, expected = make(), make()
        held = done(together(4, counted(2_000, lambda c=calculator: c.update(99, 5, 101, 3))))
        for _ in range(sum(held)):
            expected.update(99, 5, 101, 3)
        assert calculator.to_bytes() == expected.to_bytes()


def test_threads_over_columns_with_an_array_each() -> None:
    rows = 20_000
    draw = np.random.default_rng(7)
    bid = 1_000 + draw.integers(-3, 4, rows)
    quotes = [bid, draw.integers(1, 50, rows), bid + 1, draw.integers(1, 50, rows)]
    expected = bf.order_flow_imbalance(*quotes, window="1000events")

    def work(_: int) -> bool:
        out = np.empty(rows)
        return all(
            bf.order_flow_imbalance(*quotes, window="1000events", out=out).tobytes()
            == expected.tobytes()
            for _ in range(20)
        )

    assert together(4, work) == [True] * 4
    shared = np.empty(rows)
    together(4, lambda _: bf.order_flow_imbalance(*quotes, window="1000events", out=shared))
    assert shared.tobytes() == expected.tobytes()


def test_threads_on_one_itch_feed() -> None:
    encoder = _core.ItchEncoder(0)
    encoder.name(1, "ACME")
    n = 20_000
    data = encoder.directory(1, 5) + encoder.encode(
        np.full(n, 5),
        np.full(n, Action.ADD, np.uint8),
        (1 + np.arange(n) % 2).astype(np.uint8),
        1_000_000 + 100 * (np.arange(n) % 50),
        np.full(n, 7),
        np.full(n, Flag.LAST, np.uint16),
        1 + np.arange(n, dtype=np.uint64),
        np.full(n, 1, np.uint32),
    )
    alone = _core.ItchFeed(0, ["ACME"])
    events = len(alone.decode(data, 1 << 40)[0][0])
    assert events >= n
    each = alone.messages
    feed, books = _core.ItchFeed(0, ["ACME"]), _core.ItchBooks(0, ["ACME"])
    held = sum(done(together(4, counted(5, lambda: feed.decode(data, 1 << 40)))))
    assert held > 0
    assert feed.messages == held * each
    assert feed.position == held * len(data)
    looked = [
        lambda: books.replay(data, 1 << 40),
        counted(200, lambda: books.counts),
        counted(200, lambda: (books.position, books.messages, books.stocks(), books.packets)),
        counted(200, lambda: (books.faults, books.needs_prints)),
    ]
    results = together(4, lambda i: looked[i](*(() if i == 0 else (i,))))
    assert not any(isinstance(result, Exception) for result in results), results
    assert books.messages == each


# What is written in Python.


class Slow(feeds.Handler):
    """A venue whose messages take until they are let go."""

    venue = "slow"

    def __init__(self) -> None:
        super().__init__()
        self.in_it, self.go_on = threading.Event(), threading.Event()

    def _message(self, message: Any) -> None:
        self.in_it.set()
        self.go_on.wait()


def test_a_handler_in_the_middle_of_a_message() -> None:
    handler = Slow()
    thread = threading.Thread(target=lambda: handler.feed("{}", 1), daemon=True)
    thread.start()
    handler.in_it.wait()
    for call in (
        lambda: handler.feed("{}", 2),
        lambda: handler.disconnected(2),
        lambda: handler.snapshot("{}", 2),
    ):
        with pytest.raises(RuntimeError, match=IN_USE):
            call()
    handler.go_on.set()
    thread.join()
    assert len(handler.feed("{}", 2)) == 0


def test_threads_on_one_reorder() -> None:
    stage = bf.Reorder("1s")
    trade = bf.Events(
        {
            "ts": np.array([5]),
            "action": np.array([Action.TRADE], np.uint8),
            "side": np.array([1], np.uint8),
            "price": np.array([99]),
            "size": np.array([1]),
        },
        ACME,
    )
    held = sum(done(together(4, counted(100, lambda: stage.push(trade)))))
    assert held > 0
    assert stage.held == held
    assert len(stage.flush()) == held
    cents = {"a": ACME}
    best = bf.Consolidated(cents)
    done(together(4, counted(50, lambda: best.advance(9))))


def test_an_error_lets_go() -> None:
    stage = bf.Reorder("1s")
    for _ in range(2):
        with pytest.raises(TypeError, match="Events are pushed"):
            stage.push([])  # type: ignore[arg-type]


FIRST_USE = """
import threading
import bookflow as bf

start = threading.Barrier(4)
found = []

def look():
    start.wait()
    found.append([getattr(bf, name) for name in bf._core.__all__])

threads = [threading.Thread(target=look) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 4
assert all(x is y for others in found[1:] for x, y in zip(found[0], others, strict=True))
"""


def test_threads_that_are_the_first_to_use_a_calculator() -> None:
    for _ in range(3):
        subprocess.run([sys.executable, "-c", FIRST_USE], check=True)
