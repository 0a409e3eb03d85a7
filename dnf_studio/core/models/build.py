"""From the name of a model to the model."""

from __future__ import annotations

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.sde.grid import TimeGrid

MODELS: dict[str, type[GenerativeModel]] = {model.kind: model for model in (DiffFlow, Diffusion, Flow, Matching)}
"""The class of each kind of model. Plug-ins add theirs."""


def build_model(
    dim: int,
    config: Config,
    standardisation: Standardisation | None = None,
    grid: TimeGrid | None = None,
    image: ImageShape | None = None,
) -> GenerativeModel:
    """The model that `config` names, with first weights from torch's global generator.

    Raises `UnsupportedError` for networks that need images where `image` says that points are none.
    """
    return MODELS[config.model](dim, config, standardisation, grid, image)
