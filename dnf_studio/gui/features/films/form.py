"""The settings of a film as controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QToolButton, QWidget

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.films.script import Script
from dnf_studio.gui.features.films.stage import Look
from dnf_studio.gui.features.films.views import View
from dnf_studio.gui.widgets.controls import ChoiceBox, FloatBox, IntBox, label_of

if TYPE_CHECKING:
    from dnf_studio.core.storage.film import FilmPlan

FILTERS = "MP4 (*.mp4);;GIF (*.gif);;WebP (*.webp);;Animated PNG (*.apng *.png)"
FILE_TIP = (
    "Its ending says what it becomes: .mp4, .gif, .webp, .apng or .png; an older file is replaced once this is whole"
)
TIME, TRAINING = "time of the processes", "training"
CLOCK_TIP = "What moves: the time cursor, or the training, by the weights that the run kept, at the time that is shown"
NO_SNAPSHOTS = "There are none of what is shown"
NAMES = {"light": LIGHT, "dark": DARK}


class FilmForm(QWidget):
    """What is shown, how long and how large, and the file."""

    changed = Signal()
    """Anything but the file."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view, self.clock = ChoiceBox({}), ChoiceBox({TIME: TIME, TRAINING: TRAINING})
        self.at = 0.0
        """Where the time cursor of a film over training is."""
        self._ends = 1, 0
        self.first, self.last = IntBox(0, 1), IntBox(0, 1)
        self.seconds, self.hold = FloatBox(0.1, 600), FloatBox(0, 60)
        self.back = QCheckBox("There and &back")
        self.width_box, self.height_box = IntBox(16, 4096), IntBox(16, 4096)
        self.rate, self.letters = IntBox(1, 60), IntBox(50, 300)
        self.title, self._proposed_title = QLineEdit(), ""
        self.colours = ChoiceBox({"light": "light", "dark": "dark"})
        self.target, self.browse = QLineEdit(), QToolButton()
        self._own_target = False
        self._show_defaults(theme)
        self._arrange()
        self._connect()

    def set_views(self, views: list[View]) -> None:
        """Offer these; the one that was chosen by its name stays."""
        before = self.view.currentText()
        with QSignalBlocker(self.view):
            self.view.clear()
            for view in views:
                self.view.addItem(view.title, view)
            self.view.setCurrentIndex(max(0, self.view.findText(before)))

    def set_ends(self, steps: int, snapshots: int) -> None:
        """Films of `steps` steps, or over so many `snapshots` of training; a way over all stays one over all."""
        self._ends = steps, snapshots - 1
        self.clock.setEnabled(snapshots > 1)
        self.clock.setToolTip(CLOCK_TIP if snapshots > 1 else f"{CLOCK_TIP}. {NO_SNAPSHOTS}")
        if snapshots < 2:
            self.clock.show_value(TIME)
        self._fit_ends()

    @Slot()
    def _fit_ends(self) -> None:
        over_training = self.over_training
        steps = self._ends[over_training]
        self.back.setEnabled(not over_training)
        for box in (self.first, self.last):
            box.setSuffix(" of the snapshots" if over_training else "")
        with QSignalBlocker(self.first), QSignalBlocker(self.last):
            for box in (self.first, self.last):
                at_end = box.value() == box.maximum()
                box.setRange(0, steps)
                box.setValue(steps if at_end else box.value())

    def propose(self, stem: str, suffix: str) -> None:
        """Name a file in the working folder, until somebody names another one."""
        if not self._own_target:
            with QSignalBlocker(self.target):
                self.target.setText(str(Path.cwd() / f"{stem}{suffix}"))

    def propose_title(self, title: str) -> None:
        """Write this above the plots, unless somebody has written something else."""
        if self.title.text() in ("", self._proposed_title):
            self.title.setText(title)
        self._proposed_title = title

    @property
    def chosen(self) -> View | None:
        """What is to be shown."""
        view: View | None = self.view.currentData()
        return view

    @property
    def script(self) -> Script:
        """The way through time."""
        return Script(
            self.first.value(),
            self.last.value(),
            self.seconds.value(),
            self.hold.value(),
            self.back.isChecked() and not self.over_training,
            self.rate.value(),
            self.at if self.over_training else None,
        )

    @property
    def over_training(self) -> bool:
        """Whether the film goes through training, at one time of the processes."""
        return bool(self.clock.currentData() == TRAINING)

    @property
    def look(self) -> Look:
        """Size, colours, title and letters."""
        theme = NAMES[self.colours.currentData()]
        size = self.width_box.value(), self.height_box.value()
        return Look(size, theme, self.title.text().strip(), self.letters.value() / 100)

    def plan(self) -> FilmPlan:
        """The file to write; raises `ExportError` where none is named."""
        from dnf_studio.core.storage.film import FilmPlan

        text = self.target.text().strip()
        if not text:
            raise ExportError("Choose a file to write the film to.")
        script = self.script
        return FilmPlan(Path(text).expanduser(), self.look.size, script.rate, sum(1 for _ in script.shots()))

    @Slot()
    def ask_for_file(self) -> bool:
        """Ask for a file; whether one was named. An older one is asked about at Write."""
        name, _ = QFileDialog.getSaveFileName(
            self.window(),
            "Export film to",
            self.target.text(),
            FILTERS,
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.target.setText(str(with_suffix(name, Path(self.target.text()).suffix or ".mp4")))
        return bool(name)

    def _show_defaults(self, theme: Theme) -> None:
        script = Script()
        self.last.setValue(self.last.maximum())
        self.seconds.setValue(script.seconds)
        self.hold.setValue(script.hold)
        self.rate.setValue(script.rate)
        self.width_box.setValue(1280)
        self.height_box.setValue(720)
        self.letters.setValue(100)
        self.colours.show_value(theme.name)
        for box, suffix in ((self.seconds, " s"), (self.hold, " s"), (self.rate, " a second"), (self.letters, " %")):
            box.setSuffix(suffix)
        for box in (self.width_box, self.height_box):
            box.setSuffix(" px")
            box.setSingleStep(2)
        self.letters.setSingleStep(10)

    def _arrange(self) -> None:
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.browse.setText("…")
        self.browse.setToolTip("Choose folder and name of the film")
        self.browse.setAccessibleName("Choose the file")
        for text, tip, *parts in (
            (
                "&View",
                "What the film shows: a plot, both processes, or all plots as they stand in the window",
                self.view,
            ),
            ("Cloc&k", CLOCK_TIP, self.clock),
            ("From &step", "The node of the time grid it begins at, 0 the data, or the snapshot", self.first),
            ("&to step", "The node or snapshot it ends at; one before the first goes back", self.last),
            ("&Length", "Seconds for the way from the first step to the last", self.seconds),
            ("&Hold", "Seconds for which the film stays at either end", self.hold),
            ("", "Go back to the first step the way it came", self.back),
            ("&Width", "Pixels; an MP4 film has even ones", self.width_box),
            ("H&eight", "Pixels; an MP4 film has even ones", self.height_box),
            ("&Frames", "Frames a second; at most 50 of a GIF", self.rate),
            ("Le&tters", "Percent of the size that suits the height of the film", self.letters),
            ("T&itle", "Stands above the plots; nothing leaves them the room", self.title),
            ("&Colours", "Light or dark", self.colours),
            ("Fi&le", FILE_TIP, self.target, self.browse),
        ):
            self._add(rows, text, tip, *parts)

    def _add(self, rows: QFormLayout, text: str, tip: str, *parts: QWidget) -> None:
        if not text:
            parts[0].setToolTip(tip)
            rows.addRow(parts[0])
            return
        label = label_of(parts[0], text, tip)
        if len(parts) == 1:
            rows.addRow(label, parts[0])
            return
        row = QHBoxLayout()
        row.addWidget(parts[0], 1)
        row.addWidget(parts[1])
        rows.addRow(label, row)

    def _connect(self) -> None:
        self.view.currentIndexChanged.connect(self.changed)
        self.clock.currentIndexChanged.connect(self._fit_ends)
        self.clock.currentIndexChanged.connect(self.changed)
        self.colours.currentIndexChanged.connect(self.changed)
        for box in (self.first, self.last, self.width_box, self.height_box, self.rate, self.letters):
            box.valueChanged.connect(self.changed)
        for number in (self.seconds, self.hold):
            number.valueChanged.connect(self.changed)
        self.back.toggled.connect(self.changed)
        self.title.textChanged.connect(self.changed)
        self.browse.clicked.connect(self.ask_for_file)
        self.target.textChanged.connect(self._name_target)

    def _name_target(self) -> None:
        self._own_target = True
