"""Handlers as bytes: one that was saved and restored goes on as if it never had been."""

import json
import random
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import venue_logs
import venue_logs_orders
import venue_logs_updates
from feed_faults import FAULTS, faulty
from forgery import HEADER, forged, sealed
from test_feeds import UNITS, Toy, whole
from test_recordings import FEEDS

from bookflow._core import TextBook, TextOrders
from bookflow.errors import InputError, StateError
from bookflow.feeds import VENUES, Handler, handler_of
from bookflow.feeds.recording import Line, lines

LOGS = venue_logs.LOGS | venue_logs_orders.LOGS | venue_logs_updates.LOGS
SETTINGS: dict[str, dict[str, Any]] = {"coinbase": {"book": "full"}}


def made(venue: str) -> Handler:
    return handler_of(venue, truth=True, **SETTINGS.get(venue, {}))


def log(venue: str, directory: Path) -> list[Line]:
    path = directory / venue
    LOGS[venue](path)
    return list(lines(path))


def give(handler: Handler, line: Line) -> object:
    """All that a caller can see of one line's effect."""
    try:
        if line.kind == "answer":
            events = handler.answer(line.url, line.text, line.received)
        elif line.kind == "message":
            events = handler.feed(line.text, line.received)
        elif line.kind == "sent":
            return handler.sent(line.text)
        else:
            events = handler.disconnected(line.received)
    except InputError as error:
        return str(error)
    return events.to_numpy().tobytes(), events.instruments, list(handler.claims)


def seen(handler: Handler) -> object:
    handler.finish()
    return handler.counts, handler.truths, handler.instruments, handler.needs_snapshot


def assert_goes_on(venue: str, said: Sequence[Line], cuts: set[int]) -> None:
    straight, cut = made(venue), made(venue)
    for i, line in enumerate(said):
        if i in cuts:
            state = cut.to_bytes()
            cut = Handler.from_bytes(state)
            assert cut.to_bytes() == state
        assert give(cut, line) == give(straight, line)
    assert cut.to_bytes() == straight.to_bytes()
    assert seen(cut) == seen(straight)


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_goes_on_from_every_cut(venue: str, tmp_path: Path) -> None:
    said = log(venue, tmp_path)
    for cut in range(len(said) + 1):
        assert_goes_on(venue, said, {cut})
    assert_goes_on(venue, said, set(range(len(said))))


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_goes_on_from_cuts_in_a_faulty_feed(venue: str, tmp_path: Path) -> None:
    said = log(venue, tmp_path)
    chance = random.Random(zlib.crc32(venue.encode()))
    waited = 0
    for seed in range(40):
        order = faulty(said * 3, chance.choice(FAULTS), 0.2, seed)
        some = [(said * 3)[i] for i in order]
        assert_goes_on(venue, some, {chance.randrange(len(some)) for _ in range(3)})
        handler = made(venue)
        for line in some:
            give(handler, line)
            waited += bool(handler.needs_snapshot)
    assert waited  # handlers that await a snapshot were among them


@pytest.mark.parametrize("venue", sorted(FEEDS))
def test_goes_on_in_a_recording(venue: str, shared: Path) -> None:
    """The first messages of each, saved and restored five times at random."""
    chance = random.Random(zlib.crc32(venue.encode()))
    for pattern in FEEDS[venue]:
        for path in sorted((shared / "data").glob(pattern)):
            said = list(islice(lines(path), 800))
            assert_goes_on(venue, said, set(chance.sample(range(len(said)), 5)))


def test_settings_are_kept() -> None:
    handler = handler_of(
        "binance", symbols=["X"], instruments={"X": UNITS}, time="venue", quotes=True, truth=True
    )
    again = Handler.from_bytes(handler.to_bytes())
    assert vars(again)["_given"] == {"X": UNITS}
    assert vars(again)["_symbols"] == frozenset({"X"})
    assert [vars(again)[name] for name in ("_time", "_quotes", "_truth")] == ["venue", True, True]


def test_a_class_of_ones_own() -> None:
    handler = Toy()
    handler.feed(whole(), 1)
    again = Toy.from_bytes(handler.to_bytes())
    change = {"s": "X", "q": 2, "b": [["1.00", "5"]]}
    assert (
        again.feed(change, 2).to_numpy().tobytes() == handler.feed(change, 2).to_numpy().tobytes()
    )
    with pytest.raises(StateError, match=r"feeds\.Toy, expected one of a venue's handler"):
        Handler.from_bytes(handler.to_bytes())


def test_of_another_handler_is_refused() -> None:
    state = handler_of("kraken").to_bytes()
    with pytest.raises(StateError, match=r"saved state of feeds\.Kraken, expected one of feeds\.T"):
        Toy.from_bytes(state)
    with pytest.raises(StateError, match="saved state of TextBook, expected one of a venue"):
        Handler.from_bytes(TextBook(UNITS).to_bytes())
    with pytest.raises(TypeError, match="bytes, not str"):
        Handler.from_bytes("x")  # type: ignore[arg-type]


def test_what_has_no_form_is_refused() -> None:
    handler = Toy()
    handler.feed(whole(), 1)
    handler._books["X"].memory["odd"] = object()
    with pytest.raises(InputError, match="has no form as saved state"):
        handler.to_bytes()


def test_damage_is_found() -> None:
    state = handler_of("kraken").to_bytes()
    for n in range(len(state)):
        with pytest.raises(StateError):
            Handler.from_bytes(state[:n])
        damaged = bytearray(state)
        damaged[n] ^= 1 << n % 8
        with pytest.raises(StateError):
            Handler.from_bytes(bytes(damaged))
    with pytest.raises(StateError, match="version 2, this package reads version 1"):
        Handler.from_bytes(state[:4] + b"\2\0" + state[6:])


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_forged_bytes_are_refused_or_make_a_handler(venue: str, tmp_path: Path) -> None:
    """Changed with a checksum that fits: a `StateError`, or a handler whose errors are ours."""
    said = log(venue, tmp_path)
    handler = made(venue)
    for line in said[: len(said) * 2 // 3]:
        give(handler, line)
    state = handler.to_bytes()
    chance = random.Random(venue)
    refused = 0
    for _ in range(400):
        bad = forged(
            state, chance.randrange(HEADER, len(state)), chance.choice(b'0123456789[]",Xn')
        )
        try:
            other = Handler.from_bytes(bad)
        except StateError:
            refused += 1
            continue
        for line in said:
            give(other, line)
    assert refused > 100


def json_state(change: Any) -> bytes:
    """A toy's state whose JSON was changed."""
    handler = Toy()
    handler.feed(whole(), 1)
    name, body = b"feeds.Toy", handler.to_bytes()[HEADER + 8 + 9 :]
    known = json.loads(body)
    change(known)
    return sealed(len(name).to_bytes(8, "little") + name + json.dumps(known).encode())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda known: known.pop("_now"), "not the fields of this handler: _now"),
        (lambda known: known.update(_more=1), "not the fields of this handler: _more"),
        (lambda known: known.update(_now="1"), "_now is a str"),
        (lambda known: known.update(_now={}), "an object stands where there is none"),
        (lambda known: known.update(_now=["system", "ls"]), "KeyError: 'system'"),
        (lambda known: known.update(counts=["Counter", "a"]), "ValueError"),
        (lambda known: known["_books"].__setitem__(1, "Y"), "no book of 'Y'"),
        (lambda known: known["_books"][2].__setitem__(4, 2), "number of 'X' is not its instr"),
        (lambda known: known["_books"][2].__setitem__(7, 1), "live of 'X' is a int"),
        (lambda known: known["_books"].__setitem__(slice(3, 3), ["Y"]), "ValueError"),
    ],
)
def test_what_is_no_handler_says_so(change: Any, rule: str) -> None:
    with pytest.raises(StateError, match=rule):
        Toy.from_bytes(json_state(change))


def books() -> tuple[TextBook, TextOrders]:
    levels, orders = TextBook(UNITS), TextOrders(UNITS)
    levels.update([("1.00", "2"), ("0.5", "03.0"), (b"0.2", "1")], [("1.01", "4")])
    for number, rank, price in ((7, 5, "1.00"), (8, 3, "1.00"), (9, 4, "0.9"), (1 << 63, 0, "1")):
        orders.set(1, number, rank, price, "0.25")
    orders.set(2, 10, -1, "1.50", "1e-2")
    return levels, orders


def test_books_of_texts() -> None:
    levels, orders = books()
    again = TextBook.from_bytes(levels.to_bytes())
    assert again == levels
    assert again.text(1, 9) == [("1.00", "2"), ("0.5", "03.0"), ("0.2", "1")]
    assert again.checksum("digits", 10) == levels.checksum("digits", 10)
    other = TextOrders.from_bytes(orders.to_bytes())
    assert other == orders
    assert other.text(1, 9) == orders.text(1, 9)
    for book in (other, orders):
        book.set(1, 11, 4, "1", "1")
        assert book.remove(7)
    assert other.text(1, 9) == orders.text(1, 9)
    assert other.checksum("ids", 10) == orders.checksum("ids", 10)


@pytest.mark.parametrize("which", [0, 1])
def test_forged_books_of_texts_are_refused_or_sound(which: int) -> None:
    book = books()[which]
    state = book.to_bytes()
    refused = 0
    for at in range(HEADER, len(state)):
        for byte in (0, 1, 2, 48, 49, 57, 127, 255):
            try:
                other = type(book).from_bytes(forged(state, at, byte))
            except StateError:
                refused += 1
                continue
            assert other.to_bytes() == forged(state, at, byte)
            for side in (1, 2):
                assert len(other.text(side, 9)) <= 4
    assert refused > 500
    for n in range(HEADER, len(state)):
        with pytest.raises(StateError):
            type(book).from_bytes(sealed(state[HEADER:n]))
