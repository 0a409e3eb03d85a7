"""Which times a film shows, and for how long."""

from __future__ import annotations

import pytest

from dnf_studio.errors import SettingError
from dnf_studio.gui.features.films.script import Script


def test_the_usual_film_is_ten_seconds_at_thirty_a_second() -> None:
    script = Script()
    shots = list(script.shots())
    assert script.frames == 300 and len(shots) == 240
    assert (shots[0][0].position, shots[-1][0].position) == (0, 30)
    assert [stays for _, stays in shots[:2]] == [31, 1] and shots[-1][1] == 31


def test_points_move_evenly_between_nodes_and_back_the_way_they_came() -> None:
    script = Script(first=10, last=0, seconds=1, hold=0.5, back=True, rate=5)
    shots = list(script.shots())
    assert [moment.position for moment, _ in shots] == [10, 7.5, 5, 2.5, 0, 2.5, 5, 7.5, 10]
    assert [stays for _, stays in shots] == [3, 1, 1, 1, 3, 1, 1, 1, 3]


def test_a_film_of_no_way_or_without_end_is_refused() -> None:
    with pytest.raises(SettingError, match=r"goes from one step to another one"):
        Script(first=4, last=4).check()
    with pytest.raises(SettingError, match=r"at most 36,000 frames, not 36,090"):
        Script(seconds=1200).check()
    Script(seconds=1190).check()
