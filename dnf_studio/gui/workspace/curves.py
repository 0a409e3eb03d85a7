"""The models that are compared by curves, in one list: those of files, and curves that the lab keeps.

Each has a slot for as long as it is compared, and with it a colour and a mark: what comes or goes changes no other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from dnf_studio.errors import StudioError

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
    """At most `MOST` of them, in the order in which they came."""

    changed = Signal()
    """Another one is there, one is gone, or one has other rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: tuple[KeptCurve, ...] = ()

    @property
    def kept(self) -> tuple[KeptCurve, ...]:
        """All of them."""
        return self._kept

    @property
    def models(self) -> tuple[KeptCurve, ...]:
        """Those of files."""
        return tuple(one for one in self._kept if one.path is not None)

    def keep(self, curve: KeptCurve) -> None:
        """Keep a curve of the lab: one of the same name and data gives way, of too many the first one does."""
        same = [one for one in self._kept if one.path is None and (one.name, one.data) == (curve.name, curve.data)]
        others = [one for one in self._kept if one not in same]
        slot = same[0].slot if same else None
        if slot is None and len(others) >= MOST:
            slot = others.pop(0).slot
        self._become((*others, replace(curve, slot=self._free(others) if slot is None else slot)))

    def add(self, models: Sequence[tuple[str, Path, str]]) -> None:
        """Compare these models, too: name, file and sum of each; those that are there already stay.

        Raises `StudioError` where they would be too many, and adds none then.
        """
        kept = list(self._kept)
        for name, path, sha256 in models:
            if not any(one.path == path and one.sha256 == sha256 for one in kept):
                # A file that was saved anew is another model in the same place
                kept = [one for one in kept if one.path != path]
                kept.append(KeptCurve(_apart(name, path, kept), None, (), self._free(kept), path, sha256))
        if len(kept) > MOST:
            raise StudioError(
                f"At most {MOST} models are compared at once, and there are {len(self._kept)} already; "
                "take some out of the curves first."
            )
        self._become(tuple(kept))

    def measured(self, sha256: str, data: object, rows: Sequence[tuple[Cost, Distance]]) -> None:
        """Give the models of this sum the quality that was measured."""
        self._become(
            tuple(
                replace(one, data=data, rows=tuple(rows)) if one.path is not None and one.sha256 == sha256 else one
                for one in self._kept
            )
        )

    def drop(self, slot: int) -> None:
        """Compare this one no more."""
        self._become(tuple(one for one in self._kept if one.slot != slot))

    def clear(self) -> None:
        """Compare nothing."""
        self._become(())

    def _free(self, kept: Sequence[KeptCurve]) -> int:
        taken = {one.slot for one in kept}
        return next(slot for slot in range(len(kept) + 1) if slot not in taken)

    def _become(self, kept: tuple[KeptCurve, ...]) -> None:
        if kept != self._kept:
            self._kept = kept
            self.changed.emit()


def _apart(name: str, path: Path, kept: Sequence[KeptCurve]) -> str:
    """A name that no other one has: with the folder where files of two folders are called the same."""
    taken = {one.name for one in kept}
    with_folder = f"{name} ({path.parent.name})"
    more = (f"{with_folder} {number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, with_folder, *more) if one not in taken)
