"""The whole comparison, cell by cell, in as many sittings as it takes, and its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from dnf_studio.bench.machine import cores_in_words, machine_facts
from dnf_studio.core.ranks import ALONE, Ranks
from dnf_studio.errors import Cancelled, ExportError, UnknownNameError
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.protocol import all_claims, protocol
from dnf_studio.reproduce.report import write_report
from dnf_studio.reproduce.results import Results
from dnf_studio.reproduce.side_by_side import make_cell, run_side_by_side
from dnf_studio.reproduce.tables import density_claims
from dnf_studio.reproduce.trials import check_trials, copy_trials
from dnf_studio.reproduce.verdicts import Claim

Progress = Callable[[float, str], None]
Tell = Callable[[str], None]


def compare(
    folder: Path,
    plan: Plan,
    progress: Progress,
    left_out: Callable[[str], None],
    *,
    only: Collection[str] = (),
    minutes: float | None = None,
    jobs: int = 1,
    trials: Sequence[Path] = (),
    ranks: Ranks = ALONE,
) -> tuple[Claim, ...]:
    """Train and measure what `folder` lacks of `plan`, and write ``report.html`` and ``results.json`` there.

    What is decided is written before anything is measured (`protocol`). After `minutes` it ends, as far as it has come;
    whatever ends it, the next call goes on there: a model in training from where it was, what was being measured anew.
    `only` names sets, models or cells, the rest waits. With `jobs` above 1 so many models are made side by side, each
    in a process on a core of its own. Of `ranks`, which all see `folder`, each makes every one of the missing cells at
    its distance; rank 0 writes the report of all, and the others return no claims. `trials` are files of what was
    tried before (`trials`), kept in the folder.
    A model whose training or sampling fails, or whose library is not installed, is left out, which `left_out` tells.
    Raises `ExportError` where nothing can be written, or `folder` belongs to another plan, and `UnknownNameError` for
    a name that is nothing of the plan.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    results, cells = _begun(folder, plan, only, trials, ranks)
    said, at_work = list[str](), _alive(ranks, progress)
    tell = left_out if ranks.count == 1 else said.append
    try:
        if jobs > 1 and len(cells) > 1:
            run_side_by_side(folder, plan, cells, jobs, until, at_work, tell)
        else:
            _one_by_one(results, cells, until, at_work, tell, ranks.writes)
    except Cancelled:
        tell("The time is over; the same command goes on from here.")
    others = ranks.gather(said, lambda: progress(1.0, "waiting for the other ranks"))
    for sentence in dict.fromkeys(chain.from_iterable(others)):
        left_out(sentence)
    return _report(folder, results) if ranks.writes else ()


def _alive(ranks: Ranks, progress: Progress) -> Progress:
    """`progress` by which other ranks hear that this one is at work."""

    def at_work(fraction: float, text: str) -> None:
        ranks.alive()
        progress(fraction, text)

    return at_work


def _begun(
    folder: Path, plan: Plan, only: Collection[str], trials: Sequence[Path], ranks: Ranks
) -> tuple[Results, list[Cell]]:
    """The results in `folder`, with what is decided written there, and which of the missing cells this rank makes."""
    named = _named(plan.cells(), only)
    ranks.require_same({"plan": plan.as_dict(), "folder": str(folder.resolve()), "list of cells": sorted(only)})
    if ranks.writes:
        # Before anything is written that could not be changed any more
        check_trials(trials)
        Results(folder, plan).begin(protocol(plan))
        copy_trials(folder, trials)
    ranks.barrier()
    results = Results(folder, plan)
    if blind := [rank for rank, sees in enumerate(ranks.gather(results.protocol is not None)) if not sees]:
        raise ExportError(
            f"Rank {blind[0]} does not see what rank 0 wrote into '{folder}'; put it on a file system that the "
            "machines of all ranks share."
        )
    missing = ranks.first([cell.name for cell in named if cell not in results])
    return results, [cell for cell in named if cell.name in missing[ranks.rank :: ranks.count]]


def _named(cells: Sequence[Cell], only: Collection[str]) -> list[Cell]:
    """Those of which a name was given, all without names."""
    known = {name for cell in cells for name in (cell.data, cell.model, cell.name)}
    for name in only:
        if name not in known:
            raise UnknownNameError("set, model or cell of the plan", name, sorted(known))
    return [cell for cell in cells if not only or {cell.data, cell.model, cell.name} & set(only)]


def _one_by_one(
    results: Results, cells: Sequence[Cell], until: float | None, progress: Progress, left_out: Tell, reports: bool
) -> None:
    for k, cell in enumerate(cells):

        def tell(text: str, done: float = k / len(cells), name: str = cell.name) -> None:
            progress(done, f"{name}: {text}")
            if until is not None and time.monotonic() > until:
                raise Cancelled

        make_cell(results, cell, tell, left_out)
        if reports and k + 1 < len(cells) and cells[k + 1].seed != cell.seed:
            _report(results.folder, results)


def _report(folder: Path, results: Results) -> tuple[Claim, ...]:
    """Write what is known so far; returns the claims."""
    results.read()
    plan, facts = results.plan, machine_facts()
    of_tables = density_claims(results.densities) if plan.tables else ()
    found = (*all_claims(plan, results.measured, results.quality), *of_tables)
    results.write({"machine": facts, "claims": [asdict(claim) for claim in found]})
    machine = f"{facts['processor']}, {cores_in_words(facts)}"
    write_report(folder / "report.html", results, found, machine)
    return found
