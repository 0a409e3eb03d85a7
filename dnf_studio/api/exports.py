"""Exports from a script: the file that ``sample`` writes, and one opened to be read by slices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dnf_studio import assets
from dnf_studio.api.measuring import as_model
from dnf_studio.api.opening import data_of
from dnf_studio.api.rows import Rows
from dnf_studio.api.settings import in_python
from dnf_studio.config import Config
from dnf_studio.errors import ExportError, MissingModelError
from dnf_studio.facts import WithFacts
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dnf_studio.core.data.hdf5_reading import Hdf5File
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.export_header import ExportInfo


def export(
    model: GenerativeModel | str | os.PathLike[str],
    path: str | os.PathLike[str],
    n: int,
    *,
    steps: int | None = None,
    lam: float = 1.0,
    solver: str | None = None,
    last_step: Any = "mean",  # noqa: ANN401 - checked by the settings
    langevin: int = 0,
    grid: Any = None,  # noqa: ANN401 - a name, a file or nodes
    seed: int = 0,
    trajectories: bool = False,
    log_prob: bool = False,
    labels: bool = False,
    progress: bool = True,
) -> Path:
    """Draw `n` samples into an HDF5 file, the one that ``sample`` writes with the same settings.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file.
    path
        The file to write, whole or not at all.
    n
        How many samples; their values are fixed by seed and row, so that fewer are the beginning of more.
    steps, lam, solver, last_step, langevin, grid
        How to go from noise to data, as ``sample --steps --lambda --solver --last-step --langevin --grid`` say.
    seed
        Seed of everything drawn.
    trajectories, log_prob, labels
        Whether to write every state on the way, the log density of each sample and the label of the nearest row of
        the data, too.
    progress
        Whether to show how far it is, and to say how many samples lie far from the data.

    Returns
    -------
    Path
        The file; `open_export` reads it.

    Raises
    ------
    StudioError
        In one sentence, for a file that cannot be written, settings that cannot be, and samples that leave the finite
        numbers.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> file = dnf.export("diffflow-rings", "rings.h5", n=1000, steps=5, trajectories=True, progress=False)
    >>> with dnf.open_export(file) as e:
    ...     e.samples.shape, e.trajectories[3].shape
    ((1000, 2), (6, 2))
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.files import as_path
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.core.storage.export_plan import ExportPlan
    from dnf_studio.core.storage.grid_presets import parse_grid
    from dnf_studio.core.storage.origins import checkpoint_of, data_known
    from dnf_studio.core.storage.samples import export_samples

    with in_python():
        kind = parse_grid(grid) if isinstance(grid, str) else grid
        settings = SampleSettings(steps, lam, last_step, kind, seed, solver, langevin).asked()
        plan = ExportPlan(n, settings, trajectories=trajectories, log_prob=log_prob, labels=labels)
        flow, target = as_model(model), as_path(path, ExportError)
        source = checkpoint_of(flow)
        known, far = data_known(flow), None
        data = data_of(source) if known is None else known
        work = export_samples(flow, target, plan, source, data=data)
        with Progress("Sampling", progress) as bar, closing(work):
            for step in work:
                far = step.far
                bar.update(step.done / step.total, f"{step.done:,} of {step.total:,} samples")
    if far and progress:
        note(f"{far:,} of {n:,} samples ({100 * far / n:.3g}%) lie far from the data.")
    return target


def open_export(path: str | os.PathLike[str]) -> Export:
    """Open an export to read it by slices; what is not asked for stays in the file.

    Parameters
    ----------
    path
        A file that `export`, ``sample`` or the window wrote.

    Returns
    -------
    Export
        To be used in a ``with`` statement, or closed by `Export.close`.

    Raises
    ------
    ExportError
        Where the file is no sound and whole export.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> file = dnf.export("diffflow-rings", "few.h5", n=100, steps=5, progress=False)
    >>> with dnf.open_export(file) as e:
    ...     print(e)
    ...     first = e.samples[:10]
    Export(file='few.h5', samples=100, dim=2, steps=5, lam=1, seed=0, solver='sde', holds=('samples', 'latents'))
    >>> first.shape
    (10, 2)
    """
    from dnf_studio.core.files import as_path

    return Export(as_path(path, ExportError))


class Export(WithFacts):
    """An export that is open for reading: its datasets are read when they are sliced.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> with dnf.open_export(dnf.export("diffflow-rings", "a.h5", n=20, steps=4, progress=False)) as e:
    ...     len(e), e.config.data, e["latents"].shape, e.model()
    (20, 'rings', (20, 2), DiffFlow(dim=2, steps=30, data='rings', parameters=215812, device='cpu'))
    """

    def __init__(self, path: Path) -> None:
        """Open the export at `path`; raises `ExportError` where it is none."""
        from dnf_studio.core.storage.sample_reader import opened_export

        self.path, self._stack = path, ExitStack()
        self._file: Hdf5File | None
        self.info: ExportInfo
        self._file, self.info = self._stack.enter_context(opened_export(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was sliced before stays."""
        self._file = None
        self._stack.close()

    @property
    def file(self) -> Hdf5File:
        """The file, as long as it is open; raises `ExportError` after that."""
        if self._file is None:
            raise ExportError(f"The export '{self.path}' is closed; read it within its with statement.")
        return self._file

    def __len__(self) -> int:
        return self.info.count

    def __getitem__(self, name: str) -> Rows:
        """The dataset `name`, which has a row for each sample; raises `ExportError` where the file has it not."""
        if name not in self.info.datasets:
            raise ExportError(f"The export '{self.path}' holds no {name}, only {', '.join(self.info.datasets)}.")
        return Rows(lambda: self.file, name)

    @property
    def samples(self) -> Rows:
        """The samples (n, D), float32, data units."""
        return self["samples"]

    @property
    def latents(self) -> Rows:
        """The states at t_N (n, D) that the samples began as, float32, model units."""
        return self["latents"]

    @property
    def trajectories(self) -> Rows:
        """The states on the way (n, N+1, D), float32, data units, t_N first."""
        return self["trajectories"]

    @property
    def log_prob(self) -> Rows:
        """Log density (n,) of each sample, nats, data units."""
        return self["log_prob"]

    @property
    def labels(self) -> Rows:
        """Number (n,) of the label of the row of the data that is nearest to each sample, in `label_names`."""
        return self["labels"]

    @property
    def label_names(self) -> tuple[str, ...]:
        """What the labels are called."""
        from dnf_studio.core.storage.sample_reader import label_names

        self["labels"]
        return label_names(self.file)

    @property
    def time(self) -> NDArray[np.float32]:
        """The times (N+1,) of the trajectories, t_N first; raises `ExportError` where there are none."""
        from dnf_studio.core.storage.sample_reader import rows_of

        self["trajectories"]
        return rows_of(self.file, "time")

    @property
    def config(self) -> Config:
        """The settings of the experiment that the model is of."""
        return self.info.config

    def model(self, *places: str | os.PathLike[str]) -> GenerativeModel:
        """The model that drew the samples, ready to draw more.

        It is one that this process has loaded, trained or read, one of the bundled ones, or a file beside the export
        or among `places`, files and folders. Raises `MissingModelError` where it is in none of them.
        """
        from dnf_studio.core.storage.library import find_checkpoint
        from dnf_studio.core.storage.origins import remember, remembered

        wanted, known = self.info.checkpoint_sha256, self.info.checkpoint.get("iteration")
        if (flow := remembered(wanted)) is not None:
            return flow
        bundled = [path for name in assets.checkpoint_names() if (path := assets.checkpoint_path(name)) is not None]
        near = [*map(Path, places), self.path.absolute().parent, *bundled]
        found = find_checkpoint(wanted, known if isinstance(known, int) else 0, near)
        if found is None or found[1].dim != self.info.dim:
            raise MissingModelError(
                f"The model that drew '{self.path.name}' is not here: say in which folder its checkpoint is, with the "
                f"SHA-256 sum {wanted[:12]}…, as in e.model('folder').",
                self.path,
            )
        return remember(found[1].build(), found[1])

    def _facts(self) -> Mapping[str, object]:
        info = self.info
        return {
            "file": self.path.name,
            "samples": info.count,
            "dim": info.dim,
            "steps": info.steps,
            "lam": info.lam,
            "seed": info.seed,
            "solver": info.sampling.get("solver"),
            "holds": info.datasets,
        }
