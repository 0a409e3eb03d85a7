"""Which plug-ins a model needs, as its checkpoint says, and what is missing of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from dnf_studio import plugins
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import ModelName, NetworkKind
from dnf_studio.config.names import names_of
from dnf_studio.core.data.catalogue import names
from dnf_studio.errors import StudioError

KINDS: Mapping[str, plugins.Kind] = {"data": "data set", "model": "model", "network.kind": "network"}
"""Settings that can name what a plug-in has registered."""


def needed_by(config: Config) -> dict[str, str]:
    """By setting, the plug-in that has registered what it names; empty where all is built in."""
    values = {setting: reduce(getattr, setting.split("."), config) for setting in KINDS}
    owners = {setting: plugins.owner(kind, str(values[setting]).lower()) for setting, kind in KINDS.items()}
    return {setting: owner for setting, owner in owners.items() if owner is not None}


def check_needed(needed: Mapping[str, str], config: object, what: str, refused: type[StudioError]) -> None:
    """Raise `refused` for `what`, the words for a file, where its `config`, plain values, names what is not here.

    Without its data set a model can be looked at all the same; whose it was is noted for who asks for it.
    """
    for setting, plugin in needed.items():
        name = _value(config, setting)
        if not isinstance(name, str) or setting not in KINDS:
            continue
        if setting == "data":
            if name.lower() not in names():
                plugins.note_missing(name, plugin)
        elif name not in names_of(ModelName if setting == "model" else NetworkKind):
            raise refused(f"The {what} needs the plug-in '{plugin}' for its {KINDS[setting]} '{name}'; {plugins.HOW}.")


def _value(values: Any, setting: str) -> object:  # noqa: ANN401 - any JSON value
    for part in setting.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values
