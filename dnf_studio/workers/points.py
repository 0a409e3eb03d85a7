"""The numbers along the path of one point, asked for once and answered whenever what is shown changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING

from dnf_studio.workers.frames import FrameRequest, Inspection, InspectRequest
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from dnf_studio.workers.passes import Passes


class PointWatch:
    """Answers the newest question on a point, in float64, for what is shown; used in the explorer's thread.

    Only `ask` may be called from another one. It calls `tell` when there is an answer.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.mailbox: Mailbox[Inspection] = Mailbox()
        self._tell = tell
        self._asked: InspectRequest | None = None
        self._answered: tuple[object, ...] = ()

    def ask(self, asked: InspectRequest | None) -> None:
        """Answer this from now on; None stops it."""
        self._asked = asked

    def pending(self, shown: FrameRequest | None) -> bool:
        """Whether there is a question without its answer for what is `shown`."""
        asked = self._asked
        if asked is None or shown is None:
            return False
        return any(a is not b for a, b in zip_longest(_key(asked, shown), self._answered))

    def answer(self, passes: Passes, shown: FrameRequest | None) -> None:
        """Leave the answer in `mailbox`; nothing for a point that is not shown."""
        asked = self._asked
        if asked is None or shown is None:
            return
        self._answered = _key(asked, shown)
        found = passes.inspect(shown, asked)
        if found is not None:
            self.mailbox.put(found)
            self._tell()


def _key(asked: InspectRequest, shown: FrameRequest) -> tuple[object, ...]:
    """The key of all that the numbers of a point depend on."""
    return asked, shown.snapshot, shown.request, shown.data
