"""Training and measuring one model; training goes on where it was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.evaluation.by_steps import finite, step_rows
from dnf_studio.core.evaluation.chain_bounds import entropy_of
from dnf_studio.core.evaluation.likelihoods import nll_bound, nll_ode_and_error
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.training.cost import run_cost
from dnf_studio.core.training.few_steps import fit_each, step_fit_of
from dnf_studio.core.training.run import Run
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.distances import ways
from dnf_studio.reproduce.plan import ARMS, TABLES, Cell, Plan
from dnf_studio.reproduce.quality import TENTH, validated
from dnf_studio.reproduce.results import Measured, Rows
from dnf_studio.reproduce.tuning import chosen

Tell = Callable[[str], None]
SAVE_EVERY = 60.0
"""Seconds of training that a crash may cost."""
FAR = 0.03
"""A validation distance from which on a quarter of the points tell enough: what chance adds is small beside it."""
QUARTER = 4


def checkpoint_path(folder: Path, cell: Cell) -> Path:
    """Where the run of a cell is kept."""
    return folder / "models" / f"{cell.name}.safetensors"


def train(folder: Path, plan: Plan, cell: Cell, tell: Tell, watch: Callable[[Run], None] = lambda _: None) -> Run:
    """The finished run of `cell`, trained for the plan's seconds or read from its checkpoint.

    It is trained on one thread, and its seconds are those of a processor, so that they are the same whatever else the
    machine does. `watch` sees it at the start and after each iteration. However it is left, by Ctrl-C too, what was
    trained is kept. Raises `DivergenceError` where the run diverges, `ExportError` where the checkpoint is
    another plan's.
    """
    path = checkpoint_path(folder, cell)
    if path.exists():
        run = Run.resume(path, threads=1)
        if run.config.training.seconds != plan.seconds:
            raise ExportError(f"'{path}' was trained for another time; take another folder, or delete it.")
    else:
        config = _config(cell, plan)
        run = Run(config, open_configured(config), threads=1)
    run.clock = time.thread_time
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


def _config(cell: Cell, plan: Plan) -> Config:
    """The settings of its model; on a table with what its trials chose, DiffFlow by its preset where there are none."""
    own = {"data": cell.data, "training.seconds": plan.seconds, "training.seed": cell.seed}
    if cell.data not in TABLES:
        return ARMS[cell.model].config(own)
    settings = chosen(cell.data, cell.model)
    preset = assets.preset_path("tables") if cell.model == "diffflow" else None
    if settings or preset is None:
        return Config.create({"model": cell.model}).changed({**settings, **own})
    return Config.from_toml(preset).changed(own)


def with_fits(run: Run, folder: Path, plan: Plan, cell: Cell, tell: Tell) -> GenerativeModel:
    """The model of the finished `run` with the plan's fitted steps, read where they were fitted before."""
    if not plan.fit:
        return run.flow
    path = folder / "fitted" / f"{cell.name}.safetensors"
    if path.exists():
        return read_checkpoint(path).build()
    say = lambda _part, text: tell(f"fitting steps, {text}")  # noqa: E731
    found = step_fit_of(run.flow, [*fit_each(run.flow, run.dataset, plan.fit, cell.seed, tell=say, network=True)])
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
    return found.model


def measure(run: Run, flow: GenerativeModel, plan: Plan, cell: Cell, tell: Tell) -> Measured:
    """Likelihoods of the run's model `flow` once, every solver by validation draws, and by fresh ones those that they
    choose (method.md, section 15)."""
    tell("likelihoods")
    bounded = flow.bounded and flow.checked_solver(None).chain is not None
    bound = finite(nll_bound(flow, run.dataset)) if bounded else None
    nll, error = nll_ode_and_error(flow, run.dataset)
    validation = validated(flow, run.dataset, plan.steps, max(1, plan.points // TENTH), tell)
    by_solver: Rows = {}
    for (solver, steps), distance in sorted(ways(validation).items()):
        points = plan.points if distance < FAR else max(1, plan.points // QUARTER)
        rows = step_rows(flow, run.dataset, (steps,), points, plan.draws, tell, solver)
        by_solver.setdefault(solver, []).extend(asdict(row) for row in rows)
    return Measured(
        cell.data,
        cell.model,
        cell.seed,
        run.iteration,
        run.seconds,
        run.config.training.batch,
        sum(p.numel() for p in run.flow.parameters()),
        bound,
        nll,
        error,
        entropy_of(flow, run.dataset),
        by_solver,
        validation,
        run_cost(run),
    )
