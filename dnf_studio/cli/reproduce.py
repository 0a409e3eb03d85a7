"""``dnf-studio reproduce``: the paper's comparisons, made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import Progress, emit, note
from dnf_studio.errors import DivergenceError, ExportError
from dnf_studio.reproduce.plan import FULL, QUICK, SETS

__all__ = ["reproduce"]


def reproduce(
    folder: Annotated[Path, Option("-o", "--output", metavar="FOLDER", help="Where models and report go.")],
    quick: Annotated[bool, Option("--quick", help="Ten seconds a model, one seed: minutes in all.")] = False,
    sets: Annotated[str | None, Option("--sets", metavar="NAME,NAME", help=f"Of {', '.join(SETS)}; else all.")] = None,
    seconds: Annotated[float | None, Option("--seconds", metavar="S", help="Training time of each model.")] = None,
    as_json: AsJson = False,
) -> int:
    """DiffFlow, a diffusion model and a flow are trained for the same time on each set and compared.

    Writes report.html and results.json. Interrupted, the same command goes on where it was. In full it
    takes about six hours on two cores.
    """
    from dnf_studio.bench.machine import machine_facts
    from dnf_studio.reproduce import cell as cells
    from dnf_studio.reproduce.report import Pictures, write_report
    from dnf_studio.reproduce.results import Results
    from dnf_studio.reproduce.verdicts import claims

    names = None if sets is None else [name.strip() for name in sets.split(",")]
    plan = (QUICK if quick else FULL).changed(names, seconds)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise ExportError(f"The folder '{folder}' cannot be made.") from None
    results, pictures, todo = Results(folder, plan), Pictures(), plan.cells()
    with Progress("Comparing") as progress:
        for k, one in enumerate(todo):

            def tell(text: str, k: int = k, name: str = one.name) -> None:
                progress.update(k / len(todo), f"{name}: {text}")

            if one in results and one.seed:
                continue
            try:
                run = cells.train(folder, plan, one, tell)
            except DivergenceError as error:
                note(f"Left out {one.name}: {error}")
                continue
            if one not in results:
                results.add(cells.measure(run, plan, one, tell))
            if one.seed == 0:
                pictures.add(one.data, one.model, run.flow)
    found = claims(results.measured)
    facts = machine_facts()
    results.write(
        {"machine": facts, "claims": [{"claim": c.claim, "answer": c.answer, "because": c.because} for c in found]}
    )
    report = folder / "report.html"
    write_report(report, plan, results.measured, found, pictures, f"{facts['processor']}, {facts['cores']} cores")
    text = "\n".join(f"{one.answer}: {one.claim}" for one in found)
    answers = {one.claim: one.answer for one in found}
    emit({"report": str(report), "claims": answers}, f"{text}\n\nThe report is '{report}'.", as_json)
    return 0
