"""What somebody else has registered is in every list and command, trains and samples; what is broken is a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio import plugins
from dnf_studio.api import data_of
from dnf_studio.api.trial import tried
from dnf_studio.assets import resource
from dnf_studio.cli import main, verb_of
from dnf_studio.config.model_kinds import ModelName, NetworkKind
from dnf_studio.config.names import names_of
from dnf_studio.core.sde.solvers import solver_names
from dnf_studio.errors import DataError, DivergenceError, PluginError, UnsupportedError

EXAMPLE = resource("examples", "plugin.py")
SMALL = {"iterations": 2, "batch": 8, "channels": 8, "layers": 1, "steps": 3, "seed": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(plugins.VARIABLE, "")
    plugins.forget_all()
    yield
    plugins.forget_all()


def lists() -> tuple[object, ...]:
    """All names that something can be chosen by."""
    sets = [info.name for info in dnf.datasets()]
    return sets, names_of(NetworkKind), names_of(ModelName), solver_names()


def broken(text: str, folder: Path) -> str:
    """What is said of a plug-in with this text, which leaves nothing behind."""
    before = lists()
    file = folder / "mine.py"
    file.write_text(text, encoding="utf-8")
    plugins.use([str(file)])
    (said,) = plugins.load()
    assert lists() == before
    return said


def test_the_example_is_in_all_lists_and_its_checkpoint_says_whose_it_is(tmp_path: Path) -> None:
    before = lists()
    plugins.use([str(EXAMPLE), str(EXAMPLE)])
    assert plugins.load() == () == plugins.load()
    sets, networks, _, solvers = lists()
    assert sets == [*before[0], "petals"] and networks == (*before[1], "waves") and solvers == (*before[3], "ralston")
    with pytest.raises(dnf.StudioError, match="'wavs': input should be 'mlp', 'unet' or 'waves'"):
        dnf.Config.create({"network": {"kind": "wavs"}})

    run = dnf.train("petals", kind="waves", drift="residual", **SMALL)
    model = run.fit(progress=False)
    run.save(tmp_path / "a.safetensors")
    kept = dnf.open_checkpoint(tmp_path / "a.safetensors")
    assert kept.plugins == {"data": "plugin.py", "network.kind": "plugin.py"} == kept.summary()["plugins"]
    again = kept.build()
    samples = again.sample(5, solver="ralston", seed=1)
    dnf.export(again, tmp_path / "a.h5", n=5, solver="ralston")
    assert torch.equal(samples, model.sample(5, solver="ralston", seed=1)) and again.evaluations(4, "ralston") == 16
    assert data_of(kept) is not None and "ralston" in [one.name for one in dnf.load("diffusion-rings").solvers]

    plugins.forget_all()
    assert lists() == before
    wanted = r"needs the plug-in 'plugin.py' for its network 'waves'; start with --with and its file, or install it\.$"
    with pytest.raises(dnf.StudioError, match=wanted):
        dnf.open_checkpoint(tmp_path / "a.safetensors")
    with pytest.raises(dnf.StudioError, match=r"The export '.*a\.h5' needs the plug-in 'plugin.py' for its network"):
        dnf.open_export(tmp_path / "a.h5")


def test_without_the_plug_in_of_its_data_a_model_opens_and_says_whose_they_are(tmp_path: Path) -> None:
    dnf.register_dataset("clouds")(lambda count, rng: rng.normal(size=(count, 3)))
    run = dnf.train("clouds", **SMALL)
    run.fit(progress=False)
    run.save(tmp_path / "a.safetensors")
    plugins.forget_all()
    kept = dnf.open_checkpoint(tmp_path / "a.safetensors")
    assert kept.build().dim == 3 and data_of(kept) is None
    with pytest.raises(dnf.StudioError, match=f"'clouds' is of the plug-in '{__name__}', which is not loaded; run or"):
        dnf.train("clouds")


def test_a_set_is_standardised_and_the_same_for_the_same_seed() -> None:
    @dnf.register_dataset("ramp", title="A ramp", mean=[3.0], variance=[4.0], entropy=1.0)
    def ramp(count: int, rng: np.random.Generator) -> np.ndarray:
        return 3 + 2 * rng.normal(size=(count, 1))

    data = dnf.train("ramp", **SMALL).dataset
    assert data.entropy == pytest.approx(1 - np.log(2)) and data.columns == ("x1",)
    x = data.fresh(20_000, 1)
    assert abs(float(x.mean())) < 0.03 and abs(float(x.std()) - 1) < 0.02
    assert torch.equal(x, data.fresh(20_000, 1)) and not torch.equal(x, data.fresh(20_000, 2))


def test_a_kind_of_model_has_its_defaults_and_those_of_the_one_it_is_derived_from() -> None:
    from dnf_studio.core.models.diffusion import Diffusion

    @dnf.register_model("mine", words="my model", objective="noise", defaults={"sde": {"steps": 7}})
    class Mine(Diffusion):
        pass

    config = dnf.Config.create({"model": "mine"})
    assert config.sde.steps == 7 and config.sde.t_start == 1e-5 and Mine.kind == "mine"
    model = dnf.train("moons", model="mine", **SMALL).fit(progress=False)
    assert type(model) is Mine and model.words == "my model" and "heun" in [one.name for one in model.solvers]
    with pytest.raises(dnf.StudioError, match="'mine' is registered already, by"):
        dnf.register_model("mine", words="", objective="noise")(Mine)


SET = "import numpy as np, dnf_studio as dnf\n@dnf.register_dataset({!r})\ndef f(count, rng): return {}\n"
NETWORK = "import torch, dnf_studio as dnf\ndnf.register_network('n')(lambda dim, settings, image: {})\n"
SOLVER = "import dnf_studio as dnf\ndnf.register_solver('s')(lambda {}: lambda z, noise: iter([{}]))\n"
BROKEN = {
    SET.format("good", "rng.normal(size=(count, 2))")
    + "1 / 0": "ZeroDivisionError: division by zero (mine.py, line 4)",
    "def f(:": "SyntaxError: invalid syntax (line 1)",
    "import sys; sys.exit(3)": "SystemExit: 3 (mine.py, line 1)",
    SET.format("rings", "0"): "the data set 'rings' is built in; take another name",
    SET.format("a b", "0"): "a data set is named by at most 40 small letters, digits, - and _, not 'a b'",
    SET.format("s", "rng.normal(size=count)"): "the data set 's' is to return finite points (1, D), and returned (1,)",
    SET.format("s", "np.full((count, 2), np.nan)"): "(1, D), and returned numbers that are not finite",
    SET.format("s", "np.ones((count, 2))"): "needs a mean and a variance above 0 for each of its 2 components",
    SET.format("s", "x"): "the data set 's' failed: NameError: name 'x' is not defined",
    NETWORK.format("torch.nn.Bilinear(dim, 1, 3)"): "the network 'n' failed: RuntimeError: ",
    NETWORK.format("torch.nn.BatchNorm1d(dim)"): "keeps 'module.num_batches_tracked' as torch.int64; a checkpoint",
    SOLVER.format("model, grid", "z"): "is to be called with (model, grid, lam, last, hidden): too many positional",
    SOLVER.format("m, g, l, s, h", "z, z"): "the solver 's' is to yield 3 states, and yielded 2",
    SOLVER.format("m, g, l, s, h", "z, z[0]"): "is to yield states (3, 2), and yielded (2,)",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_plug_in_is_one_sentence_and_leaves_nothing(text: str, tmp_path: Path) -> None:
    said = broken(text, tmp_path)
    assert said.startswith("The plug-in 'mine.py' is left out: ") and BROKEN[text] in said and said.endswith(".")
    assert "\n" not in said


def test_an_installed_package_registers_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint("good", "tests.test_plugins:entry", plugins.GROUP),
        EntryPoint("gone", "no_such_module_of_ours", plugins.GROUP),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries * (group == plugins.GROUP))
    (said,) = plugins.load()
    assert said.startswith("The plug-in 'gone' is left out: ModuleNotFoundError: No module named 'no_such_module_of_")
    assert plugins.owner("data set", "dots") == "good"


def entry() -> None:
    dnf.register_dataset("dots")(lambda count, rng: rng.normal(size=(count, 2)))


def test_with_goes_before_any_verb_and_a_broken_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.py").write_text(SET.format("mine", "rng.normal(size=(count, 2))"), encoding="utf-8")
    (tmp_path / "bad.py").write_text("1 / 0", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert verb_of(["--with", "good.py", "datasets"]) == "datasets" and verb_of(["--with=good.py"]) is None
    assert main(["--with", "good.py", "--with=bad.py", "datasets"]) == 0
    out, err = capsys.readouterr()
    assert "\nmine " in out and err.startswith("dnf-studio: The plug-in 'bad.py' is left out: ZeroDivisionError")
    assert main(["--with", "none.py", "datasets"]) == 2
    assert capsys.readouterr().err == "dnf-studio: There is no file 'none.py' to run with --with.\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "run this file of Python, with all that its code does" in " ".join(capsys.readouterr().out.split())


def test_what_it_registers_is_in_the_help_of_a_verb(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("options", "sample"):
        # Imported after plug-ins are loaded, as in a process of its own
        monkeypatch.delitem(sys.modules, f"dnf_studio.cli.{module}", raising=False)
    assert main(["--with", str(EXAMPLE), "sample", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "ralston (Ralston, second order)" in told and "Before the verb, --with FILE.py runs a file of yours" in told


def test_with_is_handed_on_to_what_a_process_starts(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"import os\nprint(os.environ['{plugins.VARIABLE}'])\n", encoding="utf-8")
    words = ["-m", "dnf_studio", "--with", "mine.py", "datasets", "--help"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.splitlines()[0] == str(file.resolve()), done.stderr


def test_a_training_process_loads_them_before_its_first_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from dnf_studio.workers.training_process import _serve

    class Ended:
        def send(self, _message: object) -> None:
            raise EOFError

    done: list[str] = []
    monkeypatch.setattr(plugins, "load", lambda: done.append("loaded"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    _serve(cast(Connection, Ended()))
    assert done == ["loaded"]


def test_what_is_not_made_for_points_may_say_so_and_any_other_failure_is_its_own() -> None:
    def failing(error: Exception) -> Callable[[], object]:
        def work() -> object:
            raise error

        return work

    for refusal in (dnf.StudioError("images only"), UnsupportedError("images only")):
        tried(failing(refusal))
    for fault in (DataError("no rows"), DivergenceError("infinite"), PluginError("wrong shape")):
        with pytest.raises(PluginError, match=str(fault)):
            tried(failing(fault))
