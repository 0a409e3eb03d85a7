"""Where in its training a model is shown: as it is now, or as it was after an earlier iteration."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from dnf_studio.core.training.record import Mark

if TYPE_CHECKING:
    from dnf_studio.core.storage.snapshots import KeptWeights


class TrainingCursor(QObject):
    """A position among the snapshots of a run: one of them, or now, which is at the right of the last.

    It is the second clock beside the time cursor, and like that it belongs to all views and is not undone. While it
    stands at a snapshot a run that goes on moves nothing but `now`. A snapshot that is thinned out meanwhile stays
    shown; the place of it is then between those that are left.
    """

    moved = Signal(object)
    """The `KeptWeights` that are to be shown from now on, or None for now."""
    listed = Signal()
    """`kept`, `now` or `marks` are others than before."""
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: tuple[KeptWeights, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._now = 0
        self._shown: KeptWeights | None = None
        self._playing = False

    @property
    def kept(self) -> tuple[KeptWeights, ...]:
        """The snapshots there are, in order; each can be read in a thread (`KeptWeights.read`)."""
        return self._kept

    @property
    def iterations(self) -> list[int]:
        """The iterations of `kept`."""
        return [each.iteration for each in self._kept]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What changed while the run went on, and the stages of a progressive one."""
        return self._marks

    @property
    def now(self) -> int:
        """The iteration that the run has come to."""
        return self._now

    @property
    def shown(self) -> KeptWeights | None:
        """The snapshot that is shown; None for the model as it is now."""
        return self._shown

    @property
    def iteration(self) -> int | None:
        """The iteration that is looked back at; None for now."""
        return None if self._shown is None else self._shown.iteration

    @property
    def place(self) -> int:
        """The number of what is shown among the snapshots, or how many there are for now."""
        return len(self._kept) if self._shown is None else bisect_left(self.iterations, self._shown.iteration)

    @property
    def usable(self) -> bool:
        """Whether there is anything to look back at."""
        return bool(self._kept)

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._playing

    @property
    def words(self) -> str:
        """What is shown, such as ``iteration 400 of 2,310``; empty for now."""
        return "" if self._shown is None else f"iteration {self._shown.iteration:,} of {self._now:,}"

    def set_kept(self, kept: Sequence[KeptWeights], now: int, marks: Sequence[Mark] = ()) -> None:
        """Follow the run that is shown, which stands at iteration `now`; where that fell behind what is shown, go
        there.
        """
        if (tuple(kept), now, tuple(marks)) == (self._kept, self._now, self._marks):
            return
        self._kept, self._now, self._marks = tuple(kept), now, tuple(marks)
        if self._shown is not None and (self._shown.iteration > now or not self._kept):
            self.to_now()
        self.listed.emit()

    def clear(self) -> None:
        """Another model is shown, of which nothing is kept."""
        self.to_now()
        self.set_kept((), 0)

    def go(self, place: int) -> None:
        """Show the snapshot of this number; at or beyond their count the model as it is now."""
        place = max(0, place)
        shown = self._kept[place] if place < len(self._kept) else None
        if shown is not self._shown:
            self._shown = shown
            self.moved.emit(shown)

    def go_to(self, iteration: int | None) -> None:
        """Show the snapshot nearest to this iteration, or now with None or beyond the last one."""
        if iteration is None or iteration >= self._now or not self._kept:
            self.go(len(self._kept))
            return
        place = bisect_left(self.iterations, iteration)
        beside = [each for each in (place - 1, place) if 0 <= each < len(self._kept)]
        self.go(min(beside, key=lambda each: abs(self._kept[each].iteration - iteration)))

    def look_at(self, iteration: int) -> None:
        """Stop playing and show the snapshot nearest to this iteration."""
        self.set_playing(False)
        self.go_to(iteration)

    def to_now(self) -> None:
        """Stop playing and show the model as it is now."""
        self.set_playing(False)
        self.go(len(self._kept))

    def jump(self, place: int) -> None:
        """Stop playing and show the snapshot of this number."""
        self.set_playing(False)
        self.go(place)

    def step(self, count: int) -> None:
        """Go `count` snapshots on, or back where it is negative, and stop playing."""
        place = self.place
        between = self._shown is not None and place < len(self._kept) and self._kept[place] is not self._shown
        self.jump(place + count - (1 if between and count > 0 else 0))

    def set_playing(self, playing: bool) -> None:
        """Play or stop; from now it begins at the first snapshot."""
        playing = playing and self.usable
        if playing == self._playing:
            return
        self._playing = playing
        if playing and self._shown is None:
            self.go(0)
        self.playing_changed.emit(playing)

    def advance(self) -> None:
        """Go one snapshot on as playing does, which ends at now; nothing while stopped."""
        if not self._playing:
            return
        if self.place + 1 >= len(self._kept):
            self.to_now()
        else:
            self.go(self.place + 1)
