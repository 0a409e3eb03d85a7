"""Where a second model comes from: a file, the Library, what is shown just now, those kept, or a twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu

from dnf_studio import assets
from dnf_studio.config import DATA_SETTINGS, Config
from dnf_studio.config.model_kinds import MODEL_KINDS, ModelName
from dnf_studio.errors import SettingError, StudioError, UnsupportedError
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.kept_models import SecondModel
from dnf_studio.gui.workspace.memory import models_folder
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.runs import DiscardedRun
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint

FILTER = "Checkpoints, runs and exports (*.safetensors *.pt *.pth run.json *.h5);;All files (*)"
TRAINS = "A model trains now: stop the run or wait for its end first."


@dataclass(frozen=True)
class _Known:
    """A model of a folder, as its header says."""

    name: str
    title: str
    dim: int
    own: bool


class Models(QObject):
    """The commands and menus that choose B, swap it with A, and train a twin."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio = workspace, workspace.studio
        self._session, self._comparison = workspace.session, workspace.comparison
        self._reading = Newest(workspace.studio.background)
        self.library, self.kept = QMenu("With a model of the &Library"), QMenu("With a model that is &kept")
        self.twin = QMenu("T&rain a twin")
        self._folder = ""
        """Where a file was chosen last."""
        for menu, tip in (
            (self.library, "The bundled models and those of your folder"),
            (self.kept, "Models that were compared, held or trained since the window opened; the last four"),
            (self.twin, "Train another kind of model on the same data, with the same seed and for the same time"),
        ):
            menu.setToolTipsVisible(True)
            menu.menuAction().setToolTip(tip)
            workspace.commands.insert_menu("compare-now", menu)
        self.library.aboutToShow.connect(self._read)
        self.kept.aboutToShow.connect(self._fill_kept)
        self.twin.aboutToShow.connect(self._fill_twin)
        commands = workspace.commands
        commands.connect_to("compare-file", self._choose_file)
        commands.connect_to("compare-now", lambda: self.hold("run", self._take))
        commands.connect_to("compare-swap", self.swap)
        commands.connect_to("compare-close", self._comparison.close)

    def hold(self, origin: str, done: Callable[[SecondModel], object]) -> None:
        """Give `done` a copy of the model as it is now, or was where one looks back; a run pauses for a moment."""
        current, moving = self._studio.current, self._studio.training.run or self._studio.look_back.shown

        def take(found: tuple[GenerativeModel, Checkpoint | None]) -> None:
            _, checkpoint = found
            if current is not None:
                whole = moving is not None and checkpoint is not None
                opened = _of_run(current, checkpoint) if whole and checkpoint else replace(current, export=None)
                done(SecondModel(opened, origin))

        self._studio.take_model(take, self._workspace.tell)

    def swap(self) -> None:
        """Make B the model that is open, and A the second one."""
        second = self._comparison.second
        if second is None:
            return
        if self._studio.training.active:
            self._workspace.tell(UnsupportedError(f"{TRAINS} Then A and B can be swapped."))
            return

        def exchange(first: SecondModel) -> None:
            self._workspace.files.when_safe(
                lambda: self._studio.take(second.opened, {"second": self._comparison.keep(first)})
            )

        self.hold("run", exchange)

    def train_twin(self, kind: ModelName) -> None:
        """Keep A as B, and train a model of this kind on the same data, with the same seed and for the same time."""
        try:
            seconds = self._check_twin()
            current = self._studio.current
            config = None if current is None else twin_settings(current.config, kind, seconds)
        except StudioError as error:
            self._workspace.tell(error)
            return
        if config is None:
            return

        def begin(first: SecondModel) -> None:
            self._workspace.files.when_safe(lambda: start(first))

        def start(first: SecondModel) -> None:
            self._comparison.take(first)
            self._session.apply({"config": config})
            self._studio.train()
            self._workspace.say(
                f"{first.name} is B now and is kept; a {MODEL_KINDS[kind].words} trains as A for {seconds:,.0f} s on "
                "the same data with the same seed."
            )

        self.hold("twin", begin)

    def _check_twin(self) -> float:
        """Seconds that the model shown has trained for; raises `StudioError` where it can have no twin."""
        current, training = self._studio.current, self._studio.training
        if current is None or not current.shown.trained:
            raise UnsupportedError("A twin is trained for as long as the model shown; this one is untrained.")
        if current.held:
            raise UnsupportedError(current.held)
        if training.active:
            raise UnsupportedError(TRAINS)
        if current.dataset is None:
            raise UnsupportedError("The data of this model is not here, so nothing can be trained on it.")
        seconds = training.run.seconds if training.run is not None else 0.0
        if training.run is None and current.checkpoint is not None:
            seconds = current.checkpoint.seconds
        if seconds <= 0:
            raise UnsupportedError("This model does not say how long it was trained, so a twin would not be fair.")
        return seconds

    def _take(self, second: SecondModel) -> None:
        try:
            self._comparison.take(second)
        except StudioError as error:
            self._workspace.tell(error)

    def _choose_file(self) -> None:
        """Ask for a file, first among those beside the model that is open: a bundled one has its like there."""
        current = self._studio.current
        first = assets.checkpoint_path(assets.checkpoint_names()[0])
        beside = (current and current.path) or first or Path()
        folder = self._folder or str(beside.parent)
        name, _ = QFileDialog.getOpenFileName(self._workspace.parent, "Open second model", folder, FILTER)
        if name:
            self._folder = str(Path(name).parent)
            bundled = (one for one in assets.checkpoint_names() if assets.checkpoint_path(one) == Path(name))
            name = next(bundled, name)
            self._comparison.open(name)

    def _read(self) -> None:
        """Fill the menu of the Library once the heads of its files are read."""
        if not self.library.actions():
            self.library.addAction("Reading…").setEnabled(False)
        self.list_all(lambda: None)

    def list_all(self, done: Callable[[], None]) -> None:
        """Call `done` once the menus have what there is."""
        folder = models_folder(self._workspace.memory)
        self._fill_kept()

        def fill(known: list[_Known]) -> None:
            self._fill_library(known)
            done()

        self._reading.run(lambda: _known_models(folder), fill, self._workspace.tell)

    def listed(self) -> dict[str, list[QAction]]:
        """The models that the menus offer, by where they are."""
        kept = [action for action in self.kept.actions() if action.isEnabled()]
        library = [action for action in self.library.actions() if not action.isSeparator()]
        return {"of the Library": library} | ({"that is kept": kept} if kept else {})

    def _fill_library(self, known: list[_Known]) -> None:
        self.library.clear()
        for own in (False, True):
            for model in (each for each in known if each.own == own):
                action = self.library.addAction(model.title.replace("&", "&&"))
                fits = model.dim == self._session.dim
                action.setEnabled(fits)
                action.setToolTip(f"Compare with {model.title}" if fits else _other_dim(model.dim, self._session.dim))
                action.triggered.connect(partial(self._open, model.name))
            if not own:
                self.library.addSeparator()

    def _open(self, name: str, _checked: bool = False) -> None:
        self._comparison.open(name, "library")

    def _fill_kept(self) -> None:
        self.kept.clear()
        for second in self._comparison.kept:
            dim = second.opened.shown.dim
            action = self.kept.addAction(second.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(second is self._comparison.second)
            action.setEnabled(dim == self._session.dim)
            action.setToolTip(
                f"Compare with {second.name}" if action.isEnabled() else _other_dim(dim, self._session.dim)
            )
            action.triggered.connect(lambda _checked=False, second=second: self._take(second))
        if (lost := self._studio.discarded) is not None:
            action = self.kept.addAction("The run that was &discarded last")
            action.setToolTip("Compare with the run that Bring back run would show again, which stays discarded")
            action.setEnabled(lost.opened.shown.dim == self._session.dim)
            action.triggered.connect(lambda _checked=False: self._take_discarded(lost))
        if not self.kept.actions():
            self.kept.addAction("None yet").setEnabled(False)

    def _take_discarded(self, lost: DiscardedRun) -> None:
        def make() -> SecondModel:
            checkpoint = lost.state.checkpoint("weights")
            return SecondModel(_of_run(lost.opened, checkpoint), "run")

        self._studio.background.run(make, self._take, self._workspace.tell)

    def _fill_twin(self) -> None:
        self.twin.clear()
        current, why = self._studio.current, ""
        try:
            seconds = f"{self._check_twin():,.0f} s"
        except StudioError as error:
            seconds, why = "", str(error)
        for kind in get_args(ModelName):
            if current is None or kind != current.shown.kind:
                action = self.twin.addAction(f"The same data and time with {kind}")
                action.setEnabled(not why)
                tip = f"Train a {MODEL_KINDS[kind].words} for {seconds}; the model shown is kept as B"
                action.setToolTip(why or tip)
                action.triggered.connect(lambda _checked=False, kind=kind: self.train_twin(kind))


def twin_settings(config: Config, kind: ModelName, seconds: float) -> Config:
    """The settings of the same experiment with another kind of model that trains so many seconds; what that cannot
    have is as it has it by default, data and seed stay."""
    time = {"training.seconds": float(max(1, round(seconds)))}
    try:
        return config.changed({"model": kind, **time})
    except SettingError:
        same: dict[str, object] = {name: getattr(config, name) for name in DATA_SETTINGS}
        seeded = {"training.seed": config.training.seed, "training.device": config.training.device}
        return Config().changed({"model": kind}).changed(same | seeded | time)


def _known_models(folder: Path) -> list[_Known]:
    """The bundled models and those of `folder`. For a thread."""
    from dnf_studio.core.storage.library import list_models, model_file

    found = []
    for name in assets.checkpoint_names():
        path = assets.checkpoint_path(name)
        if path is not None and (file := model_file(path)).dim:
            found.append(_Known(name, name, file.dim, own=False))
    own = list_models(folder) if folder.is_dir() else ()
    return found + [_Known(str(file.path), file.name, file.dim, own=True) for file in own if file.dim]


def _other_dim(dim: int, shown: int) -> str:
    return f"It has {counted(dim, 'component')}, the model that is open {shown}"


def _of_run(shown: Opened, checkpoint: Checkpoint) -> Opened:
    """The weights of a run at one moment in place of those that were `shown` of it."""
    from dnf_studio.workers.snapshot import Snapshot

    snapshot = Snapshot.of_checkpoint(checkpoint)
    title = f"{checkpoint.config.model} at {counted(checkpoint.iteration, 'iteration')}"
    named = replace(shown.shown, title=title, trained=True, steps=snapshot.steps)
    return replace(
        shown,
        shown=named,
        config=checkpoint.config,
        snapshot=snapshot,
        checkpoint=checkpoint,
        path=None,
        preset=None,
        export=None,
    )
