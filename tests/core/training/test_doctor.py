"""A run that leaves the numbers says at which step, by which term and for which points, and what may help."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.sde.grid import make_grid
from dnf_studio.core.sde.paths import forward_path, minus_log_prior
from dnf_studio.core.training.diagnosis import FAR, LONG, Diagnosis, LossWatch, TrainingDiverged, remedies_for
from dnf_studio.core.training.doctor import _count
from dnf_studio.core.training.record import STAGE, EarlyStopping, History, Mark, Marks
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.terms import POINTS, path_terms

TINY = {
    "data": "moons",
    "sde.steps": 4,
    "network.channels": 8,
    "network.layers": 1,
    "training.batch": 32,
    "training.precision": "float32",
}


def small(model: str = "diffflow", **changes: object) -> Run:
    return Run(Config.create({"model": model}).changed(TINY | changes), threads=1)


def fill(run: Run, network: str, value: float) -> None:
    """Let all of the last layer of `network` have this weight."""
    named = [p for name, p in run._weights.raw.named_parameters() if name.startswith(f"{network}.")]
    with torch.no_grad():
        for parameter in named[-2:]:
            parameter.fill_(value)


def diagnosed(run: Run) -> Diagnosis:
    with pytest.raises(TrainingDiverged) as told:
        list(run)
    assert str(told.value) == told.value.diagnosis.sentence
    return told.value.diagnosis


def test_the_first_term_that_is_no_number_is_found_with_its_points() -> None:
    grid, rows = make_grid(Config().changed({"sde.steps": 4}).sde), POINTS + 9
    x0, noise = torch.randn(rows, 2), torch.randn(4, rows, 2)
    bad = [3, POINTS, POINTS + 8]

    def score(i: int, x: Tensor) -> Tensor:
        values = torch.zeros_like(x)
        # Points are evaluated in two parts; the later row of the first fails a step later
        for row in bad:
            place = row if len(x) == POINTS else row - POINTS
            if 0 <= place < len(x) and i >= (3 if row == 3 else 2):
                values[place] = torch.inf if row == POINTS else torch.nan
        return values

    tallies = _count(path_terms((lambda _i, x: -x, score), grid, x0, noise))
    first = next(tally for tally in tallies if tally.bad)
    assert (first.name, first.step, first.bad, first.nan) == ("score", 2, bad[1:], True)
    assert [tally.bad for tally in tallies if tally.name == "score"] == [[], bad[1:], bad, bad]
    assert not any(tally.bad for tally in tallies if tally.name != "score")


def test_terms_are_those_of_the_bound() -> None:
    """With f = s = 0 a step of constant g has the noise alone, whose ½‖·‖² is that of δF, and the prior is at x_N."""
    grid = make_grid(Config().changed({"sde.steps": 3}).sde)
    x0, noise = torch.randn(20, 2), torch.randn(3, 20, 2)
    terms = {(t.name, t.step): t.share for t in path_terms((lambda _i, x: 0 * x,) * 2, grid, x0, noise)}
    end = forward_path(lambda _i, x: 0 * x, grid, x0, noise)[-1]
    for i in range(3):
        torch.testing.assert_close(terms["noise", i + 1], 0.5 * noise[i].square().sum(-1))
        assert not terms["drift", i + 1].any() and not terms["score", i + 1].any()
    torch.testing.assert_close(terms["prior", 3], minus_log_prior(end))


@pytest.mark.parametrize(
    ("model", "network", "term", "place"),
    [
        ("diffflow", "drift", "drift", "in step 1 of 4 (t = "),
        ("diffflow", "score", "score", "in step 1 of 4 (t = "),
        ("flow", "drift", "drift", "in step 1 of 4 (t = "),
        # Each of two times is drawn in its half
        ("diffusion", "noise", "predicted noise", "from step "),
        ("matching", "vector_field", "velocity", "from step "),
    ],
)
def test_every_kind_of_model_names_its_own_term(model: str, network: str, term: str, place: str) -> None:
    run = small(model)
    fill(run, network, torch.nan)
    found = diagnosed(run)
    assert (found.cause, found.term, found.steps) == ("value", term, 4) and found.step in (1, 2)
    assert found.nan and found.batch == 32 and found.iteration == 1 and found.back == 0
    assert f"the {term} {place}" in found.sentence and "is not a number for all 32 points" in found.sentence
    assert run.iteration == 0 and next(iter(run)).iteration == 1, "and it goes on"


def test_a_point_beyond_the_numbers_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small()
    real = run.dataset.draw

    def draw(count: int, generator: torch.Generator) -> Tensor:
        x = real(count, generator)
        x[5] = torch.inf
        return x

    monkeypatch.setattr(run.dataset, "draw", draw)
    found = diagnosed(run)
    assert (found.term, found.affected, found.points) == ("data", 1, ("(inf, inf)",))
    assert "the data is infinite for 1 of 32 points, (inf, inf), and the run is back" in found.sentence


def test_a_gradient_that_overflows_is_told_by_its_network() -> None:
    run = small()
    fill(run, "score", 1e15)
    found = diagnosed(run)
    # Through the recursion that of the drift is larger still
    assert (found.cause, found.term) == ("gradient", "score") and found.network in ("score", "drift")
    assert f"the gradient of the {found.network} is not finite while the loss is" in found.sentence
    assert ", most of it the score in step " in found.sentence


def test_a_loss_that_stays_far_above_its_level_goes_back_before_it_rose() -> None:
    run = small(**{"training.iterations": 70})
    reports = iter(run)
    for _ in range(45):
        next(reports)
    good = run._weights.state().raw
    fill(run, "score", 3e4)
    found = diagnosed(run)
    # Not at iteration 50: its loss was far already
    assert (found.cause, found.term, found.back) == ("growth", "score", 0)
    assert found.iteration == 45 + LONG and not run.history.iterations
    assert found.level is not None and found.level < 4 < found.loss and "the loss rose from" in found.sentence
    name = next(reversed(good))
    assert not torch.equal(run._weights.state().raw[name], good[name])
    assert next(iter(run)).loss < 10


def test_far_is_long_and_another_setting_begins_anew() -> None:
    watch = LossWatch(2)
    assert not any(watch.note(1.0) for _ in range(5)) and watch.level == 1.0
    high = 1.0 + FAR * 3 + 1
    assert [watch.note(high) for _ in range(LONG)] == [False] * (LONG - 1) + [True]
    watch = LossWatch(2)
    assert not any(watch.note(loss) for loss in [1.0, *[high] * (LONG - 1), 1.0, *[high] * (LONG - 1)])
    assert not watch.note(high, anew=True) and watch.level == high and watch.far == 0
    watch.note(0.0)
    assert watch.level < high, "the level follows a loss that falls"


def test_remedies_change_what_can_be_changed() -> None:
    rates = Config().changed({"training.learning_rate": 0.012, "training.clip": 1.0, "sde.steps": 30})
    assert [remedy.change for remedy in remedies_for(rates, "bfloat16")] == [
        {"training.learning_rate": 0.004},
        {"sde.steps": 60},
        {"training.clip": 0.1},
        {"training.precision": "float32"},
    ]
    wild = Config.create({"model": "diffusion"}).changed({"training.learning_rate": 9.0})
    first, *rest = remedies_for(wild, "float32")
    default = Config.create({"model": "diffusion"}).training.learning_rate
    assert first.change == {"training.learning_rate": pytest.approx(default, rel=0.05)}
    assert [remedy.label for remedy in rest] == ["Clip 0.1"], "N is no matter of its training"
    for remedy in (*remedies_for(rates, "bfloat16"), first):
        rates.changed(remedy.change)


def test_it_comes_from_another_process_whole() -> None:
    found = Diagnosis(
        9, 0, "value", 1.5, 1.0, 4, "score", None, 2, 3, 0.1, True, False, 1, ("(1, 2)",), remedies_for(Config(), "")
    )
    error = pickle.loads(pickle.dumps(TrainingDiverged(found)))
    assert error.diagnosis == found and str(error) == found.sentence
    assert "the score in step 2 of 3 (t = 0.1) is not a number for 1 of 4 points, (1, 2), and" in found.sentence


def test_records_go_back() -> None:
    history, stopping = History(stride=2), EarlyStopping(1.0, 30, 60)
    for iteration in range(1, 8):
        history.add(iteration, float(iteration))
    history.go_back(5)
    assert (history.iterations, history.open) == ([2, 4], [])
    history.add(6, 1.0)
    history.add(7, 1.0)
    assert history.iterations == [2, 4, 7]
    stopping.go_back(50)
    assert (stopping.measured, stopping.best_iteration) == (50, 30)
    marks = Marks([Mark(2, "sde.steps", 3, 4), Mark(6, "training.clip", 1.0, 0.1), Mark(8, STAGE, 4, 8)], steps=8)
    marks.go_back(5)
    assert marks.all == (Mark(2, "sde.steps", 3, 4), Mark(5, "training.clip", 1.0, 0.1))
    assert marks.step(5, 4) == () and marks.step(8, 8) == (Mark(8, STAGE, 4, 8),), "the stage comes again"


def test_a_run_goes_back_though_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small()
    fill(run, "score", torch.nan)

    def fail(*_: object) -> None:
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(run._engine, "terms", fail)
    found = diagnosed(run)
    assert (found.cause, found.term) == ("unknown", None) and run.iteration == 0
    assert "no single term of it was found to be the cause, and the run is back" in found.sentence
