"""Runs that several ranks train together, ranks being threads of this process."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.cli.keeping import go_on
from dnf_studio.config import Config
from dnf_studio.core import ranks
from dnf_studio.core.data import tables
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.networks import fourier_kernel
from dnf_studio.core.ranks import ALONE, RankError, Ranks, RanksDiffer
from dnf_studio.core.storage.autosave import Autosave
from dnf_studio.core.training import maximum_likelihood, regression
from dnf_studio.core.training.run import Run
from tests.ranks import as_ranks

SMALL = {
    "data": "moons",
    "sde": {"steps": 4},
    "network": {"layers": 1, "channels": 8},
    "training": {"batch": 96, "iterations": 50, "decay": "constant", "device": "cpu", "precision": "float32"},
}
KINDS = {
    "DiffFlow": {},
    "progressive, other grids, straight": {
        "sde.steps": 12,
        "training.progressive": True,
        "training.flexible_grid": True,
        "training.straight": 0.1,
    },
    "frozen drift": {"network.drift": "frozen"},
    "U-Net": {"network.kind": "unet", "network.channels": 4, "training.batch": 17, "sde.steps": 1},
    "diffusion": {"model": "diffusion"},
    "flow": {"model": "flow", "training.batch": 64, "sde.steps": 2},
    "matching": {"model": "matching"},
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fourier_kernel, "BLOCK_ROWS", 20)
    monkeypatch.setattr(regression, "BLOCK_ROWS", 20)
    monkeypatch.setattr(maximum_likelihood, "BLOCK_ROWS", 20)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An idx file of forty images of eight by two pixels."""
    path = tmp_path_factory.mktemp("images") / "train-images-idx3-ubyte"
    levels = np.random.default_rng(0).integers(0, 256, (40, 8, 2), np.uint8)
    path.write_bytes(struct.pack(">4I", 0x0803, *levels.shape) + levels.tobytes())
    return str(path)


def settings(kind: str = "DiffFlow", **changes: object) -> Config:
    return Config.create(SMALL).changed(KINDS[kind] | {f"training.{name}": value for name, value in changes.items()})


def weights(run: Run) -> list[torch.Tensor]:
    state = run.state()
    return [*state.model.values(), *state.weights.raw.values(), *state.weights.exp_avg_sq.values(), state.generator]


def three(run: Run) -> None:
    """Iterations up to the third; the end of a run costs more."""
    for _ in run:
        if run.iteration == 3:
            break


def trained(runs: list[Run], work: Callable[[Run], object] = three, patience: float = 30.0) -> list[object]:
    def one(here: Ranks) -> object:
        run = runs[here.rank]
        run.share(here)
        return work(run)

    return as_ranks(len(runs), one, patience)


@cache
def alone(config: Config) -> Run:
    run = Run(config, threads=1)
    three(run)
    return run


def same(one: Run, other: Run) -> bool:
    return all(torch.equal(*both) for both in zip(weights(one), weights(other), strict=True))


@pytest.mark.parametrize(("kind", "count"), [*((kind, 2) for kind in KINDS), ("DiffFlow", 3), ("matching", 3)])
def test_weights_do_not_depend_on_the_number_of_ranks(kind: str, count: int, images: str) -> None:
    config = settings(kind).changed({"data": images} if kind == "U-Net" else {})
    runs = [Run(config, threads=1 + (rank == 1)) for rank in range(count)]
    trained(runs)
    for run in runs:
        assert run.iteration == 3 and run.history.as_dict() == alone(config).history.as_dict()
        assert same(run, alone(config))


def test_ranks_read_a_file_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGE", 0)
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(400, 2)))
    config = settings().changed({"data": str(tmp_path / "a.npy")})
    runs = [Run(config, threads=1) for _ in range(3)]
    trained(runs)
    assert runs[0].dataset.passes(0) is not None and all(same(run, alone(config)) for run in runs)


def test_early_stopping_and_a_budget_of_seconds_end_all_ranks_alike() -> None:
    runs = [Run(settings(seconds=1.0), threads=1) for _ in range(2)]
    for run, second in zip(runs, (0.4, 0.003), strict=True):
        ticks = iter(range(10_000))
        run.clock = lambda ticks=ticks, second=second: second * next(ticks)  # type: ignore[method-assign, misc]
    trained(runs, list)
    assert runs[0].iteration == runs[1].iteration > 1 and runs[0].seconds == runs[1].seconds >= 1.0


@pytest.mark.parametrize("asked", [0, 1])
def test_all_ranks_end_after_the_same_iteration_where_one_is_asked(asked: int) -> None:
    runs = [Run(settings(), threads=1) for _ in range(2)]

    def work(run: Run) -> int:
        run.interrupt_when(lambda: run.ranks.rank == asked and run.iteration == 2)
        for _ in run:
            if run.interrupted:
                break
        return run.iteration if run.interrupted else -1

    found = trained(runs, work)
    assert found == [2, 2]
    # The batch that was given up leaves no trace: the run goes on as if nothing had been
    for run in runs:
        run.interrupt_when(lambda: False)
    trained(runs)
    assert same(runs[0], alone(settings()))


def test_a_run_goes_on_with_another_number_of_ranks(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("shared") / "a.safetensors"
    first = Run(settings(), threads=1)
    next(iter(first))
    first.save(file)
    for count in (2, 3):
        runs = [Run.resume(file, threads=1) for _ in range(count)]
        trained(runs, lambda run: next(iter(run)))
        runs[-1].save(file)
    assert same(runs[0], alone(settings()))


@pytest.mark.parametrize(
    ("name", "changes"),
    [("setting training.learning_rate", {"training.learning_rate": 0.5}), ("data set", {}), ("first weights", {})],
)
def test_ranks_that_differ_are_told_before_the_first_step(name: str, changes: dict[str, object]) -> None:
    runs = [Run(settings().changed(changes if rank else {}), threads=1) for rank in range(2)]
    if name == "data set":
        runs[1].dataset = open_dataset("circle")
    if name == "first weights":
        next(iter(runs[1].flow.parameters())).data += 1

    def work(run: Run) -> str:
        with pytest.raises(RanksDiffer, match=f"^Rank 1 has another {name} than rank 0, ") as told:
            next(iter(run))
        return str(told.value)

    assert len(set(trained(runs, work))) == 1 and runs[0].iteration == 0


def test_a_lost_rank_leaves_the_run_of_the_others_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "ROLL_CALL", 0.1)
    runs = [Run(settings(), threads=1) for _ in range(2)]

    def work(run: Run) -> None:
        if run.ranks.rank:
            for _ in run:
                if run.iteration == 2:
                    return
        with pytest.raises(RankError, match="Rank 1 "):
            list(run)

    trained(runs, work, patience=2.0)
    assert runs[0].iteration == 2
    runs[0].share(ALONE)
    three(runs[0])
    assert same(runs[0], alone(settings()))


def test_what_is_kept_of_the_same_run_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "a.safetensors"
    alone(settings()).save(output)

    def found(config: Config, count: int = 1) -> list[int]:
        runs = [Run(config, threads=1) for _ in range(count)]
        trained(runs, lambda run: go_on(run, output))
        return [run.iteration for run in runs]

    assert found(settings(), 2) == [3, 3] and found(settings(seed=1)) == [0]
    run = Run(settings(), threads=1)
    next(iter(run))
    Autosave(output).keep(run.state().checkpoint())
    assert found(settings()) == [1]
    Autosave(output).remove()
    ended = Run.resume(output, {"training.iterations": 3}, threads=1)
    ended.save(output)
    assert found(ended.config) == [0]
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert found(ended.config) == [3]
    output.write_bytes(b"else")
    assert found(settings()) == [0]
