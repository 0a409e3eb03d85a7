"""Bars above the plots that say what befell a run or its settings, with what may be done about it at a click."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio.config import DATA_SETTINGS, Config, flatten
from dnf_studio.core.training.diagnosis import Remedy, TrainingDiverged
from dnf_studio.errors import DataError, DivergenceError
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.run_changes import change_words, value_of
from dnf_studio.gui.workspace.runs import DiscardedRun
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

MOST_REMEDIES = 4
MOST_WORDS = 4
"""Settings that are named in the line; the tooltip has all."""
Choice = tuple[str, str, Callable[[], object]]
"""The text of a button, its tooltip, and what it does."""


class NoticeBar(QFrame):
    """A sentence, up to `count` buttons, and one that lets the bar go; it takes no focus by itself."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__()
        self.setObjectName("keep")
        self.setAccessibleName(name)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 4, 8, 4)
        self._row.setSpacing(6)
        self._row.addWidget(self.text, 1)
        self._acts: dict[QToolButton, Callable[[], object]] = {}
        # All there may be, so that Tab comes to them in the order of the window
        self.buttons = [self._button() for _ in range(count)]
        self.close_button = self._button()
        self._give(self.close_button, ("×", "Let this line go", self.hide))
        self.close_button.setAccessibleName("Close")
        self.hide()

    def tell(self, text: str, tip: str, choices: Sequence[Choice]) -> None:
        """Show `text` with a tooltip, and a button for each of `choices`."""
        self.text.setText(text)
        self.text.setToolTip(tip)
        for button, choice in zip(self.buttons, choices, strict=False):
            self._give(button, choice)
        for place, button in enumerate(self.buttons):
            button.setVisible(place < len(choices))
        self.show()

    def _button(self) -> QToolButton:
        button = QToolButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self._acts[button]())
        self._row.addWidget(button)
        return button

    def _give(self, button: QToolButton, choice: Choice) -> None:
        text, tip, self._acts[button] = choice
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)


class DivergedNotice(QObject):
    """Says why a run pauses that left the numbers, and goes on with what may help."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._training, self._tell = workspace.session, workspace.studio.training, workspace.tell
        self._error: TrainingDiverged | None = None
        self.bar = NoticeBar("Run that diverged", MOST_REMEDIES + 1)
        workspace.add_bar(self.bar)
        self._training.diverged.connect(self._note)
        self._training.phase_changed.connect(self._follow)

    def _note(self, error: DivergenceError | DataError) -> None:
        """Keep what is known until the run pauses, as it will."""
        if isinstance(error, TrainingDiverged):
            self._error = error
        else:
            self._tell(error)

    def _follow(self, phase: Phase) -> None:
        error = self._error
        if phase is not Phase.PAUSED or error is None:
            self._error = None
            self.bar.hide()
            return
        found = error.diagnosis
        choices = [self._choice(remedy) for remedy in found.remedies[:MOST_REMEDIES]]
        choices.append(("Unchanged", "Go on from the last good state as before", partial(self._go_on, {})))
        text = f"{found.facts}. The run is back at iteration {found.back:,}; go on with"
        points = "\n".join(["Points, in units of the data:", *found.points]) if found.points else ""
        self.bar.tell(text, points, choices)

    def _choice(self, remedy: Remedy) -> Choice:
        return remedy.label, f"Go on from the last good state with {remedy.words}", partial(self._go_on, remedy.change)

    def _go_on(self, change: Mapping[str, object]) -> None:
        """Take the `change` of settings up in the panels and the run, which goes on."""
        run, changed = self._training.run, frozenset[str]()
        if run is not None and run.config.model == self._session.state.config.model:
            changed = self._session.apply({f"config.{name}": value for name, value in change.items()})
        if change and not changed:
            # The panels have it already, or are for another kind of model
            self._training.apply(change)
        self._training.set_paused(False)


class DiscardedNotice(QObject):
    """Says that a run was discarded, for as long as nobody lets it go, and brings it back."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._files, self._command = workspace.files, workspace.commands["bring-back"]
        self._studio = workspace.studio
        self.bar = NoticeBar("Run that was discarded", 1)
        workspace.add_bar(self.bar)
        workspace.commands.connect_to("bring-back", workspace.files.bring_back)
        self._studio.discarded_changed.connect(self._follow)
        self._follow(None)

    def _follow(self, fresh: DiscardedRun | None) -> None:
        self._command.setEnabled(self._studio.discarded is not None)
        if fresh is None:
            self.bar.hide()
            return
        state = fresh.state
        text = f"Discarded the run of {counted(state.iteration, 'iteration')} on {data_label(state.config.data)}."
        self.bar.tell(text, "", [("Undo", self._command.toolTip(), self._command.trigger)])


class SettingsNotice(QObject):
    """Says which settings changed as other data was chosen, and puts them back."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session = workspace.session
        self._names: list[str] = []
        self.bar = NoticeBar("Settings that changed", 1)
        workspace.add_bar(self.bar)
        workspace.studio.opened.connect(lambda _opened: self.bar.hide())
        workspace.studio.settings_came.connect(self._tell)
        workspace.studio.training.phase_changed.connect(lambda _phase: self.bar.hide())
        self._session.changed.connect(self._follow)

    def _tell(self, before: Config, after: Config) -> None:
        old, new = flatten(before.model_dump()), flatten(after.model_dump())
        self._names = [name for name in new if name not in DATA_SETTINGS and old[name] != new[name]]
        if not self._names:
            return
        words = [change_words(name, value_of(before, name), value_of(after, name)) for name in self._names]
        more = f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
        text = f"With {data_label(after.data)} settings changed: {', '.join(words[:MOST_WORDS])}{more}."
        back = {f"config.{name}": value_of(before, name) for name in self._names}
        tip = "Put these settings back; the data stays"
        self.bar.tell(text, "\n".join(words), [("Undo", tip, lambda: self._session.apply(back))])

    def _follow(self, names: frozenset[str]) -> None:
        """Let the line go once what it says is no longer so."""
        if names & {f"config.{name}" for name in self._names}:
            self.bar.hide()
