"""Sentences on which model is better, and the numbers below the curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.gui.drawing.distances import Cost
from dnf_studio.gui.features.runs import meaning
from dnf_studio.gui.features.runs.numbers import Row, number_columns
from dnf_studio.gui.features.runs.verdict import Standing, verdicts
from dnf_studio.workers.compared import Curve, Excess, Likelihood

NEAR = Distance.of([1e-4, 1.2e-4, 0.8e-4, 1.1e-4], 0.01)
FAR = Distance.of([0.04, 0.041, 0.039, 0.042], 0.01)
WIDE = Distance.of([0.04, -0.03, 0.05, -0.05], 0.01)
RINGS = ("rings", "units")
A = Standing("A", "a" * 64, RINGS, ((Cost(5, 10, 10), FAR), (Cost(20, 40, 40), WIDE)), {"bound": Likelihood(1.0, 0.01)})
B = Standing("B", "b" * 64, RINGS, ((Cost(5, 5, 5), NEAR), (Cost(20, 20, 20), FAR)), {"bound": Likelihood(1.5, 0.01)})


def test_nearer_unresolved_and_higher() -> None:
    (told,) = verdicts(A, [B])
    assert told == (
        "B is nearer to the data than A at N = 5 by 0.1911 ± 0.0017: told apart; is unresolved at N = 20 (four draws "
        "of each, one training seed: this is of these two models, not of their kinds). Its bound on the NLL is higher "
        "by 0.5000 ± 0.0141 nats: told apart."
    )
    (back,) = verdicts(B, [A])
    assert back.startswith("A is farther from the data than B at N = 5 by 0.1911 ± 0.0017: told apart;")
    assert "lower by 0.5000" in back


def test_a_model_beside_itself_and_other_data() -> None:
    assert verdicts(A, [replace(A, name="copy")]) == ["copy has the same weights as A: there is no difference."]
    (told,) = verdicts(A, [replace(A, name="kept", sha256="")])
    assert told.startswith("kept beside A is unresolved at N = 5 and 20") or "equal to A within 0.005 at N = 5" in told
    assert "Its bound on the NLL is the same." in told
    assert "cannot be compared" in verdicts(A, [replace(B, data=("moons", "units"))])[0]
    assert "nothing is measured" in verdicts(A, [replace(B, data=None)])[0]
    assert "nothing is measured" in verdicts(A, [replace(B, rows=(), likelihoods={})])[0]
    unknown = replace(B, rows=(), likelihoods={"bound": Likelihood(1.5, None)})
    assert verdicts(A, [unknown]) == [
        "B beside A: its bound on the NLL is higher by 0.5000 nats: unresolved (no error is known: it is not in the "
        "file, but Measure under Likelihood finds it)."
    ]


def test_the_numbers_keep_their_order_and_say_what_is_known() -> None:
    columns = {column.head: column for column in number_columns([Row(0, B), Row(3, A), Row(1, Standing("C"))])}
    assert [columns["model"].text(k) for k in range(3)] == ["▲ B", "▼ A", "■ C"]
    assert list(columns["model"].values) == [0, 1, 2]
    assert [columns["NLL bound"].text(k) for k in range(3)] == ["1.5000 ± 0.0100", "1.0000 ± 0.0100", "–"]
    assert columns["SWD N=5"].text(0).endswith("told apart") and columns["SWD N=5"].text(2) == "–"
    # By what they are, not by their letters, and what is unknown last
    assert list(columns["SWD N=5"].values) == [0, 1, 2]
    assert "excess" not in columns


def test_what_the_plots_mean() -> None:
    exact = Distance.of([1e-9, 2e-9, 1.5e-9], 0.01)
    rows = {"A": ((Cost(5, 5, 5), FAR), (Cost(20, 20, 20), exact)), "B": ((Cost(20, 20, 20), exact),)}
    assert meaning.of_quality(rows) == "A and B reach the data with the fewest steps, 20."
    assert meaning.of_quality({"A": ((Cost(5, 5, 5), FAR),)}).startswith("Nothing here is equal to the data;")
    assert meaning.of_quality({"A": ((Cost(5, 5, 5), WIDE),)}).startswith("Nothing here is told apart")
    first, last = (Excess(np.array(mean), np.zeros(3), 9) for mean in ([0.5, 0.1, np.nan], [0.1, 0.1, 0.9]))
    told = "The steps of A miss 0.6 nats in all, the least, most of all next to the data."
    assert meaning.of_excess({"A": first, "B": last}) == told
    assert meaning.of_excess({"B": last}) == "The steps of B miss 1.1 nats in all, most of all next to the noise."
    unsure = Excess(last.mean, np.full(3, 0.2), 9)
    assert "not told apart from those of B" in meaning.of_excess({"A": first, "B": unsure})
    assert meaning.of_likelihoods([A, B]) == "By the bound, A finds fresh data most likely."
    vague = replace(B, likelihoods={"bound": Likelihood(1.01, 0.01)})
    assert meaning.of_likelihoods([vague, A]) == "A and B are not told apart by the bound, which is lower for A."
    filed = replace(B, likelihoods={"bound": replace(B.likelihoods["bound"], error=None)})
    assert meaning.of_likelihoods([filed, A]) == "The bound of A is lower, by no known error: Measure finds it."
    assert meaning.of_likelihoods([A, replace(B, data=None)]) == ""
    one, other = (Curve(np.arange(3), np.array([3.0, 2, end]), np.zeros(3), None) for end in (-1.0, 1))
    assert meaning.of_losses({"A": one, "B": other}).startswith("A ends lowest, at −1;")
    assert meaning.of_quality({}) == meaning.of_excess({}) == meaning.of_likelihoods([]) == meaning.of_losses({}) == ""
