"""Weights of a run at earlier iterations, beside the file of the run.

``rings.safetensors`` has them in the folder ``rings.snapshots``, each in a checkpoint of the kind ``weights`` that is
named after its iteration: every program that reads checkpoints reads them, and one that is kept already is not
written again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from dnf_studio.core.files import atomic_file, explain, make_folder, writing
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, read_heading, save_checkpoint
from dnf_studio.core.storage.layout import digest
from dnf_studio.errors import CheckpointError

SUFFIX = ".snapshots"
NAME = re.compile(r"(\d{9})\.safetensors")
MOST_LISTED = 1000
"""Files of a folder that are looked at; a run keeps at most a fifth of that."""


@dataclass(frozen=True, eq=False)
class KeptWeights:
    """The weights that sampling used after one iteration of a run, in memory or in a file."""

    iteration: int
    bytes: int
    """About how much room they need."""
    checkpoint: Checkpoint | None = None
    file: Path | None = None
    """Where they are read from when somebody wants them; None in memory."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as arrays, which takes a fifth of the time that tensors take: it goes from process to process."""
        if self.checkpoint is None:
            return KeptWeights, (self.iteration, self.bytes, None, self.file)
        arrays = {name: tensor.numpy() for name, tensor in self.checkpoint.tensors.items()}
        return _unpacked, (self.iteration, self.bytes, replace(self.checkpoint, tensors={}), arrays)

    def read(self) -> Checkpoint:
        """The model as it was, as a checkpoint of the kind ``weights``. For a thread.

        Raises `CheckpointError` where its file is gone, damaged, or of another iteration than it is named after.
        """
        if self.checkpoint is not None:
            return self.checkpoint
        assert self.file is not None
        found = read_checkpoint(self.file)
        if found.kind != "weights" or found.iteration != self.iteration:
            raise CheckpointError(f"'{self.file}' does not hold the weights of iteration {self.iteration:,}.")
        return found


def _unpacked(iteration: int, size: int, bare: Checkpoint, arrays: dict[str, NDArray[Any]]) -> KeptWeights:
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return KeptWeights(iteration, size, replace(bare, tensors=tensors))


def snapshot_folder(file: Path) -> Path:
    """Where the snapshots of the run in `file` are."""
    return file.with_name(file.name.removesuffix(".safetensors").removesuffix(".autosave") + SUFFIX)


def listed_snapshots(run: Checkpoint, file: Path) -> tuple[KeptWeights, ...]:
    """The snapshots beside the `run` in `file`, in order; nothing is read of them but what the last one is.

    Raises `CheckpointError` where there are more files than any run keeps, or where they are of another run: with
    other data, seed, kind of model or networks.
    """
    folder = snapshot_folder(file)
    try:
        found = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)) if folder.is_dir() else []
        sizes = [path.stat().st_size for path in found]
    except OSError as problem:
        raise CheckpointError(f"Cannot read '{folder}': {explain(problem)}.") from problem
    if len(found) > MOST_LISTED:
        raise CheckpointError(f"The folder '{folder}' has {len(found):,} snapshots, more than any run keeps.")
    kept = [
        KeptWeights(int(path.stem), size, file=path)
        for path, size in zip(found, sizes, strict=True)
        if int(path.stem) <= run.iteration
    ]
    if kept:
        _check_same(run, kept[-1])
    return tuple(kept)


def own_snapshots(run: Checkpoint, file: Path | str) -> tuple[KeptWeights, ...]:
    """The snapshots beside the `run` in `file` as `listed_snapshots` has them; none where those are not its own."""
    with suppress(CheckpointError):
        return listed_snapshots(run, Path(file))
    return ()


def save_snapshots(kept: Sequence[KeptWeights], file: Path) -> None:
    """Have just `kept` beside the run in `file`; those that are there already stay as they are.

    Each is written whole or not at all, and those whose own file is gone are left out. Raises `CheckpointError` where
    that cannot be.
    """
    folder = snapshot_folder(file)
    there_still = (each for each in kept if each.file is None or each.file.exists())
    wanted = {f"{each.iteration:09d}.safetensors": each for each in there_still}
    with writing(folder, CheckpointError):
        there = {path.name: path for path in folder.iterdir() if NAME.fullmatch(path.name)} if folder.is_dir() else {}
        if wanted:
            make_folder(folder, CheckpointError)
        for name, each in wanted.items():
            if name not in there or not _holds(there[name], each):
                _write(each, folder / name)
        for name in there.keys() - wanted.keys():
            there[name].unlink(missing_ok=True)
        if not wanted and there and not any(folder.iterdir()):
            folder.rmdir()


def move_snapshots(file: Path, target: Path, copy: bool = False) -> None:
    """Let the snapshots of the run in `file` go with it to `target`, or a `copy` of them; none is no error.

    Raises `CheckpointError`.
    """
    source, folder = snapshot_folder(file), snapshot_folder(target)
    try:
        if source == folder or not source.is_dir():
            return
        if folder.exists() and source.samefile(folder):  # upper and lower case of the same letters
            source.replace(folder)
            return
        save_snapshots((), target)
        found = [path for path in source.iterdir() if NAME.fullmatch(path.name)]
        if found:
            make_folder(folder, CheckpointError)
        for path in found:
            (shutil.copyfile if copy else shutil.move)(path, folder / path.name)
        if not copy and not any(source.iterdir()):
            source.rmdir()
    except OSError as problem:
        raise CheckpointError(f"Cannot take the snapshots of '{file}' along: {explain(problem)}.") from problem


def _holds(path: Path, kept: KeptWeights) -> bool:
    """Whether the file at `path` has just these weights."""
    if kept.checkpoint is None:
        return kept.file is not None and path.samefile(kept.file)
    try:
        return read_heading(path).sha256 == digest(kept.checkpoint.tensors)
    except CheckpointError:
        return False


def _write(kept: KeptWeights, target: Path) -> None:
    if kept.checkpoint is not None:
        save_checkpoint(target, kept.checkpoint)
        return
    assert kept.file is not None
    with atomic_file(target, CheckpointError) as partial:
        shutil.copyfile(kept.file, partial)


def _check_same(run: Checkpoint, last: KeptWeights) -> None:
    """Raise `CheckpointError` where the weights of `last` are none that `run` can have had."""
    assert last.file is not None
    head = read_heading(last.file)
    own, others = (
        (each.dim, each.config.kinds, each.data.fingerprint, each.config.training.seed) for each in (run, head)
    )
    if own != others or head.kind != "weights":
        raise CheckpointError(
            f"The snapshots in '{last.file.parent}' are of another run, so its training cannot be looked back at; "
            "remove that folder, or put it where it belongs."
        )
