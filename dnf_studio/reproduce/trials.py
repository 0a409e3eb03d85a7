"""What was tried before a comparison: the trials by which settings were chosen, kept beside it and shown in its report.

A file of trials is a JSON object with ``title``, ``note`` (what was looked at, and by which data it was decided) and
``trials``, a list of flat objects of equal meaning: settings, seed, seconds, score.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from dnf_studio.core.files import explain, make_folder
from dnf_studio.errors import DataError, ExportError

FOLDER = "trials"


def copy_trials(folder: Path, files: Sequence[Path]) -> None:
    """Copy `files`, which `check_trials` lets pass, into ``trials`` of `folder`."""
    for path in files:
        make_folder(folder / FOLDER, ExportError)
        try:
            shutil.copyfile(path, folder / FOLDER / f"{path.stem}.json")
        except OSError as problem:
            raise ExportError(f"Cannot copy '{path}': {explain(problem)}.") from problem


def check_trials(files: Sequence[Path]) -> None:
    """Raise `DataError` where one of `files` is no file of trials."""
    for path in files:
        _read(path)


def trials_section(folder: Path) -> str:
    """A table for each file of trials that the folder holds, as HTML; nothing without them."""
    tables = [_table(_read(path)) for path in sorted((folder / FOLDER).glob("*.json"))]
    if not tables:
        return ""
    return f"<h2>What was tried before</h2>{''.join(tables)}"


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DataError(f"Cannot read '{path}': {explain(problem)}.") from problem
    except ValueError:
        values = None
    trials = values.get("trials") if isinstance(values, dict) else None
    if not isinstance(trials, list) or not all(isinstance(row, dict) for row in trials):
        raise DataError(f"'{path}' holds no trials; a JSON object with a list 'trials' of objects does.")
    found: dict[str, Any] = values
    return found


def _table(values: dict[str, Any]) -> str:
    rows: list[dict[str, Any]] = values["trials"]
    heads = list(dict.fromkeys(key for row in rows for key in row))
    body = "".join(f"<tr>{''.join(f'<td>{_cell(row.get(key))}</td>' for key in heads)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(key)}</th>" for key in heads)
    note = f"<p>{escape(str(values.get('note', '')))}</p>"
    title = escape(str(values.get("title", "Trials")))
    return (
        f"<details><summary>{title}, {len(rows)} trials</summary>{note}<table><tr>{head}</tr>{body}</table></details>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    return "–" if value is None else escape(str(value))
