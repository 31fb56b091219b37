"""Which reader an input needs, and the events that it gives."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bookflow import Instrument
from bookflow.commands.sources import open_with
from bookflow.errors import InputError
from bookflow.events import Events

CHUNK = 1 << 18
"""Events held at a time."""


def open_inputs(args: argparse.Namespace) -> Iterator[Events]:
    """The events of each input in the order given, none of them loaded."""
    missing = [path for path in args.inputs if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{missing[0]}: no such file")
    yield from open_with(args.reader or guess_reader(args.inputs), args)


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
    return events.instrument if number is None else events._instrument_of(number)


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
    if ".itch" in name or "_itch" in name:
        return "itch"
    if name.endswith((".pcap", ".pcap.gz", ".pcapng", ".pcapng.gz")):
        return "iex"
    raise InputError(
        "its name does not say what it is: use --reader NAME",
        field="INPUT",
        value=str(path),
    )
