"""From the name of a built-in set or a file to a data set."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.drawing import open_drawing
from dnf_studio.core.data.drawing_source import is_drawing
from dnf_studio.core.data.fractals import FRACTAL_SETS
from dnf_studio.core.data.image_set import is_image_set, open_image_set
from dnf_studio.core.data.literature import is_literature, open_literature
from dnf_studio.core.data.picture import open_picture
from dnf_studio.core.data.picture_source import is_picture
from dnf_studio.core.data.planar import Toy2D
from dnf_studio.core.data.sklearn_sets import SKLEARN_SETS, SklearnSet
from dnf_studio.core.data.source import split_selection
from dnf_studio.core.data.tables import open_table
from dnf_studio.core.data.toy2d import TOY_SETS
from dnf_studio.errors import DataError, UnknownNameError

__all__ = ["DatasetInfo", "dataset_infos", "open_dataset"]

ALIASES = {"olympic": "rings"}
BUILT_IN: tuple[Toy2D | SklearnSet, ...] = (*TOY_SETS, *FRACTAL_SETS, *SKLEARN_SETS)


@dataclass(frozen=True)
class DatasetInfo:
    """What there is to say of a built-in set; `entropy` in nats of the standardised data, None where unknown."""

    name: str
    title: str
    dim: int
    entropy: float | None
    aliases: tuple[str, ...]
    splits: tuple[int, int, int] | None = None
    """Rows to train, to validate and to test on; None where points are drawn afresh."""


def dataset_infos() -> tuple[DatasetInfo, ...]:
    """All built-in sets, in the order in which they are offered."""
    return tuple(
        DatasetInfo(
            toy.name,
            toy.title,
            toy.dim,
            toy.entropy,
            tuple(a for a, name in ALIASES.items() if name == toy.name),
            toy.splits if isinstance(toy, SklearnSet) else None,
        )
        for toy in BUILT_IN
    )


def open_dataset(name_or_file: str, drop_constant: bool = False) -> Dataset:
    """A built-in set by its name or alias, in any case, else FILE, `FILE::column,column`, `FILE::path/inside`,
    of a picture `FILE::threshold=0.3,blur=2`, of a table of the literature `FILE::as=power`, a set of images,
    also `FILE::flip=horizontal,logit`, or a drawing by the name that it is. Built-in images take what files of
    images take: `digits::logit`.

    Raises `UnknownNameError` with the nearest name for what looks like a name, and `DataError` for
    whatever is wrong with a file.
    """
    built_in = {toy.name: toy for toy in BUILT_IN}
    path, selection = split_selection(name_or_file)
    name = (name_or_file if selection is None or os.path.exists(path) else str(path)).strip().lower()
    toy = built_in.get(ALIASES.get(name, name))
    if toy is not None:
        if selection is not None and not (isinstance(toy, SklearnSet) and toy.image):
            raise DataError(f"Of '{toy.name}' nothing can be chosen: its values have no range and are no images.")
        return toy.make(selection) if isinstance(toy, SklearnSet) else toy
    if is_drawing(name_or_file):
        return open_drawing(name_or_file)
    if is_picture(name_or_file):
        return open_picture(name_or_file)
    if is_image_set(name_or_file):
        return open_image_set(name_or_file)
    if is_literature(name_or_file):
        return open_literature(name_or_file)
    if _looks_like_file(name_or_file):
        return open_table(name_or_file, drop_constant)
    raise UnknownNameError("data set", name_or_file, [*built_in, *ALIASES])


def _looks_like_file(source: str) -> bool:
    """Whether a person who wrote `source` meant a file: it is there, or has a folder, a suffix or columns."""
    path, selection = split_selection(source)
    return selection is not None or bool(path.suffix) or os.path.exists(source) or "/" in source or os.sep in source
