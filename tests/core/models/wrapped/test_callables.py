"""What may be handed over, what is refused with which sentence, and that nothing of a person's changes."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import dnf_studio as dnf
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.evaluation.fresh import between_units
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.errors import CheckpointError, SettingError, UnsupportedError
from dnf_studio.workers.snapshot import Snapshot


class Trained(nn.Module):
    """A network with all that behaves differently in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.SiLU(), nn.Dropout(0.5), nn.Linear(16, 2))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        value: Tensor = self.layers(torch.cat([x, t[:, None]], 1))
        return value


class Holder:
    """A callable that is no module but has one."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        value: Tensor = self.net(x, t)
        return value


def scaled(net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    value: Tensor = net(x, t)
    return value


def calls_of(net: Trained) -> dict[str, Callable[..., Any]]:
    inner = lambda x, t: net(x, t)  # noqa: E731 - as people write them
    return {
        "module": net,
        "method": net.forward,
        "lambda": inner,
        "function of a function": lambda x, t: inner(x, t) + 0,
        "partial": partial(scaled, net),
        "object": Holder(net),
        "decorated": torch.enable_grad()(inner),
    }


@pytest.mark.parametrize("kind", calls_of(Trained()))
def test_a_network_in_train_mode_is_left_as_it_is(kind: str) -> None:
    """Neither mode, gradients, statistics nor random numbers change; what is shown has the weights of the moment."""
    torch.manual_seed(0)
    net = Trained()
    model = dnf.from_score(calls_of(net)[kind], dim=2)
    before, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    x, grid = torch.ones(4, 2), model.grid(3)
    model.sample(4, steps=2)
    model.log_prob(x[:1])
    first, held = model.fields(grid)[1](2, x), Snapshot.of(model).flow
    assert net.training and all(part.training for part in net.modules())
    assert all(one.grad is None and one.requires_grad for one in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    with torch.no_grad():
        net.layers[4].bias.add_(1)
    assert not torch.allclose(first, model.fields(grid)[1](2, x))
    assert torch.equal(first, held.fields(grid)[1](2, x)), "a copy for a thread keeps its weights"
    net.eval()
    expected = net(x * model.path.zoom(grid.t[2]), grid.condition[2].expand(4)).detach()  # type: ignore[attr-defined]
    assert torch.allclose(model.fields(grid)[1](2, x), expected, atol=1e-6)
    model.train()
    assert torch.allclose(model.fields(grid)[1](2, x), expected, atol=1e-6)


FACTOR, NETWORK = 1.0, Trained()


def by_names(x: Tensor, t: Tensor) -> Tensor:
    value: Tensor = NETWORK(x, t)
    return torch.mul(value, FACTOR)


def test_global_names_are_those_of_the_moment_but_for_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """In train mode the network would be refused, for its dropout gives other values each time."""
    model, x = dnf.from_score(by_names, dim=2), torch.ones(4, 2)
    value = model.fields(model.grid(3))[1](2, x)
    monkeypatch.setitem(by_names.__globals__, "FACTOR", 2.0)
    assert torch.equal(model.fields(model.grid(3))[1](2, x), 2 * value) and NETWORK.training


def test_another_type_does_not_reach_the_weights() -> None:
    net = Trained()
    model = dnf.from_score(net, dim=2).double()
    assert model.timestamps.dtype is torch.float64 and model.sample(2, steps=2).isfinite().all()
    assert {one.dtype for one in (*net.parameters(), *model.parameters())} == {torch.float32}
    wide = dnf.from_score(net.double(), dim=2)
    assert wide.timestamps.dtype is torch.float32 and wide.sample(2, steps=2).dtype is torch.float32


def test_threads_may_call_while_a_training_goes_on() -> None:
    """What the training draws and learns is the same to the bit with and without somebody who looks."""

    def trained(looks: bool) -> dict[str, Tensor]:
        torch.manual_seed(0)
        net = Trained()
        model, end = dnf.from_score(lambda x, t: net(x, t), dim=2), threading.Event()
        grid, x = model.grid(2), torch.ones(64, 2)
        optimizer = torch.optim.Adam(net.parameters())

        def look() -> None:
            while not end.is_set():
                model.fields(grid)[1](1, x)

        thread = threading.Thread(target=look)
        if looks:
            thread.start()
        for _ in range(5):
            optimizer.zero_grad()
            net(torch.randn(8, 2), torch.rand(8)).square().mean().backward()
            optimizer.step()
        end.set()
        if looks:
            thread.join()
        return net.state_dict()

    alone, seen = trained(False), trained(True)
    assert all(torch.equal(value, seen[name]) for name, value in alone.items())


def good(x: Tensor, t: Tensor) -> Tensor:
    return -x


OTHER = Trained()
OTHER.layers = nn.Sequential(nn.Linear(6, 5))
BAD: dict[str, tuple[Callable[[], object], str]] = {
    "no callable": (lambda: dnf.from_score(3, dim=2), "score must be a callable of x and t, not int"),  # type: ignore[arg-type]
    "shape": (lambda: dnf.from_score(lambda x, t: x[:, :1], dim=2), "score must return .* shape .4, 2.*not .4, 1"),
    "array": (lambda: dnf.from_score(lambda x, t: x.numpy(), dim=2), "score must return a tensor .* not ndarray"),
    "type": (lambda: dnf.from_velocity(lambda x, t: x.long(), dim=2), "velocity must return real numbers .*int64"),
    "device": (lambda: dnf.from_score(lambda x, t: x.to("meta"), dim=2), "score must return its values on cpu.*meta"),
    "nan": (lambda: dnf.from_score(lambda x, t: x / 0, dim=2), "not finite at t = 0.001"),
    "raises": (lambda: dnf.from_score(lambda x: x, dim=2), "score cannot be called with x of shape .4, 2.* TypeError"),
    "random": (lambda: dnf.from_score(lambda x, t: torch.randn_like(x), dim=2), "other values for the same points"),
    "batch": (lambda: dnf.from_score(lambda x, t: x - x.mean(0), dim=2), "depends on the other points of the batch"),
    "falling t": (lambda: dnf.wrap(good, good, t=[1, 0.5, 0], g=1, dim=2), "t must rise from the data to the noise"),
    "late t": (lambda: dnf.wrap(good, good, t=[0, 2000], g=1, dim=2), "between 0 and 1000"),
    "one t": (lambda: dnf.wrap(good, good, t=1.0, g=1, dim=2), "t must be a list of two numbers"),
    "no g": (lambda: dnf.wrap(good, good, t=[0, 1], g=0, dim=2), "g must be finite and above 0, not as at t = 0"),
    "g of t": (lambda: dnf.wrap(good, good, t=[0, 1], g=lambda t: 1 - t, dim=2), "above 0, not as at t = 1"),
    "long g": (lambda: dnf.wrap(good, good, t=[0, 1], g=[1, 1, 1], dim=2), "one for each of the 2 times t"),
    "text g": (lambda: dnf.wrap(good, good, t=[0, 1], g="1", dim=2), "g must be a number, an array or a function"),
    "drift": (
        lambda: dnf.wrap(lambda x, t: x.T, good, t=[0, 1], g=1, dim=2),
        "drift must return a tensor",
    ),
    "dim": (lambda: dnf.from_score(good, dim=0), "dim must be a whole number"),
    "other dim": (lambda: dnf.from_score(OTHER, dim=2), "score cannot be called"),
    "mean": (lambda: dnf.from_score(good, dim=2, mean=[1, 2, 3]), "mean must be a finite number, or 2 of them"),
    "scale": (lambda: dnf.from_score(good, dim=2, scale=[1, 0]), "scale must be a finite number above 0, or 2 of them"),
    "base": (lambda: dnf.wrap(good, good, t=[0, 1], g=1, dim=2, base=-1), "width of the base must be a number above 0"),
    "sde": (lambda: dnf.from_score(good, dim=2, sde="edm"), "vp, ve or subvp"),  # type: ignore[arg-type]
    "start": (lambda: dnf.from_score(good, dim=2, t_start=0.0), "t_start must be a number between 0 and 1"),
    "sigma": (lambda: dnf.from_denoiser(good, 80, 0.1, dim=2), "80 is not below 0.1"),
    "alphas": (lambda: dnf.from_epsilon(good, [0.1, 0.9], dim=2), "alphas_bar must fall"),
    "alpha": (lambda: dnf.from_epsilon(good, 0.9, dim=2), "alphas_bar must be a list"),
    "data at": (lambda: dnf.from_velocity(good, dim=2, data_at=0.5), "data_at 1 or 0"),
    "coupling": (lambda: dnf.from_velocity(good, dim=2, coupling="ot"), "independent or transport"),  # type: ignore[arg-type]
    "steps": (lambda: dnf.from_velocity(good, dim=2, steps=0), "steps"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_refused_with_one_sentence(what: str) -> None:
    make, words = BAD[what]
    random = torch.get_rng_state()
    with pytest.raises(SettingError, match=words) as caught:
        make()
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize("score", [torch.no_grad()(good), lambda x, t: torch.from_numpy(-x.numpy())])
def test_a_callable_without_derivatives_has_no_densities(score: Callable[..., Tensor]) -> None:
    model = dnf.wrap(good, score, t=torch.linspace(0, 4, 21), g=2**0.5, dim=2)
    why = model.lacks["divergence"]
    assert why.startswith("The score has no derivative by x, so densities and divergences are not known")
    assert model.sample(500, lam=0.0).std() == pytest.approx(1, abs=0.1)
    assert model.log_prob(torch.zeros(2, 2), "bound").isfinite().all()
    with pytest.raises(UnsupportedError, match="score has no derivative by x"):
        model.log_prob(torch.zeros(2, 2))
    steady = dnf.wrap(lambda x, t: torch.zeros_like(x), good, t=[0, 1], g=1, dim=2)
    assert not steady.lacks and float(steady.fields_with_divergence(steady.grid())[0](0, torch.ones(1, 2))[1]) == 0


def test_coupled_pairs_have_the_ode_alone() -> None:
    model = dnf.from_velocity(good, dim=2, coupling="transport")
    assert set(model.lacks) == {"noise", "score", "bound"} and len(model.solvers) == 3
    with pytest.raises(UnsupportedError, match="only λ = 0 is right"):
        model.backward_path(torch.zeros(1, 2), lam=0.5)


def test_a_model_in_data_units_is_given_data_in_its_own_units() -> None:
    """Mean 0 and scale 1 say that the network takes data as it is, where a file that says nothing takes standardised
    data."""
    own, data = dnf.wrap(good, good, t=[0, 1], g=1, dim=2).standardisation, Standardisation((1.0, 2.0), (3.0, 4.0))
    x = torch.tensor([[1.0, -1.0]])
    assert torch.equal(between_units(data, own, x), torch.tensor([[4.0, -2.0]]))
    assert torch.equal(between_units(own, data, torch.tensor([[4.0, -2.0]])), x)
    other = dnf.wrap(good, good, t=[0, 1], g=1, dim=2, mean=[1, 2], scale=2)
    assert other.standardisation.to_data(x).tolist() == [[3.0, 0.0]]


def test_it_is_no_checkpoint(tmp_path: Path) -> None:
    model = dnf.from_velocity(good, dim=2)
    with pytest.raises(CheckpointError, match="holds weights and settings of the studio but no program"):
        save_checkpoint(tmp_path / "a.safetensors", Checkpoint.of_model(model))
    assert not any(tmp_path.iterdir())
