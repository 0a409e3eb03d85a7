"""Where the three kinds of model, and the two of network, have different settings, and what they cannot have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from dnf_studio.config.grids import POWER_GRIDS, GridKind

__all__ = [
    "GROUPS",
    "KIND_DEFAULTS",
    "MODEL_DEFAULTS",
    "MOST_WITH_FEATURES",
    "ModelName",
    "NetworkKind",
    "filled",
    "model_fault",
    "replaced",
    "unused",
]

ModelName = Literal["diffflow", "diffusion", "flow"]
NetworkKind = Literal["mlp", "unet"]
GROUPS = ("sde", "network", "training")
"""The groups of settings of a `Config`."""
MODEL_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "diffusion": {
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
    "flow": {
        "sde": {"steps": 10, "grid": "uniform", "t_start": 0.0, "t_end": 0.3},
        "network": {"channels": 189, "features": 0},
        "training": {"batch": 128, "learning_rate": 2e-3, "progressive": False},
    },
}
"""Where a model has other defaults than those of the groups, which are the diffusion normalizing flow's.

The diffusion model's β goes from 0.1 to 20 (Song et al., ICLR 2021, appendix C) on a quadratic grid. One network of
183 channels has about as many parameters as the two of 128. A flow does not use g, and Fourier features of x, with
which training was unstable, are replaced by width; over its times the network's highest frequency of t turns five
times, which ten steps of the solver follow; with five, training on thin data came to live between its stages, where
the loss fell to -200 nats and the density was none."""

KIND_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "unet": {
        "network": {"layers": 1, "channels": 32},
        "training": {"batch": 64, "learning_rate": 1e-3},
    },
}
"""Where a kind of network has other defaults, whatever the model."""

INWARD_UNUSED = {"training.inward": "Only a diffusion normalizing flow is kept from leaving by a penalty."}
UNUSED: dict[str, dict[str, str]] = {
    "diffusion": {
        **INWARD_UNUSED,
        "training.progressive": "A diffusion model learns all times at once and is not trained on N steps.",
        "training.flexible_grid": "A diffusion model learns all times at once and is not trained on N steps.",
    },
    "flow": {
        **INWARD_UNUSED,
        "training.progressive": "A flow is trained with a few steps of its solver from the start.",
        "training.flexible_grid": "A flow's solver steps at other times in each iteration anyway.",
        "training.precision": "A flow trains in float32 only.",
        **dict.fromkeys(("sde.g_start", "sde.g_end", "sde.linear"), "A flow has no noise and so no g."),
    },
}
"""Settings without an effect on a model, and why."""
KIND_UNUSED: dict[str, dict[str, str]] = {
    "unet": {"network.features": "A U-Net has no Fourier features of x; an mlp has."},
}
"""The same of a kind of network."""
MOST_WITH_FEATURES = 3
"""Dimensions that a few Fourier features can fill: of more an mlp has none."""


def unused(model: str, kind: str, dim: int, grid: GridKind = "reference") -> dict[str, str]:
    """Settings without an effect on a `model` with networks of a `kind` and a time grid for data of `dim` dimensions,
    and why."""
    found = UNUSED.get(model, {}) | KIND_UNUSED.get(kind, {})
    if grid not in POWER_GRIDS:
        found = {"sde.beta": "Only the reference grid and the paper's are powers."} | found
    if dim > MOST_WITH_FEATURES:
        why = f"Fourier features are for data of at most {MOST_WITH_FEATURES} components; this has {dim:,}."
        around = f"Only data of at most {MOST_WITH_FEATURES} components has surroundings that a few points fill."
        found = {"network.features": why, "training.inward": around} | found
    return found


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as plain values, those that are not given by the defaults of their kind of network or of their model."""
    full = dict(values)
    network = full.get("network")
    kind = network.get("kind") if isinstance(network, Mapping) else getattr(network, "kind", None)
    for name, table in ((kind, KIND_DEFAULTS), (full.get("model"), MODEL_DEFAULTS)):
        for group, own in table.get(name, {}).items() if isinstance(name, str) else ():
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


def model_fault(
    model: ModelName, t_start: float, progressive: bool, flexible: bool, precision: str, kind: NetworkKind
) -> str | None:
    """Why a model cannot have these settings, or None."""
    if model != "diffflow" and progressive:
        return f"only a diffflow is trained on steps, so a {model} has no progressive N"
    if model != "diffflow" and flexible:
        return f"only a diffflow is trained on steps, so a {model} has no flexible grid"
    if model == "flow" and precision == "bfloat16":
        return "a flow trains in float32 only"
    if model == "flow" and kind == "unet":
        return "a flow has no U-Net: its exact likelihood needs the derivatives of an mlp"
    if model == "diffusion" and t_start <= 0:
        return "a diffusion model needs a first time t_start above 0, where its score is finite"
    return None
