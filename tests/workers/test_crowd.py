"""Points beyond the display set: the same whatever is asked before, in batches, and only while nobody trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.hardware import choose_hidden_type
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.brownian import BrownianPath, latents, noise_of_both
from dnf_studio.core.sde.paths import forward_path
from dnf_studio.workers import crowd
from dnf_studio.workers.crowd import Crowd, CrowdRequest, CrowdWatch
from dnf_studio.workers.excess import ExcessWatch
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed
from tests.workers.test_explorer import flow_of

SHOWN, COUNT = 40, 160


@pytest.fixture
def explorer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    # The excess, which takes turns with it, is not what is tested here
    monkeypatch.setattr(ExcessWatch, "show", lambda *_: None)
    monkeypatch.setattr(crowd, "FIRST_BATCH", 32)
    monkeypatch.setattr(crowd, "BATCH", 64)
    made = Explorer()
    yield made
    assert made.close()


def crowds_until(explorer: Explorer, enough: Callable[[Crowd], bool] = lambda found: found.complete) -> list[Crowd]:
    """What is told up to the first that is enough; an error is raised."""
    found: list[Crowd] = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        error = explorer.errors.take()
        if error is not None:
            raise error
        one = explorer.crowd.take()
        if one is not None:
            found.append(one)
            if enough(one):
                return found
        time.sleep(0.001)
    raise AssertionError("not enough came")


def show(explorer: Explorer, dataset: Any, **settings: Any) -> DiffFlow:  # noqa: ANN401 - as the state has them
    flow = flow_of()
    explorer.follow(CrowdRequest(COUNT, dataset))
    explorer.request(viewed(steps=6, **settings))
    explorer.publish(Snapshot.of(flow), torch.randn(SHOWN, 2))
    return flow


def test_paths_are_the_models_own_and_keep_their_noise(explorer: Explorer) -> None:
    flow = show(explorer, open_dataset("rings"), seed=3)
    told = crowds_until(explorer)
    last = told[-1]
    assert last.forward.shape == last.backward.shape == (7, COUNT - SHOWN, 2) and last.totals == (COUNT, COUNT)
    for earlier in told:
        assert np.array_equal(earlier.forward, last.forward[:, : earlier.forward.shape[1]])
    grid = flow.grid(6)
    fast = choose_hidden_type("auto", flow.device)
    brownian = BrownianPath(3, 32, 4, float(grid.t[0]), float(grid.t[-1]), stream=SHOWN)
    with torch.inference_mode():
        ahead, _ = noise_of_both(brownian, grid.t)
        path = forward_path(flow.fields(grid, fast)[0], grid, torch.from_numpy(last.forward[0, :32].copy()), ahead)
    np.testing.assert_allclose(last.forward[:, :32], path, atol=1e-5)
    assert np.array_equal(last.backward[-1], latents(3, COUNT, 2)[SHOWN:])
    assert len(np.unique(last.forward[0], axis=0)) == COUNT - SHOWN
    # Another λ draws nothing anew: the forward paths are the very same array
    explorer.request(viewed(steps=6, lam=0.0, seed=3))
    other = crowds_until(explorer, lambda found: found.complete and found.frame.request.lam == 0)[-1]
    assert other.forward.base is last.forward.base
    assert np.array_equal(other.backward[-1], last.backward[-1]) and not np.allclose(other.backward, last.backward)


def test_round_trips_begin_where_the_others_end_and_a_short_table_has_no_more(explorer: Explorer) -> None:
    rows = torch.randn(100, 2)
    units = flow_of().standardisation
    show(
        explorer, SimpleNamespace(fresh=lambda count, seed: rows[:count], dim=2, standardisation=units), start="forward"
    )
    found = crowds_until(explorer)[-1]
    assert found.totals == (SHOWN + 99, SHOWN + 99)
    assert np.array_equal(found.forward[0], rows[:99])
    assert np.array_equal(found.backward[-1], found.forward[-1])
    explorer.request(viewed(steps=6))
    found = crowds_until(explorer, lambda found: found.complete and found.frame.request.start == "noise")[-1]
    assert found.totals == (SHOWN + 99, COUNT)


def test_there_is_none_while_a_model_trains_nor_of_what_nobody_asks(explorer: Explorer) -> None:
    explorer.set_training(True)
    show(explorer, None)
    end = time.monotonic() + 20
    while explorer.mailbox.take() is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    time.sleep(0.05)
    assert explorer.crowd.take() is None
    explorer.set_training(False)
    # Where the data is not here the forward paths begin at samples of the model
    found = crowds_until(explorer)[-1]
    assert found.forward.shape[1] == COUNT - SHOWN and np.isfinite(found.forward).all()
    explorer.follow(None)
    explorer.request(viewed(steps=5))
    time.sleep(0.1)
    assert explorer.crowd.take() is None


def test_what_is_asked_no_more_as_its_batch_begins_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, explorer: Explorer
) -> None:
    own, gone = CrowdWatch._sides_of, Event()

    def sides_of(watch: CrowdWatch, *of: Any) -> object:  # noqa: ANN401 - as it is given
        found = own(watch, *of)
        if not gone.is_set():
            # As the window may from its own thread
            explorer.follow(None)
            gone.set()
        return found

    monkeypatch.setattr(CrowdWatch, "_sides_of", sides_of)
    dataset = open_dataset("rings")
    show(explorer, dataset)
    assert gone.wait(20)
    explorer.follow(CrowdRequest(COUNT, dataset))
    assert crowds_until(explorer)[-1].totals == (COUNT, COUNT)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch, explorer: Explorer) -> None:
    monkeypatch.setattr(crowd, "MOST_NUMBERS", 100 * 7 * 2)
    show(explorer, open_dataset("rings"))
    assert crowds_until(explorer)[-1].totals == (100, 100)


def test_as_many_batches_as_threads_and_none_beyond_what_the_other_process_has() -> None:
    def side(done: int, rows: int) -> SimpleNamespace:
        return SimpleNamespace(done=done, rows=rows)

    first, size = crowd.FIRST_BATCH, crowd.BATCH
    assert crowd._begins([side(0, 9_000), side(0, 9_000)], 2) == [0, first]
    assert crowd._begins([side(first, 9_000), side(first, 9_000)], 3) == [first + k * size for k in range(3)]
    assert crowd._begins([side(0, 700), side(0, 700)], 2) == [0]
    # One that is behind catches up first; one with fewer points lets the other go on
    assert crowd._begins([side(first + size, 9_000), side(0, 9_000)], 4) == [0, first]
    assert crowd._begins([side(700, 700), side(first, 9_000)], 2) == [first, first + size]
