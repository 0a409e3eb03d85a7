"""What an export is to hold, how far it is, and whether two are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

import dnf_studio
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.blocks import BLOCK, SampleBlock
from dnf_studio.core.sampling.region import Region
from dnf_studio.core.sde.sample_settings import MOST_SAMPLES, SampleSettings, Start, check_count
from dnf_studio.core.storage.sample_file import Contents, file_bytes
from dnf_studio.errors import SettingError

MAX_SEED = 2**63
LEAST_DRAWN, DRAWN_FOR_EACH = 1_000_000, 1000
"""At most so many samples are drawn for a region unless told: the greater of the first, and the second for each."""


@dataclass(frozen=True)
class ExportPlan:
    """What to draw and which datasets to write; raises `SettingError` for a count that cannot be."""

    count: int
    settings: SampleSettings = field(default_factory=SampleSettings)
    trajectories: bool = False
    noise: bool = False
    latents: bool = True
    log_prob: bool = False
    compress: bool = False
    """gzip-1 with shuffle: 14% smaller, forty times slower to write, and gone on with by nobody."""
    forward: bool = False
    """Whether to write the trajectories and noise of the forward process; only points of a view have them."""
    labels: bool = False
    """Whether to write the label, or part, of the row of the data that is nearest to each sample."""
    region: Region | None = None
    """Write only samples that end there, and their numbers among all that were drawn."""
    most_drawn: int | None = None
    """How many samples may be drawn for those in the region; None for a thousand times as many, at least a million."""
    first: int = 0
    """Number of the first sample among all of the seed, where the file is a shard of a longer export: a multiple of
    `BLOCK`."""

    def __post_init__(self) -> None:
        check_count(self.count)
        if self.settings.parts != "both":
            raise SettingError("An export is of the whole process, with drift and score.")
        if self.settings.seed >= MAX_SEED:
            raise SettingError("The seed of an export must be below 2^63.")
        if self.most_drawn is not None:
            check_count(self.most_drawn)
        if self.first < 0 or self.first % BLOCK or (self.first and self.region is not None):
            raise SettingError(f"A shard begins at a multiple of {BLOCK:,} samples, and has all that are drawn.")

    @property
    def limit(self) -> int:
        """The number after that of the last sample that is drawn, at most."""
        if self.region is None:
            return int(self.first + self.count)
        usual = min(MOST_SAMPLES, max(LEAST_DRAWN, DRAWN_FOR_EACH * self.count))
        return int(self.most_drawn or usual)

    def contents(self, dim: int, steps: int, labels: int = 1) -> Contents:
        """The datasets of the file for D = `dim` and N = `steps`, with so many `labels` where they are wanted."""
        return Contents(
            int(self.count),
            dim,
            steps,
            self.latents,
            self.trajectories,
            self.noise,
            self.log_prob,
            self.compress,
            self.forward and self.trajectories,
            self.forward and self.noise,
            labels if self.labels else 0,
            self.region is not None,
        )

    def predicted_bytes(self, dim: int, steps: int) -> int:
        """The size of the file, which a compressed one stays below."""
        return file_bytes(self.contents(dim, steps))


@dataclass(frozen=True)
class Selection:
    """Chosen points of a view, written instead of new samples."""

    indices: tuple[int, ...]
    """Their numbers in the view, one for each row."""
    points: int
    """How many points the view has: their noise depends on it."""
    blocks: Iterable[SampleBlock]
    """The rows, in this order."""
    start: Start = "noise"
    """Whether they began as noise of their own or where the forward path of the same point ends."""


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is."""

    done: int
    total: int
    seconds: float
    seconds_left: float | None
    """None until something is done."""
    far: int | None = None
    """How many of those done lie far from the data, beyond 1.5 times its bounding box; None where it is not at hand."""
    drawn: int | None = None
    """How many samples were drawn for those done, which are the ones that ended in the region; None without one."""
    first: int = 0
    """How many of those done were there already, where an interrupted export is gone on with."""


WORDS = {
    "checkpoint": "model, by its SHA-256 sum,",
    "data": "data, by its fingerprint,",
    "count": "number of samples n",
    "steps": "number of steps N",
    "lam": "noise level λ",
    "last": "last step",
    "grid": "time grid",
    "langevin": "number of Langevin steps",
    "most_drawn": "limit of samples drawn",
    "first": "first sample",
    "shards": "choice of --shards",
    "log_prob": "choice of log densities",
    "device": "kind of device",
    "torch": "version of torch",
    "processor": "kind of processor",
    "program": "version of DNF Studio",
}
"""What is asked of an export, where its name does not say it."""
CHOICES = ("latents", "trajectories", "noise", "labels")


def asked_of(flow: GenerativeModel, plan: ExportPlan, steps: int, sha256: str, data: Dataset | None) -> dict[str, Any]:
    """All that the bytes of an export depend on, as plain values for JSON."""
    chosen = {name: getattr(plan, name) for name in ("count", "most_drawn", "log_prob", *CHOICES)}
    settings = asdict(plan.settings) | {"steps": steps, "solver": flow.checked_solver(plan.settings.solver).name}
    del settings["parts"], settings["start"]
    asked = {
        "checkpoint": sha256,
        **settings,
        **chosen,
        **({"first": plan.first} if plan.first else {}),
        "region": None if plan.region is None else asdict(plan.region),
        "data": None if data is None else data.fingerprint,
        "device": flow.device.type,
        "torch": torch.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "program": dnf_studio.__version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(asked, allow_nan=False))
    return plain


def difference(asked: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """What is asked otherwise than `before`, as the rest of a sentence; empty where nothing is."""
    told = [
        f"its {WORDS.get(name, f'choice of {name}' if name in CHOICES else name)} was {_said(before.get(name))} and is "
        f"{_said(asked.get(name))} now"
        for name in [*asked, *(before.keys() - asked.keys())]
        if asked.get(name) != before.get(name)
    ]
    return ", ".join(told[:3])


def plan_of(asked: Mapping[str, Any]) -> ExportPlan:
    """The plan that `asked_of` made this of; raises `SettingError` for what is none."""
    try:
        own = {one.name for one in fields(ExportPlan)} - {"settings", "region"}
        settings = {one.name: asked[one.name] for one in fields(SampleSettings) if one.name in asked}
        if isinstance(settings.get("grid"), list):
            settings["grid"] = tuple(settings["grid"])
        region = None
        if asked["region"] is not None:
            corners, axes, offset, names = (asked["region"][name] for name in ("corners", "axes", "offset", "names"))
            pairs = tuple((x, y) for x, y in corners)
            region = Region(pairs, (tuple(axes[0]), tuple(axes[1])), tuple(offset), tuple(names))
        chosen = {name: asked[name] for name in own if name in asked}
        return ExportPlan(settings=SampleSettings(**settings), region=region, **chosen)
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise SettingError("What was asked of the interrupted export cannot be read; begin anew.") from problem


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
