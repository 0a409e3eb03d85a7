"""The engine's value and gradients: equal to the reference program's and to the textbook loop's."""

from __future__ import annotations

import itertools
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.bench.memory import step_bytes
from dnf_studio.bench.textbook import textbook_bound, textbook_step
from dnf_studio.config import Config, NetworkConfig, SDEConfig
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.networks import fourier_kernel
from dnf_studio.core.networks.base import BlockSizes
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.storage.reference_program import read_reference_checkpoint
from dnf_studio.core.training import adjoint_pass
from dnf_studio.core.training.adjoint import AdjointEngine, block_slices
from dnf_studio.errors import Cancelled
from tests.golden import FOLDER, TOLERANCE, deviation, vectors
from tests.networks import gradients
from tests.problems import path_bound


def small_flow(dim: int = 2, steps: int = 7, layers: int = 2, **sde: float) -> DiffFlow:
    torch.manual_seed(dim + steps)
    config = Config(sde=SDEConfig(steps=steps, **sde), network=NetworkConfig(layers=layers, channels=16))
    return DiffFlow(dim, config).double()


@pytest.mark.parametrize("threads", [1, 2])
def test_engine_agrees_with_the_reference_program(threads: int) -> None:
    golden = vectors()
    flow = read_reference_checkpoint(FOLDER / "official_checkerboard.pt").build().double().requires_grad_()
    with BlockPool(threads) as pool:
        bound = AdjointEngine(flow, pool, torch.float64).step(golden["x0"], golden["forward_noise"])
    assert deviation(bound.value, golden["loss"]) < TOLERANCE
    found = gradients(flow)
    expected = {name.removeprefix("grad/"): value for name, value in golden.items() if name.startswith("grad/")}
    assert found.keys() == expected.keys()
    assert max(deviation(found[name], expected[name]) for name in expected) < TOLERANCE
    implied = golden["implied_backward_noise"].square().sum(2) - golden["forward_noise"].square().sum(2)
    assert deviation(bound.contributions, 0.5 * implied.mean(1)) < TOLERANCE
    assert deviation(-0.5 * implied.sum(0), golden["logabsdet"]) < TOLERANCE


def test_the_textbook_and_the_objective_agree_with_the_reference_program() -> None:
    golden = vectors()
    flow = read_reference_checkpoint(FOLDER / "official_checkerboard.pt").build().double().requires_grad_()
    loss = textbook_step(flow, golden["x0"], golden["forward_noise"])
    assert deviation(loss, golden["loss"]) < TOLERANCE
    assert max(deviation(g, golden[f"grad/{name}"]) for name, g in gradients(flow).items()) < TOLERANCE
    assert deviation(path_bound(flow, golden["x0"], golden["forward_noise"]).mean(), golden["loss"]) < TOLERANCE
    assert deviation(flow.forward_path(golden["x0"], golden["forward_noise"]), golden["forward_path"]) < TOLERANCE


@settings(max_examples=25)
@given(
    dim=st.integers(1, 4),
    steps=st.integers(1, 9),
    layers=st.integers(1, 3),
    batch=st.sampled_from([1, 2, 63, 64, 131]),
    g_end=st.floats(0.05, 2),
    taped=st.sampled_from([1, 2, 3, 32]),
    chunk=st.sampled_from([1, 200, 2048]),
    together=st.sampled_from([1, 2]),
)
def test_engine_equals_the_textbook_loop(
    dim: int, steps: int, layers: int, batch: int, g_end: float, taped: int, chunk: int, together: int
) -> None:
    """Whatever the sizes, the segments that are evaluated again and the chunks over time."""
    flow = small_flow(dim, steps, layers, g_end=g_end)
    x0, noise = torch.randn(batch, dim).double(), torch.randn(steps, batch, dim).double()
    loss = textbook_step(flow, x0, noise)
    expected = gradients(flow)
    with pytest.MonkeyPatch.context() as patch, BlockPool(1) as pool:
        patch.setattr(adjoint_pass, "TAPED_NODES", taped)
        patch.setattr(fourier_kernel, "CHUNK_ROWS", chunk)
        patch.setattr(fourier_kernel, "CHUNK_NODES", together)
        bound = AdjointEngine(flow, pool, torch.float64).step(x0, noise)
    found = gradients(flow)
    assert found.keys() == expected.keys()
    torch.testing.assert_close(bound.value, loss, rtol=1e-10, atol=1e-10)
    scale = max(float(g.abs().max()) for g in expected.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-8, atol=1e-11 * scale, msg=name)


def test_threads_change_no_bit() -> None:
    flow = small_flow().float()
    x0, noise = torch.randn(5000, 2), torch.randn(7, 5000, 2)
    results = []
    for threads in (1, 2, 3):
        with BlockPool(threads) as pool:
            value = AdjointEngine(flow, pool).step(x0, noise).value
        results.append([value, *gradients(flow).values()])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_pass_of_many_steps_looks_often_whether_it_is_still_wanted() -> None:
    """On the way forward too, which at N = 10,000 took seconds."""
    flow, steps, asked = small_flow(steps=2000), 2000, itertools.count()

    def check() -> None:
        if next(asked) > 5:
            raise Cancelled

    class Forward(adjoint_pass.AdjointPass):
        def _backward(self) -> None:
            raise AssertionError("it was only forward")

    with pytest.MonkeyPatch.context() as patch, BlockPool(1) as pool:
        patch.setattr("dnf_studio.core.training.adjoint.AdjointPass", Forward)
        pool.check = check
        with pytest.raises(Cancelled):
            AdjointEngine(flow, pool, torch.float64).step(torch.randn(4, 2).double(), torch.randn(steps, 4, 2).double())


def test_bfloat16_layers_give_nearly_the_same_gradient() -> None:
    torch.manual_seed(0)
    flow = DiffFlow(2)
    x0, noise = torch.randn(512, 2), torch.randn(30, 512, 2)
    directions = []
    for hidden in (torch.float32, torch.bfloat16):
        with BlockPool(1) as pool:
            AdjointEngine(flow, pool, hidden).step(x0, noise)
        directions.append(torch.cat([g.flatten() for g in gradients(flow).values()]))
    assert torch.cosine_similarity(*directions, dim=0) > 0.999
    assert not torch.equal(*directions)


def test_per_point_bounds_equal_the_textbook() -> None:
    flow = small_flow(3, 5, g_end=0.7)
    x0, noise = torch.randn(10, 3).double(), torch.randn(5, 10, 3).double()
    torch.testing.assert_close(path_bound(flow, x0, noise), textbook_bound(flow, x0, noise), rtol=1e-9, atol=1e-9)
    with torch.no_grad():
        torch.testing.assert_close(path_bound(flow, x0, noise), textbook_bound(flow, x0, noise), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("count", "blocks"), [(1, 1), (512, 1), (2560, 1), (2561, 2), (5000, 2), (100_001, 40)])
def test_blocks_cover_the_batch_once(count: int, blocks: int) -> None:
    slices = block_slices(count, torch.device("cpu"), BlockSizes(2560))
    assert [i for rows in slices for i in range(count)[rows]] == list(range(count))
    assert len(slices) == blocks
    assert all(rows.stop - rows.start <= 2560 for rows in slices)


@pytest.mark.skipif(sys.platform == "win32", reason="the peak cannot be read there")
def test_activation_memory_does_not_grow_with_the_steps() -> None:
    """N = 120 against N = 30, beyond what is kept of each state: itself and its drift (N·B·D numbers each)."""
    assert step_bytes(120, 512) < 1.3 * step_bytes(30, 512)
