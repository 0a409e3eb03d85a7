"""A comparison of a few seconds from end to end, interrupted and taken up again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.core.evaluation import likelihoods as measuring
from dnf_studio.core.training.run import Run
from dnf_studio.errors import ExportError, SettingError, UnknownNameError
from dnf_studio.reproduce import cell as cells
from dnf_studio.reproduce import compare as comparing
from dnf_studio.reproduce import figures as spline
from dnf_studio.reproduce import plan as plans
from dnf_studio.reproduce import report as reporting
from dnf_studio.reproduce.compare import compare
from dnf_studio.reproduce.figures import Mark, curves
from dnf_studio.reproduce.plan import FULL, MODELS, QUICK, TABLE_MODELS, Cell, Plan
from dnf_studio.reproduce.results import Density, Quality, Results
from tests.reproduce.test_verdicts import measured

TINY = Plan(seconds=0.05, seeds=1, points=400, draws=1, sets=("checkerboard",), tables=("wine",), steps=(2, 10))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a comparison wrote that was interrupted after its first model; likelihoods of a few points only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "BOUND_POINTS", 200)
        patch.setattr(measuring, "ODE_POINTS", 40)
        patch.setattr(reporting, "SHOWN", 300)
        yield _compared(tmp_path_factory.mktemp("compared") / "new")


def _compared(folder: Path) -> Path:
    told: list[str] = []

    def stop(_fraction: float, text: str) -> None:
        told.append(text)
        if text.startswith("diffusion"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(folder, TINY, stop, told.append)
    interrupted = Results(folder, TINY)
    assert [one.model for one in interrupted.measured] == ["diffflow"]
    quality = interrupted.quality
    before = cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes()
    found = compare(folder, TINY, lambda _fraction, _text: None, told.append)
    assert cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes() == before
    assert all(claim.answer == "not resolved here" for claim in found)
    assert Results(folder, TINY).quality[: len(quality)] == quality
    return folder


def test_every_model_is_measured_by_its_own_solvers(folder: Path) -> None:
    found = {one.model: one for one in Results(folder, TINY).measured}
    assert tuple(found) == MODELS
    assert set(found["diffusion"].by_solver) == {"ancestral", "ddim", "heun", "sde"}
    assert [row["steps"] for row in found["diffflow"].by_solver["sde"]] == [2, 10]
    sizes = [one.parameters for one in found.values()]
    assert max(sizes) < 1.02 * min(sizes)
    assert found["flow"].nll_bound is None and found["diffflow"].nll_bound is not None


def test_the_report_stands_alone(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', text)
    # Data and three models, and five times of two forward processes
    assert text.count("data:image/png") == 4 + 10 and text.count("<svg") == 3
    assert (
        "wine: 13 dimensions, 27 test rows" in text
        and "neural spline flow (zuko)" in text
        and "seconds of training" in text
    )
    assert "not resolved here" in text and "NaN" not in text and "None" not in text
    assert "The thresholds are ours" in text and "All settings are chosen by rows to validate on" in text
    assert text.index("fitted Gaussian</td>") < text.index("DiffFlow (ODE)</td>")
    assert "NLL of the ODE" in text
    kept = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert len(kept["claims"]) == 10 and kept["machine"]["cores"] >= 1


def test_after_each_seed_there_is_a_report_that_says_what_it_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(plans, "TABLE_MODELS", ("gaussian",))
    plan = replace(TINY, sets=(), tables=("wine", "breast-cancer"), seeds=2)
    measure = comparing.measure_density

    def measure_two(folder: Path, plan: Plan, cell: Cell, tell: comparing.Tell) -> Density:
        if (cell.data, cell.seed) == ("breast-cancer", 1):
            raise KeyboardInterrupt
        return measure(folder, plan, cell, tell)

    monkeypatch.setattr(comparing, "measure_density", measure_two)
    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path, plan, lambda _fraction, _text: None, told.append)
    assert "from one seed." in (tmp_path / "report.html").read_text(encoding="utf-8")
    kept = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(kept["densities"]) == 3 and len(kept["claims"]) == 2 and kept["machine"]
    assert reporting._seeds(Results(tmp_path, plan)) == "from 2 seeds on wine and from one seed on breast-cancer"
    monkeypatch.undo()
    monkeypatch.setattr(plans, "TABLE_MODELS", ("gaussian",))
    compare(tmp_path, plan, lambda _fraction, _text: None, told.append)
    assert "from 2 seeds." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_diffflow_learns_tables_with_their_preset_and_sets_with_the_defaults(folder: Path) -> None:
    path = assets.preset_path("tables")
    assert path is not None
    wine, sharp = (
        Run.resume(folder / "models" / f"diffflow-{data}-0.safetensors").config for data in ("wine", "checkerboard")
    )
    assert wine.training.batch == Config.from_toml(path).training.batch != Config().training.batch
    assert sharp.training.batch == Config().training.batch


def test_each_kind_of_density_is_measured(folder: Path) -> None:
    found = {one.model: one for one in Results(folder, TINY).densities}
    assert tuple(found) == TABLE_MODELS
    assert all(one.nll is not None and one.nll_error is not None for one in found.values())
    assert found["diffflow"].nll_bound is not None and found["flow"].nll_bound is None
    assert found["spline"].iterations > 0 and found["gaussian"].parameters == 13 + 13 * 14 / 2


def test_quality_is_recorded_once_for_each_model_that_is_compared(folder: Path) -> None:
    found = Results(folder, TINY).quality
    assert {one.model for one in found} == {"diffflow", "diffusion"}
    measured = {one.cell: one for one in Results(folder, TINY).measured}
    for cell in {one.cell for one in found}:
        seconds = [one.seconds for one in found if one.cell == cell]
        assert 1 <= len(seconds) <= 4 and seconds == sorted(set(seconds))
        assert seconds[-1] == measured[cell].seconds >= TINY.seconds


def test_a_second_call_measures_nothing_again(folder: Path) -> None:
    before = Results(folder, TINY)
    told: list[str] = []
    compare(folder, TINY, lambda _fraction, text: told.append(text), told.append)
    after = Results(folder, TINY)
    assert told == []
    assert (after.measured, after.densities, after.quality) == (before.measured, before.densities, before.quality)


def test_without_zuko_its_row_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spline, "find_spec", lambda _name: None)
    monkeypatch.setattr(plans, "TABLE_MODELS", ("spline", "gaussian"))
    left_out: list[str] = []
    plan = TINY.changed(["wine"])
    found = compare(tmp_path, plan, lambda _fraction, _text: None, left_out.append)
    assert len(left_out) == 1 and "pip install 'dnf-studio[reproduce]'" in left_out[0]
    assert [one.model for one in Results(tmp_path, plan).densities] == ["gaussian"]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "zuko is not installed" in text and "fitted Gaussian" in text and "<svg" not in text
    assert len(found) == 2 and all(claim.answer == "not resolved here" for claim in found)


def test_a_model_that_was_trained_for_another_time_is_refused(folder: Path, tmp_path: Path) -> None:
    copied = cells.checkpoint_path(tmp_path, Cell("checkerboard", "diffflow", 0))
    copied.parent.mkdir()
    shutil.copy(cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)), copied)
    with pytest.raises(ExportError, match="trained for another time"):
        compare(tmp_path, TINY.changed(["checkerboard"], 0.2), lambda _fraction, _text: None, print)


def test_a_folder_of_another_plan_or_a_damaged_one_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="other settings"):
        Results(folder, QUICK)
    for text in ("{", "[]", '{"plan": 1}'):
        (tmp_path / "results.json").write_text(text, encoding="utf-8")
        with pytest.raises(ExportError, match="damaged"):
            Results(tmp_path, TINY)
    older = {"format": 1, "plan": {"seconds": 10.0, "seeds": 1}, "measured": []}
    (tmp_path / "results.json").write_text(json.dumps(older), encoding="utf-8")
    with pytest.raises(ExportError, match="written by another version"):
        Results(tmp_path, TINY)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ExportError, match="Cannot make the folder"):
        compare(tmp_path / "file" / "in", TINY, lambda _fraction, _text: None, print)


def test_plans_refuse_what_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="carpet"):
        FULL.changed(["carpt"])
    with pytest.raises(UnknownNameError, match="wine"):
        FULL.changed(["wines"])
    with pytest.raises(SettingError, match="seconds"):
        QUICK.changed(None, 0)
    with pytest.raises(SettingError, match="between 1 and 100 seeds"):
        QUICK.changed(None, seeds=0)


def test_names_choose_sets_and_tables() -> None:
    plan = QUICK.changed(["tree", "wine", "tree"], 3, 2)
    assert (plan.sets, plan.tables, plan.seconds, plan.seeds) == (("tree",), ("wine",), 3, 2)
    once = [*(Cell("tree", model, 0) for model in MODELS), *(Cell("wine", model, 0) for model in TABLE_MODELS)]
    assert plan.cells() == (*once, *(replace(cell, seed=1) for cell in once))
    assert len(FULL.cells()) == 3 * (6 * 3 + 3 * 5)


def test_results_come_back(tmp_path: Path) -> None:
    results = Results(tmp_path, TINY)
    one = measured("checkerboard", "flow", 0, 0.1)
    density = Density("wine", "gaussian", 0, 0, 0.0, 104, 1.5, None)
    quality = Quality("checkerboard", "diffusion", 0, 0.5, 50, None)
    for found in (density, one, quality):
        results.add(found)
    again = Results(tmp_path, TINY)
    assert (again.measured, again.densities, again.quality) == ((one,), (density,), (quality,))
    assert one.cell in again and density.cell in again and quality.cell not in again


def test_curves_with_nothing_to_show_are_nothing_and_what_is_below_0_stays_there() -> None:
    assert curves({"data": []}, "N", "distance", {"data": "#000000"}) == ""
    line = [Mark(5, 0.1, 0.09, 0.11), Mark(10, 0.0), Mark(20, -0.004, -0.01, 0.003, apart=False)]
    drawn = curves({"data": line}, "N", "distance", {"data": "#000000"})
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert len(heights) == 3 and heights[0] < heights[1] < heights[2] < 230
    assert drawn.count('fill="white"') == 1 and drawn.count('stroke="#000000"/>') == 2
    assert ">−0.005<" in drawn


def test_an_interrupt_while_quality_is_measured_loses_neither_training_nor_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(TINY.changed(["checkerboard"], 1e-6), steps=(2,), points=50)
    cell = Cell("checkerboard", "diffflow", 0)
    monkeypatch.setattr(plans, "MODELS", ("diffflow",))
    monkeypatch.setattr(reporting, "SHOWN", 100)
    monkeypatch.setattr(comparing, "measure", lambda *_: measured("checkerboard", "diffflow", 0, 0.1))

    def stop(_fraction: float, text: str) -> None:
        if "samples at N = 10" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path, plan, stop, print)
    assert not (tmp_path / "results.json").exists()
    before = cells.checkpoint_path(tmp_path, cell).read_bytes()
    for _ in range(2):
        compare(tmp_path, plan, lambda _fraction, _text: None, print)
    assert cells.checkpoint_path(tmp_path, cell).read_bytes() == before
    (found,) = Results(tmp_path, plan).quality
    assert found.cell == cell and found.steps == 10 and found.seconds >= plan.seconds and found.distance is not None
