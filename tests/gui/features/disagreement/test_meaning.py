"""What is said of the bars: the steps that miss, and nothing of those that do not."""

from __future__ import annotations

import numpy as np
import pytest

from dnf_studio.gui.features.disagreement.bars import NO_BARS, StepBars
from dnf_studio.gui.features.disagreement.meaning import bars_meaning, contribution_meaning, excess_meaning


def bars(values: list[float], error: float = 0.01, total_error: float = 0.02) -> StepBars:
    array = np.array(values)
    return StepBars(array, errors=np.full(len(array), error), points=400, total_error=total_error)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.0, 0.02, -0.02, 0.01], "No step misses by more than its error. Nothing here is wrong."),
        ([0.02] * 10, "No step stands out. Together they miss by +0.200 nats."),
        ([0.4, 0.0, 0.01, 0.0], "Step 0 misses most, by +0.400 nats. The others agree within their errors."),
        ([0.4, 0.3, 0.0, 0.05], "Steps 0–1 miss most, by +0.700 nats. All together +0.750 nats."),
        ([0.3, 0.0, 0.3, 0.3], "Steps 0 and 2–3 miss most, by +0.900 nats. The others agree within their errors."),
        (
            [0.4, -0.1, 0.0],
            "Step 1 lies below 0 by more than its error. No divergence can. The density of the ODE is off there.",
        ),
    ],
)
def test_the_excess(values: list[float], said: str) -> None:
    assert excess_meaning(bars(values)) == said


def test_nothing_is_called_right_before_it_is_known_well() -> None:
    found = excess_meaning(bars([0.0, 0.02, -0.02], total_error=0.1))
    assert found == "So far no step misses by more than its error. All together it is still ± 0.10."


def test_nothing_is_said_without_errors() -> None:
    assert excess_meaning(NO_BARS) == ""
    assert excess_meaning(StepBars(np.ones(3), errors=np.full(3, np.nan), points=1)) == ""


def test_a_contribution_is_no_fault() -> None:
    lowering = StepBars(np.array([-2.0, -1.0, 0.5, -0.1]))
    found = contribution_meaning(lowering)
    assert bars_meaning(lowering) == found and bars_meaning(bars([0.4, 0.0])) == excess_meaning(bars([0.4, 0.0]))
    assert found == "Steps 0–1 gain most. A high bar is nothing wrong: what is wrong the excess says."
    assert contribution_meaning(StepBars(np.array([0.2, 0.5]))) == "No step lowers the bound."
