"""The table of chosen points holds their numbers, and its CSV brings them back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dnf_studio.core.exploration.lineage_table import MOST_COMPONENTS, LineageTable, lineage_table, write_csv
from dnf_studio.errors import ExportError

RANDOM = np.random.default_rng(0)
ROWS = np.array([1, 4, 7])


def table(dim: int = 2, steps: int = 5) -> tuple[LineageTable, dict[str, np.ndarray], np.ndarray]:  # type: ignore[type-arg]
    states = RANDOM.standard_normal((4, 9, dim)).astype(np.float32)
    places = dict(zip(("now", "sample", "latent", "data"), states, strict=True))
    each = RANDOM.standard_normal((steps, 9)).astype(np.float32)
    return lineage_table(ROWS, places, each), places, each


def test_it_holds_begin_now_latent_sample_and_log_ratio() -> None:
    found, places, each = table()
    values = dict(zip(found.names, (column.values for column in found.columns), strict=True))
    assert len(found) == 3 and values["point"].tolist() == [1, 4, 7]
    assert found.names[1::2][:4] == ("data_1", "now_1", "latent_1", "sample_1")
    for name, states in places.items():
        for k in (0, 1):
            np.testing.assert_array_equal(values[f"{name}_{k + 1}"], states[ROWS, k])
    np.testing.assert_allclose(values["log_ratio"], each[:, ROWS].sum(axis=0))
    np.testing.assert_array_equal(values["worst_step"], each[:, ROWS].argmax(axis=0))
    each[:, 4] = np.nan
    later = lineage_table(ROWS, places, each).columns[-1].values
    assert later.tolist() == [values["worst_step"][0], -1, values["worst_step"][2]], "not known yet"


def test_many_components_and_an_unknown_log_ratio_have_fewer_columns() -> None:
    assert len(table(dim=64)[0].columns) == 3 + 4 * MOST_COMPONENTS
    states = np.zeros((9, 1), np.float32)
    found = lineage_table(ROWS, {"latent": states, "now": states}, np.empty((0, 0), np.float32))
    assert found.names == ("point", "now_1", "latent_1"), "of a path of one process alone"
    assert len(LineageTable(())) == 0


def test_a_csv_brings_every_bit_back(tmp_path: Path) -> None:
    found = table()[0]
    write_csv(tmp_path / "a.csv", found)
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == found.names and len(rows) == 3
    for column, texts in zip(found.columns, zip(*rows, strict=True), strict=True):
        np.testing.assert_array_equal(np.array(texts).astype(column.values.dtype), column.values)


def test_some_rows_in_their_order() -> None:
    lines = table()[0].as_text("\t", [2, 0]).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["point", "7", "1"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no folder.*\.$"):
        write_csv(tmp_path / "none" / "a.csv", table()[0])
