"""What each command does: the one place that joins `actions` to the parts of the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from dnf_studio.errors import StudioError
from dnf_studio.gui.widgets.choices import grey_without
from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.folders import show_folder
from dnf_studio.gui.workspace.log import log_folder
from dnf_studio.gui.workspace.state import LAYERS
from dnf_studio.gui.workspace.training import Phase

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["connect_commands"]


def connect_commands(window: MainWindow) -> None:
    """Let every command of `window` do what it says, and show what is switched on and possible."""
    commands, files = window.commands, window.files
    connect = commands.connect_to
    connect(Key.OPEN, files.open)
    connect(Key.OPEN_DATA, files.open_data)
    connect(Key.OPEN_FOLDER, files.open_folder)
    connect(Key.DRAW, files.draw)
    connect(Key.SAVE, files.save)
    connect(Key.EXPORT, partial(_show_export, window))
    _connect_export(window)
    connect(Key.PICTURE, files.picture)
    connect(Key.REOPEN, lambda: window.habits.places.store())
    connect(Key.QUIT, window.close)
    connect(Key.TRAIN, files.train)
    connect(Key.PAUSE, partial(_pause, window))
    connect(Key.STOP, partial(_stop, window))
    connect(Key.RESUME, window.studio.resume)
    connect(Key.DISCARD, files.discard)
    connect(Key.FULL_SCREEN, lambda: window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen))
    connect(Key.GUIDE, partial(_show_guide, window))
    connect(Key.SHORTCUTS, partial(_show_shortcuts, window))
    connect(Key.LOG, partial(_show_log, window))
    connect(Key.REPORT, partial(_copy_report, window))
    connect(Key.ABOUT, partial(_show_about, window))
    for key in (Key.SAVE, Key.EXPORT):
        commands[key].setEnabled(False)
    _connect_edit(window)
    _connect_view(window)
    _connect_time(window)


def _pause(window: MainWindow) -> None:
    """Hold the run or go on with it; until an iteration has ended button and status bar tell that it was heard."""
    training, paused = window.studio.training, window.commands[Key.PAUSE].isChecked()
    training.set_paused(paused)
    if training.phase is not Phase.PAUSED:
        window.commands.show_paused(False, training.pausing)
        window.status.say("Pausing…" if paused else "Training goes on.")


def _stop(window: MainWindow) -> None:
    """End the run; until an iteration has ended nothing more can be asked of it."""
    window.studio.training.stop()
    for key in (Key.PAUSE, Key.STOP):
        window.commands[key].setEnabled(False)
    window.status.say("Stopping…")


def _connect_edit(window: MainWindow) -> None:
    session, commands = window.session, window.commands
    commands.connect_to(Key.UNDO, session.undo)
    commands.connect_to(Key.REDO, session.redo)
    commands.connect_to(Key.PREFERENCES, partial(_show_preferences, window))
    commands.connect_to(Key.SELECT_ALL, window.views.selecting.choose_all)
    commands.connect_to(Key.INVERT_SELECTION, window.views.selecting.invert)
    commands.connect_to(Key.CLEAR_SELECTION, window.views.selecting.clear)

    def show(undo: bool, redo: bool) -> None:
        commands[Key.UNDO].setEnabled(undo)
        commands[Key.REDO].setEnabled(redo)

    session.undo_changed.connect(show)
    show(session.can_undo, session.can_redo)


def _connect_view(window: MainWindow) -> None:
    session, commands, appearance = window.session, window.commands, window.appearance
    for key in (Key.THEME_SYSTEM, Key.THEME_LIGHT, Key.THEME_DARK):
        commands.connect_to(key, partial(appearance.choose, key.removeprefix("theme-")))
    appearance.choice_changed.connect(lambda choice: commands[Key(f"theme-{choice}")].setChecked(True))
    commands[Key(f"theme-{appearance.choice}")].setChecked(True)
    commands.connect_to(Key.RESET_VIEW, window.views.reset_ranges)
    commands.connect_to(Key.RESET_LAYOUT, window.habits.places.reset)

    def toggle(layer: str) -> None:
        session.apply({"layers": session.state.layers ^ {layer}})

    def show(names: frozenset[str]) -> None:
        if "layers" in names:
            for layer in LAYERS:
                commands[Key(layer)].setChecked(layer in session.state.layers)
        if "start" in names:
            commands[Key.ROUND_TRIPS].setChecked(session.state.paired)

    for layer in LAYERS:
        commands.connect_to(Key(layer), partial(toggle, layer))
    connect = commands.connect_to
    connect(Key.ROUND_TRIPS, lambda: session.apply({"start": "noise" if session.state.paired else "forward"}))
    session.changed.connect(show)
    show(frozenset({"layers"}))
    grey_without(session, "bound", commands[Key.DISAGREEMENT])


def _connect_time(window: MainWindow) -> None:
    cursor, commands = window.session.cursor, window.commands
    connect = commands.connect_to
    connect(Key.PLAY, lambda: cursor.set_playing(not cursor.playing))
    connect(Key.LOOP, lambda: cursor.set_loop(not cursor.loop))
    connect(Key.PREVIOUS, lambda: cursor.step(-1))
    connect(Key.NEXT, lambda: cursor.step(1))
    connect(Key.FIRST, lambda: cursor.jump(0))
    connect(Key.LAST, lambda: cursor.jump(cursor.steps))
    cursor.playing_changed.connect(commands.show_playing)
    cursor.loop_changed.connect(commands[Key.LOOP].setChecked)
    commands[Key.LOOP].setChecked(cursor.loop)
    window.appearance.calm_changed.connect(cursor.set_calm)
    cursor.set_calm(window.appearance.calm)


def _connect_export(window: MainWindow) -> None:
    """The status bar tells of an export whatever panel is in front."""
    exporter, status = window.exporter, window.status
    exporter.running_changed.connect(lambda running: status.show_export("Export…" if running else ""))
    exporter.progressed.connect(lambda now: status.show_export(f"Export {100 * now.done // now.total}%"))
    status.export.clicked.connect(window.commands[Key.EXPORT].trigger)


def _show_export(window: MainWindow) -> None:
    if window.export_panel is not None:
        window.dock.show()
        window.dock.raise_()
        window.tabs.setCurrentWidget(window.export_panel)
        window.export_panel.begin()


def _show_guide(window: MainWindow) -> None:
    from dnf_studio.gui.features.help.guide import show_guide

    show_guide(window)


def _show_shortcuts(window: MainWindow) -> None:
    from dnf_studio.gui.features.help.about import ShortcutsDialog

    ShortcutsDialog(window).show()


def _show_preferences(window: MainWindow) -> None:
    from dnf_studio.gui.features.preferences.dialog import PreferencesDialog

    PreferencesDialog(window.appearance, window).show()


def _show_log(window: MainWindow) -> None:
    try:
        show_folder(log_folder())
    except StudioError as error:
        window.status.say(str(error))


def _copy_report(window: MainWindow) -> None:
    from dnf_studio.gui.workspace.report import make_report

    QGuiApplication.clipboard().setText(make_report(window.session, window.studio))
    window.status.say("The report is copied.")


def _show_about(window: MainWindow) -> None:
    from dnf_studio.gui.features.help.about import about_box

    about_box(window).show()
