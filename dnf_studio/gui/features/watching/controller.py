"""The bar that says how a run stands that trains elsewhere, and what becomes of its news."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout

from dnf_studio.core.training.record import Mark
from dnf_studio.gui.drawing.caption import ElidedLabel
from dnf_studio.gui.drawing.words import duration
from dnf_studio.gui.features.watching.following import Joined, News, Puller, followed
from dnf_studio.gui.features.watching.ranks import RanksPlot
from dnf_studio.gui.workspace.opening import RUN_FOLDER, run_folder_of
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.storage.snapshots import KeptWeights

PLOT = "ranks"
MINUTE = 60.0
TOLD = (
    "A run is stale where no line of its record came for ten times as long as they usually are apart, and for ten "
    "seconds at least, since this window looks; clocks of two machines are never compared."
)
ENDS = {
    "done": "has ended at iteration {}",
    "stopped": "was stopped at iteration {}; it can be gone on with",
    "diverged": "has diverged; its last good state is that of iteration {}",
}


class WatchingController(QObject):
    """Opens the folder of a run and follows it until something else is opened; it is idle in every other window."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio = workspace, workspace.studio
        self._following = Newest(self._studio.background)
        self._title, self._joined = "", False
        self._shown_at = 0
        self._news = News()
        self._kept: tuple[KeptWeights, ...] = ()
        self._marks: dict[tuple[int, str], Mark] = {}
        self._last: Joined | None = None
        self.bar = WatchingBar()
        workspace.add_bar(self.bar)
        workspace.files.openers[RUN_FOLDER] = lambda name: self.open(name)
        self._studio.opened.connect(self._opened)
        self._beside, self._beside_source = Newest(self._studio.background), ""
        workspace.comparison.changed.connect(self._follow_second)

    @property
    def _ranks(self) -> RanksPlot:
        return cast(RanksPlot, self._workspace.plots[PLOT])

    @property
    def shown(self) -> bool:
        """Whether the views show the run that is followed."""
        current = self._studio.current
        return bool(self._title) and current is not None and self._is_own(current.kind, current.shown.title)

    def open(self, folder: str) -> None:
        """Show the run in `folder` live, once no unsaved run of the window would be lost."""
        path = run_folder_of(folder) or Path(folder)
        title = path.absolute().name or str(path)
        self._workspace.files.when_safe(lambda: self.follow(path, title))

    def follow(self, folder: Path, title: str, puller: Puller | None = None) -> None:
        """Show the run that lies in `folder`, or is brought there by `puller`, and follow it."""
        self._title, self._joined, self._news, self._last = title, False, News(), None
        self._kept = ()
        self._marks.clear()
        self._ranks.clear()
        self._workspace.plots.offer(PLOT, False)
        self._following.start(
            lambda check: followed(folder, title, check, puller), self._take, self._failed, lambda _whole: None
        )
        self._say()

    def _take(self, what: Joined | News) -> None:
        if not self._title:
            return
        if isinstance(what, Joined):
            self._join(what)
        else:
            self._note(what)
        self._say()

    def _join(self, joined: Joined) -> None:
        """Show the first weights, or what the run came to; while one looks back, once one comes back to now."""
        if self.shown and self._studio.past.shown is not None:
            self._last = joined
            return
        self._last = None
        if self._joined:
            self._show(joined, {})
        else:
            # A run of the window's own may have begun while the first weights were waited for
            self._workspace.files.when_safe(lambda: self._show(joined, None))

    def _show(self, joined: Joined, view: dict[str, object] | None) -> None:
        """Show the model, looked at as before with a `view`."""
        self._joined = True
        self._shown_at = joined.opened.checkpoint.iteration if joined.opened.checkpoint is not None else 0
        self._studio.take(joined.opened, view)
        self._follow_snapshots()

    def _note(self, news: News) -> None:
        self._news = news
        if not self.shown:
            return
        if self._last is not None and self._studio.past.shown is None:
            self._join(self._last)
        opened = self._studio.current
        if news.snapshot is not None and opened is not None:
            snapshot, checkpoint = news.snapshot
            self._shown_at = checkpoint.iteration
            newer = replace(opened, snapshot=snapshot, checkpoint=checkpoint, config=checkpoint.config)
            if checkpoint.config.sde != opened.config.sde:
                self._studio.take(newer, {})
            else:
                self._studio.renew(newer)
        if news.reports:
            self._workspace.live.reported.emit(news.reports)
            self._marks |= {(mark.iteration, mark.name): mark for report in news.reports for mark in report.marks}
            self._ranks.append(news.reports)
            self._workspace.plots.offer(PLOT, bool(self._ranks.ranks))
        if news.kept is not None:
            self._kept = news.kept
        self._follow_snapshots()
        if news.iteration and opened is not None and opened.held:
            self._studio.progressed.emit(news.iteration, news.rate, news.left)

    def _follow_snapshots(self) -> None:
        """Give the training cursor what there is; where no snapshot is as new as the weights, now is right of all."""
        iteration = max(self._shown_at, *(each.iteration for each in self._kept[-1:]), 0)
        self._studio.look_back.follow(self._kept, iteration, tuple(self._marks.values()))

    def _failed(self, error: Exception) -> None:
        """It is no run, or none that can be read here: what was shown before stays."""
        self._title = ""
        self.bar.hide()
        self._studio.failed.emit(error)

    @Slot(object)
    def _opened(self, opened: object) -> None:
        """Something else is shown: follow no longer."""
        if not self._joined or self.shown or not self._title:
            return
        self._title = ""
        self._following.cancel()
        self._workspace.plots.offer(PLOT, False)
        self.bar.hide()

    @Slot()
    def _follow_second(self) -> None:
        """Follow B, too, where that is a run: it goes on beside A."""
        second = self._workspace.comparison.second
        source = "" if second is None or second.opened.kind != "run" else second.opened.source
        if source == self._beside_source:
            return
        self._beside_source = source
        if second is None or not source:
            self._beside.cancel()
            return
        title = second.opened.shown.title
        self._beside.start(
            lambda check: followed(Path(source), title, check), self._renew_second, self._workspace.studio.failed.emit
        )

    def _renew_second(self, what: Joined | News) -> None:
        second = self._workspace.comparison.second
        if isinstance(what, News) and what.snapshot is not None and second is not None:
            snapshot, checkpoint = what.snapshot
            self._workspace.comparison.renew(replace(second.opened, snapshot=snapshot, checkpoint=checkpoint))

    def _is_own(self, kind: str, title: str) -> bool:
        return kind == "run" and title == self._title

    def _say(self) -> None:
        sentence, warns = self.sentence()
        self.bar.say(sentence, warns)
        self.bar.setVisible(bool(self._title))

    def sentence(self) -> tuple[str, bool]:
        """How the run stands, and whether something is not as usual."""
        news, name = self._news, self._title
        if not self.shown:
            parts = [f"{name} is about to begin; its first weights are waited for", news.trouble, news.pulled]
            return " · ".join(part.rstrip(".") for part in parts if part), bool(news.trouble)
        if news.ended:
            how = ENDS.get(news.ended, "has ended at iteration {}, by an error that its own terminal tells")
            return " · ".join(filter(None, [f"{name} {how.format(f'{news.iteration:,}')}", news.pulled])), False
        parts = [f"Watching {name}", f"iteration {news.iteration:,}"]
        if news.steps:
            parts[-1] += f", N = {news.steps}"
        if self._shown_at != news.iteration:
            parts.append(f"shown are the weights of {self._shown_at:,}")
        if news.trouble:
            parts.append(f"{news.trouble.rstrip('.')}; trying again")
        elif news.gone:
            parts.append("its process is no more; train --resume goes on with it")
        elif news.stale:
            usual = f", usually one every {_long(news.usual)}" if news.usual >= 1 else ""
            parts.append(f"stale: no line for {_long(news.quiet)}{usual}")
        return " · ".join([*parts, *([news.pulled] if news.pulled else [])]), bool(news.trouble) or news.stale


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < MINUTE else duration(seconds)


class WatchingBar(QFrame):
    """``Watching rings · iteration 1,200, N = 30 · shown are the weights of 1,150``, framed where it is stale."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Run that trains elsewhere")
        self.text = ElidedLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 8, 3)
        row.addWidget(self.text, 1)
        self.hide()

    def say(self, sentence: str, warns: bool) -> None:
        """Show how the run stands; what `warns` has a frame."""
        if sentence != self.text.text():
            self.text.setText(sentence)
            self.text.setToolTip(f"<qt>{escape(sentence)}.<br>{TOLD}</qt>")
            self.setAccessibleDescription(sentence)
        name = "keep" if warns else ""
        if name != self.objectName():
            self.setObjectName(name)
            self.style().unpolish(self)
            self.style().polish(self)
