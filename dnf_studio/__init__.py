"""DNF Studio: diffusion normalizing flows, trained, watched, taken apart and exported.

The public names load on first use (PEP 562), so ``import dnf_studio`` costs neither Qt nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnf_studio.api import (
        DisplaySet,
        Export,
        Paths,
        datasets,
        display_set,
        evaluate,
        export,
        fit_steps,
        load,
        open_checkpoint,
        open_export,
        paths,
        report,
        train,
    )
    from dnf_studio.api.registering import register_dataset, register_network
    from dnf_studio.api.registering_methods import register_model, register_solver
    from dnf_studio.config import Config
    from dnf_studio.core.evaluation.evaluate import Evaluation
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.models.wrapped.adapters import from_denoiser, from_epsilon, from_score
    from dnf_studio.core.models.wrapped.sdes import wrap
    from dnf_studio.core.models.wrapped.velocity import from_velocity
    from dnf_studio.core.training.few_steps import StepFit
    from dnf_studio.core.training.record import StepReport
    from dnf_studio.core.training.run import Run
    from dnf_studio.errors import StudioError
    from dnf_studio.link.verbs import show, watch
    from dnf_studio.link.watch import Watch

__version__ = "0.1.0"

__all__ = [
    "Config",
    "DisplaySet",
    "Evaluation",
    "Export",
    "GenerativeModel",
    "Paths",
    "Run",
    "StepFit",
    "StepReport",
    "StudioError",
    "Watch",
    "__version__",
    "datasets",
    "display_set",
    "evaluate",
    "export",
    "fit_steps",
    "from_denoiser",
    "from_epsilon",
    "from_score",
    "from_velocity",
    "load",
    "open_checkpoint",
    "open_export",
    "paths",
    "register_dataset",
    "register_model",
    "register_network",
    "register_solver",
    "report",
    "show",
    "train",
    "watch",
    "wrap",
]

_HOMES = {
    "Config": "dnf_studio.config",
    "DisplaySet": "dnf_studio.api",
    "Evaluation": "dnf_studio.core.evaluation.evaluate",
    "Export": "dnf_studio.api",
    "GenerativeModel": "dnf_studio.core.models.base",
    "Paths": "dnf_studio.api",
    "Run": "dnf_studio.core.training.run",
    "StepFit": "dnf_studio.core.training.few_steps",
    "StepReport": "dnf_studio.core.training.record",
    "StudioError": "dnf_studio.errors",
    "Watch": "dnf_studio.link.watch",
    "datasets": "dnf_studio.api",
    "display_set": "dnf_studio.api",
    "evaluate": "dnf_studio.api",
    "export": "dnf_studio.api",
    "fit_steps": "dnf_studio.api",
    "from_denoiser": "dnf_studio.core.models.wrapped.adapters",
    "from_epsilon": "dnf_studio.core.models.wrapped.adapters",
    "from_score": "dnf_studio.core.models.wrapped.adapters",
    "from_velocity": "dnf_studio.core.models.wrapped.velocity",
    "load": "dnf_studio.api",
    "open_checkpoint": "dnf_studio.api",
    "open_export": "dnf_studio.api",
    "paths": "dnf_studio.api",
    "register_dataset": "dnf_studio.api.registering",
    "register_model": "dnf_studio.api.registering_methods",
    "register_network": "dnf_studio.api.registering",
    "register_solver": "dnf_studio.api.registering_methods",
    "report": "dnf_studio.api",
    "show": "dnf_studio.link.verbs",
    "train": "dnf_studio.api",
    "watch": "dnf_studio.link.verbs",
    "wrap": "dnf_studio.core.models.wrapped.sdes",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - it stands for every public name
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
