"""The page around the sections: what it is of, the comparison of several models, how to make it again, and its look."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dnf_studio
from dnf_studio import colours
from dnf_studio.core.evaluation.by_steps import StepRow
from dnf_studio.core.files import atomic_file
from dnf_studio.core.parallel import worker_threads
from dnf_studio.errors import ExportError
from dnf_studio.reports.apart import Difference, comparable, nll_difference, step_difference
from dnf_studio.reports.drawing import bars, curves
from dnf_studio.reports.known import differing, setting, table
from dnf_studio.reports.measured import FULL, Measured
from dnf_studio.reports.sections import (
    WORDS,
    bars_of,
    distance_words,
    likelihood_rows,
    mark_of,
    model_section,
    nats,
)

OTHERS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of models by Okabe and Ito, "Color Universal Design", 2008, told apart on light and dark."""
LAYOUT = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem;
background: var(--base); color: var(--text); }
h2 { border-bottom: 2px solid var(--grid); margin-top: 2.4rem; } h3 { margin: 1.6rem 0 0.3rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1rem; font-variant-numeric: tabular-nums; }
td, th { padding: 3px 12px 3px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
th { color: var(--muted); font-weight: 600; } caption { text-align: left; color: var(--muted); }
.wide { overflow-x: auto; } code { overflow-wrap: anywhere; font-size: 12px; }
figure { display: inline-block; margin: 2px 4px; } figcaption { font-size: 12px; color: var(--muted);
text-align: center; } svg { max-width: 100%; height: auto; } svg.cloud { border: 1px solid var(--grid); }
svg text { font: 11px system-ui, sans-serif; fill: var(--muted); } .grid { stroke: var(--grid); }
.level { stroke: var(--muted); stroke-dasharray: 5 4; } line.mark { stroke: var(--muted); stroke-width: 0.6; }
circle.mark { fill: var(--muted); } .error { stroke: var(--text); } .open { color: var(--muted); }
.row { white-space: nowrap; overflow-x: auto; } .row b { display: inline-block; width: 5.5rem;
vertical-align: top; padding-top: 0.4rem; } .forward { color: var(--forward); } .backward { color: var(--backward); }
.key span { margin-right: 1.2rem; } summary { cursor: pointer; }
@media print { body { max-width: none; margin: 0; font-size: 11px; } figure, table, svg { break-inside: avoid; }
h2, h3 { break-after: avoid; } .row b { width: 9%; } .row figure { width: 14%; margin: 0; } }
"""


def write_page(path: Path, found: Sequence[Measured], options: Sequence[str], seconds: float) -> None:
    """Write the report of these models, whole or not at all; raises `ExportError` where it cannot be.

    `options` are what the command line is given beside the models and the file.
    """
    names = ", ".join(one.subject.name for one in found)
    parts = [_head(found, names), *([_comparison(found)] if len(found) > 1 else [])]
    parts += [model_section(one) for one in found]
    parts.append(_again(path, found, options, seconds))
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(names)}</title>"
    text = f"<!doctype html><html lang='en'><head>{head}<style>{_colours()}{LAYOUT}</style></head><body>"
    # A name of a file may hold half of a character
    whole = f"{text}{''.join(parts)}</body></html>\n".encode("utf-8", "replace")
    with atomic_file(path, ExportError) as partial:
        partial.write_bytes(whole)


def as_dict(found: Measured) -> dict[str, Any]:
    """What was found of a model as plain values for JSON."""
    (bound, bound_error), (ode, ode_error) = found.mean("bound"), found.mean("ode")
    return {
        "name": found.subject.name,
        "file": found.subject.source or None,
        "sha256": found.subject.checkpoint.sha256 or None,
        "nll_bound": bound,
        "nll_bound_error": bound_error,
        "nll_ode": ode,
        "nll_ode_error": ode_error,
        "entropy": found.entropy,
        "attainable": found.attainable,
        "excess_by_step": None if found.excess is None else [asdict(row) for row in found.excess],
        "by_steps": [asdict(row) for row in found.by_steps],
        "failed": found.failed,
    }


def _colours() -> str:
    """The colours of the studio as variables, light, dark where the reader's screen is, and light on paper."""

    def of(look: colours.Meanings) -> str:
        own = {name: value for name, value in asdict(look).items() if isinstance(value, str)}
        own["disagreement"] = look.disagreement[3]
        return "".join(f"--{name}: {value}; " for name, value in own.items())

    light, dark = of(colours.LIGHT), of(colours.DARK)
    return f":root {{ {light}}} @media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}"


def _head(found: Sequence[Measured], names: str) -> str:
    kinds = ", ".join(dict.fromkeys(one.subject.flow.words for one in found))
    effort = found[0].effort
    how = f"Measured {effort.words}; every error says how certain a number is."
    if effort is not FULL:
        how += " With --full it is measured on so many points as evaluate takes."
    rows = [(f"<b>{escape(one.subject.name)}</b>", " · ".join(_headline(one))) for one in found]
    return f"<h1>Report on {escape(names)}</h1><p>{escape(kinds)}. {how}</p>{table((), rows)}"


def _headline(one: Measured) -> Iterator[str]:
    """The few numbers by which a model is known, each with its error and what is said of it."""
    for name, value, _ in likelihood_rows(one):
        yield f"{name} {value}"
    for row in one.by_steps:
        yield f"samples at N = {row.steps}: {distance_words(row)}"


def _comparison(found: Sequence[Measured]) -> str:
    """Settings as differences, and numbers with what is said of their differences."""
    heads = ("", *(escape(one.subject.name) for one in found))
    settings = differing([one.subject.flow.config for one in found])
    rows = [(escape(name), *map(setting, values)) for name, values in settings.items()]
    parts = [f"<section><h2>Compared</h2><h3>Settings that differ</h3>{table(heads, rows) or '<p>None.</p>'}"]
    parts.append(f"<h3>Numbers</h3>{table(heads, _numbers(found))}")
    apart, why = [], []
    for first, second in combinations(found, 2):
        if reason := comparable(first, second):
            why.append(f"<p class='open'>{escape(reason)}</p>")
        else:
            apart += list(_differences(first, second))
    if apart:
        told = (
            "The second less the first: of likelihoods the mean over the points that both were measured at, of samples "
            "the difference of the squared distances to the data, each with its 95% interval by Student's t. Told "
            "apart: it leaves out 0. Equal, of samples alone: both are equal to the data. Unresolved: neither. The "
            "weights are those of one training each, so nothing is said of other seeds."
        )
        head = ("first", "second", "", "difference", "95% interval", "over", "")
        parts.append(f"<h3>Told apart, equal or unresolved</h3><p>{told}</p>{table(head, apart)}")
    return f"{''.join(parts)}{''.join(why)}{_overlaid(found)}</section>"


def _numbers(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    rows = [("NLL bound, nats", *(nats(*one.mean("bound")) for one in found))]
    rows.append(("NLL (ODE), nats", *(nats(*one.mean("ode")) for one in found)))
    known = [{row.steps: row for row in one.by_steps} for one in found]
    for steps in sorted({n for one in known for n in one}):
        cells = (distance_words(one[steps]) if steps in one else "–" for one in known)
        rows.append((f"distance at N = {steps}", *cells))
    rows.append(("parameters", *(f"{sum(p.numel() for p in one.subject.flow.parameters()):,}" for one in found)))
    rows.append(("training", *(f"{one.subject.checkpoint.seconds:,.0f} s" for one in found)))
    return rows


def _differences(first: Measured, second: Measured) -> Iterator[tuple[str, ...]]:
    names = escape(first.subject.name), escape(second.subject.name)
    for what, name in (("NLL bound, nats", "bound"), ("NLL (ODE), nats", "ode")):
        difference = nll_difference(getattr(first, name), getattr(second, name))
        if difference is not None:
            yield (*names, what, *_told(difference, "points", names))
    rows: Mapping[int, StepRow] = {row.steps: row for row in first.by_steps}
    for row in second.by_steps:
        difference = step_difference(rows[row.steps], row) if row.steps in rows else None
        if difference is not None:
            yield (*names, f"squared distance at N = {row.steps}", *_told(difference, "sets", names))


def _told(one: Difference, of: str, names: tuple[str, str]) -> tuple[str, ...]:
    ends = f"{one.low:+.4g} … {one.high:+.4g}".replace("-", "−")
    lower = "" if one.word != "told apart" else f": {names[0] if one.value > 0 else names[1]} is lower"
    return f"{one.value:+.4g}".replace("-", "−"), ends, f"{one.of:,} {of}", f"<b>{one.word}</b>{lower}"


def _overlaid(found: Sequence[Measured]) -> str:
    """Disagreement by step and distances by N of all models in one picture each."""
    look = {one.subject.name: OTHERS[k % len(OTHERS)] for k, one in enumerate(found)}
    key = "".join(f"<span style='color:{colour}'>■ {escape(name)}</span>" for name, colour in look.items())
    groups = {one.subject.name: bars_of(one.excess) for one in found if one.excess is not None}
    alike = len({len(group) for group in groups.values()}) == 1
    drawn = bars(groups, look, "step, the first at the data", "nats") if alike and len(groups) > 1 else ""
    lines = {
        one.subject.name: [mark_of(row) for row in one.by_steps if row.sliced_wasserstein is not None] for one in found
    }
    near = curves({name: line for name, line in lines.items() if line}, "steps", "distance", look)
    parts = [
        f"<h3>Disagreement by step</h3>{drawn}" if drawn else "",
        f"<h3>Distance by the number of steps</h3><p>{WORDS}</p>{near}" if near else "",
    ]
    return f"<p class='key'>{key}</p>{''.join(parts)}" if any(parts) else ""


def _again(path: Path, found: Sequence[Measured], options: Sequence[str], seconds: float) -> str:
    """Where this was made, with what, and the command that makes it again."""
    rows = [
        ("DNF Studio", dnf_studio.__version__),
        ("Python, torch, NumPy", f"{platform.python_version()}, {torch.__version__}, {np.__version__}"),
        ("system", escape(f"{platform.system()} {platform.machine()}, {worker_threads()} cores")),
        ("made in", f"{seconds:.0f} s of the processor"),
    ]
    rows += [
        (f"sum of {escape(one.subject.name)}", f"<code>{escape(one.subject.checkpoint.sha256 or 'no file')}</code>")
        for one in found
    ]
    sources = [one.subject.source for one in found]
    if all(sources):
        words = ["dnf-studio", "report", *sources, *options, "-o", os.fspath(path.name)]
        rows.append(("made again by", f"<code>{escape(shlex.join(words))}</code>"))
    return f"<section><h2>How this was made</h2>{table((), rows)}</section>"
