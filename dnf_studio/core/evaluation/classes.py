"""What samples of data with classes show: one class, or none.

A classifier of the real rows says of how many samples it is sure. A Gaussian's samples, and noise,
must make it doubt, which a linear one does not: features that fall off with the distance to real rows do.
Distances are in model units, those of levels in one unit for all columns, since a grey level is one
everywhere; of levels whose model units are logits they are levels within their range, so that the same classifier
judges both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, LabelledDataset, SplitName
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.evaluation.features import GROUPS, FeatureDistance, feature_distance

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Rows = NDArray[np.float64]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
SURE = 0.9
"""The probability of one class above which a row is said to show it."""
LANDMARKS = 1000
"""Training rows whose nearness makes the features."""
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths of the ridge penalty to choose from by the validation split."""
ITERATIONS = 3000
FEATURES, ROWS_A_FEATURE = 32, 8
"""Most features that distances are measured in, and how many rows to test on there are for each."""
MOST_ROWS, MOST_COLUMNS = 10_000, 1000
"""Most rows and columns that are classified: with more, fitting takes longer than the rest of an evaluation. Where
there are more rows, some of them are used."""


@dataclass(frozen=True)
class ClassShare:
    """What a set of rows shows."""

    sure: float
    """Share of rows of which the classifier gives one class more than `SURE`."""
    counts: tuple[int, ...]
    """Number of these rows that show each class."""
    likely: tuple[int, ...] = ()
    """Number of rows, of those it is not sure of too, whose most probable class each is."""


class Classes:
    """A classifier fitted to the training split of `dataset`, and its training rows.

    Multinomial logistic regression of Nyström features of exp(−‖x − y‖²/D) (Williams and Seeger, NeurIPS
    2000), the penalty chosen by the NLL of the validation split, so that its probabilities mean something.
    """

    def __init__(self, dataset: LabelledDataset) -> None:
        self.names, self._units = dataset.class_names, dataset.standardisation
        self._weight = _weight(dataset)
        (x, y), (v, u), (t, self._test_classes) = (self._rows(dataset, name) for name in SPLITS)
        self._model = _fitted(x, y, v, u)
        self._test = self._model.predict_proba(t)
        self._axes = _leading(self._model[0].transform(x), min(FEATURES, len(t) // ROWS_A_FEATURE))
        self._held_out = self._features(t)

    @property
    def accuracy(self) -> float:
        """Share of the test split that is given its class."""
        return float((self._model.classes_[self._test.argmax(1)] == self._test_classes).mean())

    @property
    def shares_test(self) -> tuple[float, ...]:
        """Share of each class of the test split."""
        counts = np.bincount(self._test_classes, minlength=len(self.names))
        return tuple((counts / counts.sum()).tolist())

    @property
    def sure_test(self) -> float:
        """`ClassShare.sure` of the test split: what perfect samples would have."""
        return float((self._test.max(1) > SURE).mean())

    def share(self, x: Tensor) -> ClassShare:
        """What rows `x` (n, D) in model units show; a row that is not finite shows nothing."""
        known = self._measured(x[torch.isfinite(x).all(1)].cpu())
        if not len(known):
            return ClassShare(0.0, (0,) * len(self.names), (0,) * len(self.names))
        probabilities = self._model.predict_proba(known)
        likely = self._model.classes_[probabilities.argmax(1)]
        shown = likely[probabilities.max(1) > SURE]
        sure, all_ = (tuple(np.bincount(rows, minlength=len(self.names)).tolist()) for rows in (shown, likely))
        return ClassShare(len(shown) / len(x), sure, all_)

    def distance(self, x: Tensor) -> FeatureDistance | None:
        """How far rows `x` (n, D) in model units are from the test split in the classifier's features.

        A row that is not finite has the features of one that is infinitely far from all training rows. None where
        there are too few rows on either side.
        """
        if min(len(x), len(self._held_out)) < 2 * GROUPS or not self._axes.shape[1]:
            return None
        known = torch.isfinite(x).all(1)
        features = np.zeros((len(x), self._axes.shape[1]))
        features[known.numpy()] = self._features(self._measured(x[known].cpu()))
        return feature_distance(features, self._held_out)

    def _features(self, measured: Rows) -> Rows:
        """The features (n, F) of rows in units of the distances: those below the classifier, along their main axes."""
        features: Rows = self._model[0].transform(measured) @ self._axes if len(measured) else measured[:, :0]
        return features

    def _rows(self, dataset: LabelledDataset, split: SplitName) -> tuple[Rows, NDArray[np.intp]]:
        x, y = dataset.split(split, 0, MOST_ROWS)
        return self._measured(x), y

    def _measured(self, x: Tensor) -> Rows:
        """Rows (n, D) in model units in those of the distances."""
        wide = x.double()
        if self._units.logit is not None:
            wide = self._units.inside(self._units.to_data(wide))
        rows: Rows = wide.numpy() * self._weight
        return rows


def _weight(dataset: LabelledDataset) -> Rows:
    """What model units, with a logit data units, are multiplied by, (D,)."""
    if not dataset.levels or not isinstance(dataset, RecordedDataset):
        return np.ones(dataset.dim)
    if dataset.standardisation.logit is None:
        scale = np.array(dataset.standardisation.scale)
        return scale / math.sqrt((scale**2).mean())
    # The spread that the scale would have without the logit: levels are dequantised over 1
    variance = dataset.recorded[dataset.splits[0][:MOST_ROWS]].var(0) + 1 / 12
    return np.full(dataset.dim, 1 / math.sqrt(variance.mean()))


def classes_of(dataset: Dataset) -> Classes | None:
    """The classifier of `dataset`, or None where it has no classes, or more columns than can be fitted in a minute."""
    if not isinstance(dataset, LabelledDataset) or not dataset.class_names or dataset.dim > MOST_COLUMNS:
        return None
    splits = [dataset.split(name, 0, MOST_ROWS)[1] for name in SPLITS]
    if len(np.unique(splits[0])) < 2 or not len(splits[2]):
        return None
    return Classes(dataset)


def _leading(features: Rows, count: int) -> Rows:
    """The `count` axes (P, F) along which `features` (n, P) vary most, scaled so that they vary by 1 in all."""
    _, vectors = np.linalg.eigh(np.cov(features.T))
    axes = vectors[:, ::-1][:, :count]
    spread = float(np.var(features @ axes, axis=0).sum())
    return axes / math.sqrt(spread) if spread > 0 else axes[:, :0]


def _fitted(x: Rows, y: NDArray[np.intp], v: Rows, u: NDArray[np.intp]) -> Pipeline:
    """The classifier of rows x (n, D) of classes y whose NLL on rows v of classes u is the lowest."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline

    features = Nystroem(gamma=1 / x.shape[1], n_components=min(LANDMARKS, len(x)), random_state=0).fit(x)
    near = features.transform(x)
    # Small tables have no rows to validate on
    penalties = PENALTIES if len(v) else PENALTIES[:1]
    models = [LogisticRegression(C=penalty, max_iter=ITERATIONS).fit(near, y) for penalty in penalties]
    if not len(v):
        return make_pipeline(features, models[0])
    validation = features.transform(v)
    # A class of a few rows may have none to train on
    learned = np.isin(u, models[0].classes_)

    def nll(model: LogisticRegression) -> float:
        return float(log_loss(u[learned], model.predict_proba(validation[learned]), labels=model.classes_))

    return make_pipeline(features, min(models, key=nll) if learned.any() else models[0])
