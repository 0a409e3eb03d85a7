"""Curves and numbers of up to six models: loss, disagreement, quality, likelihood, and which of them is better."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.errors import SettingError
from dnf_studio.gui.drawing.distances import MARKS
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.drawing.words import breakable
from dnf_studio.gui.features.runs.curve_tabs import CurveTabs
from dnf_studio.gui.features.runs.measuring import Measuring
from dnf_studio.gui.features.runs.numbers import Row, number_columns
from dnf_studio.gui.features.runs.verdict import verdicts
from dnf_studio.gui.widgets.controls import ChoiceBox, caption, label_of, say_for_a_moment
from dnf_studio.gui.widgets.table import CopyTable, TableModel
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import parse_steps

STEPS = "5, 10, 20"
NOTHING = (
    'Nothing is compared yet: <a href="open" style="color:{}">take what is open</a>, or choose up to six runs in the '
    "table and press To the curves."
)
MEASURES: dict[str, tuple[str, ...]] = {
    "Quality": ("quality",),
    "Disagreement": ("excess",),
    "Likelihood": ("bound", "ode"),
    "Loss": (),
}
"""What Measure finds, by the tab that is in front."""


class CurvesPage(QWidget):
    """Four plots in tabs, sentences and a table; all follow `workspace.curves`."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._curves, self._commands = workspace.curves, workspace.commands
        self.measuring = Measuring(workspace)
        self._theme = LIGHT
        self.tabs = CurveTabs(self._curves, self.measuring)
        self._make_controls()
        self._make_numbers()
        self._arrange()
        self.measuring.changed.connect(self._follow)
        self.tabs.currentChanged.connect(lambda _place: self._follow())
        self.tabs.steps.returnPressed.connect(self.measure)
        self._follow()

    def set_theme(self, theme: Theme) -> None:
        """Recolour plots, names and table."""
        self._theme = theme
        self.tabs.set_theme(theme)
        self.model.set_theme(theme)
        self._name()

    def showEvent(self, event: QShowEvent) -> None:
        """What is seen is up to date."""
        super().showEvent(event)
        self._follow()

    def _make_controls(self) -> None:
        self.names = QLabel()
        self.names.setTextFormat(Qt.TextFormat.RichText)
        self.names.setWordWrap(True)
        self.names.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.names.setToolTip("Each model keeps its colour and mark; × takes it out")
        self.names.linkActivated.connect(self._follow_link)
        self.go, self.cancel = QPushButton("&Measure"), QPushButton("Cancel")
        self.go.clicked.connect(self.measure)
        self.cancel.clicked.connect(self.measuring.cancel)
        self.cancel.setToolTip("Stop; what has been found stays")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("Progress of the measuring")
        self.progress.setToolTip("How much of what was asked for is measured")
        self.told, self.problem = caption(), caption(warning=True)
        self.problem.hide()

    def _make_numbers(self) -> None:
        self.beside = ChoiceBox({})
        self.beside_label = label_of(self.beside, "&Beside", "The model that all others are held against")
        self.beside.chosen.connect(lambda _slot: self._tell())
        self.copy, self.copy_words = QPushButton("Cop&y numbers"), QPushButton("Copy &words")
        self.copy.setToolTip("Copy the table as text, for a spreadsheet or a paper")
        self.copy_words.setToolTip("Copy the sentences")
        self.copy_words.clicked.connect(self._copy_words)
        self.model = TableModel()
        self.table = CopyTable(self.model, self.copy)
        self.table.setAccessibleName("Numbers of the models")
        self.table.setToolTip("One row a model; a click on a head sorts, Ctrl+C copies")
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAccessibleName("What the numbers say")
        self.words.setMargin(4)
        self.sentences = QScrollArea()
        self.sentences.setWidgetResizable(True)
        self.sentences.setWidget(self.words)
        self.sentences.setFrameShape(QScrollArea.Shape.NoFrame)
        self.sentences.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def _arrange(self) -> None:
        work, below = QHBoxLayout(), QHBoxLayout()
        work.addWidget(self.progress, 1)
        work.addWidget(self.cancel)
        work.addWidget(self.go)
        below.addWidget(self.beside_label)
        below.addWidget(self.beside, 1)
        below.addWidget(self.copy_words)
        below.addWidget(self.copy)
        self.beside.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        for part, share in ((self.tabs, 5), (self.sentences, 3), (self.table, 2)):
            split.addWidget(part)
            split.setStretchFactor(split.count() - 1, share)
        for part in (self.sentences, self.table):
            part.setMinimumHeight(60)
        split.setSizes([500, 220, 180])
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.names)
        column.addLayout(work)
        for label in (self.told, self.problem):
            column.addWidget(label)
        column.addWidget(split, 1)
        column.addLayout(below)

    def measure(self) -> None:
        """Find what the tab in front lacks."""
        try:
            steps = parse_steps(self.tabs.steps.text())
        except SettingError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        self.problem.hide()
        self.measuring.start(MEASURES[self.tabs.title], steps)

    @Slot()
    def _follow(self) -> None:
        if not self.isVisible():
            return
        self._name()
        self._show_work()
        self.tabs.draw()
        rows = [
            Row(one.slot, self.measuring.standing(one), self.measuring.excess(one.sha256)) for one in self._curves.kept
        ]
        heads = [column.head for column in self.model.columns]
        self.model.set_columns(number_columns(rows) if rows else [])
        self.table.fit_columns(anew=[column.head for column in self.model.columns] != heads)
        names = {one.name: one.slot for one in self._curves.kept}
        self.beside.set_choices(dict(names))
        self._tell()

    def _name(self) -> None:
        """The legend of all plots: mark, name, and what takes it out."""
        each = []
        for one in self._curves.kept:
            # A name stays on one line
            name = escape(one.name).replace(" ", "&nbsp;").replace("-", "&#8209;")
            colour = self._theme.curves[one.slot]
            link = f'<a style="color:{self._theme.muted};text-decoration:none" href="{one.slot}">×</a>'
            each.append(f'<span style="color:{colour}">{MARKS[one.slot][0]}</span>&nbsp;{name}&nbsp;{link}')
        self.names.setText(" &nbsp; ".join(each) or NOTHING.format(self._theme.accent))

    @Slot(str)
    def _follow_link(self, link: str) -> None:
        """Take what is open, or out the model of a slot."""
        if link == "open":
            self._commands["take-model"].trigger()
        else:
            self._curves.drop(int(link))

    def _show_work(self) -> None:
        work, what = self.measuring, MEASURES[self.tabs.title]
        try:
            lacking = bool(what) and bool(work.wanted(what, parse_steps(self.tabs.steps.text())))
        except SettingError:
            lacking = True
        self.go.setEnabled(lacking and not work.running)
        self.go.setToolTip(_measure_tip(self.tabs.title, lacking))
        self.cancel.setEnabled(work.running)
        self.progress.setRange(0, max(1, work.total) if work.running else 1)
        self.progress.setValue(work.done if work.running else 0)
        faults = [f"{one.name}: {why}" for one in self._curves.models if (why := work.missing(one, what))]
        if work.now is not None:
            names = {one.sha256: one.name for one in self._curves.models}
            at = "" if work.now.steps is None else f" at N = {work.now.steps}"
            self.told.setText(f"Measuring {work.done + 1} of {work.total}: {names.get(work.now.sha256, '')}{at}.")
        else:
            # The line stays while there is nothing to say: the tabs below are not to move under the mouse
            self.told.setText(breakable(" ".join(faults)) or " ")

    def _tell(self) -> None:
        kept, slot = self._curves.kept, self.beside.currentData()
        own = next((one for one in kept if one.slot == slot), None)
        if own is None or len(kept) < 2:
            self.words.setText("Two models or more are held against each other here." if kept else "")
        else:
            others = [self.measuring.standing(one) for one in kept if one is not own]
            self.words.setText("\n\n".join(verdicts(self.measuring.standing(own), others)))
        self.copy_words.setEnabled(len(kept) > 1)

    def _copy_words(self) -> None:
        QGuiApplication.clipboard().setText(self.words.text())
        say_for_a_moment(self.copy_words, "Copied")


def _measure_tip(title: str, lacking: bool) -> str:
    if title == "Loss":
        return "Losses stand in the files; there is nothing to measure"
    if not lacking:
        return "Everything here is measured"
    return {
        "Quality": "Compare 40,000 samples of each model and N with fresh data",
        "Disagreement": "Find the excess of each step of each model, by its own ODE",
        "Likelihood": "Find bounds and NLLs of fresh data with their errors, which no file holds",
    }[title]
