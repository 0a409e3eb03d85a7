"""A program of the public names that makes the numbers which the window shows, and their picture."""

from __future__ import annotations

from pprint import pformat

import dnf_studio
from dnf_studio.config import Config
from dnf_studio.gui.features.scripts.bodies import BODIES, NUMPY, picture_name, quoted
from dnf_studio.gui.features.scripts.described import Described, Source, differences

WIDTH = 100
MOST_PATHS = 300
"""Paths that a picture has: matplotlib takes its time over each."""
NAMES = {"last": "last_step"}
"""Arguments of `dnf.paths` that are called otherwise than the settings."""
LEFT_OUT = ("langevin",)
"""Settings that mean nothing to paths: views take no Langevin steps."""


def program(shown: Described, plot: str = "") -> str:
    """The text of a program for the whole of what is `shown`, or for the numbers of one `plot` by its name."""
    if plot == "disagreement" and not shown.bounded:
        plot = ""
    parts = [_head(shown), _imports(shown, plot)]
    if plot == "loss":
        return "\n".join([*parts, BODIES[plot](shown)])
    parts += [_model(shown), _paths(shown), BODIES.get(plot, _processes)(shown)]
    if shown.second is not None and not plot:
        parts += _compared(shown, shown.second)
    return "\n".join(parts)


def _compared(first: Described, second: Described) -> list[str]:
    """The second model, with the names of the first and _b behind them."""
    head = f"# B, the model that is compared: {second.title.removesuffix('-b')}, N = {second.sampling.steps}"
    if not second.source.saved:
        head += "; it is not saved yet: save it under the name below first"
    start = ""
    if second.shares:
        fewer = f"dataclasses.replace(points, points=points.points[:{second.points}])"
        start = "points" if second.points >= first.points else fewer
    again = (second.chosen, second.chosen_in) == (first.chosen, first.chosen_in)
    return [head, _model(second, "_b"), _paths(second, "_b", start, again), _processes(second, "_b")]


def _head(shown: Described) -> str:
    """What it is, and what to do before it runs: the first comment, where the model is not saved."""
    source, lines = shown.source, []
    if source.held:
        lines.append(f"The model is held by {source.held}: put this into that script, where it is called `model`.")
    elif not source.saved:
        lines.append("The model is not saved yet: save it in the studio (File, Save) under the name below, first.")
    if source.iteration is not None:
        lines.append(f"Its weights are those after iteration {source.iteration:,} of the run, at which one looks back.")
    lines.append(
        f"What DNF Studio {dnf_studio.__version__} showed of {shown.title}: N = {shown.sampling.steps}, "
        f"seed {shown.sampling.seed}, {shown.points:,} points."
    )
    lines += [f"It needs the plug-in '{name}': import it first." for name in shown.packages]
    if shown.own_samples:
        lines.append("Its data is not here, so that the forward process begins at samples of the model.")
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _imports(shown: Described, plot: str) -> str:
    second, files = shown.second, shown.plugins
    fewer = second is not None and second.shares and second.points < shown.points
    files = tuple(dict.fromkeys((*files, *(() if second is None else second.plugins))))
    standard = [*(["import dataclasses"] if fewer else []), *(["import runpy"] if files else [])]
    if plot in NUMPY:
        standard.append("from importlib.util import find_spec")
    third = ["import numpy as np"] if plot in NUMPY or shown.export else []
    rows = [*standard, *([""] if standard else []), *third, *([""] if third else []), "import dnf_studio as dnf", ""]
    rows += [f"runpy.run_path({quoted(file)})  # registers what the model needs" for file in files]
    return "\n".join(rows)


def _model(shown: Described, mark: str = "") -> str:
    source = shown.source
    if source.held:
        return f"# model{mark} = …"
    if source.config is not None:
        return f"model{mark} = {_untrained(source.config, shown.data)}"
    return f"model{mark} = {_loading('dnf.load', source)}"


def _loading(verb: str, source: Source) -> str:
    checked = f", sha256={quoted(source.sha256)}" if source.sha256 else ""
    return f"{verb}({quoted(source.name)}{checked})"


def _untrained(config: Config, data: str) -> str:
    """The first weights of a run with these settings, none of which has been trained."""
    named = {name.rpartition(".")[2]: value for name, value in differences(config).items() if name != "data"}
    return f"{_call('dnf.train', [quoted(data or config.data)], named)}.flow  # untrained"


def _call(verb: str, first: list[str], named: dict[str, object]) -> str:
    """A call, in one line where it fits, else with a line for each argument."""
    words = [*first, *(f"{name}={_value(value)}" for name, value in named.items())]
    line = f"{verb}({', '.join(words)})"
    return line if len(line) <= WIDTH - 20 else f"{verb}(\n{''.join(f'    {word},{chr(10)}' for word in words)})"


def _value(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    return pformat(value, width=WIDTH - 10, compact=True).replace("\n", "\n    ")


def _paths(shown: Described, mark: str = "", start: str = "", again: bool = False) -> str:
    """The display set, or what `start` says, carried through both processes, every setting said."""
    model, points = f"model{mark}", f"points{mark}"
    given = {"data": shown.data, "fingerprint": shown.fingerprint}
    data: dict[str, object] = {name: value for name, value in given.items() if value}
    settings = {NAMES.get(name, name): value for name, value in vars(shown.sampling).items() if name not in LEFT_OUT}
    return "\n".join(
        [
            f"{points} = {start or _call('dnf.display_set', [model, str(shown.points)], data)}",
            f"p{mark} = {_call('dnf.paths', [model, points], settings | {'units': 'model'})}",
            "# In standardised units, as they are drawn; with units='data' in those of the data",
            f"t{mark}, g{mark} = p{mark}.t, p{mark}.g  # times, t_0 at the data, and diffusion coefficient",
            f"forward{mark} = p{mark}.forward  # (N + 1, points, components), row i at t_i",
            *_backward(shown, mark),
            *_selection(shown, mark, again),
            "",
        ]
    )


def _backward(shown: Described, mark: str) -> list[str]:
    rows = [f"backward{mark} = p{mark}.backward[::-1]  # row i at t_i as well; it runs from row N to row 0"]
    if not shown.export:
        return rows
    return [
        *rows,
        f"# In their place the window showed an export of {shown.exported:,} samples; where those end, in data units:",
        f"with dnf.open_export({quoted(shown.export)}) as export:",
        "    exported = np.asarray(export.samples[: len(points.points)])",
    ]


def _selection(shown: Described, mark: str, again: bool) -> list[str]:
    """The chosen rows and their paths; of the second model mostly those of the first `again`, which may be many."""
    if not shown.chosen:
        return []
    rows = [f"chosen = {_value(list(shown.chosen))}  # the last one is the one that the Inspector lists"]
    rows = [] if again else rows
    if shown.chosen_in in ("forward", "both"):
        rows.append(f"chosen_forward{mark} = forward{mark}[:, chosen]")
    if shown.chosen_in in ("backward", "both"):
        rows.append(f"chosen_backward{mark} = backward{mark}[:, chosen]")
    return rows


def _processes(shown: Described, mark: str = "") -> str:
    """The picture of both processes as they are at the time cursor."""
    named: dict[str, object] = {"theme": shown.theme, "step": shown.step}
    if shown.dim > 1:
        named["axes"] = shown.axes
    if shown.chosen:
        named["chosen_in"] = shown.chosen_in
    first = [str(min(MOST_PATHS, shown.points))]
    call = _call(f"p{mark}.plot", first, named).replace("chosen_in=", "chosen=chosen, chosen_in=")
    call = call.replace("\n", "\n    ")
    return "\n".join(
        [
            "try:",
            f"    figure = {call}",
            f"    figure.savefig({quoted(picture_name(shown, ''))}, dpi=200)",
            "except dnf.StudioError as missing:  # without matplotlib there are the numbers alone",
            "    print(missing)",
            "",
        ]
    )
