"""The reference is documentation: its examples are true, and it stands on its own."""

import ast
import doctest
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import bookflow.reference as reference

MODULES = sorted(module.name for module in pkgutil.iter_modules(reference.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    module = importlib.import_module(f"bookflow.reference.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("calculator", sorted(reference.DEFINITIONS))
def test_every_calculator_has_columns_and_an_example(calculator: str) -> None:
    column_function = getattr(reference, calculator)
    assert ">>> " in column_function.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_imports_only_the_standard_library_and_itself(name: str) -> None:
    source = Path(reference.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, "reaches outside the reference"
            roots = [] if node.level else [str(node.module).split(".")[0]]
        else:
            continue
        assert set(roots) <= sys.stdlib_module_names
