from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.marginals import Marginals
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.marginals.plot import MarginalsPlot
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.marginals import Comparison
from tests.gui.conftest import TINY
from tests.gui.scenes import frame_of, pixels, share_near
from tests.views import viewed

FRAME = frame_of(steps=4)


def comparison(distance: list[float], frame: Frame = FRAME) -> Comparison:
    return Comparison(frame, Marginals(np.array(distance), np.full(len(distance), 0.016), np.full(len(distance), 0.02)))


@pytest.fixture
def plot(qtbot: QtBot) -> MarginalsPlot:
    made = MarginalsPlot()
    qtbot.addWidget(made)
    made.resize(500, 300)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_the_note_says_step_distance_and_floor(plot: MarginalsPlot) -> None:
    plot.set_cursor(3.0)
    assert plot.note.text() == ""
    plot.set_frame(FRAME)
    plot.set_comparison(comparison([0.01, 0.02, 0.05, 0.0314, 0.02]))
    assert plot.note.text() == "step 3: distance 0.031, floor 0.016"
    assert plot.caption_line.meaning == (
        "The clouds differ at step 2, most at 2. There they are 0.050 apart, where chance alone makes 0.016."
    )
    plot.set_comparison(comparison([0.01, 0.02, 0.025, 0.0314, 0.02]))
    assert plot.caption_line.meaning.startswith("The clouds differ at steps 2–3, most at 3.")
    plot.set_comparison(comparison([0.01, 0.02, 0.025, 0.01, 0.02]))
    assert plot.caption_line.meaning == "Both clouds agree at every step, as far as so many points tell."
    plot.set_comparison(comparison([0.01, 0.02, 0.05, 0.0314, 0.02]))
    plot.set_cursor(0.2)
    assert plot.note.text() == "step 0: distance 0.010, floor 0.016"
    plot.set_cursor(40)
    assert plot.note.text() == "step 4: distance 0.020, floor 0.016"
    plot.set_frame(frame_of(steps=5))
    assert plot.note.text() == "" and not plot.plot.getAxis("left").style["showValues"]


def test_pairs_share_their_noise_end_which_the_caption_says(plot: MarginalsPlot) -> None:
    plain = plot.caption
    plot.set_comparison(comparison([0.0], dataclasses.replace(FRAME, request=viewed(start="forward"))))
    assert "share their noise end" in plot.caption and "share" not in plain and not plot.caption_line.meaning
    plot.set_comparison(comparison([0.01]))
    assert plot.caption == plain


def test_a_click_goes_to_the_nearest_step(plot: MarginalsPlot, qtbot: QtBot) -> None:
    plot.set_comparison(comparison([0.01, 0.02, 0.05, 0.03, 0.02]))
    place = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(2.7, 0.01)))
    with qtbot.waitSignal(plot.step_clicked, timeout=1000) as clicked:
        qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert clicked.args == [3]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_curve_floor_and_current_step_are_drawn(plot: MarginalsPlot, theme: object) -> None:
    plot.set_theme(theme)
    plot.set_comparison(comparison([0.01, 0.02, 0.05, 0.03, 0.02]))
    picture = pixels(plot.plot)
    for colour in (plot.theme.text, plot.theme.floor, plot.theme.accent):
        assert share_near(picture, colour, 30) > 0.0005, colour
    low, high = plot.box.viewRange()[1]
    assert low == 0 and 0.05 < high < 0.07


def test_limits_follow_slowly_and_begin_anew_with_other_settings(plot: MarginalsPlot) -> None:
    plot.set_comparison(comparison([0.0, 1.0, 0.5, 0.2, 0.1]))
    plot.set_comparison(comparison([0.0, 0.1, 0.1, 0.1, 0.1]))
    assert plot.box.viewRange()[1][1] > 0.9
    other = dataclasses.replace(FRAME, request=viewed(lam=0.0))
    plot.set_comparison(comparison([0.0, 0.1, 0.1, 0.1, 0.1], other))
    assert plot.box.viewRange()[1][1] < 0.2


def test_steps_without_finite_points_are_a_gap_and_a_warning(plot: MarginalsPlot) -> None:
    plot.set_comparison(comparison([0.01, np.nan, np.inf, 0.03, 0.02]))
    plot.set_cursor(1.0)
    assert plot.note.text() == "step 1: no finite points"
    plot.set_cursor(3.0)
    assert plot.note.text() == "step 3: distance 0.030, floor 0.016"
    assert plot.box.viewRange()[1][1] < 0.05
    assert share_near(pixels(plot.plot), LIGHT.text, 30) > 0


def test_only_a_plot_that_is_seen_is_computed(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> None:
    asked: list[Frame] = []
    compare = window.studio.explorer.compare
    window.studio.explorer.compare = lambda frame: (asked.append(frame), compare(frame))  # type: ignore[method-assign]
    open_in("diffflow-rings")
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=20_000)
    assert not asked
    window.views.tabs.tabs.setCurrentIndex(2)
    plot = window.plots["marginals"]
    qtbot.waitUntil(lambda: "distance" in plot.note.text(), timeout=20_000)
    assert asked == [window.live.frame]
    steps = len(asked[0].t) - 1
    window.session.cursor.set_playing(False)
    plot.step_clicked.emit(steps)
    assert window.session.cursor.position == steps
    # Latents and the forward end are both near N(0, I)
    assert plot.note.text().startswith(f"step {steps}: distance 0.") or plot.note.text().startswith("distance 0.")
    window.session.apply({"steps": 5})
    qtbot.waitUntil(lambda: len(plot._distance) == 6, timeout=20_000)
    assert all(frame.complete for frame in asked)


def test_while_training_there_is_time_between_two_comparisons(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnf_studio.gui.workspace.live.COMPARE_SECONDS", 1e9)
    asked: list[Frame] = []
    monkeypatch.setattr(window.studio.explorer, "compare", asked.append)
    shown: list[Frame] = []
    window.live.frame_shown.connect(shown.append)
    window.session.apply(TINY)
    window.views.tabs.tabs.setCurrentIndex(2)
    window.studio.train()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.RUNNING, timeout=20_000)
    before = len(asked), len(shown)
    qtbot.waitUntil(lambda: len(shown) >= before[1] + 4, timeout=20_000)
    assert len(asked) <= before[0] + 1
    window.studio.training.stop()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=20_000)
    qtbot.waitUntil(lambda: bool(asked) and asked[-1] is window.live.frame, timeout=20_000)
