"""`bookflow features`: feature rows of recorded events, written as they come."""

import argparse
import re
from collections.abc import Sequence

from bookflow import Pipeline, parse_calculator
from bookflow.commands.inputs import chunks, open_inputs
from bookflow.commands.output import Output
from bookflow.commands.progress import Progress
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.pipeline import Calculator

_FEATURE = re.compile(r"\s*(?P<name>\w+)\s*=(?P<calculator>.*)", re.DOTALL)


def run(args: argparse.Namespace) -> int:
    pipeline: Pipeline | None = None
    features = _features(args.features)
    done = 0
    with Output(args.out) as out, Progress("events") as progress:
        for events in open_inputs(args):
            if pipeline is None:
                pipeline = Pipeline(
                    events.instrument,
                    clock=args.every,
                    features=features,
                    session=args.session,
                    hidden=args.hidden,
                    order=args.order,
                )
                first = events
            _check_same(first, events)
            for chunk in chunks(events):
                out.write(pipeline.run(chunk))
                progress.add(len(chunk))
                done += len(chunk)
        if pipeline is not None:
            out.write(pipeline.finish())
    names = ", ".join(features)
    print(f"{args.out}: {out.rows:,} rows of {names} from {done:,} events")
    return 0


def _features(texts: Sequence[str]) -> dict[str, Calculator]:
    features: dict[str, Calculator] = {}
    for text in texts:
        parts = _FEATURE.fullmatch(text)
        if parts is None:
            raise InputError("must be NAME=Calculator(...)", field="-f", value=text)
        if parts["name"] in features:
            raise InputError("there are two of this name", field="-f", value=parts["name"])
        features[parts["name"]] = parse_calculator(parts["calculator"].strip())
    return features


def _check_same(first: Events, events: Events) -> None:
    if events.instrument != first.instrument:
        raise InputError(
            f"is another instrument than that of {first.source}: {events.instrument!r}",
            source=events.source,
            field="instrument",
        )
