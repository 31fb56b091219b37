"""What every calculator costs an event, without Python's share: its function over columns.

python -m bench.cost            # all of them, a minute: the last section of docs/benchmarks.md
python -m bench.cost --quick    # fewer rounds, printed and not written
"""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import bookflow as bf
from bench import floors, machine, streams
from bench.case import Case, Group
from bench.measure import Figure, measure
from bench.numba_books import NumbaLevels
from bench.page import missed, nanoseconds, plain, table

DOCS = Path(__file__).parents[1] / "docs"
HEADING = "## Every calculator over columns"
LEVELS = 10
REQUIRED: dict[str, Any] = {
    "bucket": 10_000,
    "whole bucket": 10_000,
    "quantity": 500,
    "bar": "1s",
    "amount": 5_000,
    "numbers": [1 / LEVELS] * LEVELS,
}
"""Of parameters without a default, by their type."""
EACH_PRINT: dict[str, Any] = {"bar": None}
"""Bars of a print: in longer ones the distribution, asked once a bar, would not be seen."""

BULK = {"BulkVolume", "BulkVPIN"}
LOGARITHMS = {"BookSlope", "BookSkew", "LogReturn", "VolumeImpact", "LogOrderFlowImbalance"}
WITH_EXP = LOGARITHMS | BULK | {"HawkesIntensity"}
QUANTILES = {"TradeSizeQuantile", "Rank", "AdaptiveThreshold"}
NOT_ALONE = {"RelativeVolume": "knows no session over columns, and is NaN"}


@dataclasses.dataclass(frozen=True)
class Class:
    """A class of work and the most that an event of it may cost (None: nothing was promised)."""

    title: str
    limit: float | None
    a_level: bool = False


TOUCH = Class("Numbers of the touch", 10)
LEVELLED = Class("Of several levels, by the level", 1.5, a_level=True)
EXPONENTIAL = Class("With an exponential, a logarithm or a distribution", 25)
QUANTILE = Class("Quantiles and ranks", 60)
PRINTS = Class("Prints", None)
CHANGES = Class("Changes of single orders", None)
VALUES = Class("Values of other calculators", None)
CLASSES = (TOUCH, LEVELLED, EXPONENTIAL, QUANTILE, PRINTS, CHANGES, VALUES)


def class_of(entry: dict[str, Any]) -> Class:
    if entry["name"] in WITH_EXP:
        return EXPONENTIAL
    if entry["feed"] == "depth":
        return LEVELLED
    if entry["name"] in QUANTILES:
        return QUANTILE
    by_feed = {"quotes": TOUCH, "queues": TOUCH, "trades": PRINTS, "changes": CHANGES}
    return by_feed.get(entry["feed"], VALUES)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Nanoseconds an event of one calculator; of several levels: all of them."""

    name: str
    title: str
    median: float
    least: float
    rounds: int
    settings: str
    levels: int

    @property
    def judged(self) -> Class:
        return next(c for c in CLASSES if c.title == self.title)

    @property
    def figure(self) -> float:
        return self.least / self.levels

    @property
    def met(self) -> bool | None:
        limit = self.judged.limit
        return None if limit is None else self.figure <= limit


class Market:
    """Columns of each feed, from the simulated stream and from simulated prints."""

    def __init__(self, n: int) -> None:
        stream = streams.simulated(n)
        events = stream.events
        self.n = n
        self.ts = events.ts
        self.quotes = events.quotes
        book = NumbaLevels(stream.prices)
        book.replay(*stream.seed.levels(), floors.quotes_out(stream.live))
        self.depth = book.replay(*events.levels(), floors.quotes_out(n, LEVELS))
        self.prints = streams.trades(n)
        self.prints_ts = streams.START + 100 * (self.prints.ts - streams.START)  # two a second
        self.changes = self._changes(events)
        self.values = self._values()

    def _changes(self, events: streams.Columns) -> tuple[np.ndarray, ...]:
        """Each event as a change of size at one price, at the touch before it, after it or not."""
        added = events.action == bf.Action.ADD
        traded = events.action == bf.Action.EXECUTE
        change = np.where(added, events.size, -events.size)
        cause = np.where(added, 1, np.where(traded, 4, 2)).astype(np.uint8)
        best = np.where(events.side == bf.Side.BID, events.bid_price, events.ask_price)
        before = np.where(
            events.side == bf.Side.BID,
            np.roll(events.bid_price, 1),
            np.roll(events.ask_price, 1),
        )
        touch = (events.price == before) + 2 * (events.price == best)
        return events.price, change, events.side, cause, touch.astype(np.uint8)

    def _values(self) -> dict[str, np.ndarray]:
        """Flow, the change of a price it explains in part, and that price's path."""
        random = np.random.default_rng(1)
        flow = random.normal(0.0, 1_000.0, self.n)
        change = 0.002 * flow + random.normal(0.0, 2.0, self.n)
        return {
            "flow": flow,
            "change": change,
            "z": random.normal(0.0, 1.0, self.n),
            "price": 1e4 + np.cumsum(change) % 1e3,
            "turnover": np.abs(flow) + 1.0,
        }

    def columns(self, entry: dict[str, Any]) -> tuple[np.ndarray, ...]:
        feed = entry["feed"]
        if feed == "values":
            v = self.values
            if entry["name"] == "LogReturn":
                return (v["price"],)
            if entry["name"] == "Amihud":
                return v["change"], v["turnover"]
            return (v["change"], v["flow"]) if len(entry["inputs"]) == 2 else (v["z"],)
        if feed == "trades":
            p = self.prints
            wide = 1 + (np.arange(len(p.price)) % 7 < 2)  # now and then a spread of two
            touch = (p.price - wide * (p.side == 1), p.price + wide * (p.side == 2))
            return (p.price, p.size, p.side, *(touch if entry["needs_touch"] else ()))
        if feed == "queues":  # orders of 100, older where there are more of them
            sizes = self.quotes[1], self.quotes[3]
            orders = [size // 100 + 1 for size in sizes]
            return (*orders, *sizes, *(count * 1_000_000_000 for count in orders))
        return {"quotes": self.quotes, "depth": self.depth, "changes": self.changes}[feed]

    def times(self, entry: dict[str, Any]) -> np.ndarray:
        return self.prints_ts if entry["feed"] == "trades" else self.ts


def settings_of(entry: dict[str, Any], market: Market) -> dict[str, Any]:
    """The defaults, what has none, and as many levels as there are columns."""
    if entry["name"] == "Microprice":
        fitted = bf.fit_microprice(*market.quotes, spreads=5, edges=10).calculator()
        return {"edges": fitted.edges, "adjustment": fitted.adjustment}
    out = {p["name"]: REQUIRED[p["type"]] for p in entry["parameters"] if p["required"]}
    if any(p["name"] == "levels" for p in entry["parameters"]):
        out["levels"] = LEVELS
    return out | (EACH_PRINT if entry["name"] in BULK else {})


def case_of(entry: dict[str, Any], market: Market) -> tuple[Case, str]:
    """What is timed, and its settings as shown."""
    function = getattr(bf, entry["function"])
    columns, settings = market.columns(entry), settings_of(entry, market)
    shown = ", ".join(
        f"{k}={f'{len(v)} numbers' if isinstance(v, list | tuple) else repr(v)}"
        for k, v in settings.items()
    )
    few = [np.ascontiguousarray(column[:100]) for column in columns]
    try:
        first = function(*few, **settings)
    except bf.InputError:  # what runs on time says so
        settings["ts"] = market.times(entry)
        first = function(*few, **settings | {"ts": settings["ts"][:100]})
    out = np.full((market.n, *first.shape[1:]), -1.0)  # written before: no page is fresh

    def check(answer: Any) -> None:
        assert np.isfinite(answer).any(), f"{entry['name']} is NaN everywhere"

    def run(_: Any) -> Any:
        return function(*columns, **settings, out=out)

    return Case(entry["name"], run, check, market.n), shown


def costs(quick: bool, say: Callable[..., None] = print) -> list[Cost]:
    """Every calculator of the list, in rounds that take turns."""
    n = 100_000
    market = Market(n)
    entries = {e["name"]: e for e in bf.calculators() if e["name"] not in NOT_ALONE}
    made = {name: case_of(entry, market) for name, entry in entries.items()}
    cases = [case for case, _ in made.values()]
    group = Group("cost", "every calculator over columns", f"simulated, {n:,} rows", cases)
    out = []
    for figure in measure(group, seconds=2.0 if quick else 30.0, least=5 if quick else 9):
        out.append(cost_of(entries[figure.name], made[figure.name][1], figure))
        say(f"{out[-1].name:36}{nanoseconds(out[-1].least):>10} ns")
    assert not group.missing, group.missing
    return out


def cost_of(entry: dict[str, Any], shown: str, figure: Figure) -> Cost:
    its = class_of(entry)
    levels = LEVELS if its.a_level else 1
    return Cost(figure.name, its.title, figure.median, figure.least, figure.rounds, shown, levels)


def section(found: list[Cost]) -> str:
    """The last section of docs/benchmarks.md."""
    described = machine.described()
    keys = ("CPU", "Python", "compiler", "bookflow", "numpy")
    on = "\n".join(f"- {key}: {plain(described[key])}" for key in keys)
    rounds = min((cost.rounds for cost in found), default=0)
    judged = [cost for cost in found if cost.met is not None]
    met = sum(cost.met is True for cost in judged)
    out = (
        f"{HEADING}\n\n"
        "Written by `python -m bench.cost`. Nanoseconds a row of each calculator's function over\n"
        "simulated columns, default settings and what has no default; no Python call is in them.\n"
        f"{rounds} rounds that take turns, CPU time, every answer finite somewhere. Other work\n"
        "ran on the machine, which only ever adds: the verdict is on the least round, the median\n"
        f"stands beside. Of {len(judged)} with a limit {met} keep it. Measured on\n\n{on}\n\n"
    )
    words = {True: "met", False: "**missed**", None: ""}
    for its in CLASSES:
        rows = []
        for cost in sorted((c for c in found if c.title == its.title), key=lambda c: c.figure):
            settings = f"`{cost.settings}`" if cost.settings else ""
            least, median = (nanoseconds(x) for x in (cost.least, cost.median))
            each = [nanoseconds(cost.figure)] if its.a_level else []
            rows.append([cost.name, settings, *each, least, median, words[cost.met]])
        limit = "no limit was set" if its.limit is None else f"at most {its.limit:g} ns"
        limit += f" a level, of {LEVELS} levels" if its.a_level else ""
        head = ["", "settings", *(["a level"] if its.a_level else []), "least", "median", ""]
        out += f"### {its.title}: {limit}\n\n" + table(head, rows)
    return out + "".join(f"- not measured: {name} {why}\n" for name, why in NOT_ALONE.items())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing is written")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write to")
    given = parser.parse_args()
    found = costs(given.quick)
    if given.quick:
        return
    page = given.out / "benchmarks.md"
    before = page.read_text(encoding="utf-8").partition(HEADING)[0]
    title, why = missed().partition("\n")[::2]
    begin, _, rest = before.partition(title + "\n")
    before = begin + title + "\n" + why + rest[rest.index("\n## ") :]  # it tells of these too
    page.write_text(before.rstrip() + "\n\n" + section(found).rstrip() + "\n", encoding="utf-8")
    figures = given.out / "benchmarks.json"
    known: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
    known["costs"] = [dataclasses.asdict(cost) for cost in found]
    text = json.dumps(known, indent=1, sort_keys=True)
    figures.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
