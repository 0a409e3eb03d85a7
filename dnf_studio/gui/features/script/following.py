"""Follows the model of a script: from what it says of it to what the views show. Runs in a background thread."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dnf_studio.core.training.record import StepReport
from dnf_studio.errors import Cancelled, Check, LinkError
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.shown import ShownModel

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from threading import Event

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.link.description import Described
    from dnf_studio.link.messages import Message
    from dnf_studio.link.picture import Pictured
    from dnf_studio.link.program import Arrival
    from dnf_studio.link.remote import Asking
    from dnf_studio.workers.frames import Frame
    from dnf_studio.workers.snapshot import Snapshot

WAIT_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class First:
    """What the script has computed while the window was built, if it has."""

    facts: Pictured | None = None
    frame: Frame | None = None


@dataclass(frozen=True, eq=False)
class Joined:
    """The script has said what model it holds."""

    opened: Opened
    name: str
    """The name of the script and the number of its process."""
    follows: bool
    """Whether it trains the model."""
    remote: bool
    """Whether the model is the script's callables, which nobody has once it ends."""
    ask: Asking


@dataclass(frozen=True, eq=False)
class News:
    """What a script tells while it goes on."""

    step: int
    trained: bool
    """Whether it has called `update`."""
    version: int
    """What the script calls its newest weights."""
    snapshot: Snapshot | None = None
    """These, where they are newer than before, as they were after the step `snapshot_step`."""
    snapshot_step: int = 0
    reports: list[StepReport] = field(default_factory=list)


def arrived(arrival: Arrival, go_on: Event, check: Check) -> Iterator[First | Joined | News]:
    """What comes of the script that is arrived at, until it ends; raises `LinkError` where none waits there.

    What comes first needs no torch; that is loaded for the rest, once it may `go_on`.
    """
    from dnf_studio.link.picture import read_picture

    questions, news = arrival.connections(check)
    said = _next(news, check)
    if said.kind == "picture":
        yield First(*read_picture(said))
        said = _next(news, check)
    else:
        yield First()
    while not go_on.wait(WAIT_SECONDS):
        check()
    yield from followed(questions, news, said, check)


def followed(questions: Connection, news: Connection, said: Message, check: Check) -> Iterator[Joined | News]:
    """What comes of the script that has `said` what model it holds, until it ends."""
    from dnf_studio.link.description import read_description, snapshot_flow
    from dnf_studio.link.remote import Asking
    from dnf_studio.workers.snapshot import Snapshot

    ask = Asking(questions)
    try:
        known, flow = read_description(said, ask)
        yield Joined(
            _opened(known, flow, said), f"{known.title} ({known.pid})", known.follows, known.form == "callables", ask
        )
        version = 1
        while (said := _next(news, check)).kind == "news":
            step, newest = int(said.facts["step"]), int(said.facts["version"])
            fresh = None
            if newest > version:
                version, fresh = newest, Snapshot.of(snapshot_flow(flow, newest, ask))
            at = int(said.facts["version_step"])
            yield News(step, bool(said.facts["trained"]), newest, fresh, at, _reports(said, flow))
    except (KeyError, TypeError, ValueError) as problem:
        raise LinkError("The script says what cannot be understood.") from problem
    except (GeneratorExit, Cancelled):
        ask.close()
        raise
    finally:
        ask.ended = True


def _next(news: Connection, check: Check) -> Message:
    from dnf_studio.link.messages import receive

    try:
        while not news.poll(WAIT_SECONDS):
            check()
    except (OSError, EOFError) as problem:
        raise LinkError("The script has ended.") from problem
    return receive(news)


def _opened(known: Described, flow: GenerativeModel, said: Message) -> Opened:
    """The model with the script's data, or with samples of its own."""
    from dnf_studio.core.sde.sample_settings import DISPLAY_SEED
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.gui.workspace.opening import display_points, show_checkpoint
    from dnf_studio.link.rows import GivenRows
    from dnf_studio.workers.snapshot import Snapshot

    columns, rows = tuple(known.columns), said.arrays.get("rows")
    title, dataset = f"Live: {known.title} ({known.pid})", None
    does = "holds this model and trains it itself" if known.follows else "has made this model"
    held = f"{known.title} {does}; to train one here open data or another model first."
    if rows is None and known.form == "checkpoint":
        # It says itself what data it belongs to
        return replace(show_checkpoint(Checkpoint.of_model(flow), title, None), checkpoint=None, held=held)
    if rows is None:
        count = display_points(flow)
        points = flow.standardisation.to_model(flow.sample(count, seed=DISPLAY_SEED)).float()
    else:
        if rows.ndim != 2 or rows.shape[1] != flow.dim or not len(rows) or not np.isfinite(rows).all():
            raise ValueError("rows")
        dataset = GivenRows(rows, columns, flow.standardisation)
        points = dataset.fresh(display_points(flow), DISPLAY_SEED).contiguous()
    config = flow.config.changed({"data": f"{'samples' if dataset is None else 'data'} of {known.title}"})
    shown = ShownModel(
        title=title,
        data=config.data,
        dim=flow.dim,
        columns=columns,
        steps=len(flow.timestamps) - 1,
        entropy=None,
        about="" if dataset is None else dataset.about,
        image=flow.image,
        solvers=flow.solvers,
        kind=flow.config.model,
        lacks=flow.lacks,
    )
    return Opened(shown, config, Snapshot.of(flow), points, dataset, held=held)


def _reports(said: Message, flow: GenerativeModel) -> list[StepReport]:
    """The losses of the script as what a run reports; those that are no numbers are left out."""
    rows = said.arrays["losses"]
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise ValueError("losses")
    none, steps = np.empty(0, np.float32), len(flow.timestamps) - 1
    return [
        StepReport(int(step), loss, steps, none, math.nan, math.nan, seconds)
        for step, loss, seconds in rows.tolist()
        if math.isfinite(step) and math.isfinite(loss)
    ]
