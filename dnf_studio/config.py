"""Every setting of an experiment and the one home of its default.

A `Config` is frozen and validated when made; a change yields a new one. It travels as TOML
(files a person writes) and as JSON (checkpoints and exports). The module is longer than others because
the texts of all settings, which window and command line show, stand beside their defaults.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short_repr
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dnf_studio.errors import SettingError
from dnf_studio.grids import MAX_STEPS, GridKind, GridName, check_grid
from dnf_studio.model_defaults import MOST_WITH_FEATURES, ModelName, NetworkKind, filled, model_fault, replaced

__all__ = ["MAX_STEPS", "Config", "GridName", "ModelName", "NetworkConfig", "SDEConfig", "TrainingConfig"]

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]


def _grid(value: object) -> GridKind:
    """`check_grid` with its sentence as pydantic wants it."""
    try:
        return check_grid(value)
    except SettingError as error:
        raise ValueError(str(error).removesuffix(".")) from None


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown names and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        """pydantic would take true for 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("it is not a setting that is true or false")
        return value


class SDEConfig(Settings):
    """The time grid and the diffusion coefficient g(t) (METHOD 4)."""

    steps: int = Field(
        30,
        ge=1,
        le=MAX_STEPS,
        title="Steps N",
        description="Steps of each process while training. More steps follow the SDEs closer and cost in proportion.",
    )
    grid: Annotated[GridKind, BeforeValidator(_grid)] = Field(
        "reference",
        title="Time grid",
        description="How the times lie: reference and paper are power laws, uniform has equal steps, the s-curve "
        "has short ones near the data; a list of nodes from 0 to 1 is a grid of one's own.",
    )
    beta: float = Field(
        0.5,
        gt=0,
        le=10,
        title="Grid power β",
        description="Exponent of the power-law grids. 1 is uniform for the reference grid.",
    )
    t_start: float = Field(
        0.0001,
        ge=0,
        lt=1000,
        title="First time t₀",
        description="Time of the data, dimensionless. Must be less than the last time.",
    )
    t_end: float = Field(0.1, gt=0, le=1000, title="Last time T", description="Time of the noise, dimensionless.")
    g_start: float = Field(
        0.5,
        gt=0,
        le=100,
        title="g at the data",
        description="Diffusion coefficient at the first time; from there it goes to that at the last.",
    )
    g_end: float = Field(
        0.5,
        gt=0,
        le=100,
        title="g at the noise",
        description="Diffusion coefficient at the last time.",
    )
    linear: Literal["g", "beta"] = Field(
        "g",
        title="Linear in time",
        description="What goes linearly in t from its first value to its last: g, or β = g² as in a diffusion model.",
    )

    @model_validator(mode="after")
    def _times_increase(self) -> Self:
        if self.t_end <= self.t_start:
            raise ValueError("the last time t_end must be greater than the first time t_start")
        return self


class NetworkConfig(Settings):
    """The kind and size of each network (METHOD 6)."""

    kind: NetworkKind = Field(
        "mlp",
        title="Network",
        description="mlp is a multilayer perceptron for any data; unet is a U-Net, whose convolutions are for images.",
    )
    layers: int = Field(
        3,
        ge=1,
        le=16,
        title="Hidden layers",
        description="Hidden layers of each network; of a U-Net the residual blocks at each resolution.",
    )
    channels: int = Field(
        128,
        ge=4,
        le=2048,
        title="Channels",
        description="Width of the hidden layers; of a U-Net at the images' own size, and twice that below.",
    )
    features: int = Field(
        32,
        ge=0,
        le=1024,
        title="Fourier features",
        description="Sines and cosines of x beside x itself, which make sharp data sharp; "
        "only of an mlp, where data has at most three dimensions.",
    )

    def features_of(self, dim: int) -> int:
        """Features F of an mlp on `dim` dimensions."""
        return self.features if dim <= MOST_WITH_FEATURES else 0


class TrainingConfig(Settings):
    """How the networks are fitted.

    `iterations` and `seconds` are totals of the run, resumed parts included; where `seconds` is
    set it alone decides when the run ends.
    """

    batch: int = Field(384, ge=1, le=1_000_000, title="Batch", description="Points in each iteration.")
    iterations: int = Field(
        3000,
        ge=1,
        le=10**9,
        title="Iterations",
        description="Iterations of the whole run; not used where a time is set.",
    )
    seconds: float | None = Field(
        None,
        gt=0,
        le=10**8,
        title="Seconds",
        description="Training time of the whole run in seconds; where set, it alone decides when the run ends.",
    )
    patience: int = Field(
        1000,
        ge=0,
        le=10**9,
        title="Patience",
        description="Iterations without a better validation NLL after which the run ends with the best weights; only "
        "where the data has a validation split. 0 trains to the end and keeps the last.",
    )
    learning_rate: float = Field(
        1.2e-2,
        gt=0,
        le=10,
        title="Learning rate",
        description="Step size of Adam at the start of the run.",
    )
    decay: Literal["cosine", "step", "constant"] = Field(
        "cosine",
        title="Learning-rate decay",
        description="How the learning rate falls over the run.",
    )
    progressive: bool = Field(
        True,
        title="Progressive N",
        description="Half of the run has a third of N, a quarter two thirds: the large shape is learned sooner.",
    )
    flexible_grid: bool = Field(
        False,
        title="Flexible grid",
        description="Other times for each batch, each drawn in a cell of its own of the time grid: "
        "one training serves sampling at any N.",
    )
    clip: float = Field(
        1.0,
        gt=0,
        le=1e6,
        title="Gradient clip",
        description="Greatest norm of the gradient; a larger one is scaled down to it.",
    )
    ema: float = Field(
        0.98,
        ge=0,
        lt=1,
        title="EMA decay",
        description="Share of the old average kept at each iteration; sampling uses the averaged weights.",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        title="Seed",
        description="Seed of the weights, the batches and the noise: the same seed gives the same run.",
    )
    device: Device = Field(
        "auto",
        title="Device",
        description="Where training runs; auto takes a GPU where there is one.",
    )
    precision: Precision = Field(
        "auto",
        title="Precision",
        description="Number format of the hidden layers; auto takes bfloat16 where the processor is fast at it.",
    )

    def reached(self, iteration: int, seconds: float) -> bool:
        """Whether a run that is so far along has its total: of seconds where there is one, else of iterations."""
        return iteration >= self.iterations if self.seconds is None else seconds >= self.seconds


class Config(Settings):
    """One experiment: data, model, SDE, networks and training.

    What is not given has the default of the kind of network (`KIND_DEFAULTS`), of the model
    (`MODEL_DEFAULTS`), or else that of the group.
    """

    data: str = Field(
        "rings",
        min_length=1,
        title="Data name or file",
        description="A data set of the studio, a file (.csv, .npy, .npz, .h5, .parquet) or a picture (.png, .jpg).",
    )
    drop_constant: bool = Field(
        False,
        title="Drop constant columns",
        description="Leave out columns that hold one value only, which cannot be standardised.",
    )
    model: ModelName = Field(
        "diffflow",
        title="Model",
        description="A diffusion normalizing flow, or what it is compared with.",
    )
    sde: SDEConfig = SDEConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_its_model(cls, values: object) -> object:
        """Settings that are not given, from `MODEL_DEFAULTS` and `KIND_DEFAULTS`."""
        return filled(values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _fits_its_model(self) -> Self:
        training = self.training
        parts = training.progressive, training.flexible_grid, training.precision, self.network.kind
        fault = model_fault(self.model, self.sde.t_start, *parts)
        if fault is not None:
            raise ValueError(fault)
        return self

    @classmethod
    def create(cls, values: object) -> Self:
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
        except RecursionError:
            raise SettingError("The settings are not valid JSON: they are nested too deeply.") from None

    @classmethod
    def from_toml(cls, path: Path | str) -> Self:
        """Read a TOML file whose tables are `sde`, `network` and `training`."""
        try:
            return cls.create(tomllib.loads(Path(path).read_text(encoding="utf-8-sig")))
        except FileNotFoundError:
            raise SettingError(f"There is no file '{path}'.") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingError(f"Cannot read '{path}': {reason[:1].lower()}{reason[1:]}.") from None
        except UnicodeDecodeError:
            raise SettingError(f"'{path}' is not UTF-8 text.") from None
        except ValueError as error:
            raise SettingError(f"'{path}' is not valid TOML: {error}.") from None
        except RecursionError:
            raise SettingError(f"'{path}' is not valid TOML: it is nested too deeply.") from None

    def to_json(self) -> str:
        """One line of JSON."""
        return self.model_dump_json()

    def to_toml(self) -> str:
        """TOML with one table a group; what is None is left out."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def without(self, preset: Self | None, own: Self | None = None) -> Self:
        """A copy in which settings that stand as in `preset` are the defaults of this model and kind of network.

        What stands at those defaults then is as in `own`, a preset of the same model and kind. Data, model and kind of
        network stay.
        """
        kind = {"model": self.model, "network": {"kind": self.network.kind}}
        defaults, values = self.create(kind).model_dump(), self.model_dump()
        if preset is not None:
            values = replaced(values, preset.model_dump(), defaults)
        return self.create(values if own is None else replaced(values, defaults, own.model_dump()))

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes` applied; keys are dotted (``sde.steps``) or nested mappings.

        With another model or kind of network, settings that stand at the default of the old one go to that of the new;
        a U-Net takes over no larger batch than its own.
        """
        flat, values = flatten(changes), self.model_dump()
        before = {"model": self.model, "network.kind": self.network.kind}
        if flat.keys() & before.keys():
            parts = before, {key: flat.get(key, value) for key, value in before.items()}
            old, new = (
                self.create({"model": part["model"], "network": {"kind": part["network.kind"]}}).model_dump()
                for part in parts
            )
            values = replaced(values, old, new)
        for key, value in flat.items():
            group = values
            *parents, leaf = key.split(".")
            for parent in parents:
                group = group.get(parent, {}) if isinstance(group, dict) else {}
            if not isinstance(group, dict) or leaf not in group:
                raise SettingError(f"There is no setting named '{key}'.")
            group[leaf] = value
        return self.create(values)


def recorded(values: object) -> object:
    """The settings in a file of a model as plain values: one that was written before there were features has none."""
    if isinstance(values, dict) and isinstance(network := values.get("network"), dict):
        return {**values, "network": {"features": 0, **network}}
    return values


def flatten(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings, and groups of settings, as one mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, given in changes.items():
        value = given.model_dump() if isinstance(given, Settings) else given
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
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
    value = first["input"]
    shown = short_repr(value) if isinstance(value, list | tuple) else repr(value)
    return f"The setting '{name}' cannot be {shown}: {message[:1].lower()}{message[1:]}."
