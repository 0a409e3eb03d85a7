"""The multiply-adds of training, so that kinds of model can be compared whatever the machine (method.md, section 15).

Counted are those of the networks (`FieldNetwork.multiply_adds`) that the gradient of a batch needs: a value once, and
the derivatives by the point and by the parameters once more each. What an engine computes again to save memory, the
penalty of points outside, the embedding of t and the measuring of a validation split are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.flow import MOST_EXACT
from dnf_studio.core.training.record import STAGE
from dnf_studio.core.training.run import Run

WITH_GRADIENT = 3
"""A value, and both of its derivatives."""
RUNGE_KUTTA_STAGES = 4


def _of_paths(model: GenerativeModel, steps: int) -> int:
    """The drift at all N + 1 nodes of a path, if it is a network, and the score at all but that of the data."""
    *drift, score = model.evaluated
    return (steps + 1) * sum(network.multiply_adds for network in drift) + steps * score.multiply_adds


def _of_one_time(model: GenerativeModel, _steps: int) -> int:
    """One evaluation at a random time."""
    return sum(network.multiply_adds for network in model.evaluated)


def _of_a_solution(model: GenerativeModel, steps: int) -> int:
    """Each stage of the solver with the derivatives along D directions, beyond `MOST_EXACT` along one."""
    along = model.dim if model.dim <= MOST_EXACT else 1
    return RUNGE_KUTTA_STAGES * steps * (1 + along) * _of_one_time(model, steps)


COSTS: Mapping[str, Callable[[GenerativeModel, int], int]] = {
    "bound": _of_paths,
    "noise": _of_one_time,
    "velocity": _of_one_time,
    "likelihood": _of_a_solution,
}
"""By the objective of the kind of model: evaluations of a point at N, in multiply-adds."""


def point_cost(model: GenerativeModel, steps: int) -> int | None:
    """Multiply-adds that training on one point takes at N = `steps`; None where nobody has counted the objective's."""
    cost = COSTS.get(MODEL_KINDS[model.kind].objective)
    return None if cost is None else WITH_GRADIENT * cost(model, steps)


def run_cost(run: Run) -> int | None:
    """Multiply-adds of `run` so far, whose batch has not changed, each N of progressive training by its marks."""
    total, before, batch = 0, 0, run.config.training.batch
    stages = [mark for mark in run.marks.all if mark.name in (STAGE, "sde.steps")]
    ends = [(mark.iteration, int(mark.before or 0)) for mark in stages]
    for end, steps in (*ends, (run.iteration, run.marks.steps or run.config.sde.steps)):
        cost = point_cost(run.flow, steps)
        if cost is None:
            return None
        total += (end - before) * batch * cost
        before = end
    return total
