"""Training and measuring one model; both go on where they were interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dnf_studio import api
from dnf_studio.config import Config
from dnf_studio.core.evaluation.evaluate import entropy_of, step_rows
from dnf_studio.core.evaluation.likelihoods import likelihoods
from dnf_studio.core.models.base import GenerativeModel, Solver
from dnf_studio.core.training.run import Run
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.results import Measured

__all__ = ["checkpoint_path", "measure", "train"]

Tell = Callable[[str], None]
SAVE_EVERY = 60.0
"""Seconds of training that a crash may cost."""


def checkpoint_path(folder: Path, cell: Cell) -> Path:
    """Where the run of a cell is kept."""
    return folder / "models" / f"{cell.name}.safetensors"


def train(folder: Path, plan: Plan, cell: Cell, tell: Tell) -> Run:
    """The finished run of `cell`, trained for the plan's seconds or read from its checkpoint.

    However it is left, by Ctrl-C too, what was trained is kept. Raises `DivergenceError` where the loss is no
    longer finite.
    """
    path = checkpoint_path(folder, cell)
    if path.exists():
        run = Run.resume(path)
    else:
        settings = {"data": cell.data, "model": cell.model, "training": {"seconds": plan.seconds, "seed": cell.seed}}
        run = api.train(Config.create(settings))
    if run.finished:
        return run
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = run.seconds
    try:
        for report in run:
            tell(f"training, {report.seconds:.0f} of {plan.seconds:g} s, loss {report.loss:.3f}")
            if report.seconds >= saved + SAVE_EVERY:
                run.save(path)
                saved = report.seconds
    finally:
        run.save(path)
    return run


def measure(run: Run, plan: Plan, cell: Cell, tell: Tell) -> Measured:
    """Likelihoods once, and the samples of every solver at every N (METHOD 8)."""
    flow = run.flow
    found = likelihoods(flow, run.dataset, progress=tell)
    by_solver: dict[str, list[dict[str, Any]]] = {}
    for solver in _solvers(flow):
        rows = step_rows(flow, run.dataset, plan.steps, plan.points, plan.draws, tell, solver)
        by_solver[solver] = [asdict(row) for row in rows]
    return Measured(
        cell.data,
        cell.model,
        cell.seed,
        run.iteration,
        run.seconds,
        run.config.training.batch,
        sum(p.numel() for p in flow.parameters()),
        found.nll_bound,
        found.nll_ode,
        entropy_of(flow, run.dataset),
        by_solver,
    )


def _solvers(flow: GenerativeModel) -> tuple[Solver, ...]:
    """Those that are compared: a diffusion model's own three, not their Euler steps as well."""
    own = tuple(name for name in flow.solvers if name not in ("sde", "ode"))
    return own or flow.solvers
