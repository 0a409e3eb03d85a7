"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["SOLVER", "AsJson", "CheckpointName", "Output"]

SOLVER = (
    "sde, or its probability flow by Euler's (ode) or Heun's method (heun), which takes two passes a step; "
    "of a diffusion model also ancestral and ddim. "
    "The model's own unless given."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CheckpointName = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file or a bundled model's name.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]
