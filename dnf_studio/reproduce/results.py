"""What was found so far, in one JSON file that is whole at any time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dnf_studio.core.files import atomic_file, explain
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.plan import Cell, Plan

__all__ = ["Density", "Measured", "Quality", "Results"]

FORMAT = 3
MORE = ("machine", "claims")
"""What a report adds."""


@dataclass(frozen=True)
class _OfModel:
    """What was found of one model."""

    data: str
    model: str
    seed: int

    @property
    def cell(self) -> Cell:
        """Which model it is."""
        return Cell(self.data, self.model, self.seed)


@dataclass(frozen=True)
class Measured(_OfModel):
    """One trained model in numbers, nats of the standardised data where it is a likelihood."""

    iterations: int
    seconds: float
    """Training time."""
    batch: int
    parameters: int
    nll_bound: float | None
    nll_ode: float | None
    nll_ode_error: float | None
    """Standard error of `nll_ode` over its points, which are the same for all models."""
    entropy: float | None
    by_solver: dict[str, list[dict[str, Any]]]
    """For each solver the rows of `evaluate`: steps, nfe, sliced_wasserstein, squares, floor, outside, beyond_4."""


@dataclass(frozen=True)
class Density(_OfModel):
    """The likelihood of a table's test split under one model, nats of the standardised data."""

    iterations: int
    seconds: float
    """Training time."""
    parameters: int
    nll: float | None
    """Exact, of DiffFlow that of its probability-flow ODE; None where there is none."""
    nll_error: float | None
    """Standard error of the mean over test rows."""
    nll_bound: float | None = None
    nll_importance: float | None = None
    """The tighter bound of several paths a row."""
    rows: Sequence[float] | None = None
    """`nll` of each test row, in an order that is the same for all models; None where that is not known."""


@dataclass(frozen=True)
class Quality(_OfModel):
    """How near samples came while a model trained."""

    seconds: float
    """Training time until then."""
    steps: int
    distance: float | None
    """As `sliced_wasserstein` of a row, with the best solver; None where no solver's samples are finite."""
    told_apart: bool | None = None
    """Whether that is told apart from the data."""


class Results:
    """`results.json` of a folder; raises `ExportError` where that is another plan's or version's, or damaged."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.path, self.plan = folder / "results.json", plan
        self._found: dict[Cell, Measured | Density] = {}
        self._quality: list[Quality] = []
        self._more: dict[str, Any] = {}
        if self.path.exists():
            self._read()

    def __contains__(self, cell: object) -> bool:
        return cell in self._found

    @property
    def measured(self) -> tuple[Measured, ...]:
        """All of the sets, in the order of the plan."""
        return tuple(one for one in self._in_order() if isinstance(one, Measured))

    @property
    def densities(self) -> tuple[Density, ...]:
        """All of the tables, in the order of the plan."""
        return tuple(one for one in self._in_order() if isinstance(one, Density))

    @property
    def quality(self) -> tuple[Quality, ...]:
        """What was measured during training, in the order in which it was."""
        return tuple(self._quality)

    def add(self, found: Measured | Density | Quality) -> None:
        """Keep one more, on disk too."""
        if isinstance(found, Quality):
            self._quality.append(found)
        else:
            self._found[found.cell] = found
        self.write(self._more)

    def seeds(self, data: str) -> int:
        """From how many seeds every model of a set or table was measured that was at all."""
        by_model = Counter(cell.model for cell in self._found if cell.data == data)
        return min(by_model.values(), default=0)

    def write(self, more: Mapping[str, Any]) -> None:
        """Write all, and `more` beside it, which stays there until there is other."""
        self._more = dict(more)
        parts: dict[str, Sequence[Measured | Density | Quality]] = {
            "measured": self.measured,
            "densities": self.densities,
            "quality": self.quality,
        }
        rows = {name: [asdict(one) for one in found] for name, found in parts.items()}
        values = {"format": FORMAT, "plan": self.plan.as_dict(), **rows, **more}
        with atomic_file(self.path, ExportError) as partial:
            partial.write_text(json.dumps(values, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def _in_order(self) -> list[Measured | Density]:
        return [self._found[cell] for cell in self.plan.cells() if cell in self._found]

    def _read(self) -> None:
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            version, plan = values["format"], values["plan"]
            if version == FORMAT:
                found = [Measured(**row) for row in values["measured"]], [Density(**row) for row in values["densities"]]
                self._quality = [Quality(**row) for row in values["quality"]]
                self._more = {name: values[name] for name in MORE if name in values}
        except OSError as problem:
            raise ExportError(f"Cannot read '{self.path}': {explain(problem)}.") from problem
        except (ValueError, KeyError, TypeError):
            raise ExportError(f"'{self.path}' is damaged; take another folder, or delete it to begin anew.") from None
        if version != FORMAT:
            raise ExportError(f"'{self.path}' was written by another version of the studio; take another folder.")
        if plan != self.plan.as_dict():
            raise ExportError(f"'{self.path}' belongs to a comparison with other settings; take another folder.")
        self._found = {one.cell: one for part in found for one in part}
