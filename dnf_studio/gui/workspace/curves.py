"""The models that are compared by curves, in one list: those of files, and curves that the lab keeps.

Each has a slot for as long as it is compared, and with it a colour and a mark: what comes or goes changes no other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.session import Session

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.gui.drawing.distances import Cost

MOST = 6
"""Colours and marks that can be told apart."""


@dataclass(frozen=True)
class KeptCurve:
    """One model, or one way to sample it, and the quality of its samples so far."""

    name: str
    data: object
    """What the distances are to and their units: equal where they can be compared; None where there are none yet."""
    rows: tuple[tuple[Cost, Distance], ...]
    """By rising cost."""
    slot: int = 0
    """Number of its colour and mark."""
    path: Path | None = None
    """The file of a model; None of a curve that the lab keeps, of which only the quality is known."""
    sha256: str = ""
    """The sum of the model's tensors."""


class Curves(QObject):
    """At most `MOST` of them, in the order in which they came.

    Which they are stands as numbers in the state, `curves`, so that undo brings back what was taken out; what has been
    measured of them meanwhile stays known.
    """

    changed = Signal()
    """Another one is there, one is gone, or one has other rows."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._known, self._numbers = session, dict[str, KeptCurve](), count(1)
        session.changed.connect(self._follow)

    @property
    def kept(self) -> tuple[KeptCurve, ...]:
        """All of them."""
        return tuple(self._known[number] for number in self._session.state.curves)

    @property
    def models(self) -> tuple[KeptCurve, ...]:
        """Those of files."""
        return tuple(one for one in self.kept if one.path is not None)

    def keep(self, curve: KeptCurve) -> None:
        """Keep a curve of the lab: one of the same name and data gives way, of too many the first one does."""
        same = [one for one in self.kept if one.path is None and (one.name, one.data) == (curve.name, curve.data)]
        others = [one for one in self.kept if one not in same]
        slot = same[0].slot if same else None
        if slot is None and len(others) >= MOST:
            slot = others.pop(0).slot
        self._become((*others, replace(curve, slot=self._free(others) if slot is None else slot)))

    def add(self, models: Sequence[tuple[str, Path, str]]) -> None:
        """Compare these models, too: name, file and sum of each; those that are there already stay.

        Raises `StudioError` where they would be too many, and adds none then.
        """
        self._become(self._with(self.kept, models))

    def begin(self, models: Sequence[tuple[str, Path, str]]) -> None:
        """Compare these models and no others, as the session says that was opened: there is nothing to undo."""
        numbers = self._numbered(self._with((), models))
        self._session.reset(self._session.state.changed({"curves": numbers}))

    def _with(self, before: Sequence[KeptCurve], models: Sequence[tuple[str, Path, str]]) -> tuple[KeptCurve, ...]:
        kept = list(before)
        for name, path, sha256 in models:
            if not any(one.path == path and one.sha256 == sha256 for one in kept):
                # A file that was saved anew is another model in the same place
                kept = [one for one in kept if one.path != path]
                kept.append(KeptCurve(_apart(name, path, kept), None, (), self._free(kept), path, sha256))
        if len(kept) > MOST:
            raise StudioError(
                f"At most {MOST} models are compared at once, and there are {len(before)} already; "
                "take some out of the curves first."
            )
        return tuple(kept)

    def measured(self, sha256: str, data: object, rows: Sequence[tuple[Cost, Distance]]) -> None:
        """Give the models of this sum the quality that was measured; undo does not take that away."""
        before = self.kept
        for number, one in self._known.items():
            if one.path is not None and one.sha256 == sha256:
                self._known[number] = replace(one, data=data, rows=tuple(rows))
        if self.kept != before:
            self.changed.emit()

    def drop(self, slot: int) -> None:
        """Compare this one no more."""
        self._become(tuple(one for one in self.kept if one.slot != slot))

    def clear(self) -> None:
        """Compare nothing."""
        self._become(())

    def _free(self, kept: Sequence[KeptCurve]) -> int:
        taken = {one.slot for one in kept}
        return next(slot for slot in range(len(kept) + 1) if slot not in taken)

    def _become(self, kept: tuple[KeptCurve, ...]) -> None:
        self._session.apply({"curves": self._numbered(kept)})

    def _numbered(self, kept: Sequence[KeptCurve]) -> tuple[str, ...]:
        """The numbers of these; another one has a number that none had before."""
        before = [(number, self._known[number]) for number in self._session.state.curves]
        known = (next((number for number, other in before if other == one), "") for one in kept)
        numbers = tuple(number or str(next(self._numbers)) for number in known)
        self._known |= dict(zip(numbers, kept, strict=True))
        return numbers

    def _follow(self, names: frozenset[str]) -> None:
        if "curves" in names:
            self.changed.emit()


def _apart(name: str, path: Path, kept: Sequence[KeptCurve]) -> str:
    """A name that no other one has: with the folder where files of two folders are called the same."""
    taken = {one.name for one in kept}
    with_folder = f"{name} ({path.parent.name})"
    more = (f"{with_folder} {number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, with_folder, *more) if one not in taken)
