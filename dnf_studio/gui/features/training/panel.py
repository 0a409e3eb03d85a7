"""The settings of an experiment: the pages SDE and Training, and the menu of those kept in files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp
from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QFileDialog, QMenu

from dnf_studio import assets
from dnf_studio.config import DATA_SETTINGS, Config
from dnf_studio.config.model_kinds import MODEL_KINDS, unused
from dnf_studio.core.files import atomic_file, with_suffix
from dnf_studio.errors import SettingError, StudioError
from dnf_studio.gui.widgets.controls import FloatBox
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.workspace import Workspace

FIELDS = (
    "sde.grid",
    "sde.beta",
    "sde.beta_few",
    "sde.t_start",
    "sde.t_end",
    "sde.g_start",
    "sde.g_end",
    "sde.linear",
    "sde.condition",
    "sde.backward_deviation",
)
RUN = (
    "model",
    "sde.steps",
    "training.batch",
    "training.iterations",
    "training.seconds",
    "training.patience",
    "training.progressive",
    "training.flexible_grid",
)
FIT = (
    "training.coupling",
    "training.learning_rate",
    "training.decay",
    "training.clip",
    "training.weight_decay",
    "training.inward",
    "training.straight",
    "training.ema",
)
PLACE = ("training.seed", "training.device", "training.precision")
NETWORKS = ("network.kind", "network.layers", "network.channels", "network.features", "network.drift")
LEAST_NOISE, MOST_NOISE = 1e-9, 1e7
NOISE = (
    "The variance that the noise of the forward process adds up to, ∫ g² dt. Another one scales g as a whole: near 0 "
    "is a flow, from 4 on a diffusion."
)
FIXED = {
    "free": "",
    "residual": " f = −½g²x and a network, which begins at 0; −½g²x alone leaves {:.2g}% of the data at T.",
    "frozen": " f = −½g²x, which leaves {:.2g}% of the data at T.",
}
"""What is fixed of the forward process, by the kind of drift."""


class SDEPanel(Page):
    """dx = f dt + g dw over t₀ … T: everything of it but N, which Training has. A flow's ODE has g = 0."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.equations = self.add_caption("")
        self.form = self.add_form(session, FIELDS)
        self.noise = FloatBox(LEAST_NOISE, MOST_NOISE)
        self._parts = self.form.add_row("Total noise g²T", self.noise), self.noise
        self.noise.valueChanged.connect(self._scale)
        self.add_note()
        session.changed.connect(self._follow)
        self._follow(frozenset({"config.model"}))

    def _follow(self, names: frozenset[str]) -> None:
        shown = "config.model", "config.sde", "config.network", "config.training.coupling"
        if not any(name.startswith(shown) for name in names):
            return
        config = self._session.state.config
        noise, kind = config.sde.total_noise, MODEL_KINDS[config.model]
        self.equations.setText(kind.equations + FIXED[config.network.drift].format(100 * exp(-0.5 * noise)))
        with QSignalBlocker(self.noise):
            self.noise.setValue(noise)
        why = unused(config, self._session.dim).get("sde.g_start")
        self.noise.setEnabled(why is None)
        for part in self._parts:
            part.setToolTip(why or NOISE)

    def _scale(self, noise: float) -> None:
        """Scale g so that the total noise is `noise`."""
        if not self.form.change(self._session.state.config.noise_changes(noise)):
            self._follow(frozenset({"config.sde"}))


class TrainingPanel(Page):
    """Settings of the next run; those of `run_changes.LIVE` also change the run in progress."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        for title, names in (("Run", RUN), ("Fitting", FIT), ("Networks", NETWORKS), ("Machine", PLACE)):
            self.add_heading(title)
            self.add_form(session, names)
        self.add_note()


TOML = "Settings (*.toml)"
PRESETS = {
    "reference": ("&Reference program", "A DiffFlow as the paper's own program trains it in two dimensions"),
    "sharp": (
        "&Sharp data",
        "A DiffFlow for sharp data at few steps: short steps there, backward noise that is fitted",
    ),
    "thin": ("T&hin data", "A DiffFlow for rings and other thin data: steps that shrink by decades towards them"),
    "tables": ("&Tables", "A DiffFlow for tables of many columns: more noise, small batches, a lower learning rate"),
    "digits": ("Di&gits", "A DiffFlow for the 8 × 8 digits in logit space: more noise, small batches, long"),
}
"""The bundled settings, by the names of their files."""


class SettingsMenu(QMenu):
    """Puts whole settings into the session, as one step of undo, and writes them.

    Data and device stay as they are where the settings do not name data.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("S&ettings")
        self._workspace, self._session = workspace, workspace.session
        self.setToolTipsVisible(True)
        self._add("&Defaults", "What the model that is chosen in Training begins with", self._take_defaults)
        for name, (text, tip) in PRESETS.items():
            self._add(text, tip, partial(self._take_preset, name))
        self.addSeparator()
        self._add("&Open settings…", "Take the settings in a TOML file, as train --config does", self._open)
        self._add("&Save settings…", "Write the settings to a TOML file, for train --config", self._save)
        workspace.commands.insert_menu("train", self)
        workspace.files.openers[".toml"] = self.load

    def load(self, path: str) -> None:
        """Take the settings in a file; one that cannot be read is told."""
        try:
            self._take(Config.from_toml(path), f"The settings of {Path(path).name} are in the panels.")
        except StudioError as error:
            self._workspace.tell(error)

    def _add(self, text: str, tip: str, act: Callable[[], None]) -> None:
        action = self.addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(lambda _checked=False: act())

    def _take_defaults(self) -> None:
        self._take(self._session.state.config.defaults(), "The defaults are in the panels.")

    def _take_preset(self, name: str) -> None:
        path = assets.preset_path(name)
        if path is not None:
            self._take(Config.from_toml(path), f"The preset '{name}' is in the panels.")

    def _take(self, config: Config, said: str) -> None:
        old = self._session.state.config
        kept: dict[str, object] = {"training.device": old.training.device}
        if "data" not in config.model_fields_set:
            kept |= {name: getattr(old, name) for name in DATA_SETTINGS}
        new = config.changed(kept)

        def apply(gesture: object = None) -> None:
            self._session.apply({"config": new}, gesture)
            self._workspace.say(said)

        if new.data == old.data:
            apply()
        else:
            # One step of undo with what the model of this data brings
            self._workspace.files.when_safe(lambda: apply(("data", new.data)))

    def _open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._workspace.parent, "Open settings", "", f"{TOML};;All files (*)")
        if name:
            self.load(name)

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self._workspace.parent, "Save settings", "experiment.toml", TOML)
        if not name:
            return
        path = with_suffix(name, ".toml")
        try:
            with atomic_file(path, SettingError) as partial_path:
                partial_path.write_text(self._session.state.config.to_toml(), encoding="utf-8")
        except StudioError as error:
            self._workspace.tell(error)
        else:
            self._workspace.say(f"Saved {path.name}.")
