"""The features of the window, in the order of their menus, tabs, docks and pages. A new one is a folder and a line."""

from __future__ import annotations

from dnf_studio.gui.features.data import FEATURE as DATA
from dnf_studio.gui.features.disagreement import FEATURE as DISAGREEMENT
from dnf_studio.gui.features.export import FEATURE as EXPORT
from dnf_studio.gui.features.fields import FEATURE as FIELDS
from dnf_studio.gui.features.help import FEATURE as HELP
from dnf_studio.gui.features.images import FEATURE as IMAGES
from dnf_studio.gui.features.inspector import FEATURE as INSPECTOR
from dnf_studio.gui.features.lab import FEATURE as LAB
from dnf_studio.gui.features.library import FEATURE as LIBRARY
from dnf_studio.gui.features.log_density import FEATURE as LOG_DENSITY
from dnf_studio.gui.features.loss import FEATURE as LOSS
from dnf_studio.gui.features.marginals import FEATURE as MARGINALS
from dnf_studio.gui.features.outliers import FEATURE as OUTLIERS
from dnf_studio.gui.features.preferences import FEATURE as PREFERENCES
from dnf_studio.gui.features.processes import FEATURE as PROCESSES
from dnf_studio.gui.features.round_trip import FEATURE as ROUND_TRIP
from dnf_studio.gui.features.sampling import FEATURE as SAMPLING
from dnf_studio.gui.features.score import FEATURE as SCORE
from dnf_studio.gui.features.selection import FEATURE as SELECTION
from dnf_studio.gui.features.space_time import FEATURE as SPACE_TIME
from dnf_studio.gui.features.time_grid import FEATURE as TIME_GRID
from dnf_studio.gui.features.training import FEATURE as TRAINING
from dnf_studio.gui.workspace.workspace import Feature

__all__ = ["FEATURES"]

FEATURES: tuple[Feature, ...] = (
    PROCESSES,
    DISAGREEMENT,
    LOSS,
    INSPECTOR,
    LAB,
    TIME_GRID,
    MARGINALS,
    SPACE_TIME,
    SCORE,
    FIELDS,
    LOG_DENSITY,
    IMAGES,
    SELECTION,
    ROUND_TRIP,
    OUTLIERS,
    DATA,
    TRAINING,
    SAMPLING,
    LIBRARY,
    EXPORT,
    PREFERENCES,
    HELP,
)
