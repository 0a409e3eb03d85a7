"""The log-density in a process view: a map with lines at fixed levels, what they mean, and whose density it is."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPoint, Slot

from dnf_studio.gui.drawing.layers.maps import ContoursLayer, HeatLayer, LabelsLayer, contour_lines, dashed
from dnf_studio.gui.drawing.notice import Notice
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
DASHES = 90
"""Dashes and gaps of the second model's lines along the longer side of the rectangle that was computed."""
MARGIN = 6
MOST_LEGEND = 0.25
"""The part of a view's height that its legend may take; where it would take more, it has what is needed to read it."""
Array = NDArray[np.float64]


class ContourOverlay(QObject):
    """Map and lines of a process view, a legend over it, and a button that says whose density is shown.

    A second model drawn over the first has dashed lines at the same levels.
    """

    def __init__(self, view: ProcessPlot) -> None:
        super().__init__(view)
        self._plot, self._theme = view.plot, LIGHT
        self._choice, self._refining, self._where = "model", False, ""
        self._volume: float | None = None
        self._top: float | None = None
        self._found: LogDensity | None = None
        self._second: LogDensity | None = None
        self._key: tuple[object, ...] = ()
        self.map, self.lines, self.labels, self.over = HeatLayer(), ContoursLayer(), LabelsLayer(), ContoursLayer()
        depths = (self.map, MAPS), (self.lines, LINES + 1), (self.over, LINES + 2), (self.labels, KEYS)
        for layer, depth in depths:
            layer.setZValue(depth)
            view.plot.addItem(layer, ignoreBounds=True)
        self.legend = Notice(view.plot, "What the log-density shows", rank=2)
        self._texts = [""]
        self.button = menu_button("Log-density")
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

    def set_over(self, second: LogDensity | None) -> None:
        """Draw the lines of a second model over those of the first; None draws none."""
        if second is not self._second:
            self._second = second
            self._refresh()

    def set_top(self, top: float | None) -> None:
        """Count nats from this maximum, that of the other model beside which this one is shown; None from its own."""
        if top != self._top:
            self._top = top
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
        self.over.set_colour(self._colour_over)
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
        self._tip()
        for part in (self.map, self.lines, self.labels):
            part.setVisible(shown)
        self.over.setVisible(shown and self._second is not None)
        self.legend.setVisible(shown)
        key = found, self.shown, self._second, self._zero
        if found is not None and key != self._key:
            if key[:2] != self._key[:2] or key[3] != self._key[3]:
                self._draw(found)
            self._draw_over()
            self._key = key
        self._tell()

    @property
    def _colour_over(self) -> str:
        """The colour of the second model, moved to that of letters: it is seen on the points of that model."""
        return mix(self._theme.second, self._theme.text, 0.5)

    @property
    def _zero(self) -> float:
        """The log-density from which nats are counted."""
        known = self._top is not None and isfinite(self._top)
        return self._top if known and self._top is not None else self._found.top if self._found is not None else 0.0

    def _levels(self) -> dict[str, float]:
        """The values that have a line, by what is written at it."""
        if self.shown == "difference":
            return {_nats(level): level for level in APART}
        return {_nats(-level): self._zero - level for level in LEVELS}

    def _values(self, found: LogDensity) -> Array:
        """What is drawn of one model, (R, C)."""
        if self.shown == "difference" and found.difference is not None:
            return found.difference
        return found.exact if self.shown == "exact" and found.exact is not None else found.model

    def _lines_of(self, found: LogDensity) -> dict[str, Array]:
        values, levels = self._values(found), self._levels()
        # A line towards −∞ is one towards far below
        kept = np.where(np.isnan(values), np.nan, np.clip(values, *_around(levels.values())))
        return {label: contour_lines(found.x, found.y, kept, level) for label, level in levels.items()}

    def _draw_over(self) -> None:
        """The lines of the second model in dashes, each of a cell at least; the exact ones are those of the data."""
        second, lines = self._second, dict[str, Array]()
        if second is not None and self.shown != "exact":
            longer = max(float(np.ptp(second.x)), float(np.ptp(second.y)))
            dash = max(longer / DASHES / 2, float(second.x[1] - second.x[0]))
            lines = {label: dashed(each, dash) for label, each in self._lines_of(second).items()}
        self.over.set_lines(lines)

    def _draw(self, found: LogDensity) -> None:
        """Map and lines: levels are fixed below a model's maximum, limits of the difference fixed at all."""
        values, signed = self._values(found), self.shown == "difference"
        limit, shade = (MOST, values) if signed else (LEVELS[-1], values - (self._zero - LEVELS[-1]))
        half = (found.x[1] - found.x[0]) / 2, (found.y[1] - found.y[0]) / 2
        extent = found.x[0] - half[0], found.y[0] - half[1], found.x[-1] + half[0], found.y[-1] + half[1]
        self.map.set_colours(self._theme.divergence if signed else self._theme.magnitude)
        shade = np.where(np.isnan(shade), np.nan, np.clip(shade, -limit if signed else 0.0, limit))
        self.map.set_values(
            shade, (float(extent[0]), float(extent[1]), float(extent[2]), float(extent[3])), limit, signed
        )
        lines = self._lines_of(found)
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
            scale = f"{_nats(-MOST)} {self._blocks(self._theme.divergence)} {_nats(MOST)}"
            lines.append(scale)
        else:
            whose = "the model’s maximum" if self._zero == found.top else "the maximum of A"
            top = f"0 is {_nats(self._zero - (self._volume or 0.0), True)}, {whose}"
            scale = f"{_nats(-LEVELS[-1])} {self._blocks(self._theme.magnitude)} "
            lines.append(f"{scale}{top}")
            scale += "0"
        lines.append(f"{size}, refining…" if self._refining else f"{size}, {self._checks(found)}")
        if self._choice != self.shown:
            lines.append("the exact density is not known")
        if self._second is not None and self.shown != "exact":
            lines.append(f'<span style="color:{self._colour_over}">╌╌</span> B, the same levels')
        if self._where:
            lines.append(f'<span style="color:{self._theme.warning}">{self._where}</span>')
        self._write(lines, [scale, *([lines[-1]] if self._where else [])])

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

    def _write(self, lines: list[str], short: list[str] | None = None) -> None:
        """Have these lines in the legend, the `short` ones where a view is small; the button tells them all."""
        texts = ["<br>".join(each) for each in (lines, short) if each]
        if texts != self._texts:
            self._texts = texts
            self._place_legend()
        self._tip(f"<br>{texts[0]}")

    def _tip(self, more: str = "") -> None:
        self.button.setToolTip(f"This is {NAMES[self.shown]}. Choose whose density is drawn.{more}")

    @Slot()
    def _place_legend(self, _: object = None) -> None:
        """At the upper left of what the axes enclose; what is wider has further lines there, as a sentence has."""
        area = self._plot.mapFromScene(self._plot.getViewBox().sceneBoundingRect()).boundingRect()
        for text in self._texts:
            self._fit(text, area.width() - 2 * MARGIN)
            if self.legend.height() <= MOST_LEGEND * area.height():
                break
        self.legend.stand(QPoint(area.left() + MARGIN, area.top() + MARGIN))

    def _fit(self, text: str, room: int) -> None:
        """Have `text` in the legend, in as many lines as so many pixels need."""
        sentence = "<br>" not in text and self._found is None
        if text != self.legend.text():
            self.legend.setText(text)
        self.legend.setWordWrap(sentence)
        self.legend.adjustSize()
        if sentence or self.legend.width() > room:
            self.legend.setWordWrap(True)
            width = min(room, 260) if sentence else room
            self.legend.resize(width, self.legend.heightForWidth(width))


def _around(levels: object) -> tuple[float, float]:
    """Far below and far above all of `levels`."""
    numbers = list(levels)  # type: ignore[call-overload]
    return min(numbers) - LEVELS[-1], max(numbers) + LEVELS[-1]


def _nats(value: float, exact: bool = False) -> str:
    """Nats with a sign; whole where it is a level."""
    text = f"{value:.2f}" if exact else f"{value:+g}"
    return text.replace("-", "−")
