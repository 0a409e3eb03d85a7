"""The Data panel: which data, what it is, and which components are shown."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLabel, QPushButton, QWidget

from dnf_studio.core.data.naming import logit_chosen, with_logit
from dnf_studio.gui.drawing.words import DATA_SHOWN
from dnf_studio.gui.features.data.choice import DataBox
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.shown import ShownModel, data_label
from dnf_studio.gui.workspace.workspace import Workspace


class DataPanel(Page):
    """Choose data; read its size, entropy and columns; choose a pair of components."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        session, commands = workspace.session, workspace.commands
        self._session = session
        self._choose_data = workspace.files.choose_data
        self._titles, self._images = dict[str, str](), False
        self._shown: ShownModel | None = None
        self.data = DataBox(workspace.studio.background, workspace.tell)
        self.data.setToolTip(f"Data set to train on and to start the forward process from. {DATA_SHOWN}")
        self.data.setAccessibleName("Data set")
        label = QLabel("Data &set")
        label.setBuddy(self.data)
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow(label, self.data)
        self.add(rows)
        self._add_buttons(commands)
        self.add_form(session, ("drop_constant",))
        self._add_logit()
        self.facts = self.add_caption("")
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._add_axes()
        self.add_note()
        self.data.chosen.connect(self._chosen)
        session.changed.connect(lambda _names: self._refresh())
        workspace.studio.opened.connect(lambda opened: self.set_shown(opened.shown))
        workspace.studio.data_names_found.connect(self.set_data)
        self._refresh()

    def _add_buttons(self, commands: Commands) -> None:
        opener = QPushButton("Open data file…")
        opener.setToolTip(
            "Your own data, rows of numbers with any number of columns: .csv, .tsv, .txt, .xlsx, .npy, .npz, .h5 or "
            ".parquet; you choose arrays, columns and labels. Or a picture, .png or .jpg, whose dark is dense, or "
            "images: MNIST's idx files, CIFAR-10's batches (.bin). An export is the samples in it; folders of pictures "
            "are in the File menu"
        )
        opener.clicked.connect(commands["open-data"].trigger)
        self.add(opener)
        painter = QPushButton("Draw data…")
        painter.setToolTip(commands["draw"].toolTip())
        painter.clicked.connect(commands["draw"].trigger)
        self.add(painter)

    def set_data(self, titles: Mapping[str, str]) -> None:
        """Offer these data sets, name to title."""
        self._titles = dict(titles)
        self._refresh()

    def set_shown(self, shown: ShownModel) -> None:
        """Say what the data is."""
        self._shown = shown
        components = "1 component" if shown.dim == 1 else f"{shown.dim} components"
        entropy = "not known" if shown.entropy is None else f"{shown.entropy:.4f} nats".replace("-", "−")
        title = self._titles.get(shown.data, data_label(shown.data))
        about = f"\n{shown.about}" if shown.about else ""
        self.facts.setText(f"{title}\n{components}\nexact entropy {entropy}{about}")
        for box in (self.across, self.up):
            box.set_choices({name: index for index, name in enumerate(shown.columns)})
        self._images = shown.image is not None
        named = {"Two components": "axes", "Principal components": "principal", "Pair plot": "pairs"}
        self.projection.set_choices({"Images": "images", **named} if self._images else named)
        self.axes.setVisible(shown.dim > 2)
        self._refresh()

    def _add_logit(self) -> None:
        self.logit = QCheckBox("&Logit of the pixels")
        self.logit.setToolTip(
            "Train on the logits of the pixels, so that samples always lie between black and white: the data ::logit"
        )
        self.logit.clicked.connect(self._change_logit)
        self.logit.hide()
        self.add(self.logit)

    def _add_axes(self) -> None:
        self.axes = QWidget()
        rows = QFormLayout(self.axes)
        rows.setContentsMargins(0, 0, 0, 0)
        self.projection = ChoiceBox({})
        self.projection.setToolTip(
            "What the forward and backward views show of more than two components: two of them, "
            "the two directions in which the data varies most, several against each other, or of images all of them"
        )
        self.projection.setAccessibleName("Projection")
        self.projection.chosen.connect(lambda value: self._session.apply({"projection": value}))
        projection = QLabel("P&rojection")
        projection.setBuddy(self.projection)
        rows.addRow(projection, self.projection)
        self.across, self.up = ChoiceBox({}), ChoiceBox({})
        for text, box, name in (("&Across", self.across, "across"), ("&Up", self.up, "up")):
            label = QLabel(text)
            label.setBuddy(box)
            box.setToolTip(f"Component drawn {name} in the forward and backward views")
            box.setAccessibleName(f"Component {name}")
            box.chosen.connect(lambda _value: self._session.apply({"axes": self._chosen_axes()}))
            rows.addRow(label, box)
        self.axes.hide()
        self.add(self.axes)

    def _chosen_axes(self) -> tuple[int, int]:
        return int(self.across.currentData()), int(self.up.currentData())

    def _change_logit(self, wanted: bool) -> None:
        self._chosen(with_logit(self._session.state.config.data, wanted))

    def _chosen(self, name: str) -> None:
        self._choose_data(name)
        self._refresh()

    def _refresh(self) -> None:
        state = self._session.state
        offered = {name: name for name in self._titles}
        if state.config.data not in offered:
            offered[data_label(state.config.data)] = state.config.data
        # As an undo leaves it while there is a run that is not saved
        seen = state.config.data if self._shown is None else self._shown.data
        self.set_note("" if seen == state.config.data else f"The views still show {data_label(seen)}.")
        self.data.set_choices(offered)
        self.data.show_value(state.config.data)
        logit = logit_chosen(state.config.data)
        self.logit.setVisible(self._images and logit is not None)
        self.logit.setChecked(bool(logit))
        self.across.show_value(state.axes[0])
        self.up.show_value(state.axes[1])
        projection = "axes" if state.projection == "images" and not self._images else state.projection
        self.projection.show_value(projection)
        for box in (self.across, self.up):
            box.setEnabled(projection == "axes")
