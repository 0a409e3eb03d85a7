"""``dnf-studio sample``: draw samples from a checkpoint into an HDF5 file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from dnf_studio import api, assets
from dnf_studio.cli.options import SOLVER, AsJson, CheckpointName, Output, SolverName
from dnf_studio.cli.output import Interrupt, clock, emit
from dnf_studio.config import Device
from dnf_studio.config.grids import GRID_NAMES
from dnf_studio.core.files import check_target, refuse_source
from dnf_studio.core.hardware import choose_device
from dnf_studio.core.ranks import our_ranks, restarts
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep
from dnf_studio.core.storage.grid_presets import parse_grid
from dnf_studio.errors import ExportError, interrupted_when
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress
    from dnf_studio.core.storage.journal import Unfinished

GRID = (
    f"Time grid, {', '.join(GRID_NAMES)} (these two of a diffusion model only) or the file of a preset; "
    "the model's own unless given."
)

LAST = "The last step's mean, which is sharper, or with its noise, as in the chain that the bound is of."
LABELS = "Write the label (or class, or part of the set) of the row of the data nearest to each sample too."
RESUME = (
    "Go on with the export of this file that was interrupted, by Ctrl-C, a full disk or the end of its process; begin "
    "where there is none. All else must be asked for as before."
)
SHARDS = (
    "Leave the samples in the shards that they are drawn in, files of whole seed blocks beside this one, which shows "
    "them by HDF5 virtual data sets; else they are merged into one file."
)
LANGEVIN = "Langevin corrector steps at the first step's time, before the last step; for models with a live score."


def sample(
    checkpoint: CheckpointName,
    output: Output,
    count: Annotated[int, Option("-n", "--count", metavar="COUNT", help="How many samples.")],
    steps: Annotated[int | None, Option("--steps", metavar="N", help="Steps; the model's own unless given.")] = None,
    lam: Annotated[float, Option("--lambda", metavar="L", help="Noise level from 0 to 2; 1 is the SDE.")] = 1.0,
    solver: Annotated[SolverName | None, Option("--solver", help=SOLVER)] = None,
    last_step: Annotated[LastStep, Option("--last-step", help=LAST)] = "mean",
    langevin: Annotated[int, Option("--langevin", metavar="K", help=LANGEVIN)] = 0,
    grid: Annotated[str | None, Option("--grid", metavar="G", help=GRID)] = None,
    device: Annotated[Device, Option("--device", help="Where to compute.")] = "auto",
    seed: Annotated[int, Option("--seed", metavar="S", help="Seed of everything drawn.")] = 0,
    trajectories: Annotated[bool, Option("--trajectories", help="Write every state on the way too.")] = False,
    log_prob: Annotated[bool, Option("--log-prob", help="Write each sample's log density too.")] = False,
    labels: Annotated[bool, Option("--labels", help=LABELS)] = False,
    shards: Annotated[bool, Option("--shards", help=SHARDS)] = False,
    resume: Annotated[bool, Option("--resume", help=RESUME)] = False,
    as_json: AsJson = False,
) -> int:
    """Under torchrun the ranks share the work: the file is that of one process.

    They all have to see the folder of the file. What a killed rank leaves is gone on with by --resume, in any number
    of ranks; torchrun's own restarts do so by themselves.
    """
    # Long by its signature, from which typer reads the options
    from dnf_studio.cli.shards import remove_shards, shards_left, tell_of_old_shards, write_in_shards
    from dnf_studio.core.storage.export_plan import ExportPlan

    kind = None if grid is None else parse_grid(grid)
    settings = SampleSettings(steps, lam, last_step, kind, seed, solver, langevin).asked()
    plan = ExportPlan(count, settings, trajectories=trajectories, log_prob=log_prob, labels=labels)
    ranks = our_ranks()
    place = choose_device(device)
    ranks.require_own(place)
    source = api.open_checkpoint(checkpoint)
    refuse_source(output, [assets.checkpoint_path(checkpoint) or checkpoint], ExportError)
    resume = resume or restarts() > 0
    flow = source.build().to(place)
    if ranks.count > 1 or shards or (resume and shards_left(output)):
        end = write_in_shards(flow, output, plan, source, ranks, shards, resume)
    else:
        remove_shards(output)
        end = _write(flow, output, plan, source, resume)
    if not ranks.writes:
        return 0
    tell_of_old_shards(output)
    far, new = end.far, count - end.first
    rate = new / end.seconds if end.seconds else 0.0
    if far:
        note(
            f"{far:,} of {count:,} samples ({100 * far / count:.3g}%) lie far from the data, beyond 1.5 times its "
            "bounding box; other --steps or another --solver may mend that."
        )
    result = {
        "samples": count,
        "seconds": end.seconds,
        "samples_per_second": rate,
        "far_samples": far,
        "file": str(output),
        "resumed_from": end.first,
    }
    emit(result, f"{new:,} samples in {clock(end.seconds)}, {rate:,.0f} a second.\nSaved {output}", as_json)
    return 0


def _write(flow: GenerativeModel, output: Path, plan: ExportPlan, source: Checkpoint, resume: bool) -> ExportProgress:
    """Draw into `output`; how far it was at its end, which is all."""
    from dnf_studio.core.storage.export_plan import ExportProgress
    from dnf_studio.core.storage.journal import unfinished_export, unfinished_exports
    from dnf_studio.core.storage.samples import export_samples

    final = check_target(output, ExportError)
    left, now = unfinished_export(final), ExportProgress(0, plan.count, 0.0, None)
    _tell_of(left, output, resume)
    if others := sorted({one.target.name for one in unfinished_exports(final.parent) if one.target != final}):
        note(f"'{final.parent}' also keeps interrupted exports that --resume would go on with: {', '.join(others)}.")
    data, again = api.data_of(source), left if resume else None
    # Raised anywhere, a KeyboardInterrupt was lost in one run of ten, as early as the file is made
    try:
        with (
            Interrupt() as interrupt,
            interrupted_when(lambda: interrupt.came),
            Progress("Sampling") as progress,
            closing(export_samples(flow, output, plan, source, data=data, keep=lambda: True, resume=again)) as work,
        ):
            for now in work:
                if interrupt.came:
                    raise KeyboardInterrupt
                rest = "" if now.seconds_left is None else f", {clock(now.seconds_left)} left"
                progress.update(now.done / now.total, f"{now.done:,} of {now.total:,} samples{rest}")
    except (KeyboardInterrupt, ExportError):
        if now.done and (kept := unfinished_export(final)):
            note(
                f"{kept.rows:,} of {plan.count:,} samples are kept in '{kept.partial}'; go on with the same command "
                "and --resume."
            )
        raise
    return now


def _tell_of(left: Unfinished | None, output: Path, resume: bool) -> None:
    """Say what comes of an interrupted export of the same file."""
    if left is None and resume:
        note(f"There is no interrupted export of '{output}' that can be gone on with; this one begins anew.")
    elif left is not None and resume:
        note(f"Going on with the export of '{output}', which has {left.rows:,} samples.")
    elif left is not None:
        note(
            f"An interrupted export of '{output}' with {left.rows:,} samples gives way to this one; --resume would go "
            "on with it."
        )
