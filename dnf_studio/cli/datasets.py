"""``dnf-studio datasets``: the built-in data sets."""

from __future__ import annotations

from dnf_studio import api
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import emit, number, table


def datasets(as_json: AsJson = False) -> int:
    """A tenth of the rows of a file of your own is to test on and, where there are a hundred or more, a tenth to
    validate on; 15 in 100 each where the rows are images. What a row holds decides, so that it stays on its side when
    others come or go; train with --train, --validation and --test takes splits of your own.
    """
    infos = api.datasets()
    rows = [
        (info.name, str(info.dim), number(info.entropy), _splits(info.splits), info.title, ", ".join(info.aliases))
        for info in infos
    ]
    head = ("name", "columns", "entropy", "train/validation/test", "", "other names")
    keys = ("name", "title", "dim", "entropy", "aliases", "splits")
    emit({"datasets": [{key: getattr(info, key) for key in keys} for info in infos]}, table([head, *rows]), as_json)
    return 0


def _splits(sizes: tuple[int, int, int] | None) -> str:
    """Rows of each split, or a dash where points are drawn afresh."""
    return "-" if sizes is None else "/".join(map(str, sizes))
