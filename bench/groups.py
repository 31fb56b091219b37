"""All groups, by name."""

from bench import books, calls, columns, numba_calls, pipelines
from bench.case import GROUPS

__all__ = ["GROUPS", "books", "calls", "columns", "numba_calls", "pipelines"]
