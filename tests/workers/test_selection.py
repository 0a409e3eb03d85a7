"""Selected points as an export: the paths, latents and noise of the views, whatever else is selected."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.exploration.display_set import DisplayNoise, blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.steps import backward_step
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DivergenceError, ExportError, SettingError
from dnf_studio.workers.selection import export_selection
from tests.core.storage.files import make_flow

ALL = {"trajectories": True, "noise": True, "latents": True, "log_prob": True}
VIEW = SampleSettings(steps=6, lam=0.7, last="noise", grid="uniform", seed=5)


def written(path: Path, indices: tuple[int, ...], settings: SampleSettings = VIEW, dim: int = 2) -> Path:
    progress = list(export_selection(make_flow(dim=dim), path, ExportPlan(1, settings, **ALL), indices, 700))
    assert progress[-1].done == progress[-1].total == len(set(indices))
    return path


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_rows_are_the_paths_of_the_views(tmp_path: Path, dim: int) -> None:
    path, chosen = written(tmp_path / "a.h5", (699, 4, 300, 4), dim=dim), [4, 300, 699]
    flow, noise = make_flow(dim=dim), DisplayNoise()
    grid = flow.grid(6, "uniform")
    eps = torch.cat([noise.noise(5, part, dim, grid.t)[1] for part in blocks(700, 6, dim)], dim=1)
    z = noise.latents(5, 700, dim)
    with torch.no_grad():
        states = flow.backward_path(z, eps.flip(0), lam=0.7, last="noise", grid=grid)
    paths = flow.standardisation.to_data(states.double())[:, chosen].transpose(0, 1)
    np.testing.assert_allclose(read_rows(path, "trajectories"), paths, atol=1e-5)
    np.testing.assert_array_equal(read_rows(path), read_rows(path, "trajectories")[:, -1])
    np.testing.assert_array_equal(read_rows(path, "latents"), z[chosen])
    np.testing.assert_array_equal(read_rows(path, "noise"), eps.flip(0)[:, chosen].transpose(0, 1))
    with torch.no_grad():
        density = flow.log_prob(torch.from_numpy(read_rows(path)))
    np.testing.assert_allclose(read_rows(path, "log_prob"), density, atol=1e-3)
    with h5py.File(path) as file:
        assert np.array_equal(file["time"][:], grid.t.flip(0).numpy())


def test_a_file_says_that_it_is_a_selection(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", (9, 2))
    info = read_export(path)
    assert info.complete and (info.count, info.steps, info.lam, info.seed) == (2, 6, 0.7, 5)
    pairing = "backward starts from fresh noise"
    assert info.sampling["selection"] == {
        "indices": [2, 9], "view_points": 700, "view_seed": 5, "pairing": pairing
    }  # fmt: skip
    assert (info.sampling["last"], info.sampling["grid"], info.sampling["count"]) == ("noise", "uniform", 2)
    with h5py.File(path) as file:
        assert file.attrs["source"] == "selection" and "2 selected points" in file.attrs["title"]


def test_inspect_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dnf_studio.cli import main

    assert main(["inspect", str(written(tmp_path / "a.h5", (9, 2))), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sampling"]["selection"]["indices"] == [2, 9]


def test_a_row_does_not_depend_on_what_else_is_selected(tmp_path: Path) -> None:
    few, many = written(tmp_path / "a.h5", (3, 650)), written(tmp_path / "b.h5", tuple(range(700)))
    for name in ("samples", "trajectories", "latents", "noise"):
        np.testing.assert_array_equal(read_rows(few, name), read_rows(many, name)[[3, 650]])


@pytest.mark.parametrize(("lam", "last"), [(0.0, "noise"), (0.7, "mean"), (0.7, "noise")])
def test_the_noise_of_the_file_makes_its_paths(tmp_path: Path, lam: float, last: str) -> None:
    settings = SampleSettings(steps=6, lam=lam, last=last, seed=5)
    path, flow = written(tmp_path / "a.h5", (0, 1, 500), settings), make_flow()
    grid, scale = flow.grid(6), flow.standardisation
    noise, rows = torch.from_numpy(read_rows(path, "noise")), torch.from_numpy(read_rows(path, "trajectories"))
    assert bool((noise == 0).all()) == (lam == 0)
    assert bool((noise[:, -1] == 0).all()) == (lam == 0 or last == "mean")
    x = torch.from_numpy(read_rows(path, "latents"))
    with torch.no_grad():
        drift, score = flow.fields(grid)
        for j in range(6):
            i = 6 - j
            x = backward_step(x, drift(i, x), score(i, x), grid.dt[i - 1], grid.g[i], noise[:, j], lam)
            assert torch.allclose(scale.to_data(x), rows[:, j + 1], atol=1e-5)


@pytest.mark.parametrize("parts", [ALL, {"noise": True}, {}], ids=["all", "noise", "none"])
def test_with_the_data_the_forward_paths_and_their_noise_are_there_too(tmp_path: Path, parts: dict[str, bool]) -> None:
    flow, path, chosen = make_flow(), tmp_path / "a.h5", [4, 300, 699]
    data = torch.randn(700, 2, generator=torch.Generator().manual_seed(1))
    list(export_selection(flow, path, ExportPlan(1, VIEW, **parts), chosen, 700, data=data))
    found = read_export(path).datasets
    assert ("forward_trajectories" in found) == ("trajectories" in parts)
    assert ("forward_noise" in found) == ("noise" in parts)
    grid = flow.grid(6, "uniform")
    eps = torch.cat([DisplayNoise().noise(5, part, 2, grid.t)[0] for part in blocks(700, 6, 2)], dim=1)
    if "noise" in parts:
        np.testing.assert_array_equal(read_rows(path, "forward_noise"), eps.flip(0)[:, chosen].transpose(0, 1))
    if "trajectories" in parts:
        with torch.no_grad():
            states = flow.forward_path(data, eps, grid=grid)
        expected = flow.standardisation.to_data(states.double())[:, chosen].transpose(0, 1).flip(1)
        rows = read_rows(path, "forward_trajectories")
        np.testing.assert_allclose(rows, expected, atol=1e-5)
        np.testing.assert_allclose(rows[:, -1], flow.standardisation.to_data(data)[chosen], atol=1e-6)
    with h5py.File(path) as file:
        assert ("time" in file) == bool(parts)
        if "forward_noise" in file:
            assert [axis.label for axis in file["forward_noise"].dims] == ["sample", "noise_step", "component"]


def test_selected_points_far_from_the_data_are_counted(tmp_path: Path) -> None:
    flow, path = make_flow(), tmp_path / "a.h5"
    flow.standardisation = Standardisation((50.0, 0.0), (1.0, 1.0))
    list(export_selection(flow, path, ExportPlan(1, VIEW), (4, 300, 699), 700, dataset=open_dataset("circle")))
    assert read_export(path).far_samples == 3


def test_new_samples_have_no_forward_paths(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"no forward paths.*\.$"):
        export_samples(make_flow(), tmp_path / "a.h5", ExportPlan(5, VIEW, forward=True))


@pytest.mark.parametrize("indices", [(), (3, 700)])
def test_points_that_are_not_shown_are_told(tmp_path: Path, indices: tuple[int, ...]) -> None:
    with pytest.raises(ExportError, match=r"select.*\.$"):
        export_selection(make_flow(), tmp_path / "a.h5", ExportPlan(1, VIEW), indices, 700)


def test_a_point_that_diverges_leaves_no_file(tmp_path: Path) -> None:
    flow = make_flow()
    with torch.no_grad():
        for parameter in flow.drift.parameters():
            parameter.fill_(float("inf"))
    with pytest.raises(DivergenceError, match=r"^1 of the selected points.*\.$"):
        list(export_selection(flow, tmp_path / "a.h5", ExportPlan(1, VIEW), (1,), 700))
    assert list(tmp_path.iterdir()) == []
