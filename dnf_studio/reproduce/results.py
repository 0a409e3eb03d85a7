"""What was found so far: a JSON file for each model, each whole at any time, and one that holds them all.

A folder has ``protocol.json``, written before anything is measured, ``cells/NAME.json`` with what was found of a model,
``quality/NAME.json`` with what was found while it trained, ``pictures/NAME.json`` with its pictures, and
``results.json``, made of all these with each report.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from dnf_studio.core.files import atomic_file, explain, make_folder
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.plan import Cell, Plan

FORMAT = 4
T = TypeVar("T")
Rows = dict[str, list[dict[str, Any]]]
"""For each solver the rows of `evaluate`."""


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
    """Training time of one thread on a processor."""
    batch: int
    parameters: int
    nll_bound: float | None
    nll_ode: float | None
    nll_ode_error: float | None
    """Standard error of `nll_ode` over its points, which are the same for all models."""
    entropy: float | None
    by_solver: Rows
    """The rows of `evaluate` (steps, nfe, multiply_adds, sliced_wasserstein, squares, …) at those N where a solver was
    chosen."""
    validation: Rows = field(default_factory=dict)
    """The rows that solvers are chosen by, of other samples and other points, fewer of them: each solver at each N."""
    training_multiply_adds: int | None = None
    """What training took (`core.training.cost`)."""


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
    """As `sliced_wasserstein` of a row, with the solver chosen; None where no solver's samples are finite."""
    told_apart: bool | None = None
    """Whether that is told apart from the data."""
    squares: Sequence[float] | None = None
    """Each set's share in D²."""
    multiply_adds: int | None = None
    """What training took until then."""


class Results:
    """What the files of a folder hold; raises `ExportError` where that is another plan's or version's, or damaged."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self._found: dict[Cell, Measured | Density] = {}
        self._quality: dict[Cell, list[Quality]] = {}
        self.protocol: dict[str, Any] | None = None
        """What was written before anything was measured; None where nothing was."""
        self._check_protocol()
        self.read()

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
        """What was measured during training, in the order of the plan and in which it was."""
        return tuple(one for cell in self.plan.cells() for one in self._quality.get(cell, ()))

    def begin(self, protocol: Mapping[str, Any]) -> None:
        """Write what is decided, unless that stands there from before."""
        if self.protocol is None:
            make_folder(self.folder, ExportError)
            self.protocol = {"format": FORMAT, "plan": self.plan.as_dict(), **protocol}
            self._write("protocol", "", self.protocol)

    def add(self, found: Measured | Density | Quality) -> None:
        """Keep one more, on disk too."""
        name = found.cell.name
        if isinstance(found, Quality):
            known = self._quality.setdefault(found.cell, [])
            known.append(found)
            self._write("quality", name, {"quality": [asdict(one) for one in known]})
        else:
            self._found[found.cell] = found
            kind = "density" if isinstance(found, Density) else "measured"
            self._write("cells", name, {kind: asdict(found)})

    def add_pictures(self, cell: Cell, pictures: Mapping[str, Any]) -> None:
        """Keep the pictures of a model, data URLs by name."""
        self._write("pictures", cell.name, {"pictures": pictures})

    def pictures(self, cell: Cell) -> dict[str, Any]:
        """Those of a model; none where there are none."""
        found = self._read("pictures", cell.name, lambda values: dict(values["pictures"]))
        return found or {}

    def seeds(self, data: str) -> int:
        """From how many seeds every model of a set or table was measured that was at all."""
        by_model = Counter(cell.model for cell in self._found if cell.data == data)
        return min(by_model.values(), default=0)

    def write(self, more: Mapping[str, Any]) -> None:
        """Write all into one file, and `more` beside it."""
        make_folder(self.folder, ExportError)
        parts: dict[str, Sequence[Measured | Density | Quality]] = {
            "measured": self.measured,
            "densities": self.densities,
            "quality": self.quality,
        }
        rows = {name: [asdict(one) for one in found] for name, found in parts.items()}
        self._write("results", "", {"plan": self.plan.as_dict(), **rows, **more})

    def read(self) -> None:
        """Take up what other processes have written since."""
        for cell in self.plan.cells():
            if cell not in self._found and (found := self._read("cells", cell.name, _found)) is not None:
                self._found[cell] = found
            known = self._read("quality", cell.name, lambda values: [Quality(**row) for row in values["quality"]])
            self._quality[cell] = known or []

    def _in_order(self) -> list[Measured | Density]:
        return [self._found[cell] for cell in self.plan.cells() if cell in self._found]

    def _check_protocol(self) -> None:
        self.protocol = self._read("protocol", "", dict)
        if self.protocol is None:
            older = self._path("results", "")
            if older.exists():
                raise ExportError(f"'{older}' was written by another version of the studio; take another folder.")
        elif self.protocol.get("plan") != self.plan.as_dict():
            raise ExportError(f"'{self.folder}' belongs to a comparison with other settings; take another folder.")

    def _path(self, part: str, name: str) -> Path:
        return self.folder / part / f"{name}.json" if name else self.folder / f"{part}.json"

    def _write(self, part: str, name: str, values: Mapping[str, Any]) -> None:
        path = self._path(part, name)
        make_folder(path.parent, ExportError)
        with atomic_file(path, ExportError) as partial:
            text = json.dumps({"format": FORMAT, **values}, indent=1, allow_nan=False)
            partial.write_text(f"{text}\n", encoding="utf-8")

    def _read(self, part: str, name: str, taken: Callable[[dict[str, Any]], T]) -> T | None:
        path = self._path(part, name)
        if not path.exists():
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            current = values["format"] == FORMAT
            found = taken(values) if current else None
        except OSError as problem:
            raise ExportError(f"Cannot read '{path}': {explain(problem)}.") from problem
        except (ValueError, KeyError, TypeError):
            raise ExportError(f"'{path}' is damaged; take another folder, or delete it to begin anew.") from None
        if found is None:
            raise ExportError(f"'{path}' was written by another version of the studio; take another folder.")
        return found


def _found(values: Mapping[str, Any]) -> Measured | Density:
    return Density(**values["density"]) if "density" in values else Measured(**values["measured"])
