from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.exploration.contributions import contributions
from dnf_studio.core.exploration.display_set import DisplayNoise, blocks
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.errors import Cancelled, SettingError
from dnf_studio.workers import explorer as explorer_module
from dnf_studio.workers import passes
from dnf_studio.workers.excess import ExcessWatch
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.frames import Frame, FrameRequest, Inspection, InspectRequest
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed

CONFIG = Config.create({"sde": {"steps": 6, "t_end": 0.5, "g_end": 0.5}, "network": {"layers": 1, "channels": 16}})


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


def flow_of(dim: int = 2, seed: int = 0) -> DiffFlow:
    torch.manual_seed(seed)
    return DiffFlow(dim, CONFIG)


def frames_until(explorer: Explorer, last: int | None = None, seconds: float = 20.0) -> list[Frame]:
    """Frames up to the complete one, of the weights `last` where given; an error is raised."""
    frames: list[Frame] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        error = explorer.errors.take()
        if error is not None:
            raise error
        frame = explorer.mailbox.take()
        if frame is not None:
            frames.append(frame)
            if frame.complete and last in (None, frame.weights):
                return frames
        time.sleep(0.001)
    raise AssertionError("no complete frame came")


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_a_frame_is_what_the_models_own_paths_are(explorer: Explorer, dim: int) -> None:
    flow, x0 = flow_of(dim), torch.randn(300, dim)
    request = viewed(steps=9, lam=0.7, last="mean", seed=3)
    explorer.request(request)
    explorer.publish(Snapshot.of(flow, 5), x0)
    frame = frames_until(explorer)[-1]
    grid, noise = flow.grid(9), DisplayNoise()
    parts = [noise.noise(3, part, dim, grid.t) for part in blocks(300, 9, dim)]
    ahead, back = (torch.cat(side, dim=1) for side in zip(*parts, strict=True))
    with torch.no_grad():
        path = flow.forward_path(x0, ahead, grid)
        reverse = flow.backward_path(noise.latents(3, 300, dim), back.flip(0), lam=0.7, last="mean", grid=grid)
        explained = contributions(flow, x0, ahead, grid)
        rows = explained.steps.mean(1)
    assert frame.weights == 5 and frame.request is request and frame.seconds > 0
    np.testing.assert_allclose(frame.forward, path, atol=2e-5)
    np.testing.assert_allclose(frame.backward, reverse.flip(0), atol=2e-5)
    np.testing.assert_allclose(frame.mean_contributions, rows, atol=1e-4)
    np.testing.assert_allclose(frame.contributions.sum(0).mean(), rows.sum(), atol=1e-3)
    np.testing.assert_allclose(frame.contributions, explained.steps, atol=1e-3)
    np.testing.assert_allclose(frame.parts, [part.mean(1) for part in explained.parts], atol=1e-4)
    np.testing.assert_allclose(frame.parts.sum(0), frame.mean_contributions, atol=1e-6)
    np.testing.assert_allclose(frame.prior, (explained.prior.mean(), explained.noise_ratio), atol=1e-4)
    np.testing.assert_allclose(frame.t, grid.t)
    np.testing.assert_allclose(frame.g, grid.g)


def test_nothing_of_other_data_is_posted_once_there_are_new_ones(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the running pass has found of a model that is no longer shown would come under the words of the next."""
    begun, gate, frame_of = threading.Event(), threading.Event(), passes._frame

    def late(*words: object, **more: object) -> Frame:
        begun.set()
        gate.wait(20)
        return frame_of(*words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(passes, "_frame", late)
        explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(20, 2))
        assert begun.wait(20)
        explorer.publish(Snapshot.of(flow_of(seed=1), 2), torch.randn(30, 2))
    gate.set()
    assert {frame.weights for frame in frames_until(explorer)} == {2}
    explorer.publish(Snapshot.of(flow_of(seed=2), 3))
    assert frames_until(explorer, 3)[-1].weights == 3


@pytest.fixture
def one_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor whose fastest type is float32."""
    monkeypatch.setattr(passes, "choose_hidden_type", lambda *_: torch.float32)


@pytest.fixture
def two_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that is faster in bfloat16."""
    monkeypatch.setattr(passes, "choose_hidden_type", lambda *_: torch.bfloat16)


@pytest.mark.usefixtures("two_types")
def test_a_change_is_shown_quickly_and_then_exactly() -> None:
    posted: list[Frame] = []
    own, x0 = passes.Passes(posted.append), torch.randn(300, 2)
    snapshot = Snapshot.of(flow_of())
    own.run(FrameRequest(snapshot, viewed(), x0), lambda _: False, training=False)
    assert [(f.forward.shape[1], f.complete) for f in posted] == [(256, False), (300, False), (300, True)]
    quick, exact = posted[1:]
    assert not np.array_equal(quick.forward, exact.forward)
    np.testing.assert_allclose(quick.forward, exact.forward, atol=0.02)
    posted.clear()
    own.run(FrameRequest(snapshot, viewed(seed=1), x0), lambda _: False, training=True)
    assert [f.complete for f in posted] == [False, True]


@pytest.mark.usefixtures("one_type")
def test_many_components_begin_with_few_points_until_their_noise_is_known() -> None:
    posted: list[Frame] = []
    own, x0, snapshot = passes.Passes(posted.append), torch.randn(300, 64), Snapshot.of(flow_of(64))
    for lam in (1.0, 0.5):
        own.run(FrameRequest(snapshot, viewed(lam=lam), x0), lambda _: False, training=False)
    assert [f.forward.shape[1] for f in posted] == [64, 300, 256, 300]
    np.testing.assert_array_equal(posted[1].forward[:, :256], posted[2].forward)


@pytest.mark.usefixtures("one_type")
def test_a_request_grows_by_blocks_and_weights_alone_come_complete() -> None:
    posted: list[Frame] = []
    flow, x0 = flow_of(), torch.randn(2000, 2)
    own = passes.Passes(posted.append)
    wanted = FrameRequest(Snapshot.of(flow, 1), viewed(), x0)
    own.run(wanted, lambda _: False, training=False)
    assert [frame.forward.shape[1] for frame in posted] == [256, 1280, 2000]
    assert [frame.complete for frame in posted] == [False, False, True]
    assert all(np.array_equal(posted[-1].backward[:, :256], f.backward[:, :256]) for f in posted)
    posted.clear()
    own.run(FrameRequest(Snapshot.of(flow, 2), wanted.request, x0), lambda _: False, training=False)
    assert [(frame.weights, frame.complete) for frame in posted] == [(2, True)]


@pytest.mark.usefixtures("one_type")
def test_another_lambda_keeps_the_forward_half_and_other_data_the_backward_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dnf_studio.workers.frames import FrameRequest

    calls: list[str] = []
    for name in ("forward", "backward"):
        real = getattr(passes.PathSimulator, name)
        monkeypatch.setattr(
            passes.PathSimulator, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    frames: list[Frame] = []
    own, snapshot, x0 = passes.Passes(frames.append), Snapshot.of(flow_of()), torch.randn(200, 2)
    own.run(FrameRequest(snapshot, viewed(), x0), lambda _: False, training=False)
    calls.clear()
    own.run(FrameRequest(snapshot, viewed(lam=0.2), x0), lambda _: False, training=False)
    assert calls == ["backward"] and np.array_equal(frames[0].forward, frames[1].forward)
    calls.clear()
    own.run(FrameRequest(snapshot, viewed(lam=0.2), x0 + 1), lambda _: False, training=False)
    assert calls == ["forward"] and np.array_equal(frames[1].backward, frames[2].backward)
    calls.clear()
    own.run(FrameRequest(Snapshot.of(flow_of()), viewed(lam=0.2), x0 + 1), lambda _: False, training=False)
    assert sorted(calls) == ["backward", "forward"]


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_a_new_request_cancels_within_a_block_unless_it_is_the_first_and_new_weights_do_not(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(explorer_module, "PATIENCE", patience)
    entered, leave = threading.Event(), threading.Event()
    left: list[str] = []
    real = passes.PathSimulator.forward

    def slow(simulator: object, x0: object, noise: object, check: object) -> object:
        if not entered.is_set():
            entered.set()
            leave.wait(10)
            try:
                check()  # type: ignore[operator]
            except Cancelled:
                left.append("cancelled")
                raise
            left.append("went on")
        return real(simulator, x0, noise, check)  # type: ignore[arg-type]

    monkeypatch.setattr(passes.PathSimulator, "forward", slow)
    flow, x0 = flow_of(), torch.randn(300, 2)
    explorer.publish(Snapshot.of(flow, 1), x0)
    assert entered.wait(10)
    explorer.publish(Snapshot.of(flow, 2))
    leave.set()
    frames = frames_until(explorer, last=2)
    assert left == ["went on"] and frames[0].weights <= 2
    entered.clear()
    leave.clear()
    left.clear()
    explorer.request(viewed(steps=3))
    assert entered.wait(10)
    explorer.request(viewed(steps=4))
    leave.set()
    frames = frames_until(explorer)
    assert frames[-1].request.steps == 4
    # Else a slider that is moved faster than a block is computed would show nothing before it rests
    assert left == ["went on" if patience else "cancelled"]


def test_a_pass_that_has_shown_something_is_cancelled_by_a_new_request(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer_module, "PATIENCE", 60.0)
    began, leave, real = threading.Event(), threading.Event(), passes.PathSimulator.backward
    posted: list[Frame] = []
    put = explorer.mailbox.put

    def slow(simulator: object, latents: torch.Tensor, noise: object, check: object, **whole: bool) -> object:
        began.set()
        leave.wait(10)
        return real(simulator, latents, noise, check, **whole)  # type: ignore[arg-type]

    monkeypatch.setattr(passes.PathSimulator, "backward", slow)
    monkeypatch.setattr(explorer.mailbox, "put", lambda frame: (posted.append(frame), put(frame)))
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(900, 2))
    assert began.wait(10)
    explorer.request(viewed(steps=3))
    leave.set()
    frames_until(explorer)
    # Of the pass that was overtaken the first 256 points, then the new one from its first points on
    assert [(frame.request.steps, frame.forward.shape[1]) for frame in posted[:2]] == [(None, 256), (3, 256)]


def test_the_same_settings_once_more_are_not_computed_again(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(20, 2))
    explorer.request(viewed(steps=3))
    frames_until(explorer, last=1)
    wanted = explorer.newest
    # As while a slider is moved that this model lacks and the one beside it has
    explorer.request(viewed(steps=3))
    assert explorer.newest is wanted


def test_points_keep_their_identity_when_n_changes(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of()), torch.randn(256, 2))
    many = [frames_until(explorer)[-1]]
    for steps in (12, 24):
        explorer.request(viewed(steps=steps))
        many.append(frames_until(explorer)[-1])
    for frame in many[1:]:
        np.testing.assert_array_equal(frame.forward[0], many[0].forward[0])
        np.testing.assert_array_equal(frame.backward[-1], many[0].backward[-1])
    # The same Brownian path: ends differ by the discretization only, far less than between points
    assert np.abs(many[1].forward[-1] - many[2].forward[-1]).mean() < 0.05


def test_a_request_that_fails_is_reported_and_the_next_one_answered(explorer: Explorer) -> None:
    flow = flow_of()
    grid = flow.grid

    def refusing(steps: int | None = None, kind: object = None) -> TimeGrid:
        if kind == "paper":
            raise SettingError("No such grid.")
        return grid(steps, kind)  # type: ignore[arg-type]

    flow.grid = refusing  # type: ignore[method-assign]
    snapshot = Snapshot.of(flow)
    snapshot.flow.grid = refusing  # type: ignore[method-assign]
    explorer.request(viewed(grid="paper"))
    explorer.publish(snapshot, torch.randn(20, 2))
    with pytest.raises(SettingError, match="No such grid"):
        frames_until(explorer)
    explorer.request(viewed(steps=2))
    assert frames_until(explorer)[-1].forward.shape == (3, 20, 2)


def test_numbers_that_are_not_finite_are_shown_and_do_not_spoil_the_mean(explorer: Explorer) -> None:
    x0 = torch.zeros(50, 2)
    x0[7] = torch.nan
    explorer.publish(Snapshot.of(flow_of()), x0)
    frame = frames_until(explorer)[-1]
    assert np.isnan(frame.forward[:, 7]).all() and np.isfinite(frame.mean_contributions).all()
    np.testing.assert_allclose(frame.parts.sum(0), frame.mean_contributions, atol=1e-6)
    assert frame.prior is not None and np.isfinite(frame.prior).all()


def test_data_of_another_dimension_waits_for_its_model(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(2)), torch.randn(20, 2))
    frames_until(explorer)
    explorer.set_data(torch.randn(20, 3))
    time.sleep(0.05)
    assert explorer.mailbox.take() is None and explorer.errors.take() is None
    explorer.publish(Snapshot.of(flow_of(3)))
    assert frames_until(explorer)[-1].forward.shape[2] == 3


def inspection_of(explorer: Explorer, weights: int | None = None) -> Inspection:
    """The next answer, or the next one for these weights."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        error = explorer.errors.take()
        if error is not None:
            raise error
        found = explorer.inspections.take()
        if found is not None and weights in (None, found.weights):
            return found
        time.sleep(0.001)
    raise AssertionError("no answer came")


@pytest.mark.parametrize("point", [7, 270])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_numbers_of_a_point_are_those_of_its_frame(explorer: Explorer, point: int, direction: str) -> None:
    asked = InspectRequest(point, direction)  # type: ignore[arg-type]
    explorer.request(viewed(steps=9, lam=0.7, last="mean", seed=3))
    explorer.publish(Snapshot.of(flow_of(), 5), torch.randn(300, 2))
    frame = frames_until(explorer)[-1]
    explorer.inspect(asked)
    found = inspection_of(explorer)
    assert found.asked is asked and found.weights == 5 and found.request is frame.request
    path = frame.forward if direction == "forward" else frame.backward
    np.testing.assert_allclose(found.table.x, path[:, point], atol=2e-5)
    np.testing.assert_allclose(found.table.t, frame.t, atol=1e-9)
    if direction == "forward":
        np.testing.assert_allclose(found.table.contributions.sum(), frame.contributions[:, point].sum(), atol=1e-3)


def test_the_numbers_follow_the_frames_and_nothing_else(explorer: Explorer) -> None:
    explorer.inspect(InspectRequest(3))
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(40, 2))
    assert len(inspection_of(explorer).table.t) == 7
    explorer.request(viewed(steps=4))
    assert len(inspection_of(explorer).table.t) == 5
    explorer.publish(Snapshot.of(flow_of(seed=1), 2))
    assert inspection_of(explorer, 2).request.steps == 4
    frames_until(explorer)
    explorer.inspect(InspectRequest(99))
    explorer.inspect(None)
    explorer.request(viewed(steps=5))
    frames_until(explorer)
    assert explorer.inspections.take() is None and explorer.errors.take() is None
    explorer.inspect(InspectRequest(3, "backward"))
    assert inspection_of(explorer).table.direction == "backward"


def test_a_point_is_answered_within_a_long_pass(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(300, 2))
    shown = frames_until(explorer)[-1]
    entered, answered = threading.Event(), threading.Event()
    real = passes.PathSimulator.forward

    def long(simulator: object, x0: object, noise: object, check: Callable[[], None]) -> object:
        entered.set()
        while not answered.is_set():
            check()
        return real(simulator, x0, noise, check)  # type: ignore[arg-type]

    monkeypatch.setattr(passes.PathSimulator, "forward", long)
    explorer.publish(Snapshot.of(flow_of(seed=1), 2))
    assert entered.wait(10)
    explorer.inspect(InspectRequest(9))
    found = inspection_of(explorer)
    assert found.weights == 1
    np.testing.assert_allclose(found.table.x, shown.forward[:, 9], atol=2e-5)
    answered.set()
    assert inspection_of(explorer).weights == 2


def test_importing_and_making_an_explorer_loads_no_torch_here() -> None:
    code = (
        "import sys, dnf_studio.workers.explorer, dnf_studio.workers.snapshot, dnf_studio.workers.training, "
        "dnf_studio.workers.background, dnf_studio.workers.lab, dnf_studio.workers.likelihood, "
        "dnf_studio.workers.marginals, dnf_studio.gui.drawing.theme; "
        "bad = {'torch', 'pyqtgraph', 'h5py', 'scipy'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_new_weights_move_the_same_points_along_the_same_paths(explorer: Explorer) -> None:
    """Such frames are computed in larger batches and fewer digits; the points and their noise stay."""
    flow, x0 = flow_of(), torch.randn(2000, 2)
    explorer.publish(Snapshot.of(flow, 1), x0)
    first = frames_until(explorer, 1)[-1]
    explorer.publish(Snapshot.of(flow, 2))
    second = frames_until(explorer, 2)
    assert len(second) == 1
    np.testing.assert_allclose(second[0].forward, first.forward, atol=0.02)
    np.testing.assert_allclose(second[0].backward, first.backward, atol=0.02)
    np.testing.assert_allclose(second[0].mean_contributions, first.mean_contributions, atol=0.02)


@pytest.mark.usefixtures("one_type")
def test_one_thread_and_two_show_the_same(explorer: Explorer) -> None:
    flow, x0 = flow_of(), torch.randn(700, 2)
    explorer.publish(Snapshot.of(flow, 1), x0)
    two = frames_until(explorer)[-1]
    explorer.set_training(True)
    explorer.request(viewed(seed=1))
    frames_until(explorer)
    explorer.request(viewed())
    one = frames_until(explorer)[-1]
    assert np.array_equal(one.forward, two.forward)
    assert np.array_equal(one.backward, two.backward)


@pytest.mark.usefixtures("one_type")
def test_beside_another_explorer_the_excess_is_found_on_one_thread(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = list[int]()

    def run(_self: ExcessWatch, _check: object, pool: BlockPool) -> None:
        taken.append(pool.threads)
        explorer.share(len(taken) < 2)

    monkeypatch.setattr(passes, "worker_threads", lambda: 2)
    monkeypatch.setattr(ExcessWatch, "run", run)
    monkeypatch.setattr(ExcessWatch, "pending", property(lambda _self: len(taken) < 3))
    explorer.share(True)
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(100, 2))
    frames_until(explorer)
    end = time.monotonic() + 20
    while len(taken) < 3 and time.monotonic() < end:
        time.sleep(0.001)
    # The one that is computed alone again has both
    assert taken == [1, 1, 2]


@pytest.mark.usefixtures("two_types")
def test_when_training_ends_the_last_weights_are_shown_exactly(explorer: Explorer) -> None:
    flow, x0 = flow_of(), torch.randn(300, 2)
    explorer.publish(Snapshot.of(flow, 1), x0)
    exact = frames_until(explorer)[-1]
    explorer.set_training(True)
    explorer.publish(Snapshot.of(flow, 2))
    quick = frames_until(explorer, 2)[-1]
    assert not np.array_equal(quick.forward, exact.forward)
    explorer.set_training(False)
    last = frames_until(explorer, 2)[-1]
    np.testing.assert_allclose(last.forward, exact.forward, atol=2e-5)


def test_a_frame_brings_the_models_own_times_where_it_shows_others(explorer: Explorer) -> None:
    flow, x0 = flow_of(), torch.randn(10, 2)
    explorer.publish(Snapshot.of(flow), x0)
    assert frames_until(explorer)[-1].own is None
    for request in (viewed(steps=9), viewed(grid="uniform")):
        explorer.request(request)
        frame = frames_until(explorer)[-1]
        assert frame.request is request and frame.own is not None
        np.testing.assert_array_equal(frame.own, flow.timestamps)


def test_what_is_looked_back_at_stays_until_the_newest_weights_are_wanted_again(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(600, 2))
    frames_until(explorer, 1)
    explorer.look_back(Snapshot.of(flow_of(seed=1), 2))
    seen = frames_until(explorer, 2)
    assert {frame.weights for frame in seen} == {2} and explorer.newest.snapshot.version == 2
    wanted = explorer.newest
    explorer.publish(Snapshot.of(flow_of(seed=2), 3))
    assert explorer.newest is wanted
    explorer.request(viewed(lam=0.5))
    assert {frame.weights for frame in frames_until(explorer, 2)} == {2}
    explorer.look_back(None)
    assert {frame.weights for frame in frames_until(explorer, 3)} == {3}
    # Another model ends the look back
    explorer.look_back(Snapshot.of(flow_of(seed=1), 4))
    explorer.publish(Snapshot.of(flow_of(seed=3), 5), torch.randn(50, 2))
    explorer.publish(Snapshot.of(flow_of(seed=3), 6))
    assert frames_until(explorer, 6)[-1].weights == 6


def test_a_look_back_cancels_the_pass_before_and_one_that_plays_does_not(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(50, 2))
    frames_until(explorer, 1)
    first, second = (Snapshot.of(flow_of(seed=k), 10 + k) for k in (1, 2))
    explorer.look_back(first, at_once=False)
    turn = explorer.newest.turn
    assert turn is not None
    explorer.look_back(second, at_once=False, hurried=True)
    assert explorer.newest.turn is turn and explorer.newest.hurried
    explorer.look_back(first)
    assert explorer.newest.turn is not turn and not explorer.newest.hurried
    assert frames_until(explorer, 11)[-1].weights == 11
