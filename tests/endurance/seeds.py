"""Small honest files of every format that is read, and the ways in which each is read."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image

from dnf_studio.config import Config
from dnf_studio.core.data.describe import describe
from dnf_studio.core.data.image_set import open_image_set
from dnf_studio.core.data.picture import open_picture
from dnf_studio.core.data.row_sets import TableDataset
from dnf_studio.core.data.tables import open_table
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.grid_presets import read_preset, save_preset
from dnf_studio.core.storage.reference_program import read_reference_checkpoint
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.training.run import Run
from dnf_studio.errors import StudioError
from tests.core.storage.files import GOLDEN, SMALL, make_flow

ROWS = np.random.default_rng(0).normal([5.0, -2.0, 100.0], [1.0, 0.1, 30.0], (60, 3))


@dataclass(frozen=True)
class Format:
    """How files of a kind are called, made and read."""

    suffix: str
    make: Callable[[Path], list[Path]]
    read: Callable[[Path], object]


def _read_table(path: Path) -> None:
    """As the window's dialog does, and as the command line does without and with options."""
    options: list[dict[str, Any]] = [{}, {"label": "kind", "missing": "drop-rows"}]
    refused: list[StudioError] = []
    for way in (partial(describe, path), *(partial(open_table, str(path), True, **each) for each in options)):
        try:
            found = way()
            if isinstance(found, TableDataset):
                found.draw(64, torch.Generator())
        except StudioError as error:
            refused.append(error)
    if len(refused) > 1:
        raise refused[0]


def _make_npy(folder: Path) -> list[Path]:
    forms = (ROWS, np.asfortranarray(ROWS), ROWS.astype(">f4"), ROWS[:, 0], ROWS.astype(np.int16))
    for number, values in enumerate(forms):
        np.save(folder / f"{number}.npy", values)
    return sorted(folder.glob("?.npy"))


def _make_npz(folder: Path) -> list[Path]:
    np.savez(folder / "0.npz", x=ROWS)
    np.savez_compressed(folder / "1.npz", x=ROWS)
    return [folder / "0.npz", folder / "1.npz"]


def _text(delimiter: str, header: str, comma: bool = False) -> str:
    """Rows with a text, a date and missing values among the numbers."""
    lines = [header] if header else []
    for number, row in enumerate(ROWS):
        cells = [f"{value:.6g}".replace(".", "," if comma else ".") for value in row]
        lines.append(delimiter.join([*cells, f"2024-01-{number % 28 + 1:02}", '"a b"' if number % 3 else "NA"]))
    return "\n".join(lines) + "\n"


def _make_csv(folder: Path) -> list[Path]:
    plain = "\n".join(",".join(map(repr, row.tolist())) for row in ROWS)
    texts = (_text(",", "x,y,z,day,kind"), _text(";", "x;y;z;day;kind", comma=True), plain, f"sep=|\n{_text('|', '')}")
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(text)
    (folder / "4.csv").write_text(texts[0], encoding="utf-16")
    return sorted(folder.glob("?.csv"))


def _make_tsv(folder: Path) -> list[Path]:
    (folder / "0.tsv").write_text(_text("\t", "x\ty\tz\tday\tkind"))
    (folder / "1.tsv").write_text("\n".join("\t".join(map(repr, row.tolist())) for row in ROWS))
    return [folder / "0.tsv", folder / "1.tsv"]


def _make_xlsx(folder: Path) -> list[Path]:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["x", "y", "z", "kind"])
    for row in ROWS:
        sheet.append([*row.tolist(), "a"])
    book.save(folder / "0.xlsx")
    return [folder / "0.xlsx"]


def _make_parquet(folder: Path) -> list[Path]:
    import pyarrow
    import pyarrow.parquet

    days = np.arange(len(ROWS)).astype("M8[D]")
    table = pyarrow.table({"x": ROWS[:, 0], "y": ROWS[:, 1].astype(np.float32), "n": np.arange(len(ROWS)), "day": days})
    named = table.append_column("kind", pyarrow.array([("a", "b", None)[i % 3] for i in range(len(ROWS))]))
    for number, compression in enumerate(("none", "snappy", "gzip", "zstd")):
        pyarrow.parquet.write_table(named if number else table, folder / f"{number}.parquet", compression=compression)
    return sorted(folder.glob("?.parquet"))


def _make_idx(folder: Path) -> list[Path]:
    levels = np.random.default_rng(1).integers(0, 256, (40, 5, 4), np.uint8)
    path = folder / "a-idx3-ubyte"
    path.write_bytes(struct.pack(">4I", 0x0803, *levels.shape) + levels.tobytes())
    return [path]


def _make_packed_idx(folder: Path) -> list[Path]:
    path = folder / "b-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(_make_idx(folder)[0].read_bytes(), mtime=0))
    return [path]


def _make_cifar(folder: Path) -> list[Path]:
    path = folder / "a.bin"
    path.write_bytes(np.random.default_rng(2).integers(0, 10, 20 * 3073, np.uint8).tobytes())
    return [path]


def _make_png(folder: Path) -> list[Path]:
    levels = np.random.default_rng(3).integers(0, 256, (24, 20, 4), np.uint8)
    for mode in ("L", "RGB", "RGBA", "P", "1", "I;16"):
        deep = Image.fromarray(levels[..., 0].astype(np.uint16) * 257)
        picture = deep if mode == "I;16" else Image.fromarray(levels).convert(mode)
        picture.save(folder / f"{mode.replace(';', '')}.png")
    return sorted(folder.glob("*.png"))


def _make_config(folder: Path) -> list[Path]:
    (folder / "0.toml").write_text(Config.create({"data": "moons", "training": {"device": "cpu"}}).to_toml())
    (folder / "1.toml").write_text('data = "rings"\n[sde]\nsteps = 7\n[training]\niterations = 9\n')
    return [folder / "0.toml", folder / "1.toml"]


def _make_json(folder: Path) -> list[Path]:
    save_preset(folder, "grid", (0.0, 0.1, 0.4, 1.0))
    (folder / "config.json").write_text(Config.create({"data": "moons"}).to_json())
    return [folder / "grid.json", folder / "config.json"]


def _read_json(path: Path) -> None:
    """As a preset of a grid, and as the settings that a checkpoint holds."""
    refused: StudioError | None = None
    try:
        read_preset(path)
    except StudioError as error:
        refused = error
    try:
        Config.from_json(path.read_bytes().decode(errors="replace"))
    except StudioError as error:
        if refused is not None:
            raise error from refused


def _make_safetensors(folder: Path) -> list[Path]:
    config = SMALL.changed({"data": "moons", "training.device": "cpu", "training.iterations": 3, "training.batch": 32})
    run = Run(config, threads=1)
    list(run)
    run.save(folder / "run.safetensors")
    run.save(folder / "weights.safetensors", "weights")
    return [folder / "run.safetensors", folder / "weights.safetensors"]


def _read_safetensors(path: Path) -> None:
    checkpoint = read_checkpoint(path)
    checkpoint.build()
    checkpoint.summary()
    if checkpoint.kind == "run":
        Run.resume(path, {"training.device": "cpu"}, threads=1)


def _make_pt(folder: Path) -> list[Path]:
    state = dict(make_flow(SMALL.changed({"network.features": 0})).state_dict())
    state["delta_t"] = state["timestamps"].diff()
    torch.save(state, folder / "0.pt")
    (folder / "2.pt").write_bytes((GOLDEN / "official_checkerboard.pt").read_bytes())
    return [folder / "0.pt", folder / "2.pt"]


def _make_hdf5(folder: Path) -> list[Path]:
    with h5py.File(folder / "0.h5", "w") as file:
        file["x"] = ROWS
    with h5py.File(folder / "1.h5", "w") as file:
        packed = file.create_dataset("x", data=ROWS, chunks=(13, 2), compression="gzip", shuffle=True)
        packed.attrs["units"] = "mm"
    with h5py.File(folder / "2.h5", "w", libver="latest") as file:
        file.create_dataset("a/x", data=ROWS, chunks=(16, 3))
        file.create_dataset("a/y", data=ROWS, chunks=(16, 3), compression="lzf", fletcher32=True)
    return [folder / f"{number}.h5" for number in range(3)]


def _make_exports(folder: Path) -> list[Path]:
    list(export_samples(make_flow(), folder / "0.h5", ExportPlan(50, trajectories=True)))
    list(export_samples(make_flow(), folder / "1.h5", ExportPlan(50, compress=True)))
    return [folder / "0.h5", folder / "1.h5"]


def _read_export(path: Path) -> None:
    for name in read_export(path).datasets:
        read_rows(path, name)


def _read_reference(path: Path) -> None:
    read_reference_checkpoint(path).build()


FORMATS = {
    "npy": Format(".npy", _make_npy, _read_table),
    "npz": Format(".npz", _make_npz, _read_table),
    "csv": Format(".csv", _make_csv, _read_table),
    "tsv": Format(".tsv", _make_tsv, _read_table),
    "xlsx": Format(".xlsx", _make_xlsx, _read_table),
    "parquet": Format(".parquet", _make_parquet, _read_table),
    "idx": Format("-idx3-ubyte", _make_idx, lambda path: open_image_set(str(path))),
    "idx.gz": Format("-idx3-ubyte.gz", _make_packed_idx, lambda path: open_image_set(str(path))),
    "cifar": Format(".bin", _make_cifar, lambda path: open_image_set(str(path))),
    "png": Format(".png", _make_png, lambda path: open_picture(str(path))),
    "toml": Format(".toml", _make_config, Config.from_toml),
    "json": Format(".json", _make_json, _read_json),
    "safetensors": Format(".safetensors", _make_safetensors, _read_safetensors),
    "pt": Format(".pt", _make_pt, _read_reference),
    "hdf5": Format(".h5", _make_hdf5, _read_table),
    "export": Format(".h5", _make_exports, _read_export),
}
"""Every format, by the name that its counts are told under."""
