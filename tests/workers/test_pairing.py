"""The backward process from the forward ends: frames, the numbers of a point, outliers and exports are round trips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.exploration.display_set import DisplayNoise, blocks
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import build_model
from dnf_studio.core.sde.paths import collected
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.errors import SettingError
from dnf_studio.workers import outliers, passes
from dnf_studio.workers.frames import Frame, FrameRequest, InspectRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.selection import export_selection
from dnf_studio.workers.snapshot import Snapshot
from tests.core.storage.files import make_flow
from tests.views import viewed

from .test_explorer import flow_of

POINTS = 300
TRIPS = viewed(steps=8, lam=0.7, seed=3, start="forward")
EVERY: list[tuple[str, str]] = [
    *(("diffflow", solver) for solver in ("sde", "ode", "heun")),
    *(("diffusion", solver) for solver in ("sde", "ode", "ancestral", "ddim", "heun")),
    ("flow", "ode"),
]


def model_of(kind: str) -> GenerativeModel:
    torch.manual_seed(2)
    # By its own g an untrained diffusion model throws points as far as 1,400, where float32 says no more than .0001
    sde = {"steps": 6, "g_end": 2.0} if kind == "diffusion" else {"steps": 6}
    config = Config.create({"model": kind, "sde": sde, "network": {"layers": 1, "channels": 16}})
    return build_model(2, config).requires_grad_(False)


def data_of(seed: int = 1, count: int = POINTS) -> torch.Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


def frames_of(flow: GenerativeModel, *requests: SampleSettings, training: bool = False) -> list[Frame]:
    """The last frame of each request, one after the other."""
    posted: list[Frame] = []
    made, snapshot, data, last = Passes(posted.append), Snapshot.of(flow), data_of(), []
    for request in requests:
        made.run(FrameRequest(snapshot, request, data), lambda _: False, training)
        last.append(posted[-1])
    for frame in posted:
        assert not frame.paired or np.array_equal(frame.backward[-1], frame.forward[-1]), "pairs in every frame"
    return last


@pytest.mark.parametrize(("kind", "solver"), EVERY)
def test_each_backward_path_starts_where_its_forward_path_ends(kind: str, solver: str) -> None:
    flow = model_of(kind)
    request = viewed(steps=8, seed=3, solver=solver, start="forward")
    (frame,) = frames_of(flow, request)
    assert frame.paired and frame.backward.dtype == np.float32
    grid, noise = flow.grid(8), DisplayNoise()
    eps = torch.cat([noise.noise(3, part, 2, grid.t)[1] for part in blocks(POINTS, 8, 2)], dim=1)
    ends = torch.from_numpy(frame.forward[-1])
    path = collected(flow.sampler(grid, request)(ends, eps.flip(0).__getitem__)).flip(0)
    np.testing.assert_allclose(frame.backward, path, atol=2e-5)


def test_the_switch_leaves_the_forward_paths_and_comes_back_to_the_same_noise() -> None:
    fresh, trips, again = frames_of(flow_of(), viewed(), viewed(start="forward"), viewed())
    assert not fresh.paired and np.array_equal(fresh.forward, trips.forward)
    np.testing.assert_array_equal(fresh.backward[-1], DisplayNoise().latents(0, POINTS, 2))
    assert not np.allclose(fresh.backward, trips.backward, atol=0.1)
    np.testing.assert_array_equal(fresh.backward, again.backward)


def test_pairs_stay_pairs_while_a_model_trains_and_settings_change() -> None:
    changes = ({"steps": 8}, {"steps": 9}, {"lam": 0.2}, {"seed": 4}, {"last": "mean"}, {"parts": "score"})
    requests = [viewed(start="forward", **change) for change in changes]  # type: ignore[arg-type]
    frames = frames_of(flow_of(), *requests, training=True)
    assert frames[-1].whole is not None and len({frame.backward[0].tobytes() for frame in frames}) == len(changes)


def test_other_data_move_both_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "choose_hidden_type", lambda *_: torch.float32)
    frames: list[Frame] = []
    made, snapshot = Passes(frames.append), Snapshot.of(flow_of())
    for seed in (1, 2):
        made.run(FrameRequest(snapshot, TRIPS, data_of(seed)), lambda _: False, training=False)
        assert np.array_equal(frames[-1].backward[-1], frames[-1].forward[-1])
    assert not np.array_equal(frames[0].backward, frames[-1].backward)


@pytest.mark.parametrize("kind", ["diffflow", "flow"])
def test_the_numbers_of_a_point_are_those_of_its_round_trip(kind: str) -> None:
    flow, frames = model_of(kind), list[Frame]()
    made, wanted = Passes(frames.append), FrameRequest(Snapshot.of(flow), TRIPS, data_of())
    made.run(wanted, lambda _: False, training=False)
    with torch.inference_mode():
        ahead, back = (made.inspect(wanted, InspectRequest(270, way)) for way in ("forward", "backward"))  # type: ignore[arg-type]
    assert ahead is not None and back is not None
    np.testing.assert_array_equal(ahead.table.x[-1], back.table.x[-1])
    np.testing.assert_allclose(ahead.table.x, frames[-1].forward[:, 270], atol=1e-4)
    np.testing.assert_allclose(back.table.x, frames[-1].backward[:, 270], atol=1e-4)


def test_another_start_is_refused() -> None:
    with pytest.raises(SettingError, match="'data'"):
        viewed(start="data")


def test_paths_belong_to_their_process() -> None:
    (fresh,) = frames_of(flow_of(), viewed())
    assert fresh.paths_of("backward") is fresh.backward and fresh.paths_of("forward") is fresh.forward


def test_outliers_are_looked_for_on_the_paths_that_are_shown() -> None:
    flow = flow_of()
    (frame,) = frames_of(flow, TRIPS)
    paths = outliers._shown_paths(flow, TRIPS, data_of(), lambda: None)
    np.testing.assert_allclose(paths, frame.backward, atol=2e-5)
    fresh = outliers._shown_paths(flow, replace(TRIPS, start="noise"), data_of(), lambda: None)
    np.testing.assert_array_equal(fresh[-1], DisplayNoise().latents(3, POINTS, 2))


def test_selected_round_trips_are_written_as_such(tmp_path: Path) -> None:
    flow, path, chosen = make_flow(), tmp_path / "a.h5", [4, 299]
    plan = ExportPlan(1, SampleSettings(8, 0.7, "noise", None, 3), trajectories=True, noise=True)
    list(export_selection(flow, path, plan, chosen, POINTS, data=data_of()))
    ahead, back = read_rows(path, "forward_trajectories"), read_rows(path, "trajectories")
    np.testing.assert_allclose(back[:, 0], ahead[:, 0], atol=1e-6)
    (frame,) = frames_of(flow, TRIPS)
    np.testing.assert_allclose(read_rows(path, "latents"), frame.forward[-1, chosen], atol=2e-5)
    ends = flow.standardisation.to_data(torch.from_numpy(frame.backward[0, chosen]).double())
    np.testing.assert_allclose(read_rows(path), ends, atol=1e-4)
    assert read_export(path).sampling["selection"]["pairing"] == "backward starts from the forward ends"
