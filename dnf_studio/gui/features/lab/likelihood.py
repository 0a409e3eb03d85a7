"""The page of likelihoods: what the bound, its tighter form and the ODE say of points that training does not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton

from dnf_studio.core.sde.solvers import SDE
from dnf_studio.gui.drawing.words import nats
from dnf_studio.gui.features.lab.page import LabPage, RowTable
from dnf_studio.gui.widgets.choices import greying
from dnf_studio.gui.widgets.controls import IntBox, caption, label_of, say_for_a_moment
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import Study
from dnf_studio.workers.likelihood import LikelihoodFacts, LikelihoodFound, LikelihoodStudy

PATHS, MOST_PATHS = 16, 1000
MOST_ROWS = 9
DASH = "–"
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
APART = 0.025
"""Nats a dimension by which two ways to one integral may differ."""
HEADERS = (
    ("NLL", "How −log p is had, mean over points that training does not see"),
    ("nats", "Of the model's standardised units"),
    ("±", "Standard error of the mean, with what drawn noise, paths and probes add"),
    ("bits", "Bits per dimension of the data's levels; only where the data is dequantised levels"),
)
BITS = 3
"""The column."""
MEANING = (
    "The bound (13) and its tighter form of K paths are of the chain of N steps that samples are drawn by, its last "
    "step with noise. That has the deviation g₁√Δ₀, and the chain can show nothing thinner: hence what it can attain. "
    "The ODE's value (17, λ = 0) is of the probability flow: no order holds between them."
)
EXACT = "The likelihood of a flow is exact, up to what the solver of its ODE leaves."
NO_DATA = "The data of this model is not here, so there are no points whose likelihood could be measured."


class _Row(NamedTuple):
    name: str
    value: float | None
    error: float | None = None
    bits: float | None = None


class LikelihoodPage(LabPage):
    """The field of K, a table of what is known so far, and what follows from it in sentences."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._studio = workspace.studio
        self._rows: list[_Row] = []
        self.paths, self.copy = IntBox(1, MOST_PATHS), QPushButton("Cop&y table")
        self.paths.setValue(PATHS)
        label = label_of(self.paths, "&Paths K", "Paths a point of the importance-weighted bound: more are tighter")
        self.copy.setToolTip("Copy the table as text, tabs between its columns")
        workspace.session.lacks_changed.connect(greying(lambda: EXACT if self._exact else None, self.paths, label))
        self.table = RowTable("Likelihoods", "What was found; Copy table takes all of it", HEADERS)
        header = self.table.horizontalHeader()
        for column in range(1, len(HEADERS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        first = self.table.horizontalHeaderItem(0)
        assert first is not None
        first.setTextAlignment(LEFT)
        self.table.fit_height(MOST_ROWS)
        self.told, self._meaning = caption(), caption()
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.paths)
        row.addStretch(1)
        row.addWidget(self.copy)
        self.column.addLayout(row)
        for part in (self.table, self.told, self._meaning):
            self.column.addWidget(part)
        self.column.addStretch(1)
        self.paths.valueChanged.connect(lambda _paths: self.altered.emit())
        self.copy.clicked.connect(self._copy)
        self.show_results(None, ())

    def study(self, weights: int) -> Study | None:
        current = self._studio.current
        if current is None or current.dataset is None:
            return None
        return LikelihoodStudy(weights, PATHS if self._exact else self.paths.value())

    @property
    def _exact(self) -> bool:
        """Whether the model draws its samples by an ODE, unless told otherwise, and not by a chain with a bound."""
        return self.session.solvers[0].chain is None

    def words(self, study: Study) -> str:
        if self._exact:
            return "exact likelihood"
        return f"K = {cast(LikelihoodStudy, study).paths}"

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        parts, current = cast("Sequence[LikelihoodFound]", results), self._studio.current
        self._rows = _rows(parts)
        self.table.setColumnHidden(BITS, all(row.bits is None for row in self._rows))
        self.table.show_cells([(row.name, *map(_text, row[1:])) for row in self._rows], None, self._lean)
        self.copy.setEnabled(bool(self._rows))
        no_data = NO_DATA if current is not None and current.dataset is None else ""
        self.told.setText(" ".join(_sentences(parts)) if parts else no_data)
        self._meaning.setText(EXACT if self._exact else MEANING)

    def _lean(self, row: int) -> None:
        """Names begin at the left."""
        item = self.table.item(row, 0)
        assert item is not None
        item.setTextAlignment(LEFT)

    def _copy(self) -> None:
        shown = slice(BITS if self.table.isColumnHidden(BITS) else None)
        lines = [[name for name, _ in HEADERS], *([row.name, *map(_exact, row[1:])] for row in self._rows)]
        QGuiApplication.clipboard().setText("".join("\t".join(line[shown]) + "\n" for line in lines))
        say_for_a_moment(self.copy, "Copied")


def _rows(parts: Sequence[LikelihoodFound]) -> list[_Row]:
    """What is known so far, each with its name; without a value where that could not be had."""
    found = {name: value for part in parts for name, value in part.fields.items()}
    bits = {name: value for part in parts for name, value in part.bits.items()}
    if not parts:
        return []

    def row(label: str, name: str) -> list[_Row]:
        return [_Row(label, found[name], found.get(f"{name}_error"), bits.get(name))] if name in found else []

    chain = f"{found['nll_bound_sampler']}, " if found.get("nll_bound_sampler") not in (None, SDE.name) else ""
    flexible = row("Bound, drawn grids", "nll_bound_flexible")
    entropy, attainable = parts[0].facts.entropy, parts[0].facts.attainable
    return [
        *row(f"Bound, {chain}N = {parts[0].facts.steps}", "nll_bound"),
        *(row("Bound, Euler steps", "nll_bound_sde") if chain else []),
        *(one for one in flexible if one.value is not None),
        *row(f"Importance, K = {found.get('importance_paths')}", "nll_importance"),
        *row("ODE", "nll_ode"),
        *row("ODE, tolerance × 100", "nll_ode_coarse"),
        *(_Row(f"ODE by Heun, N = {one.steps}", one.nll) for one in found.get("nll_ode_grid", ())),
        *([] if attainable is None else [_Row("Attainable by the chain", attainable)]),
        *([] if entropy is None else [_Row("Entropy of the data", entropy)]),
    ]


def _sentences(parts: Sequence[LikelihoodFound]) -> list[str]:
    """What the numbers are of, and what follows from them."""
    facts = parts[0].facts
    found = {name: value for part in parts for name, value in part.fields.items()}
    of_bound, others = facts.points
    more = f", the bound over {of_bound:,}" if "nll_bound" in found and of_bound != others else ""
    told = [f"Means over {others:,} {'point' if others == 1 else 'points'} that training does not see{more}."]
    if facts.log_volume is None:
        told.append("Nats are of standardised logits.")
    elif facts.log_volume:
        told.append(f"For nats of data units add {nats(facts.log_volume)}.")
    if "nll_bound" in found and found["nll_bound"] is None:
        told.append("The bound is not finite: paths leave the finite numbers.")
    return told + (_of_ode(found, facts) if "nll_ode" in found else [])


def _of_ode(found: dict[str, Any], facts: LikelihoodFacts) -> list[str]:
    """Whether its value is to be trusted, and how far it is from the best there can be."""
    value, coarse = found["nll_ode"], found["nll_ode_coarse"]
    if value is None:
        return ["The ODE could not be solved from these points."]
    told, allowed = [], APART * facts.dim
    if facts.entropy is not None:
        gap = nats(value - facts.entropy)
        told.append(f"The ODE's value is {gap} from the exact entropy, below which none is but by chance.")
    if coarse is None:
        told.append("At a hundred times the tolerance the ODE could not be solved.")
    elif abs(value - coarse) > allowed:
        told.append("At a hundred times the tolerance the ODE has another value: do not trust it.")
    by_steps = [one.nll for one in found.get("nll_ode_grid", ())]
    apart = [abs(value - other) if other is not None else math.inf for other in by_steps]
    if any(one > allowed for one in apart):
        numbers = " and ".join(str(one.steps) for one in found["nll_ode_grid"])
        told.append(
            f"By Heun's steps at N = {numbers} it is another: between the nodes of training the flow is not settled, "
            "or so many steps are too few for it."
        )
    return told


def _text(value: float | None) -> str:
    """Three decimals with a true minus; a dash where there is none."""
    return DASH if value is None else f"{value:.3f}".replace("-", "−")


def _exact(value: float | None) -> str:
    """Nine digits for another program; nothing where there is none."""
    return "" if value is None else f"{value:.9g}"
