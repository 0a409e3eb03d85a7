"""Captured steps: those of the engine itself, whatever changes between them, and given up where that cannot be.

On a processor a replay is a call on the same buffers, so that all but the graph of CUDA is tested everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dnf_studio.config import Config
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import build_model
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.ranks import Ranks
from dnf_studio.core.training import adjoint, captured, regression
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.block_sums import Sums
from dnf_studio.core.training.captured import MOST, VARIABLE, Captured
from dnf_studio.core.training.engine import Engine, make_engine
from dnf_studio.core.training.regression import RegressionEngine
from dnf_studio.core.training.run import Run
from tests.networks import IMAGE, TanhNetwork, live

SMALL = {"layers": 1, "channels": 8}
SETTINGS = {
    "diffflow": {"model": "diffflow"},
    "flexible": {"model": "diffflow", "training": {"flexible_grid": True, "straight": 0.1}},
    "residual": {"model": "diffflow", "network": {"drift": "residual"}, "sde": {"backward_deviation": "fitted"}},
    "frozen": {"model": "diffflow", "network": {"drift": "frozen"}},
    "diffusion": {"model": "diffusion"},
    "matching": {"model": "matching"},
    "unet": {"model": "diffflow", "network": {"kind": "unet", "channels": 4}},
    "unet diffusion": {"model": "diffusion", "network": {"kind": "unet", "channels": 4}},
}
BFLOAT16 = {"flexible", "matching", "unet diffusion"}
WARM_UPS = 1


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """Each kind of device that is here, with steps captured on it."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    monkeypatch.setattr(captured, "DEVICES", {"cpu", "cuda"})
    monkeypatch.setattr(captured, "WARM_UPS", WARM_UPS)  # to be sooner at a replay
    return torch.device(request.param)


@pytest.fixture
def pool() -> Iterator[BlockPool]:
    with BlockPool(1) as one:
        yield one


def model_of(name: str) -> GenerativeModel:
    torch.manual_seed(0)
    settings = SETTINGS[name]
    small = {"network": {**SMALL, **settings.get("network", {})}}  # type: ignore[dict-item]
    image = IMAGE if "unet" in name else None
    model = build_model(image.size if image else 2, Config.create({**settings, **small}), image=image)
    return live(model)


def same(one: Tensor, other: Tensor, device: torch.device) -> None:
    """To the bit on a processor, on a GPU as far as sums have an order there."""
    exact = device.type == "cpu"
    torch.testing.assert_close(one, other, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-5)


def trained(model: GenerativeModel, engine: Engine, plan: list[tuple[int, int]]) -> tuple[list[float], list[Tensor]]:
    """The losses of gradient descent by a `plan` of steps N and points, and the weights after it."""
    generator, losses = torch.Generator().manual_seed(1), []
    for n, batch in plan:
        x0 = torch.randn(batch, model.dim, generator=generator).to(model.timestamps)
        losses.append(float(engine.train(x0, n, generator).value))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.01 * parameter.grad if parameter.grad is not None else 0
    return losses, [parameter.detach().cpu() for parameter in model.parameters()]


PLAN = [(1, 6)] * 3 + [(2, 6)] * 3 + [(1, 6)] + [(1, 5)] * 3
"""Steps N and points of each update: both change, and one set of shapes comes back."""


@pytest.mark.parametrize("name", SETTINGS)
def test_captured_steps_are_the_engines(
    name: str, device: torch.device, pool: BlockPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several updates, with other points, noise, grids and weights in each."""
    plan, hidden = [(1, 2)] * 3 if "unet" in name else PLAN, torch.bfloat16 if name in BFLOAT16 else torch.float32
    found = []
    for capture in ("1", "0"):
        monkeypatch.setenv(VARIABLE, capture)
        model = model_of(name).to(device)
        engine = make_engine(model, pool, hidden, torch.tensor([[0.0], [1.0]]).expand(2, model.dim).to(device))
        found.append(trained(model, engine, plan))
        shapes = {batch if isinstance(engine, RegressionEngine) else (n, batch) for n, batch in plan}
        assert isinstance(engine, AdjointEngine | RegressionEngine)
        assert engine.captured.replays == (len(shapes) if capture == "1" else 0)
    same(torch.tensor(found[0][0]), torch.tensor(found[1][0]), device)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        same(one, other, device)


def test_so_are_those_of_a_run_with_progressive_n(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the moving average, a return to earlier weights and a change of the batch on the way."""
    training = {"batch": 8, "iterations": 12, "precision": "float32", "progressive": True, "device": device.type}
    config = Config.create({"data": "rings", "sde": {"steps": 12}, "network": SMALL, "training": training})
    weights = []
    for capture in ("1", "0"):
        monkeypatch.setenv(VARIABLE, capture)
        run, steps = Run(config, threads=1), []
        state = run.state()
        for report in run:
            steps.append(report.steps)
            if len(steps) == 3:
                run.load(state)
                run.apply({"training.batch": 6})
        assert steps == [4] * 9 + [8] * 3 + [12] * 3
        weights.append([parameter.cpu() for parameter in run.flow.parameters()])
    for one, other in zip(*weights, strict=True):
        same(one, other, device)


def doubled(_key: object, x: Tensor, y: Tensor | None) -> Sums:
    return [2 * x if y is None else 2 * x + y, x.sum()]


def test_each_set_of_shapes_is_captured_by_itself_and_few_are_kept(device: torch.device) -> None:
    work = Captured(doubled, [])
    for turn in range(WARM_UPS + 3):
        for count in range(1, MOST + 1):
            x, y = torch.full((count,), float(turn), device=device), torch.ones(count, device=device)
            found = work("a", x, y if count > 1 else None)
            assert found[0].tolist() == [2 * turn + (count > 1)] * count and float(found[1]) == turn * count
    assert work.replays == MOST
    newest = list(work._known)[1:]
    work("b", torch.ones(1, device=device), None)
    assert list(work._known)[:-1] == newest


def test_what_is_returned_is_not_overwritten(device: torch.device) -> None:
    work = Captured(doubled, [])
    found = [work(None, torch.full((2,), float(k), device=device), None) for k in range(WARM_UPS + 3)]
    assert [sums[0].tolist() for sums in found] == [[2.0 * k] * 2 for k in range(WARM_UPS + 3)]


def test_weights_that_are_elsewhere_are_captured_again(device: torch.device) -> None:
    network = FourierMLP(1, 1, 8).to(device)

    def bias(_key: object, x: Tensor) -> Sums:
        return [x + network.input_embed.bias.detach()]

    work, x = Captured(bias, [network]), torch.zeros(8, device=device)
    for k in range(2 * WARM_UPS + 3):
        with torch.no_grad():
            if k == WARM_UPS + 1:
                network.input_embed.bias.data = torch.zeros(8, device=device)
            network.input_embed.bias.fill_(k)
        assert work(None, x)[0].tolist() == [float(k)] * 8
    assert work.replays == 2


def test_a_step_that_cannot_be_captured_goes_on_without(
    device: torch.device, pool: BlockPool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_self: object, _work: object) -> Sums:
        raise RuntimeError("operation not permitted when stream is capturing.\nMore of it.")

    def waits(_key: object, x: Tensor) -> Sums:
        return [x + float(x[0])]

    # What CUDA says by itself of a value that is asked for
    monkeypatch.setattr(captured._Calls, "record", refuse)
    work = Captured(waits, [])
    for k in range(WARM_UPS + 3):
        assert work(None, torch.full((1,), float(k), device=device))[0].tolist() == [2.0 * k]
        assert work.serves(device, pool) is (k + 1 < WARM_UPS)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("Training steps go on without CUDA graphs, with the same results")
    assert device.type != "cpu" or said.endswith("operation not permitted when stream is capturing.\n")


def test_a_replay_that_gives_other_numbers_is_found_out(
    device: torch.device, pool: BlockPool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here by something that Python does, which a graph would keep as it was."""
    calls = []

    def counted(_key: object, x: Tensor) -> Sums:
        calls.append(1)
        return [x * len(calls)]

    work, x = Captured(counted, []), torch.ones(1, device=device)
    found = [float(work(None, x)[0]) for _ in range(WARM_UPS + 1)]
    assert found[-1] == len(calls) and not work.serves(device, pool)
    assert "as capturing one failed: a replay gave other numbers.\n" in capsys.readouterr().err


def test_a_replay_for_which_there_is_no_room_beside_a_step_is_given_up(
    device: torch.device, pool: BlockPool, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []

    def large(_key: object, x: Tensor) -> Sums:
        calls.append(1)
        # The one that is to check a first replay, after one that is the capture or, on a processor, the replay
        if len(calls) == WARM_UPS + 2:
            raise torch.OutOfMemoryError
        return [2 * x]

    work = Captured(large, [])
    for k in range(WARM_UPS + 2):
        assert float(work(None, torch.full((1,), float(k), device=device))[0]) == 2 * k
    assert not work.serves(device, pool) and not work.replays
    assert "memory does not hold it beside the step itself.\n" in capsys.readouterr().err


def test_numbers_that_are_none_end_no_capturing(device: torch.device, pool: BlockPool) -> None:
    """The run finds out by itself that it diverged."""
    work = Captured(lambda _key, x: [x / 0], [])
    for _ in range(WARM_UPS + 2):
        work(None, torch.zeros(2, device=device))
    assert work.serves(device, pool)


def test_only_known_networks_on_cuda_in_the_main_thread_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, cpu, known = torch.device("cuda"), torch.device("cpu"), Captured(doubled, [FourierMLP(2, 1, 8)])
    with BlockPool(1) as one, BlockPool(2) as two:
        assert known.serves(cuda, one) and not known.serves(cpu, one) and not known.serves(cuda, two)
        for unknown in (TanhNetwork(2), type("Own", (FourierMLP,), {})(2, 1, 8)):
            assert not Captured(doubled, [FourierMLP(2, 1, 8), unknown]).serves(cuda, one)
        with ThreadPoolExecutor(1) as other:
            assert not other.submit(known.serves, cuda, one).result()
        monkeypatch.setenv(VARIABLE, "0")
        assert not Captured(doubled, []).serves(cuda, one)
        one.ranks = Ranks(0, 2)
        assert not known.serves(cuda, one)


class Operations(TorchDispatchMode):
    """Notes what is done, and on which kinds of device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.devices: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204 - torch's signature
        out = func(*args, **(kwargs or {}))
        self.names.add(func.overloadpacket.__name__)
        self.devices |= {v.device.type for v in tree_leaves((args, kwargs, out)) if isinstance(v, Tensor)}
        return out


FORBIDDEN = {"_local_scalar_dense", "equal", "is_nonzero", "nonzero", "lift_fresh", "_pin_memory", "masked_select"}
"""What makes the processor wait for a device, or a device for the processor. (Random numbers are looked for, too.)"""


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("residual", torch.float32),
        ("diffflow", torch.bfloat16),
        ("diffusion", torch.float32),
        ("unet diffusion", torch.bfloat16),
    ],
)
def test_nothing_is_asked_of_a_device_while_it_is_captured(name: str, hidden: torch.dtype) -> None:
    """Multilayer perceptrons go through on the device "meta", where there are no values and the processor has none;
    autocast does not know it, so of a U-Net the operations are looked through on the processor."""
    place = "cpu" if "unet" in name else "meta"
    model = model_of(name)
    networks = [part for part in model.modules() if isinstance(part, FieldNetwork)]
    assert all(network.kept_numbers for network in networks)  # known from the steps before
    model.to(place)

    def numbers(*shape: int) -> Tensor:
        return torch.rand(shape).to(place)

    embeddings = [numbers(4, network.embed_time(numbers(1)).shape[1]) for network in networks]
    x, noise, grid = numbers(5, model.dim), numbers(3, 5, model.dim), [numbers(n) for n in (4, 4, 4, 3, 3)]
    with Operations() as done, torch.no_grad():
        if isinstance(model, DiffFlow):
            adjoint._whole(model, hidden, True, x, noise, *grid, *embeddings)
        else:
            regression._whole(networks[0], hidden, None, noise, noise, embeddings[0][:3])
    assert done.devices == {place} and len(done.names) > 20
    assert not done.names & FORBIDDEN and not [name for name in done.names if "rand" in name or "dropout" in name]
