"""Forms made from settings: they write the session, follow it, and refuse what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from dnf_studio import assets
from dnf_studio.config import Config, flatten
from dnf_studio.gui.features.training import panel as training
from dnf_studio.gui.widgets.controls import ChoiceBox, FloatBox, IntBox
from dnf_studio.gui.widgets.page import SettingsForm
from dnf_studio.gui.widgets.slider import NumberSlider
from dnf_studio.gui.workspace.run_changes import value_of
from dnf_studio.gui.workspace.session import Session

NAMES = ("drop_constant", *training.FIELDS, *training.RUN, *training.FIT, *training.PLACE, *training.NETWORKS)


@pytest.fixture
def form(qtbot: QtBot) -> SettingsForm:
    form = SettingsForm(Session(), NAMES)
    qtbot.addWidget(form)
    form.show()
    return form


def type_into(box: IntBox | FloatBox, text: str) -> None:
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), text)
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)


def test_every_setting_of_an_experiment_has_a_place() -> None:
    # What belongs to one's own files is chosen in their dialog or comes with settings in a file; the Data panel tells
    assert set(NAMES) | {"data", "validation", "test", "missing", "label"} == set(flatten(Config().model_dump()))


@pytest.mark.parametrize("name", NAMES)
def test_every_row_says_what_it_is(form: SettingsForm, name: str) -> None:
    editor = form.editors[name]
    assert editor.toolTip() and editor.accessibleName()


def test_what_is_typed_reaches_the_session(form: SettingsForm) -> None:
    for name, text, expected in (
        ("training.batch", "64", 64),
        ("training.learning_rate", "3e-4", 3e-4),
        ("training.learning_rate", "0,002", 2e-3),
        ("sde.t_end", "0.1", 0.1),
    ):
        type_into(form.editors[name], text)
        group, leaf = name.split(".")
        assert getattr(getattr(form._session.state.config, group), leaf) == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("training.learning_rate", "20", "Learning rate: 20 is out of range; it stays 0.012. Range 0 to 10."),
        ("training.batch", "99999999", "Batch: 99999999 is out of range; it stays 384. Range 1 to 1,000,000."),
        ("training.patience", "-1", "Patience: -1 is out of range; it stays 1,000. Range 0 to 1,000,000,000."),
    ],
)
def test_a_number_out_of_range_is_told_and_changes_nothing(form: SettingsForm, name: str, text: str, said: str) -> None:
    box, before = form.editors[name], form._session.state
    type_into(box, text)
    assert form._mistake.text() == said and form._mistake.isVisible()
    assert form._session.state == before and box.value() == value_of(before.config, name)
    type_into(box, "5")
    assert not form._mistake.isVisible() and value_of(form._session.state.config, name) == 5


def test_choices_and_ticks_reach_the_session(form: SettingsForm) -> None:
    tick, choice = form.editors["drop_constant"], form.editors["sde.grid"]
    assert isinstance(tick, QCheckBox) and isinstance(choice, ChoiceBox)
    tick.click()
    assert form._session.state.config.drop_constant
    tick.click()
    assert not form._session.state.config.drop_constant
    choice.setCurrentIndex(2)
    choice.activated.emit(2)
    assert form._session.state.config.sde.grid == "uniform"


def test_another_model_puts_back_what_it_cannot_have(form: SettingsForm) -> None:
    path = assets.preset_path("sharp")
    assert path is not None
    form._session.apply({"config": Config.from_toml(path)})
    form._apply("model", "diffusion")
    config = form._session.state.config
    assert (config.model, config.sde.condition, config.sde.backward_deviation) == ("diffusion", "time", "g")
    assert config.sde.t_start == 1e-5  # as it was
    said = "Back at their defaults, since diffusion cannot have them as they were: Backward noise, Networks’ time."
    assert form._mistake.isVisible() and form._mistake.text() == said
    form._session.undo()
    assert form._session.state.config == Config.from_toml(path) and not form._mistake.isVisible()


def test_seconds_may_be_absent(form: SettingsForm) -> None:
    editor = form.editors["training.seconds"]
    editor.tick.click()
    assert form._session.state.config.training.seconds == 60
    type_into(editor.box, "12.5")
    assert form._session.state.config.training.seconds == 12.5
    editor.tick.click()
    assert form._session.state.config.training.seconds is None
    assert not editor.box.isEnabled()
    form._session.undo()
    assert editor.tick.isChecked() and editor.box.value() == 12.5


def test_a_value_that_cannot_be_is_told_and_taken_back(form: SettingsForm) -> None:
    type_into(form.editors["sde.t_start"], "0.5")
    assert form._mistake.isVisible()
    assert form._mistake.text() == "The last time t_end must be greater than the first time t_start."
    assert form.editors["sde.t_start"].value() == form._session.state.config.sde.t_start == 0.0001
    type_into(form.editors["sde.t_start"], "0.002")
    assert not form._mistake.isVisible()


def test_a_mistake_is_not_told_any_more_once_settings_change_elsewhere(form: SettingsForm) -> None:
    form._session.apply({"config.sde.beta": 0.7})
    type_into(form.editors["sde.t_start"], "0.5")
    assert form._mistake.isVisible()
    form._session.undo()
    assert not form._mistake.isVisible()


def test_undo_is_shown(form: SettingsForm) -> None:
    type_into(form.editors["training.batch"], "64")
    form._session.undo()
    assert form.editors["training.batch"].value() == 384


@given(st.floats(1e-9, 1e6))
def test_numbers_are_written_so_that_they_are_read_back(value: float) -> None:
    box = FloatBox(0, 1e7)
    assert box.valueFromText(box.textFromValue(value)) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("text", "value", "refused"), [("5", 5, []), ("2,5 s", 2.5, []), ("900", 8, ["900"])])
def test_a_number_with_a_unit_is_typed_with_the_unit_and_without(
    qtbot: QtBot, text: str, value: float, refused: list[str]
) -> None:
    box, told = FloatBox(0.1, 600), list[str]()
    qtbot.addWidget(box)
    box.setSuffix(" s")
    box.setValue(8)
    box.refused.connect(told.append)
    box.lineEdit().setFocus()
    type_into(box, text)
    # Qt asks more than once
    assert (box.value(), sorted(set(told))) == (value, refused)


def test_slider_and_number_go_together(qtbot: QtBot) -> None:
    control = NumberSlider("View N", 1, 100, 1, limit=1000)
    qtbot.addWidget(control)
    told: list[float] = []
    control.value_changed.connect(told.append)
    control.set_value(30)
    assert (control.slider.value(), told) == (29, [])
    control.slider.setValue(4)
    assert control.box.value() == 5
    control.box.setValue(700)
    assert control.slider.value() == control.slider.maximum()
    assert told == [5, 700]
    control.set_value(1000)
    assert control.value() == 1000


def test_the_wheel_turns_only_what_has_the_focus(qtbot: QtBot) -> None:
    from PySide6.QtCore import QPoint, QPointF
    from PySide6.QtGui import QWheelEvent

    box = IntBox(0, 100)
    qtbot.addWidget(box)
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    box.wheelEvent(wheel)
    assert box.value() == 0 and not wheel.isAccepted()


def test_what_a_model_does_not_use_is_grey_and_says_why(form: SettingsForm) -> None:
    session, tick = form._session, form.editors["training.progressive"]
    usual = tick.toolTip()
    assert tick.isEnabled()
    session.apply({"config.model": "diffusion"})
    assert not tick.isEnabled() and "not trained on N steps" in tick.toolTip()
    assert form.editors["sde.g_end"].isEnabled() and session.state.config.sde.linear == "beta"
    session.apply({"config.model": "flow"})
    assert "no noise" in form.editors["sde.g_end"].toolTip() and not form.editors["sde.g_end"].isEnabled()
    session.apply({"config.model": "diffflow"})
    assert tick.isEnabled() and tick.toolTip() == usual and session.state.config == Config()


def test_the_power_is_grey_where_the_grid_is_none(form: SettingsForm) -> None:
    session, power = form._session, form.editors["sde.beta"]
    for grid, used in (("paper", True), ("uniform", False), ("reference", True), ([0.0, 0.3, 1.0], False)):
        session.apply({"config.sde.grid": grid})
        assert power.isEnabled() == used and ("powers" in power.toolTip()) != used
    session.apply({"config.sde.condition": "node"})
    assert power.isEnabled(), "the node that networks are told goes by it too"


def test_fourier_features_are_grey_where_no_network_has_them(form: SettingsForm) -> None:
    session, editor = form._session, form.editors["network.features"]
    assert editor.isEnabled()
    session.set_lacks({}, dim=4)
    assert not editor.isEnabled() and "this has 4" in editor.toolTip()
    session.apply({"config.network.kind": "unet"})
    assert "U-Net" in editor.toolTip()
    session.set_lacks({})
    assert not editor.isEnabled()
    session.undo()
    assert editor.isEnabled() and "sharp" in editor.toolTip()


def test_choices_that_come_later_and_are_longer_are_not_cut(qtbot: QtBot) -> None:
    box = ChoiceBox({"Points: 7": 1})
    qtbot.addWidget(box)
    with qtbot.waitExposed(box):
        box.show()
    before = box.sizeHint().width()
    box.set_choices({"Points of the views: 1,319": 1})
    longer = box.fontMetrics().horizontalAdvance("Points of the views: 1,319")
    assert box.sizeHint().width() > longer > before


def test_a_choice_without_room_ends_in_an_ellipsis(qtbot: QtBot) -> None:
    box, option = ChoiceBox({"table.csv::temperature,pressure": 1}), QStyleOptionComboBox()
    qtbot.addWidget(box)
    box.resize(120, box.sizeHint().height())
    box.initStyleOption(option)
    assert option.currentText.startswith("table.csv") and option.currentText.endswith("…")
    box.resize(box.sizeHint())
    box.initStyleOption(option)
    assert option.currentText == box.currentText()
