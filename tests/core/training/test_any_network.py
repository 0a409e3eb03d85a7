"""The adjoint of networks whose products come from autograd: the textbook's gradients in bounded memory."""

from __future__ import annotations

import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dnf_studio.bench.textbook import textbook_step
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.networks import autograd_kernel
from dnf_studio.core.networks.autograd_kernel import AutogradKernel
from dnf_studio.core.networks.unet import UNet
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import levels_at
from dnf_studio.core.training import adjoint, adjoint_pass
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.regression import ScoreMatchingEngine
from tests.networks import IMAGE, TanhNetwork, gradients, has_gradients, live, tiny_unets


def unets(steps: int) -> DiffFlow:
    torch.manual_seed(steps)
    return live(DiffFlow(IMAGE.size, tiny_unets(steps), image=IMAGE)).double()


def unknown(steps: int) -> DiffFlow:
    flow = unets(steps)
    flow.drift, flow.score = (TanhNetwork(IMAGE.size).double() for _ in range(2))
    return flow


def drawn(steps: int, batch: int) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, IMAGE.size).double(), torch.randn(steps, batch, IMAGE.size).double()


def same_as_the_textbook(flow: DiffFlow, steps: int, batch: int, threads: int = 1) -> None:
    x0, noise = drawn(steps, batch)
    loss = textbook_step(flow, x0, noise)
    expected = gradients(flow)
    with BlockPool(threads) as pool:
        found = AdjointEngine(flow, pool, torch.float64).step(x0, noise)
    torch.testing.assert_close(found.value, loss, rtol=1e-10, atol=1e-10)
    assert not found.value.requires_grad
    scale = max(float(g.abs().max()) for g in expected.values())
    own = gradients(flow)
    assert own.keys() == expected.keys()
    assert all(float((own[name] - g).abs().max()) < 1e-9 * scale for name, g in expected.items())


@settings(max_examples=12)
@given(
    steps=st.integers(1, 6),
    batch=st.sampled_from([1, 2, 5]),
    kept=st.sampled_from([1, 3, 1000]),
    taped=st.sampled_from([1, 2, 32]),
)
def test_a_unet_has_the_gradients_of_the_textbook(steps: int, batch: int, kept: int, taped: int) -> None:
    """However the batch, the nodes and the steps are parted for the sake of memory."""
    flow = unets(steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adjoint_pass, "TAPED_NODES", taped)
        patch.setitem(autograd_kernel.KEPT_BYTES, "cpu", kept * 8 * flow.drift.kept_numbers)
        same_as_the_textbook(flow, steps, batch)


@pytest.mark.parametrize("threads", [1, 2])
def test_so_has_a_network_that_nobody_knows(threads: int) -> None:
    same_as_the_textbook(unknown(40), 40, 37, threads)


def test_threads_change_no_bit() -> None:
    flow = unets(3).float()
    x0, noise = (part.float() for part in drawn(3, 70))
    results = []
    for threads in (1, 2, 3):
        with BlockPool(threads) as pool:
            value = AdjointEngine(flow, pool).step(x0, noise).value
        results.append([value, *gradients(flow).values()])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


class Kept:
    """Counts the numbers that all graphs hold at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def pack(self, values: Tensor) -> list[Tensor]:
        held = _Held([values])
        self.now += values.numel()
        self.most = max(self.most, self.now)
        weakref.finalize(held, self._drop, values.numel())
        return held

    def _drop(self, count: int) -> None:
        self.now -= count


class _Held(list[Tensor]):
    """A list, so that it can be referred to weakly."""


def most_kept(steps: int, by_adjoint: bool) -> int:
    flow, kept = unets(steps), Kept()
    x0, noise = drawn(steps, 3)
    with BlockPool(1) as pool, torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda held: held[0]):
        if by_adjoint:
            AdjointEngine(flow, pool, torch.float64).step(x0, noise)
        else:
            textbook_step(flow, x0, noise)
    assert kept.now == 0
    return kept.most


def kept_of_times(steps: int) -> int:
    """What the embeddings of the nodes' times keep, whatever the number of points."""
    flow, kept = unets(steps), Kept()
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda held: held[0]):
        embeddings = [network.embed_time(flow.grid().condition) for network in (flow.drift, flow.score)]
        assert all(values.requires_grad for values in embeddings)
        return kept.now


def test_what_autograd_keeps_of_points_does_not_grow_with_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    few = 3 * 8 * unets(1).drift.kept_numbers
    monkeypatch.setitem(autograd_kernel.KEPT_BYTES, "cpu", few)
    assert most_kept(32, True) - most_kept(4, True) == kept_of_times(32) - kept_of_times(4)
    assert most_kept(8, False) > 1.9 * most_kept(4, False), "what is counted would grow"


def test_score_matching_of_a_unet_has_the_gradients_of_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    model = live(Diffusion(IMAGE.size, tiny_unets(4, "diffusion"), image=IMAGE)).double()
    monkeypatch.setitem(autograd_kernel.KEPT_BYTES, "cpu", 5 * 8 * model.noise.kept_numbers)
    x0, noise = torch.randn(2, 3, 4, IMAGE.size, dtype=torch.float64)
    t = torch.tensor([1e-3, 0.3, 0.9], dtype=torch.float64)
    a, sigma = (level[:, None, None] for level in levels_at(model.config.sde, t))
    embedded = model.noise.embed_time(t).repeat_interleave(4, 0)
    body = model.noise.body((a * x0 + sigma * noise).flatten(0, 1), embedded).view(x0.shape)
    loss = (body - noise).square().mean()
    expected = torch.autograd.grad(loss, list(model.parameters()))
    with BlockPool(2) as pool:
        found = ScoreMatchingEngine(model, pool, torch.float64).step(x0, noise, t)
    assert float(found.value) == pytest.approx(float(loss.detach()), rel=1e-12)
    has_gradients(model, expected, 1e-12)


def test_blocks_are_few_and_their_points_bounded() -> None:
    network = UNet(IMAGE, channels=4)
    sizes = AutogradKernel(network, network.embed_time(torch.zeros(2))).sizes
    cpu = torch.device("cpu")
    assert [len(adjoint.block_slices(n, cpu, sizes)) for n in (1, 2, 32, 64, 5000)] == [1, 1, 2, 4, 8]
    assert adjoint.block_slices(5000, torch.device("cuda"), sizes) == [slice(0, 5000)]
