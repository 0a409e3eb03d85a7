"""Vector fields from the explorer's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from dnf_studio.core import hardware
from dnf_studio.core.exploration.fields import field_grid, measured_fields
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.exploration.streamlines import streamlines
from dnf_studio.workers import fields, passes
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed
from tests.workers.test_explorer import flow_of, frames_until

EXTENT = (-3.0, -2.0, 3.0, 2.0)
FLAT = Plane.of_pair(0, 1, np.zeros(2))


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bfloat16 loses is tested with the fields themselves."""
    monkeypatch.setattr(hardware, "choose_hidden_type", lambda *_: torch.float32)


def answer_of(explorer: Explorer, fits: Callable[[FieldAnswer], bool] = lambda _: True) -> FieldAnswer:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        error = explorer.errors.take()
        if error is not None:
            raise error
        found = explorer.fields.take()
        if found is not None and fits(found):
            return found
        time.sleep(0.001)
    raise AssertionError("no field came")


@pytest.mark.usefixtures("in_float32")
def test_the_answer_is_what_the_model_says_there(explorer: Explorer) -> None:
    flow, x0 = flow_of(), torch.randn(300, 2)
    explorer.request(viewed(steps=9, lam=0.5))
    explorer.publish(Snapshot.of(flow, 7), x0)
    frames_until(explorer)
    asked = FieldRequest(4, FLAT, EXTENT, (6, 5))
    explorer.field(asked)
    found = answer_of(explorer)
    grid = flow.grid(9)
    expected = field_grid(measured_fields(flow, grid, FLAT), grid, 4, FLAT, EXTENT, (6, 5))
    assert found.asked is asked and found.weights == 7 and found.grid.node == 4
    assert found.grid.t == pytest.approx(expected.t) and found.grid.g == pytest.approx(expected.g)
    for name in ("drift", "score", "backward", "flow"):
        np.testing.assert_allclose(found.grid.vectors(name), expected.vectors(name), atol=1e-5)
        np.testing.assert_allclose(found.grid.divergence(name), expected.divergence(name), atol=1e-4)


def test_the_inhabited_places_are_those_of_the_points(explorer: Explorer) -> None:
    x0 = torch.tensor([[-2.9, -1.9]]).repeat(30, 1)
    explorer.publish(Snapshot.of(flow_of()), x0)
    frame = frames_until(explorer)[-1]
    explorer.field(FieldRequest(0, FLAT, EXTENT, (6, 4)))
    found = answer_of(explorer)
    assert found.inhabited[0, 0]
    points = np.concatenate([frame.forward[0], frame.backward[0]])
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], (4, 6), ((-2, 2), (-3, 3)))
    assert np.array_equal(found.inhabited, counts > 0)
    explorer.field(FieldRequest(0, FLAT, (90.0, 90.0, 91.0, 91.0), (6, 4)))
    assert answer_of(explorer).inhabited.all()


def test_new_weights_and_another_request_bring_new_answers_and_nothing_asked_none(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(50, 2))
    asked = FieldRequest(2, FLAT, EXTENT, (4, 4))
    explorer.field(asked)
    first = answer_of(explorer)
    explorer.publish(Snapshot.of(flow_of(seed=1), 2))
    second = answer_of(explorer, lambda found: found.weights == 2)
    assert second.asked is asked and not np.allclose(first.grid.drift, second.grid.drift)
    explorer.request(viewed(lam=0.0))
    assert answer_of(explorer, lambda found: found.request.lam == 0).weights == 2
    explorer.field(None)
    explorer.publish(Snapshot.of(flow_of(), 3))
    frames_until(explorer, last=3)
    assert explorer.fields.take() is None


def test_a_node_or_a_plane_that_is_not_there_waits_for_its_frame(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    frames_until(explorer)
    explorer.field(FieldRequest(8, FLAT, EXTENT, (4, 4)))
    explorer.request(viewed(steps=9))
    assert answer_of(explorer).grid.node == 8
    explorer.field(FieldRequest(1, Plane.of_pair(0, 1, np.zeros(5)), EXTENT, (4, 4)))
    explorer.publish(Snapshot.of(flow_of(5), 9), torch.randn(50, 5))
    assert answer_of(explorer).weights == 9


def test_a_field_is_answered_within_a_pass(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    frames_until(explorer)
    real = passes.PathSimulator.backward

    def slow(*words: object) -> object:
        entered.set()
        while not leave.is_set():
            words[-1]()  # type: ignore[operator]
            time.sleep(0.001)
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(passes.PathSimulator, "backward", slow)
    explorer.request(viewed(lam=0.5))
    assert entered.wait(10)
    asked = FieldRequest(3, FLAT, EXTENT, (4, 4))
    explorer.field(asked)
    found = answer_of(explorer)
    leave.set()
    # Of the frame that is shown, not of the one to come
    assert found.asked is asked and found.request.lam == 1


def test_a_cursor_that_asks_without_end_does_not_starve_a_pass(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    frames_until(explorer)
    real = fields._answer

    def again(*words: object) -> object:
        explorer.field(FieldRequest(3, FLAT, EXTENT, (4, 4)))
        return real(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(fields, "_answer", again)
    explorer.field(FieldRequest(3, FLAT, EXTENT, (4, 4)))
    explorer.request(viewed(lam=0.25))
    assert frames_until(explorer)[-1].request.lam == 0.25


@pytest.mark.usefixtures("in_float32")
def test_streamlines_of_the_fields_that_are_asked_for_and_no_divergence(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    frames_until(explorer)
    explorer.field(FieldRequest(3, FLAT, EXTENT, (9, 8), False, ("drift", "backward"), 0.3))
    found = answer_of(explorer)
    assert set(found.lines) == {"drift", "backward"} and np.isnan(found.grid.divergence("flow")).all()
    for name, lines in found.lines.items():
        expected = streamlines(found.grid.x, found.grid.y, found.grid.vectors(name), EXTENT, 0.3)
        np.testing.assert_array_equal(lines.points, expected.points)
        assert len(lines) > 3
    explorer.field(FieldRequest(3, FLAT, EXTENT, (9, 8)))
    whole = answer_of(explorer)
    assert not whole.lines and np.isfinite(whole.grid.divergence("flow")).all()
    np.testing.assert_allclose(whole.grid.vectors("flow"), found.grid.vectors("flow"), atol=1e-5)


def test_frames_and_answers_are_told_when_they_are_there(explorer: Explorer) -> None:
    told = threading.Event()
    explorer.tell(told.set)
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    assert told.wait(20)
    explorer.tell(None)
    first = explorer.mailbox.take()
    assert first is not None
    if not first.complete:
        frames_until(explorer)
    told.clear()
    explorer.tell(told.set)
    explorer.field(FieldRequest(1, FLAT, EXTENT, (4, 4)))
    assert told.wait(20) and explorer.fields.take() is not None


def test_what_cannot_be_is_reported_once(explorer: Explorer) -> None:
    explorer.publish(Snapshot.of(flow_of()), torch.randn(50, 2))
    frames_until(explorer)
    explorer.field(FieldRequest(1, FLAT, (0.0, 0.0, 0.0, 1.0)))
    with pytest.raises(Exception, match="rectangle"):
        answer_of(explorer)
    explorer.field(FieldRequest(1, FLAT, EXTENT, (4, 4)))
    answer_of(explorer)
