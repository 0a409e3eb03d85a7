"""Trials of settings on tables, for DiffFlow and two flows alike; what is best on rows to validate on is compared.

``python -m dnf_studio.reproduce.tuning FILE`` runs what FILE lacks, one trial after the other, and may be interrupted.
The trials that are bundled chose the settings of `chosen`; which are tried was written down before any was read.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dnf_studio.assets import resource
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, mean_and_error
from dnf_studio.core.files import atomic_file
from dnf_studio.core.sampling.likelihood import TOLERANCE, ode_nll
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DivergenceError, ExportError
from dnf_studio.reproduce.plan import TABLES
from dnf_studio.reproduce.spline import SplineSettings, fit_spline

Settings = Mapping[str, Any]
Trial = dict[str, Any]
"""One trial: data, model, number, dotted settings, seed, iterations, CPU seconds, and the NLL of validation rows."""
SECONDS = 15.0
"""CPU seconds of training a trial."""
SEED = 0
TIMED = 8
"""Iterations whose time says how many of them a trial has."""
SMALL_STEPS: Settings = {"training.batch": 128, "training.learning_rate": 0.006, "sde.steps": 10}
TIMES: Settings = {"sde.steps": 10, "sde.t_end": 0.3}
SMALL_FLOW: Settings = {
    **TIMES,
    "training.batch": 32,
    "training.learning_rate": 0.002,
    "network.layers": 2,
    "network.channels": 64,
}


def _noise(g: float) -> Settings:
    return {"sde.g_start": g, "sde.g_end": g}


TRIALS: Mapping[str, Sequence[Settings]] = {
    "diffflow": (
        {**SMALL_STEPS, **_noise(2.0)},
        {**SMALL_STEPS, **_noise(4.0)},
        {**SMALL_STEPS, **_noise(3.0), "training.weight_decay": 0.13},
        {**SMALL_STEPS, **_noise(1.0)},
        {**SMALL_STEPS, **_noise(3.0), "training.learning_rate": 0.002},
        {**SMALL_STEPS, **_noise(3.0), "training.learning_rate": 0.002, "network.channels": 64,
         "training.weight_decay": 0.5},
        {**SMALL_STEPS, "sde.g_start": 0.5, "sde.g_end": 4.0, "sde.linear": "beta"},
        {**SMALL_STEPS, **_noise(2.0), "sde.steps": 30},
    ),
    "flow": (
        SMALL_FLOW,
        {**SMALL_FLOW, "training.learning_rate": 0.006},
        {**SMALL_FLOW, "training.weight_decay": 0.5},
        {**SMALL_FLOW, "training.learning_rate": 0.006, "network.channels": 32},
        {**SMALL_FLOW, "sde.t_end": 1.0},
        {**SMALL_FLOW, "training.batch": 64, "network.layers": 3, "network.channels": 96},
        {**SMALL_FLOW, "sde.steps": 5},
        {**TIMES, "network.channels": 189, "training.learning_rate": 0.002},
    ),
    "spline": (
        {"spline.learning_rate": 0.002},
        {"spline.learning_rate": 0.0005},
        {"spline.weight_decay": 1.0},
        {"spline.hidden": 32},
        {"spline.transforms": 1},
        {"spline.transforms": 5, "spline.hidden": 128, "spline.learning_rate": 0.0005},
        {"spline.hidden": 32, "spline.bins": 4, "spline.weight_decay": 1.0},
        {"spline.batch": 32, "spline.learning_rate": 0.0005, "spline.weight_decay": 1.0},
    ),
}  # fmt: skip
"""What is tried for each model, in order, as often for one as for the others; the spline flow has its own names."""

ABOUT = {
    "title": "Settings for tables",
    "note": "A fixed list for each of DiffFlow, the flow (FFJORD) and the neural spline flow, one seed; on each table "
    "those trials count that all have had. The lowest NLL (nats of standardised data, by the ODE where there is one) "
    "of the rows to validate on chose what is compared; no row to test on was looked at.",
}


@cache
def _bundled() -> tuple[Trial, ...]:
    values = json.loads(resource("reproduction", "tables-trials.json").read_text(encoding="utf-8"))
    return tuple(values["trials"])


def chosen(data: str, model: str) -> dict[str, Any]:
    """The settings of `model` on `data` whose trial had the lowest NLL on the rows to validate on; none untried."""
    known = _counted(data, model)
    return _settings(min(known.values(), key=_nll)) if known else {}


def common(model: str, tables: Sequence[str] = TABLES) -> dict[str, Any]:
    """The settings of `model` for any table: those with the best mean rank of all that were tried on each of `tables`.

    DiffFlow's are the preset ``tables``.
    """
    known = [_counted(data, model) for data in tables]
    numbers = sorted(set.intersection(*map(set, known)))
    if not numbers:
        return {}
    ranks = {number: sum(sum(_nll(own[k]) < _nll(own[number]) for k in numbers) for own in known) for number in numbers}
    return _settings(known[0][min(numbers, key=ranks.__getitem__)])


def _counted(data: str, model: str) -> dict[int, Trial]:
    """The trials of `model` on `data` by their number, those that every kind of model has had."""
    by_model = {
        name: {one["trial"]: one for one in _bundled() if (one["data"], one["model"]) == (data, name)}
        for name in TRIALS
    }
    numbers = set.intersection(*(set(trials) for trials in by_model.values()))
    return {number: one for number, one in by_model[model].items() if number in numbers}


def _nll(trial: Trial) -> float:
    return math.inf if trial["nll"] is None else float(trial["nll"])


def _settings(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in trial.items() if "." in name}


def run_trials(path: Path, tables: Sequence[str] = TABLES, seconds: float = SECONDS) -> Iterator[Trial]:
    """Run what the file `path` lacks, each model once on each table and again, and keep each there."""
    done: list[Trial] = json.loads(path.read_text(encoding="utf-8"))["trials"] if path.exists() else []
    known = {(one["data"], one["model"], one["trial"]) for one in done}
    for number in range(len(TRIALS["diffflow"])):
        for data in tables:
            for model, settings in TRIALS.items():
                if (data, model, number) in known:
                    continue
                found = _tried(data, model, settings[number], seconds)
                done.append({"data": data, "model": model, "trial": number, **settings[number], **found})
                with atomic_file(path, ExportError) as partial:
                    partial.write_text(json.dumps({**ABOUT, "trials": done}, indent=1) + "\n", encoding="utf-8")
                yield done[-1]


def _tried(data: str, model: str, settings: Settings, seconds: float) -> Trial:
    """Train on one thread for so many CPU seconds and measure."""
    if model == "spline":
        return _spline_tried(open_dataset(data), SplineSettings.of(settings), seconds)
    own = {**settings, "training.seed": SEED}
    return _run_tried(Config.create({"data": data, "model": model}).changed(own), seconds)


def _spline_tried(dataset: Dataset, settings: SplineSettings, seconds: float) -> Trial:
    found = fit_spline(settings, seconds, SEED, dataset, lambda _: None)
    rows = dataset.validation(ODE_POINTS, 0)
    nll, error = (None, None) if rows is None else mean_and_error(found.nll(rows))
    return _told(found.iterations, found.best, found.seconds, nll, error)


def _run_tried(config: Config, seconds: float) -> Trial:
    """In as many iterations as the first ones say that there is time for."""
    timed = Run(config.changed({"training.iterations": TIMED, "training.patience": 0}), threads=1)
    started = time.process_time()
    for _ in timed:
        pass
    each = (time.process_time() - started) / TIMED
    run = Run(config.changed({"training.iterations": max(TIMED, int(seconds / each))}), threads=1)
    started, nll, error, failed = time.process_time(), None, None, None
    try:
        for _ in run:
            pass
        spent = time.process_time() - started
        rows = run.dataset.validation(ODE_POINTS, 0)
        if rows is not None:
            nll, error = mean_and_error(ode_nll(run.flow, rows, TOLERANCE))
    except DivergenceError as problem:
        spent, failed = time.process_time() - started, str(problem)
    return _told(run.iteration, run.early_stopping.best_iteration, spent, nll, error, failed)


def _told(
    iterations: int, best: int, spent: float, nll: float | None, error: float | None, failed: str | None = None
) -> Trial:
    """What is kept of a trial beside what was tried."""
    return {
        "seed": SEED,
        "iterations": iterations,
        "best iteration": best,
        "CPU seconds": round(spent, 1),
        "nll": nll,
        "error": error,
        "failed": failed,
    }


if __name__ == "__main__":
    for one in run_trials(Path(sys.argv[1])):
        print(one, flush=True)
