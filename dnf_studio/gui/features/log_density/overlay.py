"""The log-density in a process view: a map with lines at fixed levels, what they mean, and whose density it is."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.drawing.caption import Notice
from dnf_studio.gui.drawing.layers.maps import ContoursLayer, HeatLayer, LabelsLayer, contour_lines
from dnf_studio.gui.drawing.point_plot import KEYS, LINES, MAPS, ProcessPlot
from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.widgets.choices import menu_button

if TYPE_CHECKING:
    from dnf_studio.core.exploration.log_density import LogDensity

LEVELS = (1.0, 2.0, 4.0, 8.0, 12.0)
"""Nats below the model's maximum."""
APART = (-1.0, 1.0)
"""Nats of model less exact that have a line."""
MOST = 2.0
"""Nats of model less exact that have the strongest colour."""
NAMES = {"model": "log p, model", "exact": "log p, exact", "difference": "log p, model − exact"}
BUTTONS = {"model": "log p", "exact": "log p exact", "difference": "Δ log p"}
MARGIN = 6
Array = NDArray[np.float64]


class ContourOverlay(QObject):
    """Three layers of a process view, a legend over it, and a button that says whose density is shown."""

    def __init__(self, view: ProcessPlot) -> None:
        super().__init__(view)
        self._plot, self._theme = view.plot, LIGHT
        self._choice, self._refining, self._where = "model", False, ""
        self._volume: float | None = None
        self._found: LogDensity | None = None
        self._key: tuple[object, ...] = ()
        self.map, self.lines, self.labels = HeatLayer(), ContoursLayer(), LabelsLayer()
        for layer, depth in ((self.map, MAPS), (self.lines, LINES + 1), (self.labels, KEYS)):
            layer.setZValue(depth)
            view.plot.addItem(layer, ignoreBounds=True)
        self.legend, self.button = Notice(view.plot, "What the log-density shows"), menu_button("Log-density")
        self._visible = True
        self.set_visible(False)
        view.box.sigResized.connect(self._place_legend)
        view.add_overlay(self, self.button)

    @property
    def found(self) -> LogDensity | None:
        """What is drawn."""
        return self._found

    def set_visible(self, visible: bool) -> None:
        """Show the density, or nothing of it."""
        if visible != self._visible:
            self._visible = visible
            self.button.setVisible(visible)
            self.set_found(None)

    def set_choice(self, choice: str) -> None:
        """Show that of the ``model``, the ``exact`` one or their ``difference``."""
        if choice != self._choice:
            self._choice = choice
            self._refresh()

    def set_found(self, found: LogDensity | None, refining: bool = False) -> None:
        """Show this density; None shows none."""
        self._found, self._refining = found if self._visible else None, refining
        self._refresh()

    def set_where(self, where: str) -> None:
        """Say that the points are not at t_0, to which the density belongs; nothing where they are."""
        if where != self._where:
            self._where = where
            self._tell()

    def set_volume(self, volume: float | None) -> None:
        """Count densities by data units, whose volume in standardised units has this logarithm; None by standardised
        ones."""
        if volume != self._volume:
            self._volume = volume
            self._tell()

    def say(self, sentence: str) -> None:
        """Say why there is nothing to show."""
        self.set_found(None)
        if self._visible:
            self.legend.setVisible(True)
            self._write([sentence])

    def recolour(self, theme: Theme) -> None:
        """Give every part the colours of `theme`."""
        self._theme = theme
        self.lines.set_colour(mix(theme.text, theme.base, 0.25))
        self.labels.set_colours(theme.text, theme.base)
        self.legend.set_theme(theme)
        self._key = ()
        self._refresh()

    @property
    def shown(self) -> str:
        """Whose density that is: the model's where the exact one is not known."""
        unknown = self._found is not None and self._found.exact is None
        return "model" if unknown else self._choice

    def _refresh(self) -> None:
        found, shown = self._found, self._found is not None
        self.button.setText(BUTTONS[self.shown])
        self.button.setToolTip(f"This is {NAMES[self.shown]}. Choose whose density is drawn.")
        for part in (self.map, self.lines, self.labels):
            part.setVisible(shown)
        self.legend.setVisible(shown)
        key = found, self.shown
        if found is not None and key != self._key:
            self._draw(found)
            self._key = key
        self._tell()

    def _draw(self, found: LogDensity) -> None:
        """Map and lines: levels are fixed below the model's maximum, limits of the difference fixed at all."""
        if self.shown == "difference" and found.difference is not None:
            values, levels = found.difference, {_nats(level): level for level in APART}
            limit, signed, shade = MOST, True, values
        else:
            values = found.exact if self.shown == "exact" and found.exact is not None else found.model
            levels = {_nats(-level): found.top - level for level in LEVELS}
            limit, signed, shade = LEVELS[-1], False, values - (found.top - LEVELS[-1])
        # A line towards −∞ is one towards far below
        kept = np.where(np.isnan(values), np.nan, np.clip(values, *_around(levels.values())))
        half = (found.x[1] - found.x[0]) / 2, (found.y[1] - found.y[0]) / 2
        extent = found.x[0] - half[0], found.y[0] - half[1], found.x[-1] + half[0], found.y[-1] + half[1]
        self.map.set_colours(self._theme.divergence if signed else self._theme.magnitude)
        shade = np.where(np.isnan(shade), np.nan, np.clip(shade, -limit if signed else 0.0, limit))
        self.map.set_values(
            shade, (float(extent[0]), float(extent[1]), float(extent[2]), float(extent[3])), limit, signed
        )
        lines = {label: contour_lines(found.x, found.y, kept, level) for label, level in levels.items()}
        self.lines.set_lines(lines)
        self.labels.set_lines(lines)

    def _tell(self) -> None:
        """What is seen, how its colours read, how fine it is, and that it is not where the points are."""
        found = self._found
        if found is None:
            return
        size = f"{len(found.x)} × {len(found.y)}"
        per = "standardised unit" if self._volume is None else "data unit"
        # A difference is the same in all units
        lines = [f"{NAMES[self.shown]}, at t₀, nats{'' if self.shown == 'difference' else f' per {per}²'}"]
        if not isfinite(found.top):
            self._write([*lines, f"{size}: the ODE of this model has no solution here"])
            return
        if self.shown == "difference":
            lines.append(f"{_nats(-MOST)} {self._blocks(self._theme.divergence)} {_nats(MOST)}")
        else:
            top = f"0 is {_nats(found.top - (self._volume or 0.0), True)}, the model’s maximum"
            lines.append(f"{_nats(-LEVELS[-1])} {self._blocks(self._theme.magnitude)} {top}")
        lines.append(f"{size}, refining…" if self._refining else f"{size}, {self._checks(found)}")
        if self._choice != self.shown:
            lines.append("the exact density is not known")
        if self._where:
            lines.append(f'<span style="color:{self._theme.warning}">{self._where}</span>')
        self._write(lines)

    def _checks(self, found: LogDensity) -> str:
        """How right it is: what the solver leaves, and how much of the mass the grid sees."""
        if self.shown == "exact" and found.exact_mass is not None:
            return f"∫p here {found.exact_mass:.3g}"
        error = f"log p ± {found.error:.1g}, " if isfinite(found.error) else ""
        return f"{error}∫p here {found.mass:.3g}"

    def _blocks(self, stops: tuple[str, ...]) -> str:
        """The colours of a map; that of the ground as an empty box."""
        empty = f'<span style="color:{self._theme.muted}">□</span>'
        return "".join(
            empty if colour == self._theme.base else f'<span style="color:{colour}">■</span>' for colour in stops
        )

    def _write(self, lines: list[str]) -> None:
        text = "<br>".join(lines)
        if text != self.legend.text():
            self.legend.setText(text)
            self._place_legend()

    @Slot()
    def _place_legend(self, _: object = None) -> None:
        """At the upper left of what the axes enclose; a sentence has lines of its own there."""
        area = self._plot.mapFromScene(self._plot.getViewBox().sceneBoundingRect()).boundingRect()
        wide = self.legend.text().count("<br>") == 0
        self.legend.setWordWrap(wide)
        self.legend.adjustSize()
        if wide:
            width = min(area.width() - 2 * MARGIN, 260)
            self.legend.resize(width, self.legend.heightForWidth(width))
        self.legend.move(area.left() + MARGIN, area.top() + MARGIN)


def _around(levels: object) -> tuple[float, float]:
    """Far below and far above all of `levels`."""
    numbers = list(levels)  # type: ignore[call-overload]
    return min(numbers) - LEVELS[-1], max(numbers) + LEVELS[-1]


def _nats(value: float, exact: bool = False) -> str:
    """Nats with a sign; whole where it is a level."""
    text = f"{value:.2f}" if exact else f"{value:+g}"
    return text.replace("-", "−")
