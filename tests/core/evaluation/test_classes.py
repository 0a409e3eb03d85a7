"""The classifier of real rows: exact answers on classes that lie far apart, and copies found out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.cli.evaluate import _classes, _text
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.image_shape import ImageShape, Logit
from dnf_studio.core.data.recorded import RecordedDataset, Records
from dnf_studio.core.evaluation.classes import Classes, classes_of
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.evaluation.parts import CLASSIFIED
from dnf_studio.core.models.diffflow import DiffFlow

CENTRES = np.array([[0, 0, 0, 0], [40, 0, 40, 0], [0, 40, 0, 40]])


def three_clusters(names: tuple[str, ...] = ("a", "b", "c"), levels: bool = True) -> RecordedDataset:
    """900 rows of whole numbers within 4 of three centres, whose classes are 0, 1, 2 in turn."""
    classes = np.arange(900) % 3
    values = CENTRES[classes] + np.random.default_rng(0).integers(-4, 5, (900, 4))
    records = Records(("p", "q", "r", "s"), values.astype(np.float64), np.ones(4), classes, names)
    return RecordedDataset("made", "Made", lambda: records, "", levels)


def model_units(data: RecordedDataset, x: np.ndarray) -> Tensor:
    return data.standardisation.to_model(torch.from_numpy(x).double()).float()


@pytest.fixture(scope="module")
def data() -> RecordedDataset:
    return three_clusters()


@pytest.fixture(scope="module")
def judge(data: RecordedDataset) -> Classes:
    found = classes_of(data)
    assert found is not None
    return found


def test_classes_apart_are_told_apart(judge: Classes) -> None:
    assert judge.names == ("a", "b", "c")
    assert judge.accuracy == 1 and judge.sure_test == 1


def test_rows_are_counted_by_class_and_doubtful_ones_are_not(data: RecordedDataset, judge: Classes) -> None:
    middle, far = CENTRES.mean(0, keepdims=True), np.full((1, 4), -500.0)
    rows = np.concatenate([CENTRES[[0, 1, 1, 2, 2, 2]] + 0.5, middle, far])
    found = judge.share(model_units(data, rows))
    assert found.sure == 6 / 8 and found.counts == (1, 2, 3)


def test_what_is_not_finite_shows_nothing(data: RecordedDataset, judge: Classes) -> None:
    rows = model_units(data, CENTRES + 0.5)
    rows[1, 2] = torch.nan
    assert judge.share(rows).counts == (1, 0, 1) and judge.share(rows).sure == pytest.approx(2 / 3)
    nothing = judge.share(torch.full((2, 4), torch.inf))
    assert nothing.sure == 0 and nothing.counts == (0, 0, 0)


def test_a_split_comes_with_its_classes(data: RecordedDataset) -> None:
    x, classes = data.split("test", 3)
    assert len(x) == len(classes) == len(data.splits[2])
    raw = data.standardisation.to_data(x.double()).numpy()
    assert (np.abs(raw - CENTRES[classes]) <= 5).all()
    assert torch.equal(x, data.split("test", 3)[0]) and not torch.equal(x, data.split("test", 4)[0])


def test_evaluate_says_it_of_every_n_in_json_and_as_a_table(data: RecordedDataset) -> None:
    config = Config.create({"sde": {"steps": 3}, "network": {"layers": 1, "channels": 8}})
    flow = DiffFlow(4, config, data.standardisation).eval()
    result = evaluate(flow, data, (2, 3), ode=False, points=20, seeds=1, paths=1).as_dict()
    values = json.loads(json.dumps(result, allow_nan=False))
    shares = np.bincount(data.split("test", 0)[1]) / 135
    assert values["classes"] == {"names": ["a", "b", "c"], "accuracy": 1, "sure": 1, "shares": shares.tolist()}
    for row in values["by_steps"]:
        assert sum(row["classes"]["counts"]) == round(row["classes"]["sure"] * CLASSIFIED) < CLASSIFIED
        assert sum(row["classes"]["likely"]) == CLASSIFIED
    lines = _text(values).splitlines()
    assert any("right on 100.0% of the test split" in line for line in lines)
    heads = [k for k, line in enumerate(lines) if line.split()[:1] == ["steps"] and "NFE" not in line]
    shares, likely, distances = heads
    assert lines[shares].split()[-3:] == ["a", "b", "c"] and lines[shares + 2].split()[0] == "3"
    assert lines[likely].split() == ["steps", "a", "b", "c"] and lines[likely + 1].split()[0] == "data"
    for row, line in zip(values["by_steps"], lines[distances + 1 :], strict=True):
        assert row["feature_distance"] > 10 * row["feature_distance_error"] and row["feature_floor"] > 0
        assert line.split()[:2] == [str(row["steps"]), f"{row['feature_distance']:.4f}"]


def test_the_same_classifier_judges_levels_and_their_logits() -> None:
    """Distances are in levels, whatever space the model is trained in, and no sample is darker than black."""
    classes = np.arange(900) % 3
    values = 4.0 + CENTRES[classes] + np.random.default_rng(0).integers(-4, 5, (900, 4))
    records, image = (
        Records(("p", "q", "r", "s"), values, np.ones(4), classes, ("a", "b", "c")),
        ImageShape(2, 2, 1, 0, 49),
    )
    plain, data = (
        RecordedDataset("made", "Made", lambda: records, "", True, image, logit=logit)
        for logit in (None, Logit(0, 49, 0.05))
    )
    one, two = Classes(plain), Classes(data)
    apart = np.random.default_rng(1).uniform(0, 49, (300, 4))
    shares = [judge.share(model_units(made, apart)) for judge, made in ((one, plain), (two, data))]
    assert shares[0] == shares[1] and 0 < shares[0].sure < 1
    beyond = two.share(torch.full((1, 4), -40.0))
    assert beyond == two.share(model_units(data, np.zeros((1, 4))))


def test_data_without_classes_has_no_classifier() -> None:
    assert classes_of(open_dataset("rings")) is None
    one = three_clusters()
    one.classes = np.zeros_like(one.classes)
    assert classes_of(one) is None


@pytest.fixture(scope="module")
def digits() -> tuple[RecordedDataset, Classes]:
    data = open_dataset("digits")
    assert isinstance(data, RecordedDataset)
    return data, Classes(data)


def test_on_real_digits_it_doubts_what_is_no_digit(digits: tuple[RecordedDataset, Classes]) -> None:
    """A Gaussian of the same mean and covariance: a linear classifier is sure of every second sample."""
    data, judge = digits
    assert judge.accuracy > 0.97 and judge.sure_test > 0.9
    train = data.draw(4000, torch.Generator().manual_seed(0)).double().numpy()
    blurred = np.random.default_rng(0).multivariate_normal(train.mean(0), np.cov(train.T), 1000)
    assert judge.share(torch.from_numpy(blurred)).sure < 0.3
    far, real = judge.distance(torch.from_numpy(blurred)), judge.distance(data.validation(10_000, 0))
    assert far is not None and real is not None
    # Other real rows are at no distance, though as many of them differ
    assert abs(real.value) < 3 * real.error < 3 * real.floor and far.value > 5 * far.error


def test_digits_of_one_class_are_far_in_its_features_and_so_is_what_is_not_finite(
    digits: tuple[RecordedDataset, Classes],
) -> None:
    data, judge = digits
    x, classes = data.split("train", 0)
    threes, lost, gone = x[torch.from_numpy(classes) == 3], x.clone(), x.clone()
    lost[::3, 5], gone[::3] = torch.nan, 1e6
    found = [judge.distance(rows) for rows in (threes, lost, gone)]
    assert judge.share(threes).sure > 0.9
    assert all(one is not None and one.value > 3 * one.error for one in found)
    assert found[1] == found[2] and judge.distance(x[:19]) is None


def test_a_class_of_a_few_rows_may_be_missing_where_it_is_learned() -> None:
    """One row of a third class, in whichever split, and as many rows as can be fitted in time."""
    for seed in range(4):
        classes = np.arange(60) % 2
        classes[seed * 13] = 2
        values = CENTRES[classes] + np.random.default_rng(seed).integers(-4, 5, (60, 4))
        records = Records(("p", "q", "r", "s"), values.astype(np.float64), np.ones(4), classes, ("a", "b", "c"))
        judge = classes_of(RecordedDataset("made", "Made", lambda records=records: records, "", True))
        assert judge is not None and judge.accuracy >= 0.85


def test_of_many_rows_some_are_learned(data: RecordedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnf_studio.core.evaluation.classes.MOST_ROWS", 50)
    judge = classes_of(data)
    assert judge is not None and judge.accuracy == 1 and judge._test.shape == (50, 3)
    assert len(data.split("train", 0, 50)[0]) == 50 and len(data.split("test", 0)[0]) == 135


def test_many_classes_are_counted_and_not_listed() -> None:
    """The table of an evaluation, whose columns would not fit."""
    real = {"names": [str(k) for k in range(47)], "accuracy": 0.9, "sure": 0.8}
    shown = {"sure": 0.5, "counts": [0, 30, *[10] * 45]}
    lines = _classes({"classes": real, "by_steps": [{"steps": 7, "classes": shown, "feature_distance": None}]})
    assert lines[-1].split()[-5:] == ["46", "of", "47", "0", "30"] and max(map(len, lines[-1].splitlines())) < 80
