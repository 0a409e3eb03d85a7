"""What is said of a cloud at a node, and how often."""

from __future__ import annotations

import numpy as np
import pytest

from dnf_studio.gui.features.processes.meaning import CloudMeaning, cloud_meaning
from tests.gui.scenes import frame_of

CLOUD = np.random.default_rng(1).normal(size=(2000, 2)).astype(np.float32)
CLOUD = (CLOUD - CLOUD.mean(axis=0)) / CLOUD.std(axis=0)

SAMPLES = "These are samples. Their means and deviations are those of the data within"
NOISE = "This is noise as the prior has it."
NOT_YET = "This is not the noise of the prior yet. Means or deviations are off by"


@pytest.mark.parametrize(
    ("direction", "scale", "node", "paired", "said"),
    [
        ("forward", 1.0, 0, False, "These are points of the data."),
        (
            "backward",
            1.03,
            0,
            False,
            f"{SAMPLES} 0.03.",
        ),
        ("forward", 0.8, 3, False, "On the way, 30% of the steps from the data. Deviations 0.80 and 0.80."),
        (
            "forward",
            1.02,
            10,
            False,
            f"{NOISE} Deviations 1.02 and 1.02, where the prior has 1.",
        ),
        ("forward", 0.6, 10, False, f"{NOT_YET} 0.40."),
        ("backward", 1.0, 10, False, "This is the noise that samples come from."),
        ("backward", 0.6, 10, True, f"{NOT_YET} 0.40."),
    ],
)
def test_words(direction: str, scale: float, node: int, paired: bool, said: str) -> None:
    points = (scale * CLOUD).astype(np.float32)
    gone = np.array([[np.nan, 0], [3e38, 1]], np.float32)
    assert cloud_meaning(direction, np.concatenate([points, gone]), CLOUD, node, 10, paired) == said
    assert cloud_meaning(direction, points[:9], CLOUD, node, 10, paired) == ""


def test_it_is_said_once_for_each_node_and_frame() -> None:
    frame, said = frame_of(), list[str]()
    meaning = CloudMeaning("forward", said.append)
    for position in (0.0, 0.4, 0.9, 1.0, 1.5, 10.0):
        meaning.follow(frame, frame.forward, position, lambda paths: paths)
    assert [text.split(".")[0] for text in said] == [
        "These are points of the data",
        "On the way, 10% of the steps from the data",
        "This is noise as the prior has it",
    ]
    meaning.follow(frame, frame.forward.copy(), 10.0, lambda paths: paths)
    meaning.clear()
    assert said[3:] == [said[2], ""]
