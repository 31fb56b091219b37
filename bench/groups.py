"""All groups by name, in the order of the page."""

from bench import books, calls, columns, compiled_calls, pipelines
from bench.case import GROUPS as FOUND

__all__ = ["GROUPS"]

# Books first, then what is made of them; a group's module registers it on import.
ORDER = (books, pipelines, calls, compiled_calls, columns)
NAMES = [module.__name__ for module in ORDER]
GROUPS = dict(sorted(FOUND.items(), key=lambda item: NAMES.index(item[1].__module__)))
