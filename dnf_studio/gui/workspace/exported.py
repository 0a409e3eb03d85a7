"""From an export back to the views: its model, how it was sampled, and the samples' own paths.

Runs in a background thread: it imports torch and h5py. The library of HDF5 has one lock for the whole
program, so nothing here is called by the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio import api
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import ExportError, MissingModelError, SettingError, StudioError, continued
from dnf_studio.gui.workspace.state import State
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.export_header import ExportInfo
    from dnf_studio.core.training.run import Run

ROWS = 2000
BYTES = 1 << 28
"""Most bytes that paths read into memory may take."""
SAME = 0.01
"""Model units up to which a sample drawn again is the one of the file: other processors round otherwise."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExportShown:
    """The first samples of an export on their way, as they stand in the backward view."""

    name: str
    count: int
    """Samples in the file."""
    sampling: SampleSettings
    """The settings of the views with which they were drawn."""
    steps: int
    """N, the number of steps."""
    paths: Array | None
    """(N+1, P, D), model units, row i at t_i; None where they can be neither read nor drawn again."""

    def fits(self, frame: Frame) -> bool:
        """Whether `frame` is computed with the settings of the export."""
        # None and the model's own N are the same
        same = replace(frame.request, steps=self.sampling.steps) == self.sampling
        return self.paths is not None and same and len(frame.t) == self.steps + 1

    def sentence(self, model: str, most: int) -> str:
        """A sentence on what is seen in views of at most so many points."""
        if self.paths is None:
            return (
                f"{self.name} is set as it was drawn, but holds no paths and {model} draws other samples here: "
                "what moves is the model's own."
            )
        many = min(self.paths.shape[1], most)
        shown = f"the first {many:,} of the" if self.count > many else "the"
        return f"{self.name}: the backward view shows {shown} {self.count:,} exported samples, drawn from {model}."


def find_model(
    path: Path, places: Sequence[Path], in_memory: Sequence[tuple[GenerativeModel, Checkpoint | None]] = ()
) -> tuple[ExportInfo, Checkpoint, Path | None]:
    """What the export holds, and the model that drew it: one in memory, or a file of `places`.

    Raises `ExportError` where the file is no sound export, `MissingModelError` where its model is nowhere.
    """
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.library import find_checkpoint
    from dnf_studio.core.storage.sample_reader import read_export

    info = read_export(path)
    iteration = info.checkpoint.get("iteration")
    found = find_checkpoint(info.checkpoint_sha256, iteration if isinstance(iteration, int) else 0, places)
    if found is not None:
        return info, _of_dim(found[1], info, path), found[0]
    for flow, known in in_memory:
        checkpoint = known or Checkpoint.of_model(flow)
        if (checkpoint.sha256 or digest(checkpoint.tensors)) == info.checkpoint_sha256:
            return info, _of_dim(checkpoint, info, path), None
    raise MissingModelError(
        f"The model that drew '{path.name}' is not here: put its checkpoint, trained on {info.config.data} and with "
        f"the SHA-256 sum {info.checkpoint_sha256[:12]}…, in the library and open the export again, or use its samples "
        "as data to train on.",
        path,
    )


def read_shown(path: Path, info: ExportInfo, flow: GenerativeModel) -> ExportShown:
    """The first samples of the export and the settings that `flow` needs to draw them; raises `ExportError`."""
    settings = _settings(info, path)
    own = info.steps == len(flow.timestamps) - 1
    # Rows of the file are no partners of the forward points with their numbers, and views take no Langevin steps
    view = replace(settings, steps=None if own else info.steps, langevin=0, parts="both", start="noise")
    try:
        sampling = State(sampling=view).without(flow.lacks, flow.solvers).sampling
    except SettingError as problem:
        raise ExportError(f"'{path.name}' cannot be shown: {continued(str(problem))}") from problem
    return ExportShown(path.name, info.count, sampling, info.steps, _paths(path, info, flow, settings))


def _of_dim(checkpoint: Checkpoint, info: ExportInfo, path: Path) -> Checkpoint:
    if checkpoint.dim != info.dim:
        raise ExportError(f"The export '{path}' was altered: its samples have {info.dim} components, its model has "
                          f"{checkpoint.dim}.")  # fmt: skip
    return checkpoint


def _settings(info: ExportInfo, path: Path) -> SampleSettings:
    """How the samples were drawn, as the provenance says, checked like what a person types."""

    names = ("lam", "last", "grid", "seed", "solver")
    try:
        chosen = {name: info.sampling[name] for name in names}
        return SampleSettings(steps=info.steps, **chosen, langevin=info.sampling.get("langevin", 0))
    except (KeyError, TypeError, SettingError) as problem:
        raise ExportError(f"The export '{path}' does not say how its samples were drawn.") from problem


def _paths(path: Path, info: ExportInfo, flow: GenerativeModel, settings: SampleSettings) -> Array | None:
    """The trajectories (N+1, P, D) of the file, or the same drawn again, ending in the file's samples."""
    from dnf_studio.core.storage.sample_reader import read_rows

    rows = min(ROWS, info.count, max(1, BYTES // (4 * (info.steps + 1) * info.dim)))
    if "trajectories" in info.datasets:
        return _model_units(read_rows(path, "trajectories", 0, rows), flow)
    samples = read_rows(path, "samples", 0, rows)
    try:
        drawn = _drawn_again(flow, rows, settings)
    except StudioError:
        return None
    paths = _model_units(drawn, flow)
    ends = _model_units(samples[:, None], flow)[0]
    with np.errstate(invalid="ignore"):
        differ = float(np.mean(~(np.abs(paths[0] - ends).max(axis=1) <= SAME)))
    if differ > 0.01:
        return None
    paths[0] = ends
    return paths


def _drawn_again(flow: GenerativeModel, rows: int, settings: SampleSettings) -> Array:
    """The trajectories (P, N+1, D) of the first rows, which the seed fixes."""
    from dnf_studio.core.sampling.blocks import sample_blocks

    blocks = sample_blocks(flow, rows, settings, trajectories=True, threads=1)
    parts = [block.trajectories for block in blocks if block.trajectories is not None]
    return np.concatenate(parts)


def _model_units(trajectories: Array, flow: GenerativeModel) -> Array:
    """(P, N+1, D) in data units and sampling order as (N+1, P, D) in model units, data first."""
    import torch

    ordered = np.array(trajectories[:, ::-1].transpose(1, 0, 2), np.float64)
    return np.ascontiguousarray(flow.standardisation.to_model(torch.from_numpy(ordered)).numpy(), np.float32)


def drew(run: Run, source: str) -> bool:
    """Whether `source` is an export that was drawn with the weights of `run` as they are."""
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.sample_reader import read_export

    path = Path(source)
    if not path.is_file() or api.file_kind(path) != "export":
        return False
    return read_export(path).checkpoint_sha256 == digest(run.state().checkpoint("weights").tensors)
