"""The fields of the Export panel."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import solver_in_effect, unused_settings
from dnf_studio.errors import ExportError
from dnf_studio.gui.features.export.choice import ExportChoice, otherwise
from dnf_studio.gui.widgets.choices import GRIDS, LAST_STEPS, GridBox, grey_grids
from dnf_studio.gui.widgets.controls import ChoiceBox, FloatBox, IntBox, caption, label_of
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.shown import ShownModel, data_stem
from dnf_studio.gui.workspace.state import OWN_SOLVERS

if TYPE_CHECKING:
    from dnf_studio.core.sde.solvers import LastStep
    from dnf_studio.core.storage.export_plan import ExportPlan

PARTS = {
    "latents": ("&Latents", "The noise each sample began from"),
    "trajectories": ("Tra&jectories", "Every state from noise to data, (samples, N + 1, components), and their times"),
    "noise": ("N&oise", "The noise of every step, in the order drawn"),
    "log_prob": ("Log-densit&y", "log p of each sample by the probability-flow ODE, nats in data units; slow"),
    "labels": (
        "Labels",
        "The label, class or part of the data that each sample lies next to, and what they are called",
    ),
    "compress": ("Compress (g&zip)", "With shuffle: a little smaller, very much slower"),
}
OWN = {"count": 100_000, "most": None}
"""What new samples start with; the rest starts as the views are set."""


class ExportForm(QWidget):
    """What an export is made of: it follows the views until a field is changed here."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.shown: ShownModel | None = None
        self._session = session
        self._edited: dict[str, Any] = {}
        self._own_target = False
        # By `selecting`: of chosen points the whole paths are wanted
        self._ticked = {False: {"latents"}, True: {"latents", "trajectories", "noise"}}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.choice = ExportChoice(session)
        self.fresh, self.within, self.selected = self.choice.fresh, self.choice.within, self.choice.selected
        self.as_shown, self.whole = self.choice.as_shown, self.choice.whole
        column.addWidget(self.choice)
        self._rows = QFormLayout()
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addLayout(self._rows)
        self._add_fields()
        self._add_parts()
        self._add_target()
        self._watch()
        rows: dict[str, QWidget] = {"lam": self.lam, "last": self.last}
        named = {name: [control, self._rows.labelForField(control)] for name, control in rows.items()}
        named["last"].append(self.parts["noise"])
        self._explained = {name: {part: part.toolTip() for part in parts} for name, parts in named.items()}
        grey_grids(session, self.grid)
        session.lacks_changed.connect(self.refresh)
        self.refresh()

    @property
    def selecting(self) -> bool:
        """Whether the selected points are to be written instead of new samples."""
        return self.choice.kind == "selection"

    def set_shown(self, shown: ShownModel) -> None:
        """Samples of this model."""
        self.shown = shown
        self.solver.set_choices({one.title: one.name for one in shown.solvers})
        if self._edited.get("solver") not in [one.name for one in shown.solvers]:
            self._edited.pop("solver", None)
        self.refresh()

    def plan(self) -> ExportPlan:
        """The form as a plan; raises `SettingError` where it cannot be."""
        from dnf_studio.core.storage.export_plan import ExportPlan

        name = self.solver.currentData()
        if self.selecting:
            settings = replace(self._session.effective.sampling, parts="both", start="noise")
        else:
            settings = SampleSettings(
                steps=self.steps.value(),
                lam=1.0 if "lam" in self._unused(name) else self.lam.value(),
                last=cast("LastStep", self.last.currentData()),
                grid=None if "grid" in self._unused(name) else self.grid.grid,
                seed=self.seed.value(),
                solver=name,
            )
        parts: dict[str, Any] = {name: tick.isChecked() for name, tick in self.parts.items()}
        state = self._session.state
        # Where selected points have forward paths, their backward ones go on from those
        forward = self.selecting and (state.paired or state.selection_of == "forward")
        region, most = (state.region, self.most.value()) if self.choice.kind == "region" else (None, None)
        return ExportPlan(self.count.value(), settings, **parts, forward=forward, region=region, most_drawn=most)

    def path(self) -> Path:
        """The target; raises `ExportError` where none is named."""
        text = self.target.text().strip()
        if not text:
            raise ExportError("Choose a file to write the samples to.")
        return Path(text).expanduser()

    def indices(self) -> tuple[int, ...] | None:
        """The selected points, or None for new samples."""
        return self._session.state.selection if self.selecting else None

    def refresh(self) -> None:
        """Show what is in force: the views, and over them what was changed here. Disabled, it stays as it is."""
        if not self.isEnabled():
            return
        self.choice.refresh()
        chosen, selecting = len(self._session.state.selection), self.selecting
        values = self._of_views() if selecting else {**self._of_views(), **OWN, **self._edited}
        if selecting:
            values["count"] = chosen
        values["most"] = values.get("most") or most_drawn(values["count"])
        self._rows.setRowVisible(self.most, self.choice.kind == "region")
        for name, control in self._fields.items():
            with QSignalBlocker(control):
                if isinstance(control, ChoiceBox):
                    control.show_value(values[name])
                else:
                    control.setValue(values[name])
            control.setEnabled(not selecting)
        labelled = self.shown is not None and bool(self.shown.labels)
        there = {"noise": self._grey(values["solver"], selecting), "labels": labelled}
        for name, tick in self.parts.items():
            with QSignalBlocker(tick):
                tick.setChecked(name in self._ticked[selecting] and there.get(name, True))
            tick.setEnabled(there.get(name, True))
        self.follow.setEnabled(not selecting and not self._edited.keys() <= OWN.keys())
        self.differs.setText("" if selecting else otherwise(self._fields, values, self._of_views()))
        self.differs.setVisible(bool(self.differs.text()))
        if not self._own_target and self.shown is not None:
            with QSignalBlocker(self.target):
                self.target.setText(str(Path.cwd() / f"{data_stem(self.shown.data)}-{self.choice.kind}.h5"))
        self.target.setToolTip(f"{self._target_tip}\n{self.target.text()}")
        self.changed.emit()

    def _unused(self, solver: str) -> dict[str, str]:
        """What the solver of this name leaves without a meaning, and why."""
        return unused_settings(solver_in_effect(solver, self._session.solvers, self.steps.value()), self._session.lacks)

    def _grey(self, solver: str, selecting: bool) -> bool:
        """Grey what `solver` leaves without a meaning, and say why; whether a step has noise."""
        unused = self._unused(solver)
        for name, controls in self._explained.items():
            for control, tip in controls.items():
                control.setToolTip(unused.get(name, tip))
        for name, control in (("lam", self.lam), ("last", self.last)):
            control.setEnabled(not selecting and name not in unused)
        self.solver.setEnabled(not selecting and self.solver.count() > 1)
        return "last" not in unused

    def _of_views(self) -> dict[str, Any]:
        views, own = self._session.effective.sampling, self.shown.steps if self.shown is not None else 30
        found = {name: getattr(views, name) for name in ("lam", "last", "grid")}
        seed = min(views.seed, self.seed.maximum())
        return {**found, "steps": views.steps or own, "seed": seed, "solver": self._session.solver.name}

    def _add_fields(self) -> None:
        self.count, self.steps, self.lam = IntBox(1, 2**31 - 1), IntBox(1, 10_000), FloatBox(0, 2)
        self.last, self.grid, self.seed = ChoiceBox(dict(LAST_STEPS)), GridBox(GRIDS), IntBox(0, 2**31 - 1)
        self.solver = ChoiceBox({one.title: one.name for one in OWN_SOLVERS})
        self.most = IntBox(1, 2**31 - 1)
        self.count.setSingleStep(10_000)
        self.lam.setSingleStep(0.1)
        self.seed.setGroupSeparatorShown(False)
        self._fields: dict[str, IntBox | FloatBox | ChoiceBox] = {
            "count": self.count,
            "most": self.most,
            "steps": self.steps,
            "solver": self.solver,
            "lam": self.lam,
            "last": self.last,
            "grid": self.grid,
            "seed": self.seed,
        }
        self._add("&Samples", self.count, "How many samples to draw, 1 or more")
        self._add("Draw at most", self.most, "Where too few end in the region by then, those that do are written")
        self._add("S&teps N", self.steps, "Steps from noise to data, 1 to 10,000")
        self._add("Solver", self.solver, "How to step from noise to data; the Sampling panel has the equations")
        self._add("λ", self.lam, "Noise of the backward SDE, 0 to 2: 1 the SDE, 0 the ODE")
        self._add("L&ast step", self.last, "Whether the last step onto the data adds its noise; the mean is sharper")
        self._add("Time &grid", self.grid, "How the times lie between the first and the last")
        self._add("Seed", self.seed, "The same seed gives the same samples, 0 or more")
        self.follow = QPushButton("As in the views")
        self.follow.setToolTip("Take N, solver, λ, last step, grid and seed from the views again")
        self._rows.addRow("", self.follow)
        self.differs = caption()
        self._rows.addRow(self.differs)

    def _add(self, text: str, control: QWidget, tip: str) -> None:
        self._rows.addRow(label_of(control, text, tip), control)

    def _add_parts(self) -> None:
        self.parts = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (name, (text, tip)) in enumerate(PARTS.items()):
            tick = QCheckBox(text)
            tick.setToolTip(tip)
            grid.addWidget(tick, place // 2, place % 2)
            self.parts[name] = tick
        self._rows.addRow("Also", grid)

    def _add_target(self) -> None:
        self._target_tip = "The HDF5 file to write; an older one is replaced once the new one is whole"
        self.target, self.browse = QLineEdit(), QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip("Choose the file")
        self.browse.setAccessibleName("Choose the file")
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.target, 1)
        row.addWidget(self.browse)
        holder.setFocusProxy(self.target)
        self._add("F&ile", holder, self._target_tip)
        self.target.setAccessibleName("File")

    def _watch(self) -> None:
        for name, control in self._fields.items():
            told = control.chosen if isinstance(control, ChoiceBox) else control.valueChanged
            told.connect(partial(self._edit, name))
        for name, tick in self.parts.items():
            tick.toggled.connect(partial(self._tick, name))
        self.choice.chosen.connect(self.refresh)
        self.follow.clicked.connect(self._follow_views)
        self.target.textChanged.connect(self._name_target)

    def _edit(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever the field holds
        self._edited[name] = value
        self.refresh()

    def _tick(self, name: str, _on: bool) -> None:
        self._ticked[self.selecting] ^= {name}
        self.changed.emit()

    def _follow_views(self) -> None:
        self._edited = {name: value for name, value in self._edited.items() if name in OWN}
        self.refresh()

    def _name_target(self) -> None:
        self._own_target = True
        self.target.setToolTip(f"{self._target_tip}\n{self.target.text()}")


def most_drawn(count: int) -> int:
    """How many samples are drawn at most, unless told, for so many that end in a region."""
    return min(2**31 - 1, max(1_000_000, 1000 * count))
