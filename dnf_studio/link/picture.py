"""The first picture of a script's model, which the script computes: torch is loaded there, and not yet in the window.

It is what the window itself would show first, to the bit: the first block of the display set.
"""

from __future__ import annotations

from time import monotonic, perf_counter
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnf_studio.core.sde.sample_settings import AS_VIEWED
from dnf_studio.errors import LinkError
from dnf_studio.link.messages import Message
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.errors import Check

MOST_SECONDS = 0.7
"""For which a script looks for the picture; the window is painted some half a second after it has come."""
POINTS = 256
"""As many of the display set as its first block has where the data has few components."""
ARRAYS = "t", "g", "forward", "backward", "mean_contributions", "contributions"


class Pictured(BaseModel):
    """The facts of a picture: what the window says of where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(max_length=200)
    pid: int
    follows: bool
    lacks: dict[str, str]
    solvers: list[tuple[str, str]] = Field(max_length=1000)
    """Name and need of each, which together no two have."""


def picture_of(flow: GenerativeModel, described: Message, check: Check) -> Message | None:
    """The picture of a model that was `described` to the window; None where there is none in time, or of images.

    `check` is called between steps, and raises to do without.
    """
    from dnf_studio.core.sde.sample_settings import DISPLAY_SEED
    from dnf_studio.link.rows import displayed_rows
    from dnf_studio.workers.frames import FrameRequest
    from dnf_studio.workers.passes import Passes
    from dnf_studio.workers.snapshot import Snapshot

    rows = described.arrays.get("rows")
    if flow.image is not None or (rows is None and not flow.adapter):
        # What of the studio comes without data says itself what that is, which takes time to find
        return None
    until, found = monotonic() + MOST_SECONDS, list[Frame]()

    def over(_wanted: FrameRequest) -> bool:
        check()
        return bool(found) or monotonic() > until

    if rows is None:
        points = flow.standardisation.to_model(flow.sample(POINTS, seed=DISPLAY_SEED)).float()
    else:
        points = displayed_rows(rows, flow.standardisation, POINTS)
    passes = Passes(found.append)
    passes.run(FrameRequest(Snapshot(0, flow), data=points, since=perf_counter()), over, training=True)
    passes.close()
    if not found:
        return None
    told = {name: described.facts[name] for name in ("title", "pid", "follows")}
    told |= {"lacks": dict(flow.lacks), "solvers": [(one.name, one.needs) for one in flow.solvers]}
    return Message("picture", told, {name: getattr(found[0], name) for name in ARRAYS})


def read_picture(said: Message) -> tuple[Pictured, Frame]:
    """What a picture says and shows; raises `LinkError` for what is none."""
    try:
        facts, arrays = Pictured.model_validate(dict(said.facts)), said.arrays
        steps, count, dim = (arrays["forward"].shape[k] - (k == 0) for k in range(3))
        bounded = steps if len(arrays["mean_contributions"]) else 0
        shapes = {"t": (steps + 1,), "g": (steps + 1,), "forward": (steps + 1, count, dim),
                  "backward": (steps + 1, count, dim), "mean_contributions": (bounded,),
                  "contributions": (bounded, count if bounded else 0)}  # fmt: skip
        if {name: values.shape for name, values in arrays.items()} != shapes or min(steps, count, dim) < 1:
            raise ValueError("shapes")
        own = {name: np.array(values, np.float32) for name, values in arrays.items()}
    except (ValidationError, ValueError, KeyError, IndexError) as problem:
        raise LinkError("The script sends a picture that is none.") from problem
    return facts, Frame(0, AS_VIEWED, complete=False, seconds=0.0, all_points=False, **own)  # type: ignore[arg-type]
