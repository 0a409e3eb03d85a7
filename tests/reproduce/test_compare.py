"""A comparison of a few seconds from end to end, interrupted and taken up again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.core.evaluation import by_steps
from dnf_studio.core.evaluation import likelihoods as measuring
from dnf_studio.core.ranks import Ranks
from dnf_studio.core.training import few_steps, step_fit, step_judge, step_loss
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DataError, ExportError, SettingError, UnknownNameError
from dnf_studio.reports.drawing import Mark, curves
from dnf_studio.reproduce import baselines, spline
from dnf_studio.reproduce import cell as cells
from dnf_studio.reproduce import pictures as drawing
from dnf_studio.reproduce import plan as plans
from dnf_studio.reproduce import quality as nearness
from dnf_studio.reproduce import report as reporting
from dnf_studio.reproduce import side_by_side as making
from dnf_studio.reproduce.compare import compare
from dnf_studio.reproduce.plan import ARMS, FULL, MODELS, QUICK, TABLE_MODELS, Cell, Plan
from dnf_studio.reproduce.protocol import protocol
from dnf_studio.reproduce.results import Density, Quality, Results
from tests.ranks import as_ranks
from tests.reproduce.test_verdicts import measured

SOME = ("diffflow", "diffusion", "flow")
TINY = Plan(
    seconds=0.05,
    seeds=1,
    points=400,
    draws=1,
    sets=("checkerboard",),
    tables=("wine",),
    steps=(2, 10),
    arms=SOME,
)
TRIALS = {"title": "Learning rates", "note": "One look.", "trials": [{"rate": 0.01, "score": -1.5}, {"rate": 0.1}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a comparison wrote that was interrupted after its first model; of a few points and sets only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "BOUND_POINTS", 200)
        patch.setattr(measuring, "ODE_POINTS", 40)
        patch.setattr(drawing, "SHOWN", 300)
        patch.setattr(nearness, "SEEDS", 2)
        patch.setattr(by_steps, "FEWEST_SETS", 2)
        patch.setattr(baselines, "MIXTURE_POINTS", 500)
        patch.setattr(baselines, "COMPONENTS", (1, 2))
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
    decided = (folder / "protocol.json").read_bytes()
    before = cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes()
    (folder.parent / "rates.json").write_text(json.dumps(TRIALS), encoding="utf-8")
    trials = [folder.parent / "rates.json"]
    found = compare(folder, TINY, lambda _fraction, _text: None, told.append, trials=trials)
    assert cells.checkpoint_path(folder, Cell("checkerboard", "diffflow", 0)).read_bytes() == before
    assert (folder / "protocol.json").read_bytes() == decided
    assert all(claim.answer == "not resolved here" for claim in found)
    assert Results(folder, TINY).quality[: len(quality)] == quality
    return folder


def test_every_model_is_measured_by_the_solvers_that_validation_chose(folder: Path) -> None:
    found = {one.model: one for one in Results(folder, TINY).measured}
    assert tuple(found) == SOME
    assert {"ancestral", "ddim", "dpmpp-2m", "heun", "sde"} <= set(found["diffusion"].validation)
    for one in found.values():
        assert [row["steps"] for row in next(iter(one.validation.values()))] == [2, 10]
        assert set(one.by_solver) <= set(one.validation)
        steps = {row["steps"] for rows in one.by_solver.values() for row in rows}
        assert steps == {2, 10} and one.training_multiply_adds is not None
    sizes = [one.parameters for one in found.values()]
    assert max(sizes) < 1.02 * min(sizes)
    assert found["flow"].nll_bound is None and found["diffflow"].nll_bound is not None


def test_what_is_decided_stands_there_before_anything_is_measured(folder: Path) -> None:
    decided = json.loads((folder / "protocol.json").read_text(encoding="utf-8"))
    assert decided["plan"] == TINY.as_dict() and len(decided["claims"]) == 8
    rules = " ".join(decided["rules"])
    for words in (
        "0.05 s of one thread",
        "1 training seed;",
        "N = 2, 10",
        "400 samples against as many fresh points, 1 times",
        "at 0.005 or below",
    ):
        assert words in rules
    many = protocol(FULL)
    assert any("equal to the data on at least 4 of 6 sets" in claim for claim in many["claims"])
    assert any("nearer to the data than a diffusion model's with 50" in claim for claim in many["claims"])
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert decided["written"] in text and text.index("was decided before") < text.index("The claims")


def test_the_report_stands_alone(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', text)
    # Data and the models, and five times of two forward processes
    assert text.count("data:image/png") == 1 + len(SOME) + 5 * 2 and text.count("<svg") == 5
    for words in ("wine: 13 dimensions, 27 test rows", "neural spline flow (zuko)", "seconds of training",
                  "multiply-adds of training", "multiply-adds a sample", "Steps to the floor", "rates, 2 trials",
                  "no claim here is the paper", "One look.", "Every number of these curves", "seed 0, ancestral",
                  "All settings are chosen by rows to validate on", "not resolved here", "NLL of the ODE"):  # fmt: skip
        assert words in text, words
    assert "NaN" not in text and "None" not in text and "nan<" not in text
    assert text.index("fitted Gaussian</td>") < text.index("DiffFlow (ODE)</td>")
    kept = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert len(kept["claims"]) == 10 and kept["machine"]["cores"] >= 1


def test_after_each_seed_there_is_a_report_that_says_what_it_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(plans, "TABLE_MODELS", ("gaussian",))
    plan = replace(TINY, sets=(), tables=("wine", "breast-cancer"), seeds=2)
    measure = making.measure_density

    def measure_two(folder: Path, plan: Plan, cell: Cell, tell: making.Tell) -> Density:
        if (cell.data, cell.seed) == ("breast-cancer", 1):
            raise KeyboardInterrupt
        return measure(folder, plan, cell, tell)

    monkeypatch.setattr(making, "measure_density", measure_two)
    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path, plan, lambda _fraction, _text: None, told.append)
    assert "from one seed." in (tmp_path / "report.html").read_text(encoding="utf-8")
    kept = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(kept["densities"]) == 2 and len(kept["claims"]) == 2 and kept["machine"]
    assert len(Results(tmp_path, plan).densities) == 3
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
    assert {one.model for one in found} == set(SOME)
    assert all(one.multiply_adds and one.steps == 10 for one in found)
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
    (tmp_path / "cells").mkdir()
    cell = tmp_path / "cells" / "diffflow-checkerboard-0.json"
    for text in ("{", "[]", '{"format": 4}', '{"format": 4, "measured": {"data": 1}}'):
        cell.write_text(text, encoding="utf-8")
        with pytest.raises(ExportError, match="damaged"):
            Results(tmp_path, TINY)
    cell.write_text('{"format": 3, "density": {}}', encoding="utf-8")
    with pytest.raises(ExportError, match="written by another version"):
        Results(tmp_path, TINY)
    cell.unlink()
    older = {"format": 3, "plan": {"seconds": 10.0, "seeds": 1}, "measured": []}
    (tmp_path / "results.json").write_text(json.dumps(older), encoding="utf-8")
    with pytest.raises(ExportError, match="written by another version"):
        Results(tmp_path, TINY)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ExportError, match="Cannot make the folder"):
        compare(tmp_path / "file" / "in", TINY, lambda _fraction, _text: None, print)


@pytest.mark.parametrize("text", ["{", "[]", '{"trials": 1}', '{"trials": [1]}'])
def test_what_holds_no_trials_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "trials.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="holds no trials"):
        compare(tmp_path / "new", TINY, lambda _f, _t: None, print, trials=[tmp_path / "trials.json"])
    assert not (tmp_path / "new").exists(), "nothing is decided yet"


def test_plans_refuse_what_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="carpet"):
        FULL.changed(["carpt"])
    with pytest.raises(UnknownNameError, match="wine"):
        FULL.changed(["wines"])
    with pytest.raises(SettingError, match="seconds"):
        QUICK.changed(None, 0)
    with pytest.raises(SettingError, match="between 1 and 100 seeds"):
        QUICK.changed(None, seeds=0)
    with pytest.raises(UnknownNameError, match="diffflow"):
        QUICK.changed(None, arms=("difflow",))
    with pytest.raises(SettingError):
        QUICK.changed(None, steps=(0,))
    assert QUICK.changed(("rings-sharp",), points=300).points == 300


def test_names_choose_sets_and_tables() -> None:
    plan = QUICK.changed(["tree", "wine", "tree"], 3, 2)
    assert (plan.sets, plan.tables, plan.seconds, plan.seeds) == (("tree",), ("wine",), 3, 2)
    once = [*(Cell("tree", model, 0) for model in MODELS), *(Cell("wine", model, 0) for model in TABLE_MODELS)]
    assert plan.cells() == (*once, *(replace(cell, seed=1) for cell in once))
    assert len(FULL.cells()) == 3 * (6 * len(MODELS) + 3 * len(TABLE_MODELS))


def test_every_kind_of_model_takes_part_and_the_frozen_one() -> None:
    assert set(MODEL_KINDS) < set(ARMS)
    configs = {name: arm.config({"data": "tree", "training.seconds": 3.0}) for name, arm in ARMS.items()}
    assert [configs[name].model for name in MODEL_KINDS] == list(MODEL_KINDS)
    assert configs["frozen"].network.drift == "frozen" != configs["diffflow"].network.drift
    assert configs["frozen"].sde != configs["diffflow"].sde, "with a g that brings data to noise by itself"
    assert {one.data for one in configs.values()} == {"tree"}


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
    assert drawn.count('fill="var(--base, white)"') == 1 and drawn.count('stroke="#000000"/>') == 2
    assert ">−0.005<" in drawn


def quick_cells(patch: pytest.MonkeyPatch) -> Plan:
    """A plan of two cells that are trained for an iteration and measured by nobody."""
    patch.setattr(drawing, "SHOWN", 100)
    patch.setattr(
        making, "measure", lambda _run, _flow, _plan, cell, _tell: measured(cell.data, cell.model, cell.seed, 0.1)
    )
    return replace(TINY.changed(["checkerboard"], 1e-6, arms=("diffflow", "diffusion")), steps=(2,), points=50)


def test_an_interrupt_while_quality_is_measured_loses_neither_training_nor_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, cell = quick_cells(monkeypatch), Cell("checkerboard", "diffflow", 0)

    def stop(_fraction: float, text: str) -> None:
        if "samples at N = 10" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path, plan, stop, print)
    assert not (tmp_path / "cells").exists() and Results(tmp_path, plan).protocol is not None
    before = cells.checkpoint_path(tmp_path, cell).read_bytes()
    for _ in range(2):
        compare(tmp_path, plan, lambda _fraction, _text: None, print, only=["diffflow"])
    assert cells.checkpoint_path(tmp_path, cell).read_bytes() == before
    (found,) = Results(tmp_path, plan).quality
    assert found.cell == cell and found.steps == 10 and found.seconds >= plan.seconds and found.distance is not None
    with pytest.raises(UnknownNameError, match="diffusion-checkerboard-0"):
        compare(tmp_path, plan, lambda _fraction, _text: None, print, only=["tree"])


def test_it_ends_when_its_minutes_are_over_and_goes_on_in_another_sitting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, told = quick_cells(monkeypatch), list[str]()
    compare(tmp_path, plan, lambda _fraction, _text: None, told.append, minutes=1e-9)
    assert told == ["The time is over; the same command goes on from here."]
    assert not Results(tmp_path, plan).measured and "0 of 2 models" in (tmp_path / "report.html").read_text("utf-8")
    compare(tmp_path, plan, lambda _fraction, _text: None, told.append, minutes=10.0)
    assert len(Results(tmp_path, plan).measured) == 2 and len(told) == 1


def test_ranks_make_some_cells_each_and_the_first_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, made = quick_cells(monkeypatch), dict[str, int]()

    def make(here: Ranks) -> list[str]:
        told: list[str] = []
        monkeypatch.setattr(
            "dnf_studio.reproduce.compare.make_cell",
            lambda results, cell, _tell, left_out: (
                results.add(measured(cell.data, cell.model, cell.seed, 0.1)),
                made.update({cell.name: made.get(cell.name, 0) + 1}),
                left_out("one is left out"),
            ),
        )
        claims = compare(tmp_path, plan, lambda _fraction, _text: None, told.append, ranks=here)
        assert bool(claims) == here.writes
        return told

    assert as_ranks(2, make) == [["one is left out"]] * 2 and set(made.values()) == {1} and len(made) == 2
    assert "2 of 2 models" in (tmp_path / "report.html").read_text("utf-8")


def test_cells_are_made_side_by_side_by_processes_that_write_what_they_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and a fitted Gaussian, which is soon done: one process makes both, since its start takes seconds."""
    asked: list[int] = []

    def one(jobs: int, *more: Any) -> ProcessPoolExecutor:  # noqa: ANN401
        asked.append(jobs)
        return ProcessPoolExecutor(1, *more)

    monkeypatch.setattr(making, "ProcessPoolExecutor", one)
    plan, told = replace(TINY, sets=(), tables=("wine", "breast-cancer")), list[str]()
    only = [f"gaussian-{name}-0" for name in plan.tables]
    compare(tmp_path, plan, lambda _fraction, text: told.append(text), print, only=only, jobs=2)
    found = Results(tmp_path, plan).densities
    assert [density.cell.name for density in found] == only and told and asked == [2]
    assert "2 of 10 models" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_fitted_steps_are_one_more_solver_and_are_fitted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BATCH", 64), ("STARTS", 1), ("better", lambda *_: True)):
        monkeypatch.setattr(step_fit, name, value)
    monkeypatch.setattr(few_steps, "ITERATIONS", 2)
    for module, name, value in (
        (step_judge, "POINTS", 100),
        (step_loss, "SORTED", 1 << 18),
        (measuring, "ODE_POINTS", 20),
        (measuring, "BOUND_POINTS", 20),
        (nearness, "SEEDS", 1),
        (by_steps, "FEWEST_SETS", 2),
        (drawing, "SHOWN", 300),
    ):
        monkeypatch.setattr(module, name, value)
    plan = replace(TINY, arms=("matching",), tables=(), steps=(2, 3), points=100, fit=(2,))
    assert any("fit-steps --network" in rule for rule in protocol(plan)["rules"]) and "fit" not in TINY.as_dict()
    compare(tmp_path / "new", plan, lambda *_: None, print)
    (one,) = Results(tmp_path / "new", plan).measured
    assert [row["steps"] for row in one.validation["fitted"]] == [2]
    assert [row["steps"] for row in one.validation["midpoint"]] == [2, 3]
    monkeypatch.setattr(cells, "fit_each", None)
    again = cells.with_fits(
        cells.train(tmp_path / "new", plan, one.cell, print), tmp_path / "new", plan, one.cell, print
    )
    assert (again.fitted_steps, again.fitted_networks) == ((2,), (2,))
    with pytest.raises(SettingError, match="name them in --steps"):
        replace(plan, fit=(4,))
    with pytest.raises(SettingError, match="At most 64 steps"):
        replace(plan, steps=(65,), fit=(65,))
