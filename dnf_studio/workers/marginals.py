"""Forward against backward marginals of a frame, computed in the explorer's thread.

Imports no torch by itself, so the window may know it from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnf_studio.errors import Cancelled, cancel_when
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from dnf_studio.core.exploration.marginals import Marginals


@dataclass(frozen=True, eq=False)
class Comparison:
    """The distances of one frame."""

    frame: Frame
    marginals: Marginals
    moved: Marginals | None = None
    """One row: samples of the part of the backward process that is shown against those of the whole of it, from
    the same latents and noise; None where the whole is shown."""


class MarginalsWorker:
    """Compares the marginals of the newest frame given to `ask`; the result is in `found`."""

    def __init__(self) -> None:
        self.found: Mailbox[Comparison] = Mailbox()
        self._asked: Frame | None = None

    def ask(self, frame: Frame | None) -> None:
        """Let this frame wait, in place of another one; None: none."""
        self._asked = frame

    @property
    def waiting(self) -> bool:
        """Whether there is something to compare."""
        return self._asked is not None

    def run(self, cancelled: Callable[[], bool]) -> None:
        """Compare what waits; once `cancelled()` it goes on waiting, unless a newer frame came."""
        from dnf_studio.core.exploration.marginals import FEWEST, compare_marginals

        frame = self._asked
        if frame is None:
            return
        check = cancel_when(lambda: cancelled() or self._asked is not frame)
        try:
            if frame.forward.shape[1] >= FEWEST:
                whole = frame.whole
                moved = None if whole is None else compare_marginals(whole[None], frame.backward[:1], check)
                marginals = compare_marginals(frame.forward, frame.backward, check)
                self.found.put(Comparison(frame, marginals, moved))
        except Cancelled:
            return
        except Exception:
            self._forget(frame)
            raise
        self._forget(frame)

    def _forget(self, frame: Frame) -> None:
        if self._asked is frame:
            self._asked = None
