"""What a checkpoint says of its run beside settings and tensors, checked before a run is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MOST_CHANGES = 100_000
Count = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    """Names that are not known are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Curve(_Strict):
    """`training.record.History`."""

    stride: Annotated[int, Field(ge=1, lt=2**53, strict=True)]
    iterations: Annotated[list[Count], Field(max_length=MOST_CHANGES)]
    losses: list[Number]
    open: list[Number]

    @model_validator(mode="after")
    def _is_a_curve(self) -> Self:
        if len(self.iterations) != len(self.losses) or len(self.open) >= self.stride:
            raise ValueError("its numbers do not belong together")
        if not all(a < b for a, b in pairwise(self.iterations)):
            raise ValueError("its iterations do not increase")
        return self


class _History(_Strict):
    loss: _Curve
    validation: _Curve | None = None
    changes: Annotated[list[tuple[Count, dict[str, Any]]], Field(max_length=MOST_CHANGES)]
    # Read by `Marks.from_dict`, to which what it does not know is no mark
    marks: Any = None


class _EarlyStopping(_Strict):
    best_nll: Number
    best_iteration: Count
    measured: Count


class _State(_Strict):
    updates: Count
    early_stopping: _EarlyStopping | None = None


def record_fault(state: Mapping[str, Any], history: Mapping[str, Any]) -> str | None:
    """What is wrong with the `state` and the `history` of a run, as the end of a sentence; None where nothing is."""
    for name, kind, values in (("state", _State, state), ("history", _History, history)):
        try:
            kind.model_validate(values)
        except ValidationError as problem:
            where = ".".join((name, *(str(part) for part in problem.errors(include_url=False)[0]["loc"])))
            return f"its {where[:100]} is not valid"
    return None
