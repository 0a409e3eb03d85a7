"""One plot of a film: what is left out of it, the time that it shows, and how it is painted."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QRegion
from PySide6.QtWidgets import QAbstractButton, QComboBox, QGraphicsItem, QLabel, QWidget

from dnf_studio.gui.drawing.caption import DirectionSwitch
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import colour_text
from dnf_studio.gui.drawing.twins import overlays_of, steps_of
from dnf_studio.gui.drawing.words import node_at
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from dnf_studio.workers.frames import Frame


@runtime_checkable
class Finishing(Protocol):
    """An item that draws itself little by little."""

    def finish(self) -> None:
        """Draw all of it now."""


@runtime_checkable
class OfOneTime(Protocol):
    """A field over a plot, which is asked for at one node; at another one it would be wrong."""

    @property
    def answer(self) -> FieldAnswer | None:
        """What is shown."""

    def set_answer(self, answer: FieldAnswer | None) -> None:
        """Show this, or none."""


@runtime_checkable
class ByStep(Protocol):
    """A plot whose paths may have a colour for each step."""

    def set_step_colours(self, colours: None) -> None:
        """Draw them all in theirs."""


@runtime_checkable
class OfTheData(Protocol):
    """What belongs to the data end, and says so where points are elsewhere."""

    def set_where(self, where: str) -> None:
        """Say where the points are, with nothing that they are at the data."""


@runtime_checkable
class Following(Protocol):
    """What is drawn over a plot and follows the time cursor."""

    def set_cursor(self, fraction: float) -> None:
        """Show where points are, 0 at the data … 1 at the noise."""


@runtime_checkable
class InTraining(Protocol):
    """What marks the iteration that is shown."""

    def set_iteration(self, iteration: int | None) -> None:
        """Stand there, or nowhere."""


def prepare(twin: Plot) -> None:
    """Leave out what is there to be clicked; what it says of the picture becomes words."""
    nowhere = QWidget(twin)
    nowhere.hide()
    for place, box in enumerate(twin.findChildren(QComboBox), start=1):
        if not box.isHidden() and box.count() > 1:
            label = QLabel(box.currentText(), twin)
            colour_text(label, twin.theme.muted)
            twin.header.insertWidget(place, label)
        box.setParent(nowhere)
    for button in twin.findChildren(QAbstractButton):
        if not isinstance(button, DirectionSwitch) or not button.isChecked():
            button.setParent(nowhere)
    twin.caption_line.setMaximumHeight(0)
    for item in twin.plot.scene().items():
        # What is cached has the pixels of the screen
        item.setCacheMode(QGraphicsItem.CacheMode.NoCache)


def go(twin: Plot, position: float, steps: int) -> None:
    """Show this position among so many steps; a second model may have others, and is then as far on its way."""
    fraction = position / steps
    own = steps_of(twin, steps)
    twin.set_cursor(position if own == steps else fraction * own)
    for overlay in overlays_of(twin):
        if isinstance(overlay, Following):
            overlay.set_cursor(fraction)
        elif isinstance(overlay, OfTheData):
            node = node_at(fraction * own)
            overlay.set_where(f"the points are at step {node}" if node else "")


def paint_card(twin: Plot, painter: QPainter) -> None:
    """The header, then what is under it: a widget that is rendered would draw that for the pixels of the screen."""
    place, view = twin.geometry(), twin.plot
    for item in view.items():
        # What the window draws in turns
        if isinstance(item, Finishing):
            item.finish()
    painter.fillRect(place, QColor(twin.theme.base))
    header = QRegion(0, 0, place.width(), view.y())
    twin.render(painter, place.topLeft(), header, QWidget.RenderFlag.DrawChildren)
    window = view.viewport()
    corner = place.topLeft() + window.mapTo(twin, QPoint())
    view.render(painter, QRectF(QRect(corner, window.size())), window.rect())
    for child in (*view.children(), *window.children()):
        if isinstance(child, QWidget) and child is not window and child.isVisible():
            child.render(painter, place.topLeft() + child.mapTo(twin, QPoint()))


def show_frame(twin: Plot, frame: Frame, iteration: int | None) -> None:
    """Show this frame, which is of another `iteration` of the run; a second model stays as it is."""
    if not getattr(twin, "second", False):
        # What is known of the excess, and colours by it, are of the weights that the window shows
        twin.set_excess(None)
        if isinstance(twin, ByStep):
            twin.set_step_colours(None)
        twin.set_frame(frame)
    place = getattr(twin, "place", None)
    if isinstance(place, InTraining):
        place.set_iteration(iteration)


def field_of(twin: Plot) -> FieldRequest | None:
    """What was asked for the field that is shown; None where there is none, or that of a second model."""
    found = [overlay.answer for overlay in overlays_of(twin) if isinstance(overlay, OfOneTime)]
    shown = [answer.asked for answer in found if answer is not None]
    return shown[0] if shown and not getattr(twin, "second", False) else None


def show_field(twin: Plot, answer: FieldAnswer | None) -> None:
    """Show this field; none of another node, another model or a second one."""
    for overlay in overlays_of(twin):
        if isinstance(overlay, OfOneTime):
            overlay.set_answer(None if getattr(twin, "second", False) else answer)
