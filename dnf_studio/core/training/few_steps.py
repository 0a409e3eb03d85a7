"""A model with fitted steps for a few N, as scripts have it and as a file keeps it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from os import PathLike

from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.files import as_path
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.sample_settings import whole_number
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.storage.export_plan import MAX_SEED
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.origins import checkpoint_of, remember
from dnf_studio.core.training.step_fit import ITERATIONS, FittedSteps, checked_numbers, fit_steps
from dnf_studio.core.training.step_judge import with_fitted
from dnf_studio.errors import CheckpointError, DataError, SettingError
from dnf_studio.facts import WithFacts

Tell = Callable[[float, str], None]


@dataclass(frozen=True, eq=False, repr=False)
class StepFit(WithFacts):
    """A model with steps that were fitted to few, and what the fit made of each N; `dnf.fit_steps` returns it.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> found = dnf.fit_steps("matching-rings", steps=1, iterations=2, progress=False)
    >>> found.steps, found.by_steps[0].solver
    ((1,), 'midpoint')
    """

    model: GenerativeModel
    """A copy of the model that was given, with the fitted steps that are better; it samples by the solver
    ``fitted``."""
    by_steps: tuple[FittedSteps, ...]
    """What became of each N: distances before and after, by validation draws."""

    @property
    def steps(self) -> tuple[int, ...]:
        """The N that were fitted, better or not."""
        return tuple(one.steps for one in self.by_steps)

    @property
    def kept(self) -> tuple[int, ...]:
        """The N whose fitted steps are better, which the model has now."""
        return tuple(one.steps for one in self.by_steps if one.kept)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as a checkpoint of weights, whole or not at all; raises `CheckpointError`."""
        save_checkpoint(as_path(path, CheckpointError), checkpoint_of(self.model))

    def as_dict(self) -> list[dict[str, object]]:
        """Plain values of `by_steps`."""
        return [
            {
                "steps": one.steps,
                "solver_before": one.solver,
                "before": one.before.value,
                "before_error": one.before.error,
                "after": one.after.value,
                "after_error": one.after.error,
                "kept": one.kept,
                "network": one.network is not None,
                "iterations": one.iterations,
            }
            for one in self.by_steps
        ]

    def _facts(self) -> Mapping[str, object]:
        return {"model": repr(self.model), "steps": self.steps, "kept": self.kept}


def fit_each(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int],
    seed: int = 0,
    iterations: int | None = None,
    seconds: float | None = None,
    tell: Tell = lambda _part, _text: None,
    network: bool = False,
) -> Iterator[FittedSteps]:
    """Fit one N after the other; `iterations` or `seconds` are of each. Raises as `step_fit` does."""
    numbers = checked_numbers(flow, steps)
    if iterations is not None and seconds is not None:
        raise SettingError("Give --iterations or --seconds, not both.")
    if iterations is not None and whole_number("number of iterations", iterations) < 1:
        raise SettingError(f"The number of iterations must be at least 1, not {iterations}.")
    if seconds is not None and not (isinstance(seconds, Real) and 0 < seconds < math.inf):
        raise SettingError(f"The seconds must be a finite number above 0, not {seconds!r}.")
    if not 0 <= whole_number("seed", seed) < MAX_SEED:
        raise SettingError(f"The seed of a fit must be from 0 to below 2^63, not {seed}.")
    for number, count in enumerate(numbers):
        own = _share(tell, number, len(numbers), count)
        number_of = ITERATIONS if iterations is None else iterations
        yield fit_steps(flow, dataset, count, seed, number_of, seconds, own, network)


def _share(tell: Tell, number: int, total: int, steps: int) -> Tell:
    """`tell` for one N of so many."""
    return lambda part, text: tell((number + part) / total, f"N = {steps}, {text}")


def step_fit_of(flow: GenerativeModel, found: Sequence[FittedSteps], data: Dataset | None = None) -> StepFit:
    """A copy of `flow` with what was found better, known as a checkpoint of weights that came of the same training."""
    better = {one.steps: (one.rows, one.network) for one in found if one.rows is not None}
    source, own = checkpoint_of(flow), with_fitted(flow, better)
    return StepFit(remember(own, fitted_checkpoint(source, own), data), tuple(found))


def fitted_checkpoint(source: Checkpoint, flow: GenerativeModel) -> Checkpoint:
    """That of `flow`, whose weights are those of `source`: what is known of these, and its fitted steps."""
    own = Checkpoint.of_model(flow)
    networks = flow.fitted_networks
    found = replace(
        source, kind="weights", tensors=own.tensors, state={}, fitted=flow.fitted_steps, fitted_networks=networks
    )
    return replace(found, sha256=digest(own.tensors))


def training_data(checkpoint: Checkpoint, data: str | None = None) -> Dataset:
    """The data that the model of `checkpoint` was trained on, or the same one under the name `data`.

    Raises `DataError` where it is another by now, for its rows to train and to validate on are not those of then.
    """
    config = checkpoint.config if data is None else checkpoint.config.moved({"data": data})
    if not checkpoint.data.fingerprint and data is None:
        raise SettingError("The checkpoint does not say what it was trained on; name it with --data.")
    found = open_configured(config, checkpoint.data.split, data)
    refuse_other(checkpoint, found, config.data)
    return found


def refuse_other(checkpoint: Checkpoint, data: Dataset, name: str) -> None:
    """Raise `DataError` where `data`, called `name`, is another than that of `checkpoint`, as far as that is known."""
    if checkpoint.data.fingerprint not in ("", data.fingerprint):
        raise DataError(
            f"'{name}' is not the data that was trained on, or has changed since; steps are fitted to that alone."
        )
