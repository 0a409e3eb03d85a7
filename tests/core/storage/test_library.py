"""A folder of models: listing, names, copies, and deleting with a way back."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint, read_heading, save_checkpoint
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.library import Trash, duplicate, find_checkpoint, list_models, model_file, rename
from dnf_studio.core.storage.snapshots import snapshot_folder
from dnf_studio.core.training.record import History
from dnf_studio.errors import CheckpointError, StudioError
from tests.core.storage.files import GOLDEN, make_flow, make_run

not_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")


def make(folder: Path, name: str, seed: int = 0) -> Path:
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, Checkpoint.of_model(make_flow(seed=seed)))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_heading_is_the_checkpoint_without_its_tensors(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, make_run(make_flow()))
    whole, head = read_checkpoint(path), read_heading(path)
    assert head.tensors == {}
    assert head.summary() == whole.summary() and head.config == whole.config
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="truncated"):
        read_heading(path)


def test_a_model_tells_what_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run = save_checkpoint(path, make_run(make_flow()))
    found = model_file(path)
    assert (found.name, found.kind, found.data, found.dim, found.steps) == ("run", "run", "rings", 2, 4)
    assert (found.iteration, found.nll, found.sha256, found.fault) == (12, 2.03, run.sha256, "")
    assert found.bytes == path.stat().st_size and found.modified == path.stat().st_mtime


def test_a_flow_tells_its_likelihood_where_others_tell_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "flow.safetensors"
    config = Config.create({"model": "flow", "network": {"layers": 1, "channels": 4}})
    save_checkpoint(path, replace(Checkpoint.of_model(Flow(2, config)), metrics={"nll_ode": 1.25}))
    found = model_file(path)
    assert (found.model, found.nll, found.fault) == ("flow", 1.25, "")


@pytest.mark.parametrize("model, nll", [("diffflow", 1.5), ("flow", 1.5), ("diffusion", None)])
def test_a_model_that_was_not_measured_tells_its_last_losses_where_they_are_likelihoods(
    tmp_path: Path, model: str, nll: float | None
) -> None:
    history = History()
    for iteration in range(1, 101):
        history.add(iteration, 9.0 if iteration <= 50 else 1.0 if iteration % 2 else 2.0)
    kinds = {"diffflow": DiffFlow, "diffusion": Diffusion, "flow": Flow}
    config = Config.create({"model": model, "network": {"layers": 1, "channels": 4}})
    made = replace(Checkpoint.of_model(kinds[model](2, config)), history={"loss": history.as_dict()})
    save_checkpoint(tmp_path / "saved.safetensors", made)
    assert model_file(tmp_path / "saved.safetensors").nll == nll


def test_bad_files_are_listed_with_the_reason(tmp_path: Path) -> None:
    good = make(tmp_path, "good")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / ".good.safetensors.partial-1").write_text("x")
    (tmp_path / ".hidden.safetensors").write_text("x")
    found = {model.name: model for model in list_models(tmp_path)}
    assert set(found) == {"good", "bad", "folder"}
    assert found["good"].path == good and not found["good"].fault
    for name in ("bad", "folder"):
        assert found[name].fault.endswith(".") and "\n" not in found[name].fault
    assert model_file(tmp_path / "gone.safetensors").fault


def test_the_newest_comes_first_and_no_folder_holds_nothing(tmp_path: Path) -> None:
    for age, name in enumerate(("b", "a", "c")):
        os.utime(make(tmp_path, name), (1000 - age, 1000 - age))
    assert [model.name for model in list_models(tmp_path)] == ["b", "a", "c"]
    assert list_models(tmp_path / "none") == ()
    with pytest.raises(StudioError, match="Cannot read the folder"):
        list_models(tmp_path / "a.safetensors")


def test_rename(tmp_path: Path) -> None:
    path = make(tmp_path, "a")
    new = rename(path, "  rings, second try.safetensors ")
    assert new == tmp_path / "rings, second try.safetensors" and names(tmp_path) == [new.name]
    assert rename(new, new.stem) == new
    assert names(tmp_path) == [new.name]
    assert rename(new, "Rings, Second Try").stem == "Rings, Second Try"


def test_the_snapshots_of_a_run_go_with_it(tmp_path: Path) -> None:
    def kept(path: Path) -> list[str]:
        folder = snapshot_folder(path)
        return sorted(each.read_text() for each in folder.iterdir()) if folder.exists() else []

    path, trash = make(tmp_path, "a"), Trash(tmp_path / "trash")
    snapshot_folder(path).mkdir()
    for text in ("1", "2"):
        (snapshot_folder(path) / f"00000000{text}.safetensors").write_text(text)
    new = rename(path, "b")
    assert kept(new) == ["1", "2"] and kept(path) == []
    copy = duplicate(new)
    assert kept(copy) == kept(new) == ["1", "2"]
    trash.delete(new)
    assert kept(new) == []
    (snapshot_folder(copy) / "notes.txt").write_text("mine")
    assert kept(trash.restore()) == ["1", "2"]
    trash.delete(copy)
    # What is not its own stays
    assert kept(copy) == ["mine"]


def test_a_name_that_is_taken_is_refused_in_any_case(tmp_path: Path) -> None:
    first, second = make(tmp_path, "a", 1), make(tmp_path, "b", 2)
    before = first.read_bytes(), second.read_bytes()
    for name in ("b", "B", "b.safetensors"):
        with pytest.raises(StudioError, match="already"):
            rename(first, name)
    assert (first.read_bytes(), second.read_bytes()) == before


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        ".safetensors",
        "a/b",
        "..",
        "../x",
        "a\\b",
        "a:b",
        "a\0b",
        "a\nb",
        "con",
        "NUL.x",
        ".a",
        "a.",
        "x" * 101,
    ],
)
def test_names_that_not_every_system_takes_are_refused(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, "a")
    with pytest.raises(StudioError) as caught:
        rename(path, name)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert names(tmp_path) == ["a.safetensors"]


def test_renaming_what_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="Cannot rename"):
        rename(tmp_path / "gone.safetensors", "b")


def test_duplicates_get_free_names(tmp_path: Path) -> None:
    path = make(tmp_path, "a")
    made = [duplicate(path) for _ in range(3)]
    assert [copy.stem for copy in made] == ["a copy", "a copy 2", "a copy 3"]
    assert all(copy.read_bytes() == path.read_bytes() for copy in made)
    other = tmp_path / "deep" / "folder"
    assert [duplicate(path, other).stem for _ in range(2)] == ["a", "a copy"]
    assert names(other) == ["a copy.safetensors", "a.safetensors"]


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="Cannot copy"):
        duplicate(tmp_path / "gone.safetensors")
    assert names(tmp_path) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudioError, match="Cannot make the folder"):
        duplicate(make(tmp_path, "a"), tmp_path / "file" / "folder")


def test_what_is_deleted_comes_back_last_first(tmp_path: Path) -> None:
    folder, trash = tmp_path / "models", Trash(tmp_path / "trash")
    folder.mkdir()
    first, second = make(folder, "a", 1), make(folder, "b", 2)
    bytes_of = first.read_bytes()
    trash.delete(first)
    trash.delete(second)
    assert names(folder) == [] and trash.last == second
    assert trash.restore() == second
    make(folder, "a", 3)
    back = trash.restore()
    assert back.stem == "a restored" and back.read_bytes() == bytes_of
    assert trash.last is None
    with pytest.raises(StudioError, match="no deleted model"):
        trash.restore()


def test_two_of_one_name_can_be_deleted_and_the_trash_be_emptied(tmp_path: Path) -> None:
    folder, trash = tmp_path / "models", Trash(tmp_path / "trash")
    folder.mkdir()
    for seed in (1, 2):
        trash.delete(make(folder, "a", seed))
    assert len(list((tmp_path / "trash").rglob("*.safetensors"))) == 2
    trash.empty()
    assert list((tmp_path / "trash").rglob("*")) == [] and trash.last is None


@not_root
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder, trash = tmp_path / "models", Trash(tmp_path / "trash")
    folder.mkdir()
    path = make(folder, "a")
    folder.chmod(0o555)
    try:
        for act in (lambda: rename(path, "b"), lambda: duplicate(path), lambda: trash.delete(path)):
            with pytest.raises(StudioError, match="write-protected"):
                act()
    finally:
        folder.chmod(0o755)
    assert names(folder) == ["a.safetensors"]


def test_a_folder_that_cannot_be_written_is_told_to_root_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, "a")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for act in (lambda: rename(path, "b"), lambda: duplicate(path), lambda: Trash(tmp_path / "t").delete(path)):
        with pytest.raises(StudioError, match="write-protected"):
            act()


def test_a_checkpoint_is_found_by_its_sum(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "bad.safetensors").write_bytes(b"nothing")
    make(folder, "a", 1)
    wanted = make(folder, "b", 2)
    sha256 = read_heading(wanted).sha256
    for places in ([folder], [wanted], [tmp_path / "gone", folder, folder]):
        found = find_checkpoint(sha256, 0, places)
        assert found is not None and found[0] == wanted and found[1].tensors
    assert find_checkpoint(sha256, 0, [tmp_path / "gone"]) is None
    assert find_checkpoint("0" * 64, 0, [folder]) is None
    assert find_checkpoint("", 0, [folder]) is None


def test_a_run_is_found_by_the_sum_of_its_model(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run = save_checkpoint(path, make_run(make_flow()))
    model = digest({name: t for name, t in run.tensors.items() if name.startswith("model.")})
    assert model != run.sha256
    found = find_checkpoint(model, run.iteration, [tmp_path])
    assert found is not None and found[0] == path
    assert find_checkpoint(model, run.iteration + 1, [tmp_path]) is None


def test_a_reference_program_checkpoint_is_found_where_it_is_named(tmp_path: Path) -> None:
    path = GOLDEN / "official_checkerboard.pt"
    from dnf_studio.core.storage.reference_program import read_reference_checkpoint

    sha256 = read_reference_checkpoint(path).sha256
    found = find_checkpoint(sha256, 0, [tmp_path, path])
    assert found is not None and found[0] == path


def test_an_altered_checkpoint_is_not_taken(tmp_path: Path) -> None:
    path = make(tmp_path, "a")
    sha256 = read_heading(path).sha256
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert find_checkpoint(sha256, 0, [path]) is None
    assert replace(model_file(path), modified=0.0, bytes=0).sha256 == sha256


def test_a_name_too_long_to_copy_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 240}.safetensors"
    path.write_bytes(b"x")
    with pytest.raises(StudioError, match=r"^Cannot copy 'xxx[^\n]*too long[.]$"):
        duplicate(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_folder_that_no_system_has_is_one_sentence(name: str) -> None:
    with pytest.raises(StudioError, match="Cannot read the folder"):
        list_models(Path(name))
