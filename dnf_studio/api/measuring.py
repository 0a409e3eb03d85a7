"""How good a model is, from a script: what ``evaluate`` tells, as a record."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio.api.opening import load
from dnf_studio.api.settings import in_python
from dnf_studio.errors import SettingError
from dnf_studio.progress import Progress, note

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.evaluation.evaluate import Evaluation
    from dnf_studio.core.models.base import GenerativeModel


def as_model(model: Any) -> GenerativeModel:  # noqa: ANN401 - a person's argument, checked here
    """`model` itself, or the one of that name or file; raises `SettingError` for anything else."""
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.training.run import Run

    if isinstance(model, GenerativeModel):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model)
    which = "run; its model is run.fit() or run.flow" if isinstance(model, Run) else type(model).__name__
    raise SettingError(f"A model is what dnf.load or fit returns, or its name or file, not a {which}.")


def evaluate(
    model: GenerativeModel | str | os.PathLike[str],
    data: Any = None,  # noqa: ANN401 - any data
    steps: int | Sequence[int] | None = None,
    *,
    test: Any = None,  # noqa: ANN401 - any data
    ode: bool = True,
    solver: str | None = None,
    paths: int = 16,
    mass: bool = False,
    progress: bool = True,
) -> Evaluation:
    """Measure how good a model is: its likelihoods beside the entropy, its samples by the number of steps.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file.
    data
        What to measure on, as `train` takes it, in data units; what the model was trained on unless given. Only rows
        that training has held out are used, wherever they stand now, as by ``evaluate --data``.
    steps
        Numbers of steps to sample with; unless given 5, 10, 20 and 30, of ``fitted`` all that were fitted.
    test
        Rows that training has never seen, in the place of `data`; all of them are used.
    ode
        Whether to solve the probability-flow ODE for its NLL, the longest part.
    solver
        How to step from noise to data, the model's own unless given.
    paths
        Paths a point of the importance-weighted bound.
    mass
        Whether to find ∫p of the ODE's density, which is 1 where that is right.
    progress
        Whether to show what is being measured, and to say where the data is not what was trained on.

    Returns
    -------
    Evaluation
        Frozen; its fields, and `as_dict`, have the keys of ``evaluate --json``. Nats of the standardised data, None
        where not asked or not possible.

    Raises
    ------
    StudioError
        In one sentence, for data that is not there or of other dimensions, and for settings that cannot be.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> found = dnf.evaluate("diffflow-rings", steps=5, ode=False, paths=1, progress=False)
    >>> [row.steps for row in found.by_steps]
    [5]
    >>> found.nll_bound == found.as_dict()["nll_bound"]
    True
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.evaluation.evaluate import default_steps
    from dnf_studio.core.evaluation.evaluate import evaluate as measure
    from dnf_studio.core.sde.sample_settings import step_numbers

    with in_python():
        flow = as_model(model)
        given = default_steps(flow, solver) if steps is None else steps
        numbers = step_numbers(given)
        dataset = measured_on(flow, data, test, note if progress else lambda _told: None)
        with Progress("Evaluating", progress) as bar:
            return measure(
                flow,
                dataset,
                numbers,
                ode,
                progress=lambda text: bar.update(None, text),
                solver=solver,
                paths=paths,
                mass=mass,
            )


def measured_on(flow: GenerativeModel, data: Any, test: Any, tell: Callable[[str], object]) -> Dataset:  # noqa: ANN401
    """The data whose fresh rows are measured on; `tell` is told where it is not what was trained on."""
    from dnf_studio.api.training import source_of
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.data.memory import InMemory
    from dnf_studio.core.data.own_rows import refuse_width
    from dnf_studio.core.storage.held_out import held_out_data
    from dnf_studio.core.storage.origins import checkpoint_of, data_known

    if isinstance(data, Dataset):
        return data
    known = data_known(flow)
    if data is None and test is None and known is not None:
        return known
    checkpoint, sources = checkpoint_of(flow), [source_of(x, takes_missing=False) for x in (data, test)]
    own = checkpoint.config
    if not (own.drop_constant or own.label or own.missing == "drop-columns"):
        for source in sources:
            if isinstance(source, InMemory):
                refuse_width(source.table().columns, checkpoint.data.columns, flow.dim)
    dataset, told = held_out_data(checkpoint, *sources)
    if told is not None:
        tell(told)
    return dataset
