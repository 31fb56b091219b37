"""docs/action-table.md, every case of it, on the core's and the reference's books and pipelines."""

import math

import pytest
from action_table import PRICE_UNIT, Book, Case, cases

import bookflow as bf
from bookflow import reference
from bookflow.events import Action, Flag, Side

CASES = cases()
TAPE = {
    "volume": bf.Volume(window=None),
    "bought": bf.BuyVolume(window=None),
    "sold": bf.SellVolume(window=None),
    "trades": bf.TradeCount(window=None),
    "last_price": bf.LastPrice(),
}
REFERENCE_TAPE = {
    "volume": ("volume", {"window": None}),
    "bought": ("buy_volume", {"window": None}),
    "sold": ("sell_volume", {"window": None}),
    "trades": ("trade_count", {"window": None}),
    "last_price": ("last_price", {}),
}

each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture
def instrument() -> bf.Instrument:
    return bf.Instrument("TABLE", price_unit=PRICE_UNIT, tick=1)


def content(book: reference.OrderBook | reference.LevelBook) -> Book:
    """A reference book's content as the table writes it."""

    def side(which: Side) -> tuple:
        if isinstance(book, reference.LevelBook):
            return tuple((level.price, level.size) for level in book.levels(which))
        return tuple(
            (level.price, tuple((i, book.orders[i].size) for i in book.queue(which, level.price)))
            for level in book.levels(which)
        )

    return Book(side(Side.BID), side(Side.ASK))


def reference_book(case: Case) -> reference.OrderBook | reference.LevelBook:
    return reference.OrderBook() if case.has_orders else reference.LevelBook()


@each_case
def test_reference_book(case: Case) -> None:
    book = reference_book(case)
    for event in case.before.building_events():
        book.apply((0, *event))
    assert content(book) == case.before
    for event in case.events:
        book.apply((0, *event))
    assert content(book) == case.after
    assert dict(book.faults) == case.faults


@each_case
def test_core_book(case: Case) -> None:
    """The core's book has the content (by its hash) of the reference's and counts the same.

    It knows events alone, not where they end: gaps and crossed books are a pipeline's to count.
    """
    book = bf.OrderBook() if case.has_orders else bf.LevelBook()
    expected = reference_book(case)
    for event in [*case.before.building_events(), *case.events]:
        book.apply(*event[:5])
        expected.apply((0, *event))
        assert book.content_hash == expected.content_hash()
        assert book.check() == ""
    of_pipelines = {"crossed", "gap"}
    counted = {name: n for name, n in book.faults.items() if n}
    assert counted == {name: n for name, n in case.faults.items() if name not in of_pipelines}


@each_case
@pytest.mark.parametrize("kind", ["core", "reference"])
def test_pipeline(case: Case, kind: str, instrument: bf.Instrument) -> None:
    pipe = (
        bf.Pipeline(instrument, features=TAPE)
        if kind == "core"
        else reference.Pipeline(instrument, features=REFERENCE_TAPE)
    )
    rows = 0
    for action, side, price, size, order_id, flags in case.before.building_events():
        rows += push(pipe, action, side, price, size, order_id, flags)
    for event in case.events:
        rows += push(pipe, *event)
    assert {name: n for name, n in pipe.faults.items() if n} == case.faults
    assert pipe.status == case.status
    atomic = [e for e in [*case.before.building_events(), *case.events] if e[5] & Flag.LAST]
    assert rows == sum(not e[5] & Flag.SNAPSHOT for e in atomic)
    if case.tape.trades or rows:
        assert tape(pipe, case) == case.tape


def push(pipe: bf.Pipeline | reference.Pipeline, *event: int) -> int:
    if isinstance(pipe, bf.Pipeline):
        return pipe.push(0, *event)
    return pipe.push((0, *event))


def tape(pipe: bf.Pipeline | reference.Pipeline, case: Case) -> object:
    if isinstance(pipe, bf.Pipeline):
        frame = pipe.latest(1)
        values = {name: float(frame[name][0]) for name in TAPE}
    else:
        values = pipe.rows[-1].values
    last_price = values.pop("last_price")
    return type(case.tape)(
        **{name: int(value) for name, value in values.items()},
        last_price=None if math.isnan(last_price) else last_price,
    )


def test_every_action_and_flag_has_a_case() -> None:
    events = [event for case in CASES for event in case.events]
    assert {event[0] for event in events} == set(Action)
    used = Flag(0)
    for event in events:
        used |= Flag(event[5])
    assert used == ~Flag(0)
