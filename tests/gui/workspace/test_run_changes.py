"""Changes in words."""

from __future__ import annotations

from dnf_studio.config import Config
from dnf_studio.core.training.record import STAGE, Mark
from dnf_studio.gui.workspace.run_changes import LIVE, change_words, effect_sentence, mark_words

CONFIG = Config()


def test_short_words() -> None:
    assert change_words("sde.steps", 30, 10) == "N 30→10"
    assert change_words("training.learning_rate", 0.008, 5e-4) == "rate 0.008→0.0005"
    assert change_words("training.progressive", True, False) == "progressive N off"
    assert change_words("training.seconds", None, 60.0) == "Seconds none→60"
    assert change_words("training.batch", 384, 2048) == "Batch 384→2,048"
    assert change_words("of.another.version", 1, 2) == "of.another.version 1→2"


def test_a_mark_says_from_when_on() -> None:
    short, whole = mark_words([Mark(1500, STAGE, 10, 20), Mark(1500, "training.learning_rate", 0.01, 0.02)])
    assert short == "N 10→20, rate 0.01→0.02"
    assert whole.startswith("From iteration 1,501 on: N 10→20, the next stage of progressive training; rate")


def test_when_a_change_takes_effect() -> None:
    after = CONFIG.changed({"sde.steps": 10, "training.batch": 256})
    names = {"config.sde.steps", "config.training.batch"}
    sentence = effect_sentence(names, CONFIG, after, LIVE, "from the next iteration")
    assert sentence == "N 30→10: from the next iteration; Batch 384→256: with the next Train."
    assert effect_sentence(names, CONFIG, CONFIG, LIVE, "soon") == ""
