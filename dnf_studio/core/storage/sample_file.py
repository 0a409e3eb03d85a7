"""What an export holds: the datasets, scales and attributes of one HDF5 file.

Plain float32 arrays in chunks near 1 MiB, readable without us by h5py, h5web, silx, xarray (every
dimension has a scale, as in netCDF-4) and a PyTorch Dataset. The root attribute `far_samples`, which is there
where the data was at hand, counts the samples beyond 1.5 times the bounding box of the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import explain
from dnf_studio.core.sampling.blocks import SampleBlock
from dnf_studio.core.storage.sink import Sink
from dnf_studio.errors import ExportError

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.fresh import Reach

__all__ = ["FORMAT", "FORMAT_VERSION", "Contents", "SampleWriter", "file_bytes"]

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

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Those of `AXES` that are kept."""
        return {name: axes for name, axes in AXES.items() if name == "samples" or getattr(self, name)}

    def dtype(self, name: str) -> type[np.float32 | np.int32]:
        """The type of the values of a dataset."""
        return np.int32 if name == "labels" else np.float32

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
        return (min(rows, max(1, CHUNK_BYTES // (4 * math.prod(rest)))), *rest)


def file_bytes(contents: Contents) -> int:
    """The size of the file without compression, a little too large: HDF5 stores whole chunks."""
    total = 1 << 17
    for name in contents.axes:
        chunk = contents.chunk(name)
        chunks = -(-contents.count // chunk[0])
        total += chunks * (4 * math.prod(chunk) + 128)
    return total + 12 * min(contents.count, VIEW_POINTS) + 12 * (contents.steps + 1) + 4 * contents.dim


class SampleWriter:
    """Writes one export; as a context manager it closes the file, discarding it where the block fails.

    `shown` is the path that errors name. Samples beyond `reach` are counted. Every failure of the disk is an
    `ExportError`.
    """

    def __init__(
        self,
        partial: Path,
        shown: Path,
        contents: Contents,
        attributes: Mapping[str, Any],
        reach: Reach | None = None,
    ) -> None:
        self._partial, self._shown = partial, shown
        self._contents, self._attributes = contents, attributes
        self._reach = reach
        self.far = None if reach is None else 0
        """How many samples far from the data were written so far, None where that is not known."""
        self._view = min(contents.count, VIEW_POINTS)

    def __enter__(self) -> Self:
        import h5py

        try:
            self._sink = Sink(self._partial)
        except OSError as problem:
            raise ExportError(f"Cannot write '{self._shown}': {explain(problem)}.") from problem
        try:
            with self._disk():
                self._file = h5py.File(self._sink, "w", rdcc_nbytes=CACHE_BYTES)
        except BaseException:
            self._sink.close()
            raise
        return self

    def describe(
        self,
        times: NDArray[np.floating],
        columns: tuple[str, ...],
        provenance: Mapping[str, str],
        labels: tuple[str, ...] = (),
    ) -> None:
        """Create everything but the rows: `times` (N+1,) in sampling order, a name for each component and label."""
        import h5py

        text = h5py.string_dtype("utf-8")
        with self._disk():
            for name, value in self._attributes.items():
                self._file.attrs.create(name, value, dtype=text if isinstance(value, str) else None)
            self._create_scales()
            for name in self._contents.axes:
                self._create_rows(name)
            self._file["samples"].attrs.create("columns", columns, dtype=text)
            if any("step" in axis for axes in self._contents.axes.values() for axis in axes):
                time = self._file.create_dataset("time", data=times.astype(np.float32))
                _label(time, "time t of each step, from t_N to t_0", "1")
                self._attach(time, ("step",))
            for name, value in provenance.items():
                raw = value.encode()  # of fixed length: HDF5 hangs or dies on damaged strings of variable length
                self._file.create_dataset(f"provenance/{name}", data=raw, dtype=h5py.string_dtype("utf-8", len(raw)))
            self._create_view(columns)
            if labels:
                # Of fixed length, as the texts above
                texts = [name.encode() for name in labels]
                kind = h5py.string_dtype("utf-8", max([1, *map(len, texts)]))
                names = self._file.create_dataset("label_names", data=np.array(texts, kind))
                _label(names, "what the numbers in labels stand for", "1")
                self._attach(names, ("label",))

    def write(
        self, block: SampleBlock, log_prob: NDArray[np.float32] | None, labels: NDArray[np.intp] | None = None
    ) -> int:
        """Write the rows of a block, those beyond the count left out; the number of rows written so far."""
        start = block.start
        stop = min(start + len(block.samples), self._contents.count)
        rows = {
            "samples": block.samples,
            "latents": block.latents,
            "trajectories": block.trajectories,
            "noise": block.noise,
            "log_prob": log_prob,
            "forward_trajectories": block.forward_trajectories,
            "forward_noise": block.forward_noise,
            "labels": labels,
        }
        with self._disk():
            for name in self._contents.axes:
                values = rows[name]
                if values is None:
                    raise ExportError(f"Cannot write '{self._shown}': the sampler gave no {name}.")
                self._file[name][start:stop] = values[: stop - start]
            if self._reach is not None and self.far is not None:
                self.far += self._reach.far(block.samples[: stop - start])
            if start < self._view:
                self._write_view(block, start, min(stop, self._view))
        return stop

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with self._disk():
                    if self.far is not None:
                        self._file.attrs.create("far_samples", np.int64(self.far))
                    self._file.attrs.modify("complete", np.int8(1))
                    self._file.close()
        finally:
            self._sink.drop()
            with self._disk():
                self._file.close()
            self._sink.close()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Failures of the disk as one sentence."""
        try:
            yield
        except (OSError, RuntimeError) as problem:
            reason = explain(self._sink.failure or problem)
            raise ExportError(f"Cannot write '{self._shown}': {reason}.") from problem
        if self._sink.failure is not None:
            raise ExportError(f"Cannot write '{self._shown}': {explain(self._sink.failure)}.")

    def _create_scales(self) -> None:
        """Dimension scales: numbers for steps and components, for samples the length alone (no bytes)."""
        lengths = self._contents.lengths
        sample = self._file.create_dataset("sample", (lengths["sample"],), dtype=">f4")
        sample.make_scale(f"{NO_VARIABLE}{lengths['sample']:10d}")
        labels = {"step": "step, 0 at t_N", "component": "component"}
        if self._contents.noise or self._contents.forward_noise:
            labels["noise_step"] = "draw j leads from step j to step j + 1"
        if self._contents.labels:
            labels["label"] = "number of a label"
        for name, label in labels.items():
            scale = self._file.create_dataset(name, data=np.arange(lengths[name], dtype=np.int32))
            scale.make_scale(name)
            _label(scale, label, "1")

    def _create_rows(self, name: str) -> None:
        contents = self._contents
        filters = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if contents.compress else {}
        rows = self._file.create_dataset(
            name, contents.shape(name), dtype=contents.dtype(name), chunks=contents.chunk(name), **filters
        )
        _label(rows, *LABELS[name])
        self._attach(rows, contents.axes[name])

    def _create_view(self, columns: tuple[str, ...]) -> None:
        """A scatter plot of the first points, for viewers that know NeXus."""
        import h5py

        text = h5py.string_dtype("utf-8")
        view = self._file.create_group("view")
        for name, value in {"NX_class": "NXdata", "signal": "latent_radius", "title": "The first samples"}.items():
            view.attrs.create(name, value, dtype=text)
        view.attrs.create("axes", ["x", "y"], dtype=text)
        point = view.create_dataset("point", (self._view,), dtype=">f4")
        point.make_scale(f"{NO_VARIABLE}{self._view:10d}")
        second = (columns[1], "data") if self._contents.dim > 1 else ("latent, model units", "1")
        labels = {"x": (columns[0], "data"), "y": second, "latent_radius": ("‖z‖, distance of the latent from 0", "1")}
        for name, label in labels.items():
            values = view.create_dataset(name, (self._view,), dtype=np.float32)
            _label(values, *label)
            values.dims[0].attach_scale(point)

    def _write_view(self, block: SampleBlock, start: int, stop: int) -> None:
        rows = stop - start
        view = self._file["view"]
        view["x"][start:stop] = block.samples[:rows, 0]
        view["y"][start:stop] = block.samples[:rows, 1] if self._contents.dim > 1 else block.latents[:rows, 0]
        view["latent_radius"][start:stop] = np.linalg.norm(block.latents[:rows], axis=1)

    def _attach(self, dataset: Any, axes: tuple[str, ...]) -> None:  # noqa: ANN401 - h5py has no types
        for dimension, axis in zip(dataset.dims, axes, strict=True):
            dimension.label = axis
            dimension.attach_scale(self._file[axis])


def _label(dataset: Any, long_name: str, units: str) -> None:  # noqa: ANN401 - h5py has no types
    import h5py

    for name, value in {"long_name": long_name, "units": units}.items():
        dataset.attrs.create(name, value, dtype=h5py.string_dtype("utf-8"))
