"""Modules and functions stay of a size that can be read at once (CONTRIBUTING.md, "Sizes")."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dnf_studio

ROOT = Path(dnf_studio.__file__).parent
MOST_OF_A_MODULE, MOST_OF_A_FUNCTION = 300, 40
REASON = "# Long "


def too_long(text: str) -> Iterator[str]:
    """What is longer than it may be in a module of this `text`, and says no reason."""
    lines = text.splitlines()
    if len(lines) > MOST_OF_A_MODULE:
        yield f"{len(lines)} lines"
    for one in ast.walk(ast.parse(text)):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            assert one.end_lineno is not None
            body = lines[one.lineno - 1 : one.end_lineno]
            length = len(body)
            if length > MOST_OF_A_FUNCTION and not any(line.lstrip().startswith(REASON) for line in body):
                yield f"{one.name}, {length} lines"


def test_what_is_long_says_why() -> None:
    found = {str(path.relative_to(ROOT)): [*too_long(path.read_text("utf-8"))] for path in ROOT.rglob("*.py")}
    assert {path: words for path, words in found.items() if words} == {}


def test_only_packages_that_hand_names_on_list_them() -> None:
    assert not [
        path for path in ROOT.rglob("*.py") if path.name != "__init__.py" and "\n__all__ =" in path.read_text("utf-8")
    ]


def test_no_docstring_begins_with_of() -> None:
    """What something is "of" a newcomer reads before knowing what it is."""
    found = [
        f"{path.relative_to(ROOT)}: {node.value.value[:40]}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str) and node.value.value.lstrip().startswith("Of ")
    ]
    assert found == []


def test_what_is_counted_and_that_a_reason_lets_pass() -> None:
    def function(first: str) -> str:
        return "def f():\n" + "".join(f"    {line}\n" for line in (first, *["x = 1"] * 39))

    assert [*too_long(function("x = 1"))] == ["f, 41 lines"] == [*too_long(function('"""Told."""'))]
    assert [*too_long(function(f"x = 1\n    {REASON}by its table"))] == []
    assert [*too_long("x = 1\n" * 301)] == ["301 lines"]
