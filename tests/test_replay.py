"""Books over columns: the quotes and levels after every row are those of one event at a time."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import NONE, Dice, dice, effort
from test_books import columns_of, each_book, events_for

import bookflow as bf
from bookflow.events import Action, Side

NAMES = ("bid_price", "bid_size", "ask_price", "ask_size")


def after_each(book: Any, events: list[tuple[int, ...]], levels: int) -> dict[str, np.ndarray]:
    """What `depth` says after every event, missing levels filled in."""
    rows: dict[str, list[list[int]]] = {name: [] for name in NAMES}
    for event in events:
        book.apply(*event)
        depth = book.depth(levels)
        for name in NAMES:
            values = depth[name].tolist()
            missing = NONE if name.endswith("price") else 0
            rows[name].append(values + [missing] * (levels - len(values)))
    return {n: np.array(r, np.int64).reshape(len(events), levels) for n, r in rows.items()}


@each_book
@pytest.mark.parametrize("levels", [None, 1, 2, 5, 64])
@effort(20)
@given(rolled=dice(150), cut=st.integers(0, 150), strided=st.booleans())
def test_equals_one_event_at_a_time(
    cls: type, levels: int | None, rolled: Dice, cut: int, strided: bool
) -> None:
    events = events_for(cls, rolled)
    one_by_one, book = cls(), cls()
    expected = after_each(one_by_one, events, levels or 1)
    columns = columns_of(events)
    if strided:
        columns = {name: np.repeat(column, 2)[::2] for name, column in columns.items()}
    parts = [slice(0, cut), slice(cut, None)]
    got = [
        book.replay(**{name: column[part] for name, column in columns.items()}, levels=levels)
        for part in parts
    ]
    assert book == one_by_one
    for name, first, second in zip(NAMES, *got, strict=True):
        table = np.concatenate([first, second])
        assert table.shape == ((len(events),) if levels is None else (len(events), levels))
        np.testing.assert_array_equal(table.reshape(expected[name].shape), expected[name])


def test_without_actions_every_row_is_a_level() -> None:
    side = np.array([1, 2, 1, 1], np.uint8)
    price = np.array([100, 102, 101, 101])
    size = np.array([5, 6, 7, 0])
    bid, bid_size, ask, ask_size = bf.LevelBook().replay(None, side, price, size)
    assert bid.tolist() == [100, 100, 101, 100]
    assert bid_size.tolist() == [5, 5, 7, 5]
    assert ask.tolist() == [NONE, 102, 102, 102]
    assert ask_size.tolist() == [0, 6, 6, 6]
    with pytest.raises(TypeError, match="column 'action': expected a numpy array, got NoneType"):
        bf.OrderBook().replay(None, side, price, size, np.arange(4, dtype=np.uint64))


def level_columns(n: int) -> tuple[None, np.ndarray, np.ndarray, np.ndarray]:
    return None, np.full(n, 1, np.uint8), np.arange(100, 100 + n), np.full(n, 3)


def test_out_is_written_and_returned() -> None:
    out = tuple(np.full((3, 2), -7) for _ in NAMES)
    given = bf.LevelBook().replay(*level_columns(3), levels=2, out=out)
    assert all(a is b for a, b in zip(given, out, strict=True))
    assert out[0].tolist() == [[100, NONE], [101, 100], [102, 101]]
    assert out[2].tolist() == [[NONE, NONE]] * 3


def test_a_refused_row_leaves_book_and_out_as_they_were() -> None:
    book = bf.LevelBook()
    book.apply(Action.LEVEL, Side.BID, 99, 1)
    before = book.to_bytes()
    action, side, price, size = level_columns(3)
    size[2] = -1
    out = tuple(np.full(3, -7) for _ in NAMES)
    with pytest.raises(bf.InputError, match=r"row 2: size = -1: must be from 0"):
        book.replay(action, side, price, size, out=out)
    assert book.to_bytes() == before
    assert all((table == -7).all() for table in out)


def test_a_level_that_would_hold_too_much_is_refused_with_its_row() -> None:
    book = bf.OrderBook()
    add = np.full(3, int(Action.ADD), np.uint8)
    side = np.full(3, 1, np.uint8)
    price = np.full(3, 100)
    size = np.array([2**60 - 1, 1, 1])
    out = tuple(np.full(3, -7) for _ in NAMES)
    ids = np.arange(1, 4, dtype=np.uint64)
    with pytest.raises(OverflowError, match=r"row 2: size: .* more than 2\^60"):
        book.replay(add, side, price, size, ids, out=out)
    assert len(book) == 0
    assert all((table == -7).all() for table in out)
    book.replay(add[:2], side[:2], price[:2], size[:2], ids[:2])
    assert book.quotes[:2] == (100, 2**60)


@pytest.mark.parametrize(
    ("out", "error", "match"),
    [
        ((np.zeros(3, np.int64),) * 3, TypeError, "tuple"),
        ((np.zeros(3, np.int64),) * 4, ValueError, "the arrays of out share memory"),
        (tuple(np.zeros(2, np.int64) for _ in NAMES), ValueError, r"out.bid_price .* \(3\)"),
        (tuple(np.zeros(6, np.int64)[::2] for _ in NAMES), ValueError, "C-contiguous"),
        (tuple(np.zeros(3) for _ in NAMES), TypeError, "dtype is float64, expected int64"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(
    out: tuple[Any, ...], error: type[Exception], match: str
) -> None:
    book = bf.LevelBook()
    with pytest.raises(error, match=match):
        book.replay(*level_columns(3), out=out)
    assert book.levels == (0, 0)


def test_out_must_not_be_an_input() -> None:
    action, side, price, size = level_columns(3)
    out = (np.zeros(3, np.int64), size, np.zeros(3, np.int64), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="out shares memory with an input"):
        bf.LevelBook().replay(action, side, price, size, out=out)


@pytest.mark.parametrize("levels", [0, -1, 65])
def test_levels_are_from_1_to_64(levels: int) -> None:
    with pytest.raises(bf.InputError, match=rf"levels = {levels}: must be from 1 to 64"):
        bf.LevelBook().replay(*level_columns(1), levels=levels)


def test_a_long_stream_of_orders_equals_the_plain_book() -> None:
    """Long enough for look-ahead and for the window to move: 20,000 orders at drifting prices."""
    rng = np.random.default_rng(5)
    n = 60_000
    action = np.empty(n, np.uint8)
    side = rng.integers(1, 3, n).astype(np.uint8)
    price = rng.integers(-3_000, 3_000, n) + np.arange(n) // 20
    size = rng.integers(1, 50, n)
    ids = np.empty(n, np.uint64)
    live: list[int] = []
    for i in range(n):
        if (len(live) < 20_000 and rng.random() < 0.7) or not live:
            action[i], ids[i] = Action.ADD, 7 * i + 1
            live.append(7 * i + 1)
        else:
            k = int(rng.integers(len(live)))
            action[i], ids[i] = Action.DELETE, live[k]
            live[k] = live[-1]
            live.pop()
            side[i], price[i], size[i] = 0, NONE, 0
    plain: dict[int, tuple[int, int, int]] = {}
    sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
    tables = bf.OrderBook().replay(action, side, price, size, ids)
    checked = 0
    for i in range(n):
        order_id = int(ids[i])
        if action[i] == Action.ADD:
            plain[order_id] = (int(side[i]), int(price[i]), int(size[i]))
            by = plain[order_id]
            sizes[by[0] - 1][by[1]] = sizes[by[0] - 1].get(by[1], 0) + by[2]
        else:
            which, at, by_size = plain.pop(order_id)
            sizes[which - 1][at] -= by_size
            if sizes[which - 1][at] == 0:
                del sizes[which - 1][at]
        if i % 97 == 0:
            bid, ask = max(sizes[0], default=NONE), min(sizes[1], default=NONE)
            row = (bid, sizes[0].get(bid, 0), ask, sizes[1].get(ask, 0))
            assert tuple(int(table[i]) for table in tables) == row
            checked += 1
    assert checked > 600
