"""A neural spline flow by the library zuko, trained as the studio's own models are: what real tables are held against.

Reference: Durkan, Bekasov, Murray and Papamakarios, "Neural Spline Flows", NeurIPS 2019, arXiv:1906.04032.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, VALIDATION_POINTS, mean_and_error
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.errors import DataError
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.results import Density

if TYPE_CHECKING:
    from zuko.flows import NSF

__all__ = ["HOW_TO_INSTALL", "is_installed", "spline_density"]

HOW_TO_INSTALL = "zuko is not installed; pip install 'dnf-studio[reproduce]' adds it"
TRANSFORMS = 3
HIDDEN = (64, 64)
"""Of each transform: 73,000 parameters in all on wine, 312,000 on digits; the studio's models have about 200,000."""
BATCH = 128
LEARNING_RATE = 2e-3
CLIP = 5.0
MEASURE_EVERY = 10
"""Iterations; small tables are learned by heart within some dozens."""
PATIENCE = 1000
Tell = Callable[[str], None]


def is_installed() -> bool:
    """Whether there is a zuko to import."""
    return find_spec("zuko") is not None


def spline_density(plan: Plan, cell: Cell, dataset: Dataset, tell: Tell) -> Density:
    """The NLL of the test split, nats, under a flow of `TRANSFORMS` autoregressive rational-quadratic splines.

    Trained by maximum likelihood on the split and standardisation of the other models, for the plan's seconds or until
    the validation NLL has not fallen for `PATIENCE` iterations; the weights that were best by it are measured. A run
    that is interrupted begins anew. Raises `DataError` where `dataset` has no validation split.
    """
    from zuko.flows import NSF

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cell.seed)
        flow = NSF(dataset.dim, transforms=TRANSFORMS, hidden_features=HIDDEN)
    # Its matrices are so small that threads would wait for each other more than they compute
    with single_threaded_kernels():
        best, iterations, seconds = _train(flow, plan.seconds, cell.seed, dataset, tell)
    with torch.no_grad():
        nll, error = mean_and_error(-best().log_prob(dataset.fresh(ODE_POINTS, 0)))
    size = sum(parameter.numel() for parameter in flow.parameters())
    return Density(cell.data, cell.model, cell.seed, iterations, seconds, size, nll, error)


def _train(flow: NSF, seconds: float, seed: int, dataset: Dataset, tell: Tell) -> tuple[NSF, int, float]:
    """The best flow by the validation split, the iterations made and the time they took."""
    generator = torch.Generator().manual_seed(seed)
    held_out = dataset.validation(VALIDATION_POINTS, 0)
    if held_out is None:
        raise DataError(f"The data '{dataset.name}' has no validation split to end training by.")
    adam = torch.optim.Adam(flow.parameters(), lr=LEARNING_RATE)
    best, least, found_at, iteration, spent = copy.deepcopy(flow), math.inf, 0, 0, 0.0
    while spent < seconds and iteration - found_at < PATIENCE:
        started = time.perf_counter()
        for group in adam.param_groups:
            group["lr"] = 0.5 * LEARNING_RATE * (1 + math.cos(math.pi * spent / seconds))
        adam.zero_grad()
        (-flow().log_prob(dataset.draw(BATCH, generator)).mean()).backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), CLIP)
        adam.step()
        iteration += 1
        if iteration % MEASURE_EVERY == 0:
            with torch.no_grad():
                nll = float(-flow().log_prob(held_out).mean())
            if nll < least:
                least, found_at, best = nll, iteration, copy.deepcopy(flow)
        spent += time.perf_counter() - started
        tell(f"training, {spent:.0f} of {seconds:g} s")
    return (flow if least == math.inf else best), iteration, spent
