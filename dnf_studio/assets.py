"""Where the bundled resources and checkpoints are: in a checkout or in an installed wheel.

A wheel carries both folders inside the package; a checkout has them beside it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@cache
def _folder(name: str) -> Path:
    """The bundled folder `name`; a checkout's own goes before one an editable install copied."""
    checkout = PACKAGE.parent
    beside = checkout / name
    return beside if (checkout / "pyproject.toml").is_file() and beside.is_dir() else PACKAGE / name


def resource(*parts: str) -> Path:
    """The path of a bundled resource, such as ``resource("icons", "play.svg")``."""
    return _folder("resources").joinpath(*parts)


def checkpoint_names() -> tuple[str, ...]:
    """The names of the bundled models, sorted."""
    return tuple(sorted(path.stem for path in _folder("checkpoints").glob("*.safetensors")))


def checkpoint_path(name: str) -> Path | None:
    """The file of the bundled model `name`, or None where none bears that name."""
    return _folder("checkpoints") / f"{name}.safetensors" if name in checkpoint_names() else None


def preset_names() -> tuple[str, ...]:
    """The names of the bundled settings, sorted."""
    return tuple(sorted(path.stem for path in resource("presets").glob("*.toml")))


def preset_path(name: str) -> Path | None:
    """The file of the bundled settings `name`, or None where none bear that name."""
    return resource("presets", f"{name}.toml") if name in preset_names() else None
