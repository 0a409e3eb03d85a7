"""Data that a program holds goes the way of a file with the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.memory import InMemory
from dnf_studio.errors import DataError, MissingDataError

X = np.random.default_rng(0).normal(size=(200, 3))


class Pairs(Dataset[Any]):
    """Items of any kind, made from the rows of X."""

    def __init__(self, item: Callable[[int], Any] = lambda i: (torch.tensor(X[i]), i % 3), count: int = 200) -> None:
        self._item, self._count = item, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> object:
        return self._item(row)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(X)


def read_only(x: np.ndarray) -> np.ndarray:
    x.setflags(write=False)
    return x


SAME = (
    X,
    X.tolist(),
    tuple(map(tuple, X)),
    torch.tensor(X),
    torch.tensor(X, requires_grad=True),
    np.asfortranarray(X),
    np.repeat(X, 2, axis=0)[::2],
    read_only(X.copy()),
    np.ma.masked_array(X, False),
    pd.DataFrame(X),
    TensorDataset(torch.tensor(X), torch.zeros(200)),
    Pairs(),
    Pairs(lambda i: X[i]),
    Pairs(lambda i: X[i].tolist()),
)


def test_rows_are_those_of_the_file_that_they_were_saved_to(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    saved = open_dataset(str(tmp_path / "x.npy"))
    for x in SAME:
        own = open_dataset(InMemory.of(x))
        assert (own.fingerprint, own.rows, own.columns) == (saved.fingerprint, saved.rows, saved.columns), type(x)
        assert torch.equal(own.fresh(30, 1), saved.fresh(30, 1))


def test_one_dimension_is_one_column_as_of_a_file() -> None:
    for x in (X[:, 0], X[:, 0].tolist(), pd.Series(X[:, 0]), Pairs(lambda i: float(X[i, 0]))):
        assert open_dataset(InMemory.of(x)).dim == 1


def test_what_is_learned_is_a_copy() -> None:
    x = X.copy()
    data = open_dataset(InMemory.of(x))
    before = data.fresh(5, 0).clone()
    x[:] = 0
    assert torch.equal(data.fresh(5, 0), before)


def test_other_numbers_are_real_numbers() -> None:
    for kind in (bool, np.int16, np.uint8, np.float16, ">f8"):
        x = np.random.default_rng(0).integers(0, 2 if kind is bool else 100, (60, 2))
        assert open_dataset(InMemory.of(x.astype(kind))).dim == 2
    assert open_dataset(InMemory.of(torch.tensor(X).bfloat16())).dim == 3


def test_columns_of_a_frame_keep_their_names_and_text_is_a_label(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.array([1, None] * 100, "Int64"), "kind": ["x", "y"] * 100})
    frame["b"] = frame["b"].mask(np.arange(200) > 9, 3)
    frame["day"] = pd.Timestamp("2026-12-01")
    own = open_dataset(InMemory.of(frame), missing="drop-rows", label="kind")
    frame.to_csv(tmp_path / "f.csv", index=False)
    saved = open_dataset(str(tmp_path / "f.csv"), missing="drop-rows", label="kind")
    assert own.columns == ("a", "b") and own.labels == ("x", "y")
    assert own.left_out.rows == 5 and own.left_out.dates == ("day",)
    assert (saved.columns, saved.rows) == (own.columns, own.rows)
    flags = pd.DataFrame({"a": X[:, 0], "full": X[:, 1] > 0})
    assert open_dataset(InMemory.of(flags)).columns == ("a", "full")
    whole = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "k": [1.0, 2.0] * 100})
    assert open_dataset(InMemory.of(whole), label="k").labels == ("1", "2")
    assert open_dataset(InMemory.of(whole.to_numpy()), label="2").labels == ("1", "2")


OBJECTS = np.array([[1, None], [2, 3]], object)
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "objects": (lambda: OBJECTS, r"Python objects.*x\.astype\(float\)"),
    "masked": (lambda: np.ma.masked_array(X, X > 1), r"masked values.*missing='drop-rows'"),
    "complex": (lambda: X + 1j, "complex numbers"),
    "complex tensor": (lambda: torch.tensor(X) + 1j, "complex numbers"),
    "no rows": (lambda: np.empty((0, 2)), "holds no rows"),
    "no columns": (lambda: np.empty((5, 0)), "holds no columns"),
    "empty list": (list, "holds no rows"),
    "three dimensions": (lambda: np.zeros((4, 2, 2)), "has 3 dimensions"),
    "a number": (lambda: np.float64(3), "has 0 dimensions"),
    "ragged": (lambda: [[1, 2], [3]], "not of one length"),
    "text": (lambda: [["a", "b"]], "not real numbers"),
    "times": (lambda: np.zeros((4, 2), "M8[s]"), "not real numbers"),
    "a set": (lambda: {1, 2}, "Data is an array.*not a set"),
    "a loader": (lambda: DataLoader(Pairs()), "give its dataset"),
    "endless": (Endless, "has no length"),
    "no items": (lambda: Pairs(count=0), "holds no items"),
    "dictionaries": (lambda: Pairs(lambda i: {"x": X[i]}), "are dictionaries"),
    "images": (lambda: Pairs(lambda i: torch.zeros(1, 8, 8)), r"shape \(1, 8, 8\).*flatten"),
    "uneven": (lambda: Pairs(lambda i: X[i, : 1 + i % 2]), "not of one length"),
    "sparse": (lambda: torch.eye(3).to_sparse(), "not dense"),
    "meta": (lambda: torch.zeros(3, 2, device="meta"), "not dense"),
    "frame of nothing": (pd.DataFrame, "holds no rows"),
    "frame of text": (
        lambda: pd.DataFrame({"a": [1, 2], "b c": ["x", "y"]}),
        r"'b c'.*label='b c'.*missing='drop-rows'",
    ),
    "frame of complex numbers": (lambda: pd.DataFrame({"a": [1j, 2]}), "complex numbers"),
}


def test_what_is_no_table_of_numbers_is_one_sentence() -> None:
    for name, (make, words) in REFUSED.items():
        with pytest.raises(DataError, match=words) as caught:
            InMemory.of(make()).table()
        assert "\n" not in str(caught.value) and str(caught.value).endswith("."), name


def test_labels_that_are_none_are_one_sentence() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "day": pd.Timestamp("2026-12-01")})
    for label, words in (("b", "labels are text or whole numbers"), ("day", "labels are text"), ("c", "no column")):
        with pytest.raises(DataError, match=words):
            InMemory.of(frame).table(label)


def test_a_name_alone_says_that_the_data_was_a_programs_own() -> None:
    name = str(InMemory.of(X))
    assert name == "memory:array" and type(name) is str
    with pytest.raises(MissingDataError, match="no file with the program's own array"):
        open_dataset(name)
