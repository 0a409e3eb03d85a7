"""The page of likelihoods: what the bound, its tighter form and the ODE say of points that training does not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton

from dnf_studio.gui.panels.lab_page import LabPage, RowTable
from dnf_studio.gui.plots.words import nats
from dnf_studio.gui.widgets.controls import IntBox, caption, label_of, say_for_a_moment
from dnf_studio.gui.widgets.lacking import grey_without
from dnf_studio.workers.lab import Study
from dnf_studio.workers.likelihood import LikelihoodFound, LikelihoodStudy

if TYPE_CHECKING:
    from dnf_studio.gui.main_window import MainWindow

__all__ = ["LikelihoodPage"]

PATHS, MOST_PATHS = 16, 1000
MOST_ROWS = 8
DASH = "–"
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
APART = 0.05
"""Nats by which one integral at two resolutions may differ, unless its own error is larger."""
HEADERS = (
    ("NLL", "How −log p is had, mean over points that training does not see"),
    ("nats", "Of the model's standardised units"),
    ("±", "Standard error of the mean, with what drawn noise, paths and probes add"),
    ("bits", "Bits per dimension of the data's levels; only where the data is dequantised levels"),
)
BITS = 3
"""The column."""
MEANING = (
    "The bound (13) and its tighter form of K paths are of the chain of N steps, the ODE's value (17, λ = 0) is of the "
    "probability flow: no order holds between them."
)
NO_DATA = "The data of this model is not here, so there are no points whose likelihood could be measured."


class _Row(NamedTuple):
    name: str
    value: float | None
    error: float | None = None
    bits: float | None = None


class LikelihoodPage(LabPage):
    """The field of K, a table of what is known so far, and what follows from it in sentences."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._studio = window.studio
        self._cells: list[tuple[str, ...]] = []
        self.paths, self.copy = IntBox(1, MOST_PATHS), QPushButton("Cop&y table")
        self.paths.setValue(PATHS)
        label = label_of(self.paths, "&Paths K", "Paths a point of the importance-weighted bound: more are tighter")
        self.copy.setToolTip("Copy the table as text, tabs between its columns")
        grey_without(window.session, "noise", self.paths, label)
        self.table = RowTable("Likelihoods", "What was found; Copy table takes all of it", HEADERS)
        header = self.table.horizontalHeader()
        for column in range(1, len(HEADERS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        first = self.table.horizontalHeaderItem(0)
        assert first is not None
        first.setTextAlignment(LEFT)
        self.table.fit_height(MOST_ROWS)
        self.told = caption()
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.paths)
        row.addStretch(1)
        row.addWidget(self.copy)
        self.column.addLayout(row)
        for part in (self.table, self.told, caption(MEANING)):
            self.column.addWidget(part)
        self.column.addStretch(1)
        self.paths.valueChanged.connect(lambda _paths: self.altered.emit())
        self.copy.clicked.connect(self._copy)
        self.show_results(None, ())

    def study(self, weights: int) -> Study | None:
        current = self._studio.current
        if current is None or current.dataset is None:
            return None
        return LikelihoodStudy(weights, None, PATHS if "noise" in self.session.lacks else self.paths.value())

    def words(self, study: Study) -> str:
        if "noise" in self.session.lacks:
            return "exact likelihood"
        return f"K = {cast(LikelihoodStudy, study).paths}"

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        found = cast("LikelihoodFound | None", results[-1] if results else None)
        current = self._studio.current
        steps = current.shown.steps if current is not None else 0
        rows = [] if found is None else _rows(found, steps)
        self._cells = [(row.name, *map(_number, row[1:])) for row in rows]
        self.table.setColumnHidden(BITS, all(row.bits is None for row in rows))
        self.table.show_cells(self._cells, None, self._lean)
        self.copy.setEnabled(bool(rows))
        if found is not None:
            self.told.setText(" ".join(_sentences(found)))
        else:
            self.told.setText(NO_DATA if current is not None and current.dataset is None else "")

    def _lean(self, row: int) -> None:
        """Names begin at the left."""
        item = self.table.item(row, 0)
        assert item is not None
        item.setTextAlignment(LEFT)

    def _copy(self) -> None:
        shown = slice(BITS if self.table.isColumnHidden(BITS) else None)
        lines = [[name for name, _ in HEADERS], *self._cells]
        text = "".join("\t".join(line[shown]).replace(DASH, "") + "\n" for line in lines)
        QGuiApplication.clipboard().setText(text)
        say_for_a_moment(self.copy, "Copied")


def _rows(found: LikelihoodFound, steps: int) -> list[_Row]:
    """What is known so far, each with its name."""
    known, (bits_bound, bits_ode) = found.likelihoods, found.bits
    rows = [
        _Row(f"Bound, N = {steps}", known.nll_bound, known.nll_bound_error, bits_bound),
        _Row("Bound, drawn grids", known.nll_bound_flexible),
        _Row(f"Importance, K = {known.importance_paths}", known.nll_importance, known.nll_importance_error),
        _Row("ODE", known.nll_ode, known.nll_ode_error, bits_ode),
        _Row("ODE, tolerance × 100", known.nll_ode_coarse),
        *(_Row(f"ODE by Heun, N = {one.steps}", one.nll) for one in known.nll_ode_grid),
        _Row("Entropy of the data", found.entropy),
    ]
    return [row for row in rows if row.value is not None]


def _sentences(found: LikelihoodFound) -> list[str]:
    """What the numbers are of, and what follows from them."""
    known, (of_bound, others) = found.likelihoods, found.points
    more = f", the bound over {of_bound:,}" if known.nll_bound is not None and of_bound != others else ""
    told = [f"Means over {others:,} points that training does not see{more}."]
    if found.log_volume is None:
        told.append("Nats are of standardised logits.")
    elif found.log_volume:
        told.append(f"For nats of data units add {nats(found.log_volume)}.")
    if known.nll_ode is None:
        return told
    if found.entropy is not None:
        gap = known.nll_ode - found.entropy
        told.append(f"The ODE's value is {nats(gap)} from the exact entropy, below which none is but by chance.")
    allowed = max(APART, known.nll_ode_error or 0.0)
    if known.nll_ode_coarse is None or abs(known.nll_ode - known.nll_ode_coarse) > allowed:
        told.append("At a hundred times the tolerance it is another: do not trust it.")
    if known.nll_ode_grid:
        first, second = known.nll_ode_grid
        if first.nll is None or second.nll is None or abs(first.nll - second.nll) > allowed:
            told.append(f"By Heun's steps it is not the same at N = {first.steps} and {second.steps}: too few.")
    return told


def _number(value: float | None) -> str:
    """Three decimals with a true minus; a dash where there is none."""
    return DASH if value is None else f"{value:.3f}".replace("-", "−")
