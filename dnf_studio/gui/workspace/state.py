"""What the window is set to: the experiment and how it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from dnf_studio.config import Config
from dnf_studio.config.grids import Nodes, check_grid
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.core.sde.solvers import Solver, missing_grids, solver_in_effect, solvers_for, unused_settings
from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from dnf_studio.core.exploration.lineage import Mode
    from dnf_studio.core.sampling.model import Ability
    from dnf_studio.core.sampling.region import Region
    from dnf_studio.core.sde.sample_settings import Direction

COLOURINGS = ("none", "mode", "angle", "radius", "log-ratio")
CONTOURS = ("model", "exact", "difference", "side")
LAYERS = frozenset({
    "points", "paths", "density", "disagreement", "overlay", "field", "contours", "difference", "density-change",
    "field-change",
})  # fmt: skip
COMPARING = ("split", "overlay", "blink")
FIELDS = ("used", "drift", "score", "backward", "flow")
FIELDS_OF_SCORE = FIELDS[2:]
HEATS = ("none", "magnitude", "divergence")
FIELD_STYLES = ("arrows", "streamlines")
AS_DRAWN = (100, 100)
MOST_DOTS = (400, 150)
"""Greatest diameter and opacity of points, per cent; the least of both is 10."""
POINT_COUNTS = (500, 2_000, 10_000, 50_000, 200_000)
"""How many points the process views may draw; the display set, whose points can be chosen, has 2,000."""
CHOICE = frozenset({"selection", "selection_of", "direction", "start"})
"""Fields of `State` that say which points are selected in which process."""
SAMPLING = frozenset(field.name for field in fields(SampleSettings))
"""Names that `State.changed` and the session take of `State.sampling`."""
OWN_SOLVERS = solvers_for("fields")
"""Solvers of the model that a window begins with."""
PROJECTIONS = ("images", "axes", "principal", "pairs")
UNITS = ("auto", "standardised", "data")
MOST_PAIRS = 8
"""Most components of the pair plot."""


@dataclass(frozen=True)
class State:
    """Everything that undo brings back. Raises `SettingError` where a value cannot be.

    `config` is the experiment that Train starts; the rest only looks at a model.
    """

    config: Config = field(default_factory=Config)
    sampling: SampleSettings = AS_VIEWED
    """How the views carry points through the model: N, time grid, solver, λ, last step, parts, start and the seed of
    the display set, which points and which Brownian paths. `changed` takes them by their own names."""
    draft: Nodes = ()
    """Nodes in the grid editor; empty where it shows the grid of the view."""
    layers: frozenset[str] = frozenset({"points", "paths"})
    field: str = "used"
    """Which vector field the layer shows; ``used`` is the one each process moves its points with."""
    field_style: str = "arrows"
    """How that field is drawn, as ``arrows`` or ``streamlines``."""
    heat: str = "none"
    """Which value of the field colours the background: ``none``, ``magnitude`` or ``divergence``."""
    colouring: str = "none"
    """What colours points and paths: ``none``, the ``mode`` of the data, ``angle`` or ``radius`` of the latent."""
    dots: tuple[int, int] = AS_DRAWN
    """Diameter and opacity of points, per cent of what suits their number."""
    points: int = 2_000
    """How many points the two process views draw, one of `POINT_COUNTS`."""
    contours: str = "model"
    """Whose log-density the layer shows; ``side`` is the model's beside the exact one."""
    axes: tuple[int, int] = (0, 1)
    """Components on the x and the y axis."""
    projection: str = "images"
    """What is drawn of more than two components: ``axes``, a pair of them, the two ``principal`` ones, several of them
    in ``pairs``, or all of them as ``images``, which for points that are none is the same as ``axes``."""
    pairs: tuple[int, ...] = ()
    """Components of the pair plot; empty where nobody has chosen them."""
    units: str = "auto"
    """Whether places are written ``standardised`` or in units of the ``data``; ``auto`` is what suits the data."""
    second: str = ""
    """The model that is compared with the one shown, by its number in `Comparison`; empty for none."""
    curves: tuple[str, ...] = ()
    """The models that are compared by curves, by their numbers in `Curves`, in the order in which they came."""
    comparing: str = "split"
    """How the two are shown: ``split`` side by side, as an ``overlay``, or as a ``blink`` of one and the other."""
    part: int = -1
    """The mode or label whose points alone are shown; −1 shows all."""
    component: int = 0
    """Component of the t–x view; D and D + 1 are the principal ones where D > 2."""
    selection: tuple[int, ...] = ()
    """Chosen points of the display set; the last one is the one the Inspector lists."""
    region: Region | None = None
    """The rectangle or lasso that chose them, in the coordinates of its view; None where they were chosen otherwise."""
    selection_of: Direction = "forward"
    """The process they were chosen in; where the backward one starts from the forward ends they are those of both."""
    direction: Direction = "forward"
    """Which of its two paths the Inspector lists, where the point has two; see `listed`."""

    @property
    def paired(self) -> bool:
        """Whether a forward and a backward point of the same number belong together."""
        return self.sampling.start == "forward"

    @property
    def listed(self) -> Direction:
        """The process whose paths are listed: that of the selection, or one of both where they are pairs."""
        return self.direction if self.paired else self.selection_of

    def chosen_in(self, direction: str) -> tuple[int, ...]:
        """The points that are chosen in the process `direction`."""
        return self.selection if self.paired or self.selection_of == direction else ()

    def choosing(self, points: tuple[int, ...], direction: str, adds: bool = False) -> dict[str, object]:
        """The change that chooses `points` in the process `direction`, the current one last; with `adds` beside what
        is chosen there."""
        kept = tuple(p for p in self.chosen_in(direction) if p not in points) if adds else ()
        return choice((*kept, *points), direction)

    def changed(self, change: Mapping[str, Any]) -> State:
        """A copy with other values of fields of this class and of `sampling`, by their names."""
        sampling = {name: value for name, value in change.items() if name in SAMPLING}
        own: dict[str, Any] = {name: value for name, value in change.items() if name not in SAMPLING}
        if "selection" in own and "region" not in own:
            own["region"] = None
        if sampling:
            own["sampling"] = replace(own.get("sampling", self.sampling), **sampling)
        return replace(self, **own)

    def value(self, name: str) -> Any:  # noqa: ANN401 - as each field has it
        """The value that `changed` takes by this name."""
        return getattr(self.sampling if name in SAMPLING else self, name)

    def afresh(self, config: Config, view: Mapping[str, Any]) -> State:
        """A copy for another document: selection and draft grid of the last one are cleared, `view` is applied."""
        none = {"steps": None, "grid": None, "draft": (), "axes": (0, 1), "projection": "images", "component": 0}
        others = {"pairs": (), "part": -1, "selection": (), "config": config}
        return self.changed({**none, **others}).changed(view)

    def without(self, lacks: Mapping[Ability, str], solvers: tuple[Solver, ...] = OWN_SOLVERS) -> State:
        """A copy with defaults for all that a model that `lacks` these and has these `solvers` cannot do."""
        solver = solver_in_effect(self.sampling.solver, solvers, self.sampling.steps)
        # The model's own is not named where it takes every setting, so that views of two models compare alike
        name = None if solver is solvers[0] and not solver.unused else solver.name
        usual: dict[str, Any] = {name: getattr(AS_VIEWED, name) for name in unused_settings(solver, lacks)}
        if self.sampling.grid in missing_grids(solvers):
            usual["grid"] = None
        state = self.changed({**usual, "solver": name})
        if "score" in lacks:
            state = replace(state, field="drift")
        if "divergence" in lacks:
            heat = "none" if state.heat == "divergence" else state.heat
            state = replace(state, layers=state.layers - {"contours"}, heat=heat)
        return replace(state, layers=state.layers - {"disagreement"}) if "bound" in lacks else state

    def __post_init__(self) -> None:
        if not self.sampling.seed < 2**63:
            raise SettingError(f"The seed of the views must be below 2^63, not {self.sampling.seed}.")
        if self.draft:
            object.__setattr__(self, "draft", check_grid(tuple(self.draft)))
        for direction in (self.direction, self.selection_of):
            if direction not in ("forward", "backward"):
                raise SettingError(f"The direction is either forward or backward, not '{direction}'.")
        if not self.layers <= LAYERS:
            raise SettingError(f"There is no layer named '{min(self.layers - LAYERS)}'.")
        if self.field not in FIELDS:
            raise SettingError(f"There is no field named '{self.field}'.")
        if self.field_style not in FIELD_STYLES:
            raise SettingError(f"A field is drawn as arrows or streamlines, not as '{self.field_style}'.")
        if self.heat not in HEATS:
            raise SettingError(f"The heat map shows none, magnitude or divergence, not '{self.heat}'.")
        if self.colouring not in COLOURINGS:
            raise SettingError(f"Points are coloured by {', '.join(COLOURINGS)}, not '{self.colouring}'.")
        if not all(10 <= share <= most for share, most in zip(self.dots, MOST_DOTS, strict=True)):
            most = " and ".join(f"{share}%" for share in MOST_DOTS)
            raise SettingError(f"Diameter and opacity of points are at least 10% and at most {most}.")
        if self.points not in POINT_COUNTS:
            counts = ", ".join(f"{count:,}" for count in POINT_COUNTS)
            raise SettingError(f"The views draw {counts} points, not {self.points:,}.")
        if self.comparing not in COMPARING:
            raise SettingError(f"Two models are shown as {', '.join(COMPARING)}, not as '{self.comparing}'.")
        if self.contours not in CONTOURS:
            raise SettingError(f"There is no log-density named '{self.contours}'.")
        if self.projection not in PROJECTIONS:
            raise SettingError(f"The projection is {', '.join(PROJECTIONS)}, not '{self.projection}'.")
        if self.units not in UNITS:
            raise SettingError(f"Places are written in {', '.join(UNITS)} units, not in '{self.units}'.")
        if len(self.pairs) > MOST_PAIRS or len(set(self.pairs)) < len(self.pairs):
            raise SettingError(f"The pair plot shows at most {MOST_PAIRS} components, each of them once.")
        if min(*self.axes, self.component, self.part + 1, *self.pairs, min(self.selection, default=0)) < 0:
            raise SettingError("Components and points are numbered from 0.")


def choice(selection: tuple[int, ...], direction: str, of: str | None = None) -> dict[str, object]:
    """The change that chooses these points of the process `direction`, or of the process `of` and lists their paths of
    `direction`."""
    return {"selection": selection, "selection_of": of or direction, "direction": direction}


def after_click(selection: tuple[int, ...], point: int, adds: bool, mode: Mode = "replace") -> tuple[int, ...]:
    """What is chosen after a click on `point`, the current point last.

    It alone; with `adds`, a modifier, one more or less; else as the `mode` of the buttons says.
    """
    if not adds and mode == "replace":
        return (point,)
    others = tuple(other for other in selection if other != point)
    leaves = len(others) < len(selection) if adds else mode == "subtract"
    return others if leaves else (*others, point)
