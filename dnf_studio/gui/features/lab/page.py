"""What the pages of the discretisation lab share: their way to a study, a table, and words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.config.grids import GridKind, grid_label
from dnf_studio.core.sde.solvers import solver_in_effect, unused_settings
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import PathsStudy, StepsStudy, Study


class LabPage(QWidget):
    """One tab: says which study it shows, and shows what there is of one."""

    wanted = Signal()
    """A person has changed what the page shows: compute it, as far as it is not there."""
    altered = Signal()
    """The page depends on other settings now, which waits for Compute."""
    views = frozenset[str]()
    """Names of the state whose change asks for another drawing of the same results."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.session, self.live = workspace.session, workspace.live
        self.theme = LIGHT
        self.plots: tuple[Plot, ...] = ()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 6, 0, 0)
        self.column.setSpacing(6)

    def take_typed(self) -> None:
        """Take what stands in a field that still has the focus, as Compute by its key finds it."""

    @abstractmethod
    def study(self, weights: int) -> Study | None:
        """The study of these weights with the settings as they are; None where they cannot be."""

    @abstractmethod
    def words(self, study: Study) -> str:
        """What `study` depends on, for a caption."""

    def way_words(self, asked: StepsStudy | PathsStudy) -> str:
        """Solver, λ, time grid and last step of `asked`, as far as the model has them."""
        way = asked.sampling
        solver = solver_in_effect(way.solver, self.session.solvers, way.steps)
        unused = unused_settings(solver, self.session.lacks)
        words = {"lam": f"λ = {way.lam:g}", "grid": grid_words(way.grid), "last": last_words(way.last)}
        named = [solver.label] if way.solver else []
        return ", ".join(named + [said for name, said in words.items() if name not in unused])

    @abstractmethod
    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        """Draw `results`, so far, of `study`; None and nothing empties the page."""

    def set_theme(self, theme: Theme) -> None:
        """Recolour everything."""
        self.theme = theme
        for plot in self.plots:
            plot.set_theme(theme)


class RowTable(QTableWidget):
    """A few numbers a row, of which one row is chosen."""

    chosen = Signal(int)

    def __init__(self, name: str, tip: str, headers: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(0, len(headers), parent)
        self.setAccessibleName(name)
        self.setToolTip(tip)
        for column, (text, meaning) in enumerate(headers):
            item = QTableWidgetItem(text)
            item.setToolTip(meaning)
            self.setHorizontalHeaderItem(column, item)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.currentCellChanged.connect(self._moved)
        self._telling = True

    def show_cells(self, rows: Sequence[Sequence[str]], chosen: int | None, fill: Callable[[int], object]) -> None:
        """Write `rows`, choose one of them, and let `fill` colour the first cell of each."""
        self._telling = False
        self.setRowCount(len(rows))
        height = round(1.5 * self.fontMetrics().height())
        for r, cells in enumerate(rows):
            self.setRowHeight(r, height)
            for c, text in enumerate(cells):
                item = self.item(r, c) or QTableWidgetItem()
                item.setText(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if self.item(r, c) is None:
                    self.setItem(r, c, item)
            fill(r)
        if chosen is None:
            self.clearSelection()
            self.setCurrentCell(-1, -1)
        elif self.currentRow() != chosen or not self.selectedItems():
            self.selectRow(chosen)
        self._telling = True

    def fit_height(self, rows: int) -> None:
        """Make the table as high as so many rows."""
        line = round(1.5 * self.fontMetrics().height())
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows * line + 4)

    def _moved(self, row: int, *_: int) -> None:
        if self._telling and row >= 0:
            self.chosen.emit(row)


def number(value: float | None, digits: int = 3) -> str:
    """Three decimals, or significant ones where it is small; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}" if value >= 10**-digits or value == 0 else f"{value:.1e}".replace("-", "−")


def grid_words(grid: GridKind | None) -> str:
    """The time grid, in a sentence."""
    if grid is None:
        return "the model's own grid"
    return f"the {grid} grid" if isinstance(grid, str) else f"a {grid_label(grid)} grid"


def steps_words(steps: int | None) -> str:
    """N, in a sentence."""
    return f"N = {steps}" if steps else "the model's own N"


def last_words(last: str) -> str:
    """The last step, in a sentence."""
    return "last step with its noise" if last == "noise" else "last step mean only"
