"""Training from a script: any data, settings by their names, and the run that comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dnf_studio.api.settings import in_python, setting_changes, settings_file
from dnf_studio.config import Config
from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.training.run import Run

NEEDED = "Say what to learn: an array, a DataFrame, a Dataset, or a name or file, such as dnf.train('rings')."


def train(x: Any = None, data: Any = None, *, config: Any = None, **settings: Any) -> Run:  # noqa: ANN401 - any data
    """Begin a run that learns `x`; `fit` trains it to its end, and iterating yields a report for each iteration.

    Parameters
    ----------
    x
        What to learn. An array (n, D), a list of rows or a tensor, in the units that samples will have; one dimension
        is one column. A DataFrame, whose columns keep their names. A Dataset of PyTorch, of whose items that are
        tuples the first part is learned. The name of a built-in set, or a file, as ``train --data`` takes them. Or a
        `Config`, whose own data is learned unless `data` says otherwise.
    data
        The same, for who has a `Config` in the first place or likes the name.
    config
        Settings to begin with: a `Config`, a file of settings, or one of the bundled ones such as ``"thin"``.
    **settings
        Any setting by its name on the command line or in a file of settings: ``steps``, ``iterations``, ``seconds``,
        ``batch``, ``precision``, ``device``, ``seed``, ``model``, ``drop_constant``, ``label``, ``missing``, ``noise``,
        ``freeze``, ``validation``, ``test``, ``learning_rate``, ``channels`` … What is None counts as not given.

    Returns
    -------
    Run
        Nothing is trained yet. A tenth of the rows is held out to measure on, and a tenth, where there are a hundred or
        more, to end by; the same rows as of a file with the same numbers.

    Raises
    ------
    StudioError
        In one sentence: for data that is no table of finite numbers, and for a setting that there is none of or that
        cannot be.

    Examples
    --------
    >>> import numpy as np
    >>> import dnf_studio as dnf
    >>> x = np.random.default_rng(0).normal(size=(500, 2)) * [1, 5]
    >>> run = dnf.train(x, steps=5, iterations=3, batch=64, device="cpu")
    >>> run.dataset.rows
    (378, 62, 60)
    >>> model = run.fit(progress=False)
    >>> tuple(model.sample(7).shape)
    (7, 2)
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.training.run import Run

    if isinstance(x, Config):
        x, config = data, _only(config, x, "the settings")
    else:
        x = _only(data, x, "the data")
    if isinstance(x, Mapping) or isinstance(config, Mapping):
        given = x if isinstance(x, Mapping) else config
        raise SettingError(f"A run needs a Config, such as Config.create({{...}}) makes, not {given!r:.100}.")
    if x is None and config is None:
        raise SettingError(NEEDED)
    with in_python():
        if isinstance(x, Dataset):
            return Run(_configured(config, settings), x)
        sources = {"data": source_of(x)} | {
            role: source_of(settings.pop(role, None)) for role in ("validation", "test")
        }
        chosen = _configured(config, settings | {role: source and str(source) for role, source in sources.items()})
        return Run(chosen, _opened(chosen, sources))


def _only(one: Any, other: Any, what: str) -> Any:  # noqa: ANN401 - any data
    """That of both which is given; raises `SettingError` where both are."""
    if one is not None and other is not None:
        raise SettingError(f"Give {what} once.")
    return other if one is None else one


def _configured(config: Any, settings: Mapping[str, Any]) -> Config:  # noqa: ANN401 - a person's argument, checked here
    """The settings in `config` with `settings` on top."""
    named = dict(settings)
    noise, label = named.pop("noise", None), named.get("label")
    if label is not None and not isinstance(label, str):
        named["label"] = str(label)
    if config is None or isinstance(config, Config):
        base = config or Config()
    elif isinstance(config, str | os.PathLike):
        base = Config.from_toml(settings_file(os.fspath(config)))
    else:
        raise SettingError(f"Settings are a Config or a file of them, not {config!r:.100}.")
    found = base.changed(setting_changes(named))
    return found if noise is None else found.changed(found.noise_changes(noise))


def source_of(x: Any, takes_missing: bool = True) -> str | None:  # noqa: ANN401 - any data
    """The name of `x`, which brings its rows along where they are no file's.

    Whoever takes no settings of missing values says of masked ones to leave out their rows.
    """
    from dnf_studio.core.data.memory import FILL, InMemory
    from dnf_studio.core.data.missing import DO_ALONE

    if x is None or isinstance(x, str):
        return x
    return os.fspath(x) if isinstance(x, os.PathLike) else InMemory.of(x, FILL if takes_missing else DO_ALONE)


def _opened(config: Config, sources: Mapping[str, str | None]) -> Dataset | None:
    """The data set, where some of its rows are held by this program; None where the settings say all."""
    from dnf_studio.core.data.catalogue import open_dataset
    from dnf_studio.core.data.memory import InMemory

    if not any(isinstance(source, InMemory) for source in sources.values()):
        return None
    return open_dataset(
        sources["data"] or config.data,
        config.drop_constant,
        sources["validation"] or config.validation,
        sources["test"] or config.test,
        missing=config.missing,
        label=config.label,
    )
