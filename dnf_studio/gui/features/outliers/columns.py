"""The outliers as the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.widgets.table import Column

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

__all__ = ["columns_shown", "outlier_columns"]

MOST = 8
"""Components that have columns of their own in the table; a file has them all."""
WHY = {
    "lost": "not finite",
    "beyond": "beyond ±4",
    "way": "±4 on the way",
    "off": "off support",
}


def columns_shown(found: Outliers) -> int:
    """How many of the columns the table shows: 7 + 2 D, of at most eight components."""
    dim: int = found.rows.end.shape[1]
    return 7 + 2 * min(dim, MOST)


def outlier_columns(found: Outliers, names: tuple[str, ...] = ()) -> list[Column]:
    """Number, why, step, distance, |z|, jump and where, then of every component the end and the latent.

    `names` are those of the columns of the data. A table has room for the first `columns_shown` of these.
    """
    rows, steps = found.rows, found.steps
    arrows = tuple(f"{i + 1} → {i}" for i in range(steps))
    # The last of the texts stands for NEVER
    step_texts = (*arrows, "latent", "none")
    columns = [
        _column("no.", "number", "Which sample: its number among the points of the views, or in an export of the same "
               "seed", rows.number),
        _column("why", "why", "What is wrong with it: the first that holds", _reasons(found),
               texts=tuple(WHY.values())),
        _column("step", "step", "The step of its backward path that led out of what the forward process visits and "
               "from which it never came back; “latent”: it began out there; “none”: the forward process goes there "
               "too", rows.step, texts=step_texts),
        _column("distance", "distance", "Of its end to the nearest data point compared with, model units",
               rows.distance, decimals=3),
        _column("|z|", "latent_radius", "Length of its latent", rows.radius, decimals=2),
        _column("jump", "largest_jump", "Its largest step, in units of what forward paths move at that step",
               rows.jump, decimals=1),
        _column("at", "jump_step", "The step with that jump", rows.jump_step, texts=arrows),
    ]  # fmt: skip
    dim = rows.end.shape[1]
    ends = [_component("x", k, rows.end[:, k], "End, t₀, model units", names) for k in range(dim)]
    latents = [_component("z", k, rows.latent[:, k], "Latent, t_N", ()) for k in range(dim)]
    return [*columns, *ends[:MOST], *latents[:MOST], *ends[MOST:], *latents[MOST:]]


def _column(
    head: str, name: str, tip: str, values: NDArray[Any], decimals: int = 0, texts: tuple[str, ...] = ()
) -> Column:
    """What left the finite numbers is infinitely far."""
    return Column(head, tip, values, f",.{decimals}f", name, texts, lost="∞")


def _component(letter: str, k: int, values: NDArray[np.float32], tip: str, names: tuple[str, ...]) -> Column:
    own = f": {names[k]}" if k < len(names) else ""
    return _column(component_name(k).replace("x", letter), f"{letter}{k + 1}", f"{tip}{own}", values, decimals=3)


def _reasons(found: Outliers) -> NDArray[np.intp]:
    """(K,) which of `WHY` each is, the first that holds."""
    first: NDArray[np.intp] = np.argmax([getattr(found.rows, name) for name in WHY], axis=0)
    return first
