"""How likely the test split of a real table is under each kind of model, and what the report says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, likelihoods, mean_and_error
from dnf_studio.reproduce.cell import train
from dnf_studio.reproduce.figures import HOW_TO_INSTALL, is_installed, spline_density
from dnf_studio.reproduce.plan import TABLE_MODELS, Cell, Plan
from dnf_studio.reproduce.results import Density, Results
from dnf_studio.reproduce.verdicts import Claim, answer_of, answer_of_many, signed

__all__ = ["can_measure", "density_claims", "measure_density", "tables_section"]

GAUSSIAN_POINTS = 50_000
"""Dequantised training rows, with replacement, that a Gaussian is fitted to."""
ENOUGH = 2 / 3
"""The share of tables that has to say yes."""
NAMES = {
    "diffflow": "DiffFlow (ODE)",
    "flow": "flow (FFJORD)",
    "spline": "neural spline flow (zuko)",
    "gaussian": "fitted Gaussian",
}
ABOUT = (
    "NLL of the test split in nats of standardised data (mean and scale of the training split), the lower the better: "
    "mean ± standard error over training seeds. All models see the same training split, are dequantised alike and "
    "trained for the same time, or until the NLL of the validation split falls no more; its best weights are measured. "
    "The first line is a Gaussian fitted to the training split. DiffFlow has its preset for tables, the flows their "
    "defaults: <b>the settings of that preset were chosen by the NLL of test splits, these among them, which flatters "
    "DiffFlow here.</b> The bounds belong to DiffFlow's chain of N steps, which is another model than its ODE."
)
Tell = Callable[[str], None]


def can_measure(cell: Cell) -> bool:
    """Whether the library that it takes is installed."""
    return cell.model != "spline" or is_installed()


def measure_density(folder: Path, plan: Plan, cell: Cell, tell: Tell) -> Density:
    """Train what `cell` says, with early stopping on the validation split, and measure it on the test split."""
    if cell.model == "gaussian":
        return gaussian_density(cell, open_dataset(cell.data))
    if cell.model == "spline":
        return spline_density(plan, cell, open_dataset(cell.data), tell)
    run = train(folder, plan, cell, tell)
    found = likelihoods(run.flow, run.dataset, progress=tell)
    return Density(
        cell.data,
        cell.model,
        cell.seed,
        run.iteration,
        run.seconds,
        sum(parameter.numel() for parameter in run.flow.parameters()),
        found.nll_ode,
        found.nll_ode_error,
        found.nll_bound,
        found.nll_importance,
    )


def gaussian_density(cell: Cell, dataset: Dataset) -> Density:
    """The NLL of the test split under the Gaussian with mean and covariance of the training split."""
    x = dataset.draw(GAUSSIAN_POINTS, torch.Generator().manual_seed(cell.seed)).double()
    root = torch.linalg.cholesky(torch.cov(x.T))
    z = torch.linalg.solve_triangular(root, (dataset.fresh(ODE_POINTS, 0).double() - x.mean(0)).T, upper=False)
    constant = 0.5 * dataset.dim * math.log(2 * math.pi) + root.diagonal().log().sum()
    nll, error = mean_and_error(0.5 * z.square().sum(0) + constant)
    size = dataset.dim + dataset.dim * (dataset.dim + 1) // 2
    return Density(cell.data, cell.model, cell.seed, 0, 0.0, size, nll, error)


def density_claims(densities: Sequence[Density]) -> tuple[Claim, ...]:
    """Whether DiffFlow's densities of real tables are as good as those of flows."""
    return tuple(_below(densities, other) for other in ("flow", "spline"))


def _below(densities: Sequence[Density], other: str) -> Claim:
    names = list(dict.fromkeys(one.data for one in densities))
    differences = {}
    for name in names:
        own, held_against = _by_seed(densities, name, "diffflow"), _by_seed(densities, name, other)
        differences[name] = [held_against[seed] - own[seed] for seed in sorted(own.keys() & held_against.keys())]
    needed = math.ceil(ENOUGH * len(names))
    told = ", ".join(f"{name} {signed(found)}" for name, found in differences.items())
    return Claim(
        f"On at least {needed} of {len(names)} real tables the density of DiffFlow's probability flow gives the test "
        f"split a lower NLL than a {NAMES[other]} does.",
        answer_of_many({name: answer_of(found) for name, found in differences.items()}, needed),
        f"The other's NLL less DiffFlow's, nats: {told or 'not measured'}.{_beaten(densities, other)}",
    )


def _beaten(densities: Sequence[Density], other: str) -> str:
    """On which tables the other is no match, since a fitted Gaussian is better than it."""
    names = []
    for name in dict.fromkeys(one.data for one in densities):
        own, least = (list(_by_seed(densities, name, model).values()) for model in (other, "gaussian"))
        if own and least and np.mean(own) > np.mean(least):
            names.append(name)
    return f" A fitted Gaussian is better than that flow on {', '.join(names)}." if names else ""


def _by_seed(densities: Sequence[Density], data: str, model: str) -> dict[int, float]:
    return {one.seed: one.nll for one in densities if (one.data, one.model) == (data, model) and one.nll is not None}


def tables_section(results: Results) -> str:
    """A table of NLLs for each table of data, as HTML."""
    plan = results.plan
    if not plan.tables:
        return ""
    tables = (_of_table(plan, name, results.densities) for name in plan.tables)
    return "".join([f"<h2>Real tables</h2><p>{ABOUT}</p>", *tables])


def _of_table(plan: Plan, name: str, densities: Sequence[Density]) -> str:
    heads = ("", "test NLL", "bound", "importance-weighted", "iterations", "seconds", "parameters")
    rows = []
    for model in TABLE_MODELS:
        own = [one for one in densities if (one.data, one.model) == (name, model)]
        if own:
            bounds = [_spread([getattr(one, key) for one in own]) for key in ("nll", "nll_bound", "nll_importance")]
            trained = [f"{np.mean([getattr(one, key) for one in own]):,.0f}" for key in ("iterations", "seconds")]
            cells = (*bounds, *(trained if model != "gaussian" else ("–", "–")), f"{own[0].parameters:,}")
            rows.append(f"<tr><td>{NAMES[model]}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        elif not can_measure(Cell(name, model, 0)):
            rows.append(f'<tr><td>{NAMES[model]}</td><td colspan="6" class="open">{escape(HOW_TO_INSTALL)}</td></tr>')
    held = open_dataset(name).fresh(ODE_POINTS, 0)
    errors = [one.nll_error for one in densities if one.data == name and one.nll_error is not None]
    told = f", which alone leave about ± {np.mean(errors):.2f}" if errors else ""
    caption = f"{escape(name)}: {held.shape[1]} dimensions, {len(held):,} test rows{told}"
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    worse = worse_than_gaussian(densities, name)
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}</table>{worse and f'<p>{worse}</p>'}"


def worse_than_gaussian(densities: Sequence[Density], data: str) -> str:
    """Which models give the test split of a table a higher NLL than the fitted Gaussian, as a sentence."""
    means = {model: _by_seed(densities, data, model) for model in TABLE_MODELS}
    known = {model: float(np.mean(list(found.values()))) for model, found in means.items() if found}
    least = known.pop("gaussian", math.inf)
    told = [f"{NAMES[model]} by {nll - least:.1f} nats" for model, nll in known.items() if nll > least]
    return f"Worse than the fitted Gaussian: {', '.join(told)}." if told else ""


def _spread(values: Sequence[float | None]) -> str:
    """Their mean ± its standard error."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    error = f" ± {np.std(known, ddof=1) / math.sqrt(len(known)):.2f}" if len(known) > 1 else ""
    return f"{np.mean(known):.2f}{error}".replace("-", "−")
