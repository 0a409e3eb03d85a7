"""A report on what is open, as one HTML file that can be read anywhere."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.report.controller import ReportController

    return ReportController(workspace)


COMMANDS = (
    Command("write-report", "&Report…", "Ctrl+Alt+H", "Measure what is open and write settings, curves, both "
            "processes, likelihoods and samples into one HTML file", menu="File", section="write", order=2),
)  # fmt: skip

FEATURE = Feature("report", commands=COMMANDS, fill=_fill)
