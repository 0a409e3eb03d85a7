"""B − A of one component."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.comparison.plot import ChangePlot, marginal_change

VALUES = np.random.default_rng(0).standard_normal(500).astype(np.float32)


def test_the_same_points_differ_nowhere() -> None:
    same = marginal_change(VALUES, VALUES.copy(), 3.3)
    assert not same.density.any() and same.distance == 0.0 and same.chance.max() > 0


def test_the_distance_of_shifted_points_is_the_shift_and_the_difference_adds_up_to_nothing() -> None:
    moved = marginal_change(VALUES, VALUES + np.float32(0.25), 6.0)
    assert moved.distance == pytest.approx(0.25, abs=1e-6)
    assert moved.density.sum() == pytest.approx(0.0, abs=1e-9)
    # Mean of B less mean of A, to half a bin
    width = moved.x[1] - moved.x[0]
    assert (moved.x * moved.density).sum() * width == pytest.approx(0.25, abs=width / 2)
    # Every second point is the same distribution, and lost points are left out
    half = np.concatenate([np.sort(VALUES)[::2], [np.nan, np.inf]]).astype(np.float32)
    assert marginal_change(VALUES, half, 3.3).distance < 0.02
    assert np.isnan(marginal_change(VALUES, half[-2:], 3.3).distance)


def test_the_scale_grows_at_once_and_falls_with_another_subject(qtbot: QtBot) -> None:
    plot = ChangePlot()
    qtbot.addWidget(plot)
    far, near = (marginal_change(VALUES, VALUES + np.float32(shift), 3.3) for shift in (1.0, 0.01))
    plot.show_changes({"forward": far, "backward": near}, 0, 3.3, "subject")
    high = plot.box.viewRange()[1][1]
    plot.show_changes({"forward": near, "backward": near}, 0, 3.3, "subject")
    assert plot.box.viewRange()[1][1] == high
    plot.show_changes({"forward": near, "backward": near}, 0, 3.3, "another")
    assert plot.box.viewRange()[1][1] < high
    assert "forward 0.010" in plot.note.texts[0]
    numbers = plot.numbers()
    assert numbers is not None
    assert [*numbers.columns] == [
        "place [standardised]",
        "forward, B − A of the density",
        "backward, B − A of the density",
        "chance",
    ]
    assert numbers.text().count("\n") == 1 + len(near.x)
    plot.show_changes(None, 0, 1.0)
    assert plot.numbers() is None
    assert plot.note.texts == ("",)
