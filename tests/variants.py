"""Every calculator with settings derived from its own declaration."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import bookflow as bf
from bookflow import reference

WINDOWS = ("row", "session", None, "3s", "2events", "2trades", "ew:2s", "ew:3events")
LAGGED = "lee_ready:2s"
SAMPLES: dict[str, tuple[Any, ...]] = {
    "window": WINDOWS,
    "sliding": tuple(w for w in WINDOWS if not str(w).startswith("ew:")),
    "anchor": (None, "22:13:22", 1_709_904_003 * 10**9, "14:30"),
    "bool": (False, True),
    "int": (1, 3),
    "float": (0.0, 0.7),
    "quantity": (1, 7),
    "bar": (None, "2s"),
    "horizon": ("1s", "3s"),
    "sigma": ("trailing:2", 1.5),
    "distribution": ("normal", "t:0.25"),
    "bucket": ("adv:2/3", 3, 7.5),
    "distance": (None, 2.5, 120),
    "amount": (5, 900),
    "whole bucket": (3, "adv:2/3", 7),
}
SOURCES = tuple(
    # at hand as numbers without rounding, known or not, of all that drives calculators
    bf.parse_calculator(text).spec
    for text in ("OrderFlowImbalance", "TradeFlowImbalance(3s)", "Mid", "Volume(session)")
)
VECTOR = bf.parse_calculator("MultiLevelOrderFlowImbalance(levels=3)").spec
NAMED: dict[str, tuple[Any, ...]] = {
    # of parameters that take fewer values than their type
    "Alarm.level": (0.5, 1.0),
    "Alarm.back": (0.25, 0.5),
    "AdaptiveThreshold.q": (0.5, 0.9),
    "AdaptiveThreshold.n": (2, 4),
    "EwmaChart.weight": (0.1, 1.0),
    "sd": (1.0, 0.7),
    "alpha": (0.9, 1.0),
    "h": (1.5, 4.0),
    "threshold": (1.5, 0.0),
    "bars": (2, 3),
    "Microprice.edges": ((0.0, 0.5, 1.0), (0.25, 0.5, 0.75)),
    "Microprice.adjustment": ((-0.2, 0.2), (-0.3, 0.125, -1.0, 1e-3)),
    "weights": ((0.75,), (0.5, -0.25)),
}
MOST = {"values": 32}
"""Of a calculator's variants, 200 where nothing is said; of more, every so-manieth is taken."""


@dataclass(frozen=True)
class Variant:
    """One calculator with one choice of settings."""

    entry: dict[str, Any]
    settings: dict[str, Any]

    def __str__(self) -> str:
        return self.name + ":" + ",".join(f"{k}={v}" for k, v in self.settings.items())

    @property
    def name(self) -> str:
        return str(self.entry["name"])

    @property
    def snake(self) -> str:
        return str(self.entry["function"])

    @property
    def feed(self) -> str:
        return str(self.entry["feed"])

    @property
    def window(self) -> str | None:
        return self.settings.get("window", "row")

    @property
    def decays(self) -> bool:
        """Whether its sums are floats, which the reference adds up in another order."""
        return str(self.window).startswith("ew:")

    @property
    def libm(self) -> bool:
        """Whether it needs a distribution or e^-x, which the reference has from libm."""
        return "cdf" in self.settings or "beta" in self.settings

    @property
    def folded(self) -> bool:
        """Whether floats are added up, in another order than the reference does."""
        return self.feed == "values" or "Turnover" in self.name

    @property
    def needs_ts(self) -> bool:
        in_time = self.settings.get("weight") == "time" or "beta" in self.settings
        in_time = in_time or self.settings.get("output") in ("start", "end")
        in_time = in_time or self.settings.get("anchor") is not None
        in_time = in_time or self.settings.get("fills") == "aggressor"
        in_time = in_time or "horizon" in self.settings
        return in_time or self.window in ("3s", "ew:2s") or self.settings.get("bar") is not None

    @property
    def rounds(self) -> bool:
        """Whether it is made of rounded weights."""
        weights = self.settings.get("weights")
        by_distance = self.settings.get("by") in ("ticks", "bp")
        return weights in ("exponential", "inverse") or (weights == "linear" and by_distance)

    @property
    def logarithmic(self) -> bool:
        """Whether it is made of logarithms, which the reference has from libm."""
        return self.name in ("BookSlope", "BookSkew")

    @property
    def touch(self) -> bool:
        """Whether it signs prints by the touch before them."""
        if self.entry["needs_touch"]:
            return True
        return self.settings.get("sign", "tick") not in ("aggressor", "tick")

    @property
    def alone(self) -> bool:
        """Whether `update` and the column function take it."""
        if self.settings.get("of") == "depth":  # alone the sizes of the touch are not known
            return False
        return self.feed == "trades" or self.window != "2trades"

    @property
    def own(self) -> dict[str, Any]:
        """The settings without those of a pipeline alone: what it looks at, and when."""
        if self.feed != "values":
            return self.settings
        return {k: v for k, v in self.settings.items() if k not in (*self.entry["inputs"], "on")}

    def make(self) -> Any:
        """As a pipeline takes it."""
        return getattr(bf, self.name)(**self.settings)

    def make_alone(self) -> Any:
        return getattr(bf, self.name)(**self.own)

    def function(self, *columns: Any, **more: Any) -> Any:
        return getattr(bf, self.snake)(*columns, **self.own, **more)

    def expected(self, *columns: Any, **more: Any) -> Any:
        return getattr(reference, self.snake)(*columns, **self.own, **more)


def samples_of(entry: dict[str, Any], parameter: dict[str, Any]) -> tuple[Any, ...]:
    if parameter["type"] != "source":
        own = NAMED.get(f"{entry['name']}.{parameter['name']}") or NAMED.get(parameter["name"])
        return own or SAMPLES[parameter["type"]]
    if entry["name"] == "Pick":
        return (VECTOR,)
    # each parameter's begin at another place
    at = entry["inputs"].index(parameter["name"])
    return SOURCES[at:] + SOURCES[:at]


def fits(name: str, settings: dict[str, Any]) -> bool:
    """Whether these settings go together."""
    if name == "Mean" and settings["weight"] == "time":
        return settings["window"] not in ("2events", "2trades", "ew:2s", "ew:3events")
    if "within" in settings:  # a distance is given where it has a unit, and only there
        return (settings["within"] is None) == (settings["by"] == "level")
    return True


def variants_of(entry: dict[str, Any]) -> Iterator[Variant]:
    """The product of every parameter's sample values: all choices of a choice."""
    parameters = entry["parameters"]
    samples = [
        (p["choices"] or samples_of(entry, p)) + ((LAGGED,) if p["name"] == "sign" else ())
        for p in parameters
    ]
    names = [p["name"] for p in parameters]
    every = [dict(zip(names, values, strict=True)) for values in product(*samples)]
    every = [settings for settings in every if fits(entry["name"], settings)]
    step = len(every) // MOST.get(entry["feed"], 200) + 1
    for settings in every[:: step + (len(every) % step == 0 and step > 1)]:
        yield Variant(entry, settings)


ENTRIES = bf.calculators()
VARIANTS = tuple(variant for entry in ENTRIES for variant in variants_of(entry))

ALONE = tuple({(v.name, str(v.own)): v for v in VARIANTS if v.alone}.values())
"""Those that are of use without a pipeline, once for each of their own settings."""
