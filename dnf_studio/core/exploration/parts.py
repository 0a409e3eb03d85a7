"""The backward process with one of its two fields left out: how much of what it does is the drift, how much the score.

Neither half is a model of the data. The same latents and noise carried through whole and half show what
the missing field does.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from dnf_studio.core.sde.paths import Field
from dnf_studio.errors import SettingError

__all__ = ["Parts", "check_parts", "fields_in_part"]

Parts = Literal["both", "drift", "score"]
"""``drift`` is the process with s = 0, ``score`` the one with f = 0."""


def check_parts(parts: object) -> None:
    """Raise `SettingError` where `parts` is none of `Parts`."""
    if parts not in get_args(Parts):
        raise SettingError(f"The backward process can have both parts, drift or score, not {parts!r}.")


def fields_in_part(fields: tuple[Field, Field], parts: Parts) -> tuple[Field, Field]:
    """Drift and score with the one that `parts` leaves out replaced by zeros; the step formula stays as it is."""
    drift, score = fields
    return (_nothing if parts == "score" else drift), (_nothing if parts == "drift" else score)


def _nothing(_node: int, x: Tensor) -> Tensor:
    return torch.zeros_like(x)
