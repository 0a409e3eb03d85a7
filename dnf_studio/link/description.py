"""How a script tells its window what model it holds, and how the window makes such a model.

A model of a person's own callables is made there by the adapter that made it here, with callables that ask the script;
one of the studio goes there as a checkpoint.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.wrapped.adapters import from_denoiser, from_epsilon, from_score
from dnf_studio.core.models.wrapped.base import OwnUnits, WrappedModel
from dnf_studio.core.models.wrapped.sdes import WrappedSDEs, wrap
from dnf_studio.core.models.wrapped.velocity import from_velocity
from dnf_studio.core.sampling.model import Ability
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from dnf_studio.errors import LinkError, StudioError
from dnf_studio.link.messages import Array, Message
from dnf_studio.link.remote import Ask, Asking, RemoteField, set_version
from dnf_studio.link.whole_paths import RemotePaths

FINE = 4097
"""Times at which a function g is told."""
NODES = ("timestamps", "diffusion", "condition")
LONG = ("t", "g", "alphas_bar")
"""What of an adapter goes as arrays."""


class _Callable(BaseModel):
    """What a script has found out of one callable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    no_derivative: str = Field(max_length=2000)
    constant: bool
    kept_numbers: int = Field(ge=0)
    multiply_adds: int = Field(ge=0)


class Described(BaseModel):
    """The facts of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["callables", "checkpoint"]
    title: str = Field(max_length=200)
    pid: int
    dim: int = Field(ge=1, le=10_000)
    columns: list[str] = Field(max_length=10_000)
    follows: bool
    """Whether the script trains it, so that newer weights come."""
    config: dict[str, Any] = {}
    adapter: dict[str, Any] = {}
    lacks: dict[str, str] = {}
    mean: list[float] = []
    scale: list[float] = []
    formula_grid: bool = True
    callables: list[_Callable] = Field([], max_length=4)
    solvers: list[str] = Field([], max_length=1000)
    """Names of those that the script has; others may be registered in the window."""


@dataclass(frozen=True)
class Title:
    """What the window says of where its model is."""

    name: str
    pid: int
    follows: bool


def describe(model: GenerativeModel, rows: Array | None, columns: list[str], title: Title) -> Message:
    """The message for a model, with the rows (n, D) of data that go with it."""
    own = {"title": title.name, "pid": title.pid, "follows": title.follows, "dim": model.dim, "columns": columns}
    arrays: dict[str, Array] = {} if rows is None else {"rows": rows}
    if not isinstance(model, WrappedModel):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            save_checkpoint(path, Checkpoint.of_model(model))
            arrays["checkpoint"] = np.frombuffer(path.read_bytes(), np.uint8)
        return Message("model", {**own, "form": "checkpoint"}, arrays)
    adapter = dict(model.adapter)
    arrays |= {name: np.asarray(adapter.pop(name), np.float64) for name in LONG if name in adapter}
    if adapter.get("function_of_t") and isinstance(model, WrappedSDEs):
        t = arrays["t"]
        fine = np.unique(np.concatenate([t, np.linspace(t[0], t[-1], FINE)]))
        arrays |= {"fine_t": fine, "fine_g": np.array(model.coefficient(fine))}
    arrays |= {name: getattr(model, name).detach().cpu().numpy() for name in NODES}
    facts = {
        **own,
        "form": "callables",
        "config": model.config.model_dump(mode="json"),
        "adapter": adapter,
        "lacks": dict(model.lacks),
        "mean": list(model.standardisation.mean),
        "scale": list(model.standardisation.scale),
        "formula_grid": model.formula_grid,
        "callables": [one.facts for one in model.calls],
        "solvers": [solver.name for solver in model.solvers],
    }
    return Message("model", facts, arrays)


def read_description(said: Message, ask: Asking) -> tuple[Described, GenerativeModel]:
    """What a script says of its model, and the model; raises `LinkError` where it cannot be made."""
    known, flow = described(said, ask)
    if isinstance(flow, WrappedModel):
        flow.elsewhere = RemotePaths(ask, known.solvers)
    return known, flow


def described(said: Message, ask: Ask) -> tuple[Described, GenerativeModel]:
    """The same, in either program: a model of one's own callables steps its paths itself, with values from `ask`."""
    try:
        if said.kind != "model":
            raise LinkError("The script does not say what model it has.")
        known = Described.model_validate(dict(said.facts))
        flow = _checkpoint(said) if known.form == "checkpoint" else _callables(known, said.arrays, ask)
    except (ValidationError, KeyError, TypeError, ValueError, StudioError) as error:
        first = str(error).splitlines()[0]
        raise LinkError(f"The model of the script cannot be shown: {first}") from error
    if flow.dim != known.dim:
        raise LinkError("The model of the script cannot be shown: it has another number of components than it says.")
    return known, flow


def snapshot_flow(flow: GenerativeModel, version: int, ask: Asking) -> GenerativeModel:
    """`flow` with the weights of another version: callables that ask for it, or new tensors."""
    if isinstance(flow, WrappedModel):
        set_version(flow, version)
        return flow
    found = ask("weights", {"version": version}).arrays
    own = flow.state_dict()
    if set(found) != set(own) or any(found[name].shape != tuple(own[name].shape) for name in own):
        raise LinkError("The script sends weights of another model than it began with.")
    flow.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in found.items()})
    return flow


def _checkpoint(said: Message) -> GenerativeModel:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(said.arrays["checkpoint"].tobytes())
        return read_checkpoint(path).build()


def _callables(known: Described, arrays: Mapping[str, Array], ask: Ask) -> WrappedModel:
    plain = {name: np.array(values) for name, values in arrays.items()}
    config = Config.model_validate(known.config)
    model = _adapted(dict(known.adapter), plain, known.dim, config)
    nodes = [torch.from_numpy(plain[name]).float() for name in NODES]
    if len({len(one) for one in nodes}) != 1 or nodes[0].ndim != 1 or len(nodes[0]) < 2:
        raise LinkError("its time grid is none.")
    if set(known.lacks) - set(get_args(Ability)) or len(known.callables) != len(model.calls):
        raise LinkError("it says of itself what cannot be.")
    model.config, model.formula_grid = config, known.formula_grid
    model.standardisation = OwnUnits(tuple(known.mean), tuple(known.scale))
    model.set_grid(TimeGrid(*nodes))
    model.lacks = {ability: known.lacks[ability] for ability in get_args(Ability) if ability in known.lacks}
    for number, (one, facts) in enumerate(zip(model.calls, known.callables, strict=True)):
        one.exchange(RemoteField(ask, number, 1), facts.model_dump())
    return model.eval()


def _nothing(x: Tensor, _t: Tensor) -> Tensor:
    """A field that every adapter takes, until the script's is put in its place."""
    return -x


def _adapted(adapter: dict[str, Any], arrays: dict[str, Array], dim: int, config: Config) -> WrappedModel:
    """A model of the same adapter; raises `SettingError` for settings that cannot be."""
    name, steps = adapter.pop("name"), config.sde.steps
    if name == "wrap":
        g: Array | Callable[[Tensor], Any] = arrays["g"]
        if adapter["function_of_t"]:
            t, values = arrays["fine_t"], arrays["fine_g"]
            g = lambda at: np.interp(at.numpy(), t, values)  # noqa: E731 - a function of two arrays here
        return wrap(_nothing, _nothing, t=arrays["t"], g=g, dim=dim, base=adapter["base"])
    if name == "from_epsilon":
        return from_epsilon(_nothing, arrays["alphas_bar"], dim=dim, steps=steps)
    if name == "from_score":
        return from_score(_nothing, dim=dim, steps=steps, **adapter)
    if name == "from_denoiser":
        return from_denoiser(_nothing, dim=dim, steps=steps, **adapter)
    if name == "from_velocity":
        return from_velocity(_nothing, dim=dim, steps=steps, **adapter)
    raise LinkError(f"there is no adapter '{name:.50}'.")
