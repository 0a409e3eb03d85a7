"""What can be a figure: each plot that is seen, both processes, all plots as they stand, and time slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.figure import FigureStyle, paint_plot
from dnf_studio.gui.drawing.figure_file import Paint
from dnf_studio.gui.drawing.figure_sheet import Slices, Spacing, paint_sheet, paint_stage, slice_nodes
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

BOTH, ALL, SLICES = "both processes", "all plots shown", "time slices"


@dataclass(frozen=True)
class Timing:
    """How many time slices, and what is evenly spaced between them."""

    count: int = 5
    spacing: Spacing = "step"
    second: bool = True
    """Whether the model that is compared with has rows of its own, where there is one."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a figure shows: how it is called, and what paints it in a style."""

    title: str
    paint: Callable[[FigureStyle], Paint]


class Subjects:
    """Finds what there is to make a figure of, at the moment when it is asked."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._twins: list[ProcessPlot] = []

    def offered(self) -> dict[str, object]:
        """By what they are called: `BOTH`, `ALL`, `SLICES`, or a plot."""
        seen = self._seen()
        both = [plot for plot in seen if isinstance(plot, ProcessPlot)]
        found: dict[str, object] = {"Both processes": BOTH} if len(both) > 1 else {}
        if len(seen) > len(both) or len(both) > 1:
            found["All plots that are shown"] = ALL
        if self._frames():
            found["Time slices of both processes"] = SLICES
        for plot in seen:
            name = plot.full_name
            found[name if name not in found else f"{name} ({sum(name in each for each in found) + 1})"] = plot
        return found

    @property
    def two(self) -> bool:
        """Whether there are two models to make slices of."""
        return len(self._frames()) > 1

    def subject(self, key: object, timing: Timing) -> Subject:
        """What `key`, one of those offered, stands for; raises `ExportError` where there is nothing to show of it."""
        if key == SLICES:
            return self._slices(timing)
        plots = [key] if isinstance(key, Plot) and isValid(key) else self._seen()
        if key == BOTH:
            plots = [plot for plot in plots if isinstance(plot, ProcessPlot)]
        if not plots or any(plot.is_empty for plot in plots):
            raise ExportError("There is nothing to show yet: open a model first, or let what is computed come.")
        if isinstance(key, Plot):
            return Subject(key.full_name, lambda style: lambda p, rect: paint_plot(p, plots[0], rect, style))
        seen = _placed(plots, self._workspace.parent)
        title = "Both processes" if key == BOTH else "Plots"
        names = zip("AB", self._workspace.comparison.names, strict=False) if self.two else ()
        key_line = "    ".join(f"{letter}  {name}" for letter, name in names)
        square = [plot for plot in plots if isinstance(plot, ProcessPlot)] if key == BOTH and len(plots) == 4 else []

        def paint(style: FigureStyle) -> Paint:
            if square and style.width < 2 * style.height:
                # Four beside each other are slivers in a column of a paper, and so low there is no room for captions
                plain, placed = replace(style, caption=False), _in_square(square)
                return lambda p, rect: paint_stage(p, placed, rect, plain, key_line)
            return lambda p, rect: paint_stage(p, seen, rect, style, key_line)

        return Subject(title, paint)

    def close(self) -> None:
        """Let the views go that only slices are painted from."""
        for twin in self._twins:
            twin.deleteLater()
        self._twins = []

    def _seen(self) -> list[Plot]:
        """The plots that are seen, from the upper left on; those in docks come last."""
        plots = [plot for plot in self._workspace.parent.findChildren(Plot) if plot.isVisible() and not plot.is_empty]
        main = set(self._workspace.plots)
        return sorted(plots, key=lambda plot: (plot not in main, *_corner(plot, self._workspace.parent)))

    def _frames(self) -> list[tuple[str, Frame]]:
        """The frames of the model that is shown and of that which is compared with it, of two components or more."""
        comparison = self._workspace.comparison
        found = zip(comparison.names or ("",), (self._workspace.live.frame, comparison.frame), strict=False)
        return [(name, frame) for name, frame in found if frame is not None and frame.forward.shape[2] > 1]

    def _slices(self, timing: Timing) -> Subject:
        frames = self._frames()
        if not frames:
            raise ExportError("Time slices need a model of data with two components or more; open one first.")
        self.close()
        models = []
        diameter, opacity = self._workspace.session.state.dots
        for name, frame in frames[: 2 if timing.second else 1]:
            views = [self._workspace.plots[direction] for direction in ("forward", "backward")]
            twins = [twin for view in views if isinstance(view, ProcessPlot) and (twin := view.twin(frame))]
            self._twins += twins
            for twin in twins:
                for by_point in twin.coloured.values():
                    by_point.set_dots(diameter / 100, opacity / 100)
            models.append(Slices(name, tuple(twins), frame.t, slice_nodes(frame.t, timing.count, timing.spacing)))
        title = " and ".join(model.name for model in models)
        return Subject(title, lambda style: lambda p, rect: paint_sheet(p, models, rect, style))


def _corner(plot: Plot, window: QWidget) -> tuple[int, int]:
    corner = plot.mapTo(window, QPoint()) if window.isAncestorOf(plot) else plot.mapToGlobal(QPoint())
    return corner.y(), corner.x()


def _in_square(plots: list[ProcessPlot]) -> list[tuple[Plot, QRectF]]:
    """Both processes of A above those of B, in parts of the whole."""
    return [(plot, QRectF(0.5 * (plot.direction == "backward"), 0.5 * plot.second, 0.5, 0.5)) for plot in plots]


def _placed(plots: list[Plot], window: QWidget) -> list[tuple[Plot, QRectF]]:
    """Where the plots are in the window, in parts of the rectangle around them; those in a window of their own not."""
    places = [(plot, QRect(plot.mapTo(window, QPoint()), plot.size())) for plot in plots if window.isAncestorOf(plot)]
    whole = QRect()
    for _, place in places:
        whole |= place
    return [
        (
            plot,
            QRectF(
                (place.left() - whole.left()) / whole.width(),
                (place.top() - whole.top()) / whole.height(),
                place.width() / whole.width(),
                place.height() / whole.height(),
            ),
        )
        for plot, place in places
    ]
