"""The options that several verbs share, and what they say of a model's data that have moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dnf_studio.config.model_kinds import ModelName
from dnf_studio.config.names import names_of
from dnf_studio.core.sde.solvers import Needs, Solver, solver_names, solvers_for
from dnf_studio.errors import MissingDataError, SettingError

if TYPE_CHECKING:
    SolverName = str
    ModelChoice = ModelName
else:
    # What typer offers and checks; a checker of types has no use for names that are known when it runs only. Plug-ins
    # are loaded before the module of a verb, which imports this one
    SolverName = Literal[solver_names()]
    ModelChoice = Literal[names_of(ModelName)]


def _solvers(*needs: Needs, but: tuple[Solver, ...] = ()) -> str:
    """The solvers of a model that has what they need, as “name (title)”, without those of the same names in `but`."""
    known = {one.name for one in but}
    return ", ".join(f"{one.name} ({one.title})" for one in solvers_for(*needs) if one.name not in known)


SOLVER = (
    f"How to step from noise to data: {_solvers('fields')}; of a diffusion model also "
    f"{_solvers('marginals', but=solvers_for('fields'))}; of a flow {_solvers('drift')}; of flow "
    f"matching {_solvers('velocity')} and, of independent pairs, sde; fitted, at the N of 'fit-steps'. "
    "The model's own unless given."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CheckpointName = Annotated[
    str, typer.Argument(metavar="CKPT", help="A checkpoint, a run folder, or a bundled model's name.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]


def whole_numbers(text: str) -> tuple[int, ...]:
    """The numbers of steps of --steps, such as 5,10,30; raises `SettingError`."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise SettingError(f"--steps takes whole numbers such as 5,10,30, not '{text}'.") from error


@contextmanager
def asking_for_data(checkpoint: str | Path, named: bool) -> Iterator[None]:
    """Within it a missing file of data that were not `named` asks where those of `checkpoint` are now."""
    try:
        yield
    except MissingDataError as error:
        if named:
            raise
        where = f"{str(error).rstrip('.')}, on which '{checkpoint}' was trained; say with --data where it is now."
        raise MissingDataError(where) from error
