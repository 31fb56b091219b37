"""Plots as small self-contained SVG: lines over logarithmic axes, and histograms."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 40, 50
COLORS = ("#1b6ca8", "#d1495b", "#66a182", "#edae49", "#5c4d7d")

Points = Sequence[tuple[float, float]]


def _decades(low: float, high: float) -> list[int]:
    return list(range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1))


def _short(value: float) -> str:
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def plot(title: str, x: str, y: str, lines: dict[str, Points]) -> str:
    """Lines by name; both axes are logarithmic and end at whole decades (y: at least one)."""
    points = [point for line in lines.values() for point in line]
    xs = [p[0] for p in points]
    ys = [max(p[1], 1e-3) for p in points]
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs))
    y_marks = _decades(min(ys), max(ys))
    y_low, y_high = y_marks[0], max(y_marks[-1], y_marks[0] + 1)

    def at(px: float, py: float) -> tuple[float, float]:
        across = (math.log10(px) - x_low) / max(x_high - x_low, 1e-9)
        up = (math.log10(max(py, 1e-3)) - y_low) / (y_high - y_low)
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" '
        f'text-anchor="middle">{escape(x)}</text>',
        f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(y)}</text>',
    ]
    for mark in y_marks:
        _, py = at(min(xs), 10.0**mark)
        out.append(
            f'<path d="M{LEFT} {py:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{py + 4:.1f}" text-anchor="end">{_short(10.0**mark)}</text>'
        )
    for mark in range(math.ceil(x_low - 1e-9), math.floor(x_high + 1e-9) + 1):
        px, _ = at(10.0**mark, 1)
        out.append(
            f'<path d="M{px:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
            f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{_short(10.0**mark)}</text>'
        )
    for number, (name, line) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        places = [at(*point) for point in line]
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in places)
        out.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{color}"/>' for px, py in places
        ]
        top = TOP + 10 + 18 * number
        out.append(
            f'<rect x="{WIDTH - RIGHT + 12}" y="{top - 9}" width="10" height="10" fill="{color}"/>'
            f'<text x="{WIDTH - RIGHT + 28}" y="{top}">{escape(name)}</text>'
        )
    return "\n".join([*out, "</svg>"]) + "\n"


def histogram(title: str, shapes: dict[str, tuple[list[int], list[float]]]) -> str:
    """Counts between edges in ns, each histogram as the outline of its shares."""
    lines: dict[str, Points] = {}
    for name, (counts, edges) in shapes.items():
        total = sum(counts)
        lines[name] = [
            (math.sqrt(a * b), 100 * n / total)
            for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
            if n
        ]
    return plot(title, "ns a call", "% of calls", lines)
