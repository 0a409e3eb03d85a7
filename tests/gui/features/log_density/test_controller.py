"""The log-density layer of a whole window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration import log_density
from dnf_studio.core.exploration.log_density import LogDensity
from dnf_studio.errors import SettingError
from dnf_studio.gui.features.log_density import pictures
from dnf_studio.gui.features.log_density.controller import rounded
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.state import State
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY
from tests.gui.scenes import frame_of

Open = Callable[[str], None]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three grids that take a moment."""
    monkeypatch.setattr(log_density, "SIZES", (6, 11, 21))


@pytest.fixture
def found(window: MainWindow) -> list[LogDensity]:
    """What is computed from now on."""
    told: list[LogDensity] = []
    hear(window, told.append)
    return told


def hear(window: MainWindow, tell: Callable[[LogDensity], object]) -> None:
    """Call `tell` with each picture that is computed from now on, once it is drawn."""
    first = window.parts["log_density"].first
    take = first.take

    def both(found: LogDensity) -> None:
        take(found)
        tell(found)

    first.take = both


def sizes(found: list[LogDensity]) -> list[int]:
    return [len(each.x) for each in found]


def zoom(window: MainWindow, factor: float, right: float = 0.0) -> None:
    """As the wheel does, and a drag: in both views."""
    for view in (window.plots["forward"], window.plots["backward"]):
        if factor != 1:
            view.box.scaleBy((factor, factor))
        if right:
            view.box.translateBy((right, 0.0))


def wait_whole(window: MainWindow, qtbot: QtBot) -> LogDensity:
    """Until the finest picture of what is asked is drawn."""

    def there() -> bool:
        drawn = window.parts["log_density"].overlays["forward"].found
        rests = not window.parts["log_density"].first.task.running and not window.parts["log_density"]._timer.isActive()
        return rests and drawn is not None and drawn.complete

    qtbot.waitUntil(there, timeout=20_000)
    drawn = window.parts["log_density"].overlays["forward"].found
    assert drawn is not None
    return drawn


def test_the_key_brings_a_coarse_picture_then_finer_ones(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot
) -> None:
    open_in("diffflow-8gaussian")
    assert found == [] and window.parts["log_density"].overlays["forward"].button.isHidden()
    QTest.keySequence(window, QKeySequence("Ctrl+7"))
    assert "contours" in window.session.state.layers and window.commands["contours"].isChecked()
    drawn = wait_whole(window, qtbot)
    assert sizes(found) == [6, 11, 21] and drawn is found[-1]
    seen = window.plots["forward"].box.viewRect()
    assert drawn.x[0] <= seen.left() and drawn.x[-1] >= seen.right()
    assert drawn.y[0] <= seen.top() and drawn.y[-1] >= seen.bottom()
    overlays = window.parts["log_density"].overlays
    assert list(overlays) == ["forward", "backward"]
    for overlay in overlays.values():
        assert overlay.map.isVisible() and overlay.legend.isVisible() and overlay.button.isVisible()
    QTest.keySequence(window, QKeySequence("Ctrl+7"))
    assert (
        window.parts["log_density"].overlays["forward"].found is None
        and window.parts["log_density"].overlays["forward"].legend.isHidden()
    )


def test_what_was_computed_is_not_computed_again(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = 3
    monkeypatch.setattr(pictures, "KEPT", kept)
    window.session.apply({**TINY, "config.sde.steps": 6})
    open_in("8gaussian")
    window.session.apply({"layers": frozenset({"contours"})})
    first = wait_whole(window, qtbot)
    for change in ({"contours": "difference"}, {"layers": frozenset()}, {"layers": frozenset({"contours"})}):
        window.session.apply(change)
    window.session.cursor.jump(5)
    zoom(window, 1.0, right=0.01)
    assert wait_whole(window, qtbot) is first and sizes(found) == [6, 11, 21]
    assert "the points are at step 5" in window.parts["log_density"].overlays["backward"].legend.text()
    for _ in range(kept + 2):
        zoom(window, 1.0, right=1.5)
        wait_whole(window, qtbot)
    assert len(window.parts["log_density"].first.kept) == kept
    window.plots.reset_ranges()
    wait_whole(window, qtbot)
    # The oldest one was forgotten
    assert sizes(found)[-3:] == [6, 11, 21] and len(found) == 3 * (kept + 4)


def test_a_zoom_into_a_fine_picture_keeps_it_until_there_is_a_finer_one(
    window: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    open_in("diffflow-8gaussian")
    window.session.apply({"layers": frozenset({"contours"})})
    wait_whole(window, qtbot)
    drawn: list[int] = []
    hear(window, lambda _: drawn.append(len(window.parts["log_density"].overlays["forward"].found.x)))
    zoom(window, 0.5)
    inner = wait_whole(window, qtbot)
    assert drawn[0] == 21 and inner.x[-1] - inner.x[0] < 8


def test_switched_on_again_it_begins_coarse_where_nothing_is_kept(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot
) -> None:
    open_in("diffflow-8gaussian")
    shown: list[int] = []
    window.session.apply({"layers": frozenset({"contours"})})
    wait_whole(window, qtbot)
    window.session.apply({"layers": frozenset({"points"})})
    assert window.parts["log_density"].overlays["forward"].found is None
    window.parts["log_density"].first.kept.clear()
    overlay = window.parts["log_density"].overlays["forward"]
    hear(window, lambda _: shown.append(0 if overlay.found is None else len(overlay.found.x)))
    window.session.apply({"layers": frozenset({"contours"})})
    wait_whole(window, qtbot)
    assert shown == [6, 11, 21]


def test_side_by_side_and_difference_follow_the_menu(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("diffflow-checkerboard")
    menu = window.parts["log_density"].menu
    assert [value for (_, value), action in menu.choices.items() if action.isChecked()] == ["model"]
    menu.choices["contours", "side"].trigger()
    assert window.session.state.contours == "side" and "contours" in window.session.state.layers
    drawn = wait_whole(window, qtbot)
    assert drawn.exact is not None
    overlays = window.parts["log_density"].overlays.values()
    assert [overlay.shown for overlay in overlays] == ["model", "exact"]
    menu.choices["contours", "difference"].trigger()
    assert [overlay.button.text() for overlay in overlays] == ["Δ log p"] * 2
    window.session.undo()
    assert menu.choices["contours", "side"].isChecked() and [overlay.shown for overlay in overlays] == [
        "model",
        "exact",
    ]


@pytest.mark.usefixtures("few_points")
def test_a_second_model_has_its_own_in_its_views_and_dashed_lines_over_the_first(
    window: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    open_in("diffflow-rings")
    controller, comparison = window.parts["log_density"], window.workspace.comparison
    window.session.apply({"layers": frozenset({"contours"})})
    comparison.open("matching-rings")

    def drawn() -> LogDensity | None:
        found = controller.second_overlays["forward"].found if controller.second_overlays else None
        return found if found is not None and found.complete else None

    qtbot.waitUntil(lambda: drawn() is not None, timeout=20_000)
    first, second = wait_whole(window, qtbot), drawn()
    assert second is not None and np.array_equal(first.x, second.x) and not np.allclose(first.model, second.model)
    button = controller.second_overlays["forward"].button
    assert "the maximum of A" in button.toolTip() and button.isVisible()
    window.session.apply({"comparing": "overlay"})
    qtbot.waitUntil(controller.overlays["forward"].over.isVisible, timeout=20_000)
    assert controller.second_overlays["forward"].found is None
    comparison.close()
    assert not controller.overlays["forward"].over.isVisible()


def test_another_model_is_another_picture(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot
) -> None:
    open_in("diffflow-8gaussian")
    window.session.apply({"layers": frozenset({"contours"})})
    first = wait_whole(window, qtbot)
    open_in("diffflow-checkerboard")
    qtbot.waitUntil(lambda: len(found) == 6, timeout=20_000)
    second = wait_whole(window, qtbot)
    assert second is not first and second.top != first.top


def test_swapped_components_swap_the_picture(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("diffflow-checkerboard")
    window.session.apply({"layers": frozenset({"contours"}), "axes": (1, 0)})
    drawn = wait_whole(window, qtbot)
    seen = window.plots["forward"].box.viewRect()
    assert drawn.x[0] <= seen.left() and drawn.x[-1] >= seen.right() and drawn.y[-1] < drawn.x[-1]
    asked = window.parts["log_density"].first.asked
    assert asked is not None
    # The model has its own components: the long side of the view is its second one
    assert asked[1][3] - asked[1][1] > asked[1][2] - asked[1][0]
    window.session.apply({"axes": (0, 0)})
    qtbot.waitUntil(lambda: "two different components" in window.parts["log_density"].overlays["forward"].legend.text())


def test_more_than_two_components_have_one_sentence(
    window: MainWindow, tmp_path: pytest.TempPathFactory, open_in: Open, found: list[LogDensity], qtbot: QtBot
) -> None:
    file = tmp_path / "three.npy"  # type: ignore[operator]
    np.save(file, np.random.default_rng(0).standard_normal((500, 3)))
    open_in(str(file))
    window.session.apply({"layers": frozenset({"contours"})})
    legend = window.parts["log_density"].overlays["forward"].legend
    qtbot.waitUntil(lambda: legend.text().startswith("Log-density is drawn for two components only"))
    assert legend.isVisible() and found == [] and legend.text().count(".") == 1


def test_while_a_model_trains_pictures_are_coarse_and_fine_when_it_rests(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnf_studio.gui.features.log_density.controller.TRAIN_SECONDS", 0.05)
    open_in("moons")
    window.session.apply({**TINY, "layers": frozenset({"contours"})})
    window.studio.train()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.RUNNING, timeout=20_000)
    qtbot.waitUntil(lambda: not window.parts["log_density"].first.whole, timeout=20_000)
    begun = len(found)
    qtbot.waitUntil(lambda: len(found) >= begun + 3, timeout=20_000)
    assert set(sizes(found[begun:])) == {6}
    assert "refining" not in window.parts["log_density"].overlays["forward"].legend.text()
    window.studio.training.set_paused(True)
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.PAUSED, timeout=20_000)
    assert len(wait_whole(window, qtbot).x) == 21
    assert "the exact density" not in window.parts["log_density"].overlays["forward"].legend.text()


def test_weights_seen_while_it_trained_are_drawn_finely_once_it_rests(
    window: MainWindow, open_in: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window hears of the pause after the last weights are here, which it may have drawn by then."""
    open_in("moons")
    with monkeypatch.context() as patch:
        patch.setattr(window.studio.training, "_phase", Phase.RUNNING)
        window.session.apply({"layers": frozenset({"contours"})})
        qtbot.waitUntil(lambda: window.parts["log_density"].overlays["forward"].found is not None, timeout=20_000)
        qtbot.waitUntil(lambda: not window.parts["log_density"].first.task.running, timeout=20_000)
    window.parts["log_density"]._soon()
    assert len(wait_whole(window, qtbot).x) == 21


def test_a_newer_question_leaves_the_older_one(
    window: MainWindow, open_in: Open, found: list[LogDensity], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in("diffflow-8gaussian")
    monkeypatch.setattr(log_density, "SIZES", (6, 401))
    window.session.apply({"layers": frozenset({"contours"})})
    qtbot.waitUntil(lambda: len(found) == 1, timeout=20_000)
    assert "refining…" in window.parts["log_density"].overlays["forward"].legend.text()
    monkeypatch.setattr(log_density, "SIZES", (6, 11))
    zoom(window, 0.5)
    wait_whole(window, qtbot)
    assert sizes(found) == [6, 6, 11]


def test_rectangles_are_rounded_outward() -> None:
    assert rounded((-5.1, -3.3, 5.1, 3.3)) == (-5.5, -3.5, 5.5, 3.5)
    assert rounded((-5.2, -3.2, 5.02, 3.4)) == rounded((-5.1, -3.3, 5.1, 3.3))
    small = rounded((0.101, 0.2, 0.102, 0.2005))
    assert small[0] <= 0.101 and small[2] >= 0.102 and small[2] - small[0] < 0.0013


def test_the_menu_is_in_the_view_menu_with_mnemonics_of_its_own(seen_window: MainWindow) -> None:
    def letters(actions: list[QAction]) -> list[str]:
        texts = [action.text() for action in actions]
        return [text[text.index("&") + 1].lower() for text in texts if "&" in text]

    menu = seen_window.parts["log_density"].menu
    owner = next(m for m in seen_window.menuBar().findChildren(QMenu) if menu.menuAction() in m.actions())
    assert seen_window.commands["contours"] in owner.actions()
    for each in (owner, menu):
        assert len(set(letters(each.actions()))) == len(letters(each.actions()))
    for overlay in seen_window.parts["log_density"].overlays.values():
        assert overlay.button.menu() is menu
        assert overlay.button.toolTip() and overlay.button.accessibleName()
    assert all(action.toolTip() for action in menu.choices.values())


def test_without_a_model_nothing_is_asked(still_window: MainWindow) -> None:
    still_window.live.show(frame_of())
    still_window.session.apply({"layers": frozenset({"contours"})})
    still_window.parts["log_density"]._ask()
    assert (
        not still_window.parts["log_density"].first.task.running
        and still_window.parts["log_density"].overlays["forward"].found is None
    )


def test_the_state_knows_its_choices() -> None:
    with pytest.raises(SettingError, match=r"^There is no log-density named 'both'\.$"):
        State(contours="both")
