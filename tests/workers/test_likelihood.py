"""The Lab's study of likelihoods, without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.evaluation import likelihoods as module
from dnf_studio.core.evaluation.likelihoods import NOTHING, likelihoods
from dnf_studio.core.models.build import build_model
from dnf_studio.errors import Cancelled, cancel_when
from dnf_studio.workers.lab import StudyContext
from dnf_studio.workers.likelihood import LikelihoodFound, LikelihoodStudy
from dnf_studio.workers.snapshot import Snapshot


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ODE_POINTS", 40)
    monkeypatch.setattr(module, "BOUND_POINTS", 120)


def context_of(data: str, model: str) -> StudyContext:
    torch.manual_seed(0)
    small = {"data": data, "model": model, "sde": {"steps": 6}, "network": {"layers": 1, "channels": 8}}
    source = open_dataset(data)
    flow = build_model(source.dim, Config.create(small), source.standardisation)
    return StudyContext(Snapshot.of(flow), source.fresh(100, 0), source, 1)


def found_by(context: StudyContext, have: int = 0) -> list[LikelihoodFound]:
    found = list(LikelihoodStudy(1, 3).run(context, have, lambda: None))
    assert all(isinstance(one, LikelihoodFound) for one in found)
    return found  # type: ignore[return-value]


def test_its_parts_are_what_evaluate_says() -> None:
    context = context_of("rings", "diffflow")
    study, found = LikelihoodStudy(1, 3), found_by(context)
    assert len(found) == study.total(context) == 3
    merged = replace(NOTHING, **{name: value for one in found for name, value in one.fields.items()})
    assert merged == likelihoods(context.snapshot.flow, context.dataset, paths=3) and merged.nll_ode is not None
    facts = found[0].facts
    assert all(one.facts == facts for one in found) and (facts.steps, facts.dim, facts.points) == (6, 2, (120, 40))
    assert facts.entropy == context.dataset.entropy
    assert facts.log_volume == pytest.approx(context.snapshot.standardisation.log_scale)
    assert [one.bits for one in found] == [{"nll_bound": None}, {}, {"nll_ode": None}]


def test_what_was_found_before_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of("rings", "diffflow")
    whole = found_by(context)
    monkeypatch.setattr(module, "bound_nll", None)
    assert found_by(context, 2) == whole[2:]


def test_a_flow_has_its_exact_likelihood_alone() -> None:
    context = context_of("rings", "flow")
    (found,) = found_by(context)
    assert LikelihoodStudy(1, 3).total(context) == 1
    assert "nll_bound" not in found.fields and found.fields["nll_ode"] is not None


def test_a_model_without_units_of_its_own_has_those_of_the_data() -> None:
    context = context_of("rings", "diffflow")
    flow = context.snapshot.flow
    flow.standardisation = Standardisation.identity(2)
    assert found_by(context)[0].facts.log_volume == pytest.approx(context.dataset.standardisation.log_scale) != 0


def test_levels_have_bits_and_logits_no_constant_between_units() -> None:
    plain, logit = (found_by(context_of(data, "diffflow")) for data in ("digits", "digits::logit=0.05"))
    for parts in (plain, logit):
        bits = {name: value for one in parts for name, value in one.bits.items()}
        assert set(bits) == {"nll_bound", "nll_ode"} and None not in bits.values()
    assert plain[0].facts.log_volume is not None and logit[0].facts.log_volume is None
    assert plain[0].facts.entropy is None and plain[-1].fields["nll_ode_grid"] == ()


def test_without_data_there_is_nothing() -> None:
    context = replace(context_of("rings", "diffflow"), dataset=None)
    assert found_by(context) == [] and LikelihoodStudy(1, 3).total(context) == 0


@pytest.mark.parametrize("calls", [0, 1, 40, 310])
def test_it_is_cancelled_within_a_part(calls: int) -> None:
    """The bound asks once a block, importance once a path, the ODE at each evaluation."""
    asked = 0

    def unwanted() -> bool:
        nonlocal asked
        asked += 1
        return asked > calls

    with pytest.raises(Cancelled):
        list(LikelihoodStudy(1, 300).run(context_of("rings", "diffflow"), 0, cancel_when(unwanted)))
    assert asked == calls + 1
