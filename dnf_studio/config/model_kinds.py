"""The kinds of model and of network: what their settings, window and command line know of each, without torch.

A kind of model is its name in `ModelName`, its record in `MODEL_KINDS`, its class in `core/models` and the line of that
class in `core.models.build`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dnf_studio.config.grids import LEVEL_GRIDS, NO_LEVELS, POWER_GRIDS

ModelName = Literal["diffflow", "diffusion", "flow", "matching"]
NetworkKind = Literal["mlp", "unet"]
DriftKind = Literal["free", "residual", "frozen"]
"""What the forward drift of a diffusion normalizing flow is: a network, −½ g² x and a network, or −½ g² x."""
Objective = Literal["bound", "noise", "likelihood", "velocity"]
"""What training makes small: the bound on the NLL, the error of the predicted noise or velocity, or the NLL itself."""
IN_NATS: frozenset[Objective] = frozenset({"bound", "likelihood"})
"""The objectives whose loss is an NLL or a bound on it, and not the error of a regression."""
GROUPS = ("sde", "network", "training")
"""The groups of settings of a `Config`."""


@dataclass(frozen=True)
class ModelKind:
    """One kind of model."""

    words: str
    """What it is, in words."""
    equations: str
    """How it goes forward and back, as a sentence."""
    objective: Objective
    """What it is trained on; the engine of each is in `core.training.engine`."""
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By group, the settings whose default is another than that of the group."""
    unused: Mapping[str, str] = field(default_factory=dict)
    """Settings without an effect on it, and why."""
    refused: tuple[tuple[str, Callable[[Any], bool], str], ...] = ()
    """What it cannot have: the name of a setting, which values of it, and why."""


TWO_SDES = "Both processes share these times and this g: dx = f dt + g dw forward, dx = [f − g²s] dt + g dw back."
OF_NOISE = ("sde.g_start", "sde.g_end", "sde.linear")
ON_STEPS = ("training.progressive", "training.flexible_grid")
COUPLED = "Only flow matching pairs data with noise before training."
OF_DIFFFLOW = {
    "sde.condition": "Only the networks of a diffusion normalizing flow, trained at nodes, may be told the node.",
    "sde.backward_deviation": "Only of a diffusion normalizing flow, trained on the bound of its steps, is the noise "
    "of the steps back fitted.",
    "network.drift": "Only a diffusion normalizing flow learns its forward process.",
    "training.straight": "Only a diffusion normalizing flow is trained on paths that a penalty can straighten.",
    "training.inward": "Only a diffusion normalizing flow is kept from leaving by a penalty.",
}
"""Settings of diffusion normalizing flows alone, and why."""

NO_LEVEL_GRIDS = ("sde.grid", LEVEL_GRIDS.__contains__, NO_LEVELS[0].lower() + NO_LEVELS[1:].removesuffix("."))


def _not_on_steps(name: str) -> tuple[tuple[str, Callable[[Any], bool], str], ...]:
    """What a kind refuses that is not trained on paths of N steps."""
    why = f"only a diffflow is trained on steps, so a {name} has no"
    settings = {"training.progressive": "progressive N", "training.flexible_grid": "flexible grid"}
    given = tuple((setting, bool, f"{why} {words}") for setting, words in settings.items())
    forward = f"only a diffflow has a forward process to learn, so the drift of a {name} is 'free'"
    return (
        *given,
        ("network.drift", lambda drift: drift != "free", forward),
        ("training.straight", bool, f"{why} penalty that straightens paths"),
        ("sde.condition", lambda told: told != "time", f"the networks of a {name} are told the time itself"),
        ("sde.backward_deviation", lambda noise: noise != "g", f"{why} backward noise that is fitted"),
    )


def _no_start_at_0(what: str) -> tuple[str, Callable[[Any], bool], str]:
    why = f"{what} needs a first time t_start above 0, where its score is finite"
    return "sde.t_start", lambda time: time <= 0, why


UNCOUPLED = (
    "training.coupling",
    lambda coupling: coupling != "independent",
    "only flow matching, the model 'matching', pairs data with noise by optimal transport",
)


MODEL_KINDS: dict[str, ModelKind] = {
    "diffflow": ModelKind(
        words="diffusion normalizing flow",
        equations=TWO_SDES,
        objective="bound",
        unused={"training.coupling": COUPLED},
        refused=(UNCOUPLED, NO_LEVEL_GRIDS),
    ),
    # β goes from 0.1 to 20 (Song et al., ICLR 2021, appendix C) on a quadratic grid. One network of 183 channels has
    # about as many parameters as the two of 128.
    "diffusion": ModelKind(
        words="diffusion model",
        equations=TWO_SDES,
        objective="noise",
        defaults={
            "sde": {
                "steps": 100,
                "beta": 0.5,
                "t_start": 1e-5,
                "t_end": 1.0,
                "g_start": math.sqrt(0.1),
                "g_end": math.sqrt(20.0),
                "linear": "beta",
            },
            "network": {"channels": 183},
            "training": {"batch": 2048, "learning_rate": 2e-3, "ema": 0.995, "progressive": False},
        },
        unused={
            **OF_DIFFFLOW,
            "training.coupling": COUPLED,
            **dict.fromkeys(ON_STEPS, "A diffusion model learns all times at once and is not trained on N steps."),
        },
        refused=(
            *_not_on_steps("diffusion"),
            UNCOUPLED,
            _no_start_at_0("a diffusion model"),
        ),
    ),
    # Chosen by the ODE's NLL of 1,000 fresh points of rings in eight trials of 70 to 120 seconds of a core, seed 0. As
    # it was (no features, ten steps to t = 0.3, rate 0.002) it had 2.22, with features 1.09. With the volume of the map
    # in place of the integral (`core.models.flow`) five steps to t = 0.1 had 0.30 at the rate 0.004, and -0.26 at 0.008
    # whose loss jumped to 12 in a longer run; four steps jumped too, to 20 (-0.36 at 0.006, 0.17 at 0.008), and three
    # folded. The integral with four steps and penalties of 0.01 on speed and 0.001 on the Jacobian had 1.84 where its
    # loss said -0.11: features let training live on what its steps do not resolve.
    "flow": ModelKind(
        words="continuous normalizing flow",
        equations="A flow goes both ways by one ODE over these times: dx = f dt.",
        objective="likelihood",
        defaults={
            "sde": {"steps": 5, "grid": "uniform", "t_start": 0.0},
            "network": {"channels": 183},
            "training": {"batch": 128, "learning_rate": 4e-3, "progressive": False},
        },
        unused={
            **OF_DIFFFLOW,
            "training.coupling": COUPLED,
            "training.progressive": "A flow is trained with a few steps of its solver from the start.",
            "training.flexible_grid": "A flow's solver steps at other times in each iteration anyway.",
            "training.precision": "A flow trains in float32 only.",
            **dict.fromkeys(OF_NOISE, "A flow has no noise and so no g."),
        },
        refused=(
            *_not_on_steps("flow"),
            UNCOUPLED,
            NO_LEVEL_GRIDS,
            ("training.precision", lambda precision: precision == "bfloat16", "a flow trains in float32 only"),
            (
                "network.kind",
                lambda kind: kind != "mlp",
                "a flow has no network but an mlp, whose derivatives its exact likelihood needs",
            ),
        ),
    ),
    # The times are those of the straight paths from data, 0, to noise, 1, quadratic in i/N: of times that are uniform
    # a hundredth is left for those where thin data differ from thicker. g does not matter to the ODE. Of the g tried on
    # a model of rings this one had about the lowest bound at N = 10, 30 and 100 without points that flew away; it is
    # small at the data, since g²/t there multiplies the error of the network.
    "matching": ModelKind(
        words="flow-matching model",
        equations="Both ways by one ODE over these times, dx = −v dt; of independent draws also by the SDEs of this g: "
        "dx = f dt + g dw forward, dx = [f − g²s] dt + g dw back.",
        objective="velocity",
        defaults={
            "sde": {"steps": 10, "t_end": 1.0, "g_start": 0.03, "g_end": 0.4},
            "network": {"channels": 183},
            "training": {"batch": 1024, "learning_rate": 5e-3, "ema": 0.995, "progressive": False},
        },
        unused={
            **OF_DIFFFLOW,
            **dict.fromkeys(ON_STEPS, "Flow matching learns all times at once and is not trained on N steps."),
        },
        refused=(
            *_not_on_steps("matching"),
            NO_LEVEL_GRIDS,
            _no_start_at_0("flow matching"),
            (
                "sde.t_end",
                lambda time: time != 1,
                "flow matching ends where the straight paths do, at the last time t_end = 1",
            ),
        ),
    ),
}
"""Each by its `ModelName`. The defaults of the groups are those of the diffusion normalizing flow."""

NETWORK_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "unet": {
        "network": {"layers": 1, "channels": 32},
        "training": {"batch": 64, "learning_rate": 1e-3},
    },
}
"""Where a kind of network has other defaults, whatever the model."""
TO_NOISE = {"sde": {"beta": 0.2, "t_start": 1e-7, "g_start": 6.3, "g_end": 6.3, "condition": "node"}}
DRIFT_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {"residual": TO_NOISE, "frozen": TO_NOISE}
"""Where −½ g² x is in the drift, g must bring data to noise by itself: ∫ g² dt = 4 leaves e^(−2), .14, of it. Chosen
without training, by what 30 Euler steps with the right score miss on Gaussians of the widths 1 and .0044 together, 1.35
nats (with the schedule of the diffusion model 3.35), and by how far 5 steps miss the first (method.md, section 5)."""
NETWORK_UNUSED: dict[str, dict[str, str]] = {
    "unet": {"network.features": "A U-Net has no Fourier features of x; an mlp has."},
}
"""Settings without an effect on a kind of network, and why."""
MOST_WITH_FEATURES = 3
"""Dimensions that a few Fourier features can fill: of more an mlp has none."""


def unused(settings: Any, dim: int) -> dict[str, str]:  # noqa: ANN401 - a `Config`, which is made of this
    """Settings without an effect where the others are these `settings`, a `Config`, and why, for data of `dim`
    dimensions."""
    model, kind, drift = settings.model, settings.network.kind, settings.network.drift
    coupling, grid = settings.training.coupling, settings.sde.grid
    found = dict(MODEL_KINDS[model].unused if model in MODEL_KINDS else {}) | NETWORK_UNUSED.get(kind, {})
    if coupling == "transport":
        found = dict.fromkeys(OF_NOISE, "With optimal-transport coupling there is no noise and so no g.") | found
    if grid not in POWER_GRIDS and settings.sde.condition == "time":
        found = {"sde.beta": "Only the reference grid and the paper's are powers."} | found
    if grid != "reference":
        found = {"sde.beta_few": "Only the reference grid has another power for few steps."} | found
    if drift == "frozen":
        found = {"training.straight": "A frozen drift does not learn, so no penalty straightens its paths."} | found
    if dim > MOST_WITH_FEATURES:
        why = f"Fourier features are for data of at most {MOST_WITH_FEATURES} components; this has {dim:,}."
        around = f"Only data of at most {MOST_WITH_FEATURES} components has surroundings that a few points fill."
        found = {"network.features": why, "training.inward": around} | found
    return found


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as plain values, those that are not given by the defaults of their kind of network, of their drift or
    of their model."""
    full = dict(values)
    network = full.get("network")
    kind, drift = (
        network.get(name) if isinstance(network, Mapping) else getattr(network, name, None)
        for name in ("kind", "drift")
    )
    model = MODEL_KINDS.get(name) if isinstance(name := full.get("model"), str) else None
    for defaults in (
        NETWORK_DEFAULTS.get(kind) if isinstance(kind, str) else None,
        DRIFT_DEFAULTS.get(drift) if isinstance(drift, str) else None,
        model and model.defaults,
    ):
        for group, own in (defaults or {}).items():
            given = full.get(group, {})
            if isinstance(given, Mapping):
                full[group] = {**own, **given}
    return full


def replaced(values: dict[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Plain `values` with what stands at the defaults `old` of one model at those `new` of another.

    A batch that an mlp had does not go to a U-Net, which takes a quarter of an hour for 1,024 points on a processor.
    """
    for group in GROUPS:
        values[group] |= {key: new[group][key] for key, value in values[group].items() if value == old[group][key]}
    if new["network"]["kind"] == "unet" != old["network"]["kind"]:
        values["training"]["batch"] = min(values["training"]["batch"], new["training"]["batch"])
    return values


def refused_values(model: ModelName, name: str, values: Iterable[str]) -> list[str]:
    """Those of `values` that a model cannot have for the setting `name`."""
    refusals = [refused for setting, refused, _ in MODEL_KINDS[model].refused if setting == name]
    return [value for value in values if any(refused(value) for refused in refusals)]


def faults(model: str, value: Callable[[str], Any]) -> dict[str, str]:
    """The settings that a model cannot have as they are, by dotted name, and why; `value` says what each is."""
    return {name: why for name, refused, why in MODEL_KINDS[model].refused if refused(value(name))}
