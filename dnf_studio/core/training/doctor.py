"""Why a run left the numbers: its last batch once more, term by term, with the weights that failed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.training.diagnosis import Diagnosis, LossWatch, TermName, remedies_for
from dnf_studio.core.training.engine import Engine
from dnf_studio.core.training.terms import Term
from dnf_studio.errors import Cancelled

__all__ = ["Failure", "diagnose"]

MOST_TOLD = 5
"""Points that are told."""
FEW_COMPONENTS = 3
"""Components up to which all of a point are told."""
NETWORKS: dict[str, TermName] = {
    "drift": "drift",
    "score": "score",
    "noise": "predicted noise",
    "vector_field": "velocity",
}
"""What the networks of all models compute, by their names."""


@dataclass(frozen=True, eq=False)
class Failure:
    """The iteration that failed, as the run knows it."""

    iteration: int
    back: int
    """The iteration of the last good state."""
    steps: int
    """N."""
    loss: float
    norm: float
    """That of the gradient."""
    before: Tensor
    """State of the run's generator before the batch was drawn."""
    watch: LossWatch


def diagnose(failure: Failure, engine: Engine, model: GenerativeModel, dataset: Dataset) -> Diagnosis:
    """What left the numbers in the iteration that failed, found by repeating it with the weights as they still are.

    `model` is the one in training, which `engine` trains. It takes about as long as an iteration, after a gradient that
    is not finite two.
    """
    config = model.config
    batch, device = config.training.batch, model.timestamps.device
    known: dict[str, Any] = {
        "iteration": failure.iteration,
        "back": failure.back,
        "loss": failure.loss,
        "level": failure.watch.level,
        "batch": batch,
        "steps": failure.steps,
        "remedies": remedies_for(config, str(engine.hidden).removeprefix("torch.")),
    }

    def drawn() -> tuple[Tensor, torch.Generator]:
        generator = torch.Generator()
        generator.set_state(failure.before)
        return dataset.draw(batch, generator).to(device), generator

    x0, generator = drawn()
    with single_threaded_kernels(), torch.no_grad():
        tallies = _count(engine.terms(x0, failure.steps, generator))
    bad = next((tally for tally in tallies if tally.bad), None)
    if bad is not None:
        points = _told(dataset, x0[bad.bad[:MOST_TOLD]])
        return Diagnosis(cause="value", affected=len(bad.bad), points=points, nan=bad.nan, **bad.place, **known)
    most = max((tally for tally in tallies if tally.adds), key=lambda tally: tally.total)
    rows = most.half()
    known |= {**most.place, "affected": len(rows), "points": _told(dataset, x0[rows[:MOST_TOLD]])}
    if math.isfinite(failure.loss) and math.isfinite(failure.norm):
        return Diagnosis(cause="growth", **known)
    network = _network(engine, model, *drawn(), failure.steps)
    if network is None and not math.isfinite(failure.loss):
        return Diagnosis(cause="unknown", **known)
    return Diagnosis(cause="gradient", network=network, **known)


@dataclass
class _Tally:
    """What is known of one term at one step."""

    name: TermName
    step: int
    time: float
    adds: bool
    bad: list[int] = field(default_factory=list)
    """Rows for which it is not finite."""
    nan: bool = False
    total: float = 0.0
    top: list[tuple[float, int]] = field(default_factory=list)
    """The largest shares, each with its row."""

    @property
    def place(self) -> dict[str, Any]:
        return {"term": self.name, "step": self.step, "time": self.time}

    def take(self, term: Term) -> None:
        share = term.share.double().cpu()
        finite = share.isfinite()
        self.bad += (torch.nonzero(~finite)[:, 0] + term.first).tolist()
        self.nan |= bool(share.isnan().any())
        self.total += float(share[finite].sum())
        values, rows = share.nan_to_num(0, 0, 0).topk(min(MOST_TOLD, len(share)))
        self.top = sorted([*self.top, *zip(values.tolist(), (rows + term.first).tolist(), strict=True)], reverse=True)
        del self.top[MOST_TOLD:]

    def half(self) -> list[int]:
        """The rows with the largest shares that make half of the total, none where it takes more than are known."""
        total = 0.0
        for count, (value, _) in enumerate(self.top, start=1):
            total += value
            if total >= 0.5 * self.total:
                return [row for _, row in self.top[:count]]
        return []


def _count(terms: Iterable[Term]) -> list[_Tally]:
    """The terms of all points, in their order from data to noise."""
    tallies: dict[tuple[str, int], _Tally] = {}
    for term in terms:
        key = term.name, term.step
        if key not in tallies:
            tallies[key] = _Tally(term.name, term.step, term.time, term.adds)
        tallies[key].take(term)
    # Other points may be the first to come to a step
    return sorted(tallies.values(), key=lambda tally: tally.step)


def _network(
    engine: Engine, model: GenerativeModel, x0: Tensor, generator: torch.Generator, steps: int
) -> TermName | None:
    """The term whose network has a gradient that is not finite; None where none has."""
    try:
        engine.train(x0, steps, generator)
    except Cancelled:
        return None
    norms: dict[str, float] = {}
    for name, part in model.named_children():
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        if gradients:
            norms[name] = float(torch.stack([gradient.norm() for gradient in gradients]).norm())
    worst = next((name for name, norm in norms.items() if not math.isfinite(norm)), None)
    return None if worst is None else NETWORKS.get(worst)


def _told(dataset: Dataset, points: Tensor) -> tuple[str, ...]:
    """Points (n, D), model units, in words and data units; of many components the one farthest out."""
    data = dataset.standardisation.to_data(points.double().cpu())
    if dataset.dim <= FEW_COMPONENTS:
        return tuple(f"({', '.join(map(_number, row))})" for row in data.tolist())
    far = points.double().cpu().abs().nan_to_num(math.inf).argmax(1).tolist()
    return tuple(
        f"the one with {dataset.columns[k]} = {_number(row[k])}" for row, k in zip(data.tolist(), far, strict=True)
    )


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
