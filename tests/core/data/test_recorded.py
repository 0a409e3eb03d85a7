"""The real sets of scikit-learn: their values, splits that never move, and exact dequantisation."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn import datasets

from dnf_studio.core.data import sklearn_sets
from dnf_studio.core.data.catalogue import dataset_infos, open_dataset
from dnf_studio.core.data.modes import mode_count, modes_of
from dnf_studio.core.data.recorded import RecordedDataset, decimal_steps, split_sizes
from dnf_studio.core.data.sklearn_sets import SKLEARN_SETS, SklearnSet

LOADERS = {
    "wine": datasets.load_wine,
    "breast-cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}

HEADS = {
    "wine": [[86, 130, 31], [53, 58, 5], [44, 173, 102]],
    "breast-cancer": [[199, 39, 566], [111, 508, 202], [446, 457, 50]],
    "digits": [[511, 1779, 1674], [915, 1625, 1682], [332, 185, 288]],
}
"""The first rows of every split."""


def opened(name: str) -> RecordedDataset:
    data = open_dataset(name)
    assert isinstance(data, RecordedDataset)
    return data


@pytest.mark.parametrize("info", SKLEARN_SETS, ids=lambda info: info.name)
def test_what_is_listed_is_what_opens(info: SklearnSet) -> None:
    data, values = opened(info.name), LOADERS[info.name]().data
    assert values.shape == (info.rows, info.dim) and len(data.columns) == data.dim == info.dim
    assert tuple(map(len, data.splits)) == info.splits
    (listed,) = [one for one in dataset_infos() if one.name == info.name]
    assert listed.splits == info.splits and listed.entropy is None
    assert f"{info.splits[0]:,} rows to train" in data.about


@pytest.mark.parametrize("name", LOADERS)
def test_splits_are_disjoint_whole_and_the_same_every_time(name: str) -> None:
    first, second = opened(name), opened(name)
    everything = np.concatenate(first.splits)
    np.testing.assert_array_equal(np.sort(everything), np.arange(len(everything)))
    for one, other in zip(first.splits, second.splits, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.fingerprint == second.fingerprint
    counts = np.bincount(first.classes[first.splits[2]], minlength=len(first.class_names))
    assert (counts > 0).all()


def test_the_splits_are_those_of_the_first_release() -> None:
    heads = {name: [part[:3].tolist() for part in opened(name).splits] for name in LOADERS}
    assert heads == HEADS


def close_pairs(x: np.ndarray, rows: np.ndarray, slack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of x (n, D) and rows (m, D) that agree within `slack` (D,) in every column, those that tell most first."""
    first, *others = np.argsort(-rows.std(0) / slack)
    one, other = np.nonzero(np.abs(x[:, None, first] - rows[:, first]) <= slack[first])
    for column in others:
        close = np.abs(x[one, column] - rows[other, column]) <= slack[column]
        one, other = one[close], other[close]
    return one, other


@pytest.mark.parametrize("name", LOADERS)
def test_every_split_holds_its_own_rows_within_a_step(name: str) -> None:
    data, values = opened(name), LOADERS[name]().data
    generator = torch.Generator().manual_seed(0)
    parts = (data.draw(4000, generator), data.validation(10**6, 0), data.fresh(10**6, 0))
    step = np.ones(data.dim) if name == "digits" else decimal_steps(values)
    middle = values + (step / 2 if name == "digits" else 0)
    for rows, drawn in zip(data.splits, parts, strict=True):
        x = data.standardisation.to_data(drawn.double()).numpy()
        # Float32 in model units
        slack = step / 2 + 1e-5 * np.array(data.standardisation.scale)
        drawn_of, row_of = close_pairs(x, middle[rows], slack)
        assert len(np.unique(drawn_of)) == len(x) and len(np.unique(row_of)) > 0.95 * len(rows)


def test_digits_are_their_grey_levels_and_uniform_noise() -> None:
    data = opened("digits")
    x = data.standardisation.to_data(data.draw(50_000, torch.Generator().manual_seed(1)).double()).numpy()
    levels = datasets.load_digits().data[data.splits[0]]
    assert x.min() > -1e-4 and x.max() < 17 + 1e-4
    for pixel in (10, 28, 36, 53):
        shares = np.bincount(levels[:, pixel].astype(int), minlength=17) / len(levels)
        found = np.bincount(np.floor(x[:, pixel]).astype(int).clip(0, 16), minlength=17) / len(x)
        np.testing.assert_allclose(found, shares, atol=0.012)
    assert kstest(x[:5000, 20] % 1, "uniform").pvalue > 1e-3
    # A pixel that is always white is uniform on [0, 1)
    assert (levels[:, 0] == 0).all() and data.standardisation.scale[0] == pytest.approx(12**-0.5)
    assert data.standardisation.mean[0] == pytest.approx(0.5)


@pytest.mark.parametrize("name", LOADERS)
def test_training_rows_have_mean_zero_and_variance_one(name: str) -> None:
    z = opened(name).draw(60_000, torch.Generator().manual_seed(2)).double()
    np.testing.assert_allclose(z.mean(0), 0, atol=0.025)
    np.testing.assert_allclose(z.var(0), 1, atol=0.15)


def test_held_out_rows_come_once_with_noise_of_the_seed() -> None:
    data = opened("wine")
    assert len(data.fresh(10, 0)) == 10 and len(data.fresh(1000, 0)) == len(data.splits[2])
    assert torch.equal(data.fresh(1000, 1), data.fresh(1000, 1))
    difference = (data.fresh(1000, 1) - data.fresh(1000, 2)).abs()
    assert 0 < float(difference.max()) < 0.1
    ten = data.standardisation.to_data(data.fresh(10, 3).double()).numpy()
    assert len(np.unique(np.round(ten, 1), axis=0)) == 10


@given(st.integers(0, 6), st.lists(st.integers(-(10**6), 10**6), min_size=10, max_size=40))
def test_the_decimal_place_of_a_column_is_found(places: int, numbers: list[int]) -> None:
    values = np.array([10 * number + 1 for number in numbers]) / 10.0**places
    assert decimal_steps(values[:, None])[0] == pytest.approx(10.0**-places)
    values[0] += 10.0 ** -(places + 2)
    assert decimal_steps(values[:, None])[0] == pytest.approx(10.0**-places)


@given(st.integers(10, 10**6))
def test_split_sizes_add_up(rows: int) -> None:
    train, validation, test = split_sizes(rows)
    assert train + validation + test == rows and validation == test and 0.6 <= train / rows <= 0.8


@pytest.mark.parametrize("name", LOADERS)
def test_the_part_of_a_point_is_the_class_of_its_row(name: str) -> None:
    data = opened(name)
    test_rows = data.splits[2]
    found = modes_of(data, data.standardisation.to_data(data.fresh(10**6, 0).double()).numpy())
    assert found is not None and mode_count(data) == len(data.class_names)
    assert (found == data.classes[test_rows]).mean() > 0.97
    lost = np.full((1, data.dim), np.nan)
    np.testing.assert_array_equal(modes_of(data, lost), [-1])


def test_digits_read_without_scikit_learn_are_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    (digits,) = (found for found in SKLEARN_SETS if found.name == "digits")
    own, theirs = sklearn_sets._digits(), digits._bunch()
    assert own is not None
    for name in ("data", "target", "target_names"):
        np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name))
    assert own.feature_names == theirs.feature_names
    monkeypatch.setattr(sklearn_sets, "find_spec", lambda _: None)
    assert sklearn_sets._digits() is None
    np.testing.assert_array_equal(digits._load().low, own.data)


def test_listing_loads_no_scikit_learn_and_digits_need_none() -> None:
    code = "import dnf_studio as d, sys; d.datasets(); d.load('diffflow-digits'); "
    code += "from dnf_studio.core.data.catalogue import open_dataset; open_dataset('digits').fresh(9, 0); "
    code += "print('sklearn' in sys.modules, 'PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
