"""Figures of what scripts look at, with matplotlib, in the colours of the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dnf_studio import colours
from dnf_studio.errors import SettingError, StudioError

if TYPE_CHECKING:
    from dnf_studio.api.processes import Paths

MAX_LINES = 20
"""More chosen paths hide each other where they are not faint."""
THEMES = {"light": colours.LIGHT, "dark": colours.DARK}


def plot_paths(
    shown: Paths,
    points: int,
    theme: Literal["light", "dark"],
    step: int | None = None,
    pair: tuple[int, int] = (0, 1),
    chosen: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> Any:  # noqa: ANN401 - matplotlib has no types
    """The figure of `Paths.plot`; `chosen` rows by ``forward``, ``backward`` or ``both``."""
    # Long by its docstring, which tells each parameter
    try:
        from matplotlib import pyplot
    except ImportError:
        raise StudioError("Drawing needs matplotlib; install it with pip install 'dnf-studio[plot]'.") from None
    if theme not in THEMES:
        raise SettingError(f"The theme is light or dark, not {theme!r:.100}.")
    palette, (nodes, count, dim) = THEMES[theme], shown.forward.shape
    _check(step, nodes, pair, dim, [row for rows in chosen.values() for row in rows], count)
    figure, both = pyplot.subplots(1, 2, figsize=(9, 4.4), sharex=True, sharey=True, layout="constrained")
    figure.set_facecolor(palette.base)
    names = ("t", "component 0") if dim == 1 else (f"component {pair[0]}", f"component {pair[1]}")
    for axes, (name, title, path, times) in zip(
        both,
        (
            ("forward", "Forward: data → noise", shown.forward, shown.t),
            ("backward", "Backward: noise → data", shown.backward, shown.t[::-1]),
        ),
        strict=True,
    ):
        rows = [*chosen.get(name, ()), *chosen.get("both", ())]
        row = nodes - 1 if step is None else step if name == "forward" else nodes - 1 - step
        across = np.broadcast_to(times[:, None], path.shape[:2]) if dim == 1 else path[..., pair[0]]
        up = path[..., 0] if dim == 1 else path[..., pair[1]]
        seen, colour = slice(points if step is None else None), getattr(palette, name)
        axes.plot(across[:, :points], up[:, :points], color=colour, linewidth=0.6, alpha=0.35 if not rows else 0.2)
        axes.plot(across[row, seen], up[row, seen], ".", color=colour, markersize=3)
        _set_off(axes, palette, across[:, rows], up[:, rows], row)
        _dress(axes, palette, title, names)
        if dim > 1:
            # Both axes are shared, so that the box has to give way, not the data's range
            axes.set_aspect("equal", adjustable="box")
    return figure


def _set_off(axes: Any, palette: colours.Meanings, across: Any, up: Any, row: int) -> None:  # noqa: ANN401 - as above
    """Draw the chosen paths (N+1, K), where there are any, and their points at `row`, as the window does: many are
    faint, and the last one, which is the current one, stands on a line of the ground's colour."""
    if not across.size:
        return
    colour, many = palette.chosen, across.shape[1] > MAX_LINES
    axes.plot(across, up, color=colour, linewidth=0.6 if many else 0.9, alpha=0.14 if many else 0.9)
    axes.plot(across[row], up[row], ".", color=colour, markersize=3 if many else 7)
    for under, width in ((palette.base, 3.5), (colour, 1.4)):
        axes.plot(across[:, -1], up[:, -1], color=under, linewidth=width)
    axes.plot(across[row, -1], up[row, -1], "o", color=palette.base, markeredgecolor=colour, markersize=6)


def _check(step: int | None, nodes: int, pair: tuple[int, int], dim: int, rows: Sequence[int], count: int) -> None:
    """Raise `SettingError` for a step, components or points that these paths have not."""
    if step is not None and not 0 <= step < nodes:
        raise SettingError(f"The step to draw is between 0 and {nodes - 1}, not {step}.")
    if dim > 1 and not all(0 <= axis < dim for axis in pair):
        raise SettingError(f"The components to draw are between 0 and {dim - 1}, not {pair}.")
    if not all(0 <= row < count for row in rows):
        raise SettingError(f"The chosen points are between 0 and {count - 1}.")


def _dress(axes: Any, palette: colours.Meanings, title: str, names: tuple[str, str]) -> None:  # noqa: ANN401 - as above
    """Title, names and lines around a plot as in the window."""
    axes.set_facecolor(palette.base)
    axes.set_title(title, color=palette.text)
    axes.set_xlabel(names[0], color=palette.muted)
    axes.set_ylabel(names[1], color=palette.muted)
    axes.tick_params(colors=palette.muted)
    axes.grid(color=palette.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_color(palette.grid)
