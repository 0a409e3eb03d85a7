from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.by_step import ScoreShare
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.drawing.words import percent
from dnf_studio.gui.features.score.plot import TOPS, ScorePlot
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import frame_of, pixels, share_near
from tests.views import viewed


def frame_with(share: list[float], **request: object) -> Frame:
    """A frame whose drift is 2 long and whose score has the shares given."""
    part = np.array(share)
    score = ScoreShare(np.full(len(part), 2.0), 2 * part / (1 - part))
    return dataclasses.replace(frame_of(steps=len(part), request=viewed(**request)), score=score)  # type: ignore[arg-type]


@pytest.fixture
def plot(qtbot: QtBot) -> ScorePlot:
    made = ScorePlot()
    qtbot.addWidget(made)
    made.resize(600, 300)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_the_note_says_share_and_lengths_of_the_step(plot: ScorePlot) -> None:
    plot.set_cursor(3.0)
    assert plot.note.text() == "" and plot._empty.isVisible()
    plot.set_frame(frame_with([0.5, 0.2, 0.75, 0.002]))
    assert plot.note.text() == "step 3: share 75%,  ‖g²s‖ 6, ‖f‖ 2"
    strong = "It matters most at step 3, 75% of the backward drift."
    assert plot.caption_line.meaning == f"The score is idle at step 4. {strong}"
    plot.set_frame(frame_with([0.5, 0.2, 0.75, 0.002], lam=0.0))
    assert plot.note.text() == "step 3: share 75%,  ‖0.5 g²s‖ 6, ‖f‖ 2"
    plot.set_cursor(40)
    assert plot.note.text() == "step 4: share 0.2%: idle" and plot.note.warns
    plot.set_cursor(0.3)
    assert plot.note.text() == "step 0: no step uses the score here" and not plot.note.warns
    plot.set_frame(dataclasses.replace(frame_of(), score=None))
    assert plot.note.text() == "" and plot._empty.isVisible() and not plot._curve.isVisible()


def test_a_part_that_is_left_out_is_named_in_the_share(plot: ScorePlot) -> None:
    plot.set_frame(frame_with([0.5, 0.002], parts="drift"))
    plot.set_cursor(1)
    assert plot.note.text().startswith("step 1: share 50% of the whole,")
    plot.set_cursor(2)
    assert plot.note.text() == "step 2: share 0.2% of the whole: idle"


def test_a_narrow_plot_keeps_the_word_idle(plot: ScorePlot, qtbot: QtBot) -> None:
    plot.set_frame(frame_with([0.002, 0.2]))
    plot.set_cursor(1)
    plot.resize(200, 200)
    qtbot.waitUntil(lambda: plot.note.text() in ("share 0.2%: idle", "idle"))


def test_a_step_without_finite_points_is_a_gap_and_a_warning(plot: ScorePlot) -> None:
    plot.set_frame(frame_with([0.5, float("nan"), 0.4]))
    plot.set_cursor(2)
    assert plot.note.text() == "step 2: no finite points" and plot.note.warns
    assert plot.box.viewRange()[1] == pytest.approx([-3, 104])


def test_the_axis_has_few_ends_and_stands_still(plot: ScorePlot) -> None:
    def end(*share: float) -> float:
        plot.set_frame(frame_with(list(share)))
        assert plot.box.viewRange()[1][0] < 0
        return round(plot.box.viewRange()[1][1] / 1.04, 9)

    assert end(0.7, 0.5) == 100
    assert end(0.29, 0.2) == 100, "not for so little"
    assert end(0.22, 0.2) == 30
    assert end(0.31, 0.2) == 100
    assert end(0.0001, 0.0002) == TOPS[0] == 3
    assert end(0.029, 0.0) == 3 and end(0.031, 0.0) == 10


def test_a_click_goes_to_the_nearest_step_that_uses_the_score(plot: ScorePlot, qtbot: QtBot) -> None:
    plot.set_frame(frame_with([0.5, 0.4, 0.3, 0.2]))
    for place, node in ((2.7, 3), (0.1, 1), (4.05, 4)):
        at = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(place, 50)))
        with qtbot.waitSignal(plot.step_clicked, timeout=1000) as clicked:
            qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
        assert clicked.args == [node]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_curve_threshold_and_current_step_are_drawn(plot: ScorePlot, theme: Theme) -> None:
    plot.set_theme(theme)
    plot.set_frame(frame_with([0.002, 0.003, 0.02, 0.028]))
    plot.set_cursor(3)
    picture = pixels(plot.plot)
    for colour in (theme.text, theme.warning, theme.accent):
        assert share_near(picture, colour, 30) > 0.0005, colour
    idle_x, idle_y = plot._idle.getData()
    assert idle_x.tolist() == [1, 2] and idle_y == pytest.approx([0.2, 0.3])


def test_shares_are_written_as_they_can_be_read() -> None:
    shares = (0.0, 0.00002, 0.0024, 0.0712, 0.0999, 0.784, 0.9996, 1.0)
    assert [percent(share) for share in shares] == ["0%", "<0.01%", "0.24%", "7.1%", "10%", "78%", "100%", "100%"]


def test_the_tab_shows_the_share_of_a_model_and_a_click_moves_the_cursor(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in("diffflow-rings")
    bar, plot = window.views.tabs.tabs, window.plots["score"]
    assert plot.plot.accessibleName() == "Score" and bar.tabToolTip(4) == f"Score: {plot.caption}"
    window.session.cursor.set_playing(False)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(4).center())
    qtbot.waitUntil(plot.isVisible)
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=30_000)
    at = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(4.0, 1.0)))
    qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert window.session.cursor.node == 4
    assert plot.note.text().startswith("step 4: share") and not plot.note.text().endswith("idle")
    assert window.live.frame is not None and window.live.frame.score is not None
    full = window.live.frame.score.score
    window.session.apply({"lam": 0.0, "parts": "drift"})
    qtbot.waitUntil(lambda: window.live.frame.request.lam == 0 and window.live.frame.complete, timeout=30_000)  # type: ignore[union-attr]
    np.testing.assert_allclose(window.live.frame.score.score, full / 2, rtol=1e-5)
