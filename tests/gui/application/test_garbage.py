"""Garbage is collected by the thread of the window and by no other."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Thread, get_ident
from weakref import finalize

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.application.process import Garbage, collect_garbage


class Cycle:
    """Nothing frees it but the collector."""

    def __init__(self, freed: list[int]) -> None:
        self.me = self
        finalize(self, lambda: freed.append(get_ident()))


def litter(count: int) -> list[list[object]]:
    """Objects that the collector counts."""
    return [[] for _ in range(count)]


@pytest.fixture
def quick() -> Iterator[None]:
    """A collector that has little patience, with no garbage left from before."""
    limits = gc.get_threshold()
    gc.collect()
    gc.set_threshold(100, 5, 5)
    yield
    gc.set_threshold(*limits)
    gc.unfreeze()


def test_another_thread_leaves_garbage_to_the_window(qtbot: QtBot, quick: None) -> None:
    garbage, freed = Garbage(), []
    gc.enable()
    garbage.start()
    assert not gc.isenabled()
    Cycle(freed)
    kept: list[object] = []
    thread = Thread(target=lambda: kept.append(litter(5000)))
    thread.start()
    thread.join()
    assert freed == []

    def seen() -> bool:
        # What earlier tests leave behind is freed meanwhile, and counts against what is made
        kept.append(litter(500))
        return freed == [get_ident()]

    qtbot.waitUntil(seen)


def test_it_collects_as_often_as_the_limits_say(quick: None) -> None:
    assert collect_garbage() is None
    kept, seen = [], []
    for _ in range(60):
        kept.append(litter(200))
        seen.append(collect_garbage())
    assert set(seen) == {0, 1, 2} and seen.count(0) > seen.count(1) > seen.count(2)


def test_a_limit_of_zero_means_never(quick: None) -> None:
    gc.set_threshold(0)
    kept = litter(5000)
    assert collect_garbage() is None and kept
