"""Whether an export is still what was written: its numbers, its sums, and some of its samples drawn once more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.blocks import BLOCK, SUB_BLOCK, SampleBlock, sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checksums import BlockSums
from dnf_studio.core.storage.export_header import ExportInfo
from dnf_studio.core.storage.sample_file import Contents
from dnf_studio.core.storage.sample_reader import opened_export, read_checksums, read_export, read_rows, rows_of
from dnf_studio.core.storage.sample_writer import slices
from dnf_studio.errors import ExportError, SettingError

Blocks = Literal["some", "all"] | Sequence[int]
"""Which sub-blocks of 1,024 drawn samples are drawn once more; `some` are the first, the last and one in between."""
TOLERANCE = 1e-5
"""How far a number may be from the one that is drawn again, of 1 or, where that is more, of its own size."""
DRAWN = ("samples", "latents", "trajectories", "noise")


@dataclass(frozen=True)
class Checked:
    """How far this is."""

    done: int
    total: int
    """Rows, those that are drawn once more counted a second time."""


@dataclass(frozen=True)
class Verified:
    """What was found to be right."""

    rows: int
    datasets: tuple[str, ...]
    checksums: int | None
    """How many sums agree; None where the file, of an older version, has none."""
    redrawn: tuple[int, ...]
    """The sub-blocks of 1,024 drawn samples that were drawn once more, at most the first thousand of them."""
    rows_redrawn: int
    largest_difference: float | None
    """0 where every byte is the same; None where nothing was drawn."""
    seconds: float


def verify_export(
    path: Path, flow: GenerativeModel | None = None, blocks: Blocks = "some"
) -> Iterator[Checked | Verified]:
    """Check the export at `path`; at last comes what was `Verified`. Raises `ExportError` for the first fault.

    With the model `flow` that drew it, the sub-blocks that `blocks` names are drawn once more.
    """
    began, info = time.monotonic(), read_export(path)
    redraws = _redraws(path, info, blocks) if flow is not None else []
    sums, found, total = read_checksums(path), None, info.count + len(redraws) * SUB_BLOCK
    with opened_export(path) as (file, _):
        for found in _check_rows(path, info, sums, partial(rows_of, file)):
            yield Checked(found.rows, total)
    drawn, worst = 0, None
    for k, number in enumerate(redraws):
        assert flow is not None
        rows, difference = _redraw(path, info, flow, number)
        drawn, worst = drawn + rows, max(worst or 0.0, difference)
        yield Checked(info.count + (k + 1) * SUB_BLOCK, total)
    agreeing = None if sums is None else sum(len(table) for table in sums.values())
    seconds = time.monotonic() - began
    yield Verified(info.count, info.datasets, agreeing, tuple(redraws[:1000]), drawn, worst, seconds)


def _check_rows(
    path: Path, info: ExportInfo, sums: dict[str, NDArray[np.uint8]] | None, read: Callable[..., NDArray[Any]]
) -> Iterator[BlockSums]:
    """Read all rows, a part at a time; raise `ExportError` for the first that is wrong."""
    found = BlockSums(info.datasets)
    held = {name: True for name in info.datasets if name not in ("samples", "labels")}
    contents = Contents(info.count, info.dim, info.steps, **({"latents": False} | held))
    last = -1
    for start, stop in slices(contents, info.count):
        values = {name: read(name, start, stop) for name in info.datasets}
        for name, rows in values.items():
            _check_finite(path, name, rows, start)
        if "trajectories" in values and not np.array_equal(values["trajectories"][:, -1], values["samples"]):
            raise ExportError(f"The trajectories in '{path}' do not end at its samples, from row {start:,} on.")
        if "row" in values:
            numbers = np.concatenate([[last], values["row"]])
            last = int(numbers[-1])
            if (np.diff(numbers) <= 0).any() or last >= (info.drawn_samples or 0):
                raise ExportError(f"The numbers of the draws in '{path}' do not rise below their count.")
        found.add(values)
        yield found
    for name, table in (sums or {}).items():
        wrong = np.flatnonzero((found.table(name) != table).any(axis=1))
        if len(wrong):
            first = int(wrong[0]) * BLOCK
            raise ExportError(
                f"Rows {first:,} to {min(first + BLOCK, info.count) - 1:,} of {name} in '{path}' are not what was "
                "written: their SHA-256 sum is another; draw the export again."
            )


def _check_finite(path: Path, name: str, rows: NDArray[np.float32], start: int) -> None:
    if not np.issubdtype(rows.dtype, np.floating):
        return
    # A density may be 0 in float32
    fine = ~np.isnan(rows) if name == "log_prob" else np.isfinite(rows)
    if not fine.all():
        row = start + int(np.flatnonzero(~fine.reshape(len(rows), -1).all(axis=1))[0])
        raise ExportError(f"Row {row:,} of {name} in '{path}' is not finite; draw the export again.")


def _redraws(path: Path, info: ExportInfo, blocks: Blocks) -> list[int]:
    """The numbers of the sub-blocks to draw; raises `SettingError` for one that the file has not."""
    known = range(-(-(info.drawn_samples or info.count) // SUB_BLOCK))
    if blocks == "all":
        return list(known)
    if blocks == "some":
        rows = [0, info.count - 1, int(np.random.default_rng().integers(info.count))]
        if "row" in info.datasets:
            rows = [int(read_rows(path, "row", k, k + 1)[0]) for k in rows]
        return sorted({row // SUB_BLOCK for row in rows})
    wanted = sorted({int(number) for number in blocks})
    if wanted and not (wanted[0] >= 0 and wanted[-1] in known):
        raise SettingError(
            f"The export has the blocks 0 to {known[-1]:,}, of {SUB_BLOCK:,} drawn samples each, not {wanted[-1]:,}."
        )
    return wanted


def _redraw(path: Path, info: ExportInfo, flow: GenerativeModel, number: int) -> tuple[int, float]:
    """Draw a sub-block again: how many rows of the file it has, and by how much they differ at most."""
    start, stop = _rows_of(path, info, number)
    if start == stop:
        return 0, 0.0
    settings, most, before = _settings(path, info)
    paths, noise = "trajectories" in info.datasets, "noise" in info.datasets
    first = number * SUB_BLOCK
    begin, end = before + first, before + most
    block = next(sample_blocks(flow, end, settings, trajectories=paths, noise=noise, start=begin, rows=SUB_BLOCK))
    places: NDArray[Any] = np.arange(start, stop)
    if "row" in info.datasets:
        places = read_rows(path, "row", start, stop)
    worst = 0.0
    for name in DRAWN:
        if name in info.datasets:
            worst = max(worst, _compare(path, name, read_rows(path, name, start, stop), block, places - first, start))
    return stop - start, worst


def _compare(
    path: Path, name: str, rows: NDArray[np.float32], block: SampleBlock, places: NDArray[Any], start: int
) -> float:
    """By how much `rows` differ at most from those of `block`; raises `ExportError` where that is too much."""
    expected = getattr(block, name)[places].astype(np.float64)
    away = np.abs(rows - expected)
    bad = (away > TOLERANCE * np.maximum(1.0, np.abs(expected))).reshape(len(rows), -1).any(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ExportError(
            f"Row {start + row:,} of {name} in '{path}' is not what its model draws: it differs by "
            f"{away[row].max():.3g}; draw the export again."
        )
    return float(away.max())


def _rows_of(path: Path, info: ExportInfo, number: int) -> tuple[int, int]:
    """The rows of the file, first and last but one, that were drawn in a sub-block."""
    first, end = number * SUB_BLOCK, (number + 1) * SUB_BLOCK
    if "row" not in info.datasets:
        return first, min(end, info.count)
    return _first_from(path, info, first), _first_from(path, info, end)


def _first_from(path: Path, info: ExportInfo, drawn: int) -> int:
    """The first row whose draw has this number or a higher one; they rise."""
    low, high = 0, info.count
    while low < high:
        middle = (low + high) // 2
        if read_rows(path, "row", middle, middle + 1)[0] < drawn:
            low = middle + 1
        else:
            high = middle
    return low


def _settings(path: Path, info: ExportInfo) -> tuple[SampleSettings, int, int]:
    """How the samples were drawn, how many at most, and how many of the seed come before them."""
    told, region = info.sampling, info.sampling.get("region")
    try:
        grid = told["grid"]
        settings = SampleSettings(
            info.steps,
            told["lam"],
            told["last"],
            tuple(grid) if isinstance(grid, list) else grid,
            info.seed,
            told["solver"],
            told.get("langevin", 0),
        )
        before = int(told.get("first", 0))
        if before < 0 or before % BLOCK:
            raise ValueError("no first sample of a shard")
        return settings, int(region["most_drawn"]) if region else info.count, before
    except (KeyError, TypeError, ValueError, SettingError) as problem:
        raise ExportError(f"How the samples of '{path}' were drawn cannot be read from it.") from problem
