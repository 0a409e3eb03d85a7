"""What is copied is run: it makes the very arrays that the window shows, and the command line takes it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from typer.main import get_command

from dnf_studio.api import open_export
from dnf_studio.cli import main
from dnf_studio.cli.train import train
from dnf_studio.config import Config
from dnf_studio.core.exploration.excess import widths
from dnf_studio.core.exploration.marginals import compare_marginals
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.errors import CheckpointError, DataError
from dnf_studio.gui.features.scripts.command import command
from dnf_studio.gui.features.scripts.controller import ScriptsController
from dnf_studio.gui.features.scripts.described import Described, Source, describe, sum_checked
from dnf_studio.gui.features.scripts.program import program
from dnf_studio.gui.workspace.files import RUN
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.training_cursor import TrainingCursor
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame
from tests.core.storage.files import make_flow, make_run
from tests.gui.conftest import TINY


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are left out: `tests/api/test_processes.py` draws them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("dnf_studio.gui.workspace.opening.DISPLAY_POINTS", 50)


def whole_frame(workspace: Workspace, qtbot: QtBot, **settings: object) -> Frame:
    """The frame of the newest weights by these settings, once nothing more comes of it."""
    live, explorer = workspace.live, workspace.studio.explorer

    def come() -> bool:
        frame, newest = live.frame, explorer.newest
        asked = all(getattr(newest.request, name) == value for name, value in settings.items())
        if frame is None or newest.snapshot is None or not asked:
            return False
        return frame.complete and frame.request is newest.request and frame.weights == newest.snapshot.version

    qtbot.waitUntil(come, timeout=20_000)
    assert live.frame is not None
    return live.frame


def copied(workspace: Workspace, qtbot: QtBot, plot: str = "") -> str:
    clipboard = QApplication.clipboard()
    clipboard.setText("")
    controller = workspace.parent.findChild(ScriptsController) or ScriptsController(workspace)
    controller.copy_program(plot)
    qtbot.waitUntil(lambda: clipboard.text() != "", timeout=20_000)
    return clipboard.text()


def run(text: str) -> dict[str, Any]:
    held: dict[str, Any] = {}
    exec(compile(text, "copied.py", "exec"), held)
    return held


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and np.ascontiguousarray(a).tobytes() == b.tobytes()


def test_what_is_copied_makes_the_arrays_of_the_window(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None], tmp_path: Path
) -> None:
    file = tmp_path / "mein modell's – ½.safetensors"
    save_checkpoint(file, make_run(make_flow()))
    open_model(str(file))
    nodes = (0.0, 0.1, 0.4, 1.0)
    workspace.session.apply({"steps": 6, "lam": 0.5, "seed": 3, "last": "mean", "grid": "uniform"})
    workspace.session.apply({"selection": (7, 2, 49), "selection_of": "backward"})
    frame = whole_frame(workspace, qtbot)
    held = run(copied(workspace, qtbot))
    assert same(held["forward"], frame.forward) and same(held["backward"], frame.backward)
    assert same(held["t"], frame.t) and same(held["g"], frame.g)
    assert held["chosen"] == [7, 2, 49] and "chosen_forward" not in held
    assert same(held["chosen_backward"], frame.backward[:, [7, 2, 49]])
    workspace.session.apply({"grid": nodes, "parts": "score", "start": "forward", "steps": 5})
    frame = whole_frame(workspace, qtbot)
    held = run(copied(workspace, qtbot))
    assert same(held["forward"], frame.forward) and same(held["backward"], frame.backward)
    assert same(held["chosen_forward"], frame.forward[:, [7, 2, 49]])
    # Another model under the same name is refused
    text = copied(workspace, qtbot)
    save_checkpoint(file, make_run(make_flow(seed=1)))
    with pytest.raises(CheckpointError, match="another model than was asked for"):
        run(text)


def test_both_models_of_a_comparison_and_weights_of_the_past_are_in_the_program(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate("ab"):
        save_checkpoint(Path(f"{name}.safetensors"), make_run(make_flow(seed=seed)))
    open_model("a.safetensors")
    workspace.comparison.open("b.safetensors")
    workspace.session.apply({"selection": (7, 2)})
    second = workspace.comparison
    qtbot.waitUntil(lambda: second.frame is not None and second.frame.complete, timeout=20_000)
    frame = whole_frame(workspace, qtbot)
    text = copied(workspace, qtbot)
    held = run(text)
    assert "points_b = points\n" in text and second.frame is not None
    assert same(held["forward"], frame.forward) and same(held["backward"], frame.backward)
    assert text.count("chosen = [7, 2]") == 1 and same(held["chosen_forward_b"], second.frame.forward[:, [7, 2]])
    assert same(held["forward_b"], second.frame.forward) and same(held["backward_b"], second.frame.backward)
    shown = describe(workspace)
    assert shown is not None and shown.second is not None
    fewer = program(replace(shown, second=replace(shown.second, points=20)))
    assert "import dataclasses" in fewer and "points.points[:20]" in fewer
    past = KeptWeights(12, 1, file=Path("a-12.safetensors"))
    monkeypatch.setattr(TrainingCursor, "shown", past)
    shown = describe(workspace)
    assert shown is not None and shown.source == Source(name=str(Path("a-12.safetensors").absolute()), iteration=12)
    assert "after iteration 12 of the run" in program(shown)


def test_plots_have_programs_of_their_own_numbers(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None]
) -> None:
    save_checkpoint(Path("small.safetensors"), make_run(make_flow()))
    open_model("small.safetensors")
    frame = whole_frame(workspace, qtbot)
    live, current = workspace.live, workspace.studio.current
    assert current is not None
    qtbot.waitUntil(
        lambda: live.excess is not None and live.excess.complete and len(live.excess.forward) == 4, timeout=30_000
    )
    assert live.excess is not None
    held = run(copied(workspace, qtbot, "disagreement"))
    g_term = widths(current.snapshot.flow.grid(), 2).numpy()[:, None]
    assert same(held["contribution"], frame.contributions + g_term)
    assert same(held["log_ratios"], live.excess.forward)
    np.testing.assert_allclose(held["disagreement"], live.excess.by_step.mean, rtol=1e-12)
    np.testing.assert_allclose(held["error"], live.excess.by_step.error, rtol=1e-12)
    own = compare_marginals(frame.forward, frame.backward)
    held = run(copied(workspace, qtbot, "marginals"))
    assert same(held["distance"], own.distance) and same(held["highest"], own.highest)
    assert same(run(copied(workspace, qtbot, "grid"))["lengths"], np.diff(frame.t))
    held = run(copied(workspace, qtbot, "loss"))
    assert current.checkpoint is not None
    assert held["loss"].tolist() == current.checkpoint.history["loss"]["losses"] and held["entropy"] < 0


def test_an_untrained_model_follows_from_its_settings_and_own_data_are_named_whole(
    workspace: Workspace,
    qtbot: QtBot,
    open_model: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    np.savetxt(tmp_path / "own.csv", np.random.default_rng(0).normal(size=(400, 3)), delimiter=",", header="a,b,c")
    workspace.session.apply(TINY)
    open_model("own.csv::a,c")
    frame = whole_frame(workspace, qtbot)
    text, shown = copied(workspace, qtbot), describe(workspace)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    held = run(text)
    assert same(held["forward"], frame.forward) and same(held["backward"], frame.backward)
    assert shown is not None
    line = command(shown, windows=False).splitlines()
    assert line[-1].startswith("dnf-studio train --data ") and f"{tmp_path}/own.csv::a,c" in shlex.split(line[-1])
    assert "# channels = 8" in line and "--config experiment.toml" in line[-1]
    taken(line[-1])
    (tmp_path / "own.csv").write_text("a,b,c\n" + "1,2,3\n2,3,1\n3,1,2\n" * 50)
    with pytest.raises(DataError, match="has changed"):
        run(text)


def taken(line: str) -> None:
    """What ``train`` makes of its options, without training."""
    app = typer.Typer()
    app.command()(train)
    get_command(app).make_context("train", shlex.split(line)[2:])


def test_a_run_is_to_be_saved_first_and_saving_is_offered(
    workspace: Workspace,
    qtbot: QtBot,
    open_model: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.session.apply(
        TINY | {"config.data": "moons", "config.training.iterations": 3, "config.training.seconds": None}
    )
    open_model("moons")
    training = workspace.studio.training
    workspace.studio.train()
    qtbot.waitUntil(lambda: training.phase is Phase.ENDED, timeout=30_000)
    text = copied(workspace, qtbot)
    assert text.startswith("# The model is not saved yet: save it in the studio")
    controller = workspace.parent.findChild(ScriptsController)
    assert controller is not None and controller.offer is not None
    shown = describe(workspace)
    assert shown is not None and shown.trained == 3
    told = command(replace(shown, changes=((2, "training.learning_rate", 0.01, 0.001),)), windows=False)
    assert "# After iteration 2: rate 0.01→0.001" in told.splitlines()
    assert "--data moons" in told and "--iterations 3" in told and "--batch 16" in told
    taken(told.splitlines()[-1])
    file = tmp_path / "kept.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), RUN))
    save = next(button for button in controller.offer.buttons() if button.text() == "&Save…")
    QApplication.clipboard().setText("")
    save.click()
    qtbot.waitUntil(lambda: "kept.safetensors" in QApplication.clipboard().text(), timeout=20_000)
    text = QApplication.clipboard().text()
    frame = whole_frame(workspace, qtbot)
    held = run(text)
    assert "not saved" not in text and "sha256=" in text
    assert same(held["forward"], frame.forward) and same(held["backward"], frame.backward)


SHOWN = Described("a b", Source(name="/models/it's 50% o'clock.safetensors", sha256="ab"), Config(),
                  SampleSettings(steps=5, lam=0.25, last="noise", solver="sde", langevin=2), 20)  # fmt: skip


def test_a_sample_command_draws_what_it_says_and_is_quoted_for_its_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posix, windows = command(SHOWN, windows=False), command(SHOWN, windows=True)
    words = shlex.split(posix.splitlines()[-1])
    assert words[:3] == ["dnf-studio", "sample", SHOWN.source.name] and words[words.index("--langevin") + 1] == "2"
    assert windows.splitlines()[-1].split('"')[1] == SHOWN.source.name
    assert all(line.startswith("rem ") for line in windows.splitlines()[:-1])
    save_checkpoint(tmp_path / "m.safetensors", make_run(make_flow()))
    plain = replace(
        SHOWN, source=Source(name=str(tmp_path / "m.safetensors")), sampling=SampleSettings(steps=5, seed=4)
    )
    assert main(shlex.split(command(plain, windows=False).splitlines()[-1])[1:]) == 0
    with open_export("a b.h5") as export:
        assert export.trajectories.shape == (20, 6, 2) and export.info.seed == 4
    assert "20 samples" in capsys.readouterr().out


def test_what_no_program_can_get_by_itself_is_said_first() -> None:
    held = program(replace(SHOWN, source=Source(held="script.py (12)")))
    assert held.startswith("# The model is held by script.py (12)") and "\n# model = …" in held
    gone = sum_checked(replace(SHOWN, source=Source(name="/nowhere/a.safetensors")))
    assert program(gone).startswith("# The model is not saved yet")
    own = replace(SHOWN, plugins=("/my plug-in.py",), packages=("others",), own_samples=True)
    assert 'runpy.run_path("/my plug-in.py")' in program(own) and "import it first" in program(own)
    assert "dnf-studio --with '/my plug-in.py' sample" in command(own, windows=False)
    assert "samples of the model" in program(own)
    compile(program(replace(own, title="a'\n\"b", export="/x y.h5", exported=9, chosen=(1, 2))), "copied.py", "exec")
