"""The page on file formats names everything that the files hold, and nothing that they do not."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio.assets import checkpoint_path, resource
from dnf_studio.config import Config, flatten
from dnf_studio.config.model_kinds import DRIFT_DEFAULTS, MODEL_KINDS, NETWORK_DEFAULTS
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.toy2d import TOY_SETS
from dnf_studio.core.models.build import build_model
from dnf_studio.core.sampling.blocks import SampleBlock
from dnf_studio.core.sampling.region import Region
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan, Selection
from dnf_studio.core.storage.grid_presets import save_preset
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.storage.session_file import FORMAT, Layout, ModelPlace, Outline, SessionFile, View
from dnf_studio.core.training.step_unknowns import unfitted_rows
from tests.core.storage.files import split

PAGE = resource("guide", "formats.md").read_text(encoding="utf-8")
BUNDLED = "diffflow-digits", "diffusion-rings", "flow-rings"
"""One with a logit and images, one of each other kind."""
POINTS, STEPS = 12, 3
Row = list[str]


def part(*headings: str) -> str:
    """What stands below these headings, one within the other."""
    text = PAGE
    for level, heading in enumerate(headings, start=2):
        _, text = re.split(rf"^#{{{level}}} [^\n]*{re.escape(heading)}[^\n]*$", text, maxsplit=1, flags=re.MULTILINE)
        text = re.split(rf"^#{{2,{level}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return text


def tables(text: str) -> list[list[Row]]:
    """The rows of each table without its header."""
    found: list[list[Row]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
        found.append([[cell.strip("| ") for cell in row] for row in rows[2:]])
    return found


def names(rows: list[Row]) -> list[str]:
    """What is named in the first column."""
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])]


def code(text: str) -> str:
    """The example in Python."""
    return "".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))


def keys(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The names of values and of those within them; the members of lists share one."""
    for name, value in values.items():
        yield f"{before}{name}"
        if isinstance(value, Mapping):
            yield from keys(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield from (key for one in value if isinstance(one, Mapping) for key in keys(one, f"{before}{name}[]."))


def metadata_of(path: Path) -> dict[str, Any]:
    """The metadata of a checkpoint as values."""
    texts = split(path)[0]["__metadata__"]
    plain = ("format", "format_version", "creator", "kind", "sha256", "metadata_sha256")
    return {name: text if name in plain else json.loads(text) for name, text in texts.items()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run with all that one can hold: rows to validate on and left out, labels, a change, early stopping."""
    folder = tmp_path_factory.mktemp("run")
    rows = np.column_stack([np.random.default_rng(0).standard_normal((200, 2)), np.arange(200) % 2])
    rows[7, 0] = np.nan
    np.save(folder / "rows.npy", rows)
    config = Config.create(
        {
            "data": str(folder / "rows.npy"),
            "missing": "drop-rows",
            "label": "2",
            "sde": {"steps": 1, "backward_deviation": "fitted"},
            "network": {"layers": 1, "channels": 4, "features": 2},
            "training": {"batch": 4, "iterations": 50, "precision": "float32", "device": "cpu"},
        }
    )
    training = dnf.train(config)
    training.apply({"training.clip": 2.0})
    for _ in training:
        pass
    training.metrics["nll_bound"] = 1.0
    training.save(folder / "run.safetensors")
    return folder / "run.safetensors"


def bundled(name: str) -> Path:
    path = checkpoint_path(name)
    assert path is not None
    return path


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory, run: Path) -> Path:
    """An export of chosen points with every dataset."""
    checkpoint = read_checkpoint(run)
    flow, source = checkpoint.build(), np.random.default_rng(0)

    def numbers(*shape: int) -> np.ndarray:
        return source.standard_normal((POINTS, *shape)).astype(np.float32)

    ways, draws = (STEPS + 1, 2), (STEPS, 2)
    rows = numbers(2), numbers(2), numbers(*ways), numbers(*draws), numbers(*ways), numbers(*draws)
    block = SampleBlock(0, *rows, rows=np.arange(POINTS))
    plan = ExportPlan(POINTS, SampleSettings(steps=STEPS), trajectories=True, noise=True, log_prob=True, forward=True)
    plan = replace(plan, labels=True, region=Region(((0, 0), (1, 0), (0, 1)), ((1.0, 0.0), (0.0, 1.0))))
    path = tmp_path_factory.mktemp("export") / "samples.h5"
    chosen = Selection(tuple(range(POINTS)), 100, [block])
    for _ in export_samples(flow, path, plan, checkpoint, chosen, data=TOY_SETS[0]):
        pass
    return path


def test_metadata(run: Path) -> None:
    own, within = tables(part("Checkpoints", "Metadata"))
    found = [metadata_of(run), *(metadata_of(bundled(name)) for name in BUNDLED)]
    assert {frozenset(names(own))} == {frozenset(values) for values in found}
    seen = {key for values in found for key in keys({k: v for k, v in values.items() if k != "config"})}
    assert sorted(set(names(within))) == sorted(seen - set(names(own)))


def pattern(name: str) -> re.Pattern[str]:
    """What a name of tensors with placeholders stands for."""
    text = re.escape(name)
    text = text.replace("NETWORK", "(drift|score|noise)").replace("PLACE", r"(down|middle|up)\.\d+")
    return re.compile(
        re.sub(r"(\b|(?<=_))K(?=\b|_)", r"\\d+", text)
        .replace("PARAMETER", r"(drift|score|noise)\.[a-z_0-9.]+")
        .replace("PART", "[a-z_0-9.]+")
    )


def test_tensors(run: Path) -> None:
    image = ImageShape(8, 8, 1, 0, 17)
    small = Config.create({"sde": {"steps": 1}, "network": {"kind": "unet", "channels": 4}})
    unet = Checkpoint.of_model(build_model(64, small, image=image))
    few = build_model(2, Config.create({"model": "diffusion"}))
    few.take_fitted(2, unfitted_rows(few, few.grid(2)), copy.deepcopy(few.last_network))
    known = [pattern(name) for rows in tables(part("Checkpoints", "Tensors")) for name in names(rows)]
    found = {name for path in (run, *map(bundled, BUNDLED)) for name in read_checkpoint(path).tensors}
    found |= {*unet.tensors, *Checkpoint.of_model(few).tensors}
    assert [name for name in sorted(found) if not any(one.fullmatch(name) for one in known)] == []
    assert [one.pattern for one in known if not any(map(one.fullmatch, found))] == []


def test_the_reader_of_checkpoints(run: Path) -> None:
    reader: dict[str, Any] = {}
    exec(code(part("Checkpoints", "A reader")), reader)
    for path in (run, *map(bundled, BUNDLED)):
        metadata, tensors = reader["read"](path)
        flow = read_checkpoint(path).build()
        x = np.random.default_rng(0).standard_normal((5, metadata["dim"])).astype(np.float32)
        for name, network in flow.named_children():
            with torch.no_grad():
                ours = network(torch.from_numpy(x), torch.tensor(0.05)).numpy()
            assert reader["field"](tensors, name, x, 0.05) == pytest.approx(ours, rel=1e-3, abs=1e-3)
        texts = dict(split(path)[0]["__metadata__"])
        total = texts.pop("metadata_sha256")
        assert hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest() == total


def test_attributes_and_datasets_of_exports(export: Path) -> None:
    (attributes,), datasets = tables(part("Exports", "Root attributes")), tables(part("Exports", "Datasets"))
    arrays, others = datasets
    with h5py.File(export) as file:
        assert sorted(names(attributes)) == sorted(file.attrs)
        types = {"text": "str", "int8": "int8", "int32": "int32", "int64": "int64", "float64": "float64"}
        assert {name: type(value).__name__ for name, value in file.attrs.items()} == {
            row[0].strip("`"): types[row[1]] for row in attributes
        }
        found: dict[str, h5py.Dataset] = {}
        seen: set[str] = set()

        def look(name: str, part: h5py.Dataset | h5py.Group) -> None:
            seen.update(part.attrs)
            if isinstance(part, h5py.Dataset):
                found[name] = part

        file.visititems(look)
        assert sorted(names(arrays)) == sorted(found)
        assert sorted(names(others)) == sorted(seen)
        for name, kind, *_ in arrays:
            array = found[name.strip("`")]
            if kind == "JSON text":
                assert array.shape == () and isinstance(json.loads(array[()]), dict)
                continue
            numbers, _, shape = kind.partition(" (")
            if numbers == "texts":
                assert h5py.check_string_dtype(array.dtype).encoding == "utf-8"
                continue
            expected = {"float32": "<f4", "int32": "<i4", "big-endian float32": ">f4", "int64": "<i8", "uint8": "|u1"}
            lengths = {"n": POINTS, "N": STEPS, "D": 2, "K": 5, "B": 1, "min": min}
            assert array.dtype == np.dtype(expected[numbers.strip()]), name
            assert array.shape == eval(f"({shape[:-1]},)", lengths), name


def test_provenance_of_exports(export: Path) -> None:
    text = part("Exports", "Provenance")
    (sampling,) = tables(text)
    listed = set(re.findall(r"`([^`]+)`", text.partition("\n\n`provenance/sampling`")[0])) - {"provenance/checkpoint"}
    with h5py.File(export) as file:
        assert sorted(names(sampling)) == sorted(keys(json.loads(file["provenance/sampling"][()])))
        assert listed == set(json.loads(file["provenance/checkpoint"][()]))
        assert Config.create(json.loads(file["provenance/config"][()]))


def test_the_reader_of_exports(export: Path) -> None:
    read: dict[str, Any] = {"path": export}
    exec(code(part("Exports", "Provenance")), read)
    assert read["first"].shape == (POINTS, 2) and len(read["names"]) == 2 and read["sampling"]["count"] == POINTS


def test_settings_and_their_defaults() -> None:
    rows, others = tables(part("Settings"))
    defaults = flatten(json.loads(Config().to_json()))
    assert {row[0].strip("`"): json.loads(row[2].strip("`")) for row in rows} == defaults
    told: dict[tuple[str, str], Any] = {}
    for where, setting, value in others:
        told[next(iter(re.findall(r'"(\w+)"', where))), setting.strip("`")] = json.loads(value.strip("`"))
    own = {**{name: kind.defaults for name, kind in MODEL_KINDS.items()}, **NETWORK_DEFAULTS, **DRIFT_DEFAULTS}
    differing = {
        (kind, name): value
        for kind, groups in own.items()
        for name, value in flatten(groups).items()
        if value != defaults[name]
    }
    assert told == differing


def test_ranges_of_settings() -> None:
    signs = {"ge": "{:d} …", "gt": "above {:d} …", "le": "{:d}", "lt": "below {:d}"}
    rows = {row[0].strip("`"): row[3].replace("2⁶³", str(2**63)) for row in tables(part("Settings"))[0]}
    checked = 0
    for prefix in ("sde", "network", "training"):
        for name, field in type(getattr(Config(), prefix)).model_fields.items():
            limits = [(sign, getattr(rule, sign)) for rule in field.metadata for sign in signs if hasattr(rule, sign)]
            if limits:
                told = " ".join(signs[sign].format(int(limit)) for sign, limit in limits)
                assert rows[f"{prefix}.{name}"] == told
                checked += 1
    assert checked > 15


def test_settings_as_toml() -> None:
    tree = tomllib.loads(Config.create({"validation": "a.csv", "data": "b.csv", "label": "kind"}).to_toml())
    named = {row[0].strip("`") for row in tables(part("Settings"))[0]}
    assert named - set(flatten(tree)) == {"test", "training.seconds", "sde.beta_few"} and set(flatten(tree)) <= named


def test_time_grids(tmp_path: Path) -> None:
    (rows,) = tables(part("Time grids"))
    values = json.loads(save_preset(tmp_path, "mine", (0.0, 0.25, 1.0)).path.read_text())
    assert sorted(names(rows)) == sorted(values)
    assert values["format"] in rows[0][2] and values["version"] == 1


def test_sessions() -> None:
    outline = Outline(corners=((0, 0),) * 3, axes=((1, 0), (0, 1)))
    session = SessionFile(
        format=FORMAT,
        format_version=1,
        model=ModelPlace(kind="untrained"),
        config={},
        view=View(region=outline),
        layout=Layout.of("", {}, ""),
    )
    assert set(names(tables(part("Sessions: "))[0])) == set(keys(session.model_dump()))
