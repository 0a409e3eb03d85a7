"""The metadata of a checkpoint: strings of JSON with a sum, checked before anything is built of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

import dnf_studio
from dnf_studio.config import Config, recorded
from dnf_studio.config.grids import MAX_STEPS
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.storage.layout import MAX_DIM, MOST_FITTED, Header, parse_json
from dnf_studio.core.storage.needed import check_needed
from dnf_studio.errors import CheckpointError

FORMAT = "dnf-studio-checkpoint"
FORMAT_VERSION, FITTED_VERSION = 1, 2
"""The format of a file, and that of one with fitted steps, which a program of before could not read."""
Kind = Literal["weights", "run"]


class Metadata(BaseModel):
    """The metadata that are neither format nor sum, checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    config: Annotated[Config, BeforeValidator(recorded)]
    dim: int = Field(ge=1, le=MAX_DIM)
    standardisation: Standardisation
    data: DataSummary
    iteration: int = Field(ge=0)
    seconds: float = Field(ge=0)
    history: dict[str, Any]
    metrics: dict[str, float | None]
    state: dict[str, Any]
    plugins: dict[str, str] = {}
    fitted: tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...] = Field((), max_length=MOST_FITTED)
    """The numbers of steps that the file has fitted steps for."""
    fitted_networks: tuple[int, ...] = ()
    """Those of them that have a network of their own."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        mean, scale = self.standardisation.mean, self.standardisation.scale
        if not len(mean) == len(scale) == self.dim or not all(value > 0 for value in scale):
            raise ValueError("the standardisation does not fit")
        if (self.data.image.size if self.data.image else self.dim) != self.dim:
            raise ValueError("the size of the images does not fit")
        if self.config.network.kind == "unet" and self.data.image is None:
            raise ValueError("a U-Net needs the size of its images")
        if list(self.fitted) != sorted(set(self.fitted)) or (self.fitted and self.kind != "weights"):
            raise ValueError("the numbers of fitted steps do not fit")
        if list(self.fitted_networks) != [steps for steps in self.fitted if steps in self.fitted_networks]:
            raise ValueError("the networks of fitted steps do not fit")
        return self


def metadata_of(fields: Mapping[str, Any], sha256: str) -> dict[str, str]:
    """The `fields` of `Metadata`, every value a string; raises ValueError for numbers that JSON does not have."""
    values = dict(fields)
    values |= {name: fields[name].as_dict() for name in ("standardisation", "data")}
    values["config"] = fields["config"].model_dump()
    for name in ("plugins", "fitted", "fitted_networks"):
        if not fields[name]:
            del values[name]
    version = FITTED_VERSION if fields["fitted"] else FORMAT_VERSION
    metadata = {name: json.dumps(value, allow_nan=False, ensure_ascii=False) for name, value in values.items()}
    metadata |= {"kind": fields["kind"], "format": FORMAT, "format_version": str(version)}
    metadata |= {"creator": f"DNF Studio {dnf_studio.__version__}", "sha256": sha256}
    return metadata | {"metadata_sha256": metadata_sum(metadata)}


def metadata_sum(metadata: Mapping[str, str]) -> str:
    counted = {name: value for name, value in metadata.items() if name != "metadata_sha256"}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def checked_metadata(header: Header, path: Path) -> Metadata:
    """The checked metadata of a header."""
    given = dict(header.metadata)
    if given.pop("format", None) != FORMAT:
        raise CheckpointError(f"'{path}' is a safetensors file, but not a checkpoint of DNF Studio.")
    version = given.pop("format_version", "")
    if version.isascii() and version.isdigit() and len(version) < 10 and int(version) > FITTED_VERSION:
        raise CheckpointError(
            f"The checkpoint '{path}' was written by a newer DNF Studio (format {version}, known here is "
            f"{FITTED_VERSION}); update DNF Studio to read it."
        )
    if version != str(FITTED_VERSION if "fitted" in given else FORMAT_VERSION):
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its format version is not one there ever was.")
    if given.pop("metadata_sha256", None) != metadata_sum(header.metadata):
        raise CheckpointError(f"The checkpoint '{path}' was altered: its metadata do not match their SHA-256 sum.")
    kind = given.pop("kind", None)
    if given.pop("creator", None) is None or given.pop("sha256", None) is None:
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its metadata are not complete.")
    try:
        values = {name: parse_json(text) for name, text in given.items()}
        if isinstance(needed := values.get("plugins"), dict):
            check_needed(needed, values.get("config"), f"checkpoint '{path}'", CheckpointError)
        return Metadata.model_validate({"kind": kind} | values)
    except ValidationError as problem:
        where = ".".join(str(part) for part in problem.errors(include_url=False)[0]["loc"]) or "standardisation"
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its {where[:100]} is not valid.") from problem
    except ValueError as problem:
        raise CheckpointError(f"The checkpoint '{path}' is damaged: its metadata are not valid.") from problem
