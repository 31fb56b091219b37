"""Volume at price, against other people's profiles and by hand."""

import csv
import json
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow.profile import ValueArea, volume_profile


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("session", [0, 1])
def test_profiles_of_the_synthetic_sessions(shared: Path, session: int) -> None:
    oracles = shared / "oracles"
    trades = rows_of(oracles / "synthetic" / "trades.csv")
    own = [t for t in trades if int(t["session"]) == session]
    price = np.array([int(Decimal(t["price_ticks"]) * 4) for t in own])
    size = np.array([int(t["size"]) for t in own])
    profile = volume_profile(price, size, row=4)
    expected = rows_of(oracles / "market_profile" / f"synthetic_profile_session{session}.csv")
    traded = profile.volume > 0
    assert (profile.price[traded] // 4).tolist() == [int(r["px"]) for r in expected]
    assert profile.volume[traded].tolist() == [int(r["volume"]) for r in expected]

    text = (oracles / "market_profile" / "synthetic_value_area.json").read_text()
    areas = json.loads(text)[str(session)]
    for step in ("one", "two"):
        control, low, high, volume = areas[f"{step}_row"]
        assert profile.point_of_control == 4 * control
        assert profile.value_area(step=step) == ValueArea(4 * low, 4 * high, volume)  # type: ignore[arg-type]


def test_googles_bars_as_py_market_profile_has_them(shared: Path) -> None:
    """It rounds closes up to a row and leaves out rows without volume; on the whole grid more."""
    bars = rows_of(shared / "oracles" / "market_profile" / "google.csv")
    cent = Decimal("0.05")
    price = [int((Decimal(b["Close"]) / cent).to_integral_value(ROUND_CEILING)) for b in bars]
    size = np.array([int(b["Volume"]) for b in bars])
    theirs = volume_profile(np.array(price), size, traded_only=True)
    area = theirs.value_area()
    assert theirs.point_of_control == 944.5 * 20
    assert area is not None
    assert (area.low, area.high) == (round(944.20 * 20), round(958.95 * 20))
    grid = volume_profile(np.array(price), size).value_area()
    assert grid is not None
    assert (grid.low, grid.high) == (round(944.50 * 20), round(959.10 * 20))


def test_of_two_largest_the_nearer_to_the_middle_controls() -> None:
    profile = volume_profile([1, 2, 3, 4, 5], [1, 7, 1, 1, 7])
    assert profile.point_of_control == 2
    assert profile.nodes("high", reach=1).tolist() == [2]
    assert volume_profile([1, 2, 3], [5, 1, 5]).nodes("low", reach=1).tolist() == [2]
    assert volume_profile([7, 9], [1, 1]).volume.tolist() == [1, 0, 1]


def test_nothing_traded_has_no_control() -> None:
    empty = volume_profile(np.empty(0, np.int64), np.empty(0, np.int64))
    assert empty.point_of_control is None
    assert empty.value_area() is None
    assert len(empty.nodes()) == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"size": [1, 0]}, "size"),
        ({"size": [1]}, "size"),
        ({"row": 0}, "row"),
        ({"price": [0, 10**9]}, "price"),
    ],
)
def test_what_is_no_profile(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(bf.InputError) as error:
        volume_profile(**({"price": [1, 2], "size": [1, 1]} | arguments))
    assert error.value.field == field
    with pytest.raises(TypeError, match="price must be"):
        volume_profile([1.5], [1])


def test_settings_of_the_area_are_checked() -> None:
    profile = volume_profile([1, 2], [1, 1])
    for share in (0, -1, 1.1, float("nan")):
        with pytest.raises(bf.InputError, match="share"):
            profile.value_area(share)
    with pytest.raises(bf.InputError, match="step"):
        profile.value_area(step="three")  # type: ignore[arg-type]
    with pytest.raises(bf.InputError, match="kind"):
        profile.nodes("middle")  # type: ignore[arg-type]
    with pytest.raises(bf.InputError, match="reach"):
        profile.nodes(reach=0)


@effort(60)
@given(
    trades=st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 9)), min_size=1, max_size=60),
    row=st.integers(1, 5),
    share=st.floats(0.01, 1),
    step=st.sampled_from(["one", "two"]),
)
def test_the_area_holds_its_share(
    trades: list[tuple[int, int]], row: int, share: float, step: Any
) -> None:
    price, size = zip(*trades, strict=True)
    profile = volume_profile(price, size, row=row)
    total = sum(size)
    assert profile.volume.sum() == total
    area = profile.value_area(share, step=step)
    control = profile.point_of_control
    assert area is not None
    assert control is not None
    assert area.low <= control <= area.high
    inside = (profile.price >= area.low) & (profile.price <= area.high)
    assert profile.volume[inside].sum() == area.volume >= share * total
