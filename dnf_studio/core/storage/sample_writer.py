"""Rows written into an export that has a place for each, and checked again where it is gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import explain, writing
from dnf_studio.core.sampling.blocks import SampleBlock
from dnf_studio.core.storage.checksums import BlockSums
from dnf_studio.core.storage.journal import Entry
from dnf_studio.core.storage.sample_file import Contents
from dnf_studio.core.storage.sink import Sink
from dnf_studio.errors import ExportError

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.fresh import Reach

CACHE_BYTES = 1 << 22
VIEW = ("x", "y", "latent_radius")
"""The datasets of the group ``view``."""
SLICE_BYTES = 1 << 24
"""About what is read at once of all datasets together."""


def slices(contents: Contents, stop: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Rows start … stop − 1 in parts that fit into memory, as pairs of first and last but one."""
    rows = max(1, SLICE_BYTES // sum(contents.row_bytes(name) for name in contents.axes))
    for first in range(start, stop, rows):
        yield first, min(first + rows, stop)


class Hdf5Output:
    """An HDF5 file that is written, closed at the end of the context or, where the block fails, dropped as it is.

    `shown` is the path that errors name. Every failure of the disk is an `ExportError`.
    """

    def __init__(self, path: Path, shown: Path, new: bool) -> None:
        self._path, self._shown, self._new = path, shown, new
        self.file: Any = None

    def __enter__(self) -> Self:
        import h5py

        with writing(self._shown, ExportError):
            self._sink = Sink(self._path, self._new)
        try:
            with self.disk():
                self.file = h5py.File(self._sink, "w" if self._new else "r+", rdcc_nbytes=CACHE_BYTES)
        except BaseException:
            self._sink.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with self.disk():
                    self.file.close()
                    self._sink.sync()
        finally:
            self._sink.drop()
            try:
                with self.disk():
                    self.file.close()
            finally:
                self._sink.close()

    def flush(self, to_disk: bool) -> None:
        """Hand all that was written to the system, and wait until it is on the disk."""
        with self.disk():
            self.file.flush()
            if to_disk:
                self._sink.sync()

    @contextmanager
    def disk(self) -> Iterator[None]:
        """Failures of the disk as one sentence."""
        try:
            yield
        except (OSError, RuntimeError) as problem:
            reason = explain(self._sink.failure or problem)
            raise ExportError(f"Cannot write '{self._shown}': {reason}.") from problem
        if self._sink.failure is not None:
            raise ExportError(f"Cannot write '{self._shown}': {explain(self._sink.failure)}.")


class SampleWriter:
    """Writes the rows of one export, in order, and counts samples beyond `reach`."""

    def __init__(self, output: Hdf5Output, shown: Path, contents: Contents, reach: Reach | None = None) -> None:
        self._output, self._shown, self._contents, self._reach = output, shown, contents, reach
        self.sums = BlockSums(contents.axes)
        self.drawn = 0
        """How many samples were drawn for those that were written."""
        self.far = None if reach is None else 0
        """How many samples far from the data were written so far, None where that is not known."""

    @property
    def contents(self) -> Contents:
        """What the file holds."""
        return self._contents

    @property
    def rows(self) -> int:
        """How many rows were written so far."""
        return self.sums.rows

    def write(
        self,
        block: SampleBlock,
        drawn: int,
        log_prob: NDArray[np.float32] | None = None,
        labels: NDArray[np.intp] | None = None,
    ) -> None:
        """Write the rows of a block, those beyond the count left out, for which so many samples were drawn."""
        start, stop = block.start, min(block.start + len(block.samples), self._contents.count)
        self.drawn = drawn
        if stop == start:
            return
        values = self._values(block, stop - start, {"log_prob": log_prob, "labels": labels})
        file = self._output.file
        with self._output.disk():
            for name, rows in values.items():
                file[name][start:stop] = rows
            if self._reach is not None and self.far is not None:
                self.far += self._reach.far(values["samples"])
            if start < self._contents.view:
                self._write_view(block, start, min(stop, self._contents.view))
        self.sums.add(values)

    def entry(self) -> Entry:
        """What a journal keeps of how far this is."""
        return Entry(self.rows, self.drawn, self.far, self.sums.state())

    def go_on(self, entries: Sequence[Entry]) -> int:
        """Take up the rows that are in the file, as far as they are what the `entries` of a journal say; how many of
        these hold. Raises `ExportError` where the file is another one."""
        if not self._fits():
            raise ExportError(
                f"What is left of the interrupted export of '{self._shown}' is no part of it; begin anew."
            )
        good = list(entries)
        while good:
            self.sums = BlockSums(self._contents.axes)
            bad = next((k for k, entry in enumerate(good) if not self._holds(entry)), None)
            if bad is None:
                self.drawn, self.far = good[-1].drawn, good[-1].far
                return len(good)
            good = good[:bad]
        self.sums = BlockSums(self._contents.axes)
        return 0

    def copy(self, whole: Any, other: SampleWriter) -> None:  # noqa: ANN401 - h5py has no types
        """Take the first rows of the file `whole`, which `other` has written, as many as there are here."""
        contents = self._contents
        for start, stop in slices(contents, contents.count):
            self.put({name: whole[name][start:stop] for name in contents.axes})
        self.put_view({name: whole["view"][name][: contents.view] for name in VIEW})
        self.drawn, self.far = other.drawn, other.far

    def put(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Write the next rows of every dataset, as another file has them."""
        file, start = self._output.file, self.rows
        with self._output.disk():
            for name, rows in values.items():
                file[name][start : start + len(rows)] = rows
        self.sums.add(values)

    def put_view(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Write what a viewer is shown first, as another file has it."""
        with self._output.disk():
            for name in VIEW:
                self._output.file["view"][name][:] = values[name]

    def finish(self, tables: Mapping[str, NDArray[np.uint8]] | None = None) -> None:
        """Write the sums and what was counted: the file is whole.

        The sums are those of the rows that were written, or `tables` where these are in other files.
        """
        attributes, sums = self._output.file.attrs, self._output.file["checksums"]
        with self._output.disk():
            for name in self._contents.axes:
                sums[name][:] = self.sums.table(name) if tables is None else tables[name]
            if self.far is not None:
                attributes.modify("far_samples", np.int64(self.far))
            if self._contents.row:
                attributes.modify("drawn_samples", np.int64(self.drawn))
            attributes.modify("complete", np.int8(1))

    def _fits(self) -> bool:
        """Whether the file has all datasets that rows are written to."""
        file, contents = self._output.file, self._contents
        with self._output.disk():
            try:
                rows = [(file[name].shape, file[name].dtype) for name in contents.axes]
                view = [file["view"][name].shape for name in VIEW]
                sums = [file["checksums"][name].shape for name in contents.axes]
            except KeyError:
                return False
        expected = [(contents.shape(name), np.dtype(contents.dtype(name))) for name in contents.axes]
        return rows == expected and set(view) == {(contents.view,)} and {len(shape) for shape in sums} == {2}

    def _holds(self, entry: Entry) -> bool:
        """Whether the file has the rows of `entry`, which are added to the sums."""
        if not self.rows <= entry.rows <= self._contents.count:
            return False
        file = self._output.file
        with self._output.disk():
            for start, stop in slices(self._contents, entry.rows, self.rows):
                self.sums.add({name: file[name][start:stop] for name in self._contents.axes})
        return self.sums.state() == entry.state

    def _values(
        self, block: SampleBlock, count: int, more: Mapping[str, NDArray[Any] | None]
    ) -> dict[str, NDArray[Any]]:
        """What each dataset gets of a block, in its type."""
        found = {}
        for name in self._contents.axes:
            rows = more[name] if name in more else getattr(block, {"row": "rows"}.get(name, name))
            if rows is None:
                raise ExportError(f"Cannot write '{self._shown}': the sampler gave no {name}.")
            found[name] = np.ascontiguousarray(rows[:count], self._contents.dtype(name))
        return found

    def _write_view(self, block: SampleBlock, start: int, stop: int) -> None:
        rows = stop - start
        view = self._output.file["view"]
        view["x"][start:stop] = block.samples[:rows, 0]
        view["y"][start:stop] = block.samples[:rows, 1] if self._contents.dim > 1 else block.latents[:rows, 0]
        view["latent_radius"][start:stop] = np.linalg.norm(block.latents[:rows], axis=1)
