"""Training and measuring one model; both go on where they were interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dnf_studio import api, assets
from dnf_studio.config import Config
from dnf_studio.core.evaluation.by_steps import step_rows
from dnf_studio.core.evaluation.chain_bounds import entropy_of
from dnf_studio.core.evaluation.likelihoods import likelihoods
from dnf_studio.core.training.run import Run
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.plan import TABLES, Cell, Plan
from dnf_studio.reproduce.quality import compared_solvers
from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.tuning import chosen

__all__ = ["checkpoint_path", "measure", "train"]

Tell = Callable[[str], None]
SAVE_EVERY = 60.0
"""Seconds of training that a crash may cost."""


def checkpoint_path(folder: Path, cell: Cell) -> Path:
    """Where the run of a cell is kept."""
    return folder / "models" / f"{cell.name}.safetensors"


def train(folder: Path, plan: Plan, cell: Cell, tell: Tell, watch: Callable[[Run], None] = lambda _: None) -> Run:
    """The finished run of `cell`, trained for the plan's seconds or read from its checkpoint.

    `watch` sees it at the start and after each iteration. However it is left, by Ctrl-C too, what was trained is kept.
    Raises `DivergenceError` where the loss is no longer finite, `ExportError` where the checkpoint is another plan's.
    """
    path = checkpoint_path(folder, cell)
    if path.exists():
        run = Run.resume(path)
        if run.config.training.seconds != plan.seconds:
            raise ExportError(f"'{path}' was trained for another time; take another folder, or delete it.")
    else:
        own = {"data": cell.data, "model": cell.model, "training.seconds": plan.seconds, "training.seed": cell.seed}
        run = api.train(_base(cell).changed(own))
    watch(run)
    if run.finished:
        return run
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = run.seconds
    try:
        for report in run:
            tell(f"training, {report.seconds:.0f} of {plan.seconds:g} s, loss {report.loss:.3f}")
            watch(run)
            if report.seconds >= saved + SAVE_EVERY:
                run.save(path)
                saved = report.seconds
    finally:
        run.save(path)
    return run


def _base(cell: Cell) -> Config:
    """The defaults of its model; on a table with what its trials chose, DiffFlow by its preset where there are none."""
    settings = chosen(cell.data, cell.model) if cell.data in TABLES else {}
    preset = assets.preset_path("tables") if cell.model == "diffflow" and cell.data in TABLES else None
    if settings or preset is None:
        return Config.create({"model": cell.model}).changed(settings)
    return Config.from_toml(preset)


def measure(run: Run, plan: Plan, cell: Cell, tell: Tell) -> Measured:
    """Likelihoods once, and the samples of every solver at every N (method.md, section 15)."""
    flow = run.flow
    found = likelihoods(flow, run.dataset, progress=tell)
    by_solver: dict[str, list[dict[str, Any]]] = {}
    for solver in compared_solvers(flow):
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
        found.nll_ode_error,
        entropy_of(flow, run.dataset),
        by_solver,
    )
