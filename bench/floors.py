"""The kernels of floors.cpp, compiled on demand, over numpy columns."""

import ctypes
import hashlib
import importlib.util
import os
import subprocess
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
HEADERS = HERE.parent / "cpp" / "include"
WHEEL_FLAGS = ("-O3", "-DNDEBUG", "-std=c++20", "-ffp-contract=off")
"""What CMake compiles the wheel with: the oldest CPU of the platform."""
NATIVE_FLAGS = (*WHEEL_FLAGS, "-march=native")


def compiler() -> str:
    return os.environ.get("CXX", "c++")


def built(source: str, name: str, flags: tuple[str, ...]) -> Path:
    """Compiles a file of this folder; once for a text, compiler and flags."""
    path = HERE / source
    key = repr((path.read_bytes(), compiler(), flags, sysconfig.get_python_version()))
    if any(flag.startswith("-I") and str(HEADERS) in flag for flag in flags):
        key += "".join(p.read_text() for p in sorted(HEADERS.rglob("*.hpp")))
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"bookflow-bench-{digest}"
    target = folder / name
    if not target.exists():
        folder.mkdir(exist_ok=True)
        scratch = folder / f"{name}.{os.getpid()}"
        subprocess.run([compiler(), *flags, str(path), "-o", str(scratch)], check=True)
        scratch.rename(target)  # whole or not at all, also when two runs build it
    return target


@cache
def _library(native: bool) -> tuple[ctypes.CDLL, Path]:
    include = sysconfig.get_path("include")
    flags = (*(NATIVE_FLAGS if native else WHEEL_FLAGS), "-shared", "-fPIC", f"-I{include}")
    path = built("floors.cpp", "floors.so", flags)
    library = ctypes.CDLL(str(path))
    library.levels_new.restype = library.orders_new.restype = ctypes.c_void_p
    return library, path


@cache
def module() -> ModuleType:
    """The extension module with `noop`."""
    spec = importlib.util.spec_from_file_location("floors", _library(False)[1])
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _pointers(*columns: NDArray[Any]) -> list[ctypes.c_void_p]:
    assert all(column.flags.c_contiguous for column in columns)
    return [ctypes.c_void_p(column.ctypes.data) for column in columns]


def quotes_out(n: int, levels: int | None = None) -> tuple[NDArray[np.int64], ...]:
    """Four columns to write to, their pages touched."""
    shape = (n,) if levels is None else (n, levels)
    return tuple(np.full(shape, -1, np.int64) for _ in range(4))


class Levels:
    """The ladder of fixed range."""

    def __init__(self, prices: tuple[int, int], *, native: bool = False) -> None:
        self._library, _ = _library(native)
        low, high = (ctypes.c_int64(price) for price in prices)
        self._book = ctypes.c_void_p(self._library.levels_new(low, high))

    def __del__(self) -> None:
        self._library.levels_free(self._book)

    def replay(self, side: Any, price: Any, size: Any, out: Any) -> Any:
        n, levels = len(side), out[0].shape[1:]
        columns = _pointers(side, price, size, *out)
        if levels:
            self._library.levels_run_top(self._book, levels[0], ctypes.c_size_t(n), *columns)
        else:
            self._library.levels_run(self._book, ctypes.c_size_t(n), *columns)
        return out


class Orders:
    """Hash and FIFO over levels of fixed range; `ahead=16` prefetches."""

    def __init__(
        self, prices: tuple[int, int], live: int, *, ahead: int = 0, native: bool = False
    ) -> None:
        self._library, _ = _library(native)
        self._ahead = ahead
        low, high = (ctypes.c_int64(price) for price in prices)
        self._book = ctypes.c_void_p(self._library.orders_new(low, high, ctypes.c_size_t(live)))

    def __del__(self) -> None:
        self._library.orders_free(self._book)

    def replay(self, action: Any, side: Any, price: Any, size: Any, order_id: Any, out: Any) -> Any:
        columns = _pointers(action, side, price, size, order_id)
        into = [None] * 4 if out is None else _pointers(*out)
        n = ctypes.c_size_t(len(action))
        self._library.orders_run(self._book, self._ahead, n, *columns, *into)
        return out


def stream(a: Any, b: Any, c: Any, d: Any, out: NDArray[np.float64]) -> NDArray[np.float64]:
    """32 bytes in, 8 out: what memory allows."""
    library, _ = _library(False)
    library.stream(ctypes.c_size_t(len(a)), *_pointers(a, b, c, d, out))
    return out
