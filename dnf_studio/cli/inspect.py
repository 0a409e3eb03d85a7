"""``dnf-studio inspect``: what a checkpoint, a run, an export or a picture holds, and whether it is still that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from dnf_studio import api, assets
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import emit
from dnf_studio.config.model_kinds import MODEL_KINDS
from dnf_studio.core.data.naming import is_picture
from dnf_studio.errors import ExportError, SettingError
from dnf_studio.progress import Progress

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.export_header import ExportInfo
    from dnf_studio.core.storage.verify import Blocks

VERIFY = (
    "Check the whole file: sums, finite numbers, shapes; of an export some samples are drawn again, where its model is "
    "bundled, or beside it, or in this folder."
)
BLOCKS = "With --verify, what is drawn again: some, all, none, or numbers of blocks of 1,024 draws, as in 0,7,12."


def inspect(
    file: Annotated[
        str, Argument(metavar="FILE", help="A checkpoint, run, export or picture, or a bundled model's name.")
    ],
    verify: Annotated[bool, Option("--verify", help=VERIFY)] = False,
    blocks: Annotated[str, Option("--blocks", metavar="B", help=BLOCKS)] = "some",
    checkpoint: Annotated[
        str | None, Option("--checkpoint", metavar="CKPT", help="With --verify, the model that drew the export.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    path = Path(file)
    picture = is_picture(file)
    export = not picture and os.path.isfile(path) and api.file_kind(path) == "export"
    if (blocks != "some" or checkpoint is not None) and not (verify and export):
        raise SettingError("--blocks and --checkpoint say how an export is verified; they go with --verify and one.")
    if picture:
        if verify:
            raise SettingError("A picture has nothing to verify; checkpoints and exports have.")
        held = _picture(file)
    elif export:
        held = _export(path)
        if verify:
            held["verified"] = _verify(path, _blocks(blocks), checkpoint)
    else:
        held = _checkpoint(file)
        if verify:
            held["verified"] = _verify_checkpoint(file)
    emit(held, "\n".join(_lines(held)), as_json)
    return 0


def _blocks(text: str) -> Blocks:
    """The value of --blocks; raises `SettingError`."""
    if text in ("some", "all"):
        return "some" if text == "some" else "all"
    try:
        return [] if text == "none" else [int(word) for word in text.split(",")]
    except ValueError:
        raise SettingError(f"--blocks is some, all, none or numbers such as 0,7,12, not '{text}'.") from None


def _verify(path: Path, blocks: Blocks, named: str | None) -> dict[str, Any]:
    """Check an export; what was found right. Raises `ExportError` for the first fault."""
    from dnf_studio.core.storage.sample_reader import read_export
    from dnf_studio.core.storage.verify import Checked, verify_export

    info = read_export(path)
    flow, model = (None, None) if blocks == [] else _model(path, info, named)
    with Progress("Checking") as progress:
        for now in verify_export(path, flow, blocks):
            if isinstance(now, Checked):
                progress.update(now.done / now.total, f"{now.done:,} of {now.total:,} rows")
                continue
            found = asdict(now)
    why = None
    if flow is None:
        points = "selection" in info.sampling
        why = "not asked" if blocks == [] else "chosen points of a view" if points else "no model with its SHA-256 sum"
    sums = "agree" if found["checksums"] else "none in this file, which an older version wrote"
    return {**found, "checksums": sums, "checksums_compared": found["checksums"] or 0, "model": model, "not_drawn": why}


def _model(path: Path, info: ExportInfo, named: str | None) -> tuple[GenerativeModel | None, str | None]:
    """The model that drew the export and its file; None for points of a view, or where it is nowhere."""
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.library import find_checkpoint

    if "selection" in info.sampling:
        return None, None
    iteration = info.checkpoint.get("iteration")
    places = [*filter(None, map(assets.checkpoint_path, assets.checkpoint_names())), path.absolute().parent, Path.cwd()]
    if named is not None:
        places = [assets.checkpoint_path(named) or Path(named)]
        source = api.open_checkpoint(named)
        if (source.sha256 or digest(source.tensors)) == info.checkpoint_sha256:
            return source.build(), named
    found = find_checkpoint(info.checkpoint_sha256, iteration if isinstance(iteration, int) else 0, places)
    if found is None and named is not None:
        raise ExportError(
            f"'{named}' is not the model that drew '{path}', whose SHA-256 sum is {info.checkpoint_sha256[:12]}…; name "
            "another, or leave --checkpoint out."
        )
    return (None, None) if found is None else (found[1].build(), str(found[0]))


def _verify_checkpoint(file: str) -> dict[str, Any]:
    """What was found right in a checkpoint; reading it compares shapes and sums, and refuses what is not finite."""
    source = api.open_checkpoint(file)
    source.build()
    numbers = sum(tensor.numel() for tensor in source.tensors.values())
    sums = "agree" if source.sha256 else "none in a file of the reference program"
    return {"tensors": len(source.tensors), "numbers": numbers, "checksums": sums}


def _checkpoint(file: str) -> dict[str, Any]:
    checkpoint = api.open_checkpoint(file)
    config = checkpoint.config
    noisy = "sde.g_start" not in MODEL_KINDS[config.model].unused
    noise = config.sde.total_noise if noisy else None
    steps = {f"fitted_{n}": _fitted(checkpoint, n) for n in checkpoint.fitted}
    return {**checkpoint.summary(), **steps, "total_noise": noise, "config": config.model_dump()}


def _fitted(checkpoint: Checkpoint, steps: int) -> dict[str, list[float]]:
    """The numbers of its fitted steps by what they are."""
    from dnf_studio.core.models.fitted_steps import fitted_name
    from dnf_studio.core.sde.solvers.fitted import COLUMNS

    rows = checkpoint.tensors[f"model.{fitted_name(steps)}"]
    return {name.replace(" ", "_"): column.tolist() for name, column in zip(COLUMNS, rows.unbind(1), strict=True)}


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
