"""What the figures were measured on, without a name of user, host or folder."""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from bench.floors import WHEEL_FLAGS, compiler

PACKAGES = (
    "bookflow",
    "numpy",
    "numba",
    "polars",
    "sortedcontainers",
    "order-book",
    "polars-order-book",
    "nautilus_trader",
    "hftbacktest",
    "wickra",
    "itch-book",
    "itchcpp",
    "flowrisk",
)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.*)", info.read_text(encoding="ascii"))
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def described() -> dict[str, str]:
    run = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True)
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} CPUs seen",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "compiler": f"{run.stdout.splitlines()[0]}, {' '.join(WHEEL_FLAGS)}",
        **{package: _version(package) for package in PACKAGES},
    }
