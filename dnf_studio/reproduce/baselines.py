"""What every model of a table has to beat: a fitted Gaussian, and a mixture of Gaussians.

Both are fitted to dequantised rows to train on and measured on the same points to test on as all models.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, VALIDATION_POINTS, mean_and_error
from dnf_studio.errors import DataError
from dnf_studio.reproduce.plan import Cell
from dnf_studio.reproduce.results import Density

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

GAUSSIAN_POINTS = 50_000
"""Dequantised training rows, with replacement, that a Gaussian is fitted to."""
MIXTURE_POINTS = 5_000
"""The same of a mixture, whose fit takes longer."""
COMPONENTS = (1, 2, 3, 5, 8, 12)
SHAPES: tuple[Literal["full", "tied", "diag", "spherical"], ...] = ("full", "tied", "diag", "spherical")
"""Covariances: any for each component, one for all, along the axes, or one number."""
LEAST_VARIANCE = 1e-3
"""What is added to the variances of a mixture, standardised units."""


def density_of(cell: Cell, nll: Tensor | None, iterations: int, seconds: float, parameters: int) -> Density:
    """What is kept of a model whose NLLs of the test rows are `nll` (n,), nats of standardised data."""
    if nll is None:
        return Density(cell.data, cell.model, cell.seed, iterations, seconds, parameters, None, None)
    mean, error = mean_and_error(nll)
    rows = None if mean is None else tuple(round(value, 5) for value in nll.detach().cpu().double().tolist())
    return Density(cell.data, cell.model, cell.seed, iterations, seconds, parameters, mean, error, rows=rows)


def gaussian_density(cell: Cell, dataset: Dataset) -> Density:
    """The NLL of the test split under the Gaussian with mean and covariance of the training split."""
    x = dataset.draw(GAUSSIAN_POINTS, torch.Generator().manual_seed(cell.seed)).double()
    root = torch.linalg.cholesky(torch.cov(x.T))
    z = torch.linalg.solve_triangular(root, (dataset.fresh(ODE_POINTS, 0).double() - x.mean(0)).T, upper=False)
    constant = 0.5 * dataset.dim * math.log(2 * math.pi) + root.diagonal().log().sum()
    size = dataset.dim + dataset.dim * (dataset.dim + 1) // 2
    return density_of(cell, 0.5 * z.square().sum(0) + constant, 0, 0.0, size)


def mixture_density(cell: Cell, dataset: Dataset) -> Density:
    """The NLL of the test split under a mixture of Gaussians by expectation maximisation (scikit-learn).

    The number of Gaussians and the kind of their covariances are those with the lowest NLL of the rows to validate on.
    Raises `DataError` where `dataset` has none.
    """
    from sklearn.mixture import GaussianMixture

    held_out = dataset.validation(VALIDATION_POINTS, 0)
    if held_out is None:
        raise DataError(f"The data '{dataset.name}' has no validation split to choose a mixture by.")
    x = dataset.draw(MIXTURE_POINTS, torch.Generator().manual_seed(cell.seed)).double().numpy()
    fitted = [
        GaussianMixture(count, covariance_type=shape, reg_covar=LEAST_VARIANCE, random_state=cell.seed, tol=1e-2).fit(x)
        for count, shape in product(COMPONENTS, SHAPES)
        if count > 1 or shape in ("full", "diag")
    ]
    best = max(fitted, key=lambda one: float(one.score(held_out.double().numpy())))
    nll = torch.from_numpy(-best.score_samples(dataset.fresh(ODE_POINTS, 0).double().numpy()))
    return density_of(cell, nll, int(best.n_iter_), 0.0, _size(best))


def _size(mixture: GaussianMixture) -> int:
    """The numbers that a mixture is made of."""
    count, dim = mixture.means_.shape
    whole = dim * (dim + 1) // 2
    shapes = {"full": count * whole, "tied": whole, "diag": count * dim, "spherical": count}
    return int(count - 1 + count * dim + shapes[mixture.covariance_type])
