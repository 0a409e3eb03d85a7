"""One HTML file that needs nothing else: verdicts, samples side by side, curves and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.modes import mode_count, modes_of
from dnf_studio.core.files import atomic_file
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DivergenceError, ExportError
from dnf_studio.reproduce.distances import EQUAL, Pooled, best_by_evaluations, standing
from dnf_studio.reproduce.figures import COLOURS, MODE_COLOURS, Mark, curves, points_picture
from dnf_studio.reproduce.plan import MODELS, Plan
from dnf_studio.reproduce.quality import STEPS, mean_curve, told_of
from dnf_studio.reproduce.results import Measured, Quality, Results
from dnf_studio.reproduce.tables import tables_section
from dnf_studio.reproduce.verdicts import FEW, Claim, interval, outside_share, steps_at_equal_quality

__all__ = ["Pictures", "lowest_nll", "write_report"]

OURS = (
    "What is claimed follows Zhang and Chen, <i>Diffusion Normalizing Flow</i>, NeurIPS 2021. The thresholds are ours, "
    "not the paper's: how many steps against how many and on how many sets, the third, the nats, the share of tables."
)
SHOWN_STEPS = 20
SHOWN = 6000
TIMES = 5
"""Times of a forward process that are shown."""
NAMES = {"diffflow": "DiffFlow", "diffusion": "diffusion", "flow": "flow (FFJORD)", "data": "data"}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; color: #1a212b; }
table { border-collapse: collapse; margin: 0.6rem 0 1.4rem; } td, th { padding: 3px 12px; text-align: right;
border-bottom: 1px solid #dde2e8; } td:first-child, th:first-child { text-align: left; } caption { text-align: left;
color: #5b6675; padding-bottom: 4px; } figure { display: inline-block; margin: 4px; } figcaption { font-size: 13px;
color: #5b6675; text-align: center; } .yes { color: #00734c; } .no { color: #b3440a; } .open { color: #5b6675; }
svg text { font: 11px system-ui, sans-serif; fill: #5b6675; } .grid { stroke: #e6eaef; }
.key span { margin-right: 1rem; }
"""
MARKS = {"holds": "yes", "does not hold": "no", "not resolved here": "open"}
Points = NDArray[np.float32]
Line = list[tuple[float, Pooled]]
"""Distances by steps or by network evaluations."""


class Pictures:
    """Samples and forward processes of the first seed's models, drawn while the models are there."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], str] = {}
        self._forward: dict[tuple[str, str], list[str]] = {}

    def add(self, data: str, model: str, flow: GenerativeModel) -> None:
        """Draw one model, and the data beside it."""
        dataset = open_dataset(data)
        fresh = dataset.fresh(SHOWN, 0)
        self._samples[data, "data"] = points_picture(fresh.numpy(), COLOURS["data"])
        try:
            drawn = flow.standardisation.to_model(flow.sample(SHOWN, steps=SHOWN_STEPS, seed=0).double())
        except DivergenceError:
            drawn = torch.empty(0, 2)
        self._samples[data, model] = points_picture(drawn.numpy().astype(np.float32), COLOURS[model])
        if mode_count(dataset) and model != "flow":
            torch.manual_seed(0)
            with torch.inference_mode():
                path = flow.forward_path(fresh.to(flow.timestamps))
            parts = modes_of(dataset, dataset.standardisation.to_data(fresh.double()).numpy())
            nodes = np.linspace(0, len(path) - 1, TIMES).round().astype(int)
            self._forward[data, model] = [
                points_picture(path[i].float().numpy(), MODE_COLOURS[: mode_count(dataset)], parts) for i in nodes
            ]

    def samples(self, data: str) -> str:
        """Data and models of one set, in a row."""
        shown = [(name, self._samples.get((data, name))) for name in ("data", *MODELS)]
        return "".join(_figure(url, NAMES[name]) for name, url in shown if url is not None)

    def forward(self) -> str:
        """Each forward process in a row, from data to noise."""
        rows = []
        for (data, model), urls in self._forward.items():
            captions = ("data", *[""] * (len(urls) - 2), "noise")
            figures = "".join(_figure(*pair) for pair in zip(urls, captions, strict=True))
            rows.append(f"<h3>{escape(data)}, {NAMES[model]}</h3>{figures}")
        return "".join(rows)


def write_report(path: Path, results: Results, claims: Sequence[Claim], pictures: Pictures, machine: str) -> None:
    """Write it; raises `ExportError` where that cannot be."""
    plan = results.plan
    head = (
        f"<h1>Diffusion normalizing flows, compared here</h1><p>Every model was trained for {plan.seconds:g} s on this "
        f"machine ({escape(machine)}), {_seeds(results)}. Distances are sliced Wasserstein-2 of {plan.points:,} "
        "samples to as many fresh points, debiased, in units of standardised data, with points of their own for each "
        f"model, seed and N: D² is the mean over {plan.draws} draws and all seeds, its 95% interval a bootstrap over "
        "both, the signed root is taken last, so a distance may be negative. <i>Told apart</i> from the data is what "
        f"has an interval above 0, <i>equal</i> what ends below {EQUAL:g}, all else <i>unresolved</i>; of the last two "
        "none is nearer than another. The best solver of each model is chosen by these same distances, which flatters "
        "models with more of them. Likelihoods are nats of standardised data, the bound that of the chain that the "
        "model is sampled by.</p>"
        f"<p>{OURS}</p>"
    )
    body = [head, _verdicts(claims)]
    for data in plan.sets:
        own = [one for one in results.measured if one.data == data]
        if own:
            body.append(_section(data, plan, own, results.quality, pictures))
    body.append(tables_section(results))
    forward = pictures.forward()
    if forward:
        body.append(f"<h2>Forward processes</h2><p>Each point in the colour of its part of the data.</p>{forward}")
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Reproduction</title><style>{STYLE}</style>'
    with atomic_file(path, ExportError) as partial:
        partial.write_text(f"{text}{''.join(body)}</html>\n", encoding="utf-8")


def _seeds(results: Results) -> str:
    """From how many seeds all measured models of each set and table are there, in words; some may have more."""
    counts: dict[int, list[str]] = {}
    for data in (*results.plan.sets, *results.plan.tables):
        counts.setdefault(results.seeds(data), []).append(data)
    told = []
    for count, names in sorted(counts.items(), reverse=True):
        where = f" on {', '.join(names)}" if len(counts) > 1 else ""
        told.append(f"from {'one seed' if count == 1 else f'{count} seeds'}{where}")
    return " and ".join(told)


def _verdicts(claims: Sequence[Claim]) -> str:
    rows = "".join(
        f'<tr><td>{escape(one.claim)}</td><td class="{MARKS[one.answer]}"><b>{one.answer}</b></td></tr>'
        f'<tr><td colspan="2" class="open">{escape(one.because)}</td></tr>'
        for one in claims
    )
    return f"<h2>The claims</h2><table>{rows}</table>"


def _section(data: str, plan: Plan, own: Sequence[Measured], quality: Sequence[Quality], pictures: Pictures) -> str:
    by_model = {model: [one for one in own if one.model == model] for model in MODELS}
    lines = {
        model: [(float(n), one) for n in plan.steps if (one := standing(found, n)) is not None]
        for model, found in by_model.items()
    }
    evaluations = {model: best_by_evaluations(found) for model, found in by_model.items()}
    key = "".join(f'<span style="color:{COLOURS[model]}">● {NAMES[model]}</span>' for model in MODELS)
    parts = [
        f"<h2>{escape(data)}</h2>{pictures.samples(data)}",
        f'<p class="key">{key}</p>',
        curves(_marks(lines), "steps N", "distance", COLOURS),
        curves(_marks(evaluations), "network evaluations a sample", "distance", COLOURS),
        _while_training(data, quality),
        _table(plan, by_model, lines),
    ]
    return "".join(parts)


def _while_training(data: str, quality: Sequence[Quality]) -> str:
    lines = {model: [Mark(*place) for place in mean_curve(quality, data, model)] for model in STEPS}
    drawn = curves(lines, "seconds of training", "distance", COLOURS)
    if not drawn:
        return ""
    told = " and ".join(f"{NAMES[model]} at N = {n}" for model, n in STEPS.items())
    return (
        f"{drawn}<p>While training, {told}. {told_of(quality, data)} The learning rate falls over the whole time, so a "
        "run that is meant to be shorter may do better.</p>"
    )


def _marks(lines: Mapping[str, Line]) -> dict[str, list[Mark]]:
    return {
        name: [Mark(x, one.value, one.low, one.high, one.word == "told apart") for x, one in line]
        for name, line in lines.items()
    }


def _table(plan: Plan, by_model: dict[str, list[Measured]], lines: dict[str, Line]) -> str:
    heads = ["", *(f"N = {n}" for n in plan.steps), "off support", "NLL (ODE)", "bound", "entropy", "ms an iteration"]
    rows = []
    for model, found in by_model.items():
        if not found:
            continue
        known = dict(lines[model])
        outside = _mean([outside_share(one, max(plan.steps)) for one in found])
        cells = [
            NAMES[model],
            *(_distance(known.get(n)) for n in plan.steps),
            "–" if outside is None else f"{100 * outside:.3g}%",
            *(_number(_mean([getattr(one, name) for one in found]), 3) for name in ("nll_ode", "nll_bound", "entropy")),
            f"{_mean([1000 * one.seconds / one.iterations for one in found]) or 0.0:.1f}",
        ]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    told = f"{_equal_quality(lines)} {lowest_nll(by_model, NAMES)}"
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    caption = f"Distance by N with each model's best solver, in brackets what is not told apart from the data. {told}"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}</table>"


def _distance(one: Pooled | None) -> str:
    if one is None:
        return "–"
    text = _number(one.value)
    return text if one.word == "told apart" else f"({text}, {one.word})"


def _equal_quality(lines: dict[str, Line]) -> str:
    reference = dict(lines["diffflow"]).get(FEW)
    if reference is None or not lines["diffusion"]:
        return ""
    if reference.word != "told apart":
        return f"DiffFlow's samples with {FEW} steps are not told apart from the data, so no factor is to be had."
    needed = steps_at_equal_quality(reference.value, [(int(n), one.value) for n, one in lines["diffusion"]])
    if needed is None:
        most = max(n for n, _ in lines["diffusion"])
        words = f"is not as near with {most:g} steps as DiffFlow with {FEW}: a factor above {most / FEW:g}"
    else:
        words = f"needs about {needed:.0f} steps to be as near as DiffFlow with {FEW}: a factor of {needed / FEW:.1f}"
    return f"The diffusion model {words}."


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _figure(url: str, caption: str) -> str:
    return f'<figure><img src="{url}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'


def lowest_nll(by_model: Mapping[str, Sequence[Measured]], names: Mapping[str, str]) -> str:
    """The models by their NLL of the ODE, the lowest first, and whether that is below the next beyond chance.

    Errors are standard errors over training seeds, of one seed that over its points; the difference to the next is
    paired by seed, since all models have the same points.
    """
    known = {model: _by_seed(found) for model, found in by_model.items()}
    order = sorted((model for model in known if known[model]), key=lambda model: _over_seeds(known[model]))
    if not order:
        return ""
    told = ", ".join(f"{names[model]} {_with_error(by_model[model])}" for model in order)
    if len(order) == 1:
        return f"NLL of the ODE: {told}."
    first, second = known[order[0]], known[order[1]]
    found = interval([second[seed] - first[seed] for seed in sorted(first.keys() & second.keys())])
    ends = "" if found is None else f", 95% from {found[0]:+.3f} to {found[1]:+.3f}"
    sure = "" if found is not None and found[0] > 0 else ", which is not resolved here"
    gap = f"{_over_seeds(second) - _over_seeds(first):.3f} nats below {names[order[1]]}{ends}{sure}"
    return f"The lowest NLL of the ODE is that of {names[order[0]]}, {gap}: {told}.".replace("-", "−")


def _by_seed(found: Sequence[Measured]) -> dict[int, float]:
    return {one.seed: one.nll_ode for one in found if one.nll_ode is not None}


def _over_seeds(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _with_error(found: Sequence[Measured]) -> str:
    values = list(_by_seed(found).values())
    if len(values) > 1:
        error: float | None = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    else:
        error = next((one.nll_ode_error for one in found if one.nll_ode is not None), None)
    return f"{np.mean(values):.3f}" + ("" if error is None else f" ± {error:.3f}")
