"""Two models in the window: how they are shown, what is drawn of their difference, and what is grey without B."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Slot

from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.gui.drawing.point_plot import PointPlot, ProcessPlot
from dnf_studio.gui.drawing.theme import DIRECTIONS, SECOND
from dnf_studio.gui.features.comparison.bar import ComparisonBar
from dnf_studio.gui.features.comparison.choice import SecondChoice
from dnf_studio.gui.features.comparison.layers import SecondLayers
from dnf_studio.gui.features.comparison.marginals import SecondMarginals
from dnf_studio.gui.features.comparison.models import Models
from dnf_studio.gui.features.comparison.places import SecondViews
from dnf_studio.gui.widgets.choices import greying
from dnf_studio.gui.workspace.state import CHOICE, COMPARING, FIELDS_OF_SCORE
from dnf_studio.gui.workspace.turns import Turns
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

BLINK_MS = 700
"""Milliseconds that each model is seen: slower than three flashes a second, which WCAG 2.2 (2.3.1) allows."""
NO_SECOND = "There is no second model: Compare, Open second model opens one"
OF_BOTH = ("compare-split", "compare-overlay", "compare-blink", "compare-swap", "compare-close")
Array = NDArray[np.float32]


class ComparisonController(QObject):
    """Joins views, layers, bar and commands to the comparison and the state."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._comparison = workspace.session, workspace.live, workspace.comparison
        self._workspace, self._plots, self._commands = workspace, workspace.plots, workspace.commands
        self.views, self.models, self.bar = SecondViews(workspace), Models(workspace), ComparisonBar(workspace)
        self.choice = SecondChoice(workspace, self.models)
        self.layers: dict[ProcessPlot, SecondLayers] = {}
        workspace.add_bar(self.bar)
        self.marginals = SecondMarginals(workspace)
        self._planes: dict[tuple[str, bool], tuple[tuple[object, ...], Array]] = {}
        self._moves = 0
        self.other = False
        """Whether B is seen in place of A, while they are shown in turn."""
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self._turn)
        for mode in COMPARING:
            self._commands.connect_to(f"compare-{mode}", partial(self._choose, mode))
        self._commands.connect_to("compare-other", self._turn_by_hand)
        self._commands.connect_to("compare-run", self._hold)
        self._grey = [
            greying(lambda: None if self._on else NO_SECOND, *(self._commands[name] for name in OF_BOTH)),
            greying(self._no_turns, self._commands["compare-other"], self._commands["compare-run"]),
            greying(self._no_change, self._commands["density-change"]),
            greying(self._no_field, self._commands["field-change"]),
        ]
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(self.refresh)
        self._session.cursor.moved.connect(self._move)
        self._session.cursor.playing_changed.connect(self._move)
        self._turns = Turns(self)
        self._comparison.sought.connect(self._prepare)
        self._comparison.changed.connect(self._begin)
        self._comparison.frame_shown.connect(self._framed)
        self._live.frame_shown.connect(self._framed)
        self._plots.added.connect(self._hand_to_pairs)
        workspace.closing.now.connect(self._blink.stop)
        self.refresh()

    @property
    def _on(self) -> bool:
        return self._comparison.second is not None

    @property
    def _mode(self) -> str:
        return self._session.state.comparing

    def _no_turns(self) -> str | None:
        if not self._on:
            return NO_SECOND
        return None if self._mode == "blink" else "Both models are seen at once: Compare, In turn shows one at a time"

    def _no_change(self) -> str | None:
        return (self._session.no_plane or self._comparison.apart or None) if self._on else NO_SECOND

    def _no_field(self) -> str | None:
        if why := self._no_change():
            return why
        second, state = self._comparison.second, self._session.state
        theirs = {} if second is None else second.opened.shown.lacks
        if state.field in FIELDS_OF_SCORE and (why := self._session.lacks.get("score") or theirs.get("score")):
            return why
        return None if "field" in state.layers else "The field is not shown: View, Show field"

    def _choose(self, mode: str) -> None:
        self._session.apply({"comparing": mode})
        self._commands[f"compare-{self._mode}"].setChecked(True)

    @Slot()
    def _prepare(self) -> None:
        """Make views while B is opened, unless they are being made for one that is there."""
        if not self._turns.running:
            self._turns.go(self.views.making())

    @Slot()
    def _begin(self) -> None:
        """B is another model, or there is none any more."""
        self.other = False
        self._plots.offer("change", self._on)
        # What is made for the first B, one thing after another; all later ones are shown at once
        self._turns.go(self._beginning())
        if not self._on or self.views.made:
            self._turns.finish()

    def _beginning(self) -> Iterator[None]:
        if self._on:
            yield from self.views.making()
        self.refresh()
        if self._on and self._mode == "blink":
            self._start_blinking()

    def _follow(self, names: frozenset[str]) -> None:
        if "comparing" in names:
            self.other = False
            if self._on and self._mode == "blink":
                self._start_blinking()
        if names & {"comparing", "projection", "layers", "axes", "field", "contours", "colouring"}:
            self.refresh()
        elif names & CHOICE:
            for view, layers in self.layers.items():
                layers.set_chosen(self._chosen(view))

    @Slot()
    def refresh(self) -> None:
        """Bring everything up to date."""
        for show in self._grey:
            show()
        on, mode, plane = self._on, self._mode, not self._session.no_plane
        self._commands[f"compare-{mode}"].setChecked(True)
        if not (on and mode == "blink"):
            self._blink.stop()
        self._commands["compare-run"].setChecked(self._blink.isActive())
        self._arrange()
        change = on and plane and not self._comparison.apart and "density-change" in self._session.state.layers
        if on and plane:
            self._add_layers()
        for view, layers in self.layers.items():
            over = on and plane and mode == "overlay" and not view.second
            apart = mode == "blink" or view.second == (mode == "split")
            layers.want(over, change and apart, self._comparison.effective.layers)
        self.bar.refresh()
        self._take_planes()

    def _arrange(self) -> None:
        """Show the views that are wanted."""
        on, mode = self._on and not self._session.in_pairs, self._mode
        images = self._session.no_plane is not None and not self._session.in_pairs and self._session.dim > 1
        # Grids of images have nothing to draw one over the other
        split = mode == "split" or (mode == "overlay" and images)
        first, second = not (mode == "blink" and self.other and on), on and (split or (mode == "blink" and self.other))
        self.views.arrange(first, second, fed=second or (on and mode == "blink"))
        over = "A + B" if mode == "overlay" and not self._session.no_plane else "A"
        turned, both = "B" if self.other else "A", "A + B"
        pairs = "A" if self._session.state.colouring != "none" else turned if mode == "blink" else both
        steps = both if mode == "overlay" or self._session.dim == 1 else "A"
        # The difference of the two is of neither
        self.views.letter(self._on, over, {"time": steps, "pairs": pairs, "change": ""})
        self._hand_to_pairs()

    @Slot()
    def _hand_to_pairs(self, *_: object) -> None:
        """Let the pair plot, which is one for both models, show B as the views do; colours are those of A."""
        plot, mode = self._plots.named("pairs"), self._mode
        if isinstance(plot, PointPlot):
            wanted = self._session.state.colouring == "none" and (mode != "blink" or self.other)
            frame = self._comparison.frame if self._on and wanted else None
            plot.set_second(frame, "other" if mode == "blink" else mode)

    def _add_layers(self) -> None:
        """Draw over the views of both models, once there are any."""
        for name in (*DIRECTIONS, *(SECOND + name for name in DIRECTIONS)):
            view = self._plots.named(name)
            if isinstance(view, ProcessPlot) and view not in self.layers:
                self.layers[view] = SecondLayers(view)

    def _start_blinking(self) -> None:
        """Blink, unless a person has asked for calm: then B is shown by its key alone."""
        if not self._workspace.appearance.calm:
            self._blink.start()
        self.refresh()

    @Slot()
    def _turn(self) -> None:
        self.other = not self.other
        self._arrange()

    def _turn_by_hand(self) -> None:
        self._blink.stop()
        self._commands["compare-run"].setChecked(False)
        self._turn()

    def _hold(self) -> None:
        if self._blink.isActive():
            self._blink.stop()
        else:
            self._blink.start()
        self._commands["compare-run"].setChecked(self._blink.isActive())

    @Slot()
    def _framed(self) -> None:
        self._hand_to_pairs()
        self._take_planes()
        self.marginals.show_change()

    def _take_planes(self) -> None:
        """Hand the layers the paths of both."""
        first, second = self._live.frame, self._comparison.frame
        for view, layers in self.layers.items():
            if not layers.wanted or first is None or second is None:
                if layers.held:
                    layers.clear()
                    self._planes.clear()
                continue
            way: Direction = "forward" if view.direction == "forward" else "backward"
            state = self._session.state
            subject = first.request, second.request, first.forward.shape, second.forward.shape, state.axes
            layers.set_planes(
                partial(self._plane, first, way), partial(self._plane, second, way), (*subject, state.projection)
            )
            layers.set_chosen(self._chosen(view))
        self.marginals.take_time()
        self._move()

    def _plane(self, frame: Frame, way: Direction) -> Array:
        """The paths of one process in the plane that is shown, the same object as long as they are the same."""
        state = self._session.state
        key = frame, state.axes, state.projection, self._live.principal
        place = way, frame is self._comparison.frame
        known = self._planes.get(place)
        if known is None or any(a is not b for a, b in zip(known[0], key, strict=True)):
            known = self._planes[place] = key, self._live.plane_of(frame.paths_of(way))
        return known[1]

    def _chosen(self, view: ProcessPlot) -> NDArray[np.intp]:
        return np.asarray(self._session.state.chosen_in(view.direction), np.intp)

    @Slot()
    def _move(self) -> None:
        fraction = self._session.cursor.fraction
        wanted = [layers for layers in self.layers.values() if layers.wanted]
        self._moves += 1
        for turn, layers in enumerate(wanted, start=self._moves):
            # While it plays, B − A of every second view, which nobody sees at fifty pictures a second
            layers.set_cursor(fraction, changes=turn % 2 == 0 or not self._session.cursor.playing)
        self.marginals.set_cursor(fraction)
