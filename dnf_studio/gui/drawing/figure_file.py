"""A figure as a file, written whole or not at all: SVG with letters as text, PDF with its fonts, PNG; and a preview."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree import ElementTree

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QImageWriter, QPageSize, QPaintDevice, QPdfWriter

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.figure import FigureStyle
from dnf_studio.gui.drawing.layers.figure_painter import LETTER, FigurePainter

SUFFIXES = (".pdf", ".svg", ".png")
Paint = Callable[[FigurePainter, QRectF], object]
"""Paints a figure into a rectangle in its units."""
INCH = 25.4
FINEST = 1200
"""Places an inch that a PDF's coordinates are rounded to, or thereabouts."""
MOST_PIXELS = 100_000_000
"""The most pixels of a PNG, for which the system needs four bytes each."""
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def check_suffix(path: Path) -> str:
    """The kind of file that `path` names; raises `ExportError` where a figure cannot be one."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ExportError(
            f"A figure is written as .pdf, .svg or .png, not as '{path.suffix or path.name}'; "
            "end its name in one of these."
        )
    return suffix


def write_figure(path: Path, style: FigureStyle, paint: Paint, title: str = "") -> None:
    """Write what `paint` paints to `path`, in the kind of its suffix; raises `ExportError` where that cannot be."""
    from dnf_studio.core.files import atomic_file, check_target

    suffix = check_suffix(path)
    check_target(path, ExportError)
    found = encoded(suffix, style, paint, title)
    with atomic_file(path, ExportError) as partial:
        partial.write_bytes(found)


def encoded(suffix: str, style: FigureStyle, paint: Paint, title: str = "") -> bytes:
    """The bytes of a file of one of `SUFFIXES`."""
    if suffix == ".svg":
        return _svg(style, paint, title)
    if suffix == ".pdf":
        return _pdf(style, paint, title)
    buffer, raw = _buffer()
    image = preview(style, paint, style.dpi)
    for set_dots in (image.setDotsPerMeterX, image.setDotsPerMeterY):
        set_dots(round(1000 * style.dpi / INCH))
    image.setText("Title", title)
    if not QImageWriter(buffer, b"png").write(image):
        raise ExportError("The picture cannot be made; choose fewer pixels an inch.")
    return bytes(raw.data())


def preview(style: FigureStyle, paint: Paint, dpi: float) -> QImage:
    """The figure in pixels, as it will be printed."""
    size = QSize(*(max(1, round(length * dpi / INCH)) for length in (style.width, style.height)))
    if size.width() * size.height() > MOST_PIXELS:
        raise ExportError(
            f"A picture of {size.width():,} × {size.height():,} pixels is too large; choose fewer pixels an inch or a "
            "smaller size."
        )
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied if style.transparent else QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.transparent)
    _paint(image, style, paint, (size.width(), size.height()))
    return image


def _paint(device: QPaintDevice, style: FigureStyle, paint: Paint, size: tuple[float, float]) -> None:
    """Paint on a `device` whose own `size` stands for that of the figure."""
    wide, high = style.units
    # So many pixels a unit as make the resolution that was asked for, whatever the device has
    painter = FigurePainter(device, style.dpi * style.width / INCH / wide, style.most_marks, style.cursor)
    painter.scale(size[0] / wide, size[1] / high)
    if not style.transparent:
        painter.fillRect(QRectF(0, 0, wide, high), QColor(style.theme.base))
    margin = 0.3 * LETTER
    try:
        paint(painter, QRectF(margin, margin, wide - 2 * margin, high - 2 * margin))
    finally:
        painter.end()


def _buffer() -> tuple[QBuffer, QByteArray]:
    raw = QByteArray()
    buffer = QBuffer(raw)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer, raw


def _pdf(style: FigureStyle, paint: Paint, title: str) -> bytes:
    buffer, raw = _buffer()
    writer = QPdfWriter(buffer)
    writer.setResolution(FINEST)
    exactly = QPageSize.SizeMatchPolicy.ExactMatch
    writer.setPageSize(QPageSize(QSizeF(style.width, style.height), QPageSize.Unit.Millimeter, "figure", exactly))
    writer.setPageMargins(QMarginsF())
    writer.setCreator("DNF Studio")
    writer.setTitle(title)
    _paint(writer, style, paint, (style.width * FINEST / INCH, style.height * FINEST / INCH))
    # The page is written when the writer goes
    del writer
    return bytes(raw.data())


def _svg(style: FigureStyle, paint: Paint, title: str) -> bytes:
    from PySide6.QtSvg import QSvgGenerator

    buffer, raw = _buffer()
    wide, high = style.units
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setViewBox(QRectF(0, 0, wide, high))
    generator.setTitle(title)
    generator.setDescription("DNF Studio")
    _paint(generator, style, paint, (wide, high))
    return _tidied(bytes(raw.data()), style)


def _tidied(svg: bytes, style: FigureStyle) -> bytes:
    """The same picture in its exact size, without empty groups, and each text in one piece.

    Qt writes a text in pieces where its letters are of different scripts, such as Δ among Latin ones.
    """
    for prefix, address in (("", SVG), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, address)
    root = ElementTree.fromstring(svg)
    root.set("width", f"{style.width:g}mm")
    root.set("height", f"{style.height:g}mm")
    for parent in [*root.iter()]:
        for child in [*parent]:
            if child.tag == f"{{{SVG}}}g" and not any(each.tag != child.tag for each in child.iter()):
                parent.remove(child)
        _join_texts(parent)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _join_texts(group: ElementTree.Element) -> None:
    before: ElementTree.Element | None = None
    for text in group.findall(f"{{{SVG}}}text"):
        family = text.get("font-family", "")
        font = QFont(family)
        font.setPixelSize(round(float(text.get("font-size", LETTER))))
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        font.setWeight(QFont.Weight(int(text.get("font-weight", 400))))
        if before is not None and before.get("y") == text.get("y"):
            end = float(before.get("x", 0)) + QFontMetricsF(font).horizontalAdvance(before.text or "")
            if abs(end - float(text.get("x", 0))) < 0.5:
                before.text = f"{before.text or ''}{text.text or ''}"
                group.remove(text)
                continue
        before = text
    for text in group.findall(f"{{{SVG}}}text"):
        # Where the font is not there, one that is like it
        text.set("font-family", f"{re.sub(r', sans-serif$', '', text.get('font-family', ''))}, sans-serif")
        text.text = (text.text or "").rstrip()


def filters(suffixes: Iterable[str] = SUFFIXES) -> str:
    """The kinds of file for a dialog."""
    return ";;".join(f"{suffix[1:].upper()} (*{suffix})" for suffix in suffixes)
