"""The document of the window: the model that is shown, where it came from, and the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from dnf_studio.config import DATA_SETTINGS, Config
from dnf_studio.errors import SettingError, StudioError, interrupted_when
from dnf_studio.gui.workspace import opening
from dnf_studio.gui.workspace.kept_models import ExportedModels, PastModels
from dnf_studio.gui.workspace.run_changes import LIVE, value_of
from dnf_studio.gui.workspace.runs import DiscardedRun, StudioRuns
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run
    from dnf_studio.gui.workspace.look_back import LookBack

SETTLE_MS = 150


class Studio(StudioRuns):
    """Opens models and data, starts runs, and follows the settings of the experiment.

    It asks nothing: whoever calls `open`, `train` or changes the data has made sure that no unsaved
    run is lost.
    """

    settings_came = Signal(object, object)
    """The settings before and after other data brought its own."""
    data_names_found = Signal(object)
    """The built-in data sets, name to title."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._preset: Config | None = None
        self.places: Callable[[], Sequence[Path]] = tuple
        self.known_settings: Callable[[str], Mapping[str, object]] = lambda _source: {}
        self._exported = ExportedModels(self.training, lambda: self.look_back.shown)
        self._past_models = PastModels()
        self._config = session.state.config
        self.loading = Newest(self.background)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._renew)
        self.training.failed.connect(lambda sentence: self.failed.emit(StudioError(sentence)))
        self.training.phase_changed.connect(self._share_cores)
        session.changed.connect(self._follow)

    @cached_property
    def look_back(self) -> LookBack:
        """What lets the views show the model where `past` stands; made when it is first asked for."""
        from dnf_studio.gui.workspace.look_back import LookBack

        return LookBack(self)

    def file_moved(self, old: Path, new: Path) -> None:
        """Also what lies beside the file is at another place."""
        super().file_moved(old, new)
        self.look_back.look(self._opened)

    def open(self, name: str, settings: Mapping[str, object] | None = None) -> None:
        """Show a model, an export or data, as its `settings` say or those known from before; undo begins anew."""
        chosen = self.known_settings(name) if settings is None else settings
        config = self._session.state.config.without(self._preset)
        work = partial(opening.open_any, name, config, tuple(self.places()), self._exported.kept, chosen)
        self._settle.stop()
        self.loading.run(work, self.take, self._open_failed)

    def recover(self, left: Path) -> None:
        """Show the run whose state another process left at `left`, as one that has ended and is not saved."""
        from dnf_studio.gui.workspace.recovery import left_run

        def show(found: tuple[opening.Opened, Run]) -> None:
            self.take(found[0])
            self.training.adopt(found[1], left)

        self.loading.run(lambda: left_run(left, self._config), show, self._open_failed)

    def look_at(self, export: str, run: Run) -> None:
        """Show an export that the weights of `run`, the one in memory, drew; run, settings and undo stay."""
        work = partial(opening.beside_run, export, self._session.state.config, run)
        self.loading.run(work, self._join, self._open_failed)

    def train(self) -> None:
        """Begin a new run with the settings of the session."""
        self._settle.stop()
        self.training.prepare()
        self.loading.run(partial(opening.untrained, self._session.state.config), self._begin, self._begin_failed)

    def resume(self) -> None:
        """Go on with the run in memory or of the checkpoint shown; what a run may change is as the session says."""
        change, run = self._change(LIVE), self.training.run
        if run is not None:
            self.training.resume(run, change, self.explorer)
        elif self._opened is not None and self._opened.path is not None:
            self._before = self._opened
            self.training.resume(self._opened.path, change, self.explorer)

    @property
    def resumable(self) -> int | None:
        """Iterations of the run that `resume` would go on with, None also for one opened that would end at once."""
        if self.training.run is not None:
            return self.training.run.iteration
        saved = self.opened_run
        return None if saved is None or saved.obstacle(self._session.state.config) else saved.iteration

    def take_model(self, done: Callable[[Any], object], failed: Callable[[Exception], object]) -> None:
        """Give `done` the model that is shown and its checkpoint, or None for untrained weights."""
        self._exported.give(self._opened, done, failed)

    def discard(self, then: Callable[[], object] = lambda: None) -> None:
        """Forget the run, then do `then`: once its thread has ended; `bring_back` takes up one that was not saved."""
        if not self.training.ending:
            self.training.end(self._forget_run)
        self.training.end(then)

    def _discard_now(self) -> None:
        """Forget the run now: where a thread still has it, that is waited for."""
        self.discard()
        self.training.close()

    def bring_back(self, kept: DiscardedRun) -> None:
        """Show a run that was discarded as one that has ended and is not saved, with its weights and history."""
        self.loading.run(kept.make_run, partial(self._restore, kept), self._open_failed)

    def _restore(self, kept: DiscardedRun, run: Run) -> None:
        from dnf_studio.workers.snapshot import Snapshot

        self._discard_now()
        self._let_go(kept)
        before, checkpoint = self._opened, kept.state.checkpoint()
        opened = replace(kept.opened, config=run.config, snapshot=Snapshot.of(run.flow), checkpoint=checkpoint)
        now = self._session.state
        same = all(getattr(now.config, name) == getattr(run.config, name) for name in DATA_SETTINGS)
        self._opened, self._before = opened, before if same else None
        if not same:
            self._session.reset(now.afresh(run.config, {}))
        self._show(opened)
        self.training.adopt(run)

    def go_back(self) -> None:
        """Forget the run and show the model that was there before it, as far as it fits the data that is set."""
        self._discard_now()
        self._show_before()
        self._follow(frozenset({"config.data"}))

    def close(self) -> None:
        """End every thread."""
        self.training.shut()
        # Pictures of models and blocks of an export are drawn with no check of their own
        with interrupted_when(lambda: True):
            self.background.close()
        if self._explorer is not None:
            self._explorer.close()

    def take(self, opened: opening.Opened, kept: Mapping[str, object] | None = None) -> None:
        """Show what was opened as a new document, or where fields of the state are given as `kept`, another model of as
        many components, looked at as the one before but for these; undo begins anew."""
        now = self._session.state
        self._discard_now()
        self._past_models.clear()
        self._opened, self._before, self._preset = opened, None, opened.preset
        view = {"sampling": opened.export.sampling} if opened.export is not None else {}
        afresh = now.afresh(opened.config, view) if kept is None else now.changed({"config": opened.config, **kept})
        self._session.reset(afresh)
        self._settle.stop()
        self._show(opened)
        if opened.kind == "data":
            self.settings_came.emit(now.config, opened.config)

    def renew(self, opened: opening.Opened) -> None:
        """Go on with newer weights of the model that is shown, as a script has trained it."""
        self._opened = opened
        self.explorer.publish(opened.snapshot)

    def _join(self, opened: opening.Opened) -> None:
        """Show the samples of the run in memory beside it."""
        if opened.export is not None and self._opened is not None:
            self._session.apply({"sampling": opened.export.sampling, "selection": ()})
            # It is in the file that it was saved to, if any, wherever the model of the samples was found
            self._show(replace(opened.called(self._opened.shown.title), path=self._opened.path))

    def _show(self, opened: opening.Opened) -> None:
        self._opened, shown = opened, opened.shown
        self._session.set_lacks(shown.lacks, shown.solvers, shown.dim, shown.as_images, shown.table)
        self.explorer.publish(opened.snapshot, opened.points)
        self.opened.emit(opened)

    def _begin(self, opened: opening.Opened) -> None:
        """Show the first weights, then train them."""
        self._before = self._before or self._opened
        self._discard_now()
        self._show(opened.called("new model"))

        def make_run(threads: int) -> Run:
            from dnf_studio.core.training.run import Run

            return Run(opened.config, opened.dataset, threads)

        self.training.start(make_run, self.explorer)
        now = self._session.state.config
        self._follow(frozenset(name for name in LIVE if value_of(now, name) != value_of(opened.config, name)))

    def _begin_failed(self, error: Exception) -> None:
        self.training.give_up()
        self._open_failed(error)

    def _open_failed(self, error: Exception) -> None:
        """Emit the error; where a run was discarded for what does not come, its weights leave the views too."""
        if self.training.run is None and not self.training.active:
            self._show_before()
        self.failed.emit(error)

    def _show_before(self) -> None:
        """Show the model that was there before the run, which may be the one it went on with."""
        before, self._before = self._before, None
        if before is not None:
            self._show(before)

    def _share_cores(self, phase: Phase) -> None:
        if self._explorer is not None:
            self._explorer.set_training(phase in (Phase.STARTING, Phase.RUNNING))

    def _follow(self, names: frozenset[str]) -> None:
        """Give a run what it can take up, or show the model that belongs to changed settings."""
        config = self._session.state.config
        before, self._config = self._config, config
        if self.training.active:
            if change := self._change(names & LIVE):
                try:
                    self.training.apply(change)
                except SettingError as error:
                    self.failed.emit(error)
            return
        if self._opened is None or self.training.unsaved:
            return
        if any(getattr(config, name) != getattr(self._opened.config, name) for name in DATA_SETTINGS):
            self._choose(config, before)
        elif not self._opened.shown.trained and any(
            name.startswith(("config.model", "config.sde", "config.network", "config.training.seed")) for name in names
        ):
            self._settle.start()

    def _change(self, names: frozenset[str]) -> dict[str, object]:
        """What a run takes up of these settings; nothing where they are for the next one, of another kind of model."""
        config = self._session.state.config
        if self._opened is not None and self._opened.snapshot.config.model != config.model:
            return {}
        return {name.removeprefix("config."): value_of(config, name) for name in names}

    def _choose(self, config: Config, before: Config) -> None:
        """Show the model of other data: that which undo comes back to, or the one that belongs to the settings."""
        known, opened, preset = self._past_models.find(config), self._opened, self._preset
        if opened is not None and self._before is None and before.data == opened.config.data:
            self._past_models.note(before, replace(opened, config=before, preset=preset))
        self.loading.run(lambda: known or opening.open_for(config, preset), self._replace, self._refuse_data)

    def _renew(self) -> None:
        """Show another untrained model, as the settings describe it; what is being opened goes before it."""
        if self.loading.running:
            self._settle.start()
        elif self.training.phase is Phase.NONE and self._opened is not None and not self._opened.shown.trained:
            self.loading.run(partial(opening.untrained, self._session.state.config), self._show, self.failed.emit)

    def _replace(self, opened: opening.Opened) -> None:
        """Show the model of other data; settings that came with the one before it go."""
        self._discard_now()
        self._before, self._preset = None, opened.preset
        self._show(opened)
        before, groups = self._session.state.config, opened.config.model_dump(include={"sde", "network", "training"})
        self._session.apply({"config": groups}, gesture=("data", opened.config.data))
        self._settle.stop()
        self.settings_came.emit(before, self._session.state.config)

    def _refuse_data(self, error: Exception) -> None:
        """Emit the error, and go back to the data that is shown."""
        if self._opened is not None:
            shown = (self._before or self._opened).config
            self._session.apply({f"config.{name}": getattr(shown, name) for name in DATA_SETTINGS})
        self._open_failed(error)
