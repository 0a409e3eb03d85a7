"""What was found so far, in one JSON file that is whole at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dnf_studio.core.storage.atomic import atomic_file, explain
from dnf_studio.errors import ExportError
from dnf_studio.reproduce.plan import Cell, Plan

__all__ = ["Measured", "Results"]

FORMAT = 1


@dataclass(frozen=True)
class Measured:
    """One trained model in numbers, nats of the standardised data where it is a likelihood."""

    data: str
    model: str
    seed: int
    iterations: int
    seconds: float
    """Of training."""
    batch: int
    parameters: int
    nll_bound: float | None
    nll_ode: float | None
    entropy: float | None
    by_solver: dict[str, list[dict[str, Any]]]
    """For each solver the rows of `evaluate`: steps, nfe, sliced_wasserstein, floor, outside, beyond_4."""

    @property
    def cell(self) -> Cell:
        """Which model it is."""
        return Cell(self.data, self.model, self.seed)


class Results:
    """`results.json` of a folder; raises `ExportError` where that is another plan's or damaged."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.path, self.plan = folder / "results.json", plan
        self._found: dict[Cell, Measured] = {}
        if self.path.exists():
            self._read()

    def __contains__(self, cell: object) -> bool:
        return cell in self._found

    @property
    def measured(self) -> tuple[Measured, ...]:
        """All of it, in the order of the plan."""
        return tuple(self._found[cell] for cell in self.plan.cells() if cell in self._found)

    def add(self, measured: Measured) -> None:
        """Keep one more, on disk too."""
        self._found[measured.cell] = measured
        self.write({})

    def write(self, more: Mapping[str, Any]) -> None:
        """Write all, and `more` beside it."""
        values = {"format": FORMAT, "plan": self.plan.as_dict(), "measured": [asdict(m) for m in self.measured], **more}
        with atomic_file(self.path, ExportError) as partial:
            partial.write_text(json.dumps(values, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def _read(self) -> None:
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            plan = values["plan"]
            found = [Measured(**row) for row in values["measured"]]
        except OSError as problem:
            raise ExportError(f"Cannot read '{self.path}': {explain(problem)}.") from problem
        except (ValueError, KeyError, TypeError):
            raise ExportError(f"'{self.path}' is damaged; take another folder, or delete it to begin anew.") from None
        if plan != self.plan.as_dict():
            raise ExportError(f"'{self.path}' belongs to a comparison with other settings; take another folder.")
        self._found = {one.cell: one for one in found}
