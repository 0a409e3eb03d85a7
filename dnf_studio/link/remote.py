"""The model of a script as a model of the window: what its callables say the script is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from multiprocessing.connection import Connection
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dnf_studio.errors import Cancelled, LinkError, UnsupportedError
from dnf_studio.link.answers import MOST_ROWS_OF_JACOBIAN
from dnf_studio.link.messages import Array, Kind, Message, receive, send

WAIT_SECONDS = 0.1
RECENT = 2
"""Answers that are kept, one for each direction: drift and score of a point may follow from the same value."""
ENDED = "The script that holds this model has ended, so nothing new can be computed; what is shown stays."


class Asking:
    """Asks the script, one question at a time, from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, Lock()
        self._closed, self._since = False, math.inf
        self.ended = False
        """Whether the script is gone, or follows its model no longer."""

    def __call__(
        self,
        kind: Kind,
        facts: Mapping[str, Any],
        arrays: Mapping[str, Array] | None = None,
    ) -> Message:
        """The answer.

        Raises `LinkError` where the script is gone, `UnsupportedError` with the script's sentence where it cannot
        answer, and `Cancelled` once the window closes.
        """
        with self._lock:
            if self.ended:
                raise LinkError(ENDED)
            self._since = monotonic()
            try:
                send(self._connection, Message(kind, facts, arrays or {}))
                while not self._connection.poll(WAIT_SECONDS):
                    self._leave()
                found = receive(self._connection)
            except (LinkError, OSError, EOFError) as problem:
                self._leave()
                self.ended = True
                raise LinkError(ENDED) from problem
            finally:
                self._since = math.inf
        if found.kind == "fault":
            raise UnsupportedError(str(found.facts.get("sentence", ""))[:1000] or ENDED)
        if found.kind != "answer":
            raise LinkError("The script gives an answer that cannot be understood.")
        return found

    @property
    def waiting(self) -> float:
        """Seconds since a question was asked that has no answer yet; below 0 where there is none."""
        return monotonic() - self._since

    def close(self) -> None:
        """Wait for no answer any more."""
        self._closed = True

    def _leave(self) -> None:
        if self._closed:
            raise Cancelled
        if self.ended:
            raise LinkError(ENDED)


class RemoteField(nn.Module):
    """A callable of x (B, D) and t (B,) in the script, with the weights of a version that a buffer holds."""

    version: Tensor

    def __init__(self, ask: Asking, number: int, version: int) -> None:
        super().__init__()
        self.ask, self.number = ask, number
        self._recent: list[tuple[int, Tensor, Tensor, Tensor]] = []
        self.register_buffer("version", torch.tensor(version))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Its value (B, D), with a derivative by x where gradients are enabled."""
        if torch.is_grad_enabled() and x.requires_grad:
            value: Tensor = _Differentiable.apply(x, t, self)  # type: ignore[no-untyped-call]
            return value
        version = int(self.version)
        for known, time, points, said in tuple(self._recent):
            if known == version and torch.equal(points, x) and torch.equal(time, t):
                return said.clone()
        found = self.asked("value", x, t)[0]
        self._recent.append((version, t.clone(), x.clone(), found.clone()))
        del self._recent[:-RECENT]
        return found

    def asked(self, kind: Kind, x: Tensor, t: Tensor, seed: Tensor | None = None) -> list[Tensor]:
        """What the script says, (B, D), and with ``jacobian`` all derivatives, (B, D, D); raises as `Asking` does."""
        one = t[:1] if bool((t == t[0]).all()) else t
        arrays = {"x": x.detach().numpy(), "t": one.detach().numpy()}
        if seed is not None:
            arrays["seed"] = seed.detach().numpy()
        shapes = {"value": tuple(x.shape)}
        if kind == "jacobian":
            shapes["jacobian"] = (*x.shape, x.shape[1])
        found = self.ask(kind, {"version": int(self.version), "field": self.number}, arrays).arrays
        if {name: values.shape for name, values in found.items()} != shapes or any(
            values.dtype != arrays["x"].dtype for values in found.values()
        ):
            raise LinkError("The script gives an answer that does not fit its question.")
        return [torch.from_numpy(np.array(found[name])) for name in shapes]


class _Differentiable(torch.autograd.Function):
    """The value from the script, and on the way back the product with its derivative from there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, field: RemoteField) -> Tensor:  # noqa: ANN401 - torch's own
        few = x.shape[1] <= MOST_ROWS_OF_JACOBIAN
        value, *rows = field.asked("jacobian" if few else "value", x, t)
        ctx.save_for_backward(x, t, *rows)
        ctx.field = field
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *seeds: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 - torch's own
        x, t, *rows = ctx.saved_tensors
        if rows:
            return torch.einsum("bj,bji->bi", seeds[0], rows[0]), None, None
        return ctx.field.asked("pull", x, t, seeds[0].contiguous())[0], None, None
