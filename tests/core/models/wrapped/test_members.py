"""A model of own callables in the places where any other stands: frames, studies, exports, evaluation."""

from __future__ import annotations

import json
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.exploration.outliers import find_outliers
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.exploration.rediscretise import rediscretise
from dnf_studio.core.exploration.variants import compare_variants
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.fields import FieldRequest
from dnf_studio.workers.frames import InspectRequest
from dnf_studio.workers.snapshot import Snapshot
from tests.core.models.wrapped.gaussians import CASES, MEAN, VARIANCE, denoiser, log_normal
from tests.views import round_trip, viewed

EXTENT = (-2.0, -2.0, 2.0, 2.0)


@pytest.mark.parametrize("name", ["wrap", "edm", "data at 1"])
def test_the_explorer_shows_it(name: str) -> None:
    """Frames with both processes, disagreement and its excess, the numbers of a point and fields with divergence."""
    model, x0 = CASES[name].make(), torch.randn(70, 2)
    explorer, found = Explorer(), dict[str, object]()
    try:
        explorer.request(viewed(steps=6, solver="sde"))
        explorer.inspect(InspectRequest(3, "backward"))
        explorer.field(FieldRequest(2, Plane(np.zeros(2), np.eye(2)), EXTENT, (4, 4)))
        explorer.publish(Snapshot.of(model), x0)
        end = time.monotonic() + 60
        while len(found) < 4 and time.monotonic() < end:
            if (error := explorer.errors.take()) is not None:
                raise error
            boxes = ("mailbox", "inspections", "fields", "excess")
            found |= {box: value for box in boxes if (value := getattr(explorer, box).take()) is not None}
            time.sleep(0.005)
    finally:
        assert explorer.close(60)
    frame, table, field, excess = (found[box] for box in ("mailbox", "inspections", "fields", "excess"))
    assert frame.forward.shape == frame.backward.shape == (7, 70, 2)  # type: ignore[attr-defined]
    assert np.isfinite(frame.contributions).all() and frame.contributions.shape == (6, 70)  # type: ignore[attr-defined]
    np.testing.assert_allclose(table.table.x, frame.backward[:, 3], atol=1e-3)  # type: ignore[attr-defined]
    assert np.isfinite(field.grid.divergence("flow")).all()  # type: ignore[attr-defined]
    assert np.isfinite(excess.by_step.mean).all()  # type: ignore[attr-defined]


def test_the_lab_and_the_studies_take_it() -> None:
    model, data = CASES["vp"].make(), open_dataset("moons")
    x0 = model.standardisation.to_model(data.standardisation.to_data(data.fresh(40, 0)))
    errors = [row.forward_end for row in rediscretise(model, x0, (10, 40))]
    assert errors[1] < 0.5 * errors[0]
    assert round_trip(model, x0, "ode", SampleSettings(steps=200)).rms < 0.1
    assert round_trip(model, x0, "implied", SampleSettings(steps=20)).rms < 1e-3
    (variant,) = compare_variants(model, [SampleSettings(steps=10)], data, points=200, sets=2)
    assert variant.to_data is not None and variant.evaluations == 10
    *_, outliers = find_outliers(model, data, 300, SampleSettings(steps=10))
    assert outliers.total == 300 and outliers.off > 0


def test_it_is_evaluated() -> None:
    model = dnf.from_denoiser(denoiser, dim=2, steps=4)
    found = evaluate(model, open_dataset("moons"), (4,), ode=False, points=50, seeds=1, paths=2)
    assert found.nll_bound is not None and found.nll_bound_sampler == "ancestral"
    assert found.by_steps[0].sliced_wasserstein is not None and found.by_steps[0].nfe == 4


def test_its_samples_are_exported_and_say_whose_they_are(tmp_path: Path) -> None:
    model, path = CASES["ve"].make(), tmp_path / "a.h5"
    list(export_samples(model, path, ExportPlan(300, SampleSettings(steps=20, solver="heun"), True, log_prob=True)))
    info = read_export(path)
    assert (info.count, info.steps, info.config.data, info.config.model) == (300, 20, "unknown", "diffusion")
    with h5py.File(path) as file:
        assert file.attrs["title"] == "300 samples of a wrapped model"
        adapter = json.loads(file["provenance/adapter"][()])
        assert adapter == {"name": "from_score", "sde": "ve", "sigma_min": 0.01, "sigma_max": 50, "t_start": 1e-5}
        samples, told = torch.from_numpy(file["samples"][:]).double(), torch.from_numpy(file["log_prob"][:]).double()
        assert file["trajectories"].shape == (300, 21, 2) and len(file.attrs["checkpoint_sha256"]) == 64
    assert float((told - log_normal(samples, MEAN, VARIANCE)).abs().median()) < 0.02
    again = tmp_path / "b.h5"
    list(export_samples(dnf.load("diffflow-rings"), again, ExportPlan(1)))
    with h5py.File(again) as file:
        assert "adapter" not in file["provenance"] and file.attrs["title"].endswith("diffusion normalizing flow")
