"""The chosen points beside all others, as a small grid of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from dnf_studio.core.exploration.lineage import Comparison, Group
from dnf_studio.gui.drawing.words import component_name, nats, short_number

MOST = 4
"""Components that have a row."""
DASH = "–"


class ComparisonGrid(QWidget):
    """One row a number: what it is, of the chosen points, of the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("The chosen points against the rest")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(3, 1)
        self._labels: list[tuple[QLabel, QLabel, QLabel]] = []
        self._show(0, "", "Selected", "Rest", "The points that are chosen, and all others that are shown")

    def set_comparison(self, found: Comparison) -> None:
        """Show `found`, in the units it is in."""
        known = max(found.chosen.worst, found.rest.worst) >= 0
        rows = list(zip(_numbers(found.chosen, known), _numbers(found.rest, known), strict=True))
        for place, ((name, own, tip), (_, other, _)) in enumerate(rows, start=1):
            self._show(place, name, own, other, tip)
        for labels in self._labels[len(rows) + 1 :]:
            for label in labels:
                label.hide()

    def rows(self) -> list[tuple[str, ...]]:
        """What is shown, row by row."""
        return [tuple(label.text() for label in labels) for labels in self._labels if not labels[0].isHidden()]

    def _show(self, place: int, *words: str) -> None:
        while place >= len(self._labels):
            labels = QLabel(), QLabel(), QLabel()
            for column, label in enumerate(labels):
                label.setProperty("caption", column == 0 or not self._labels)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                label.setTextFormat(Qt.TextFormat.PlainText)
                self._grid.addWidget(label, len(self._labels), column)
            self._labels.append(labels)
        *texts, tip = words
        for label, text in zip(self._labels[place], texts, strict=True):
            if label.text() != text:
                label.setText(text)
            label.setToolTip(tip)
            label.show()


def _numbers(group: Group, known: bool) -> Iterator[tuple[str, str, str]]:
    """Name, text and tooltip of each row, those of the log-ratios where they are `known`."""
    yield "Points", f"{group.count:,}", "How many there are"
    for k, (mean, spread) in enumerate(zip(group.mean[:MOST], group.spread[:MOST], strict=True)):
        text = f"{_mean_text(mean, spread)} ± {_text(spread)}" if math.isfinite(mean) else DASH
        yield component_name(k), text, "Mean and standard deviation of the points at the time cursor"
    yield (
        "Distance",
        _text(group.radius),
        "Mean distance of the points at the time cursor from their own mean, model units",
    )
    yield (
        "Norm at noise",
        _text(group.latent),
        "Mean ‖x_N‖ of their paths, model units; about √D where it is normal",
    )
    if not known:
        return
    total = f"{nats(group.log_ratio)}" if math.isfinite(group.log_ratio) else DASH
    some = f" ({group.known:,})" if group.known < group.count and group.known else ""
    yield (
        "Log-ratio",
        f"{total}{some}",
        "By how many nats the forward process finds their paths likelier than the backward one, a mean; in brackets "
        "of how many points it is known so far. Of forward paths it is the excess; of backward ones, where they are "
        "SDE steps with λ = 1 and noise in the last one, it is at most about 0",
    )
    share = f"{100 * group.above:.0f}%" if math.isfinite(group.above) else DASH
    yield "Above zero", share, "Share of the points whose path is likelier by the forward process"
    worst = f"i = {group.worst} ({nats(group.worst_value)})" if group.worst >= 0 else DASH
    yield "Worst step", worst, "The step that adds most to the log-ratio, and how much on average, nats"


def _mean_text(mean: float, spread: float) -> str:
    """In three digits, or as many as tell a hundredth of the spread: a mean may be far from 0."""
    if not (mean and spread > 0 and math.isfinite(spread)):
        return _text(mean)
    digits = 3 + math.floor(math.log10(abs(mean))) - math.floor(math.log10(spread))
    return f"{mean:,.{min(max(digits, 3), 15)}g}".replace("-", "−")


def _text(value: float) -> str:
    return short_number(value) if math.isfinite(value) else DASH
