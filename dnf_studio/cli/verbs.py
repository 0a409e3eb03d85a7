"""The verbs of the command line, each a module of this package that typer hands the words after it."""

from __future__ import annotations

from importlib import import_module
from inspect import getdoc

from dnf_studio.errors import SettingError

VERBS = {
    "train": "fit a model to a data set",
    "fit-steps": "fit the few steps of a model to its data, into a checkpoint that has them",
    "sample": "draw samples into an HDF5 file",
    "evaluate": "measure a model: bound, entropy, sliced Wasserstein by steps",
    "inspect": "tell what a checkpoint, run or export holds",
    "report": "write one HTML file about models: settings, curves, samples, likelihoods, differences",
    "watch": "show a run of another machine live in the window, over your own ssh",
    "bench": "measure speed here, each number beside a reference run in turn",
    "datasets": "list the built-in data sets",
    "reproduce": "compare the kinds of model with equal budgets, in one sitting or many",
}

WITH = "Before the verb, --with FILE.py runs a file of yours that registers data sets, networks, solvers or models."


def run_verb(verb: str, words: list[str]) -> int:
    """Carry out `verb`, the function of that name, with _ for -, in the module of that name; its docstring adds to its
    help.

    Raises `SettingError` where `words` are not what it takes.
    """
    import typer
    from typer.main import get_command

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    name = verb.replace("-", "_")
    function = getattr(import_module(f"dnf_studio.cli.{name}"), name)
    text = "\n\n".join(filter(None, (_sentence(VERBS[verb]), getdoc(function))))
    app.command(help=text, epilog=WITH)(function)
    try:
        return get_command(app).main(words, prog_name=f"dnf-studio {verb}", standalone_mode=False) or 0
    except typer.TyperException as error:
        raise SettingError(_sentence(error.format_message().replace("Value error, ", ""))) from error


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
