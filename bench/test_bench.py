"""Every competitor of every group, timed by pytest-benchmark."""

import time
from typing import Any

import pytest

from bench.case import Case
from bench.measure import quiet

ROUNDS = 5


@pytest.mark.benchmark(timer=time.process_time, warmup=False)
def test_case(benchmark: Any, competitor: tuple[str, Case | None, str]) -> None:
    where, case, reason = competitor
    if case is None:
        pytest.skip(reason)
    benchmark.group = where
    benchmark.extra_info["events"] = case.events
    case.check(case.run(case.prepare()))  # compilers and pages warm up
    with quiet():
        answer = benchmark.pedantic(
            case.run, setup=lambda: ((case.prepare(),), {}), rounds=ROUNDS, iterations=1
        )
    case.check(answer)
