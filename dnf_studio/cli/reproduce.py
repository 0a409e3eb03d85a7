"""``dnf-studio reproduce``: the paper's comparisons, made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import Interrupt, emit
from dnf_studio.core.ranks import our_ranks
from dnf_studio.errors import SettingError
from dnf_studio.progress import Progress, note
from dnf_studio.reproduce.plan import ARMS, FULL, HARDER, QUICK, SETS, TABLES


def reproduce(
    folder: Annotated[Path, Option("-o", "--output", metavar="FOLDER", help="Where models and report go.")],
    quick: Annotated[bool, Option("--quick", help="Ten seconds a model, one seed: half an hour in all.")] = False,
    sets: Annotated[
        str | None,
        Option(
            "--sets",
            metavar="NAME,NAME",
            help=f"Of {', '.join((*SETS, *TABLES))}, which are all unless given, and {', '.join(HARDER)}.",
        ),
    ] = None,
    models: Annotated[
        str | None, Option("--models", metavar="NAME,NAME", help=f"On the sets, of {', '.join(ARMS)}; else all.")
    ] = None,
    seconds: Annotated[
        float | None, Option("--seconds", metavar="S", help="Training time of each model, on one core.")
    ] = None,
    seeds: Annotated[
        int | None, Option("--seeds", metavar="K", help="Training seeds; claims are decided from two on.")
    ] = None,
    points: Annotated[
        int | None, Option("--points", metavar="N", help="Samples in each set of a distance; 200,000, quick 20,000.")
    ] = None,
    steps: Annotated[str | None, Option("--steps", metavar="5,10,50", help="Numbers of steps to sample with.")] = None,
    tuned: Annotated[
        int | None, Option("--tuned", metavar="K", help="Trials of settings that each model had before.")
    ] = None,
    fit: Annotated[
        str | None,
        Option("--fit", metavar="5,10", help="Fit steps to each model on the sets, with a network, for these numbers."),
    ] = None,
    only: Annotated[
        str | None,
        Option("--only", metavar="NAME,NAME", help="Sets, models or cells such as flow-tree-0; else all."),
    ] = None,
    minutes: Annotated[
        float | None, Option("--minutes", metavar="M", help="End after M minutes; the same command goes on later.")
    ] = None,
    jobs: Annotated[int, Option("--jobs", metavar="J", help="Models made side by side, on a core each.")] = 1,
    trials: Annotated[
        list[Path] | None,
        Option("--trials", metavar="FILE", help="JSON of trials that settings were chosen by, for the report."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """The kinds of model are trained for the same time on each set and compared.

    On tables of real data the likelihood of the test split is compared, with a neural spline flow's as well where
    zuko is installed.

    What is decided is written into protocol.json before anything is measured, then report.html and results.json.
    Interrupted, or with --minutes, the same command goes on where it was; what decides, from --sets to --fit,
    may not change meanwhile. In full it takes many hours. Under torchrun the ranks share the models; they all have
    to see the folder.
    """
    # Long by its signature, from which typer reads the options
    from dnf_studio.reproduce.compare import compare

    plan = (QUICK if quick else FULL).changed(
        _names(sets) or None,
        seconds,
        seeds,
        arms=_names(models) or None,
        points=points,
        steps=_numbers(steps, "--steps"),
        fit=_numbers(fit, "--fit"),
        trials=tuned,
    )
    if jobs < 1 or (minutes is not None and not minutes > 0):
        raise SettingError("There is at least one job at a time, and --minutes is above 0.")
    with Interrupt() as interrupt, Progress("Comparing") as progress:

        def update(fraction: float, text: str) -> None:
            # Told between two iterations, where a run can be kept
            if interrupt.came:
                raise KeyboardInterrupt
            progress.update(fraction, text)

        found = compare(
            folder,
            plan,
            update,
            note,
            only=_names(only),
            minutes=minutes,
            jobs=jobs,
            trials=trials or (),
            ranks=our_ranks(),
        )
    report = str(folder / "report.html")
    text = "\n".join(f"{one.answer}: {one.claim}\n  {one.because}" for one in found)
    answers = [{"claim": one.claim, "answer": one.answer} for one in found]
    emit({"report": report, "claims": answers}, f"{text}\n\nThe report is '{report}'.", as_json)
    return 0


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def _numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(sorted({int(word) for word in text.split(",")}))
    except ValueError as error:
        raise SettingError(f"{option} takes whole numbers such as 5,10,50, not '{text}'.") from error
