"""The rows of the Library: headings, cards, and what to say where there are none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QDateTime, QModelIndex, QPersistentModelIndex, Qt

from dnf_studio import assets
from dnf_studio.gui.drawing.words import in_bytes
from dnf_studio.gui.features.library.recent import RecentFile
from dnf_studio.gui.workspace.shown import data_label

if TYPE_CHECKING:
    from dnf_studio.core.storage.library import ModelFile

__all__ = ["Card", "LibraryModel", "Row", "Section", "read_rows"]

ROW = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class Section(Enum):
    """Where a card comes from."""

    BUNDLED = "Bundled"
    OWN = "My models"
    RECENT = "Recent"


@dataclass(frozen=True)
class Card:
    """One model or other file."""

    section: Section
    source: str
    """What opens it."""
    kind: str
    """checkpoint, data or export."""
    file: ModelFile

    @property
    def title(self) -> str:
        """A model by its name, another file with its suffix."""
        return self.file.name if self.kind == "checkpoint" else data_label(self.source)

    @property
    def facts(self) -> str:
        """Data, bound and N of a model."""
        if self.file.fault:
            return "cannot be opened"
        if self.kind != "checkpoint":
            return {"data": "data", "export": "exported samples"}[self.kind]
        nll = [] if self.file.nll is None else [f"NLL {self.file.nll:.3f}".replace("-", "−")]
        run = ["run"] if self.file.kind == "run" else []
        steps = [f"N {self.file.steps}"] if self.file.steps else []
        return " · ".join([data_label(self.file.data), *nll, *steps, *run]) if self.file.data else "model"

    @property
    def when(self) -> str:
        """Which kind of model, date and size."""
        if not self.file.bytes:
            return ""
        day = QDateTime.fromSecsSinceEpoch(int(self.file.modified)).date().toString(Qt.DateFormat.ISODate)
        return " · ".join([*([self.file.model] if self.file.model else []), day, in_bytes(self.file.bytes)])

    @property
    def tip(self) -> str:
        """All there is to say."""
        if self.file.fault:
            return self.file.fault
        trained = f", {self.file.iteration:,} iterations" if self.file.iteration else ""
        components = f", {self.file.dim} components" if self.file.dim else ""
        kind = f"{self.file.model}, " if self.file.model else ""
        return f"{self.title}: {kind}{self.facts}{components}{trained}\n{self.file.path}"


@dataclass(frozen=True)
class Row:
    """A heading, a card, or a line of text."""

    text: str = ""
    heading: bool = False
    card: Card | None = None


class LibraryModel(QAbstractListModel):
    """Rows as they were read last; a card of one's own can be renamed in place."""

    def __init__(self, rename: Callable[[Card, str], object]) -> None:
        super().__init__()
        self._rename = rename
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return self._rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        if tuple(rows) != self._rows:
            self.beginResetModel()
            self._rows = tuple(rows)
            self.endResetModel()

    def card(self, index: Index) -> Card | None:
        """The card at `index`."""
        return self._rows[index.row()].card if index.isValid() else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """As many as there are."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt takes anything
        """Text, tooltip, and the row itself for the delegate."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.text if row.card is None else row.card.title
        if row.card is not None and role == Qt.ItemDataRole.ToolTipRole:
            return row.card.tip
        if row.card is not None and role == Qt.ItemDataRole.AccessibleTextRole:
            words = row.card.title, row.card.file.model, row.card.facts, row.card.section.value
            return ", ".join(word for word in words if word)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Only cards can be chosen, only one's own be renamed."""
        card = self.card(index)
        if card is None:
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsEditable if card.section is Section.OWN else flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Ask for another name; the row changes once the file has it."""
        card = self.card(index)
        if card is None or role != Qt.ItemDataRole.EditRole or not isinstance(value, str):
            return False
        if value.strip() != card.title:
            self._rename(card, value)
        return False


def read_rows(folder: Path, recent: Sequence[RecentFile]) -> tuple[Row, ...]:
    """Everything the Library shows, from the headers of the files. For a background thread: it imports torch.

    Raises `StudioError` where the folder cannot be read.
    """
    from dnf_studio.core.storage.library import list_models, model_file

    rows = [Row(Section.BUNDLED.value, heading=True)]
    for name in assets.checkpoint_names():
        if path := assets.checkpoint_path(name):
            rows.append(Row(card=Card(Section.BUNDLED, name, "checkpoint", model_file(path))))
    own = [Card(Section.OWN, str(file.path), "checkpoint", file) for file in list_models(folder)]
    rows.append(Row(Section.OWN.value, heading=True))
    rows += [Row(card=card) for card in own] or [Row("None yet: File, Save model puts them here.")]
    shown = {card.file.path for card in own}
    others = [_recent(file) for file in recent if file.path not in shown and os.path.exists(file.path)]
    rows.append(Row(Section.RECENT.value, heading=True))
    rows += [Row(card=card) for card in others] or [Row("Files that you open are listed here.")]
    return tuple(rows)


def _recent(file: RecentFile) -> Card:
    """Only the header of a checkpoint is read; of another file its size and date."""
    from dnf_studio.core.storage.library import ModelFile, model_file

    if file.kind == "checkpoint" and file.path.suffix.lower() == ".safetensors":
        return Card(Section.RECENT, file.source, file.kind, model_file(file.path))
    try:
        state = file.path.stat()
    except OSError:
        return Card(Section.RECENT, file.source, file.kind, ModelFile(file.path))
    return Card(Section.RECENT, file.source, file.kind, ModelFile(file.path, state.st_size, state.st_mtime))
