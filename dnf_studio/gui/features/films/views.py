"""What a film can show: a plot, both processes, or all plots as they stand in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF
from PySide6.QtWidgets import QStackedWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.twins import shows_something
from dnf_studio.gui.workspace.plots import Plots

WHOLE = QRectF(0, 0, 1, 1)


@dataclass(frozen=True, eq=False)
class View:
    """Plots, and where each of them stands in parts of the picture."""

    title: str
    plots: tuple[Plot, ...]
    places: tuple[QRectF, ...]


def views_of(plots: Plots) -> list[View]:
    """What there is to choose from now: what the window shows, then each plot alone, also one behind a tab."""
    full = [plot for plot in plots if shows_something(plot)]
    shown = [plot for plot in full if plot.isVisible()]
    both = [plot for plot in shown if isinstance(plot, ProcessPlot)]
    views = [View("Both processes", tuple(both), arranged(both))] if len(both) > 1 else []
    if len(shown) > max(1, len(both)):
        views.append(View("All that is shown", tuple(shown), arranged(shown)))
    # Points behind images have the same name, and are not asked for
    alone = [plot for plot in full if plot in shown or not isinstance(plot.parentWidget(), QStackedWidget)]
    return [*views, *(View(plot.full_name, (plot,), (WHOLE,)) for plot in alone)]


def arranged(plots: Sequence[Plot]) -> tuple[QRectF, ...]:
    """Where `plots` stand in the window, in parts of the least rectangle around them all.

    What ends above the others' lower edge with nothing below it but a tab bar is made as high as they are.
    """
    places = [QRectF(QPoint(*_corner(plot)), plot.size()) for plot in plots]
    whole = QRectF()
    for place in places:
        whole = whole.united(place)
    for place in places:
        below = [other for other in places if other.top() >= place.bottom() and _overlap(place, other)]
        place.setBottom(min((other.top() for other in below), default=whole.bottom()))
    width, height = max(1.0, whole.width()), max(1.0, whole.height())
    return tuple(
        QRectF(
            (place.left() - whole.left()) / width,
            (place.top() - whole.top()) / height,
            place.width() / width,
            place.height() / height,
        )
        for place in places
    )


def _corner(plot: Plot) -> tuple[int, int]:
    at = plot.mapTo(plot.window(), QPoint())
    return at.x(), at.y()


def _overlap(one: QRectF, other: QRectF) -> bool:
    """Whether one stands above the other."""
    return one.left() < other.right() and other.left() < one.right()
