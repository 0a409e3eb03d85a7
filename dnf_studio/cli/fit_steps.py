"""``dnf-studio fit-steps``: fit the few steps of a model to its data, into a checkpoint that has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from dnf_studio import api, assets
from dnf_studio.cli.options import AsJson, CheckpointName, Output, asking_for_data, whole_numbers
from dnf_studio.cli.output import INTERRUPTED, Interrupt, emit, number, plus_minus, table
from dnf_studio.core.files import check_target, refuse_source
from dnf_studio.errors import Cancelled, CheckpointError, interrupted_when
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.core.training.few_steps import StepFit
    from dnf_studio.core.training.step_fit import FittedSteps

DATA = "Where the data that the model was trained on is by now."
NETWORK = (
    "Train a copy of the score's network for each number as well, as long again; of flow matching and a flow the "
    "velocity's."
)


def fit_steps(
    checkpoint: CheckpointName,
    output: Output,
    steps: Annotated[str, Option("--steps", metavar="5,10", help="Numbers of steps to fit.")] = "5,10",
    data: Annotated[str | None, Option("--data", metavar="NAME|FILE", help=DATA)] = None,
    iterations: Annotated[
        int | None, Option("--iterations", metavar="K", help="Iterations for each number of steps, 300 unless given.")
    ] = None,
    seconds: Annotated[float | None, Option("--seconds", metavar="S", help="Seconds for each in their place.")] = None,
    network: Annotated[bool, Option("--network", help=NETWORK)] = False,
    seed: Annotated[int, Option("--seed", metavar="S", help="Seed of everything drawn.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Times and factors of each step are fitted: the file is the model with steps that --solver fitted takes at these
    numbers. All else that it had stays as it is, its own networks too.

    Only such as bring samples nearer by validation draws are kept. Ctrl-C keeps those that are whole.
    """
    # Long by its signature, from which typer reads the options
    from dnf_studio.core.storage.checkpoint import save_checkpoint
    from dnf_studio.core.storage.origins import remember
    from dnf_studio.core.training.few_steps import fit_each, fitted_checkpoint, step_fit_of, training_data

    numbers = whole_numbers(steps)
    check_target(output, CheckpointError)
    refuse_source(output, [assets.checkpoint_path(checkpoint) or checkpoint], CheckpointError)
    source = api.open_checkpoint(checkpoint)
    with asking_for_data(checkpoint, data is not None):
        dataset = training_data(source, data)
    flow, found = remember(source.build(), source), []
    with Interrupt() as interrupt, interrupted_when(lambda: interrupt.came), Progress("Fitting steps") as progress:
        try:
            for one in fit_each(flow, dataset, numbers, seed, iterations, seconds, progress.update, network):
                found.append(one)
        except Cancelled:
            note(f"Stopped; {_named([one.steps for one in found if one.kept])} fitted before.")
    fit = step_fit_of(flow, found)
    if fit.kept:
        save_checkpoint(output, fitted_checkpoint(source, fit.model))
    if interrupt.came:
        return INTERRUPTED
    emit({"file": str(output) if fit.kept else None, "by_steps": fit.as_dict()}, _text(fit, output), as_json)
    return 0


def _named(steps: list[int]) -> str:
    return f"N = {' and '.join(map(str, steps))} had been" if steps else "no N had been"


def _text(fit: StepFit, output: Path) -> str:
    """A row for each N, and what was saved."""
    rows = [
        (
            str(one.steps),
            one.solver,
            _distance(one.before),
            _distance(one.after),
            _kept(one),
        )
        for one in fit.by_steps
    ]
    saved = f"Saved {output}" if fit.kept else "Nothing was saved: no fitted steps are better by more than the error."
    told = "Sliced Wasserstein distance to validation draws, of the best other solver and of the fitted steps:"
    return "\n".join([told, "", table([("steps", "solver", "before", "fitted", ""), *rows]), "", saved])


def _kept(one: FittedSteps) -> str:
    if not one.kept:
        return "not better, not kept"
    return "kept" if one.network is None else "kept, with a network of their own"


def _distance(found: Distance) -> str:
    return number(found.value) + plus_minus(found.error)
