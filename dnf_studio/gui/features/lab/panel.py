"""The discretisation lab: is N, the grid, λ or the last step the cause of what is seen, and how likely is data?"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QTabWidget, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.lab.levels import LastPage, LevelsPage
from dnf_studio.gui.features.lab.likelihood import LikelihoodPage
from dnf_studio.gui.features.lab.page import LabPage
from dnf_studio.gui.features.lab.paths import PathsPage
from dnf_studio.gui.features.lab.runner import LabRunner
from dnf_studio.gui.features.lab.steps import StepsPage
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import Study

PAGES: dict[str, tuple[Callable[[Workspace], LabPage], str, bool]] = {
    "Steps": (StepsPage, "Errors along the same paths and quality of samples for several N", False),
    "Paths": (PathsPage, "Paths at View N over those of the finest grid", False),
    "λ": (LevelsPage, "Samples for λ from 0, the ODE, to 2", True),
    "Last step": (LastPage, "The last step by its mean and with its noise", True),
    "Likelihood": (LikelihoodPage, "How likely points are that training does not see, by bound and ODE", False),
}
"""How each is made, its tooltip, and whether it is about the noise of a model."""
NO_MODEL = "Open a model or press Train; its discretisation is examined here."


class LabPanel(QWidget):
    """Five pages, each with a study of the newest weights that is computed when it is first seen and by Compute.

    What a page shows stays while weights or settings change, and is marked as out of date.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.runner = LabRunner(workspace)
        self.pages: dict[str, LabPage] = {}
        self._theme: Theme | None = None
        self._shown: dict[LabPage, Study] = {}
        self._asked: dict[LabPage, Study] = {}
        self._left: set[Study] = set()
        self._drawn: tuple[object, ...] = ()
        self._make()
        self._connect()

    def set_theme(self, theme: Theme) -> None:
        """Recolour every page."""
        self._theme = theme
        for page in self.pages.values():
            page.set_theme(theme)

    def compute(self) -> None:
        """Compute the page in front for the newest weights and the settings as they are."""
        page, context = self._page(), self.runner.context()
        page.take_typed()
        study = page.study(context.snapshot.version) if context is not None else None
        if context is not None and study is not None:
            running = self.runner.running
            if running is not None and running != study:
                self._left.add(running)
            self._left.discard(study)
            self._asked[page] = study
            self.runner.ask(study, context)
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """The page that is seen for the first time is made, and computed."""
        super().showEvent(event)
        self._begin()

    def _make(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for title in PAGES:
            holder = QWidget()
            QVBoxLayout(holder).setContentsMargins(0, 0, 0, 0)
            self.tabs.addTab(holder, title)
        self._show_lacks()
        self.told, self.problem = caption(), caption(warning=True)
        # Two lines, so that nothing below moves when the words change
        self.told.setMinimumHeight(2 * self.told.fontMetrics().lineSpacing())
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.problem.hide()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("Progress of the study")
        self.button, self.cancel = QPushButton("&Compute"), QPushButton("Cancel")
        self.button.setToolTip("Compute this page for the newest weights and settings")
        self.cancel.setToolTip("Stop; what has been found stays")
        row = QHBoxLayout()
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.told)
        column.addWidget(self.problem)
        column.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        workspace = self._workspace
        self.button.clicked.connect(lambda: self.compute())
        self.cancel.clicked.connect(self.runner.cancel)
        self.tabs.currentChanged.connect(self._turned)
        self.runner.changed.connect(self._changed)
        self.runner.failed.connect(self._complain)
        workspace.session.changed.connect(self._follow)
        workspace.session.lacks_changed.connect(self._show_lacks)
        workspace.live.frame_shown.connect(self._framed)
        workspace.studio.opened.connect(self._opened)

    def _show_lacks(self) -> None:
        """Grey the pages about noise of a model that has none."""
        reason = self._workspace.session.lacks.get("noise")
        for place, (_, tip, noise) in enumerate(PAGES.values()):
            self.tabs.setTabEnabled(place, not (noise and reason))
            self.tabs.setTabToolTip(place, reason if noise and reason else tip)

    def _page(self) -> LabPage:
        """The page in front, made when it is first seen."""
        title = self.tabs.tabText(self.tabs.currentIndex())
        page = self.pages.get(title)
        if page is None:
            page = self.pages[title] = PAGES[title][0](self._workspace)
            layout = self.tabs.currentWidget().layout()
            assert layout is not None
            layout.addWidget(page)
            page.wanted.connect(self.compute)
            page.altered.connect(self._refresh)
            if self._theme is not None:
                page.set_theme(self._theme)
        return page

    def _begin(self) -> None:
        """See to the page that is seen; one that comes is made in the next turn, for with its plots it takes as long as
        the dock itself, or another page."""
        if not self.isVisible():
            return
        if self.tabs.tabText(self.tabs.currentIndex()) in self.pages:
            self._go_on()
        else:
            QTimer.singleShot(0, self, self._go_on)

    @Slot()
    def _go_on(self) -> None:
        """Compute a page of a trained model that has nothing to show, and go on with one that was left for another."""
        current, page = self._workspace.studio.current, self._page()
        trained = current is not None and current.shown.trained
        if self.isVisible() and trained and (page not in self._asked or self._now(page) in self._left):
            self.compute()
        else:
            self._refresh()

    def _now(self, page: LabPage) -> Study | None:
        """The study that Compute would ask for."""
        context = self.runner.context()
        return page.study(context.snapshot.version) if context is not None else None

    def _refresh(self) -> None:
        """Draw the page in front if it has changed, and say how it stands."""
        page = self._page()
        now = self._now(page)
        for study in (self._asked.get(page), now):
            # What was there before stays until something else is
            if study is not None and self.runner.results(study):
                self._shown[page] = study
        shown = self._shown.get(page)
        results = self.runner.results(shown)
        state = self._workspace.session.state
        drawn = (page, shown, len(results), *(state.value(name) for name in sorted(page.views)))
        if drawn != self._drawn:
            self._drawn = drawn
            page.show_results(shown, results)
        running = self.runner.running
        here = running is not None and running == self._asked.get(page)
        self.cancel.setEnabled(here)
        self.button.setEnabled(now is not None and now != running)
        if here and running is not None:
            self._say(running, f"Computing {{place}} of {{total}}: {page.words(running)}.", False)
        elif shown is None:
            self._say(None, NO_MODEL if self.runner.context() is None else "Nothing is computed yet.", False)
        elif now is None:
            self._say(shown, f"Computed with {page.words(shown)}.", False)
        elif shown != now:
            difference = "other settings" if shown.weights == now.weights else self._weights[1]
            words = f"Out of date: {page.words(shown)}, {difference}. Compute does it again."
            self._say(shown, words, True)
        elif not self.runner.complete(shown):
            self._say(shown, f"Stopped after {{done}} of {{total}}: {page.words(shown)}.", False)
        else:
            self._say(shown, f"{self._weights[0]}, {page.words(shown)}.", False)

    @property
    def _weights(self) -> tuple[str, str]:
        """What the weights that are shown are called, and those of an older study."""
        past = self._workspace.studio.look_back.shown
        if past is None:
            return "Newest weights", "earlier weights"
        return f"Weights after iteration {past.kept.iteration:,}", "other weights"

    def _say(self, study: Study | None, words: str, warns: bool) -> None:
        """One sentence, and the progress of `study`."""
        done, total = (0, 1) if study is None else (len(self.runner.results(study)), self.runner.total(study))
        # Before the first result nobody knows how far it is
        self.progress.setRange(0, 0 if study is not None and study == self.runner.running and not done else total)
        self.progress.setValue(done)
        if self.told.property("warning") != warns:
            self.told.setProperty("warning", warns)
            self.told.setProperty("caption", not warns)
            self.told.style().polish(self.told)
        text = words.format(done=done, place=min(done + 1, total), total=total)
        if self.told.text() != text:
            self.told.setText(text)

    @Slot(int)
    def _turned(self, _place: int) -> None:
        self._begin()

    @Slot(object)
    def _changed(self, study: Study) -> None:
        if self.runner.complete(study):
            self._left.discard(study)
        self._refresh()

    @Slot(str)
    def _complain(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    @Slot(object)
    def _framed(self, _frame: object) -> None:
        if self.isVisible():
            self._refresh()

    @Slot(object)
    def _opened(self, _opened: object) -> None:
        """Forget the results: nothing of another model is compared with this one."""
        for kept in (self._shown, self._asked, self._left):
            kept.clear()
        # An empty page of another model may have something else to say
        self._drawn = ()
        self._begin()

    def _follow(self, _names: frozenset[str]) -> None:
        if self.isVisible():
            self._refresh()
