"""Checkpoints as rows of a table: what their metadata say, and by which settings several of them differ.

Read are headers only, of bounded size, so that a folder of hundreds of models takes seconds and no model is built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from dnf_studio.config import Config, flatten
from dnf_studio.config.grids import grid_label
from dnf_studio.core.files import explain
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.layout import model_shapes
from dnf_studio.core.storage.library import SUFFIX, ModelFile, model_head
from dnf_studio.core.storage.run_folder import HEAD, listed_file
from dnf_studio.core.storage.snapshots import SUFFIX as SNAPSHOTS
from dnf_studio.errors import StudioError

DEEPEST = 3
"""Folders within a folder that are looked into, one in the other."""
MOST_FILES = 5_000
NAMED = ("nll_bound", "nll_ode", "nll_validation")
"""Metrics that every table has a column for."""
TOLD = ("data", "model", "sde.steps")
"""Settings that are columns anyway."""
Setting = Any


@dataclass(frozen=True)
class RunFacts:
    """One checkpoint; of a broken one only `file`, whose `fault` says why."""

    file: ModelFile
    seconds: float | None = None
    """Training time."""
    parameters: int | None = None
    """Numbers that training changes."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What was measured and kept in the file, nats or model units."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """Every setting of the experiment by its dotted name."""
    defaults: Mapping[str, Setting] = field(default_factory=dict)
    """What each of them is by default for this kind of model, network and drift."""
    exactly: Mapping[str, str] = field(default_factory=dict)
    """Every setting in letters that are the same for equal values only: settings of many runs are compared by them."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Every setting in short (`setting_text`)."""


def run_facts(path: Path) -> RunFacts:
    """What the header of the checkpoint at `path` says; a bad file has a fault and raises nothing."""
    file, head = model_head(path)
    if head is None:
        return RunFacts(file)
    metrics = {name: float(value) for name, value in head.metrics.items() if value is not None}
    settings = flatten(head.config.model_dump())
    exactly = {name: repr(value) for name, value in settings.items()}
    written = {name: setting_text(value) for name, value in settings.items()}
    defaults = _defaults(*_kinds(head.config))
    return RunFacts(file, head.seconds, _parameters(head), metrics, settings, defaults, exactly, written)


def run_files(folders: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Every checkpoint file in `folders` and the folders within, once, and a sentence for each folder that fails.

    Of the folder of a run there is one file. Hidden files and folders, those of snapshots, and links to folders are
    left out; folders are looked into three deep, and at most 5,000 files are listed, of which a sentence tells too.
    """
    found: dict[str, Path] = {}
    problems: list[str] = []
    for folder in folders:
        for path in _walk(folder, DEEPEST, problems.append):
            found.setdefault(os.path.realpath(path), path)
            if len(found) >= MOST_FILES:
                problems.append(f"Only the first {MOST_FILES:,} files are listed; choose smaller folders.")
                return list(found.values()), problems
    return list(found.values()), problems


def differing_settings(rows: Sequence[RunFacts]) -> tuple[str, ...]:
    """Names of the settings whose values differ between those of `rows` that can be opened, in their usual order.

    One that only some of them have, as an older file may, differs too. Data, model and N are not among them.
    """
    known = [row.exactly for row in rows if row.exactly]
    names = dict.fromkeys(name for settings in known for name in settings)
    return tuple(name for name in names if name not in TOLD and len({one.get(name) for one in known}) > 1)


def other_metrics(rows: Sequence[RunFacts]) -> tuple[str, ...]:
    """Names of what else was measured on some of `rows`, such as distances."""
    return tuple(sorted({name for row in rows for name in row.metrics} - {*NAMED}))


def setting_text(value: Setting) -> str:
    """A value of a setting in short: a time grid in words, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}".replace("-", "−")
    return grid_label(value) if isinstance(value, tuple) else str(value)


def _walk(folder: Path, deep: int, tell: Callable[[str], None]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        tell(f"The folder '{folder}' is not there.")
        return
    except (OSError, ValueError) as problem:
        tell(f"Cannot read the folder '{folder}': {explain(problem)}.")
        return
    if any(entry.name == HEAD for entry in entries):
        if (file := listed_file(folder)) is not None:
            yield file
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(SNAPSHOTS):
            continue
        if entry.name.lower().endswith(SUFFIX):
            yield Path(entry.path)
        elif deep > 1 and entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), deep - 1, tell)


def _parameters(head: Checkpoint) -> int:
    network, sde = head.config.network.model_dump_json(), head.config.sde.model_dump_json()
    key = f"{head.config.model} {network} {sde} {head.dim} {head.data.image}"
    if key not in _COUNTED:
        _, shapes = model_shapes(head.config, head.dim, head.data.image)
        _COUNTED[key] = sum(map(prod, shapes.values()))
    return _COUNTED[key]


_COUNTED: dict[str, int] = {}
"""Models of the same settings have as many; making their networks to count takes longer than reading the file."""


def _kinds(config: Config) -> tuple[str, str, str]:
    return config.model, config.network.kind, config.network.drift


@lru_cache(maxsize=64)
def _defaults(model: str, network: str, drift: str) -> Mapping[str, Setting]:
    """All settings by default; nothing where the kinds themselves are no experiment without others."""
    try:
        return flatten(Config.create({"model": model, "network": {"kind": network, "drift": drift}}).model_dump())
    except StudioError:
        return {}
