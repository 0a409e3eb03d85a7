"""One model of a comparison, and several at once, each in a process on a core of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty

from dnf_studio.core.ranks import place_here
from dnf_studio.core.training.run import Run
from dnf_studio.errors import Cancelled, DivergenceError
from dnf_studio.reproduce.cell import measure, train, with_fits
from dnf_studio.reproduce.pictures import pictures_of
from dnf_studio.reproduce.plan import Cell, Plan
from dnf_studio.reproduce.quality import is_due, quality_of
from dnf_studio.reproduce.results import Results
from dnf_studio.reproduce.spline import HOW_TO_INSTALL
from dnf_studio.reproduce.tables import can_measure, measure_density

POLL_SECONDS, SAY_SECONDS = 0.2, 0.5
Progress = Callable[[float, str], None]
Tell = Callable[[str], None]
Said = tuple[str, str]
"""The name of a cell, empty for what is left out, and a text."""

_stop: Event
_said: Queue[Said]


def make_cell(results: Results, cell: Cell, tell: Tell, left_out: Tell) -> None:
    """What is missing of one model; `left_out` is told why it cannot be had."""
    try:
        if cell.data in results.plan.sets:
            _set(results, cell, tell)
        elif can_measure(cell):
            results.add(measure_density(results.folder, results.plan, cell, tell))
        else:
            left_out(f"{cell.name} is left out: {HOW_TO_INSTALL}.")
    except DivergenceError as problem:
        left_out(f"{cell.name} is left out: {problem}")


def _set(results: Results, cell: Cell, tell: Tell) -> None:
    """One model on one set, and the pictures of the first seed."""

    def watch(run: Run) -> None:
        if is_due(results.plan, cell, run.seconds, results.quality):
            results.add(quality_of(run, results.plan, cell, tell))

    run = train(results.folder, results.plan, cell, tell, watch)
    if cell.seed == 0:
        results.add_pictures(cell, pictures_of(run.dataset, cell.model, run.flow))
    flow = with_fits(run, results.folder, results.plan, cell, tell)
    results.add(measure(run, flow, results.plan, cell, tell))


def run_side_by_side(
    folder: Path,
    plan: Plan,
    cells: Sequence[Cell],
    jobs: int,
    until: float | None,
    progress: Progress,
    left_out: Tell,
) -> None:
    """Make `cells` of `plan` in `folder`, `jobs` of them at a time; each process writes the files of its own.

    Raises `Cancelled` once the monotonic clock passes `until`, and whatever `progress` or a model raises; the others
    end where they are before that, with what they have trained kept.
    """
    context = get_context("spawn")
    stop, said, place = context.Event(), context.Queue(), context.Value("i", jobs * place_here())
    told: dict[str, str] = {}
    with ProcessPoolExecutor(jobs, context, _begin, (stop, said, place)) as pool:
        waiting: set[Future[None]] = {pool.submit(_make, folder, plan, cell) for cell in cells}
        try:
            while waiting:
                done, waiting = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
                for future in done:
                    future.result()
                _pass_on(said, told, left_out)
                newest = list(told.items())[-jobs:]
                progress(
                    (len(cells) - len(waiting)) / len(cells), "; ".join(f"{name}: {text}" for name, text in newest)
                )
                if until is not None and time.monotonic() > until:
                    raise Cancelled
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
    _pass_on(said, told, left_out)


def _pass_on(said: Queue[Said], told: dict[str, str], left_out: Tell) -> None:
    """Take up what the processes have said: into `told` what cells are at, the newest last."""
    with suppress(Empty):  # until there is nothing more
        while True:
            name, text = said.get_nowait()
            if name:
                told.pop(name, None)
                told[name] = text
            else:
                left_out(text)


def _begin(stop: Event, said: Queue[Said], place: object) -> None:
    """Prepare a process: its core, and that Ctrl-C is the matter of the one that started it."""
    global _stop, _said
    _stop, _said = stop, said
    # What nobody reads any more must not keep the process
    said.cancel_join_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        with place.get_lock():  # type: ignore[attr-defined]
            number = place.value  # type: ignore[attr-defined]
            place.value += 1  # type: ignore[attr-defined]
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def _make(folder: Path, plan: Plan, cell: Cell) -> None:
    """Make one cell, in a process of the pool."""
    spoke = 0.0

    def tell(text: str) -> None:
        nonlocal spoke
        if _stop.is_set():
            raise Cancelled
        if time.monotonic() > spoke + SAY_SECONDS:
            spoke = time.monotonic()
            _said.put((cell.name, text))

    try:
        make_cell(Results(folder, plan), cell, tell, lambda text: _said.put(("", text)))
    except Cancelled:
        return
