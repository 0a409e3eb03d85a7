"""Comments refer to sections of the page on the mathematics, each of which is there, and what it says is so."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import torch

import dnf_studio
from dnf_studio.assets import resource
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import dataset_infos
from dnf_studio.core.data.content_split import row_positions
from dnf_studio.core.models.build import MODELS
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.training.step_unknowns import unfitted_rows

PACKAGE = Path(dnf_studio.__file__).parent
ROOT = PACKAGE.parent
PAGE = "method.md"
ENDINGS = {".py", ".md", ".toml", ".qss", ".css", ".html"}
REFERENCE = re.compile(PAGE.replace(".", r"\.") + r",\s+section\s+(\d+)")
FORMER = re.compile("METHOD" + r"\s+\d")
"""How comments named a section of an older page, which is not part of the program."""


def texts() -> dict[Path, str]:
    """All text of the package, the tests, the resources and the checkpoints' page."""
    folders = "dnf_studio", "tests", "resources", "checkpoints"
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    return {path: path.read_text(encoding="utf-8") for path in [*files, *ROOT.glob("*.md")]}


def sections() -> list[int]:
    """The numbers of the page's sections, in order."""
    page = resource("guide", PAGE).read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"^## (\d+)\. \S", page, re.MULTILINE)]


def test_sections_are_numbered_in_order() -> None:
    assert sections() == list(range(1, len(sections()) + 1))


def test_every_section_that_is_referred_to_is_there() -> None:
    known = set(sections())
    found = {path: {int(n) for n in REFERENCE.findall(text)} for path, text in texts().items()}
    assert sum(map(len, found.values())) > 30
    assert {path: numbers - known for path, numbers in found.items() if numbers - known} == {}


def test_every_mention_in_the_package_names_a_section() -> None:
    code = {path: text for path, text in texts().items() if path.suffix == ".py" and path.is_relative_to(PACKAGE)}
    vague = {str(path): text.count(PAGE) - len(REFERENCE.findall(text)) for path, text in code.items()}
    assert {path: count for path, count in vague.items() if count} == {}


def test_no_comment_refers_to_the_page_before() -> None:
    assert [str(path) for path, text in texts().items() if FORMER.search(text)] == []


def rows_of(heading: str) -> list[list[str]]:
    """The cells of every table in the section whose heading ends so, header lines left out."""
    page = resource("guide", PAGE).read_text(encoding="utf-8")
    body = re.split(r"^## \d+\. ", page, flags=re.MULTILINE)
    section = next(part for part in body if part.partition("\n")[0].endswith(heading))
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_entropies_on_the_page_are_those_of_the_sets() -> None:
    rows = {name.split("`")[1]: entropy for name, _, entropy in rows_of("Data sets and their entropies")[1:]}
    drawn = {info.name: info.entropy for info in dataset_infos() if info.splits is None}
    told = {name: "–" if entropy is None else f"{entropy:.4f}".replace("-", "−") for name, entropy in drawn.items()}
    assert rows == told


def test_solvers_and_their_cost_are_those_of_the_models() -> None:
    rows = rows_of("noise level and last step")
    split = next(number for number, row in enumerate(rows) if row[0] == "model")
    named = {(row[0].strip("`"), model) for row in rows[1:split] for model in row[1].split(", ")}
    kinds = {name: kind(2) for name, kind in MODELS.items()}
    for model in kinds.values():
        model.take_fitted(10, unfitted_rows(model, model.grid(10)))
    assert named == {(solver.name, name) for name, model in kinds.items() for solver in model.solvers}
    head, *costs = rows[split:]
    for name, *cells in costs:
        for solver, cell in zip(head[1:], cells, strict=True):
            model = kinds[name]
            known = solver in [own.name for own in model.solvers]
            assert known == (cell != "–"), (name, solver)
            if known:
                formula = re.sub(r"(\d)N", r"\1*N", cell.replace("−", "-"))
                assert eval(formula, {"N": 7}) == model.evaluations(7, solver), (name, solver)


def test_numbers_of_parameters_on_the_page() -> None:
    page = resource("guide", PAGE).read_text(encoding="utf-8")
    for channels, features in ((128, 0), (128, 32), (183, 32)):
        count = sum(weight.numel() for weight in FourierMLP(2, 3, channels, features).parameters())
        assert f"{count:,}" in page


def test_positions_of_rows_are_as_the_page_says() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    rows[0, 0] = -0.0

    def position(row: np.ndarray) -> float:
        raw = (row + np.float32(0)).astype("<f4").tobytes()
        raw += bytes(-len(raw) % 8)
        h = 0x646E665F73706C74
        for word in struct.unpack(f"<{len(raw) // 8}Q", raw):
            h ^= word
            for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
                h = (h ^ (h >> shift)) * factor % 2**64
            h ^= h >> 31
        return (h >> 11) * 2.0**-53

    assert [position(row) for row in rows] == row_positions(rows).tolist()


def test_samples_are_seeded_as_the_page_says() -> None:
    torch.manual_seed(0)
    flow = DiffFlow(2, Config.create({"sde": {"steps": 2}, "network": {"layers": 1, "channels": 4}}))
    block = next(sample_blocks(flow, 1500, SampleSettings(seed=5), noise=True))
    source = np.random.Generator(np.random.PCG64(np.random.SeedSequence(5, spawn_key=(0, 1))))
    latents, first = (source.standard_normal((1024, 2), dtype=np.float32)[:476] for _ in range(2))
    assert block.noise is not None
    assert np.array_equal(block.latents[1024:], latents) and np.array_equal(block.noise[1024:, 0], first)
