"""Every setting of an experiment and the one home of its default.

A `Config` is frozen and validated when made; a change yields a new one. It travels as TOML
(files a person writes) and as JSON (checkpoints and exports).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dnf_studio.errors import SettingError

__all__ = ["Config", "GridName", "NetworkConfig", "SDEConfig", "TrainingConfig"]

GridName = Literal["reference", "paper", "uniform"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]
MAX_STEPS = 10_000


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown names and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SDEConfig(Settings):
    """The time grid and the diffusion coefficient g(t) (METHOD 4)."""

    steps: int = Field(30, ge=1, le=MAX_STEPS, title="Steps N")
    grid: GridName = Field("reference", title="Time grid")
    beta: float = Field(0.9, gt=0, le=10, title="Grid power β")
    t_start: float = Field(0.001, ge=0, lt=1000, title="First time t₀")
    t_end: float = Field(0.05, gt=0, le=1000, title="Last time T")
    g_start: float = Field(0.2, gt=0, le=100, title="g at the data")
    g_end: float = Field(0.2, gt=0, le=100, title="g at the noise")

    @model_validator(mode="after")
    def _times_increase(self) -> Self:
        if self.t_end <= self.t_start:
            raise ValueError("the last time t_end must be greater than the first time t_start")
        return self


class NetworkConfig(Settings):
    """The size of each of the two networks (METHOD 6)."""

    layers: int = Field(3, ge=1, le=16, title="Hidden layers")
    channels: int = Field(128, ge=4, le=2048, title="Channels")


class TrainingConfig(Settings):
    """How the two networks are fitted.

    `iterations` and `seconds` are totals of the run, resumed parts included; where `seconds` is
    set it alone decides when the run ends.
    """

    batch: int = Field(512, ge=1, le=1_000_000, title="Batch")
    iterations: int = Field(3000, ge=1, le=10**9, title="Iterations")
    seconds: float | None = Field(None, gt=0, le=10**8, title="Seconds")
    learning_rate: float = Field(1e-2, gt=0, le=10, title="Learning rate")
    decay: Literal["cosine", "step", "constant"] = Field("cosine", title="Learning-rate decay")
    clip: float = Field(1.0, gt=0, le=1e6, title="Gradient clip")
    ema: float = Field(0.99, ge=0, lt=1, title="EMA decay")
    seed: int = Field(0, ge=0, lt=2**63, title="Seed")
    device: Device = Field("auto", title="Device")
    precision: Precision = Field("auto", title="Precision")


class Config(Settings):
    """One experiment: data, model, SDE, networks and training."""

    data: str = Field("rings", min_length=1, title="Data name or file")
    drop_constant: bool = Field(False, title="Drop constant columns")
    model: Literal["diffflow"] = Field("diffflow", title="Model")
    sde: SDEConfig = SDEConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()

    @classmethod
    def create(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values; raises `SettingError` naming the first wrong one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingError(_first_mistake(error)) from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        try:
            return cls.create(json.loads(text))
        except ValueError as error:
            raise SettingError(f"The settings are not valid JSON: {error}.") from None

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a TOML file whose tables are `sde`, `network` and `training`."""
        try:
            return cls.create(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise SettingError(f"Cannot read '{path}': {error.strerror}.") from None
        except ValueError as error:
            raise SettingError(f"'{path}' is not valid TOML: {error}.") from None

    def to_json(self) -> str:
        """One line of JSON."""
        return self.model_dump_json()

    def to_toml(self) -> str:
        """TOML with one table a group; what is None is left out."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes` applied; keys are dotted (``sde.steps``) or nested mappings."""
        values = self.model_dump()
        for key, value in flatten(changes).items():
            group = values
            *parents, leaf = key.split(".")
            for parent in parents:
                group = group.get(parent, {}) if isinstance(group, dict) else {}
            if not isinstance(group, dict) or leaf not in group:
                raise SettingError(f"There is no setting named '{key}'.")
            group[leaf] = value
        return self.create(values)


def flatten(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in changes.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _first_mistake(error: ValidationError) -> str:
    """The first of pydantic's complaints as one sentence."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if not name:
        return f"{message[:1].upper()}{message[1:]}."
    if first["type"] == "extra_forbidden":
        return f"There is no setting named '{name}'."
    return f"The setting '{name}' cannot be {first['input']!r}: {message[:1].lower()}{message[1:]}."
