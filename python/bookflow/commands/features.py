"""`bookflow features`: feature rows of recorded events, written as they come."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence

from bookflow import Instrument, Pipeline, parse_calculator
from bookflow.commands.inputs import instrument_of, of_instrument, open_inputs
from bookflow.commands.job import job
from bookflow.commands.progress import Progress
from bookflow.commands.text import counted
from bookflow.errors import InputError
from bookflow.pipeline import Calculator

_FEATURE = re.compile(r"\s*(?P<name>\w+)\s*=(?P<calculator>.*)", re.DOTALL)


def run(args: argparse.Namespace) -> int:
    pipeline: Pipeline | None = None
    features = _features(args.features)
    with job(args) as rows, Progress("events") as progress:
        for number, events in enumerate(open_inputs(args)):
            instrument = instrument_of(events, args.instrument)
            if pipeline is None:
                pipeline = Pipeline(
                    instrument,
                    clock=args.every,
                    features=features,
                    session=args.session,
                    hidden=args.hidden,
                    on_gap=args.on_gap,
                    on_crossed=args.on_crossed,
                    stale_after=args.stale_after,
                    order=args.order,
                )
                first = events.source
                rows.begin(pipeline)
            _check_same(pipeline.instrument, first, instrument, events.source)
            if not rows.takes(number):
                continue
            for chunk in of_instrument(events, args.instrument):
                for piece in rows.pieces(chunk):
                    rows.write(pipeline.run(piece), len(piece))
                progress.add(len(chunk))
            rows.faults.update(events.counts)
        faults = rows.faults
        if pipeline is not None:
            rows.write(pipeline.finish())
            faults.update(pipeline.faults)
    names = ", ".join(features)
    print(f"{args.out}: {rows.count:,} rows of {names} from {rows.done:,} events")
    _tell(faults)
    return 0


def _tell(faults: Counter[str]) -> None:
    """What was wrong with the input, for those who do not look at the rows' status."""
    if faults["unfinished"]:
        rule = "the input ends inside an atomic event, which is left out"
        print(f"bookflow features: {rule}", file=sys.stderr)
    if faults.total():
        print(f"bookflow features: faults: {counted(faults)}", file=sys.stderr)


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


def _check_same(first: Instrument, first_source: str, other: Instrument, source: str) -> None:
    if other != first:
        raise InputError(
            f"is another instrument than that of {first_source}: {other!r}",
            source=source,
            field="instrument",
        )
