"""A neural spline flow by the library zuko, trained as the studio's own models are: what real tables are held against.

Reference: Durkan, Bekasov, Murray and Papamakarios, "Neural Spline Flows", NeurIPS 2019, arXiv:1906.04032.
"""

from __future__ import annotations

import base64
import copy
import io
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.likelihoods import ODE_POINTS, VALIDATION_POINTS
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.errors import DataError
from dnf_studio.reproduce.baselines import density_of
from dnf_studio.reproduce.plan import ARMS, Cell, Plan
from dnf_studio.reproduce.results import Density

if TYPE_CHECKING:
    from zuko.flows import NSF

HOW_TO_INSTALL = "zuko is not installed; pip install 'dnf-studio[reproduce]' adds it"
TRANSFORMS = 3
HIDDEN = (64, 64)
"""Widths of the hidden layers of each transform: 73,000 parameters in all on wine, 312,000 on digits; the studio's
models have about 200,000."""
BATCH = 128
LEARNING_RATE = 2e-3
CLIP = 5.0
MEASURE_EVERY = 10
"""Iterations; small tables are learned by heart within some dozens."""
PATIENCE = 1000
Tell = Callable[[str], None]


def is_installed() -> bool:
    """Whether there is a zuko to import."""
    return find_spec("zuko") is not None


def spline_density(plan: Plan, cell: Cell, dataset: Dataset, tell: Tell) -> Density:
    """The NLL of the test split, nats, under a flow of `TRANSFORMS` autoregressive rational-quadratic splines.

    Trained by maximum likelihood on the split and standardisation of the other models, for the plan's seconds or until
    the validation NLL has not fallen for `PATIENCE` iterations; the weights that were best by it are measured. A run
    that is interrupted begins anew. Raises `DataError` where `dataset` has no validation split.
    """
    from zuko.flows import NSF

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cell.seed)
        flow = NSF(dataset.dim, transforms=TRANSFORMS, hidden_features=HIDDEN)
    # Its matrices are so small that threads would wait for each other more than they compute
    with single_threaded_kernels():
        best, iterations, seconds = _train(flow, plan.seconds, cell.seed, dataset, tell)
    with torch.no_grad():
        nll = -best().log_prob(dataset.fresh(ODE_POINTS, 0))
    return density_of(cell, nll, iterations, seconds, sum(parameter.numel() for parameter in flow.parameters()))


def _train(flow: NSF, seconds: float, seed: int, dataset: Dataset, tell: Tell) -> tuple[NSF, int, float]:
    """The best flow by the validation split, the iterations made and the time they took."""
    generator = torch.Generator().manual_seed(seed)
    held_out = dataset.validation(VALIDATION_POINTS, 0)
    if held_out is None:
        raise DataError(f"The data '{dataset.name}' has no validation split to end training by.")
    adam = torch.optim.Adam(flow.parameters(), lr=LEARNING_RATE)
    best, least, found_at, iteration, spent = copy.deepcopy(flow), math.inf, 0, 0, 0.0
    while spent < seconds and iteration - found_at < PATIENCE:
        started = time.perf_counter()
        for group in adam.param_groups:
            group["lr"] = 0.5 * LEARNING_RATE * (1 + math.cos(math.pi * spent / seconds))
        adam.zero_grad()
        (-flow().log_prob(dataset.draw(BATCH, generator)).mean()).backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), CLIP)
        adam.step()
        iteration += 1
        if iteration % MEASURE_EVERY == 0:
            with torch.no_grad():
                nll = float(-flow().log_prob(held_out).mean())
            if nll < least:
                least, found_at, best = nll, iteration, copy.deepcopy(flow)
        spent += time.perf_counter() - started
        tell(f"training, {spent:.0f} of {seconds:g} s")
    return (flow if least == math.inf else best), iteration, spent


SIDE = 220
REACH = 3.0
"""Half of the range that is shown, standardised units."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#882255")
"""Colours by Okabe and Ito, told apart with every kind of colour vision, and two by Tol."""
COLOURS = {"data": "#666666"} | dict(zip(ARMS, itertools.cycle(PALETTE)))
MODE_COLOURS = PALETTE
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 230, 52, 34, 10
MOST_TICKS = 6
LINEAR = 0.005
TICKS = (-0.1, -0.05, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
Array = NDArray[np.float32]


def points_picture(points: Array, colours: Sequence[str] | str, parts: NDArray[np.intp] | None = None) -> str:
    """Points (n, 2), standardised, as a data URL: in one colour, or each in that of its part (n,)."""
    from PIL import Image, ImageColor

    canvas = np.full((SIDE, SIDE, 3), 255.0)
    scale = SIDE / (2 * REACH)
    place = np.nan_to_num((points.astype(np.float64) + REACH) * scale, nan=-1.0, posinf=-1.0, neginf=-1.0)
    cell = np.floor(np.clip(place, -1, SIDE)).astype(int)
    inside = ((cell >= 0) & (cell < SIDE)).all(axis=1)
    named = [colours] if isinstance(colours, str) else list(colours)
    # With more parts than colours they come round again; what has no part has none
    kinds = np.zeros(len(points), int) if parts is None else np.where(parts < 0, -1, parts % len(named))
    for kind, colour in enumerate(named):
        chosen = cell[inside & (kinds == kind)]
        counts = np.bincount(chosen[:, 1] * SIDE + chosen[:, 0], minlength=SIDE * SIDE).reshape(SIDE, SIDE)
        share = (1 - np.exp(-1.2 * counts))[::-1, :, None]
        canvas = canvas * (1 - share) + np.array(ImageColor.getrgb(colour)) * share
    written = io.BytesIO()
    Image.fromarray(np.rint(canvas).astype(np.uint8)).quantize(64).save(written, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"


class Mark(NamedTuple):
    """A point of a curve, the ends of its interval where there is one, and whether it is told apart from 0."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    apart: bool = True


def curves(lines: Mapping[str, Sequence[Mark]], across: str, up: str, colours: Mapping[str, str]) -> str:
    """Lines with their points and intervals, as SVG; hollow ones are not told apart from 0.

    Across is a logarithm, up is one beyond `LINEAR` and linear about 0, so that negative values lie where they are.
    """
    shown = {name: [one for one in line if one.x > 0] for name, line in lines.items()}
    xs = [one.x for line in shown.values() for one in line]
    ys = [y for line in shown.values() for one in line for y in (one.y, one.low, one.high) if y is not None]
    if not xs:
        return ""
    low, high = min(0.0, *ys), max(LINEAR, *ys)
    ends = min(xs), max(max(xs), 1.01 * min(xs))

    def place(x: float, y: float) -> tuple[float, float]:
        along = math.log(x / ends[0]) / math.log(ends[1] / ends[0])
        height = (_height(y) - _height(low)) / (_height(high) - _height(low))
        return LEFT + along * (WIDTH - LEFT - 12), TOP + (1 - height) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">']
    parts.append(f"<title>{escape(up)} over {escape(across)}</title>")
    for tick in (tick for tick in TICKS if low <= tick <= high):
        _, y = place(ends[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
        label = f"{tick:g}".replace("-", "−")
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{label}</text>')
    whole = sorted(set(xs))
    for tick in whole if len(whole) <= MOST_TICKS else _ticks(*ends):
        x, _ = place(tick, low)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>')
    for name, line in shown.items():
        parts += _line(name, sorted(line), colours[name], place)
    return "".join([*parts, "</svg>"])


def _line(
    name: str, line: Sequence[Mark], colour: str, place: Callable[[float, float], tuple[float, float]]
) -> list[str]:
    places = " ".join("{:.1f},{:.1f}".format(*place(one.x, one.y)) for one in line)
    parts = [f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for one in line:
        (x, y), fill = place(one.x, one.y), colour if one.apart else "white"
        if one.low is not None and one.high is not None:
            ends = [place(one.x, end)[1] for end in (one.low, one.high)]
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" stroke="{colour}"/>')
        title = f"<title>{escape(name)}</title>"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{colour}">{title}</circle>')
    return parts


def _height(value: float) -> float:
    return math.asinh(value / LINEAR)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for k in decades for m in (1, 2, 5) if low <= (v := m * 10.0**k) <= high]
