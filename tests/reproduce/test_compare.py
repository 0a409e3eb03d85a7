"""A comparison of a few seconds from end to end, interrupted and taken up again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnf_studio.core.evaluation import likelihoods as measuring
from dnf_studio.errors import ExportError, SettingError, UnknownNameError
from dnf_studio.reproduce import cell as cells
from dnf_studio.reproduce.compare import compare
from dnf_studio.reproduce.figures import curves
from dnf_studio.reproduce.plan import FULL, MODELS, QUICK, Cell, Plan
from dnf_studio.reproduce.results import Results
from tests.reproduce.test_verdicts import measured

TINY = Plan(seconds=0.05, seeds=1, points=400, draws=1, sets=("checkerboard",), steps=(2, 10))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a comparison wrote that was interrupted after its first model; likelihoods of a few points only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "BOUND_POINTS", 200)
        patch.setattr(measuring, "ODE_POINTS", 40)
        yield _compared(tmp_path_factory.mktemp("compared") / "new")


def _compared(folder: Path) -> Path:
    told: list[str] = []

    def stop(_fraction: float, text: str) -> None:
        told.append(text)
        if text.startswith("diffusion"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(folder, TINY, stop, told.append)
    assert [one.model for one in Results(folder, TINY).measured] == ["diffflow"]
    before = cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes()
    found = compare(folder, TINY, lambda _fraction, _text: None, told.append)
    assert cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes() == before
    assert all(claim.answer == "not resolved here" for claim in found)
    return folder


def test_every_model_is_measured_by_its_own_solvers(folder: Path) -> None:
    found = {one.model: one for one in Results(folder, TINY).measured}
    assert tuple(found) == MODELS
    assert set(found["diffusion"].by_solver) == {"ancestral", "ddim", "heun"}
    assert [row["steps"] for row in found["diffflow"].by_solver["sde"]] == [2, 10]
    sizes = [one.parameters for one in found.values()]
    assert max(sizes) < 1.02 * min(sizes)
    assert found["flow"].nll_bound is None and found["diffflow"].nll_bound is not None


def test_the_report_stands_alone(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', text)
    # Data and three models, and five times of two forward processes
    assert text.count("data:image/png") == 4 + 10 and text.count("<svg") == 2
    assert "not resolved here" in text and "NaN" not in text and "None" not in text
    kept = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert len(kept["claims"]) == 6 and kept["machine"]["cores"] >= 1


def test_a_folder_of_another_plan_or_a_damaged_one_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="other settings"):
        Results(folder, QUICK)
    for text in ("{", "[]", '{"plan": 1}'):
        (tmp_path / "results.json").write_text(text, encoding="utf-8")
        with pytest.raises(ExportError, match="damaged"):
            Results(tmp_path, TINY)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ExportError, match="Cannot make the folder"):
        compare(tmp_path / "file" / "in", TINY, lambda _fraction, _text: None, print)


def test_plans_refuse_what_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="carpet"):
        FULL.changed(["carpt"], None)
    with pytest.raises(SettingError, match="seconds"):
        QUICK.changed(None, 0)
    assert QUICK.changed(["tree", "tree"], 3).cells()[:3] == tuple(Cell("tree", model, 0) for model in MODELS)
    assert len(FULL.cells()) == 6 * 3 * 3


def test_results_come_back(tmp_path: Path) -> None:
    results = Results(tmp_path, TINY)
    one = measured("checkerboard", "flow", 0, 0.1)
    results.add(one)
    assert Results(tmp_path, TINY).measured == (one,) and one.cell in results


def test_curves_with_nothing_to_show_are_nothing_and_a_zero_stays_inside() -> None:
    assert curves({"data": []}, "N", "distance", {"data": "#000000"}) == ""
    assert curves({"data": [(5, 0.0)]}, "N", "distance", {"data": "#000000"}) == ""
    drawn = curves({"data": [(5, 0.1), (10, 0.0)]}, "N", "distance", {"data": "#000000"})
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert len(heights) == 2 and heights[1] == max(heights) <= 230
