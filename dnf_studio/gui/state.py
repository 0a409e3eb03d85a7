"""What the window is set to: the experiment and how it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from dnf_studio.config import MAX_STEPS, Config
from dnf_studio.errors import SettingError

__all__ = ["FIELDS", "HEATS", "LAYERS", "State"]

LAYERS = frozenset({"points", "paths", "density", "disagreement", "overlay", "field"})
FIELDS = ("used", "drift", "score", "backward", "flow")
HEATS = ("none", "magnitude", "divergence")
PROJECTIONS = ("axes", "principal")
GRIDS = (None, "reference", "paper", "uniform")


@dataclass(frozen=True)
class State:
    """Everything that undo brings back. Raises `SettingError` where a value cannot be.

    `config` is the experiment that Train starts; the rest only looks at a model.
    """

    config: Config = field(default_factory=Config)
    steps: int | None = None
    """View N; None is the model's own."""
    grid: str | None = None
    """Time grid of the view; None is the model's own."""
    lam: float = 1.0
    """λ of the backward process, 0 (probability flow) … 2."""
    last: str = "noise"
    """Last backward step: ``mean`` leaves its noise out."""
    seed: int = 0
    """Seed of the display set: which points and which Brownian paths."""
    layers: frozenset[str] = frozenset({"points", "paths"})
    field: str = "used"
    """Which vector field the layer shows; ``used`` is the one each process moves its points with."""
    heat: str = "none"
    """What of it is coloured below: ``none``, ``magnitude`` or ``divergence``."""
    axes: tuple[int, int] = (0, 1)
    """Components across and up."""
    projection: str = "axes"
    """What is drawn of more than two components: ``axes``, a pair of them, or the two ``principal`` ones."""
    component: int = 0
    """Component of the t–x view; D and D + 1 are the principal ones where D > 2."""
    selection: tuple[int, ...] = ()
    """Chosen points of the display set; the last one is the one the Inspector lists."""
    direction: str = "forward"
    """Which of its two paths: ``forward`` or ``backward``."""

    def __post_init__(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise SettingError(f"View N must be between 1 and {MAX_STEPS:,}, not {self.steps}.")
        if self.grid not in GRIDS:
            raise SettingError(f"The time grid '{self.grid}' is not one of reference, paper and uniform.")
        if not (isfinite(self.lam) and 0 <= self.lam <= 2):
            raise SettingError(f"λ must be between 0 and 2, not {self.lam}.")
        if self.last not in ("mean", "noise"):
            raise SettingError(f"The last step is either mean or noise, not '{self.last}'.")
        if self.direction not in ("forward", "backward"):
            raise SettingError(f"The direction is either forward or backward, not '{self.direction}'.")
        if not 0 <= self.seed < 2**63:
            raise SettingError(f"The seed must be a whole number of 0 or more, not {self.seed}.")
        if not self.layers <= LAYERS:
            raise SettingError(f"There is no layer named '{min(self.layers - LAYERS)}'.")
        if self.field not in FIELDS:
            raise SettingError(f"There is no field named '{self.field}'.")
        if self.heat not in HEATS:
            raise SettingError(f"The heat map shows none, magnitude or divergence, not '{self.heat}'.")
        if self.projection not in PROJECTIONS:
            raise SettingError(f"The projection is either axes or principal, not '{self.projection}'.")
        if min(*self.axes, self.component, min(self.selection, default=0)) < 0:
            raise SettingError("Components and points are numbered from 0.")
