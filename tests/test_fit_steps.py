"""``fit-steps``: what it prints, writes and refuses, and that all else takes what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dnf_studio as dnf
from dnf_studio import api
from dnf_studio.cli import main
from dnf_studio.cli.evaluate import WHY
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.by_steps import step_rows
from dnf_studio.core.evaluation.evaluate import DEFAULT_STEPS, default_steps, evaluate
from dnf_studio.core.evaluation.likelihoods import unmeasured
from dnf_studio.core.storage.origins import checkpoint_of
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.core.storage.verify import Verified, verify_export
from dnf_studio.core.training import step_fit, step_judge, step_loss
from dnf_studio.core.training.few_steps import training_data
from dnf_studio.errors import Cancelled, DataError, SettingError, StudioError, UnsupportedError, check_interrupt


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two iterations; fits are brief and count as better."""
    monkeypatch.setattr(step_fit, "BATCH", 64)
    monkeypatch.setattr(step_judge, "POINTS", 100)
    monkeypatch.setattr(step_loss, "SORTED", 1 << 18)
    monkeypatch.setattr(step_fit, "better", lambda *_: True)
    settings = tmp_path / "small.toml"
    settings.write_text("[network]\nlayers = 1\nchannels = 8\n")
    path = tmp_path / "a.safetensors"
    run = dnf.train("moons", config=settings, steps=4, iterations=2, batch=32, device="cpu")
    run.fit(progress=False)
    run.save(path)
    return path


def told(capsys: pytest.CaptureFixture[str], *words: object) -> Any:  # noqa: ANN401 - a JSON value
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_file_with_fitted_steps_serves_every_verb(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, samples = saved.with_name("b.safetensors"), saved.with_name("s.h5")
    result = told(capsys, "fit-steps", saved, "-o", output, "--steps", "3,2", "--iterations", 2)
    assert result["file"] == str(output) and [row["steps"] for row in result["by_steps"]] == [2, 3]
    assert all(row["kept"] and row["iterations"] == 2 for row in result["by_steps"])
    held = told(capsys, "inspect", output)
    assert held["fitted"] == [2, 3] and held["kind"] == "weights" and held["iteration"] == 2
    assert len(held["fitted_3"]["time"]) == 3 and set(held["fitted_3"]) > {"drift", "score_before", "noise"}
    assert main(["sample", str(output), "-n", "50", "--steps", "3", "--solver", "fitted", "-o", str(samples)]) == 0
    info = read_export(samples)
    assert info.sampling["solver"] == "fitted" and info.checkpoint["fitted"] == [2, 3]
    *_, found = verify_export(samples, api.load(output), "all")
    assert isinstance(found, Verified)
    assert (found.rows_redrawn, found.largest_difference) == (50, 0)
    flow = api.load(output)
    assert default_steps(flow, "fitted") == (2, 3) and default_steps(flow, None) == DEFAULT_STEPS
    why = {name: unmeasured(flow, solver=name).nll_bound_missing for name in ("fitted", "ode", "sde")}
    assert why == {"fitted": "unknown", "ode": "deterministic", "sde": None} and "unknown" in WHY
    data = dnf.train("moons", iterations=1).dataset
    (row,) = step_rows(flow, data, (3,), 50, 5, lambda _: None, "fitted")
    said: list[str] = []
    with pytest.raises(UnsupportedError, match="N = 2 and 3, and none for 4"):
        evaluate(flow, data, (3, 4), ode=False, progress=said.append, solver="fitted")
    assert not said, "refused before anything is measured"
    assert row.nfe == 6 and row.sliced_wasserstein is not None
    assert main(["sample", str(output), "-n", "5", "--solver", "fitted", "-o", str(samples)]) == 1
    assert "fitted steps for N = 2 and 3, and none for 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (["--steps", "many"], "--steps takes whole numbers"),
        (["--steps", "0"], "between 1 and"),
        (["--steps", "500"], "At most 64 steps"),
        (["--iterations", "0"], "at least 1"),
        (["--iterations", "2", "--seconds", "2"], "not both"),
        (["--seconds", "nan"], "above 0"),
        (["--seconds", "inf"], "finite number above 0"),
        (["--seed", "-1"], "from 0 to below 2^63"),
        (["--seed", "9223372036854775808"], "from 0 to below 2^63"),
        (["--data", "rings"], "is not the data that was trained on"),
    ],
)
def test_what_cannot_be_is_refused(
    saved: Path, capsys: pytest.CaptureFixture[str], words: list[str], told_: str
) -> None:
    output = saved.with_name("b.safetensors")
    assert main(["fit-steps", str(saved), "-o", str(output), *words]) in (1, 2)
    assert told_ in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": np.int64(0)},
        {"steps": "5"},
        {"steps": 2.5},
        {"steps": [2.5]},
        {"seed": 1.5},
        {"iterations": "3"},
        {"seconds": "3"},
        {"data": open_dataset("rings")},
    ],
)
def test_a_script_that_asks_for_what_cannot_be_is_told_so(saved: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(StudioError):
        dnf.fit_steps(str(saved), **{"steps": 2, "progress": False, **settings})


@pytest.mark.parametrize("measure", [dnf.evaluate, lambda model, steps: dnf.report(model, "r.html", steps=steps)])
@pytest.mark.parametrize("steps", [np.int64(0), "5", 2.5])
def test_steps_that_cannot_be_are_told_to_whoever_measures(saved: Path, measure: Any, steps: object) -> None:  # noqa: ANN401
    with pytest.raises(SettingError, match="number of steps N"):
        measure(dnf.load(saved), steps=steps)


def test_the_array_that_was_trained_on_is_told_from_another(saved: Path) -> None:
    own, other = np.random.default_rng(0).standard_normal((2, 300, 2))
    settings = {"steps": 4, "iterations": 2, "batch": 32, "layers": 1, "channels": 8, "patience": 0}
    run = dnf.train(own, progressive=False, device="cpu", **settings)
    run.fit(progress=False)
    run.save(saved)
    found = dnf.fit_steps(dnf.load(saved), steps=2, data=own, iterations=2, progress=False)
    assert found.steps == (2,)
    with pytest.raises(DataError, match="not the data that was trained on"):
        dnf.fit_steps(dnf.load(saved), steps=2, data=other, iterations=2, progress=False)


def test_a_table_that_moved_keeps_the_rows_to_validate_on_that_were_given_with_it(tmp_path: Path) -> None:
    table, own, moved = (tmp_path / name for name in ("table.csv", "own.csv", "moved.csv"))
    random = np.random.default_rng(0)
    for path, count in ((table, 60), (own, 20)):
        np.savetxt(path, random.standard_normal((count, 2)), delimiter=",", header="a,b", comments="")
    small = {"network.layers": 1, "network.channels": 8, "progressive": False, "patience": 0}
    model = dnf.train(str(table), validation=str(own), steps=4, batch=16, iterations=2, **small).fit(progress=False)
    table.rename(moved)
    found = training_data(checkpoint_of(model), str(moved))
    assert found.rows is not None and found.rows[1] == 20


def test_the_model_itself_is_not_written_over(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = saved.read_bytes()
    assert main(["fit-steps", str(saved), "-o", str(saved), "--steps", "2"]) == 1
    assert saved.read_bytes() == before and "safetensors" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_whole(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, began = saved.with_name("b.safetensors"), []

    class Stopped(step_fit._Fit):
        def step(self, rate: float) -> float:
            began.append(self._steps)
            if self._steps == 3:
                # As `Interrupt` does where the signal came
                raise Cancelled
            check_interrupt()
            return super().step(rate)

    monkeypatch.setattr(step_fit, "_Fit", Stopped)
    monkeypatch.setattr("dnf_studio.cli.fit_steps.INTERRUPTED", 130)
    assert main(["fit-steps", str(saved), "-o", str(output), "--steps", "2,3", "--iterations", "2"]) in (0, 130)
    assert dnf.load(output).fitted_steps == (2,) and "N = 2 had been fitted" in capsys.readouterr().err
