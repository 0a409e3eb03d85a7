"""The preset for tables, offered once where it would be of use."""

from __future__ import annotations

from dataclasses import replace

from dnf_studio.config import Config, flatten
from dnf_studio.gui.features.training.suggestion import TablesBar, tables_preset
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.trees import show, trees


def in_effect(config: Config) -> bool:
    known = flatten(config.model_dump())
    return all(known[name] == value for name, value in tables_preset().items())


def test_a_table_is_asked_about_once_and_undo_takes_the_answer_back(quiet_workspace: Workspace) -> None:
    said: list[str] = []
    workspace = replace(quiet_workspace, say=said.append)
    session, bar = workspace.session, TablesBar(workspace)
    assert bar.isHidden() and tables_preset()["sde.steps"] == 10
    session.apply({"config.training.ema": 0.99})
    show(workspace, trees())
    assert not bar.isHidden() and bar.text.text().startswith("trees.csv has 4 columns:")
    bar.use.click()
    assert bar.isHidden() and in_effect(session.state.config) and "Undo" in said[-1]
    assert session.state.config.training.ema == 0.99, "what the preset does not name stays"
    session.undo()
    assert bar.isHidden() and not in_effect(session.state.config)
    show(workspace, trees())
    assert bar.isHidden()


def test_it_is_silent_where_it_would_not_help(quiet_workspace: Workspace) -> None:
    bar = TablesBar(quiet_workspace)
    shown = trees().shown
    for other in (
        replace(shown, dim=3, columns=shown.columns[:3]),
        replace(shown, trained=True),
        replace(shown, rows=False),
        replace(shown, kind="flow"),
    ):
        show(quiet_workspace, replace(trees(), shown=other))
        assert bar.isHidden(), other
    quiet_workspace.session.apply({f"config.{name}": value for name, value in tables_preset().items()})
    show(quiet_workspace, trees())
    assert bar.isHidden(), "it is in effect already"
    quiet_workspace.session.undo()
    assert not bar.isHidden()


def test_train_is_an_answer(quiet_workspace: Workspace) -> None:
    bar, training = TablesBar(quiet_workspace), quiet_workspace.studio.training
    show(quiet_workspace, trees())
    training._phase = Phase.RUNNING
    training.phase_changed.emit(Phase.RUNNING)
    assert bar.isHidden()
    training._phase = Phase.NONE
    training.phase_changed.emit(Phase.NONE)
    assert bar.isHidden()
