"""The bar above the plots while two models are compared: which they are, what they share, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio.gui.workspace.state import COMPARING
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability

WORDS = {
    "compare-other": "Other",
    "compare-run": "Blink",
    "compare-split": "Side by side",
    "compare-overlay": "Over",
    "compare-blink": "In turn",
    "compare-swap": "Swap",
    "compare-close": "×",
}
"""The commands of the bar and what their buttons say; those that come and go at the left, so that none moves."""


class ComparisonBar(QFrame):
    """``A diffflow-rings, N 30   B diffusion-rings, N 100   The same points, latents and Brownian paths.``

    It takes no focus by itself, and is there only while there is a second model.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._comparison, self._live, self._studio = workspace.comparison, workspace.live, workspace.studio
        self._appearance, self._session = workspace.appearance, workspace.session
        self.setObjectName("keep")
        self.setAccessibleName("Two models")
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 8, 4)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        self.buttons: dict[str, QToolButton] = {}
        for name, word in WORDS.items():
            button = self.buttons[name] = QToolButton()
            button.setDefaultAction(workspace.commands[name])
            button.setText(word)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(workspace.commands[name].text().replace("&", ""))
            # The command's own text, with its mnemonic, comes back with each change of it
            workspace.commands[name].changed.connect(lambda button=button, word=word: button.setText(word))
            row.addWidget(button)
        self._comparison.frame_shown.connect(self._framed)
        self._live.frame_shown.connect(self._framed)
        workspace.appearance.changed.connect(lambda _theme: self.refresh())
        self._steps: tuple[int, ...] = ()
        self.hide()

    @Slot(object)
    def _framed(self, frame: Frame | None) -> None:
        steps = tuple(len(each.t) - 1 for each in (self._live.frame, self._comparison.frame) if each is not None)
        if steps != self._steps:
            self._steps = steps
            self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Say which models are compared; go where it is one."""
        second, mode = self._comparison.second, self._session.state.comparing
        for name in ("compare-other", "compare-run"):
            self.buttons[name].setVisible(mode == "blink")
        for name in COMPARING:
            self.buttons[f"compare-{name}"].setPalette(self._palette(name == mode))
        if second is not None:
            noiseless = [letter for letter, lacks in self._lacks().items() if "noise" in lacks]
            said = common_sentences(self._comparison.same_data, noiseless, self._comparison.apart, self._missing())
            self.text.setText(f"{self._named()} &nbsp; {escape(' '.join([said[0], *self._shown_otherwise()]))}")
            self.text.setToolTip("\n".join(said))
        self.setVisible(second is not None)

    def _palette(self, chosen: bool) -> QPalette:
        """Colours of the button of one way to compare: Fusion hardly tells which is `chosen` where they are dark."""
        palette, theme = QPalette(), self._appearance.theme
        if chosen:
            palette.setColor(QPalette.ColorRole.Button, QColor(theme.accent))
            palette.setColor(QPalette.ColorRole.ButtonText, QColor(theme.on_accent))
        return palette

    def _named(self) -> str:
        """Both letters with names and N, B's in its own colour where it is drawn so."""
        over = self._session.state.comparing == "overlay" or self._session.dim == 1
        dot = f'<span style="color:{self._appearance.theme.second}">●</span>&nbsp;' if over else ""
        steps = [f", N&nbsp;{count}" for count in self._steps] + ["", ""]
        parts = zip(("<b>A</b>&nbsp;", f"{dot}<b>B</b>&nbsp;"), self._comparison.names, steps, strict=False)
        return " &nbsp; ".join(
            f"{letter}{escape(name).replace('-', '&#8209;')}{count}" for letter, name, count in parts
        )

    def _shown_otherwise(self) -> list[str]:
        """What of that which is on is not shown of both alike, a sentence each."""
        state, missing = self._session.state, self._lacks()["B"]
        known = {
            "Each in standardised units of its own.": bool(self._comparison.apart),
            "Where points are coloured, the pair plot shows A alone.": self._session.in_pairs
            and state.colouring != "none",
            "Log-density is drawn of A alone.": "contours" in state.layers
            and not self._session.no_plane
            and ("divergence" in missing or self._exact_of_a),
            "Disagreement colours A alone.": "disagreement" in state.layers and "bound" in missing,
        }
        return [sentence for sentence, holds in known.items() if holds]

    @property
    def _exact_of_a(self) -> bool:
        """Whether one over the other there are exact densities of other data, of which only that of A is drawn."""
        state = self._session.state
        return (state.comparing, state.contours) == ("overlay", "exact") and not self._comparison.same_data

    def _lacks(self) -> dict[str, Mapping[Ability, str]]:
        """What each of both cannot do, and why."""
        second, first = self._comparison.second, self._studio.current
        found = {"A": first and first.shown.lacks, "B": second and second.opened.shown.lacks}
        return {letter: lacks or {} for letter, lacks in found.items()}

    def _missing(self) -> Sequence[str]:
        """What only one of both can do, a sentence each."""
        both = self._lacks()
        return tuple(
            f"{letter}: {why}"
            for letter, other in (("A", "B"), ("B", "A"))
            for ability, why in both[letter].items()
            if ability not in both[other]
        )


def common_sentences(same_data: bool, noiseless: Sequence[str], apart: str, missing: Sequence[str]) -> list[str]:
    """What both share and what they do not: a short sentence, then whole ones. The models `noiseless`, by their
    letters, have no Brownian paths."""
    paths = "" if len(noiseless) == 2 else " and Brownian paths"
    without = f" {noiseless[0]} moves without noise." if len(noiseless) == 1 else ""
    if same_data:
        points = "points, latents" if paths else "points and latents"
        found = [f"The same {points}{paths}.{without}"]
        found.append("Both forward processes start from the same points, both backward ones from the same latents.")
    else:
        found = [f"Of other data: the same latents{paths}, each with points of its own.{without}"]
    found.append(
        "Where their N or times differ, the same Brownian paths are read at the times of each, on the fraction of the "
        "way; the time cursor is at the same fraction of the way, counted in steps."
    )
    return [*found, *([apart] if apart else []), *missing]
