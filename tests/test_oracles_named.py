"""No file of others' figures is forgotten: a test names each."""

import ast
import json
import re
from pathlib import Path

TESTS = Path(__file__).parent
GLOBBED = re.compile(r'oracles/([\w/]+)"\)\.glob\("([^"]+)"\)')
NOT_TO_USE = {"almgren2005_table"}  # from memory, as the README there says


class Named:
    """What the strings of a test file name: constants, f-strings, and folders read whole."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        nodes = list(ast.walk(ast.parse(text)))
        self.constants = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
        self.patterns = [
            re.compile("".join(self._part(part) for part in node.values))
            for node in nodes
            if isinstance(node, ast.JoinedStr)
        ]
        self.globs = GLOBBED.findall(text)

    @staticmethod
    def _part(part: ast.expr) -> str:
        return re.escape(str(part.value)) if isinstance(part, ast.Constant) else "([^/]+)"

    def has(self, file: Path) -> bool:
        """`file` within the folder of oracles; the holes of an f-string are constants here."""
        ends = [file.name, f"{file.parent}/{file.name}", f"oracles/{file}"]
        if any(end in self.constants for end in ends):
            return True
        if any(file.match(f"{folder}/{pattern}") for folder, pattern in self.globs):
            return True
        matches = (pattern.fullmatch(end) for pattern in self.patterns for end in ends)
        return any(match and all(map(self._begins, match.groups())) for match in matches)

    def _begins(self, hole: str) -> bool:
        return any(constant.startswith(hole) for constant in self.constants)


def named() -> list[Named]:
    return [Named(path) for path in TESTS.glob("test_*.py") if path != Path(__file__)]


def test_every_file_is_named(shared: Path) -> None:
    folder = shared / "oracles"
    tests = named()
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 100
    missing = [str(f) for f in files if f.name != "README.md" and not any(t.has(f) for t in tests)]
    assert not missing


def test_every_entry_is_named(shared: Path) -> None:
    constants = set[str]().union(*(test.constants for test in named()))
    for name in ("paper_micro_tests/micro_tests.json", "published_tables/published.json"):
        entries = json.loads((shared / "oracles" / name).read_text(encoding="utf-8"))
        assert set(entries) - NOT_TO_USE <= constants, name


def test_what_is_not_named_is_found(tmp_path: Path) -> None:
    test = tmp_path / "test_x.py"
    test.write_text('A = [f"oracles/a/{b}_c.csv", "b", "x.csv"]\n(S / "oracles/d").glob("*.csv")\n')
    found = Named(test)
    assert [found.has(Path(p)) for p in ("a/b_c.csv", "e/x.csv", "d/y.csv")] == [True] * 3
    assert not any(found.has(Path(p)) for p in ("a/z_c.csv", "e/y.csv", "d/y.txt"))
