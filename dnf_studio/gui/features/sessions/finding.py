"""Reading a session, finding its files again, and opening the model it names. Runs in threads: it imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dnf_studio import api, assets
from dnf_studio.config import DATA_SETTINGS, Config
from dnf_studio.core.storage.session_file import SessionFile, newer_keys, read_session
from dnf_studio.core.storage.session_places import file_name, find, model_sum
from dnf_studio.errors import StudioError
from dnf_studio.gui.features.sessions.record import config_of, with_files
from dnf_studio.gui.workspace import opening
from dnf_studio.gui.workspace.opening import Opened


@dataclass(frozen=True)
class Found:
    """A session that was read, and where its files are now."""

    path: Path
    session: SessionFile
    named: dict[str, str]
    """Files that it names, by ``model``, ``export``, ``data``, ``validation``, ``test``, ``second`` and
    ``curve 0``, …."""
    files: dict[str, Path] = field(default_factory=dict)
    """Those that were found."""
    lost: tuple[str, ...] = ()
    """What could not be opened, as parts of a sentence."""

    @property
    def curves(self) -> list[tuple[str, Path, str]]:
        """Name, file and sum of the models that are compared by curves, as far as they are here."""
        bundled = [assets.checkpoint_path(place.name) for place in self.session.curves if place.kind == "bundled"]
        own = [path for what, path in self.files.items() if what.startswith("curve")]
        return [(path.stem, path, model_sum(path)) for path in (*bundled, *own) if path is not None]

    @property
    def missing(self) -> list[str]:
        """Those that were not found, apart from those of curves, which are not asked for."""
        return [what for what in self.named if what not in self.files and not what.startswith("curve")]

    def without(self, what: str, why: str) -> Found:
        """A copy that does not look for this file any more; `why` is said."""
        named = {name: file for name, file in self.named.items() if name != what}
        files = {name: file for name, file in self.files.items() if name != what}
        return replace(self, named=named, files=files, lost=(*self.lost, why))

    def at(self, what: str, path: Path) -> Found:
        """A copy where this file is at `path`; others that are missing are looked for beside it."""
        near = {name: there for name in self.missing if (there := find(file_name(self.named[name]), path.parent))}
        return replace(self, files=self.files | near | {what: path})


def read(path: Path) -> Found:
    """Read the session and look for its files; raises `StudioError` where it is none."""
    session = read_session(path)
    second = session.compared
    places = {
        "model": session.model.name if session.model.kind == "file" else "",
        "export": session.export,
        **session.files,
        "second": second.name if second is not None and second.kind == "file" else "",
        **{f"curve {number}": place.name for number, place in enumerate(session.curves) if place.kind == "file"},
    }
    named = {what: name for what, name in places.items() if name}
    files = {what: there for what, name in named.items() if (there := find(name, path.parent))}
    unknown = newer_keys(session)
    lost = [f"what a newer version wrote ({', '.join(unknown[:3])}{', …' if unknown[3:] else ''})"] if unknown else []
    return Found(path, session, named, files, tuple(lost))


def settings(found: Found) -> Config:
    """The settings of the session with its data where that is now; raises `SettingError`."""
    config, _unknown = config_of(found.session)
    return with_files(config, {name: path for name, path in found.files.items() if name in found.session.files})


def open_all(found: Found, others: Sequence[Path] = ()) -> tuple[Found, Opened]:
    """The model as `open_model` opens it, and the session, in which it is said where another file was given for the
    model that is compared."""
    second, file = found.session.compared, found.files.get("second")
    opened = open_model(found, others)
    if second is None or file is None or second.sha256 in ("", model_sum(file)):
        return found, opened
    other = f"the model compared as it was: {file.name} holds another one"
    return replace(found, lost=(*(why for why in found.lost if why != other), other)), opened


def open_model(found: Found, others: Sequence[Path] = ()) -> Opened:
    """The model, with the samples of the export where there is one; raises `StudioError`.

    The model of an export is looked for among `others`, too.
    """
    session, model = found.session, found.files.get("model")
    if session.export and "export" in found.files:
        near = [found.path.parent, *([] if model is None else [model])]
        return opening.open_any(str(found.files["export"]), Config(), [*near, *others])
    if session.model.kind == "bundled":
        if session.model.name not in assets.checkpoint_names():
            raise StudioError(f"There is no bundled model '{session.model.name}' in this version.")
        return opening.open_any(session.model.name, Config())
    if session.model.kind == "untrained" or model is None:
        return opening.untrained(settings(found))
    checkpoint = api.open_checkpoint(str(model))
    moved: dict[str, Path] = {name: path for name, path in found.files.items() if name in session.files}
    if moved and (config := with_files(checkpoint.config, _of_its_own(moved, checkpoint.config))) != checkpoint.config:
        checkpoint = replace(checkpoint, config=config)
    return replace(
        opening.show_checkpoint(checkpoint, model.name, model), source=str(model.absolute()), kind="checkpoint"
    )


def _of_its_own(moved: dict[str, Path], config: Config) -> dict[str, Path]:
    """Those of the moved files that are the model's own data, under whatever folder it knew them."""
    own = {name: getattr(config, name) for name in DATA_SETTINGS if name in moved}
    return {
        name: moved[name]
        for name, source in own.items()
        if source is not None and file_name(source.split("::")[0]) == moved[name].name
    }
