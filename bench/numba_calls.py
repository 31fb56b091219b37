"""The calculators inside a user's own @njit code, where bookflow.numba exists."""

from collections.abc import Iterable

from bench.case import Group, Target, group


@group("numba-update")
def updates(quick: bool) -> Iterable[Group]:
    out = Group(
        "numba-update",
        "@njit code that calls bookflow.numba's update",
        "simulated quotes",
        [],
        [Target("<= 5 ns", limit=5)],
    )
    out.take("bookflow", lambda: _case(quick))
    yield out


def _case(quick: bool):
    raise NotImplementedError("bookflow.numba is not there yet")
