"""`bookflow verify`: true files pass, and one changed message does not."""

from itertools import pairwise
from pathlib import Path

import pytest
from small_lobster import write_pair

from bookflow.cli import main

Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_pair(tmp_path_factory.mktemp("lobster"))


def verify(pair: Pair, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The exit code and what is printed, by its name."""
    code = main(["verify", "--reader", "lobster", *map(str, pair)])
    lines = capsys.readouterr().out.splitlines()
    return code, {
        name.strip(): value.strip() for name, value in (line.split("  ", 1) for line in lines)
    }


def changed(pair: Pair, directory: Path, which: int, row: int, field: int, value: str) -> Pair:
    """The pair with one field of one row changed."""
    copies = [directory / path.name for path in pair]
    for path, copy in zip(pair, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    lines = copies[which].read_text().splitlines()
    fields = lines[row].split(",")
    assert fields[field] != value
    fields[field] = value
    lines[row] = ",".join(fields)
    copies[which].write_text("\n".join(lines) + "\n")
    return copies[0], copies[1]


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def test_a_true_pair_is_equal(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    code, facts = verify(pair, capsys)
    n = len(rows(pair[0]))
    scrolled = int(facts["scrolled in, not compared"].replace(",", ""))
    assert code == 0
    assert facts["rows"] == f"{n:,}"
    assert facts["equal"] == facts["levels compared"] == f"{(n - 1) * 2 * 3 - scrolled:,}"
    assert 0 < scrolled < n
    assert facts["first difference"] == "none"


def test_levels_scroll_in_when_one_goes(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted by hand: the last of three places of a full side gets a worse price."""
    book = rows(pair[1])
    by_hand = 0
    for before, after in pairwise(book):
        old_ask, new_ask = int(before[8]), int(after[8])
        old_bid, new_bid = int(before[10]), int(after[10])
        by_hand += (new_ask > old_ask and before[9] != "0") + (
            new_bid < old_bid and before[11] != "0"
        )
    _, facts = verify(pair, capsys)
    assert facts["scrolled in, not compared"] == f"{by_hand:,}"


@pytest.mark.parametrize("kind", ["1", "2", "3", "4"])
def test_a_flipped_side_is_a_difference(
    kind: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = rows(pair[0])
    row = next(i for i, fields in enumerate(messages) if i > 20 and fields[1] == kind)
    side = "1" if messages[row][5] == "-1" else "-1"
    code, facts = verify(changed(pair, tmp_path, 0, row, 5, side), capsys)
    assert code == 1
    assert facts["first difference"].startswith(f"row {row}: after ")


def test_a_changed_size_is_a_difference(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = rows(pair[0])
    row = next(i for i, fields in enumerate(messages) if i > 20 and fields[1] == "1")
    size = str(int(messages[row][3]) + 1)
    code, facts = verify(changed(pair, tmp_path, 0, row, 3, size), capsys)
    assert code == 1
    assert facts["first difference"].startswith(f"row {row}: after ADD ")
    compared = int(facts["levels compared"].replace(",", ""))
    assert int(facts["equal"].replace(",", "")) == compared - 1


def test_taking_more_than_there_is_is_a_difference(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = rows(pair[0])
    row = next(i for i, fields in enumerate(messages) if i > 20 and fields[1] == "3")
    code, facts = verify(changed(pair, tmp_path, 0, row, 3, "99999"), capsys)
    assert code == 1
    assert "the level holds" in facts["first difference"]


def test_a_changed_book_row_differs_before_and_after(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = str(int(rows(pair[1])[50][1]) + 7)
    code, facts = verify(changed(pair, tmp_path, 1, 50, 1, size), capsys)
    assert code == 1
    assert facts["first difference"].startswith("row 50: after ")
    assert "ask level 1" in facts["first difference"]


def test_bad_input_is_2(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = changed(pair, tmp_path, 0, 30, 3, "ten")
    assert main(["verify", *map(str, bad)]) == 2
    assert "row 30: size = ten" in capsys.readouterr().err


def test_the_day_can_be_given(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = [tmp_path / name for name in ("m.csv", "o.csv")]
    for path, copy in zip(pair, nameless, strict=True):
        copy.write_bytes(path.read_bytes())
    files = [str(path) for path in nameless]
    assert main(["verify", *files]) == 2
    assert "needs date=" in capsys.readouterr().err
    assert main(["verify", "--date", "2024-01-02", *files]) == 0


@pytest.mark.shared
@pytest.mark.parametrize(
    "stem",
    [
        "AMZN_2012-06-21_1",
        "AMZN_2012-06-21_5",
        "AAPL_2012-06-21_1",
        "AAPL_2012-06-21_10_first998",
        "MSFT_2012-06-21_50_first1000",
    ],
)
def test_recorded_pairs_are_equal(
    stem: str, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (message,) = (shared / "data" / "lobster" / stem).glob("*_message_*.csv")
    pair = message, message.with_name(message.name.replace("_message_", "_orderbook_"))
    code, facts = verify(pair, capsys)
    assert (code, facts["first difference"]) == (0, "none")
    assert facts["equal"] == facts["levels compared"]
    assert facts["rows"] == f"{len(message.read_bytes().splitlines()):,}"
