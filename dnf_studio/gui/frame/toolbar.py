"""The toolbar: the run, the data, and how the model is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import SystemRandom

from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme, icon
from dnf_studio.gui.drawing.words import DATA_SHOWN
from dnf_studio.gui.widgets.choices import grey_unused
from dnf_studio.gui.widgets.controls import ChoiceBox, IntBox, fit, keep_place, label_of
from dnf_studio.gui.widgets.slider import NumberSlider
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.shown import data_label

SLIDER_STEPS = 100
MOST_STEPS = 1000


class StudioToolBar(QToolBar):
    """Train, Pause, Stop, data, View N, solver, λ, seed, and the device a run is on."""

    def __init__(self, session: Session, commands: Commands, choose_data: Callable[[str], None]) -> None:
        super().__init__("Toolbar")
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._session = session
        self._own_steps = 1
        self._choose_data = choose_data
        for key in ("train", "pause", "stop"):
            self._add_button(commands, key)
        self.addSeparator()
        self.data = ChoiceBox({})
        self.data.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.data.setMinimumContentsLength(11)
        self._add_labelled("&Data", self.data, f"Data set to train on; File, Open takes your own. {DATA_SHOWN}")
        self.addSeparator()
        self.steps = NumberSlider("View &N", 1, SLIDER_STEPS, 1, limit=MOST_STEPS)
        self.steps.setToolTip("Steps of the processes shown, 1 to 1,000: the same Brownian paths cut into N steps")
        self.badge = QToolButton()
        self.badge.setToolTip("View N differs from the N the model is trained at; click to go back to it")
        self.lam = NumberSlider("&λ", 0, 2, 0.01)
        self.lam.setToolTip(
            "Noise of the backward process, 0 to 2: 1 is the SDE as trained, 0 the probability-flow ODE without noise"
        )
        self.steps.set_name("View N")
        self.lam.set_name("Lambda")
        self._add_steps()
        self._add_solver()
        self.addWidget(self.lam)
        self.addSeparator()
        self._add_seed()
        self._add_device()
        self._connect(session)
        self._fit()
        self.set_data({})
        self._refresh()

    def _connect(self, session: Session) -> None:
        self.steps.value_changed.connect(lambda value: session.apply({"steps": int(value)}))
        self.badge.clicked.connect(lambda: session.apply({"steps": None}))
        self.lam.value_changed.connect(lambda value: session.apply({"lam": value}))
        self.data.chosen.connect(self._chosen)
        session.changed.connect(lambda _names: self._refresh())
        grey_unused(session, "lam", self.lam.label, self.lam.slider, self.lam.box)

    def set_data(self, names: Mapping[str, str]) -> None:
        """Offer these data sets, name to title, beside the one in use."""
        self._names = dict(names)
        self._refresh()

    def set_own_steps(self, steps: int) -> None:
        """Set the N of the model shown."""
        if steps != self._own_steps:
            self._own_steps = steps
            self._refresh()

    def set_device(self, text: str) -> None:
        """Show the device that the run is on, or would be."""
        self.device.setText(text)

    def set_theme(self, theme: Theme) -> None:
        """Redraw the pictures of the seed button and of the one that shows what has no room."""
        self.dice.setIcon(icon("dice", theme))
        more = self.findChild(QToolButton, "qt_toolbar_ext_button")
        if isinstance(more, QToolButton):
            # The style's own is black on dark as well
            more.setIcon(icon("more", theme))
            more.setToolTip("What has no room in the toolbar")

    def changeEvent(self, event: QEvent) -> None:
        """Make the toolbar's widgets wider where the letters have become larger."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "device"):
            self._fit()

    def _fit(self) -> None:
        """Make each widget wide enough for its longest text, so that nothing moves when it changes."""
        fit(self.seed, "0000000")
        self._fit_pause()
        text = self.badge.text()
        self.badge.setText("own 1000")
        self.badge.setFixedWidth(self.badge.sizeHint().width())
        self.badge.setText(text)

    def _fit_pause(self) -> None:
        """Make the button wide enough for its longest word, so that nothing moves when a run is paused."""
        self._pause.ensurePolished()
        metrics, shown = self._pause.fontMetrics(), self._pause.text().replace("&", "")
        longer = max(map(metrics.horizontalAdvance, ("Pause", "Pausing…", "Resume"))) - metrics.horizontalAdvance(shown)
        self._pause.setMinimumWidth(self._pause.sizeHint().width() + longer + 2)

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the widths once the style is known."""
        super().showEvent(event)
        self._fit_pause()

    def _add_button(self, commands: Commands, key: str) -> None:
        self.addAction(commands[key])
        button = self.widgetForAction(commands[key])
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(commands[key].text().replace("&", ""))
            if key == "pause":
                self._pause = button

    def _add_labelled(self, text: str, control: QWidget, tip: str) -> None:
        label = label_of(control, text, tip)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(6)
        row.addWidget(label)
        row.addWidget(control)
        self.addWidget(holder)

    def _add_steps(self) -> None:
        """Add View N and its badge, which keeps its place while hidden so that nothing jumps."""
        keep_place(self.badge)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.steps)
        row.addWidget(self.badge)
        self.addWidget(holder)

    def _add_solver(self) -> None:
        """Add the solver without a label: there is no space for one, and its choices are known by name."""
        self.solver = SolverBox(self._session, short=True)
        self.solver.setAccessibleName("Solver")
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 8, 0)
        row.addWidget(self.solver)
        self.addWidget(holder)

    def _add_seed(self) -> None:
        self.seed = IntBox(0, 2**31 - 1)
        self.seed.setGroupSeparatorShown(False)
        self.seed.valueChanged.connect(lambda value: self._session.apply({"seed": value}))
        self._add_labelled("See&d", self.seed, "Seed of the points and Brownian paths shown, 0 or more")
        self.dice = QToolButton()
        self.dice.setAutoRaise(True)
        self.dice.setToolTip("Other points and other Brownian paths: a new seed by chance")
        self.dice.setAccessibleName("New seed")
        self.dice.clicked.connect(lambda: self._session.apply({"seed": SystemRandom().randrange(1_000_000)}))
        self.addWidget(self.dice)

    def _add_device(self) -> None:
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(space)
        self.device = QLabel()
        self.device.setProperty("caption", True)
        self.device.setToolTip("Where training runs; Training, Device chooses it")
        self.addWidget(self.device)

    def _chosen(self, name: str) -> None:
        self._choose_data(name)
        self._refresh()

    def _refresh(self) -> None:
        state = self._session.state
        current = state.config.data
        offered = {name: name for name in self._names}
        if current not in offered:
            offered[data_label(current)] = current
        with QSignalBlocker(self.data):
            self.data.set_choices(offered)
            self.data.show_value(current)
        self.steps.set_value(state.sampling.steps or self._own_steps)
        differs = state.sampling.steps not in (None, self._own_steps)
        self.badge.setText(f"own {self._own_steps}")
        self.badge.setVisible(differs)
        self.lam.set_value(state.sampling.lam)
        with QSignalBlocker(self.seed):
            self.seed.setValue(min(state.sampling.seed, 2**31 - 1))
