"""How the model that is shown is sampled, and what says that a part of it is left out."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.workspace import Feature, PagePlace, Workspace


def _page(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.sampling.panel import SamplingPanel

    page = SamplingPanel(workspace.session, workspace.commands)
    page.set_theme(workspace.appearance.theme)
    workspace.appearance.changed.connect(page.set_theme)
    return page


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.sampling.panel import PartsNotice

    return PartsNotice(workspace)


FEATURE = Feature(
    "sampling",
    pages=(PagePlace("Sampling", _page),),
    fill=_fill,
)
