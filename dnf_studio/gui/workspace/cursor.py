"""The time cursor that all views share, and how it plays."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from dnf_studio.gui.drawing.words import node_at

SWEEP_SECONDS = 4.0
REST_SECONDS = 0.6
CALM_SECONDS = 0.2
"""Least time between two moves where motion is reduced."""


class TimeCursor(QObject):
    """The position of all views between the data (0) and the noise (1).

    It is kept as a fraction of the way in steps, so that it stays where it is when N changes.
    Played, it moves to the noise and, where `loop` is on, back to the data and on, resting a
    moment at both ends.
    """

    moved = Signal(float)
    """The position in node units, 0 … N."""
    playing_changed = Signal(bool)
    loop_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fraction = 0.0
        self._steps = 1
        self._playing = False
        self._loop = True
        self._heading = 1
        self._rest = 0.0
        self._calm = False
        self._held = 0.0

    @property
    def fraction(self) -> float:
        """The position as a fraction: 0 at the data … 1 at the noise, in steps."""
        return self._fraction

    @property
    def steps(self) -> int:
        """N, the number of steps of what is shown."""
        return self._steps

    @property
    def position(self) -> float:
        """The position in node units, 0 … N."""
        return self._fraction * self._steps

    @property
    def node(self) -> int:
        """The node the cursor is at or has passed last, 0 … N."""
        return node_at(self.position)

    @property
    def playing(self) -> bool:
        """Whether it moves by itself."""
        return self._playing

    @property
    def loop(self) -> bool:
        """Whether playing turns round at the ends instead of stopping."""
        return self._loop

    def set_steps(self, steps: int) -> None:
        """Show `steps` steps from now on; the fraction stays."""
        if steps != self._steps:
            self._steps = max(1, steps)
            self.moved.emit(self.position)

    def go(self, position: float) -> None:
        """Move to `position` in node units; outside 0 … N it is the nearer end."""
        fraction = min(1.0, max(0.0, position / self._steps))
        if fraction != self._fraction:
            self._fraction = fraction
            self.moved.emit(self.position)

    def jump(self, position: float) -> None:
        """Go to `position` and stop playing."""
        self.set_playing(False)
        self.go(position)

    def step(self, count: int) -> None:
        """Go to the next whole step in the direction of `count` (−1 or 1), and stop playing."""
        self.set_playing(False)
        near = round(self.position)
        whole = abs(self.position - near) < 1e-6
        start = near if whole else int(self.position) + (0 if count > 0 else 1)
        self.go(start + count)

    def set_playing(self, playing: bool) -> None:
        """Play or stop; playing from the noise without loop begins again at the data."""
        if playing == self._playing:
            return
        self._playing = playing
        self._rest = 0.0
        if playing and not self._loop:
            self._heading = 1
            if self._fraction >= 1:
                self.go(0)
        self.playing_changed.emit(playing)

    def set_loop(self, loop: bool) -> None:
        """Set whether playing turns round at the ends."""
        if loop != self._loop:
            self._loop = loop
            self._heading = self._heading if loop else 1
            self.loop_changed.emit(loop)

    def set_calm(self, calm: bool) -> None:
        """Set whether playing goes in whole steps, at most five times a second."""
        self._calm, self._held = calm, 0.0

    def advance(self, seconds: float) -> None:
        """Move as playing for `seconds` does; nothing while stopped."""
        if not self._playing:
            return
        if self._rest > 0:
            self._rest -= seconds
            return
        part = self._heading * seconds / SWEEP_SECONDS
        target = self._fraction + part if not self._calm else self._next_whole(seconds)
        if target is None:
            return
        self.go(target * self._steps)
        if 0 < target < 1:
            return
        if self._loop:
            self._heading = -1 if target >= 1 else 1
            self._rest = REST_SECONDS
        elif target >= 1:
            self.set_playing(False)

    def _next_whole(self, seconds: float) -> float | None:
        """The next position in whole steps, or None until it is time for them."""
        self._held += seconds
        if self._held < max(CALM_SECONDS, SWEEP_SECONDS / self._steps):
            return None
        count = max(1, round(self._held * self._steps / SWEEP_SECONDS))
        self._held = 0.0
        return (round(self.position) + self._heading * count) / self._steps
