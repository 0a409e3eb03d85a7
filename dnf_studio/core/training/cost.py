"""The multiply-adds of training, so that kinds of model can be compared whatever the machine (method.md, section 15).

Counted are those of the networks (`FieldNetwork.multiply_adds`) that the gradient of a batch needs: a value once, and
the derivatives by the point and by the parameters once more each. What an engine computes again to save memory, the
penalty of points outside, the embedding of t and the measuring of a validation split are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dnf_studio.config import Config
from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.flow import MOST_EXACT
from dnf_studio.core.training.record import STAGE, Marks
from dnf_studio.core.training.run import Run

WITH_GRADIENT = 3
"""A value, and both of its derivatives."""
RUNGE_KUTTA_STAGES = 4
BATCH = "training.batch"


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
    """Multiply-adds of `run` so far, each N of progressive training and each size of its batches by its marks."""
    found = cost_at(run.flow, run.config, run.marks, (run.iteration,))
    return None if found is None else found[0]


def cost_at(model: GenerativeModel, config: Config, marks: Marks, iterations: Sequence[int]) -> tuple[int, ...] | None:
    """Multiply-adds until the end of each of `iterations`, ascending, of a run that ends with `config`.

    `marks` say where N and the size of batches changed. None where nobody has counted what its objective costs.
    """
    costs = {n: point_cost(model, n) for n in {steps for _, steps, _ in _stretches(config, marks)}}
    if None in costs.values():
        return None
    found = []
    for iteration in iterations:
        total = begin = 0
        for end, steps, batch in _stretches(config, marks):
            stop = iteration if end is None else min(end, iteration)
            total += max(0, stop - begin) * batch * (costs[steps] or 0)
            begin = max(begin, stop)
        found.append(total)
    return tuple(found)


def _stretches(config: Config, marks: Marks) -> list[tuple[int | None, int, int]]:
    """Where each stretch of a run ends, None of the last one, its N and the size of its batches."""
    n, batch = marks.steps or config.sde.steps, config.training.batch
    end: int | None = None
    found: list[tuple[int | None, int, int]] = []
    # From the end back to the beginning: a mark knows what was before it
    for mark in reversed(marks.all):
        if mark.name in (STAGE, "sde.steps", BATCH) and type(mark.before) is int and mark.before > 0:
            found.append((end, n, batch))
            end = mark.iteration
            n, batch = (n, mark.before) if mark.name == BATCH else (mark.before, batch)
    return [(end, n, batch), *reversed(found)]
