"""Wrong exports, made wrong by hand: one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import is_export, read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import ExportError
from tests.core.storage.files import make_flow


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "a.h5"
    list(export_samples(make_flow(), path, ExportPlan(50, trajectories=True)))
    return path


def refused(path: Path, reason: str) -> None:
    for read in (read_export, read_rows):
        with pytest.raises(ExportError, match=reason) as caught:
            read(path)
        message = str(caught.value)
        assert path.name in message and message.endswith(".") and "\n" not in message


def replace_rows(name: str, **new: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **new)

    return change


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file.attrs[name] = value

    return change


def outside(file: h5py.File) -> None:
    del file["samples"]
    file["samples"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft(file: h5py.File) -> None:
    file["other"] = file["samples"][:]
    del file["samples"]
    file["samples"] = h5py.SoftLink("/other")


def external(file: h5py.File) -> None:
    del file["samples"]
    file.create_dataset("samples", (50, 2), np.float32, external=[("/etc/passwd", 0, 400)])


def virtual(file: h5py.File) -> None:
    del file["samples"]
    layout = h5py.VirtualLayout((50, 2), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "x", (50, 2))
    file.create_virtual_dataset("samples", layout)


def group(file: h5py.File) -> None:
    del file["samples"]
    file.create_group("samples")


def without(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file.attrs:
            del file.attrs[name]
        else:
            del file[name]

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (attribute("format", "other"), "not an export"),
        (without("format"), "not an export"),
        (attribute("format_version", np.int32(2)), "update DNF Studio"),
        (attribute("complete", np.int8(0)), "not written to its end"),
        *[(without(name), "damaged") for name in ("samples", "seed", "steps", "created", "complete", "provenance")],
        (attribute("format_version", "1"), "damaged"),
        (attribute("seed", [1, 2]), "damaged"),
        (attribute("seed", 1.5), "damaged"),
        (attribute("lambda", np.nan), "damaged"),
        (attribute("steps", np.int32(0)), "damaged"),
        (attribute("steps", np.int32(9)), "damaged"),
        (attribute("created", "x" * 2000), "damaged"),
        *[(attribute("far_samples", value), "damaged") for value in (-1, 51, 1.5, "1")],
        (replace_rows("samples", data=np.zeros((50, 2))), "damaged"),
        (replace_rows("samples", data=np.zeros(50, np.float32)), "damaged"),
        (replace_rows("samples", data=np.zeros((0, 2), np.float32)), "damaged"),
        (replace_rows("latents", data=np.zeros((49, 2), np.float32)), "damaged"),
        (replace_rows("trajectories", data=np.zeros((50, 4, 2), np.float32)), "damaged"),
        (replace_rows("provenance/config", data="{"), "damaged"),
        (replace_rows("provenance/config", data='{"network": {"layers": 1000000}}'), "damaged"),
        (replace_rows("provenance/checkpoint", data="[]"), "damaged"),
        (replace_rows("provenance/checkpoint", data='{"a": NaN}'), "damaged"),
        (replace_rows("provenance/sampling", data=3), "damaged"),
        (replace_rows("provenance/sampling", data=["{}", "{}"]), "damaged"),
        (outside, "damaged"),
        (soft, "damaged"),
        (external, "damaged"),
        (virtual, "damaged"),
        (group, "damaged"),
    ],
)
def test_changed_files(good: Path, change: Callable[[h5py.File], None], reason: str) -> None:
    with h5py.File(good, "r+") as file:
        change(file)
    refused(good, reason)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    refused(path, "There is no file")
    for raw, reason in ((b"", "empty"), (b"text", "not an HDF5 file"), (b"\x89HDF\r\n\x1a\n" + b"\0" * 99, "damaged")):
        path.write_bytes(raw)
        refused(path, reason)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    refused(path, "not an export")
    with pytest.raises(ExportError, match="folder"):
        read_export(tmp_path)


def test_truncated_files(good: Path) -> None:
    raw = good.read_bytes()
    for cut in (50, 1000, len(raw) // 2, len(raw) - 1):
        good.write_bytes(raw[:cut])
        refused(good, "damaged or truncated")


@pytest.mark.parametrize("value", [np.arange(3), 7, h5py.Empty("f4"), np.array(["a", "b"], object)])
def test_data_with_an_attribute_called_format_is_no_export(tmp_path: Path, value: object) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["format"] = value
    assert is_export(tmp_path / "a.h5") is False
