"""Order by order: what handlers of such channels have in common.

A message of one order often leaves out its side, price or size, and names it by a text. `Orders`
keeps these of live orders only, so its memory is bounded by the book's.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookflow.feeds.handler import Book, Handler
from bookflow.words import Action, Flag, Side

__all__ = ["Order", "OrderHandler", "Orders", "price_units", "size_units"]


@dataclass(slots=True)
class Order:
    """A live order, in units; `number` is its `order_id` in rows."""

    number: int
    side: int
    price: int
    size: int


@dataclass(slots=True, eq=False)
class Orders:
    """A book's live orders by the venue's ids.

    The number of an order is the venue's where it is one, else the next one that was not used yet.
    """

    _live: dict[Hashable, Order] = field(default_factory=dict)
    _last: int = 0

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._live)

    def get(self, key: Hashable) -> Order | None:
        return self._live.get(key)

    def items(self) -> Iterable[tuple[Hashable, Order]]:
        return self._live.items()

    def add(self, key: Hashable, side: int, price: int, size: int, number: int = 0) -> Order:
        if not number:
            if isinstance(key, int) and 0 < key < 1 << 64:
                number = key
            else:
                self._last = number = self._last + 1
        order = self._live[key] = Order(number, side, price, size)
        return order

    def remove(self, key: Hashable) -> None:
        self._live.pop(key, None)

    def replace(self) -> dict[Hashable, Order]:
        """Starts anew, with the numbers of before for orders that are still there."""
        before, self._live = self._live, {}
        return before

    def levels(self, side: int) -> dict[int, int]:
        """Sizes by price of one side."""
        sums: dict[int, int] = {}
        for order in self._live.values():
            if order.side == side:
                sums[order.price] = sums.get(order.price, 0) + order.size
        return sums


class OrderHandler(Handler):
    """A handler some of whose books are of single orders."""

    @staticmethod
    def _resting(book: Book) -> Orders:
        orders = book.memory.get("orders")
        if orders is None:
            orders = book.memory["orders"] = Orders()
        return orders

    def _whole(
        self,
        book: Book,
        bids: Sequence[Any],
        asks: Sequence[Any],
        *,
        price: int = 0,
        size: int = 1,
        key: int = 2,
    ) -> None:
        """Every order of the book, in the order of its queues: it is live from here."""
        sides = [
            (side, rows, *book.text.units(rows, price, size))
            for side, rows in ((Side.BID, bids), (Side.ASK, asks))
        ]
        orders = self._resting(book)
        before = orders.replace()
        self._at(book)
        self._begin(book)
        for side, rows, prices, sizes in sides:
            for row, p, q in zip(rows, prices.tolist(), sizes.tolist(), strict=True):
                name = row[key]
                if name in orders or not q:
                    self.counts["duplicate_orders" if q else "empty_orders"] += 1
                    continue
                known = before.get(name)
                order = orders.add(name, side, p, q, known.number if known else 0)
                self._rows.add(Action.ADD, side, p, q, order.number, Flag.SNAPSHOT)
        self._rows.end()

    def _add(self, book: Book, key: Hashable, side: int, price: Any, size: Any) -> None:
        """A new order, in texts."""
        prices, sizes = book.text.units([(price, size)])
        orders = self._resting(book)
        if key in orders or not sizes[0]:
            self.counts["duplicate_orders" if sizes[0] else "empty_orders"] += 1
            return
        order = orders.add(key, side, int(prices[0]), int(sizes[0]))
        self._order_row(book, Action.ADD, order)

    def _remove(self, book: Book, key: Hashable) -> bool:
        """An order that goes whatever is left of it; whether it was known."""
        order = self._known(book, key)
        if order is None:
            return False
        self._resting(book).remove(key)
        self._order_row(book, Action.DELETE, order)
        return True

    def _resize(self, book: Book, key: Hashable, size: int, *, filled: bool = False) -> bool:
        """What is left of an order; `filled`: what went has been printed, or will be."""
        order = self._known(book, key)
        if order is None:
            return False
        went, order.size = order.size - size, size
        if not size:
            self._resting(book).remove(key)
        if went > 0:
            self._order_row(book, Action.CANCEL, order, went, Flag.FILL if filled else 0)
        elif went < 0:
            self._order_row(book, Action.MODIFY, order)
        return True

    def _known(self, book: Book, key: Hashable) -> Order | None:
        order = self._resting(book).get(key)
        if order is None:
            self.counts["unknown_orders"] += 1
        return order

    def _order_row(
        self, book: Book, action: int, order: Order, size: int | None = None, flags: int = 0
    ) -> None:
        """An atomic event of one row."""
        self._at(book)
        self._rows.add(
            action,
            order.side,
            order.price,
            order.size if size is None else size,
            order.number,
            flags=flags,
        )
        self._rows.end()


def price_units(book: Book, price: Any) -> int:
    """This text in units of the book's instrument."""
    return int(book.text.units([(price, "0")])[0][0])


def size_units(book: Book, size: Any) -> int:
    """This text in units of the book's instrument."""
    return int(book.text.units([("0", size)])[1][0])
