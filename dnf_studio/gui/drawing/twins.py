"""A second plot that shows what another one does, to be painted at other times and sizes while that one is looked at.

A plot holds what it shows as arrays and records, which nobody writes to again, and as layers that hold the same; all of
that is handed to a new plot of its kind. Signals, buttons and what follows the window stay behind: the twin follows
nothing. `tests/gui/features/films/test_twins.py` compares every plot of the window with its twin, pixel by pixel.
"""

from __future__ import annotations

from copy import copy
from dataclasses import is_dataclass
from functools import cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF, QSignalBlocker
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QAbstractButton, QComboBox, QGraphicsItem, QWidget

from dnf_studio.gui.drawing.notice import Notice
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.point_plot import Overlay, ProcessPlot
from dnf_studio.workers.frames import Frame

Part = Any
"""A plot, a layer, a control: what has its like in the other plot. Pyqtgraph has no types."""
PLAIN = (type(None), bool, int, float, str, np.ndarray, np.generic, QColor, QFont, QRectF)
OWN = frozenset({"_built", "_is_empty", "_letters", "_ring"})
"""What a plot knows of itself, not of what it shows."""
SIDES = ("left", "bottom", "right")


def twin_of(plot: Plot) -> Plot:
    """Another plot, without a parent, that shows what `plot` does now and follows nothing."""
    made: Plot = type(plot)(plot.direction) if isinstance(plot, ProcessPlot) else type(plot)()  # type: ignore[call-arg]
    made.set_words(plot.accessibleName(), plot.caption)
    made.set_letter(plot.letter)
    made.set_hint(plot._empty.text())
    made.set_empty(bool(plot._is_empty))
    handover = _Handover()
    handover.give_all(plot, made)
    for overlay in overlays_of(plot):
        handover.give_all(overlay, type(overlay)(made))  # type: ignore[call-arg]
    made.recolour()
    _copy_axes(plot.plot, made.plot)
    made.box.setRange(plot.box.targetRect(), padding=0)
    made.note.say(plot.note.texts, plot.note.warns)
    return made


def shows_something(plot: Plot) -> bool:
    """Whether there is more in `plot` than a sentence that says why it is empty."""
    return not plot._is_empty


def overlays_of(plot: Plot) -> list[Overlay]:
    """What others have drawn over it; each is made from a plot alone."""
    return plot._overlays if isinstance(plot, ProcessPlot) else []


def steps_of(plot: Plot, otherwise: int) -> int:
    """N of the frame that it holds; `otherwise` where it holds none."""
    frame = getattr(plot, "_frame", None)
    return len(frame.t) - 1 if isinstance(frame, Frame) else otherwise


class _Handover:
    """Gives one object all that another of its kind holds to show, each part to its like."""

    def __init__(self) -> None:
        self._done: set[int] = set()

    def give_all(self, one: object, other: object) -> None:
        """Give `other` what `one` holds, and their parts."""
        if id(one) in self._done:
            return
        self._done.add(id(one))
        left = OWN | _of_pyqtgraph() if isinstance(one, QGraphicsItem) else OWN
        for name, value in vars(one).items():
            if name not in left and name in vars(other):
                self._give(other, name, value, vars(other)[name])

    def _give(self, owner: object, name: str, value: Part, own: Part) -> None:
        """What is plain, itself; what draws or is set by hand, what it shows or how it is set."""
        if _is_plain(value):
            setattr(owner, name, copy(value) if isinstance(value, list | dict) else value)
        elif isinstance(value, dict):
            for key in value.keys() & own.keys():
                self._show_alike(value[key], own[key])
        elif _is_plain_object(value):
            setattr(owner, name, copy(value))
        else:
            self._show_alike(value, own)

    def _show_alike(self, one: Part, other: Part) -> None:
        if isinstance(one, pg.AxisItem | pg.ViewBox) or type(one) is not type(other):
            return
        if isinstance(one, QGraphicsItem):
            self._copy_item(one, other)
        elif isinstance(one, ColouredByPoint):
            other.show(one.shown)
        elif isinstance(one, QAbstractButton | QComboBox | Notice):
            _copy_control(one, other)
        elif hasattr(one, "show_alike"):
            other.show_alike(one)

    def _copy_item(self, one: Part, other: Part) -> None:
        """What pyqtgraph's items show is set as they want it; layers hold it themselves."""
        if isinstance(one, pg.PlotCurveItem):
            options = {name: one.opts[name] for name in ("connect", "fillLevel", "stepMode")}
            other.setData(*one.getData(), **options)
        elif isinstance(one, pg.PlotDataItem):
            if one.getOriginalDataset()[0] is not None:
                other.setData(*one.getOriginalDataset())
        elif isinstance(one, pg.ScatterPlotItem):
            other.setData(*one.getData())
        elif isinstance(one, pg.InfLineLabel):
            other.setFormat(one.format)
        elif isinstance(one, pg.InfiniteLine):
            other.setBounds(one.maxRange)
            other.setValue(one.value())
        else:
            self.give_all(one, other)
        other.setVisible(one.isVisible())
        other.setOpacity(one.opacity())
        other.setZValue(one.zValue())


def _copy_control(one: QWidget, other: Part) -> None:
    with QSignalBlocker(other):
        if isinstance(one, QComboBox):
            other.clear()
            other.addItems([one.itemText(k) for k in range(one.count())])
            other.setCurrentIndex(one.currentIndex())
        elif isinstance(one, Notice):
            other.setText(one.text())
        elif isinstance(one, QAbstractButton):
            other.setText(one.text())
            other.setChecked(one.isChecked())
    other.setVisible(not one.isHidden())


def _copy_axes(one: pg.PlotWidget, other: pg.PlotWidget) -> None:
    for side in SIDES:
        axis, own = one.getAxis(side), other.getAxis(side)
        other.showAxis(side, axis.isVisible())
        own.setTicks(axis._tickLevels)
        own.setLabel(axis.labelText or None)
        own.setStyle(showValues=axis.style["showValues"])
        if axis.linkedView() is None:
            own.setRange(*axis.range)
        if side != "right":
            own.set_unit(axis._mean, axis._scale)


def _is_plain(value: object) -> bool:
    """Whether nobody writes to it again, so that two may hold it; lists and dicts of such are copied."""
    if isinstance(value, tuple | list | frozenset | set):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, PLAIN) or (is_dataclass(value) and not isinstance(value, QObject))


def _is_plain_object(value: object) -> bool:
    """Whether it is one of ours that holds nothing but what is plain."""
    ours = type(value).__module__.startswith("dnf_studio.") and not isinstance(value, QObject | QGraphicsItem)
    return ours and all(map(_is_plain, getattr(value, "__dict__", {"": object()}).values()))


@cache
def _of_pyqtgraph() -> frozenset[str]:
    """What every item of pyqtgraph holds about its view."""
    return frozenset(vars(pg.GraphicsObject()))
