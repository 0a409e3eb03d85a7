"""Time grids that a person keeps: one small JSON file each, named as the file is. Needs no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnf_studio.config.grids import GRID_NAMES, GridKind, Nodes, check_grid
from dnf_studio.core.files import atomic_file, checked_name, explain, files_in, make_folder, renamed, source_size
from dnf_studio.errors import SettingError, StudioError, continued

SUFFIX = ".json"
FORMAT, FORMAT_VERSION = "dnf-studio time grid", 1
MOST_BYTES = 1 << 20
"""Size of the largest file that is read: 10,001 nodes take 0.2 MB."""


@dataclass(frozen=True)
class GridPreset:
    """A grid by its nodes, which serve any N by interpolation."""

    path: Path
    nodes: Nodes

    @property
    def name(self) -> str:
        """Its file's name without the suffix."""
        return self.path.stem


def read_preset(path: Path) -> GridPreset:
    """The preset in a file; raises `StudioError` where it is none."""
    if source_size(path, StudioError) > MOST_BYTES:
        raise StudioError(f"'{path}' is too large for a preset of a time grid.")
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise StudioError(f"Cannot read '{path}': {explain(problem)}.") from problem
    except (ValueError, RecursionError) as problem:
        raise StudioError(f"'{path}' is not valid JSON and so no preset of a time grid.") from problem
    if not isinstance(values, dict) or values.get("format") != FORMAT or not isinstance(values.get("nodes"), list):
        raise StudioError(f"'{path}' is not a preset of a time grid.")
    version = values.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise StudioError(f"The preset '{path}' was written by a newer DNF Studio; update DNF Studio to read it.")
    try:
        nodes = check_grid(values["nodes"])
    except SettingError as problem:
        raise StudioError(f"The preset '{path}' cannot be used: {continued(str(problem))}") from problem
    assert not isinstance(nodes, str)
    return GridPreset(path, nodes)


def list_presets(folder: Path) -> tuple[tuple[GridPreset, ...], tuple[str, ...]]:
    """The presets in `folder` by name, and a sentence for every file there that is none; raises `StudioError`."""
    found, faults = [], []
    for path in sorted(files_in(folder, SUFFIX), key=lambda path: path.name.casefold()):
        try:
            found.append(read_preset(path))
        except StudioError as problem:
            faults.append(str(problem))
    return tuple(found), tuple(faults)


def preset_path(folder: Path, name: str) -> Path:
    """Where the preset `name` is or would be; raises `StudioError` for a name that cannot be."""
    return folder / f"{_checked(name)}{SUFFIX}"


def save_preset(folder: Path, name: str, nodes: Nodes) -> GridPreset:
    """Write the preset, also over an older one of this name; raises `StudioError`."""
    path = preset_path(folder, name)
    checked = check_grid(nodes)
    if isinstance(checked, str):
        raise SettingError("A preset is made of nodes, not of the name of a grid.")
    make_folder(folder, StudioError)
    text = json.dumps({"format": FORMAT, "version": FORMAT_VERSION, "nodes": checked})
    with atomic_file(path, StudioError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return GridPreset(path, checked)


def rename_preset(path: Path, name: str) -> Path:
    """Give the preset another name and return where it is; raises `StudioError`."""
    return renamed(path, f"{_checked(name)}{SUFFIX}", "preset")


def delete_preset(path: Path) -> None:
    """Delete the preset; one that is gone already is no mistake. Raises `StudioError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        raise StudioError(f"Cannot delete '{path.name}': {explain(problem)}.") from problem


def parse_grid(text: str) -> GridKind:
    """What a person writes for a grid: its name, or the file of a preset. Raises `StudioError`."""
    if text in GRID_NAMES:
        return text
    path = Path(text).expanduser()
    if path.suffix.lower() == SUFFIX or path.exists():
        return read_preset(path).nodes
    names = ", ".join(GRID_NAMES[:-1])
    raise SettingError(f"The time grid '{text}' is not one of {names} and {GRID_NAMES[-1]}, nor the file of a preset.")


def _checked(name: str) -> str:
    plain = checked_name(name, SUFFIX, "preset")
    if plain.casefold() in GRID_NAMES:
        raise StudioError(f"'{plain}' is a time grid of the studio; choose another name.")
    return plain
