"""What `evaluate` says of models whose quality is known."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio import load
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation import excess_rows as excess
from dnf_studio.core.evaluation import likelihoods as measuring
from dnf_studio.core.evaluation import parts
from dnf_studio.core.evaluation.by_steps import StepRow, step_rows
from dnf_studio.core.evaluation.chain_bounds import attainable_of, entropy_of
from dnf_studio.core.evaluation.distances import Word
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.evaluation.fresh import BoundingBox, fresh_points
from dnf_studio.core.evaluation.likelihoods import nll_bound
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import node_density
from dnf_studio.errors import DataError, SettingError
from tests.problems import ExactFlow, log_normal, to_standard_normal

PROBLEM = to_standard_normal()


class Gaussian(Dataset):
    """The data of `PROBLEM`, standardised by constants of its own; at most `limit` points are fresh."""

    name = "gaussian"
    dim = 1
    columns = ("x",)
    fingerprint = "0" * 64

    def __init__(self, constants: Standardisation | None = None, limit: int = 10**9) -> None:
        self.standardisation = constants or Standardisation.identity(1)
        variance = float(PROBLEM.covariance[0, 0])
        self.entropy = 0.5 * math.log(2 * math.pi * math.e * variance) - self.standardisation.log_scale
        self.limit = limit

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self.standardisation.to_model(PROBLEM.draw(count, generator)).float()

    def fresh(self, count: int, seed: int) -> Tensor:
        return self.draw(min(count, self.limit), torch.Generator().manual_seed(seed))

    def outside(self, x: Tensor, tolerance: float = 0.02) -> NDArray[np.bool_] | None:
        """Beyond 2 in data units, whatever the tolerance."""
        far: NDArray[np.bool_] = (self.standardisation.to_data(x.double()).abs() > 2).any(1).numpy()
        return far


def spoiled(flow: DiffFlow, spoil: Sequence[str] = ("drift",)) -> DiffFlow:
    with torch.no_grad():
        for name, value in flow.named_parameters():
            if name.startswith(tuple(spoil)):
                value.fill_(math.nan)
    return flow


@pytest.fixture
def little_excess(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what needs many points, but not for the excess of each step, which has tests of its own."""
    monkeypatch.setattr(excess, "NEIGHBOUR_POINTS", 500)
    monkeypatch.setattr(excess, "ODE_POINTS", 50)


@pytest.mark.usefixtures("little_excess")
def test_an_exact_model_stands_at_the_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "BOUND_POINTS", 10_000)
    monkeypatch.setattr(measuring, "ODE_POINTS", 1000)
    data = Gaussian()
    found = evaluate(ExactFlow(PROBLEM, 60), data, steps=(80, 5, 5), points=20_000, seeds=3, paths=2)
    assert found.nll_ode == pytest.approx(data.entropy, abs=0.05)
    assert found.nll_ode_coarse == pytest.approx(found.nll_ode, abs=1e-3)
    assert found.nll_bound is not None and found.entropy == data.entropy
    assert 0 < found.nll_bound - found.entropy < 0.05
    assert [row.steps for row in found.by_steps] == [5, 80]
    assert [row.nfe for row in found.by_steps] == [10, 160]
    few, many = found.by_steps
    assert many.sliced_wasserstein is not None and few.sliced_wasserstein is not None and few.floor is not None
    assert many.sliced_wasserstein < few.sliced_wasserstein
    assert few.told_apart and few.resolution is not None and few.sliced_wasserstein > few.resolution
    assert few.sliced_wasserstein_error is not None and few.squares is not None and len(few.squares) == 6
    assert 0 < few.floor < 0.05
    two, four = (math.erfc(limit / math.sqrt(2 * float(PROBLEM.covariance[0, 0]))) for limit in (2, 4))
    assert many.outside == pytest.approx(two, abs=0.02)
    assert many.beyond_4 == pytest.approx(four, abs=0.005)
    assert many.farthest == pytest.approx(1, abs=0.4)


def test_the_farthest_sample_is_told_in_half_sides_of_the_box_of_the_data() -> None:
    box = BoundingBox.of(np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 12.0]], np.float32))
    assert box.farthest(np.array([[2.0, 90.0, 7.0]], np.float32)) == 0
    assert box.farthest(np.array([[3.0, 90.0, 2.0], [2.0, 0.0, 17.0]], np.float32)) == 2
    assert box.farthest(np.array([[-1.0, 5.0, 7.0]], np.float32)) == 3
    joint = BoundingBox.of(np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 12.0]], np.float32), joint=True)
    assert joint.farthest(np.array([[1.0, 12.0, 6.5]], np.float32)) == 1
    assert joint.farthest(np.array([[17.5, 5.0, 5.0]], np.float32)) == 2


@pytest.mark.usefixtures("few_points")
def test_numbers_do_not_depend_on_the_constants_of_the_data_set() -> None:
    """A model with constants of its own meets data standardised otherwise in its own units."""
    flow = ExactFlow(PROBLEM, 30)
    flow.standardisation = Standardisation((0.0,), (1.0000001,))
    plain, moved = Gaussian(Standardisation((0.0,), (1.0000001,))), Gaussian(Standardisation((3.0,), (0.2,)))
    assert nll_bound(flow, plain) == pytest.approx(nll_bound(flow, moved), abs=1e-4)
    first, second = (evaluate(flow, data, steps=(4,), ode=False, points=4000, seeds=1) for data in (plain, moved))
    assert first.entropy == pytest.approx(second.entropy)
    assert first.by_steps[0].outside == pytest.approx(second.by_steps[0].outside)
    assert first.by_steps[0].sliced_wasserstein == pytest.approx(second.by_steps[0].sliced_wasserstein, abs=1e-4)


@pytest.mark.usefixtures("few_points")
def test_a_model_without_constants_takes_standardised_data_as_it_is() -> None:
    data = open_dataset("checkerboard")
    flow = DiffFlow(2)
    other = DiffFlow(2, standardisation=data.standardisation)
    other.load_state_dict(flow.state_dict())
    assert nll_bound(flow, data, 500) == nll_bound(other, data, 500)
    assert evaluate(flow, data, steps=(2,), ode=False, points=500, seeds=1, paths=1).entropy == data.entropy


def test_the_bound_is_at_the_grid_that_is_asked_for() -> None:
    flow, data = ExactFlow(PROBLEM, 10), Gaussian()
    assert nll_bound(flow, data, 5000) == nll_bound(flow, data, 5000, grid=flow.grid())
    finer = nll_bound(flow, data, 5000, grid=PROBLEM.grid(100))
    assert data.entropy is not None and finer < nll_bound(flow, data, 5000)
    assert nll_bound(flow, data, 5000, seed=1) != nll_bound(flow, data, 5000)


@pytest.mark.usefixtures("few_points")
def test_file_data_is_compared_with_what_there_is() -> None:
    found = evaluate(ExactFlow(PROBLEM, 5), Gaussian(limit=101), steps=(5,), ode=False, points=20_000, seeds=2)
    assert found.by_steps[0].floor is not None and found.by_steps[0].floor > 0.02
    assert found.by_steps[0].told_apart is False and len(found.by_steps[0].squares or ()) == 6
    single = evaluate(ExactFlow(PROBLEM, 5), Gaussian(limit=1), steps=(5,), ode=False, seeds=2)
    assert single.by_steps[0].sliced_wasserstein is None and single.nll_bound is not None


@pytest.mark.usefixtures("few_points")
def test_what_is_unknown_is_null_and_json_holds_no_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_density, "MOST_TIMES", 20)
    data = open_dataset("swissroll")
    lines: list[str] = []
    found = evaluate(spoiled(DiffFlow(2)), data, steps=(3,), points=500, seeds=2, progress=lines.append, paths=1)
    text = json.dumps(found.as_dict(), allow_nan=False)
    (row,) = json.loads(text)["by_steps"]
    assert {"sliced_wasserstein", "sliced_wasserstein_error", "told_apart", "floor", "outside", "nll_bound"} < set(row)
    assert {key: value for key, value in row.items() if value is not None} == {
        "steps": 3,
        "nfe": 6,
        "multiply_adds": 6 * 57_920,
    }
    assert found.nll_bound is None and found.nll_ode is None and found.nll_importance is None
    assert found.nll_ode_grid == () and found.ode_divergence is None
    assert any("not finite at N = 3" in line for line in lines)


@pytest.mark.usefixtures("few_points")
def test_the_ode_is_left_out_where_not_asked() -> None:
    assert (
        evaluate(DiffFlow(2), open_dataset("rings"), steps=(2,), ode=False, points=100, seeds=1, paths=1).nll_ode
        is None
    )


@pytest.mark.usefixtures("little_excess")
def test_likelihoods_come_with_their_errors_and_at_two_resolutions() -> None:
    """Ten steps: many paths reach the chain's NLL, the ODE's is the exact density's, and the errors are theirs."""
    data, flow = Gaussian(), ExactFlow(PROBLEM, 10)
    found = evaluate(flow, data, steps=(10, 40), points=1000, seeds=1, paths=100)
    assert data.entropy is not None and found.importance_paths == 100 and found.ode_divergence == "exact"
    x = fresh_points(flow, data, 2000, 0)
    chain = -log_normal(x, PROBLEM.backward_chain(flow.grid(), (np.zeros(1), np.eye(1))))
    assert found.nll_importance == pytest.approx(float(chain.mean()), abs=0.003)
    assert found.nll_importance_error == pytest.approx(float(chain.std()) / math.sqrt(2000), rel=0.05)
    exact = -log_normal(x, PROBLEM.marginal(0.0))
    assert found.nll_ode == pytest.approx(float(exact.mean()), abs=1e-3)
    assert found.nll_ode_error == pytest.approx(float(exact.std()) / math.sqrt(2000), rel=0.01)
    assert [row.steps for row in found.nll_ode_grid] == [10, 20]
    off = [abs((row.nll or math.nan) - float(exact.mean())) for row in found.nll_ode_grid]
    assert off[1] < 0.4 * off[0]
    assert found.nll_bound is not None and found.nll_bound_error is not None
    assert 0.003 < found.nll_bound_error < 0.01
    at_ten, at_forty = (row.nll_bound for row in found.by_steps)
    assert at_ten == found.nll_bound and at_forty is not None and at_forty < at_ten
    assert found.nll_bound_flexible is None


def test_a_model_of_drawn_grids_has_the_mean_bound_over_them() -> None:
    flow, data = ExactFlow(PROBLEM, 10), Gaussian()
    flow.config = flow.config.changed(
        {
            "training.flexible_grid": True,
            "sde": {"grid": "uniform", "t_start": 0, "t_end": 1, "g_start": 0.8, "g_end": 1.4},
        }
    )
    found = evaluate(flow, data, steps=(10,), ode=False, points=500, seeds=1)
    assert found.nll_bound is not None and found.nll_bound_flexible is not None
    assert 0 < abs(found.nll_bound_flexible - found.nll_bound) < 0.03


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(SettingError, match=r"^The number of paths K must be between 1 and 10,000, not 0\.$"):
        evaluate(DiffFlow(2), open_dataset("rings"), paths=0)
    with pytest.raises(DataError, match=r"^The data 'rings' has 2 columns and the model 3 dimensions\.$"):
        evaluate(DiffFlow(3), open_dataset("rings"))
    with pytest.raises(SettingError, match=r"^The number of steps N .*\.$"):
        evaluate(DiffFlow(2), open_dataset("rings"), steps=(0,))
    with pytest.raises(SettingError, match=r"^An evaluation needs .*\.$"):
        evaluate(DiffFlow(2), open_dataset("rings"), seeds=0)


@pytest.mark.usefixtures("few_points")
def test_the_mass_of_the_density_is_told_on_demand() -> None:
    settings = {"steps": (5,), "points": 50, "seeds": 1, "ode": False, "paths": 1}
    found = evaluate(ExactFlow(PROBLEM, 20), Gaussian(), mass=True, **settings)  # type: ignore[arg-type]
    assert found.ode_mass is not None and found.ode_mass_error is not None
    assert abs(found.ode_mass - 1) < 4 * found.ode_mass_error < 0.1
    assert evaluate(ExactFlow(PROBLEM, 20), Gaussian(), **settings).ode_mass is None  # type: ignore[arg-type]
    broken = evaluate(spoiled(DiffFlow(1)), Gaussian(), mass=True, **settings)  # type: ignore[arg-type]
    assert broken.ode_mass is None and broken.ode_mass_error is None


def test_the_floor_of_a_chain_stands_above_the_entropy_by_what_its_last_step_blurs() -> None:
    rings, flow = open_dataset("rings"), load("diffflow-rings")
    grid = flow.grid()
    blur = float(grid.g[1] * (grid.t[1] - grid.t[0]) ** 0.5)
    attainable, entropy = attainable_of(flow, rings), entropy_of(flow, rings)
    assert attainable is not None and entropy is not None and blur == pytest.approx(0.00878, abs=1e-5)
    assert attainable == entropy + (rings.blur_excess(blur, flow.standardisation.scale) or 0)
    assert attainable - entropy == pytest.approx(0.473, abs=0.002)
    assert attainable_of(flow, rings, solver="heun") is None and attainable_of(load("flow-rings"), rings) is None
    few = attainable_of(flow, rings, flow.grid(10))
    assert few is not None and few > attainable
    diffusion = load("diffusion-rings")
    values = [attainable_of(diffusion, rings, solver=solver) for solver in (None, "ancestral", "sde")]  # type: ignore[arg-type]
    assert values[0] == values[1] and values[1] is not None and values[2] is not None and values[1] < values[2]
    assert attainable_of(load("diffflow-checkerboard"), open_dataset("checkerboard")) is None


def test_what_a_solver_is_chosen_by_shares_no_draw_with_what_it_is_judged_by() -> None:
    model, data = ExactFlow(PROBLEM, 4), Gaussian()
    drawn = [
        step_rows(model, data, (4,), 50, 5, lambda _: None, None, purpose)[0] for purpose in ("", "", "validation")
    ]
    assert drawn[0] == drawn[1] and not set(drawn[0].squares or ()) & set(drawn[2].squares or ())
    assert drawn[0].nfe == model.evaluations(4) and drawn[0].multiply_adds == model.multiply_adds(4)


def test_steps_to_the_floor_are_the_first_that_are_equal(few_points: None, monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[Word] = ["told apart", "unresolved", "equal", "equal"]
    rows = tuple(StepRow(n, n, word=word) for n, word in enumerate(words, 1))
    for known, least in ((rows, 3), (rows[:2], None)):
        monkeypatch.setattr(parts, "step_rows", lambda _flow, _data, steps, *_, known=known: (known[steps[0] - 1],))
        found = evaluate(ExactFlow(PROBLEM, 4), Gaussian(), steps=range(1, len(known) + 1), ode=False, paths=1)
        assert found.steps_to_the_floor == least
