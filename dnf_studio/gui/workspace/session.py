"""The one state of the window, its only writer, and undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from dnf_studio.config import flatten
from dnf_studio.core.sde.solvers import Solver, solver_in_effect, unused_settings
from dnf_studio.errors import SettingError
from dnf_studio.gui.workspace.cursor import TimeCursor
from dnf_studio.gui.workspace.state import OWN_SOLVERS, SAMPLING, State

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability

MERGE_SECONDS = 1.0
DEPTH = 200
AS_IMAGES = "Images are shown in place of points: View, Show as images goes back to the points"
AS_PAIRS = "The pair plot is shown in place of one plane: View, Pair plot goes back to the plane"
NO_PLANE = "Data of one component has no plane to show this in: its paths are drawn over the steps"
NAMES = SAMPLING.union(field.name for field in fields(State)) - {"config", "sampling"}
"""Names that `changed` may contain, apart from single settings of the experiment."""


class Session(QObject):
    """Holds one `State`; `apply` is the only way to change it, apart from undo, redo and another file (`reset`).

    The time cursor is not part of the state and not undoable; it hangs here because every view
    shares it.
    """

    changed = Signal(object)
    """What changed: a frozenset of names, those of `State`, of its `sampling` and ``config.…`` for single
    settings."""
    lacks_changed = Signal()
    """Another model is shown, which cannot do the same, has other solvers or other data."""
    names_grew = Signal()
    """Plug-ins have registered what settings can be: kinds of model and of network, solvers."""
    undo_changed = Signal(bool, bool)
    """Whether there is something to undo and to redo."""

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(parent)
        self._state = State()
        self._lacks: Mapping[Ability, str] = {}
        self._known_effective: tuple[tuple[object, ...], State] | None = None
        self._solvers, self._dim, self._images, self._table = OWN_SOLVERS, 2, False, False
        self._clock = clock
        self._past: list[State] = []
        self._future: list[State] = []
        self._last_names: frozenset[str] = frozenset()
        self._last_time = 0.0
        self._gesture: object = None
        self.cursor = TimeCursor(self)

    @property
    def state(self) -> State:
        """The state as it is now."""
        return self._state

    @property
    def lacks(self) -> Mapping[Ability, str]:
        """What the model shown cannot do, and why in one sentence."""
        return self._lacks

    @property
    def effective(self) -> State:
        """The state as far as the model shown can have it."""
        made_of = self._state, self._lacks, self._solvers
        known = self._known_effective
        # Asked for some eight times by each change, and with every move of the cursor where fields are shown
        if known is None or any(a is not b for a, b in zip(known[0], made_of, strict=True)):
            known = self._known_effective = made_of, self._state.without(self._lacks, self._solvers)
        return known[1]

    @property
    def solvers(self) -> tuple[Solver, ...]:
        """Solvers that the model shown can be sampled with, its own choice first."""
        return self._solvers

    @property
    def solver(self) -> Solver:
        """Solver of the backward process of the model shown."""
        return solver_in_effect(self._state.sampling.solver, self._solvers, self._state.sampling.steps)

    @property
    def dim(self) -> int:
        """D, the number of components of the data shown."""
        return self._dim

    @property
    def unused(self) -> Mapping[str, str]:
        """Settings of the view, by their names, that mean nothing to the model and the solver shown, and why."""
        return unused_settings(self.solver, self._lacks)

    @property
    def no_plane(self) -> str | None:
        """Why the process views show no plane that layers could be drawn on; None where they do."""
        if self._images and self._state.projection == "images":
            return AS_IMAGES
        if self.in_pairs:
            return AS_PAIRS
        return NO_PLANE if self._dim == 1 else None

    @property
    def in_pairs(self) -> bool:
        """Whether the pair plot is shown: of data with one component there is none."""
        return self._state.projection == "pairs" and self._dim > 1

    @property
    def data_units(self) -> bool:
        """Whether places are written in the units of the data; unless somebody chose, of tables they are."""
        return self._state.units == "data" or (self._state.units == "auto" and self._table)

    def set_lacks(
        self,
        lacks: Mapping[Ability, str],
        solvers: tuple[Solver, ...] = OWN_SOLVERS,
        dim: int = 2,
        images: bool = False,
        table: bool = False,
    ) -> None:
        """Note what the model shown `lacks`, its solvers, the components of its data, and what kind that is of."""
        known = self._lacks, self._solvers, self._dim, self._images, self._table
        if (lacks, solvers, dim, images, table) != known:
            self._lacks, self._solvers = lacks, solvers
            self._dim, self._images, self._table = dim, images, table
            self.lacks_changed.emit()

    def apply(self, change: Mapping[str, Any], gesture: object = None) -> frozenset[str]:
        """Change what `change` names and return the names of what is different now.

        Keys are the names of `State` and of its `sampling`; single settings of the experiment are ``config.sde.steps``
        or nested mappings under ``config``. Either all of it is applied or, with `SettingError`,
        nothing. Quick successive changes of the same one number, as a slider makes them, are one
        step of undo; so are those of one `gesture`, such as a drag, whatever they change.
        """
        new = _with(self._state, change)
        names = _differences(self._state, new)
        if not names:
            return names
        now = self._clock()
        quick = names == self._last_names and now - self._last_time < MERGE_SECONDS
        same = gesture is not None and gesture == self._gesture
        self._last_names, self._last_time, self._gesture = names, now, gesture
        if not (self._past and (same or (quick and _is_slid(self._state, new, names)))):
            self._past.append(self._state)
            del self._past[:-DEPTH]
        elif self._past[-1] == new:
            self._past.pop()
            self._forget()
        self._future.clear()
        self._become(new, names)
        return names

    def undo(self) -> None:
        """Go back one step; nothing where there is none."""
        self._travel(self._past, self._future)

    def redo(self) -> None:
        """Take the last undo back; nothing where there is none."""
        self._travel(self._future, self._past)

    def reset(self, state: State) -> None:
        """Begin anew from `state`, with nothing to undo: another file was opened."""
        names = _differences(self._state, state)
        self._past.clear()
        self._future.clear()
        self._forget()
        self._become(state, names)

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return bool(self._future)

    def _travel(self, source: list[State], target: list[State]) -> None:
        if not source:
            return
        target.append(self._state)
        new = source.pop()
        self._forget()
        self._become(new, _differences(self._state, new))

    def _forget(self) -> None:
        """Let the next change be an undo step of its own, whatever was changed last."""
        self._last_names, self._gesture = frozenset(), None

    def _become(self, new: State, names: frozenset[str]) -> None:
        self._state = new
        if names:
            self.changed.emit(names)
        self.undo_changed.emit(self.can_undo, self.can_redo)


def _with(state: State, change: Mapping[str, Any]) -> State:
    """`state` with `change`; raises `SettingError` for names and values that cannot be."""
    plain: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for key, value in change.items():
        if key.startswith("config."):
            settings[key.removeprefix("config.")] = value
        elif key == "config" and isinstance(value, Mapping):
            settings |= flatten(value)
        elif key in NAMES | {"config", "sampling"}:
            plain[key] = value
        else:
            raise SettingError(f"There is no setting named '{key}'.")
    if settings:
        plain["config"] = plain.get("config", state.config).changed(settings)
    return state.changed(plain)


def _differences(old: State, new: State) -> frozenset[str]:
    """Names of what differs, single settings of the experiment as ``config.…``."""
    names = {name for name in NAMES if old.value(name) != new.value(name)}
    if old.config != new.config:
        before, after = flatten(old.config.model_dump()), flatten(new.config.model_dump())
        names |= {f"config.{name}" for name in after if before[name] != after[name]}
    return frozenset(names)


def _is_slid(old: State, new: State, names: frozenset[str]) -> bool:
    """Whether `names` is a single setting, a number in both states, as a slider changes it."""

    def is_number(state: State) -> bool:
        first, *rest = next(iter(names)).split(".")
        value = state.value(first)
        for part in rest:
            value = getattr(value, part)
        return isinstance(value, int | float) and not isinstance(value, bool)

    return len(names) == 1 and is_number(old) and is_number(new)
