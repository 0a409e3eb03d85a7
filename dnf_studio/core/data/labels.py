"""The label of each row, taken from a column that is no component: names, and which of them a row has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import DataError

MOST_LABELS = 1000
"""Different labels that a column may have; one with more names the rows rather than kinds of them."""
UNKNOWN = -1
"""The number of the label of a row that has none."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What each row of a table is called by one of its columns."""

    column: str
    names: tuple[str, ...]
    """Whole numbers by their size, other names by the alphabet, so that the order of the rows does not matter."""
    codes: NDArray[np.int32]
    """(n,), the number of each row's name; `UNKNOWN` where the value is missing."""


@dataclass
class LabelFinder:
    """Collects labels block by block; raises `DataError` once there are more than `MOST_LABELS`."""

    path: Path
    column: str
    _numbers: dict[str, int] = field(default_factory=dict)
    _codes: list[NDArray[np.int32]] = field(default_factory=list)

    def note(self, names: Sequence[str | None]) -> None:
        """Take the labels of the next rows; None for one that is missing."""
        known = self._numbers
        found = [UNKNOWN if name is None else known.setdefault(name, len(known)) for name in names]
        if len(known) > MOST_LABELS:
            raise DataError(
                f"Column '{self.column}' of '{self.path}' has more than {MOST_LABELS:,} different values, "
                "too many for labels; choose another one with --label."
            )
        self._codes.append(np.array(found, np.int32))

    def labels(self) -> Labels:
        """All that was noted; raises `DataError` where no row has a label."""
        if not self._numbers:
            raise DataError(f"Column '{self.column}' of '{self.path}' holds no labels; every value is missing.")
        names = _ordered(self._numbers)
        places = np.empty(len(names) + 1, np.int32)
        places[[self._numbers[name] for name in names]] = np.arange(len(names))
        places[UNKNOWN] = UNKNOWN
        return Labels(self.column, tuple(names), places[np.concatenate(self._codes)])


def number_labels(path: Path, column: str, blocks: Iterable[NDArray[np.float64]]) -> Labels:
    """Labels from a column (n,) of whole numbers, NaN where one is missing; raises `DataError` for other numbers."""
    finder = LabelFinder(path, column)
    for values in blocks:
        finder.note(list(_whole(path, column, values)))
    return finder.labels()


def _whole(path: Path, column: str, values: NDArray[np.float64]) -> Iterator[str | None]:
    for value in values.tolist():
        if not np.isfinite(value):
            yield None
        elif value.is_integer() and abs(value) < 2**53:
            yield str(int(value))
        else:
            raise DataError(
                f"Column '{column}' of '{path}' holds the number {value:g}, and labels are text or whole numbers; "
                "choose another one with --label."
            )


def _ordered(names: Iterable[str]) -> list[str]:
    """Whole numbers by their size, other names by the alphabet."""
    known = sorted(names)
    if all(name.lstrip("+-").isdecimal() and len(name) < 20 for name in known):
        return sorted(known, key=int)
    return sorted(known, key=str.casefold)
