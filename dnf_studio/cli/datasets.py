"""``dnf-studio datasets``: the built-in data sets."""

from __future__ import annotations

from dnf_studio import api
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import emit, table

__all__ = ["datasets"]


def datasets(as_json: AsJson = False) -> int:
    infos = api.datasets()
    rows = [("name", "columns", "entropy", "", "other names")]
    rows += [
        (info.name, str(info.dim), "-" if info.entropy is None else f"{info.entropy:.4f}", info.title, ", ".join(info.aliases))
        for info in infos
    ]
    keys = ("name", "title", "dim", "entropy", "aliases")
    emit({"datasets": [{key: getattr(info, key) for key in keys} for info in infos]}, table(rows), as_json)
    return 0
