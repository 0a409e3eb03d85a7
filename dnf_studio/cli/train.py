"""``dnf-studio train``: fit a model to data, into a checkpoint that can be resumed."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from dnf_studio import api, assets
from dnf_studio.api.settings import setting_changes, settings_file
from dnf_studio.cli.keeping import fit, go_on, newest_of, save, tell_of_older
from dnf_studio.cli.logged import Logged
from dnf_studio.cli.options import AsJson, ModelChoice, asking_for_data
from dnf_studio.cli.output import clock, emit, number
from dnf_studio.config import Config, Device, Missing, Precision
from dnf_studio.config.model_kinds import MOST_WITH_FEATURES, DriftKind
from dnf_studio.core.files import check_target, refuse_source
from dnf_studio.errors import CheckpointError, SettingError
from dnf_studio.progress import note

if TYPE_CHECKING:
    from dnf_studio.core.storage.autosave import Autosave
    from dnf_studio.core.training.run import Run
    from dnf_studio.core.training.run_log import RunLog

DATA = (
    "What to learn: a built-in set; a file (.csv, .tsv, .txt, .xlsx, .npy, .npz, .h5, .parquet), of which "
    "FILE::column,column and FILE::path/inside choose; a picture (.png, .jpg) whose dark is dense; images (an idx "
    "file, a CIFAR-10 batch, a folder), with FILE::flip=horizontal mirrored, too, with FILE::logit or digits::logit in "
    "logit space; or FILE::as=power, as the literature reads it (also gas, hepmass, miniboone, bsds300). "
    "Some rows of a file are held out, to measure on and to end training by, as 'datasets --help' tells."
)
TRAIN = "In the place of --data a file of rows, where those to validate or to test on come from files of their own."
VALIDATION = (
    "With --train: rows to end training by. Without it a tenth of the training file's are, decided by what they hold."
)
TEST = "With --train: rows to measure on, all of them used. Without it a tenth of the training file's are, too."

MISSING = "Of a table: refuse missing values, or leave out the rows, or the columns, that have some."
LABEL = "Of a table: the column, of text or whole numbers, that says what each row is called; it is not learned."
DRIFT = (
    "The forward drift: a network, −½ g² x and a network, or −½ g² x. What has −½ g² x in it has another g and times."
)
FREEZE = (
    "Do not learn the forward drift: it stays −½ g² x, as in a diffusion model. For it to reach noise, g is 6.3 "
    "(g²T = 4) and steps near the data are shorter."
)
NOISE = "Total noise g²T, by scaling g: near 0 a flow, from 4 on a diffusion."
SNAPSHOTS = (
    "Keep the weights at up to 200 iterations in a folder beside the file, 64 MB at most, to look back at the training "
    "in the window. Not kept unless asked for; a run that is resumed goes on as it began."
)
LOG = (
    "A folder, new or of the run that is resumed, for its record while it trains: reports, weights now and then, the "
    "checkpoint at its end. 'dnf-studio RUN/' shows it live. torchrun takes --log for its own, and leaves --log-run."
)
STRAIGHT = "Weight of a penalty on bent forward paths."

MOST_LEFT = 0.25
"""Share of the data at T above which a frozen drift is said not to reach noise."""
FOR_TABLES = "tables"
"""The settings that are for data of many columns."""
CONFIG = f"Settings, a file or one of {', '.join(assets.preset_names())}; options go before it."


def train(
    output: Annotated[
        Path | None, Option("-o", "--output", metavar="FILE", help="The file to write; not needed with --log.")
    ] = None,
    data: Annotated[str | None, Option("--data", metavar="NAME|FILE", help=DATA)] = None,
    train_file: Annotated[str | None, Option("--train", metavar="FILE", help=TRAIN)] = None,
    validation: Annotated[str | None, Option("--validation", metavar="FILE", help=VALIDATION)] = None,
    test: Annotated[str | None, Option("--test", metavar="FILE", help=TEST)] = None,
    model: Annotated[ModelChoice | None, Option("--model", help="What to train.")] = None,
    config: Annotated[str | None, Option("--config", metavar="F.toml|NAME", help=CONFIG)] = None,
    steps: Annotated[int | None, Option("--steps", metavar="N", help="Steps of the two SDEs.")] = None,
    freeze: Annotated[Literal["drift"] | None, Option("--freeze", help=FREEZE)] = None,
    drift: Annotated[DriftKind | None, Option("--drift", help=DRIFT)] = None,
    noise: Annotated[float | None, Option("--noise", metavar="G2T", help=NOISE)] = None,
    straight: Annotated[float | None, Option("--straight", metavar="W", help=STRAIGHT)] = None,
    iterations: Annotated[int | None, Option("--iterations", metavar="K", help="End after K iterations.")] = None,
    seconds: Annotated[float | None, Option("--seconds", metavar="S", help="End after S seconds.")] = None,
    batch: Annotated[int | None, Option("--batch", metavar="B", help="Points an iteration.")] = None,
    learning_rate: Annotated[float | None, Option("--learning-rate", metavar="R", help="Step size of Adam.")] = None,
    clip: Annotated[float | None, Option("--clip", metavar="C", help="Greatest norm of the gradient.")] = None,
    precision: Annotated[Precision | None, Option("--precision", help="Of the hidden layers.")] = None,
    device: Annotated[Device | None, Option("--device", help="Where to compute.")] = None,
    seed: Annotated[int | None, Option("--seed", metavar="S", help="Seed of everything drawn.")] = None,
    drop_constant: Annotated[bool, Option("--drop-constant", help="Leave out constant columns.")] = False,
    missing: Annotated[Missing | None, Option("--missing", help=MISSING)] = None,
    label: Annotated[str | None, Option("--label", metavar="COLUMN", help=LABEL)] = None,
    threshold: Annotated[float | None, Option("--threshold", help="Of a picture: the least darkness, 0 to 1.")] = None,
    blur: Annotated[float | None, Option("--blur", metavar="PIXELS", help="Of a picture: its Gaussian blur.")] = None,
    resume: Annotated[Path | None, Option("--resume", metavar="F", help="Go on with this run, file or folder.")] = None,
    log: Annotated[Path | None, Option("--log", "--log-run", metavar="RUN/", help=LOG)] = None,
    sink: Annotated[
        list[str] | None, Option("--sink", metavar="tensorboard|wandb", help="With --log, hand the record on to it.")
    ] = None,
    weights: Annotated[
        bool, Option("--weights", help="Keep the model only: a quarter of the size, no resuming.")
    ] = False,
    snapshots: Annotated[bool | None, Option("--snapshots/--no-snapshots", help=SNAPSHOTS)] = None,
    as_json: AsJson = False,
) -> int:
    # Long by its signature, from which typer reads the options
    from dnf_studio.core.ranks import our_ranks, under_torchrun
    from dnf_studio.core.storage.autosave import Autosave

    changes = setting_changes(
        {
            "data": _named(data, train_file, (validation or test) is not None, resume),
            "validation": validation,
            "test": test,
            "model": model,
            "drop_constant": drop_constant or None,
            "missing": missing,
            "label": label,
            "drift": drift,
            "freeze": freeze,
            "steps": steps,
            "straight": straight,
            "iterations": iterations,
            "seconds": seconds,
            "batch": batch,
            "learning_rate": learning_rate,
            "clip": clip,
            "precision": precision,
            "device": device,
            "seed": seed,
            "threshold": threshold,
            "blur": blur,
        }
    )
    ranks = our_ranks()
    with Logged(output, log, resume, ranks.writes) as logged:
        if ranks.writes:
            check_target(logged.output, CheckpointError)
        resume = logged.resume
        run = _begin(config, changes, noise) if resume is None else _resume(resume, config, changes, noise)
        run.share(ranks)
        refuse_source(logged.output, _read(run, config), CheckpointError)
        if run.dataset.rule is not None and resume is None:
            note(f"{run.dataset.about}.")
        if under_torchrun():
            go_on(run, logged.kept_at)
        elif resume is None:
            tell_of_older(logged.output)
        keeper = Autosave(logged.kept_at)
        past = logged.keep_snapshots(run, snapshots, weights)
        record = logged.begin(run, sink or ())
        if not fit(run, logged.output, keeper, past, record):
            return 130
        if not ranks.writes:
            return 0
        _measure(run, logged.output, "weights" if weights else "run", keeper, past, record)
    _report(run, logged, as_json)
    return 0


def _named(data: str | None, train: str | None, own_splits: bool, resume: Path | None) -> str | None:
    """What `data` or, where it has splits of its own, `train` names; of a run that is resumed each may have moved."""
    from dnf_studio.core.data.catalogue import is_table

    if data is not None and train is not None:
        raise SettingError("Give --data or --train, not both.")
    if own_splits and train is None and (resume is None or data is not None):
        raise SettingError("--validation and --test go with --train, which names a file in the place of --data.")
    if train is not None and not is_table(train):
        raise SettingError(f"--train takes a file of rows with columns; name '{train}' with --data.")
    return data if train is None else train


def _begin(file: str | None, changes: dict[str, Any], noise: float | None) -> Run:
    """A new run of the settings in `file` with `changes` on top, and with that total `noise` if there is one."""
    from dnf_studio.core.training.run import Run

    base = Config() if file is None else Config.from_toml(settings_file(file))
    if "data" not in changes and "data" not in base.model_fields_set:
        raise SettingError("Say what to learn with --data, for instance --data rings.")
    config = base.changed(changes)
    config = config if noise is None else config.changed(config.noise_changes(noise))
    left = math.exp(-0.5 * config.sde.total_noise)
    if config.network.drift == "frozen" and left > MOST_LEFT:
        note(f"The frozen drift leaves {left:.0%} of the data at T; with --noise 4 it would be 14%.")
    run = Run(config)
    wide = run.dataset.dim > MOST_WITH_FEATURES and run.dataset.image is None
    if file is None and wide and run.config.model == Config.from_toml(settings_file(FOR_TABLES)).model:
        note(f"{run.dataset.dim} columns: with --config {FOR_TABLES} they may be learned better.")
    return run


def _read(run: Run, file: str | None) -> list[Path | str]:
    """The files that `run` and its settings come from."""
    from dnf_studio.core.data.naming import split_selection

    built_in = {name for info in api.datasets() for name in (info.name, *info.aliases)}
    named = [run.config.data, run.config.validation, run.config.test]
    data = [split_selection(name)[0] for name in named if name is not None and name.strip().lower() not in built_in]
    return [*data, *([] if file is None else [file])]


def _resume(resume: Path, file: str | None, changes: dict[str, Any], noise: float | None) -> Run:
    """The run that `resume` keeps; data named again must be its own, wherever they are now."""
    from dnf_studio.core.training.run import Run

    if file is not None:
        raise SettingError("--resume goes on with the checkpoint's own settings; leave out --config.")
    path = newest_of(resume if os.path.exists(resume) else assets.checkpoint_path(str(resume)) or resume)
    api.file_kind(path)  # a missing file is told as one, not as a model's name
    checkpoint = api.open_checkpoint(path)
    if checkpoint.kind != "run":
        raise CheckpointError(f"'{resume}' holds weights only, no run that could be resumed.")
    if noise is not None:
        changes |= checkpoint.config.noise_changes(noise)
    with asking_for_data(resume, "data" in changes):
        return Run.resume(path, changes)


def _measure(
    run: Run, output: Path, kind: Literal["run", "weights"], keeper: Autosave, snapshots: bool, record: RunLog | None
) -> None:
    """Put the bound, or the exact likelihood, into the checkpoint, which a run keeps from its last iteration on."""
    from dnf_studio.core.evaluation.likelihoods import affordable_points, nll_bound, nll_ode, validation_nll

    if _chained(run):
        note(f"Measuring the bound on {affordable_points(run.flow):,} fresh points.")
        run.metrics["nll_bound"] = nll_bound(run.flow, run.dataset)
    else:
        note("Measuring the likelihood on 2,000 fresh points.")
        run.metrics["nll_ode"] = nll_ode(run.flow, run.dataset)
    if run.dataset.validation(1, 0) is not None:
        run.metrics["nll_validation"] = validation_nll(run.flow, run.dataset)
    save(run, output, kind, keeper, snapshots, record)


def _report(run: Run, logged: Logged, as_json: bool) -> None:
    bound, exact = run.metrics.get("nll_bound"), run.metrics.get("nll_ode")
    rate = run.iteration / run.seconds if run.seconds else 0.0
    result = {
        "iterations": run.iteration,
        "seconds": run.seconds,
        "iterations_per_second": rate,
        "nll_bound": bound,
        "nll_validation": run.metrics.get("nll_validation"),
        **({} if _chained(run) else {"nll_ode": exact}),
        "file": str(logged.output),
        **({} if logged.folder is None else {"log": str(logged.folder)}),
        "device": str(run.device),
        "precision": run.precision,
    }
    entropy, logit = run.dataset.entropy, run.dataset.standardisation.logit
    unit = "nats" if logit is None else f"nats of the standardised logits (α = {logit.alpha:g})"
    floor = "" if entropy is None else f" (the entropy is {entropy:.3f})"
    text = (
        f"{run.iteration} iterations in {clock(run.seconds)}, {rate:.1f} a second, {run.precision} on {run.device}.\n"
        f"The {_measured(run)} is {number(bound if _chained(run) else exact)} {unit}{floor}."
        f"\n{_validation(run)}Saved {logged.output}"
    )
    emit(result, text, as_json)


def _chained(run: Run) -> bool:
    """Whether samples are drawn by a chain of Gaussians, which has a bound; else they follow an ODE."""
    return run.flow.checked_solver(None).chain is not None


def _measured(run: Run) -> str:
    """What was measured, with the chain that the bound is of where the model has several."""
    if not _chained(run):
        return "NLL"
    own = run.flow.checked_solver(None)
    return "bound" if own.euler else f"bound of the {own.name} chain"


def _validation(run: Run) -> str:
    """What the validation split says of the run, as a line; nothing without one."""
    nll = run.metrics.get("nll_validation")
    if nll is None:
        return ""
    best = run.early_stopping.best_iteration
    kept = f"; the weights of iteration {best} are kept" if run.early_stopping.best_nll is not None else ""
    early = ", and the run ended early" if run.early_stopping.exhausted(run.config.training.patience) else ""
    return f"On the validation split it is {number(nll)} nats{kept}{early}.\n"
