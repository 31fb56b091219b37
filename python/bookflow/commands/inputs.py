"""Which reader an input needs, and the events that it gives."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bookflow import Instrument
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.readers import read_databento, read_events, read_lobster

CHUNK = 1 << 18
"""Events held at a time."""


def open_inputs(args: argparse.Namespace) -> Iterator[Events]:
    """The events of each input in the order given, none of them loaded."""
    missing = [path for path in args.inputs if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{missing[0]}: no such file")
    reader = args.reader or guess_reader(args.inputs)
    _refuse_others(args, reader)
    if reader == "lobster":
        given = {name: getattr(args, name) for name in ("tick", "symbol", "date")}
        settings = {name: value for name, value in given.items() if value is not None}
        for message, orderbook in lobster_pairs(args.inputs):
            yield read_lobster(message, orderbook, order=args.order, **settings)
    elif reader == "databento":
        instrument = _instrument(args, price_unit="1e-9")
        for path in args.inputs:
            yield read_databento(path, instrument=instrument, order=args.order)
    else:
        instrument = _instrument(args)
        for path in args.inputs:
            if instrument is None and path.suffix.lower() != ".parquet":
                rule = "must be given: such a file does not tell its units"
                raise InputError(rule, source=path.name, field="--price-unit")
            yield read_events(path, instrument, order=args.order)


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


def _refuse_others(args: argparse.Namespace, reader: str) -> None:
    """An option that this reader has no use for is an error, not ignored."""
    others = ("price_unit", "size_unit") if reader == "lobster" else ("date",)
    for name in others:
        if getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"is not for the {reader} reader", field=option)


def chunks(events: Events) -> Iterator[Events]:
    """The events a part at a time; a file whose columns are of the wrong type is bad input."""
    try:
        yield from events.chunks(CHUNK)
    except TypeError as error:
        raise InputError(str(error)) from error


def guess_reader(paths: Sequence[Path]) -> str:
    """The reader of these files, by their names; InputError if they have none in common."""
    readers = {_reader_of(path) for path in paths}
    if len(readers) > 1:
        raise InputError("the inputs are of several kinds", field="INPUT", value=sorted(readers))
    return readers.pop()


def _reader_of(path: Path) -> str:
    name = path.name.lower()
    if name.endswith((".dbn", ".dbn.zst")):
        return "databento"
    if name.endswith(".csv") and ("_message_" in name or "_orderbook_" in name):
        return "lobster"
    if name.endswith((".parquet", ".csv", ".npy")):
        return "events"
    raise InputError(
        "its name does not say what it is: use --reader lobster, databento or events",
        field="INPUT",
        value=str(path),
    )


def lobster_pairs(paths: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Each message file with its order book file (None: not given), by their names.

    Two files with names that tell nothing are a message and an order book file.
    """
    if not any("_message_" in p.name or "_orderbook_" in p.name for p in paths):
        if len(paths) > 2:
            raise InputError(
                "more than two files need _message_ and _orderbook_ in their names to be paired",
                field="INPUT",
                value=str(paths[0]),
            )
        return [(paths[0], paths[1] if len(paths) == 2 else None)]
    orderbooks = {_stem(p, "_orderbook_"): p for p in paths if "_orderbook_" in p.name}
    pairs = [
        (p, orderbooks.pop(_stem(p, "_message_"), None))
        for p in paths
        if "_orderbook_" not in p.name
    ]
    if orderbooks:
        alone = next(iter(orderbooks.values()))
        raise InputError("there is no message file with it", field="INPUT", value=str(alone))
    return pairs


def _stem(path: Path, kind: str) -> str:
    return str(path.with_name(path.name.replace(kind, "_")))
