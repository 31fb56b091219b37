"""The plots of the pages, of simulated sessions: `python docs/plots.py` writes docs/plots."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np

import bookflow as bf

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 36, 40
BLUE, RED, GREY = "#1b6ca8", "#d1495b", "#999999"


class Plot:
    """One pair of linear axes."""

    def __init__(
        self, title: str, x: str, y: str, xs: Sequence[float], ys: Sequence[float]
    ) -> None:
        (self.left, self.right), (self.low, self.high) = xs, ys
        middle, base = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
            f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>',
            f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" '
            f'text-anchor="middle">{escape(y)}</text>',
            f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" fill="none" stroke="{GREY}"/>',
        ]
        for value in np.linspace(self.left, self.right, 5):
            place = f'x="{self._x(value)}" y="{base + 15}" text-anchor="middle"'
            self.parts.append(f"<text {place}>{value:.3g}</text>")
        for value in np.linspace(self.low, self.high, 5):
            place = f'x="{LEFT - 5}" y="{self._y(value)}" text-anchor="end"'
            self.parts.append(f"<text {place}>{value:.3g}</text>")

    def _x(self, value: float) -> str:
        share = (value - self.left) / (self.right - self.left)
        return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"

    def _y(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low)
        return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"

    def line(self, xs: np.ndarray, ys: np.ndarray, color: str, *, dash: str = "none") -> None:
        known = np.isfinite(ys)
        places = zip(xs[known].tolist(), ys[known].tolist(), strict=True)
        path = "L".join(f"{self._x(x)} {self._y(y)}" for x, y in places)
        style = f'fill="none" stroke="{color}" stroke-width="1.2" stroke-dasharray="{dash}"'
        self.parts.append(f'<path d="M{path}" {style}/>')

    def dots(self, xs: np.ndarray, ys: np.ndarray, color: str, radius: float) -> None:
        known = np.isfinite(xs) & np.isfinite(ys)
        self.parts += [
            f'<circle cx="{self._x(x)}" cy="{self._y(y)}" r="{radius}" fill="{color}"/>'
            for x, y in zip(xs[known].tolist(), ys[known].tolist(), strict=True)
        ]

    def bar(self, y: float, height: float, begin: float, end: float, color: str) -> None:
        """Lying, from `begin` to `end`."""
        top, bottom = self._y(y + height / 2), self._y(y - height / 2)
        corners = f"M{self._x(begin)} {top}H{self._x(end)}V{bottom}H{self._x(begin)}Z"
        self.parts.append(f'<path d="{corners}" fill="{color}"/>')

    def svg(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def hours(frame: bf.FeatureFrame) -> np.ndarray:
    return (frame.ts - frame.ts[0]) / 3.6e12


def order_flow() -> str:
    session = bf.simulate(seed=7, events=60_000)
    features = {"ofi": bf.OrderFlowImbalance(), "moved": bf.Diff(of=bf.Mid())}
    frame = bf.Pipeline(session.instrument, clock="1m", features=features).run(session.events)
    x, y = frame["ofi"][1:], frame["moved"][1:]
    far, high = 1.05 * np.abs(x).max(), 1.05 * np.abs(y).max()
    title = "Order flow imbalance and the change of the mid, by minute"
    plot = Plot(title, "imbalance, shares", "change of the mid", (-far, far), (-high, high))
    plot.dots(x, y, BLUE, 2)
    slope, intercept = np.polyfit(x, y, 1)
    ends = np.array([-far, far])
    plot.line(ends, intercept + slope * ends, RED)
    return plot.svg()


def cusum() -> str:
    session = bf.simulate(seed=1, events=60_000)
    z = bf.ZScore(of=bf.OrderFlowImbalance(), window="1h")
    features = {
        "alarm": bf.Cusum(of=z, k=0.5, h=5.0),
        "up": bf.Cusum(of=z, k=0.5, h=5.0, output="upper"),
    }
    frame = bf.Pipeline(session.instrument, clock="30s", features=features).run(session.events)
    at, up = hours(frame), frame["up"]
    top = 1.05 * float(np.nanmax(up))
    title = "Upper CUSUM of the order flow (h = 5), its alarms in red"
    plot = Plot(title, "hours", "sum, sd", (0, at[-1]), (0, top))
    plot.line(at, up, BLUE)
    plot.line(np.array([0, at[-1]]), np.array([5.0, 5.0]), GREY, dash="4 3")
    rang = frame["alarm"] == 1
    plot.dots(at[rang], up[rang], RED, 3)
    return plot.svg()


def vpin() -> str:
    session = bf.simulate(seed=1, events=100_000)
    value = bf.VPIN(bucket_volume=1_000, n_buckets=20)
    rank = bf.Rank(of=value, n=500, repeats=False)
    features = {"vpin": value, "toxic": bf.Alarm(of=rank, level=0.99, back=0.9)}
    frame = bf.Pipeline(session.instrument, clock="30s", features=features).run(session.events)
    at = hours(frame)
    title = "VPIN; red: its rank in its own past reaches .99 (after the first hour)"
    plot = Plot(title, "hours", "VPIN", (0, at[-1]), (0, 1))
    plot.line(at, frame["vpin"], BLUE)
    rang = (frame["toxic"] == 1) & (at >= 1)
    plot.dots(at[rang], frame["vpin"][rang], RED, 3.5)
    return plot.svg()


def microprice() -> str:
    session = bf.simulate(seed=1, events=60_000)
    touch = {"touch": bf.Touch(of="bid_price"), "imbalance": bf.QueueShare(), "mid": bf.Mid()}
    frame = bf.Pipeline(session.instrument, clock="1s", features=touch).run(session.events)
    edges = np.linspace(0, 1, 11)
    middle = (edges[:-1] + edges[1:]) / 2
    ahead = frame["mid"][10:] - frame["mid"][:-10]
    which = np.clip(np.digitize(frame["imbalance"][:-10], edges) - 1, 0, 9)
    known = np.isfinite(ahead)
    moved = np.array([ahead[known & (which == k)].mean() for k in range(10)])
    high = 1.1 * float(np.abs(moved).max())
    title = "Where the mid is 10 s later, by the bid's share of the touch: what a microprice adds"
    plot = Plot(
        title, "bid size / (bid size + ask size)", "change of the mid", (0, 1), (-high, high)
    )
    plot.line(np.array([0.0, 1.0]), np.zeros(2), GREY, dash="4 3")
    plot.line(middle, moved, BLUE)
    plot.dots(middle, moved, BLUE, 3)
    return plot.svg()


def profile() -> str:
    events = bf.simulate(seed=1, events=60_000).events
    prints = events.action == bf.Action.EXECUTE
    columns = (events.price[prints], events.size[prints])
    aggressor = 3 - events.side[prints]  # the other side than the order's
    bar = bf.footprint(*columns, aggressor)
    whole = bf.volume_profile(*columns)
    area = whole.value_area()
    assert area is not None
    most = 1.05 * float(max(bar.bought.max(), bar.sold.max()))
    edges = (float(bar.price[0]) - 1, float(bar.price[-1]) + 1)
    title = "Footprint of a session: sold (red), bought (blue); grey: the value area"
    plot = Plot(title, "shares", "price, ticks", (-most, most), edges)
    for price, bought, sold in zip(bar.price, bar.bought, bar.sold, strict=True):
        plot.bar(float(price), 0.8, 0.0, float(bought), BLUE)
        plot.bar(float(price), 0.8, -float(sold), 0.0, RED)
    for level in (area.low, area.high):
        plot.line(np.array([-most, most]), np.full(2, float(level)), GREY, dash="4 3")
    return plot.svg()


PLOTS: dict[str, Callable[[], str]] = {
    "order_flow": order_flow,
    "cusum": cusum,
    "vpin": vpin,
    "microprice": microprice,
    "profile": profile,
}

if __name__ == "__main__":
    folder = Path(__file__).parent / "plots"
    folder.mkdir(exist_ok=True)
    for name, draw in PLOTS.items():
        (folder / f"{name}.svg").write_text(draw(), encoding="utf-8")
