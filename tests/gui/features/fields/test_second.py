"""B − A of the vector fields of two models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dnf_studio.core.exploration.fields import FieldGrid
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.gui.features.fields.second import field_change
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from tests.views import viewed

PLANE = Plane.of_pair(0, 1, np.zeros(2))
EXTENT = (-1.0, -1.0, 1.0, 1.0)


def answer(lam: float = 1.0) -> FieldAnswer:
    random = np.random.default_rng(0)
    axis = np.linspace(-1, 1, 3)
    drift, score = random.standard_normal((2, 3, 3, 2))
    one, other = random.standard_normal((2, 3, 3))
    grid = FieldGrid(2, 0.1, 0.5, PLANE, axis, axis, drift, score, one, other, True)
    return FieldAnswer(FieldRequest(2, PLANE, EXTENT), 1, viewed(lam=lam), grid, np.ones((3, 3), bool))


def test_a_model_differs_from_itself_nowhere_and_what_differs_is_b_less_a() -> None:
    same = field_change(answer(), answer(), "backward")
    assert same is not None
    for name in ("drift", "score", "backward", "flow"):
        assert not same.grid.vectors(name).any() and not same.grid.divergence(name).any()
    # Twice as long a time, another λ in B: each with its own
    first, second = answer(1.0), answer(0.5)
    change = field_change(first, second, "backward", 2.0)
    assert change is not None
    expected = 2 * second.grid.vectors("backward", 0.5) - first.grid.vectors("backward", 1.0)
    assert np.allclose(change.grid.vectors("backward", change.request.level), expected)


def test_answers_over_other_places_are_not_compared() -> None:
    elsewhere = replace(answer(), asked=FieldRequest(2, PLANE, (-2.0, -1.0, 1.0, 1.0)))
    assert field_change(answer(), elsewhere, "drift") is None
