"""How likely the test split of a real table is under each kind of model, and what the report says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import numpy as np
from torch import Tensor

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, affordable_points, likelihoods
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.likelihood import TOLERANCE, ode_nll
from dnf_studio.errors import DivergenceError
from dnf_studio.reproduce.baselines import density_of, gaussian_density, mixture_density
from dnf_studio.reproduce.cell import train
from dnf_studio.reproduce.plan import TABLE_MODELS, Cell, Plan
from dnf_studio.reproduce.results import Density, Results
from dnf_studio.reproduce.spline import HOW_TO_INSTALL, SplineSettings, is_installed, spline_density
from dnf_studio.reproduce.tuning import chosen
from dnf_studio.reproduce.verdicts import Answer, Claim, answer_of_many

BASELINES = ("gaussian", "mixture")
ENOUGH = 2 / 3
"""The share of tables that has to say yes."""
NAMES = {
    "diffflow": "DiffFlow (ODE)",
    "flow": "flow (FFJORD)",
    "spline": "neural spline flow (zuko)",
    "gaussian": "fitted Gaussian",
    "mixture": "Gaussian mixture",
}
ABOUT = (
    "NLL of the rows to test on in nats of standardised data (mean and scale of the training split), the lower the "
    "better: mean ± standard error over training seeds. All models see the same training split, are dequantised alike "
    "and trained for the same time, or until the NLL of the rows to validate on falls no more; the best weights by it "
    "are measured. The first lines are a Gaussian with the training split's mean and covariance and a mixture of "
    "Gaussians. <b>All settings are chosen by rows to validate on</b>: those of DiffFlow and of both flows by trials, "
    "as many for each, the mixture's number and kind of components. Rows to test on are opened once, for these "
    "numbers. Differences are paired by test row, and their 95% intervals count rows and training seeds: <i>told "
    "apart</i> are two models whose interval leaves out 0, all else is <i>unresolved</i>. The bounds belong to "
    "DiffFlow's chain of N steps, which is another model than its ODE. Earlier reports had settings that test rows "
    "had chosen; what they claimed of tables is withdrawn."
)
Tell = Callable[[str], None]


def can_measure(cell: Cell) -> bool:
    """Whether the library that it takes is installed."""
    return cell.model != "spline" or is_installed()


def measure_density(folder: Path, plan: Plan, cell: Cell, tell: Tell) -> Density:
    """Train what `cell` says, with early stopping on the validation split, and measure it on the test split."""
    if cell.model == "gaussian":
        return gaussian_density(cell, open_dataset(cell.data))
    if cell.model == "mixture":
        return mixture_density(cell, open_dataset(cell.data))
    if cell.model == "spline":
        settings = SplineSettings.of(chosen(cell.data, cell.model))
        return spline_density(plan, cell, open_dataset(cell.data), settings, tell)
    run = train(folder, plan, cell, tell)
    size = sum(parameter.numel() for parameter in run.flow.parameters())
    found = likelihoods(run.flow, run.dataset, ode=False, progress=tell)
    tell("likelihood of the probability-flow ODE")
    density = density_of(cell, _ode_rows(run.flow, run.dataset), run.iteration, run.seconds, size)
    return replace(density, nll_bound=found.nll_bound, nll_importance=found.nll_importance)


def _ode_rows(flow: GenerativeModel, dataset: Dataset) -> Tensor | None:
    """The ODE's NLL of each test row (n,), nats of standardised data; None where it cannot be had."""
    try:
        return ode_nll(flow, fresh_points(flow, dataset, affordable_points(flow, ODE_POINTS), 0), TOLERANCE)
    except DivergenceError:
        return None


@dataclass(frozen=True)
class Difference:
    """By how much the NLL of one model is above another's, nats, in the mean over test rows and training seeds."""

    value: float
    low: float
    """The lower end of its 95% interval, which counts rows and seeds."""
    high: float

    @property
    def word(self) -> str:
        """Whether the two are *told apart*."""
        return "told apart" if self.low > 0 or self.high < 0 else "unresolved"

    @property
    def text(self) -> str:
        """The difference with its interval and what is said of it."""
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f}, {self.word})".replace("-", "−")


def difference(first: Sequence[Density], second: Sequence[Density]) -> Difference | None:
    """The NLL of `second` less that of `first`, paired by test row and, as they come, by seed.

    With rows r and seeds s the mean of d_rs has the variance v_r/R + v_s/S of two crossed samples, v_r that of the
    means over seeds and v_s that of the means over rows, which counts what is particular to both twice, so that it is
    rather too large; the interval is Student's t with the degrees of freedom of Satterthwaite (1946, Biometrics
    Bulletin 2, 110). None of fewer than two seeds or rows, or where their rows are not known.
    """
    rows = [{one.seed: one.rows for one in found if one.rows is not None} for found in (first, second)]
    seeds = sorted(rows[0].keys() & rows[1].keys())
    if len(seeds) < 2:
        return None
    apart = np.array([np.subtract(rows[1][seed], rows[0][seed]) for seed in seeds])
    parts = [(apart.mean(axis), apart.shape[1 - axis]) for axis in (0, 1)]
    if apart.shape[1] < 2:
        return None
    from scipy.stats import t

    shares = [float(np.var(means, ddof=1)) / count for means, count in parts]
    total, value = sum(shares), float(apart.mean())
    if total == 0:
        return Difference(value, value, value)
    freedom = total**2 / sum(share**2 / (count - 1) for share, (_, count) in zip(shares, parts, strict=True))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(total)
    return Difference(value, value - half, value + half)


def density_claims(densities: Sequence[Density]) -> tuple[Claim, ...]:
    """Whether DiffFlow's densities of real tables are as good as those of flows."""
    return tuple(_below(densities, other) for other in ("flow", "spline"))


def _below(densities: Sequence[Density], other: str) -> Claim:
    names = list(dict.fromkeys(one.data for one in densities))
    found = {name: difference(_of(densities, name, "diffflow"), _of(densities, name, other)) for name in names}
    needed = math.ceil(ENOUGH * len(names))
    told = ", ".join(f"{name} {'unknown' if one is None else one.text}" for name, one in found.items())
    return Claim(
        f"On at least {needed} of {len(names)} real tables the density of DiffFlow's probability flow gives the test "
        f"split a lower NLL than a {NAMES[other]} does.",
        answer_of_many({name: _answer(one) for name, one in found.items()}, needed),
        f"The other's NLL less DiffFlow's, nats, paired by test row: {told or 'not measured'}."
        f"{_beaten(densities, other)}",
    )


def _answer(one: Difference | None) -> Answer:
    if one is None or one.word == "unresolved":
        return "not resolved here"
    return "holds" if one.value > 0 else "does not hold"


def _beaten(densities: Sequence[Density], other: str) -> str:
    """On which tables the other is no match, since what is simpler is better than it beyond chance."""
    told = ""
    for least in BASELINES:
        names = []
        for name in dict.fromkeys(one.data for one in densities):
            found = difference(_of(densities, name, least), _of(densities, name, other))
            if found is not None and found.low > 0:
                names.append(name)
        told += f" A {NAMES[least]} is better than that flow on {', '.join(names)}." if names else ""
    return told


def _of(densities: Sequence[Density], data: str, model: str) -> list[Density]:
    return [one for one in densities if (one.data, one.model) == (data, model)]


def tables_section(results: Results) -> str:
    """A table of NLLs for each table of data, as HTML."""
    plan = results.plan
    if not plan.tables:
        return ""
    tables = (_of_table(plan, name, results.densities) for name in plan.tables)
    return "".join([f"<h2>Real tables</h2><p>{ABOUT}</p>", *tables])


def _of_table(plan: Plan, name: str, densities: Sequence[Density]) -> str:
    heads = ("", "test NLL", "less DiffFlow's", "bound", "importance-weighted", "iterations", "seconds", "parameters")
    rows = []
    for model in TABLE_MODELS:
        own = _of(densities, name, model)
        if own:
            nll, *bounds = [
                _spread([getattr(one, key) for one in own]) for key in ("nll", "nll_bound", "nll_importance")
            ]
            apart = None if model == "diffflow" else difference(_of(densities, name, "diffflow"), own)
            trained = [f"{np.mean([getattr(one, key) for one in own]):,.0f}" for key in ("iterations", "seconds")]
            paired = "–" if apart is None else apart.text
            cells = (nll, paired, *bounds, *(("–", "–") if model in BASELINES else trained), f"{own[0].parameters:,}")
            rows.append(f"<tr><td>{NAMES[model]}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        elif not can_measure(Cell(name, model, 0)):
            rows.append(f'<tr><td>{NAMES[model]}</td><td colspan="7" class="open">{escape(HOW_TO_INSTALL)}</td></tr>')
    held = open_dataset(name).fresh(ODE_POINTS, 0)
    errors = [one.nll_error for one in densities if one.data == name and one.nll_error is not None]
    told = f", which alone leave about ± {np.mean(errors):.2f}" if errors else ""
    caption = f"{escape(name)}: {held.shape[1]} dimensions, {len(held):,} test rows{told}"
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    worse = worse_than_baselines(densities, name)
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}</table>{worse and f'<p>{worse}</p>'}"


def worse_than_baselines(densities: Sequence[Density], data: str) -> str:
    """Which models give the test split of a table a higher NLL than what is simpler, as sentences."""
    told = []
    for least in BASELINES:
        known = {model: _of(densities, data, model) for model in TABLE_MODELS if model not in BASELINES}
        found = {model: difference(_of(densities, data, least), own) for model, own in known.items()}
        names = [f"{NAMES[model]} by {one.value:.1f} nats" for model, one in found.items() if one and one.low > 0]
        told += [f"Worse than the {NAMES[least]}: {', '.join(names)}."] if names else []
    return " ".join(told)


def _spread(values: Sequence[float | None]) -> str:
    """Their mean ± its standard error."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    error = f" ± {np.std(known, ddof=1) / math.sqrt(len(known)):.2f}" if len(known) > 1 else ""
    return f"{np.mean(known):.2f}{error}".replace("-", "−")
