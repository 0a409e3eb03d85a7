"""Evaluation, export and reading exports from a script: what the command line does, to the number and to the byte."""

from __future__ import annotations

import json
from datetime import tzinfo
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio.cli import main
from dnf_studio.core.storage import origins, provenance
from dnf_studio.errors import DataError, ExportError, MissingModelError, SettingError

X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 5] + [3, 0]
SMALL: dict[str, Any] = {"steps": 4, "iterations": 3, "batch": 32, "device": "cpu", "channels": 8}
SMALL["precision"] = "float32"


@pytest.fixture(scope="module")
def run() -> dnf.Run:
    return dnf.train(X, **SMALL)


@pytest.fixture(scope="module")
def model(run: dnf.Run) -> dnf.GenerativeModel:
    return run.fit(progress=False)


@pytest.fixture
def saved(run: dnf.Run, model: dnf.GenerativeModel, tmp_path: Path) -> Path:
    run.save(tmp_path / "a.safetensors", "weights")
    return tmp_path / "a.safetensors"


@pytest.fixture
def one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports that are made at different times say that they were made at one."""

    class Then(provenance.datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Then:
            return cls(2026, 12, 1, tzinfo=tz)

    monkeypatch.setattr(provenance, "datetime", Then)


@pytest.mark.usefixtures("few_points")
def test_an_evaluation_has_the_numbers_of_the_command_line(
    model: dnf.GenerativeModel, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", X)
    words = ["evaluate", str(saved), "--data", str(tmp_path / "x.npy"), "--steps", "3", "--paths", "2", "--no-ode"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = dnf.evaluate(model, X, steps=3, paths=2, ode=False, progress=False)
    assert json.loads(json.dumps(found.as_dict())) == told
    assert found.by_steps[0].steps == 3 and found.nll_bound == told["nll_bound"]
    with pytest.raises(AttributeError):
        found.nll_bound = 0.0  # type: ignore[misc]
    assert repr(found).startswith("Evaluation(nll_bound=") and "<table>" in found._repr_html_()


@pytest.mark.usefixtures("few_points")
def test_other_rows_are_measured_on_and_all_of_them_as_a_test(
    model: dnf.GenerativeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    quick: dict[str, Any] = {"steps": 3, "ode": False, "paths": 1}
    dnf.evaluate(model, X[:150] + 1e-3, **quick)
    assert "rows of it that the split of training holds out" in capsys.readouterr().err
    dnf.evaluate(model, test=torch.tensor(X[:20] + 1e-3), **quick)
    assert "on the word that training has never seen" in capsys.readouterr().err


def test_what_cannot_be_measured_is_one_sentence(model: dnf.GenerativeModel, run: dnf.Run) -> None:
    wrong = (X[:, [0, 1, 1]], "3 components"), (X[:, 0], "1 component,"), (X + np.nan, "missing or not finite")
    for x, words in wrong:
        with pytest.raises(DataError, match=words) as caught:
            dnf.evaluate(model, test=x, progress=False)
        assert "--" not in str(caught.value)
    gaps = X.copy()
    gaps[3, 1] = np.nan
    for one, role, x in (
        (model, "data", gaps),
        ("diffflow-rings", "data", gaps),
        (model, "test", np.ma.masked_invalid(gaps)),
    ):
        with pytest.raises(DataError, match="leave out the rows that have some") as caught:
            dnf.evaluate(one, **{role: x}, progress=False)
        assert "missing=" not in str(caught.value)  # there is no such argument
    with pytest.raises(SettingError, match=r"not a run; its model is run\.fit\(\)"):
        dnf.evaluate(run)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="Give data= or test=, not both"):
        dnf.evaluate(model, X, test=X, progress=False)
    with pytest.raises(SettingError):
        dnf.evaluate(model, steps=(3, 0), progress=False)


@pytest.mark.usefixtures("one_time")
def test_an_export_is_the_file_of_the_command_line_to_the_byte(
    model: dnf.GenerativeModel, saved: Path, tmp_path: Path
) -> None:
    words = ["-n", "500", "--steps", "3", "--lambda", "0.5", "--seed", "2", "--trajectories", "--last-step", "noise"]
    assert main(["sample", str(saved), *words, "--device", "cpu", "-o", str(tmp_path / "a.h5")]) == 0
    settings: dict[str, Any] = {"n": 500, "steps": 3, "lam": 0.5, "seed": 2, "trajectories": True, "last_step": "noise"}
    # The file's model does not find its data; what was loaded from it is the same
    file = dnf.export(dnf.load(saved), tmp_path / "b.h5", **settings, progress=False)
    assert file.read_bytes() == (tmp_path / "a.h5").read_bytes()
    own = dnf.export(model, tmp_path / "c.h5", **settings, progress=False)
    with h5py.File(own) as one, h5py.File(file) as other:
        assert one["provenance/checkpoint"][()] == other["provenance/checkpoint"][()]
        assert np.array_equal(one["trajectories"][:], other["trajectories"][:])
        assert "far_samples" in one.attrs, "the data is at hand where it was trained"


def test_a_model_that_was_changed_is_not_what_it_was(saved: Path, tmp_path: Path) -> None:
    model = dnf.load(saved)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    with dnf.open_export(dnf.export(model, tmp_path / "a.h5", n=5, progress=False)) as e:
        assert e.info.checkpoint_sha256 != dnf.open_checkpoint(saved).sha256
        assert e.info.checkpoint["iteration"] == 0
        assert e.model() is model


def test_an_open_export_is_read_by_slices_and_finds_its_model(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = dnf.load(saved)
    e = dnf.open_export(dnf.export(model, tmp_path / "a.h5", n=50, trajectories=True, progress=False))
    assert e.samples.shape == (50, 2) and len(e) == len(e.samples) == 50
    rows = np.asarray(e.trajectories)
    for key in (
        3,
        -1,
        slice(4, 40, 5),
        slice(None, None, -7),
        [5, 2, 2],
        rows[:, -1, 0] > 0,
        (slice(2), -1),
        ...,
        (2, 3),
    ):
        assert np.array_equal(e.trajectories[key], rows[key])
    assert e.samples[7:7].shape == (0, 2)
    with pytest.raises(IndexError):
        e.samples[50]
    read: list[int] = []
    own = e.samples._read

    def counted(_: object, start: int, stop: int) -> Any:  # noqa: ANN401 - rows of whatever type
        read.append(stop - start)
        return own(start, stop)

    monkeypatch.setattr("dnf_studio.api.rows.Rows._read", counted)
    assert np.array_equal(np.stack([e.samples[row] for row in (7, -3)]), np.asarray(own(0, 50))[[7, -3]])
    assert e.samples[10:20:3].shape == (4, 2) and read == [1, 1, 10]
    monkeypatch.undo()
    assert e.config == model.config and e.time[0] == model.timestamps[-1] and e.time.shape == (5,)
    assert np.array_equal(e.trajectories[3][-1], e.samples[3])
    assert torch.equal(e.model().sample(3), model.sample(3))
    monkeypatch.setattr(origins, "remembered", lambda _: None)
    found = e.model()
    assert found is not model and torch.equal(found.sample(3), model.sample(3))
    saved.rename(tmp_path.parent / "elsewhere.safetensors")
    with pytest.raises(MissingModelError, match="say in which folder"):
        e.model()
    assert torch.equal(e.model(tmp_path.parent / "elsewhere.safetensors").sample(3), model.sample(3))
    for missing in ("log_prob", "labels", "noise", "format"):
        with pytest.raises(ExportError, match=f"holds no {missing}, only samples"):
            e[missing]
    with pytest.raises(ZeroDivisionError), e:
        _ = 1 / 0
    with pytest.raises(ExportError, match="is closed"):
        _ = e.samples
    assert "a.h5" in repr(e) and "a.h5" in e._repr_html_()


def test_an_export_without_paths_has_no_times(saved: Path, tmp_path: Path) -> None:
    with dnf.open_export(dnf.export(saved, tmp_path / "a.h5", n=5, progress=False)) as e, pytest.raises(ExportError):
        _ = e.time


@pytest.mark.parametrize("path", [None, "no/such.h5"])
def test_what_is_no_export_is_one_sentence(path: str | None) -> None:
    with pytest.raises(ExportError):
        dnf.open_export(path)  # type: ignore[arg-type]


def test_settings_of_an_export_that_cannot_be_are_one_sentence(model: dnf.GenerativeModel, tmp_path: Path) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"n": 0}, {"n": 2.5}, {"lam": 3}, {"solver": "rk9"}, {"last_step": "no"}, {"grid": "nope"}, {"labels": True},
    )  # fmt: skip
    for settings in wrong:
        with pytest.raises(dnf.StudioError) as caught:
            dnf.export(model, tmp_path / "a.h5", **{"n": 5, **settings}, progress=False)
        assert "\n" not in str(caught.value) and "--" not in str(caught.value)
    assert not list(tmp_path.iterdir())
