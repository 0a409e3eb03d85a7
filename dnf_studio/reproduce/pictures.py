"""Samples and forward processes of a trained model, as pictures for the report."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import torch

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.modes import mode_count, modes_of
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DivergenceError
from dnf_studio.reproduce.figures import COLOURS, MODE_COLOURS, points_picture
from dnf_studio.reproduce.plan import ARMS, Cell
from dnf_studio.reproduce.results import Results

SHOWN_STEPS = 20
SHOWN = 6000
TIMES = 5
"""Times of a forward process that are shown."""


def pictures_of(dataset: Dataset, model: str, flow: GenerativeModel) -> dict[str, Any]:
    """The ``data``, ``samples`` of the model at N = 20, and the ``forward`` process, whose colours are those of the
    parts of the data; of more than two components the first two."""
    fresh = dataset.fresh(SHOWN, 0)
    try:
        drawn = flow.standardisation.to_model(flow.sample(SHOWN, steps=SHOWN_STEPS, seed=0).double())
    except DivergenceError:
        drawn = torch.empty(0, dataset.dim)
    found: dict[str, Any] = {
        "data": points_picture(fresh.numpy()[:, :2], COLOURS["data"]),
        "samples": points_picture(drawn.numpy().astype(np.float32)[:, :2], COLOURS[model]),
    }
    if mode_count(dataset) and "noise" not in flow.lacks:
        torch.manual_seed(0)
        with torch.inference_mode():
            path = flow.forward_path(fresh.to(flow.timestamps))
        parts = modes_of(dataset, dataset.standardisation.to_data(fresh.double()).numpy())
        parts = None if parts is None else parts % len(MODE_COLOURS)
        nodes = np.linspace(0, len(path) - 1, TIMES).round().astype(int)
        colours = MODE_COLOURS[: mode_count(dataset)]
        found["forward"] = [points_picture(path[i].float().numpy()[:, :2], colours, parts) for i in nodes]
    return found


def sample_row(results: Results, data: str) -> str:
    """Data and models of one set, of the first seed, in a row of figures."""
    found = {arm: results.pictures(Cell(data, arm, 0)) for arm in results.plan.arms}
    shown = [("data", one["data"]) for one in found.values() if one][:1]
    shown += [(ARMS[arm].words, one["samples"]) for arm, one in found.items() if one]
    return "".join(_figure(url, words) for words, url in shown)


def forward_rows(results: Results) -> str:
    """Each forward process in a row of figures, from data to noise."""
    rows = []
    for data in results.plan.sets:
        for arm in results.plan.arms:
            urls: Sequence[str] = results.pictures(Cell(data, arm, 0)).get("forward", ())
            captions = ("data", *[""] * (len(urls) - 2), "noise") if urls else ()
            figures = "".join(_figure(*pair) for pair in zip(urls, captions, strict=True))
            rows.append(f"<h3>{escape(data)}, {escape(ARMS[arm].words)}</h3>{figures}" if figures else "")
    return "".join(rows)


def _figure(url: str, caption: str) -> str:
    return f'<figure><img src="{url}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
