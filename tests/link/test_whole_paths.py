"""Paths in one question: to the bit what one question a step gives, left at once, and refused where they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from threading import Event, Thread, current_thread, main_thread
from time import monotonic
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.core.exploration.display_set import PathSimulator
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.node_density import log_density_at_nodes
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, LinkError, UnsupportedError
from dnf_studio.link.messages import Message
from dnf_studio.link.remote import Asking
from dnf_studio.link.whole_paths import RemotePaths
from dnf_studio.workers.frames import Frame, FrameRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.snapshot import Snapshot
from tests.link.test_watch import models, song
from tests.link.window import Joined, started

N, B = 5, 40
POINTS = torch.randn(B, 2, generator=torch.Generator().manual_seed(1))
NOISE = torch.randn(N, B, 2, generator=torch.Generator().manual_seed(2))


def nothing() -> None:
    """Nobody wants to leave."""


def all_ways(flow: GenerativeModel, settings: SampleSettings) -> list[Any]:
    """What a simulator tells, and the density along the forward path."""
    grid = flow.grid(N)
    simulator = PathSimulator(flow, grid, torch.float32, settings)
    times = np.linspace(float(grid.t[0]), float(grid.t[-1]), 4).tolist()
    with torch.inference_mode():
        ahead = simulator.ahead(POINTS, NOISE, nothing)
        found = [ahead, *simulator.forward(POINTS, NOISE, nothing), simulator.backward(POINTS, NOISE, nothing)]
        found.append(simulator.backward(POINTS, NOISE, nothing, whole=True))
        return [*found, log_density_at_nodes(flow, grid, torch.from_numpy(ahead), times, [0, 2, N]).numpy()]


def test_they_are_to_the_bit_those_of_one_question_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, model in models().items():
        with started(monkeypatch) as process, dnf.show(model):
            there = Joined(process)
            flow = Snapshot.of(there.flow).flow
            for solver in flow.solvers[: 2 if name == "wrap" else 1]:
                settings = SampleSettings(solver=solver.name, lam=0.5 if solver.noise else 0, parts="drift")
                whole = all_ways(flow, settings)
                stepwise = Snapshot.of(flow).flow
                stepwise.elsewhere = None
                for one, other in zip(whole, all_ways(stepwise, settings), strict=True):
                    assert one.dtype == other.dtype and one.tobytes() == other.tobytes(), (name, solver.name)
            assert there.ask.waiting < 0


def test_what_is_left_is_not_computed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, went = 0, Event()

    def score(x: Tensor, t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if len(x) == B and calls > 3:
            went.wait(0.01)
        return song(x, t)

    steps = 2000
    with started(monkeypatch) as process, dnf.show(dnf.from_score(score, dim=2)):
        there = Joined(process)
        grid = there.flow.grid(steps)
        simulator = PathSimulator(there.flow, grid, torch.float32)
        calls, values = 0, []

        def check() -> None:
            if calls > 5:
                # What else is asked is answered meanwhile
                values.append(there.flow.fields(there.flow.grid(4))[1](2, POINTS[:3]))
                raise Cancelled

        with pytest.raises(Cancelled):
            simulator.forward(POINTS, NOISE.repeat(steps // N, 1, 1), check)
        went.set()
        assert len(PathSimulator(there.flow, there.flow.grid(N)).ahead(POINTS, NOISE, nothing)) == N + 1
        assert len(values) == 1 and calls < steps


def test_in_a_loop_only_the_loop_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, called = torch.ones(2), set()

    def score(x: Tensor, t: Tensor) -> Tensor:
        called.add(current_thread())
        return -x * weight

    with started(monkeypatch) as process, dnf.watch(dnf.from_score(score, dim=2)) as window:
        there, found = Joined(process), []
        window.update()
        called.clear()
        simulator = PathSimulator(there.flow, there.flow.grid(N))
        thread = Thread(target=lambda: found.append(simulator.backward(POINTS, NOISE, nothing)))
        thread.start()
        until = monotonic() + 10
        while thread.is_alive() and monotonic() < until:
            window.update()
        thread.join()
    assert found[0].shape == (N + 1, B, 2)
    assert called == {main_thread()}


def test_what_does_not_fit_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(kind: str, *_: object) -> Message:
        return Message("answer", {}, {"path": np.zeros((N + 1, B, 3), np.float32)})

    with started(monkeypatch) as process, dnf.show(dnf.from_score(song, dim=2)):
        there = Joined(process)
        grid = there.flow.grid(N)
        for points, noise in ((POINTS, NOISE[:2]), (POINTS[:, :1], NOISE[..., :1]), (POINTS, NOISE.double())):
            with pytest.raises(UnsupportedError, match="does not fit"):
                PathSimulator(there.flow, grid).ahead(points, noise, nothing)
        with pytest.raises(UnsupportedError, match="does not fit"):
            there.ask("density", {"version": 1}, {"x": np.zeros((2, 3, 2), np.float32), "times": np.zeros(2)})
        with pytest.raises(UnsupportedError, match="does not understand"):
            there.ask("carry", {"version": 1, "way": "sideways"})
        there.flow.elsewhere = RemotePaths(lost, [one.name for one in there.flow.solvers])  # type: ignore[arg-type]
        with pytest.raises(LinkError, match="do not fit"):
            PathSimulator(there.flow, grid).ahead(POINTS, NOISE, nothing)
        # A solver that only the window has is stepped there
        there.flow.elsewhere = RemotePaths(lost, [])  # type: ignore[arg-type]
        assert PathSimulator(there.flow, grid).ahead(POINTS, NOISE, nothing).shape == (N + 1, B, 2)


def waiting(asks: Callable[[Asking], object], ends: Callable[[Asking, Any], object]) -> Exception:
    """What comes of a question that is never answered, once it `ends`."""
    here, there = Pipe()
    ask, raised = Asking(here), []  # type: ignore[arg-type]

    def work() -> None:
        try:
            asks(ask)
        except (LinkError, Cancelled) as error:
            raised.append(error)

    thread = Thread(target=work)
    thread.start()
    while ask.waiting < 0.02:
        pass
    ends(ask, there)
    thread.join(5)
    assert not thread.is_alive() and len(raised) == 1
    there.close()
    return raised[0]


def test_a_script_that_ends_or_hangs_in_the_middle_holds_nobody_up() -> None:
    large = {"x": np.zeros(1 << 20)}
    ended = waiting(lambda ask: ask("carry", {}), lambda _, there: there.close())
    assert isinstance(ended, LinkError) and "has ended" in str(ended)
    garbled = waiting(lambda ask: ask("carry", {}), lambda _, there: there.send_bytes(b"\0\0\0\4none"))
    assert isinstance(garbled, LinkError)
    for arrays in ({}, large):
        # Nobody reads the question, which is longer than a socket holds; the window closes
        assert isinstance(waiting(lambda ask, a=arrays: ask("carry", {}, a), lambda ask, _: ask.close()), Cancelled)  # type: ignore[misc]


def test_all_points_come_at_once_where_that_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[Frame] = []
    monkeypatch.setattr("dnf_studio.workers.passes.AT_ONCE", 1e9)
    with started(monkeypatch) as process, dnf.watch(dnf.from_score(song, dim=2)):
        there, passes = Joined(process), Passes(frames.append)
        wanted = FrameRequest(Snapshot.of(there.flow), SampleSettings(steps=3), torch.zeros(300, 2))
        for steps in (3, 4):
            passes.run(replace(wanted, request=SampleSettings(steps=steps)), lambda _: False, training=True)
        passes.close()
    assert [frame.forward.shape[1] for frame in frames] == [256, 300, 300]
    assert frames[-1].all_points
