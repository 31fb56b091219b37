"""One thread at a time: what the core's objects have, for those written in Python."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["one_thread"]

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of which, and of others like it, one object runs one at a time: RuntimeError."""

    @wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        mine = object()
        # One step, which no other thread can come into.
        if self.__dict__.setdefault("_user", mine) is not mine:
            raise RuntimeError("this object is in use by another thread")
        try:
            return method(self, *args, **kwargs)
        finally:
            del self.__dict__["_user"]

    return call
