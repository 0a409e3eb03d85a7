"""Times, sizes and long names in words."""

from __future__ import annotations

import pytest

from dnf_studio.gui.drawing.words import about, breakable, counted, in_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "0.5 KiB"), (100_000, "97.7 KiB"), (16 << 20, "16 MiB"), (3 << 30, "3 GiB"), (5 << 40, "5 TiB")],
)
def test_sizes_are_written_short(size: int, text: str) -> None:
    assert in_bytes(size) == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 iteration"), (0, "0 iterations"), (1240, "1,240 iterations")])
def test_one_is_not_several(number: int, text: str) -> None:
    assert counted(number, "iteration") == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "a second"), (12.3, "12 seconds"), (130, "2:10")])
def test_times_are_no_finer_than_known(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_a_long_name_may_go_to_the_next_line_and_nothing_else_changes() -> None:
    text = "Written: " + "x" * 60 + "_y.h5"
    assert breakable(text).replace("\u200b", "") == text
    assert max(map(len, breakable(text).replace(" ", "\u200b").split("\u200b"))) <= 24
