"""``dnf-studio report``: one HTML file about models, which needs nothing else to be read."""

from __future__ import annotations

import time
from typing import Annotated

from typer import Argument, Option

from dnf_studio.cli.options import AsJson, Output
from dnf_studio.cli.output import clock, emit, number, plus_minus
from dnf_studio.errors import SettingError

MODELS = "Checkpoint files or bundled models' names; several are held against each other."
DATA = "What to measure on, of every model; its own unless given, and nothing where that is not here."
STEPS = "Numbers of steps to sample with; 5, 10 and each model's own unless given."
FULL = "Measure on as many points as evaluate does: minutes instead of seconds, and errors several times smaller."


def report(
    models: Annotated[list[str], Argument(metavar="CKPT…", help=MODELS)],
    output: Output,
    data: Annotated[str | None, Option("--data", metavar="NAME|FILE", help=DATA)] = None,
    steps: Annotated[str | None, Option("--steps", metavar="5,10,30", help=STEPS)] = None,
    full: Annotated[bool, Option("--full", help=FULL)] = False,
    as_json: AsJson = False,
) -> int:
    """Settings, data, training, both processes in slices, disagreement, likelihoods, samples by N, and cost; of
    several models also what tells them apart. Nothing is written before all is measured.
    """
    from dnf_studio.api.reporting import make_report
    from dnf_studio.reports.page import as_dict

    began = time.perf_counter()
    found = make_report(models, output, data, _numbers(steps), full, progress=True)
    seconds = time.perf_counter() - began
    told = [as_dict(one) for one in found]
    lines = [
        f"{one['name']}: NLL bound {number(one['nll_bound'])}{plus_minus(one['nll_bound_error'])}, "
        f"NLL (ODE) {number(one['nll_ode'])}{plus_minus(one['nll_ode_error'])}"
        for one in told
    ]
    text = "\n".join([*lines, f"Saved {output} after {clock(seconds)}."])
    emit({"file": str(output), "seconds": seconds, "models": told}, text, as_json)
    return 0


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return () if text is None else tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise SettingError(f"--steps takes whole numbers such as 5,10,30, not '{text}'.") from error
