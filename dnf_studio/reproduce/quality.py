"""How near samples come while a model trains, and what training it takes to be equally near."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import SEEDS, step_rows
from dnf_studio.core.evaluation.distances import pooled
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.training.cost import run_cost
from dnf_studio.core.training.run import Run
from dnf_studio.reports.drawing import Mark
from dnf_studio.reproduce.distances import chosen
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.results import Quality, Rows
from dnf_studio.reproduce.verdicts import FEW, Claim, answer_of, steps_at_equal_quality

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Shares of the training time after which samples are measured."""
STEPS = FEW
"""N that the samples are drawn with, of every model."""
PAIR = ("diffflow", "diffusion")
"""Whose times are compared."""
POINTS, DRAWS = 50_000, 2
"""At most; a plan with fewer points decides else. What solvers are chosen by has a tenth of them."""
VALIDATION = "validation"
"""The purpose of draws that a solver is chosen by."""
TENTH = 10
Tell = Callable[[str], None]


def compared_solvers(flow: GenerativeModel) -> tuple[str, ...]:
    """Those that samples are drawn with: all but Euler's steps of an ODE that there is a solver of higher order for."""
    better = any(one.order > 1 for one in flow.solvers)
    return tuple(one.name for one in flow.solvers if one.noise or not one.euler or not better)


def validated(flow: GenerativeModel, dataset: Dataset, steps: Sequence[int], points: int, tell: Tell) -> Rows:
    """Every solver at each N of `steps` that it has, by draws that only serve to choose among them."""
    found = {}
    for solver in compared_solvers(flow):
        own = [n for n in steps if flow.checked_solver(solver).makes(n)]
        rows = step_rows(flow, dataset, own, points, SEEDS, tell, solver, VALIDATION)
        found[solver] = [asdict(row) for row in rows]
    return found


def is_due(plan: Plan, cell: Cell, seconds: float, known: Sequence[Quality]) -> bool:
    """Whether one of the `SHARES` was passed since the last of `known` of this cell."""
    if cell.data not in plan.sets:
        return False
    last = max((one.seconds for one in known if one.cell == cell), default=0.0)
    return any(last < share * plan.seconds <= seconds for share in SHARES)


def quality_of(run: Run, plan: Plan, cell: Cell, tell: Tell) -> Quality:
    """The samples of `run` as it is now at N = `STEPS`, by the solver that is best in a first look."""
    points, cost = min(plan.points, POINTS), run_cost(run)
    way = chosen(validated(run.flow, run.dataset, (STEPS,), max(1, points // TENTH), tell))
    nothing = Quality(cell.data, cell.model, cell.seed, run.seconds, STEPS, None, multiply_adds=cost)
    if way is None:
        return nothing
    (row,) = step_rows(run.flow, run.dataset, (STEPS,), points, DRAWS, tell, way[0], "while training")
    return replace(nothing, distance=row.sliced_wasserstein, told_apart=row.told_apart, squares=row.squares)


def _curve(quality: Sequence[Quality], cell: Cell) -> list[tuple[float, float]]:
    """Seconds of training and distance, where that is known."""
    return [(one.seconds, one.distance) for one in quality if one.cell == cell and one.distance is not None]


def mean_curve(quality: Sequence[Quality], data: str, model: str) -> list[tuple[float, float]]:
    """The same in mean over training seeds, of which those count that have as many places as the first."""
    cells = dict.fromkeys(one.cell for one in quality if (one.data, one.model) == (data, model))
    lines = [_curve(quality, cell) for cell in cells]
    whole = [line for line in lines if line and len(line) == len(lines[0])]
    return [(float(x), float(y)) for x, y in np.mean(whole, axis=0)] if whole else []


def marks_of(quality: Sequence[Quality], data: str, model: str, multiply_adds: bool) -> list[Mark]:
    """Distances with their intervals over seeds and draws, by seconds or by multiply-adds of training, in mean."""
    cells = dict.fromkeys(one.cell for one in quality if (one.data, one.model) == (data, model))
    lines = [[one for one in quality if one.cell == cell] for cell in cells]
    found = []
    whole = [line for line in lines if len(line) == len(lines[0])]
    for places in zip(*whole, strict=True):
        near = pooled({one.seed: one.squares for one in places if one.squares})
        costs = [one.multiply_adds if multiply_adds else one.seconds for one in places]
        known = [cost for cost in costs if cost is not None]
        if near is not None and known:
            found.append(Mark(float(np.mean(known)), near.value, near.low, near.high, near.low > 0))
    return found


def seconds_needed(quality: Sequence[Quality], data: str, seed: int) -> tuple[float, float] | None:
    """Training times of DiffFlow and of the diffusion model until both have come as near as the worse of them ends.

    None where one of the two is not known, or in the end neither is told apart from the data.
    """
    if _at_the_data(quality, data, seed):
        return None
    lines = [_curve(quality, Cell(data, model, seed)) for model in PAIR]
    if not all(lines):
        return None
    both = max(line[-1][1] for line in lines)
    first, second = (steps_at_equal_quality(both, line) for line in lines)
    return None if first is None or second is None else (first, second)


def _at_the_data(quality: Sequence[Quality], data: str, seed: int) -> bool:
    """Whether in the end neither model's samples are told apart from the data: then there is nothing to be reached."""
    own = [one for one in quality if (one.data, one.seed) == (data, seed) and one.model in PAIR]
    ends = {one.model: one.told_apart for one in own}
    return len(ends) == len(PAIR) and not any(apart is None or apart for apart in ends.values())


def training_claim(quality: Sequence[Quality]) -> Claim:
    """Whether equal quality takes DiffFlow the longer training; ratios are read off at `SHARES` of one run's time."""
    ratios: dict[int, list[float]] = {}
    for data, seed in sorted({(one.data, one.seed) for one in quality}):
        needed = seconds_needed(quality, data, seed)
        if needed is not None:
            ratios.setdefault(seed, []).append(math.log(needed[0] / needed[1]))
    means = [float(np.mean(found)) for found in ratios.values()]
    told = f"{math.exp(float(np.mean(means))):.2g} times" if means else "not measured"
    return Claim(
        "To equal quality, DiffFlow has to be trained longer than a diffusion model.",
        answer_of(means),
        f"Its training time until it is as near as the worse of the two ends, over that of the diffusion model, both "
        f"at N = {STEPS}: {told}, in geometric mean over the sets.",
    )


def told_of(quality: Sequence[Quality], data: str) -> str:
    """When each of the two was as near as the other in the end, as a sentence; nothing where that is not known."""
    lines = {model: mean_curve(quality, data, model) for model in PAIR}
    if not all(lines.values()):
        return ""
    if all(_at_the_data(quality, data, seed) for seed in {one.seed for one in quality if one.data == data}):
        return "In the end neither is told apart from the data, so there is no time to be compared."
    first, second = _took(*lines.values()), _took(*reversed(lines.values()))
    return (
        f"To be as near as the diffusion model in the end, DiffFlow took {first}; to be as near as DiffFlow in the "
        f"end, the diffusion model took {second}."
    )


def _took(own: list[tuple[float, float]], other: list[tuple[float, float]]) -> str:
    needed = steps_at_equal_quality(other[-1][1], own)
    if needed is None:
        return f"more than its {own[-1][0]:.3g} s (not reached)"
    return f"{'at most ' if needed == own[0][0] else ''}{needed:.3g} s"
