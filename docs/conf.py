"""Sphinx configuration; writes the calculators' page from what the compiled core says of them."""

import re
from importlib import metadata
from pathlib import Path

from bookflow import _core

project = "bookflow"
author = "the bookflow authors"
copyright = author
release = metadata.version("bookflow")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Order book in, order-flow signals out"}
html_sidebars = {"**": ["about.html", "navigation.html", "searchfield.html"]}

# By calculator; `plots.py` draws them.
PLOTS = {
    "OrderFlowImbalance": "../plots/order_flow.svg",
    "VPIN": "../plots/vpin.svg",
    "Cusum": "../plots/cusum.svg",
    "Microprice": "../plots/microprice.svg",
}

DRIVEN_BY = {
    "quotes": "the best quotes",
    "depth": "the best levels",
    "trades": "prints",
    "changes": "changes of orders",
    "queues": "the orders at the touch",
    "values": "values of other calculators",
}


def escaped(text: str) -> str:
    """Plain text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_<>|\[\]{}])", r"\\\1", text)


def section(calculator: dict) -> str:
    """One calculator: what it measures, its function over columns, its parameters."""
    lines = [f"## {calculator['name']}", "", escaped(calculator["doc"]), ""]
    if calculator["name"] in PLOTS:
        lines += [
            f"![{calculator['name']} of a simulated session]({PLOTS[calculator['name']]})",
            "",
        ]
    vector = ", one column a level" if calculator["vector"] else ""
    lines += [
        f"Driven by {DRIVEN_BY[calculator['feed']]}{vector}. "
        f"Over columns: `bookflow.{calculator['function']}`.",
        "",
    ]
    if calculator["parameters"]:
        lines += ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for p in calculator["parameters"]:
        default = "required" if p["required"] else f"`{p['default']!r}`"
        lines.append(
            f"| `{p['name']}` | {default} | {escaped(p['allowed'])} | {escaped(p['meaning'])} |"
        )
    return "\n".join([*lines, ""])


def calculators_page() -> str:
    """docs/generated/calculators.md."""
    head = [
        "# Calculators",
        "",
        "Each is a class for a pipeline or alone (`update`), and a function over columns, all from",
        "one step. This page is what the compiled core says of itself.",
        "",
        "| class | function | driven by |",
        "|---|---|---|",
    ]
    rows = [
        f"| [{c['name']}](#{c['name'].lower()}) | `{c['function']}` | {DRIVEN_BY[c['feed']]} |"
        for c in _core.CALCULATORS
    ]
    return "\n".join([*head, *rows, "", *map(section, _core.CALCULATORS)])


page = Path(__file__).parent / "generated" / "calculators.md"
page.parent.mkdir(exist_ok=True)
page.write_text(calculators_page(), encoding="utf-8")
