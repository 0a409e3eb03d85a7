"""Datasets of an export that stay in their file until they are sliced."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dnf_studio.core.data.hdf5_reading import Hdf5File


class Rows:
    """A dataset of an open export, a row for each sample: what is sliced is read from the file, and nothing else.

    It is indexed as an array is: a slice or a number, several of them as a list or an array, and further axes after
    them. `numpy.asarray` reads the whole of it.
    """

    def __init__(self, opened: Callable[[], Hdf5File], name: str) -> None:
        """`opened` gives the file, or raises `ExportError` once it is closed."""
        self._opened, self._name = opened, name
        found = opened().contents.objects[name]
        self.shape: tuple[int, ...] = found.shape or ()
        self.dtype: np.dtype[Any] | None = found.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - whatever NumPy takes, and what it makes of it
        import numpy as np

        first, *more = key if isinstance(key, tuple) else (key,)
        # A loop over single rows and batches costs what they hold, not what the file holds
        if isinstance(first, int | np.integer):
            row = range(len(self))[first]
            return self._read(row, row + 1)[(0, *more)]
        if isinstance(first, slice) and (first.step or 1) > 0:
            start, stop, step = first.indices(len(self))
            return self._read(start, max(start, stop))[(slice(None, None, step), *more)]
        if first is Ellipsis or first is None:
            return self._read(0, len(self))[key]
        numbers = np.arange(len(self))[first]
        start = int(numbers.min()) if numbers.size else 0
        stop = int(numbers.max()) + 1 if numbers.size else 0
        rows = self._read(start, stop)[numbers - start]
        return rows[(slice(None), *more)] if more else rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        rows = self._read(0, len(self))
        return rows if dtype is None else rows.astype(dtype)

    def __repr__(self) -> str:
        return f"Rows(name={self._name!r}, shape={self.shape}, dtype={self.dtype})"

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        from dnf_studio.core.storage.sample_reader import rows_of

        return rows_of(self._opened(), self._name, start, stop)
