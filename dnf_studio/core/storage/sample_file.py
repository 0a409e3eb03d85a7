"""What an export holds: the datasets, scales and attributes of one HDF5 file, made before its rows are known.

Plain float32 arrays in chunks near 1 MiB, readable without us by h5py, h5web, silx, xarray (every
dimension has a scale, as in netCDF-4) and a PyTorch Dataset. The root attribute `far_samples`, which is there
where the data was at hand, counts the samples beyond 1.5 times the bounding box of the data. Every byte has its
place from the start, so that rows are filled in without a change of HDF5's own tables: a process that is killed leaves
a file that can be opened, and one that is interrupted and gone on with is the file that would have been.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.core.storage.checksums import SUM_BYTES
from dnf_studio.core.storage.shards import FILL, Shard

FORMAT = "dnf-studio-samples"
FORMAT_VERSION = 1
CHUNK_BYTES = 1 << 20
CACHE_BYTES = 1 << 22
VIEW_POINTS = 10_000
LABELS = {
    "samples": ("sample, data units", "data"),
    "latents": ("latent, the state at t_N, model units", "1"),
    "trajectories": ("state on the way from t_N to t_0, data units", "data"),
    "noise": ("noise of the backward steps in the order drawn", "1"),
    "log_prob": ("log density of the sample, data units", "nat"),
    "forward_trajectories": ("state of the forward path of the same point, t_N first, data units", "data"),
    "labels": ("number of the label of the nearest row of the data, in label_names", "1"),
    "forward_noise": ("noise of the forward step between step j + 1 and step j", "1"),
    "row": ("number of the sample among all that were drawn", "1"),
}
AXES: dict[str, tuple[str, ...]] = {
    "samples": ("sample", "component"),
    "latents": ("sample", "component"),
    "trajectories": ("sample", "step", "component"),
    "noise": ("sample", "noise_step", "component"),
    "log_prob": ("sample",),
    "forward_trajectories": ("sample", "step", "component"),
    "forward_noise": ("sample", "noise_step", "component"),
    "labels": ("sample",),
    "row": ("sample",),
}
"""The dimensions of each dataset that has a row a sample."""
NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."


@dataclass(frozen=True)
class Contents:
    """How many samples of D = `dim` components over N = `steps` steps, and what is kept of them."""

    count: int
    dim: int
    steps: int
    latents: bool = True
    trajectories: bool = False
    noise: bool = False
    log_prob: bool = False
    compress: bool = False
    forward_trajectories: bool = False
    forward_noise: bool = False
    labels: int = 0
    """How many labels a sample can have; 0 where none are kept."""
    row: bool = False
    """Whether the samples are some of those that were drawn, and which is said."""

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Those of `AXES` that are kept."""
        return {name: axes for name, axes in AXES.items() if name == "samples" or getattr(self, name)}

    def dtype(self, name: str) -> type[np.float32 | np.int32 | np.int64]:
        """The type of the values of a dataset."""
        if name == "row":
            return np.int64
        return np.int32 if name == "labels" else np.float32

    def row_bytes(self, name: str) -> int:
        """The size of a row of a dataset."""
        return math.prod(self.shape(name)[1:]) * np.dtype(self.dtype(name)).itemsize

    @property
    def view(self) -> int:
        """How many samples a viewer is shown first."""
        return min(self.count, VIEW_POINTS)

    @property
    def blocks(self) -> int:
        """How many sums each dataset has."""
        return -(-self.count // BLOCK)

    @property
    def lengths(self) -> dict[str, int]:
        """The length of each dimension."""
        return {"sample": self.count, "step": self.steps + 1, "noise_step": self.steps, "component": self.dim} | (
            {"label": self.labels} if self.labels else {}
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a dataset."""
        return tuple(self.lengths[axis] for axis in self.axes[name])

    def chunk(self, name: str) -> tuple[int, ...]:
        """Whole rows that fill about 1 MiB, never more than there are."""
        rows, *rest = self.shape(name)
        return (min(rows, max(1, CHUNK_BYTES // self.row_bytes(name))), *rest)


def file_bytes(contents: Contents) -> int:
    """The size of the file without compression, a little too large: HDF5 stores whole chunks."""
    total = 1 << 17
    for name in contents.axes:
        rows = contents.chunk(name)[0]
        chunks = -(-contents.count // rows)
        total += chunks * (rows * contents.row_bytes(name) + 128) + contents.blocks * SUM_BYTES
    return total + 12 * min(contents.count, VIEW_POINTS) + 12 * (contents.steps + 1) + 4 * contents.dim


def create_contents(
    file: Any,  # noqa: ANN401 - h5py has no types
    contents: Contents,
    attributes: Mapping[str, Any],
    times: NDArray[np.floating],
    columns: tuple[str, ...],
    provenance: Mapping[str, str],
    labels: tuple[str, ...] = (),
    shards: Sequence[Shard] = (),
) -> None:
    """Create everything that `contents` asks for in the new `file`, with places for rows, sums and what is counted.

    `times` (N+1,) are in sampling order, and there is a name for each component and label. What is counted is in
    `attributes` with a value that is changed at the end. With `shards` there are no places for rows: they are theirs.
    """
    # Long by its docstring, which tells each parameter
    import h5py

    text = h5py.string_dtype("utf-8")
    for name, value in attributes.items():
        file.attrs.create(name, value, dtype=text if isinstance(value, str) else None)
    _create_scales(file, contents)
    for name in contents.axes:
        _create_rows(file, contents, name, shards)
    file["samples"].attrs.create("columns", columns, dtype=text)
    if any("step" in axis for axes in contents.axes.values() for axis in axes):
        time = file.create_dataset("time", data=times.astype(np.float32))
        _label(time, "time t of each step, from t_N to t_0", "1")
        _attach(file, time, ("step",))
    for name, value in provenance.items():
        raw = value.encode()  # of fixed length: HDF5 hangs or dies on damaged strings of variable length
        file.create_dataset(f"provenance/{name}", data=raw, dtype=h5py.string_dtype("utf-8", len(raw)))
    _create_view(file, contents, columns)
    if labels:
        # Of fixed length, as the texts above
        texts = [name.encode() for name in labels]
        kind = h5py.string_dtype("utf-8", max([1, *map(len, texts)]))
        names = file.create_dataset("label_names", data=np.array(texts, kind))
        _label(names, "what the numbers in labels stand for", "1")
        _attach(file, names, ("label",))
    sums = file.create_group("checksums")
    sums.attrs.create("algorithm", "sha256", dtype=text)
    sums.attrs.create("rows", np.int64(BLOCK))
    for name in contents.axes:
        sums.create_dataset(name, (contents.blocks, SUM_BYTES), dtype=np.uint8, dcpl=_placed())


def _placed() -> Any:  # noqa: ANN401 - h5py has no types
    """That a dataset has its place in the file from the start, without values."""
    import h5py

    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    return plan


def _create_scales(file: Any, contents: Contents) -> None:  # noqa: ANN401 - h5py has no types
    """Dimension scales: numbers for steps and components, for samples the length alone (no bytes)."""
    lengths = contents.lengths
    sample = file.create_dataset("sample", (lengths["sample"],), dtype=">f4")
    sample.make_scale(f"{NO_VARIABLE}{lengths['sample']:10d}")
    labels = {"step": "step, 0 at t_N", "component": "component"}
    if contents.noise or contents.forward_noise:
        labels["noise_step"] = "draw j leads from step j to step j + 1"
    if contents.labels:
        labels["label"] = "number of a label"
    for name, label in labels.items():
        scale = file.create_dataset(name, data=np.arange(lengths[name], dtype=np.int32))
        scale.make_scale(name)
        _label(scale, label, "1")


def _create_rows(file: Any, contents: Contents, name: str, shards: Sequence[Shard]) -> None:  # noqa: ANN401 - as above
    if shards:
        _show_rows(file, contents, name, shards)
        return
    # How long compressed rows are is not known before
    how = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if contents.compress else {"dcpl": _placed()}
    rows = file.create_dataset(
        name, contents.shape(name), dtype=contents.dtype(name), chunks=contents.chunk(name), **how
    )
    _label(rows, *LABELS[name])
    _attach(file, rows, contents.axes[name])


def _show_rows(file: Any, contents: Contents, name: str, shards: Sequence[Shard]) -> None:  # noqa: ANN401 - as above
    import h5py

    kind = np.dtype(contents.dtype(name))
    layout = h5py.VirtualLayout(contents.shape(name), kind)
    for shard in shards:
        shape = (shard.rows, *contents.shape(name)[1:])
        layout[shard.first : shard.stop] = h5py.VirtualSource(shard.name, name, shape, kind)
    rows = file.create_virtual_dataset(name, layout, fillvalue=FILL[kind.kind])
    _label(rows, *LABELS[name])
    _attach(file, rows, contents.axes[name])


def _create_view(file: Any, contents: Contents, columns: tuple[str, ...]) -> None:  # noqa: ANN401 - h5py has no types
    """A scatter plot of the first points, for viewers that know NeXus."""
    import h5py

    text, count = h5py.string_dtype("utf-8"), contents.view
    view = file.create_group("view")
    for name, value in {"NX_class": "NXdata", "signal": "latent_radius", "title": "The first samples"}.items():
        view.attrs.create(name, value, dtype=text)
    view.attrs.create("axes", ["x", "y"], dtype=text)
    point = view.create_dataset("point", (count,), dtype=">f4")
    point.make_scale(f"{NO_VARIABLE}{count:10d}")
    second = (columns[1], "data") if contents.dim > 1 else ("latent, model units", "1")
    labels = {"x": (columns[0], "data"), "y": second, "latent_radius": ("‖z‖, distance of the latent from 0", "1")}
    for name, label in labels.items():
        values = view.create_dataset(name, (count,), dtype=np.float32, dcpl=_placed())
        _label(values, *label)
        values.dims[0].attach_scale(point)


def _attach(file: Any, dataset: Any, axes: tuple[str, ...]) -> None:  # noqa: ANN401 - h5py has no types
    for dimension, axis in zip(dataset.dims, axes, strict=True):
        dimension.label = axis
        dimension.attach_scale(file[axis])


def _label(dataset: Any, long_name: str, units: str) -> None:  # noqa: ANN401 - h5py has no types
    import h5py

    for name, value in {"long_name": long_name, "units": units}.items():
        dataset.attrs.create(name, value, dtype=h5py.string_dtype("utf-8"))
