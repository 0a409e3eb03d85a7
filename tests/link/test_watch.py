"""A script and its window: the same model there as here, the same training with a window as without, and no harm."""

from __future__ import annotations

import os
import sys
from threading import Event, Thread, current_thread, main_thread
from time import monotonic

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.errors import DataError, LinkError, SettingError, UnsupportedError
from dnf_studio.link import description
from dnf_studio.link.description import snapshot_flow
from dnf_studio.link.versions import KEPT, Budget, Versions
from dnf_studio.workers.snapshot import Snapshot
from tests.link.window import Joined, network, started, train


def song(x: Tensor, t: Tensor) -> Tensor:
    """The score of N(0, 1/4) in two components, with derivatives that differ in x and y."""
    kept = torch.exp(-(0.1 + 0.5 * 19.9 * t) * t)[:, None]
    return -x / (1 - 0.75 * kept) + 0.1 * x.flip(1)


def models() -> dict[str, dnf.GenerativeModel]:
    """One of each adapter."""
    kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 100, dtype=torch.float64), 0)
    net = network()
    return {
        "wrap": dnf.wrap(
            lambda x, t: -x * (1 + t)[:, None], song, t=torch.linspace(0.01, 1, 11), g=lambda t: 1 + t, base=2.0, dim=2
        ),
        "array": dnf.wrap(lambda x, t: -x, song, t=[0.1, 0.3, 1.0], g=[1.0, 2.0, 3.0], dim=2, mean=[1.0, 2.0]),
        "score": dnf.from_score(song, dim=2, sde="ve", sigma_max=8.0, steps=12, scale=3.0),
        "epsilon": dnf.from_epsilon(lambda x, k: x * kept[k].to(x)[:, None], kept, dim=2, steps=9),
        "denoiser": dnf.from_denoiser(lambda x, sigma: x / (1 + 4 * sigma**2)[:, None], dim=2, steps=7),
        "velocity": dnf.from_velocity(lambda x, t: net(torch.cat([x, t[:, None]], 1)), dim=2),
    }


def test_the_model_there_is_the_model_here(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.linspace(-1, 1, 24).reshape(12, 2)
    for name, model in models().items():
        with started(monkeypatch) as process, dnf.show(model, data=points):
            there = Joined(process)
            flow = Snapshot.of(there.flow).flow
            grid, other = model.grid(5), flow.grid(5)
            assert all(torch.equal(a, b) for a, b in zip((grid.t, grid.g), (other.t, other.g), strict=True)), name
            assert flow.standardisation.mean == model.standardisation.mean
            assert dict(flow.lacks) == dict(model.lacks)
            for given, found in zip(model.fields(grid), flow.fields(grid), strict=True):
                torch.testing.assert_close(found(3, points), given(3, points))
            for given, found in zip(model.fields_with_divergence(grid), flow.fields_with_divergence(grid), strict=True):
                torch.testing.assert_close(found(2, points), given(2, points))
                signs = torch.ones(12, 2)
                torch.testing.assert_close(found(2, points, signs), given(2, points, signs))
            torch.testing.assert_close(flow.sample(8, steps=4), model.sample(8, steps=4))
            np.testing.assert_array_equal(there.said.arrays["rows"], points.double().numpy())


def test_many_components_are_pulled_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dnf.from_score(lambda x, t: -x.roll(1, 1) * x, dim=9, steps=4)
    x = torch.linspace(-1, 1, 27).reshape(3, 9)
    with started(monkeypatch) as process, dnf.show(model):
        (_, given), (_, found) = (one.fields_with_divergence(one.grid()) for one in (model, Joined(process).flow))
        torch.testing.assert_close(found(2, x), given(2, x))


def test_a_model_of_the_studio_goes_there_whole_and_its_newer_weights_too(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dnf.load("diffflow-rings")
    with started(monkeypatch) as process, dnf.watch(model) as window:
        there = Joined(process)
        torch.testing.assert_close(there.flow.sample(4), model.sample(4), rtol=0, atol=0)
        snapshot_flow(there.flow, 1, there.ask)
        with torch.no_grad():
            next(model.parameters()).add_(0.1)
        window.update(7)
        while (news := there.next()).facts["version"] < 2:
            pass
        assert (news.facts["version"], news.facts["version_step"]) == (2, 7)
        snapshot_flow(there.flow, 2, there.ask)
        torch.testing.assert_close(there.flow.sample(4), model.sample(4), rtol=0, atol=0)


def _trained(window: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Tensor], Tensor, int]:
    net, asked = network(), 0

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return net(torch.cat([x, t[:, None]], 1))

    if not window:
        train(net, velocity, 25)
        return net.state_dict(), torch.get_rng_state(), 0
    state = torch.get_rng_state()
    model = dnf.from_velocity(velocity, dim=2)
    assert torch.equal(torch.get_rng_state(), state)
    over = Event()
    with started(monkeypatch) as process, dnf.watch(model) as watch:
        there = Joined(process)

        def ask() -> None:
            nonlocal asked
            x = torch.zeros(64, 2, requires_grad=True)
            while not over.is_set():
                there.flow.velocity()(torch.tensor(0.5), x).sum().backward()
                asked += 1

        thread = Thread(target=ask)
        thread.start()
        try:
            monkeypatch.setattr("dnf_studio.link.watch.COPY_SECONDS", 0.0)
            train(net, velocity, 25, lambda step, loss: watch.update(step, loss=loss))
        finally:
            over.set()
            thread.join()
        assert watch._versions.newest > 1
    return net.state_dict(), torch.get_rng_state(), asked


def test_a_training_is_the_same_with_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    (without, state, _), (watched, other, asked) = (_trained(window, monkeypatch) for window in (False, True))
    assert asked > 0
    assert torch.equal(state, other)
    assert torch.get_num_threads() == threads
    for name, values in without.items():
        assert torch.equal(values, watched[name]), name


def test_a_model_is_tried_in_no_thread_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying one puts the random numbers back, and with them what a loop has drawn meanwhile."""
    threads, made = set(), description.described

    def described(*given: object) -> object:
        threads.add(current_thread())
        return made(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(description, "described", described)
    with started(monkeypatch) as process, dnf.watch(dnf.from_score(song, dim=2)):
        Joined(process).flow.sample(2, steps=2)
    assert threads == {main_thread()}


def test_callables_without_modules_are_called_in_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, called = torch.ones(2), []

    def score(x: Tensor, t: Tensor) -> Tensor:
        called.append(current_thread())
        return -x * weight

    with started(monkeypatch) as process, dnf.watch(dnf.from_score(score, dim=2, steps=4)) as window:
        there, answers = Joined(process), []
        window.update()
        called.clear()
        thread = Thread(target=lambda: answers.append(there.flow.sample(4, steps=2)))
        thread.start()
        until = monotonic() + 10
        while thread.is_alive() and monotonic() < until:
            state = torch.get_rng_state()
            window.update()
            assert torch.equal(torch.get_rng_state(), state)
        thread.join()
    assert len(answers) == 1
    assert set(called) == {main_thread()}


def test_what_a_callable_raises_is_a_sentence_there(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Event()

    def score(x: Tensor, t: Tensor) -> Tensor:
        if broken.is_set():
            raise RuntimeError("no such layer")
        return -x

    with started(monkeypatch) as process, dnf.show(dnf.from_score(score, dim=2)):
        there = Joined(process)
        broken.set()
        with pytest.raises(UnsupportedError, match="RuntimeError: no such layer"):
            there.flow.sample(2, steps=2)
        with pytest.raises(UnsupportedError, match="has not"):
            there.ask("weights", {"version": 1})
        with pytest.raises(UnsupportedError, match="does not understand"):
            there.ask("value", {"version": "new"})
        with pytest.raises(UnsupportedError, match="does not fit"):
            there.ask("value", {"version": 1}, {"x": np.ones((3, 1), np.float32), "t": np.ones(1, np.float32)})


def test_a_window_that_goes_or_hangs_harms_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dnf.from_score(song, dim=2)
    with started(monkeypatch) as process:
        window = dnf.watch(model, data=np.zeros((5, 2)))
        there = Joined(process)
        # Nobody reads the news
        for step in range(20_000):
            window.update(step, loss=1.0)
        assert window.active
        there.questions.close()
        there.news.close()
        process.gone.set()
        assert window.wait(5)
        window.update("seven", loss="nothing")  # type: ignore[arg-type]
        assert not window.active


def test_a_fork_and_an_update_from_elsewhere_do_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with started(monkeypatch) as process:
        window = dnf.watch(dnf.from_score(song, dim=2))
        there = Joined(process)
        own = os.getpid()
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: own + 1)
            window.update(5, loss=1.0)
            window.close()
            # The threads that would know are not in a fork, so nothing there may wait for them
            assert window.wait() and not window.active
        assert window.active
        thread = Thread(target=window.update, args=(6, torch.tensor(0.5, requires_grad=True)))
        thread.start()
        thread.join()
        while (news := there.next()).facts["step"] < 6:
            pass
        assert news.arrays["losses"][:, :2].tolist() == [[6, 0.5]]
        window.close()
        assert not window.active
        last = news
        while last.facts["version"] < 2:
            last = there.next()
        # The last weights come to be shown
        there.ask("shown", {"version": 2})
        while (last := there.next()).kind == "news":
            pass
        assert last.kind == "ended"
        there.ask.ended = True
        with pytest.raises(LinkError, match="ended"):
            there.flow.sample(2)


def test_a_script_does_not_end_while_a_question_is_being_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python that ended under a thread within torch died of it: "terminate called without an active exception"."""
    began, go = Event(), Event()

    def score(x: Tensor, t: Tensor) -> Tensor:
        if len(x) == 7:
            began.set()
            go.wait(10)
        return song(x, t)

    with started(monkeypatch) as process, dnf.show(dnf.from_score(score, dim=2)) as window:
        there = Joined(process)
        asking = Thread(target=lambda: there.flow.fields(there.flow.grid(4))[1](2, torch.zeros(7, 2)))
        ending = Thread(target=window._rest)
        asking.start()
        assert began.wait(5)
        ending.start()
        ending.join(0.05)
        assert ending.is_alive()
        go.set()
        ending.join(5)
        asking.join(5)
        assert not ending.is_alive() and not asking.is_alive()


def test_no_display_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    model = dnf.from_score(song, dim=2)
    for _ in range(2):
        with started(monkeypatch, b"dnf-studio: There is no display for a test.\n", ends=True):
            window = dnf.watch(model)
            assert window.wait(5)
            window.update(1, loss=2.0)
    said = capsys.readouterr().err
    assert said == "dnf-studio: No live window: There is no display for a test. The script goes on without it.\n"


def test_what_does_not_fit_is_said_before_a_window_opens() -> None:
    model = dnf.from_score(song, dim=2)
    with pytest.raises(SettingError, match="model"):
        dnf.show(torch.nn.Linear(2, 2))  # type: ignore[arg-type]
    for data in (np.zeros((3, 3)), np.zeros((0, 2)), [[1, None]], np.full((2, 2), np.nan), np.ones((2, 2), complex),
                 np.ma.masked_equal([[1.0, 2.0]], 2.0)):  # fmt: skip
        with pytest.raises(DataError) as told:
            dnf.watch(model, data=data)
        assert "--missing" not in str(told.value) and "missing=" not in str(told.value)  # there is no such argument


def test_a_model_that_cannot_be_told_ends_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(*_: object) -> None:
        raise SettingError("No.")

    monkeypatch.setattr(description, "describe", describe)
    with started(monkeypatch) as process:
        process.kill = process.gone.set  # type: ignore[attr-defined]
        with pytest.raises(SettingError, match="No"):
            dnf.watch(dnf.from_score(song, dim=2))
        assert process.gone.is_set()


def test_copies_are_kept_as_long_as_somebody_uses_them() -> None:
    net = network()
    versions = Versions(dnf.from_velocity(lambda x, t: net(torch.cat([x, t[:, None]], 1)), dim=2))
    for _ in range(KEPT + 3):
        assert versions.at(1)[0] == 1
        versions.renew()
        assert not versions.used
    assert versions.at(2)[0] > 2
    assert versions.at(versions.newest)[0] == versions.newest == KEPT + 4
    assert versions.used


def test_a_budget_saves_up_to_its_most() -> None:
    now = [0.0]
    budget = Budget(0.25, 0.1, lambda: now[0])
    budget.spend(0.2)
    assert budget.left() == pytest.approx(-0.1)
    now[0] = 0.6
    assert budget.left() == pytest.approx(0.05)
    now[0] = 100
    assert budget.left() == pytest.approx(0.1)


@pytest.mark.slow
def test_a_real_window_follows_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """About ten seconds of a processor; offscreen, so that nobody needs a display."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    net = network()
    model = dnf.from_velocity(lambda x, t: net(torch.cat([x, t[:, None]], 1)), dim=2, steps=4)
    window = dnf.watch(model, data=np.random.default_rng(0).standard_normal((400, 2)))
    until = monotonic() + 120
    while window._seen < 3 and monotonic() < until:
        assert not window._gone.wait(0.005)
        window.update(loss=0.5)
    assert window._seen >= 3
    assert window._program is not None
    if sys.platform != "win32":
        # It lets the loop go first, once it shows something
        priorities = (os.getpriority(os.PRIO_PROCESS, one) for one in (window._program.process.pid, os.getpid()))
        assert next(priorities) > next(priorities)
    window.close()
    assert window._state.ended.wait(60)
    window._program.process.terminate()
    assert window.wait(30)
