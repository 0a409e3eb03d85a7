"""From a name or a file to a model in the views. Runs in a background thread: it imports torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnf_studio import api, assets
from dnf_studio.config import Config
from dnf_studio.core.data.naming import split_selection
from dnf_studio.errors import DataError, StudioError
from dnf_studio.gui.workspace.shown import ShownModel

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.content_split import SplitRule
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.training.run import Run
    from dnf_studio.gui.workspace.exported import ExportShown
    from dnf_studio.workers.snapshot import Snapshot

DISPLAY_POINTS = 2000
FEWER_POINTS = 256
"""Display points of a model with U-Nets, which would take minutes for `DISPLAY_POINTS`."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A model to show, the points to show it with, and the file it came from."""

    shown: ShownModel
    config: Config
    snapshot: Snapshot
    points: Tensor
    """(P, D), model units."""
    dataset: Dataset | None = None
    checkpoint: Checkpoint | None = None
    path: Path | None = None
    """The checkpoint's file."""
    note: str = ""
    """A sentence on what a person should know about how it was opened."""
    source: str = ""
    """The file that was asked for, with what was chosen of it; empty for a bundled name."""
    kind: str = ""
    """Kind of `source`: checkpoint, data, export or run, the folder of one."""
    preset: Config | None = None
    """The settings that a bundled model brought: they go with it."""
    export: ExportShown | None = None
    """The samples that the backward view shows as long as the settings are theirs."""
    held: str = ""
    """Why the model is not the window's own to train, as a sentence: a script holds it, or another process trains it;
    empty of all others. Only what is trained elsewhere has a `checkpoint`, too."""

    def called(self, title: str) -> Opened:
        """A copy with another title."""
        return replace(self, shown=replace(self.shown, title=title))


RUN_FOLDER = "run/"
"""Stands for the folders of runs among the suffixes of what `Files.openers` open."""
SAMPLES = "samples"
"""Name of the array of an export that is its data."""


def samples_of(export: Path) -> str:
    """The data source that stands for the samples of an export."""
    return f"{export}::{SAMPLES}"


def bundled_name(data: str, model: str = "diffflow") -> str:
    """The bundled model of a data set, if there is one of this kind, has this name."""
    return f"{model}-{data}"


def open_any(
    name: str,
    config: Config,
    places: Sequence[Path] = (),
    in_memory: Sequence[tuple[GenerativeModel, Checkpoint | None]] = (),
    settings: Mapping[str, object] | None = None,
) -> Opened:
    """A bundled model, a checkpoint file, an export, or a data file with an untrained model of `config`.

    Decided by what the file is, not by how it is called. The model of an export is looked for among
    `in_memory`, which are in memory, and the files and folders `places`. `settings` say what to do with data.
    """
    if name in assets.checkpoint_names():
        return _open_checkpoint(name)
    path, chosen = split_selection(name)
    if chosen is None and (run := run_folder_of(name)) is not None:
        return _open_run(run)
    if chosen is None and os.path.exists(path) and not os.path.isdir(path):
        kind = api.file_kind(path)
        if kind in ("checkpoint", "reference"):
            return replace(_open_checkpoint(str(path)), source=_whole(name), kind="checkpoint")
        if kind == "export":
            return _open_export(path, places, in_memory)
    others = {"validation": None, "test": None, "missing": "error", "label": None}
    opened = untrained(config.changed({"data": name, **others, **(settings or {})}))
    return replace(opened, source=_whole(name), kind="data") if _is_file(name) else opened


def run_folder_of(name: str) -> Path | None:
    """The folder of the run that is named, itself or by its ``run.json``; None of everything else."""
    from dnf_studio.core.storage.run_folder import HEAD, is_run_folder

    path = Path(name)
    folder = path.parent if path.name == HEAD else path
    return folder if is_run_folder(folder) else None


def _open_run(folder: Path) -> Opened:
    """The newest weights of the run in `folder`, as they are now."""
    from dnf_studio.core.storage.run_folder import newest_checkpoint

    file, checkpoint = newest_checkpoint(folder)
    return replace(show_checkpoint(checkpoint, folder.name, file), source=str(folder.absolute()), kind="run")


def _is_file(name: str) -> bool:
    return os.path.exists(split_selection(name)[0])


def _whole(name: str) -> str:
    """`name` with its folder, and what is chosen of the file."""
    file, chosen = split_selection(name)
    return f"{file.absolute()}" if chosen is None else f"{file.absolute()}::{chosen}"


def open_for(config: Config, preset: Config | None = None) -> Opened:
    """The model of the data and the settings of `config`, and the settings to go on with.

    It is the bundled one where its model, networks and SDE are as these settings say, else an untrained one. What
    stands as in `preset`, which a bundled model of other data brought, goes back to the defaults, and what stands
    there is as the bundled model of this data has it: what a person changed stays.
    """
    name = bundled_name(config.data.partition("::")[0], config.model)
    found = _open_checkpoint(name) if name in assets.checkpoint_names() else None
    if found is not None and found.config.data != config.data:
        # Pixels as they are and their logits are two sets of data
        found = None
    if preset is None or split_selection(preset.data)[0] != split_selection(config.data)[0]:
        own = None if found is None or found.config.kinds != config.kinds else found.config
        config, preset = config.without(preset, own), own
    if found is not None and _describes(config, found.config):
        return replace(found, config=config, preset=preset)
    note = "" if found is None else _other_settings_note(config, name)
    return replace(untrained(config), config=config, preset=preset, note=note)


def _describes(config: Config, trained: Config) -> bool:
    """Whether a model that was trained with `trained` is one of `config`; how it is trained does not matter."""
    return (config.model, config.network, config.sde) == (trained.model, trained.network, trained.sde)


def _other_settings_note(config: Config, name: str) -> str:
    return (
        f"An untrained {config.model} of {config.data} with your settings: press Train to fit it. The bundled {name} "
        "has others; it is in the Library."
    )


def _no_data_note(file: str, data: str) -> str:
    from dnf_studio.core.storage.reference_program import UNKNOWN

    missing = (
        f"{file} does not say what data it was trained on"
        if data == UNKNOWN
        else f"The data '{data}' of {file} is not here"
    )
    return f"{missing}, so the forward process starts from the model's own samples."


def _open_checkpoint(name: str) -> Opened:
    return show_checkpoint(api.open_checkpoint(name), Path(name).name, assets.checkpoint_path(name) or Path(name))


def show_checkpoint(checkpoint: Checkpoint, title: str, path: Path | None) -> Opened:
    """The model of a checkpoint with its data, or with its own samples where the data is not here."""
    from dnf_studio.workers.snapshot import Snapshot

    snapshot = Snapshot.of_checkpoint(checkpoint)
    flow, note, dataset = snapshot.flow, "", None
    try:
        dataset = _dataset(checkpoint.config, checkpoint.data.split)
        points = _points(dataset, flow)
    except StudioError:
        points = _points(None, flow)
        note = _no_data_note(title, checkpoint.config.data)
    shown = ShownModel(
        title=title,
        data=checkpoint.data.name,
        columns=tuple(checkpoint.data.columns),
        entropy=checkpoint.data.entropy,
        image=checkpoint.data.image or (dataset.image if dataset is not None else None),
        rows=(checkpoint.data.rows if dataset is None else dataset.rows) is not None,
        **_facts(flow, dataset),
    )
    preset = checkpoint.config if path in bundled_files() else None
    return Opened(shown, checkpoint.config, snapshot, points, dataset, checkpoint, path, note, preset=preset)


def _facts(flow: GenerativeModel, dataset: Dataset | None) -> dict[str, Any]:
    """What `ShownModel` says of a model and its data, wherever they come from."""
    from dnf_studio.core.data.modes import mode_names
    from dnf_studio.core.evaluation.chain_bounds import attainable_of

    return {
        "dim": flow.dim,
        "steps": len(flow.timestamps) - 1,
        "attainable": None if dataset is None else attainable_of(flow, dataset),
        "about": "" if dataset is None else dataset.about,
        "labels": mode_names(dataset),
        "solvers": flow.solvers,
        "kind": flow.config.model,
        "lacks": flow.lacks,
    }


def bundled_files() -> list[Path]:
    """The files of the bundled models."""
    return [found for name in assets.checkpoint_names() if (found := assets.checkpoint_path(name))]


def _open_export(
    path: Path, places: Sequence[Path], in_memory: Sequence[tuple[GenerativeModel, Checkpoint | None]]
) -> Opened:
    """The model that drew an export, set as it was then, with the samples of the file."""
    from dnf_studio.gui.workspace.exported import find_model, read_shown

    info, checkpoint, file = find_model(path, [*bundled_files(), *places], in_memory)
    model = file.stem if file is not None else "the model trained here"
    opened = show_checkpoint(checkpoint, path.name, file)
    export = read_shown(path, info, opened.snapshot.flow)
    note = f"{export.sentence(model, len(opened.points))} {opened.note}".strip()
    return replace(opened, note=note, source=_whole(str(path)), kind="export", export=export)


def copy_of(run: Run) -> tuple[GenerativeModel, Checkpoint]:
    """The weights that sampling uses, which nobody changes any more, and their checkpoint."""
    from dnf_studio.workers.snapshot import Snapshot

    checkpoint = run.state().checkpoint("weights")
    return Snapshot.of_checkpoint(checkpoint).flow, checkpoint


def beside_run(export: str, config: Config, run: Run) -> Opened:
    """An export that the weights of `run` drew as they are, to be shown while the run stays in memory."""
    opened = open_any(export, config, in_memory=[copy_of(run)])
    return replace(opened, note=f"{opened.note} The run stays as it is.")


def untrained(config: Config) -> Opened:
    """The data that `config` names and a model of it with the weights a run would begin with."""
    from dnf_studio.core.training.weights import first_model
    from dnf_studio.workers.snapshot import Snapshot

    dataset = _dataset(config)
    flow, _ = first_model(config, dataset)
    shown = ShownModel(
        title="untrained model",
        data=config.data,
        columns=dataset.columns,
        entropy=dataset.entropy,
        trained=False,
        image=dataset.image,
        rows=dataset.rows is not None,
        **_facts(flow, dataset),
    )
    return Opened(shown, config, Snapshot.of(flow), _points(dataset, flow), dataset)


def _dataset(config: Config, rule: SplitRule | None = None) -> Dataset:
    from dnf_studio.core.data.catalogue import open_configured
    from dnf_studio.core.storage.reference_program import UNKNOWN

    if config.data == UNKNOWN:
        raise DataError("This model does not say what data it was trained on; choose data first, then press Train.")
    return open_configured(config, rule)


def display_points(flow: GenerativeModel) -> int:
    """How many points a model is shown with."""
    return DISPLAY_POINTS if flow.config.network.kind == "mlp" else FEWER_POINTS


def _points(dataset: Dataset | None, flow: GenerativeModel) -> Tensor:
    """The display set in the units of `flow`, (P, D)."""
    from dnf_studio.core.exploration.displayed import displayed_points

    return displayed_points(flow, dataset, display_points(flow))
