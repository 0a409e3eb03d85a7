"""Samples written to HDF5 in constant memory, as an iterable of progress.

What a file holds is `sample_file`'s matter; reading one back is `sample_reader`'s.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import dnf_studio
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.hdf5_reading import note_own
from dnf_studio.core.data.modes import mode_names, modes_of
from dnf_studio.core.evaluation.fresh import Reach
from dnf_studio.core.files import atomic_file, check_target
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sampling.blocks import SUB_BLOCK, SampleBlock, sample_blocks
from dnf_studio.core.sde.sample_settings import STARTS, SampleSettings, Start, check_count
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.sample_file import FORMAT, FORMAT_VERSION, Contents, SampleWriter, file_bytes
from dnf_studio.core.storage.sample_reader import ExportInfo, read_export, read_rows
from dnf_studio.errors import DataError, ExportError, SettingError

__all__ = ["ExportInfo", "ExportPlan", "ExportProgress", "Selection", "export_samples", "read_export", "read_rows"]

MAX_SEED = 2**63


@dataclass(frozen=True)
class ExportPlan:
    """What to draw and which datasets to write; raises `SettingError` for a count that cannot be."""

    count: int
    settings: SampleSettings = field(default_factory=SampleSettings)
    trajectories: bool = False
    noise: bool = False
    latents: bool = True
    log_prob: bool = False
    compress: bool = False
    """gzip-1 with shuffle: 14% smaller, forty times slower to write."""
    forward: bool = False
    """Whether to write the trajectories and noise of the forward process; only points of a view have them."""
    labels: bool = False
    """Whether to write the label, or part, of the row of the data that is nearest to each sample."""

    def __post_init__(self) -> None:
        check_count(self.count)
        if self.settings.parts != "both":
            raise SettingError("An export is of the whole process, with drift and score.")
        if self.settings.seed >= MAX_SEED:
            raise SettingError("The seed of an export must be below 2^63.")

    def contents(self, dim: int, steps: int, labels: int = 1) -> Contents:
        """The datasets of the file for D = `dim` and N = `steps`, with so many `labels` where they are wanted."""
        return Contents(
            int(self.count),
            dim,
            steps,
            self.latents,
            self.trajectories,
            self.noise,
            self.log_prob,
            self.compress,
            self.forward and self.trajectories,
            self.forward and self.noise,
            labels if self.labels else 0,
        )

    def predicted_bytes(self, dim: int, steps: int) -> int:
        """The size of the file, which a compressed one stays below."""
        return file_bytes(self.contents(dim, steps))


@dataclass(frozen=True)
class Selection:
    """Chosen points of a view, written instead of new samples."""

    indices: tuple[int, ...]
    """Their numbers in the view, one for each row."""
    points: int
    """How many points the view has: their noise depends on it."""
    blocks: Iterable[SampleBlock]
    """The rows, in this order."""
    start: Start = "noise"
    """Whether they began as noise of their own or where the forward path of the same point ends."""


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is."""

    done: int
    total: int
    seconds: float
    seconds_left: float | None
    """None until something is done."""
    far: int | None = None
    """How many of those done lie far from the data, beyond 1.5 times its bounding box; None where it is not at hand."""


def export_samples(
    flow: GenerativeModel,
    path: Path,
    plan: ExportPlan,
    checkpoint: Checkpoint | None = None,
    selection: Selection | None = None,
    data: Dataset | None = None,
) -> Generator[ExportProgress, None, None]:
    """Draw samples and write them to `path`, whole or not at all.

    The target and the free space are checked at once; the work is done while the result is
    iterated. The last progress comes after the file is in place; closing the iterator earlier
    leaves no file and an older one untouched. `checkpoint` is what `flow` was built from, None for
    a model as it stands. With a `selection` its rows are written, of which there must be `plan.count`,
    and the file says so. With the `data` of the model the samples far from it are counted, as `Reach` says, into the
    root attribute `far_samples`, and where labels are wanted it is from there that they come; `DataError` where it has
    none. Raises `ExportError`, and `DivergenceError` for samples that are not finite.
    """
    if plan.forward and selection is None:
        raise SettingError("New samples have no forward paths; only points of a view have.")
    target = Path(path)
    folder = check_target(target, ExportError).parent
    grid = flow.grid(plan.settings.steps, plan.settings.grid)
    needed, free = plan.predicted_bytes(flow.dim, grid.steps), shutil.disk_usage(folder).free
    if needed > free:
        raise ExportError(
            f"The export needs {_size(needed)}, and only {_size(free)} are free in '{folder}'; "
            "export fewer samples or without trajectories."
        )
    return _export(flow, target, plan, checkpoint or Checkpoint.of_model(flow), selection, data)


def _export(
    flow: GenerativeModel,
    target: Path,
    plan: ExportPlan,
    checkpoint: Checkpoint,
    selection: Selection | None,
    data: Dataset | None,
) -> Generator[ExportProgress, None, None]:
    reach = None if data is None else Reach.of(flow, data)
    began = time.monotonic()
    grid = flow.grid(plan.settings.steps, plan.settings.grid)
    names = _label_names(plan, data)
    contents = plan.contents(flow.dim, grid.steps, len(names))
    times = grid.t.flip(0).cpu().numpy()
    level = plan.settings.level if flow.checked_solver(plan.settings.solver).noise else 0.0
    attributes = _attributes(flow, plan, grid.steps, level, checkpoint, selection)
    provenance = _provenance(flow, plan, grid.steps, checkpoint, selection)
    yield ExportProgress(0, plan.count, 0.0, None)
    with atomic_file(target, ExportError) as partial, BlockPool(worker_threads(flow.device)) as pool:
        with SampleWriter(partial, target, contents, attributes, reach) as writer:
            writer.describe(times, _columns(flow, checkpoint), provenance, names)
            for block in _drawn(flow, plan) if selection is None else selection.blocks:
                log_prob = _log_prob(flow, block, pool) if plan.log_prob else None
                labels = modes_of(data, block.samples) if plan.labels and data is not None else None
                done = writer.write(block, log_prob, labels)
                if done < plan.count:
                    yield _progress(done, plan.count, began, writer.far)
        _verify(partial, target, contents)
    yield _progress(plan.count, plan.count, began, writer.far)


def _drawn(flow: GenerativeModel, plan: ExportPlan) -> Iterable[SampleBlock]:
    """New samples of the model."""
    kept = {"trajectories": plan.trajectories, "noise": plan.noise}
    if not plan.log_prob:
        return sample_blocks(flow, plan.count, plan.settings, **kept)
    # log p comes from an adaptive solver, whose steps depend on all rows it is given: whole sub-blocks only. It takes
    # seconds for each, and so no more come at once than are computed at once: a cancel waits no longer
    count, rows = -(-plan.count // SUB_BLOCK) * SUB_BLOCK, SUB_BLOCK * worker_threads(flow.device)
    return sample_blocks(flow, count, plan.settings, **kept, rows=rows)


def _label_names(plan: ExportPlan, data: Dataset | None) -> tuple[str, ...]:
    """What the labels are called, where they are wanted; raises `DataError` where there are none."""
    if not plan.labels:
        return ()
    if data is None:
        raise DataError(
            "The labels of samples are those of the data, which is not here as it was; export without them."
        )
    if not (names := mode_names(data)):
        raise DataError(f"The data '{data.name}' has no labels; export without them.")
    return names


def _progress(done: int, total: int, began: float, far: int | None) -> ExportProgress:
    seconds = time.monotonic() - began
    return ExportProgress(done, total, seconds, seconds * (total - done) / done, far)


def _log_prob(flow: GenerativeModel, block: SampleBlock, pool: BlockPool) -> NDArray[np.float32]:
    """Log density (n,) of the samples of a block, sub-block by sub-block, nats, data units."""

    def one(rows: NDArray[np.float32]) -> torch.Tensor:
        return flow.log_prob(torch.from_numpy(rows).to(flow.timestamps), "ode").detach().cpu().float()

    parts = [block.samples[k : k + SUB_BLOCK] for k in range(0, len(block.samples), SUB_BLOCK)]
    values: NDArray[np.float32] = torch.cat(pool.map(one, parts)).numpy()
    return values


def _columns(flow: GenerativeModel, checkpoint: Checkpoint) -> tuple[str, ...]:
    """A name for each component."""
    named = checkpoint.data.columns
    return named if len(named) == flow.dim else tuple(f"component {j}" for j in range(flow.dim))


def _attributes(
    flow: GenerativeModel,
    plan: ExportPlan,
    steps: int,
    level: float,
    checkpoint: Checkpoint,
    selection: Selection | None,
) -> dict[str, Any]:
    """The root attributes; `created` is the only thing in a file that tells two exports apart."""
    what = "samples" if selection is None else "selected points"
    return {
        "NX_class": "NXroot",
        "default": "view",
        "format": FORMAT,
        "format_version": np.int32(FORMAT_VERSION),
        "title": f"{plan.count:,} {what} of a {flow.words}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "creator": f"DNF Studio {dnf_studio.__version__}",
        "seed": np.int64(plan.settings.seed),
        "steps": np.int32(steps),
        "lambda": np.float64(level),
        "checkpoint_sha256": checkpoint.sha256 or digest(checkpoint.tensors),
        "complete": np.int8(0),
        **({} if selection is None else {"source": "selection"}),
    }


def _provenance(
    flow: GenerativeModel, plan: ExportPlan, steps: int, checkpoint: Checkpoint, selection: Selection | None
) -> dict[str, str]:
    """JSON texts: the experiment, the checkpoint and how the samples were drawn or which points they are."""
    from dnf_studio.core.sampling.likelihood import divergence_name

    known = replace(checkpoint, sha256=checkpoint.sha256 or digest(checkpoint.tensors))
    solver = flow.checked_solver(plan.settings.solver).name
    sampling = asdict(plan.settings) | {"steps": steps, "count": int(plan.count), "solver": solver}
    # Of views alone: an export is of the whole process, and where a selection began is told below
    del sampling["parts"], sampling["start"]
    if plan.log_prob:
        sampling["log_prob_divergence"] = divergence_name(flow.dim)
    if selection is not None:
        chosen = {"indices": selection.indices, "view_points": selection.points, "view_seed": plan.settings.seed}
        sampling["selection"] = chosen | {"pairing": f"backward starts from {STARTS[selection.start]}"}
    return {
        "config": flow.config.to_json(),
        "checkpoint": json.dumps(known.summary(), allow_nan=False, ensure_ascii=False),
        "sampling": json.dumps(sampling, allow_nan=False),
        **({"adapter": json.dumps(dict(flow.adapter), allow_nan=False, ensure_ascii=False)} if flow.adapter else {}),
    }


def _verify(partial: Path, target: Path, contents: Contents) -> None:
    """Open what was written once more, as a reader will."""
    note_own(partial)
    found = read_export(partial)
    if (found.count, found.dim, found.steps) != (contents.count, contents.dim, contents.steps) or not found.complete:
        raise ExportError(f"Cannot write '{target}': the disk gave back something else than was written.")


def _size(count: int) -> str:
    """Bytes for a person to read."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    # 999.5 would be written 1e+03
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.3g} {units[0]}"
