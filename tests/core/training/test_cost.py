"""Multiply-adds of sampling and of training, counted by hand for networks of two hidden layers of eight channels."""

from __future__ import annotations

import pytest

from dnf_studio import api
from dnf_studio.config import Config
from dnf_studio.core.training.cost import point_cost, run_cost

SETTINGS = {
    "data": "moons",
    "network": {"layers": 2, "channels": 8, "features": 3},
    "training": {"batch": 16, "iterations": 9, "progressive": False, "device": "cpu"},
    "sde": {"steps": 12},
}
WITH_FEATURES = 3 * 2 + (2 + 6) * 8 + 2 * 8 * 8 + 8 * 2
"""Angles of three features of a point of the plane, the first layer, two hidden ones and the output."""
PLAIN = 2 * 8 + 2 * 8 * 8 + 8 * 2


def config(model: str, **changes: object) -> Config:
    features = 0 if model == "flow" else 3
    return Config.create({"model": model}).changed({**SETTINGS, "network.features": features, **changes})


@pytest.mark.parametrize(
    ("model", "evaluations", "training"),
    [
        ("diffflow", 2 * 5 * WITH_FEATURES, 3 * (13 + 12) * WITH_FEATURES),
        ("diffusion", 5 * WITH_FEATURES, 3 * WITH_FEATURES),
        ("flow", 4 * 5 * PLAIN, 3 * 4 * 12 * (1 + 2) * PLAIN),
    ],
)
def test_costs_by_hand(model: str, evaluations: int, training: int) -> None:
    run = api.train(config(model))
    assert run.flow.multiply_adds(5) == evaluations
    assert point_cost(run.flow, 12) == training
    assert run_cost(run) == 0
    for _ in zip(range(2), run, strict=False):
        pass
    assert run_cost(run) == 2 * 16 * training


def test_two_evaluations_a_step_cost_twice() -> None:
    flow = api.train(config("diffflow")).flow
    assert flow.multiply_adds(5, "heun") == 2 * 9 * WITH_FEATURES == flow.evaluations(5, "heun") * WITH_FEATURES


def test_each_stage_of_a_progressive_run_is_counted_with_its_own_steps() -> None:
    run = api.train(config("diffflow", **{"training.progressive": True}))
    steps = [report.steps for report in run]
    assert len(set(steps)) == 3 and len(steps) == 9
    assert run_cost(run) == sum(3 * 16 * (2 * n + 1) * WITH_FEATURES for n in steps)
