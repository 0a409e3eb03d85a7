"""Runs of U-Nets: from a settings file to samples, resumed to the bit, kept with what they need."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio import api
from dnf_studio.cli import main
from dnf_studio.config import Config
from dnf_studio.core.evaluation.likelihoods import affordable_points, nll_bound, validation_nll
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.networks.unet import UNet
from dnf_studio.core.sampling import likelihood
from dnf_studio.core.sampling.likelihood import estimate_ode_nll
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, read_heading, save_checkpoint
from dnf_studio.core.training.run import Run
from dnf_studio.errors import CheckpointError
from dnf_studio.workers.snapshot import Snapshot
from tests.core.storage.files import join, split
from tests.networks import IMAGE, live, tiny_unets

TOML = """
[sde]
steps = 2
[network]
kind = "unet"
channels = 4
[training]
batch = 6
iterations = 3
precision = "float32"
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An idx file of forty images of eight by two pixels."""
    path = tmp_path_factory.mktemp("images") / "train-images-idx3-ubyte.gz"
    levels = np.random.default_rng(0).integers(0, 256, (40, 8, 2), np.uint8)
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x0803, *levels.shape) + levels.tobytes()))
    return str(path)


def config(images: str, **changes: object) -> Config:
    training = {"batch": 6, "iterations": 4, "precision": "float32", "decay": "constant"}
    network = {"kind": "unet", "channels": 4}
    plain = {"data": images, "sde": {"steps": 2}, "network": network, "training": training}
    return Config.create(plain).changed(changes)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("model", ["diffflow", "diffusion"])
def test_a_resumed_run_is_the_run_that_never_stopped(model: str, images: str, tmp_path: Path) -> None:
    settings = config(images, model=model)
    whole, half = Run(settings, threads=2), Run(settings.changed({"training.iterations": 2}), threads=1)
    reports = list(whole)
    list(half)
    half.save(tmp_path / "half.safetensors")
    resumed = Run.resume(tmp_path / "half.safetensors", {"training.iterations": 4})
    list(resumed)
    assert len(reports) == 4 and same(whole.flow, resumed.flow)
    assert same(whole._weights.raw, resumed._weights.raw)
    first = build_again(settings)
    moved = [not torch.equal(a, b) for a, b in zip(first.parameters(), whole._weights.raw.parameters(), strict=True)]
    assert all(moved), "every parameter is trained"


def build_again(settings: Config) -> torch.nn.Module:
    return Run(settings)._weights.raw


def test_train_inspect_sample_by_the_command_line(
    images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unet.toml").write_text(TOML)
    model, out = tmp_path / "a.safetensors", tmp_path / "a.h5"
    assert main(["train", "--data", images, "--config", str(tmp_path / "unet.toml"), "-o", str(model)]) == 0
    assert "Measuring the bound on 1,000 fresh points." in capsys.readouterr().err
    assert main(["inspect", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "config.network.kind: unet" in shown and "data.image.width: 2" in shown
    assert main(["sample", str(model), "-n", "5", "--steps", "2", "-o", str(out)]) == 0
    flow = dnf.load(model)
    assert isinstance(flow.drift, UNet) and flow.image.height == 8
    from dnf_studio.core.storage.sample_reader import read_export

    assert read_export(out).checkpoint_sha256 == api.open_checkpoint(model).sha256


def test_digits_in_a_diffusion_model_or_rings_in_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "unet.toml").write_text(TOML)
    words = ["train", "--config", str(tmp_path / "unet.toml"), "--data", "rings"]
    assert main([*words, "-o", str(tmp_path / "a.safetensors")]) == 1
    assert capsys.readouterr().err.startswith("dnf-studio: A U-Net is for images, which this data does not hold; ")
    assert not (tmp_path / "a.safetensors").exists()
    run = dnf.train(Config.from_toml(tmp_path / "unet.toml").changed({"data": "digits", "model": "diffusion"}))
    next(iter(run))
    assert isinstance(run.flow, Diffusion) and run.flow.noise.dim == 64


def test_paths_bounds_and_densities_of_a_unet(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    flow = live(dnf_flow(2)).eval()
    whole = flow.sample(130, seed=1)
    assert all(torch.equal(flow.sample(n, seed=1), whole[:n]) for n in (3, 65)), "prefixes"
    assert whole.unique(dim=0).shape == whole.shape
    x = torch.randn(4, IMAGE.size)
    path = flow.forward_path(x, torch.zeros(2, 4, IMAGE.size))
    with torch.no_grad():
        kernels = flow.forward_path(x, torch.zeros(2, 4, IMAGE.size))
    torch.testing.assert_close(path.detach(), kernels)
    assert flow.backward_path(x).shape == (3, 4, IMAGE.size)
    assert torch.isfinite(flow.log_prob(x, "bound")).all()
    exact = estimate_ode_nll(flow, x, 1e-2).value
    monkeypatch.setattr(likelihood, "GRAPH_BYTES", 2 * 4 * flow.kept_numbers)
    estimated = estimate_ode_nll(flow, x, 1e-2, 24)
    assert float(((exact - estimated.value).abs() / estimated.error).max()) < 5, "two points at a time"
    again = estimate_ode_nll(flow, x[2:], 1e-2, 24).value
    assert not torch.allclose(again, estimated.value[2:]), "each point has probes of its own"


def dnf_flow(steps: int) -> torch.nn.Module:
    from dnf_studio.core.models.diffflow import DiffFlow

    return DiffFlow(IMAGE.size, tiny_unets(steps), image=IMAGE)


def test_a_snapshot_is_a_copy_that_computes_the_same(images: str) -> None:
    run = Run(config(images))
    next(iter(run))
    snapshot = Snapshot.of(run.flow)
    x = torch.randn(3, IMAGE.size)
    with torch.inference_mode():
        before = snapshot.flow.fields(snapshot.flow.grid())[0](1, x)
        own = run.flow.fields(run.flow.grid())[0](1, x)
    assert torch.equal(before, own)
    list(run)
    with torch.inference_mode():
        assert torch.equal(snapshot.flow.fields(snapshot.flow.grid())[0](1, x), before)


def test_unets_are_measured_on_fewer_points(images: str) -> None:
    run = Run(config(images))
    assert affordable_points(run.flow) == 1000 and affordable_points(Run(Config()).flow) == 20_000
    assert np.isfinite([nll_bound(run.flow, run.dataset, 8), validation_nll(run.flow, run.dataset)]).all()


def test_the_size_of_the_images_travels_with_the_weights_and_is_checked_first(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "a.safetensors"
    flow = live(dnf_flow(2))
    save_checkpoint(path, Checkpoint.of_model(flow))
    state = torch.random.get_rng_state()
    found = read_checkpoint(path)
    assert found.data.image == read_heading(path).data.image == IMAGE
    assert same(found.build(), flow)
    assert torch.equal(torch.random.get_rng_state(), state), "the expected shapes draw nothing"
    header, data = split(path)
    good = header["__metadata__"]["data"]
    for image, said in (
        (None, "damaged: its"),
        ({"height": 8, "width": 2, "channels": 3, "low": 0, "high": 1}, "damaged: its"),
        ({"height": 16, "width": 1, "channels": 1, "low": 0, "high": 1}, "does not fit its own settings"),
    ):
        text = good[: good.index('"image"')] + f'"image": {"null" if image is None else repr(image)}}}'
        header["__metadata__"]["data"] = text.replace("'", '"')
        join(path, header, data)
        with pytest.raises(CheckpointError, match=said):
            read_checkpoint(path)
