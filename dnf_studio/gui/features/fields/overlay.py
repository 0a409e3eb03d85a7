"""A vector field in a process view: arrows or streamlines, the heat map under them, what they mean, and which it is.

All point the way points move as time runs in their view, but the score, which is a gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.drawing.layers.maps import HeatLayer
from dnf_studio.gui.drawing.layers.vectors import ArrowsLayer, StreamsLayer, next_limit, upper_limit
from dnf_studio.gui.drawing.notice import Notice
from dnf_studio.gui.drawing.point_plot import LINES, MAPS, ProcessPlot
from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.drawing.words import percent, short_number
from dnf_studio.gui.widgets.choices import menu_button
from dnf_studio.workers.fields import FieldAnswer

if TYPE_CHECKING:
    from dnf_studio.core.exploration.by_step import ScoreShare
    from dnf_studio.core.exploration.fields import FieldName
    from dnf_studio.core.sde.sample_settings import Direction

SYMBOLS = {"drift": ("f", "−f"), "flow": ("f − ½g²s", "½g²s − f"), "score": ("g²s", "g²s")}
"""How fields are written with time running forward, and backward."""
TIME = {"forward": "time from data to noise", "backward": "time from noise to data"}
GRADIENT = "up the log-density, whichever way time runs"
MARGIN = 6


class FieldOverlay(QObject):
    """Layers of a process view, a legend over it, and a button that says which field is shown."""

    def __init__(self, view: ProcessPlot) -> None:
        super().__init__(view)
        self._direction, self._plot = cast("Direction", view.direction), view.plot
        self._theme = LIGHT
        self._field, self._heat, self._style = "used", "none", "arrows"
        self._answer: FieldAnswer | None = None
        self._score: ScoreShare | None = None
        self._said: list[str] = []
        self.told = ""
        """What is said before the field where it is not the model's own but a difference."""
        self._limits: dict[str, float] = {}
        self._key: tuple[object, ...] = ()
        self.arrows, self.streams, self.heat = ArrowsLayer(), StreamsLayer(), HeatLayer()
        for layer, depth in ((self.heat, MAPS + 1), (self.arrows, LINES + 2), (self.streams, LINES + 2)):
            layer.setZValue(depth)
            view.plot.addItem(layer, ignoreBounds=True)
        self.legend, self.button = Notice(view.plot, "What the arrows show"), menu_button("Field and heat map")
        self._visible = True
        self.set_visible(False)
        view.box.sigResized.connect(self._place_legend)
        view.add_overlay(self, self.button)

    def set_visible(self, visible: bool) -> None:
        """Show the field, or nothing of it."""
        if visible != self._visible:
            self._visible = visible
            self.button.setVisible(visible)
            self.set_answer(None)

    def set_choice(self, field: str, heat: str, style: str = "arrows") -> None:
        """Which field, ``used`` for that of the process, what of it is coloured, and ``arrows`` or ``streamlines``."""
        if (field, heat, style) != (self._field, self._heat, self._style):
            self._field, self._heat, self._style = field, heat, style
            self._refresh()

    def set_answer(self, answer: FieldAnswer | None, told: str = "") -> None:
        """Show these fields; None shows none. `told` is said before what they are."""
        self._answer, self.told = answer if self._visible else None, told
        self._refresh()

    def set_score(self, score: ScoreShare | None) -> None:
        """What of the backward drift is the score, for the frame that is shown."""
        self._score = score
        if self._answer is not None:
            self._say()

    def recolour(self, theme: Theme) -> None:
        """Give every part the colours of `theme`."""
        self._theme = theme
        for layer in (self.arrows, self.streams):
            layer.set_colour(mix(theme.text, theme.base, 0.3))
        self.legend.set_theme(theme)
        self._refresh()

    @property
    def answer(self) -> FieldAnswer | None:
        """What is shown; None where nothing is."""
        return self._answer

    @property
    def name(self) -> FieldName:
        """The field that is shown."""
        return shown_field(self._field, self._direction, self._answer.request.parts if self._answer else "both")

    def _refresh(self) -> None:
        answer, theme = self._answer, self._theme
        self.button.setText(self._symbol())
        self.button.setToolTip(f"The field is {self._symbol()}. Choose the field and the heat map under it.")
        shown = answer is not None
        lines = answer.lines.get(self.name) if answer is not None and self._style == "streamlines" else None
        if lines is not None and self._direction == "backward" and self.name != "score":
            lines = lines.reversed()
        self.arrows.setVisible(shown and lines is None)
        self.streams.setVisible(lines is not None)
        self.heat.setVisible(shown and self._heat != "none")
        self.legend.setVisible(shown)
        if answer is None:
            self._limits = {}
            return
        key = (answer.asked, answer.request, self.name, self.told)
        if key != self._key:
            # Another time, place or field has limits of its own; only new weights ease into theirs
            self._limits, self._key = {}, key
        found, way = answer.grid, (answer.request.level, self._direction)
        vectors = found.vectors(self.name, *way)
        longest = self._limit("arrows", np.hypot(vectors[..., 0], vectors[..., 1]), answer.inhabited)
        if lines is None:
            self.arrows.set_field(found.x, found.y, vectors, longest)
        else:
            self.streams.set_lines(lines)
        said = [f"{self.told}{self._symbol()}, {GRADIENT if self.name == 'score' else TIME[self._direction]}"]
        if lines is None:
            said.append(f"the longest arrows are {short_number(longest)} or more" if longest else "0 everywhere")
        if self._heat != "none":
            signed = self._heat == "divergence"
            values = found.divergence(self.name, *way) if signed else found.magnitude(self.name, way[0])
            limit = self._limit(self._heat, values, answer.inhabited)
            stops = theme.divergence if signed else theme.magnitude
            self.heat.set_colours(stops)
            self.heat.set_values(values, answer.asked.extent, limit, signed)
            said.append(_scale(self._heat_name(found.whole), -limit if signed else 0.0, limit, stops))
        self._said = said
        self._say()

    def _limit(self, what: str, values: NDArray[np.float64], where: NDArray[np.bool_]) -> float:
        """The limit for `values` `where` points are, which comes slowly where only the weights are new."""
        wanted = upper_limit(values[where]) or upper_limit(values)
        self._limits[what] = next_limit(self._limits.get(what), wanted)
        return self._limits[what]

    def _symbol(self) -> str:
        """How the field is written, with the λ of what is shown."""
        lam = self._answer.request.level if self._answer is not None else 1.0
        forward = self._direction == "forward"
        if self.name != "backward":
            return SYMBOLS[self.name][0 if forward else 1]
        score = "g²s" if lam == 1 else f"{0.5 * (1 + lam * lam):.2g} g²s"
        return f"f − {score}" if forward else f"{score} − f"

    def _heat_name(self, whole: bool) -> str:
        if self._heat == "magnitude":
            return "length"
        return "divergence" if whole else "divergence in the plane"

    def _hint(self) -> str:
        """The measured share of the score where the field has it, and whether it is too small to matter."""
        score, step = self._score, -1 if self._answer is None else self._answer.asked.node - 1
        # No step uses the score at t_0
        if self.told or self.name == "drift" or score is None or not 0 <= step < len(score.share):
            return ""
        if np.isnan(score.share[step]):
            return ""
        share = percent(float(score.share[step]))
        if score.idle[step]:
            idle = f"score idle: {share} of the backward drift"
            return f'<span style="color:{self._theme.warning}">{idle}</span>'
        return f"score: {share} of the backward drift"

    def _say(self) -> None:
        hint = self._hint()
        text = "<br>".join([*self._said, hint] if hint else self._said)
        if text != self.legend.text():
            self.legend.setText(text)
            self._place_legend()

    @Slot()
    def _place_legend(self, _: object = None) -> None:
        """At the lower left of what the axes enclose."""
        area = self._plot.getViewBox().sceneBoundingRect()
        self.legend.adjustSize()
        corner = self._plot.mapFromScene(area.bottomLeft())
        self.legend.move(corner.x() + MARGIN, corner.y() - self.legend.height() - MARGIN)


def shown_field(choice: str, direction: str, parts: str = "both") -> FieldName:
    """The field of a choice: ``used`` is the drift forward, and backward the backward drift or the part of it kept."""
    used = "drift" if direction == "forward" else {"both": "backward"}.get(parts, parts)
    return cast("FieldName", used if choice == "used" else choice)


def _scale(name: str, low: float, high: float, stops: tuple[str, ...]) -> str:
    """A row of the map's colours between its ends."""
    blocks = "".join(f'<span style="color:{colour}">■</span>' for colour in stops)
    return f"{name} {short_number(low)} {blocks} {short_number(high)}"
