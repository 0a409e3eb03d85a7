"""``dnf-studio datasets``: the built-in data sets."""

from __future__ import annotations

from dnf_studio import api
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import emit, number, table

__all__ = ["datasets"]


def datasets(as_json: AsJson = False) -> int:
    infos = api.datasets()
    rows = [(info.name, str(info.dim), number(info.entropy), info.title, ", ".join(info.aliases)) for info in infos]
    head = ("name", "columns", "entropy", "", "other names")
    keys = ("name", "title", "dim", "entropy", "aliases")
    emit({"datasets": [{key: getattr(info, key) for key in keys} for info in infos]}, table([head, *rows]), as_json)
    return 0
