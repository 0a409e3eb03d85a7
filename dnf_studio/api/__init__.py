"""The verbs that the command line, the window and scripts share."""

from dnf_studio.api.exports import Export, export, open_export
from dnf_studio.api.measuring import evaluate
from dnf_studio.api.opening import FileKind, data_of, datasets, file_kind, load, open_checkpoint
from dnf_studio.api.processes import Paths, paths
from dnf_studio.api.training import train

__all__ = [
    "Export",
    "FileKind",
    "Paths",
    "data_of",
    "datasets",
    "evaluate",
    "export",
    "file_kind",
    "load",
    "open_checkpoint",
    "open_export",
    "paths",
    "train",
]
