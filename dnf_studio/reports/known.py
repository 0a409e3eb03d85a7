"""What is known of a model without measuring it: settings, data and training, each a piece of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from dnf_studio.config import Config, flatten
from dnf_studio.config.grids import grid_label
from dnf_studio.config.model_kinds import IN_NATS, MODEL_KINDS
from dnf_studio.core.training.record import STAGE, History, Marks
from dnf_studio.reports.drawing import Line, chart
from dnf_studio.reports.measured import Measured

MOST_COLUMNS = 12
"""Columns that are named."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table of cells that are HTML already."""
    top = f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    said = f"<caption>{caption}</caption>" if caption else ""
    return f"<div class='wide'><table>{said}{top}{body}</table></div>" if body else ""


def setting(value: object) -> str:
    """A setting as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return escape(grid_label(value))
    return escape(f"{value:g}" if isinstance(value, float) else str(value))


def differing(configs: Sequence[Config]) -> dict[str, list[object]]:
    """The settings in which these differ, by dotted name."""
    flat = [flatten(config.model_dump()) for config in configs]
    names = dict.fromkeys(name for one in flat for name in one)
    rows = {name: [one.get(name) for one in flat] for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def settings_part(found: Measured) -> str:
    """The settings that are not the defaults first, all others folded away."""
    config = found.subject.flow.config
    own, usual = flatten(config.model_dump()), flatten(config.defaults().model_dump())
    kinds = {"model", "network.kind", "network.drift"}
    first = [name for name in own if own[name] != usual[name] or name in kinds]
    rows = [(escape(name), setting(own[name]), "" if name in kinds else setting(usual[name])) for name in first]
    rest = [(escape(name), setting(value)) for name, value in own.items() if name not in first]
    title = f"<summary>The {len(rest)} others, all at the defaults of this kind</summary>"
    others = f"<details>{title}{table((), rest)}</details>"
    return f"<h3>Settings</h3>{table(('', 'here', 'default'), rows)}{others}"


def data_part(found: Measured) -> str:
    """What the data is, which of its rows are held out, and by what it is known again."""
    subject = found.subject
    known, dataset = subject.checkpoint.data, subject.dataset
    rows = [("name", escape(subject.flow.config.data)), ("components", f"{subject.flow.dim:,}")]
    if known.columns and len(known.columns) <= MOST_COLUMNS:
        rows.append(("columns", escape(", ".join(known.columns))))
    counts = known.rows or (None if dataset is None else dataset.rows)
    if counts is None:
        rows.append(("rows", "drawn afresh, so that none that is measured on was trained on"))
    else:
        rows.append(("rows", f"{counts[0]:,} to train, {counts[1]:,} to validate and {counts[2]:,} to test on"))
    if dataset is not None and dataset.about:
        rows.append(("about", escape(dataset.about)))
    mark = known.fingerprint or ("" if dataset is None else dataset.fingerprint)
    rows.append(("fingerprint", f"<code>{escape(mark)}</code>" if mark else "not known"))
    told = f"<p class='open'>{escape(subject.told)}</p>" if subject.told else ""
    return f"<h3>Data</h3>{table((), rows)}{told}"


def training_part(found: Measured) -> str:
    """The curve that the file keeps, with its marks, and what the run came to."""
    checkpoint = found.subject.checkpoint
    if not checkpoint.iteration:
        return "<h3>Training</h3><p>Nothing is known of its training.</p>"
    history, marks = History.read(checkpoint.history.get("loss")), Marks.from_dict(checkpoint.history.get("marks"))
    measured = History.read(checkpoint.history.get("validation"))
    objective = MODEL_KINDS[found.subject.flow.kind].objective if found.subject.flow.kind in MODEL_KINDS else ""
    in_nats = objective in IN_NATS
    lines = [Line("loss", "var(--data)", history.iterations, history.losses)]
    if in_nats:
        lines.append(Line("NLL on the validation split", "var(--backward)", measured.iterations, measured.losses, True))
    known = {"entropy": found.entropy, "attainable": found.attainable} if in_nats else {}
    levels = {name: value for name, value in known.items() if value is not None}
    words = {float(mark.iteration): _mark(mark.name, mark.before, mark.after) for mark in marks.all}
    drawn = chart(lines, "iteration", "loss, nats" if in_nats else "loss", levels, words)
    changes = [(f"{mark.iteration:,}", escape(_mark(mark.name, mark.before, mark.after))) for mark in marks.all]
    stage = "The loss is a bound on, or an estimate of, the NLL." if in_nats else "The loss is no likelihood."
    told = f"{checkpoint.iteration:,} iterations in {checkpoint.seconds:,.0f} s of training, wherever that was. {stage}"
    return f"<h3>Training</h3><p>{told}</p>{drawn}{table(('after iteration', 'changed'), changes)}"


def _mark(name: str, before: object, after: object) -> str:
    what = "N, by progressive training" if name == STAGE else name
    return f"{what}: {setting(before)} → {setting(after)}"
