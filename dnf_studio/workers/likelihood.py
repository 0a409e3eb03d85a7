"""The Lab's study of how likely data is under a model. Imports torch only where it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from dnf_studio.workers.lab import Ground, Study

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.likelihoods import Likelihoods

__all__ = ["LikelihoodFound", "LikelihoodStudy"]

OF_TWO_SDES, OF_FLOW = 4, 1
"""Parts of `growing_likelihoods`."""


@dataclass(frozen=True)
class LikelihoodFound:
    """What is known so far, nats of the model's standardised units where nothing else is said."""

    likelihoods: Likelihoods
    points: tuple[int, int]
    """How many the bound is the mean over, and all else."""
    entropy: float | None
    """Exact, of the data."""
    bits: tuple[float | None, float | None]
    """Bits per dimension by the bound and by the ODE; None where the data is not dequantised levels."""
    log_volume: float | None
    """Σ ln σ, which is added for nats of data units; None of logits, where it is another at each point."""


@dataclass(frozen=True)
class LikelihoodStudy(Study):
    """NLLs of points that training does not see: the growing `LikelihoodFound`. Nothing without data."""

    paths: int
    """K of the importance-weighted bound."""

    def total(self, ground: Ground) -> int:
        """As many as there are parts; where the ODE cannot be solved there is one fewer."""
        if ground.dataset is None:
            return 0
        return OF_FLOW if ground.snapshot.config.model == "flow" else OF_TWO_SDES

    def run(self, ground: Ground, have: int, left: Callable[[], bool]) -> Iterator[object]:
        """Those from number `have` on; what they grow from is computed again."""
        from dnf_studio.core.evaluation.evaluate import bits_of, entropy_of
        from dnf_studio.core.evaluation.fresh import fresh_points
        from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, affordable, growing_likelihoods
        from dnf_studio.core.parallel import BlockPool, worker_threads

        flow, dataset = ground.snapshot.flow, ground.dataset
        if dataset is None:
            return
        most = affordable(flow), affordable(flow, ODE_POINTS)
        counts = tuple(len(fresh_points(flow, dataset, count, 0)) for count in most)
        entropy, units = entropy_of(flow, dataset), flow.standardisation
        with BlockPool(ground.threads or worker_threads(flow.device)) as pool:
            pool.interrupted = left
            for found in islice(growing_likelihoods(flow, dataset, paths=self.paths, pool=pool), have, None):
                bits = bits_of(flow, dataset, found.nll_bound, most[0]), bits_of(flow, dataset, found.nll_ode, most[1])
                volume = None if units.logit is not None else units.log_scale
                yield LikelihoodFound(found, (counts[0], counts[1]), entropy, bits, volume)
