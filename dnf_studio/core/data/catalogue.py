"""From the name of a built-in set or a file to a data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from dnf_studio.config import Config, Missing
from dnf_studio.core.data.content_split import SplitRule
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.fractals import FRACTAL_SETS
from dnf_studio.core.data.image_set import is_image_set, open_image_set
from dnf_studio.core.data.literature import is_literature, open_literature
from dnf_studio.core.data.naming import MEMORY, is_drawing, is_picture, split_selection
from dnf_studio.core.data.picture import open_drawing, open_picture
from dnf_studio.core.data.planar import GeneratedSet
from dnf_studio.core.data.sklearn_sets import SKLEARN_SETS, SklearnSet
from dnf_studio.core.data.solids import HARD_SETS
from dnf_studio.core.data.tables import open_table
from dnf_studio.core.data.toy2d import TOY_SETS
from dnf_studio.errors import DataError, UnknownNameError
from dnf_studio.plugins import missing_data

ALIASES = {"olympic": "rings"}
SETS: list[GeneratedSet | SklearnSet] = [*TOY_SETS, *FRACTAL_SETS, *HARD_SETS, *SKLEARN_SETS]
"""Those that are built in. Plug-ins add theirs."""

OTHER_FILES: tuple[tuple[Callable[[str], bool], Callable[[str], Dataset]], ...] = (
    (is_drawing, open_drawing),
    (is_picture, open_picture),
    (is_image_set, open_image_set),
    (is_literature, open_literature),
)
"""What is no table: how it is told, and how it is opened."""


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
        for toy in SETS
    )


def names() -> tuple[str, ...]:
    """What all sets are called that are no files, and what else they are called."""
    return (*(one.name for one in SETS), *ALIASES)


def open_dataset(
    name_or_file: str,
    drop_constant: bool = False,
    validation: str | None = None,
    test: str | None = None,
    rule: SplitRule | None = None,
    missing: Missing = "error",
    label: str | None = None,
) -> Dataset:
    """A built-in set by its name or alias, in any case, else FILE, `FILE::column,column`, `FILE::path/inside`,
    of a picture `FILE::threshold=0.3,blur=2`, of a table of the literature `FILE::as=power`, a set of images,
    also `FILE::flip=horizontal,logit`, or a drawing by the name that it is. Built-in images take what files of
    images take: `digits::logit`.

    Of a table, files `validation` and `test` hold the rows to validate and to test on, where one's own are wanted, and
    `rule` is the one of a checkpoint that was trained on it; `missing` and `label` are as for `open_table`. Raises
    `UnknownNameError` with the nearest name for what looks like a name, and `DataError` for whatever is wrong with a
    file.
    """
    if is_table(name_or_file):
        return open_table(name_or_file, drop_constant, rule, validation, test, missing, label)
    if label is not None or missing != "error":
        raise DataError(f"Labels and missing values are those of a table of rows, and '{name_or_file}' is none.")
    if validation is not None or test is not None:
        raise DataError(f"Files to validate and to test on go with a table of rows, and '{name_or_file}' is none.")
    toy, selection = _built_in(name_or_file)
    if toy is not None:
        if selection is not None and not (isinstance(toy, SklearnSet) and toy.image):
            raise DataError(f"Of '{toy.name}' nothing can be chosen: its values have no range and are no images.")
        return toy.make(selection) if isinstance(toy, SklearnSet) else toy
    if is_image_set(name_or_file):
        return open_image_set(name_or_file, rule)
    for belongs, opened in OTHER_FILES:
        if belongs(name_or_file):
            return opened(name_or_file)
    raise missing_data(name_or_file) or UnknownNameError("data set", name_or_file, names())


def open_configured(config: Config, rule: SplitRule | None = None, data: str | None = None) -> Dataset:
    """The data that the settings of an experiment name; `rule` as for `open_dataset`.

    `data` is the same name where it brings rows along that a program holds, which no name in settings does.
    """
    return open_dataset(
        data or config.data, config.drop_constant, config.validation, config.test, rule, config.missing, config.label
    )


def is_table(name_or_file: str) -> bool:
    """Whether this is a file of rows with columns, as far as its name tells, and nothing that has splits of its own."""
    if _built_in(name_or_file)[0] is not None or any(belongs(name_or_file) for belongs, _ in OTHER_FILES):
        return False
    return _looks_like_file(name_or_file)


def _built_in(name_or_file: str) -> tuple[GeneratedSet | SklearnSet | None, str | None]:
    """The built-in set of this name, None for every other one, and what is chosen of it."""
    path, selection = split_selection(name_or_file)
    name = (name_or_file if selection is None or os.path.exists(path) else str(path)).strip().lower()
    return {toy.name: toy for toy in SETS}.get(ALIASES.get(name, name)), selection


def _looks_like_file(source: str) -> bool:
    """Whether a person who wrote `source` meant a file: it is there, or has a folder, a suffix or columns.

    The rows that a program holds are as those of a file.
    """
    path, selection = split_selection(source)
    if source.startswith(MEMORY):
        return True
    return selection is not None or bool(path.suffix) or os.path.exists(source) or "/" in source or os.sep in source
