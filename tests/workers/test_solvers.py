"""The solver of the views: frames, numbers of a point, selected points and outliers go the way that `sampler` goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.exploration.display_set import DisplayNoise, PathSimulator, blocks
from dnf_studio.core.exploration.inspect import inspect_point
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import collected
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep
from dnf_studio.core.sde.steps import backward_step
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_rows
from dnf_studio.errors import UnsupportedError
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.frames import FrameRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.selection import export_selection
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed

from .test_explorer import flow_of, frames_until

POINTS = 300
WITHOUT_NOISE = ("ode", "ddim", "heun", "dpmpp-2m")
SOLVERS = [solver.name for solver in Diffusion.solvers]


@pytest.fixture(scope="module")
def diffusion() -> Diffusion:
    torch.manual_seed(2)
    config = Config.create({"model": "diffusion", "sde": {"steps": 6}, "network": {"layers": 1, "channels": 16}})
    return Diffusion(2, config).requires_grad_(False)


def drawn(grid: TimeGrid, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and backward noise of the display set."""
    noise, parts = DisplayNoise(), blocks(POINTS, grid.steps, 2)
    eps = torch.cat([noise.noise(seed, part, 2, grid.t)[1] for part in parts], dim=1)
    return noise.latents(seed, POINTS, 2), eps


def expected(flow: GenerativeModel, grid: TimeGrid, solver: str, last: LastStep = "noise") -> np.ndarray:
    z, eps = drawn(grid)
    return (
        collected(flow.sampler(grid, SampleSettings(solver=solver, last=last))(z, eps.flip(0).__getitem__))
        .flip(0)
        .numpy()
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_frame_goes_by_the_solver(diffusion: Diffusion, solver: str) -> None:
    frames = []
    passes = Passes(frames.append)
    for asked in (None, solver):
        wanted = FrameRequest(Snapshot.of(diffusion), viewed(steps=8, solver=asked), torch.randn(POINTS, 2))
        passes.run(wanted, lambda _: False, training=False)
    passes.close()
    own, other = (frame.backward for frame in frames if frame.complete)
    np.testing.assert_allclose(other, expected(diffusion, diffusion.grid(8), solver), rtol=1e-4, atol=1e-4)
    assert np.array_equal(own, other) == (solver == "ancestral")


def test_the_level_of_a_request_is_that_of_its_solver() -> None:
    assert [viewed(lam=0.5, solver=name).level for name in (None, "sde", "ancestral")] == [0.5] * 3
    assert [viewed(lam=0.5, solver=name).level for name in WITHOUT_NOISE] == [0.0] * len(WITHOUT_NOISE)


def test_a_solver_that_the_model_has_not_waits_for_one_that_has_it(diffusion: Diffusion) -> None:
    explorer, x0 = Explorer(), torch.randn(50, 2)
    explorer.publish(Snapshot.of(flow_of(), 1), x0)
    frames_until(explorer)
    explorer.request(viewed(solver="ddim"))
    assert not explorer.newest.ready
    explorer.publish(Snapshot.of(diffusion, 2))
    frame = frames_until(explorer, 2)[-1]
    assert frame.request.solver == "ddim" and explorer.errors.take() is None
    assert explorer.close()
    with pytest.raises(UnsupportedError, match="ddim"):
        PathSimulator(flow_of(), flow_of().grid(), settings=viewed(solver="ddim"))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("last", ["mean", "noise"])
def test_the_numbers_of_a_point_are_those_of_its_path(diffusion: Diffusion, solver: str, last: LastStep) -> None:
    grid = diffusion.grid(8)
    z, eps = drawn(grid)
    table = inspect_point(diffusion, grid, z[7], eps[:, 7], "backward", SampleSettings(last=last, solver=solver))
    np.testing.assert_allclose(table.x, expected(diffusion, grid, solver, last)[:, 7], rtol=1e-4, atol=1e-4)
    x, f, term, back = (
        torch.from_numpy(rows) for rows in (table.x, table.drift, table.score_term, table.backward_noise)
    )
    g, dt = torch.from_numpy(table.g)[:, None], torch.from_numpy(np.diff(table.t))[:, None]
    home = backward_step(x[1:], f[1:], term[1:] / g[1:] ** 2, dt, g[1:], back)
    torch.testing.assert_close(home, x[:-1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_selected_points_are_written_as_shown(diffusion: Diffusion, solver: str, tmp_path: Path) -> None:
    settings = SampleSettings(steps=8, last="noise", solver=solver)
    plan = ExportPlan(1, settings, noise=True, trajectories=True)
    list(export_selection(diffusion, tmp_path / "a.h5", plan, (3, 299), POINTS))
    paths = expected(diffusion, diffusion.grid(8), solver)[::-1, [3, 299]].swapaxes(0, 1)
    np.testing.assert_allclose(read_rows(tmp_path / "a.h5", "trajectories"), paths, rtol=1e-4, atol=1e-4)
    assert read_rows(tmp_path / "a.h5", "noise").any() == (solver not in WITHOUT_NOISE)
