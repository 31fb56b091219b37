"""docs/benchmarks.md and its plots, from the figures of one run."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench import svg
from bench.case import Group
from bench.growth import Curves
from bench.latency import Latency
from bench.measure import Figure
from bench.targets import Verdict

HEAD = """# Benchmarks

Written by `python -m bench.report`{how}; do not edit. One core, CPU time, medians of interleaved
rounds; every competitor's answer is compared row by row with the truth beside the stream, and who
answers otherwise is not ranked. `bench/README.md` tells the method and the traps. The machine is a
shared one: ratios within a table travel, digits do not.

"""


@dataclass
class Results:
    quick: bool
    machine: dict[str, str]
    groups: list[tuple[Group, list[Figure]]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    costs: str = ""  # the section of every calculator


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n"


def plain(text: str) -> str:
    """Without folders of this machine, and safe inside a table."""
    return re.sub(r"(?<![\w.])/[\w.+-]+/[\w./+-]*", "...", text).replace("|", "/")


def nanoseconds(value: float) -> str:
    return f"{value:,.2f}" if value < 20 else f"{value:,.0f}"


def group_table(group: Group, figures: list[Figure]) -> str:
    mine = next((f.median for f in figures if f.name == "bookflow"), None)
    floor = min((f.median for f in figures if f.name.startswith("floor")), default=None)
    rows = []
    for figure in sorted(figures, key=lambda f: f.median):
        name = f"**{figure.name}**" if figure.name.startswith("bookflow") else figure.name
        to_mine = f"{figure.median / mine:.2f}" if mine else ""
        to_floor = f"{figure.median / floor:.2f}" if floor else ""
        spread = f"{nanoseconds(figure.least)} to {nanoseconds(figure.most)}"
        rows.append([name, nanoseconds(figure.median), spread, to_mine, to_floor])
    out = f"### {group.stream}\n\n"
    out += table(["", "ns an event", "least to most", "x bookflow", "x the best floor"], rows)
    for name, reason in group.missing:
        out += f"- not ranked: {name}: {plain(reason)}\n"
    return out + ("\n" if group.missing else "")


def targets(verdicts: list[Verdict]) -> str:
    words = {True: "met", False: "**missed**", None: "not judged"}
    rows = [[v.work, v.stream, v.target, v.figure, plain(v.ratio), words[v.met]] for v in verdicts]
    return "## Targets\n\n" + table(["work", "stream", "target", "bookflow", "ratio", ""], rows)


def latency_table(latencies: list[Latency]) -> str:
    rows = [
        [one.name, *(f"{x:,.0f}" for x in (one.p50, one.p99, one.p999, one.most, one.clock))]
        for one in latencies
    ]
    return (
        "## Single events\n\n"
        "Each call between two looks at the clock, what looking takes included and beside. The\n"
        "greatest of all is the system's more often than the book's: it takes the CPU away.\n\n"
        + table(["ns", "p50", "p99", "p99.9", "max", "the clock's p50"], rows)
    )


def missed() -> str:
    """What was missed, and why: a section of the page, written by hand."""
    return Path(__file__).with_name("missed.md").read_text(encoding="utf-8")


def write(results: Results, docs: Path) -> None:
    plots = docs / "benchmarks"
    plots.mkdir(exist_ok=True)
    out = HEAD.format(how=" --quick" if results.quick else "")
    out += table(["measured on", ""], ([k, plain(v)] for k, v in results.machine.items()))
    out += targets(results.verdicts)
    out += missed() + "\n"
    work = ""
    # Real recordings first, wherever the groups put them.
    for group, figures in sorted(
        results.groups, key=lambda g: (order_of(results, g[0]), not g[0].real)
    ):
        if group.work != work:
            work = group.work
            out += f"## {work[0].upper()}{work[1:]}\n\n"
        out += group_table(group, figures)
    if results.latencies:
        out += latency_table(results.latencies)
        shapes = {
            one.name.replace("Pipeline.push, ", ""): one.histogram
            for one in results.latencies
            if one.histogram and one.name.startswith("Pipeline")
        }
        title = "Pipeline.push, whole pipeline"
        (plots / "push.svg").write_text(svg.histogram(title, shapes), encoding="utf-8")
        out += "![Histogram of Pipeline.push](benchmarks/push.svg)\n\n"
    if results.curves:
        out += "## How cost grows\n\n"
    for curves in results.curves:
        plot = svg.plot(curves.title, curves.x, "ns an event", curves.lines)
        (plots / f"{curves.file}.svg").write_text(plot, encoding="utf-8")
        out += f"![{curves.title}](benchmarks/{curves.file}.svg)\n\n"
        xs = sorted({x for line in curves.lines.values() for x, _ in line})
        columns = [dict(line) for line in curves.lines.values()]
        rows = [[f"{x:,.0f}", *(nanoseconds(c[x]) if x in c else "" for c in columns)] for x in xs]
        out += table([curves.x, *curves.lines], rows)
    if results.facts:
        out += "## Memory and threads\n\n"
        out += table(["", ""], ([k, f"{v:,.2f}"] for k, v in results.facts.items()))
    out += results.costs
    (docs / "benchmarks.md").write_text(out.rstrip() + "\n", encoding="utf-8")


def order_of(results: Results, group: Group) -> int:
    """Where the first group with this work stands."""
    return next(i for i, (other, _) in enumerate(results.groups) if other.work == group.work)
