"""What no model of the data, and what no chain with so much noise in its last step, can come below."""

from __future__ import annotations

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import is_identity, units_of
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.sde.grid import TimeGrid

__all__ = ["attainable_of", "entropy_of"]


def entropy_of(flow: GenerativeModel, dataset: Dataset) -> float | None:
    """The data's entropy in the model's units; None where it is not known, or not of a model's logits."""
    if dataset.entropy is None or flow.standardisation.logit is not None:
        return None
    if is_identity(flow.standardisation):
        return dataset.entropy
    return dataset.entropy + dataset.standardisation.log_scale - flow.standardisation.log_scale


def attainable_of(
    flow: GenerativeModel, dataset: Dataset, grid: TimeGrid | None = None, solver: str | None = None
) -> float | None:
    """The least NLL, nats of model units, of a chain whose last step adds noise of deviation r = g_1 √Δ_0 to any mean.

    The entropy where the data is nowhere thinner than r; None where the thickness is not known (`Dataset.blur_excess`)
    where the solver is no chain, and of a model trained on drawn grids, whose last steps differ. At the model's own
    grid or `grid`.
    """
    entropy = entropy_of(flow, dataset)
    if entropy is None or not isinstance(flow, TwoSDEs) or flow.config.training.flexible_grid:
        return None
    blur = flow.last_spread(grid or flow.grid(), solver)
    excess = None if blur is None else dataset.blur_excess(blur, units_of(flow, dataset).scale)
    return None if excess is None else entropy + excess
