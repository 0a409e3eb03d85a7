"""A report is one file that needs nothing else, says every number with its error, and is refused in one sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dnf_studio as dnf
from dnf_studio.api import reporting
from dnf_studio.cli import main
from dnf_studio.core.evaluation.by_steps import StepRow
from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.errors import CheckpointError, ExportError, SettingError, StudioError
from dnf_studio.reports import measured, page
from dnf_studio.reports.apart import nll_difference, step_difference
from dnf_studio.reports.drawing import Bar, Line, bars, chart, cloud, mosaic
from tests.core.storage.files import make_flow, make_run

X = np.random.default_rng(0).normal(size=(300, 1))
TINY = replace(measured.QUICK, bound=60, ode=12, excess=16, neighbours=40, samples=40)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measured, "QUICK", TINY)
    monkeypatch.setattr(measured, "SHOWN", 40)
    monkeypatch.chdir(tmp_path)


class Page(HTMLParser):
    """Reads a page and knows what it refers to and whether its elements close."""

    void = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.stack.append(tag)
        self.outside += [value for name, value in attrs if name in ("href", "src") and value and value[:5] != "data:"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing to close."""

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    found = Page(text)
    assert found.outside == [] and "http" not in text and "@import" not in text and "url(" not in text
    return found


def test_the_command_writes_one_file_about_models_and_what_tells_them_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, name in ((0, "<b>&a.safetensors"), (1, "other.safetensors")):
        save_checkpoint(tmp_path / name, make_run(make_flow(seed=seed)))
    words = ["report", "<b>&a.safetensors", "other.safetensors", "-o", "both.html", "--steps", "3,2,3"]
    assert main(words) == 0
    shown = read(tmp_path / "both.html")
    told = " ".join(shown.words)
    for part in ("Settings", "Data", "Training", "Both processes", "Disagreement by step", "Likelihood", "Cost",
                 "Samples by their number of steps", "Compared", "Told apart, equal or unresolved",
                 "60 fresh points, seed 0", "prefers-color-scheme: dark", "@media print"):  # fmt: skip
        assert part in told, part
    assert "dnf-studio report '<b>&a.safetensors' other.safetensors --steps 3,2,3 -o both.html" in told
    # No likelihood and no distance stands without its error
    assert re.search(r"NLL bound −?\d+\.\d{4} ± \d", told) and re.search(r"N = 2: −?\d+\.\d{4} ± \d", told)
    assert re.search(r"(told apart|unresolved)(: .* is lower)?", told)
    # An N that is given twice is measured and told once
    assert told.count("N = 3:") == told.count("N = 2:")
    assert "Saved both.html" in capsys.readouterr().out


def test_a_model_in_memory_of_other_dimensions_or_a_persons_own_is_told_as_far_as_it_can(tmp_path: Path) -> None:
    line = dnf.train(X, steps=3, channels=8, layers=1, iterations=2, batch=16, device="cpu").fit(False)
    own = dnf.from_velocity(lambda x, t: -x, dim=2)
    wide = make_flow(dim=5)
    told = " ".join(read(dnf.report([line, own, own, wide], "a.htm", steps=[2], progress=False)).words)
    assert "1 and flow matching" not in told and "components, so nothing of them is compared" in told
    assert "neither likelihoods nor distances are told" in told and "The first two of 5 components" in told
    assert "(2)" in told and "made again by" not in told
    both = [reporting.OpenModel(make_flow(seed=k), None, None, "a", "") for k in range(2)]
    told = [*reporting.report_on(Path("b.html"), both, lambda: None)]
    assert told == [(0.0, "a: both processes"), (0.5, "a (2): both processes")]
    assert "Compared" in " ".join(read(tmp_path / "b.html").words)


def test_what_cannot_be_reported_on_is_one_sentence_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\x08" + bytes(7) + b"{}      ")
    for models, name, kind, words in (
        ("diffflow-rings", "a.pdf", SettingError, "end with .html"),
        ([], "a.html", SettingError, "one to 12 models"),
        (["bad.safetensors"], "a.html", CheckpointError, "not a checkpoint"),
        ("diffflow-rings", "no/a.html", ExportError, "there is no folder"),
        ([3], "a.html", SettingError, "not a int"),
    ):
        with pytest.raises(kind, match=words):
            dnf.report(models, name, progress=False)
    assert main(["report", "diffflow-ring", "-o", "a.html"]) == 1 and main(["report", "-o", "a.html"]) == 2
    assert main(["report", "diffflow-rings", "--steps", "5,x", "-o", "a.html"]) == 2
    # Ctrl-C
    monkeypatch.setattr(measured, "displayed_paths", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["report", "diffflow-rings", "-o", "a.html"]) == 130
    monkeypatch.setattr(measured, "displayed_paths", lambda *_: (_ for _ in ()).throw(StudioError("It bursts.")))
    with pytest.raises(StudioError, match="cannot be drawn: it bursts"):
        dnf.report(make_flow(), "a.html", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["bad.safetensors"]


def test_differences_are_called_what_their_intervals_say() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    apart, open_ = nll_difference(noise, noise + 0.5 + 0.1 * noise), nll_difference(noise, noise[::-1].copy())
    assert apart is not None and open_ is not None and (apart.word, open_.word) == ("told apart", "unresolved")
    assert apart.low < 0.5 < apart.high and apart.of == 400 and nll_difference(None, noise) is None
    row = lambda *squares, word: StepRow(5, 5, squares=squares, word=word)  # noqa: E731
    near, far = row(1e-6, 2e-6, 3e-6, word="equal"), row(1e-2, 2e-2, 1.5e-2, word="told apart")
    found = [step_difference(near, other) for other in (far, near, row(-1e-2, 1e-2, 2e-2, word="unresolved"))]
    assert [one and one.word for one in found] == ["told apart", "equal", "unresolved"]
    assert step_difference(near, StepRow(5, 5)) is None


def test_pictures_hold_what_is_finite_and_nothing_else() -> None:
    line = Line("<a>", "red", [1, 2, 3, 4], [1.0, np.nan, 2.0, np.inf], True)
    drawn = chart([line], "x", "y", {"floor": 0.5}, {2.0: "N 3 → 4"})
    assert Page(drawn) and drawn.count("<polyline") == 1 and "nan" not in drawn and "&lt;a&gt;" in drawn
    assert drawn.split('points="')[1].split('"')[0].count(",") == 2
    assert chart([Line("a", "red", [], [])], "x", "y") == "" and bars({}, {}, "x", "y") == ""
    groups: dict[str, Any] = {"a": [Bar(1.0, 0.1), Bar(np.nan, None)], "b": [Bar(-1.0, None)]}
    assert bars(groups, {"a": "red", "b": "blue"}, "x", "y").count("<rect") == 2
    corners = np.zeros(2), np.ones(2)
    points = np.array([[0.5, 0.5], [9.0, 0.0], [np.nan, 0.0], [1.0, 0.0]])
    assert cloud(points, "red", corners, "t").count("h0") == 2
    assert mosaic(np.zeros((5, 3, 4, 1), np.uint8)).startswith("data:image/png;base64,")


def test_the_whole_effort_is_that_of_an_evaluation() -> None:
    from dnf_studio.core.evaluation import by_steps, excess_rows, likelihoods

    full = measured.FULL
    assert (full.bound, full.ode, full.samples) == (
        likelihoods.BOUND_POINTS,
        likelihoods.ODE_POINTS,
        by_steps.POINTS,
    )
    assert (full.excess, full.neighbours) == (excess_rows.ODE_POINTS, excess_rows.NEIGHBOUR_POINTS)
    assert page.OTHERS and measured.STEPS == (5, 10)
