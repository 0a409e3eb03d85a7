"""Where the samples of an export come from, as the file tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

import dnf_studio
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.likelihood import divergence_name
from dnf_studio.core.sde.sample_settings import STARTS
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan, Selection
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.sample_file import FORMAT, FORMAT_VERSION


def column_names(flow: GenerativeModel, checkpoint: Checkpoint) -> tuple[str, ...]:
    """A name for each component."""
    named = checkpoint.data.columns
    return named if len(named) == flow.dim else tuple(f"component {j}" for j in range(flow.dim))


def attributes_of(
    flow: GenerativeModel, plan: ExportPlan, steps: int, sha256: str, selection: Selection | None, counts_far: bool
) -> Mapping[str, Any]:
    """The root attributes, those of counts with −1; `created` is the only thing that tells two exports apart."""
    what, level = "samples", plan.settings.level if flow.checked_solver(plan.settings.solver).noise else 0.0
    if selection is not None:
        what = "selected points"
    elif plan.region is not None:
        what = "samples that end in a region,"
    found: dict[str, Any] = {
        "NX_class": "NXroot",
        "default": "view",
        "format": FORMAT,
        "format_version": np.int32(FORMAT_VERSION),
        "title": f"{plan.count:,} {what} of a {flow.words}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "creator": f"DNF Studio {dnf_studio.__version__}",
        "seed": np.int64(plan.settings.seed),
        "steps": np.int32(steps),
        "lambda": np.float64(level),
        "checkpoint_sha256": sha256,
        "complete": np.int8(0),
    }
    if selection is not None or plan.region is not None:
        found["source"] = "selection" if selection is not None else "region"
    if plan.region is not None:
        found["drawn_samples"] = np.int64(-1)
    if counts_far:
        found["far_samples"] = np.int64(-1)
    return found


def provenance_of(
    flow: GenerativeModel, plan: ExportPlan, steps: int, checkpoint: Checkpoint, selection: Selection | None
) -> dict[str, str]:
    """JSON texts: the experiment, the checkpoint and how the samples were drawn or which points they are."""
    known = replace(checkpoint, sha256=checkpoint.sha256 or digest(checkpoint.tensors))
    solver = flow.checked_solver(plan.settings.solver).name
    sampling = asdict(plan.settings) | {"steps": steps, "count": int(plan.count), "solver": solver}
    # Of views alone: an export is of the whole process, and where a selection began is told below
    del sampling["parts"], sampling["start"]
    if plan.first:
        sampling["first"] = int(plan.first)
    if plan.log_prob:
        sampling["log_prob_divergence"] = divergence_name(flow.dim)
    if selection is not None:
        chosen = {"indices": selection.indices, "view_points": selection.points, "view_seed": plan.settings.seed}
        sampling["selection"] = chosen | {"pairing": f"backward starts from {STARTS[selection.start]}"}
    if plan.region is not None:
        sampling["region"] = asdict(plan.region) | {"most_drawn": plan.limit}
    return {
        "config": flow.config.to_json(),
        "checkpoint": json.dumps(known.summary(), allow_nan=False, ensure_ascii=False),
        "sampling": json.dumps(sampling, allow_nan=False),
        **({"adapter": json.dumps(dict(flow.adapter), allow_nan=False, ensure_ascii=False)} if flow.adapter else {}),
    }
