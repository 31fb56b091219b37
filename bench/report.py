"""Runs every group and writes docs/benchmarks.md, its plots, and docs/benchmarks.json.

python -m bench.report            # all of it, about ten minutes
python -m bench.report --quick    # shorter streams, a couple of minutes
python -m bench.report --only l3  # one group, printed and not written
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from bench import cost, growth, latency, machine, memory, threads
from bench.case import Group
from bench.groups import GROUPS
from bench.measure import Figure, measure
from bench.page import Results, nanoseconds, plain, write
from bench.targets import judged, of_latency, of_memory, of_threads

DOCS = Path(__file__).parents[1] / "docs"
BEGIN = time.perf_counter()


def say(*words: object) -> None:
    print(f"{time.perf_counter() - BEGIN:5.0f} s ", *words, flush=True)


def run_group(group: Group, seconds: float) -> list[Figure]:
    figures = measure(group, seconds=seconds)
    say(f"{group.name}: {group.work}; {group.stream}")
    for figure in sorted(figures, key=lambda f: f.median):
        print(f"          {figure.name:32}{nanoseconds(figure.median):>10} ns")
    for name, reason in group.missing:
        print(f"          {name:32} {reason}")
    return figures


def groups(results: Results, only: list[str]) -> None:
    for name, make in GROUPS.items():
        if only and name not in only:
            continue
        for group in make(results.quick):
            figures = run_group(group, 1.0 if results.quick else 4.0)
            results.groups.append((group, figures))
            results.verdicts += [judged(group, target, figures) for target in group.targets]
            group.cases.clear()  # and with them their streams


def others(results: Results) -> None:
    """What is no group: latencies, growth, memory, threads."""
    quick = results.quick
    pushes, worst = latency.pushes(quick), latency.worst(quick)
    results.latencies = pushes + worst
    results.verdicts += of_latency(worst)
    say("latencies")
    for curves in growth.curves(quick):
        results.curves.append(curves)
        say(f"growth by {curves.x}")
    live = 1_000_000 if quick else 5_000_000
    total, index = memory.asked("orders", live), memory.of_index(live)
    results.verdicts.append(of_memory(total, index, live))
    results.facts[f"bytes an order, {live:,} live, with the index"] = total
    results.facts["most bytes that Pipeline.run took beyond its input, a million events"] = (
        memory.asked("pipeline", 1_000_000)
    )
    for count in (31_000, live):
        try:
            ratio: float | None = threads.speedup(count, 500_000, 2 if count == live else 7)
        except RuntimeError as reason:
            say(f"threads: {reason}")
            ratio = None
        results.verdicts.append(of_threads(ratio, count))
        if ratio is not None:
            results.facts[f"two threads, {count:,} live, times the work of one"] = ratio
    say("memory and threads")


def as_json(results: Results) -> dict[str, Any]:
    def group(one: Group, figures: list[Figure]) -> dict[str, Any]:
        return {
            "group": one.name,
            "work": one.work,
            "stream": one.stream,
            "real": one.real,
            "figures": [dataclasses.asdict(figure) for figure in figures],
            "missing": {name: plain(reason) for name, reason in one.missing},
        }

    return {
        "quick": results.quick,
        "machine": {name: plain(text) for name, text in results.machine.items()},
        "targets": [
            dataclasses.asdict(verdict) | {"ratio": plain(verdict.ratio)}
            for verdict in results.verdicts
        ],
        "groups": [group(*pair) for pair in results.groups],
        "latencies": [dataclasses.asdict(one) for one in results.latencies],
        "growth": [dataclasses.asdict(curves) for curves in results.curves],
        "facts": results.facts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.report")
    parser.add_argument("--quick", action="store_true", help="shorter streams and fewer rounds")
    parser.add_argument("--only", action="append", default=[], choices=GROUPS, metavar="GROUP")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write to")
    given = parser.parse_args()
    results = Results(given.quick, machine.described())
    groups(results, given.only)
    if given.only:
        return
    others(results)
    known = as_json(results)
    found = cost.costs(given.quick, say=lambda *_: None)
    say("every calculator over columns")
    results.costs = cost.section(found)
    known["costs"] = [dataclasses.asdict(one) for one in found]
    write(results, given.out)
    text = json.dumps(known, indent=1, sort_keys=True)
    (given.out / "benchmarks.json").write_text(text + "\n", encoding="utf-8")
    say("written")


if __name__ == "__main__":
    main()
