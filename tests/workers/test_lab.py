from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.errors import Cancelled, SettingError, cancel_when
from dnf_studio.workers import lab
from dnf_studio.workers.lab import LastStudy, LevelsStudy, PathsStudy, StepsStudy, StudyContext, parse_steps
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> StudyContext:
    monkeypatch.setattr(lab, "SAMPLES", 400)
    torch.manual_seed(0)
    small = {"sde": {"steps": 6}, "network": {"layers": 1, "channels": 8}}
    data = open_dataset("rings")
    flow = DiffFlow(2, Config.create(small), data.standardisation)
    return StudyContext(Snapshot.of(flow), data.fresh(700, 0), data, 1)


def never() -> None:
    """Nobody cancels it."""


STEPS = StepsStudy(1, viewed(), (3, 6))


def test_lists_of_n_are_read_whatever_separates_them() -> None:
    assert parse_steps("5, 10, 20, 30, 50, 100, 200") == (5, 10, 20, 30, 50, 100, 200)
    assert parse_steps(" 20;1  7,7,") == (1, 7, 20)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one"),
        (" , ", "at least one"),
        ("5, ten", "'ten' is not a whole number"),
        ("5, 1.5", "'1.5' is not a whole number"),
        ("-3", "'-3' is not a whole number"),
        ("²", "not a whole number"),
        ("0, 5", "between 1 and 200, not 0"),
        ("201", "between 1 and 200, not 201"),
        ("9" * 5000, "between 1 and 200"),
        (" ".join(str(n) for n in range(1, 22)), "At most 20"),
    ],
)
def test_bad_lists_are_refused_in_one_short_sentence(text: str, says: str) -> None:
    with pytest.raises(SettingError, match=says) as error:
        parse_steps(text)
    assert len(str(error.value)) < 5200 and str(error.value).count(". ") == 0 and str(error.value).endswith(".")


def test_errors_come_first_then_the_quality_of_each_n(context: StudyContext) -> None:
    results = list(STEPS.run(context, 0, never))
    assert len(results) == STEPS.total(context) == 4
    assert [row.steps for row in results[:2]] == [row.settings.steps for row in results[2:]] == [3, 6]
    assert all(row.to_data is not None and row.to_data.floor > 0 for row in results[2:])
    without = replace(context, dataset=None)
    assert STEPS.total(without) == 2 == len(list(STEPS.run(without, 0, never)))


@pytest.mark.parametrize("have", [1, 2, 3])
def test_it_goes_on_where_it_ended(context: StudyContext, have: int) -> None:
    whole, rest = list(STEPS.run(context, 0, never)), list(STEPS.run(context, have, never))
    assert len(rest) == 4 - have
    for a, b in zip(whole[have:], rest, strict=True):
        if hasattr(a, "backward_end"):
            assert (a.steps, a.forward_end, a.backward_end) == (b.steps, b.forward_end, b.backward_end)
        else:
            assert a.to_data == b.to_data and np.array_equal(a.samples, b.samples)


def test_levels_and_last_steps(context: StudyContext) -> None:
    levels = list(LevelsStudy(1, viewed(4, grid="uniform")).run(context, 0, never))
    assert [row.settings.lam for row in levels] == [0, 0.5, 1, 1.5, 2]
    assert {(row.settings.steps, row.settings.grid, row.settings.last) for row in levels} == {(4, "uniform", "noise")}
    assert levels[2].to_reference is not None and levels[2].to_reference.told_apart is False
    assert len(levels[0].samples) == 400
    mean, noise = LastStudy(1, viewed(lam=0.5)).run(context, 0, never)
    assert (mean.settings.last, noise.settings.last) == ("mean", "noise")
    assert 0 < np.abs(mean.samples - noise.samples).max() < 0.2


def test_points_of_several_blocks_come_in_their_order(context: StudyContext) -> None:
    study = PathsStudy(1, viewed(6, seed=3), (2, 300, 301))
    (found,) = study.run(context, 0, never)
    assert found.points == (2, 300, 301) and found.forward[0].shape == (7, 3, 2)
    assert found.forward[1].shape == (len(found.fine_t), 3, 2) and len(found.fine_t) > 400
    np.testing.assert_array_equal(found.forward[0][0], context.points[[2, 300, 301]].numpy())
    (single,) = replace(study, points=(300,)).run(context, 0, never)
    np.testing.assert_allclose(single.backward[0][:, 0], found.backward[0][:, 1], atol=1e-6)


def test_a_study_is_cancelled_soon(context: StudyContext) -> None:
    calls = []

    def unwanted() -> bool:
        calls.append(1)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        list(STEPS.run(context, 0, cancel_when(unwanted)))
    assert len(calls) == 4


def test_a_study_goes_by_the_solver_of_the_views(context: StudyContext) -> None:
    """The ODE is λ = 0."""
    by_name = list(replace(STEPS, sampling=viewed(solver="ode")).run(context, 0, never))
    by_level = list(replace(STEPS, sampling=viewed(lam=0.0)).run(context, 0, never))
    for row, other in zip(by_name[:2], by_level[:2], strict=True):
        np.testing.assert_array_equal(row.backward, other.backward)  # type: ignore[attr-defined]
    for row, other in zip(by_name[2:], by_level[2:], strict=True):
        np.testing.assert_array_equal(row.samples, other.samples)  # type: ignore[attr-defined]
