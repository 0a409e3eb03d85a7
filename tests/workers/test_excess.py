"""The excess of what is shown, on more and more points, from the explorer's thread."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.exploration import excess as measured
from dnf_studio.core.exploration.excess import backward_contribution, log_ratios, neighbour_excess, widths
from dnf_studio.core.exploration.excess_plan import FIRST, TRAINING_POINTS
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.node_density import PILOTS, choose_times, log_density_at_nodes
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled
from dnf_studio.workers import excess
from dnf_studio.workers.excess import ExcessFrame, ExcessWatch, excess_affordable
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.frames import Frame, FrameRequest, InspectRequest
from dnf_studio.workers.snapshot import Snapshot
from tests.networks import IMAGE, tiny_unets
from tests.views import viewed
from tests.workers.test_explorer import flow_of, frames_until

POINTS = 140
"""Enough for nearest neighbours in eight batches."""


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


def answers_until(explorer: Explorer, enough: Callable[[ExcessFrame], bool]) -> list[ExcessFrame]:
    """What is told up to the first that is enough; an error is raised."""
    answers: list[ExcessFrame] = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        error = explorer.errors.take()
        if error is not None:
            raise error
        found = explorer.excess.take()
        if found is not None:
            answers.append(found)
            if enough(found):
                return answers
        time.sleep(0.001)
    raise AssertionError("not enough came")


def drained(explorer: Explorer, seconds: float = 0.4) -> list[ExcessFrame]:
    """All that comes in the next moments."""
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        found = explorer.excess.take()
        if found is not None:
            answers.append(found)
        time.sleep(0.005)
    return answers


class Shown:
    """A watch with the complete frame of a model, whose pieces are computed one by one in this thread."""

    def __init__(self, flow: DiffFlow | Flow, points: int = POINTS, request: SampleSettings | None = None) -> None:
        self.snapshot = Snapshot.of(flow, 1)
        self.wanted = FrameRequest(self.snapshot, request or viewed(), torch.randn(points, flow.dim))
        made = Explorer()
        made.request(self.wanted.request)
        made.publish(self.snapshot, self.wanted.data)
        self.frame = frames_until(made)[-1]
        assert made.close()
        self.told: list[ExcessFrame] = []
        self.watch = ExcessWatch(self.told.append)
        self.pool = BlockPool(1)

    def show(self, training: bool = False, frame: Frame | None = None) -> None:
        self.watch.show(frame or self.frame, self.wanted, training)

    def run(self, pieces: int | None = None) -> list[ExcessFrame]:
        while self.watch.pending and (pieces is None or len(self.told) < pieces):
            self.watch.run(lambda: None, self.pool)
        return self.told


def test_first_few_points_then_all_with_the_numbers_of_the_analysis(explorer: Explorer) -> None:
    flow, x0 = flow_of(), torch.randn(POINTS, 2, generator=torch.Generator().manual_seed(0))
    explorer.publish(Snapshot.of(flow, 4), x0)
    answers = answers_until(explorer, lambda found: found.complete)
    counts = [found.forward.shape[1] for found in answers]
    assert counts == sorted(counts) and counts[-1] == POINTS and answers[-1].by_step.points == POINTS
    last, frame = answers[-1], answers[-1].frame
    assert frame.complete and frame.weights == 4 and last.stride == 1
    with torch.no_grad():
        # The very paths of the frame: `excess` would draw its own
        times = choose_times(flow, x0[:PILOTS])
        density = log_density_at_nodes(flow, flow.grid(), torch.from_numpy(frame.forward), times)
    added = torch.from_numpy(frame.contributions) + widths(flow.grid(), 2)[:, None]
    np.testing.assert_allclose(last.forward, log_ratios(added, density), atol=0.02)
    np.testing.assert_allclose(last.by_step.mean, last.forward.mean(1), atol=1e-5)
    np.testing.assert_allclose(last.by_step.error, last.forward.std(1, ddof=1) / np.sqrt(POINTS), rtol=1e-3)
    assert last.saved is frame.saved


def test_it_is_what_the_analysis_says_of_the_same_noise() -> None:
    """One model, one noise: the frame's own states are those of `excess` on the noise that they were made with."""
    from dnf_studio.core.exploration.display_set import DisplayNoise, blocks

    flow = flow_of()
    shown = Shown(flow, 40)
    shown.show()
    found = shown.run()[-1]
    noise, grid = DisplayNoise(), flow.grid()
    parts = [noise.noise(0, part, 2, grid.t)[0] for part in blocks(40, grid.steps, 2)]
    known = measured.excess(flow, shown.wanted.data, torch.cat(parts, dim=1))
    np.testing.assert_allclose(found.frame.forward, known.path.detach(), atol=2e-5)
    np.testing.assert_allclose(found.forward, known.log_ratios.detach(), atol=0.02)
    np.testing.assert_allclose(found.by_step.mean, known.by_step.mean, atol=0.02)


def test_points_double_and_backward_paths_and_neighbours_follow_once_there_are_enough() -> None:
    shown = Shown(flow_of(), 600)
    shown.show()
    told = shown.run()
    assert [(found.forward.shape[1], found.backward.shape[1], found.neighbours is not None) for found in told] == [
        (32, 0, False), (32, 0, False), (64, 0, False), (128, 0, False), (256, 0, False), (256, 0, True),
        (256, 32, True), (256, 64, True), (256, 128, True), (256, 256, True),
        (512, 256, True), (512, 512, True), (600, 512, True), (600, 600, True),
    ]  # fmt: skip
    assert [found.complete for found in told] == [False] * 13 + [True]
    assert not shown.watch.pending


@pytest.mark.parametrize("other", [{"lam": 0.5}, {"solver": "heun"}, {"solver": "ode"}, {"parts": "drift"}])
def test_backward_paths_of_another_chain_have_no_log_ratios(other: dict[str, object]) -> None:
    shown = Shown(flow_of(), 40, viewed(**other))  # type: ignore[arg-type]
    shown.show()
    found = shown.run()[-1]
    assert found.complete and found.forward.shape[1] == 40 and found.backward.shape == (6, 0)


def test_a_last_step_without_noise_has_none() -> None:
    shown = Shown(flow_of(), 40, viewed(last="mean"))
    shown.show()
    found = shown.run()[-1].backward
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()


def test_backward_rows_are_their_contribution_and_their_densities() -> None:
    flow = flow_of()
    shown = Shown(flow, 40)
    shown.show()
    found = shown.run()[-1]
    path, grid = torch.from_numpy(shown.frame.backward), flow.grid()
    with torch.no_grad():
        times = choose_times(flow, torch.from_numpy(shown.frame.forward[0, : excess.PILOTS]), excess.TOLERANCE)
        density = log_density_at_nodes(flow, grid, path, times)
        expected = log_ratios(backward_contribution(flow.fields(grid), grid, path), density)
    np.testing.assert_allclose(found.backward, expected, atol=2e-3)
    assert not np.allclose(found.backward, found.forward, atol=0.1)


@pytest.mark.parametrize(("dim", "known"), [(1, True), (3, True), (4, False)])
def test_neighbours_are_looked_for_in_up_to_three_dimensions(dim: int, known: bool) -> None:
    shown = Shown(flow_of(dim))
    shown.show()
    found = shown.run()[-1]
    assert found.complete and (found.neighbours is not None) == known
    if known:
        added = shown.frame.contributions + widths(shown.snapshot.flow.grid(), dim).numpy()[:, None]
        expected = neighbour_excess(shown.frame.forward, added)
        np.testing.assert_allclose(found.neighbours.mean, expected.mean)
        assert len(found.neighbours.mean) == 7


def test_beyond_sixteen_dimensions_each_point_keeps_its_signs() -> None:
    shown = Shown(flow_of(20), 50)
    shown.show()
    found = shown.run()[-1]
    shown.told.clear()
    shown.show()
    np.testing.assert_allclose(found.forward, shown.run()[-1].forward, atol=1e-4)
    assert found.forward.shape == found.backward.shape == (6, 50)
    alone = measured.excess(shown.snapshot.flow, shown.wanted.data).by_step
    assert (np.abs(found.by_step.mean - alone.mean) < 5 * np.hypot(found.by_step.error, alone.error)).all()


def test_many_steps_come_first_in_groups_whose_sums_are_those_of_their_steps() -> None:
    shown = Shown(flow_of(), 36, viewed(steps=41))
    shown.show()
    first, second, third = shown.run(3)
    assert (first.stride, second.stride, third.stride) == (3, 1, 1)
    assert first.forward.shape == (41, 16) and second.forward.shape == (41, 32), "half as many of so many steps"
    sums = [np.add.reduceat(found.forward[:, :16], np.arange(0, 41, 3), axis=0) for found in (first, second)]
    # The draft has steps of the ODE that nobody chose
    np.testing.assert_allclose(*sums, atol=2e-2)
    # The last two steps, which are left over, are a group of their own
    threes = [np.ptp(found.forward[:39, :16].reshape(13, 3, 16), axis=1).max() for found in (first, second)]
    assert threes[0] == 0 and threes[1] > 0.1
    # Nothing of the groups is left among the steps
    assert third.forward.shape == (41, 36)
    np.testing.assert_array_equal(third.forward[:, :32], second.forward)


def test_while_a_model_trains_it_is_few_points_and_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(excess, "perf_counter", lambda: now[0])
    shown = Shown(flow_of(), 100, viewed(steps=41))
    shown.show(training=True)
    (only,) = shown.run()
    assert only.forward.shape == (41, TRAINING_POINTS) and only.stride == 3 and only.complete
    assert not only.backward.size and only.neighbours is None
    for now[0], due in ((100.1, False), (102.9, False), (103.1, True)):
        shown.show(training=True)
        assert shown.watch.pending == due
    # Newer weights do not take the place of those that are being looked at
    shown.show(training=True, frame=dataclasses.replace(shown.frame, weights=9))
    assert shown.run()[-1].frame is shown.frame
    shown.show(frame=dataclasses.replace(shown.frame, weights=10))
    assert shown.run(3)[-1].frame.weights == 10


def test_a_frame_that_grows_ends_what_was_being_found() -> None:
    shown = Shown(flow_of(), 40)
    shown.show()
    shown.run(1)
    shown.show(frame=dataclasses.replace(shown.frame, complete=False, all_points=False))
    assert not shown.watch.pending
    shown.watch.run(lambda: None, shown.pool)
    assert len(shown.told) == 1


def test_a_piece_that_was_left_is_begun_anew() -> None:
    shown = Shown(flow_of(), 40)
    shown.show()
    shown.run(1)

    def leave() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        shown.watch.run(leave, shown.pool)
    assert shown.watch.pending and len(shown.told) == 1
    assert shown.run()[-1].forward.shape == (6, 40)


def test_two_threads_find_the_same_as_one() -> None:
    shown = Shown(flow_of(), 40)
    shown.show()
    alone = shown.run()[-1]
    shown.told.clear()
    shown.pool = BlockPool(2)
    shown.show()
    both = shown.run()[-1]
    shown.pool.close()
    np.testing.assert_allclose(both.forward, alone.forward, atol=1e-4)
    np.testing.assert_allclose(both.backward, alone.backward, atol=1e-4)


def test_while_a_model_trains_it_is_told_though_newer_weights_always_wait(explorer: Explorer) -> None:
    """As a run publishes: more often than frames come."""
    explorer.set_training(True)
    flow, x0 = flow_of(), torch.randn(50, 2)
    explorer.publish(Snapshot.of(flow, 0), x0)
    found, end, version = None, time.monotonic() + 5, 0
    while found is None and time.monotonic() < end:
        version += 1
        explorer.publish(Snapshot.of(flow, version))
        found = explorer.excess.take()
        time.sleep(0.05)
    assert found is not None and found.forward.shape == (6, TRAINING_POINTS)
    explorer.set_training(False)
    assert answers_until(explorer, lambda a: a.complete and a.forward.shape[1] == 50)[-1].frame.weights == version


def test_new_weights_are_looked_at_anew(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(40, 2))
    first = answers_until(explorer, lambda found: found.complete)[-1]
    explorer.publish(Snapshot.of(flow_of(seed=3), 2))
    second = answers_until(explorer, lambda found: found.complete and found.frame.weights == 2)[-1]
    assert second.fits(first.frame) and not np.allclose(first.forward, second.forward)


def test_another_request_or_other_data_drop_what_was_being_found(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what was shown before is told once something else is wanted."""
    ratios, slow = excess._ratios, [True]

    def slowly(*words: object) -> object:
        found = ratios(*words)  # type: ignore[arg-type]
        if slow[0]:
            explorer.request(viewed(seed=1))
            slow[0] = False
        return found

    monkeypatch.setattr(excess, "_ratios", slowly)
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(60, 2))
    answers = answers_until(explorer, lambda found: found.complete)
    assert {found.frame.request.seed for found in answers} == {1}
    explorer.publish(Snapshot.of(flow_of(1), 2), torch.randn(30, 1))
    assert explorer.excess.take() is None
    answers = answers_until(explorer, lambda found: found.complete)
    assert {found.frame.weights for found in answers} == {2} and answers[-1].forward.shape == (6, 30)


def test_what_nobody_took_goes_with_the_data_it_was_found_for(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(40, 2))
    frames_until(explorer)
    end = time.monotonic() + 20
    while explorer._excess.pending and time.monotonic() < end:
        time.sleep(0.01)
    assert explorer.excess._item is not None
    explorer.publish(Snapshot.of(flow_of(), 2), torch.randn(40, 2))
    found = explorer.excess.take()
    assert found is None or found.frame.weights == 2


def test_a_question_is_answered_while_it_is_being_found(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a piece, which checks at every step whether something else goes first."""
    ratios = excess._ratios

    def endless(*words: object) -> object:
        check: Callable[[], None] = words[4]  # type: ignore[assignment]
        end = time.monotonic() + 20
        while not explorer._closing and time.monotonic() < end and not answered:
            check()
            time.sleep(0.001)
        return ratios(*words)  # type: ignore[arg-type]

    answered: list[object] = []
    monkeypatch.setattr(excess, "_ratios", endless)
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(40, 2))
    explorer.inspect(InspectRequest(3))
    end, found = time.monotonic() + 20, None
    while found is None and time.monotonic() < end:
        found = explorer.inspections.take()
        time.sleep(0.001)
    assert found is not None and found.asked.point == 3 and explorer.excess.take() is None
    answered.append(found)
    assert answers_until(explorer, lambda told: told.complete)[-1].forward.shape == (6, 40)


def test_a_model_without_a_bound_and_slow_networks_have_none(explorer: Explorer) -> None:
    torch.manual_seed(0)
    config = Config.create({"model": "flow", "sde": {"steps": 4}, "network": {"layers": 1, "channels": 8}})
    explorer.publish(Snapshot.of(Flow(2, config), 1), torch.randn(40, 2))
    frames_until(explorer)
    assert not drained(explorer)
    slow = Snapshot.of(DiffFlow(IMAGE.size, tiny_unets(2), image=IMAGE), 2)
    assert excess_affordable(Snapshot.of(flow_of())) and not excess_affordable(slow)
    explorer.publish(slow, torch.randn(4, IMAGE.size))
    frames_until(explorer, 2)
    assert not drained(explorer)


def test_an_error_ends_the_work_and_is_told_once(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_words: object) -> None:
        raise RuntimeError("no densities")

    with monkeypatch.context() as patch:
        patch.setattr(excess, "_ratios", failing)
        explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(40, 2))
        with pytest.raises(RuntimeError, match="no densities"):
            answers_until(explorer, lambda _: True)
        time.sleep(0.2)
        assert explorer.errors.take() is None and not explorer._excess.pending
    explorer.request(viewed(seed=1))
    assert answers_until(explorer, lambda found: found.complete)[-1].frame.request.seed == 1


def test_it_fits_frames_of_the_same_settings_and_size() -> None:
    shown = Shown(flow_of(), 40)
    shown.show()
    found, frame = shown.run(1)[-1], shown.frame
    assert found.fits(frame) and found.fits(dataclasses.replace(frame, weights=7))
    assert not found.fits(None) and not found.fits(dataclasses.replace(frame, request=viewed(seed=1)))
    assert not found.fits(dataclasses.replace(frame, t=frame.t[:-1]))
    assert not found.fits(dataclasses.replace(frame, forward=frame.forward[..., :1]))


def test_rows_of_points_that_are_not_known_are_no_numbers() -> None:
    shown = Shown(flow_of(), 50)
    shown.show()
    found = shown.run(1)[-1]
    assert found.forward.shape[1] == FIRST
    wide = found.rows("forward", 50)
    np.testing.assert_array_equal(wide[:, :FIRST], found.forward)
    assert np.isnan(wide[:, FIRST:]).all() and np.isnan(found.rows("backward", 50)).all()
    np.testing.assert_array_equal(found.rows("forward", 20), found.forward[:, :20])
