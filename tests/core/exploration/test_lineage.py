"""Choosing by sets, groups against plain means, and their table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.exploration.lineage import (
    MOST_COMPONENTS,
    LineageTable,
    combined,
    compare,
    crossing,
    lineage_table,
    mask_of,
    write_csv,
)
from dnf_studio.errors import ExportError

RANDOM = np.random.default_rng(0)
SQUARE = np.array([(0, 0), (2, 0), (2, 1), (0, 1)], float)
ROWS = np.array([1, 4, 7])


def box(left: float, right: float, low: float, high: float) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([(left, low), (right, low), (right, high), (left, high)])


def test_over_steps_a_region_at_the_cursor_takes_the_points_on_it() -> None:
    values = np.array([[0, 1, 2, np.nan], [1, 1, 0, 0], [2, 1, -2, 0]], np.float32)
    assert crossing(values, box(0.9, 1.1, 0.5, 1.5), 1).tolist() == [True, True, False, False]
    assert crossing(values, box(0.4, 1.1, 0.9, 1.2), 0.5).tolist() == [False, True, True, False]
    assert crossing(values, box(-1, 3, -3, -1), 2).tolist() == [False, False, True, False]
    assert not crossing(values, box(-1, -0.5, -9, 9), 1).any()


def test_elsewhere_it_takes_the_paths_that_pass() -> None:
    values = np.array([[0, 1, 2], [1, 1, 0], [2, 1, -2]], np.float32)
    assert crossing(values, box(0.5, 2.5, 1.5, 2.5), 0).tolist() == [True, False, False]
    assert crossing(values, box(1.4, 1.6, -1.1, -0.9), 0).tolist() == [False, False, True]
    ring = np.array([(0.5, -3), (1.5, -3), (1.5, 3), (0.5, 3), (0.5, 0.5), (1.2, 0.5), (1.2, 1.5), (0.5, 1.5)], float)
    assert crossing(values, ring, 0).tolist() == [False, False, True]


@given(st.permutations(range(12)), st.integers(0, 12), st.sets(st.integers(0, 11)))
def test_choosing_is_the_algebra_of_sets_and_keeps_the_current_point(
    order: list[int], count: int, some: set[int]
) -> None:
    selection, found = tuple(order[:count]), np.array(sorted(some), np.intp)
    for mode, expected in (
        ("replace", some),
        ("add", some | set(selection)),
        ("subtract", set(selection) - some),
    ):
        chosen = combined(selection, found, mode)
        assert set(chosen) == expected and len(chosen) == len(expected)
        assert all(type(point) is int for point in chosen)
        if selection and selection[-1] in expected:
            assert chosen[-1] == selection[-1]


def test_groups_are_plain_means() -> None:
    states, ends = RANDOM.standard_normal((2, 50, 3)).astype(np.float32)
    steps = RANDOM.standard_normal((6, 50)).astype(np.float32)
    chosen = mask_of(np.arange(0, 50, 5), 50)
    found = compare(states, ends, steps, chosen)
    for group, some in ((found.chosen, chosen), (found.rest, ~chosen)):
        totals = steps[:, some].sum(axis=0)
        assert group.count == some.sum()
        np.testing.assert_allclose(group.mean, states[some].mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(group.spread, states[some].std(axis=0), atol=1e-6)
        away = np.linalg.norm(states[some] - states[some].mean(axis=0), axis=1)
        assert group.radius == pytest.approx(away.mean(), abs=1e-6)
        assert group.latent == pytest.approx(np.linalg.norm(ends[some], axis=1).mean(), abs=1e-6)
        assert group.log_ratio == pytest.approx(totals.mean(), abs=1e-6)
        assert group.known == some.sum() and group.above == pytest.approx((totals > 0).mean())
        assert group.worst == steps[:, some].mean(axis=1).argmax()
        assert group.worst_value == pytest.approx(steps[:, some].mean(axis=1).max(), abs=1e-6)


def test_groups_leave_out_what_is_lost_and_may_be_empty() -> None:
    states = np.array([(1, 2), (np.nan, 0), (3, 4)], np.float32)
    steps = np.array([[1, np.inf, 3]], np.float32)
    found = compare(states, states, steps, np.array([True, True, True]))
    assert found.chosen.count == 3 and found.chosen.mean.tolist() == [2, 3]
    assert (found.chosen.log_ratio, found.chosen.known, found.chosen.worst) == (2, 2, 0)
    assert found.rest.count == 0 and np.isnan(found.rest.mean).all() and found.rest.worst == -1
    unknown = compare(states, states, np.empty((0, 0), np.float32), np.array([True, False, False]))
    assert np.isnan(unknown.chosen.log_ratio) and unknown.chosen.worst == -1


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
