"""``dnf-studio inspect``: what a checkpoint, a run, an export or a picture holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from typer import Argument

from dnf_studio import api
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import emit
from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.core.data.naming import is_picture

__all__ = ["inspect"]


def inspect(
    file: Annotated[
        str, Argument(metavar="FILE", help="A checkpoint, run, export or picture, or a bundled model's name.")
    ],
    as_json: AsJson = False,
) -> int:
    path = Path(file)
    if is_picture(file):
        held = _picture(file)
    else:
        held = _export(path) if os.path.isfile(path) and api.file_kind(path) == "export" else _checkpoint(file)
    emit(held, "\n".join(_lines(held)), as_json)
    return 0


def _checkpoint(file: str) -> dict[str, Any]:
    checkpoint = api.open_checkpoint(file)
    config = checkpoint.config
    noisy = "sde.g_start" not in MODEL_KINDS[config.model].unused
    noise = config.sde.total_noise if noisy else None
    return {**checkpoint.summary(), "total_noise": noise, "config": config.model_dump()}


def _picture(file: str) -> dict[str, Any]:
    from dnf_studio.core.data.picture import open_picture

    data = open_picture(file)
    rows, columns = data.shape
    return {
        "kind": "picture",
        "name": data.name,
        "size": data.size,
        "used_as": (columns, rows),
        "dark": data.dark_share,
        "settings": asdict(data.settings),
        "entropy": data.entropy,
        "standardisation": data.standardisation.as_dict(),
        "fingerprint": data.fingerprint,
    }


def _export(path: Path) -> dict[str, Any]:
    from dnf_studio.core.storage.sample_reader import read_export

    info = read_export(path)
    return {"kind": "export", **asdict(info), "config": info.config.model_dump()}


def _lines(held: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """One line a value, nested names dotted; of a long list its length."""
    for key, value in held.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and len(value) > 8:
            yield f"{prefix}{key}: {len(value)} values"
        elif value is not None:
            yield f"{prefix}{key}: {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
