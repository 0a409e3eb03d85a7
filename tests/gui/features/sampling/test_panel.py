"""The backward process in part, in a whole window: chosen, said, undone, and not exported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.marginals import Marginals
from dnf_studio.errors import SettingError
from dnf_studio.gui.features.sampling.panel import EQUATIONS, PARTS, SamplingPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.marginals import Comparison
from tests.gui.scenes import frame_of
from tests.views import viewed

Open = Callable[[str], None]


def test_a_part_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="'noise'"):
        viewed(parts="noise")


def test_the_panel_chooses_says_the_equation_and_undo_brings_it_back(still_window: MainWindow) -> None:
    session, panel = still_window.session, still_window.findChild(SamplingPanel)
    assert panel is not None and set(PARTS.values()) == {"both", *EQUATIONS}
    assert panel.parts.toolTip() and panel.parts.accessibleName()
    panel.parts.chosen.emit("drift")
    assert session.state.sampling.parts == "drift" and "Not the model" in panel.equation.text()
    session.undo()
    assert session.state.sampling.parts == "both" and panel.parts.currentData() == "both"
    assert "Euler–Maruyama" in panel.equation.text() and "17" in panel.equation.text()


def test_the_views_say_what_is_left_out_and_how_far_it_moves_the_samples(
    window: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    open_in("diffflow-tree")
    labels = window.parts["sampling"].labels
    assert all(label.isHidden() for label in labels.values())
    window.session.apply({"parts": "score"})
    backward = labels[window.plots["backward"]]
    qtbot.waitUntil(lambda: "Wasserstein" in backward.text(), timeout=20_000)
    assert all("score only, f = 0. Not the model." in label.text() for label in labels.values())
    assert not any(label.isHidden() for label in labels.values())
    assert "Wasserstein" not in labels[window.plots["time"]].text()
    assert float(backward.text().split("distance of ")[1].split(",")[0]) > 0.1
    window.session.apply({"parts": "both"})
    qtbot.waitUntil(lambda: backward.isHidden(), timeout=20_000)


def test_one_component_has_the_distance_beside_its_paths(still_window: MainWindow) -> None:
    window, frame = still_window, frame_of(dim=1, request=viewed(parts="drift"))
    one = np.ones(1)
    window.live.show(frame)
    window.live.compared.emit(Comparison(frame, Marginals(one, one, one), Marginals(0.25 * one, 0.02 * one, one)))
    text = window.parts["sampling"].labels[window.plots["time"]].text()
    assert text.endswith("moved by a sliced Wasserstein distance of 0.250, floor 0.020.")
    window.live.compared.emit(Comparison(frame, Marginals(one, one, one), Marginals(np.nan * one, one, one)))
    assert "Too few" in window.parts["sampling"].labels[window.plots["time"]].text()
    window.live.show(frame_of(dim=1))
    assert window.parts["sampling"].labels[window.plots["time"]].isHidden()


def test_the_export_says_that_it_is_of_the_whole_and_selected_points_wait(window: MainWindow, open_in: Open) -> None:
    open_in("diffflow-rings")
    panel = window.page("Export")
    assert panel is not None
    form = panel.form
    window.session.apply({"selection": (3, 7)})
    form.selected.click()
    assert form.selecting and form.whole.isHidden()
    window.session.apply({"parts": "drift"})
    assert not form.selecting and not form.selected.isEnabled() and "Sampling" in form.selected.toolTip()
    assert not form.whole.isHidden() and "drift and score" in form.whole.text()
    window.session.apply({"parts": "both"})
    assert form.selected.isEnabled() and form.whole.isHidden()
