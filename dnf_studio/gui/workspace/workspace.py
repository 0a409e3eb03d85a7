"""What a feature is, and what it may use of the window.

A feature is a folder in `gui/features`, whose `__init__.py` holds one `Feature`: the commands, plots, docks and pages
that it adds, and the controller that joins them to the rest. The main window composes the list of features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.commands import Command, Commands
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.files import Files
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.plots import Plots
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.studio import Studio

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability
    from dnf_studio.gui.workspace.curves import Curves


class Closing(QObject):
    """The closing of the window: asks those who may object to it, and tells those who must act on it."""

    now = Signal()
    """The window closes for good: stop what runs, write what is to be remembered."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._questions: list[Callable[[], bool]] = []
        self._agreed = False

    def agree(self) -> None:
        """Let the window close without a question: a signal asks for it."""
        self._agreed = True

    def ask_first(self, may_close: Callable[[], bool]) -> None:
        """Have `may_close` asked before the window closes; it may ask the person, and says whether it may."""
        self._questions.append(may_close)

    def may_close(self) -> bool:
        """Whether nobody objects."""
        return self._agreed or all(question() for question in self._questions)


@dataclass
class Arrangement:
    """How docks, bars and splitters stand, as values that JSON can hold; the window says how it is read and set."""

    read: Callable[[], dict[str, Any]] = dict
    apply: Callable[[Mapping[str, Any]], object] = lambda _known: None


class Dock(Protocol):
    """A dock as its feature sees it: a `QDockWidget` that the main window has made."""

    visibilityChanged: SignalInstance

    def isHidden(self) -> bool:
        """Whether it is closed."""

    def offer(self) -> None:
        """Open by itself, unless a person has opened or closed it before."""


@dataclass(frozen=True)
class Workspace:
    """All that a feature gets. It holds no widget of another feature, and the window only as a parent for dialogs."""

    session: Session
    """The state of the window and its only writer, undo, and the time cursor."""
    studio: Studio
    """What is open: model, data and run."""
    live: Live
    """The frames that are shown, and the numbers, fields and excess that belong to them."""
    comparison: Comparison
    """The second model beside the one that is open, and its frames."""
    plots: Plots
    commands: Commands
    appearance: Appearance
    memory: Memory
    files: Files
    """Opening and saving with their dialogs."""
    say: Callable[[str], None]
    """Show a sentence in the status bar."""
    tell: Callable[[BaseException], None]
    """Show an error."""
    closing: Closing
    add_bar: Callable[[QWidget], None]
    """Put a bar above the plots."""
    add_clock: Callable[[QWidget], None]
    """Put a bar below that of the time cursor."""
    add_strip: Callable[[QWidget], None]
    """Put a strip of buttons at the left of the plots."""
    add_status: Callable[[QWidget], None]
    """Put a widget into the status bar."""
    show_page: Callable[[str], QWidget | None]
    """Bring the page of this title in the left dock to the front; it is returned, None before there is any."""
    parent: QWidget
    """The parent of dialogs and controllers."""
    arrangement: Arrangement = field(default_factory=Arrangement)
    docks: dict[str, Dock] = field(default_factory=dict)
    """The docks of all features, by the name of their command."""
    parts: dict[str, Any] = field(default_factory=dict)
    """What `start` or `fill` of each feature returned, by its name: for pages and docks of the same feature."""

    @cached_property
    def curves(self) -> Curves:
        """Models that are compared by curves, and curves that the lab keeps; made when somebody first asks."""
        from dnf_studio.gui.workspace.curves import Curves

        return Curves(self.session, self.parent)


@dataclass(frozen=True)
class PlotPlace:
    """A plot of a feature, and where it stands."""

    name: str
    """Name of the plot in `Plots`."""
    title: str
    """Title on its tab, or in the list of plots."""
    row: Literal["above", "below", "tabs"]
    """The upper row of views, the lower row, or one of the tabs at the right end of the lower row."""
    make: Callable[[Workspace], Plot]
    """Imports the module of the plot itself. The first tab and the rows are made before the window is painted first."""
    needs: Ability | None = None
    """What a model must be able to do for the plot to show anything; of another one the plot says why it is empty."""
    offered: bool = True
    """Whether its tab is there from the beginning; else `Plots.offer` says when it is."""


@dataclass(frozen=True)
class DockPlace:
    """A dock at the right; the command of the same name shows, raises and hides it."""

    name: str
    title: str
    opens_itself: bool = False
    """Whether it is open from the beginning where the window is wide, and opens when its feature offers it."""


@dataclass(frozen=True)
class DockPage:
    """What a dock holds; several pages are tabs, whose texts follow the window titles of the pages."""

    dock: str
    title: str
    make: Callable[[Workspace], QWidget]
    """Called when the dock is first seen. What it returns has `set_theme(theme)`."""
    tip: str = ""


@dataclass(frozen=True)
class PagePlace:
    """A page of the left dock."""

    title: str
    make: Callable[[Workspace], QWidget]
    """Called before the first paint for the first page, after it for all others."""


@dataclass(frozen=True)
class Feature:
    """What one folder adds to the window."""

    name: str
    """Name of the feature's folder."""
    commands: tuple[Command, ...] = ()
    layers: tuple[str, ...] = ()
    """Names of the layers that it draws over the process views; the command of the same name switches each."""
    plots: tuple[PlotPlace, ...] = ()
    docks: tuple[DockPlace, ...] = ()
    dock_pages: tuple[DockPage, ...] = ()
    pages: tuple[PagePlace, ...] = ()
    start: Callable[[Workspace], object] | None = None
    """Makes the controller, once the plots of both rows are there and before the window is painted."""
    fill: Callable[[Workspace], object] | None = None
    """What can wait until the window has been painted, when all plots and pages are there: also the controller of a
    feature of which nothing is seen at first."""
