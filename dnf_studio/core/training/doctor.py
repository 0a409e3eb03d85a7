"""Why a run left the numbers: its last batch once more, term by term, with the weights that failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
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
ALONE: tuple[TermName, ...] = ("predicted noise", "velocity")
"""Terms of models that are trained at single times, not along a chain."""


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
    batch: Callable[[torch.Generator], Tensor]
    """The batch (B, D), drawn again with the generator as it was before."""


def diagnose(failure: Failure, engine: Engine, model: GenerativeModel, dataset: Dataset) -> Diagnosis:
    """What left the numbers in the iteration that failed, found by repeating it with the weights as they still are.

    `model` is the one in training, which `engine` trains. It takes about as long as an iteration, after a gradient that
    is not finite two.
    """
    config = model.config
    precision = str(engine.hidden).removeprefix("torch.")
    known: dict[str, Any] = {
        "iteration": failure.iteration,
        "back": failure.back,
        "loss": failure.loss,
        "level": failure.watch.level,
        "batch": config.training.batch,
        "steps": failure.steps,
        "remedies": remedies_for(config, precision),
    }

    def drawn() -> tuple[Tensor, torch.Generator]:
        generator = torch.Generator()
        generator.set_state(failure.before)
        return failure.batch(generator).to(model.timestamps.device), generator

    try:
        return Diagnosis(**known | _found(failure, engine, model, dataset, drawn))
    except (RuntimeError, MemoryError):  # the run is to go back all the same
        return Diagnosis(cause="unknown", **known)


def _found(
    failure: Failure,
    engine: Engine,
    model: GenerativeModel,
    dataset: Dataset,
    drawn: Callable[[], tuple[Tensor, torch.Generator]],
) -> dict[str, Any]:
    """What of the diagnosis the terms of the batch tell, which `drawn` draws again with the generator after it."""
    x0, generator = drawn()
    with single_threaded_kernels(), torch.no_grad():
        tallies = _count(engine.terms(x0, failure.steps, generator))
    if bad := [tally for tally in tallies if tally.bad]:
        first = bad[0]
        # Of a chain all that follows is bad; of single times each has points of its own
        alike = [tally for tally in bad if tally.name == first.name] if first.name in ALONE else bad[:1]
        rows = [row for tally in alike for row in tally.bad]
        found = {"cause": "value", "nan": first.nan, "onwards": len(alike) > 1}
    else:
        first = max((tally for tally in tallies if tally.adds), key=lambda tally: tally.total)
        rows, found = first.half(), {"cause": "growth"}
        if not (math.isfinite(failure.loss) and math.isfinite(failure.norm)):
            networks = _networks(engine, model, *drawn(), failure.steps)
            network = first.name if first.name in networks else next(iter(networks), None)
            told = network is not None or math.isfinite(failure.loss)
            found = {"cause": "gradient" if told else "unknown", "network": network}
    return {**first.place, **found, "affected": len(rows), "points": _told(dataset, x0[rows[:MOST_TOLD]])}


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


def _networks(
    engine: Engine, model: GenerativeModel, x0: Tensor, generator: torch.Generator, steps: int
) -> list[TermName]:
    """The terms whose networks have gradients that are not finite."""
    try:
        engine.train(x0, steps, generator)
    except Cancelled:
        return []
    norms: dict[str, float] = {}
    for name, part in model.named_children():
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        if gradients:
            norms[name] = float(torch.stack([gradient.norm() for gradient in gradients]).norm())
    return [NETWORKS[name] for name, norm in norms.items() if not math.isfinite(norm) and name in NETWORKS]


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
