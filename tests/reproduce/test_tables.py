"""Densities of real tables: the reference that has a closed form, the library's flow, and what is said of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.errors import DataError
from dnf_studio.reproduce import baselines, spline
from dnf_studio.reproduce.baselines import gaussian_density, mixture_density
from dnf_studio.reproduce.plan import QUICK, Cell
from dnf_studio.reproduce.results import Density, Results
from dnf_studio.reproduce.spline import SplineSettings, spline_density
from dnf_studio.reproduce.tables import density_claims, difference, tables_section, worse_than_baselines

COVARIANCE = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
ENTROPY = math.log(2 * math.pi * math.e) + 0.5 * math.log(1 - 0.81)


class Correlated(Dataset):
    """Gaussian data of a known entropy."""

    name, dim, columns, entropy, fingerprint = "correlated", 2, ("x", "y"), ENTROPY, "0" * 64
    standardisation = Standardisation.identity(2)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        root = torch.linalg.cholesky(COVARIANCE)
        return (torch.randn(count, 2, generator=generator, dtype=torch.float64) @ root.T).float()

    def fresh(self, count: int, seed: int) -> Tensor:
        return self.draw(count, torch.Generator().manual_seed(1000 + seed))

    def validation(self, count: int, seed: int) -> Tensor:
        return self.draw(count, torch.Generator().manual_seed(2000 + seed))


def density(data: str, model: str, seed: int, nll: float | None, spread: float = 1.0) -> Density:
    """Rows about `nll` that all models find easy or difficult alike."""
    rows = None if nll is None else tuple((nll + spread * np.linspace(-1, 1, 21)).tolist())
    return Density(data, model, seed, 100, 10.0, 1000, nll, 0.1, rows=rows)


def test_the_fitted_gaussian_of_gaussian_data_stands_at_the_entropy() -> None:
    found = gaussian_density(Cell("correlated", "gaussian", 0), Correlated())
    assert found.nll is not None and found.nll_error is not None and found.parameters == 5
    assert abs(found.nll - ENTROPY) < 4 * found.nll_error < 0.1


class TwoModes(Correlated):
    """Two narrow Gaussians, which one Gaussian describes badly."""

    name, entropy = "modes", math.log(2) + math.log(2 * math.pi * math.e * 0.01)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        side = 2.0 * torch.randint(2, (count, 1), generator=generator) - 1
        return (side + 0.1 * torch.randn(count, 2, generator=generator)).float()


def test_a_mixture_is_as_many_gaussians_as_the_validation_rows_want(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "COMPONENTS", (1, 2))
    monkeypatch.setattr(baselines, "MIXTURE_POINTS", 1000)
    two, one = (mixture_density(Cell(data.name, "mixture", 0), data) for data in (TwoModes(), Correlated()))
    alone = gaussian_density(Cell("modes", "gaussian", 0), TwoModes())
    assert two.nll is not None and two.nll_error is not None and one.nll is not None and alone.nll is not None
    assert abs(two.nll - TwoModes.entropy) < 4 * two.nll_error + 0.02 < alone.nll - two.nll
    assert one.nll == pytest.approx(ENTROPY, abs=0.1)
    # Two centres and a weight, and of the covariances one or two numbers at least
    assert two.rows is not None and len(two.rows) == 2000 and 6 <= two.parameters <= 11
    with pytest.raises(DataError, match="to choose a mixture by"):
        mixture_density(Cell("moons", "mixture", 0), open_dataset("moons"))


def crossed(rows: float, seeds: float, shift: float, source: int) -> tuple[list[Density], list[Density]]:
    """Two models of three seeds and fifty rows, apart by `shift` and by what depends on row and on seed."""
    random = np.random.default_rng(source)
    by_row, by_seed = rows * random.normal(size=50), seeds * random.normal(size=3)
    hard = 5 * random.normal(size=50)
    first = [Density("a", "diffflow", k, 1, 1.0, 1, 0.0, 0.1, rows=tuple(hard)) for k in range(3)]
    apart = [
        Density("a", "flow", k, 1, 1.0, 1, 0.0, 0.1, rows=tuple(hard + by_row + by_seed[k] + shift)) for k in range(3)
    ]
    return first, apart


@pytest.mark.parametrize(("rows", "seeds"), [(1.0, 0.0), (0.0, 1.0), (2.0, 0.3)])
def test_intervals_of_paired_differences_count_rows_and_seeds(rows: float, seeds: float) -> None:
    """They hold the true difference about as often as they say, whichever of both it depends on."""
    found = [difference(*crossed(rows, seeds, 0.5, source)) for source in range(300)]
    held = np.mean([one is not None and one.low <= 0.5 <= one.high for one in found])
    assert 0.91 < held < 0.99


def test_a_difference_is_paired_and_has_a_word() -> None:
    first, second = crossed(0.1, 0.01, 0.5, 0)
    one = difference(first, second)
    assert one is not None and one.word == "told apart" and one.text.endswith("told apart)")
    assert one.value == pytest.approx(0.5, abs=0.1) and one.high - one.low < 0.3  # rows alone vary by 5 nats
    back = difference(second, first)
    assert back is not None and (back.value, back.low) == pytest.approx((-one.value, -one.high))
    assert difference(first, first) is not None and difference(first[:1], second[:1]) is None
    unknown = [Density("a", "flow", k, 1, 1.0, 1, 0.5, 0.1) for k in range(3)]
    assert difference(first, unknown) is None


def test_a_spline_flow_learns_and_is_measured_on_fresh_points() -> None:
    found = spline_density(
        QUICK.changed(None, 1.0), Cell("correlated", "spline", 0), Correlated(), SplineSettings(), lambda _: None
    )
    assert found.nll is not None and found.nll_error is not None
    assert found.iterations > 0 and found.seconds >= 1.0
    # Two independent standard normals would be 0.83 nats above the entropy
    assert ENTROPY - 4 * found.nll_error < found.nll < ENTROPY + 0.6


def test_a_spline_flow_needs_a_validation_split() -> None:
    with pytest.raises(DataError, match="has no validation split"):
        spline_density(QUICK, Cell("moons", "spline", 0), open_dataset("moons"), SplineSettings(), lambda _: None)


def held_against(own: tuple[float, ...], others: tuple[float, ...], names: tuple[str, ...]) -> list[Density]:
    return [
        one
        for name in names
        for seed, (first, second) in enumerate(zip(own, others, strict=True))
        for one in (density(name, "diffflow", seed, first), density(name, "flow", seed, second))
    ]


def test_claims_of_tables() -> None:
    lower = held_against((1.0, 1.1, 0.9), (2.0, 2.2, 1.9), ("wine", "digits"))
    higher = held_against((2.0, 2.2, 1.9), (1.0, 1.1, 0.9), ("breast-cancer",))
    ffjord, by_splines = density_claims(lower + higher)
    assert ffjord.answer == "holds" and "2 of 3 real tables" in ffjord.claim
    assert by_splines.answer == "not resolved here" and "unknown" in by_splines.because
    both = higher + held_against((2.0, 2.2, 1.9), (1.0, 1.1, 0.9), ("digits",))
    assert density_claims(lower[:6] + both)[0].answer == "does not hold"
    assert density_claims(held_against((1.0,), (2.0,), ("wine",)))[0].answer == "not resolved here"
    assert density_claims([])[0].answer == "not resolved here"


def test_the_section_tells_mean_and_standard_error(tmp_path: Path) -> None:
    results = Results(tmp_path, QUICK.changed(["wine"], seeds=3))
    for seed, nll in enumerate((1.0, 2.0, 3.0)):
        results.add(density("wine", "diffflow", seed, nll))
    results.add(density("wine", "flow", 0, None))
    text = tables_section(results)
    assert f"2.00 ± {1 / math.sqrt(3):.2f}" in text and "wine: 13 dimensions, 27 test rows" in text
    assert "<td>flow (FFJORD)</td><td>–</td>" in text and "<td>neural spline" not in text
    results.add(density("wine", "mixture", 0, 2.5))
    results.add(density("wine", "mixture", 1, 3.5))
    assert "<td>+1.50 (+1.50 to +1.50, told apart)</td>" in tables_section(results)
    assert tables_section(Results(tmp_path / "none", QUICK.changed(["tree"]))) == ""


def test_the_library_is_imported_only_where_it_is_used() -> None:
    assert not {"zuko", "NSF"} & vars(spline).keys()


def test_what_a_fitted_gaussian_beats_is_said() -> None:
    """The figures of breast-cancer after a minute a model."""
    nlls = {"gaussian": 7.34, "diffflow": 1.76, "flow": 26.08, "spline": 3.48}
    found = [density("breast-cancer", model, seed, nll) for model, nll in nlls.items() for seed in range(2)]
    told = worse_than_baselines(found, "breast-cancer")
    assert told == "Worse than the fitted Gaussian: flow (FFJORD) by 18.7 nats."
    assert worse_than_baselines(found, "wine") == ""
    flow, spline = density_claims(found)
    assert flow.because.endswith(" A fitted Gaussian is better than that flow on breast-cancer.")
    assert "Gaussian" not in spline.because
