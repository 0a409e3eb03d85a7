"""Checkpoints of the reference program: the real one, and every wrong one."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.sde.grid import paper_times, reference_times
from dnf_studio.core.storage.checkpoint import read_checkpoint, save_checkpoint
from dnf_studio.core.storage.reference_program import read_reference_checkpoint
from dnf_studio.errors import CheckpointError
from tests.core.storage.files import GOLDEN, SMALL, make_flow

OFFICIAL = GOLDEN / "official_checkerboard.pt"


class Evil:
    """What leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def state_of(**changes: Tensor) -> dict[str, Tensor]:
    """The state dict of a small model, as the reference program writes it."""
    state = dict(make_flow(SMALL.changed({"network.features": 0})).state_dict())
    state["delta_t"] = state["timestamps"].diff()
    return state | changes


def nodes(t: Tensor, g: Tensor | None = None) -> dict[str, Tensor]:
    """A state dict on another grid."""
    t = t.float()
    g = torch.full_like(t, 0.2) if g is None else g.float()
    return state_of(timestamps=t, diffusion=g, condition=t.clone(), delta_t=t.diff())


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def refused(path: Path, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason) as caught:
        read_reference_checkpoint(path)
    message = str(caught.value)
    assert path.name in message
    assert message.endswith(".") and "\n" not in message


def rezip(path: Path, compression: int = zipfile.ZIP_STORED, extra: dict[str, bytes] | None = None) -> None:
    """The same members, packed by another program."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | (extra or {})
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_the_official_file() -> None:
    found = read_reference_checkpoint(OFFICIAL)
    assert (found.kind, found.dim, found.standardisation) == ("weights", 2, Standardisation.identity(2))
    network = found.config.network
    assert (network.kind, network.layers, network.channels, network.features) == ("mlp", 3, 128, 0)
    sde = found.config.sde
    assert (sde.steps, sde.grid, sde.beta, sde.t_start, sde.t_end) == (30, "reference", 0.9, 0.001, 0.05)
    assert (sde.g_start, sde.g_end) == (0.2, 0.2)
    assert found.formula_grid and found.build().formula_grid


def test_the_official_file_is_kept_to_the_bit() -> None:
    official = torch.load(OFFICIAL, weights_only=True)
    built = read_reference_checkpoint(OFFICIAL).build().state_dict()
    assert built.keys() == official.keys() - {"delta_t"}
    assert all(torch.equal(built[name], official[name]) for name in built)


def test_golden_paths() -> None:
    golden = np.load(GOLDEN / "official_checkerboard.npz")
    flow = read_reference_checkpoint(OFFICIAL).build().double()
    assert np.array_equal(flow.timestamps.numpy(), golden["timestamps"])
    assert np.array_equal(flow.diffusion.numpy(), golden["diffusion"])
    with torch.no_grad():
        forward = flow.forward_path(torch.from_numpy(golden["x0"]), torch.from_numpy(golden["forward_noise"]))
        latent, noise = torch.from_numpy(golden["latent"]), torch.from_numpy(golden["backward_noise"])
        backward = flow.backward_path(latent, noise)
    for own, name in ((forward, "forward_path"), (backward, "backward_path")):
        assert np.abs(own.numpy() - golden[name]).max() <= 1e-9 * np.abs(golden[name]).max()


def test_a_model_in_double_precision_is_read_as_it_was_before(tmp_path: Path) -> None:
    state = state_of()
    found = read_reference_checkpoint(saved(tmp_path / "a.pt", {name: value.double() for name, value in state.items()}))
    assert found.sha256 == read_reference_checkpoint(saved(tmp_path / "b.pt", state)).sha256


def test_saved_as_ours_it_is_the_same(tmp_path: Path) -> None:
    first = read_reference_checkpoint(OFFICIAL)
    save_checkpoint(tmp_path / "w", first)
    second = read_checkpoint(tmp_path / "w")
    assert second.sha256 == first.sha256
    assert second.config == first.config and second.standardisation == first.standardisation


def test_under_model_with_other_things_beside(tmp_path: Path) -> None:
    state = OrderedDict(state_of()) | {"_distribution.loc": torch.zeros(2)}
    path = saved(tmp_path / "a.pt", {"model": state, "step": 3, "optimizer": {"lr": 0.1, "buf": [torch.zeros(2)]}})
    found = read_reference_checkpoint(path)
    assert torch.equal(found.tensors["model.timestamps"], state["timestamps"])
    assert not any("_distribution" in name for name in found.tensors)


@pytest.mark.parametrize("beta", [0.9, 0.5, 1.0])
def test_power_grids_are_recognised(tmp_path: Path, beta: float) -> None:
    t = reference_times(12, beta, 0.002, 0.1)
    g = torch.linspace(0.3, 0.5, 2, dtype=torch.float64)
    linear = g[0] + (g[1] - g[0]) * (t - t[0]) / (t[-1] - t[0])
    found = read_reference_checkpoint(saved(tmp_path / "a.pt", nodes(t, linear)))
    sde = found.config.sde
    assert found.formula_grid
    assert (sde.steps, sde.beta, sde.t_start, sde.t_end, sde.g_start, sde.g_end) == (12, beta, 0.002, 0.1, 0.3, 0.5)


@pytest.mark.parametrize("case", ["paper", "bent g", "other condition", "one node moved"])
def test_other_grids_are_kept_as_they_are(tmp_path: Path, case: str) -> None:
    t = (paper_times if case == "paper" else reference_times)(6, 0.9, 0.001, 0.05)
    state = nodes(t, torch.linspace(0.2, 0.4, 7) ** 2 if case == "bent g" else None)
    if case == "other condition":
        state["condition"] = state["condition"] * 20
    if case == "one node moved":
        state["timestamps"][3] *= 1.001
        state["delta_t"] = state["timestamps"].diff()
    found = read_reference_checkpoint(saved(tmp_path / "a.pt", state))
    assert not found.formula_grid
    sde = found.config.sde
    assert (sde.steps, sde.t_start, sde.t_end) == (6, 0.001, 0.05)
    assert sde.g_end == pytest.approx(float(state["diffusion"][-1]), rel=1e-6)
    save_checkpoint(tmp_path / "ours", found)
    built = read_checkpoint(tmp_path / "ours").build()
    assert not built.formula_grid
    for name in ("timestamps", "diffusion", "condition"):
        assert torch.equal(getattr(built, name), state[name])


@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: {"model": state_of(), "args": evil}])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("archive", [True, False])
def test_code_is_not_run(tmp_path: Path, wrap: Callable[[Evil], object], protocol: int, archive: bool) -> None:
    trace, path = tmp_path / "trace", tmp_path / "a.pt"
    content = wrap(Evil(trace))
    if archive:
        torch.save(content, path, pickle_protocol=max(protocol, 2))
    elif isinstance(content, Evil):
        path.write_bytes(pickle.dumps(content, protocol))
    else:
        torch.save(content, path, pickle_protocol=max(protocol, 2), _use_new_zipfile_serialization=False)
    refused(path, "contains code.*was not run" if archive or isinstance(content, Evil) else "not run|not a file of")
    assert not trace.exists()


def test_a_whole_module_is_code(tmp_path: Path) -> None:
    refused(saved(tmp_path / "a.pt", torch.nn.Linear(2, 2)), "contains code.*Linear")


def test_a_scripted_module_is_code(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", state_of())
    rezip(path, extra={"a/code/__torch__.py": b"import os"})
    refused(path, "contains code")


def test_compression_bombs(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"model": state_of(big=torch.zeros(4_000_000))})
    rezip(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    refused(path, "compressed")


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", state_of())
    with zipfile.ZipFile(path, "a") as archive:
        first = max(archive.infolist(), key=lambda member: member.file_size)
        for k in range(500):
            twin = zipfile.ZipInfo(f"a/data/{1000 + k}")
            twin.header_offset, twin.file_size, twin.compress_size, twin.CRC = (
                first.header_offset, first.file_size, first.compress_size, first.CRC,
            )  # fmt: skip
            archive.filelist.append(twin)
        archive._didModify = True  # type: ignore[attr-defined]
    refused(path, "more than its own size")


@pytest.mark.parametrize("name", ["a/../../x", "/etc/x", "a/data/x", "other", "a/data/0/1"])
def test_strange_members(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / "a.pt", state_of())
    rezip(path, extra={name: b""})
    refused(path, "strange members|damaged")


def test_views_larger_than_their_storage(tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(1_000_000_000)
    path = saved(tmp_path / "a.pt", state_of(condition=huge))
    assert path.stat().st_size < 20_000
    refused(path, "does not own its numbers")
    refused(saved(tmp_path / "b.pt", {"model": state_of(), "beside": {"x": huge}}), "does not own its numbers")


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    refused(path, "There is no file")
    for raw in (b"x", b"\0" * 1000, b"x,y\n1,2\n", pickle.dumps([1, 2])):
        path.write_bytes(raw)
        refused(path, "not a file of tensors")
    for raw in (b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 1000):
        path.write_bytes(raw)
        refused(path, "damaged")
    with path.open("wb") as file:
        file.truncate((1 << 30) + 1)
    refused(path, "too large")


def test_truncated_and_altered_archives(tmp_path: Path) -> None:
    raw = OFFICIAL.read_bytes()
    path = tmp_path / "a.pt"
    for cut in (100, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:cut])
        refused(path, "damaged")
    buffer = io.BytesIO(raw)
    with zipfile.ZipFile(buffer) as archive:
        start = archive.getinfo("official_checkerboard/data.pkl").header_offset + 100
    path.write_bytes(raw[:start] + b"\xff" * 50 + raw[start + 50 :])
    refused(path, "damaged")


def test_contents_that_are_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for content in (torch.zeros(3), [1], {"model": 3}, {"model": {1: torch.zeros(1)}}):
        refused(saved(path, content), "no state dict")
    refused(saved(path, {}), "'timestamps' is missing")
    refused(saved(path, state_of() | {"note": "text"}), "'note' is no tensor")


@pytest.mark.parametrize("shape", ["in a ring", "deep", "shared"])
def test_dictionaries_in_dictionaries_are_looked_at_once(tmp_path: Path, shape: str) -> None:
    content: dict[str, object] = {}
    inner = content
    for _ in range(300):  # read plainly, the shared ones would be 2^300
        value: dict[str, object] = {}
        inner["a"] = value
        if shape == "shared":
            inner["b"] = value
        inner = value
    if shape == "in a ring":
        inner["a"] = content
    refused(saved(tmp_path / "a.pt", content), "is no tensor")


@pytest.mark.parametrize("name", ["timestamps", "delta_t", "drift.input_embed.weight", "score.layers.2.bias"])
def test_every_name_must_be_there(tmp_path: Path, name: str) -> None:
    state = state_of()
    del state[name]
    refused(saved(tmp_path / "a.pt", state), f"'(model.)?{name}' is missing")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"extra": torch.zeros(1)}, "unknown tensor 'model.extra'"),
        ({"score.input_embed.weight": torch.zeros(8, 3)}, "has the shape"),
        ({"drift.input_embed.weight": torch.zeros(8)}, "shapes or number types"),
        ({"drift.input_embed.weight": torch.zeros(8, 0)}, "shapes or number types"),
        ({"drift.input_embed.weight": torch.zeros(3, 2)}, "channels"),
        ({"drift.input_embed.weight": torch.zeros(8, 2, dtype=torch.float64)}, "number type"),
        ({"timestamps": torch.zeros(5, dtype=torch.int64)}, "shapes or number types"),
        ({"timestamps": torch.zeros(1)}, "shapes or number types"),
        ({"diffusion": torch.full((4,), 0.2)}, "has the shape"),
        ({"timestamps": torch.tensor([0.001, 0.03, 0.02, 0.04, 0.05])}, "times do not increase"),
        ({"timestamps": torch.tensor([0.05, 0.04, 0.03, 0.02, 0.01])}, "t_end must be greater"),
        ({"timestamps": torch.tensor([0.001, 0.002, 0.003, 0.004, float("nan")])}, "t_end"),
        ({"diffusion": torch.tensor([0.2, 0.0, 0.2, 0.2, 0.2])}, "not positive"),
        ({"diffusion": torch.tensor([0.2, 0.2, 0.2, 0.2, -0.2])}, "g_end"),
        ({"condition": torch.full((5,), float("inf"))}, "not finite"),
        ({"score.layers.1.0.bias": torch.full((8,), float("nan"))}, "not finite"),
        ({"delta_t": torch.zeros(4)}, "not the differences"),
        ({"delta_t": torch.zeros(5)}, "not the differences"),
    ],
)
def test_wrong_tensors(tmp_path: Path, changes: dict[str, Tensor], reason: str) -> None:
    refused(saved(tmp_path / "a.pt", state_of(**changes)), reason)


def test_too_many_steps(tmp_path: Path) -> None:
    refused(saved(tmp_path / "a.pt", nodes(torch.linspace(0.001, 1, 10_002))), "sde.steps")
