"""Kraken's second websocket: the documentation's examples, and a simulated venue with losses.

There is no recording of it: the venue's own sums are those of the two examples.
"""

import json
import random
from typing import Any

import pytest
from feed_faults import FAULTS, HOSTILE, NO_NUMBERS, SHARES, assert_refused, hurt_run, live_books
from venue_logs import Levels, kraken_message, kraken_sum

from bookflow import Mid, Pipeline
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side
from bookflow.feeds import Kraken

# The example of the guide "Book checksum (WebSocket v2)".
LEVELS_SUM = 3_310_070_434
LEVEL_BIDS = """45283.5 0.10000000, 45283.4 1.54582015, 45282.1 0.10000000, 45281.0 0.10000000,
45280.3 1.54592586, 45279.0 0.07990000, 45277.6 0.03310103, 45277.5 0.30000000,
45277.3 1.54602737, 45276.6 0.15445238"""
LEVEL_ASKS = """45285.2 0.00100000, 45286.4 1.54571953, 45286.6 1.54571109, 45289.6 1.54560911,
45290.2 0.15890660, 45291.8 1.54553491, 45294.7 0.04454749, 45296.1 0.35380000,
45297.5 0.09945542, 45299.5 0.18772827"""
# The example of the guide "L3 checksum (WebSocket v2)", prices and sizes.
ORDERS_SUM = 1_063_832_831
ORDER_BIDS = """44939.4 0.88968699, 44939.4 0.45210000, 44939.4 0.10000000, 44939.4 0.14296323,
44939.4 0.25000000, 44939.4 0.10292988, 44939.4 0.33880000, 44939.4 1.28140860, 44937.1 0.03346877,
44934.7 0.35630000, 44930.2 0.22734299, 44930.2 0.01000000, 44930.2 0.05550000, 44930.2 0.70000000,
44930.2 0.15000000, 44928.0 0.00105240, 44919.6 0.33870000, 44919.5 0.07610000, 44912.0 0.35630000,
44909.7 0.06690000, 44901.9 0.00088982"""
ORDER_ASKS = """44939.5 4.52308393, 44939.5 0.00111261, 44939.5 0.00100000, 44939.5 0.01000000,
44950.0 0.10334926, 44953.0 0.00064537, 44955.0 0.00250000, 44959.6 0.35630000, 44959.6 0.35630000,
44960.1 0.00338072, 44960.2 0.88967575, 44967.0 3.14392283, 44978.5 0.06778960,
44979.2 0.35630000"""

Order = tuple[str, str, str]
"""Id, price and size."""


def listed(text: str) -> list[list[str]]:
    return [pair.split() for pair in text.split(",")]


def orders_message(
    kind: str, bids: list[Any], asks: list[Any], checksum: int, symbol: str = "X/Y"
) -> bytes:
    """Orders as (id, price, size), in an update also with their event."""
    sides = []
    for side in (bids, asks):
        texts = []
        for name, price, size, *event in side:
            text = f'"order_id": "{name}", "limit_price": {price}, "order_qty": {size}'
            text += ', "timestamp": "2023-11-14T22:13:20.000000001Z"'
            texts.append("{" + text + (f', "event": "{event[0]}"' if event else "") + "}")
        sides.append(", ".join(texts))
    data = (
        f'"symbol": "{symbol}", "checksum": {checksum}, "bids": [{sides[0]}], "asks": [{sides[1]}]'
    )
    return f'{{"channel": "level3", "type": "{kind}", "data": [{{{data}}}]}}'.encode()


def subscribed(channel: str, depth: int) -> bytes:
    result = {"channel": channel, "symbol": "X/Y", "depth": depth, "snapshot": True}
    return json.dumps({"method": "subscribe", "success": True, "result": result}).encode()


def test_the_example_of_levels() -> None:
    handler = Kraken()
    message = kraken_message("snapshot", listed(LEVEL_BIDS), listed(LEVEL_ASKS), LEVELS_SUM)
    events = handler.feed(message, 1 << 62)
    assert events.action.tolist() == [Action.CLEAR] + [Action.LEVEL] * 20
    assert events.ts_venue[0] == 1_700_000_000_000_001_000
    assert handler.truths["checksum"].equal == 1


def test_the_example_of_orders() -> None:
    bids, asks = (
        [(f"{side}{i}", *pair) for i, pair in enumerate(listed(text))]
        for side, text in (("b", ORDER_BIDS), ("a", ORDER_ASKS))
    )
    handler = Kraken()
    events = handler.feed(orders_message("snapshot", bids, asks, ORDERS_SUM), 1 << 62)
    assert events.action.tolist() == [Action.CLEAR] + [Action.ADD] * 35
    assert events.flags.tolist() == [Flag.SNAPSHOT] * 35 + [Flag.SNAPSHOT | Flag.LAST]
    assert events.ts_venue[0] == 1_700_000_000_000_000_001
    assert handler.truths["checksum"].equal == 1


class Venue:
    """A book of orders, of which the best prices are told; sizes are all different."""

    def __init__(self, depth: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.depth = depth
        self.made = 0
        self.sides: tuple[list[Order], list[Order]] = ([], [])
        for _ in range(200):
            self.act()

    def act(self) -> None:
        side = self.chance.randrange(2)
        orders = self.sides[side]
        what = self.chance.random()
        self.made += 1
        if not orders or what < (0.7 if len(orders) < 40 else 0.3):  # more prices than are told
            price = self.chance.randrange(80, 100) if side == 0 else self.chance.randrange(101, 121)
            orders.append((f"O{self.made}", f"{price / 10:.1f}", f"{self.made / 1e4:.4f}"))
        elif what < 0.9:
            orders.pop(self.chance.randrange(len(orders)))
        else:  # smaller, in its place
            i = self.chance.randrange(len(orders))
            name, price, size = orders[i]
            orders[i] = (name, price, f"{float(size) * 0.9:.6f}")

    def view(self) -> tuple[list[Order], list[Order]]:
        """Orders of the best prices, by price, then time."""
        out = []
        for side, orders in enumerate(self.sides):
            prices = sorted({float(o[1]) for o in orders}, reverse=side == 0)[: self.depth]
            out.append([o for p in prices for o in orders if float(o[1]) == p])
        return out[0], out[1]

    def orders(self, n: int) -> tuple[list[bytes], dict[Any, bytes]]:
        """Messages, and the snapshot of each state."""
        messages = []
        snapshots = {}
        old: tuple[list[Order], list[Order]] = ([], [])
        for i in range(n):
            new = self.view()
            changes = []
            for side in range(2):
                before = {o[0]: o for o in old[side]}
                alive = {o[0] for o in self.sides[side]}
                gone = [(*o, "delete") for o in old[side] if o[0] not in alive]
                added = [(*o, "add") for o in new[side] if o[0] not in before]
                modified = [
                    (*o, "modify") for o in new[side] if o[0] in before and before[o[0]] != o
                ]
                changes.append([*gone, *modified, *added])
            best: Any = [self.best(side) for side in new]
            checksum = kraken_sum(*best)
            whole = orders_message("snapshot", *new, checksum)
            state = tuple(tuple(o[1:] for o in side) for side in new)
            snapshots[state] = whole
            messages.append(orders_message("update", *changes, checksum) if i else whole)
            old = new
            for _ in range(self.chance.randrange(1, 4)):
                self.act()
        return messages, snapshots

    @staticmethod
    def best(orders: list[Order]) -> Levels:
        prices = list(dict.fromkeys(o[1] for o in orders))[:10]
        return [o[1:] for o in orders if o[1] in prices]

    def levels(self, n: int) -> list[bytes]:
        messages = []
        old: Any = ({}, {})
        for i in range(n):
            new: Any = ({}, {})
            for side, orders in enumerate(self.view()):
                for _, price, size in orders:
                    new[side][price] = f"{float(new[side].get(price, 0)) + float(size):.6f}"
            changes: Any = ([], [])
            for side in range(2):
                alive = {o[1] for o in self.sides[side]}
                changes[side].extend([p, "0.000000"] for p in old[side] if p not in alive)
                changed = (
                    list(level) for level in new[side].items() if level not in old[side].items()
                )
                changes[side].extend(changed)
            checksum = kraken_sum(*(list(side.items())[:10] for side in new))
            messages.append(kraken_message("update" if i else "snapshot", *changes, checksum))
            old = new
            self.act()
        return messages


@pytest.mark.parametrize("depth", [10, 25])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_of_orders_that_is_called_good_is_right(
    fault: Any, share: float, depth: int
) -> None:
    """Its ten best levels, in the order of their queues."""
    messages, snapshots = Venue(depth, 1).orders(400)

    def make() -> Kraken:
        handler = Kraken()
        handler.feed(subscribed("level3", depth), 0)
        return handler

    def snapshot(symbol: str, book: Any) -> bytes:
        return snapshots[book[1]]

    stamped = [(message, i) for i, message in enumerate(messages)]
    # Only a snapshot of all that there is can go on, so none are given where less is compared.
    given = snapshot if depth == 10 else None
    hurt = hurt_run(make, stamped, fault, share, depth=10, snapshot=given)
    assert hurt.counts["gaps"] == hurt.counts["checksum"]
    if not (hurt.counts["gaps"] or share > 0.001):
        assert hurt.truths["checksum"].equal >= 399
    if fault == "drop" and share >= 0.01:
        assert hurt.counts["gaps"] > 0


def test_orders_as_events_make_the_same_book() -> None:
    """Through a pipeline: its touch is that of the orders, whatever falls out and comes again."""
    handler = Kraken()
    handler.feed(subscribed("level3", 10), 0)
    pipeline: Pipeline | None = None
    for i, message in enumerate(Venue(10, 3).orders(300)[0]):
        events = handler.feed(message, i)
        if pipeline is None:
            pipeline = Pipeline(events.instrument, clock="event", features={"mid": Mid()})
        pipeline.run(events)
        book = handler._books["X/Y"]
        touch: list[int] = []
        for side in (Side.BID, Side.ASK):
            best = [(price, size) for _, price, size in book.orders.text(side, 1)]
            prices, sizes = book.text.units(best)
            touch += [int(prices[0]), int(sizes.sum())]
        assert pipeline.quotes == tuple(touch)
        assert pipeline.status == 0
    assert handler.truths["checksum"].equal == 300


@pytest.mark.parametrize("depth", [10, 25])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_of_levels_that_is_called_good_is_right(
    fault: Any, share: float, depth: int
) -> None:
    def make() -> Kraken:
        handler = Kraken()
        handler.sent(
            b'{"method": "subscribe", "params": {"channel": "book", "symbol": ["X/Y"],'
            b' "depth": %d}}' % depth
        )
        return handler

    messages = [(message, i) for i, message in enumerate(Venue(depth, 2).levels(400))]
    hurt = hurt_run(make, messages, fault, share, depth=10)
    assert hurt.counts["gaps"] == hurt.counts["checksum"]
    if fault == "drop" and share >= 0.01:
        assert hurt.counts["gaps"] > 0


def test_an_order_that_grows_goes_to_the_back() -> None:
    handler = Kraken()
    bids, asks = [("A", "8.0", "1.0"), ("B", "8.0", "2.0")], [("C", "9.0", "1.0")]
    levels = [["8.0", "1.0"], ["8.0", "2.0"]], [["9.0", "1.0"]]
    handler.feed(orders_message("snapshot", bids, asks, kraken_sum(*levels)), 1)
    smaller = kraken_sum([["8.0", "0.5"], ["8.0", "2.0"]], levels[1])
    change = handler.feed(orders_message("update", [("A", "8.0", "0.5", "modify")], [], smaller), 2)
    assert change.action.tolist() == [Action.MODIFY]
    larger = kraken_sum([["8.0", "2.0"], ["8.0", "0.7"]], levels[1])
    handler.feed(orders_message("update", [("A", "8.0", "0.7", "modify")], [], larger), 3)
    moved = kraken_sum([["8.5", "0.7"], ["8.0", "2.0"]], levels[1])
    handler.feed(orders_message("update", [("A", "8.5", "0.7", "modify")], [], moved), 4)
    gone = kraken_sum([["8.0", "2.0"]], levels[1])
    last = handler.feed(orders_message("update", [("A", "8.5", "0.7", "delete")], [], gone), 5)
    assert last.action.tolist() == [Action.DELETE]
    assert last.order_id.tolist() == change.order_id.tolist()
    assert handler.truths["checksum"].equal == 5
    lost = handler.feed(orders_message("update", [("Z", "8.5", "0.7", "delete")], [], 1), 6)
    assert lost.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.counts["unknown_orders"] == 1


def test_the_depth_is_what_the_snapshot_fits_in_when_nothing_tells() -> None:
    handler = Kraken()
    bids = [[f"8.{i}", "1.0"] for i in range(9, -1, -1)]
    handler.feed(kraken_message("snapshot", bids, [], kraken_sum(bids, [])), 1)
    best = [["9.0", "1.0"], *bids[:-1]]
    events = handler.feed(kraken_message("update", [["9.0", "1.0"]], [], kraken_sum(best, [])), 2)
    assert len(events) == 2
    assert handler.truths["checksum"].equal == 2
    with pytest.raises(InputError, match="depth = 0"):
        handler.feed(subscribed("book", 0), 3)


def prints(kind: str, *numbers: int) -> bytes:
    data = [
        {"symbol": "X/Y", "side": "sell", "price": 8.5, "qty": 2.0, "trade_id": n}
        | {"timestamp": "2023-11-14T22:13:20.000001Z", "ord_type": "market"}
        for n in numbers
    ]
    return json.dumps({"channel": "trade", "type": kind, "data": data}).encode()


def test_prints_before_the_subscription_are_old_and_missed_ones_are_not() -> None:
    handler = Kraken()
    assert len(handler.feed(prints("snapshot", 1, 2, 3), 1)) == 0
    events = handler.feed(prints("update", 4, 5), 2)
    assert events.side.tolist() == [Side.SELL] * 2
    assert len(handler.feed(prints("snapshot", 4, 5, 6, 7), 3)) == 2
    assert handler.counts == {"old_prints": 3, "repeated_prints": 2}


LEVELS = kraken_message(
    "snapshot", [["8.1", "2"]], [["9", "1"]], kraken_sum([["8.1", "2"]], [["9", "1"]])
)
ORDERS = orders_message(
    "snapshot", [("A", "8.1", "2")], [("B", "9", "1")], kraken_sum([["8.1", "2"]], [["9", "1"]])
)


@pytest.mark.parametrize("message", [LEVELS, ORDERS], ids=["levels", "orders"])
def test_what_is_no_message_changes_nothing(message: bytes) -> None:
    handler = Kraken()
    handler.feed(message, 1)
    assert live_books(handler)
    for n in range(1, len(message), 9):
        assert_refused(handler, message[:n])
    for hostile in HOSTILE:
        assert_refused(handler, hostile)
    for number in (*NO_NUMBERS, b"null", b"[2]", b"-2"):
        assert_refused(
            handler, message.replace(b": 2}", b": %s}" % number).replace(b": 2,", b": %s," % number)
        )
        if number != b"-2":  # a price may be negative
            assert_refused(handler, message.replace(b"8.1", number))
    assert_refused(handler, message.replace(b"snapshot", b"whole"))
    assert_refused(handler, message.replace(b"Z", b""))
