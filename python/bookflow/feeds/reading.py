"""A recorded connection through its venue's handler: as events, and compared with the truth."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bookflow import _core
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds import handler_of
from bookflow.feeds.handler import NOTHING, Claim, Handler, Truth
from bookflow.feeds.recording import lines
from bookflow.pipeline import Pipeline

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["read_feed", "verify_feed"]


def read_feed(
    path: "str | PathLike[str] | Sequence[str | PathLike[str]]",
    venue: str,
    *,
    symbols: Iterable[str] | None = None,
    instruments: "Mapping[str, Instrument] | None" = None,
    time: Literal["received", "venue"] = "received",
    **settings: Any,
) -> Events:
    """A recording of a venue's messages, lazily.

    Parameters
    ----------
    path
        A message log (see `bookflow.feeds.recording`), plain or compressed, or several that
        continue one another.
    venue
        The handler's name, such as "kraken" (see `bookflow.feeds.VENUES`).
    symbols, instruments, time
        As every `Handler` takes them.
    settings
        What this venue's handler takes more.

    Notes
    -----
    `Events.counts` holds what the handler counted. Several instruments: `Events.split`.
    """
    files = _files(path)
    if isinstance(symbols, str):
        symbols = (symbols,)
    kept = {
        "symbols": None if symbols is None else tuple(symbols),
        "instruments": instruments,
        "time": time,
        **settings,
    }
    source = _Recording(files, venue, kept)
    first = next(source.chunks(1), None)
    instrument = NOTHING if first is None else first.instrument
    return Events.lazy(source, instrument, source=files[0].name)


def _files(path: "str | PathLike[str] | Sequence[str | PathLike[str]]") -> list[Path]:
    files = [Path(path)] if isinstance(path, str | PathLike) else [Path(one) for one in path]
    for file in files:
        if not file.exists():
            raise FileNotFoundError(f"{file}: no such file")
    if not files:
        raise InputError("names no file", field="path")
    return files


@dataclass(frozen=True, slots=True)
class _Recording:
    """The file, read from the start by every call of `chunks`."""

    paths: Sequence[Path]
    venue: str
    settings: Mapping[str, Any]

    def chunks(self, rows: int) -> Iterator[Events]:
        made = handler_of(self.venue, **self.settings)
        parts: list[Events] = []
        held = 0
        told: Counter[str] = Counter()
        for _, events in _fed(made, self.paths):
            if len(events):
                parts.append(events)
                held += len(events)
            if held >= rows:
                yield from self._whole(parts, made, told, rows)
                parts, held = [], 0
        if parts or made.counts != told:
            yield from self._whole(parts, made, told, rows)

    def _whole(
        self, parts: list[Events], made: Handler, told: "Counter[str]", rows: int
    ) -> Iterator[Events]:
        """The parts as one, cut to size; what was counted since goes with the first piece."""
        events = Events.concat(parts) if parts else made._written()
        events.source = self.paths[0].name
        events.instruments = dict(made.instruments) or events.instruments
        counts = {name: n - told[name] for name, n in made.counts.items() if n != told[name]}
        told.clear()
        told.update(made.counts)
        for i, piece in enumerate(events.chunks(rows) if len(events) else [events]):
            piece._counts = counts if i == 0 else {}
            yield piece


def _fed(made: Handler, paths: Sequence[Path]) -> Iterator[tuple[str, Events]]:
    """The place of each line of a recording, and the events that the handler makes of it."""
    open_before = False
    for path, line in ((file, line) for file in paths for line in lines(file)):
        place = f"{path.name}, line {line.number + 1}"
        try:
            if line.kind == "message":
                yield place, made.feed(line.text, line.received)
            elif line.kind == "answer":
                yield place, made.answer(line.url, line.text, line.received)
            elif line.kind == "sent":
                made.sent(line.text)
            elif open_before:
                yield place, made.disconnected(line.received)
            open_before = open_before or line.kind == "message"
        except InputError as error:
            where = f"{error.source} message".strip()
            if error.row is not None:
                where += f", level {error.row}"
            rule = f"{error.rule} ({where})"
            raise InputError(
                rule, source=path.name, row=line.number, field=error.field, value=error.value
            ) from None


def verify_feed(
    path: "str | PathLike[str] | Sequence[str | PathLike[str]]", venue: str, **settings: Any
) -> dict[str, Truth]:
    """A recording against what the venue says in it of its own books.

    The events go through a `Pipeline` an instrument, and its touch is compared with the venue's;
    checksums are compared by the handler. The result is by the name of what was compared.
    """
    made = handler_of(venue, truth=True, **settings)
    books: dict[int, Pipeline] = {}
    for place, events in _fed(made, _files(path)):
        if len(events):
            for number, part in events.split().items():
                book = books.get(number)
                if book is None:
                    instrument = made.instruments[number]
                    book = books[number] = Pipeline(
                        instrument,
                        clock="event",
                        features={"mid": _core.Mid()},
                        order="as-is",
                        history=1,
                    )
                book.run(part)
        for claim in made.claims:
            _compare(made, books.get(claim.instrument), claim, place)
    made.finish()
    return made.truths


def _compare(made: Handler, book: Pipeline | None, claim: Claim, where: str) -> None:
    ours = (NONE, 0, NONE, 0) if book is None else book.quotes
    theirs = claim[1:5]
    said = [(our, their) for our, their in zip(ours, theirs, strict=True) if their is not None]
    symbol = made.instruments[claim.instrument].symbol
    made._check(claim.what, [a for a, _ in said], [b for _, b in said], f"{where}, {symbol}")
