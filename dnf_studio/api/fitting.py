"""Fitted steps from a script: what ``fit-steps`` does, as a record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio.api.measuring import as_model
from dnf_studio.api.settings import in_python
from dnf_studio.progress import Progress

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.training.few_steps import StepFit


def fit_steps(
    model: GenerativeModel | str | os.PathLike[str],
    steps: int | Sequence[int] = (5, 10),
    data: Any = None,  # noqa: ANN401 - any data
    *,
    seed: int = 0,
    iterations: int | None = None,
    seconds: float | None = None,
    network: bool = False,
    progress: bool = True,
) -> StepFit:
    """Fit few steps of a model to its data: their times, and how much each takes of the fields and of noise.

    Samples of the result by ``solver="fitted"`` with one of these numbers of steps are nearer to the data; its
    networks and its other solvers are what they were. With `network` these steps have a network of their own besides.

    Parameters
    ----------
    model
        What `load` or `fit` returns, or its name or file; it is left as it is.
    steps
        The numbers of steps N to fit, one or several.
    data
        What the model was trained on, where it is elsewhere by now: a name, a file, an array, or the `dataset` of the
        run.
    seed
        Of everything drawn, from 0 to below 2^63.
    iterations
        Of each N, 300 unless given.
    seconds
        The time for each N, in the place of iterations.
    network
        Whether a copy of the network of the score (of a flow and of flow matching, of the velocity) is then trained for
        each N, as long again. Its samples come nearer still.
    progress
        Whether to show how far it is.

    Returns
    -------
    StepFit
        The model with the fitted steps that are better by validation draws, and what became of each N.

    Raises
    ------
    StudioError
        In one sentence: for a model of your own callables, data that is no longer the same or has no rows to validate
        on, and numbers that cannot be.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> found = dnf.fit_steps("diffflow-rings", steps=1, iterations=3, progress=False)
    >>> [one.steps for one in found.by_steps]
    [1]
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.training.few_steps import fit_each, step_fit_of
    from dnf_studio.core.training.step_fit import checked_numbers

    with in_python():
        flow = as_model(model)
        # Before the data is asked for, which a model that cannot be fitted has not
        numbers = checked_numbers(flow, steps)
        dataset = _data(flow, data)
        with Progress("Fitting steps", progress) as bar:
            found = list(fit_each(flow, dataset, numbers, seed, iterations, seconds, bar.update, network))
        return step_fit_of(flow, found, dataset)


def _data(flow: GenerativeModel, data: Any) -> Dataset:  # noqa: ANN401 - any data
    """What `flow` was trained on."""
    from dnf_studio.api.training import source_of
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.storage.origins import checkpoint_of, data_known
    from dnf_studio.core.training.few_steps import refuse_other, training_data

    known, checkpoint = data_known(flow), checkpoint_of(flow)
    if isinstance(data, Dataset):
        refuse_other(checkpoint, data, data.name)
        return data
    return known if data is None and known is not None else training_data(checkpoint, source_of(data))
