"""The button that opens the list of components, of which up to eight are shown."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget, QWidgetAction

from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.widgets.choices import menu_button
from dnf_studio.gui.workspace.state import MOST_PAIRS

LINES = 12
"""Most components that the list shows at once."""


class ComponentsMenu(QMenu):
    """A list of all components with a box each; where as many are chosen as can be, the others are grey."""

    chosen = Signal(object)
    """The components that are chosen now, in their order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Components", parent)
        self._names: tuple[str, ...] = ()
        self._shown: tuple[int, ...] = ()
        self.count, self.list = QLabel(), QListWidget()
        self.list.setAccessibleName("Components shown")
        self.list.setUniformItemSizes(True)
        self.list.itemChanged.connect(self._tell)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.count)
        column.addWidget(self.list)
        holder = QWidgetAction(self)
        holder.setDefaultWidget(inside)
        self.addAction(holder)
        # A thousand pixels are listed for whoever looks
        self.aboutToShow.connect(self._fill)

    def set_components(self, dim: int, columns: tuple[str, ...], shown: tuple[int, ...]) -> None:
        """Offer `dim` components, of which these are shown."""
        self._names = tuple(component_name(k, columns) for k in range(dim))
        self._shown = shown
        if self.isVisible():
            self._fill()

    def _fill(self) -> None:
        with QSignalBlocker(self.list):
            if [self.list.item(k).text() for k in range(self.list.count())] != list(self._names):
                self.list.clear()
                self.list.addItems(self._names)
            full = len(self._shown) >= MOST_PAIRS
            for k in range(self.list.count()):
                item, on = self.list.item(k), k in self._shown
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
                # The last one stays, or there would be nothing to see
                can = (on and len(self._shown) > 1) or (not on and not full)
                item.setFlags(flags | Qt.ItemFlag.ItemIsEnabled if can else flags)
        self.count.setText(f"{len(self._shown)} of at most {MOST_PAIRS}")
        lines = min(LINES, max(1, self.list.count()))
        self.list.setFixedSize(self._size(lines))

    def _size(self, lines: int) -> QSize:
        wide = self.list.sizeHintForColumn(0) + self.list.verticalScrollBar().sizeHint().width() + 8
        return QSize(max(160, wide), lines * max(1, self.list.sizeHintForRow(0)) + 4)

    def _tell(self, _item: QListWidgetItem) -> None:
        items = (self.list.item(k) for k in range(self.list.count()))
        self._shown = tuple(k for k, item in enumerate(items) if item.checkState() == Qt.CheckState.Checked)
        self._fill()
        self.chosen.emit(self._shown)


def components_button(parent: QWidget) -> tuple[ComponentsMenu, QWidget]:
    """The menu, and a button in a header that opens it."""
    button = menu_button("Components shown")
    button.setParent(parent)
    button.setText("components")
    button.setToolTip(f"Which components are shown against each other, {MOST_PAIRS} at most")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    menu = ComponentsMenu(button)
    button.setMenu(menu)
    return menu, button
