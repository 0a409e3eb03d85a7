"""A folder of models: what is in it, and renaming, duplicating and deleting with a way back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from threading import Lock

from dnf_studio.config.model_kinds import IN_NATS, MODEL_KINDS
from dnf_studio.core.files import checked_name, explain, files_in, is_taken, make_folder, renamed, require_writable
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, read_heading
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.reference_program import read_reference_checkpoint
from dnf_studio.core.storage.run_folder import folder_of
from dnf_studio.core.storage.snapshots import move_snapshots
from dnf_studio.core.training.record import History
from dnf_studio.errors import CheckpointError, StudioError

SUFFIX = ".safetensors"
RECENT = 50
"""Iterations."""


@dataclass(frozen=True)
class ModelFile:
    """A checkpoint as a list shows it; `fault` is the sentence that says why it cannot be opened."""

    path: Path
    bytes: int = 0
    modified: float = 0.0
    """Seconds since 1970."""
    kind: str = ""
    model: str = ""
    """``diffflow``, ``diffusion`` or ``flow``; before it ``residual`` or ``frozen``, where the forward drift is so."""
    data: str = ""
    dim: int = 0
    steps: int = 0
    """N."""
    iteration: int = 0
    nll: float | None = None
    """Nats of the standardised data: as measured, else the mean of the last iterations where these are likelihoods."""
    sha256: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        """Its file's name without the suffix, or that of the folder of its run."""
        folder = folder_of(self.path)
        return self.path.stem if folder is None else folder.name


def model_file(path: Path) -> ModelFile:
    """What there is to say of the checkpoint at `path`, from its header; a bad file has a `fault`."""
    return model_head(path)[0]


def model_head(path: Path) -> tuple[ModelFile, Checkpoint | None]:
    """`model_file`, and the checkpoint without its tensors, None of a bad file."""
    found = ModelFile(path)
    try:
        state = path.stat()
        found = replace(found, bytes=state.st_size, modified=state.st_mtime)
        head = read_heading(path)
    except OSError as problem:
        return replace(found, fault=f"Cannot read '{path.name}': {explain(problem)}."), None
    except StudioError as problem:
        return replace(found, fault=str(problem)), None
    drift = head.config.network.drift
    found = replace(
        found,
        kind=head.kind,
        model=head.config.model if drift == "free" else f"{drift} {head.config.model}",
        data=head.data.name or head.config.data,
        dim=head.dim,
        steps=head.config.sde.steps,
        iteration=head.iteration,
        nll=_nll(head),
        sha256=head.sha256,
    )
    return found, head


def _nll(head: Checkpoint) -> float | None:
    for measured in (head.metrics.get("nll_bound"), head.metrics.get("nll_ode")):
        if measured is not None:
            return measured
    history = History.read(head.history.get("loss"))
    last = history.losses[-max(1, RECENT // history.stride) :]
    return fmean(last) if last and MODEL_KINDS[head.config.model].objective in IN_NATS else None


def list_models(folder: Path) -> tuple[ModelFile, ...]:
    """The checkpoints in `folder`, newest first; none where there is no such folder. Raises `StudioError`."""
    found = map(model_file, files_in(folder, SUFFIX))
    return tuple(sorted(found, key=lambda found: (-found.modified, found.name)))


def rename(path: Path, name: str) -> Path:
    """Give the file, and the snapshots beside it, another name and return where it is; raises `StudioError`."""
    target = renamed(path, checked_name(name, SUFFIX, "model") + path.suffix, "model")
    move_snapshots(path, target)
    return target


def duplicate(path: Path, folder: Path | None = None) -> Path:
    """Copy the file, and the snapshots beside it, under a free name into `folder`, its own by default.

    Raises `StudioError`.
    """
    place = folder or path.parent
    _make(place)
    plain = place / path.name
    target = plain if place != path.parent and not is_taken(plain) else _free(plain, " copy")
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        shutil.copyfile(path, partial)
        partial.replace(target)
        move_snapshots(path, target, copy=True)
    except OSError as problem:
        raise StudioError(f"Cannot copy '{path.name}': {explain(problem)}.") from problem
    finally:
        if os.path.lexists(partial):
            partial.unlink()
    return target


class Trash:
    """Where deleted models wait until they are restored or the program ends; for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / str(os.getpid())
        self._held: list[tuple[Path, Path]] = []
        self._lock = Lock()

    @property
    def last(self) -> Path | None:
        """Former path of the file that `restore` would bring back."""
        return self._held[-1][0] if self._held else None

    def delete(self, path: Path) -> None:
        """Move the file here, and the snapshots beside it; raises `StudioError`."""
        with self._lock:
            require_writable(path.parent, StudioError)
            _make(self._folder)
            held = _free(self._folder / path.name, "")
            try:
                shutil.move(path, held)
                move_snapshots(path, held)
            except OSError as problem:
                raise StudioError(f"Cannot delete '{path.name}': {explain(problem)}.") from problem
            self._held.append((path, held))

    def restore(self) -> Path:
        """Bring back what was deleted last, beside a file that has taken its name; raises `StudioError`."""
        with self._lock:
            if not self._held:
                raise StudioError("There is no deleted model to bring back.")
            path, held = self._held[-1]
            _make(path.parent)
            target = _free(path, " restored")
            try:
                shutil.move(held, target)
                move_snapshots(held, target)
            except OSError as problem:
                raise StudioError(f"Cannot bring '{path.name}' back: {explain(problem)}.") from problem
            self._held.pop()
            return target

    def empty(self) -> None:
        """Delete for good what is here."""
        with self._lock:
            self._held.clear()
            shutil.rmtree(self._folder, ignore_errors=True)


def find_checkpoint(sha256: str, iteration: int, places: Iterable[Path]) -> tuple[Path, Checkpoint] | None:
    """The checkpoint whose tensors have this sum, among files and the files of folders; None where there is none.

    A run also counts whose model alone has the sum: its samples were drawn before it was saved.
    """
    if not sha256:
        return None
    for path in _checkpoints(places):
        try:
            head = read_heading(path) if path.suffix.lower() == SUFFIX else read_reference_checkpoint(path)
            if head.sha256 == sha256:
                return path, head if head.tensors else read_checkpoint(path)
            if head.kind == "run" and head.iteration == iteration:
                whole = read_checkpoint(path)
                model = {name: tensor for name, tensor in whole.tensors.items() if name.startswith("model.")}
                if digest(model) == sha256:
                    return path, whole
        except CheckpointError:
            continue
    return None


def _checkpoints(places: Iterable[Path]) -> Iterator[Path]:
    """Every checkpoint file once; those of the reference program only where they are named themselves."""
    seen: set[Path] = set()
    for place in places:
        try:
            files = sorted(place.iterdir()) if os.path.isdir(place) else [place]
        except OSError:
            continue
        for path in files:
            known = path.suffix.lower() == SUFFIX or (path == place and path.suffix.lower() in (".pt", ".pth"))
            if known and path not in seen:
                seen.add(path)
                yield path


def _free(path: Path, word: str) -> Path:
    """`path`, or the first name that is not taken: with `word`, then with a number too."""
    if word == " copy" or is_taken(path):
        path = path.with_name(f"{path.stem}{word}{path.suffix}")
    number, stem = 2, path.stem
    while is_taken(path):
        path = path.with_name(f"{stem} {number}{path.suffix}")
        number += 1
    return path


def _make(folder: Path) -> None:
    make_folder(folder, StudioError)
    require_writable(folder, StudioError)
