"""Which reader an input needs, and the events that it gives."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bookflow import Instrument
from bookflow._instrument import with_id
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
        given = {name: getattr(args, name) for name in ("tick", "symbol", "date", "seed")}
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
    lobster = reader == "lobster"
    others = ("price_unit", "size_unit", "instrument") if lobster else ("date", "seed")
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


def by_instrument(chunk: Events) -> dict[int, Events]:
    """The events of each instrument by its id, without a copy where there is only one."""
    ids = chunk.columns["instrument"]
    if ids is None or not len(ids):
        return {chunk.instrument.id: chunk}
    return {int(ids[0]): chunk} if (ids == ids[0]).all() else chunk.split()


def instrument_of(events: Events, number: int | None) -> Instrument:
    """The instrument of this id among those of the events; None: the events' own."""
    if number is None:
        return events.instrument
    return events.instruments.get(number) or with_id(events.instrument, number)


def of_instrument(events: Events, number: int | None) -> Iterator[Events]:
    """`chunks` of one instrument; None: the only one that there is."""
    wanted = events.instrument.id if number is None else number
    found = False
    for chunk in chunks(events):
        parts = by_instrument(chunk)
        if len(chunk) and number is None and parts.keys() != {wanted}:
            raise InputError(
                f"must be one of {_ids(events)}", source=events.source, field="--instrument"
            )
        if wanted in parts:
            found = True
            yield parts[wanted]
    if not found and number is not None:
        raise InputError(
            f"is not in the input, which has {_ids(events) or 'none'}",
            source=events.source,
            field="--instrument",
            value=number,
        )


def _ids(events: Events) -> str:
    """Every instrument id there is, for a message: it takes another pass over the input."""
    ids: set[int] = set()
    for chunk in chunks(events):
        ids.update(np.unique(chunk.instrument_id).tolist())
    return ", ".join(map(str, sorted(ids)))


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
    """Each message file with its order book file, by their names.

    Two files with names that tell nothing are a message and an order book file. Only one message
    file, given alone, is read without a book: a book left out by mistake must not go unnoticed.
    """
    twice, times = Counter(map(os.path.abspath, paths)).most_common(1)[0]
    if times > 1:
        raise InputError("is given twice", field="INPUT", value=twice)
    if not any("_message_" in p.name or "_orderbook_" in p.name for p in paths):
        if len(paths) > 2:
            raise InputError(
                "more than two files need _message_ and _orderbook_ in their names to be paired",
                field="INPUT",
                value=str(paths[0]),
            )
        return [(paths[0], paths[1] if len(paths) == 2 else None)]
    orderbooks = {_stem(p, "_orderbook_"): p for p in paths if "_orderbook_" in p.name}
    messages = {_stem(p, "_message_"): p for p in paths if "_orderbook_" not in p.name}
    for stem, path in (orderbooks | messages).items():
        if stem not in messages:
            raise InputError("there is no message file with it", field="INPUT", value=str(path))
        if stem not in orderbooks and len(paths) > 1:
            raise InputError("there is no orderbook file with it", field="INPUT", value=str(path))
    return [(path, orderbooks.get(stem)) for stem, path in messages.items()]


def _stem(path: Path, kind: str) -> str:
    return os.path.abspath(path.with_name(path.name.replace(kind, "_")))
