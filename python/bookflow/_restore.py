"""What a pickle of a compiled object calls."""

from typing import Any

from bookflow import _core

__all__ = ["restore"]


def restore(name: str, state: bytes) -> Any:
    """The object of this class of the core from its `to_bytes`."""
    return getattr(_core, name).from_bytes(state)
