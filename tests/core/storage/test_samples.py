"""Exports: what is in them, byte for byte, and that there is either a whole one or none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import psutil
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.modes import modes_of
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import SampleBlock, sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage import samples
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DataError, DivergenceError, ExportError, SettingError
from tests.core.storage.files import SMALL, make_flow

EVERYTHING = {"trajectories": True, "noise": True, "latents": True}


def export(path: Path, plan: ExportPlan, seed: int = 0, dim: int = 2) -> list[ExportProgress]:
    return list(export_samples(make_flow(SMALL, dim, seed), path, plan))


def fake_blocks(rows: int = 65_536) -> Callable[..., Iterator[SampleBlock]]:
    """A sampler that takes no time: the number of the row in every place."""

    def blocks(
        flow: DiffFlow,
        count: int,
        settings: SampleSettings,
        *,
        trajectories: bool = False,
        noise: bool = False,
        **_: int,
    ) -> Iterator[SampleBlock]:
        steps = settings.steps or flow.config.sde.steps
        for start in range(0, count, rows):
            n = min(rows, count - start)
            x = np.repeat(np.arange(start, start + n, dtype=np.float32)[:, None], flow.dim, axis=1)
            path = np.repeat(x[:, None], steps + 1, axis=1) if trajectories else None
            yield SampleBlock(start, x, -x, path, np.repeat(x[:, None], steps, axis=1) if noise else None)

    return blocks


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_everything_is_what_the_sampler_gave(tmp_path: Path, dim: int) -> None:
    path, flow = tmp_path / "a.h5", make_flow(SMALL, dim)
    plan = ExportPlan(1500, SampleSettings(steps=6, lam=0.5, seed=7), **EVERYTHING)
    checkpoint = save_checkpoint(tmp_path / "w", Checkpoint.of_model(flow))
    list(export_samples(flow, path, plan, checkpoint))
    blocks = list(sample_blocks(flow, 1500, plan.settings, trajectories=True, noise=True))
    with h5py.File(path) as file:
        for name in ("samples", "latents", "trajectories", "noise"):
            expected = np.concatenate([getattr(block, name) for block in blocks])
            assert file[name].dtype == np.dtype("<f4") and file[name].compression is None
            assert np.array_equal(file[name][:], expected), name
        assert file["samples"].shape == (1500, dim)
        assert file["trajectories"].shape == (1500, 7, dim)
        assert np.array_equal(file["trajectories"][:, -1], file["samples"][:])
        assert np.array_equal(file["time"][:], flow.grid(6).t.flip(0).numpy())
        attributes = dict(file.attrs)
        assert (attributes["seed"], attributes["steps"], attributes["lambda"]) == (7, 6, 0.5)
        assert attributes["checkpoint_sha256"] == checkpoint.sha256
        assert attributes["complete"] == 1 and attributes["format_version"] == 1
        assert json.loads(file["provenance/checkpoint"][()])["sha256"] == checkpoint.sha256
        assert Config.from_json(file["provenance/config"][()].decode()) == SMALL
        assert json.loads(file["provenance/sampling"][()])["lam"] == 0.5
        assert h5py.check_string_dtype(file["provenance/config"].dtype).encoding == "utf-8"


def test_samples_far_from_the_data_are_counted_while_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flow, rings = tmp_path / "a.h5", make_flow(), open_dataset("rings")
    flow.standardisation = Standardisation((0.1, -0.2), (2.0, 1.5))
    done = list(export_samples(flow, path, ExportPlan(5000, SampleSettings(seed=1)), data=rings))
    box = rings.standardisation.to_data(rings.fresh(20_000, 3).double()).numpy()
    middle, half = (box.max(0) + box.min(0)) / 2, (box.max(0) - box.min(0)) / 2
    away = np.abs((read_rows(path) - middle) / half).max(axis=1)
    low, high = int((away > 1.52).sum()), int((away > 1.48).sum())
    assert 0 < low <= read_export(path).far_samples <= high < 5000
    assert done[0].far is None and done[-1].far == read_export(path).far_samples
    list(export_samples(flow, path, ExportPlan(5000)))
    assert read_export(path).far_samples is None
    # What a last block has beyond the count is not counted: row k is k in both components
    monkeypatch.setattr(
        samples, "sample_blocks", lambda *_, **__: iter([*fake_blocks(1000)(flow, 2000, SampleSettings())])
    )
    list(export_samples(flow, path, ExportPlan(1500), data=rings))
    assert 1490 < read_export(path).far_samples <= 1500


def test_every_dimension_has_its_scale(tmp_path: Path) -> None:
    export(tmp_path / "a.h5", ExportPlan(100, **EVERYTHING))
    axes = {
        "samples": ["sample", "component"],
        "latents": ["sample", "component"],
        "trajectories": ["sample", "step", "component"],
        "noise": ["sample", "noise_step", "component"],
        "time": ["step"],
    }
    with h5py.File(tmp_path / "a.h5") as file:
        for name, expected in axes.items():
            scales = [dimension[0].name.removeprefix("/") for dimension in file[name].dims]
            assert scales == [dimension.label for dimension in file[name].dims] == expected
            assert {"units", "long_name"} <= set(file[name].attrs)
        assert file["step"][:].tolist() == [0, 1, 2, 3, 4]
        assert list(file["samples"].attrs["columns"]) == ["component 0", "component 1"]
        assert file["sample"].is_scale and file["sample"].shape == (100,)


def test_xarray_invents_no_dimensions(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    export(tmp_path / "a.h5", ExportPlan(100, **EVERYTHING))
    with xarray.open_dataset(tmp_path / "a.h5", engine="h5netcdf") as found:
        assert dict(found.sizes) == {"sample": 100, "component": 2, "step": 5, "noise_step": 4}
        assert found["trajectories"].dims == ("sample", "step", "component")
    with xarray.open_dataset(tmp_path / "a.h5", engine="h5netcdf", group="view") as found:
        assert dict(found.sizes) == {"point": 100}


def test_viewers_find_a_scatter_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "sample_blocks", fake_blocks(3000))
    export(tmp_path / "a.h5", ExportPlan(11_000))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["NX_class"] == "NXroot"
        view = file[file.attrs["default"]]
        assert view.attrs["NX_class"] == "NXdata" and list(view.attrs["axes"]) == ["x", "y"]
        assert np.array_equal(view["x"][:], file["samples"][:10_000, 0])
        assert np.array_equal(view["y"][:], file["samples"][:10_000, 1])
        radius = view[view.attrs["signal"]]
        assert np.allclose(radius[:], np.linalg.norm(file["latents"][:10_000], axis=1), rtol=1e-5)


@pytest.mark.parametrize(("count", "dim"), [(10, 2), (200_000, 2), (300_000, 1), (1_000, 5_000)])
def test_chunks_are_near_one_mebibyte(count: int, dim: int) -> None:
    contents = ExportPlan(count, trajectories=True).contents(dim, 30)
    for name in ("samples", "trajectories"):
        chunk = contents.chunk(name)
        row = 4 * int(np.prod(chunk[1:]))
        assert chunk[0] <= count and chunk[1:] == contents.shape(name)[1:]
        assert chunk[0] == count or chunk[0] * row <= 1 << 20 < (chunk[0] + 1) * row or chunk[0] == 1


@pytest.mark.parametrize("compress", [False, True])
def test_the_predicted_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: bool) -> None:
    monkeypatch.setattr(samples, "sample_blocks", fake_blocks())
    plan = ExportPlan(150_000, trajectories=True, noise=True, compress=compress)
    export(tmp_path / "a.h5", plan)
    size, predicted = (tmp_path / "a.h5").stat().st_size, plan.predicted_bytes(2, 4)
    assert size <= predicted and (compress or predicted <= 1.02 * size)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["samples"].compression == ("gzip" if compress else None)
        assert file["samples"].shuffle == compress
        assert np.array_equal(file["samples"][:, 0], np.arange(150_000, dtype=np.float32))
        assert np.array_equal(file["trajectories"][-1, 2], file["samples"][-1])


def test_the_same_export_has_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = ExportPlan(3000, SampleSettings(steps=3, seed=5), **EVERYTHING)
    found = []
    for day in ("2026-01-01", "2027-02-02"):
        path = tmp_path / f"{day}.h5"
        export(path, plan)
        with h5py.File(path, "r+") as file:
            file.attrs.modify("created", day)
        with h5py.File(path) as file:
            data: dict[str, bytes] = {}
            file.visititems(
                lambda name, item, data=data: (
                    data.update({name: np.asarray(item[()]).tobytes()})
                    if isinstance(item, h5py.Dataset) and not name.startswith("provenance")
                    else None
                )
            )
            data |= {name: item[()] for name, item in file["provenance"].items()}
            found.append(data)
    assert found[0] == found[1] and len(found[0]) > 10


def test_fewer_samples_are_a_prefix(tmp_path: Path) -> None:
    export(tmp_path / "long.h5", ExportPlan(4000, SampleSettings(steps=2)))
    export(tmp_path / "short.h5", ExportPlan(1300, SampleSettings(steps=2)))
    for name in ("samples", "latents"):
        assert np.array_equal(read_rows(tmp_path / "short.h5", name), read_rows(tmp_path / "long.h5", name, 0, 1300))


def test_with_log_prob_a_cancel_waits_for_no_more_than_is_computed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiffFlow, "log_prob", lambda _, rows, method: rows.new_zeros(len(rows)))
    monkeypatch.setattr(samples, "worker_threads", lambda _: 2)
    told = export(tmp_path / "a", ExportPlan(5000, SampleSettings(steps=1), log_prob=True))
    assert [progress.done for progress in told] == [0, 2048, 4096, 5000]


def test_log_prob(tmp_path: Path) -> None:
    likelihood = pytest.importorskip("dnf_studio.core.sampling.likelihood")
    flow = make_flow(SMALL)
    for name, count in (("long", 1500), ("short", 1100)):
        list(export_samples(flow, tmp_path / name, ExportPlan(count, log_prob=True)))
    long, short = read_rows(tmp_path / "long", "log_prob"), read_rows(tmp_path / "short", "log_prob")
    assert long.shape == (1500,) and np.array_equal(short, long[:1100])
    rows = torch.from_numpy(read_rows(tmp_path / "long")[:200])
    assert np.allclose(likelihood.log_prob(flow, rows, "ode").detach().numpy(), long[:200], atol=1e-3)


def test_log_prob_comes_with_progress_and_a_place_to_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "worker_threads", lambda _device: 1)
    monkeypatch.setattr(samples, "_log_prob", lambda _flow, block, _pool: np.zeros(len(block.samples), np.float32))
    path, flow = tmp_path / "a.h5", make_flow(SMALL)
    seen = [progress.done for progress in export_samples(flow, path, ExportPlan(3000, log_prob=True))]
    assert seen == [0, 1024, 2048, 3000]
    list(export_samples(flow, tmp_path / "b.h5", ExportPlan(3000)))
    assert np.array_equal(read_rows(path), read_rows(tmp_path / "b.h5"))


def test_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "sample_blocks", fake_blocks(1000))
    path = tmp_path / "a.h5"
    seen = []
    for progress in export_samples(make_flow(), path, ExportPlan(2500)):
        assert path.exists() == (progress.done == 2500)
        seen.append(progress)
    assert [progress.done for progress in seen] == [0, 1000, 2000, 2500]
    assert all(progress.total == 2500 for progress in seen)
    assert seen[0].seconds_left is None and seen[-1].seconds_left == 0
    assert seen[1].seconds_left == pytest.approx(1.5 * seen[1].seconds)
    with pytest.raises(FrozenInstanceError):
        seen[0].done = 3  # type: ignore[misc]


@pytest.mark.parametrize("existing", [True, False])
def test_closing_the_iterator_cancels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool) -> None:
    monkeypatch.setattr(samples, "sample_blocks", fake_blocks(1000))
    path = tmp_path / "a.h5"
    if existing:
        path.write_bytes(b"old")
    running = export_samples(make_flow(), path, ExportPlan(2500, **EVERYTHING))
    next(running)
    next(running)
    assert len(os.listdir(tmp_path)) == 1 + existing
    running.close()
    assert os.listdir(tmp_path) == (["a.h5"] if existing else [])
    assert not existing or path.read_bytes() == b"old"


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), DivergenceError("Sampling diverged."), OSError(5, "x")])
def test_a_failure_in_the_middle_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def blocks(*args: object, **more: object) -> Iterator[SampleBlock]:
        yield from list(fake_blocks(1000)(*args, **more))[:1]
        raise failure

    path = tmp_path / "a.h5"
    export(path, ExportPlan(10))
    before = path.read_bytes()
    monkeypatch.setattr(samples, "sample_blocks", blocks)
    expected = ExportError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        export(path, ExportPlan(2500))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.h5"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
from dnf_studio.core.storage import samples
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.errors import ExportError
from tests.core.storage.files import make_flow
from tests.core.storage.test_samples import fake_blocks

path, limits = Path(sys.argv[1]), map(int, sys.argv[2:])
samples.sample_blocks = fake_blocks()
plan, few = (ExportPlan(count, trajectories=True) for count in (400_000, 1000))
for limit in limits:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        list(samples.export_samples(make_flow(), path, plan))
    except ExportError as error:
        print(error)
    assert not list(path.parent.iterdir()), list(path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    list(samples.export_samples(make_flow(), path, few))
    print(read_export(path).count)
    path.unlink()
list(samples.export_samples(make_flow(), path, plan))
print(read_export(path).count)
"""


def test_a_disk_that_fails_while_writing(tmp_path: Path) -> None:
    """A file may not grow beyond a limit; HDF5 would take the process down with it."""
    path, limits = tmp_path / "a.h5", ("1000", "50000", "3000000", "20000000")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), *limits],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = [f"Cannot write '{path}': file too large.", "1000"] * len(limits)
    assert done.stdout.splitlines() == [*told, "400000"]


def test_too_little_space_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5_000_000))
    with pytest.raises(ExportError, match=r"^The export needs 16.2 MiB, and only 4.77 MiB are free in"):
        export_samples(make_flow(), tmp_path / "a.h5", ExportPlan(1_000_000))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("free", "shown"),
    [(1000, "0.977 KiB"), (999 << 10, "999 KiB"), (1023 << 10, "0.999 MiB"), (1 << 20, "1 MiB"), (0, "0 bytes")],
)
def test_sizes_at_the_end_of_a_unit(free: int, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(ExportError, match=f"only {shown} are free"):
        export_samples(make_flow(), tmp_path / "a.h5", ExportPlan(1_000_000))


def test_impossible_targets(tmp_path: Path) -> None:
    for target, reason in (
        (tmp_path, "folder"),
        (tmp_path / "no" / "a.h5", "no folder"),
        (Path("/dev/full"), "device"),
    ):
        with pytest.raises(ExportError, match=reason):
            export_samples(make_flow(), target, ExportPlan(10))


@pytest.mark.parametrize("count", [0, -1, 10**12, 2.5, "7", True, None])
def test_impossible_counts(count: object) -> None:
    with pytest.raises(SettingError, match=r"^The number of samples must be .*\.$"):
        ExportPlan(count)


def test_a_seed_no_file_can_hold() -> None:
    ExportPlan(1, SampleSettings(seed=2**63 - 1))
    with pytest.raises(SettingError, match="seed"):
        ExportPlan(1, SampleSettings(seed=2**63))


def test_memory_does_not_grow_with_the_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "sample_blocks", fake_blocks(16_384))
    process = psutil.Process()
    sizes = [
        process.memory_info().rss
        for _ in export_samples(make_flow(), tmp_path / "a.h5", ExportPlan(1_500_000, trajectories=True))
    ]
    assert (tmp_path / "a.h5").stat().st_size > 80e6
    assert max(sizes[10:]) - sizes[10] < 25e6


def test_what_an_export_holds(tmp_path: Path) -> None:
    path, flow = tmp_path / "a.h5", make_flow()
    checkpoint = replace(Checkpoint.of_model(flow), iteration=9, metrics={"nll_bound": 2.0, "nll_ode": None})
    list(export_samples(flow, path, ExportPlan(70, SampleSettings(solver="ode", seed=3), noise=True), checkpoint))
    info = read_export(path)
    assert (info.count, info.dim, info.steps, info.lam, info.seed) == (70, 2, 4, 0.0, 3)
    assert info.datasets == ("samples", "latents", "noise")
    assert info.config == flow.config and info.complete and info.format_version == 1
    assert info.checkpoint["iteration"] == 9 and info.checkpoint["metrics"] == checkpoint.metrics
    assert info.checkpoint_sha256 == checkpoint.sha256 == info.checkpoint["sha256"]
    assert info.sampling["solver"] == "ode"
    assert info.creator.startswith("DNF Studio") and info.created.endswith("+00:00")
    assert np.array_equal(read_rows(path, "samples", 10, 20), read_rows(path)[10:20])
    assert read_rows(path, "noise", -3).shape == (3, 4, 2)
    with pytest.raises(ExportError, match="holds no trajectories"):
        read_rows(path, "trajectories")


def test_leaving_out(tmp_path: Path) -> None:
    export(tmp_path / "a.h5", ExportPlan(10, latents=False))
    assert read_export(tmp_path / "a.h5").datasets == ("samples",)
    with h5py.File(tmp_path / "a.h5") as file:
        assert not {"latents", "time", "noise", "trajectories", "log_prob", "noise_step"} & set(file)


def test_labels_are_those_of_the_nearest_rows(tmp_path: Path) -> None:
    """Numbers and names in the file, of a table by its column."""
    rows = np.random.default_rng(0).normal(size=(90, 2)) + 9 * (np.arange(90) % 2)[:, None]
    lines = [f"{x},{y},{('ä', 'b')[i % 2]}" for i, (x, y) in enumerate(rows.tolist())]
    (tmp_path / "a.csv").write_text("\n".join(["x,y,kind", *lines]), encoding="utf-8")
    data, flow = open_dataset(str(tmp_path / "a.csv"), label="kind"), make_flow()
    target, plan = tmp_path / "a.h5", ExportPlan(500, labels=True)
    for _ in export_samples(flow, target, plan, data=data):
        pass
    found, codes = read_export(target), read_rows(target, "labels")
    assert found.datasets == ("samples", "latents", "labels") and codes.dtype == np.int32
    expected = modes_of(data, read_rows(target).astype(np.float64))
    assert expected is not None and codes.tolist() == expected.tolist()
    with h5py.File(target) as file:
        assert file["label_names"].asstr("utf-8")[:].tolist() == ["b", "ä"]
        assert [dimension.label for dimension in file["label_names"].dims] == ["label"]
    for none in (None, open_dataset("line")):
        with pytest.raises(DataError, match="export without them"):
            list(export_samples(flow, target, plan, data=none))
