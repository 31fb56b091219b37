"""Which targets are met, from the figures of one run."""

from dataclasses import dataclass

from bench.case import Group, Target
from bench.latency import Latency
from bench.measure import Figure


@dataclass(frozen=True)
class Verdict:
    work: str
    stream: str
    target: str
    figure: str
    ratio: str
    met: bool | None  # None: not measured


def judged(group: Group, target: Target, figures: list[Figure]) -> Verdict:
    by_name = {figure.name: figure.median for figure in figures}
    mine = by_name.get(target.of)
    if mine is None:
        reason = dict(group.missing).get(target.of, "not measured")
        return Verdict(group.work, group.stream, target.text, "-", reason, None)
    if target.minus:
        mine -= by_name[target.minus]
    shown = f"{mine:.2f} ns" if mine < 20 else f"{mine:.0f} ns"
    if target.limit is not None:
        beside = next((name for name in by_name if name.startswith("floor")), "")
        ratio = f"{mine / by_name[beside]:.2f} x {beside}" if beside else ""
        met: bool | None = mine <= target.limit
    else:
        other = by_name.get(target.beside)
        if other is None or target.factor is None:
            return Verdict(
                group.work, group.stream, target.text, shown, f"no {target.beside}", None
            )
        faster = target.factor < 1
        ratio = (
            f"{other / mine:.2f} x as fast as {target.beside}"
            if faster
            else f"{mine / other:.2f} x {target.beside}"
        )
        met = mine <= target.factor * other
    return Verdict(group.work, group.stream, target.text, shown, ratio, met)


def of_latency(latencies: list[Latency]) -> list[Verdict]:
    return [
        Verdict(
            "worst event, changes falling evenly",
            one.name,
            "p99.9 <= 1 us",
            f"{one.p999:,.0f} ns",
            f"the clock takes {one.clock:.0f} ns of it",
            one.p999 <= 1000,
        )
        for one in latencies
    ]


def of_threads(ratio: float | None, live: int) -> Verdict:
    figure = "-" if ratio is None else f"{ratio:.2f} x"
    needed = live < 1_000_000
    met = None if ratio is None or not needed else ratio >= 1.85
    text = ">= 1.85 x" if needed else "reported"
    return Verdict(
        "two instruments on two cores, one run each", f"{live:,} live", text, figure, "", met
    )


def of_memory(total: float, index: float, live: int) -> Verdict:
    return Verdict(
        "memory of a book of orders",
        f"{live:,} live",
        "<= 64 bytes an order besides the index",
        f"{total - index:.0f} bytes",
        f"{total:.0f} with the index's {index:.0f}",
        total - index <= 64,
    )
