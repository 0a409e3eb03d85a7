"""From what is shown to the values of a session, and back to a state that suits the model that was found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.sampling.region import Region
from dnf_studio.core.storage.session_file import ModelPlace, Outline, SessionFile, View
from dnf_studio.core.storage.session_places import place_name
from dnf_studio.errors import SettingError
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.state import LAYERS, State

DataFile = Literal["data", "validation", "test"]
DATA_FILES: tuple[DataFile, ...] = get_args(DataFile)
"""Settings that may name a file."""


def place_of(opened: Opened, folder: Path) -> ModelPlace | None:
    """Where a session in `folder` finds the model again; None where it is in no file."""
    if opened.path is not None:
        return place_at(opened.path, folder, "" if opened.checkpoint is None else opened.checkpoint.sha256)
    return None if opened.shown.trained or opened.held else ModelPlace(kind="untrained")


def place_at(path: Path, folder: Path, sha256: str) -> ModelPlace:
    """The same of the model in a file: a bundled one by its name."""
    bundled = next((name for name in assets.checkpoint_names() if assets.checkpoint_path(name) == path), None)
    if bundled is not None:
        return ModelPlace(kind="bundled", name=bundled, sha256=sha256)
    return ModelPlace(kind="file", name=place_name(path, folder), sha256=sha256)


def data_files(config: Config, folder: Path) -> dict[DataFile, str]:
    """By the setting, what a session in `folder` calls the files that the settings name; folders end with /."""
    found: dict[DataFile, str] = {}
    for name in DATA_FILES:
        source = getattr(config, name)
        if source is not None and os.path.exists(path := split_selection(source)[0]):
            found[name] = place_name(path, folder) + ("/" if path.is_dir() else "")
    return found


def with_files(config: Config, files: Mapping[str, Path | str]) -> Config:
    """The settings with other places of files; what is chosen of each file stays."""
    changes = {}
    for name, path in files.items():
        source = getattr(config, name)
        chosen = None if source is None else split_selection(source)[1]
        changes[name] = str(path) if chosen is None else f"{path}::{chosen}"
    return config.changed(changes) if changes else config


def view_of(state: State) -> View:
    """How the state looks at a model, as a session holds it."""
    values: dict[str, Any] = {
        name: state.value(name) for name in View.model_fields if name not in ("layers", "region", "selection")
    }
    region = state.region
    outline = None if region is None else Outline(**{part.name: getattr(region, part.name) for part in fields(region)})
    chosen = tuple(map(int, state.selection))
    return View(**values, layers=tuple(sorted(state.layers)), selection=chosen, region=outline)


def config_of(session: SessionFile) -> tuple[Config, list[str]]:
    """The settings of a session, and the names of those that this version does not know, which are left out."""
    known, unknown = _known(session.config, Config())
    return Config.create(known), unknown


def _known(values: Mapping[str, Any], of: Any, before: str = "") -> tuple[dict[str, Any], list[str]]:  # noqa: ANN401
    found, unknown = {}, []
    for name, value in values.items():
        if name not in type(of).model_fields:
            unknown.append(f"{before}{name}")
        elif isinstance(value, Mapping) and hasattr(type(getattr(of, name)), "model_fields"):
            found[name], more = _known(value, getattr(of, name), f"{before}{name}.")
            unknown += more
        else:
            found[name] = value
    return found, unknown


def state_of(session: SessionFile, config: Config, opened: Opened) -> tuple[State, list[str]]:
    """The state that a session asks for, as far as the model and the data that were found can have it.

    Also what had to be left out, as parts of a sentence.
    """
    view, lost = session.view, []
    values: dict[str, Any] = {name: getattr(view, name) for name in View.model_fields if name != "region"}
    values["layers"] = frozenset(view.layers) & LAYERS
    if len(values["layers"]) < len(view.layers):
        lost.append("layers that this version has not")
    values["selection"] = tuple(point for point in view.selection if 0 <= point < len(opened.points))
    if missing := len(view.selection) - len(values["selection"]):
        lost.append(f"{counted(missing, 'chosen point')} that the data shown has not")
    elif (region := _region(view, opened)) is not None:
        values["region"] = region
    if far := _out_of_range(values, opened):
        lost.append("components or labels that the data shown has not")
    state, refused = State(config=config), []
    for name, value in values.items():
        if name in far:
            continue
        try:
            state = state.changed({name: value})
        except (SettingError, ValueError, TypeError):
            refused.append(name)
    if refused:
        lost.append(f"what it says of {' and '.join(refused)}")
    return state, lost


def _region(view: View, opened: Opened) -> Region | None:
    """The region that chose the points; None where it is one of other data."""
    outline = view.region
    if outline is None or {len(axis) for axis in outline.axes} != {opened.shown.dim}:
        return None
    try:
        return Region(outline.corners, outline.axes, outline.offset, outline.names)
    except SettingError:
        return None


def _out_of_range(values: Mapping[str, Any], opened: Opened) -> set[str]:
    """Names of what the data has not: where the model found is another one than the session's."""
    dim, far = opened.shown.dim, set()
    if max(values["axes"]) >= max(dim, 2):
        far.add("axes")
    # D and D + 1 are the principal components
    if values["component"] >= (dim + 2 if dim > 2 else dim):
        far.add("component")
    if max(values["pairs"], default=0) >= dim:
        far.add("pairs")
    if values["part"] >= len(opened.shown.labels):
        far.add("part")
    return far
