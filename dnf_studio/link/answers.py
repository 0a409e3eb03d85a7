"""What a script answers to its window: values of fields, their derivatives, and weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.errors import Cancelled, LinkError, StudioError
from dnf_studio.link.messages import Array, Message
from dnf_studio.link.versions import Versions

MOST_ROWS = 1 << 20
MOST_ROWS_OF_JACOBIAN = 8
"""Components up to which all derivatives go at once: a divergence is then one question, not one for each of them."""
LOG = logging.getLogger(__name__)


class _Question(BaseModel):
    """The facts of a question."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: int = 0
    version: Annotated[int, Field(ge=1)]
    field: Annotated[int, Field(ge=0, le=16)] = 0


class Answers:
    """Answers the questions of one window from `versions` of a model with `dim` components.

    `shown` is called with each version that the window shows.
    """

    def __init__(self, versions: Versions, dim: int, shown: Callable[[int], object] = lambda _: None) -> None:
        self._versions, self._dim, self._shown = versions, dim, shown

    def __call__(self, asked: Message) -> Message:
        """The answer, or the sentence on why there is none."""
        return in_words(lambda: self._answer(asked))

    def _answer(self, asked: Message) -> Message:
        question = _Question.model_validate(dict(asked.facts))
        if asked.kind == "shown":
            self._shown(question.version)
            return Message("answer")
        number, parts = self._versions.at(question.version)
        if isinstance(parts, GenerativeModel):
            if asked.kind != "weights":
                raise LinkError("The window has this model itself and need not ask.")
            tensors = {name: tensor.numpy() for name, tensor in parts.state_dict().items()}
            return Message("answer", {"version": number}, tensors)
        if asked.kind not in ("value", "pull", "jacobian") or question.field >= len(parts):
            raise LinkError("The window asks for what this model has not.")
        return Message("answer", {"version": number}, self._value(parts[question.field], asked))

    def _value(self, called: Called, asked: Message) -> dict[str, Array]:
        """The value of a callable (B, D), the product of a seed with its derivative (B, D), or value and derivative
        (B, D, D), row j that of component j; in the type of x.
        """
        given = {name: np.array(values) for name, values in asked.arrays.items()}
        x, t, seed = given.get("x"), given.get("t"), given.get("seed")
        if (
            x is None
            or t is None
            or not self._fits(x, t)
            or (asked.kind == "pull" and not _same(seed, x))
            or (asked.kind == "jacobian" and self._dim > MOST_ROWS_OF_JACOBIAN)
        ):
            raise LinkError("The window asks with arrays of a shape that does not fit.")
        weight = called.weight
        place = torch.device("cpu") if weight is None else weight.device
        points, times = torch.from_numpy(x).to(place), torch.from_numpy(t).to(place).expand(len(x))
        if asked.kind == "value":
            with torch.no_grad():
                return {"value": _plain(called.value(points, times))}
        with torch.enable_grad():
            points.requires_grad_()
            value = called.value(points, times)
            if asked.kind == "pull":
                (row,) = torch.autograd.grad(value, points, torch.from_numpy(seed).to(place))
                return {"value": _plain(row)}
            rows = [torch.autograd.grad(one.sum(), points, retain_graph=True)[0] for one in value.unbind(1)]
        return {"value": _plain(value), "jacobian": _plain(torch.stack(rows, 1))}

    def _fits(self, x: Array, t: Array) -> bool:
        """Whether these are points (B, D) and a time for each of them, or one for all."""
        points = x.ndim == 2 and x.shape[1] == self._dim and 1 <= len(x) <= MOST_ROWS and x.dtype.kind == "f"
        return points and t.shape in ((1,), (len(x),)) and t.dtype.kind in "fi"


def in_words(work: Callable[[], Message]) -> Message:
    """The answer that `work` returns, or the sentence on why it has none; whatever a person's callable raises is one.

    `Cancelled` goes on.
    """
    try:
        return work()
    except Cancelled:
        raise
    except StudioError as error:
        return Message("fault", {"sentence": str(error)})
    except ValidationError:
        return Message("fault", {"sentence": "The script does not understand its window."})
    except Exception as problem:
        LOG.info("A question of the window failed", exc_info=True)
        words = (str(problem).strip().splitlines() or [""])[0][:300]
        return Message("fault", {"sentence": f"The script's model failed: {type(problem).__name__}: {words}"})


def _same(seed: Array | None, x: Array) -> bool:
    return seed is not None and seed.shape == x.shape and seed.dtype == x.dtype


def _plain(value: Tensor) -> np.ndarray[Any, Any]:
    found: Array = value.detach().cpu().numpy()
    return found
