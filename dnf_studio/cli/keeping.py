"""What ``train`` keeps of a run while it lasts and where it is saved at its end, so that no work is lost."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Literal

from dnf_studio.cli.output import Interrupt, clock
from dnf_studio.core.ranks import RankError, restarts
from dnf_studio.errors import CheckpointError, DataError, DivergenceError, StudioError
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    from dnf_studio.core.storage.autosave import Autosave
    from dnf_studio.core.training.record import StepReport
    from dnf_studio.core.training.run import Run


def tell_of_older(output: Path) -> None:
    """Say that a new run takes the place of one that was killed before it was saved to the same file."""
    from dnf_studio.core.storage.autosave import newest_autosave

    if kept := newest_autosave(output):
        note(
            f"'{kept[0]}' keeps a run that was not saved, at iteration {kept[1].iteration:,}; this one takes its place "
            f"unless you stop it now and go on with --resume '{output}'."
        )


def newest_of(file: Path) -> Path:
    """`file`, or the state of its run that was kept later than it, or without it; says so where it is that."""
    from dnf_studio.core.storage.autosave import newest_autosave

    kept = newest_autosave(file)
    if kept is None:
        return file
    than = f"newer than '{file}'" if file.exists() else f"what there is of '{file}'"
    note(f"Going on with '{kept[0]}', kept at iteration {kept[1].iteration:,} and {than}.")
    return kept[0]


def go_on(run: Run, output: Path) -> None:
    """Let `run`, of torchrun, go on from what is kept at or beside `output` of a run with the same settings and data.

    So it does where torchrun has started the ranks again, or a cluster the job. A run that was finished is not gone on
    with, unless a rank ended after it. Rank 0 decides.
    """
    from dnf_studio.core.storage.autosave import newest_autosave
    from dnf_studio.core.storage.checkpoint import read_checkpoint
    from dnf_studio.core.training.state import RunState

    again, file = max(run.ranks.gather(restarts())) > 0, None
    if run.ranks.writes:
        with suppress(CheckpointError):  # another file, whose place the run takes
            found = newest_autosave(output) or (output, read_checkpoint(output))
            file = str(found[0]) if run.continues(found[1], finished=again) else None
    if (file := run.ranks.first(file)) is not None:
        run.load(RunState.of_checkpoint(read_checkpoint(Path(file))))
        note(f"Going on with '{file}', kept at iteration {run.iteration:,} by ranks that ended.")


def autosave(run: Run, keeper: Autosave) -> None:
    """Keep the state of `run`; one that cannot be kept now, on a full disk for instance, does not end the training."""
    try:
        keeper.keep(run.state().checkpoint())
    except CheckpointError as error:
        note(f"{error} Training goes on; the next try is in {clock(keeper.seconds_left)}.")


def save(run: Run, output: Path, kind: Literal["run", "weights"], keeper: Autosave, snapshots: bool = False) -> None:
    """Save the run to `output`, after which nothing need be kept of it elsewhere, with its `snapshots` beside it.

    Where `output` cannot be written any more, the run goes to a place that can be, and the `CheckpointError` says
    which.
    """
    try:
        run.save(output, kind, snapshots)
    except CheckpointError as error:
        # Beside other runs that may be kept there
        name = f"{output.stem[:100]}-{os.getpid()}.autosave"
        for place in (keeper.file, Path.home() / name, Path(gettempdir(), name)):
            try:
                run.save(place)
            except CheckpointError:
                continue
            raise CheckpointError(f"{error} The run is kept in '{place}'; go on with --resume '{place}'.") from error
        raise
    keeper.remove()


def fit(run: Run, output: Path, keeper: Autosave, snapshots: bool = False) -> bool:
    """Train to the end and keep the run at `output`; False where it was interrupted before.

    A run that diverges, or whose data is changed meanwhile, is kept as it was at its last good state; one that has
    lost a rank as it is, beside `output`. Of several ranks the first one keeps it, and the others wait for that.
    """
    with Interrupt() as interrupt:
        run.interrupt_when(lambda: interrupt.came)
        try:
            with Progress("Training") as progress:
                for report in run:
                    _tell(run, report, progress)
                    if run.interrupted:
                        break
                    if keeper.due and run.ranks.writes:
                        autosave(run, keeper)
        except (DivergenceError, DataError, RankError) as error:
            if run.ranks.writes:
                _keep(run, output, keeper, snapshots, error)
            raise
        interrupted = run.interrupted
        if run.ranks.writes:
            save(run, output, "run", keeper, snapshots)
        if interrupted:
            note(f"Stopped after {run.iteration} iterations; go on with --resume '{output}'.")
    run.ranks.barrier()
    return not interrupted


def _tell(run: Run, report: StepReport, progress: Progress) -> None:
    """Show how far the run is after the iteration of `report`."""
    left = run.remaining()
    fraction = None if left is None else report.seconds / (report.seconds + left)
    ending = "" if left is None else f", {clock(left)} left"
    bend = "" if report.bend is None else f", bend {report.bend:.3g}"
    state = f"{report.iteration} iterations, N = {report.steps}, loss {report.loss:.3f}{bend}{ending}"
    progress.update(fraction, state)


def _keep(run: Run, output: Path, keeper: Autosave, snapshots: bool, error: StudioError) -> None:
    """Keep the run that ended with `error`, and say where."""
    if isinstance(error, RankError):
        # Started again by torchrun, it goes on from there
        autosave(run, keeper)
        note(f"The run is kept in '{keeper.file}', at iteration {run.iteration:,}; go on with --resume '{output}'.")
    else:
        save(run, output, "run", keeper, snapshots)
        note(f"The last good state is kept in '{output}'; go on with --resume '{output}'{_remedy(error)}.")


def _remedy(error: StudioError) -> str:
    """The option with which the run may go on better, after a space; nothing where none is known."""
    from dnf_studio.core.training.diagnosis import TrainingDiverged

    if not isinstance(error, TrainingDiverged):
        return ""
    rate = error.diagnosis.remedies[0].change["training.learning_rate"]
    return f" --learning-rate {rate:g}"
