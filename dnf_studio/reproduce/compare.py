"""The whole comparison, cell by cell, and its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dnf_studio.bench.machine import machine_facts
from dnf_studio.core.storage.atomic import explain
from dnf_studio.errors import DivergenceError, ExportError
from dnf_studio.reproduce.cell import measure, train
from dnf_studio.reproduce.plan import Plan
from dnf_studio.reproduce.report import Pictures, write_report
from dnf_studio.reproduce.results import Results
from dnf_studio.reproduce.verdicts import Claim, claims

__all__ = ["compare"]

Progress = Callable[[float, str], None]


def compare(folder: Path, plan: Plan, progress: Progress, left_out: Callable[[str], None]) -> tuple[Claim, ...]:
    """Train and measure what `folder` lacks of `plan`, and write ``report.html`` and ``results.json`` there.

    Whatever ends it early leaves what was found, and the next call goes on there. A model whose training or
    sampling fails is left out, which `left_out` tells. Raises `ExportError` where nothing can be written, or
    `folder` belongs to another plan.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ExportError(f"Cannot make the folder '{folder}': {explain(problem)}.") from problem
    results, pictures, cells = Results(folder, plan), Pictures(), plan.cells()
    for k, cell in enumerate(cells):

        def tell(text: str, done: float = k / len(cells), name: str = cell.name) -> None:
            progress(done, f"{name}: {text}")

        # The models of the first seed are needed for their pictures as well
        if cell in results and cell.seed:
            continue
        try:
            run = train(folder, plan, cell, tell)
            if cell not in results:
                results.add(measure(run, plan, cell, tell))
            if cell.seed == 0:
                pictures.add(cell.data, cell.model, run.flow)
        except DivergenceError as problem:
            left_out(f"{cell.name} is left out: {problem}")
    found, facts = claims(results.measured), machine_facts()
    results.write({"machine": facts, "claims": [asdict(claim) for claim in found]})
    machine = f"{facts['processor']}, {facts['cores']} cores"
    write_report(folder / "report.html", plan, results.measured, found, pictures, machine)
    return found
