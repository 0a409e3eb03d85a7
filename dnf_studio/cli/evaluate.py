"""``dnf-studio evaluate``: how good a model is, and by how many steps."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Option

from dnf_studio import api
from dnf_studio.cli.options import SOLVER, AsJson, CheckpointName
from dnf_studio.cli.output import Progress, emit, number, table
from dnf_studio.core.models.base import Solver
from dnf_studio.errors import SettingError

__all__ = ["evaluate"]


def evaluate(
    checkpoint: CheckpointName,
    data: Annotated[str | None, Option("--data", metavar="NAME|FILE", help="The model's own unless given.")] = None,
    steps: Annotated[str | None, Option("--steps", metavar="5,10,30", help="Numbers of steps to sample with.")] = None,
    no_ode: Annotated[bool, Option("--no-ode", help="Leave out the NLL of the probability-flow ODE.")] = False,
    solver: Annotated[Solver | None, Option("--solver", help=SOLVER)] = None,
    as_json: AsJson = False,
) -> int:
    from dnf_studio.core.data.catalogue import open_dataset
    from dnf_studio.core.evaluation.evaluate import DEFAULT_STEPS
    from dnf_studio.core.evaluation.evaluate import evaluate as measure

    numbers = DEFAULT_STEPS if steps is None else _numbers(steps)
    source = api.open_checkpoint(checkpoint)
    if data is None and not source.data.fingerprint:
        raise SettingError(f"'{checkpoint}' does not say what it was trained on; name it with --data.")
    dataset = open_dataset(data or source.config.data, source.config.drop_constant)
    with Progress("Evaluating") as progress:
        found = measure(
            source.build(),
            dataset,
            numbers,
            not no_ode,
            progress=lambda text: progress.update(None, text),
            solver=solver,
        )
    result = found.as_dict()
    emit(result, _text(result), as_json)
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise SettingError(f"--steps takes whole numbers such as 5,10,30, not '{text}'.") from error


def _text(result: dict[str, Any]) -> str:
    head = ("steps", "NFE", "sliced Wasserstein", "floor", "outside")
    rows = [
        (str(row["steps"]), str(row["nfe"]), *(number(row[key]) for key in ("sliced_wasserstein", "floor", "outside")))
        for row in result["by_steps"]
    ]
    names = (("nll_bound", "NLL bound"), ("nll_ode", "NLL (ODE)"), ("entropy", "Entropy"))
    lines = [f"{name:<10} {number(result[key])}" for key, name in names]
    if result["bits_bound"] is not None:
        bits = f"{number(result['bits_bound'])} by the bound, {number(result['bits_ode'])} by the ODE"
        lines.append(f"Bits per dimension {bits}")
    return "\n".join([*lines, "", table([head, *rows])])
