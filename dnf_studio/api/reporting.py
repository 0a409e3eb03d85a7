"""A report on models from a script: the file that ``dnf-studio report`` writes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dnf_studio.api.measuring import as_model, measured_on
from dnf_studio.api.settings import in_python
from dnf_studio.errors import ExportError, SettingError, StudioError, UnsupportedError
from dnf_studio.progress import Progress

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.errors import Check
    from dnf_studio.reports.measured import Measured, Subject

SUFFIXES = (".html", ".htm")
MOST = 12
"""Models of one report: each takes its seconds and every pair its rows."""


def report(
    models: Any,  # noqa: ANN401 - one model or several, each as `evaluate` takes it
    path: str | os.PathLike[str],
    *,
    data: Any = None,  # noqa: ANN401 - any data
    steps: Sequence[int] = (),
    full: bool = False,
    progress: bool = True,
) -> Path:
    """Write one HTML file about a model or several: settings, data, training, processes, likelihoods and samples.

    It needs no other file and no network, is read on light and dark screens and printed. Several models are held
    against each other: their settings as differences, their numbers with what tells them apart.

    Parameters
    ----------
    models
        What `load` or `fit` returns, or its name or file, or a list of these.
    path
        The file to write, whole or not at all; its name ends with ``.html``.
    data
        What to measure on, as `evaluate` takes it; what each was trained on unless given. Where that is not here the
        report has neither likelihoods nor distances.
    steps
        Numbers of steps at which samples are measured; 5, 10 and the model's own unless given.
    full
        Whether to measure on as many points as `evaluate` does, which takes minutes and resolves more.
    progress
        Whether to show what is being measured.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StudioError
        In one sentence, for a model that cannot be read and a file that cannot be written.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> model = dnf.train("moons", steps=3, channels=8, layers=1, iterations=2, device="cpu").fit(False)
    >>> dnf.report(model, "moons.html", steps=[3], progress=False).name
    'moons.html'
    """
    # Long by its docstring, which tells each parameter
    with in_python():
        several = isinstance(models, Sequence) and not isinstance(models, str)
        found = make_report([*models] if several else [models], path, data, steps, full, progress)
    return report_file(path) if found else Path(path)


def report_file(path: str | os.PathLike[str]) -> Path:
    """`path` as the file of a report; raises `SettingError` for another kind of file."""
    from dnf_studio.core.files import as_path

    file = as_path(path, ExportError)
    if file.suffix.lower() not in SUFFIXES:
        raise SettingError(f"A report is a file of HTML: let the name '{file.name}' end with .html.")
    return file


def make_report(
    models: Sequence[Any],
    path: str | os.PathLike[str],
    data: Any,  # noqa: ANN401 - any data
    steps: Sequence[int],
    full: bool,
    progress: bool,
) -> list[Measured]:
    """Measure and write; what was found of each model."""
    from dnf_studio import assets
    from dnf_studio.core.files import check_target, refuse_source
    from dnf_studio.core.sde.sample_settings import step_numbers
    from dnf_studio.reports.measured import FULL, QUICK, measure_all
    from dnf_studio.reports.page import write_page

    file, began = report_file(path), time.process_time()
    check_target(file, ExportError)
    if not 1 <= len(models) <= MOST:
        raise SettingError(f"A report is on one to {MOST} models, not on {len(models)}.")
    numbers = step_numbers(steps)
    names = [os.fspath(model) for model in models if isinstance(model, str | os.PathLike)]
    refuse_source(file, [assets.checkpoint_path(name) or name for name in names], ExportError)
    subjects = _named([subject_of(model, data) for model in models])
    work = measure_all(subjects, FULL if full else QUICK, numbers)
    with Progress("Report", progress) as bar:
        try:
            while True:
                bar.update(*next(work))
        except StopIteration as end:
            found: list[Measured] = end.value
    given = [] if data is None else ["--data", str(data)]
    options = [*given, *(["--steps", ",".join(map(str, numbers))] if numbers else []), *(["--full"] if full else [])]
    write_page(file, found, options, time.process_time() - began)
    return found


class OpenModel(NamedTuple):
    """A model in memory, with what is known of it."""

    flow: GenerativeModel
    checkpoint: Checkpoint | None
    """None for untrained weights."""
    dataset: Dataset | None
    title: str
    file: str
    """Where it is; empty where it is no file, or no longer the same."""


def report_on(path: Path, models: Sequence[OpenModel], check: Check) -> Iterator[tuple[float, str]]:
    """What ``report`` does, of models in memory: yields the share that is done and what is being measured.

    The file is there once all has been yielded, and not before. `check` raises to leave.
    """
    from dnf_studio.core.files import check_target
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.reports.measured import QUICK, Subject, measure_all
    from dnf_studio.reports.page import write_page

    began = time.thread_time()
    check_target(report_file(path), ExportError)
    subjects = [
        Subject(
            one.title,
            one.file,
            one.flow,
            one.checkpoint or Checkpoint.of_model(one.flow),
            one.dataset,
            "" if one.dataset is not None else "Its data is not here, so neither likelihoods nor distances are told.",
        )
        for one in models
    ]
    found = yield from measure_all(_named(subjects), QUICK, (), check)
    check()
    write_page(path, found, (), time.thread_time() - began)


def subject_of(model: Any, data: Any = None) -> Subject:  # noqa: ANN401 - as `evaluate` takes both
    """A model with what is known of it and its data; why that is not here, where it is not."""
    from dnf_studio.core.storage.origins import checkpoint_of
    from dnf_studio.reports.measured import Subject

    flow: GenerativeModel = as_model(model)
    source = os.fspath(model) if isinstance(model, str | os.PathLike) else ""
    checkpoint = checkpoint_of(flow)
    said: list[str] = []
    try:
        dataset = measured_on(flow, data, None, said.append)
    except StudioError as error:
        if data is not None:
            raise
        dataset, said = None, [f"{error} So neither likelihoods nor distances are told."]
    if dataset is not None and dataset.dim != flow.dim:
        raise UnsupportedError(f"The data has {dataset.dim} columns and {source or 'a model'} {flow.dim} components.")
    return Subject(Path(source).stem or flow.words, source, flow, checkpoint, dataset, " ".join(said))


def _named(subjects: Sequence[Subject]) -> list[Subject]:
    """The same with names that differ."""
    from dataclasses import replace

    found: list[Subject] = []
    for subject in subjects:
        taken = {one.name for one in found}
        name = next(name for k in range(1, MOST + 2) if (name := subject.name + f" ({k})" * (k > 1)) not in taken)
        found.append(replace(subject, name=name))
    return found
