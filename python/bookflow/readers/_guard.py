"""Errors of the libraries that decode files, as this package's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import fspath
from typing import TYPE_CHECKING

from bookflow._optional import need
from bookflow.errors import InputError

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["guarded", "writing"]


@contextmanager
def guarded(source: str, what: str = "cannot be read") -> Iterator[None]:
    """Whatever a decoder raises becomes an `InputError` of `source`.

    Panics of Rust libraries are BaseExceptions, so these are caught as well; an interrupt is not
    the file's fault and goes on, and so does what tells that a library or a file is not there.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, InputError, ImportError, OSError):
        raise
    except BaseException as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{what} ({reason})", source=source) from error


@contextmanager
def writing(path: "str | PathLike[str]") -> Iterator[None]:
    """Polars' errors of a full disk and the like become the OSError that they are."""
    polars = need("polars", "io")
    try:
        yield
    except polars.exceptions.PolarsError as error:
        raise OSError(
            f"{fspath(path)}: cannot be written ({str(error).splitlines()[0]})"
        ) from error
