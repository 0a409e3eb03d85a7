"""Comments refer to sections of the page on the mathematics, and each of those is there."""

from __future__ import annotations

import re
from pathlib import Path

import dnf_studio
from dnf_studio.assets import resource

ROOT = Path(dnf_studio.__file__).parent.parent
PAGE = "method.md"
ENDINGS = {".py", ".md", ".toml", ".qss", ".css", ".html"}
REFERENCE = re.compile(PAGE.replace(".", r"\.") + r",\s+section\s+(\d+)")
FORMER = re.compile("METHOD" + r"\s+\d")
"""How comments named a section of an older page, which is not part of the program."""


def texts() -> dict[Path, str]:
    """All text of the package, the tests, the resources and the checkpoints' page."""
    folders = "dnf_studio", "tests", "resources", "checkpoints"
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    return {path: path.read_text(encoding="utf-8") for path in [*files, *ROOT.glob("*.md")]}


def sections() -> list[int]:
    """The numbers of the page's sections, in order."""
    page = resource("guide", PAGE).read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"^## (\d+)\. \S", page, re.MULTILINE)]


def test_sections_are_numbered_in_order() -> None:
    assert sections() == list(range(1, len(sections()) + 1))


def test_every_section_that_is_referred_to_is_there() -> None:
    known = set(sections())
    found = {path: {int(n) for n in REFERENCE.findall(text)} for path, text in texts().items()}
    assert sum(map(len, found.values())) > 30
    assert {path: numbers - known for path, numbers in found.items() if numbers - known} == {}


def test_every_mention_of_the_page_names_a_section() -> None:
    mentions = re.compile(re.escape(PAGE) + r"[^\n]*")
    allowed = {resource("guide", PAGE), Path(__file__).resolve()}
    vague = {
        str(path): text.count(PAGE) - len(REFERENCE.findall(text))
        for path, text in texts().items()
        if path.suffix == ".py" and path.resolve() not in allowed and mentions.search(text)
    }
    assert {path: count for path, count in vague.items() if count} == {}


def test_no_comment_refers_to_the_page_before() -> None:
    assert [str(path) for path, text in texts().items() if FORMER.search(text)] == []
