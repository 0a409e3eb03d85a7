"""Hands the words after a verb to typer and the verb's own module."""

from __future__ import annotations

from importlib import import_module
from inspect import getdoc

import typer
from typer.main import get_command

from dnf_studio.cli import VERBS
from dnf_studio.errors import SettingError

__all__ = ["run"]


def run(verb: str, words: list[str]) -> int:
    """Carry out `verb`, the function of that name in the module of that name; its docstring adds to its help.

    Raises `SettingError` where `words` are not what it takes.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    function = getattr(import_module(f"dnf_studio.cli.{verb}"), verb)
    app.command(help="\n\n".join(filter(None, (_sentence(VERBS[verb]), getdoc(function)))))(function)
    try:
        return get_command(app).main(words, prog_name=f"dnf-studio {verb}", standalone_mode=False) or 0
    except typer.TyperException as error:
        raise SettingError(_sentence(error.format_message().replace("Value error, ", ""))) from error


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
