"""A program of the public names that makes the numbers which the window shows, and their picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from pprint import pformat

import dnf_studio
from dnf_studio import colours
from dnf_studio.config import Config
from dnf_studio.gui.features.scripts.described import Described, Source, differences

__all__ = ["BODIES", "program"]

WIDTH = 100
MOST_PATHS = 300
"""Paths that a picture has: matplotlib takes its time over each."""
NAMES = {"last": "last_step"}
"""Arguments of `dnf.paths` that are called otherwise than the settings."""
LEFT_OUT = ("langevin",)
"""Settings that mean nothing to paths: views take no Langevin steps."""
THEMES = {"light": colours.LIGHT, "dark": colours.DARK}


def program(shown: Described, plot: str = "") -> str:
    """The text of a program for the whole of what is `shown`, or for the numbers of one `plot` by its name."""
    parts = [_head(shown), _imports(shown, plot)]
    if plot == "loss":
        return "\n".join([*parts, _loss(shown)])
    parts.append(_model(shown))
    parts.append(_paths(shown))
    parts.append(BODIES.get(plot, _processes)(shown))
    return "\n".join(parts)


def _head(shown: Described) -> str:
    """What it is, and what to do before it runs: the first comment, where the model is not saved."""
    source, lines = shown.source, []
    if source.held:
        lines.append(f"The model is held by {source.held}: put this into that script, where it is called `model`.")
    elif not source.saved:
        lines.append("The model is not saved yet: save it in the studio (File, Save) under the name below, first.")
    lines.append(
        f"What DNF Studio {dnf_studio.__version__} showed of {shown.title}: N = {shown.sampling.steps}, "
        f"seed {shown.sampling.seed}, {shown.points:,} points."
    )
    lines += [f"It needs the plug-in '{name}': import it first." for name in shown.packages]
    if shown.own_samples:
        lines.append("Its data is not here, so that the forward process begins at samples of the model.")
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _imports(shown: Described, plot: str) -> str:
    standard = ["import runpy"] if shown.plugins else []
    if plot in NUMPY:
        standard.append("from importlib.util import find_spec")
    third = ["import numpy as np"] if plot in NUMPY or shown.export else []
    rows = [*standard, *([""] if standard else []), *third, *([""] if third else []), "import dnf_studio as dnf", ""]
    rows += [f"runpy.run_path({_text(file)})  # registers what the model needs" for file in shown.plugins]
    return "\n".join(rows)


def _model(shown: Described) -> str:
    source = shown.source
    if source.held:
        return "# model = …"
    if source.config is not None:
        return _untrained(source.config, shown.data)
    return f"model = {_loading('dnf.load', source)}"


def _loading(verb: str, source: Source) -> str:
    checked = f", sha256={_text(source.sha256)}" if source.sha256 else ""
    return f"{verb}({_text(source.name)}{checked})"


def _untrained(config: Config, data: str) -> str:
    """The first weights of a run with these settings, none of which has been trained."""
    named = {name.rpartition(".")[2]: value for name, value in differences(config).items() if name != "data"}
    return f"model = {_call('dnf.train', [_text(data or config.data)], named)}.flow  # untrained"


def _call(verb: str, first: list[str], named: dict[str, object]) -> str:
    """A call, in one line where it fits, else with a line for each argument."""
    words = [*first, *(f"{name}={_value(value)}" for name, value in named.items())]
    line = f"{verb}({', '.join(words)})"
    return line if len(line) <= WIDTH - 20 else f"{verb}(\n{''.join(f'    {word},{chr(10)}' for word in words)})"


def _text(value: str) -> str:
    """A string as this project writes it; what cannot be printed is escaped."""
    return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    return pformat(value, width=WIDTH - 10, compact=True).replace("\n", "\n    ")


def _paths(shown: Described) -> str:
    """The display set carried through both processes, every setting said."""
    given = {"data": shown.data, "fingerprint": shown.fingerprint}
    data: dict[str, object] = {name: value for name, value in given.items() if value}
    settings = {NAMES.get(name, name): value for name, value in vars(shown.sampling).items() if name not in LEFT_OUT}
    return "\n".join(
        [
            f"points = {_call('dnf.display_set', ['model', str(shown.points)], data)}",
            f"p = {_call('dnf.paths', ['model', 'points'], settings | {'units': 'model'})}",
            "# In standardised units, as they are drawn; with units='data' in those of the data",
            "t, g = p.t, p.g  # the times t_0 at the data … t_N at the noise, and the diffusion coefficient",
            "forward = p.forward  # (N + 1, points, components), row i at t_i",
            *_backward(shown),
            *_selection(shown),
            "",
        ]
    )


def _backward(shown: Described) -> list[str]:
    rows = ["backward = p.backward[::-1]  # row i at t_i as well; it runs from row N to row 0"]
    if not shown.export:
        return rows
    return [
        *rows,
        f"# In the place of these the window showed those of an export of {shown.exported:,} samples, in data units,",
        "# which are the trajectories of the file where it has them:",
        f"with dnf.open_export({_text(shown.export)}) as export:",
        "    exported = np.asarray(export.samples[: len(points.points)])",
    ]


def _selection(shown: Described) -> list[str]:
    """The chosen rows and their paths."""
    if not shown.chosen:
        return []
    rows = [f"chosen = {_value(list(shown.chosen))}  # the last one is the one that the Inspector lists"]
    if shown.chosen_in in ("forward", "both"):
        rows.append("chosen_forward = forward[:, chosen]")
    if shown.chosen_in in ("backward", "both"):
        rows.append("chosen_backward = backward[:, chosen]")
    return rows


def _processes(shown: Described) -> str:
    """The picture of both processes as they are at the time cursor."""
    named: dict[str, object] = {"theme": shown.theme, "step": shown.step}
    if shown.dim > 1:
        named["axes"] = shown.axes
    if shown.chosen:
        named["chosen_in"] = shown.chosen_in
    first = [str(min(MOST_PATHS, shown.points))]
    call = _call("p.plot", first, named).replace("chosen_in=", "chosen=chosen, chosen_in=")
    call = call.replace("\n", "\n    ")
    return "\n".join(
        [
            "try:",
            f"    figure = {call}",
            f"    figure.savefig({_text(_picture(shown, ''))}, dpi=200)",
            "except dnf.StudioError as missing:  # without matplotlib there are the numbers alone",
            "    print(missing)",
            "",
        ]
    )


def _disagreement(shown: Described) -> str:
    if not shown.bounded:
        return _processes(shown)
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
                    f"axes.bar(np.arange(len(disagreement)), disagreement, yerr=error, color={_text(colour[3])})",
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
                    f"axes.fill_between(np.arange(len(highest)), highest, color={_text(theme.grid)})",
                    f'axes.plot(floor, "--", color={_text(theme.muted)})',
                    f"axes.plot(distance, color={_text(theme.text)})",
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
                    f'axes.bar(t[:-1], lengths, width=lengths, align="edge", color={_text(theme.data)}, '
                    f"edgecolor={_text(theme.base)})",
                    f"axes.twinx().plot(t, g, color={_text(theme.text)})",
                    'axes.set(title="Time grid", xlabel="t", ylabel="Δt")',
                ],
            ),
        ]
    )


def _loss(shown: Described) -> str:
    """The curve that the file of the model keeps."""
    source, theme = shown.source, THEMES[shown.theme]
    if source.held or source.config is not None:
        return "# There is no loss: this model was not trained here.\n"
    return "\n".join(
        [
            f"checkpoint = dnf.open_checkpoint({_text(source.name)})",
            *([f"assert checkpoint.sha256 == {_text(source.sha256)}"] if source.sha256 else []),
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
                    f"axes.plot(iterations, loss, color={_text(theme.data)}, linewidth=0.8)",
                    f'axes.plot(measured["iterations"], measured["losses"], "o-", color={_text(theme.backward)})',
                    "for iteration, name, before, after in marks:",
                    f"    axes.axvline(iteration, color={_text(theme.grid)})",
                    "    axes.annotate(f'{name} {before}→{after}', (iteration, loss[0]), rotation=90, fontsize=6)",
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
        f"    look = dict(facecolor={_text(theme.base)}, layout={_text('constrained')})",
        "    figure, axes = pyplot.subplots(figsize=(7, 4), **look)",
        f"    axes.set_facecolor({_text(theme.base)})",
        f"    axes.tick_params(colors={_text(theme.muted)})",
        *(f"    {line}" for line in lines),
        "    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):",
        f"        text.set_color({_text(theme.text)})",
        f"    figure.savefig({_text(_picture(shown, name))}, dpi=200)",
        "",
    ]


def _picture(shown: Described, plot: str) -> str:
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
