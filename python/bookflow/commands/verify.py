"""`bookflow verify`: recorded books against the package's own, a message at a time."""

import argparse

from bookflow.commands.inputs import chunks
from bookflow.commands.progress import Progress
from bookflow.commands.replay import Replay
from bookflow.commands.text import table
from bookflow.readers import read_lobster


def run(args: argparse.Namespace) -> int:
    events = read_lobster(args.message, args.orderbook, date=args.date)
    replay = Replay(events.instrument)
    with Progress("rows") as progress:
        for chunk in chunks(events):
            replay.add(chunk)
            progress.add(len(chunk))
    facts = [
        ("rows", f"{replay.rows:,}"),
        ("levels compared", f"{replay.compared:,}"),
        ("equal", f"{replay.equal:,}"),
        ("scrolled in, not compared", f"{replay.scrolled:,}"),
        ("first difference", replay.first or "none"),
    ]
    print(table(facts, indent=""))
    return 1 if replay.first else 0
