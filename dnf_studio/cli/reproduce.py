"""``dnf-studio reproduce``: the paper's comparisons, made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import Interrupt, Progress, emit, note
from dnf_studio.reproduce.plan import FULL, QUICK, SETS, TABLES

__all__ = ["reproduce"]


def reproduce(
    folder: Annotated[Path, Option("-o", "--output", metavar="FOLDER", help="Where models and report go.")],
    quick: Annotated[bool, Option("--quick", help="Ten seconds a model, one seed: 25 minutes in all.")] = False,
    sets: Annotated[
        str | None, Option("--sets", metavar="NAME,NAME", help=f"Of {', '.join((*SETS, *TABLES))}; else all.")
    ] = None,
    seconds: Annotated[float | None, Option("--seconds", metavar="S", help="Training time of each model.")] = None,
    seeds: Annotated[
        int | None, Option("--seeds", metavar="K", help="Training seeds; claims are decided from two on.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """DiffFlow, a diffusion model and a flow are trained for the same time on each set and compared.

    On tables of real data the likelihood of the test split is compared, with a neural spline flow's as well where
    zuko is installed.

    Writes report.html and results.json. Interrupted, the same command goes on where it was. In full it
    takes hours.
    """
    from dnf_studio.reproduce.compare import compare

    names = None if sets is None else [name.strip() for name in sets.split(",")]
    plan = (QUICK if quick else FULL).changed(names, seconds, seeds)
    with Interrupt() as interrupt, Progress("Comparing") as progress:

        def update(fraction: float, text: str) -> None:
            # Told between two iterations, where a run can be kept
            if interrupt.came:
                raise KeyboardInterrupt
            progress.update(fraction, text)

        found = compare(folder, plan, update, note)
    report = str(folder / "report.html")
    text = "\n".join(f"{one.answer}: {one.claim}\n  {one.because}" for one in found)
    answers = [{"claim": one.claim, "answer": one.answer} for one in found]
    emit({"report": report, "claims": answers}, f"{text}\n\nThe report is '{report}'.", as_json)
    return 0
