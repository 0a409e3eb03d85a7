"""What a script needs to know of the window, taken in the window's thread as plain values."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dnf_studio.config import Config, flatten
from dnf_studio.core.data.naming import MEMORY, is_drawing, split_selection
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import node_at
from dnf_studio.gui.workspace.opening import bundled_files
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.plugins import VARIABLE

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run
    from dnf_studio.gui.workspace.opening import Opened
    from dnf_studio.gui.workspace.state import State
    from dnf_studio.workers.frames import Frame

Change = tuple[int, str, object, object]
"""Iteration, dotted name, value before, value after."""


@dataclass(frozen=True)
class Source:
    """How a program gets hold of the model: one of these, the first that is there."""

    held: str = ""
    """The script that holds it, in words; that one has to hand it over itself."""
    config: Config | None = None
    """Settings of an untrained model, whose first weights follow from them."""
    name: str = ""
    """A bundled name or a whole path; of a model that is not saved, where it could be."""
    saved: bool = True
    sha256: str = ""
    """Sum of the tensors, where it is known."""
    iteration: int | None = None
    """After which iteration the weights were so, where they are from the midst of a run."""


@dataclass(frozen=True)
class Described:
    """What is shown, and how."""

    title: str
    source: Source
    config: Config
    """The experiment: of the run as it began, or of the model."""
    sampling: SampleSettings
    """With the number of steps that is shown."""
    points: int
    data: str = ""
    """A file of data with its folder and what is chosen of it; empty where the model's own name for it is enough."""
    fingerprint: str = ""
    own_samples: bool = False
    """Whether the points are samples of the model, since its data is not here."""
    chosen: tuple[int, ...] = ()
    chosen_in: Literal["forward", "backward", "both"] = "forward"
    step: int = 0
    """Node of the time cursor."""
    axes: tuple[int, int] = (0, 1)
    dim: int = 2
    theme: Literal["light", "dark"] = "light"
    export: str = ""
    """The export whose samples the backward view shows."""
    exported: int = 0
    """How many samples it holds."""
    trained: int | None = None
    """Iterations of the run in memory; None where there is none."""
    changes: tuple[Change, ...] = ()
    """What was changed while that run went on."""
    plugins: tuple[str, ...] = ()
    """Files of ``--with`` that the model needs."""
    packages: tuple[str, ...] = ()
    """Other plug-ins that it needs."""
    bounded: bool = True
    """Whether there is a disagreement."""
    second: Described | None = None
    """The model that is compared with it."""
    shares: bool = False
    """Whether the second model starts from the points of the first, or as many of them as it has."""


def describe(workspace: Workspace) -> Described | None:
    """What the window shows now; None where it shows nothing yet."""
    opened, frame = workspace.studio.current, workspace.live.frame
    if opened is None or frame is None:
        return None
    run, past = workspace.studio.training.run, workspace.studio.past.shown
    config, changes = (opened.config, ()) if run is None else _begun(run)
    found = _of_model(workspace, opened, frame, workspace.session.effective)
    source = _source(opened, run, workspace.studio.training.unsaved, workspace.files.proposed)
    if past is not None:
        file = "" if past.file is None else str(past.file.absolute())
        name = file or f"{Path(source.name).with_suffix('')}-{past.iteration}.safetensors"
        source = Source(name=name, saved=bool(file), iteration=past.iteration)
    whole = replace(
        found, source=source, config=config, changes=changes, trained=None if run is None else run.iteration
    )
    return replace(whole, second=_second(workspace, opened))


def _second(workspace: Workspace, first: Opened) -> Described | None:
    """The model that is compared, as far as it is shown."""
    from dnf_studio.gui.workspace.kept_models import is_same_data

    comparison = workspace.comparison
    second, frame = comparison.second, comparison.frame
    if second is None or frame is None:
        return None
    found = _of_model(workspace, second.opened, frame, comparison.effective)
    title = f"{Path(second.opened.shown.title).stem}-b"
    return replace(found, title=title, shares=is_same_data(first, second.opened))


def _of_model(workspace: Workspace, opened: Opened, frame: Frame, state: State) -> Described:
    """What is shown of a model of a file, or of none."""
    data, fingerprint = _data(opened)
    export = opened.export if opened.export is not None and opened.export.fits(frame) else None
    needed = {} if opened.checkpoint is None else opened.checkpoint.plugins
    files = [file for file in os.environ.get(VARIABLE, "").split(os.pathsep) if file]
    known = {Path(file).name: file for file in files}
    steps, axes = len(frame.t) - 1, tuple(min(axis, opened.shown.dim - 1) for axis in state.axes)
    return Described(
        title=opened.shown.title,
        source=_source(opened, None, False, lambda: Path(f"{Path(opened.shown.title).stem}.safetensors")),
        config=opened.config,
        sampling=replace(frame.request, steps=steps),
        points=len(opened.points),
        data=data,
        fingerprint=fingerprint,
        own_samples=opened.dataset is None,
        chosen=state.selection,
        chosen_in="both" if state.paired else state.selection_of,
        step=node_at(workspace.session.cursor.fraction * steps),
        axes=(axes[0], axes[1]),
        dim=opened.shown.dim,
        theme="dark" if workspace.appearance.theme.name == "dark" else "light",
        export="" if export is None else opened.source,
        exported=0 if export is None else export.count,
        plugins=tuple(known[name] for name in dict.fromkeys(needed.values()) if name in known),
        packages=tuple(name for name in dict.fromkeys(needed.values()) if name not in known),
        bounded="bound" not in opened.shown.lacks and "noise" not in opened.shown.lacks,
    )


def differences(config: Config) -> dict[str, object]:
    """The settings that are not the defaults of this kind of model, networks and drift, and those kinds themselves
    where they are not the usual ones, by dotted name."""
    own, usual, first = (flatten(one.model_dump()) for one in (config, config.defaults(), Config()))
    kinds = config.kinds
    return {name: value for name, value in own.items() if value != (first if name in kinds else usual)[name]}


def sum_checked(shown: Described) -> Described:
    """`shown` with the sum of its model's file as it is now; for a thread.

    A file that is no longer what was opened, or gone, counts as not saved.
    """
    from dnf_studio import api
    from dnf_studio.core.storage.layout import digest

    if shown.second is not None:
        shown = replace(shown, second=sum_checked(shown.second))
    source = shown.source
    if not source.name or not source.saved:
        return shown
    try:
        found = api.open_checkpoint(source.name)
    except StudioError:
        return replace(shown, source=replace(source, saved=False, sha256=""))
    own = found.sha256 or digest(found.tensors)
    if source.sha256 not in ("", own):
        return replace(shown, source=replace(source, saved=False, sha256=""))
    return replace(shown, source=replace(source, sha256=own))


def _source(opened: Opened, run: Run | None, unsaved: bool, proposed: Callable[[], Path]) -> Source:
    if opened.held:
        return Source(held=opened.held.partition(" holds")[0].partition(" has made")[0])
    if run is None and not opened.shown.trained:
        return Source(config=opened.config)
    path, known = opened.path, opened.checkpoint
    if (run is not None and unsaved) or path is None:
        return Source(name=str(proposed()), saved=False)
    name = path.stem if path in bundled_files() else str(path.absolute())
    # A run that was trained further and saved has another sum than the file that was opened
    return Source(name=name, sha256=known.sha256 if known is not None and run is None else "")


def _data(opened: Opened) -> tuple[str, str]:
    """The file of the data with its folder, and the fingerprint of what was read there; nothing of a built-in set."""
    if opened.dataset is None or opened.held:
        return "", ""
    name = opened.config.data
    file, chosen = split_selection(name)
    if name.startswith(MEMORY) or is_drawing(name) or not file.exists():
        return "", ""
    whole = str(file.absolute()) if chosen is None else f"{file.absolute()}::{chosen}"
    return whole, opened.dataset.fingerprint


def _begun(run: Run) -> tuple[Config, tuple[Change, ...]]:
    """The settings that a run began with, and its changes since."""
    from dnf_studio.core.training.record import STAGE

    marks = [mark for mark in run.marks.all if mark.name != STAGE]
    first: dict[str, object] = {}
    for mark in marks:
        first.setdefault(mark.name, mark.before)
    changes = tuple((mark.iteration, mark.name, mark.before, mark.after) for mark in marks)
    return run.config.changed(first), changes
