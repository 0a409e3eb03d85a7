"""A window without a window: a process that is none, and the connections that one would make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Event
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dnf_studio.link import program
from dnf_studio.link.description import read_description
from dnf_studio.link.messages import Message, receive
from dnf_studio.link.program import connect
from dnf_studio.link.remote import Asking


class _Line(BytesIO):
    """What was written, even after it is closed."""

    text = ""

    def close(self) -> None:
        self.text = self.getvalue().decode()
        super().close()


class FakeProcess:
    """As the window's process to the script."""

    def __init__(self, said: bytes = b"", ends: bool = False) -> None:
        self.stdin, self.gone, self.said = _Line(), Event(), said
        self.returncode: int | None = None
        if ends:
            self.gone.set()

    def wait(self) -> int:
        self.gone.wait()
        self.returncode = 1
        return 1


class Joined:
    """What the window has of a script."""

    def __init__(self, process: FakeProcess) -> None:
        self.questions, self.news = connect(process.stdin.text)
        self.ask = Asking(self.questions)
        first = receive(self.news)
        self.picture = first if first.kind == "picture" else None
        self.said: Message = first if self.picture is None else receive(self.news)
        self.known, self.flow = read_description(self.said, self.ask)

    def next(self) -> Message:
        """The next news."""
        assert self.news.poll(5)
        return receive(self.news)


@contextmanager
def started(monkeypatch: pytest.MonkeyPatch, said: bytes = b"", ends: bool = False) -> Iterator[FakeProcess]:
    """Start no program, but a `FakeProcess`, which is gone at the end."""
    process = FakeProcess(said, ends)

    def start(errors: Any) -> FakeProcess:  # noqa: ANN401 - a temporary file
        errors.write(said)
        return process

    monkeypatch.setattr(program, "_start", start)
    try:
        yield process
    finally:
        process.gone.set()


def network() -> nn.Module:
    """A velocity's network with what draws random numbers and writes to itself in train mode."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 16), nn.BatchNorm1d(16), nn.SiLU(), nn.Dropout(0.2), nn.Linear(16, 16), nn.SiLU(), nn.Linear(16, 2)
    )


def train(net: nn.Module, velocity: Any, steps: int, after: Any = lambda step, loss: None) -> None:  # noqa: ANN401
    """A plain loop of flow matching to a ring."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    angle = torch.linspace(0, 6.28, 64)
    data = torch.stack([angle.cos(), angle.sin()], 1)
    for step in range(steps):
        noise, t = torch.randn(64, 2), torch.rand(64)
        between: Tensor = torch.lerp(noise, data, t[:, None])
        loss = (velocity(between, t) - (data - noise)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after(step, loss)
