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
    "bool": (False, True),
    "int": (1, 3),
    "float": (0.0, 0.7),
    "quantity": (1, 7),
    "bar": (None, "2s"),
    "sigma": ("trailing:2", 1.5),
    "distribution": ("normal", "t:0.25"),
    "bucket": ("adv:2/3", 3, 7.5),
}
NAMED: dict[str, tuple[Any, ...]] = {"bars": (2, 3)}
"""Of parameters whose range begins elsewhere."""
MOST = 200
"""Of a calculator's variants; of more, every so-manieth is taken."""


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
    def needs_ts(self) -> bool:
        timed = self.window in ("3s", "ew:2s") or self.settings.get("bar") is not None
        return timed or "beta" in self.settings

    @property
    def rounds(self) -> bool:
        """Whether it is made of rounded weights."""
        return self.settings.get("weights") in ("exponential", "inverse")

    @property
    def touch(self) -> bool:
        """Whether it signs prints by the touch before them."""
        if self.entry["needs_touch"]:
            return True
        return self.settings.get("sign", "tick") not in ("aggressor", "tick")

    @property
    def alone(self) -> bool:
        """Whether `update` and the column function take it."""
        return self.feed == "trades" or self.window != "2trades"

    def make(self) -> Any:
        return getattr(bf, self.name)(**self.settings)

    def function(self, *columns: Any, **more: Any) -> Any:
        return getattr(bf, self.snake)(*columns, **self.settings, **more)

    def expected(self, *columns: Any, **more: Any) -> Any:
        return getattr(reference, self.snake)(*columns, **self.settings, **more)


def variants_of(entry: dict[str, Any]) -> Iterator[Variant]:
    """The product of every parameter's sample values: all choices of a choice."""
    parameters = entry["parameters"]
    samples = [
        (p["choices"] or NAMED.get(p["name"]) or SAMPLES[p["type"]])
        + ((LAGGED,) if p["name"] == "sign" else ())
        for p in parameters
    ]
    every = list(product(*samples))
    step = len(every) // MOST + 1
    for values in every[:: step + (len(every) % step == 0 and step > 1)]:
        yield Variant(entry, {p["name"]: v for p, v in zip(parameters, values, strict=True)})


ENTRIES = bf.calculators()
VARIANTS = tuple(variant for entry in ENTRIES for variant in variants_of(entry))
