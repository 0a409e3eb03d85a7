"""Training from a script: whatever data, settings by their names, and `fit`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import dnf_studio as dnf
from dnf_studio import api
from dnf_studio.cli import main
from dnf_studio.errors import DataError, DivergenceError, SettingError, UnknownNameError

X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 5] + [3, 0]
SMALL: dict[str, Any] = {"steps": 4, "iterations": 3, "batch": 32, "device": "cpu", "channels": 8}
SMALL["precision"] = "float32"


def weights(model: dnf.GenerativeModel) -> list[torch.Tensor]:
    return list(model.state_dict().values())


@pytest.mark.usefixtures("few_points")
def test_an_array_is_trained_as_the_file_that_it_is_saved_to_by_the_command_line(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "small.toml").write_text("[network]\nchannels = 8\n")
    words = ["--steps", "4", "--iterations", "3", "--batch", "32", "--device", "cpu", "--precision", "float32"]
    output = str(tmp_path / "a.safetensors")
    config = ["--config", str(tmp_path / "small.toml"), *words, "-o", output]
    assert main(["train", "--data", str(tmp_path / "x.npy"), *config]) == 0
    model = dnf.train(X, **SMALL).fit(progress=False)
    saved = dnf.load(output)
    assert all(map(torch.equal, weights(model), weights(saved)))
    assert model.standardisation == saved.standardisation


def test_settings_go_by_the_names_of_the_command_line_and_their_own() -> None:
    run = dnf.train(X, **SMALL, freeze="drift", noise=4, seed=np.int64(7), learning_rate=0.01, patience=5)
    config = run.config
    assert (config.network.drift, config.training.seed, config.training.patience) == ("frozen", 7, 5)
    assert config.sde.total_noise == pytest.approx(4)
    assert dnf.train("moons", seconds=2, iterations=None).config.training.seconds == 2
    assert dnf.train("moons", **{"sde.beta": 0.7}, network={"layers": 1}).config.sde.beta == 0.7
    assert dnf.train(X, config="thin").config.data == "memory:array"
    base = dnf.Config.create({"data": "moons", "training": {"seconds": 9}})
    assert dnf.train(base, iterations=5).config.training.seconds is None
    assert dnf.train(base, X).dataset.dim == dnf.train(data=X, config=base).dataset.dim == 2


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"stepz": 3}, "no setting named 'stepz'; did you mean 'steps'"),
    ({"steps": 0}, "'sde.steps' cannot be 0"),
    ({"iterations": 3, "seconds": 3}, "Give iterations= or seconds=, not both"),
    ({"freeze": "score"}, "Only the drift"),
    ({"freeze": "drift", "drift": "free"}, "not both"),
    ({"threshold": 0.2}, "settings of a picture"),
    ({"config": "thim"}, "did you mean 'thin'"),
    ({"config": 3}, "Settings are a Config"),
    ({"config": {}}, "needs a Config"),
    ({"data": X}, "Give the data once"),
)


def test_settings_that_cannot_be_are_one_sentence() -> None:
    for settings, words in WRONG:
        with pytest.raises((SettingError, UnknownNameError), match=words) as caught:
            dnf.train(X, **settings)
        assert "--" not in str(caught.value)


GAPS = np.where(np.arange(600).reshape(300, 2) == 5, np.nan, X)
BAD: dict[str, tuple[Callable[[], dnf.Run], str]] = {
    "nothing": (lambda: dnf.train(), "Say what to learn"),
    "no data": (lambda: dnf.train(seconds=3), "Say what to learn"),
    "a gap": (
        lambda: dnf.train(GAPS),
        r"not finite in row 2.*missing='drop-rows' .*missing='drop-columns'\.$",
    ),
    "infinite": (lambda: dnf.train(np.where(GAPS == X, X, np.inf)), "missing or not finite"),
    "constant": (lambda: dnf.train(np.stack([X[:, 0], np.ones(300)], 1)), r"drop it with drop_constant=True\.$"),
    "copies": (lambda: dnf.train(X[:, [0, 0]]), "repeats column 'column 0'.*choose columns of it"),
    "two rows": (lambda: dnf.train(X[:2]), "at least three are needed"),
    "text": (lambda: dnf.train(pd.DataFrame({"a": X[:, 0], "s": "t"})), "label='s'"),
    "a label": (lambda: dnf.train(X, label=0), "labels are text or whole numbers; choose another one with label=."),
    "an empty list": (lambda: dnf.train([]), "holds no rows"),
}


def test_data_that_cannot_be_learned_is_one_sentence_in_the_words_of_a_script() -> None:
    for name, (make, words) in BAD.items():
        with pytest.raises((DataError, SettingError), match=words) as caught:
            make()
        assert "\n" not in str(caught.value) and "--" not in str(caught.value), name


def test_rows_to_validate_and_to_test_on_may_be_arrays_too(tmp_path: Path) -> None:
    run = dnf.train(X, validation=X[:40] + 0.1, test=torch.tensor(X[:50] + 0.2), **SMALL)
    assert run.dataset.rows == (300, 40, 50)
    run.save(tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"the program's own tensor of rows for test; say with test= where it is now"):
        dnf.evaluate(tmp_path / "a.safetensors", progress=False)


def test_a_saved_run_goes_on_with_the_file_of_its_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = dnf.train(X, **SMALL)
    run.fit(progress=False)
    run.save(tmp_path / "a.safetensors")
    assert api.data_of(api.open_checkpoint(tmp_path / "a.safetensors")) is None
    assert main(["evaluate", str(tmp_path / "a.safetensors")]) == 1
    assert "program's own array, on which" in capsys.readouterr().err
    np.save(tmp_path / "x.npy", X)
    again = dnf.Run.resume(tmp_path / "a.safetensors", {"data": str(tmp_path / "x.npy"), "training.iterations": 5})
    again.fit(progress=False)
    assert again.iteration == 5


def interrupting(run: dnf.Run, when: int) -> None:
    """Let Ctrl-C be pressed within the iteration `when` of `run`."""
    calls = iter(range(10_000))

    def clock() -> float:
        now = next(calls)
        # Twice an iteration
        if now == 2 * when:
            signal.raise_signal(signal.SIGINT)
        return float(now)

    run.clock = clock


def test_ctrl_c_keeps_what_there_is_and_fit_goes_on_from_there(capsys: pytest.CaptureFixture[str]) -> None:
    # A shell in the background has its programs ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings = SMALL | {"iterations": 6}
    whole = dnf.train(X, **settings).fit(progress=False)
    run = dnf.train(X, **settings)
    interrupting(run, 3)
    part = run.fit(progress=False)
    assert 0 < run.iteration < 6 and not run.finished
    assert "Stopped after" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    before = [one.clone() for one in weights(part)]
    end = run.fit(progress=False)
    assert run.finished and all(map(torch.equal, weights(end), weights(whole)))
    assert all(map(torch.equal, weights(part), before)), "the first model is one of its own"


def test_training_that_diverges_leaves_the_last_good_model() -> None:
    run = dnf.train(X, **SMALL | {"iterations": 200}, learning_rate=10, clip=1e6)
    with torch.no_grad():
        for one in run._weights.raw.parameters():
            one.fill_(1e30)
    with pytest.raises(DivergenceError):
        run.fit(progress=False)
    assert torch.isfinite(run.flow.sample(3)).all()


def test_progress_in_a_notebook_is_plain_html_that_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    from dnf_studio import progress

    shown: list[str] = []
    handle = SimpleNamespace(update=shown.append)
    fake = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()),
        display=SimpleNamespace(HTML=str, display=lambda html, display_id: shown.append(html) or handle),
    )
    monkeypatch.setitem(progress.sys.modules, "IPython", fake)
    monkeypatch.setitem(progress.sys.modules, "IPython.display", fake.display)
    monkeypatch.setattr(progress, "SHOWN_EVERY", 0)
    with progress.Progress("<Training>") as bar:
        bar.update(0.25, "loss < 2")
        bar.update(None, "more")
    assert shown[1] == "<progress max='1' value='0.250'></progress> &lt;Training&gt;: loss &lt; 2"
    assert shown[-1] == "<progress max='1'></progress> &lt;Training&gt;: more"


def test_what_things_are_is_short_and_escaped() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "<b>": X[:, 1]})
    run = dnf.train(frame, **SMALL)
    run.dataset.name = "<script>"
    assert repr(run) == (
        "Run(model='diffflow', data='<script>', dim=2, steps=4, iteration=0, of='3 iterations', finished=False, "
        "device='cpu')"
    )
    assert "&lt;script&gt;" in run._repr_html_() and "<script>" not in run._repr_html_()
    assert repr(run.flow).startswith("DiffFlow(dim=2, steps=4, data='DataFrame', parameters=")
