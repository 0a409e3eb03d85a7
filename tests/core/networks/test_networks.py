"""The network and its kernels: the same field, the same gradients, the reference program's names."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.networks.autograd_kernel import AutogradKernel
from dnf_studio.core.networks.build import make_kernels, network_field, network_fields
from dnf_studio.core.networks.fourier_kernel import FourierKernel, value_and_derivative
from dnf_studio.core.networks.fourier_mlp import NOISE_REACH, FourierMLP
from dnf_studio.core.networks.layers import InputLayer
from dnf_studio.core.sampling.model import FieldWithDivergence


def test_size_and_names_are_the_reference_programs() -> None:
    network = FourierMLP(2)
    assert sum(p.numel() for p in network.parameters()) == 99_714
    assert "timestep_coeff" not in dict(network.named_parameters())
    assert {"timestep_phase", "input_embed.weight", "timestep_embed.0.bias", "layers.4.weight"} <= set(
        network.state_dict()
    )


def test_the_embedding_is_sines_and_cosines_of_t() -> None:
    network = FourierMLP(1, layers=1, channels=8).double()
    t = torch.tensor([0.3], dtype=torch.float64)
    angle = 0.3 * torch.linspace(0.1, 100, 8).double() + network.timestep_phase[0]
    expected = network.timestep_embed(torch.cat([angle.sin(), angle.cos()]))
    torch.testing.assert_close(network.embed_time(t)[0], expected)


def test_one_time_for_all_points_equals_a_time_for_each() -> None:
    network = FourierMLP(3, channels=16)
    x, t = torch.randn(5, 3), torch.tensor(0.2)
    torch.testing.assert_close(network(x, t), network(x, t.expand(5)))


@pytest.mark.parametrize("features", [0, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_value_equals_the_network(dtype: torch.dtype, features: int) -> None:
    network = FourierMLP(2, channels=32, features=features).to(dtype)
    times, x = torch.rand(3, dtype=dtype), 3 * torch.randn(70, 2, dtype=dtype)
    with torch.no_grad():
        kernel = FourierKernel(network, network.embed_time(times))
        for node in range(3):
            torch.testing.assert_close(kernel.value(x, node), network(x, times[node]))


@pytest.mark.parametrize("features", [0, 5])
def test_kernel_pulls_equal_autograd_whether_one_node_or_all_at_once(features: int) -> None:
    network = FourierMLP(2, layers=2, channels=8, features=features).double()
    times, x = torch.rand(3).double(), (3 * torch.randn(3, 5, 2).double()).requires_grad_()
    seed = torch.randn(3, 5, 2).double()
    field = torch.stack([network(x[k], times[k]) for k in range(3)])
    expected = torch.autograd.grad((field * seed).sum(), [x, network.layers[1][0].weight, network.input_embed.weight])
    with torch.no_grad():
        kernel = FourierKernel(network, network.embed_time(times))
        points = x.detach()
        whole, single = kernel.open(points, []), kernel.open(points, [])
        torch.testing.assert_close(whole.record_all(slice(0, 3)), field)
        pulled = whole.pull(seed.flatten(0, 1))
        torch.testing.assert_close(pulled.view(3, 5, 2), expected[0])
        nodes = single.nodes()
        for k in (2, 0, 1):
            torch.testing.assert_close(nodes[k].record(k), field[k])
            torch.testing.assert_close(nodes[k].pull(seed[k]), expected[0][k])
        for tape in (whole, single):
            sums = kernel.zero_gradients()
            sums.add(tape.collect(), slice(0, 3))
            torch.testing.assert_close(sums.parameters[1], expected[1])
            torch.testing.assert_close(sums.parameters[0].t(), expected[2])


@pytest.mark.parametrize("hidden", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("alike", [True, False])
def test_points_that_another_network_has_recorded_are_not_lifted_again(alike: bool, hidden: torch.dtype) -> None:
    """The same field and gradients as alone; where the networks see points differently, each has its own inputs."""
    networks = tuple(FourierMLP(2, layers=2, channels=8, features=5).double() for _ in range(2))
    if not alike:
        networks[1].input_frequencies = 2 * networks[1].input_frequencies
    times, x, seed = torch.rand(4).double(), torch.randn(4, 5, 2).double(), torch.randn(15, 2).double()
    with torch.no_grad():
        embeddings = networks[0].embed_time(times), networks[1].embed_time(times)
        drift, score = make_kernels(networks, embeddings, hidden)
        other = drift.open(x, [])
        other.record_each(slice(0, 4))
        alone, beside = score.open(x[1:], []), score.open(x[1:], [])
        fields = alone.record_all(slice(1, 4)), beside.record_all(slice(1, 4), other.inputs)
        assert torch.equal(*fields)
        shared = beside.inputs.untyped_storage().data_ptr() == other.inputs.untyped_storage().data_ptr()
        assert shared is alike
        pulled = alone.pull(seed), beside.pull(seed)
        assert torch.equal(*pulled)
        assert torch.equal(alone.collect().parameters[0], beside.collect().parameters[0])


def test_the_memory_of_a_tape_serves_points_of_other_shapes_and_kernels() -> None:
    memory: list[Tensor] = []
    sizes = (
        (8, 1, 0, (2, 5, 2)),
        (8, 1, 3, (1, 3, 2)),
        (16, 3, 2, (4, 9, 2)),
        (8, 2, 0, (2, 2, 2)),
        (8, 2, 4, (2, 5, 2)),
    )
    for channels, layers, features, shape in sizes:
        network = FourierMLP(2, layers, channels, features)
        with torch.no_grad():
            kernel = FourierKernel(network, network.embed_time(torch.rand(shape[0])))
            x = torch.randn(shape)
            tape = kernel.open(x, memory)
            field = tape.record_all(slice(0, shape[0]))
            torch.testing.assert_close(field[-1], kernel.value(x[-1], shape[0] - 1))
            assert tape.pull(torch.randn(shape).flatten(0, 1)).shape == (shape[0] * shape[1], 2)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_divergence_with_features_equals_autograd(dim: int) -> None:
    network = FourierMLP(dim, layers=2, channels=8, features=4).double()
    x, times = 4 * torch.randn(6, dim).double(), torch.rand(2).double()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda point: network(point[None], times[1])[0]))(x)
    trace = torch.einsum("bii->b", jacobian)
    with torch.no_grad():
        value, divergence = FourierKernel(network, network.embed_time(times)).with_divergence(x, 1)
    torch.testing.assert_close(value, network(x, times[1]))
    torch.testing.assert_close(divergence, trace)
    along = torch.eye(dim).double()[:, None]
    columns = value_and_derivative(network, x, network.embed_time(times[1:]), along)[1]
    torch.testing.assert_close(columns, jacobian.permute(2, 0, 1))


def test_features_are_sines_and_cosines_of_the_same_frequencies_in_every_network() -> None:
    first, second = FourierMLP(2, channels=8, features=6), FourierMLP(2, channels=8, features=6)
    assert torch.equal(first.input_frequencies, second.input_frequencies)
    assert "input_frequencies" not in first.state_dict()
    x = torch.randn(5, 2)
    lifted = first.lift(x)
    assert lifted.shape == (5, 14)
    torch.testing.assert_close(lifted[:, 2:8] ** 2 + lifted[:, 8:] ** 2, torch.ones(5, 6))
    angle = x @ first.input_frequencies.T
    torch.testing.assert_close(lifted[:, 2:8], angle.sin())
    torch.testing.assert_close(lifted[:, 8:], angle.cos())


def test_features_stay_what_they_are_beyond_noise_and_data() -> None:
    network = FourierMLP(2, channels=8, features=6)
    inner, outer = torch.tensor([[NOISE_REACH, 1.0], [-NOISE_REACH, 0.5]]), torch.tensor([[40.0, 1.0], [-4.0, 0.5]])
    torch.testing.assert_close(network.lift(outer)[:, 2:], network.lift(inner)[:, 2:])
    assert torch.equal(network.lift(outer)[:, :2], outer)
    network.cover(torch.tensor([[5.0, 0.0], [0.0, -1.0]]))
    moved = network.lift(torch.tensor([[4.9, 1.0], [5.0, 1.0], [40.0, 1.0], [-4.0, 1.0], [-3.0, 1.0]]))[:, 2:]
    assert torch.equal(moved[1], moved[2]) and torch.equal(moved[3], moved[4]) and not torch.equal(moved[0], moved[1])


def test_two_fields_of_the_same_points_are_those_of_each_alone() -> None:
    """In whatever order they are asked, though what enters them is made once."""
    times, x = torch.rand(3), [3 * torch.randn(9, 2) for _ in range(3)]
    networks = [FourierMLP(2, channels=16, features=5) for _ in range(2)]
    with torch.no_grad():
        alone = [network_field(network, times, torch.bfloat16) for network in networks]
        shared = network_fields(*networks, times, torch.bfloat16)
        for which, node, points in [(0, 0, 0), (1, 0, 0), (1, 1, 1), (1, 1, 1), (0, 1, 2), (1, 2, 0), (0, 2, 0)]:
            assert torch.equal(shared[which](node, x[points]), alone[which](node, x[points]))


def test_networks_that_see_points_in_other_ways_share_nothing() -> None:
    networks = [FourierMLP(2, channels=16, features=5) for _ in range(2)]
    networks[1].cover(torch.tensor([[7.0, 7.0]]))
    times, x = torch.rand(1), 6 * torch.randn(9, 2)
    with torch.no_grad():
        fields = network_fields(*networks, times)
        for network, field in zip(networks, fields, strict=True):
            torch.testing.assert_close(field(0, x), network(x, times[0]))


def test_bfloat16_sees_points_as_finely_as_float32() -> None:
    """Values at points 1e-3 apart near 3, where bfloat16 has steps of 1/64, differ as those of float32 do."""
    torch.manual_seed(0)
    network = FourierMLP(2, channels=128, features=0)
    x = torch.tensor([[3.0, -2.7]]) + 1e-3 * torch.arange(200)[:, None]
    with torch.no_grad():
        embedding = network.embed_time(torch.tensor([0.2]))
        entered = InputLayer(network, torch.bfloat16).lift(x).float()
        found = (entered[:, :2] + entered[:, 2:]).double()
        exact, half = network(x, torch.tensor(0.2)), FourierKernel(network, embedding, torch.bfloat16).value(x, 0)
    assert float((found - x).abs().max()) < 1e-4
    assert float((half - exact).abs().max()) < 0.02
    assert float(torch.corrcoef(torch.stack([half[:, 0], exact[:, 0]]))[0, 1]) > 0.9


def test_features_leave_the_first_weights_of_x_as_they_are() -> None:
    torch.manual_seed(0)
    plain = torch.cat([FourierMLP(2, channels=64).input_embed.weight.flatten() for _ in range(20)]).std()
    own = torch.cat([FourierMLP(2, channels=64, features=32).input_embed.weight[:, :2].flatten() for _ in range(20)])
    assert float((own.std() / plain).detach()) == pytest.approx(1, rel=0.1)


def fields_of(name: str) -> list[FieldWithDivergence]:
    """Fields in three dimensions of everything that tells a divergence, in float64."""
    torch.manual_seed(1)
    if name in ("fourier", "autograd"):
        network = FourierMLP(3, layers=2, channels=8, features=2).double()
        made = FourierKernel if name == "fourier" else AutogradKernel
        kernel = made(network, network.embed_time(torch.tensor([0.1, 0.4]).double()))
        return [lambda i, x, signs=None: kernel.with_divergence(x, i, signs)]
    config = Config.create({"model": name, "sde": {"steps": 4}, "network": {"layers": 1, "channels": 8}})
    flow = {"flow": Flow, "diffusion": Diffusion, "diffflow": DiffFlow}[name](3, config).double()
    return list(flow.fields_with_divergence(flow.grid()))


@pytest.mark.parametrize("name", ["fourier", "autograd", "flow", "diffusion", "diffflow"])
def test_estimates_of_the_divergence_by_all_signs_average_to_the_exact_one(name: str) -> None:
    """E εᵀJε = tr J, and over all 2³ vectors of signs without any chance in it."""
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).double()
    estimates: list[Tensor] = []
    for field in fields_of(name):
        with torch.no_grad():
            value, exact = field(1, x)
            for signs in product((-1.0, 1.0), repeat=3):
                again, found = field(1, x, torch.tensor(signs).double().expand(6, 3))
                torch.testing.assert_close(again, value)
                estimates.append(found)
        torch.testing.assert_close(torch.stack(estimates[-8:]).mean(0), exact)
    spread = torch.stack(estimates).reshape(-1, 8, 6).std(dim=1)
    # At least one of the fields is no multiple of x, whose estimates are all exact
    assert spread.max() > 1e-4


@pytest.mark.parametrize("name", ["fourier", "autograd"])
def test_every_point_has_signs_of_its_own(name: str) -> None:
    (field,) = fields_of(name)
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double()
    signs = 2 * torch.randint(0, 2, (40, 3), generator=torch.Generator().manual_seed(1)).double() - 1
    whole = field(0, x, signs)[1]
    one_by_one = torch.cat([field(0, x[k : k + 1], signs[k : k + 1])[1] for k in range(40)])
    torch.testing.assert_close(whole, one_by_one)
