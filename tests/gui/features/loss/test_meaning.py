"""What is said of a loss curve: its trend beside chance, what is left, and held-out rows that got worse."""

from __future__ import annotations

import numpy as np
import pytest

from dnf_studio.gui.features.loss.curve import LossCurve
from dnf_studio.gui.features.loss.meaning import run_meaning


def curve(losses: np.ndarray) -> LossCurve:
    made = LossCurve()
    made.extend((i, float(loss)) for i, loss in enumerate(losses, 1))
    return made


NOISE = np.random.default_rng(0).normal(0, 0.05, 2000)
LEVEL = np.full(2000, 1.5)


@pytest.mark.parametrize(
    ("losses", "begins"),
    [
        (LEVEL + NOISE, "It has levelled off."),
        (LEVEL - np.linspace(0, 5, 2000) + NOISE, "It still fell by 0.5 nats in the last tenth."),
        (LEVEL + np.linspace(0, 5, 2000) + NOISE, "It rose by 0.5 nats in the last tenth."),
    ],
)
def test_trend(losses: np.ndarray, begins: str) -> None:
    assert run_meaning(curve(losses), None, None, {}, nats=True).startswith(begins)


def test_what_is_left_above_floor_or_what_can_be_attained() -> None:
    level = curve(LEVEL)
    assert run_meaning(level, 1.0, None, {}, nats=True).endswith(" 0.50 nats above the floor.")
    assert run_meaning(level, 1.0, 1.25, {}, nats=True).endswith(" 0.25 nats above what this grid can attain.")
    assert run_meaning(curve(LEVEL), None, None, {}, nats=False) == "It has levelled off."


def test_held_out_rows() -> None:
    level, best = curve(LEVEL), {100: 2.0, 200: 1.5, 300: 1.2, 400: 1.25, 500: 1.3}
    assert run_meaning(level, None, None, best, nats=True).endswith(
        "Held-out rows were 0.10 nats better at iteration 300. It has overfitted since."
    )
    assert "Held-out" not in run_meaning(level, None, None, {**best, 500: 1.21}, nats=True)


def test_nothing_is_said_of_a_beginning() -> None:
    assert run_meaning(curve(LEVEL[:30]), 1.0, None, {}, nats=True) == ""
