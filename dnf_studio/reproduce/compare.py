"""The whole comparison, cell by cell, and its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dnf_studio.bench.machine import cores_in_words, machine_facts
from dnf_studio.core.files import make_folder
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DivergenceError, ExportError
from dnf_studio.reproduce.cell import measure, train
from dnf_studio.reproduce.figures import HOW_TO_INSTALL
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.quality import is_due, quality_of, training_claim
from dnf_studio.reproduce.report import Pictures, write_report
from dnf_studio.reproduce.results import Results
from dnf_studio.reproduce.tables import can_measure, density_claims, measure_density
from dnf_studio.reproduce.verdicts import Claim, claims

__all__ = ["compare"]

Progress = Callable[[float, str], None]
Tell = Callable[[str], None]


def compare(folder: Path, plan: Plan, progress: Progress, left_out: Callable[[str], None]) -> tuple[Claim, ...]:
    """Train and measure what `folder` lacks of `plan`, and write ``report.html`` and ``results.json`` there.

    There is a report after each seed. Whatever ends it early leaves what was found, and the next call goes on there.
    A model whose training or sampling fails, or whose library is not installed, is left out, which `left_out` tells.
    Raises `ExportError` where nothing can be written, or `folder` belongs to another plan.
    """
    make_folder(folder, ExportError)
    results, pictures, cells = Results(folder, plan), Pictures(), plan.cells()
    found: tuple[Claim, ...] = ()
    for k, cell in enumerate(cells):

        def tell(text: str, done: float = k / len(cells), name: str = cell.name) -> None:
            progress(done, f"{name}: {text}")

        try:
            if cell.data in plan.sets:
                _set(folder, results, pictures, cell, tell)
            elif cell not in results and can_measure(cell):
                results.add(measure_density(folder, plan, cell, tell))
            elif cell not in results:
                left_out(f"{cell.name} is left out: {HOW_TO_INSTALL}.")
        except DivergenceError as problem:
            left_out(f"{cell.name} is left out: {problem}")
        if k + 1 == len(cells) or cells[k + 1].seed != cell.seed:
            found = _report(folder, results, pictures)
    return found


def _report(folder: Path, results: Results, pictures: Pictures) -> tuple[Claim, ...]:
    """Write what is known so far; returns the claims."""
    found, facts = _claims(results), machine_facts()
    results.write({"machine": facts, "claims": [asdict(claim) for claim in found]})
    machine = f"{facts['processor']}, {cores_in_words(facts)}"
    write_report(folder / "report.html", results, found, pictures, machine)
    return found


def _set(folder: Path, results: Results, pictures: Pictures, cell: Cell, tell: Tell) -> None:
    """What is missing of one model on one set, and the pictures of the first seed."""
    if cell in results and cell.seed:
        return

    def watch(run: Run) -> None:
        if is_due(results.plan, cell, run.seconds, results.quality):
            results.add(quality_of(run, results.plan, cell, tell))

    run = train(folder, results.plan, cell, tell, watch)
    if cell not in results:
        results.add(measure(run, results.plan, cell, tell))
    if cell.seed == 0:
        pictures.add(cell.data, cell.model, run.flow)


def _claims(results: Results) -> tuple[Claim, ...]:
    """Those of the sets and those of the tables, where there are such."""
    of_sets = (*claims(results.measured), training_claim(results.quality)) if results.plan.sets else ()
    return (*of_sets, *(density_claims(results.densities) if results.plan.tables else ()))
