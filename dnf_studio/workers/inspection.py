"""The numbers of the point that a person looks at, anew with everything that changes them."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from dnf_studio.workers.frames import FrameRequest, Inspection, InspectRequest
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from dnf_studio.workers.passes import Passes

__all__ = ["InspectionWatch"]


class InspectionWatch:
    """Keeps what is asked, what is shown and what has been answered; the newest answer is in `mailbox`."""

    def __init__(self) -> None:
        self.mailbox: Mailbox[Inspection] = Mailbox()
        self._asked: InspectRequest | None = None
        self._shown: FrameRequest | None = None
        self._answered: tuple[object, ...] = ()

    def ask(self, asked: InspectRequest | None) -> None:
        """Inspect this path from now on, or none; may be called from any thread."""
        self._asked = asked

    def show(self, shown: FrameRequest | None) -> None:
        """The frame of this request is what the views show now."""
        self._shown = shown

    @property
    def pending(self) -> bool:
        """Whether somebody waits for an answer."""
        asked, shown = self._asked, self._shown
        if asked is None or shown is None:
            return False
        return any(a is not b for a, b in zip_longest(_question(asked, shown), self._answered))

    def answer(self, passes: Passes) -> None:
        """Compute the numbers in the caller's thread; what fails is raised, and not tried again."""
        asked, shown = self._asked, self._shown
        if asked is None or shown is None:
            return
        self._answered = _question(asked, shown)
        found = passes.inspect(shown, asked)
        if found is not None:
            self.mailbox.put(found)


def _question(asked: InspectRequest, shown: FrameRequest) -> tuple[object, ...]:
    """The key of all that the numbers of a point depend on."""
    return asked, shown.snapshot, shown.request, shown.data
