"""Outliers of models whose faults and shares are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree
from scipy.stats import binomtest, norm
from torch import Tensor

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.by_steps import step_rows
from dnf_studio.core.exploration.outliers import NEVER, Outliers, find_outliers, outliers_among, wilson
from dnf_studio.core.exploration.visited import Nearest, VisitedRegion, visit
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, DataError
from tests.problems import ExactFlow, LinearGaussian, exploding, ornstein_uhlenbeck, to_standard_normal

STEPS = 10
FAULT = 6
"""The node whose backward step is broken: the step 6 → 5."""
CUT = 0.3
"""In the middle, where no state is far from the others by chance."""
POINTS = 2000


class Draws(Dataset):
    """The data of a problem."""

    def __init__(self, problem: LinearGaussian) -> None:
        self.problem, self.name, self.dim = problem, problem.name, problem.dim
        self.columns = tuple(f"c{k}" for k in range(problem.dim))
        self.standardisation, self.entropy = Standardisation.identity(problem.dim), None

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return self.problem.draw(count, generator).float()

    def fresh(self, count: int, seed: int) -> Tensor:
        return self.draw(count, torch.Generator().manual_seed(seed + 1_000_000))


class Broken(ExactFlow):
    """Throws what is within ±`CUT` in the first component at node `FAULT` out by `kick`, in that one backward step."""

    def __init__(self, problem: LinearGaussian, kick: float) -> None:
        super().__init__(problem, STEPS)
        self.kick = kick

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        drift, score = super().fields(grid)
        g = float(grid.g[FAULT])

        def altered(i: int, x: Tensor) -> Tensor:
            value = score(i, x)
            if i != FAULT:
                return value
            thrown = (x[:, :1].abs() < CUT).to(x)
            return value + thrown * self.kick / (g * g * float(grid.dt[FAULT - 1]))

        return drift, altered


def last(results: object) -> Outliers:
    *_, newest = results  # type: ignore[misc]
    return newest


def before_the_fault(flow: DiffFlow, count: int, settings: SampleSettings) -> np.ndarray:
    """The states (count, D) at node `FAULT`."""
    (block,) = sample_blocks(flow, count, settings, trajectories=True, diverging=True)
    assert block.trajectories is not None
    return block.trajectories[:, STEPS - FAULT]


@pytest.mark.parametrize("problem", [to_standard_normal(), exploding()], ids=lambda p: p.name)
@pytest.mark.parametrize("kick", [30.0, 1e39], ids=["far", "beyond float32"])
def test_a_fault_at_one_node_is_named_for_exactly_the_points_it_throws_out(
    problem: LinearGaussian, kick: float
) -> None:
    flow, data = Broken(problem, kick), Draws(problem)
    settings, visited = SampleSettings(seed=3, last="noise"), visit(flow, data, flow.grid(), points=POINTS)
    found = last(find_outliers(flow, data, POINTS, settings, visited=visited))
    states = before_the_fault(flow, POINTS, settings)
    thrown = np.flatnonzero(np.abs(states[:, 0]) < CUT)
    assert 0.05 * POINTS < len(thrown) < 0.4 * POINTS
    rows = found.rows
    far = rows.lost if kick > 1e38 else rows.exploded & (rows.jump > 10)
    assert rows.number[far].tolist() == thrown.tolist()
    assert (rows.step[far] == FAULT - 1).all() and (rows.jump_step[far] == FAULT - 1).all()
    assert (~far).sum() < 0.02 * POINTS and found.exploded >= len(thrown)
    assert found.by_step[FAULT - 1] - len(thrown) < 0.01 * POINTS


def test_the_share_beyond_four_is_the_gaussian_tail() -> None:
    problem = LinearGaussian("wide", np.array([[-1.0]]), np.array([0.5]), np.array([[2.25]]))
    flow, data = ExactFlow(problem, STEPS), Draws(problem)
    mean, covariance = problem.backward_chain(flow.grid(), (np.zeros(1), np.eye(1)))
    spread = math.sqrt(covariance[0, 0])
    tail = norm.sf((4 - mean[0]) / spread) + norm.cdf((-4 - mean[0]) / spread)
    count = 60_000
    found = last(find_outliers(flow, data, count, SampleSettings(last="noise")))
    assert found.drawn == count and 50 < tail * count < count / 50
    assert binomtest(found.beyond, count, tail).pvalue > 0.01
    low, high = wilson(found.beyond, count)
    assert low < tail < high
    # The data goes there too
    assert found.data_beyond == pytest.approx(norm.sf(3.5 / 1.5) + norm.cdf(-4.5 / 1.5), abs=0.004)
    assert found.rows.radius == pytest.approx(np.abs(found.rows.latent[:, 0]))


def test_states_that_the_forward_process_visits_are_nobodys_fault() -> None:
    """The data itself has a tail beyond 4: samples there never left what is visited."""
    problem = LinearGaussian("wide", np.zeros((1, 1)), np.array([0.0]), np.array([[9.0]]))
    flow, data = ExactFlow(problem, STEPS), Draws(problem)
    visited = visit(flow, data, flow.grid())
    wide = np.full((STEPS + 1, 2, 1), 5.0, np.float32)
    wide[:, 1] = 0
    found = outliers_among(wide, visited)
    assert found.rows.number.tolist() == [0] and found.rows.beyond.all()
    assert found.rows.step.tolist() == [NEVER] and not found.by_step.any()


@pytest.fixture(scope="module")
def calm() -> VisitedRegion:
    """A standard normal process without drift or motion worth speaking of."""
    problem = LinearGaussian("still", np.zeros((2, 2)), np.zeros(2), np.eye(2), (1e-3, 1e-3))
    flow = ExactFlow(problem, 5)
    return visit(flow, Draws(problem), flow.grid(), points=3000)


def path(*states: float) -> np.ndarray:
    """(N+1, 1, 2) with these first components, t_0 first."""
    return np.array([[[x, 0.0]] for x in states], np.float32)


@pytest.mark.parametrize(
    ("states", "kind", "step"),
    [
        ((9, 0, 0, 0, 0, 0), "beyond", 0),
        ((9, 9, 9, 0, 0, 0), "beyond", 2),
        # An excursion that comes back is not what went wrong in the end
        ((9, 0, 9, 9, 0, 0), "beyond", 0),
        # It began out there
        ((9, 8, 8, 7, 7, 9), "beyond", 5),
        ((0, 0, 9, 7, 0, 0), "way", 3),
        ((math.nan, math.inf, 9, 0, 0, 0), "lost", 2),
    ],
)
def test_the_step_leads_into_the_run_that_the_bad_state_is_in(
    calm: VisitedRegion, states: tuple[float, ...], kind: str, step: int
) -> None:
    rows = outliers_among(path(*states), calm, first=7).rows
    assert rows.number.tolist() == [7] and rows.step.tolist() == [step]
    assert {name: bool(getattr(rows, name)[0]) for name in ("beyond", "way", "lost")}[kind]


def test_a_latent_far_out_that_comes_in_is_no_outlier(calm: VisitedRegion) -> None:
    assert not len(outliers_among(path(0, 0, 0, 1, 4.4, 4.5), calm).rows)


def test_the_largest_jump_is_told_in_expected_steps(calm: VisitedRegion) -> None:
    rows = outliers_among(path(9, 9, 8, 0, 0, 0), calm).rows
    assert rows.jump_step.tolist() == [2]
    assert rows.jump[0] == pytest.approx(8 / calm.stride[2])
    # Gaussian kicks of g √Δ in two components
    assert calm.stride == pytest.approx(np.full(5, 1e-3 * math.sqrt(2 / 5)), rel=0.03)


def test_what_is_out_is_what_held_out_points_are_in_one_of_a_thousand(calm: VisitedRegion) -> None:
    problem = LinearGaussian("still", np.zeros((2, 2)), np.zeros(2), np.eye(2), (1e-3, 1e-3))
    fresh = Draws(problem).fresh(20_000, 99).numpy()
    assert 1 <= calm.leaves(0, fresh).sum() <= 80
    assert not calm.support_known and calm.data_off <= 0.001
    found = outliers_among(fresh[None].repeat(6, axis=0), calm)
    assert found.off == calm.leaves(0, fresh).sum() and found.reach == calm.reach[0]


@pytest.mark.parametrize("dim", [1, 2, 9, 20])
def test_nearest_distances(dim: int) -> None:
    random = np.random.default_rng(0)
    points, x = (random.standard_normal((count, dim)).astype(np.float32) for count in (400, 700))
    points[3], x[5] = np.nan, np.inf
    found = Nearest(points).distance(x)
    finite = np.isfinite(x).all(axis=1)
    exact = KDTree(np.delete(points, 3, axis=0)).query(x[finite])[0]
    assert found[finite] == pytest.approx(exact, rel=1e-3) and found[5] == np.inf
    assert (Nearest(points[3:4]).distance(x) == np.inf).all()


def test_rings_agree_with_the_evaluation() -> None:
    import dnf_studio as dnf

    flow, data = dnf.load("diffflow-rings"), open_dataset("rings")
    results = list(find_outliers(flow, data, 10_000, SampleSettings(steps=5), visited=visit(flow, data, flow.grid(5))))
    assert [one.drawn for one in results] == [4096, 8192, 10_000] and {one.total for one in results} == {10_000}
    found = results[-1]
    assert found.known and found.reach == 0.02 and found.data_off < 0.001
    (row,) = step_rows(flow, data, (5,), points=10_000, seeds=1, tell=lambda _: None)
    # The evaluation draws with seeds of its own: two shares of as many samples differ by chance
    assert row.outside is not None and abs(row.outside - found.off / 10_000) < 4 * (2 * 0.025 / 10_000) ** 0.5
    assert row.beyond_4 == found.beyond / 10_000 == 0
    (block,) = sample_blocks(flow, 10_000, SampleSettings(steps=5))
    own = data.standardisation.to_data(torch.from_numpy(found.rows.end)).numpy()
    assert own == pytest.approx(block.samples[found.rows.number], abs=1e-5)
    assert found.by_step.sum() == len(found.rows)


def test_other_data_is_refused() -> None:
    flow = ExactFlow(ornstein_uhlenbeck(), STEPS)
    with pytest.raises(DataError, match="2 columns"):
        next(find_outliers(flow, open_dataset("rings")))


def test_it_is_cancelled_early() -> None:
    flow, calls = ExactFlow(ornstein_uhlenbeck(), STEPS), [0]

    def check() -> None:
        calls[0] += 1
        if calls[0] > 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        next(find_outliers(flow, Draws(ornstein_uhlenbeck()), check=check))


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 20_000, 0.0, 0.000192), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilson(hits: int, count: int, low: float, high: float) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=1e-4)
    known = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits, count) == pytest.approx((known.low, known.high), abs=1e-6)
