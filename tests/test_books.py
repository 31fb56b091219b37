"""OrderBook and LevelBook against the reference's, after each of many events, good and bad."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from forgery import HEADER, forged
from hypothesis import given
from hypothesis import strategies as st
from streams import NONE, Dice, Market, dice, effort

import bookflow as bf
from bookflow import reference
from bookflow.events import Action, Side

Event = tuple[int, int, int, int, int]  # action, side, price, size, order_id
Pair = tuple[Any, Any]

IDS = (*range(1, 13), 2**64 - 1)
BOOKS = (bf.OrderBook, bf.LevelBook)
REFERENCES = {bf.OrderBook: reference.OrderBook, bf.LevelBook: reference.LevelBook}
FROM_AN_EVENT_ALONE = {"crossed", "gap"}  # counted where atomic events are known: in a pipeline

each_book = pytest.mark.parametrize("cls", BOOKS)


def events_for(cls: type, rolled: Dice, most: int = 200) -> list[Event]:
    """Adds, removals and changes of ids that may not be there, of more than there is."""
    market = Market(rolled, "orders" if cls is bf.OrderBook else "levels")
    events: list[Event] = []
    before = 0
    while rolled.left and len(events) < most:
        action, side, price, size, order_id, _ = market.event(before)
        if action not in (Action.TRADE, Action.STATUS):
            events.append((int(action), int(side), price, size, order_id))
            before = action
    return events


def assert_same(book: Any, plain: Any) -> None:
    assert book.check() == ""
    assert book.quotes == plain.best()
    assert book.content_hash == plain.content_hash()
    counted = {name: n for name, n in book.faults.items() if n}
    assert counted == {n: k for n, k in plain.faults.items() if n not in FROM_AN_EVENT_ALONE}
    sides = {"bid": Side.BID, "ask": Side.ASK}
    assert book.levels == tuple(len(plain.levels(side)) for side in sides.values())
    for n in (1, 3, 100):
        depth = book.depth(n)
        for (name, side), levels in zip(sides.items(), plain.depth(n), strict=True):
            assert depth[f"{name}_price"].tolist() == [level.price for level in levels]
            assert depth[f"{name}_size"].tolist() == [level.size for level in levels]
            if isinstance(book, bf.OrderBook):
                assert depth[f"{name}_count"].tolist() == [level.orders for level in levels]
                for level in levels:
                    ids, sizes = book.queue(side, level.price)
                    assert ids.tolist() == plain.queue(side, level.price)
                    assert sizes.tolist() == [plain.orders[i].size for i in ids.tolist()]
    if isinstance(book, bf.OrderBook):
        assert len(book) == len(plain.orders)
        for order_id in IDS:
            assert book.queue_position(order_id) == plain.queue_position(order_id)
            assert book.order(order_id) == plain.orders.get(order_id)


@each_book
@effort(60)
@given(rolled=dice(200))
def test_equals_the_reference_after_each_event(cls: type, rolled: Dice) -> None:
    book, plain = cls(), REFERENCES[cls]()
    for event in events_for(cls, rolled):
        book.apply(*event)
        plain.apply((0, *event))
        assert_same(book, plain)


@each_book
@effort(25)
@given(rolled=dice(120), cut=st.integers(0, 120))
def test_saved_copied_and_restored_anywhere(cls: type, rolled: Dice, cut: int) -> None:
    events = events_for(cls, rolled)
    whole, book = cls(), cls()
    for event in events:
        whole.apply(*event)
    for event in events[:cut]:
        book.apply(*event)
    state = book.to_bytes()
    ways = [
        cls.from_bytes(state),
        pickle.loads(pickle.dumps(book)),
        copy.copy(book),
        copy.deepcopy(book),
        book.copy(),
    ]
    for other in ways:
        assert other == book
        assert other.to_bytes() == state
        for event in events[cut:]:
            other.apply(*event)
        assert other == whole
        assert other.check() == ""
    assert book.to_bytes() == state  # what happened to the copies did not happen to it


def columns_of(events: list[Event]) -> dict[str, np.ndarray]:
    names = ("action", "side", "price", "size", "order_id")
    table = list(zip(*events, strict=True)) if events else [()] * len(names)
    return {
        name: np.array(values, bf.EVENT_DTYPE[name])
        for name, values in zip(names, table, strict=True)
    }


@each_book
@effort(25)
@given(rolled=dice(120), cut=st.integers(0, 120))
def test_columns_are_applied_wholly_or_not_at_all(cls: type, rolled: Dice, cut: int) -> None:
    events = events_for(cls, rolled)
    one_by_one = cls()
    for event in events:
        one_by_one.apply(*event)
    book = cls()
    book.apply_columns(**columns_of(events[:cut]))
    book.apply_columns(*columns_of(events[cut:]).values())
    assert book == one_by_one

    before = book.to_bytes()
    bad = columns_of([*events, (Action.CLEAR, 0, NONE, 0, 0), *events[:3]])
    bad["action"][len(events)] = 11
    with pytest.raises(bf.InputError) as error:
        book.apply_columns(**bad)
    assert (error.value.row, error.value.field) == (len(events), "action")
    assert book.to_bytes() == before


WRONG: dict[type, list[tuple[str, Event]]] = {
    bf.OrderBook: [
        ("action", (0, 1, 100, 5, 1)),
        ("action", (11, 1, 100, 5, 1)),
        ("action", (-1, 1, 100, 5, 1)),
        ("action", (257, 1, 100, 5, 1)),
        ("action", (Action.LEVEL, 1, 100, 5, 0)),
        ("action", (Action.QUOTE, 1, 100, 5, 0)),
        ("side", (Action.ADD, 3, 100, 5, 1)),
        ("side", (Action.ADD, -1, 100, 5, 1)),
        ("side", (Action.ADD, 257, 100, 5, 1)),
        ("side", (Action.ADD, 0, 100, 5, 9)),
        ("price", (Action.ADD, 1, NONE, 5, 9)),
        ("price", (Action.ADD, 1, 2**61 + 1, 5, 9)),
        ("price", (Action.ADD, 1, -(2**61) - 1, 5, 9)),
        ("size", (Action.ADD, 1, 100, 0, 9)),
        ("size", (Action.ADD, 1, 100, -1, 9)),
        ("size", (Action.ADD, 1, 100, 2**60 + 1, 9)),
        ("size", (Action.CANCEL, 1, 100, 0, 1)),
        ("size", (Action.EXECUTE, 1, 100, 0, 1)),
        ("order_id", (Action.ADD, 1, 100, 5, 0)),
        ("order_id", (Action.CANCEL, 1, 100, 5, 0)),
        ("order_id", (Action.DELETE, 1, 100, 5, 0)),
        ("order_id", (Action.MODIFY, 1, 100, 5, 0)),
        ("order_id", (Action.EXECUTE, 1, 100, 5, 0)),
    ],
    bf.LevelBook: [
        ("action", (Action.ADD, 1, 100, 5, 1)),
        ("action", (Action.DELETE, 1, 100, 5, 1)),
        ("side", (Action.LEVEL, 0, 100, 5, 0)),
        ("side", (Action.QUOTE, 0, 100, 5, 0)),
        ("price", (Action.LEVEL, 1, NONE, 5, 0)),
        ("size", (Action.LEVEL, 1, 100, -1, 0)),
        ("size", (Action.LEVEL, 1, 100, 2**60 + 1, 0)),
        ("size", (Action.QUOTE, 1, NONE, 5, 0)),
    ],
}


def started(cls: type) -> Any:
    book = cls()
    first = Action.ADD if cls is bf.OrderBook else Action.LEVEL
    for i, (side, price) in enumerate(((1, 99), (1, 98), (2, 101), (2, 99))):
        book.apply(first, side, price, 5, i + 1)
    return book


@pytest.mark.parametrize(
    ("cls", "field", "event"), [(cls, *case) for cls, cases in WRONG.items() for case in cases]
)
def test_field_errors_change_nothing(cls: type, field: str, event: Event) -> None:
    book = started(cls)
    before = book.to_bytes()
    with pytest.raises(bf.InputError) as error:
        book.apply(*event)
    assert error.value.field == field
    assert book.to_bytes() == before
    if all(0 <= x < 256 for x in event[:2]):
        with pytest.raises(bf.InputError) as in_columns:
            book.apply_columns(**columns_of([event]))
        assert (in_columns.value.field, in_columns.value.row) == (field, 0)
        assert book.to_bytes() == before


@each_book
def test_what_is_no_integer_is_refused(cls: type) -> None:
    book = started(cls)
    before = book.to_bytes()
    good: list[Any] = [Action.CLEAR, 1, NONE, 0, 0]
    for i in range(5):
        for wrong in (True, 1.0, "1", None, np.float64(1)):
            with pytest.raises(TypeError):
                book.apply(*good[:i], wrong, *good[i + 1 :])
        for wrong in (2**64, -(2**63) - 1):
            with pytest.raises(OverflowError):
                book.apply(*good[:i], wrong, *good[i + 1 :])
    assert book.to_bytes() == before
    book.apply(*(np.int64(x) for x in good))
    assert book.quotes[:2] == (NONE, 0)


@each_book
def test_wrong_columns_are_refused(cls: type) -> None:
    book = started(cls)
    before = book.to_bytes()
    columns = columns_of([(Action.CLEAR, 0, NONE, 0, 0)] * 4)
    for name, column in columns.items():
        for wrong in (
            column.astype(np.float64),
            column[:-1],
            column[:, None],
            column.tolist(),
            np.ma.masked_array(column),
            column.astype(object),
        ):
            with pytest.raises((TypeError, ValueError)):
                book.apply_columns(**(columns | {name: wrong}))
    assert book.to_bytes() == before
    book.apply_columns(**{name: column[::-1] for name, column in columns.items()})
    assert book.levels == (0, 0)


def test_sizes_that_do_not_fit_a_level() -> None:
    """Each size is allowed, their sum is not: an OverflowError, and the book as it was."""
    book = bf.OrderBook()
    book.apply(Action.ADD, 1, 100, 2**60, 1)
    book.apply(Action.ADD, 1, 99, 2**60, 2)
    before = book.to_bytes()
    for event in (
        (Action.ADD, 1, 100, 1, 3),
        (Action.MODIFY, 0, 100, 1, 2),
        (Action.MODIFY, 1, 100, 2**60, 3),
    ):
        with pytest.raises(OverflowError):
            book.apply(*event)
        assert book.to_bytes() == before
    assert book.check() == ""


@each_book
@effort(60)
@given(rolled=dice(30), at=st.integers(0), bit=st.integers(0, 7))
def test_damaged_bytes_are_refused(cls: type, rolled: Dice, at: int, bit: int) -> None:
    book = cls()
    for event in events_for(cls, rolled):
        book.apply(*event)
    state = book.to_bytes()
    flipped = bytearray(state)
    flipped[at % len(state)] ^= 1 << bit
    others = (bf.LevelBook if cls is bf.OrderBook else bf.OrderBook)().to_bytes()
    for bad in (bytes(flipped), state[: at % len(state)], state + b"\0", others):
        with pytest.raises(bf.StateError):
            cls.from_bytes(bad)


@each_book
def test_bytes_cut_anywhere_are_refused(cls: type) -> None:
    state = started(cls).to_bytes()
    for n in range(len(state)):
        with pytest.raises(bf.StateError):
            cls.from_bytes(state[:n])


@each_book
@effort(100)
@given(rolled=dice(20), at=st.integers(0), byte=st.integers(0, 255))
def test_forged_bytes_are_refused_or_make_a_sound_book(
    cls: type, rolled: Dice, at: int, byte: int
) -> None:
    """A checksum that was made to fit: whatever is accepted has every invariant."""
    book = cls()
    for event in events_for(cls, rolled):
        book.apply(*event)
    state = book.to_bytes()
    try:
        other = cls.from_bytes(forged(state, HEADER + at % (len(state) - HEADER), byte))
    except bf.StateError:
        return
    assert other.check() == ""
    rolled = Dice(state)
    for event in events_for(cls, rolled, 40):
        other.apply(*event)
        assert other.check() == ""


@each_book
def test_an_object_that_was_never_initialised_does_not_crash(cls: type) -> None:
    empty = cls.__new__(cls)
    for use in (
        lambda: empty.apply(Action.CLEAR, 0, NONE, 0, 0),
        lambda: empty.quotes,
        lambda: empty.depth(3),
        lambda: empty.to_bytes(),
        lambda: empty.copy(),
        lambda: empty == cls(),
        lambda: cls() == empty,
    ):
        with pytest.raises(TypeError):
            use()


def test_clear_forgets_faults_too() -> None:
    book = started(bf.OrderBook)
    book.apply(Action.CANCEL, 0, NONE, 1, 77)
    assert book != bf.OrderBook()
    book.clear()
    assert book == bf.OrderBook()
