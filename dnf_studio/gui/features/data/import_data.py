"""Choose data: which array of a file and which of its columns, with what speaks against some of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.gui.features.data.column_table import ColumnTable
from dnf_studio.gui.features.data.reading import ReadingDialog
from dnf_studio.gui.widgets.controls import ChoiceBox, caption, heading
from dnf_studio.workers.background import Background

if TYPE_CHECKING:
    from dnf_studio.core.data.arrays import ArrayInfo
    from dnf_studio.core.data.describe import Description

MOST_NAMED = 8
MISSING = {"Leave out their rows": True, "Leave out their columns": False}
READING = "Reading… every value is looked at, which takes a while for a large file."


class ImportDialog(ReadingDialog):
    """Reads a data file in the background and, where there is something to choose, asks.

    `chosen` comes once at most: with the file as it is where there is nothing to choose, or where it
    cannot be read, so that opening it tells why. The array `inside` is chosen at first.
    """

    def __init__(
        self, path: Path, background: Background, parent: QWidget | None = None, inside: str | None = None
    ) -> None:
        super().__init__(path, background, parent)
        self.setWindowTitle("Choose data")
        self.resize(980, 540)
        self._reading, self._number, self._first = True, 0, inside
        self._found: Description | None = None
        self.title = heading(path.name)
        self.array = ChoiceBox({})
        self.array.setToolTip("Which array inside the file; rows are points, columns their components")
        self.array.setAccessibleName("Array inside the file")
        self.table = ColumnTable()
        self.label, self.missing = ChoiceBox({}), ChoiceBox(MISSING)
        self.label.setToolTip(
            "A column of text or whole numbers that says what each row is called: it colours the points, and no "
            "component is made of it"
        )
        self.label.setAccessibleName("Label")
        self.missing.setToolTip(
            "What is done where a value is missing or not finite: NA, nan, ?, NULL or nothing at all"
        )
        self.missing.setAccessibleName("Missing values")
        self.all, self.none = QPushButton("&All"), QPushButton("&None")
        self.preview, self.problem = caption(), caption(warning=True)
        self._arrange()
        self.array.chosen.connect(self.read)
        self.table.changed.connect(self._preview)
        self.label.chosen.connect(self.table.set_label)
        self.missing.chosen.connect(self.table.leave_out)
        self.all.clicked.connect(lambda: self.table.tick_all(True))
        self.none.clicked.connect(lambda: self.table.tick_all(False))
        self.read(inside)

    def read(self, inside: str | None) -> None:
        """Describe this array in the background, or the one that seems meant; the newest reading counts."""
        self._number += 1
        number, path = self._number, self._path
        self._reading = True
        self._preview()

        def work() -> Description:
            from dnf_studio.core.data.describe import describe

            return describe(path, inside, lambda: number != self._number)

        self._background.run(work, self._answer(number, self._show), self._answer(number, self._failed))

    def accept(self) -> None:
        """Open what is chosen."""
        from dnf_studio.core.data.describe import column_name, source_of

        found = self._found
        if found is not None and self.ok.isEnabled():
            chosen, label = self._columns(), self.label.currentData()
            missing = "drop-rows" if self._lost(found, chosen) != 0 else "error"
            named = None if label is None else column_name(found, label)
            self.data_settings = {"missing": missing, "label": named}
            self._finish(source_of(found, chosen, label))

    def _arrange(self) -> None:
        self.picker = QWidget()
        row = QHBoxLayout(self.picker)
        row.setContentsMargins(0, 0, 0, 0)
        label = QLabel("A&rray")
        label.setBuddy(self.array)
        row.addWidget(label)
        row.addWidget(self.array, 1)
        self.picker.hide()
        self.choices = QWidget()
        row = QHBoxLayout(self.choices)
        row.setContentsMargins(0, 0, 0, 0)
        self._missing_label = QLabel("&Missing values")
        for label, box in ((QLabel("&Label"), self.label), (self._missing_label, self.missing)):
            label.setBuddy(box)
            row.addWidget(label)
            row.addWidget(box)
            row.addSpacing(12)
        row.addStretch(1)
        foot = QHBoxLayout()
        for button, tip in ((self.all, "Tick every column that can be used"), (self.none, "Tick no column")):
            button.setToolTip(tip)
            button.setAutoDefault(False)
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(self.buttons)
        self.ok.setToolTip("Show an untrained model of the chosen columns, ready to train")
        column = QVBoxLayout(self)
        column.setSpacing(10)
        for part in (self.title, self.picker, self.problem):
            column.addWidget(part)
        column.addWidget(self.table, 1)
        column.addWidget(self.choices)
        column.addWidget(self.preview)
        column.addLayout(foot)
        self.problem.hide()

    def _answer(self, number: int, then: Callable[..., None]) -> Callable[..., None]:
        """`then`, unless something newer was asked or the dialog has ended."""
        return lambda value: then(value) if number == self._number and isValid(self) else None

    def _show(self, found: Description) -> None:
        if self._found is None and found.simple:
            self._finish(str(self._path) if self._first is None else f"{self._path}::{self._first}")
            return
        self._reading, self._found = False, found
        self._offer(found.arrays, found.inside)
        self._offer_choices(found)
        self._complain(found.problem)
        self._preview()
        self._come_up()
        self.table.setFocus()

    def _failed(self, error: Exception) -> None:
        if self._found is None:
            self._finish(str(self._path))
            return
        self._reading, self._found = False, None
        self.table.show_columns(())
        self._complain(str(error))
        self._preview()

    def _offer(self, arrays: tuple[ArrayInfo, ...], inside: str | None) -> None:
        """The arrays to choose from, those that cannot be used greyed with the reason."""
        self.picker.setVisible(len(arrays) > 1)
        self.array.set_choices({_array_label(info): info.name for info in arrays})
        model = self.array.model()
        for index, info in enumerate(arrays):
            if info.problem and isinstance(model, QStandardItemModel):
                model.item(index).setEnabled(False)
        self.array.show_value(inside)

    def _offer_choices(self, found: Description) -> None:
        """The columns, and what can be done with those of labels and with missing values."""
        from dnf_studio.core.data.describe import rows_left

        labels = {f"{info.name} ({info.distinct:,})": i for i, info in enumerate(found.columns) if info.distinct}
        self.label.set_choices({"none": None, **labels})
        self.label.show_value(None)
        gaps = [i for i, info in enumerate(found.columns) if info.gaps and not info.without_gaps]
        usable = [i for i, info in enumerate(found.columns) if not info.without_gaps]
        # Columns that are mostly empty would take most of the rows with them
        left = rows_left(found, usable)
        rows = bool(gaps) and (left is None or 2 * left >= found.rows)
        self.missing.show_value(rows)
        for part in (self._missing_label, self.missing):
            part.setVisible(bool(gaps) or any(info.gaps and info.distinct for info in found.columns))
        self.choices.setVisible(bool(found.columns))
        self.table.show_columns(found.columns, rows)

    def _lost(self, found: Description, chosen: tuple[int, ...]) -> int | None:
        """How many rows have a missing value in the chosen columns or no label; None where that is not known."""
        from dnf_studio.core.data.describe import rows_left

        label = self.label.currentData()
        left = rows_left(found, chosen if label is None else (*chosen, label))
        return None if left is None else found.rows - left

    def _columns(self) -> tuple[int, ...]:
        """Numbers of the columns to open; all of those that are too many to be listed."""
        found = self._found
        if found is None or found.problem:
            return ()
        return self.table.ticked() if found.columns else tuple(range(found.width))

    def _preview(self) -> None:
        """What would be opened, in words."""
        chosen = () if self._reading else self._columns()
        self.ok.setEnabled(bool(chosen))
        listed = not self._reading and self._found is not None and bool(self._found.columns)
        for part in (self.table, self.all, self.none):
            part.setEnabled(listed)
        lost = 0 if self._reading or self._found is None else self._lost(self._found, chosen)
        label = None if self._reading else self.label.currentData()
        self.preview.setText(READING if self._reading else _summary(self._found, chosen, lost, label))

    def _complain(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def _end(self) -> None:
        """End the reading; what is still being read is dropped."""
        self._number += 1
        super()._end()


def _array_label(info: ArrayInfo) -> str:
    """Name, shape and type, or why it cannot be used."""
    if info.problem:
        return f"{info.name} – {info.problem}"
    return f"{info.name} – {' × '.join(f'{size:,}' for size in info.shape)}, {info.dtype}"


def _summary(found: Description | None, chosen: tuple[int, ...], lost: int | None, label: int | None) -> str:
    """Rows × columns and their names, and what is left out."""
    if found is None or found.problem:
        return ""
    rows = f"{found.rows - lost:,} of {found.rows:,}" if lost else f"{found.rows:,}"
    size = f"{rows} rows × {len(chosen):,} column{'' if len(chosen) == 1 else 's'}"
    if not found.columns:
        return f"{size}: too many to choose from here, so all are taken."
    if not chosen:
        return "Tick at least one column."
    names = [found.columns[i].name for i in chosen[:MOST_NAMED]]
    more = "" if len(chosen) <= MOST_NAMED else f" and {len(chosen) - MOST_NAMED} more"
    rest = f" Only the first {found.rows:,} rows were looked at; opening reads all." if found.partial else ""
    size = size.replace("rows", "or more rows") if found.partial else size
    if lost != 0:
        some = "Rows" if lost is None else "1 row" if lost == 1 else f"{lost:,} rows"
        rest += f" {some} with missing values left out."
    if label is not None:
        rest += f" Labels from {found.columns[label].name}."
    return f"{size}: {', '.join(names)}{more}.{rest}"
