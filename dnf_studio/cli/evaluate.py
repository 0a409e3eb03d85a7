"""``dnf-studio evaluate``: how good a model is, and by how many steps."""

from __future__ import annotations

import math
from typing import Annotated, Any

from typer import Option

from dnf_studio import __version__, api
from dnf_studio.cli.options import SOLVER, AsJson, CheckpointName, SolverName, asking_for_data, whole_numbers
from dnf_studio.cli.output import emit, number, plus_minus, table
from dnf_studio.core.exploration.by_step import differ
from dnf_studio.core.ranks import our_ranks
from dnf_studio.core.sde.solvers import SDE
from dnf_studio.errors import SettingError
from dnf_studio.progress import Progress, note

DATA = (
    "What to measure on, the model's own unless given. Of a table it is the rows that training's split holds out, "
    "wherever they stand in a file that has changed."
)
TEST = "A file of rows that training has never seen; all of them are used."
WORST = 3
"""Steps that are named."""
WHY = {
    "deterministic": "the solver draws no noise",
    "unknown": "none is known of this solver's chain",
    "exact": "see the ODE's NLL",
}
"""What the reasons for no bound mean."""
MOST_NAMED = 12
"""Classes with a column each."""
BOUND_OF = (
    "The bound is of the chain of this solver with the noise of its last step, which the samples compared here leave "
    "out: they are the means of the chain's last Gaussian. A solver that draws no noise has no bound, nor "
    "have fitted steps."
)
NO_RANK = (
    "Equal: the 95% interval of the distance ends at {:g} or below; told apart: it lies above 0; unresolved: neither. "
    "Only what is told apart has a rank: chance alone makes the distance of exact samples as large as the "
    "resolution, on either side of 0."
)


def evaluate(
    checkpoint: CheckpointName,
    data: Annotated[str | None, Option("--data", metavar="NAME|FILE", help=DATA)] = None,
    test: Annotated[str | None, Option("--test", metavar="FILE", help=TEST)] = None,
    steps: Annotated[str | None, Option("--steps", metavar="5,10,30", help="Numbers of steps to sample with.")] = None,
    no_ode: Annotated[bool, Option("--no-ode", help="Leave out the NLL of the probability-flow ODE.")] = False,
    solver: Annotated[SolverName | None, Option("--solver", help=f"{SOLVER} {BOUND_OF}")] = None,
    paths: Annotated[int, Option("--paths", metavar="K", help="Paths a point of the importance-weighted bound.")] = 16,
    mass: Annotated[
        bool, Option("--mass", help="Also ∫p of the ODE's density, which is 1 where that is right; by sampling.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Under torchrun the ranks share the parts: likelihoods, and the samples and the bound at each number of steps.

    The numbers are those of one process.
    """
    # Long by its signature, from which typer reads the options
    import torch

    from dnf_studio.core.evaluation.evaluate import default_steps
    from dnf_studio.core.evaluation.evaluate import evaluate as measure
    from dnf_studio.core.storage.held_out import held_out_data

    numbers = None if steps is None else whole_numbers(steps)
    source = api.open_checkpoint(checkpoint)
    if data is None and test is None and not source.data.fingerprint:
        raise SettingError(f"'{checkpoint}' does not say what it was trained on; name it with --data.")
    with asking_for_data(checkpoint, (data or test) is not None):
        dataset, told = held_out_data(source, data, test)
    if told is not None:
        note(told)
    flow, ranks = source.build(), our_ranks()
    numbers = default_steps(flow, solver) if numbers is None else numbers
    ranks.require_same(
        {
            "model, by its SHA-256 sum,": source.sha256,
            "data, by its fingerprint,": dataset.fingerprint,
            "settings": [list(numbers), no_ode, solver, paths, mass],
            "version of torch": torch.__version__,
            "version of DNF Studio": __version__,
        }
    )
    with Progress("Evaluating") as progress:
        found = measure(
            flow,
            dataset,
            numbers,
            not no_ode,
            progress=lambda text: progress.update(None, text),
            solver=solver,
            paths=paths,
            mass=mass,
            ranks=ranks,
        )
    result = found.as_dict()
    emit(result, _text(result), as_json)
    return 0


def _text(result: dict[str, Any]) -> str:
    from dnf_studio.core.evaluation.distances import EQUAL

    lines = [*_likelihoods(result), *_beside(result), *_excess(result), "", _by_steps(result)]
    if any(row["word"] is not None for row in result["by_steps"]):
        least = result["steps_to_the_floor"]
        floor = "none of these N" if least is None else f"N = {least}, the least of these N that is equal to the data"
        lines += [f"Steps to the floor: {floor}.", NO_RANK.format(EQUAL)]
    return "\n".join([*lines, *_classes(result)])


def _likelihoods(result: dict[str, Any]) -> list[str]:
    """Bounds, NLL and entropy, each with its error and what it is of."""
    paths = result["importance_paths"]
    notes = {
        "nll_bound": plus_minus(result["nll_bound_error"]) + _chain(result) + _drawn(result["nll_bound_flexible"]),
        "nll_importance": f"{plus_minus(result['nll_importance_error'])}, the bound of {paths} paths a point",
        "nll_ode": plus_minus(result["nll_ode_error"]) + _resolutions(result),
        "entropy": "",
        "attainable": ", the least that a chain with the noise of this one's last step can have",
    }
    if result["attainable"] is None:
        del notes["attainable"]
    names = {"nll_bound": "NLL bound", "nll_importance": "Importance", "nll_ode": "NLL (ODE)", "entropy": "Entropy"}
    names["attainable"] = "Attainable by this chain"
    return [f"{names[key]:<10} {number(result[key])}{note}" for key, note in notes.items()]


def _beside(result: dict[str, Any]) -> list[str]:
    """What is said of logits, bits, the mass of the density and copies, each where there is something to say."""
    lines = []
    if result["logit"] is not None:
        lines.append(f"Nats and distances are of standardised logits (α = {result['logit']:g}), bits of the levels.")
    if result["bits_bound"] is not None:
        bits = f"{number(result['bits_bound'])} by the bound, {number(result['bits_ode'])} by the ODE"
        lines.append(f"Bits per dimension {bits}")
    if result["ode_mass"] is not None:
        error = plus_minus(result["ode_mass_error"])
        lines.append(f"{'∫p (ODE)':<10} {number(result['ode_mass'])}{error}, by importance sampling")
    if (copying := result["copying"]) is not None:
        near = {key: f"{value:.1f}" for key, value in copying.items()}
        lines.append(
            f"Nearest training image {near['samples']} levels from samples ({near['closest']} at the closest), "
            f"{near['held_out']} from held-out images"
        )
    return lines


def _by_steps(result: dict[str, Any]) -> str:
    """The table of samples by their number of steps."""
    keys = ("resolution", "floor", "outside", "farthest")
    head = ("steps", "NFE", "multiply-adds", "NLL bound", "attainable", "sliced Wasserstein", *keys)
    rows = [
        (
            *(str(row[key]) for key in ("steps", "nfe")),
            f"{row['multiply_adds']:.2g}",
            *(number(row[key]) for key in ("nll_bound", "attainable")),
            _distance(row),
            *(number(row[key]) for key in keys),
        )
        for row in result["by_steps"]
    ]
    return table([head, *rows])


def _distance(row: dict[str, Any]) -> str:
    """The distance with its error, and what is said of it."""
    word = "" if row["word"] is None else f", {row['word']}"
    return f"{number(row['sliced_wasserstein'])}{plus_minus(row['sliced_wasserstein_error'])}{word}"


def _excess(result: dict[str, Any]) -> list[str]:
    """The steps that miss most, and whether nearest neighbours say the same."""
    rows = result["excess_by_step"]
    if rows is None or any(row["excess"] is None or row["error"] is None for row in rows):
        return []
    worst = sorted(sorted(rows, key=lambda row: -row["excess"])[:WORST], key=lambda row: row["step"])
    told = ", ".join(f"step {row['step']} {number(row['excess'], 3)}{plus_minus(row['error'], 3)}" for row in worst)
    rest = sum(row["excess"] for row in rows) - sum(row["excess"] for row in worst)
    lines = [
        f"Excess     {told}, the rest {number(rest, 3)}",
        f"{'':<10} By how much each backward step misses the reverse of the forward one: in all, bound − NLL (ODE)",
    ]
    near = {row["step"]: row for row in result["excess_by_neighbours"] or () if row["excess"] is not None}
    apart = [
        f"{row['step']} ({number(other['excess'], 3)}{plus_minus(other['error'], 3)})"
        for row in rows
        if (other := near.get(row["step"])) is not None
        and differ(row["excess"], other["excess"], row["error"], other["error"] or math.inf)
    ]
    if apart:
        lines.append(f"Nearest neighbours say otherwise, so the ODE's own density is off: step {', '.join(apart)}")
    return lines


def _classes(result: dict[str, Any]) -> list[str]:
    """What a classifier says of the samples, as lines; none where the data has no classes."""
    real = result["classes"]
    if real is None:
        return []
    shown = [(row["steps"], row["classes"]) for row in result["by_steps"] if row["classes"] is not None]
    many = len(real["names"]) > MOST_NAMED
    head = ("steps", "of a class", *(("classes shown", "fewest", "most") if many else real["names"]))
    rows = [
        (str(steps), f"{one['sure']:.3f}", *map(str, _extremes(one["counts"]) if many else one["counts"]))
        for steps, one in shown
    ]
    about = (
        f"A classifier of the real rows is right on {real['accuracy']:.1%} of the test split and gives "
        f"{real['sure']:.1%} of it one class at p > 0.9.\nThe share of samples of one class so, and how many "
        "samples show each class:"
    )
    lines = ["", about, "", table([head, *rows])]
    shares = [] if many or "shares" not in real else _shares(real, shown)
    return [*lines, *shares, *_features(result)]


def _shares(real: dict[str, Any], shown: list[tuple[int, dict[str, Any]]]) -> list[str]:
    """Which share each class has among samples, sure or not, and among the rows to test on."""
    rows = [("data", *(f"{share:.1%}" for share in real["shares"]))]
    for steps, one in shown:
        total = max(1, sum(one["likely"]))
        rows.append((str(steps), *(f"{count / total:.1%}" for count in one["likely"])))
    return ["", "The share of each class, by the most probable one:", "", table([("steps", *real["names"]), *rows])]


def _features(result: dict[str, Any]) -> list[str]:
    """How far samples are in the classifier's features, as lines; none where that is not known."""
    known = [row for row in result["by_steps"] if row["feature_distance"] is not None]
    if not known:
        return []
    rows = [
        (str(row["steps"]), f"{number(row['feature_distance'])}{plus_minus(row['feature_distance_error'])}")
        for row in known
    ]
    about = (
        "Squared Fréchet distance to the test split in the classifier's features (what FID is for photographs), "
        f"debiased;\nas many other real rows would differ by {number(known[0]['feature_floor'])} without that:"
    )
    return ["", about, "", table([("steps", "distance"), *rows])]


def _extremes(counts: list[int]) -> tuple[str, int, int]:
    """How many classes are shown at all, and by how many samples the rarest and the most frequent one."""
    return f"{sum(map(bool, counts))} of {len(counts)}", min(counts), max(counts)


def _chain(result: dict[str, Any]) -> str:
    """Which chain the bound is of, or why there is none."""
    if (why := result["nll_bound_missing"]) is not None:
        return f" ({why}: {WHY[why]})"
    if (sampler := result["nll_bound_sampler"]) == SDE.name:
        return ", of the chain of Euler steps, its last one with noise"
    euler = f"{number(result['nll_bound_sde'])}{plus_minus(result['nll_bound_sde_error'])}"
    return f", of the {sampler} chain, its last step with noise; {euler} of the chain of Euler steps"


def _drawn(value: float | None) -> str:
    return "" if value is None else f", {number(value)} over drawn grids"


def _resolutions(result: dict[str, Any]) -> str:
    """The ODE's value at other resolutions, which it should not depend on."""
    told = [] if result["nll_ode_coarse"] is None else [f"{number(result['nll_ode_coarse'])} by a coarser solver"]
    told += [f"{number(row['nll'])} on the grid of N = {row['steps']}" for row in result["nll_ode_grid"]]
    if result["ode_divergence"] == "hutchinson":
        told.append("divergence by Hutchinson's estimate")
    return "".join(f", {text}" for text in told)
