"""The command line in this process: what it prints, writes and returns."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from dnf_studio import api
from dnf_studio import progress as printing
from dnf_studio.cli import VERBS, main
from dnf_studio.cli.evaluate import _chain, _distance
from dnf_studio.cli.output import clock, emit, number, plus_minus, table
from dnf_studio.cli.window import parse
from dnf_studio.core.sampling import blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.grid_presets import save_preset
from dnf_studio.core.storage.ranked_export import export_by_ranks
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.shard_place import ShardPlace
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DivergenceError, SettingError
from dnf_studio.gui.application import WindowOptions

GOLDEN = Path(__file__).parent / "golden" / "official_checkerboard.pt"
TOML = """
data = "moons"
[sde]
steps = 4
[network]
layers = 1
channels = 8
[training]
iterations = 3
batch = 32
device = "cpu"
precision = "float32"
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of a run of a moment."""
    path = tmp_path_factory.mktemp("cli") / "small.toml"
    path.write_text(TOML)
    return path


@pytest.fixture(scope="module")
def saved(small: Path) -> Path:
    """A run of three iterations."""
    path = small.parent / "small.safetensors"
    assert main(["train", "--config", str(small), "-o", str(path)]) == 0
    return path


class Told:
    """Runs the command line and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: object) -> dict[str, Any]:
        assert self(*words, "--json") == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


# train


def test_train_reports_what_design_says(told: Told, small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    result = told.json("train", "--config", small, "--iterations", 5, "-o", output)
    keys = "iterations seconds iterations_per_second nll_bound nll_validation file device precision"
    assert list(result) == keys.split()
    assert result["iterations"] == 5 and result["file"] == str(output)
    assert result["device"] == "cpu" and result["precision"] == "float32"
    assert math.isfinite(result["nll_bound"]) and result["seconds"] > 0
    assert result["iterations_per_second"] == pytest.approx(5 / result["seconds"])
    assert api.open_checkpoint(output).kind == "run"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_training_goes_on_where_its_progress_goes_to_a_full_disk(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "a.safetensors"
    monkeypatch.setattr(printing, "PLAIN_EVERY", 0)
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["train", "--config", str(small), "--iterations", "30", "-o", str(output)]) == 0
    assert api.open_checkpoint(output).iteration == 30


def test_options_go_over_the_file(told: Told, small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    words = ["--data", "circle", "--steps", 3, "--batch", 16, "--seed", 9, "--model", "diffflow"]
    assert told("train", "--config", small, *words, "-o", output) == 0
    config = api.open_checkpoint(output).config
    assert (config.data, config.sde.steps, config.training.batch, config.training.seed) == ("circle", 3, 16, 9)
    assert config.network.channels == 8


def test_a_frozen_run_with_half_the_noise_is_inspected_and_resumed(told: Told, small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    assert told("train", "--config", small, "--freeze", "drift", "--noise", 2.5, "-o", output) == 0
    assert "The frozen drift leaves 29% of the data at T" in told.err
    found = told.json("inspect", output)
    assert found["config"]["network"]["drift"] == "frozen" and found["total_noise"] == pytest.approx(2.5)
    assert (found["config"]["sde"]["condition"], found["config"]["sde"]["g_end"]) == (
        "node",
        pytest.approx(5, rel=1e-4),
    )
    words = ["--freeze", "drift", "--straight", 0.2, "--noise", 1, "--iterations", 4]
    assert told("train", "--resume", output, *words, "-o", output) == 0
    found = told.json("inspect", output)
    assert (found["total_noise"], found["config"]["training"]["straight"]) == (pytest.approx(1), 0.2)


def test_a_resumed_run_is_the_run_that_never_stopped(told: Told, small: Path, saved: Path, tmp_path: Path) -> None:
    resumed, whole = tmp_path / "resumed.safetensors", tmp_path / "whole.safetensors"
    constant = tmp_path / "constant.toml"
    constant.write_text(TOML + 'decay = "constant"\n')
    # Also with snapshots, which go on and change nothing
    assert told("train", "--config", constant, "--snapshots", "-o", tmp_path / "half.safetensors") == 0
    assert told("train", "--resume", tmp_path / "half.safetensors", "--iterations", 6, "-o", resumed) == 0
    assert told("train", "--config", constant, "--iterations", 6, "-o", whole) == 0
    one, other = api.open_checkpoint(resumed), api.open_checkpoint(whole)
    assert one.iteration == other.iteration == 6
    assert one.sha256 == other.sha256
    found = [api.open_checkpoint(path).iteration for path in sorted((tmp_path / "resumed.snapshots").iterdir())]
    assert found == list(range(7)) and not (tmp_path / "whole.snapshots").exists()
    assert told("train", "--resume", resumed, "--no-snapshots", "-o", resumed) == 0
    assert not (tmp_path / "resumed.snapshots").exists()


def test_seconds_are_a_total(told: Told, saved: Path, tmp_path: Path) -> None:
    result = told.json("train", "--resume", saved, "--seconds", 0.3, "-o", tmp_path / "a.safetensors")
    assert result["iterations"] > 3 and 0.3 <= result["seconds"] < 3


def test_data_named_again_must_match(told: Told, saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    assert told("train", "--resume", saved, "--data", "moons", "-o", output) == 0
    assert told("train", "--resume", saved, "--data", "rings", "-o", output) == 1
    assert told.err == f"dnf-studio: The data 'rings' is not what '{saved}' was trained on.\n"


def test_data_that_have_moved_are_named_anew(told: Told, tmp_path: Path) -> None:
    before, now, model = tmp_path / "before.csv", tmp_path / "now.csv", tmp_path / "m.safetensors"
    np.savetxt(before, np.random.default_rng(0).normal(size=(50, 2)), delimiter=",")
    told.json("train", "--data", before, "--steps", 2, "--iterations", 1, "-o", model)
    before.rename(now)
    asked = (
        f"dnf-studio: There is no file '{before}', on which '{model}' was trained; say with --data where it is now.\n"
    )
    assert told("evaluate", model, "--no-ode") == 1 and told.err == asked
    assert told("train", "--resume", model, "--iterations", 2, "-o", model) == 1 and told.err == asked
    assert told("evaluate", model, "--no-ode", "--steps", 2, "--data", now) == 0
    assert told("train", "--resume", model, "--iterations", 2, "--data", now, "-o", model) == 0
    assert api.open_checkpoint(model).config.data == str(now)
    assert told("train", "--resume", model, "--data", before, "-o", model) == 1
    assert told.err == f"dnf-studio: There is no file '{before}'.\n"


def test_settings_that_a_run_has_already_are_no_change(told: Told, saved: Path, tmp_path: Path) -> None:
    run, output = api.open_checkpoint(saved).config, tmp_path / "a.safetensors"
    again = ("--seed", run.training.seed, "--data", run.data, "--model", run.model, "--batch", run.training.batch)
    assert told("train", "--resume", saved, *again, "-o", output) == 0, told.err
    assert told("train", "--resume", saved, "--seed", run.training.seed + 1, "-o", output) == 2
    assert "seed" in told.err


def test_weights_cannot_be_resumed(told: Told, saved: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    Run.resume(saved).save(weights, kind="weights")
    assert told("train", "--resume", weights, "-o", tmp_path / "a.safetensors") == 1
    assert "weights only" in told.err


def test_what_is_no_run_cannot_be_resumed(told: Told, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    for name in ("diffflow-rings", GOLDEN):
        assert told("train", "--resume", name, "-o", output) == 1
        assert told.err == f"dnf-studio: '{name}' holds weights only, no run that could be resumed.\n"
    assert told("train", "--resume", "ring", "-o", output) == 1
    assert told.err == "dnf-studio: There is no file 'ring'.\n"


def test_a_file_that_is_read_is_never_written_over(
    told: Told, small: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, settings, model = tmp_path / "a.csv", tmp_path / "b.toml", tmp_path / "c.safetensors"
    data.write_text("x,y\n1,2\n3,5\n4,1\n8,9\n", encoding="utf-8")
    settings.write_bytes(small.read_bytes())
    model.write_bytes(saved.read_bytes())
    (tmp_path / "link.csv").symlink_to(data)
    for file, words in (
        (data, ["train", "--config", settings, "--data", "link.csv::x", "-o", data]),
        (settings, ["train", "--config", settings, "-o", "b.toml"]),
        (model, ["sample", model, "-n", 5, "-o", "c.safetensors"]),
    ):
        before = file.read_bytes()
        assert told(*words) == 1
        assert (
            told.err == f"dnf-studio: Cannot write '{words[-1]}': it is the file that is read, which would be lost.\n"
        )
        assert file.read_bytes() == before
    for _ in range(2):  # a model may be called as its data is
        assert told("train", "--config", settings, "--data", "moons", "-o", "moons") == 0
    assert told("train", "--resume", "moons", "-o", "moons") == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no file 'a.toml'."),
        (b"\xff\xfe", "'a.toml' is not UTF-8 text."),
        (b'\xef\xbb\xbfdata = "mons"', "There is no data set named 'mons'; did you mean 'moons'?"),
    ],
)
def test_settings_that_cannot_be_read(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("a.toml").write_bytes(content)
    assert told("train", "--config", "a.toml", "-o", "a.safetensors") in (1, 2)
    assert told.err == f"dnf-studio: {sentence}\n"


def test_a_loss_that_is_no_number_keeps_the_last_good_state(
    told: Told, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Run._step

    def step(run: Run) -> object:
        if run.iteration == 2:
            raise DivergenceError("Training diverged at iteration 3: the loss is no longer finite.")
        return real(run)

    monkeypatch.setattr(Run, "_step", step)
    output = tmp_path / "a.safetensors"
    assert told("train", "--config", small, "-o", output) == 1
    assert told.err.splitlines() == [
        f"The last good state is kept in '{output}'; go on with --resume '{output}'.",
        "dnf-studio: Training diverged at iteration 3: the loss is no longer finite.",
    ]
    assert api.open_checkpoint(output).iteration == 2


def test_a_run_whose_folder_is_gone_is_kept_elsewhere(
    told: Told, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, home, real = tmp_path / "out", tmp_path / "home", Run._step
    folder.mkdir(), home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)

    def step(run: Run) -> object:
        if run.iteration == 2:
            folder.rename(tmp_path / "elsewhere")
        return real(run)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "_step", step)
        assert told("train", "--config", small, "-o", folder / "a.safetensors") == 1
    (kept,) = home.iterdir()
    assert told.err.endswith(f"The run is kept in '{kept}'; go on with --resume '{kept}'.\n")
    assert told.err.count("\n") == 1 and "there is no folder" in told.err
    output = tmp_path / "b.safetensors"
    assert told("train", "--resume", kept, "-o", output) == 0
    assert api.open_checkpoint(output).iteration == api.open_checkpoint(kept).iteration


def test_a_target_that_cannot_be_is_told_before_the_training(
    told: Told, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "__init__", lambda *_: pytest.fail("the training began"))
    assert told("train", "--config", small, "-o", tmp_path / "no" / "a.safetensors") == 1
    assert "there is no folder" in told.err
    assert told("train", "--config", small, "-o", tmp_path) == 1
    assert "it is a folder" in told.err


def test_ctrl_c_does_not_wait_for_the_end_of_an_iteration(
    told: Told, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Run.__iter__

    def interrupted(run: Run) -> Iterator[StepReport]:
        signal.raise_signal(signal.SIGINT)
        return train(run)

    output = tmp_path / "a.safetensors"
    with monkeypatch.context() as patched:
        patched.setattr(Run, "__iter__", interrupted)
        assert told("train", "--config", small, "-o", output) == 130
    assert api.open_checkpoint(output).iteration == 0
    assert told.json("train", "--resume", output, "-o", output)["iterations"] == 3


# sample, evaluate, inspect, datasets


def test_sample_writes_an_export(told: Told, saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.h5"
    words = ["-n", 50, "--steps", 3, "--lambda", 0.5, "--last-step", "noise", "--grid", "uniform", "--seed", 4]
    result = told.json("sample", saved, *words, "--trajectories", "-o", output)
    assert list(result) == ["samples", "seconds", "samples_per_second", "far_samples", "file", "resumed_from"]
    assert result["samples"] == 50 and result["file"] == str(output)
    assert result["far_samples"] is not None and (" lie far from the data" in told.err) == (result["far_samples"] > 0)
    with h5py.File(output) as file:
        assert file["samples"].shape == (50, 2) and file["trajectories"].shape == (50, 4, 2)
        assert (file.attrs["seed"], file.attrs["steps"], file.attrs["lambda"]) == (4, 3, 0.5)
        assert file.attrs["checkpoint_sha256"] == api.open_checkpoint(saved).sha256


def test_an_export_with_points_that_flew_away_says_so_and_one_without_says_nothing(told: Told, tmp_path: Path) -> None:
    output = tmp_path / "a.h5"
    assert told("sample", "diffusion-rings", "-n", 2000, "--solver", "sde", "--steps", 5, "-o", output) == 0
    far = read_export(output).far_samples
    assert far is not None and 0 < far < 200 and f"{far} of 2,000 samples (" in told.err and "1.5 times" in told.err
    assert told("sample", "diffflow-rings", "-n", 2000, "-o", output) == 0
    assert told.err == "" and read_export(output).far_samples == 0
    assert told("inspect", output) == 0 and "far_samples: 0" in told.out


def test_sample_takes_the_file_of_a_preset_and_the_export_says_so(told: Told, saved: Path, tmp_path: Path) -> None:
    preset, output = save_preset(tmp_path, "mine", (0.0, 0.1, 1.0)), tmp_path / "a.h5"
    told.json("sample", saved, "-n", 5, "--steps", 4, "--grid", preset.path, "--trajectories", "-o", output)
    with h5py.File(output) as file:
        t = file["time"][:][::-1]
        assert json.loads(file["provenance/sampling"][()])["grid"] == [0.0, 0.1, 1.0]
    assert (np.diff(t) / np.diff(t).sum()).tolist() == pytest.approx([0.05, 0.05, 0.45, 0.45], rel=1e-3)
    preset.path.write_text("nodes")
    assert told("sample", saved, "-n", 5, "--grid", preset.path, "-o", output) == 1
    assert told.err.endswith("is not valid JSON and so no preset of a time grid.\n")


def test_sample_with_the_ode_and_densities(told: Told, saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.h5"
    assert told("sample", saved, "-n", 5, "--solver", "ode", "--log-prob", "-o", output) == 0
    assert "5 samples" in told.out and str(output) in told.out
    with h5py.File(output) as file:
        assert file["log_prob"].shape == (5,)
        assert json.loads(file["provenance/sampling"][()])["log_prob_divergence"] == "exact"


def test_sample_with_langevin_steps(told: Told, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "a.h5"
    assert told("sample", saved, "-n", 5, "--langevin", 3, "-o", output) == 1
    assert "score" in told.err and "is idle" in told.err and not output.exists()
    assert told("sample", saved, "-n", 5, "--langevin", -3, "-o", output) == 2
    monkeypatch.setattr(blocks, "LIVE", 0.0)
    assert told("sample", saved, "-n", 5, "--langevin", 3, "-o", output) == 0
    with h5py.File(output) as file:
        assert json.loads(file["provenance/sampling"][()])["langevin"] == 3


def test_sample_leaves_its_shards_and_goes_on_with_them(told: Told, saved: Path, tmp_path: Path) -> None:
    output, folder = tmp_path / "a.h5", tmp_path / ".a.h5.shards"
    words = ["sample", saved, "-n", 70_000, "--steps", 1, "-o", output]
    result = told.json(*words, "--shards")
    assert "older" not in told.err
    assert (result["samples"], result["resumed_from"]) == (70_000, 0) and result["far_samples"] is not None
    shards = sorted(path.name for path in tmp_path.glob("a.*-of-002.h5"))
    assert [one["name"] for one in told.json("inspect", output, "--verify", "--blocks", "none")["shards"]] == shards
    # As if it had been killed before the second shard
    place = ShardPlace(output, output)
    source = api.open_checkpoint(saved)
    plan = ExportPlan(70_000, SampleSettings(1).asked())
    work = export_by_ranks(source.build(), output, plan, source, api.data_of(source), shards=True)
    while not (folder / shards[0]).exists():
        next(work)
    work.close()
    assert (
        told(*words, "--shards", "--steps", 2, "--resume") == 1 and "for its number of steps N was 1 and is" in told.err
    )
    assert told.json(*words, "--shards", "--resume")["resumed_from"] >= 65_536 and "Going on with the" in told.err
    assert not folder.exists() and shards == sorted(path.name for path in tmp_path.glob("a.*-of-002.h5"))
    place.claim({"some": "thing"}, resume=False)
    (folder / "owner.json").unlink()
    assert told(*words, "--resume") == 1 and "cannot be gone on with" in told.err
    assert told(*words) == 0 and "in shards gives way to this one" in told.err and not folder.exists()
    assert "Shards of an older '" in told.err and shards[0] in told.err


@pytest.mark.usefixtures("few_points")
def test_evaluate_reports_what_design_says(told: Told, saved: Path) -> None:
    result = told.json("evaluate", saved, "--steps", "2,3", "--no-ode", "--paths", 2)
    assert {"nll_bound", "nll_ode", "entropy", "by_steps"} <= set(result)
    assert result["nll_ode"] is None and math.isfinite(result["nll_bound"])
    assert [row["steps"] for row in result["by_steps"]] == [2, 3]
    assert result["nll_importance"] <= result["nll_bound"] + 4 * result["nll_importance_error"]
    assert result["importance_paths"] == 2 and result["nll_bound_error"] > 0 and result["nll_ode_grid"] == []
    assert all(math.isfinite(row["nll_bound"]) for row in result["by_steps"])
    assert "attainable" in result and all("attainable" in row for row in result["by_steps"])
    assert {"steps", "nfe", "sliced_wasserstein", "floor", "outside"} <= set(result["by_steps"][0])
    for row in result["by_steps"]:
        assert row["sliced_wasserstein_error"] > 0
        assert row["told_apart"] == (row["sliced_wasserstein"] > row["resolution"])
        assert row["word"] in ("told apart", "equal", "unresolved")
    first, second = (row["multiply_adds"] / row["nfe"] for row in result["by_steps"])
    assert first == second > 0 and "steps_to_the_floor" in result


@pytest.mark.usefixtures("few_points")
def test_evaluate_prints_a_table(told: Told, saved: Path) -> None:
    assert told("evaluate", saved, "--data", "circle", "--steps", "2", "--no-ode", "--mass") == 0
    assert "by importance sampling" in told.out
    assert "Importance " in told.out and "the bound of 16 paths a point" in told.out and "±" in told.out
    assert "sliced Wasserstein" in told.out and "Steps to the floor: " in told.out and "multiply-adds" in told.out
    assert "Entropy    -" in told.out and "NLL (ODE)  -\n" in told.out


def test_evaluate_says_of_a_distance_whether_it_is_one() -> None:
    row = {"sliced_wasserstein": -0.0021, "sliced_wasserstein_error": 0.0016, "word": "equal"}
    assert _distance(row) == "-0.0021 ± 0.0016, equal"
    assert _distance(row | {"word": None}) == "-0.0021 ± 0.0016"
    assert _distance(dict.fromkeys(row)) == "-"


def test_evaluate_says_which_chain_the_bound_is_of() -> None:
    found = {"nll_bound_missing": None, "nll_bound_sampler": "sde", "nll_bound_sde": 0.3, "nll_bound_sde_error": 0.01}
    assert _chain(found) == ", of the chain of Euler steps, its last one with noise"
    told = _chain(found | {"nll_bound_sampler": "ancestral"})
    assert told == ", of the ancestral chain, its last step with noise; 0.3000 ± 0.0100 of the chain of Euler steps"
    assert _chain(found | {"nll_bound_missing": "deterministic"}) == " (deterministic: the solver draws no noise)"
    assert _chain(found | {"nll_bound_missing": "exact"}) == " (exact: see the ODE's NLL)"


def test_evaluate_asks_for_data_that_a_checkpoint_does_not_name(told: Told) -> None:
    assert told("evaluate", GOLDEN) == 2
    assert "name it with --data" in told.err


def test_evaluate_on_data_of_other_width_is_refused(told: Told, saved: Path, tmp_path: Path) -> None:
    table = tmp_path / "three.csv"
    table.write_text("a,b,c\n" + "".join(f"{i},{i * i % 7},{i * i % 11}\n" for i in range(40)))
    assert told("evaluate", saved, "--data", table) == 1
    assert "3 columns" in told.err


@pytest.mark.parametrize("chosen", ["", "::group/points", "::group/points::1"])
def test_train_on_a_dataset_inside_a_file(told: Told, small: Path, tmp_path: Path, chosen: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/points"] = np.random.default_rng(0).normal(size=(60, 2))
    output, source = tmp_path / "a.safetensors", f"{tmp_path / 'a.h5'}{chosen}"
    assert told("train", "--data", source, "--config", small, "-o", output) == 0
    held = api.open_checkpoint(output)
    assert held.config.data == source and held.dim == (1 if chosen.endswith("1") else 2)
    assert told("inspect", tmp_path / "a.h5") == 1
    assert "is a data file, not a checkpoint" in told.err


def test_an_export_is_data_too(told: Told, saved: Path, small: Path, tmp_path: Path) -> None:
    assert told("sample", saved, "-n", 50, "-o", tmp_path / "a.h5") == 0
    output = tmp_path / "a.safetensors"
    assert told("train", "--data", f"{tmp_path / 'a.h5'}::samples", "--config", small, "-o", output) == 0
    assert told("train", "--data", tmp_path / "a.h5", "--config", small, "-o", output) == 1
    assert "choose one with FILE::samples." in told.err


def test_inspect_tells_runs_weights_and_exports(told: Told, saved: Path, tmp_path: Path) -> None:
    run = told.json("inspect", saved)
    assert (run["kind"], run["iteration"], run["config"]["data"]) == ("run", 3, "moons")
    Run.resume(saved).save(tmp_path / "w.safetensors", kind="weights")
    assert told.json("inspect", tmp_path / "w.safetensors")["kind"] == "weights"
    assert told.json("inspect", GOLDEN)["kind"] == "weights"
    assert told("sample", saved, "-n", 5, "-o", tmp_path / "a.h5") == 0
    export = told.json("inspect", tmp_path / "a.h5")
    assert (export["kind"], export["count"], export["dim"], export["steps"]) == ("export", 5, 2, 4)
    assert told("inspect", tmp_path / "a.h5") == 0
    assert "config.sde.steps: 4\n" in told.out


def test_inspect_verifies_exports_and_checkpoints(told: Told, saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.h5"
    assert told.json("inspect", saved, "--verify")["verified"]["checksums"] == "agree"
    assert told("sample", saved, "-n", 5, "-o", output) == 0
    found = told.json("inspect", output, "--verify", "--checkpoint", saved)["verified"]
    assert (found["rows"], found["redrawn"], found["rows_redrawn"], found["largest_difference"]) == (5, [0], 5, 0)
    assert (found["checksums"], found["checksums_compared"], found["model"]) == ("agree", 2, str(saved))
    assert told.json("inspect", output, "--verify", "--blocks", "none")["verified"]["not_drawn"] == "not asked"
    assert told("inspect", output, "--verify", "--checkpoint", "diffflow-rings") == 1
    assert "'diffflow-rings' is not the model that drew" in told.err
    for words in (["--blocks", "1"], ["--blocks", "x"]):
        assert told("inspect", output, "--verify", "--checkpoint", saved, *words) == 2
    with h5py.File(output, "r+") as file:
        file["samples"][3, 1] += 1
    assert told("inspect", output, "--verify") == 1
    assert "are not what was written: their SHA-256 sum is another" in told.err


def test_datasets_as_json_and_as_a_table(told: Told) -> None:
    (listed,) = told.json("datasets").values()
    rings = next(row for row in listed if row["name"] == "rings")
    assert rings["dim"] == 2 and rings["aliases"] == ["olympic"]
    assert rings["entropy"] == pytest.approx(-0.962, abs=1e-3)
    assert told("datasets") == 0
    assert len(told.out.splitlines()) == 1 + len(listed)


# mistakes


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "rings"],
        ["train", "-o", "a.safetensors"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--bogus"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--steps", "0"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--steps", "-3"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--steps", "many"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--batch", "0"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--seconds", "nan"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--seconds", "0"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--seconds", "9", "--iterations", "9"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--device", "tpu"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--precision", "float16"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--model", "gan"],
        ["train", "--config", "none.toml", "--resume", "none.safetensors", "-o", "a.safetensors"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--freeze", "score"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--freeze", "drift", "--drift", "residual"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--freeze", "drift", "--model", "diffusion"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--straight", "1", "--model", "diffusion"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--noise", "0"],
        ["train", "--data", "rings", "-o", "a.safetensors", "--noise", "1", "--model", "flow"],
        ["sample", "CKPT", "-n", "0", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "-5", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--lambda", "-1", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--lambda", "nan", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--steps", "0", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--seed", "-1", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--grid", "square", "-o", "a.h5"],
        ["sample", "CKPT", "-n", "5", "--solver", "rk5", "-o", "a.h5"],
        ["sample", "CKPT", "-o", "a.h5"],
        ["evaluate"],
        ["evaluate", "CKPT", "--steps", "5,many"],
        ["evaluate", "CKPT", "--steps", "0"],
        ["evaluate", "CKPT", "--steps", ""],
        ["inspect"],
        ["bench", "--only", "drawng"],
        ["bench", "--quik"],
        ["datasets", "rings"],
        ["--nothing"],
        ["--size", "12"],
        ["--size", "9x99999"],
        ["--screenshot", "a.jpg"],
        ["--screenshot", "no/such/folder/a.png"],
        ["--screenshot", "a.png", "--after", "-1"],
        ["--after", "2"],
        ["trian", "--data", "rings"],
        ["a.npy", "b.npy"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_sentence_and_2(
    told: Told, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(*(str(saved) if word == "CKPT" else word for word in words)) == 2
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("dnf-studio: ") and line[-1] in ".?" and "Traceback" not in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "--data", "ringz", "-o", "a.safetensors"], "did you mean 'rings'?"),
        (["train", "--data", "none.csv", "-o", "a.safetensors"], "none.csv"),
        (["train", "--data", "rings", "-o", "no/a.safetensors"], "there is no folder"),
        (["train", "--resume", "none.safetensors", "-o", "a.safetensors"], "There is no file"),
        (["sample", "none.safetensors", "-n", "5", "-o", "a.h5"], "There is no file"),
        (["sample", "CKPT", "-n", "5", "-o", "no/a.h5"], "there is no folder"),
        (["evaluate", "CKPT", "--data", "ringz"], "did you mean 'rings'?"),
        (["inspect", "none.h5"], "There is no file"),
        (["none.h5"], "There is no file 'none.h5'."),
        (["none.csv::a,b"], "There is no file 'none.csv'."),
        (["none.h5::group/points"], "There is no file 'none.h5'."),
        (["ringz", "--screenshot", "a.png"], "did you mean 'rings'?"),
        (["inspect", "difflow-rings"], "There is no model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_fails_is_one_sentence_and_1(
    told: Told, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(*(str(saved) if word == "CKPT" else word for word in words)) == 1
    assert told.out == ""
    line = told.err.splitlines()[-1]
    assert line.startswith("dnf-studio: ") and sentence in line
    assert not list(tmp_path.iterdir())


# the window


def test_the_window_is_opened_as_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[WindowOptions] = []
    app = ModuleType("dnf_studio.gui.application.app")
    app.run = lambda options: asked.append(options) or 7  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "dnf_studio.gui.application.app", app)
    monkeypatch.setattr("dnf_studio.gui.application.app", app, raising=False)
    picture = tmp_path / "a.png"
    model = tmp_path / "x.safetensors"
    model.touch()
    words = [str(model), "--screenshot", str(picture), "--after", "2.5", "--size", "1280x800", "--json"]
    assert main(words) == 7
    (options,) = asked
    assert options == WindowOptions(str(model), picture, 2.5, (1280, 800), True, options.started)


def test_a_window_of_a_script_reads_where_that_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO('{"address": "here"}\nmore'))
    assert parse([]).live == ""
    assert parse(["--live"]).live == '{"address": "here"}\n'
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--live" not in capsys.readouterr().out


def test_the_clock_of_the_window_starts_with_the_process() -> None:
    import time

    age = time.perf_counter() - parse([]).started
    assert 0 < age < 3600
    if sys.platform.startswith("linux"):
        assert age > time.process_time() * 0.5


def test_help_and_version(told: Told) -> None:
    for words in (["--help"], ["--version"]):
        with pytest.raises(SystemExit) as left:
            told(*words)
        assert left.value.code == 0
    for verb in VERBS:
        assert told(verb, "--help") == 0
        assert f"dnf-studio {verb}" in told.out and "--json" in told.out


# output


def test_what_is_not_finite_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": math.nan, "b": [1.5, -math.inf], "c": {"d": math.inf}, "e": (1, "ä")}, "", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None], "c": {"d": None}, "e": [1, "ä"]}


def test_numbers_that_exploded_are_powers_of_ten() -> None:
    assert [number(one) for one in (None, 1.85, -12_345.6)] == ["-", "1.8500", "-12345.6000"]
    assert number(-8.4e38, 3) == "-8.400e+38" and number(float("inf")) == "inf"
    assert plus_minus(None) == "" and plus_minus(0.00261) == " ± 0.0026" and plus_minus(2e9, 3) == " ± 2.000e+09"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (7, "0:07"), (130, "2:10"), (3730, "1:02:10")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_table_aligns_its_columns() -> None:
    assert table([("a", "bc"), ("def", "")]) == "a    bc\ndef"


def test_parse_refuses_a_slip_only_where_there_is_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="did you mean 'dnf-studio sample'"):
        parse(["samples"])
    (tmp_path / "samples").touch()
    assert parse(["samples"]).file == "samples"


# pictures and data with a validation split


def test_a_picture_is_trained_inspected_and_refused(told: Told, small: Path, tmp_path: Path) -> None:
    pixels = np.full((20, 30), 255, np.uint8)
    pixels[4:9, 3:20] = 0
    Image.fromarray(pixels).save(tmp_path / "bar.png")
    held = told.json("inspect", tmp_path / "bar.png")
    assert held["kind"] == "picture" and held["size"] == [30, 20] and held["dark"] == pytest.approx(85 / 600)
    output = tmp_path / "a.safetensors"
    words = ["train", "--config", small, "--data", tmp_path / "bar.png", "--iterations", 2]
    told.json(*words, "--threshold", 0.5, "--blur", 1, "-o", output)
    checkpoint = api.open_checkpoint(output)
    assert checkpoint.config.data == f"{tmp_path / 'bar.png'}::threshold=0.5,blur=1"
    assert checkpoint.data.entropy is not None
    assert told(*words, "--threshold", 2, "-o", output) == 2
    assert told("train", "--threshold", 0.5, "-o", output) == 2 and "name it with --data" in told.err
    assert told("train", "--data", "rings", "--blur", 1, "-o", output) == 2 and "'rings' is none" in told.err
    assert told("inspect", tmp_path / "gone.png") == 1


def test_a_validation_split_is_reported(told: Told, small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    words = ["train", "--config", small, "--data", "wine", "--iterations", 50, "-o", output]
    result = told.json(*words)
    assert result["nll_validation"] != result["nll_bound"] and result["nll_validation"] > 0
    assert told("train", "--resume", output, "--iterations", 51, "-o", output) == 0
    assert "On the validation split it is" in told.out and "weights of iteration 50 are kept" in told.out
    found = told.json("evaluate", output, "--no-ode", "--steps", 2)
    assert found["nll_bound"] == pytest.approx(result["nll_bound"]) and found["bits_bound"] is None


def table_file(path: Path, rows: int, seed: int = 0) -> Path:
    np.savetxt(path, np.random.default_rng(seed).normal(size=(rows, 2)), delimiter=",")
    return path


def test_rows_are_held_out_wherever_they_stand(told: Told, small: Path, tmp_path: Path) -> None:
    data, model = table_file(tmp_path / "a.csv", 200), tmp_path / "m.safetensors"
    result = told.json("train", "--config", small, "--data", data, "--iterations", 50, "-o", model)
    assert result["nll_validation"] is not None
    train, validation, test = api.open_checkpoint(model).data.rows or (0, 0, 0)
    assert f"{train} rows to train, {validation} to validate and {test} to test on.\n" in told.err
    assert train + validation + test == 200 and min(validation, test) >= 10
    words = ["evaluate", model, "--no-ode", "--steps", 2]
    before = told.json(*words)
    assert told.err == "" and before["nll_bound"] == pytest.approx(result["nll_bound"])
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[::-1]))
    after = told.json(*words)
    sentence = f"'{data}' is not the data that was trained on, 'a.csv', or has changed since; used are the "
    assert told.err.startswith(sentence) and told.err.endswith("that the split of training holds out.\n")
    assert told.err.count("\n") == 1 and after["nll_bound"] == pytest.approx(before["nll_bound"], abs=0.1)


def test_splits_of_ones_own(told: Told, small: Path, tmp_path: Path) -> None:
    train, validation, test = (table_file(tmp_path / f"{name}.csv", 40, i) for i, name in enumerate("tvx"))
    model = tmp_path / "m.safetensors"
    words = ["train", "--config", small, "--train", train, "--validation", validation, "--test", test]
    result = told.json(*words, "--iterations", 2, "-o", model)
    assert "40 rows to train, 40 to validate (v.csv) and 40 to test on (x.csv).\n" in told.err
    held = told.json("inspect", model)
    assert held["data"]["rows"] == [40, 40, 40] and held["data"]["split"]["name"] == "content-1"
    config = api.open_checkpoint(model).config
    assert (config.data, config.validation, config.test) == (str(train), str(validation), str(test))
    assert told("inspect", model) == 0 and f"config.test: {test}\n" in told.out
    found = told.json("evaluate", model, "--no-ode", "--steps", 2)
    assert told.err == "" and found["nll_bound"] == pytest.approx(result["nll_bound"])
    other = table_file(tmp_path / "o.csv", 30, 3)
    assert told("evaluate", model, "--no-ode", "--steps", 2, "--test", other) == 0
    assert told.err == f"All rows of '{other}' are used, on the word that training has never seen one of them.\n"
    assert told("train", *words[1:], "-o", test) == 1 and test.read_text()
    validation.rename(tmp_path / "w.csv")
    moved = ["--validation", tmp_path / "w.csv", "--iterations", 3]
    assert told("train", "--resume", model, *moved, "-o", model) == 0
    assert api.open_checkpoint(model).config.validation == str(tmp_path / "w.csv")


def test_splits_that_cannot_be_are_refused(told: Told, saved: Path, tmp_path: Path) -> None:
    data, output = table_file(tmp_path / "a.csv", 40), tmp_path / "b.safetensors"
    place = "--validation and --test go with --train, which names a file in the place of --data."
    for words, sentence in (
        (["--data", data, "--train", data], "Give --data or --train, not both."),
        (["--data", data, "--test", data], place),
        (["--validation", data], place),
        (["--train", "rings", "--test", data], "--train takes a file of rows with columns; name 'rings' with --data."),
    ):
        assert told("train", *words, "-o", output) == 2 and told.err == f"dnf-studio: {sentence}\n"
    assert told("evaluate", saved, "--data", data, "--test", data) == 2
    assert told.err == "dnf-studio: Give --data or --test, not both.\n"
    assert not output.exists()


def test_what_training_lacks_is_told_in_options(told: Told, small: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "1,x\n2,y\n" * 30, encoding="utf-8")
    (tmp_path / "b.csv").write_text("a,b\n" + "1,2\n,3\n" * 30, encoding="utf-8")
    for name, wanted in (("a.csv", "--label"), ("b.csv", "--missing drop-rows")):
        assert told("train", "--config", small, "--data", tmp_path / name, "-o", tmp_path / "c.safetensors") == 1
        assert wanted in told.err and "=" not in told.err


def test_digits_are_told_in_bits(told: Told, small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    assert told("train", "--config", small, "--data", "digits", "--iterations", 2, "-o", output) == 0
    assert " nats.\n" in told.out and "logit" not in told.out
    assert told("evaluate", output, "--no-ode", "--steps", 2) == 0 and "Bits per dimension" in told.out
    assert "logit" not in told.out


def test_digits_in_logit_space_are_trained_resumed_sampled_and_told_so(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, whole, resumed = (tmp_path / f"{name}.safetensors" for name in ("half", "whole", "resumed"))
    constant = tmp_path / "constant.toml"
    constant.write_text(TOML + 'decay = "constant"\n')
    words = ["train", "--config", constant, "--data", "digits::logit"]
    for output, iterations in ((half, 2), (whole, 4)):
        told.json(*words, "--iterations", iterations, "-o", output)
    assert told("train", "--resume", half, "--data", "digits", "-o", resumed) == 1
    assert told("train", "--resume", half, "--iterations", 4, "-o", resumed) == 0
    assert " nats of the standardised logits (α = 1e-06)." in told.out
    one, other = api.open_checkpoint(resumed), api.open_checkpoint(whole)
    assert one.sha256 == other.sha256 and one.standardisation == other.standardisation
    assert one.standardisation.logit is not None and one.data.name == one.config.data == "digits::logit"
    assert told.json("inspect", whole)["standardisation"]["logit"]["high"] == 17
    told.json("sample", whole, "-n", 50, "-o", tmp_path / "a.h5")
    rows = read_rows(tmp_path / "a.h5")
    assert rows.min() >= 0 and rows.max() <= 17
    monkeypatch.setattr("dnf_studio.core.evaluation.evaluate.classes_of", lambda _: None)
    assert told("evaluate", whole, "--no-ode", "--steps", 2) == 0
    assert "of standardised logits (α = 1e-06)" in told.out and "Bits per dimension" in told.out
    assert told("train", "--data", "digits::logit=2", "-o", resumed) == 1 and "alpha of a logit" in told.err


# The folder of a run


def test_a_run_is_logged_gone_on_with_and_taken_for_its_newest_weights(told: Told, small: Path, tmp_path: Path) -> None:
    folder, copy = tmp_path / "run", tmp_path / "copy.safetensors"
    found = told.json("train", "--config", small, "--log", folder)
    assert (found["file"], found["log"]) == (str(folder / "run.safetensors"), str(folder))
    assert sorted(path.name for path in folder.iterdir()) == [
        "record.jsonl",
        "run.json",
        "run.safetensors",
        "run.snapshots",
    ]
    assert told("train", "--config", small, "--log", folder) == 1 and "holds a run already" in told.err
    found = told.json("train", "--resume", folder, "--iterations", 5, "-o", copy)
    assert (found["iterations"], found["file"], found["log"]) == (5, str(copy), str(folder))
    lines = [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines if "event" not in line][-1] == 5
    assert [line["how"] for line in lines if line.get("event") == "end"] == ["done", "done"]
    assert lines[-1]["metrics"]["nll_bound"] == pytest.approx(found["nll_bound"])
    held = told.json("inspect", folder)
    assert held["iteration"] == 5 and held["sha256"] == told.json("inspect", copy)["sha256"]
    assert told.json("sample", folder, "-n", 3, "-o", tmp_path / "a.h5")["samples"] == 3
    assert told.json("report", folder, "-o", tmp_path / "a.html")["models"][0]["sha256"] == held["sha256"]


def test_what_cannot_be_logged_is_refused_before_it_trains(told: Told, small: Path, tmp_path: Path) -> None:
    assert told("train", "--config", small) == 2 and "Say where the run is saved" in told.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert told("train", "--config", small, "--log", tmp_path / "full") == 1 and "it holds 'x'" in told.err
    assert told("train", "--config", small, "-o", tmp_path / "a.safetensors", "--sink", "tensorboard") == 2
    assert "give it a folder with --log" in told.err
    assert told("train", "--config", small, "--log", tmp_path / "new", "--sink", "csv") == 2
    assert "A sink is tensorboard or wandb, not 'csv'" in told.err
    assert told("train", "--data", "nothing", "--log", tmp_path / "new") == 1
    assert not (tmp_path / "new").exists()
    assert told("watch", "-oProxyCommand=x:run") == 2 or "no place of a run" in told.err
    assert told("watch", "far:run", "--limit", 0) == 2 and "--limit takes" in told.err
