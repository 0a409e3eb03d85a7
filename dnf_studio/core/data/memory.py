"""Data that a program holds: arrays, tensors, data frames and the Datasets of PyTorch, as the tables they are.

They take the same way as a file with the same numbers, and so have the same split, units and fingerprint: a model that
was trained on an array goes on with the file that the array was saved to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.arrays import array_table
from dnf_studio.core.data.frames import frame_table
from dnf_studio.core.data.naming import MEMORY
from dnf_studio.core.data.table import Table, array_fault
from dnf_studio.errors import DataError

Array = NDArray[Any]
FILL = "fill them as missing with x.filled(numpy.nan) and say missing='drop-rows' or missing='drop-columns'"


class InMemory(str):
    """The name of data that a program holds, which brings its rows along wherever the name of a file would go.

    To anything else it is a name such as ``memory:array``, which says where the data was.
    """

    _table: Callable[[str | None], Table]

    @classmethod
    def of(cls, x: object, do: str = FILL) -> Self:
        """`x`, an array (n, D) or (n,), list of rows, tensor, data frame or Dataset, by the name of its kind.

        One dimension is one column. Raises `DataError` for anything whose rows are no numbers; of masked values it says
        what to `do`.
        """
        found = cls(f"{MEMORY}{_kind(x)}")
        if _of_pandas(x):
            found._table = partial(frame_table, Path(_kind(x)), x)
        else:
            values = _checked(x, _values(x), do)
            # A memory map stays in its file, as the file itself would
            mapped = isinstance(values, np.memmap)
            found._table = lambda label: array_table(Path(_kind(x)), values, None, None, mapped, label)
        return found

    def table(self, label: str | None = None) -> Table:
        """The rows, without the column `label`, which says what each of them is called."""
        return self._table(label)


def _kind(x: object) -> str:
    """What `x` is called in sentences."""
    if isinstance(x, np.ndarray):
        return "array"
    return {"Tensor": "tensor"}.get(type(x).__name__, type(x).__name__)


def _of_pandas(x: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(x, pandas.DataFrame | pandas.Series)


def _values(x: Any) -> Array:  # noqa: ANN401 - whatever a person has
    """`x` as an array of whatever shape and type."""
    import torch

    if isinstance(x, torch.Tensor):
        return _of_tensor(x)
    if isinstance(x, torch.utils.data.Dataset):
        return _of_dataset(x)
    if not (isinstance(x, np.ndarray | list | tuple) or hasattr(x, "__array__")):
        own = "; give its dataset" if isinstance(x, torch.utils.data.DataLoader) else ""
        raise DataError(
            "Data is an array, a list of rows, a tensor, a DataFrame, a Dataset of PyTorch, the name of a data set or "
            f"a file, not {_article(type(x).__name__)}{own}."
        )
    try:
        return x if isinstance(x, np.ndarray) else np.asarray(x)
    except (ValueError, TypeError, RuntimeError):
        raise DataError(f"The rows of this {_kind(x)} are not of one length, so it is no array (n, D).") from None


def _checked(x: object, values: Array, do: str) -> Array:
    """`values`, which are a table; raises `DataError` where they are none."""
    kind = _kind(x)
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise DataError(f"The array has masked values; {do}.")
        values = np.asarray(values)
    if values.dtype.hasobject:
        raise DataError(f"The {kind} holds Python objects, not numbers; make numbers of them with x.astype(float).")
    if values.dtype.kind == "c":
        raise DataError(f"The {kind} holds complex numbers; give real and imaginary parts as columns of their own.")
    if fault := array_fault(values.shape, values.dtype):
        raise DataError(f"The {kind} {fault}.")
    return values


def _of_tensor(x: Any) -> Array:  # noqa: ANN401 - a tensor, whose module is loaded only here
    import torch

    if x.layout != torch.strided or x.is_meta or x.is_quantized:
        raise DataError("The tensor is not dense numbers; make it so, for instance with x.to_dense().")
    plain = x.detach().cpu()
    found: Array = (plain.float() if plain.dtype == torch.bfloat16 else plain.resolve_conj().resolve_neg()).numpy()
    return found


def _of_dataset(x: Any) -> Array:  # noqa: ANN401 - a Dataset of PyTorch
    """All items (n, D); of items that are tuples, such as a point and its label, the first part."""
    import torch

    if isinstance(x, torch.utils.data.TensorDataset):
        return _of_tensor(x.tensors[0])
    name = type(x).__name__
    try:
        count = len(x)
    except (TypeError, NotImplementedError):
        raise DataError(
            f"This {name} has no length, so nothing could be held out of it; collect its points in an array."
        ) from None
    if not count:
        raise DataError(f"This {name} holds no items.")
    items = [_item(x[i], name) for i in range(count)]
    if len({item.shape for item in items}) > 1:
        raise DataError(f"The items of this {name} are not of one length, so they are no rows (n, D).")
    if items[0].ndim > 1:
        raise DataError(
            f"The items of this {name} have the shape {items[0].shape}, and a row has one dimension; flatten them, or "
            "name a file or folder of images."
        )
    return np.stack(items)


def _item(item: Any, name: str) -> Array:  # noqa: ANN401 - whatever a Dataset has
    import torch

    if isinstance(item, dict):
        raise DataError(
            f"The items of this {name} are dictionaries; let its __getitem__ return the point alone, or a tuple that "
            "begins with it."
        )
    # A list of numbers is a row, a tuple a point with what belongs to it
    pair = isinstance(item, tuple) or (isinstance(item, list) and not all(map(np.isscalar, item)))
    part = item[0] if pair and len(item) else item
    return _of_tensor(part) if isinstance(part, torch.Tensor) else np.asarray(part)


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
