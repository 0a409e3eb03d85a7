"""Figures of what scripts look at, with matplotlib, in the colours of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dnf_studio import colours
from dnf_studio.errors import SettingError, StudioError

if TYPE_CHECKING:
    from dnf_studio.api.processes import Paths

THEMES = {"light": colours.LIGHT, "dark": colours.DARK}


def plot_paths(shown: Paths, points: int, theme: Literal["light", "dark"]) -> Any:  # noqa: ANN401 - matplotlib has no types
    """The figure of `Paths.plot`."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise StudioError("Drawing needs matplotlib; install it with pip install 'dnf-studio[plot]'.") from None
    if theme not in THEMES:
        raise SettingError(f"The theme is light or dark, not {theme!r:.100}.")
    palette = THEMES[theme]
    figure, both = pyplot.subplots(1, 2, figsize=(9, 4.4), sharex=True, sharey=True, layout="constrained")
    figure.set_facecolor(palette.base)
    flat = shown.forward.shape[-1] == 1
    for axes, title, path, colour, times in (
        (both[0], "Forward: data → noise", shown.forward, palette.forward, shown.t),
        (both[1], "Backward: noise → data", shown.backward, palette.backward, shown.t[::-1]),
    ):
        some = path[:, :points]
        across, up = (times[:, None], some[..., 0]) if flat else (some[..., 0], some[..., 1])
        axes.plot(across, up, color=colour, linewidth=0.6, alpha=0.35)
        ends = (across[-1].repeat(some.shape[1]) if flat else across[-1]), up[-1]
        axes.plot(*ends, ".", color=colour, markersize=3)
        _dress(axes, palette, title, ("t", "component 0") if flat else ("component 0", "component 1"))
        if not flat:
            # Both axes are shared, so that the box has to give way, not the data's range
            axes.set_aspect("equal", adjustable="box")
    return figure


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
