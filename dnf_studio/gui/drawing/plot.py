"""What every plot of the window shares: a header, a drawing area, a sentence while it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QFont, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.caption import Caption, Note, Title
from dnf_studio.gui.drawing.help import Help, HelpButton
from dnf_studio.gui.drawing.layers.device import forget_pictures
from dnf_studio.gui.drawing.picking import SelectBox, adds
from dnf_studio.gui.drawing.picture import PictureMenu, drop_options
from dnf_studio.gui.drawing.telling import TellingPlot
from dnf_studio.gui.drawing.theme import LIGHT, Theme, colour_text
from dnf_studio.gui.drawing.units import UnitAxis, Units

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame
    from dnf_studio.workers.frames import Frame

AXES = ("left", "bottom", "right")
CAPTION_HEIGHT = 220
"""From this height of the card on the caption is shown under the title."""
UNSEEN = (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.ActiveWindowFocusReason)
"""How a plot gets the focus without the keyboard."""


class Plot(TellingPlot, QWidget):
    """A card with a title, a note on the right that follows the cursor, and a pyqtgraph plot.

    `caption` says in one line what is seen; it is also the tooltip of the title and the description that a screen
    reader gets, which reads the key numbers from the note. With `help_` the plot has a "?" that opens it. A plot of
    something adds its items in `add_parts`, colours them in `recolour` and says in `reset_view` what is the whole.
    """

    double_clicked = Signal()
    second = False
    """Whether it shows the second model of a comparison, whose frames it gets from there alone."""
    resting = False
    """Whether it is out of sight for a moment, and is moved to the time cursor before it is seen again."""

    def __init__(
        self, title: str, caption: str, empty: str, parent: QWidget | None = None, help_: Help | None = None
    ) -> None:
        super().__init__(parent)
        self.caption = caption
        self.theme = LIGHT
        self._title_text, self._invitation = title, empty
        self._ring = self._built = False
        self._letters = QFont(self.font())
        self.setAutoFillBackground(True)
        self.setAccessibleName(title)
        self.title, self.note = Title(self), Note(self)
        self.caption_line = Caption(caption, self)
        self.help = HelpButton(help_, self) if help_ is not None else None
        self.header = self._make_header()
        self.plot = self._make_plot()
        self.box: SelectBox = self.plot.getViewBox()
        self.box.disableAutoRange()
        self._empty = self._make_empty()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(self.header)
        self._caption_row = QHBoxLayout()
        self._caption_row.addWidget(self.caption_line, 1)
        layout.addLayout(self._caption_row)
        layout.addWidget(self.plot, 1)
        self.plot.installEventFilter(self)
        if self.help is not None:
            # The plot first: the window begins with the focus there
            self.setTabOrder(self.plot, self.help)
        self.pictures = PictureMenu(self, self.plot, self.help)
        self._style_axes()
        self.set_empty(True)
        self.add_parts()
        self._built = True
        self.recolour()

    def add_parts(self) -> None:
        """Add the items of this plot; called once by the constructor, before the first `recolour`."""

    def set_theme(self, theme: Theme) -> None:
        """Recolour everything, and write it in the letters of the window."""
        if theme is not self.theme:
            self.theme = theme
            self.recolour()
        self._follow_letters()

    def reset_view(self) -> None:
        """Show the whole again after zooming."""

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`, or nothing where it is None; a plot that shows no frames ignores it."""

    def set_cursor(self, position: float) -> None:
        """Follow the time cursor to `position` in node units, 0 … N; a plot without a time ignores it."""

    def set_excess(self, found: ExcessFrame | None) -> None:
        """Show what is known of the excess so far; a plot that shows no excess ignores it."""

    def set_units(self, units: Units) -> None:
        """Write places in `units` from now on; a plot that shows none ignores it."""

    def set_tool(self, tool: str) -> None:
        """With ``rectangle`` or ``lasso`` a drag draws a region; with nothing it moves the view."""
        self.box.set_tool(tool)
        self.plot.viewport().setCursor(Qt.CursorShape.CrossCursor if tool else Qt.CursorShape.ArrowCursor)

    def set_empty(self, empty: bool) -> None:
        """Show the sentence instead of axes, or the axes."""
        if empty == self._is_empty:
            return
        self._is_empty = empty
        self._empty.setVisible(empty)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setStyle(showValues=not empty)
            self.plot.getAxis(side).setOpacity(0.0 if empty else 1.0)

    def set_words(self, title: str, caption: str) -> None:
        """Another title and caption: what the plot shows is another thing."""
        self._title_text, self.caption = title, caption
        self.setAccessibleName(title)
        self.plot.setAccessibleName(self.full_name)
        self.plot.setAccessibleDescription(caption)
        self.caption_line.set_whole(caption)
        self.title.show_title(title, self.title_mark(), caption)

    def add_beside_caption(self, button: QWidget) -> None:
        """Put `button` at the end of the caption, which keeps its height: linked plots stay of one size."""
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self._caption_row.addWidget(button)

    def set_letter(self, letter: str) -> None:
        """Let the title begin with the letter of the model that is shown, of two that are compared, or with none."""
        if letter != self.letter:
            self.letter = letter
            self.plot.setAccessibleName(self.full_name)
            self.title.show_title(self._title_text, self.title_mark(), self.caption)

    def set_hint(self, text: str) -> None:
        """What stands in the middle while there is nothing to show."""
        self._empty.setText(text)

    def set_reason(self, reason: str | None) -> None:
        """Say in the middle why there will be nothing to show; None invites again."""
        self.set_hint(reason or self._invitation)

    def set_note(self, *texts: str) -> None:
        """Show at the right of the header the first of `texts`, the longest first, that fits."""
        self.note.say(texts)

    def warn(self, *texts: str) -> None:
        """Say the first of `texts` that fits as a warning, for which the title gives way."""
        self.note.say(texts, warns=True)

    def title_mark(self) -> str:
        """What stands before the title, as rich text: a letter; a plot of one direction also has its mark."""
        return f"<b>{self.letter}</b>&nbsp; " if self.letter else ""

    def recolour(self) -> None:
        """Give every part the colour of the theme; plots with more parts add theirs."""
        theme = self.theme
        self._colour_card()
        self.plot.setBackground(theme.base)
        self.box.set_theme(theme)
        self._colour_labels()
        self.title.show_title(self._title_text, self.title_mark(), self.caption)
        if self.help is not None:
            self.help.set_theme(theme)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.muted))

    def refont(self) -> None:
        """Write the numbers at the axes in the font of the window; plots with more letters add theirs."""
        self._style_axes()
        # Keys within the plot are written in the font that comes with the colours
        self.recolour()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the sentence in the middle, no pictures out of sight, and note how the plot got the focus."""
        of_plot = watched is self.plot
        if event.type() == QEvent.Type.Resize and of_plot:
            self._empty.setGeometry(QRect(QPoint(), self.plot.size()).adjusted(24, 8, -24, -8))
        elif event.type() == QEvent.Type.Hide and of_plot:
            forget_pictures(self.plot.scene())
        elif of_plot and isinstance(event, QFocusEvent) and event.reason() != Qt.FocusReason.PopupFocusReason:
            self._ring = event.gotFocus() and event.reason() not in UNSEEN
            self.update()
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, event: QPaintEvent) -> None:
        """A ring around the card while its plot has the focus of the keyboard."""
        super().paintEvent(event)
        if self._ring:
            painter = QPainter(self)
            painter.setPen(QPen(QColor(self.theme.accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the caption on a line of its own where it fits."""
        super().resizeEvent(event)
        self.caption_line.setVisible(self.height() >= CAPTION_HEIGHT)

    def changeEvent(self, event: QEvent) -> None:
        """A new style brings back palettes of its own; in the middle of styling Qt bears no style sheets of ours."""
        super().changeEvent(event)
        if self._built and event.type() == QEvent.Type.StyleChange:
            self._colour_card()
            self._colour_labels()
        elif self._built and event.type() == QEvent.Type.FontChange:
            QTimer.singleShot(0, self, self._follow_letters)

    @Slot()
    def _follow_letters(self) -> None:
        if self.font() != self._letters:
            self._letters = QFont(self.font())
            self.refont()

    def _colour_card(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, QColor(self.theme.base))
        self.setPalette(palette)

    def _colour_labels(self) -> None:
        muted = self.theme.muted
        self.note.set_colours(muted, self.theme.warning)
        for label, colour in ((self.title, self.theme.text), (self._empty, muted), (self.caption_line, muted)):
            colour_text(label, colour)

    @Slot(object)
    def _scene_clicked(self, event: MouseClickEvent) -> None:
        """A double click shows the whole."""
        left, place = event.button() == Qt.MouseButton.LeftButton, event.scenePos()
        if event.double():
            self.double_clicked.emit()
            self.reset_view()
        elif left and self.box.sceneBoundingRect().contains(place) and not self.pick(place, adds(event.modifiers())):
            point = self.box.mapSceneToView(place)
            self.clicked_at(float(point.x()), float(point.y()))

    def pick(self, at: QPointF, adding: bool) -> bool:
        """A click at `at`, pixels of the scene: whether it chose something, else `clicked_at` is called."""
        return False

    def clicked_at(self, x: float, y: float) -> None:
        """A single click in plot coordinates; plots that answer to it say how."""

    def _make_header(self) -> QHBoxLayout:
        header = QHBoxLayout()
        header.setContentsMargins(6, 0, 0, 0)
        header.setSpacing(6)
        header.addWidget(self.title)
        header.addWidget(self.note, 1)
        if self.help is not None:
            header.addWidget(self.help)
        return header

    def _make_empty(self) -> QLabel:
        empty = QLabel(self._invitation, self.plot)
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        return empty

    def _make_plot(self) -> pg.PlotWidget:
        axes = {side: UnitAxis(side) for side in ("left", "bottom")}
        plot = pg.PlotWidget(self, viewBox=SelectBox(), axisItems=axes)
        plot.setAccessibleName(self._title_text)
        plot.setAccessibleDescription(self.caption)
        plot.setMinimumSize(120, 80)
        plot.setFrameShape(plot.Shape.NoFrame)
        # One colour is filled in as quickly as it is copied from a picture of the plot's size, which each plot kept
        plot.setCacheMode(plot.CacheModeFlag.CacheNone)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        for side in AXES:
            # Once: each call scales by a prefix all the same where there is a label
            plot.getAxis(side).enableAutoSIPrefix(False)
        drop_options(plot.getPlotItem())
        plot.scene().sigMouseClicked.connect(self._scene_clicked)
        return plot

    def _style_axes(self) -> None:
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        for side in AXES:
            axis = self.plot.getAxis(side)
            axis.label.setFont(font)
            axis.setStyle(tickFont=font, tickLength=-3, tickTextOffset=4, maxTickLevel=0)
            # Drawn anew only when its range changes, not whenever the points move
            axis.setCacheMode(axis.CacheMode.DeviceCoordinateCache)
