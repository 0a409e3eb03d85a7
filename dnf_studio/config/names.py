"""Names that some settings can have beside those built in: kinds of model and of network that plug-ins have registered.

Of these settings the annotation stays the `Literal` of what is built in, so that a checker of types knows it; what is
checked when the program runs is `names_of`.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator

from dnf_studio.config.model_kinds import (
    MODEL_KINDS,
    NETWORK_DEFAULTS,
    NETWORK_UNUSED,
    ModelKind,
    ModelName,
    NetworkKind,
)

_ADDED: dict[Any, list[str]] = {ModelName: [], NetworkKind: []}


def names_of(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a Literal
    """What a setting can be whose annotation is the Literal `kind`, in the order of lists."""
    return (*map(str, get_args(kind)), *_ADDED.get(kind, ()))


def add_model(name: str, kind: ModelKind) -> None:
    """Let settings have the kind of model `name`."""
    _ADDED[ModelName].append(name)
    MODEL_KINDS[name] = kind


def remove_model(name: str) -> None:
    """Undo `add_model`."""
    _ADDED[ModelName].remove(name)
    del MODEL_KINDS[name]


def add_network(name: str, defaults: dict[str, dict[str, Any]], unused: dict[str, str]) -> None:
    """Let settings have the kind of network `name`; `defaults` and `unused` as those of `config.model_kinds`."""
    _ADDED[NetworkKind].append(name)
    NETWORK_DEFAULTS[name], NETWORK_UNUSED[name] = defaults, unused


def remove_network(name: str) -> None:
    """Undo `add_network`."""
    _ADDED[NetworkKind].remove(name)
    del NETWORK_DEFAULTS[name], NETWORK_UNUSED[name]


def _known(kind: Any) -> tuple[WrapValidator, PlainSerializer]:  # noqa: ANN401 - a Literal
    """What pydantic is told of a setting whose annotation is `kind`."""

    def check(value: object, built_in: ValidatorFunctionWrapHandler) -> object:
        added = _ADDED[kind]
        if not added:
            return built_in(value)
        names = names_of(kind)
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"input should be {', '.join(map(repr, names[:-1]))} or {names[-1]!r}")

    # Written as it is: of a Literal pydantic would warn of every other value
    return WrapValidator(check), PlainSerializer(lambda value: value)


AnyModel = Annotated[ModelName, *_known(ModelName)]
"""The setting `model`."""
AnyNetwork = Annotated[NetworkKind, *_known(NetworkKind)]
"""The setting `network.kind`."""
