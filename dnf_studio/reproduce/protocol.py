"""What is decided before anything is measured: budgets, draws, thresholds and claims, as sentences.

They are written into the folder of a comparison before its first model is trained, and stand at the head of its report.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dnf_studio import __version__
from dnf_studio.core.evaluation.by_steps import SEEDS, TOLERANCE_OUTSIDE
from dnf_studio.core.evaluation.distances import EQUAL
from dnf_studio.core.training.step_fit import ITERATIONS
from dnf_studio.reproduce.cell import FAR, QUARTER
from dnf_studio.reproduce.learned import FROZEN, learned_claims
from dnf_studio.reproduce.plan import ARMS, Plan
from dnf_studio.reproduce.quality import TENTH, training_claim
from dnf_studio.reproduce.results import Measured, Quality
from dnf_studio.reproduce.verdicts import Claim, claims


def protocol(plan: Plan) -> dict[str, Any]:
    """When it was decided, by which version of the studio, the rules, and what is claimed, as values for JSON."""
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "studio": __version__,
        "rules": rules(plan),
        "claims": [one.claim for one in all_claims(plan, (), ())],
    }


def all_claims(plan: Plan, measured: Sequence[Measured], quality: Sequence[Quality]) -> tuple[Claim, ...]:
    """Those of the sets."""
    if not plan.sets:
        return ()
    compared = {"diffflow", FROZEN} <= set(plan.arms)
    learned = learned_claims(measured, plan.sets) if compared else ()
    return (*learned, *claims(measured, plan.steps, plan.sets), training_claim(quality))


def rules(plan: Plan) -> list[str]:
    """How the models of `plan` are trained, measured and compared, a sentence or two each."""
    found = [_budget(plan)]
    if plan.sets:
        found += [_arms(plan), *([_fits(plan)] if plan.fit else []), *_distances(plan), *_words(), _costs()]
    if plan.tables:
        found.append(
            "On tables the NLL of the test split is compared, in pairs by training seed; a validation split ends "
            "training."
        )
    return found


def _budget(plan: Plan) -> str:
    tuned = "every model has the defaults of its kind and the changes named here, without trials"
    if plan.trials:
        tuned = f"every model's settings are the best of {plan.trials} trials on validation data, and stand here"
    return (
        f"Every model is trained for {plan.seconds:g} s of one thread on a processor, counted by its own clock and not "
        f"by that of the wall (data, gradients and optimizer; not what is measured on the way), from {plan.seeds} "
        f"training seed{'s' if plan.seeds > 1 else ''}; {tuned}."
    )


def _arms(plan: Plan) -> str:
    told = "; ".join(
        f"{ARMS[name].words}: {', '.join(f'{key} = {value}' for key, value in ARMS[name].changes.items())}"
        for name in plan.arms
    )
    return f"The models on {', '.join(plan.sets)} are {told}."


def _fits(plan: Plan) -> str:
    return (
        f"To each trained model steps are fitted for N = {', '.join(map(str, plan.fit))}, with a network of their own "
        f"where validation draws say that it is nearer: {ITERATIONS} iterations of the numbers, as many of both, by "
        "the defaults of fit-steps --network and the training seed. They are one more solver; what they take is not in "
        "the seconds and multiply-adds of training."
    )


def _distances(plan: Plan) -> tuple[str, str]:
    numbers = ", ".join(map(str, plan.steps))
    return (
        f"Distances are sliced Wasserstein-2 at N = {numbers}, debiased, in units of standardised data: "
        f"{plan.points:,} samples against as many fresh points, {plan.draws} times, all of them drawn anew for each "
        "model, training seed, solver and N. D² is averaged over these draws and over seeds, its 95% interval is a "
        "bootstrap over both, the signed root is taken last.",
        f"The solver of each trained model is chosen at each N, and within each number of network evaluations, by "
        f"{max(1, plan.points // TENTH):,} validation samples and points, {SEEDS} times, of seeds of their own. It is "
        f"judged by fresh ones, of which a model farther than {FAR:g} in validation has one in {QUARTER}.",
    )


def _words() -> tuple[str, str]:
    return (
        f"Samples are equal to the data where the interval ends at {EQUAL:g} or below, told apart where it lies above "
        "0 otherwise, else unresolved, which meets no goal. Steps to the floor are the least N, evaluations or "
        "multiply-adds of a sample with which a model is equal.",
        "Models are compared in pairs by training seed, by Student's t over seeds; where neither is told apart from "
        f"the data there is no rank. A sample lies off the support beyond {TOLERANCE_OUTSIDE:g} of it.",
    )


def _costs() -> str:
    return (
        "Multiply-adds are those of the networks' linear maps, convolutions and attention at each point. In training a "
        "point takes three times those of each evaluation that its gradient needs: of DiffFlow the drift at N + 1 and "
        "the score at N nodes, of models that learn one random time at once one, of the flow four stages of N steps "
        "with a derivative along each dimension."
    )
