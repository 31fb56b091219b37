"""Modules that are extras: imported where needed, with an error that says how to get them."""

import importlib
from types import ModuleType

__all__ = ["need"]


def need(module: str, extra: str = "") -> ModuleType:
    """Import `module`, which the extra of that name installs ("" for one that no extra holds)."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        install = f"bookflow[{extra}]" if extra else module
        raise ImportError(f'{module} is not installed: pip install "{install}"') from error
