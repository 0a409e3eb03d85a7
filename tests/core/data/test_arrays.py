"""Files of arrays: `.npz` and HDF5, which array is meant, and how they can be wrong."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.core.data import hdf5_file, npy_file
from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.hdf5_file import list_hdf5
from dnf_studio.core.data.npy_file import list_npz
from dnf_studio.core.data.readers import read_table
from dnf_studio.core.data.tables import open_table
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.errors import DataError
from tests.core.data.files import ROWS, complaint, npy


def npz(path: Path, compressed: bool = False, **arrays: object) -> str:
    (np.savez_compressed if compressed else np.savez)(path, **arrays)  # type: ignore[arg-type]
    return str(path)


def hdf5(path: Path, **arrays: object) -> str:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values
    return str(path)


@pytest.fixture(params=["npz", "packed npz", "h5"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Writes arrays to a new file of each kind."""

    def writer(**arrays: object) -> str:
        if request.param == "h5":
            return hdf5(tmp_path / "a.h5", **arrays)
        return npz(tmp_path / "a.npz", request.param == "packed npz", **arrays)

    return writer


class TestWhichArray:
    def test_the_only_one_needs_no_name(self, write: Callable[..., str], tmp_path: Path) -> None:
        source = write(points=ROWS, names=np.array([b"a", b"b"]), cube=np.zeros((3, 3, 3)))
        data = open_table(source)
        alone = open_table(npy(tmp_path / "b.npy", ROWS))
        assert data.columns == ("column 0", "column 1", "column 2")
        assert data.fingerprint == alone.fingerprint == open_table(f"{source}::points").fingerprint
        assert data.name.endswith("::points")

    def test_columns_follow_after_the_name(self, write: Callable[..., str], tmp_path: Path) -> None:
        source = write(points=ROWS, other=ROWS)
        chosen = open_table(f"{source}::points::2,0")
        assert chosen.columns == ("column 2", "column 0")
        assert chosen.fingerprint == open_table(npy(tmp_path / "b.npy", ROWS) + "::2,0").fingerprint

    def test_one_dimension_is_one_column(self, write: Callable[..., str]) -> None:
        assert open_table(write(points=ROWS[:, 0])).dim == 1

    @pytest.mark.parametrize("dtype", [">f8", "<f4", "<f2", "<i4", "u1", "?"])
    def test_any_real_type(self, write: Callable[..., str], dtype: str) -> None:
        values = (ROWS - ROWS.mean(0)).astype(dtype)
        _, block = next(read_table(write(points=values)).blocks())
        np.testing.assert_array_equal(block, values.astype(float))

    @pytest.mark.parametrize(
        ("selection", "part"),
        [
            ("", "holds several arrays, 'one' and 'two'; choose one with FILE::one."),
            ("::pne", "holds no array 'pne'; the nearest is 'one'."),
            ("::zzzz", "holds no array 'zzzz'; it holds 'one' and 'two'."),
            ("::", "has no name; write FILE::path/inside."),
            ("::::0", "has no name; write FILE::path/inside."),
            ("::one::7", "has no column 7"),
            ("::cube", "The array 'cube' of"),
            ("::text", "not real numbers"),
        ],
    )
    def test_wrong_names(self, write: Callable[..., str], selection: str, part: str) -> None:
        source = write(one=ROWS, two=ROWS, cube=np.zeros((3, 3, 3)), text=np.array([b"a", b"b"]))
        assert part in complaint(source + selection)

    def test_none_that_can_be_used(self, write: Callable[..., str]) -> None:
        assert "The array 'a' of" in complaint(write(a=np.zeros((3, 3, 3))))
        assert "None of the 2 arrays in" in complaint(write(a=np.zeros((3, 3, 3)), b=np.zeros((0, 2))))
        assert "holds no arrays" in complaint(write())

    def test_a_separator_in_the_name_of_the_file(self, tmp_path: Path) -> None:
        source = npz(tmp_path / "a::b.npz", one=ROWS, two=ROWS)
        assert open_table(f"{source}::two::1").dim == 1


class TestNpz:
    def test_fortran_order(self, tmp_path: Path) -> None:
        for compressed in (False, True):
            source = npz(tmp_path / "a.npz", compressed, x=np.asfortranarray(ROWS))
            np.testing.assert_array_equal(next(read_table(source).blocks())[1], ROWS)

    def test_only_what_is_not_compressed_stays_in_the_file(self, tmp_path: Path) -> None:
        assert read_table(npz(tmp_path / "a.npz", x=ROWS)).mapped
        assert not read_table(npz(tmp_path / "b.npz", True, x=ROWS)).mapped

    def test_pickles_are_never_run(self, tmp_path: Path) -> None:
        class Bomb:
            def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
                return os.system, (f"touch {tmp_path / 'exploded'}",)

        source = npz(tmp_path / "a.npz", x=np.array([Bomb()], dtype=object))
        assert "holds pickled Python objects, which are never opened" in complaint(source)
        (tmp_path / "b.npz").write_bytes(b"\x80\x04K\x01.")
        assert "is no sound .npz archive" in complaint(str(tmp_path / "b.npz"))
        assert not (tmp_path / "exploded").exists()

    def test_what_would_fill_the_memory_is_refused_unread(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = npz(tmp_path / "a.npz", True, x=np.zeros((100_000, 2)))
        assert Path(source).stat().st_size < 5000
        monkeypatch.setattr(npy_file, "MOST_HELD", 1_000_000)
        assert "takes 0.0016 GB when it is unpacked; save it with numpy.savez" in complaint(source)

    @pytest.mark.parametrize("shape", [(10**9, 2), (-1, 3), (2**40, 2**40)])
    @pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_promised_sizes_cost_nothing(self, tmp_path: Path, shape: tuple[int, int], kind: int) -> None:
        with zipfile.ZipFile(tmp_path / "a.npz", "w", kind) as archive, archive.open("x.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
            file.write(bytes(100))
        said = "cut short: its header promises more data" if shape[1] < 1 << 20 else "columns, more than the 100,000"
        assert said in complaint(str(tmp_path / "a.npz"))

    def test_members_that_are_no_arrays(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("readme.txt", "hello")
            archive.writestr("x.npy", "no array")
        assert [info.name for info in list_npz(tmp_path / "a.npz")] == ["x"]
        assert "is not a NumPy array, or is damaged" in complaint(str(tmp_path / "a.npz"))

    def test_encrypted_members(self, tmp_path: Path) -> None:
        raw = bytearray(Path(npz(tmp_path / "a.npz", x=ROWS)).read_bytes())
        place = raw.rindex(b"PK\x01\x02") + 8
        raw[place : place + 2] = struct.pack("<H", 1)
        (tmp_path / "a.npz").write_bytes(raw)
        assert "is encrypted" in complaint(str(tmp_path / "a.npz"))


class TestHdf5:
    def test_paths_into_groups(self, tmp_path: Path) -> None:
        source = hdf5(tmp_path / "a.hdf5", run__1__points=ROWS, run__2__points=ROWS * 2)
        assert open_table(f"{source}::run/1/points").fingerprint == open_table(f"{source}::/run/1/points").fingerprint
        assert [info.name for info in list_hdf5(Path(source))] == ["run/1/points", "run/2/points"]

    @pytest.mark.parametrize("chunks", [(7, 3), (200, 3), (64, 5), (7, 2), (1, 1)])
    @pytest.mark.parametrize("filters", [{}, {"compression": "gzip", "shuffle": True}])
    def test_every_layout_gives_the_same_rows(self, tmp_path: Path, chunks: tuple[int, int], filters: dict) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=ROWS, chunks=chunks, maxshape=(None, None), **filters)
        table = read_table(str(tmp_path / "a.h5"))
        assert table.mapped == isinstance(table.values, FileRows) == (not filters and chunks[1] >= 3)
        np.testing.assert_array_equal(next(table.blocks())[1], ROWS)
        rows = np.array([0, 0, 3, 6, 7, 8, 63, 64, 199])
        np.testing.assert_array_equal(table.read(rows), ROWS[rows])
        np.testing.assert_array_equal(table.read(rows[:0]), ROWS[:0])
        np.testing.assert_array_equal(table.read(slice(5, 9)), ROWS[5:9])

    def test_a_chunked_column(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=ROWS[:, 0], chunks=(7,))
        table = read_table(str(tmp_path / "a.h5"))
        assert table.mapped
        np.testing.assert_array_equal(next(table.blocks())[1], ROWS[:, :1])

    def test_a_user_block_moves_everything(self, tmp_path: Path) -> None:
        for chunks in (None, (7, 3)):
            with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
                file.create_dataset("x", data=ROWS, chunks=chunks)
            np.testing.assert_array_equal(next(read_table(str(tmp_path / "a.h5")).blocks())[1], ROWS)

    def test_scales_do_not_count_as_data(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["points"] = ROWS
            file["time"] = np.arange(200.0)
            file["time"].make_scale("time")
            file["points"].dims[0].attach_scale(file["time"])
        assert open_table(str(tmp_path / "a.h5")).dim == 3
        assert open_table(str(tmp_path / "a.h5") + "::time").dim == 1

    def test_links_and_what_lies_elsewhere_are_not_followed(self, tmp_path: Path) -> None:
        hdf5(tmp_path / "b.h5", points=ROWS)
        ROWS.tofile(tmp_path / "raw")
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["points"] = ROWS
            file["soft"] = h5py.SoftLink("/points")
            file["far"] = h5py.ExternalLink("b.h5", "points")
            file.create_dataset("raw", ROWS.shape, "f8", external=[(str(tmp_path / "raw"), 0, ROWS.nbytes)])
            layout = h5py.VirtualLayout(ROWS.shape, "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "points", ROWS.shape)
            file.create_virtual_dataset("virtual", layout)
            file["group/again"] = file["points"]
            file["group/loop"] = file["/"]
        source = str(tmp_path / "a.h5")
        assert open_table(source).dim == 3
        for name in ("soft", "far"):
            assert "is a link, which is not followed" in complaint(f"{source}::{name}")
        for name in ("raw", "virtual"):
            assert "lies in other files, which are not opened" in complaint(f"{source}::{name}")
        assert "holds no array 'far/x'" in complaint(f"{source}::far/x")

    def test_what_is_no_table(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["text"] = "hello"
            file["strings"] = ["a", "b"]
            file["records"] = np.zeros(5, dtype=[("x", "f8")])
            file["complex"] = ROWS.astype(complex)
            file["reference"] = file["text"].ref
            file.create_dataset("ragged", (5,), dtype=h5py.vlen_dtype(np.float64))
            file.create_dataset("nothing", data=h5py.Empty("f8"))
            file.create_dataset("unwritten", (10**12, 2), "f4")
            file.create_dataset("sparse", (10**12, 2), "f4", chunks=(1000, 2))
            names = list(file)
        for name in names:
            complaint(f"{tmp_path / 'a.h5'}::{name}")
        for name in ("text", "strings"):
            assert "holds text, not real numbers" in complaint(f"{tmp_path / 'a.h5'}::{name}")
        for name in ("reference", "ragged"):
            assert "holds references or rows of different lengths" in complaint(f"{tmp_path / 'a.h5'}::{name}")
        assert "was never written" in complaint(f"{tmp_path / 'a.h5'}::unwritten")
        assert "was not written to its end" in complaint(f"{tmp_path / 'a.h5'}::sparse")

    def test_compressed_data_beyond_memory_is_refused_unread(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", data=ROWS, compression="gzip")
        monkeypatch.setattr(hdf5_file, "MOST_HELD", 1000)
        assert "and is compressed or stored in pieces of rows" in complaint(str(tmp_path / "a.h5"))

    def test_an_export_of_our_own_as_data(self, tmp_path: Path) -> None:
        from dnf_studio.config import Config
        from dnf_studio.core.models.diffflow import DiffFlow

        small = Config.create({"network": {"layers": 1, "channels": 8}, "sde": {"steps": 3}})
        for _ in export_samples(DiffFlow(2, small), tmp_path / "a.h5", ExportPlan(300)):
            pass
        table = read_table(f"{tmp_path / 'a.h5'}::samples")
        with h5py.File(tmp_path / "a.h5") as file:
            np.testing.assert_array_equal(next(table.blocks())[1].astype("f4"), file["samples"][()])
        assert table.mapped and open_table(f"{tmp_path / 'a.h5'}::latents").dim == 2
        assert "holds several arrays, 'latents', 'samples'" in complaint(str(tmp_path / "a.h5"))

    def test_files_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "a.h5").write_bytes(b"text")
        assert "is not an HDF5 file." in complaint(str(tmp_path / "a.h5"))
        (tmp_path / "a.h5").touch()
        (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
        assert "is damaged or cut short" in complaint(str(tmp_path / "b.h5"))


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_truncations_and_damage_are_one_sentence(
    kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for compressed in (False, True) if kind == "npz" else (False,):
        path = tmp_path / f"a.{kind}"
        whole = Path(npz(path, compressed, x=ROWS) if kind == "npz" else hdf5(path, x=ROWS)).read_bytes()
        for length in range(0, len(whole), 97):
            (tmp_path / f"cut.{kind}").write_bytes(whole[:length])
            complaint(str(tmp_path / f"cut.{kind}"))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), compressed=st.booleans(), byte=st.integers(0, 255))
def test_damaged_archives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, compressed: bool, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.npz"
    content = bytearray(Path(npz(path, compressed, x=ROWS[:5], y=ROWS[:5])).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = byte
    path.write_bytes(content)
    for source in (str(path), f"{path}::x"):
        try:
            open_table(source, drop_constant=True)
        except DataError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


def test_a_generator_draws_from_chunks(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=ROWS, chunks=(7, 3))
    data = open_table(str(tmp_path / "a.h5"))
    alone = open_table(npy(tmp_path / "a.npy", ROWS))
    assert torch.equal(*(d.draw(50, torch.Generator().manual_seed(1)) for d in (data, alone)))
