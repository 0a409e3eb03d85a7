"""The process that shows new weights while a model trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.errors import SettingError
from dnf_studio.workers import explorer as explorer_module
from dnf_studio.workers import helping
from dnf_studio.workers.explorer import Explorer, Wanted
from dnf_studio.workers.explorer_process import ExplorerProcess
from dnf_studio.workers.frames import Frame, ViewRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.snapshot import Snapshot

CONFIG = Config.create({"sde": {"steps": 6, "t_end": 0.5}, "network": {"layers": 1, "channels": 16}})


def wait(done: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def weights(seed: int) -> Snapshot:
    torch.manual_seed(seed)
    return Snapshot.of(DiffFlow(2, CONFIG))


@pytest.fixture(scope="module")
def helper() -> Iterator[ExplorerProcess]:
    made = ExplorerProcess()
    wait(lambda: made.ready)
    yield made
    made.close()


@pytest.mark.parametrize(
    "request_",
    [ViewRequest(), ViewRequest(steps=9, lam=0.5, last="mean", seed=3), ViewRequest(parts="score", seed=5)],
)
def test_its_frames_are_those_of_the_thread(helper: ExplorerProcess, request_: ViewRequest) -> None:
    data = torch.randn(300, 2)
    for seed in (0, 1):
        wanted = Wanted(weights(seed), request_, data)
        frames: list[Frame] = []
        Passes(frames.append).run(wanted, lambda _: False, True)
        found = helper.frame(wanted, lambda: False)
        assert found is not None and found.request is request_ and found.complete
        assert found.weights == wanted.snapshot.version
        for name in ("t", "g", "forward", "backward", "disagreement"):
            # The same kernels on blocks of another size
            np.testing.assert_allclose(getattr(found, name), getattr(frames[-1], name), atol=0.05)
        assert (found.whole is None) is (request_.parts == "both")
        if found.whole is not None:
            np.testing.assert_allclose(found.whole, frames[-1].whole, atol=0.05)


def test_a_frame_that_is_left_does_not_come_later_as_another(helper: ExplorerProcess) -> None:
    data = torch.randn(2000, 2)
    first, second = (Wanted(weights(seed), ViewRequest(steps=300), data) for seed in (2, 3))
    assert helper.frame(first, lambda: True) is None
    found = helper.frame(second, lambda: False)
    assert found is not None and found.weights == second.snapshot.version


def test_what_it_refuses_is_raised_here(helper: ExplorerProcess) -> None:
    with pytest.raises(SettingError):
        helper.frame(Wanted(weights(0), ViewRequest(last="never"), torch.randn(9, 2)), lambda: False)


@pytest.fixture(scope="module")
def training() -> Iterator[Explorer]:
    """An explorer whose model trains, with its process at work; the last test ends the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(helping, "HELP_AFTER", 0.0)
        patch.setattr(explorer_module, "FRAME_SECONDS", 0.0)
        patch.setattr("dnf_studio.core.parallel.worker_threads", lambda device="cpu": 2)
        made = Explorer()
        made.set_training(True)
        made.publish(weights(0), torch.randn(300, 2))
        wait(made.mailbox.take)
        made.publish(weights(1))
        wait(lambda: made._helping.process is not None and made._helping.process.ready and not made._pending())
        made.mailbox.take()
        yield made
    assert made.close()


def newest(explorer: Explorer) -> Frame:
    frames: list[Frame] = []
    wait(lambda: (frame := explorer.mailbox.take()) is not None and not frames.append(frame))
    assert explorer.errors.take() is None
    return frames[-1]


def test_new_weights_come_from_the_process(training: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passes, "run", lambda *_: pytest.fail("the thread made a pass"))
    snapshot = weights(2)
    training.publish(snapshot)
    assert newest(training).weights == snapshot.version


def test_a_change_is_answered_by_the_thread_and_the_next_weights_by_the_process(training: Explorer) -> None:
    training.request(ViewRequest(steps=4))
    wait(lambda: len(newest(training).t) == 5)
    snapshot = weights(3)
    training.publish(snapshot)
    wait(lambda: newest(training).weights == snapshot.version)


def test_without_the_process_the_thread_goes_on(training: Explorer) -> None:
    assert training._helping.process is not None
    training._helping.process._process.kill()
    training._helping.process._process.join(10)
    snapshot = weights(4)
    training.publish(snapshot)
    wait(lambda: newest(training).weights == snapshot.version)
    assert training._helping.process is None
