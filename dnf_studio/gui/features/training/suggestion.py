"""One line above the plots that offers the preset for tables where a table is about to be trained on without it."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio import assets
from dnf_studio.config import flatten
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.opening import Opened

FEW = 3
"""Columns of a table for which the defaults do as well."""
WORDS = "{} has {} columns: the settings for tables fit such data better."
MEANT = "More noise, fewer steps, smaller batches, a lower rate; the menu Run, Settings has them too"
TAKEN = "The settings for tables are in the panels; Undo takes them back."


@cache
def tables_preset() -> dict[str, object]:
    """The settings of the bundled preset for tables, by their dotted names; none where it is not there."""
    path = assets.preset_path("tables")
    return {} if path is None else flatten(tomllib.loads(path.read_text(encoding="utf-8")))


class TablesBar(QFrame):
    """``wine has 13 columns: the preset for tables fits such data better.  Use it  Not now``.

    It is there while an untrained DiffFlow of a table of more than three columns is shown whose settings are others,
    and goes once either button is pressed, or Train: each table is asked about once.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._session, self._training, self._say = workspace.session, workspace.studio.training, workspace.say
        self._table = ""
        self._answered: set[str] = set()
        self.setObjectName("keep")
        self.setAccessibleName("Preset for tables")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setToolTip(MEANT)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 8, 4)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        self.use = self._button("Use it", f"{MEANT}. Undo takes them back", self._take_preset)
        self.leave = self._button("Not now", "Train with the settings as they are", self._answer)
        row.addWidget(self.use)
        row.addWidget(self.leave)
        workspace.studio.opened.connect(self._take)
        self._training.phase_changed.connect(self._follow)
        self._session.changed.connect(self._refresh)
        self._refresh()

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        shown = opened.shown
        asks = shown.table and shown.dim > FEW and not shown.trained and shown.kind == "diffflow"
        self._table = shown.data if asks else ""
        if asks:
            self.text.setText(WORDS.format(data_label(shown.data), shown.dim))
        self._refresh()

    def _refresh(self, _names: object = None) -> None:
        wanted = self._table and self._table not in self._answered and not self._training.active
        self.setVisible(bool(wanted) and self._differs())

    def _differs(self) -> bool:
        known = flatten(self._session.state.config.model_dump())
        return any(known[name] != value for name, value in tables_preset().items())

    @Slot()
    def _follow(self) -> None:
        """Train is an answer too."""
        if self._training.active:
            self._answer()

    @Slot()
    def _answer(self) -> None:
        if self._table:
            self._answered.add(self._table)
        self._refresh()

    @Slot()
    def _take_preset(self) -> None:
        self._answer()
        self._session.apply({f"config.{name}": value for name, value in tables_preset().items()})
        self._say(TAKEN)

    def _button(self, text: str, tip: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(act)
        return button
