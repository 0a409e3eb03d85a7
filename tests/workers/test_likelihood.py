"""The Lab's study of likelihoods, without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation import likelihoods as module
from dnf_studio.core.evaluation.likelihoods import likelihoods
from dnf_studio.core.models.build import build_model
from dnf_studio.core.parallel import Interrupted
from dnf_studio.workers.lab import Ground
from dnf_studio.workers.likelihood import LikelihoodFound, LikelihoodStudy
from dnf_studio.workers.snapshot import Snapshot


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ODE_POINTS", 40)
    monkeypatch.setattr(module, "BOUND_POINTS", 120)


def ground_of(data: str, model: str) -> Ground:
    torch.manual_seed(0)
    small = {"data": data, "model": model, "sde": {"steps": 6}, "network": {"layers": 1, "channels": 8}}
    source = open_dataset(data)
    flow = build_model(source.dim, Config.create(small), source.standardisation)
    return Ground(Snapshot.of(flow), source.fresh(100, 0), source, 1)


def found_by(ground: Ground, have: int = 0) -> list[LikelihoodFound]:
    found = list(LikelihoodStudy(1, None, 3).run(ground, have, lambda: False))
    assert all(isinstance(one, LikelihoodFound) for one in found)
    return found  # type: ignore[return-value]


def test_it_grows_to_what_evaluate_says() -> None:
    ground = ground_of("rings", "diffflow")
    study, found = LikelihoodStudy(1, None, 3), found_by(ground)
    assert len(found) == study.total(ground) == 4
    assert found[-1].likelihoods == likelihoods(ground.snapshot.flow, ground.dataset, paths=3)
    known = [(one.likelihoods.nll_bound, one.likelihoods.nll_importance, one.likelihoods.nll_ode) for one in found]
    assert [sum(value is not None for value in row) for row in known] == [1, 2, 3, 3]
    assert not found[-2].likelihoods.nll_ode_grid and [g.steps for g in found[-1].likelihoods.nll_ode_grid] == [6, 12]
    assert found[0].points == (120, 40) and found[0].entropy == ground.dataset.entropy
    assert found[0].log_volume == pytest.approx(ground.snapshot.standardisation.log_scale)
    assert found[0].bits == (None, None)


def test_what_was_found_before_is_not_told_again() -> None:
    ground = ground_of("rings", "diffflow")
    assert found_by(ground, 3) == found_by(ground)[3:]


def test_a_flow_has_its_exact_likelihood_alone() -> None:
    ground = ground_of("rings", "flow")
    (found,) = found_by(ground)
    assert LikelihoodStudy(1, None, 3).total(ground) == 1
    assert found.likelihoods.nll_bound is None and found.likelihoods.nll_ode is not None


def test_levels_have_bits_and_logits_no_constant_between_units() -> None:
    plain, logit = (found_by(ground_of(data, "diffflow"))[-1] for data in ("digits", "digits::logit=0.05"))
    assert None not in plain.bits and None not in logit.bits
    assert plain.log_volume is not None and logit.log_volume is None
    assert plain.entropy is None and not plain.likelihoods.nll_ode_grid


def test_without_data_there_is_nothing() -> None:
    ground = replace(ground_of("rings", "diffflow"), dataset=None)
    assert found_by(ground) == [] and LikelihoodStudy(1, None, 3).total(ground) == 0


@pytest.mark.parametrize("calls", [0, 1, 40, 310])
def test_it_is_left_within_a_part(calls: int) -> None:
    """The bound asks once a block, importance once a path, the ODE at each evaluation."""
    asked = 0

    def left() -> bool:
        nonlocal asked
        asked += 1
        return asked > calls

    with pytest.raises(Interrupted):
        list(LikelihoodStudy(1, None, 300).run(ground_of("rings", "diffflow"), 0, left))
    assert asked == calls + 1
