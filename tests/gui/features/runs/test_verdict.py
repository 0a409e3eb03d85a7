"""Sentences on which model is better, and the numbers below the curves."""

from __future__ import annotations

from dataclasses import replace

from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.gui.drawing.distances import Cost
from dnf_studio.gui.features.runs.numbers import Row, number_columns
from dnf_studio.gui.features.runs.verdict import Standing, verdicts
from dnf_studio.workers.compared import Likelihood

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
        "Its bound on the NLL is higher by 0.5000 nats: unresolved (an error is not known: it is not in the file)."
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
