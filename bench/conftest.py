"""`pytest bench/`: pytest-benchmark over the same cases, each answer asserted."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="streams of full length")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a competitor; who is missing is a skip that says why."""
    if "competitor" not in metafunc.fixturenames:
        return
    from bench.groups import GROUPS

    quick = not metafunc.config.getoption("--whole")
    given, ids = [], []
    for make in GROUPS.values():
        for group in make(quick):
            where = f"{group.name}, {group.work}: {group.stream}"
            given += [(where, case, "") for case in group.cases]
            ids += [f"{where}-{case.name}" for case in group.cases]
            given += [(where, None, reason) for _, reason in group.missing]
            ids += [f"{where}-{name}" for name, _ in group.missing]
    metafunc.parametrize("competitor", given, ids=ids)
