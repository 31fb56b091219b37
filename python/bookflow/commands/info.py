"""`bookflow info`: what is in a recording, in one pass and in bounded memory."""

import argparse

from bookflow.commands.inputs import (
    by_instrument,
    chunks,
    instrument_of,
    of_instrument,
    open_inputs,
)
from bookflow.commands.progress import Progress
from bookflow.commands.summary import Summary
from bookflow.commands.text import counted
from bookflow.events import Events


def run(args: argparse.Namespace) -> int:
    for number, events in enumerate(open_inputs(args)):
        if number:
            print()
        summaries = _summaries(events, args.instrument)
        print(events.source)
        # What a reader counts it counts of the file, not of one instrument in it.
        alone = args.instrument is None and len(summaries) == 1
        for summary in summaries.values():
            summary.finish(events.counts if alone else {})
        print("\n\n".join(summary.text() for summary in summaries.values()))
        if not alone and any(events.counts.values()):
            print(f"\nfaults of the whole file: {counted(events.counts)}")
    return 0


def _summaries(events: Events, number: int | None) -> dict[int, Summary]:
    """A summary of each instrument, or of the one of this `number`, by its id."""
    summaries: dict[int, Summary] = {}
    parts = chunks(events) if number is None else of_instrument(events, number)
    with Progress("events") as progress:
        for chunk in parts:
            for found, own in by_instrument(chunk).items():
                if found not in summaries:
                    summaries[found] = Summary(instrument_of(events, found))
                summaries[found].add(own)
            progress.add(len(chunk))
    return summaries or {events.instrument.id: Summary(events.instrument)}
