"""What the window shows: one model and the data it belongs to, as plain facts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.naming import MEMORY, drawing_label, is_drawing
from dnf_studio.core.sde.solvers import Solver
from dnf_studio.gui.workspace.state import OWN_SOLVERS

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability


MOST_SHOWN = 24
"""Letters of what is chosen of a file: the names of its columns may be very long together."""


@dataclass(frozen=True)
class ShownModel:
    """Facts about the model in the views, none of which needs torch to read."""

    title: str
    """A bundled name, a file name, or what kind of model it is."""
    data: str
    dim: int
    columns: tuple[str, ...]
    steps: int
    """N of the model's own grid."""
    entropy: float | None
    """Exact entropy of the standardised data, nats, or None where unknown."""
    attainable: float | None = None
    """The least NLL of a chain with the noise of this one's last step, nats, or None where unknown."""
    trained: bool = True
    """False for weights that no iteration has touched."""
    about: str = ""
    """A sentence on what is particular about its data."""
    labels: tuple[str, ...] = ()
    """The parts, classes or labels that its points may belong to."""
    image: ImageShape | None = None
    """The size of its points where they are images."""
    solvers: tuple[Solver, ...] = OWN_SOLVERS
    """Solvers that the model can be sampled with, its own choice first."""
    rows: bool = False
    """Whether its data are the rows of a file or a bundled table, and not drawn afresh."""
    kind: str = "diffflow"
    lacks: Mapping[Ability, str] = field(default_factory=dict)
    """What the model cannot do, and why in one sentence."""

    @property
    def as_images(self) -> bool:
        """Whether each point can be shown as an image."""
        return self.image is not None and self.image.size == self.dim

    @property
    def table(self) -> bool:
        """Whether its data is a table with units of its own: rows of more than two components that are no images."""
        return self.rows and self.dim > 2 and self.image is None

    @property
    def name(self) -> str:
        """The title, with the kind of model where it does not say that."""
        return self.title if self.kind in re.split("[^a-z]", self.title.lower()) else f"{self.title} ({self.kind})"


def data_label(name: str) -> str:
    """A file without its folder and with what is chosen of it, cut short; a data set by its name, a drawing by a
    short one.
    """
    if is_drawing(name):
        return drawing_label(name)
    file, colons, chosen = name.removeprefix(MEMORY).replace("\\", "/").partition("::")
    shown = chosen if len(chosen) <= MOST_SHOWN else f"{chosen[:MOST_SHOWN].rstrip(', ')}…"
    return file.rsplit("/", 1)[-1] + colons + shown


def data_stem(name: str) -> str:
    """What a file made from this data is called after: without folder, suffix and selection."""
    return data_label(name).partition("::")[0].partition(".")[0]


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """A name that no file in `folder` has, so that Enter alone replaces nothing."""
    names = (f"{stem}{'' if count == 1 else f'-{count}'}{suffix}" for count in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())
