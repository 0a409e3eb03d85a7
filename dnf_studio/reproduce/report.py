"""One HTML file that needs nothing else: what was decided, verdicts, steps to the floor, curves, and every number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from dnf_studio.core.evaluation.distances import Pooled
from dnf_studio.core.files import atomic_file
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.distances import AXES, Axis, Place, curve, floor_of
from dnf_studio.reproduce.every_number import by_validation, every_number, large, number
from dnf_studio.reproduce.figures import COLOURS, Mark, curves
from dnf_studio.reproduce.pictures import forward_rows, sample_row
from dnf_studio.reproduce.plan import ARMS, Plan
from dnf_studio.reproduce.quality import STEPS, marks_of, told_of
from dnf_studio.reproduce.results import Measured, Quality, Results
from dnf_studio.reproduce.tables import tables_section
from dnf_studio.reproduce.trials import trials_section
from dnf_studio.reproduce.verdicts import FEW, Claim, interval, steps_at_equal_quality

OURS = (
    "What is claimed follows Zhang and Chen, <i>Diffusion Normalizing Flow</i>, NeurIPS 2021, but no claim here is the "
    "paper's own: it has pictures of such sets and no distances. Thresholds and quantities are ours; what begins with "
    "“Goal” is a goal that this studio has set itself."
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 2rem auto; padding: 0 1rem; color: #1a212b; }
table { border-collapse: collapse; margin: 0.6rem 0 1.4rem; } td, th { padding: 3px 10px; text-align: right;
border-bottom: 1px solid #dde2e8; } td:first-child, th:first-child { text-align: left; } caption { text-align: left;
color: #5b6675; padding-bottom: 4px; } figure { display: inline-block; margin: 4px; } figcaption { font-size: 13px;
color: #5b6675; text-align: center; } .yes { color: #00734c; } .no { color: #b3440a; } .open { color: #5b6675; }
svg text { font: 11px system-ui, sans-serif; fill: #5b6675; } .grid { stroke: #e6eaef; }
.key span { margin-right: 1rem; } details { margin: 0.4rem 0; } summary { cursor: pointer; color: #0060a0; }
"""
MARKS = {"holds": "yes", "does not hold": "no", "not resolved here": "open"}
ByArm = Mapping[str, Sequence[Measured]]


def write_report(path: Path, results: Results, claims: Sequence[Claim], machine: str) -> None:
    """Write it; raises `ExportError` where that cannot be."""
    plan = results.plan
    body = [_head(results, machine), _verdicts(claims), _floors(results)]
    for data in plan.sets:
        own = {arm: [one for one in results.measured if (one.data, one.model) == (data, arm)] for arm in plan.arms}
        if any(own.values()):
            body.append(_section(data, own, results))
    body += [tables_section(results), trials_section(results.folder)]
    if forward := forward_rows(results):
        body.append(f"<h2>Forward processes</h2><p>Each point in the colour of its part of the data.</p>{forward}")
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Reproduction</title><style>{STYLE}</style>'
    with atomic_file(path, ExportError) as partial:
        partial.write_text(f"{text}{''.join(body)}</html>\n", encoding="utf-8")


def _head(results: Results, machine: str) -> str:
    """Title, machine, how far it has come, and what was decided before."""
    decided = results.protocol or {}
    rules = "".join(f"<li>{escape(rule)}</li>" for rule in decided.get("rules", ()))
    done, planned = len(results.measured) + len(results.densities), len(results.plan.cells())
    return (
        f"<h1>Diffusion normalizing flows, compared here</h1><p>{done} of {planned} models, on this machine "
        f"({escape(machine)}), {_seeds(results)}.</p><h2>What was decided before anything was measured</h2>"
        f"<p>Written {escape(str(decided.get('written', 'at an unknown time')))} by DNF Studio "
        f"{escape(str(decided.get('studio', '')))}, with the claims as they stand below.</p><ul>{rules}</ul>"
        f"<p>{OURS} Likelihoods are nats of standardised data, the bound that of the chain that the model is sampled "
        "by.</p>"
    )


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


def _floors(results: Results) -> str:
    """The headline: with how little each kind of model is equal to the data."""
    plan = results.plan
    rows = []
    for arm in plan.arms:
        own = [[one for one in results.measured if (one.data, one.model) == (data, arm)] for data in plan.sets]
        if any(own):
            cells = "".join(f"<td>{_floor(found, plan)}</td>" for found in own)
            rows.append(f"<tr><td>{escape(ARMS[arm].words)}</td>{cells}</tr>")
    if not rows:
        return ""
    head = "".join(f"<th>{escape(data)}</th>" for data in plan.sets)
    return (
        "<h2>Steps to the floor</h2><table><caption>The least N with which samples are equal to the data; in brackets "
        f"the least network evaluations and multiply-adds of a sample.</caption><tr><th></th>{head}</tr>"
        f"{''.join(rows)}</table>"
    )


def _floor(found: Sequence[Measured], plan: Plan) -> str:
    if not found:
        return "–"
    steps, evaluations, cost = (floor_of(found, axis) for axis in AXES)
    if steps is None or evaluations is None or cost is None:
        return f"above {max(plan.steps)}"
    return f"{steps.steps:.3g} ({evaluations.evaluations:.3g}; {large(cost.multiply_adds)})"


def _section(data: str, by_arm: ByArm, results: Results) -> str:
    places: dict[Axis, dict[str, list[Place]]] = {
        axis: {arm: curve(found, axis) for arm, found in by_arm.items() if found} for axis in AXES
    }
    key = "".join(f'<span style="color:{COLOURS[arm]}">● {escape(ARMS[arm].words)}</span>' for arm in by_arm)
    drawn = [curves(_marks(places[axis], axis), words, "distance", COLOURS) for axis, words in AXES.items()]
    parts = [
        f"<h2>{escape(data)}</h2>{sample_row(results, data)}",
        f'<p class="key">{key}</p>',
        *drawn,
        _while_training(data, results.quality, results.plan),
        _table(results.plan, by_arm, places["steps"]),
        every_number(places),
        by_validation(by_arm),
    ]
    return "".join(parts)


def _marks(lines: Mapping[str, Sequence[Place]], axis: Axis) -> dict[str, list[Mark]]:
    return {
        arm: [
            Mark(one.at(axis), near.value, near.low, near.high, near.low > 0) for one in line for near in [one.pooled]
        ]
        for arm, line in lines.items()
    }


def _while_training(data: str, quality: Sequence[Quality], plan: Plan) -> str:
    """Distances over what training took, in seconds and in multiply-adds."""
    drawn = "".join(
        curves({arm: marks_of(quality, data, arm, by_cost) for arm in plan.arms}, across, "distance", COLOURS)
        for by_cost, across in ((False, "seconds of training"), (True, "multiply-adds of training"))
    )
    if not drawn:
        return ""
    return (
        f"{drawn}<p>While training, all at N = {STEPS}. {told_of(quality, data)} The learning rate falls over the "
        "whole time, so a run that is meant to be shorter may do better.</p>"
    )


def _table(plan: Plan, by_arm: ByArm, lines: Mapping[str, Sequence[Place]]) -> str:
    numbers = (*(f"N = {n}" for n in plan.steps), "off support", "NLL (ODE)", "bound", "entropy", "ms an iteration")
    heads = ("", *numbers, "training, multiply-adds", "parameters")
    rows = []
    for arm, found in by_arm.items():
        if not found:
            continue
        known = {round(place.steps): place for place in lines[arm]}
        last = known.get(max(plan.steps))
        cells = [
            escape(ARMS[arm].words),
            *(_distance(known[n].pooled if n in known else None) for n in plan.steps),
            "–" if last is None or last.outside is None else f"{100 * last.outside:.3g}%",
            *(number(_mean([getattr(one, name) for one in found]), 3) for name in ("nll_ode", "nll_bound", "entropy")),
            f"{_mean([1000 * one.seconds / one.iterations for one in found]) or 0.0:.1f}",
            large(_mean([one.training_multiply_adds for one in found])),
            f"{found[0].parameters:,}",
        ]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    told = f"{_equal_quality(lines)} {lowest_nll(by_arm, {arm: ARMS[arm].words for arm in by_arm})}"
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    caption = f"Distance by N with each model's chosen solver, in brackets what is equal or unresolved. {told}"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}</table>"


def _distance(one: Pooled | None) -> str:
    if one is None:
        return "–"
    text = number(one.value)
    return text if one.word == "told apart" else f"({text}, {one.word})"


def _equal_quality(lines: Mapping[str, Sequence[Place]]) -> str:
    known = {arm: {round(one.steps): one.pooled for one in line} for arm, line in lines.items()}
    reference, other = known.get("diffflow", {}).get(FEW), known.get("diffusion")
    if reference is None or not other:
        return ""
    if reference.word != "told apart":
        return f"DiffFlow's samples with {FEW} steps are {reference.word}, so no factor is to be had."
    needed = steps_at_equal_quality(reference.value, [(n, one.value) for n, one in other.items()])
    if needed is None:
        words = f"is not as near with {max(other)} steps as DiffFlow with {FEW}: a factor above {max(other) / FEW:g}"
    else:
        words = f"needs about {needed:.0f} steps to be as near as DiffFlow with {FEW}: a factor of {needed / FEW:.1f}"
    return f"The diffusion model {words}."


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def lowest_nll(by_model: ByArm, names: Mapping[str, str]) -> str:
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
