"""The options that several verbs share, and what they say of a model's data that have moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dnf_studio.errors import MissingDataError

__all__ = ["SOLVER", "AsJson", "CheckpointName", "Output", "asking_for_data"]

SOLVER = (
    "sde, or its probability flow by Euler's (ode) or Heun's method (heun), which takes two passes a step; "
    "of a diffusion model also ancestral and ddim. "
    "The model's own unless given."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CheckpointName = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file or a bundled model's name.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]


@contextmanager
def asking_for_data(checkpoint: str | Path, named: bool) -> Iterator[None]:
    """Within it a missing file of data that were not `named` asks where those of `checkpoint` are now."""
    try:
        yield
    except MissingDataError as error:
        if named:
            raise
        where = f"{str(error).rstrip('.')}, on which '{checkpoint}' was trained; say with --data where it is now."
        raise MissingDataError(where) from error
