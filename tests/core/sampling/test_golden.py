"""The samplers agree with the reference program to 1e-9 in float64 (method.md, section 19)."""

from __future__ import annotations

from torch import Tensor

from dnf_studio.core.models.two_sdes import DiffFlow

Golden = dict[str, Tensor]


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def test_backward_path_with_noise_on_the_last_step(reference: DiffFlow, golden: Golden) -> None:
    path = reference.backward_path(golden["latent"], golden["backward_noise"])
    assert path.shape == golden["backward_path"].shape
    assert error(path, golden["backward_path"]) < 1e-9


def test_backward_path_ends_in_the_mean(reference: DiffFlow, golden: Golden) -> None:
    path = reference.backward_path(golden["latent"], golden["backward_noise"], last="mean")
    assert error(path[-1], golden["backward_final_mean"]) < 1e-9
    assert error(path[:-1], golden["backward_path"][:-1]) < 1e-9
    assert error(path[-1], golden["backward_path"][-1]) > 1e-4


def test_probability_flow_path(reference: DiffFlow, golden: Golden) -> None:
    path = reference.backward_path(golden["latent"], golden["backward_noise"], lam=0.0)
    assert error(path, golden["probability_flow_path"]) < 1e-9


def test_forward_path(reference: DiffFlow, golden: Golden) -> None:
    assert error(reference.forward_path(golden["x0"], golden["forward_noise"]), golden["forward_path"]) < 1e-9
