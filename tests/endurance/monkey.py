"""A monkey at the window: ``python -m tests.endurance.monkey SEED FIRST COUNT`` does COUNT random actions and prints
what went wrong, stalls and memory, one JSON object a line. `test_monkey` starts it, part by part."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QAction, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QMenu,
    QSlider,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.assets import checkpoint_names
from dnf_studio.gui.features.export.panel import ExportPanel
from dnf_studio.gui.frame.main_window import MainWindow
from tests.endurance.real_window import Record, has_chosen_text, holders, resident, run, trimmed

EVERY = 100
"""Actions after which all is closed and the memory looked at."""
USED = "av", "h5py", "pandas", "pyarrow.parquet", "scipy.stats", "scipy.spatial", "sklearn.neighbors"
"""What is imported when it is first used, pandas alone a hundred MB, which stays: it is here from the beginning."""
LARGE = 150
"""MB more than at first, from which on it is told who holds them."""
HOME = "diffflow-rings"
NEVER = frozenset({"quit"})
KEYS = (*range(Qt.Key.Key_0, Qt.Key.Key_9 + 1), *range(Qt.Key.Key_A, Qt.Key.Key_Z + 1), *(
    Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home,
    Qt.Key.Key_End, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Delete,
    Qt.Key.Key_Backspace, Qt.Key.Key_PageDown, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Equal,
))  # fmt: skip
MODIFIERS = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier)
CLICKED = QAbstractButton, QTabBar, QComboBox, QAbstractSpinBox, QLineEdit, QSlider


class Monkey(QObject):
    """Does one thing after another, within the event loops of dialogs and menus too, and tidies up now and then."""

    def __init__(self, window: MainWindow, record: Record, seed: int, first: int, actions: int) -> None:
        super().__init__(window)
        self._window, self._record = window, record
        self._chance = random.Random(f"{seed} {first}")
        self._next, self._end, self._depth = first, first + actions, 0
        self._tidying, self._waited, self._first = True, 0, 0.0
        self._closing: Iterator[object] = iter(())
        self._acts: list[tuple[int, Callable[[], str]]] = [
            (30, self._click), (12, self._command), (14, self._key), (8, self._wheel), (10, self._drag),
            (4, self._dock), (3, self._open), (2, self._compare), (2, self._look), (4, self._sampling),
            (3, self._points), (3, self._choose), (2, self._train), (1, self._export), (2, self._resize),
        ]  # fmt: skip
        QTimer.singleShot(0, self._step)

    def _step(self) -> None:
        """The next one comes by itself, also while this one is within a dialog."""
        rest = self._chance.choice((0, 0, 10, 30, 60, 400 if self._next % 10 == 0 else 60))
        QTimer.singleShot(50 if self._tidying else rest, self._step)
        if self._tidying:
            self._tidy()
            return
        act = self._chance.choices([one for _, one in self._acts], [weight for weight, _ in self._acts])[0]
        self._next += 1
        self._tidying = self._next % EVERY == 0 or self._next >= self._end
        self._record.doing = f"{self._next - 1} {act.__name__}"
        self._depth += 1
        try:
            self._record.doing = f"{self._next - 1} {act()}"
        except Exception as error:
            self._record.exception(type(error), error, error.__traceback__)
        finally:
            self._depth -= 1

    def _top(self) -> QWidget:
        """What gets the mouse: a menu, a dialog, or the window."""
        others = [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]
        modal = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        return modal or self._chance.choice([self._window, self._window, *others])

    def _within(self, top: QWidget, kinds: type | tuple[type, ...]) -> QWidget | None:
        found = [one for one in top.findChildren(QWidget) if isinstance(one, kinds) and one.isVisible()]
        found = [one for one in found if one.isEnabled() and not one.visibleRegion().isEmpty()]
        return self._chance.choice(found) if found else None

    def _somewhere(self, widget: QWidget) -> QPoint:
        return QPoint(self._chance.randrange(max(1, widget.width())), self._chance.randrange(max(1, widget.height())))

    def _click(self) -> str:
        top = self._top()
        if isinstance(top, QMenu) and self._chance.random() < 0.8:
            return self._click_menu(top)
        if (isinstance(top, QDialog) and self._chance.random() < 0.2) or isinstance(top, QMenu):
            QTest.keyClick(top, Qt.Key.Key_Escape)
            return f"escape {type(top).__name__}"
        widget = self._within(top, CLICKED)
        if widget is None:
            return "nothing"
        name = f"click {type(widget).__name__} {getattr(widget, 'text', str)()!r} in {type(top).__name__}"
        self._record.doing += f" {name}"
        button = Qt.MouseButton.RightButton if self._chance.random() < 0.05 else Qt.MouseButton.LeftButton
        QTest.mouseClick(widget, button, Qt.KeyboardModifier.NoModifier, self._somewhere(widget))
        return name

    def _click_menu(self, menu: QMenu) -> str:
        able = [one for one in menu.actions() if one.isEnabled() and one.isVisible() and one.objectName() not in NEVER]
        if not able:
            menu.close()
            return "empty menu"
        action: QAction = self._chance.choice(able)
        name = f"menu {action.text()!r}"
        self._record.doing += f" {name}"
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                         menu.actionGeometry(action).center())  # fmt: skip
        return name

    def _command(self) -> str:
        commands = self._window.commands
        names = [name for name in commands.records if name not in NEVER and commands[name].isEnabled()]
        return self._give(self._chance.choice(names))

    def _give(self, name: str) -> str:
        """Give a command as its menu would, which a dialog or menu in front does not allow."""
        if QApplication.activeModalWidget() or QApplication.activePopupWidget():
            return self._click()
        self._record.doing += f" command {name}"
        if self._window.commands[name].isEnabled():
            self._window.commands[name].trigger()
        return f"command {name}"

    def _key(self) -> str:
        target = QApplication.activePopupWidget() or QApplication.focusWidget() or self._top()
        key, modifier = Qt.Key(self._chance.choice(KEYS)), self._chance.choices(MODIFIERS, (6, 2, 1))[0]
        if (key, modifier) == (Qt.Key.Key_Q, MODIFIERS[2]):
            return "not Ctrl+Q"
        name = f"key {key.name} {modifier.name} in {type(target).__name__}"
        self._record.doing += f" {name}"
        QTest.keyClick(target, key, modifier)
        return name

    def _wheel(self) -> str:
        widget = self._within(self._top(), QWidget)
        if widget is None:
            return "nothing"
        at, turn = self._somewhere(widget), QPoint(0, self._chance.choice((-240, -120, 120, 240)))
        self._record.doing += f" wheel over {type(widget).__name__}"
        event = QWheelEvent(
            QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), turn, Qt.MouseButton.NoButton,
            self._chance.choice(MODIFIERS), Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
        return f"wheel over {type(widget).__name__}"

    def _drag(self) -> str:
        top = self._top()
        plots = [plot.plot.viewport() for plot in self._window.plots] if top is self._window else []
        shown = [one for one in plots if one.isVisible()]
        widget = self._chance.choice(shown) if shown and self._chance.random() < 0.6 else self._within(top, QWidget)
        if widget is None or has_chosen_text(widget):
            return "nothing"
        places = [self._somewhere(widget) for _ in range(self._chance.randrange(2, 7))]
        self._record.doing += f" drag over {type(widget).__name__}"
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, self._chance.choice(MODIFIERS), places[0])
        for place in places[1:]:
            QTest.mouseMove(widget, place)
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, MODIFIERS[0], places[-1])
        return f"drag over {type(widget).__name__}"

    def _dock(self) -> str:
        return self._give(self._chance.choice(list(self._window.docks)))

    def _open(self) -> str:
        name = self._chance.choice(checkpoint_names())
        self._record.doing += f" open {name}"
        if not QApplication.activeModalWidget():
            self._window.files.show(name)
        return f"open {name}"

    def _compare(self) -> str:
        name = self._chance.choice(checkpoint_names())
        self._record.doing += f" compare {name}"
        self._window.workspace.comparison.open(name)
        return f"compare {name}"

    def _look(self) -> str:
        appearance = self._window.appearance
        if self._chance.random() < 0.5:
            appearance.choose(self._chance.choice(("light", "dark", "system")))
            return f"colours {appearance.choice}"
        appearance.set_scale(self._chance.choice((80, 100, 100, 120, 150, 200)))
        return f"letters {appearance.scale}%"

    def _sampling(self) -> str:
        steps, lam = self._chance.choice((1, 2, 5, 10, 30, 60, 150, None)), self._chance.choice((0.0, 0.5, 1.0, 2.0))
        self._window.session.apply({"steps": steps, "lam": lam, "seed": self._chance.randrange(3)})
        return f"N {steps}, lambda {lam}"

    def _points(self) -> str:
        layers = self._chance.sample(sorted(("points", "paths", "density", "disagreement", "overlay", "field",
                                             "contours", "difference")), 3)  # fmt: skip
        wanted = self._chance.choices((500, 2_000, 10_000, 50_000, 200_000), (4, 6, 3, 2, 1))[0]
        self._window.session.apply({"points": wanted, "layers": frozenset(layers)})
        return f"{wanted} points, {layers}"

    def _choose(self) -> str:
        chosen: Sequence[int] = self._chance.sample(range(200), self._chance.choice((0, 1, 5, 100)))
        self._window.session.apply({"selection": tuple(chosen), "selection_of": "forward"})
        return f"select {len(chosen)}"

    def _train(self) -> str:
        return self._give(self._chance.choice(("train", "train", "pause", "stop", "resume", "discard", "bring-back")))

    def _export(self) -> str:
        panels = self._window.findChildren(ExportPanel)
        if not panels or QApplication.activeModalWidget():
            return "no export"
        panels[0].form.count.setValue(self._chance.choice((10, 1_000, 20_000)))
        panels[0].form.target.setText(f"{os.getcwd()}/export-{self._chance.randrange(3)}.h5")
        self._record.doing += " export"
        panels[0].start()
        return "export"

    def _resize(self) -> str:
        self._window.resize(self._chance.randrange(900, 1900), self._chance.randrange(600, 1000))
        return "resize"

    def _tidy(self) -> None:
        """Close what is in front, a turn at a time, then all else, wait for the model, and look at the memory."""
        self._waited += 1
        front = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if front is not None or self._depth:
            self._record.doing = f"{self._next} closes {type(front).__name__}"
            if front is not None:
                QTest.keyClick(front, Qt.Key.Key_Escape) if self._waited % 2 else front.close()
            return
        self._record.doing = f"{self._next} tidies"
        if self._waited < 1_000:
            self._record.tell("used", action=self._next, memory=round(resident()))
            self._closing = closing(self._window)
            self._waited = 1_000
        if any(True for _ in self._closing):
            return
        frame, studio = self._window.live.frame, self._window.studio
        # A run ends with its iteration, a study with its next check: until then they have their memory
        busy = studio.training.run is not None or studio.training.active or studio.background.busy
        # Pictures that nobody sees are let go of some three seconds after a model was opened
        if (busy or frame is None or not frame.complete or self._waited < 1_080) and self._waited < 2_200:
            return
        self._record.doing = f"{self._next} collects"
        memory = trimmed()
        self._first = self._first or memory
        held = holders() if memory > self._first + LARGE else []
        self._record.tell("closed", action=self._next, memory=round(memory), busy=busy, holders=held)
        self._tidying, self._waited = False, 0
        if self._next >= self._end:
            self._record.tell("done", action=self._next)
            self._tidying = True
            self._waited = -(10**9)
            os.kill(os.getpid(), signal.SIGTERM)


def closing(window: MainWindow) -> Iterator[object]:
    """End the run, close panels, dialogs and the second model, and show the first model as at the start, one thing
    after another, as a person would."""
    for one in QApplication.topLevelWidgets():
        # A dialog may go with the one that was closed before it
        if isValid(one) and isinstance(one, QDialog):
            yield one.close()
    workspace = window.workspace
    for name in ("export", "report"):
        cancel = getattr(workspace.parts.get(name), "cancel", None)
        if callable(cancel):
            yield cancel()
    for dock in window.docks.values():
        if dock.isVisible():
            yield dock.hide()
    yield workspace.comparison.close()
    yield window.appearance.choose("system")
    yield window.appearance.set_scale(100)
    yield window.resize(1280, 800)
    yield window.session.apply({
        "points": 2_000, "layers": frozenset({"points", "paths"}), "steps": None, "lam": 1.0, "seed": 0,
        "colouring": "none", "grid": None, "solver": None, "start": "noise", "curves": (),
    })  # fmt: skip
    workspace.studio.discard(lambda: workspace.studio.open(HOME))


if __name__ == "__main__":
    NUMBERS = [int(word) for word in sys.argv[1:4]]
    for NAME in USED:
        import_module(NAME)
    sys.exit(run(lambda window, record: Monkey(window, record, *NUMBERS), NUMBERS[0]))
