"""The page on clusters: its tables are those of its commands, and what it names is there."""

from __future__ import annotations

import re
import shlex

import pytest

from dnf_studio.assets import resource
from dnf_studio.bench.cluster import Parts, main, predicted
from dnf_studio.cli import VERBS
from dnf_studio.system_libraries import APT_PACKAGES

PAGE = resource("guide", "clusters.md").read_text(encoding="utf-8")
MODELS = re.findall(r"^python -m dnf_studio.bench.cluster (.+)\n```\n\n((?:\|.*\n)+)", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("words", "table"), MODELS)
def test_every_table_is_what_its_command_prints(words: str, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(shlex.split(words))
    assert capsys.readouterr().out.partition("\n")[2] == table


def test_the_verbs_and_packages_it_names_are_there() -> None:
    assert len(MODELS) == 5
    named = set(re.findall(r"-m dnf_studio ([a-z]+)", PAGE))
    assert {"train", "sample", "evaluate", "reproduce"} <= named <= set(VERBS)
    packages = set(re.findall(r"`(lib[a-z0-9-]+)`", PAGE))
    assert len(packages) >= 4 and packages <= set(APT_PACKAGES)


def test_an_iteration_on_ranks() -> None:
    """By hand: four blocks of a second each, 8 bytes at 2 bytes a second, 3 s alone, half a second an exchange."""
    parts = Parts(4.0, 3.0, 8.0, 4, 2.0, 0.5)
    assert predicted(parts, 1).seconds == 7.0
    # 8 bytes to two ranks: one half of them goes out, 2 s and a half, of which each block but the last hides one
    assert predicted(parts, 2).seconds == 3.0 + 1.0 + 2.5 + 2 * 2.5 and predicted(parts, 2).bytes == 3 * 4.0
    assert predicted(parts, 4).seconds == 3.0 + 1.0 + 2 * (0.5 + 6.0 / 2) and predicted(parts, 8).limit == "traffic"
    # On a GPU each rank has a block
    gpu = Parts(4.0, 0.0, 0.0, 0, 1.0, 0.0)
    assert [predicted(gpu, ranks).seconds for ranks in (1, 2, 8)] == [4.0, 2.0, 0.5]
    assert predicted(Parts(4.0, 0.0, 0.0, 2, 1.0, 0.0), 8).limit == "blocks"
    far = Parts(4.0, 0.0, 0.0, 0, 1.0, 0.0, 8, 1.0, 1.0)
    assert predicted(far, 8).seconds == 0.5 and predicted(far, 16).seconds == 0.25 + 2.0
