"""`bookflow info`: what is in a recording, in one pass and in bounded memory."""

import argparse

from bookflow.commands.inputs import chunks, open_inputs
from bookflow.commands.progress import Progress
from bookflow.commands.summary import Summary


def run(args: argparse.Namespace) -> int:
    for number, events in enumerate(open_inputs(args)):
        summary = Summary(events.instrument)
        with Progress("events") as progress:
            for chunk in chunks(events):
                summary.add(chunk)
                progress.add(len(chunk))
        summary.finish(events.counts)
        if number:
            print()
        print(events.source)
        print(summary.text())
    return 0
