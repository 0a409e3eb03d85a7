"""What programs of single plots compute and draw, as lines of Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dnf_studio import colours
from dnf_studio.gui.features.scripts.described import Described

THEMES = {"light": colours.LIGHT, "dark": colours.DARK}


def quoted(value: str) -> str:
    """A string as this project writes it; what cannot be printed is escaped."""
    return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)


def _disagreement(shown: Described) -> str:
    colour = THEMES[shown.theme].disagreement
    return "\n".join(
        [
            "contribution = p.contribution  # (N, points): what each step adds to the bound, nats",
            "log_ratios = p.disagreement  # (N, points), nats; by the densities of the ODE, which takes a while",
            "finite = np.isfinite(log_ratios).all(axis=0)",
            "rows = log_ratios[:, finite].astype(float)",
            "disagreement = rows.mean(axis=1)  # by how many nats each step back misses the reverse of that ahead",
            "error = rows.std(axis=1, ddof=1) / np.sqrt(rows.shape[1])",
            "",
            *_drawn(
                shown,
                "disagreement",
                [
                    f"axes.bar(np.arange(len(disagreement)), disagreement, yerr=error, color={quoted(colour[3])})",
                    'axes.set(title="Disagreement by step", xlabel="step", ylabel="nats")',
                ],
            ),
        ]
    )


def _marginals(shown: Described) -> str:
    theme = THEMES[shown.theme]
    return "\n".join(
        [
            "marginals = p.marginals()",
            "distance = marginals.distance  # (N + 1,): sliced Wasserstein between both clouds at t_i",
            "floor = marginals.floor  # what two sets of so many points of one law differ by, on average",
            "highest = marginals.highest  # as far as chance goes at nine steps in ten",
            "",
            *_drawn(
                shown,
                "marginals",
                [
                    f"axes.fill_between(np.arange(len(highest)), highest, color={quoted(theme.grid)})",
                    f'axes.plot(floor, "--", color={quoted(theme.muted)})',
                    f"axes.plot(distance, color={quoted(theme.text)})",
                    'axes.set(title="Marginals", xlabel="step", ylabel="sliced Wasserstein, standardised")',
                ],
            ),
        ]
    )


def _time_grid(shown: Described) -> str:
    theme = THEMES[shown.theme]
    return "\n".join(
        [
            "lengths = np.diff(t)  # Δt of each step",
            "",
            *_drawn(
                shown,
                "time grid",
                [
                    f'axes.bar(t[:-1], lengths, width=lengths, align="edge", color={quoted(theme.data)}, '
                    f"edgecolor={quoted(theme.base)})",
                    "right = axes.twinx()",
                    f"right.plot(t, g, color={quoted(theme.text)})",
                    f'right.set_ylabel("g", color={quoted(theme.text)})',
                    f"right.tick_params(colors={quoted(theme.muted)})",
                    'axes.set(title="Time grid", xlabel="t", ylabel="Δt")',
                ],
            ),
        ]
    )


def _loss(shown: Described) -> str:
    """The curve that the file of the model keeps."""
    source, theme = shown.source, THEMES[shown.theme]
    small = f"fontsize=7, color={quoted(theme.muted)}"
    if source.held or source.config is not None:
        return "# There is no loss: this model was not trained here.\n"
    return "\n".join(
        [
            f"checkpoint = dnf.open_checkpoint({quoted(source.name)})",
            *([f"assert checkpoint.sha256 == {quoted(source.sha256)}"] if source.sha256 else []),
            'kept = checkpoint.history["loss"]',
            'iterations, loss = np.array(kept["iterations"]), np.array(kept["losses"])  # means of kept["stride"] each',
            'measured = checkpoint.history.get("validation") or {"iterations": [], "losses": []}',
            'marks = checkpoint.history.get("marks", {}).get("marks", [])  # iteration, setting, before, after',
            "entropy = checkpoint.data.entropy  # nats, None where it is not known",
            "",
            *_drawn(
                shown,
                "loss",
                [
                    f"axes.plot(iterations, loss, color={quoted(theme.data)}, linewidth=0.8)",
                    f'axes.plot(measured["iterations"], measured["losses"], "o-", color={quoted(theme.backward)})',
                    "for iteration, name, before, after in marks:",
                    f"    axes.axvline(iteration, color={quoted(theme.grid)})",
                    '    words, top = f"{name} {before}→{after}", axes.get_xaxis_transform()',
                    f'    axes.text(iteration, 0.97, words, transform=top, rotation=90, va="top", {small})',
                    'axes.set(title="Loss", xlabel="iteration", ylabel="loss")',
                ],
            ),
        ]
    )


def _drawn(shown: Described, name: str, lines: list[str]) -> list[str]:
    """`lines` that draw into `axes`, where there is matplotlib."""
    theme = THEMES[shown.theme]
    return [
        'if find_spec("matplotlib"):',
        "    from matplotlib import pyplot",
        "",
        f"    look = dict(facecolor={quoted(theme.base)}, layout={quoted('constrained')})",
        "    figure, axes = pyplot.subplots(figsize=(7, 4), **look)",
        f"    axes.set_facecolor({quoted(theme.base)})",
        f"    axes.tick_params(colors={quoted(theme.muted)})",
        *(f"    {line}" for line in lines),
        "    for side in (side for own in figure.axes for side in own.spines.values()):",
        f"        side.set_color({quoted(theme.grid)})",
        "    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):",
        f"        text.set_color({quoted(theme.text)})",
        f"    figure.savefig({quoted(picture_name(shown, name))}, dpi=200)",
        "",
    ]


def picture_name(shown: Described, plot: str) -> str:
    """The name of a file for a picture of what is shown."""
    name = "-".join(filter(None, (Path(shown.title).stem, plot.replace(" ", "-"))))
    return f"{''.join(c if c.isalnum() or c in '-_' else '-' for c in name).strip('-') or 'picture'}.png"


BODIES: dict[str, Callable[[Described], str]] = {
    "disagreement": _disagreement,
    "marginals": _marginals,
    "grid": _time_grid,
    "loss": _loss,
}
"""What plots have of their own, by their names; all others are of both processes."""
NUMPY = frozenset(BODIES)
