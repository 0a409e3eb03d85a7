"""Colouring by point in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from dnf_studio.errors import SettingError
from dnf_studio.gui.drawing.point_colours import PointColours
from dnf_studio.gui.features.processes.colouring import NO_MODES, ONE_COMPONENT, TOO_MANY
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.state import State
from tests.gui.scenes import excess_of, frame_of


def shown(window: MainWindow) -> list[PointColours | None]:
    """Forward and backward, in the process views and in the t–x view."""
    overlays = (
        window.plots["forward"].by_point,
        window.plots["backward"].by_point,
        *window.plots["time"].by_point.values(),
    )
    return [overlay.shown for overlay in overlays]


def test_the_menu_is_in_the_view_menu_with_mnemonics_of_its_own(still_window: MainWindow) -> None:
    menu = still_window.parts["colouring"].menu
    owner = next(m for m in still_window.menuBar().findChildren(QMenu) if menu.menuAction() in m.actions())
    assert still_window.commands["paths"] in owner.actions()
    for actions in (owner.actions(), menu.actions()):
        letters = [text[text.index("&") + 1].lower() for a in actions if "&" in (text := a.text())]
        assert len(set(letters)) == len(letters)
    assert all(action.toolTip() for action in menu.choices.values())
    assert menu.choices["colouring", "none"].isChecked()


def test_every_view_is_coloured_and_undo_takes_it_back(still_window: MainWindow) -> None:
    window, menu = still_window, still_window.parts["colouring"].menu
    frame = frame_of()
    window.live.show(frame)
    menu.choices["colouring", "angle"].trigger()
    forward, backward, *time = shown(window)
    assert forward is not None and backward is not None and time == [forward, backward]
    latents = frame.forward[-1]
    right = np.abs(np.arctan2(latents[:, 1], latents[:, 0])) < 0.39
    assert np.isin(forward.buckets[right], (7, 8)).all() and not np.isin(forward.buckets[~right], (7, 8)).any()
    assert "angle" in window.plots["forward"].plot.accessibleDescription()
    menu.choices["colouring", "radius"].trigger()
    assert [colours.kind for colours in shown(window) if colours] == ["radius"] * 4
    window.session.undo()
    assert menu.choices["colouring", "angle"].isChecked() and [c.kind for c in shown(window) if c] == ["angle"] * 4
    window.session.undo()
    assert shown(window) == [None] * 4 and menu.choices["colouring", "none"].isChecked()
    assert window.plots["forward"].plot.accessibleDescription() == window.plots["forward"].caption


def test_the_angle_is_in_the_plane_that_is_shown(still_window: MainWindow) -> None:
    window = still_window
    frame = frame_of(dim=4)
    window.live.show(frame)
    window.session.apply({"colouring": "angle", "axes": (3, 1)})
    pairs = frame.forward[-1][:, [3, 1]]
    first = shown(window)[0]
    assert first is not None
    up = first.buckets >= 8
    np.testing.assert_array_equal(up, pairs[:, 1] >= 0)
    window.session.apply({"projection": "principal"})
    principal, second = window.live.principal, shown(window)[0]
    assert principal is not None and second is not None
    np.testing.assert_array_equal(second.buckets >= 8, principal.project(frame.forward[-1])[:, 1] >= 0)


def test_one_dimension_has_a_radius_but_no_angle(still_window: MainWindow) -> None:
    window = still_window
    window.live.show(frame_of(dim=1))
    window.session.apply({"colouring": "angle"})
    assert shown(window) == [None] * 4
    window.session.apply({"colouring": "radius"})
    assert None not in shown(window)


def test_log_ratios_colour_each_process_as_they_become_known(still_window: MainWindow) -> None:
    window = still_window
    frame = frame_of()
    window.live.show(frame)
    window.parts["colouring"].menu.choices["colouring", "log-ratio"].trigger()
    assert shown(window) == [None] * 4
    rows = np.zeros((10, 60))
    rows[3, :30], rows[7, 30:] = 1.0, -1.0
    for known, lost in ((60, 240), (300, 0)):
        found = excess_of(frame, np.tile(rows, 5)[:, :known])
        window.live.show_excess(found)
        window.live.excess_found.emit(found)
        forward, backward, *time = shown(window)
        assert forward is not None and backward is not None and time == [forward, backward]
        assert forward.buckets[:60].tolist() == [15] * 30 + [0] * 30 == backward.buckets[:60][::-1].tolist()
        assert (forward.buckets == 16).sum() == lost and forward.ends == ("−1.0 (−1.0)", "1.0 (1.0)")
    assert "log-ratio" in window.plots["forward"].plot.accessibleDescription()
    window.live.show_excess(None)
    window.live.excess_found.emit(None)
    assert shown(window) == [None] * 4


def test_modes_of_a_model_are_those_of_its_data_and_follow_the_frames(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in("diffflow-rings")
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=20_000)
    window.parts["colouring"].menu.choices["colouring", "mode"].trigger()
    forward, backward, *_ = shown(window)
    assert forward is not None and backward is not None and forward.count == 5
    assert len(forward.buckets) == 2000 and set(forward.buckets.tolist()) == set(range(5))
    frame = window.live.frame
    assert frame is not None
    # The first ring is the one at the upper left, the last at the lower right
    assert frame.forward[0][forward.buckets == 0, 0].max() < 0 < frame.forward[0][forward.buckets == 4, 0].min()
    assert (frame.backward[0][backward.buckets == 0].mean(axis=0) * (-1, 1) > 0).all()
    window.session.apply({"seed": 3})
    qtbot.waitUntil(lambda: window.live.frame.request.seed == 3 and window.live.frame.complete, timeout=20_000)
    later = shown(window)
    assert later[0] is not None and np.array_equal(later[0].buckets, forward.buckets)
    assert later[1] is not None and not np.array_equal(later[1].buckets, backward.buckets)


def test_data_without_parts_greys_the_mode_and_says_why(
    window: MainWindow, open_in: Callable[[str], None], tmp_path: Path
) -> None:
    menu = window.parts["colouring"].menu
    assert not menu.choices["colouring", "mode"].isEnabled()
    open_in("diffflow-8gaussian")
    assert menu.choices["colouring", "mode"].isEnabled() and menu.choices["colouring", "angle"].isEnabled()
    window.session.apply({"colouring": "mode"})
    np.save(tmp_path / "one.npy", np.random.default_rng(0).standard_normal((300, 1)).astype(np.float32))
    open_in(str(tmp_path / "one.npy"))
    for value, why in (("mode", NO_MODES), ("angle", ONE_COMPONENT)):
        assert not menu.choices["colouring", value].isEnabled() and menu.choices["colouring", value].toolTip() == why
    assert shown(window) == [None] * 4


def test_more_classes_than_colours_grey_the_mode_and_say_why(
    window: MainWindow, open_in: Callable[[str], None], tmp_path: Path
) -> None:
    """From a folder with a folder for each class."""
    for number in range(22):
        (tmp_path / f"class {number // 2}").mkdir(exist_ok=True)
        shade = np.full((2, 2), 10 * number, np.uint8)
        Image.fromarray(shade).save(tmp_path / f"class {number // 2}" / f"{number}.png")
    window.session.apply({"colouring": "mode"})
    open_in(str(tmp_path))
    choice = window.parts["colouring"].menu.choices["colouring", "mode"]
    assert not choice.isEnabled() and choice.toolTip() == TOO_MANY.format(11)
    assert shown(window) == [None] * 4 and window.parts["images"].shown


def test_another_colouring_is_refused() -> None:
    with pytest.raises(SettingError, match="none, mode, angle, radius, log-ratio"):
        State(colouring="taste")
