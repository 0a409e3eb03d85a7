"""How a figure is to look: its size, letters, colours and what stands in it; kept for the next start."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QWidget

from dnf_studio.gui.drawing.figure import FigureStyle
from dnf_studio.gui.features.figures.subjects import SLICES, Timing
from dnf_studio.gui.widgets.controls import ChoiceBox, FloatBox, IntBox, label_of
from dnf_studio.gui.workspace.memory import Memory, exactly

BOUNDS = {"width": (20.0, 1000.0), "height": (20.0, 1000.0), "letters": (4.0, 40.0)}
DPI, MARKS, COUNTS = (72, 1200), (0, 100_000), (2, 12)
SIZES: dict[str, tuple[float, float] | None] = {
    "of its own": None,
    "one column, 85 × 60": (85.0, 60.0),
    "two columns, 174 × 80": (174.0, 80.0),
    "page, 174 × 120": (174.0, 120.0),
    "slide, 254 × 143": (254.0, 143.0),
}
SWITCHES = {
    "title": ("T&itle", "The name of each plot, with the time of views"),
    "caption": ("Ca&ption", "What is seen, under the title, and the time of each slice; not what a click does"),
    "legend": ("&Legend", "What lines, marks and colours stand for"),
    "cursor": ("&Time cursor", "Where the time cursor is, in curves, and the numbers there"),
    "transparent": ("Tr&ansparent", "No ground behind it, for a slide in colours of its own"),
}
SPACINGS = {"by step": "step", "by time": "time"}
NAME = "figure"


class FigureForm(QWidget):
    """The controls of one `FigureStyle` and of `Timing`; `changed` follows each of them."""

    changed = Signal()
    refused = Signal(str)
    """A sentence on a number that was typed and cannot be."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self.subject = ChoiceBox({})
        self.format = ChoiceBox(dict(SIZES))
        self.lengths = {name: FloatBox(*bounds) for name, bounds in BOUNDS.items()}
        self.colours = ChoiceBox({"light": False, "dark": True})
        self.switches = {name: QCheckBox(text) for name, (text, _) in SWITCHES.items()}
        self.dpi, self.marks, self.count = IntBox(*DPI), IntBox(*MARKS), IntBox(*COUNTS)
        self.spacing = ChoiceBox(SPACINGS)
        self.second = QCheckBox("&Both models")
        self._slices: list[QWidget] = [self.count, self.spacing, self.second]
        self._compose()
        self.show_style(style_of(memory.get(NAME, exactly(dict), {})))
        timing = timing_of(memory.get(NAME, exactly(dict), {}))
        self.count.setValue(timing.count)
        self.spacing.show_value(timing.spacing)
        self.second.setChecked(timing.second)
        self._connect()

    @property
    def style_chosen(self) -> FigureStyle:
        """What is set."""
        numbers = {name: box.value() for name, box in self.lengths.items()}
        switches = {name: switch.isChecked() for name, switch in self.switches.items()}
        marks = {"dpi": self.dpi.value(), "most_marks": self.marks.value()}
        return FigureStyle(dark=bool(self.colours.currentData()), **numbers, **switches, **marks)  # type: ignore[arg-type]

    @property
    def timing(self) -> Timing:
        """Which slices."""
        return Timing(self.count.value(), self.spacing.currentData(), self.second.isChecked())

    def show_style(self, style: FigureStyle) -> None:
        """Set all that a style has."""
        for name, box in self.lengths.items():
            box.setValue(getattr(style, name))
        self.colours.show_value(style.dark)
        for name, switch in self.switches.items():
            switch.setChecked(getattr(style, name))
        self.dpi.setValue(style.dpi)
        self.marks.setValue(style.most_marks)
        self._show_size()

    def offer(self, subjects: dict[str, object], chosen: object = None) -> None:
        """Offer these, and choose one of them or what was chosen before."""
        self.subject.set_choices(subjects)
        if chosen is not None:
            self.subject.show_value(chosen)
        self._show_slices()

    def offer_second(self, there: bool) -> None:
        """Whether there is a second model."""
        self.second.setVisible(there)

    def keep(self) -> None:
        """Remember what is set."""
        self._memory.put(NAME, asdict(self.style_chosen) | asdict(self.timing))

    def reset(self) -> None:
        """As at the first start."""
        self.show_style(FigureStyle())
        self.count.setValue(Timing().count)
        self.spacing.show_value(Timing().spacing)
        self.changed.emit()

    def _compose(self) -> None:
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        tips = (
            (self.subject, "Sh&ow", "What the figure shows"),
            (self.format, "Si&ze", "Sizes of journals and slides, in millimetres"),
            (self.lengths["width"], "&Width", "Millimetres across, 20 to 1,000"),
            (self.lengths["height"], "&Height", "Millimetres down, 20 to 1,000"),
            (self.lengths["letters"], "L&etters", "Points of all letters, 4 to 40; lines and marks are in proportion"),
            (self.colours, "Colo&urs", "Dark on light, or light on dark"),
        )
        self.dpi.setSuffix(" dpi")
        for name, box in self.lengths.items():
            box.setSuffix(" pt" if name == "letters" else " mm")
        for control, text, tip in tips:
            rows.addRow(label_of(control, text, tip), control)
        for name, (_, tip) in SWITCHES.items():
            self.switches[name].setToolTip(tip)
            rows.addRow(self.switches[name])
        dots = "Pixels an inch of a PNG, and of pictures within a PDF or SVG such as maps and large clouds"
        rows.addRow(label_of(self.dpi, "Pi&xels", dots), self.dpi)
        marks = (
            "Clouds of more points, and bundles of paths of four times as many steps, are a picture within the file, "
            "which keeps it small; all other lines stay lines"
        )
        rows.addRow(label_of(self.marks, "Poi&nts up to", marks), self.marks)
        row = QHBoxLayout()
        count = label_of(self.count, "Sli&ces", "How many times, 2 to 12, from the data to the noise")
        label_of(self.spacing, "spaced", "Whether steps or times are even between slices, each at a node of the grid")
        self.second.setToolTip("Slices of the model that is compared with too, below")
        for part in (self.count, self.spacing, self.second):
            row.addWidget(part)
        rows.addRow(count, row)
        self._slices.append(count)

    def _connect(self) -> None:
        for name, length in self.lengths.items():
            length.valueChanged.connect(self._tell)
            length.refused.connect(partial(self._refuse, name))
        for number in (self.dpi, self.marks, self.count):
            number.valueChanged.connect(self._tell)
        for choice in (self.colours, self.spacing):
            choice.chosen.connect(self._tell)
        for switch in (*self.switches.values(), self.second):
            switch.toggled.connect(self._tell)
        self.format.chosen.connect(self._take_size)
        self.subject.chosen.connect(self._tell)

    @Slot()
    def _tell(self, _value: object = None) -> None:
        self._show_size()
        self._show_slices()
        self.changed.emit()

    def _refuse(self, name: str, typed: str) -> None:
        low, high = BOUNDS[name]
        unit = "pt" if name == "letters" else "mm"
        self.refused.emit(
            f"{name.capitalize()} {typed} {unit} is not possible; choose from {low:g} to {high:,g} {unit}."
        )

    @Slot(object)
    def _take_size(self, size: tuple[float, float] | None) -> None:
        if size is not None:
            for box, length in zip(self.lengths.values(), size, strict=False):
                with QSignalBlocker(box):
                    box.setValue(length)
        self._tell()

    def _show_size(self) -> None:
        size = self.lengths["width"].value(), self.lengths["height"].value()
        self.format.show_value(size if size in SIZES.values() else None)
        if size not in SIZES.values():
            self.format.setCurrentIndex(0)

    def _show_slices(self) -> None:
        for part in self._slices:
            part.setEnabled(self.subject.currentData() == SLICES)


def style_of(known: dict[str, object]) -> FigureStyle:
    """The style that was remembered; what is missing or makes no sense is as at the first start."""
    style = FigureStyle()
    for name, value in known.items():
        default = getattr(style, name, None)
        low, high = {"dpi": DPI, "most_marks": MARKS, **BOUNDS}.get(name, (False, True))
        fits = type(value) is type(default) or (isinstance(default, float) and type(value) is int)
        if default is not None and fits and low <= value <= high:  # type: ignore[operator]
            style = replace(style, **{name: value})  # type: ignore[arg-type]
    return style


def timing_of(known: dict[str, object]) -> Timing:
    """The slices that were remembered."""
    count, spacing, second = known.get("count"), known.get("spacing"), known.get("second")
    timing = Timing()
    if type(count) is int and COUNTS[0] <= count <= COUNTS[1]:
        timing = replace(timing, count=count)
    if spacing in SPACINGS.values():
        timing = replace(timing, spacing=spacing)  # type: ignore[arg-type]
    return replace(timing, second=second) if isinstance(second, bool) else timing
