"""The pictures of one model's log-density: computed in a thread, from coarse to fine, and the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from dnf_studio.errors import Check
from dnf_studio.workers.background import Background, Newest, Work

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.log_density import Extent, LogDensity
    from dnf_studio.workers.snapshot import Snapshot

KEPT = 8
"""Number of pictures kept, which are not computed again."""
Question = tuple["Snapshot", "Extent", "Dataset | None"]


class Pictures:
    """Answers the newest question by handing pictures to `show`, each with whether a finer one follows.

    A zoom into a fine picture does not make it coarse again. Where a question is not to be answered `whole`, because a
    model trains, there is one coarse picture.
    """

    def __init__(
        self,
        background: Background,
        show: Callable[[LogDensity, bool], None],
        failed: Callable[[Exception], None],
        ended: Callable[[], None],
    ) -> None:
        self.task = Newest(background)
        self.kept: OrderedDict[tuple[object, ...], LogDensity] = OrderedDict()
        self.asked: Question | None = None
        """What is shown or comes; None where that is to be looked at anew."""
        self.began = 0.0
        """When the last question was asked, by `perf_counter`."""
        self.whole = True
        self._show, self._failed, self._ended = show, failed, ended
        self._drawn: LogDensity | None = None
        self._drawn_of: Question | None = None

    def ask(self, question: Question | None, whole: bool) -> None:
        """Show what this asks for; None asks for nothing."""
        if question is None:
            self.asked = None
            self.task.cancel()
            return
        found = self.kept.get(_key(question))
        done = found is not None and (found.complete or not whole)
        same = self.asked is not None and _key(self.asked) == _key(question)
        if same and (done or (self.task.running and whole == self.whole)):
            return
        self.asked, self.whole = question, whole
        if found is not None:
            self.kept.move_to_end(_key(question))
            self._draw(found, not done)
        if done:
            self.task.cancel()
            return
        self.began = perf_counter()
        self.task.start(_work(question, whole, found), self.take, self._failed, lambda _all: self._ended())

    def clear(self) -> None:
        """What was drawn is gone, and nothing more is wanted."""
        self.asked = self._drawn = self._drawn_of = None
        self.task.cancel()

    def take(self, found: LogDensity) -> None:
        """Keep and show this answer."""
        if self.asked is None:
            return
        if not self.whole:
            # No finer one follows while the model trains, but it does, of the same weights, once it rests
            found = replace(found, complete=False)
        self.kept[_key(self.asked)] = found
        self.kept.move_to_end(_key(self.asked))
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        refining = self.whole and not found.complete
        if self._drawn is not None and self._finer(self._drawn, found):
            self._show(self._drawn, refining)
        else:
            self._draw(found, refining)

    def _draw(self, found: LogDensity, refining: bool) -> None:
        self._drawn, self._drawn_of = found, self.asked
        self._show(found, refining)

    def _finer(self, drawn: LogDensity, found: LogDensity) -> bool:
        """Whether what is `drawn` shows all that is seen, of the same weights and data, finer than `found`."""
        of, asked = self._drawn_of, self.asked
        if of is None or asked is None or (of[0].version, of[2]) != (asked[0].version, asked[2]):
            return False
        holds = (
            of[1][0] <= asked[1][0] and of[1][1] <= asked[1][1] and of[1][2] >= asked[1][2] and of[1][3] >= asked[1][3]
        )
        return holds and bool(drawn.x[1] - drawn.x[0] <= found.x[1] - found.x[0])


def _key(question: Question) -> tuple[object, ...]:
    snapshot, extent, data = question
    return snapshot.version, extent, data


def _work(question: Question, whole: bool, begun: LogDensity | None) -> Work[LogDensity]:
    """One kernel thread and one coarse picture while a model trains, else two and all of them."""

    def work(check: Check) -> Iterator[LogDensity]:
        from dnf_studio.core.exploration.log_density import SIZES, log_densities
        from dnf_studio.core.hardware import choose_hidden_type
        from dnf_studio.core.parallel import worker_threads

        snapshot, extent, data = question
        threads = min(2, worker_threads()) if whole else 1
        hidden = choose_hidden_type("auto", snapshot.flow.timestamps.device)
        return log_densities(snapshot.flow, extent, check, data, threads, SIZES if whole else SIZES[:1], begun, hidden)

    return work
