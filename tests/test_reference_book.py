"""The plain books, action by action: what the action table says, on books made by hand."""

from typing import Any

import pytest

from bookflow.reference import NONE, Action, Flag, Level, LevelBook, OrderBook, Side

BID, ASK = Side.BID, Side.ASK


def order_book(*events: tuple[Any, ...]) -> OrderBook:
    """Bids 1 (5) and 2 (7) at 100, 3 (4) at 99; ask 4 (6) at 102; then the events, without ts."""
    book = OrderBook()
    book.apply((0, Action.ADD, BID, 100, 5, 1))
    book.apply((0, Action.ADD, BID, 100, 7, 2))
    book.apply((0, Action.ADD, BID, 99, 4, 3))
    book.apply((0, Action.ADD, ASK, 102, 6, 4))
    for event in events:
        book.apply((0, *event))
    return book


def level_book(*events: tuple[Any, ...]) -> LevelBook:
    """Bids 100 x 5 and 99 x 4, ask 102 x 6; then the events, without ts."""
    book = LevelBook()
    for event in ((BID, 100, 5), (BID, 99, 4), (ASK, 102, 6)):
        book.apply((0, Action.LEVEL, *event))
    for event in events:
        book.apply((0, *event))
    return book


BIDS = [Level(100, 12, 2), Level(99, 4, 1)]


@pytest.mark.parametrize(
    ("events", "bids", "queue", "faults"),
    [
        ([(Action.ADD, BID, 101, 3, 9)], [Level(101, 3, 1), *BIDS], [1, 2], {}),
        ([(Action.ADD, BID, 100, 3, 1)], BIDS, [1, 2], {"duplicate_id": 1}),
        ([(Action.ADD, Side.NONE, 100, 3, 9)], BIDS, [1, 2], {"unknown_side": 1}),
        (
            [(Action.DELETE, Side.NONE, NONE, 0, 1), (Action.ADD, Side.NONE, 100, 3, 9)],
            [Level(100, 10, 2), Level(99, 4, 1)],
            [2, 9],
            {},
        ),
        (
            [(Action.DELETE, Side.NONE, NONE, 0, 8), (Action.ADD, Side.NONE, 100, 3, 9)],
            BIDS,
            [1, 2],
            {"unknown_id": 1, "unknown_side": 1},
        ),
        (
            [
                (Action.DELETE, BID, NONE, 0, 3),
                (Action.TRADE, Side.BUY, 102, 1),
                (Action.ADD, Side.NONE, 100, 3, 9),
            ],
            [Level(100, 12, 2)],
            [1, 2],
            {"unknown_side": 1},
        ),
        ([(Action.CANCEL, BID, 100, 2, 1)], [Level(100, 10, 2), BIDS[1]], [1, 2], {}),
        ([(Action.CANCEL, BID, NONE, 5, 1)], [Level(100, 7, 1), BIDS[1]], [2], {}),
        (
            [(Action.CANCEL, BID, NONE, 6, 1)],
            [Level(100, 7, 1), BIDS[1]],
            [2],
            {"over_cancel": 1},
        ),
        ([(Action.CANCEL, BID, NONE, 1, 8)], BIDS, [1, 2], {"unknown_id": 1}),
        (
            [(Action.CANCEL, ASK, 100, 2, 1)],
            [Level(100, 10, 2), BIDS[1]],
            [1, 2],
            {"side_mismatch": 1},
        ),
        (
            [(Action.DELETE, ASK, 100, 0, 3)],
            [BIDS[0]],
            [1, 2],
            {"side_mismatch": 1, "price_mismatch": 1},
        ),
        (
            [(Action.CANCEL, BID, 99, 2, 1)],
            [Level(100, 10, 2), BIDS[1]],
            [1, 2],
            {"price_mismatch": 1},
        ),
        ([(Action.DELETE, BID, 99, 0, 3)], [BIDS[0]], [1, 2], {}),
        ([(Action.EXECUTE, BID, 101, 2, 1)], [Level(100, 10, 2), BIDS[1]], [1, 2], {}),
        (
            [(Action.EXECUTE, BID, NONE, 9, 1)],
            [Level(100, 7, 1), BIDS[1]],
            [2],
            {"over_cancel": 1},
        ),
        ([(Action.EXECUTE, BID, 100, 9, 8)], BIDS, [1, 2], {"unknown_id": 1}),
        ([(Action.MODIFY, BID, 100, 3, 1)], [Level(100, 10, 2), BIDS[1]], [1, 2], {}),
        ([(Action.MODIFY, BID, NONE, 5, 1)], BIDS, [1, 2], {}),
        ([(Action.MODIFY, BID, NONE, 6, 1)], [Level(100, 13, 2), BIDS[1]], [2, 1], {}),
        ([(Action.MODIFY, BID, 99, 5, 1)], [Level(100, 7, 1), Level(99, 9, 2)], [2], {}),
        ([(Action.MODIFY, BID, NONE, 0, 1)], [Level(100, 7, 1), BIDS[1]], [2], {}),
        (
            [(Action.MODIFY, ASK, 100, 3, 1)],
            [Level(100, 10, 2), BIDS[1]],
            [1, 2],
            {"side_mismatch": 1},
        ),
        (
            [(Action.MODIFY, BID, 100, 3, 8)],
            [Level(100, 15, 3), BIDS[1]],
            [1, 2, 8],
            {"unknown_id": 1},
        ),
        ([(Action.MODIFY, BID, NONE, 3, 8)], BIDS, [1, 2], {"unknown_id": 1}),
        ([(Action.MODIFY, Side.NONE, 100, 3, 8)], BIDS, [1, 2], {"unknown_id": 1}),
        ([(Action.TRADE, Side.SELL, 100, 3)], BIDS, [1, 2], {}),
        ([(Action.STATUS, Side.NONE, NONE, 64)], BIDS, [1, 2], {}),
        ([(Action.CLEAR, ASK)], BIDS, [1, 2], {}),
        ([(Action.CLEAR, BID)], [], [], {}),
        (
            [(Action.CLEAR,), (Action.ADD, BID, 98, 1, 1)],
            [Level(98, 1, 1)],
            [],
            {},
        ),
        ([(Action.TRADE, Side.SELL, 100, 3, 0, Flag.GAP)], BIDS, [1, 2], {"gap": 1}),
    ],
)
def test_order_book_action(
    events: list[tuple[Any, ...]],
    bids: list[Level],
    queue: list[int],
    faults: dict[str, int],
) -> None:
    book = order_book(*events)
    assert book.levels(BID) == bids
    assert book.queue(BID, 100) == queue
    assert dict(book.faults) == faults


def test_best_depth_and_queue_position() -> None:
    book = order_book()
    assert book.best() == (100, 12, 102, 6)
    assert book.depth(1) == ([Level(100, 12, 2)], [Level(102, 6, 1)])
    assert book.queue_position(2) == (1, 5)
    assert book.queue_position(8) is None
    assert OrderBook().best() == (NONE, 0, NONE, 0)


def test_crossed_is_counted_once_and_only_at_the_end_of_an_atomic_event() -> None:
    book = order_book(
        (Action.ADD, BID, 103, 1, 9, 0),
        (Action.DELETE, BID, 103, 1, 9, Flag.LAST),
    )
    assert dict(book.faults) == {}
    for order_id in (10, 11):
        book.apply((0, Action.ADD, BID, 103, 1, order_id))
    assert dict(book.faults) == {"crossed": 1}
    book.apply((0, Action.CLEAR, BID))
    book.apply((0, Action.ADD, BID, 103, 1, 12))
    assert dict(book.faults) == {"crossed": 2}


@pytest.mark.parametrize(
    ("events", "best"),
    [
        ([(Action.LEVEL, BID, 100, 8)], (100, 8, 102, 6)),
        ([(Action.LEVEL, BID, 101, 8)], (101, 8, 102, 6)),
        ([(Action.LEVEL, BID, 100, 0)], (99, 4, 102, 6)),
        ([(Action.LEVEL, BID, 90, 0)], (100, 5, 102, 6)),
        ([(Action.QUOTE, BID, 98, 2), (Action.LEVEL, BID, 98, 0)], (NONE, 0, 102, 6)),
        ([(Action.QUOTE, ASK, NONE, 0)], (100, 5, NONE, 0)),
        ([(Action.QUOTE, ASK, 102, 0)], (100, 5, NONE, 0)),
        ([(Action.CLEAR, BID)], (NONE, 0, 102, 6)),
        ([(Action.CLEAR,)], (NONE, 0, NONE, 0)),
        ([(Action.TRADE, Side.SELL, 100, 5)], (100, 5, 102, 6)),
    ],
)
def test_level_book_action(events: list[tuple[Any, ...]], best: tuple[int, ...]) -> None:
    book = level_book(*events)
    assert book.best() == best
    assert dict(book.faults) == {}


def splitmix(values: list[int]) -> int:
    """The content hash's step, written once more."""
    h = 0x9E3779B97F4A7C15
    for x in values:
        z = h ^ (x % 2**64)
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        h = z ^ z >> 31
    return h


def test_content_hash_is_of_the_content_alone() -> None:
    bids = [1, 2, 100, 12, 2, 1, 5, 2, 7, 99, 4, 1, 3, 4]
    asks = [2, 1, 102, 6, 1, 4, 6]
    assert order_book().content_hash() == splitmix(bids + asks)
    assert level_book().content_hash() == splitmix([1, 2, 100, 5, 99, 4, 2, 1, 102, 6])
    assert OrderBook().content_hash() == LevelBook().content_hash() == splitmix([1, 0, 2, 0])
    there_and_back = [(Action.ADD, BID, 97, 1, 9), (Action.DELETE, BID, 97, 1, 9)]
    assert order_book(*there_and_back).content_hash() == order_book().content_hash()
    swapped = order_book((Action.MODIFY, BID, 100, 6, 1), (Action.MODIFY, BID, 100, 5, 1))
    assert swapped.levels(BID) == order_book().levels(BID)
    assert swapped.content_hash() != order_book().content_hash()


def test_content_hash_takes_negative_prices_as_64_bits() -> None:
    book = LevelBook()
    book.apply((0, Action.LEVEL, BID, -5, 3))
    assert book.content_hash() == splitmix([1, 1, 2**64 - 5, 3, 2, 0])
