"""The line of the command line that does the nearest thing to what the window shows."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from dnf_studio.config import Config
from dnf_studio.gui.features.scripts.described import Change, Described, differences
from dnf_studio.gui.workspace.run_changes import change_words
from dnf_studio.gui.workspace.shown import data_stem

OPTIONS = {
    "data": "--data",
    "validation": "--validation",
    "test": "--test",
    "model": "--model",
    "missing": "--missing",
    "label": "--label",
    "network.drift": "--drift",
    "sde.steps": "--steps",
    "training.straight": "--straight",
    "training.batch": "--batch",
    "training.learning_rate": "--learning-rate",
    "training.clip": "--clip",
    "training.precision": "--precision",
    "training.device": "--device",
    "training.seed": "--seed",
}
"""The options of ``train`` that a setting has."""
ENDS = ("training.iterations", "training.seconds")


def command(shown: Described, windows: bool) -> str:
    """A command with what it cannot say in comments before it, for the command prompt of Windows or a POSIX shell."""
    words, told = _train(shown) if _trains(shown) else _sample(shown)
    files = [word for file in shown.plugins for word in ("--with", file)]
    line = ["dnf-studio", *files, *words]
    mark = "rem" if windows else "#"
    comments = [f"{mark} {' '.join(text.split())}" if text.strip() else mark for text in told]
    return "\n".join([*comments, subprocess.list2cmdline(line) if windows else shlex.join(line), ""])


def _trains(shown: Described) -> bool:
    """Whether what is shown is a run, or what one would begin with, and no model of a file."""
    return shown.trained is not None or shown.source.config is not None


def _sample(shown: Described) -> tuple[list[str], list[str]]:
    """Samples by the settings of the views, of an export as many as that has."""
    sampling, source = shown.sampling, shown.source
    told = [
        "Samples by the settings of the views; their latents and noise are those of exports, not those of the views: "
        "Copy as Python has these."
    ]
    if source.held:
        told.append(f"The model is held by {source.held}: save it there first, and name the file here.")
    elif not source.saved:
        told.append("The model is not saved yet: save it in the studio (File, Save) under this name first.")
    if sampling.parts != "both":
        told.append(f"The views keep the {sampling.parts} of the backward process alone; samples have both fields.")
    name = source.name or "model.safetensors"
    count = shown.exported or shown.points
    words = ["sample", name, "-n", str(count), "--steps", str(sampling.steps), "--lambda", f"{sampling.lam:g}"]
    if sampling.solver is not None:
        words += ["--solver", sampling.solver]
    words += ["--last-step", sampling.last]
    if isinstance(sampling.grid, str):
        words += ["--grid", sampling.grid]
    elif sampling.grid is not None:
        told.append("The time grid is one of your own: save it in the grid editor and name its file here.")
        words += ["--grid", "grid.json"]
    if sampling.langevin:
        words += ["--langevin", str(sampling.langevin)]
    words += ["--seed", str(sampling.seed), "--trajectories", "-o", f"{_stem(shown.title)}.h5"]
    told.append(f"How good the model is: dnf-studio evaluate {_quoted(name)} --steps {sampling.steps}")
    return words, told


def _quoted(word: str) -> str:
    return shlex.quote(word)


def _train(shown: Described) -> tuple[list[str], list[str]]:
    """The run as it began, to the iteration that it has come to; later changes as comments."""
    config, told = shown.config, [f"The run as it began, {_begun(shown)}."]
    if config.data.startswith(("memory:", "drawing:")):
        told.append("Its data is no file: save it and name that file after --data.")
    changed = differences(config)
    changed["data"] = shown.data or config.data
    words = ["train", *_options(changed)]
    if config.drop_constant:
        words.append("--drop-constant")
    rest = {name: value for name, value in changed.items() if name not in {*OPTIONS, *ENDS, "drop_constant"}}
    if rest:
        told.append("These settings have no option of their own; write them into experiment.toml:")
        told += _toml(rest)
        words += ["--config", "experiment.toml"]
    words += _end(config, shown.trained)
    told += _changes(shown.changes)
    return [*words, "-o", f"{config.model}-{data_stem(config.data) or 'data'}.safetensors"], told


def _begun(shown: Described) -> str:
    if shown.trained is None:
        return "which has not begun yet"
    return f"which has come to iteration {shown.trained:,}; by another number of them rates fall otherwise"


def _options(changed: Mapping[str, object]) -> list[str]:
    return [word for name, option in OPTIONS.items() if name in changed for word in (option, _plain(changed[name]))]


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _end(config: Config, trained: int | None) -> list[str]:
    """After how much it ends: a run where it is now, what has not begun when the settings say."""
    if trained:
        return ["--iterations", str(trained)]
    if config.training.seconds is not None:
        return ["--seconds", _plain(config.training.seconds)]
    return ["--iterations", str(config.training.iterations)]


def _toml(rest: Mapping[str, object]) -> list[str]:
    """Settings as lines of TOML, each group after its name."""
    import tomli_w

    groups: dict[str, dict[str, object]] = {}
    for name, value in rest.items():
        group, _, leaf = name.rpartition(".")
        if value is not None:
            groups.setdefault(group, {})[leaf] = list(value) if isinstance(value, tuple) else value
    top = groups.pop("", {})
    return [line for line in tomli_w.dumps({**top, **groups}).splitlines() if line]


def _changes(changes: Iterable[Change]) -> list[str]:
    found = [f"After iteration {at:,}: {change_words(name, before, after)}" for at, name, before, after in changes]
    return ["While it went on this was changed, which one command cannot say:", *found] if found else []


def _stem(title: str) -> str:
    return Path(title).stem or "samples"
