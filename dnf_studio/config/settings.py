"""The groups of settings of a `Config`: every default, with the texts that window and command line show beside it."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from dnf_studio.config.grids import MAX_STEPS, GridKind, check_grid
from dnf_studio.config.model_kinds import MOST_WITH_FEATURES, DriftKind
from dnf_studio.config.names import AnyNetwork
from dnf_studio.errors import SettingError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]
Missing = Literal["error", "drop-rows", "drop-columns"]


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
    """The time grid and the diffusion coefficient g(t) (method.md, section 5)."""

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
        "has short ones near the data; log-snr and karras follow the noise levels of a diffusion model; a list of "
        "nodes from 0 to 1 is a grid of one's own.",
    )
    beta: float = Field(
        0.5,
        gt=0,
        le=10,
        title="Grid power β",
        description="Exponent of the power-law grids. 1 is uniform for the reference grid.",
    )
    beta_few: float | None = Field(
        None, gt=0, le=10,
        title="Few steps’ β",
        description="Exponent of the reference grid when a model that was trained with more steps takes five or fewer; "
        "between those numbers it goes from one exponent to the other. Training knows nothing of it.",
    )  # fmt: skip
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
    linear: Literal["g", "beta", "log"] = Field(
        "g",
        title="Linear in time",
        description="What goes linearly in t from its first value to its last: g, or β = g² as in a diffusion model; "
        "log is ln g linearly in ln t, a power law.",
    )
    condition: Literal["time", "node"] = Field(
        "time",
        title="Networks’ time",
        description="What the networks are told of the time: t itself, or the node, equal parts of T from one node of "
        "the reference grid to the next, which tells short times near the data apart.",
    )
    backward_deviation: Literal["g", "fitted", "afterwards"] = Field(
        "g",
        title="Backward noise",
        description="How much noise a step back has: that of g, as in the paper; afterwards, trained so and then r "
        "times as much, with the r of each step that makes the bound least, found from forward paths; or fitted, with "
        "that r in what it trains on, too.",
    )

    @model_validator(mode="after")
    def _times_increase(self) -> Self:
        if self.t_end <= self.t_start:
            raise ValueError("the last time t_end must be greater than the first time t_start")
        if self.linear == "log" and self.t_start <= 0:
            raise ValueError("a g that is a power of t (linear = log) needs a first time t_start above 0")
        return self

    @property
    def total_noise(self) -> float:
        """∫ g² dt from t₀ to T, the variance that the noise of the forward process adds up to: g²T for a constant g."""
        first, last = self.g_start, self.g_end
        if self.linear == "log":
            logs = math.log(self.t_end / self.t_start)
            grown = logs + 2 * math.log(last / first)
            return first**2 * self.t_start * logs * (math.expm1(grown) / grown if grown else 1)
        mean = (first**2 + last**2) / 2 if self.linear == "beta" else (first**2 + first * last + last**2) / 3
        return mean * (self.t_end - self.t_start)

    def scaled_to(self, noise: float) -> dict[str, float]:
        """`g_start` and `g_end`, scaled alike, with which `total_noise` is `noise`; `SettingError` for what is none."""
        if not (math.isfinite(noise) and noise > 0):
            raise SettingError(f"The total noise g²T must be a number above 0, not {noise:g}.")
        factor = math.sqrt(noise / self.total_noise)
        return {"g_start": self.g_start * factor, "g_end": self.g_end * factor}


class NetworkConfig(Settings):
    """The kind and size of each network (method.md, section 12)."""

    kind: AnyNetwork = Field(
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
    drift: DriftKind = Field(
        "free",
        title="Forward drift",
        description="What the forward drift f is: free is a network; frozen is −½g²x, the fixed drift of a diffusion "
        "model; residual is both together, the network beginning at 0. With the last two g and times are others.",
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
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Weight decay",
        description="Share of each weight, times the learning rate, that an iteration takes away: against learning few "
        "data by heart.",
    )
    coupling: Literal["independent", "transport"] = Field(
        "independent",
        title="Coupling",
        description="How flow matching pairs data with noise: as independent draws, or in each batch by optimal "
        "transport, for straighter paths; its score is known for independent draws only.",
    )
    inward: float = Field(
        0.1,
        ge=0,
        le=1e6,
        title="Pull inward",
        description="Weight of a penalty, beside the bound, on backward velocities that lead away from data and noise "
        "where training never comes, so that no sample flies away; 0 leaves that to chance.",
    )
    straight: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Straighten paths",
        description="Weight of a penalty, beside the bound, on how much the drift changes over each step, so that few "
        "steps can follow the paths; 0 leaves them as they come.",
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
