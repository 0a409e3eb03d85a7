from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio import api, assets
from dnf_studio.errors import CheckpointError, DataError, SettingError, UnknownNameError
from tests.core.storage.files import make_flow

GOLDEN = Path(__file__).parent / "golden" / "official_checkerboard.pt"
SMALL = {
    "data": "moons",
    "sde": {"steps": 4},
    "network": {"layers": 1, "channels": 8},
    "training": {"iterations": 3, "batch": 32, "device": "cpu", "precision": "float32"},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three iterations."""
    run = dnf.train(dnf.Config.create(SMALL))
    assert [report.iteration for report in run] == [1, 2, 3]
    path = tmp_path_factory.mktemp("api") / "small.safetensors"
    run.save(path)
    return path


def test_what_was_trained_loads_and_samples_the_same(saved: Path) -> None:
    flow = dnf.load(saved)
    assert isinstance(flow, dnf.GenerativeModel)
    x = flow.sample(7, steps=3, seed=2)
    assert x.shape == (7, 2) and torch.isfinite(x).all()
    assert torch.equal(x, dnf.load(str(saved)).sample(7, steps=3, seed=2))


def test_a_data_set_of_ones_own_goes_before_the_name() -> None:
    from dnf_studio.core.data.catalogue import open_dataset

    circle = open_dataset("circle")
    assert dnf.train(dnf.Config.create(SMALL), circle).dataset is circle


def test_the_data_of_a_model_is_there_while_it_is_the_same_and_quickly_read(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = api.data_of(api.open_checkpoint(saved))
    assert known is not None and known.name == "moons"
    file = tmp_path / "own.npy"
    np.save(file, np.random.default_rng(0).normal(size=(60, 2)))
    run = dnf.train(dnf.Config.create({**SMALL, "data": str(file)}))
    run.save(tmp_path / "own.safetensors")
    own = api.open_checkpoint(tmp_path / "own.safetensors")
    found = api.data_of(own)
    assert found is not None and found.fingerprint == run.dataset.fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(api.opening, "MOST_BYTES", file.stat().st_size - 1)
        assert api.data_of(own) is None
    np.save(file, np.random.default_rng(1).normal(size=(60, 2)))
    assert api.data_of(own) is None
    file.unlink()
    assert api.data_of(own) is None


def test_a_checkpoint_of_the_reference_program_loads_with_mean_0_and_scale_1() -> None:
    flow = dnf.load(GOLDEN)
    assert flow.standardisation.mean == (0.0, 0.0) and flow.standardisation.scale == (1.0, 1.0)


def test_a_checkpoint_is_known_by_its_content_not_by_its_name(saved: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "small.bin"
    renamed.write_bytes(saved.read_bytes())
    assert api.open_checkpoint(renamed).kind == "run"


def test_loading_leaves_the_random_stream_of_the_caller_alone(saved: Path) -> None:
    before = torch.get_rng_state()
    dnf.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_bundled_name_is_found(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "diffflow-moons.safetensors").write_bytes(saved.read_bytes())
    monkeypatch.setattr(assets, "_folder", lambda name: tmp_path)
    assert assets.checkpoint_names() == ("diffflow-moons",)
    assert api.open_checkpoint("diffflow-moons").data.name == "moons"
    with pytest.raises(UnknownNameError, match="did you mean 'diffflow-moons'"):
        dnf.load("difflow-moon")


def test_what_is_no_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.zeros((3, 2)))
    (tmp_path / "points.csv").write_text("x,y\n1,2\n")
    h5py.File(tmp_path / "strange.h5", "w").close()
    (tmp_path / "cut.safetensors").write_bytes(b"\x07")
    (tmp_path / "empty.pt").touch()
    expected = {
        "points.npy": "is a data file, not a checkpoint",
        "points.csv": "is a data file, not a checkpoint",
        "strange.h5": "is a data file, not a checkpoint",
        "cut.safetensors": "not a checkpoint|truncated|damaged",
        "empty.pt": "the file is empty",
        "none.safetensors": "There is no file",
        ".": "is a folder",
    }
    for name, sentence in expected.items():
        with pytest.raises(CheckpointError, match=sentence) as caught:
            dnf.load(tmp_path / name)
        assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_device_that_is_none_is_told(saved: Path) -> None:
    with pytest.raises(SettingError, match="'tpu'"):
        dnf.load(saved, device="tpu")


def test_unknown_data_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'rings'"):
        dnf.train(dnf.Config.create({**SMALL, "data": "ringz"}))
    with pytest.raises(DataError):
        dnf.train(dnf.Config.create({**SMALL, "data": "no/such.csv"}))


def test_the_built_in_sets_are_listed() -> None:
    names = [info.name for info in dnf.datasets()]
    assert {"rings", "checkerboard", "8gaussian", "moons"} <= set(names)
    assert len(names) == len(set(names))


def test_a_name_that_no_system_takes_is_no_model() -> None:
    with pytest.raises(UnknownNameError, match="There is no model named 'xxx"):
        dnf.load("x" * 5000)
    with pytest.raises(CheckpointError, match="Cannot read 'xxx"):
        dnf.load("x" * 5000 + ".safetensors")


@pytest.mark.parametrize(
    "points",
    [
        torch.zeros(5, 3),
        torch.zeros(2),
        torch.zeros(2, 2, 2),
        torch.zeros(5, 2, dtype=torch.long),
        torch.zeros(5, 2).double(),
        torch.zeros(5, 2).to_sparse(),
        torch.zeros(5, 2, device="meta"),
        np.zeros((5, 2), np.float32),
        [[0.0, 0.0]],
        None,
    ],
    ids=str,
)
def test_points_that_no_path_begins_with_are_one_sentence(points: object) -> None:
    flow = make_flow()
    for path in (flow.forward_path, flow.backward_path):
        with pytest.raises(DataError, match=r"^The points must be [^\n]*[.]$"):
            path(points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "points", [np.zeros((5, 2)), [[0.0]], None, torch.zeros(5, 2).to_sparse(), torch.zeros(5, 2) + 1j]
)
def test_points_that_have_no_density_are_one_sentence(points: object) -> None:
    with pytest.raises(DataError, match=r"^The points must be [^\n]*[.]$"):
        make_flow().log_prob(points)  # type: ignore[arg-type]


@pytest.mark.parametrize("lam", [-0.1, 2.1, float("nan"), float("inf"), "1", None, 1j])
def test_noise_levels_that_are_none_are_one_sentence(lam: object) -> None:
    flow = make_flow()
    for draw in (lambda: flow.sample(2, lam=lam), lambda: flow.backward_path(torch.zeros(2, 2), lam=lam)):
        with pytest.raises(SettingError, match="noise level"):
            draw()


def test_noise_that_is_no_tensor_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="The noise must be a tensor"):
        make_flow().forward_path(torch.zeros(2, 2), noise=[1.0])  # type: ignore[arg-type]


STEPS = make_flow().grid().steps


@pytest.mark.parametrize("noise", [torch.zeros(STEPS, 2, 2).double(), torch.zeros(STEPS, 2, 2, dtype=torch.long)])
def test_noise_of_another_real_type_is_that_of_the_points(noise: torch.Tensor) -> None:
    flow, x = make_flow(), torch.zeros(2, 2)
    for path in (flow.forward_path, flow.backward_path):
        assert torch.equal(path(x, noise=noise), path(x, noise=torch.zeros(STEPS, 2, 2)))


def test_noise_that_is_not_real_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="dense real numbers"):
        make_flow().backward_path(torch.zeros(2, 2), noise=torch.zeros(STEPS, 2, 2) + 1j)


@pytest.mark.parametrize("last", ["Mean", "", None, True])
def test_last_steps_that_are_none_are_one_sentence(last: object) -> None:
    flow = make_flow()
    for draw in (lambda: flow.sample(2, last=last), lambda: flow.backward_path(torch.zeros(2, 2), last=last)):
        with pytest.raises(SettingError, match=r"^The last step is either mean or noise, not .*[.]$"):
            draw()


def test_a_count_without_end_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="between 1 and 10,000,000,000"):
        make_flow().sample(10**30)


@pytest.mark.parametrize("place", [None, 5, b"a.safetensors", ["a"]])
def test_a_file_that_is_named_by_something_else_is_one_sentence(place: object) -> None:
    run = dnf.train(dnf.Config.create(SMALL))
    for use in (dnf.load, dnf.open_checkpoint, dnf.Run.resume, run.save):
        with pytest.raises(CheckpointError, match=r"^A file is named by a string or a path, not by .*[.]$"):
            use(place)


def test_a_checkpoint_of_another_kind_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="run or weights"):
        dnf.train(dnf.Config.create(SMALL)).save(tmp_path / "a.safetensors", "final")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_run_whose_settings_were_changed_by_numpy_numbers_or_groups_is_saved(tmp_path: Path) -> None:
    run = dnf.train(dnf.Config.create(SMALL))
    run.apply({"sde.steps": np.int64(5), "training.learning_rate": np.float32(0.5)})
    run.apply({"sde": run.config.sde.model_copy(update={"steps": 6})})
    with pytest.raises(SettingError, match="cannot change during a run"):
        run.apply({"network": run.config.network.model_copy(update={"channels": 16})})
    list(run)
    run.save(tmp_path / "a.safetensors")
    resumed = dnf.Run.resume(tmp_path / "a.safetensors")
    assert resumed.config == run.config and resumed.config.sde.steps == 6
    assert resumed.changes == run.changes


@pytest.mark.parametrize("change", [None, 5, "sde.steps", [("sde.steps", 3)]])
def test_a_change_that_is_none_is_one_sentence(change: object) -> None:
    with pytest.raises(SettingError, match="A change is a mapping"):
        dnf.train(dnf.Config.create(SMALL)).apply(change)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [{1, 2}, [], np.zeros((5, 2)), torch.zeros(5, 2)], ids=lambda x: type(x).__name__)
def test_data_that_is_none_is_one_sentence(data: object) -> None:
    with pytest.raises(DataError, match=r"^(Data is an array|The list holds no rows|Every column of).*\.$"):
        dnf.train(dnf.Config.create(SMALL), data)


def test_a_run_of_plain_values_says_what_it_needs() -> None:
    with pytest.raises(SettingError, match="needs a Config"):
        dnf.train({"data": "rings"})  # type: ignore[arg-type]


def test_a_truth_value_is_no_number_of_steps() -> None:
    with pytest.raises(SettingError, match=r"'sde.steps' cannot be True: it is not a setting that is true or false\.$"):
        dnf.Config.create({"sde": {"steps": True}})
    assert dnf.Config.create({"training": {"progressive": True}}).training.progressive


def test_settings_nested_without_end_are_one_sentence(tmp_path: Path) -> None:
    deep = tmp_path / "a.toml"
    deep.write_text(f"data = {'[' * 20_000}", encoding="utf-8")
    with pytest.raises(SettingError, match="nested too deeply"):
        dnf.Config.from_toml(deep)
    with pytest.raises(SettingError, match="nested too deeply"):
        dnf.Config.from_json("[" * 100_000)


def test_settings_without_an_end_are_not_read_to_it() -> None:
    with pytest.raises(SettingError, match="larger than 1 MiB, too large for a file of settings"):
        dnf.Config.from_toml("/dev/zero")
