"""Every topic in full, as ``dnf-studio bench`` measures it; nothing is asserted but that it runs."""

from __future__ import annotations

import pytest

from dnf_studio.bench import TOPICS, measure
from dnf_studio.errors import SetupError

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("topic", TOPICS)
def test_topic(topic: str) -> None:
    try:
        for row in measure(topic):
            print(f"{row.name:52} {row.value:12.4g} {row.unit:9} {row.ratio:7.2f}x")
            assert row.value > 0 and row.reference > 0
    except SetupError as error:
        pytest.skip(str(error))
