"""The settings of a run by the names that the command line gives them, for it and for scripts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.errors import SettingError, StudioError, UnknownNameError
from dnf_studio.plugins import HOW

WORDS = (
    (HOW, "run or import it before"),
    (", or in the window with 'Missing values'", ""),
    (", or in the window with 'Drop constant columns'", ""),
    ("--drop-constant", "drop_constant=True"),
    ("--missing drop-rows", "missing='drop-rows'"),
    ("--missing drop-columns", "missing='drop-columns'"),
    ("choose others with FILE::column,column", "choose others of it"),
    ("choose those with FILE::column,column", "choose those of it"),
    ("choose columns with FILE::column,column", "choose columns of it"),
    ("FILE::column,column", "others of its columns"),
    ("--no-ode", "ode=False"),
)
"""What an error says for the command line, and what a script writes instead."""
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
"""Any other option."""


@contextmanager
def in_python() -> Iterator[None]:
    """Within it errors name the arguments of a call where they would name options of the command line."""
    try:
        yield
    except StudioError as error:
        told = str(error)
        for words, instead in WORDS:
            told = told.replace(words, instead)
        told = OPTION.sub(lambda found: f"{found[1].replace('-', '_')}=", told)
        error.args = (told, *error.args[1:])
        raise


@cache
def _names() -> Mapping[str, str]:
    """Each setting's own name, and what it is called in a `Config`: its group before it."""
    found: dict[str, str] = {}
    for name, one in Config.model_fields.items():
        inner = getattr(one.annotation, "model_fields", None)
        found |= {name: name} if inner is None else {leaf: f"{name}.{leaf}" for leaf in inner}
    return found


def settings_named(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` by dotted names; a group of settings and names that have dots already are taken as they are.

    Raises `UnknownNameError` with the nearest name for one that there is none of.
    """
    names = _names()
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if name in names:
            changes[names[name]] = value
        elif name in Config.model_fields or name in names.values():
            changes[name] = value
        else:
            raise UnknownNameError("setting", name, {*names, "freeze", "noise", "threshold", "blur", "config"})
    return changes


def setting_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `options` change in a `Config`, those that are None left out.

    Beside the settings by their names: ``freeze="drift"``, and of a picture ``threshold`` and ``blur``. Of iterations
    and seconds only one can be given, which decides when the run ends. Raises `SettingError` for what does not go
    together.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if {"iterations", "seconds"} <= given.keys():
        raise SettingError("Give --iterations or --seconds, not both.")
    freeze, drift = given.pop("freeze", None), given.get("drift")
    if freeze is not None:
        if freeze != "drift":
            raise SettingError(f"Only the drift can be frozen, with --freeze drift, not {freeze!r}.")
        if drift not in (None, "frozen"):
            raise SettingError(f"Give --freeze drift or --drift {drift}, not both.")
        given["drift"] = "frozen"
    if "data" in given or {"threshold", "blur"} & given.keys():
        given["data"] = _data(given.get("data"), given.pop("threshold", None), given.pop("blur", None))
    changes = settings_named(given)
    if "iterations" in given:
        changes["training.seconds"] = None
    return changes


def _data(data: str | None, threshold: float | None, blur: float | None) -> str:
    """`data`, with the settings of a picture where there are any."""
    from dnf_studio.core.data.naming import with_settings

    if data is None:
        raise SettingError("--threshold and --blur are settings of a picture; name it with --data.")
    return data if threshold is None and blur is None else with_settings(data, threshold, blur)


def settings_file(word: str) -> Path:
    """The file of settings that `word` is or names; raises `UnknownNameError` for a name that none bear."""
    file, bundled = Path(word), assets.preset_path(word)
    # A folder is no settings: one called digits, of what was made of them, does not hide the preset
    if bundled is not None and not os.path.isfile(word):
        return bundled
    # The name of bundled settings is no file and looks like none
    if os.path.exists(word) or file.name != word or file.suffix:
        return file
    raise UnknownNameError("preset", word, assets.preset_names())
