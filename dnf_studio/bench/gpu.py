"""One training step on a GPU, as it is and replayed from a CUDA graph, by dimensions and batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from dnf_studio.bench import Row, less
from dnf_studio.bench.textbook import textbook_step
from dnf_studio.bench.timing import Work, in_turn
from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.hardware import choose_hidden_type
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.captured import WARM_UPS
from dnf_studio.errors import SetupError
from dnf_studio.progress import note

IMAGE = ImageShape(28, 28, 1, 0, 255)
"""What the largest number of dimensions is, for a U-Net."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    dims: tuple[int, ...] = (2, 64, 784)
    batches: tuple[int, ...] = (512, 5000, 50_000)
    steps: int = 30
    rounds: int = 7
    seconds: float = 20.0
    """Time spent on one size; a slow machine does fewer rounds."""


FULL = Sizes()
QUICK = Sizes(dims=(2,), batches=(512,), rounds=2)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Milliseconds of a step of the default model, of a U-Net where points are images, on the GPU that is named.

    Hidden layers are in the type that is named; the plain loop is in float32.
    Of what does not fit into its memory, or is not captured, it is said so. Raises `SetupError` where no CUDA device
    is.
    """
    if not torch.cuda.is_available():
        raise SetupError("Nothing measured: no CUDA device here.")
    yield from rows_on(torch.device("cuda", torch.cuda.current_device()), sizes)


def rows_on(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """`rows` on a `device`."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    hidden = choose_hidden_type("auto", device)
    for dim in sizes.dims:
        for batch in sizes.batches:
            name = f"{card}, {str(hidden).removeprefix('torch.')}, D = {dim}, batch {batch:,}"
            try:
                taken = _timed(device, hidden, dim, batch, sizes)
            except torch.OutOfMemoryError:
                note(f"{name}: a step does not fit into the memory of this GPU.")
                continue
            finally:
                if device.type == "cuda":
                    torch.cuda.empty_cache()
            if "plain" not in taken:
                note(f"{name}: a step of the plain loop does not fit into the memory of this GPU.")
            if "captured" not in taken:
                note(f"{name}: a step of so many points is not captured.")
            for one, other in (("eager", "plain"), ("captured", "plain"), ("captured", "eager")):
                if one in taken and other in taken:
                    yield less(f"{name}, {one} beside {other}", taken[one], "ms", taken[other])


def _timed(device: torch.device, hidden: torch.dtype, dim: int, batch: int, sizes: Sizes) -> dict[str, float]:
    """Milliseconds of the works that can be done, in turn."""
    torch.manual_seed(0)
    network = {"kind": "unet", "channels": 32, "layers": 1} if dim == IMAGE.size else {}
    config = Config.create({"sde": {"steps": sizes.steps}, "network": network})
    flow = DiffFlow(dim, config, image=IMAGE if network else None).to(device)
    x0, noise = torch.randn(batch, dim, device=device), torch.randn(sizes.steps, batch, dim, device=device)
    with BlockPool(1) as pool:
        eager, captured = (AdjointEngine(flow, pool, hidden) for _ in range(2))
        eager.captured.active = False
        works: dict[str, Work] = {"eager": partial(eager.step, x0, noise)}
        for _ in range(WARM_UPS + 2):  # the first replay is compared with a step
            captured.step(x0, noise)
        if captured.captured.replays:
            works["captured"] = partial(captured.step, x0, noise)
        try:
            textbook_step(flow, x0, noise)
            works["plain"] = partial(textbook_step, flow, x0, noise)
        except torch.OutOfMemoryError:
            flow.zero_grad(set_to_none=True)
        taken = in_turn(
            {name: partial(_finished, device, work) for name, work in works.items()}, sizes.rounds, sizes.seconds
        )
    return {name: 1e3 * min(times) for name, times in taken.items()}


def _finished(device: torch.device, work: Work) -> None:
    """Do `work` and wait until the device has done it."""
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
