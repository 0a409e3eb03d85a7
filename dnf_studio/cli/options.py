"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["SOLVER", "AsJson", "CheckpointName", "Output"]

SOLVER = (
    "sde, or ode for its probability flow; of a diffusion model also ancestral, ddim and heun. "
    "The model's own unless given."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CheckpointName = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file or a bundled model's name.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]
