"""What is known of a model beside its weights: the checkpoint that it is of, and the data it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.layout import digest


@dataclass(frozen=True)
class _Origin:
    checkpoint: Checkpoint
    """Without its tensors, which the model has."""
    model_digest: str
    data: Dataset | None


_known: WeakKeyDictionary[GenerativeModel, _Origin] = WeakKeyDictionary()


def remember(flow: GenerativeModel, checkpoint: Checkpoint, data: Dataset | None = None) -> GenerativeModel:
    """`flow`, which was built from `checkpoint`; for as long as it lives it is known what it was and learned."""
    model = {name: tensor for name, tensor in checkpoint.tensors.items() if name.startswith("model.")}
    known = replace(checkpoint, sha256=checkpoint.sha256 or digest(checkpoint.tensors), tensors={})
    _known[flow] = _Origin(known, digest(model), data)
    return flow


def checkpoint_of(flow: GenerativeModel) -> Checkpoint:
    """The checkpoint that `flow` is of, with its model's tensors; one of it as it stands where its weights changed."""
    own, origin = Checkpoint.of_model(flow), _known.get(flow)
    if origin is None or origin.model_digest != own.sha256 or origin.checkpoint.config != flow.config:
        return own
    return replace(origin.checkpoint, tensors=own.tensors)


def remembered(sha256: str) -> GenerativeModel | None:
    """A model of this process whose checkpoint, as it stands now, has this sum; None where there is none."""
    return next((flow for flow in list(_known) if checkpoint_of(flow).sha256 == sha256), None)


def data_known(flow: GenerativeModel) -> Dataset | None:
    """The data that `flow` was trained on in this process, None where it was elsewhere."""
    origin = _known.get(flow)
    return None if origin is None else origin.data
