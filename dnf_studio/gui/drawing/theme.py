"""Colours of the window, light and dark, and pictures in them; one meaning keeps one colour everywhere.

Those of the two processes and of what they disagree by are in `dnf_studio.colours`, which figures share. Disagreement
has one sequential map that also rises evenly in lightness.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QWidget

from dnf_studio import colours
from dnf_studio.assets import resource

DIRECTIONS = ("forward", "backward")
"""Both processes, each of which has its colour."""
SECOND = "second "
"""Before the direction in the names of what is of the second model of a comparison."""
BAR_ICON, SMALL_ICON = 18, 16
"""Pixels of the pictures in bars and elsewhere, while the letters are as large as the desktop's."""
SIZES = (16, 20)
"""Pixels of menus and bars, which grow with the letters; a screen of finer pixels needs them twice as large too."""


@dataclass(frozen=True)
class Theme:
    """Every colour of the window as ``#rrggbb``."""

    name: str
    """``light`` or ``dark``."""
    window: str
    """Behind panels and between plots."""
    base: str
    """Behind data, lists and text fields."""
    raised: str
    """Buttons and tabs."""
    border: str
    text: str
    muted: str
    """Captions and axis labels; still 4.5:1 on `base` and `window`."""
    accent: str
    """What is chosen or current; neither forward nor backward."""
    on_accent: str
    forward: str
    backward: str
    data: str
    """Points of the data set and the raw loss."""
    floor: str
    """The entropy under a loss."""
    grid: str
    warning: str
    second: str
    """The second model of a comparison, over either process of the first."""
    disagreement: tuple[str, ...]
    """Evenly spaced stops of the diverging map: a step that is better than it can be, right, wrong."""
    parts: tuple[str, str, str]
    """Noise ratio, drift change and score, which the disagreement is split into."""
    magnitude: tuple[str, ...]
    """The sequential map of how strong a field is."""
    divergence: tuple[str, ...]
    """The diverging map of where a field draws together, nothing, and where it drives apart."""
    modes: tuple[str, ...]
    """The parts of a data set, ten at most; all apart."""
    curves: tuple[str, ...]
    """Models whose curves are compared, each for as long as it is: those of `modes` that a thin line can have."""
    cycle: tuple[str, ...]
    """Evenly spaced stops of the cyclic map of an angle, which ends where it begins."""
    amount: tuple[str, ...]
    """The sequential map of a distance: of the latent from the middle, of what comes back from its point."""

    def direction(self, name: str) -> str:
        """The colour of ``forward`` or ``backward``."""
        return self.forward if name == "forward" else self.backward

    def density(self, name: str) -> tuple[str, ...]:
        """The colours of the density of ``forward`` or ``backward``, which begin as nothing on `base`."""
        colour = self.direction(name)
        return colour, colour, mix(colour, self.text, 0.45)

    @property
    def difference(self) -> tuple[str, ...]:
        """The diverging map of where the backward cloud has more points, neither, and where the forward one has."""
        return self._diverging(self.backward, self.forward)

    @property
    def forward_change(self) -> tuple[str, ...]:
        """The diverging map of where the first model has more forward points, neither, and where the second has."""
        return self._diverging(self.forward, self.second)

    @property
    def backward_change(self) -> tuple[str, ...]:
        """The same of backward points."""
        return self._diverging(self.backward, self.second)

    def _diverging(self, low: str, high: str) -> tuple[str, ...]:
        ends = ((low, 0.0), (low, 0.5), (self.base, 0.0), (high, 0.5), (high, 0.0))
        return tuple(mix(colour, self.base, share) for colour, share in ends)


LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    base=colours.LIGHT.base,
    raised="#fbfbfc",
    border="#cfd4da",
    text=colours.LIGHT.text,
    muted=colours.LIGHT.muted,
    accent=colours.LIGHT.chosen,
    on_accent="#ffffff",
    forward=colours.LIGHT.forward,
    backward=colours.LIGHT.backward,
    data=colours.LIGHT.data,
    floor="#964981",
    grid=colours.LIGHT.grid,
    warning="#a13d00",
    second="#3d0560",
    disagreement=colours.LIGHT.disagreement,
    parts=colours.LIGHT.parts,
    magnitude=("#ffffff", "#f6f3e0", "#ece6c4", "#e0d8a5", "#d2c887"),
    divergence=("#bd9bcf", "#dccbe6", "#ffffff", "#cbe5ce", "#93c79e"),
    modes=(
        "#2d11ba",
        "#35ea19",
        "#6e221b",
        "#708f8f",
        "#936909",
        "#b927fd",
        "#0c4246",
        "#d38068",
        "#6a6084",
        "#81b0fa",
    ),
    curves=("#2d11ba", "#936909", "#b927fd", "#0c4246", "#708f8f", "#6e221b"),
    cycle=("#33204f", "#2f5fb0", "#79a9cc", "#bdb59f", "#d08a3c", "#8f3033", "#33204f"),
    amount=("#e2c88f", "#cf9a4e", "#ab6c28", "#7c4118", "#45200c"),
)

DARK = Theme(
    name="dark",
    window="#1c2026",
    base=colours.DARK.base,
    raised="#262b33",
    border="#3b424d",
    text=colours.DARK.text,
    muted=colours.DARK.muted,
    accent=colours.DARK.chosen,
    on_accent="#0b1613",
    forward=colours.DARK.forward,
    backward=colours.DARK.backward,
    data=colours.DARK.data,
    floor="#cf84b6",
    grid=colours.DARK.grid,
    warning="#ffbc89",
    second="#9a35dc",
    disagreement=colours.DARK.disagreement,
    parts=colours.DARK.parts,
    magnitude=("#14171c", "#25261e", "#383620", "#4c4824", "#625b28"),
    divergence=("#64467a", "#3b3049", "#14171c", "#203829", "#335f40"),
    modes=(
        "#6a87ff",
        "#e69e0d",
        "#805200",
        "#e4ffdb",
        "#2af1ff",
        "#54795f",
        "#b9b3af",
        "#a1789d",
        "#0833ff",
        "#ffff25",
    ),
    curves=("#6a87ff", "#e69e0d", "#e4ffdb", "#2af1ff", "#54795f", "#b9b3af"),
    cycle=("#5a4a86", "#4d7fd6", "#8cc0ea", "#efe6d2", "#f0a860", "#c2584a", "#5a4a86"),
    amount=("#523a22", "#80562a", "#b37d37", "#ddb067", "#faebc8"),
)


def system_theme(app: QApplication) -> Theme:
    """The theme the desktop asks for; light where it does not say."""
    return DARK if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 … 1) of `other` blended in, opaque: cheaper to draw than transparency."""
    a, b = QColor(colour), QColor(other)
    return QColor.fromRgbF(
        a.redF() + (b.redF() - a.redF()) * share,
        a.greenF() + (b.greenF() - a.greenF()) * share,
        a.blueF() + (b.blueF() - a.blueF()) * share,
    ).name()


def desktop_letters() -> float:
    """How high the letters of the desktop are, pixels."""
    return QFontMetricsF(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)).height()


def letter_scale() -> float:
    """How many times as large as the desktop's the letters of the application are."""
    return _scale(QGuiApplication.font(), QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))


@lru_cache(maxsize=16)
def _scale(letters: QFont, desktop: QFont) -> float:
    """Kept, for Qt looks for the font anew each time, more than a millisecond, and every picture asks."""
    return QFontMetricsF(letters).height() / QFontMetricsF(desktop).height()


def icon(name: str, theme: Theme) -> QIcon:
    """The picture `name` of resources/icons in the text colour of `theme`, faded where disabled."""
    finest = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    sizes = tuple(round(letter_scale() * size) for size in SIZES)
    return _icon(name, theme, sizes if finest <= 1 else (*sizes, *(2 * size for size in sizes)))


def icon_size(pixels: int) -> QSize:
    """The size of a picture of so many `pixels` across, as the letters are now."""
    return QSize(1, 1) * round(letter_scale() * pixels)


@lru_cache(maxsize=256)
def _icon(name: str, theme: Theme, sizes: tuple[int, ...]) -> QIcon:
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    faded = mix(theme.muted, theme.window, 0.55)
    result = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, theme.text), (QIcon.Mode.Disabled, faded)):
        drawing = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
        for size in sizes:
            result.addPixmap(_picture(drawing, size), mode)
    return result


def _picture(drawing: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    drawing.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


def colour_text(label: QWidget, colour: str) -> None:
    """Write `label` in `colour`; one that has it already is left alone, for a palette is costly."""
    palette = label.palette()
    if palette.color(QPalette.ColorRole.WindowText) != QColor(colour):
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
        label.setPalette(palette)
