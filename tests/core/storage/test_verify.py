"""Faults planted in exports are found, and sound ones are drawn again to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnf_studio.core.sampling.region import Region
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.storage.verify import Blocks, Verified, verify_export
from dnf_studio.errors import DataError, ExportError, SettingError
from tests.core.storage.files import make_flow

SQUARE = Region(((-1, -1), (0, -1), (0, 1), (-1, 1)), ((1.0, 0.0), (0.0, 1.0)))
PLAN = ExportPlan(2500, SampleSettings(steps=2, seed=3), trajectories=True, noise=True)


def verified(path: Path, blocks: Blocks = "some", seed: int = 0) -> Verified:
    *_, last = verify_export(path, make_flow(seed=seed), blocks)
    assert isinstance(last, Verified)
    return last


@pytest.fixture
def good(tmp_path: Path) -> Path:
    list(export_samples(make_flow(), tmp_path / "a.h5", PLAN))
    return tmp_path / "a.h5"


def test_a_sound_file(good: Path) -> None:
    found = verified(good)
    assert (found.rows, found.checksums, found.largest_difference) == (2500, 4, 0.0)
    assert {0, 2} <= set(found.redrawn) and found.rows_redrawn in (1024 + 452, 2500)
    assert verified(good, "all").redrawn == (0, 1, 2) and verified(good, [1]).rows_redrawn == 1024
    assert verified(good, []).largest_difference is None
    with pytest.raises(SettingError, match=r"^The export has the blocks 0 to 2, of 1,024"):
        verified(good, [3])


def test_an_older_file_has_no_sums(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["checksums"]
    assert verified(good).checksums is None


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("latents", (2499, 1), np.nan, r"^Row 2,499 of latents in '.*' is not finite; "),
        ("noise", (7, 0, 1), 0.125, r"^Rows 0 to 2,499 of noise in '.*' are not what was written: "),
        ("samples", (8, 0), 0.125, r"^The trajectories in '.*' do not end at its samples, from row 0 on\.$"),
        ("checksums/latents", (0, 0), None, r"^Rows 0 to 2,499 of latents in "),
    ],
)
def test_a_planted_fault(good: Path, name: str, place: tuple[int, ...], value: float | None, said: str) -> None:
    with h5py.File(good, "r+") as file:
        file[name][place] = file[name][place] ^ 1 if value is None else value
    with pytest.raises(ExportError, match=said):
        verified(good)


def test_another_model_draws_other_samples(good: Path) -> None:
    with pytest.raises(ExportError, match=r"^Row 0 of samples in '.*' is not what its model draws: it differs by "):
        verified(good, seed=1)


def forget(file: h5py.File) -> None:
    del file["checksums/samples"]


def cut(file: h5py.File) -> None:
    del file["checksums/latents"]
    file["checksums/latents"] = np.zeros((2, 32), np.uint8)


@pytest.mark.parametrize("damage", [forget, cut])
def test_sums_that_are_none(good: Path, damage: Callable[[h5py.File], None]) -> None:
    with h5py.File(good, "r+") as file:
        damage(file)
    with pytest.raises(ExportError, match="damaged"):
        verified(good)


@pytest.mark.parametrize("count", [300, 30_000])
def test_samples_of_a_region_are_all_that_end_there_and_drawn_again_by_their_numbers(
    tmp_path: Path, count: int
) -> None:
    """As many as are wanted, or all that a limit of draws has."""
    path, flow, limit = tmp_path / "a.h5", make_flow(), 5000
    plan = ExportPlan(count, SampleSettings(steps=2, seed=3), trajectories=True, region=SQUARE, most_drawn=limit)
    *_, last = export_samples(flow, path, plan)
    list(export_samples(flow, tmp_path / "all.h5", ExportPlan(limit, plan.settings)))
    everything, units = read_rows(tmp_path / "all.h5"), flow.standardisation
    at = (everything - np.array(units.mean)) / np.array(units.scale)
    inside = np.flatnonzero((at[:, 0] > -1) & (at[:, 0] < 0) & (at[:, 1] > -1) & (at[:, 1] < 1))
    expected = inside[:count]
    assert 300 < len(inside) < 4500
    info, rows = read_export(path), read_rows(path, "row")
    assert info.count == len(expected) == last.done and rows.tolist() == expected.tolist()
    assert np.array_equal(read_rows(path), everything[expected])
    assert info.drawn_samples == last.drawn == (expected[-1] + 1 if count == 300 else limit)
    told = info.sampling["region"]
    assert told["corners"] == [list(corner) for corner in SQUARE.corners] and told["most_drawn"] == limit
    with h5py.File(path) as file:
        assert file.attrs["source"] == "region" and np.array_equal(file["view/x"][:], read_rows(path)[:, 0])
    found = verified(path, "all")
    assert found.rows_redrawn == info.count and found.largest_difference == 0.0


def test_a_region_without_a_sample_leaves_nothing(tmp_path: Path) -> None:
    nowhere = Region(tuple((x + 90, y) for x, y in SQUARE.corners), SQUARE.axes)
    plan = ExportPlan(5, SampleSettings(steps=1), region=nowhere, most_drawn=2000)
    with pytest.raises(DataError, match=r"^None of the 2,000 samples that were drawn ends in the region; "):
        list(export_samples(make_flow(), tmp_path / "a.h5", plan, keep=lambda: True))
    assert not list(tmp_path.iterdir())
    with pytest.raises(SettingError, match="3 components, and the samples have 2"):
        list(
            export_samples(
                make_flow(), tmp_path / "a.h5", ExportPlan(5, region=Region(SQUARE.corners, ((1.0, 0, 0), (0, 1.0, 0))))
            )
        )
