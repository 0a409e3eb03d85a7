"""The fields of the export dialog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from dnf_studio.errors import ExportError
from dnf_studio.gui.controls import ChoiceBox, FloatBox, IntBox
from dnf_studio.gui.panels.sampling import GRIDS, LAST_STEPS
from dnf_studio.gui.shown import ShownModel
from dnf_studio.gui.state import State

if TYPE_CHECKING:
    from dnf_studio.core.sde.paths import LastStep
    from dnf_studio.core.storage.samples import ExportPlan

__all__ = ["ExportForm"]

PARTS = {
    "latents": ("&Latents", "The noise each sample began from"),
    "trajectories": ("&Trajectories", "Every state from noise to data, (samples, N + 1, components), and their times"),
    "noise": ("N&oise", "The noise of every step, in the order drawn"),
    "log_prob": (
        "Log-&density",
        "log p of each sample by the probability-flow ODE, nats in data units; slow",
    ),
    "compress": ("&Compress", "gzip with shuffle: a little smaller, very much slower"),
}


class ExportForm(QWidget):
    """What an export is made of; starts from how the views are set."""

    changed = Signal()

    def __init__(self, state: State, shown: ShownModel | None, target: Path) -> None:
        super().__init__()
        self.shown = shown
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self.count = IntBox(1, 2**31 - 1)
        self.count.setValue(100_000)
        self.count.setSingleStep(10_000)
        self.steps = IntBox(1, 10_000)
        self.steps.setValue(state.steps or (shown.steps if shown is not None else 30))
        self.lam = FloatBox(0, 2)
        self.lam.setSingleStep(0.1)
        self.lam.setValue(state.lam)
        self.last = ChoiceBox(dict(LAST_STEPS))
        self.last.show_value("mean")
        self.grid = ChoiceBox(dict(GRIDS))
        self.grid.show_value(state.grid)
        self.seed = IntBox(0, 2**31 - 1)
        self.seed.setGroupSeparatorShown(False)
        self.seed.setValue(min(state.seed, 2**31 - 1))
        self._add("&Samples", self.count, "How many samples to draw, 1 or more")
        self._add("Steps &N", self.steps, "Steps from noise to data, 1 to 10,000")
        self._add("&λ", self.lam, "Noise of the backward process, 0 to 2: 1 the SDE, 0 the ODE")
        self._add("L&ast step", self.last, "Whether the last step onto the data adds its noise; the mean is sharper")
        self._add("Time &grid", self.grid, "How the times lie between the first and the last")
        self._add("See&d", self.seed, "The same seed gives the same samples, 0 or more")
        self._add_parts()
        self._add_target(target)
        self._watch()

    def plan(self) -> ExportPlan:
        """The form as a plan; raises `SettingError` where it cannot be."""
        from dnf_studio.core.sampling.blocks import SampleSettings
        from dnf_studio.core.storage.samples import ExportPlan

        settings = SampleSettings(
            steps=self.steps.value(),
            lam=self.lam.value(),
            last=cast("LastStep", self.last.currentData()),
            grid=self.grid.currentData(),
            seed=self.seed.value(),
        )
        return ExportPlan(self.count.value(), settings, **{name: tick.isChecked() for name, tick in self.parts.items()})

    def path(self) -> Path:
        """The target; raises `ExportError` where none is named."""
        text = self.target.text().strip()
        if not text:
            raise ExportError("Choose a file to write the samples to.")
        return Path(text).expanduser()

    def _add(self, text: str, control: QWidget, tip: str) -> None:
        label = QLabel(text)
        label.setBuddy(control)
        for part in (label, control):
            part.setToolTip(tip)
        control.setAccessibleName(text.replace("&", ""))
        self._rows.addRow(label, control)

    def _add_parts(self) -> None:
        self.parts = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (name, (text, tip)) in enumerate(PARTS.items()):
            tick = QCheckBox(text)
            tick.setToolTip(tip)
            tick.setChecked(name == "latents")
            grid.addWidget(tick, place // 3, place % 3)
            self.parts[name] = tick
        self._rows.addRow("Also", grid)

    def _add_target(self, target: Path) -> None:
        self.target = QLineEdit(str(target))
        self.browse = QPushButton("&Browse…")
        self.browse.setToolTip("Choose the file")
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.target, 1)
        row.addWidget(self.browse)
        holder.setFocusProxy(self.target)
        self._add("&File", holder, "The HDF5 file to write; an older one is replaced once the new one is whole")
        self.target.setAccessibleName("File")
        self.target.setToolTip(holder.toolTip())

    def _watch(self) -> None:
        for box in (self.count, self.steps, self.lam, self.seed):
            box.valueChanged.connect(lambda _value: self.changed.emit())
        for choice in (self.last, self.grid):
            choice.chosen.connect(lambda _value: self.changed.emit())
        for tick in self.parts.values():
            tick.toggled.connect(lambda _on: self.changed.emit())
