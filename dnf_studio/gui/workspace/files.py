"""Opening, saving and closing: the dialogs around what the studio does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import ExportError, MissingModelError, StudioError
from dnf_studio.gui.drawing.style import let_paint
from dnf_studio.gui.workspace.dialogs import Answer, ErrorDialog, ask_about_run, ask_resume, offer_run
from dnf_studio.gui.workspace.log import make_report
from dnf_studio.gui.workspace.opening import RUN_FOLDER, bundled_files, bundled_name, run_folder_of, samples_of
from dnf_studio.gui.workspace.run_changes import RunStatus
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.shown import data_stem, free_name
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.workers.background import Newest

DATA = "*.csv *.tsv *.txt *.npy *.npz *.h5 *.hdf5 *.parquet *.xlsx"
PICTURES = "*.png *.jpg *.jpeg"
IMAGES = "*idx3-ubyte *idx3-ubyte.gz *idx3.ubyte *idx3.ubyte.gz *.bin"
MODELS = "*.safetensors *.pt *.pth run.json"
READABLE = f"Models, runs, data, images, exports, sessions ({MODELS} {DATA} {PICTURES} {IMAGES} *.dnfsession)"
DATA_ONLY = f"Data, pictures and images ({DATA} {PICTURES} {IMAGES})"
SUFFIX = ".safetensors"
RUN = "Run, to go on with later (*.safetensors)"
RUN_ALONE = "Run without its snapshots, smaller (*.safetensors)"
WEIGHTS = "Model alone, smaller (*.safetensors)"


class Files(QObject):
    """Asks for files to open and save, and before an unsaved run would be lost."""

    told = Signal(object)
    """The exception that an error dialog shows."""
    opening = Signal(str)
    """The name or file that is being opened from now on."""
    saved = Signal(object)
    """The path of a checkpoint that was written."""
    exported = Signal(object)
    """The path of an export that was written."""
    kept = Signal(object)
    """The path of a session that was saved or opened."""

    def __init__(self, window: QWidget, session: Session, studio: Studio) -> None:
        super().__init__(window)
        self._window, self._session, self._studio = window, session, studio
        self._told: set[str] = set()
        self._looking = Newest(studio.background)
        self.ask_what: Callable[[str, Callable[..., object]], object] = lambda name, then: then(name)
        """Given a file, calls back with what of it is to be opened, having asked where there is a choice.

        By name come settings that were chosen with it, `missing` and `label`.
        """
        self.openers: dict[str, Callable[[str], object]] = {}
        """Functions that open files which are neither models nor data, by the suffix of the file."""
        self.folder: Callable[[], Path] = Path
        """The folder in which Save begins: the user's own models."""

    def tell(self, error: BaseException) -> None:
        """Show an error, only once as long as its dialog is open; the window stays usable."""
        sentence = f"{type(error).__name__}: {error}"
        if sentence in self._told:
            return
        self._told.add(sentence)
        self.told.emit(error)
        dialog = ErrorDialog(error, self._window, lambda: make_report(self._session, self._studio, error))
        dialog.finished.connect(lambda _result: self._told.discard(sentence))
        if isinstance(error, MissingModelError):
            source = samples_of(error.path)
            dialog.offer("&Use its samples as data", f"Train a model on {source}", lambda: self.show(source))
        dialog.show()

    def open(self) -> None:
        """Ask for a file and show it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open", "", f"{READABLE};;{DATA_ONLY};;All files (*)")
        if name:
            (self.opener_of(name) or self.choose)(name)

    def opener_of(self, name: str) -> Callable[[str], object] | None:
        """What opens `name` where it is neither a model nor data: by its suffix, or as the folder of a run."""
        opener = self.openers.get(RUN_FOLDER) if run_folder_of(name) is not None else None
        return opener or self.openers.get(Path(name).suffix.lower())

    def choose(self, name: str, first: Callable[[], object] = lambda: None) -> None:
        """Show `name`, or what is chosen of a table, as `show` does."""
        self.ask_what(name, lambda source, **settings: self.show(source, first, **settings))

    def show(self, source: str, first: Callable[[], object] = lambda: None, **settings: object) -> None:
        """Open a file or a bundled model once no unsaved run would be lost by it, after `first`.

        `settings` are those of the data, `missing` and `label`, if they were chosen.
        An export that the run in memory drew just as it is takes nothing away: the run stays.
        """
        run, studio = self._studio.training.run, self._studio
        opener = self.opener_of(source)
        # Settings are for something that is open
        if opener is not None and studio.current is not None:
            opener(source)
            return

        def open_alone() -> None:
            first()
            studio.open(source, *([settings] if settings else []))
            self.opening.emit(source)

        def begin(own: bool) -> None:
            # A run that has gone on meanwhile, or is another, drew something else
            if own and run is not None and run is studio.training.run and studio.training.at_rest:
                first()
                studio.look_at(source, run)
            else:
                self.when_safe(open_alone)

        if run is None or not studio.training.at_rest:
            begin(False)
        else:
            from dnf_studio.gui.workspace.exported import drew

            self._looking.run(lambda: drew(run, source), begin, lambda _error: begin(False))

    def choose_data(self, name: str) -> None:
        """Train on other data from now on, and show the model that belongs to it."""
        if name == self._session.state.config.data:
            return
        # One step of undo with the settings that the model of this data brings
        self.when_safe(lambda: self._session.apply({"config.data": name}, gesture=("data", name)))

    def train(self) -> None:
        """Begin a run, or go on with one; of what is being opened, once it is shown."""
        if self._studio.loading.running:
            self._studio.loading.after(self.train)
            self._studio.said.emit("Training begins once the model is shown.")
            return
        iterations = self._studio.resumable
        if iterations is None:
            self._studio.train()
            return
        answer = ask_resume(self._window, iterations, *self._resuming())
        if answer is Answer.RESUME:
            self._studio.resume()
        elif answer is Answer.NEW:
            self.when_safe(self._studio.train)

    def _resuming(self) -> tuple[str, tuple[str, str] | None]:
        """Why the run in memory would end at once, and its model and that of the settings where they differ."""
        run, config = self._studio.training.run, self._session.state.config
        if run is None:
            return "", None
        kinds = None if run.config.model == config.model else (run.config.model, config.model)
        return RunStatus.of_run(run).sentence(config), kinds

    def offer_left(self, folder: Path) -> None:
        """Offer the newest run that a window left in `folder` which closed, or was killed, before it was saved."""
        from dnf_studio.gui.workspace.recovery import newest_left

        def offer(found: tuple[Path, str] | None) -> None:
            if found is not None:
                left, run = found
                offer_run(
                    self._window,
                    run,
                    lambda: self.when_safe(lambda: self._studio.recover(left)),
                    lambda: self._studio.background.run(left.unlink, lambda _done: None, self.tell),
                )

        self._studio.background.run(lambda: newest_left(folder), offer, self.tell)

    def discard(self) -> None:
        """Forget the run that has ended, and show the model from before it; `bring_back` undoes that."""
        if self._studio.training.run is not None and not self._studio.training.active:
            self._studio.go_back()

    def bring_back(self) -> None:
        """Show the run again that was discarded last, once no other one would be lost by it."""
        if self._studio.discarded is not None:
            # Discarding another one in its favour leaves that as the last
            kept = self._studio.discarded
            self.when_safe(lambda: self._studio.bring_back(kept))

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Ask for a file name and write the run or the model; `then` follows once it is in place."""
        kinds = [RUN, RUN_ALONE, WEIGHTS] if self._studio.past.usable else [RUN, WEIGHTS]
        title, filters = ("Save run", kinds) if self._studio.has_run else ("Save model", [WEIGHTS])
        name, chosen = QFileDialog.getSaveFileName(self._window, title, str(self.proposed()), ";;".join(filters))
        if name:
            path = with_suffix(name, SUFFIX)
            self.save_to(path, "weights" if chosen == WEIGHTS else "run", then, chosen == RUN)

    def proposed(self) -> Path:
        """Where Save begins: the own name of what is shown where it has one and is not bundled, else one after both
        data and model."""
        current = self._studio.current
        own = None if current is None else current.path
        if own is not None and own.suffix.lower() == SUFFIX and own not in bundled_files():
            return own
        data, config = data_stem(self._session.state.config.data), self._session.state.config
        stem = bundled_name(data, config.model if current is None else current.shown.kind)
        return free_name(self._begin(), stem, SUFFIX)

    def _begin(self) -> Path:
        """The folder that Save begins in: that of the user's models, made where it can be, else the working folder."""
        folder = self.folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return Path()
        return folder

    def save_to(
        self,
        path: Path,
        kind: Literal["run", "weights"],
        then: Callable[[], object] | None = None,
        snapshots: bool = False,
    ) -> None:
        """Write `path` in the background; a run that trains is paused meanwhile.

        Of a run, in memory or opened from its file, `kind` says whether all of it is written or its weights alone,
        and `snapshots` whether those of its training go beside it. It is written as it is now, whatever is looked at.
        """
        training, has_run = self._studio.training, self._studio.has_run

        def done(_result: object) -> None:
            if kind == "run" and has_run:
                self._studio.saved_as(path)
            if training.run is not None and kind == "run":
                training.unsaved = False
            rest = ", without the run" if has_run and kind == "weights" else ""
            self._studio.said.emit(f"Saved the {'run' if has_run and not rest else 'model'} as {path.name}{rest}.")
            self.saved.emit(path)
            if then is not None:
                then()

        if training.run is not None:
            training.while_paused(lambda run: run.save(path, kind, snapshots), done, self.tell)
        else:
            self._studio.background.run(self._checkpoint_writer(path, kind, snapshots), done, self.tell)

    def picture(self) -> None:
        """Ask for a file name and save the window as a picture."""
        name, _ = QFileDialog.getSaveFileName(self._window, "Save picture", "dnf-studio.png", "PNG picture (*.png)")
        if name:
            try:
                path = with_suffix(name, ".png")
                if path.suffix.lower() != ".png":
                    raise ExportError(f"The window is written as .png, not as '{path.suffix}'; end its name in .png.")
                self.save_picture(path)
            except StudioError as error:
                self.tell(error)

    def save_picture(self, path: Path) -> None:
        """Save the window as it is; raises `ExportError` where the file cannot be written."""
        from dnf_studio.core.files import atomic_file

        let_paint(self._window)
        image = self._window.grab()
        with atomic_file(path, ExportError) as partial:
            if not image.save(str(partial), "PNG"):
                raise ExportError(f"The picture '{path}' cannot be written.")

    def when_safe(self, then: Callable[[], object]) -> None:
        """Do `then` once no unsaved run would be lost by it; nothing if the person cancels."""
        studio = self._studio
        if not studio.training.unsaved and not studio.training.active:
            then()
            return
        asks = studio.training.unsaved and not studio.training.ending
        answer = ask_about_run(self._window, studio.training.active) if asks else Answer.DISCARD
        if answer is Answer.DISCARD:
            studio.discard(then)
        elif answer is Answer.SAVE:
            studio.training.set_paused(True)
            self.save(lambda: self.when_safe(then))

    def _checkpoint_writer(
        self, path: Path, kind: Literal["run", "weights"], snapshots: bool = False
    ) -> Callable[[], Any]:
        current, kept = self._studio.current, self._studio.past.kept if snapshots else ()

        def write() -> None:
            from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
            from dnf_studio.core.storage.snapshots import save_snapshots
            from dnf_studio.core.training.state import RunState

            if current is None:
                raise StudioError("There is no model to save yet; train one or open one.")
            found = current.checkpoint or Checkpoint.of_model(current.snapshot.flow)
            if found.kind == "run" and kind == "weights":
                found = RunState.of_checkpoint(found).checkpoint("weights")
            save_checkpoint(path, found)
            save_snapshots(kept, path)

        return write
