"""Checkpoints come back as they were, or not at all."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.core.storage.layout import MAX_HEADER, digest, model_shapes, parse_json
from dnf_studio.errors import CheckpointError
from tests.core.storage.files import SMALL, join, make_flow, make_run, split

configs = st.builds(
    lambda steps, grid, start, length, g, layers, channels, data: Config.create(
        {
            "data": data,
            "sde": {"steps": steps, "grid": grid, "t_start": start, "t_end": start + length, "g_start": g, "g_end": 1},
            "network": {"layers": layers, "channels": channels},
        }
    ),
    st.integers(1, 40),
    st.sampled_from(["reference", "paper", "uniform", "s-curve", (0.0, 0.2, 0.3, 1.0)]),
    st.floats(0.001, 1),
    st.floats(0.01, 5),
    st.floats(0.01, 10),
    st.integers(1, 4),
    st.integers(4, 16),
    st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, Checkpoint.of_model(make_flow()))
    return path


def refused(path: Path, reason: str) -> None:
    """Reading fails with one plain sentence that names the file."""
    with pytest.raises(CheckpointError, match=reason) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert path.name in message
    assert message.endswith(".") and "\n" not in message and message[0].isupper() | message.startswith("'")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs, dim=st.integers(1, 6))
def test_layout_is_that_of_the_model(config: Config, dim: int) -> None:
    flow = DiffFlow(dim, config)
    buffers, parameters = model_shapes(config, dim)
    kept = flow.state_dict()
    assert buffers == {name: tuple(value.shape) for name, value in flow.named_buffers() if name in kept}
    assert parameters == {name: tuple(value.shape) for name, value in flow.named_parameters()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs, dim=st.integers(1, 6))
def test_weights_come_back(tmp_path: Path, config: Config, dim: int) -> None:
    flow, path = make_flow(config, dim), tmp_path / "w.safetensors"
    saved = save_checkpoint(path, Checkpoint.of_model(flow))
    found = read_checkpoint(path)
    assert (found.kind, found.config, found.dim) == ("weights", config, dim)
    assert found.standardisation == flow.standardisation
    assert found.sha256 == saved.sha256 == digest(found.tensors)
    built = found.build()
    assert built.formula_grid and not built.training
    assert built.config == config and built.standardisation == flow.standardisation
    for name, value in flow.state_dict().items():
        assert torch.equal(value, built.state_dict()[name]), name


def test_a_run_comes_back(tmp_path: Path) -> None:
    path, run = tmp_path / "run.safetensors", make_run(make_flow())
    save_checkpoint(path, run)
    found = read_checkpoint(path)
    for name in ("kind", "config", "dim", "standardisation", "data", "iteration", "seconds", "history", "metrics"):
        assert getattr(found, name) == getattr(run, name), name
    assert found.state == run.state
    assert found.tensors.keys() == run.tensors.keys()
    assert all(torch.equal(found.tensors[name], run.tensors[name]) for name in run.tensors)
    assert torch.equal(found.build().drift.input_embed.weight, run.tensors["model.drift.input_embed.weight"])


def test_default_weights_are_small_and_any_reader_reads_them(tmp_path: Path) -> None:
    from safetensors import safe_open

    path = tmp_path / "w.safetensors"
    flow = DiffFlow(2)
    saved = save_checkpoint(path, Checkpoint.of_model(flow))
    assert path.stat().st_size <= 1_000_000
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        assert all(isinstance(value, str) for value in metadata.values())
        assert metadata["format_version"] == "1" and metadata["sha256"] == saved.sha256
        assert json.loads(metadata["config"]) == flow.config.model_dump()
        assert torch.equal(file.get_tensor("model.drift.input_embed.weight"), flow.drift.input_embed.weight)


def test_same_content_same_bytes(tmp_path: Path) -> None:
    run = make_run(make_flow())
    save_checkpoint(tmp_path / "a", run)
    save_checkpoint(tmp_path / "b", replace(run, tensors=dict(reversed(run.tensors.items()))))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    read = read_checkpoint(tmp_path / "a")
    save_checkpoint(tmp_path / "c", read)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


def test_an_odd_grid_comes_back(tmp_path: Path) -> None:
    nodes = torch.tensor([0.001, 0.002, 0.01, 0.03, 0.05])
    odd = TimeGrid(nodes, torch.tensor([0.1, 0.4, 0.2, 0.3, 0.2]), nodes * 2)
    flow = DiffFlow(2, SMALL, grid=odd)
    save_checkpoint(tmp_path / "w", Checkpoint.of_model(flow))
    built = read_checkpoint(tmp_path / "w").build()
    assert not built.formula_grid
    for own, expected in zip((built.timestamps, built.diffusion, built.condition), (odd.t, odd.g, odd.condition)):  # noqa: B905
        assert torch.equal(own, expected)
    assert torch.equal(built.grid(7).t, flow.grid(7).t)


def test_building_is_independent(weights: Path) -> None:
    checkpoint = read_checkpoint(weights)
    before = torch.random.get_rng_state()
    first, second = checkpoint.build(), checkpoint.build()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(parameter.requires_grad for parameter in first.parameters())
    with torch.no_grad():
        first.drift.input_embed.weight.zero_()
    assert not torch.equal(first.drift.input_embed.weight, second.drift.input_embed.weight)
    assert digest(checkpoint.tensors) == checkpoint.sha256


def test_a_double_model_is_saved_in_float32(tmp_path: Path) -> None:
    flow = make_flow()
    save_checkpoint(tmp_path / "w", Checkpoint.of_model(make_flow().double()))
    assert torch.equal(read_checkpoint(tmp_path / "w").tensors["model.diffusion"], flow.diffusion)


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "w"
    good = Checkpoint.of_model(make_flow())
    name = "model.drift.input_embed.bias"
    wrong: list[tuple[Checkpoint, str]] = [
        (replace(good, tensors=good.tensors | {name: torch.full((8,), float("nan"))}), "not finite"),
        (replace(good, tensors=good.tensors | {name: torch.zeros(9)}), r"shape \[9\]"),
        (replace(good, tensors={k: v for k, v in good.tensors.items() if k != name}), "missing"),
        (replace(good, kind="run"), "missing"),
        (replace(good, history={"loss": [float("inf")]}), "not finite"),
        (replace(good, history={"loss": "x" * MAX_HEADER}), "more than 4 MiB"),
    ]
    for checkpoint, reason in wrong:
        with pytest.raises(CheckpointError, match=f"was not written: .*{reason}"):
            save_checkpoint(path, checkpoint)
    assert os.listdir(tmp_path) == []


def test_a_failed_save_keeps_the_old_file(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(weights, Checkpoint.of_model(make_flow(seed=1)))
    assert weights.read_bytes() == before
    assert os.listdir(weights.parent) == [weights.name]


def test_no_file_at_all(tmp_path: Path) -> None:
    refused(tmp_path / "none", "There is no file")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "empty")
    with pytest.raises(CheckpointError, match="folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"abc",
        b"\0" * 100,
        b"PK\x03\x04" + b"x" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", MAX_HEADER + 1) + b"{" + b" " * MAX_HEADER,
        struct.pack("<Q", 20) + b"x" * 40,
    ],
)
def test_other_files(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "f").write_bytes(raw)
    refused(tmp_path / "f", "not a checkpoint of DNF Studio")


def test_truncated_and_extended(weights: Path) -> None:
    raw = weights.read_bytes()
    for cut in (20, 500, len(raw) // 2, len(raw) - 1):
        weights.write_bytes(raw[:cut])
        refused(weights, "truncated")
    weights.write_bytes(raw + b"\0")
    refused(weights, "damaged")


def test_a_file_too_large_is_not_read(weights: Path) -> None:
    with weights.open("r+b") as file:
        file.truncate((1 << 32) + 1)
    refused(weights, "too large")


@pytest.mark.parametrize(
    "header",
    [
        b"{x",
        b'{"__metadata__": {"a": 1}}',
        b'{"__metadata__": {"a": "1"}, "a": 3}',
        b'{"__metadata__": {"a": NaN}}',
        b'{"__metadata__": {"a": "1", "a": "2"}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "x": 1}}',
        b'{"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [0, 4611686018427387904], "data_offsets": [0, 0]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},'
        b'"b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"\xff": 1}',
        b"{" + b",".join(b'"%d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}' % i for i in range(10_001)) + b"}",
    ],
)
def test_broken_headers(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "f").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    refused(tmp_path / "f", "header is not valid")


def test_a_foreign_safetensors_file(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "f")
    refused(tmp_path / "f", "not a checkpoint of DNF Studio")
    save_file({"a": torch.zeros(3)}, tmp_path / "f", {"format": "pt"})
    refused(tmp_path / "f", "not a checkpoint of DNF Studio")


@pytest.mark.parametrize("seal", [True, False])
def test_a_newer_version_says_to_update(weights: Path, seal: bool) -> None:
    header, data = split(weights)
    header["__metadata__"]["format_version"] = "3"
    join(weights, header, data, seal)
    refused(weights, "update DNF Studio")
    # That of a file with fitted steps, which this one has not
    for version in ("2", "0", "-1", "one", "1" * 5000, "²", ""):
        header["__metadata__"]["format_version"] = version
        join(weights, header, data, seal)
        refused(weights, "version")


@pytest.mark.parametrize("name", ["config", "dim", "standardisation", "iteration", "seconds", "metrics", "history"])
def test_altered_metadata(weights: Path, name: str) -> None:
    header, data = split(weights)
    header["__metadata__"][name] += " "
    join(weights, header, data, seal=False)
    refused(weights, "altered")


def test_every_altered_tensor_byte_is_seen(weights: Path) -> None:
    raw = weights.read_bytes()
    start = len(raw) - len(split(weights)[1])
    for position in range(start, len(raw), (len(raw) - start) // 40):
        changed = bytearray(raw)
        changed[position] ^= 1
        weights.write_bytes(changed)
        refused(weights, "altered|damaged")


CONFIG = SMALL.model_dump()
DATA: dict[str, Any] = {"name": "x", "fingerprint": "", "columns": ["a", "b"], "entropy": None}
IMAGE = {"height": 1, "width": 2, "channels": 1, "low": 0, "high": 256}
WRONG_METADATA: list[tuple[str, Any]] = [
    ("kind", "both"),
    ("dim", 0),
    ("dim", 10_001),
    ("dim", 1e999),
    ("config", CONFIG | {"network": {"layers": 10**6, "channels": 8}}),
    ("config", CONFIG | {"network": {"layers": 1, "channels": 10**9}}),
    ("config", CONFIG | {"sde": {"steps": 10**9}}),
    ("config", CONFIG | {"strange": 1}),
    ("config", []),
    ("standardisation", {"mean": [0], "scale": [1]}),
    ("standardisation", {"mean": [0, 0], "scale": [1, 0]}),
    ("standardisation", {"mean": [0, float("nan")], "scale": [1, 1]}),
    ("data", {"name": "x"}),
    ("data", DATA | {"image": IMAGE | {"width": 3}}),
    ("data", DATA | {"image": IMAGE | {"channels": 2, "width": 1}}),
    ("data", DATA | {"image": IMAGE | {"high": float("nan")}}),
    ("data", DATA | {"image": IMAGE | {"high": 0}}),
    ("iteration", -1),
    ("seconds", float("inf")),
    ("metrics", {"a": "b"}),
    ("history", [1]),
    ("state", "x"),
    ("state", {"a": float("nan")}),
]


@pytest.mark.parametrize(("name", "value"), WRONG_METADATA)
def test_wrong_metadata_of_a_sealed_file(weights: Path, name: str, value: object) -> None:
    header, data = split(weights)
    header["__metadata__"][name] = value if name == "kind" else json.dumps(value)
    join(weights, header, data)
    refused(weights, "is damaged")


def test_the_size_of_images_comes_back(weights: Path) -> None:
    header, data = split(weights)
    header["__metadata__"]["data"] = json.dumps(DATA | {"image": IMAGE})
    join(weights, header, data)
    found = read_checkpoint(weights)
    assert found.data.image == ImageShape(1, 2, 1, 0, 256)
    again = save_checkpoint(weights, found)
    assert read_checkpoint(weights).data == again.data == found.data and found.summary()["data"]["image"] == IMAGE


CURVE = {"stride": 1, "iterations": [1, 2], "losses": [0.5, 0.25], "open": []}
HISTORY: dict[str, Any] = {"loss": CURVE, "validation": CURVE, "changes": [[1, {"sde.steps": 3}]], "marks": {}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", {}),
        ("state", {"updates": -1}),
        ("state", {"updates": "3"}),
        ("state", {"updates": 1e300}),
        ("state", {"updates": 3, "more": 1}),
        ("history", {}),
        ("history", HISTORY | {"loss": CURVE | {"stride": 0}}),
        ("history", HISTORY | {"loss": CURVE | {"iterations": [2, 1]}}),
        ("history", HISTORY | {"loss": CURVE | {"losses": [0.5]}}),
        ("history", HISTORY | {"validation": CURVE | {"open": ["x"]}}),
        ("history", HISTORY | {"changes": [[1, "sde.steps"]]}),
        ("history", HISTORY | {"changes": 7}),
    ],
)
def test_a_sealed_run_with_a_wrong_record_is_refused_before_it_is_built(
    tmp_path: Path, name: str, value: object
) -> None:
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, make_run(make_flow()))
    header, data = split(path)
    join(path, dict(header, __metadata__=header["__metadata__"] | {"history": json.dumps(HISTORY)}), data)
    read_checkpoint(path)
    header["__metadata__"][name] = json.dumps(value)
    join(path, header, data)
    refused(path, f"is damaged: its {name}")


def test_missing_and_strange_metadata(weights: Path) -> None:
    header, data = split(weights)
    for name in header["__metadata__"]:
        fewer = dict(header["__metadata__"])
        del fewer[name]
        join(weights, header | {"__metadata__": fewer}, data, seal=name != "metadata_sha256")
        refused(weights, "not a checkpoint|damaged|altered")
    join(weights, header | {"__metadata__": header["__metadata__"] | {"more": "1"}}, data)
    refused(weights, "damaged")


def test_tensors_must_be_those_of_the_settings(weights: Path) -> None:
    header, data = split(weights)

    def refused_with(changed: dict[str, Any], reason: str, payload: bytes = data) -> None:
        join(weights, changed, payload)
        refused(weights, f"does not fit its own settings: .*{reason}")

    more_steps = dict(header["__metadata__"], config=SMALL.changed({"sde.steps": 5}).to_json())
    refused_with(header | {"__metadata__": more_steps}, "'model.condition' has the shape")
    as_run = dict(header["__metadata__"], kind="run")
    refused_with(header | {"__metadata__": as_run}, "is missing")
    renamed = {("model.odd" if name == "model.condition" else name): value for name, value in header.items()}
    refused_with(renamed, "'model.condition' is missing")
    extra = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
    refused_with(header | {"model.extra\n": extra}, "unknown tensor", data + b"\0" * 4)
    bias = header["model.drift.input_embed.bias"]
    refused_with(header | {"model.drift.input_embed.bias": bias | {"shape": [2, 4]}}, r"shape \[2, 4\]")
    refused_with(header | {"model.drift.input_embed.bias": bias | {"dtype": "U8", "shape": [32]}}, "number type")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("model.drift.input_embed.bias", float("nan"), "not finite"),
        ("model.score.timestep_coeff", float("inf"), "not finite"),
        ("model.timestamps", 0.5, "times do not increase"),
        ("model.diffusion", 0.0, "not positive"),
    ],
)
def test_impossible_numbers_of_a_sealed_file(weights: Path, name: str, value: float, reason: str) -> None:
    header, data = split(weights)
    start = header[name]["data_offsets"][0]
    join(weights, header, data[:start] + struct.pack("<f", value) + data[start + 4 :])
    refused(weights, reason)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_any_changed_byte_is_refused(weights: Path, position: float, byte: int) -> None:
    raw = weights.read_bytes()
    other = weights.with_name("other")
    k = int(position * len(raw))
    other.write_bytes(raw[:k] + bytes([byte]) + raw[k + 1 :])
    if raw[k] == byte:
        read_checkpoint(other)
    else:
        refused(other, ".")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", '{"a":1,"a":2}', "[" * 100_000, "", "{"])
def test_strict_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
