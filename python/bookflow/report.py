"""The demo's report: one HTML file that needs no network, drawn with Plotly."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bookflow._optional import need

if TYPE_CHECKING:
    from bookflow.frame import FeatureFrame
    from bookflow.simulation import Burst

__all__ = ["Fit", "linear_fit", "write_report"]

Floats = NDArray[np.float64]

_MOST_POINTS = 5_000  # of one line: a screen shows fewer
_BID, _ASK, _MID, _LINE = "#2166ac", "#b2182b", "#555555", "#1b7837"
_BUYS, _SELLS = "rgba(33, 102, 172, 0.15)", "rgba(178, 24, 43, 0.15)"

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 64rem; margin: 2rem auto;
       padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.15rem; margin: 2rem 0 0; }}
table {{ border-collapse: collapse; }} th {{ text-align: left; font-weight: normal; color: #666; }}
th, td {{ padding: 0.1rem 1.5rem 0.1rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
<table>
{facts}
</table>
{figures}
</body>
</html>
"""
_FIGURE = "<h2>{heading}</h2>\n<p>{text}</p>\n{figure}\n"


@dataclass(frozen=True, slots=True)
class Fit:
    """y = slope x + intercept by least squares; r2 is the share of variance that it explains."""

    slope: float
    intercept: float
    r2: float
    n: int


def linear_fit(x: Floats, y: Floats) -> Fit:
    """Least squares over the pairs in which both are numbers; NaN where x does not vary."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2 or x.min() == x.max():
        return Fit(np.nan, np.nan, np.nan, len(x))
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    varies = float(dy @ dy)
    r2 = slope * float(dx @ dy) / varies if varies else np.nan
    return Fit(slope, float(y.mean() - slope * x.mean()), r2, len(x))


def write_report(
    path: Path,
    frame: "FeatureFrame",
    bursts: "Sequence[Burst]",
    facts: Mapping[str, str],
    *,
    title: str,
    tick: float,
    every: str,
) -> None:
    """Writes the report of a frame with columns bid, ask, mid, qi, depth, ofi and vpin."""
    go = need("plotly.graph_objects", "plot")
    time = frame.ts.view("datetime64[ns]")
    change = np.diff(frame["mid"]) / tick
    fit = linear_fit(frame["ofi"][1:], change)
    shapes = [_band(burst) for burst in bursts]
    figures = [
        (
            "Price and best quotes",
            "Best bid and ask after each interval. Shaded: informed traders buy (blue) or sell "
            "(red).",
            _lines(go, time, {"bid": frame["bid"], "ask": frame["ask"]}, (_BID, _ASK), shapes),
        ),
        (
            "Imbalance",
            "(bid size - ask size) / (bid size + ask size): of the best queues, and of five "
            "levels.",
            _lines(
                go,
                time,
                {"best": frame["qi"], "five levels": frame["depth"]},
                ("#bbbbbb", _MID),
                shapes,
            ),
        ),
        (
            "Order-flow imbalance and the mid price",
            f"Each point is {every}: its OFI, and how far the mid moved. The line is the linear "
            f"fit, R&sup2; = {fit.r2:.3f} over {fit.n:,} points.",
            _scatter(go, frame["ofi"][1:], change, fit),
        ),
        (
            "VPIN",
            "Volume-synchronised probability of informed trading, signed by the aggressor. It "
            "rises in the bursts (shaded), which it was not told of.",
            _lines(go, time, {"VPIN": frame["vpin"]}, (_LINE,), shapes),
        ),
    ]
    blocks = [
        _FIGURE.format(
            heading=heading,
            text=text,
            # The first one carries plotly.js itself, so that the page works offline.
            figure=figure.to_html(
                full_html=False, include_plotlyjs=number == 0, config={"displayModeBar": False}
            ),
        )
        for number, (heading, text, figure) in enumerate(figures)
    ]
    page = _PAGE.format(
        title=html.escape(title),
        facts="\n".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in facts.items()
        ),
        figures="".join(blocks),
    )
    path.write_text(page, encoding="utf-8")


def _thinned(n: int) -> slice:
    """Every k-th of n points, so that at most `_MOST_POINTS` are left."""
    return slice(None, None, -(-n // _MOST_POINTS) or 1)


def _band(burst: "Burst") -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": str(np.datetime64(burst.start, "ns")),
        "x1": str(np.datetime64(burst.end, "ns")),
        "y0": 0,
        "y1": 1,
        "line": {"width": 0},
        "layer": "below",
        "fillcolor": _BUYS if burst.direction > 0 else _SELLS,
    }


def _lines(
    go: Any,
    time: NDArray[np.datetime64],
    series: Mapping[str, Floats],
    colours: Sequence[str],
    shapes: Sequence[dict[str, Any]],
) -> Any:
    thin = _thinned(len(time))
    figure = go.Figure(
        [
            go.Scatter(
                x=time[thin], y=values[thin], name=name, mode="lines", line={"color": c, "width": 1}
            )
            for (name, values), c in zip(series.items(), colours, strict=True)
        ]
    )
    return _styled(figure).update_layout(shapes=list(shapes), xaxis_title="UTC")


def _scatter(go: Any, x: Floats, y: Floats, fit: Fit) -> Any:
    thin = _thinned(len(x))
    ends = np.array([np.nanmin(x), np.nanmax(x)]) if len(x) else np.empty(0)
    figure = go.Figure(
        [
            go.Scatter(
                x=x[thin],
                y=y[thin],
                name="interval",
                mode="markers",
                marker={"color": _BID, "size": 4, "opacity": 0.4},
            ),
            go.Scatter(
                x=ends,
                y=fit.slope * ends + fit.intercept,
                name=f"{fit.slope:.3g} ticks a share",
                mode="lines",
                line={"color": _ASK, "width": 2},
            ),
        ]
    )
    return _styled(figure).update_layout(xaxis_title="OFI, shares", yaxis_title="mid, ticks")


def _styled(figure: Any) -> Any:
    return figure.update_layout(
        template="plotly_white",
        height=360,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        legend={"orientation": "h", "y": 1.08, "x": 0},
        hovermode="x unified",
    )
