"""Every example of a docstring and of resources/examples is run."""

from __future__ import annotations

import doctest
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dnf_studio as dnf
from dnf_studio import plugins
from dnf_studio.assets import resource

PUBLIC = [name for name in dnf.__all__ if name not in ("__version__", "Evaluation")]
"""An evaluation's example is that of what returns it."""
FILES = sorted(resource("examples").glob("*.py"))


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_points: None) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    plugins.forget_all()


@pytest.mark.usefixtures("in_a_folder")
@pytest.mark.parametrize("name", PUBLIC)
def test_the_docstring_of_a_public_name_has_an_example_that_is_true(name: str) -> None:
    one = getattr(dnf, name)
    own = [test for test in doctest.DocTestFinder().find(one, name) if test.examples]
    if hasattr(one, "fit"):
        # A run inherits it
        own += doctest.DocTestFinder().find(one.fit, "fit")
    if any("plot()" in line.source for test in own for line in test.examples):
        pytest.importorskip("matplotlib")
    assert own, f"{name} has no example"
    runner = doctest.DocTestRunner(verbose=False)
    for test in own:
        said: list[str] = []
        assert runner.run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.usefixtures("in_a_folder")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_runs_in_its_short_form(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(file), "--short"])
    held = runpy.run_path(str(file), run_name="__main__")
    assert held["SHORT"] and capsys.readouterr().out


def test_the_callback_of_lightning_takes_what_its_trainer_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (resource("examples") / "own_score_watched.py").read_text(encoding="utf-8")
    held: dict[str, Any] = {}
    exec(source.partition("net = Score()")[0], held)  # up to where it trains
    opened: list[object] = []
    told: list[tuple[object, object]] = []
    window = SimpleNamespace(update=lambda step, loss: told.append((step, loss)), close=lambda: told.append(("end", 0)))
    monkeypatch.setattr(dnf, "watch", lambda model, data: opened.append(model) or window)
    for first, trial in (False, False), (True, True), (True, False):
        callback = held["Watching"]("model", held["x"])
        trainer = SimpleNamespace(is_global_zero=first, fast_dev_run=trial, global_step=7)
        callback.on_train_start(trainer, None)
        # What Lightning hands on: of a loss, of optimizers by hand, of a step that was left out
        for outputs in {"loss": 0.5}, {}, None:
            callback.on_train_batch_end(trainer, None, outputs, None, 0)
        callback.on_train_end(trainer, None)
    assert opened == ["model"] and told == [(7, 0.5), (7, None), (7, None), ("end", 0)]


def test_there_are_examples_and_each_says_how_long_it_takes() -> None:
    assert len(FILES) >= 5
    for file in FILES:
        about = file.read_text(encoding="utf-8").split('"""')[1]
        assert f"python {file.name} --short" in about, file
