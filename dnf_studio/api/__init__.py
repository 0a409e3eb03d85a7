"""The verbs that the command line, the window and scripts share.

They load on first use (PEP 562): the window needs few of them before it is painted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnf_studio.api.displaying import DisplaySet, display_set
    from dnf_studio.api.exports import Export, export, open_export
    from dnf_studio.api.fitting import fit_steps
    from dnf_studio.api.measuring import evaluate
    from dnf_studio.api.opening import FileKind, data_of, datasets, file_kind, load, open_checkpoint
    from dnf_studio.api.processes import Paths, paths
    from dnf_studio.api.reporting import report
    from dnf_studio.api.training import train

__all__ = [
    "DisplaySet",
    "Export",
    "FileKind",
    "Paths",
    "data_of",
    "datasets",
    "display_set",
    "evaluate",
    "export",
    "file_kind",
    "fit_steps",
    "load",
    "open_checkpoint",
    "open_export",
    "paths",
    "report",
    "train",
]

_HOMES = {
    "displaying": ("DisplaySet", "display_set"),
    "exports": ("Export", "export", "open_export"),
    "fitting": ("fit_steps",),
    "measuring": ("evaluate",),
    "opening": ("FileKind", "data_of", "datasets", "file_kind", "load", "open_checkpoint"),
    "processes": ("Paths", "paths"),
    "reporting": ("report",),
    "training": ("train",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - it stands for every verb
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
