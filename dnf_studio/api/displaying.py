"""The points that the window shows of a model, for scripts that are to make its very numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dnf_studio.api.measuring import as_model
from dnf_studio.api.settings import in_python
from dnf_studio.errors import DataError, StudioError
from dnf_studio.facts import WithFacts

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset, Standardisation
    from dnf_studio.core.models.base import GenerativeModel

OWN = "samples of the model"
"""What the points are of where the data is not here."""


@dataclass(frozen=True, eq=False, repr=False)
class DisplaySet(WithFacts):
    """The points at which the window's forward process begins; with `paths` they bring its latents and noise along.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> dnf.display_set("diffflow-rings", 100)
    DisplaySet(data='rings', points=100, dim=2)
    """

    points: Tensor
    """(P, D) in the units of the model that they were made for."""
    data: str
    """What they are of, a data set by its name or ``samples of the model``."""
    units: Standardisation
    """What leads from these units to those of the data."""

    def of(self, model: GenerativeModel) -> Tensor:
        """The points (P, D) in the units of `model`, which may be another one of the same data.

        Raises `DataError` where that has other dimensions.
        """
        dim, units = self.points.shape[1], model.standardisation
        if dim != model.dim:
            raise DataError(f"The points have {dim} components, and the model has {model.dim}.")
        # Once there and back again is not the same to the last bit
        return self.points if units == self.units else units.to_model(self.units.to_data(self.points)).float()

    def _facts(self) -> Mapping[str, object]:
        points, dim = self.points.shape
        return {"data": self.data, "points": points, "dim": dim}


def display_set(
    model: GenerativeModel | str | os.PathLike[str],
    n: int = 2000,
    data: Any = None,  # noqa: ANN401 - any data
    *,
    fingerprint: str | None = None,
) -> DisplaySet:
    """The first `n` points that the window shows of a model: `paths` carries them with the window's latents and noise.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file.
    n
        How many points; the window shows 2,000, of a U-Net 256, and of data with fewer held-out rows those.
    data
        What the model was trained on, where that is now or in any form that `train` takes; where the model's file says
        it unless given. Where it is not there the points are samples of the model, as in the window.
    fingerprint
        That of the data: what has another one is refused, so that a script does not go on with a file that has changed.

    Returns
    -------
    DisplaySet
        For `paths`.

    Raises
    ------
    StudioError
        In one sentence, for data that is named and not there, of other dimensions or with another fingerprint.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> shown = dnf.display_set("diffflow-rings", 50)
    >>> p = dnf.paths("diffflow-rings", shown, steps=4, units="model")
    >>> p.forward.shape, p.backward.shape
    ((5, 50, 2), (5, 50, 2))
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.exploration.displayed import displayed_points
    from dnf_studio.core.parallel import single_threaded_kernels
    from dnf_studio.core.sde.sample_settings import check_count

    with in_python(), single_threaded_kernels():
        count, flow = check_count(n), as_model(model)
        dataset = _data_of(flow, data)
        if fingerprint is not None and (dataset is None or dataset.fingerprint != fingerprint):
            name = OWN if dataset is None else dataset.name
            raise DataError(f"The data '{name}' is not that with the fingerprint {fingerprint[:12]}…, or has changed.")
        points = displayed_points(flow, dataset, count)
    name = OWN if dataset is None else dataset.name
    return DisplaySet(points, name, flow.standardisation)


def _data_of(flow: GenerativeModel, data: Any) -> Dataset | None:  # noqa: ANN401 - any data
    """The data set whose fresh points are shown; None where that is not here and none was named."""
    from dnf_studio.api.training import source_of
    from dnf_studio.core.data.catalogue import open_configured, open_dataset
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.storage.origins import checkpoint_of, data_known
    from dnf_studio.core.storage.reference_program import UNKNOWN

    if isinstance(data, Dataset):
        return data
    known = data_known(flow)
    if data is None and known is not None:
        return known
    checkpoint = checkpoint_of(flow)
    config, rule = checkpoint.config, checkpoint.data.split
    if (source := source_of(data)) is not None:
        own = config.validation, config.test
        return open_dataset(source, config.drop_constant, *own, rule, config.missing, config.label)
    try:
        return None if config.data == UNKNOWN else open_configured(config, rule)
    except StudioError:
        return None
