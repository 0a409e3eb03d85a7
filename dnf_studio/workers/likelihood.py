"""The Lab's study of how likely data is under a model. Imports torch only where it works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dnf_studio.errors import Check
from dnf_studio.workers.lab import Study, StudyContext

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset

OF_CHAIN, OF_ODE = 3, 1
"""How many `likelihood_parts` there are."""


@dataclass(frozen=True)
class LikelihoodFacts:
    """Facts that the likelihoods belong to, nats of the model's standardised units."""

    steps: int
    """N of the model's own grid."""
    dim: int
    points: tuple[int, int]
    """Number of points that the bound is the mean over, and that all other values are."""
    entropy: float | None
    """Exact entropy of the data."""
    attainable: float | None
    """The least NLL that the chain can have, whatever its networks say; None where that is not known."""
    log_volume: float | None
    """Σ ln σ, which is added for nats of data units; None of logits, where it is another at each point."""


@dataclass(frozen=True)
class LikelihoodFound:
    """One part of the likelihoods."""

    facts: LikelihoodFacts
    fields: dict[str, Any]
    """Fields of `Likelihoods` that are known now."""
    bits: dict[str, float | None]
    """Some of the fields in bits per dimension; None where the data is not dequantised levels."""


@dataclass(frozen=True)
class LikelihoodStudy(Study):
    """NLLs of points that training does not see: a `LikelihoodFound` for each part. Nothing without data."""

    paths: int
    """K of the importance-weighted bound."""

    def total(self, context: StudyContext) -> int:
        if context.dataset is None:
            return 0
        flow = context.snapshot.flow
        parts = OF_ODE if flow.checked_solver(None).chain is None else OF_CHAIN
        return parts - OF_ODE if "divergence" in flow.lacks else parts

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        from dnf_studio.core.evaluation.evaluate import bits_of
        from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, affordable_points, likelihood_parts
        from dnf_studio.core.parallel import BlockPool, worker_threads

        flow, dataset = context.snapshot.flow, context.dataset
        if dataset is None:
            return
        facts = _facts(context, dataset)
        most = {"nll_bound": affordable_points(flow), "nll_ode": affordable_points(flow, ODE_POINTS)}
        with BlockPool(context.threads or worker_threads(flow.device)) as pool:
            pool.check = check
            parts = likelihood_parts(flow, dataset, paths=self.paths, pool=pool)
            for measure in list(parts.values())[have:]:
                found = measure()
                bits = {name: bits_of(flow, dataset, found[name], most[name]) for name in most.keys() & found.keys()}
                yield LikelihoodFound(facts, found, bits)


def _facts(context: StudyContext, dataset: Dataset) -> LikelihoodFacts:
    from dnf_studio.core.evaluation.chain_bounds import attainable_of, entropy_of
    from dnf_studio.core.evaluation.fresh import fresh_points, units_of
    from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, affordable_points

    flow = context.snapshot.flow
    most = affordable_points(flow), affordable_points(flow, ODE_POINTS)
    counts = [len(fresh_points(flow, dataset, count, 0)) for count in most]
    units = units_of(flow, dataset)
    volume = None if units.logit is not None else units.log_scale
    floors = entropy_of(flow, dataset), attainable_of(flow, dataset)
    return LikelihoodFacts(context.snapshot.steps, flow.dim, (counts[0], counts[1]), *floors, volume)
