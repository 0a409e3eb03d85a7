"""State, undo and redo as properties of any sequence of changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.errors import SettingError
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import State
from tests.views import viewed

CHANGES = st.one_of(
    st.fixed_dictionaries({"lam": st.floats(0, 2)}),
    st.fixed_dictionaries({"steps": st.one_of(st.none(), st.integers(1, 200))}),
    st.fixed_dictionaries({"seed": st.integers(0, 50)}),
    st.fixed_dictionaries({"last": st.sampled_from(["mean", "noise"]), "grid": st.sampled_from([None, "paper"])}),
    st.fixed_dictionaries({"layers": st.sampled_from([frozenset(), frozenset({"points"})])}),
    st.fixed_dictionaries({"config.sde.steps": st.integers(1, 100)}),
    st.integers(1, 9).map(lambda batch: {"config": {"training": {"batch": batch}}}),
)


def test_one_gesture_is_one_step_of_undo_whatever_it_changes() -> None:
    session, drag = slow_session(), object()
    start = session.state
    session.apply({"grid": (0.0, 0.4, 1.0), "steps": 2}, drag)
    session.apply({"grid": (0.0, 0.3, 1.0)}, drag)
    session.apply({"grid": (0.0, 0.2, 1.0)}, object())
    session.undo()
    assert session.state.sampling.grid == (0, 0.3, 1)
    session.apply({"grid": (0.0, 0.1, 1.0)}, drag)
    session.undo()
    assert session.state.sampling.grid == (0, 0.3, 1), "after an undo a gesture begins anew"
    session.undo()
    assert session.state == start and not session.can_undo


@pytest.mark.parametrize("name", ["grid", "draft"])
def test_what_is_no_grid_is_refused_and_lists_become_nodes(name: str) -> None:
    session = Session()
    for bad in ([0.0, 0.5], (0.0, 0.0, 1.0), (0.0, float("nan"), 1.0)):
        with pytest.raises(SettingError):
            session.apply({name: bad})
    assert session.state == State()
    session.apply({name: [0.0, 0.25, 1.0]})
    assert session.state.value(name) == (0, 0.25, 1)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def slow_session() -> Session:
    """Every change is later than any merging."""
    clock = Clock()

    def later() -> float:
        clock.now += 100
        return clock.now

    return Session(clock=later)


@given(st.lists(CHANGES, max_size=12))
def test_undo_goes_back_through_every_state_and_redo_forth(changes: list[dict[str, Any]]) -> None:
    session = slow_session()
    states = [session.state]
    for change in changes:
        if session.apply(change):
            states.append(session.state)
    for expected in reversed(states[:-1]):
        session.undo()
        assert session.state == expected
    assert not session.can_undo
    session.undo()
    assert session.state == states[0]
    for expected in states[1:]:
        session.redo()
        assert session.state == expected
    assert not session.can_redo


@given(st.lists(CHANGES, min_size=1, max_size=6), st.integers(1, 6), CHANGES)
def test_a_change_after_undo_forgets_what_was_undone(
    changes: list[dict[str, Any]], count: int, new: dict[str, Any]
) -> None:
    session = slow_session()
    for change in changes:
        session.apply(change)
    for _ in range(count):
        session.undo()
    if session.apply(new):
        assert not session.can_redo


@given(st.lists(st.floats(0, 2), min_size=2, max_size=20, unique=True).filter(lambda values: values[-1] != 1))
def test_quick_changes_of_one_slider_are_one_step(values: list[float]) -> None:
    clock = Clock()
    session = Session(clock=clock)
    session.apply({"seed": 7})
    for value in values:
        clock.now += 0.05
        session.apply({"lam": value})
    session.undo()
    assert session.state == State(sampling=viewed(seed=7))
    session.undo()
    assert session.state == State()


def test_what_does_not_merge() -> None:
    clock = Clock()
    session = Session(clock=clock)
    session.apply({"lam": 0.5})
    clock.now += 5
    session.apply({"lam": 0.6})
    session.apply({"steps": 5})
    session.apply({"lam": 0.7})
    seen = []
    while session.can_undo:
        session.undo()
        seen.append((session.state.sampling.lam, session.state.sampling.steps))
    assert seen == [(0.6, 5), (0.6, None), (0.5, None), (1.0, None)]


def test_a_slider_that_comes_back_leaves_no_step() -> None:
    session = Session(clock=Clock())
    for value in (0.9, 0.8, 1.0):
        session.apply({"lam": value})
    assert not session.can_undo
    session.apply({"lam": 0.5})
    session.undo()
    assert session.state == State()


def test_switches_do_not_merge() -> None:
    session = Session(clock=Clock())
    for last in ("mean", "noise", "mean"):
        session.apply({"last": last})
    session.undo()
    assert session.state.sampling.last == "noise"


def test_undo_ends_merging() -> None:
    session = Session(clock=Clock())
    session.apply({"lam": 0.5})
    session.undo()
    session.apply({"lam": 0.7})
    session.undo()
    assert session.state.sampling.lam == 1.0


def test_names_of_what_changed_are_told_once() -> None:
    session = slow_session()
    told: list[frozenset[str]] = []
    session.changed.connect(told.append)
    session.apply({"config.sde.steps": 12, "lam": 0.5, "seed": 0})
    session.apply({"lam": 0.5})
    session.undo()
    assert told == [frozenset({"config.sde.steps", "lam"})] * 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lam": -0.1}, "λ must be a number between 0 and 2"),
        ({"lam": float("nan")}, "λ must be a number between 0 and 2"),
        ({"steps": 0}, "N must be between 1"),
        ({"last": "never"}, "The last step is either mean or noise"),
        ({"grid": "fine"}, "The time grid 'fine'"),
        ({"seed": -1}, "The seed must not be negative"),
        ({"layers": frozenset({"smoke"})}, "There is no layer named 'smoke'"),
        ({"field": "wind"}, "There is no field named 'wind'"),
        ({"heat": "curl"}, "none, magnitude or divergence, not 'curl'"),
        ({"axes": (0, -1)}, "numbered from 0"),
        ({"lambda": 1}, "There is no setting named 'lambda'"),
        ({"config.sde.stepz": 1}, "There is no setting named 'sde.stepz'"),
        ({"config.sde.steps": 0}, "sde.steps"),
        ({"config.sde.t_end": 0.0001}, "last time"),
        ({"lam": 0.5, "steps": -3}, "number of steps N"),
    ],
)
def test_a_wrong_change_changes_nothing(change: dict[str, Any], sentence: str) -> None:
    session = slow_session()
    before = session.state
    with pytest.raises(SettingError, match=sentence):
        session.apply(change)
    assert session.state is before
    assert not session.can_undo


def test_reset_begins_anew() -> None:
    session = slow_session()
    session.apply({"lam": 0.2})
    session.reset(State(sampling=viewed(seed=3)))
    assert session.state == State(sampling=viewed(seed=3))
    assert not session.can_undo and not session.can_redo


def test_the_cursor_is_not_undone() -> None:
    session = slow_session()
    session.apply({"lam": 0.2})
    session.cursor.set_steps(30)
    session.cursor.go(12)
    session.undo()
    assert session.cursor.position == pytest.approx(12)


def test_what_a_model_lacks_is_left_out_of_the_state_in_force_and_comes_back() -> None:
    session, told = Session(), []
    session.lacks_changed.connect(lambda: told.append(session.effective))
    layers = frozenset({"points", "disagreement", "contours"})
    chosen = {"lam": 0.3, "last": "mean", "parts": "score", "field": "backward", "layers": layers, "steps": 9}
    chosen["heat"] = "divergence"
    session.apply(chosen)
    before = session.state
    assert session.effective == before
    session.set_lacks({"bound": "It has no bound."})
    assert session.effective == replace(before, layers=frozenset({"points", "contours"}))
    session.set_lacks({"divergence": "It has no derivatives."})
    assert session.effective == replace(before, layers=frozenset({"points", "disagreement"}), heat="none")
    session.set_lacks({"noise": "It has no noise.", "score": "It has no score."})
    assert session.effective == before.changed({"lam": 1.0, "last": "noise", "parts": "both", "field": "drift"})
    session.set_lacks({"score": "It has no score.", "noise": "It has no noise."})
    session.set_lacks({})
    assert session.effective == session.state == before and len(told) == 4 and session.can_undo
