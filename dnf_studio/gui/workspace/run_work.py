"""What is done with a run away from the window's thread: restore it, change it, copy its weights. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.training.run import Run

__all__ = ["changed", "copy_of", "drew", "restored"]


def changed(run: Run, change: Mapping[str, object]) -> Run:
    """`run` with a change of settings queued."""
    run.apply(change)
    return run


def restored(path: Path, change: Mapping[str, object], threads: int) -> Run:
    """The run of a checkpoint with a change of settings."""
    from dnf_studio.core.training.run import Run

    return Run.resume(path, change, threads)


def drew(run: Run, source: str) -> bool:
    """Whether `source` is an export that was drawn with the weights of `run` as they are."""
    from dnf_studio.api import file_kind
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.sample_reader import read_export
    from dnf_studio.core.training.resume import checkpoint_of

    path = Path(source)
    if not path.is_file() or file_kind(path) != "export":
        return False
    return read_export(path).checkpoint_sha256 == digest(checkpoint_of(run, "weights").tensors)


def copy_of(run: Run) -> tuple[GenerativeModel, Checkpoint]:
    """The weights that sampling uses, which nobody changes any more, and their checkpoint."""
    from dnf_studio.core.training.resume import checkpoint_of

    checkpoint = checkpoint_of(run, "weights")
    return checkpoint.build(), checkpoint
