"""A plot as a figure: what is in the file, in which size, and that the plot on the screen stays as it was."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPicture
from pytestqt.qtbot import QtBot

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.figure import FigureStyle, paint_plot
from dnf_studio.gui.drawing.figure_file import Paint, encoded, preview, write_figure
from dnf_studio.gui.drawing.figure_sheet import Slices, paint_sheet, paint_stage, slice_caption, slice_nodes
from dnf_studio.gui.drawing.layers.figure_painter import LETTER, FigurePainter
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.features.processes.process_view import ProcessView
from tests.gui.features.loss.test_plot import reports
from tests.gui.scenes import frame_of, pixels

STYLE = FigureStyle()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def loss(qtbot: QtBot) -> LossPlot:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 300)
    plot.append(reports([3.0, 2.5, 2.2, 2.0]))
    plot.set_floor(1.9)
    return plot


def view_of(qtbot: QtBot, points: int, layers: str = "points") -> ProcessView:
    view = ProcessView("forward")
    qtbot.addWidget(view)
    view.resize(400, 400)
    view.set_frame(frame_of(points))
    view.set_layers(frozenset(layers.split()))
    return view


def of(plot: Plot, style: FigureStyle = STYLE) -> Paint:
    return lambda painter, rect: paint_plot(painter, plot, rect, style)


def svg_of(plot: Plot, style: FigureStyle = STYLE) -> ElementTree.Element:
    return ElementTree.fromstring(encoded(".svg", style, of(plot, style)))


def texts_of(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_an_svg_has_its_size_and_words_as_letters(loss: LossPlot) -> None:
    root = svg_of(loss)
    assert (root.get("width"), root.get("height")) == ("85mm", "60mm")
    left, top, wide, high = map(float, (root.get("viewBox") or "").split())
    assert (left, top) == (0, 0) and wide / high == pytest.approx(85 / 60, rel=1e-3)
    words = texts_of(root)
    for expected in ("Loss: bound on the NLL", "The bound of every batch, and its floor.", "Iteration", "Loss, nats",
                     "a batch", "smoothed", "floor 1.900"):  # fmt: skip
        assert expected in words
    # Letters of 8 pt: units of the file are so many millimetres
    sizes = {float(text.get("font-size") or 0) for text in root.iter(f"{SVG}text")}
    assert sizes == {LETTER} and LETTER * 85 / wide == pytest.approx(8 * 25.4 / 72, rel=1e-3)
    families = {text.get("font-family") or "" for text in root.iter(f"{SVG}text")}
    assert all(family.endswith(", sans-serif") for family in families)


def test_without_words_there_are_only_axes(loss: LossPlot) -> None:
    words = texts_of(svg_of(loss, replace(STYLE, title=False, caption=False, legend=False)))
    assert "Iteration" in words and not {"smoothed", "Loss: bound on the NLL"} & set(words)


def test_a_title_that_does_not_fit_says_what_it_is_of(loss: LossPlot) -> None:
    assert "Loss" in texts_of(svg_of(loss, replace(STYLE, width=30)))


def test_a_word_of_two_scripts_is_one(qtbot: QtBot) -> None:
    plot = Plot("Steps Δt and √g", "None.", "None.")
    qtbot.addWidget(plot)
    plot.set_empty(False)
    assert "Steps Δt and √g" in texts_of(svg_of(plot))


def test_a_pdf_has_its_size_and_its_font(loss: LossPlot) -> None:
    pdf = encoded(".pdf", STYLE, of(loss), "The loss")
    box = re.search(rb"/MediaBox \[([^\]]*)\]", pdf)
    assert box is not None
    size = [float(each) * 25.4 / 72 for each in box[1].split()[2:]]
    assert size == pytest.approx([85, 60], abs=0.1)
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert b"/Subtype /Image" not in pdf, "nothing here is a picture"


def test_a_png_has_the_dots_that_are_asked_for(loss: LossPlot) -> None:
    image = QImage.fromData(encoded(".png", replace(STYLE, dpi=150), of(loss)))
    assert (image.width(), image.height()) == (502, 354)
    assert image.dotsPerMeterX() == pytest.approx(150 / 0.0254, abs=1)
    with pytest.raises(ExportError, match="too large; choose fewer"):
        encoded(".png", replace(STYLE, dpi=1200, width=1000.0, height=1000.0), of(loss))


def test_colours_and_ground(loss: LossPlot) -> None:
    dark = preview(replace(STYLE, dark=True), of(loss, replace(STYLE, dark=True)), 72)
    assert dark.pixelColor(1, 1) == QColor(DARK.base)
    clear = preview(replace(STYLE, transparent=True), of(loss, replace(STYLE, transparent=True)), 72)
    assert clear.pixelColor(1, 1).alpha() == 0
    assert clear.width() == dark.width() == 241


def test_nothing_is_cut_off_with_letters_of_8_pt(loss: LossPlot, qtbot: QtBot) -> None:
    """The outermost ring of pixels is empty: in a figure of one column all letters and axes have their place."""
    for plot in (loss, view_of(qtbot, 200)):
        image = preview(STYLE, of(plot), 144)
        wide, high = image.width(), image.height()
        ring = {image.pixel(x, y) for x in range(wide) for y in (0, high - 1)}
        ring |= {image.pixel(x, y) for x in (0, wide - 1) for y in range(high)}
        assert ring == {0xFFFFFFFF}


def test_the_screen_stays_as_it_was(qtbot: QtBot) -> None:
    view = view_of(qtbot, 100, "points paths density")
    view.show()
    view.set_cursor(4)
    before, ranges = pixels(view), view.box.viewRange()
    style = replace(STYLE, dark=True, width=170.0)
    preview(style, of(view, style), 72)
    encoded(".svg", style, of(view, style))
    assert np.array_equal(pixels(view), before)
    assert view.box.viewRange() == ranges and view.theme is not DARK


def test_points_are_discs_and_many_are_a_picture(qtbot: QtBot) -> None:
    few = svg_of(view_of(qtbot, 300))
    assert len([*few.iter(f"{SVG}circle")]) == 300 + 1, "and the mark of the direction"
    assert not [*few.iter(f"{SVG}image")]
    many = view_of(qtbot, 200_000 // 10)
    root = encoded(".svg", STYLE, of(many))
    assert root.count(b"<image") == 1 and len(root) < 500_000
    picture = next(ElementTree.fromstring(root).iter(f"{SVG}image"))
    assert len(encoded(".svg", replace(STYLE, dpi=72), of(many))) < len(root) / 2
    assert float(picture.get("width") or 0) > 200


def test_200_000_points_make_a_small_file(qtbot: QtBot) -> None:
    view = view_of(qtbot, 10)
    cloud = np.random.default_rng(0).standard_normal((200_000, 2)).astype(np.float32)
    view._points.set_points(cloud)
    assert len(encoded(".pdf", STYLE, of(view))) < 1_000_000


def test_no_points(qtbot: QtBot) -> None:
    view = view_of(qtbot, 0)
    assert "x₁, standardised" in texts_of(svg_of(view))


def test_paths_are_lines_until_there_are_many(qtbot: QtBot) -> None:
    view = view_of(qtbot, 100, "paths")
    lines = [*svg_of(view).iter(f"{SVG}polyline")]
    assert len([line for line in lines if (line.get("points") or "").count(",") > 3]) == 100
    assert [*svg_of(view, replace(STYLE, most_marks=10)).iter(f"{SVG}image")]


def test_a_wrong_suffix_is_refused(loss: LossPlot, tmp_path: Path) -> None:
    for name, said in (("loss.jpg", "not as '.jpg'"), ("loss", "not as 'loss'")):
        with pytest.raises(ExportError, match=re.escape(said)):
            write_figure(tmp_path / name, STYLE, of(loss))
    assert not [*tmp_path.iterdir()]


def test_a_file_is_written_whole_or_not_at_all(loss: LossPlot, tmp_path: Path) -> None:
    def fails(_painter: object, _rect: QRectF) -> None:
        raise ExportError("Nothing to see.")

    target = tmp_path / "loss.svg"
    write_figure(target, STYLE, of(loss))
    before = target.read_bytes()
    with pytest.raises(ExportError, match="Nothing"):
        write_figure(target, STYLE, fails)
    assert target.read_bytes() == before and [*tmp_path.iterdir()] == [target]
    with pytest.raises(ExportError, match="there is no folder"):
        write_figure(tmp_path / "none" / "loss.svg", STYLE, of(loss))


def test_slices_are_even_by_step_or_by_time() -> None:
    t = np.linspace(0, 1, 31, dtype=np.float32) ** 2
    assert slice_nodes(t, 4, "step") == (0, 10, 20, 30)
    assert slice_nodes(t, 3, "time") == (0, 21, 30)
    assert slice_nodes(t[:3], 12, "step") == (0, 1, 2)
    assert slice_caption(t, 15) == ("t = 0.25", "step 15 of 30")


def test_a_sheet_has_a_caption_and_both_processes_for_each_slice(qtbot: QtBot) -> None:
    frame = frame_of(40, 10)
    views = tuple(ProcessView(direction) for direction in ("forward", "backward"))
    for view in views:
        qtbot.addWidget(view)
        view.set_frame(frame)
        view.set_layers(frozenset({"points"}))
    models = [Slices(name, views, frame.t, (0, 5, 10)) for name in ("rings", "moons")]
    style = replace(STYLE, width=174.0, height=120.0)
    root = ElementTree.fromstring(encoded(".svg", style, lambda p, rect: paint_sheet(p, models, rect, style)))
    words = texts_of(root)
    assert words.count("forward") == words.count("backward") == 2
    assert {"rings", "moons", "t = 0.001, step 0 of 10", "t = 0.05, step 10 of 10"} <= set(words)
    # Of each model two rows of three cells
    assert len([*root.iter(f"{SVG}circle")]) == 2 * 2 * 3 * 40


def test_a_small_sheet_says_less_instead_of_overlapping(qtbot: QtBot) -> None:
    """Two models in one column of a paper: each caption ends before the next, and no title reaches into another row."""
    frame = frame_of(20, 30)
    views = tuple(ProcessView(direction) for direction in ("forward", "backward"))
    for view in views:
        qtbot.addWidget(view)
        view.set_frame(frame)
    models = [Slices(name, views, frame.t, (0, 8, 15, 22, 30)) for name in ("rings", "moons")]
    for style in (STYLE, replace(STYLE, width=174.0, height=80.0), replace(STYLE, width=174.0, height=120.0)):
        page = Words(QPicture())
        paint_sheet(page, models, QRectF(0, 0, *style.units), style)
        page.end()
        assert {"0", "30"} <= set(" ".join(page.said).split()), "every slice has its step"
        for k, one in enumerate(page.places):
            for other, word in zip(page.places[:k], page.said, strict=False):
                assert not one.intersects(other), (style.width, page.said[k], word)


class Words(FigurePainter):
    """Notes where each word is written."""

    def __init__(self, picture: QPicture) -> None:
        super().__init__(picture, 1.0, 100)
        self.said: list[str] = []
        self.places: list[QRectF] = []

    def drawText(self, at: QPointF, text: str) -> None:  # type: ignore[override]
        metrics = QFontMetricsF(self.font())
        # What is between the lines, and beside letters, is nobody's
        place = QRectF(at.x(), at.y() - 0.7 * metrics.ascent(), metrics.horizontalAdvance(text), 0.7 * metrics.ascent())
        self.said.append(text)
        self.places.append(self.transform().mapRect(place))


def test_plots_beside_each_other_have_their_axes_at_one_height(loss: LossPlot, qtbot: QtBot) -> None:
    """Whatever stands above them: here a legend over one of them."""
    view = view_of(qtbot, 10)
    placed = [(loss, QRectF(0, 0, 0.5, 1)), (view, QRectF(0.5, 0, 0.5, 1))]
    svg = encoded(".svg", STYLE, lambda p, rect: paint_stage(p, placed, rect, STYLE))
    frames = [path for path in ElementTree.fromstring(svg).iter(f"{SVG}rect") if path.get("height")]
    tops = {float(path.get("y") or 0) for path in frames if 50 < float(path.get("height") or 0) < 250}
    assert len(frames) >= 3 and len(tops) == 1
