"""From names and files to data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dnf_studio.core.data.catalogue import DatasetInfo, dataset_infos, open_dataset
from dnf_studio.errors import DataError, UnknownNameError


@pytest.mark.parametrize("info", dataset_infos(), ids=lambda info: info.name)
def test_every_listed_set_opens_by_name_case_and_alias(info: DatasetInfo) -> None:
    for name in (info.name, info.name.upper(), f" {info.name} ", *info.aliases):
        data = open_dataset(name)
        assert (data.name, data.dim, data.entropy) == (info.name, info.dim, info.entropy)


def test_olympic_is_rings() -> None:
    assert {info.name: info.aliases for info in dataset_infos()}["rings"] == ("olympic",)
    assert open_dataset("olympic").name == "rings"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ringz", "rings"), ("Checkerbord", "checkerboard"), ("8gaussians", "8gaussian"), ("olimpic", "olympic")],
)
def test_unknown_names_get_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no data set named '{name}'; did you mean '{nearest}'"):
        open_dataset(name)


@pytest.mark.parametrize("name", ["", "zzzzzzz", "~nobody-of-that-name"])
def test_names_near_to_nothing_list_what_there_is(name: str) -> None:
    with pytest.raises(
        UnknownNameError, match="known are 2spirals, 8gaussian, breast-cancer, carpet, carpet-fine, checkerboard"
    ):
        open_dataset(name)


@pytest.mark.parametrize("name", ["gone.npy", "gone.csv::x", "folder/gone", "rings.csv", "a::b"])
def test_what_looks_like_a_file_is_a_missing_file(name: str) -> None:
    with pytest.raises(DataError, match="There is no file"):
        open_dataset(name)


def test_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", np.arange(20.0).reshape(10, 2) ** 2)
    assert open_dataset(str(tmp_path / "a.npy")).dim == 2
    assert open_dataset(f"{tmp_path / 'a.npy'}::1").columns == ("column 1",)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shelf").mkdir()
    with pytest.raises(DataError, match="'shelf' is a folder"):
        open_dataset("shelf")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_dataset("~/a.npy").name == "a.npy"
