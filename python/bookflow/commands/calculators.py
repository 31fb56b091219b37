"""`bookflow calculators`: every calculator's name, inputs, parameters and what it measures."""

import argparse
import textwrap
from collections.abc import Mapping
from typing import Any

from bookflow import calculators
from bookflow.commands.text import table
from bookflow.errors import InputError

_INPUTS = {
    "quotes": "the touch",
    "depth": "the best levels",
    "trades": "prints",
    "changes": "changes of orders",
    "queues": "the orders at the touch",
    "values": "values of other calculators",
}


def run(args: argparse.Namespace) -> int:
    entries = {entry["name"]: entry for entry in calculators()}
    unknown = [name for name in args.name if name not in entries]
    if unknown:
        rule = "is no calculator; there are " + ", ".join(entries)
        raise InputError(rule, field="calculator", value=unknown[0])
    if args.name:
        print("\n\n".join(_whole(entries[name]) for name in args.name))
    else:
        print("\n".join(_short(entry) for entry in entries.values()))
    return 0


def _short(entry: Mapping[str, Any]) -> str:
    """The call as a spec has it, what drives it, and the first sentence of its docs."""
    sentence = " ".join(entry["doc"].split("\n\n")[0].split())
    about = f"{_INPUTS[entry['feed']]}. {sentence}"
    return f"{_call(entry)}\n{textwrap.indent(textwrap.fill(about, 96), '    ')}"


def _whole(entry: Mapping[str, Any]) -> str:
    rows = [
        (p["name"], "required" if p["required"] else f"default {_text(p['default'])}", p["allowed"])
        for p in entry["parameters"]
    ]
    parts = [_call(entry), textwrap.indent(entry["doc"], "    ")]
    return "\n\n".join(parts + ([table(rows, "    ")] if rows else []))


def _call(entry: Mapping[str, Any]) -> str:
    settings = (
        p["name"] + ("" if p["required"] else f"={_text(p['default'])}")
        for p in entry["parameters"]
    )
    return f"{entry['name']}({', '.join(settings)})"


def _text(default: object) -> str:
    return f'"{default}"' if isinstance(default, str) else str(default)
