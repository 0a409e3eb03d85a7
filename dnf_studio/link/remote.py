"""The model of a script as a model of the window: what its callables say the script is asked for."""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dnf_studio.core.models.wrapped.base import WrappedModel
from dnf_studio.core.sampling.model import Model
from dnf_studio.errors import Cancelled, Check, LinkError, UnsupportedError
from dnf_studio.link.answers import MOST_ROWS_OF_JACOBIAN
from dnf_studio.link.messages import Array, Kind, Message, receive, send

WAIT_SECONDS = 0.1
CHECK_SECONDS = 0.004
"""Between two looks, while an answer takes long, at whether it is still wanted."""
RECENT = 2
"""Answers that are kept, one for each direction: drift and score of a point may follow from the same value."""
Ask = Callable[[Kind, Mapping[str, Any], Mapping[str, Array]], Message]
"""What answers questions: `Asking`, or in the script itself what that asks."""
ENDED = "The script that holds this model has ended, so nothing new can be computed; what is shown stays."


class _Answer:
    """A place for the answer to a question."""

    def __init__(self) -> None:
        self.came, self.since = Event(), monotonic()
        self.message: Message | None = None


class Asking:
    """Asks the script, from any thread; a thread of its own takes the answers, in whatever order they come."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._sending = connection, Lock()
        self._awaited: dict[int, _Answer] = {}
        self._numbers, self._asked = count(1), Condition()
        self._closed = False
        self.ended = False
        """Whether the script is gone, or follows its model no longer."""
        Thread(target=self._take, name="dnf-script-answers", daemon=True).start()

    def __call__(
        self,
        kind: Kind,
        facts: Mapping[str, Any],
        arrays: Mapping[str, Array] | None = None,
        check: Check | None = None,
    ) -> Message:
        """The answer; `check` is called while it is waited for, may itself ask, and raises to do without.

        Raises `LinkError` where the script is gone, `UnsupportedError` with the script's sentence where it cannot
        answer, and `Cancelled` once the window closes.
        """
        number, answer = next(self._numbers), _Answer()
        with self._asked:
            self._awaited[number] = answer
            self._asked.notify()
        try:
            self._send(Message(kind, {**facts, "number": number}, arrays or {}))
            while not answer.came.wait(WAIT_SECONDS if check is None else CHECK_SECONDS):
                self._leave()
                if check is not None:
                    check()
        except Cancelled:
            with suppress(LinkError, Cancelled):
                self._send(Message("leave", {"number": number}))
            raise
        finally:
            del self._awaited[number]
        found = answer.message
        if found is None:
            self._leave()
            raise LinkError(ENDED)
        if found.kind == "fault":
            raise UnsupportedError(str(found.facts.get("sentence", ""))[:1000] or ENDED)
        if found.kind != "answer":
            raise LinkError("The script gives an answer that cannot be understood.")
        return found

    @property
    def waiting(self) -> float:
        """Seconds since a question was asked that has no answer yet; below 0 where there is none."""
        return monotonic() - min((one.since for one in tuple(self._awaited.values())), default=math.inf)

    def close(self) -> None:
        """Wait for no answer any more."""
        with self._asked:
            self._closed = True
            self._asked.notify()
        if sys.platform != "win32":
            # Whoever still hands a question to a script that takes none wakes up
            with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as own:
                own.shutdown(socket.SHUT_RDWR)

    def _send(self, message: Message) -> None:
        self._leave()
        try:
            with self._sending:
                send(self._connection, message)
        except LinkError as problem:
            self._leave()
            self.ended = True
            raise LinkError(ENDED) from problem

    def _take(self) -> None:
        """Take answers while some are waited for, until the script is gone or the window closes."""
        try:
            while not (self._closed or self.ended):
                with self._asked:
                    self._asked.wait_for(lambda: self._awaited or self._closed)
                if self._connection.poll(WAIT_SECONDS):
                    found = receive(self._connection)
                    # Nobody waits any more for what was left
                    answer = self._awaited.get(found.facts.get("number", 0))
                    if answer is not None:
                        answer.message = found
                        answer.came.set()
        except (LinkError, OSError, EOFError, TypeError):
            self.ended = True
        finally:
            for answer in tuple(self._awaited.values()):
                answer.came.set()

    def _leave(self) -> None:
        if self._closed:
            raise Cancelled
        if self.ended:
            raise LinkError(ENDED)


def version_of(flow: Model) -> int:
    """The number of the script's weights that a model of `RemoteField`s tells of."""
    assert isinstance(flow, WrappedModel)
    return int(flow.calls[0].twins[0].get_buffer("version"))


def set_version(flow: WrappedModel, version: int) -> None:
    """Let a model of `RemoteField`s tell of these weights."""
    for one in flow.calls:
        for twin in one.twins:
            twin.get_buffer("version").fill_(version)


class RemoteField(nn.Module):
    """A callable of x (B, D) and t (B,) in the script, with the weights of a version that a buffer holds."""

    version: Tensor

    def __init__(self, ask: Ask, number: int, version: int) -> None:
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
