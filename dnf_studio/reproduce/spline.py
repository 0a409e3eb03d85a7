"""A neural spline flow by the library zuko, trained as the studio's own models are: what real tables are held against.

Reference: Durkan, Bekasov, Murray and Papamakarios, "Neural Spline Flows", NeurIPS 2019, arXiv:1906.04032.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, VALIDATION_POINTS
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.errors import DataError
from dnf_studio.reproduce.baselines import density_of
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.results import Density

if TYPE_CHECKING:
    from zuko.flows import NSF

HOW_TO_INSTALL = "zuko is not installed; pip install 'dnf-studio[reproduce]' adds it"
LAYERS = 2
"""Hidden layers of each transform."""
CLIP = 5.0
MEASURE_EVERY = 10
"""Iterations; small tables are learned by heart within some dozens."""
PATIENCE = 1000
Tell = Callable[[str], None]


@dataclass(frozen=True)
class SplineSettings:
    """What is chosen of a spline flow by trials; 73,000 parameters on wine and 312,000 on digits as it stands here."""

    transforms: int = 3
    hidden: int = 64
    """Width of each hidden layer."""
    bins: int = 8
    """Pieces of each spline."""
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SplineSettings:
        """From dotted names, such as ``spline.bins``."""
        return cls(**{name.removeprefix("spline."): value for name, value in values.items()})


@dataclass(frozen=True)
class Fitted:
    """A trained spline flow."""

    flow: NSF
    """With the weights that were best on the rows to validate on."""
    iterations: int
    best: int
    """The iteration of these weights."""
    seconds: float
    """CPU time of the one thread that trained it."""

    @torch.no_grad()
    def nll(self, points: torch.Tensor) -> torch.Tensor:
        """The NLL of points (n, D), nats of standardised data, (n,)."""
        found: torch.Tensor = -self.flow().log_prob(points)
        return found


def is_installed() -> bool:
    """Whether there is a zuko to import."""
    return find_spec("zuko") is not None


def spline_density(plan: Plan, cell: Cell, dataset: Dataset, settings: SplineSettings, tell: Tell) -> Density:
    """The NLL of the test split under a spline flow of these settings, trained for the plan's seconds.

    Raises `DataError` where `dataset` has no validation split.
    """
    found = fit_spline(settings, plan.seconds, cell.seed, dataset, tell)
    size = sum(parameter.numel() for parameter in found.flow.parameters())
    return density_of(cell, found.nll(dataset.fresh(ODE_POINTS, 0)), found.iterations, found.seconds, size)


def fit_spline(settings: SplineSettings, seconds: float, seed: int, dataset: Dataset, tell: Tell) -> Fitted:
    """Train a flow of autoregressive rational-quadratic splines by maximum likelihood.

    On the split and standardisation of the other models, for `seconds` of one thread on a processor or until the
    validation NLL has not fallen for `PATIENCE` iterations. A run that is interrupted begins anew. Raises `DataError`
    where `dataset` has no validation split.
    """
    from zuko.flows import NSF

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hidden = (settings.hidden,) * LAYERS
        flow = NSF(dataset.dim, bins=settings.bins, transforms=settings.transforms, hidden_features=hidden)
    # Its matrices are so small that threads would wait for each other more than they compute
    with single_threaded_kernels():
        return _train(flow, settings, seconds, seed, dataset, tell)


def _train(flow: NSF, settings: SplineSettings, seconds: float, seed: int, dataset: Dataset, tell: Tell) -> Fitted:
    generator = torch.Generator().manual_seed(seed)
    held_out = dataset.validation(VALIDATION_POINTS, 0)
    if held_out is None:
        raise DataError(f"The data '{dataset.name}' has no validation split to end training by.")
    adam = torch.optim.AdamW(flow.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    best, least, found_at, iteration, spent = copy.deepcopy(flow), math.inf, 0, 0, 0.0
    while spent < seconds and iteration - found_at < PATIENCE:
        started = time.thread_time()
        for group in adam.param_groups:
            group["lr"] = 0.5 * settings.learning_rate * (1 + math.cos(math.pi * spent / seconds))
        adam.zero_grad()
        (-flow().log_prob(dataset.draw(settings.batch, generator)).mean()).backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), CLIP)
        adam.step()
        iteration += 1
        if iteration % MEASURE_EVERY == 0:
            with torch.no_grad():
                nll = float(-flow().log_prob(held_out).mean())
            if nll < least:
                least, found_at, best = nll, iteration, copy.deepcopy(flow)
        spent += time.thread_time() - started
        tell(f"training, {spent:.0f} of {seconds:g} s")
    return Fitted(flow if least == math.inf else best, iteration, found_at, spent)
