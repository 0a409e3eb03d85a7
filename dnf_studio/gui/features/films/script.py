"""What a film shows when: the way of one of two clocks as a row of pictures, each of which stays for some frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dnf_studio.errors import SettingError

MOST_FRAMES = 36_000
"""Twenty minutes at 30 a second: who asks for more has mistyped a number."""


@dataclass(frozen=True)
class Moment:
    """What one picture shows."""

    position: float
    """Where the time cursor is, in node units, 0 … N; between two nodes the points are on their way."""
    place: float | None = None
    """How many snapshots after the first one the training is, of a film over that; else None."""


@dataclass(frozen=True)
class Script:
    """The way through the time of the processes, or through training."""

    first: int = 0
    """The node, or the number of the snapshot, that it begins at; one after `last` goes back."""
    last: int = 30
    seconds: float = 8.0
    """From the first to the last one."""
    hold: float = 1.0
    """Seconds for which it stays at either end."""
    back: bool = False
    """Whether it comes back to where it began."""
    rate: int = 30
    """Frames a second."""
    at: float | None = None
    """The position of the time cursor in a film over training; None for one over the time of the processes."""

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return sum(stays for _, stays in self.shots())

    def check(self) -> None:
        """Raise `SettingError` where there is no way to go, or one too long to be meant."""
        if self.first == self.last:
            what = "step" if self.at is None else "snapshot of the training"
            raise SettingError(f"A film goes from one {what} to another one; choose two.")
        most = (2 if self.back else 1) * self.seconds * self.rate + 3 * self.hold * self.rate
        if most > MOST_FRAMES:
            raise SettingError(f"A film has at most {MOST_FRAMES:,} frames, not {most:,.0f}; make it shorter.")

    def shots(self) -> Iterator[tuple[Moment, int]]:
        """Each picture with the number of frames for which it stays."""
        places = np.linspace(self.first, self.last, max(2, round(self.seconds * self.rate)))
        stays = np.ones(len(places), int)
        stays[[0, -1]] += round(self.hold * self.rate)
        if self.back:
            places, stays = np.append(places, places[-2::-1]), np.append(stays, stays[-2::-1])
        for place, count in zip(places.tolist(), stays.tolist(), strict=True):
            yield Moment(place) if self.at is None else Moment(self.at, abs(place - self.first)), count
