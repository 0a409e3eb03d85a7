"""Good files are shown; bad ones are told in one sentence and change nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from dnf_studio import api
from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import opening
from tests.golden import FOLDER

Open = Callable[[str], None]
SMALL = Config.create({"network": {"layers": 1, "channels": 8}, "sde": {"steps": 6}})


@pytest.fixture
def checkpoint_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, Checkpoint.of_model(DiffFlow(2, SMALL)))
    return path


def test_a_built_in_set_shows_an_untrained_model(window: MainWindow, open_in: Open) -> None:
    open_in("moons")
    assert window.session.state.config.data == "moons"
    assert window.studio.current is not None and not window.studio.current.shown.trained
    assert "untrained" in window.status.message.text()
    assert "moons" in window.windowTitle()
    assert window.live.frame is not None
    assert window.session.cursor.steps == window.session.state.config.sde.steps
    assert not window.session.can_undo


def test_a_checkpoint_brings_its_settings(window: MainWindow, open_in: Open, checkpoint_file: Path) -> None:
    open_in(str(checkpoint_file))
    assert window.session.state.config == SMALL
    assert window.session.cursor.steps == 6
    assert window.toolbar.steps.value() == 6
    assert "small.safetensors" in window.windowTitle()


def test_train_pressed_while_a_file_is_opened_trains_that_file(
    window: MainWindow, open_in: Open, checkpoint_file: Path, qtbot: QtBot
) -> None:
    open_in("circle")
    window.studio.open(str(checkpoint_file))
    window.commands["train"].trigger()
    assert not window.studio.training.active and "once the model is shown" in window.status.message.text()
    qtbot.waitUntil(lambda: window.studio.training.run is not None, timeout=20_000)
    assert window.studio.training.run is not None
    assert window.studio.training.run.config.network == SMALL.network
    window.studio.training.leave()


def test_train_pressed_while_what_is_opened_fails_trains_nothing(
    window: MainWindow, open_in: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    open_in("circle")
    window.studio.open(str(tmp_path / "nowhere.safetensors"))
    window.commands["train"].trigger()
    with qtbot.waitSignal(window.studio.failed):
        pass
    qtbot.wait(100)
    assert window.studio.training.run is None and not window.studio.training.active
    open_in("moons")
    assert not window.studio.training.active


def test_a_setting_changed_just_before_does_not_lose_the_file(
    window: MainWindow, open_in: Open, checkpoint_file: Path, qtbot: QtBot
) -> None:
    open_in("circle")
    window.session.apply({"config.network.channels": 8})
    assert window.studio._settle.isActive()
    window.studio.open(str(checkpoint_file))
    assert not window.studio._settle.isActive(), "the model renewed for the setting would take the file's place"
    qtbot.waitUntil(lambda: "small.safetensors" in window.windowTitle(), timeout=20_000)


def test_a_reference_program_checkpoint_opens(window: MainWindow, open_in: Open) -> None:
    open_in(str(FOLDER / "official_checkerboard.pt"))
    assert window.studio.current is not None and window.studio.current.shown.trained


def test_training_without_known_data_asks_for_data_and_says_what_is_shown(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]]
) -> None:
    open_in(str(FOLDER / "official_checkerboard.pt"))
    window.commands["train"].trigger()
    (told,) = errors_of()
    assert "choose data first" in told
    assert window.commands["train"].isEnabled()
    assert window.status.message.text().startswith("official_checkerboard.pt does not say")


def test_a_table_of_five_columns_offers_axes(window: MainWindow, open_in: Open, tmp_path: Path) -> None:
    table = tmp_path / "five.csv"
    rows = np.random.default_rng(0).normal(size=(60, 5))
    np.savetxt(table, rows, delimiter=",", header="a,b,c,d,e", comments="")
    open_in(str(table))
    assert window.studio.current is not None and window.studio.current.shown.columns == (
        "a",
        "b",
        "c",
        "d",
        "e",
    )
    panel = window.page("Data")
    assert panel.axes.isVisibleTo(panel)
    assert [panel.up.itemText(i) for i in range(panel.up.count())] == ["a", "b", "c", "d", "e"]
    window.session.apply({"axes": (3, 4)})
    assert panel.across.currentText() == "d" and panel.up.currentText() == "e"
    axes = [window.plots["forward"].plot.getAxis(side).labelText for side in ("bottom", "left")]
    assert axes == ["x₄  d", "x₅  e"]
    assert panel.data.currentText() == "five.csv"


def test_one_column_has_only_the_time_view(window: MainWindow, open_in: Open, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.random.default_rng(0).normal(size=(50, 1)))
    open_in(str(tmp_path / "one.npy"))
    assert not window.views.above.isVisible() and window.plots["time"].isVisible()
    open_in("rings")
    assert window.views.above.isVisible()


BAD = {
    "corrupt.safetensors": lambda: b"\x10\0\0\0\0\0\0\0{ not a header }",
    "code.pt": lambda: pickle.dumps(print),
    "nan.csv": lambda: b"x,y\n1,2\nnan,3\n4,5\n6,7\n",
    "text.csv": lambda: b"x,y\n1,2\nhello,3\n4,5\n6,7\n",
    "empty.npy": lambda: b"",
    "export.h5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(64),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_and_changes_nothing(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]], tmp_path: Path, name: str
) -> None:
    open_in("circle")
    shown, state = window.studio.current, window.session.state
    bad = tmp_path / name
    bad.write_bytes(BAD[name]())
    window.studio.open(str(bad))
    told = errors_of()
    assert len(told) == 1 and told[0].endswith(".") and "\n" not in told[0]
    assert window.studio.current is shown
    assert window.session.state is state
    open_in("moons")


def test_a_missing_file_is_told(window: MainWindow, errors_of: Callable[[], list[str]], tmp_path: Path) -> None:
    window.studio.open(str(tmp_path / "nothing.csv"))
    assert "nothing.csv" in errors_of()[0]


def test_what_is_being_opened_is_said_until_it_is_there_or_is_not(
    window: MainWindow, errors_of: Callable[[], list[str]], qtbot: QtBot, tmp_path: Path
) -> None:
    said = window.status.message
    window.files.show("moons")
    assert said.text() == "Opening moons…"
    qtbot.waitUntil(lambda: "untrained" in said.text(), timeout=20_000)
    before = said.text()
    window.files.show(str(tmp_path / "gone.npy"))
    assert said.text() == "Opening gone.npy…"
    errors_of()
    assert said.text() == before


def test_choosing_data_shows_it_and_undo_brings_the_old_back(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        window.files.choose_data("moons")
    assert window.studio.current is not None and window.studio.current.shown.data == "moons"
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        window.session.undo()
    assert window.studio.current.shown.data == "circle"


def test_data_that_cannot_be_shown_is_taken_back(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]], tmp_path: Path
) -> None:
    table = tmp_path / "constant.csv"
    table.write_text("x,flat\n" + "".join(f"{i},5\n" for i in range(30)))
    open_in("circle")
    window.session.apply({"config.drop_constant": True})
    open_in(str(table))
    assert window.studio.current is not None and window.studio.current.shown.columns == ("x",)
    window.session.apply({"config.drop_constant": False})
    assert "flat" in errors_of()[0]
    assert window.session.state.config.drop_constant


def test_view_settings_reach_the_views(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    for change, steps in (({"steps": 5}, 5), ({"lam": 0.0}, 5), ({"grid": "uniform"}, 5), ({"steps": None}, 30)):
        window.session.apply(change)
        qtbot.waitUntil(
            lambda: (
                window.live.frame is not None
                and window.live.frame.complete
                and window.live.frame.request.steps == window.session.state.sampling.steps
                and window.live.frame.request.lam == window.session.state.sampling.lam
                and window.live.frame.request.grid == window.session.state.sampling.grid
            ),
            timeout=20_000,
        )
        assert window.live.frame is not None and len(window.live.frame.t) == steps + 1
        assert window.session.cursor.steps == steps
    assert window.toolbar.steps.value() == 30


def test_a_file_that_opens_slowly_is_not_lost_to_a_changed_setting(
    window: MainWindow, open_in: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in("circle")
    gate, open_any = Event(), opening.open_any
    monkeypatch.setattr(opening, "open_any", lambda *words: gate.wait(20) and open_any(*words))
    window.studio.open("diffflow-rings")
    with qtbot.waitSignal(window.studio._settle.timeout):
        window.session.apply({"config.sde.steps": 7})
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        gate.set()
    assert window.studio.current is not None and window.studio.current.shown.title == "diffflow-rings"


def test_what_a_bundled_model_brought_goes_with_it_and_what_a_person_changed_stays(
    window: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    open_in("diffflow-digits")
    brought = window.session.state.config
    assert brought.sde.g_start == 3 and brought.training.iterations == 20_000
    window.session.apply({"config.training.learning_rate": 0.005})
    window.files.choose_data("rings")
    shown = [window.studio.current]

    def comes(data: str) -> Config:
        qtbot.waitUntil(lambda: window.studio.current is not shown[-1], timeout=20_000)
        shown.append(window.studio.current)
        assert window.session.state.config.data == data == shown[-1].config.data
        return window.session.state.config

    bundled = api.open_checkpoint("diffflow-rings").config
    assert comes("rings") == bundled.changed({"training.learning_rate": 0.005})
    notice = window.parts["training"].settings.bar
    assert notice.text.text().startswith("With rings settings changed: ") and notice.text.text().endswith(" more.")
    assert f"Iterations 20,000→{bundled.training.iterations:,}" in notice.text.toolTip().splitlines()
    assert "rate" not in notice.text.toolTip(), "that is the person's"
    # Data, and what it brought, are one step
    window.session.undo()
    undone = comes(brought.data)
    assert undone == brought.changed({"training.learning_rate": 0.005})
    assert shown[-1].shown.title == "diffflow-digits"
    window.session.redo()
    assert comes("rings").sde.g_start == 0.5
    window.files.choose_data("moons")
    assert comes("moons") == Config.create({"data": "moons", "training": {"learning_rate": 0.005}})
    notice.buttons[0].click()
    assert window.session.state.config == bundled.changed({"data": "moons", "training.learning_rate": 0.005})
    assert not notice.isVisible()


def test_a_file_of_data_does_not_get_what_a_bundled_model_brought(
    window: MainWindow, open_in: Open, tmp_path: Path
) -> None:
    open_in("diffflow-digits")
    np.save(tmp_path / "own.npy", np.random.default_rng(0).standard_normal((300, 2)))
    open_in(str(tmp_path / "own.npy"))
    assert window.session.state.config == Config.create({"data": str(tmp_path / "own.npy")})
    # The model is of these settings already
    assert not window.studio._settle.isActive()


def test_the_settings_of_a_model_of_ones_own_are_kept_for_other_data(
    window: MainWindow, open_in: Open, checkpoint_file: Path, qtbot: QtBot
) -> None:
    open_in(str(checkpoint_file))
    window.files.choose_data("moons")
    qtbot.waitUntil(lambda: window.studio.current.shown.data == "moons", timeout=20_000)
    assert window.session.state.config == SMALL.changed({"data": "moons"})


def chosen(window: MainWindow, qtbot: QtBot, act: Callable[[], object]) -> opening.Opened:
    """What is shown after other data was chosen."""
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        act()
    assert window.studio.current is not None
    return window.studio.current


def test_settings_of_another_model_show_an_untrained_one_and_say_where_the_bundled_one_is(
    window: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    open_in("diffflow-rings")
    before = window.studio.current
    window.session.apply({"config.sde.steps": 10, "config.training.learning_rate": 0.005})
    other = chosen(window, qtbot, lambda: window.files.choose_data("8gaussian"))
    assert not other.shown.trained and other.snapshot.config.sde.steps == 10 and other.shown.steps == 10
    assert other.snapshot.config == window.session.state.config
    told = window.status.message.text()
    assert "untrained diffflow of 8gaussian with your settings" in told
    assert "bundled diffflow-8gaussian has others" in told
    # Undo and redo bring back what was shown, not a model of the settings
    back = chosen(window, qtbot, window.session.undo)
    assert back.snapshot is before.snapshot and back.shown.title == "diffflow-rings"
    assert window.session.state.config.sde.steps == 10
    assert chosen(window, qtbot, window.session.redo).snapshot is other.snapshot
    chosen(window, qtbot, window.session.undo)
    # How it is to be trained does not make another model
    window.session.apply({"config.sde.steps": before.config.sde.steps})
    assert chosen(window, qtbot, lambda: window.files.choose_data("8gaussian")).shown.title == "diffflow-8gaussian"
    assert window.session.state.config.training.learning_rate == 0.005


def test_undo_brings_a_model_of_ones_own_back(
    window: MainWindow, open_in: Open, checkpoint_file: Path, qtbot: QtBot
) -> None:
    open_in(str(checkpoint_file))
    own = window.studio.current
    other = chosen(window, qtbot, lambda: window.files.choose_data("8gaussian"))
    assert not other.shown.trained and other.snapshot.config.sde.steps == 6
    back = chosen(window, qtbot, window.session.undo)
    assert back.snapshot is own.snapshot and "small.safetensors" in window.windowTitle()
    open_in("circle")
    assert window.studio._past_models.find(SMALL) is None, "another document"


def test_a_baseline_stays_one_for_other_data_and_digits_keep_theirs_as_logits_or_not() -> None:
    diffusion, digits = (api.open_checkpoint(name).config for name in ("diffusion-rings", "diffflow-digits"))
    found = opening.open_for(diffusion.changed({"data": "checkerboard"}), diffusion)
    assert found.config == Config.create({"data": "checkerboard", "model": "diffusion"}) and found.preset is None
    assert found.shown.name == "untrained model (diffusion)" and found.snapshot.config.model == "diffusion"
    found = opening.open_for(found.config.changed({"data": "rings"}))
    assert found.shown.name == "diffusion-rings" and found.config == diffusion == found.preset
    found = opening.open_for(digits.changed({"data": "digits::logit=0.2"}), digits)
    assert found.config == digits.changed({"data": "digits::logit=0.2"}) and found.preset == digits
    # A model of logits is not one of the pixels as they are
    for data, trained in (("digits", False), ("digits::logit=0.2", False), ("digits::logit=0.05", True)):
        found = opening.open_for(Config.create({"data": data}))
        assert found.shown.trained is trained and found.dataset is not None
        assert (found.dataset.standardisation.logit is None) is (data == "digits")
