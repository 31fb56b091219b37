"""`bookflow verify`: recorded books against the package's own, a message at a time."""

import argparse

from bookflow.commands.inputs import chunks, open_inputs
from bookflow.commands.pairs import lobster_pairs
from bookflow.commands.progress import Progress
from bookflow.commands.replay import Replay
from bookflow.commands.sources import feed_settings, recordings
from bookflow.commands.text import table
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds import VENUES, verify_feed


def run(args: argparse.Namespace) -> int:
    reader = args.reader = args.reader or "lobster"
    if reader == "lobster":
        if any(orderbook is None for _, orderbook in lobster_pairs(args.inputs)):
            raise InputError("there is no orderbook file to compare with", field="INPUT")
        results = [_lobster(events) for events in open_inputs(args)]
    elif reader in VENUES:
        results = _feed(reader, args)
    else:
        next(open_inputs(args), None)  # a name that is none, a file that is none
        rule = "says nothing of its own books: there is nothing to compare ours with"
        raise InputError(rule, field="--reader", value=reader)
    print("\n\n".join(text for text, _ in results))
    return 0 if all(holds for _, holds in results) else 1


def _lobster(events: Events) -> tuple[str, bool]:
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
    return table(facts, indent=""), not replay.first


def _feed(venue: str, args: argparse.Namespace) -> list[tuple[str, bool]]:
    results = []
    for paths in recordings(args):
        truths = verify_feed(paths, venue, **feed_settings(args))
        name = ", ".join(path.name for path in paths)
        if not truths:
            raise InputError("holds nothing to compare a book with", source=name)
        facts = [("recording", name)]
        for what, truth in truths.items():
            facts += [
                (f"{what}s compared", f"{truth.compared:,}"),
                ("equal", f"{truth.equal:,} ({truth.equal / max(truth.compared, 1):.2%})"),
                ("first difference", truth.first or "none"),
            ]
            if truth.needed < 1:
                facts.append(("needed", f"{truth.needed:.2%}"))
        results.append((table(facts, indent=""), all(t.holds for t in truths.values())))
    return results
