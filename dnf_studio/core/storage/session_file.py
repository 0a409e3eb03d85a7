"""Sessions, what a window showed: one JSON file, checked before anything is made of it (formats.md, "Sessions")."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

import dnf_studio
from dnf_studio.core.files import atomic_file, explain, refuse_source, source_size
from dnf_studio.errors import StudioError

FORMAT: Final = "dnf-studio-session"
VERSION: Final = 1
SUFFIX = ".dnfsession"
MOST_BYTES = 16 << 20
MOST_NOTES = 200_000
"""Letters of the notes."""

Word = Annotated[str, StringConstraints(max_length=100)]
Name = Annotated[str, StringConstraints(max_length=4096)]
"""A file or what names data: also a drawing, but for `Source`."""
Source = Annotated[str, StringConstraints(max_length=1 << 20)]
Sum = Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")]
Number = Annotated[int, Field(ge=-1, lt=2**63)]
Numbers = Annotated[tuple[Number, ...], Field(max_length=1_000_000)]
Pair = tuple[float, float]
Row = Annotated[tuple[float, ...], Field(max_length=10_001)]


class _Part(BaseModel):
    # Keys that a newer version has are kept apart, to be named and left out
    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


class ModelPlace(_Part):
    """Where a model is found again."""

    kind: Literal["bundled", "file", "untrained"]
    """``untrained``: it is made of the settings and their seed."""
    name: Name = ""
    """The name of a bundled model, or the path of a file: relative to the session's folder, or absolute."""
    sha256: Sum = ""
    """Sum of the model's tensors, as checkpoints have it; empty where it is not known."""


class Outline(_Part):
    """A region of a view, the fields of `core.sampling.region.Region`."""

    corners: Annotated[tuple[Pair, ...], Field(max_length=100_000)]
    axes: tuple[Row, Row]
    offset: Pair = (0.0, 0.0)
    names: tuple[Name, Name] = ("", "")


class View(_Part):
    """How the model is looked at: fields of the window's state by their names; what is missing is as usual."""

    steps: Number | None = None
    lam: float = 1.0
    last: Word = "noise"
    grid: Word | Row | None = None
    seed: Number = 0
    solver: Word | None = None
    langevin: Number = 0
    parts: Word = "both"
    start: Word = "noise"
    draft: Row = ()
    layers: Annotated[tuple[Word, ...], Field(max_length=100)] = ("paths", "points")
    field: Word = "used"
    field_style: Word = "arrows"
    heat: Word = "none"
    colouring: Word = "none"
    dots: tuple[Number, Number] = (100, 100)
    points: Number = 2_000
    contours: Word = "model"
    axes: tuple[Number, Number] = (0, 1)
    projection: Word = "images"
    pairs: Numbers = ()
    units: Word = "auto"
    comparing: Word = "split"
    part: Number = -1
    component: Number = 0
    selection: Numbers = ()
    region: Outline | None = None
    selection_of: Word = "forward"
    direction: Word = "forward"


class TimeAt(_Part):
    """The time cursor, and that of the training."""

    fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How far it is on the way in steps: 0 at the data, 1 at the noise."""
    playing: bool = False
    loop: bool = True
    iteration: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """The iteration of training that is looked back at; None for the model as it is now."""


class Layout(_Part):
    """How docks, bars and splitters of the window stand."""

    docks: Annotated[str, StringConstraints(max_length=1 << 18)] = ""
    """Base64 of Qt's state of docks and toolbars."""
    docks_sha256: Sum = ""
    """Sum of the text `docks`: Qt is given nothing that is damaged."""
    splitters: Annotated[dict[Word, Annotated[list[Number], Field(max_length=100)]], Field(max_length=100)] = {}
    tab: Word = ""
    """The page of settings in front."""
    plot: Word = ""
    """The plot in front of those that share a place."""

    @classmethod
    def of(cls, docks: str, splitters: dict[str, list[int]], tab: str, plot: str = "") -> Layout:
        """The layout of a window, with its sum."""
        return cls(docks=docks, docks_sha256=_sum(docks), splitters=splitters, tab=tab, plot=plot)

    @property
    def sound(self) -> bool:
        """Whether `docks` are as they were written."""
        return self.docks_sha256 == _sum(self.docks)


class SessionFile(_Part):
    """All that a session holds."""

    format: Literal["dnf-studio-session"]
    format_version: Literal[1]
    creator: Word = Field(default_factory=lambda: f"DNF Studio {dnf_studio.__version__}")
    model: ModelPlace
    export: Name = ""
    """The export whose samples were shown, a path like that of a model; empty for none."""
    config: dict[Word, Any]
    """The settings of the experiment (formats.md, section 3)."""
    files: dict[Literal["data", "validation", "test"], Name] = {}
    """Where the files are that settings name, written as a model's is."""
    fingerprint: Word = ""
    """The fingerprint of the data, as checkpoints have it; empty where it is not known."""
    view: View = View()
    cursor: TimeAt = TimeAt()
    layout: Layout | None = None
    compared: ModelPlace | None = None
    """The second model beside the first; how the two are shown is `View.comparing`."""
    curves: Annotated[tuple[ModelPlace, ...], Field(max_length=20)] = ()
    """Files of models that are compared by their curves."""
    notes: Annotated[str, StringConstraints(max_length=MOST_NOTES)] = ""


def read_session(path: Path) -> SessionFile:
    """What is in the file; raises `StudioError` where it is no session, damaged, or of a version yet to come."""
    if source_size(path, StudioError) > MOST_BYTES:
        raise StudioError(f"'{path.name}' is no session: it is larger than {MOST_BYTES >> 20} MiB.")
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise StudioError(f"Cannot read '{path}': {explain(problem)}.") from problem
    return parse_session(raw, path.name)


def parse_session(raw: bytes, name: str) -> SessionFile:
    """The session in the bytes of the file `name`; raises `StudioError` as `read_session` does."""
    try:
        return SessionFile.model_validate_json(raw)
    except ValidationError as error:
        raise StudioError(_fault(name, error)) from None


def _fault(name: str, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)
    places = {tuple(each["loc"]): each for each in first}
    if any(each["type"] == "json_invalid" for each in first):
        return f"'{name}' is no session, or it is cut off: it is not JSON."
    # JSON that is no object, or an object of something else
    if () in places or ("format",) in places:
        return f"'{name}' is no session of DNF Studio."
    if (version := places.get(("format_version",))) is not None:
        newer = isinstance(version["input"], int) and version["input"] > VERSION
        why = "was written by a newer DNF Studio; open it with that" if newer else "does not say its version"
        return f"'{name}' {why}."
    where = ".".join(str(part) for part in first[0]["loc"][:4])
    return f"The session '{name}' is damaged: '{where[:100]}' is not what it should be."


def write_session(path: Path, session: SessionFile, sources: tuple[Path, ...] = ()) -> None:
    """Write the file, whole or not at all; raises `StudioError`, also where it would replace one of the `sources`."""
    refuse_source(path, sources, StudioError)
    # Shape and sizes are those that `read_session` asks for
    text = session.model_dump_json(indent=1)
    try:
        SessionFile.model_validate_json(text)
    except ValidationError as error:
        raise StudioError(f"What is shown cannot be kept in a session: {_fault(path.name, error)}") from None
    if len(raw := text.encode()) > MOST_BYTES:
        raise StudioError(f"The session would be larger than {MOST_BYTES >> 20} MiB; choose fewer points.")
    with atomic_file(path, StudioError) as partial:
        partial.write_bytes(raw)


def newer_keys(part: BaseModel, before: str = "") -> list[str]:
    """Names of what this version does not know, with those of the parts that they are in."""
    found = [f"{before}{name}" for name in part.model_extra or {}]
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            found += newer_keys(value, f"{before}{name}.")
    return found


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
