"""The part of ``dnf-studio sample`` in which ranks of torchrun, or one process, draw shards."""

from __future__ import annotations

import glob
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio import api
from dnf_studio.cli.output import Interrupt, clock
from dnf_studio.core.files import check_target
from dnf_studio.core.ranks import RankError
from dnf_studio.errors import ExportError, interrupted_when
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.ranks import Ranks
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress


def shards_left(output: Path) -> bool:
    """Whether an interrupted export to `output` has left shards."""
    from dnf_studio.core.storage.shard_place import ShardPlace

    return ShardPlace(check_target(output, ExportError), output).asked is not None


def remove_shards(output: Path) -> None:
    """Remove the shards that an interrupted export to `output` left, and say so; raises `ExportError` where another
    program is drawing them."""
    from dnf_studio.core.storage.shard_place import ShardPlace

    place = ShardPlace(check_target(output, ExportError), output)
    if place.asked is None:
        return
    place.refuse_busy()
    note(f"An interrupted export of '{output}' in shards gives way to this one; --resume would go on with it.")
    place.remove()


def tell_of_old_shards(output: Path) -> None:
    """Say which shards beside `output`, which is written, are of an export that it took the place of."""
    from dnf_studio.core.storage.sample_reader import read_export
    from dnf_studio.core.storage.shards import NAME, stem_of

    final = check_target(output, ExportError)
    beside = [path.name for path in final.parent.glob(f"{glob.escape(stem_of(final))}.*-of-*.h5")]
    known = {shard.name for shard in read_export(final).shards} if beside else set()
    if old := sorted(name for name in beside if NAME.fullmatch(name) and name not in known):
        note(f"Shards of an older '{output}' are still beside it, '{old[0]}' and so on; it does not use them.")


def write_in_shards(
    flow: GenerativeModel,
    output: Path,
    plan: ExportPlan,
    source: Checkpoint,
    ranks: Ranks,
    shards: bool,
    resume: bool,
) -> ExportProgress:
    """Draw into `output` together with the other ranks; how far it was at its end, which is all."""
    from dnf_studio.core.storage.export_plan import ExportProgress
    from dnf_studio.core.storage.ranked_export import export_by_ranks

    now, data = ExportProgress(0, plan.count, 0.0, None), api.data_of(source)
    if ranks.writes:
        _tell_of_others(output, resume)
    try:
        with (
            Interrupt() as interrupt,
            interrupted_when(lambda: interrupt.came),
            Progress("Sampling") as progress,
            closing(
                export_by_ranks(flow, output, plan, source, data, ranks=ranks, shards=shards, resume=resume)
            ) as work,
        ):
            for now in work:
                if interrupt.came:
                    raise KeyboardInterrupt
                rest = "" if now.seconds_left is None else f", {clock(now.seconds_left)} left"
                progress.update(now.done / now.total, f"{now.done:,} of {now.total:,} samples{rest}")
    except (KeyboardInterrupt, ExportError, RankError):
        if now.done:
            note(f"About {now.done:,} of {plan.count:,} samples are kept; go on with the same command and --resume.")
        raise
    return now


def _tell_of_others(output: Path, resume: bool) -> None:
    """Say what comes of an interrupted export of that file; raises `ExportError` where ranks cannot go on with it."""
    from dnf_studio.core.storage.journal import unfinished_export

    if (left := unfinished_export(check_target(output, ExportError))) is not None:
        if resume:
            raise ExportError(
                f"The interrupted export of '{output}' is of one process and one file: go on with it so, without "
                "torchrun or --shards, or leave out --resume to begin anew."
            )
        left.remove()
    if shards_left(output):
        gone_on = f"Going on with the export of '{output}' in shards." if resume else ""
        note(gone_on or f"An interrupted export of '{output}' in shards gives way to this one.")
