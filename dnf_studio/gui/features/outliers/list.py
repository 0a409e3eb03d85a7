"""The table of outliers with its buttons, and what the dock says of their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from dnf_studio.core.files import atomic_file, with_suffix
from dnf_studio.errors import ExportError, StudioError
from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.widgets.controls import say_for_a_moment
from dnf_studio.gui.widgets.table import Column, CopyTable, TableModel

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

FILE = "outliers.csv"


class OutlierList(QWidget):
    """Sorts by a click on a head, copies as text, saves as CSV."""

    chosen = Signal(object)
    """A list of places among the outliers, the current one last."""
    failed = Signal(object)
    """A `StudioError`."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None
        self.model = TableModel(self)
        self.copy_button, self.save_button = QPushButton("Cop&y as text"), QPushButton("Sa&ve as CSV…")
        self.copy_button.setToolTip("Copy the whole table, separated by tabs; Ctrl+C copies the chosen rows")
        self._make_table()
        self.save_button.setToolTip("Save the whole table, as it is sorted, to a file of comma-separated values")
        self.save_button.clicked.connect(self._ask_and_save)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.copy_button, self.save_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)

    def set_outliers(self, found: Outliers | None, names: tuple[str, ...] = ()) -> None:
        """List these; the same again leaves everything as it is."""
        if found is not self._shown:
            self._shown = found
            # Others, though their numbers may be the same: none is chosen any more
            self.model.set_columns(())
            if found is not None:
                self.model.set_columns(outlier_columns(found, names), columns_shown(found))
            self.table.fit_columns()

    def choose(self, place: int) -> None:
        """Choose one outlier, as a click on its row does."""
        index = self.model.index(self.model.row_of(place), 0)
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.scrollTo(index)

    def save(self, target: Path) -> None:
        """Write the table to `target`, whole or not at all; raises `ExportError`."""
        with atomic_file(target, ExportError) as partial:
            partial.write_text(self.model.as_text(separator=","), encoding="utf-8")

    def _make_table(self) -> None:
        table = self.table = CopyTable(self.model, self.copy_button)
        table.setAccessibleName("Outliers")
        table.setToolTip("Choosing a row moves the time cursor to where it went wrong and selects a point of the views")
        table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)
        table.selectionModel().selectionChanged.connect(self._tell)

    @Slot(QItemSelection, QItemSelection)
    def _tell(self, _chosen: QItemSelection, _left: QItemSelection) -> None:
        rows, current = self.table.chosen_rows(), self.table.currentIndex().row()
        if current in rows:
            rows.remove(current)
            rows.append(current)
        self.chosen.emit([self.model.place(row) for row in rows])

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save outliers", FILE, "Comma-separated values (*.csv)")
        if not name:
            return
        try:
            self.save(with_suffix(name, ".csv"))
        except StudioError as error:
            self.failed.emit(error)
        else:
            say_for_a_moment(self.save_button, "Saved")


MOST = 8
"""Components that have columns of their own in the table; a file has them all."""
WHY = {
    "lost": "not finite",
    "beyond": "beyond ±4",
    "way": "±4 on the way",
    "off": "off support",
}


def columns_shown(found: Outliers) -> int:
    """How many of the columns the table shows: 7 + 2 D, of at most eight components."""
    dim: int = found.rows.end.shape[1]
    return 7 + 2 * min(dim, MOST)


def outlier_columns(found: Outliers, names: tuple[str, ...] = ()) -> list[Column]:
    """Number, why, step, distance, |z|, jump and where, then of every component the end and the latent.

    `names` are those of the columns of the data. A table shows the first `columns_shown` of these.
    """
    rows, steps = found.rows, found.steps
    arrows = tuple(f"{i + 1} → {i}" for i in range(steps))
    # The last of the texts stands for NEVER
    step_texts = (*arrows, "latent", "none")
    columns = [
        _column("no.", "number", "Which sample: its number among the points of the views, or in an export of the same "
               "seed", rows.number),
        _column("why", "why", "What is wrong with it: the first that holds", _reasons(found),
               texts=tuple(WHY.values())),
        _column("step", "step", "The step of its backward path that led out of what the forward process visits and "
               "from which it never came back; “latent”: it began out there; “none”: the forward process goes there "
               "too", rows.step, texts=step_texts),
        _column("distance", "distance", "Of its end to the nearest data point compared with, model units",
               rows.distance, decimals=3),
        _column("|z|", "latent_radius", "Length of its latent", rows.radius, decimals=2),
        _column("jump", "largest_jump", "Its largest step, in units of what forward paths move at that step",
               rows.jump, decimals=1),
        _column("at", "jump_step", "The step with that jump", rows.jump_step, texts=arrows),
    ]  # fmt: skip
    dim = rows.end.shape[1]
    ends = [_component("x", k, rows.end[:, k], "End, t₀, model units", names) for k in range(dim)]
    latents = [_component("z", k, rows.latent[:, k], "Latent, t_N", ()) for k in range(dim)]
    return [*columns, *ends[:MOST], *latents[:MOST], *ends[MOST:], *latents[MOST:]]


def _column(
    head: str, name: str, tip: str, values: NDArray[Any], decimals: int = 0, texts: tuple[str, ...] = ()
) -> Column:
    """What left the finite numbers is infinitely far."""
    return Column(head, tip, values, f",.{decimals}f", name, texts, lost="∞")


def _component(letter: str, k: int, values: NDArray[np.float32], tip: str, names: tuple[str, ...]) -> Column:
    own = f": {names[k]}" if k < len(names) else ""
    return _column(component_name(k).replace("x", letter), f"{letter}{k + 1}", f"{tip}{own}", values, decimals=3)


def _reasons(found: Outliers) -> NDArray[np.intp]:
    """(K,) which of `WHY` each is, the first that holds."""
    first: NDArray[np.intp] = np.argmax([getattr(found.rows, name) for name in WHY], axis=0)
    return first


NO_MODEL = "Open a model or press Train: its samples are checked here."
NO_DATA = "The data of this model is not at hand, so nothing can be told of where its samples should be."
OUT_OF_DATE = "Out of date: the weights or the settings of the view have changed since."
CANCELLED = "Cancelled before all was looked at."
WILL = (
    "Check draws {count:,} samples with the newest weights, counts those that explode or leave the data’s support, and "
    "follows them to the step where they went wrong."
)
WORKING = "Drawing {count:,} samples and looking where the forward process goes…"
TRAINING = "That takes time from the run, so it begins by itself only once the run pauses or ends."


def invitation(model: bool, data: bool, running: bool, training: bool, count: int) -> str:
    """What stands in the place of the lists while nothing is found: what is done, will be done, or cannot be."""
    if not model:
        return NO_MODEL
    if not data:
        return NO_DATA
    will = WILL.format(count=count)
    return WORKING.format(count=count) if running else f"{will}\n\n{TRAINING}" if training else will


def counted(hits: int, count: int) -> str:
    """ "31 of 2,000: 1.6% (1.1–2.2%)", the interval Wilson's at 95%."""
    from dnf_studio.core.exploration.outliers import wilson

    low, high = wilson(hits, count)
    digits = _digits(high)
    share = _percent(hits / count if count else 0.0, digits)
    return f"{hits:,} of {count:,}: {share}% ({_percent(low, digits)}–{_percent(high, digits)}%)"


def numbers(found: Outliers) -> str:
    """How many there are of both kinds."""
    return f"Exploded: {counted(found.exploded, found.drawn)}\nOff the support: {counted(found.off, found.drawn)}"


def definition(found: Outliers) -> str:
    """What is counted, and what the same rules say of the data itself."""
    if found.known:
        off = f"farther than {found.reach:g} from the data’s support"
    else:
        nearest = f"farther than {found.reach:.3g} from the nearest of {found.compared:,} points drawn from the data"
        off = f"{nearest}, as at most 0.1% of held-out data are"
    return (
        "Exploded: not finite, beyond ±4 (standardised) at the end, or on the way farther out than that and than its "
        f"latent. Off the support: the end is {off}. Held-out data by the same rules: "
        f"{_percent(found.data_beyond, 2)}% beyond ±4, {_percent(found.data_off, 2)}% off. In brackets: 95% intervals."
    )


def none_of(found: Outliers, what: str) -> str:
    """ "None of 20,000 samples …" """
    from dnf_studio.core.exploration.outliers import wilson

    high = wilson(0, found.drawn)[1]
    return (
        f"None of {found.drawn:,} {what} exploded or left the data’s support. "
        f"So, with 95% confidence, fewer than {_percent(high, _digits(high))}% of all do."
    )


def origins(found: Outliers) -> str:
    """Sentences on where the samples went wrong, for what the bars cannot say."""
    total = len(found.rows)
    if not total:
        return ""
    counts = found.by_step
    last, latent, never = int(counts[0]), int(counts[-1]), total - int(counts.sum())
    parts = [f"{last:,} of {total:,} left what the forward process visits only in the last step"]
    if latent:
        parts.append(f"{latent:,} began where it does not go")
    if never:
        parts.append(f"{never:,} are where it goes too")
    return "; ".join(parts) + "." if parts else ""


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f}"


def _digits(share: float) -> int:
    """Decimals of a percentage that tell such a share from none."""
    return 1 if share >= 0.02 else 2 if share >= 0.002 else 3
