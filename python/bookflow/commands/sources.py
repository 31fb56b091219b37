"""Each reader of the command line: what it opens, and the options that it has a use for."""

import argparse
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bookflow
from bookflow import Instrument
from bookflow.commands.pairs import lobster_pairs
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds import VENUES, read_feed

__all__ = ["OPTIONS", "READERS", "open_with"]

# Of an instrument, as the caller may give it.
_UNITS: Final = frozenset({"price_unit", "size_unit", "tick", "symbol", "instrument"})
# Of a text file with a row a line.
_TABLE: Final = frozenset({"ts_unit", "open_end"})


@dataclass(frozen=True, slots=True)
class _Reader:
    """What opens the inputs, and which options it takes."""

    open: Callable[[argparse.Namespace], Iterator[Events]]
    takes: frozenset[str]


def open_with(reader: str, args: argparse.Namespace) -> Iterator[Events]:
    """The events of each input. An option that this reader has no use for is an error."""
    known = READERS.get(reader)
    if known is None:
        near = difflib.get_close_matches(reader, READERS) or list(READERS)
        rule = f"is no reader; there is {', '.join(near)}"
        raise InputError(rule, field="--reader", value=reader)
    for name in OPTIONS:
        value = getattr(args, name)
        if value is not None and value is not False and name not in known.takes:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"is not for the {reader} reader", field=option)
    yield from known.open(args)


def _lobster(args: argparse.Namespace) -> Iterator[Events]:
    settings = _given(args, "tick", "symbol", "date", "seed")
    for message, orderbook in lobster_pairs(args.inputs):
        yield bookflow.read_lobster(message, orderbook, order=args.order, **settings)


def _databento(args: argparse.Namespace) -> Iterator[Events]:
    instrument = _instrument(args, price_unit="1e-9")
    for path in args.inputs:
        yield bookflow.read_databento(path, instrument=instrument, order=args.order)


def _events(args: argparse.Namespace) -> Iterator[Events]:
    instrument = _instrument(args)
    for path in args.inputs:
        if instrument is None and path.suffix.lower() != ".parquet":
            raise _no_units(path)
        yield bookflow.read_events(path, instrument, order=args.order)


def _csv(args: argparse.Namespace) -> Iterator[Events]:
    instrument = _instrument(args)
    columns = dict(_pair(text, "--map") for part in args.map or () for text in part.split(","))
    settings = _given(args, "kind", "ts_unit", "float_digits")
    settings["open_end"] = args.open_end
    settings["words"] = {
        field: dict(_pair(word, "--words") for word in said.split(","))
        for field, said in (_pair(text, "--words", ":") for text in args.words or ())
    }
    settings["split"] = {
        column: parts.split(",")
        for column, parts in (_pair(text, "--split") for text in args.split or ())
    }
    for path in args.inputs:
        if instrument is None:
            raise _no_units(path)
        yield bookflow.read_csv(path, instrument, columns=columns, order=args.order, **settings)


def _binance_csv(args: argparse.Namespace) -> Iterator[Events]:
    instrument = _instrument(args)
    for path in args.inputs:
        yield bookflow.read_binance_csv(
            path,
            instrument=instrument,
            order=args.order,
            open_end=args.open_end,
            **_given(args, "kind"),
        )


def _tardis(args: argparse.Namespace) -> Iterator[Events]:
    instrument = _instrument(args)
    for path in args.inputs:
        yield bookflow.read_tardis(
            path,
            instrument=instrument,
            order=args.order,
            open_end=args.open_end,
            **_given(args, "ts_unit"),
        )


def _itch(args: argparse.Namespace) -> Iterator[Events]:
    settings = _given(args, "date", "damaged") | _chosen(args)
    for path in args.inputs:
        yield bookflow.read_itch(path, order=args.order, **settings)


def _iex(args: argparse.Namespace) -> Iterator[Events]:
    for path in args.inputs:
        yield bookflow.read_iex(path, **_chosen(args))


def _feed(venue: str) -> Callable[[argparse.Namespace], Iterator[Events]]:
    def opened(args: argparse.Namespace) -> Iterator[Events]:
        for paths in recordings(args):
            yield read_feed(paths, venue, **feed_settings(args))

    return opened


def recordings(args: argparse.Namespace) -> list[list[Path]]:
    """The inputs as recordings of one connection each; --as-one: all of them are of one."""
    return [list(args.inputs)] if args.as_one else [[path] for path in args.inputs]


def feed_settings(args: argparse.Namespace) -> dict[str, Any]:
    """What the options tell a venue's handler."""
    settings: dict[str, Any] = _chosen(args)
    if any((args.price_unit, args.size_unit, args.tick)):
        if not args.symbol:
            raise InputError("must be given with units or a tick", field="--symbol")
        settings["instruments"] = {args.symbol: _instrument(args)}
    return settings


READERS: Final = {
    "lobster": _Reader(_lobster, frozenset({"tick", "symbol", "date", "seed"})),
    "databento": _Reader(_databento, _UNITS),
    "events": _Reader(_events, _UNITS),
    "csv": _Reader(_csv, _UNITS | _TABLE | {"kind", "map", "split", "words", "float_digits"}),
    "tardis": _Reader(_tardis, _UNITS | _TABLE),
    "binance-csv": _Reader(_binance_csv, _UNITS | {"open_end", "kind"}),
    "itch": _Reader(_itch, frozenset({"date", "damaged", "symbol", "instrument"})),
    "iex": _Reader(_iex, frozenset({"symbol", "instrument"})),
    **{venue: _Reader(_feed(venue), _UNITS | {"as_one"}) for venue in sorted(VENUES)},
}
"""By the name that --reader takes."""

OPTIONS: Final = sorted(frozenset().union(*(reader.takes for reader in READERS.values())))
"""Options that are not for every reader."""


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    return {} if args.symbol is None else {"symbols": [args.symbol]}


def _pair(text: str, option: str, between: str = "=") -> tuple[str, str]:
    name, found, value = text.partition(between)
    if not found or not name or not value:
        raise InputError(f"must be NAME{between}...", field=option, value=text)
    return name.strip(), value


def _no_units(path: Path) -> InputError:
    rule = "must be given: such a file does not tell its units"
    return InputError(rule, source=path.name, field="--price-unit")


def _instrument(args: argparse.Namespace, price_unit: str | None = None) -> Instrument | None:
    """What the options tell of the instrument; None if they tell nothing."""
    if not any((args.tick, args.price_unit, args.size_unit, args.symbol)):
        return None
    price_unit = args.price_unit or price_unit
    if price_unit is None:
        raise InputError("must be given with --tick, --size-unit or --symbol", field="--price-unit")
    return Instrument(
        args.symbol or "", price_unit=price_unit, tick=args.tick, size_unit=args.size_unit or "1"
    )
