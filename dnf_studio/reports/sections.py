"""What was measured of one model, each part a piece of HTML, and the section that all of it makes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.core.evaluation.by_steps import SEEDS, TOLERANCE_OUTSIDE, StepRow
from dnf_studio.core.evaluation.distances import EQUAL
from dnf_studio.core.evaluation.excess_rows import ExcessRow
from dnf_studio.core.training.cost import cost_at
from dnf_studio.core.training.record import Marks
from dnf_studio.reports.drawing import Bar, Mark, bars, cloud, curves, mosaic, strands
from dnf_studio.reports.known import data_part, settings_part, table, training_part
from dnf_studio.reports.measured import Measured

SLICES = 6
STRANDS = 60
ACROSS = 8
"""Images that are drawn."""
WORST = 3
WORDS = (
    f"Equal: the 95% interval of the distance ends at {EQUAL:g} or below; told apart: it lies above 0; unresolved: "
    "neither, which decides nothing. A distance below its resolution is no rank: chance alone makes that of exact "
    "samples as large, on either side of 0."
)


def model_section(found: Measured) -> str:
    """Everything about one model under a heading of its own."""
    parts = (settings_part, data_part, training_part, _processes, _disagreement, _likelihoods, _distances, _cost)
    failed = "".join(f"<p class='open'>{escape(what)}: {escape(why)}</p>" for what, why in found.failed.items())
    return f"<section><h2>{escape(found.subject.name)}</h2>{''.join(part(found) for part in parts)}{failed}</section>"


def nats(value: float | None, error: float | None = None) -> str:
    """A likelihood with its standard error."""
    if value is None:
        return "–"
    return _minus(f"{value:.4f}" + ("" if error is None else f" ± {error:.4f}"))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _processes(found: Measured) -> str:
    """Both processes in slices, the forward one above the backward one."""
    flow, shown = found.subject.flow, found.displayed
    forward, backward = shown.forward.numpy(), shown.backward.numpy()
    steps = len(forward) - 1
    nodes = sorted({round(k * steps / (SLICES - 1)) for k in range(SLICES)})
    t = flow.grid().t.cpu().numpy()
    about = f"{forward.shape[1]:,} points, N = {steps}, seed 0, the last step with its noise; standardised units."
    if flow.image is not None:
        return f"<h3>Both processes</h3><p>{about}</p>{_images(found, nodes)}"
    if flow.dim == 1:
        both = (("forward", forward), ("backward", backward))
        rows = [strands(t, path[:, :STRANDS, 0], f"var(--{name})", "t", name) for name, path in both]
        return f"<h3>Both processes</h3><p>{about}</p>{''.join(rows)}"
    together = np.concatenate([forward[0], forward[-1], backward[-1]])[:, :2]
    finite = together[np.isfinite(together).all(axis=1)]
    reach = finite.min(axis=0), finite.max(axis=0)
    rows = []
    for name, path in (("forward", forward), ("backward", backward)):
        cells = "".join(
            f"<figure>{cloud(path[i, :, :2], f'var(--{name})', reach, f'{name}, step {i}')}"
            f"<figcaption>step {i}, t = {t[i]:.3g}</figcaption></figure>"
            for i in nodes
        )
        rows.append(f"<div class='row'><b class='{name}'>{name}</b>{cells}</div>")
    more = "" if flow.dim == 2 else f" The first two of {flow.dim} components."
    return f"<h3>Both processes</h3><p>{about}{more}</p>{''.join(rows)}"


def _images(found: Measured, nodes: Sequence[int]) -> str:
    """The first images of both processes on their way, a row for each."""
    flow, rows = found.subject.flow, []
    if flow.image is None:
        return ""
    drawn = PixelMap(flow.image, flow.standardisation)
    for name, path in (("forward", found.displayed.forward), ("backward", found.displayed.backward)):
        cells = "".join(
            f"<figure><img src='{mosaic(drawn(path[i, :ACROSS].numpy()))}' alt='{name}, step {i}'>"
            f"<figcaption>step {i}</figcaption></figure>"
            for i in nodes
        )
        rows.append(f"<div class='row'><b class='{name}'>{name}</b>{cells}</div>")
    return "".join(rows)


def _disagreement(found: Measured) -> str:
    if found.excess is None:
        why = found.subject.flow.lacks.get("bound") or "It is not known here."
        return f"<h3>Disagreement by step</h3><p class='open'>{escape(why)}</p>"
    rows = bars_of(found.excess)
    drawn = bars({"excess": rows}, {"excess": "var(--disagreement)"}, "step, the first at the data", "nats")
    order = sorted(range(len(rows)), key=lambda i: -rows[i].value)[:WORST]
    worst = ", ".join(f"step {i} {_minus(f'{rows[i].value:.3f}')} ± {rows[i].error or 0:.3f}" for i in sorted(order))
    total = sum(one.value for one in rows)
    told = (
        "By how much each backward step misses the reverse of the forward step, by the densities of the ODE at "
        f"{found.excess_points} fresh points of seed 0, ± one standard error over these; 0 is right. In all "
        f"{_minus(f'{total:.3f}')} nats; most at {worst}."
    )
    if any(one.value + 2 * (one.error or 0.0) < 0 for one in rows):
        told += " A step can be below 0 by more than its error only where the ODE's own density is off."
    return f"<h3>Disagreement by step</h3><p>{told}</p>{drawn}"


def bars_of(rows: Sequence[ExcessRow]) -> list[Bar]:
    """The rows as bars."""
    return [Bar(float("nan") if row.excess is None else row.excess, row.error) for row in rows]


def likelihood_rows(found: Measured) -> list[tuple[str, str, str]]:
    """Name, value with its error, and what it is of."""
    (bound, bound_error), (ode, ode_error) = found.mean("bound"), found.mean("ode")
    counts = [0 if values is None else len(values) for values in (found.bound, found.ode)]
    points = [f"{count:,} fresh points, seed 0" for count in counts]
    rows = []
    if bound is not None:
        rows.append(("NLL bound", nats(bound, bound_error), f"of the chain, its last step with noise; {points[0]}"))
    if ode is not None:
        rows.append(("NLL (ODE)", nats(ode, ode_error), f"of the probability-flow ODE; {points[1]}"))
    if found.entropy is not None:
        rows.append(("entropy of the data", nats(found.entropy), "exact: no model's NLL is below it"))
    if found.attainable is not None:
        rows.append(("attainable by this chain", nats(found.attainable), "the least with the noise of its last step"))
    return rows


def _likelihoods(found: Measured) -> str:
    rows = likelihood_rows(found)
    if not rows:
        return ""
    logit = " of standardised logits" if found.subject.flow.standardisation.logit is not None else ""
    told = f"Nats of the standardised data{logit}, ± one standard error over points and draws."
    return f"<h3>Likelihood</h3><p>{told}</p>{table(('', 'nats', 'of what'), rows)}"


def distance_words(row: StepRow) -> str:
    """A distance with its error and what is said of it."""
    if row.sliced_wasserstein is None:
        return "–"
    error = "" if row.sliced_wasserstein_error is None else f" ± {row.sliced_wasserstein_error:.4f}"
    return _minus(f"{row.sliced_wasserstein:.4f}{error}") + ("" if row.word is None else f", <b>{row.word}</b>")


def _distances(found: Measured) -> str:
    if not found.by_steps:
        return ""
    share = f"beyond {TOLERANCE_OUTSIDE:g} of the support"
    head = (
        "N",
        "samples",
        "network evaluations",
        "distance to the data",
        "resolution",
        "floor of two sets",
        share,
        "beyond ±4",
    )
    rows = [
        (
            str(row.steps),
            f"{SEEDS} × {_samples(found, row.steps):,}",
            str(row.nfe),
            distance_words(row),
            _plain(row.resolution),
            _plain(row.floor),
            _share(row.outside),
            _share(row.beyond_4),
        )
        for row in found.by_steps
    ]
    told = (
        f"Sliced Wasserstein-2, debiased, by the model's own solver: {SEEDS} independent sets of samples, or as many "
        f"as there are fresh points, against as many of these at each N, ± one standard error over the sets. {WORDS}"
    )
    least = next((row.steps for row in found.by_steps if row.word == "equal"), None)
    floor = "none of these N" if least is None else f"N = {least}"
    ends = f"<p>Steps to the floor, the least of these N that is equal to the data: {floor}.</p>"
    drawn = curves({"distance": [mark_of(row) for row in found.by_steps if row.sliced_wasserstein is not None]},
                   "steps", "distance", {"distance": "var(--backward)"})  # fmt: skip
    return f"<h3>Samples by their number of steps</h3><p>{told}</p>{table(head, rows)}{ends}{drawn}"


def _samples(found: Measured, steps: int) -> int:
    """Samples of a set at this N: of a file no more than its rows to test on, shared out among the sets, are needed."""
    count, dataset = found.effort.samples_at(found.subject.flow, steps), found.subject.dataset
    rows = None if dataset is None or dataset.rows is None else dataset.rows[2]
    return count if rows is None else max(1, min(count, rows // SEEDS))


def mark_of(row: StepRow) -> Mark:
    """A row as a mark of `curves`, with ± two standard errors."""
    value, error = row.sliced_wasserstein or 0.0, row.sliced_wasserstein_error
    if error is None:
        return Mark(row.steps, value, apart=False)
    return Mark(row.steps, value, value - 2 * error, value + 2 * error, bool(row.told_apart))


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g}%"


def _cost(found: Measured) -> str:
    flow, checkpoint = found.subject.flow, found.subject.checkpoint
    rows = [("parameters", f"{sum(p.numel() for p in flow.parameters()):,}")]
    for steps in sorted({flow.grid().steps, *(row.steps for row in found.by_steps)}):
        of_sample = f"{flow.evaluations(steps, None):,} network evaluations"
        if not flow.adapter:
            of_sample += f", {flow.multiply_adds(steps, None):.3g} multiply-adds"
        rows.append((f"a sample at N = {steps}", of_sample))
    marks = Marks.from_dict(checkpoint.history.get("marks"))
    known = not flow.adapter and checkpoint.iteration
    spent = cost_at(flow, flow.config, marks, (checkpoint.iteration,)) if known else None
    if spent is not None:
        rows.append(("training", f"{spent[0]:.3g} multiply-adds of the networks, in {checkpoint.seconds:,.0f} s"))
    return f"<h3>Cost</h3>{table((), rows)}"
