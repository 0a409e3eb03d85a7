"""`dnf.show` and `dnf.watch`: a window, in a program of its own, onto a model that a script holds."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dnf_studio.errors import SettingError
from dnf_studio.link.watch import Watch

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.training.run import Run


def watch(model: GenerativeModel | Run, data: object = None, *, title: str | None = None) -> Watch:
    """Open a window that follows a model while this program trains it.

    The window is a program of its own; what it shows it asks this one for, which steps the paths in a thread, by copies
    of the weights. The copies are made in `Watch.update`, with modules in eval mode and without
    gradients, so that the training is the same to the last bit as without a window. Callables in which no module is
    found are called in `Watch.update` instead. Once it shows a picture, the window has a lower priority than your
    script where the system lets it.

    Parameters
    ----------
    model : GenerativeModel or Run
        What `wrap`, `from_score` and the like make of your own networks, or a model or run of the studio.
    data : array_like, optional
        Rows (n, D) in data units: an array, tensor or DataFrame. Without any the model's own samples are shown.
    title : str, optional
        What the window says of where the model is; the name of the script unless given.

    Returns
    -------
    Watch
        Whose `update` belongs in the loop. Its window may be closed at any time; without a display none opens, which
        is said once, and everything goes on.

    Raises
    ------
    SettingError
        Where `model` is none.
    DataError
        Where `data` does not fit it.

    Examples
    --------
    >>> import torch
    >>> import dnf_studio as dnf
    >>> x, net = torch.randn(1000, 2), torch.nn.Linear(3, 2)
    >>> def velocity(x, t):
    ...     return net(torch.cat([x, t[:, None]], 1))
    >>> model = dnf.from_velocity(velocity, dim=2)
    >>> with dnf.watch(model, data=x) as window:  # doctest: +SKIP
    ...     for step in range(10_000):
    ...         loss = train_one_step(net, x)
    ...         window.update(step, loss=loss)
    """
    # Long by its docstring, which tells each parameter
    return _opened(model, data, title, follows=True)


def show(model: GenerativeModel | Run, data: object = None, *, block: bool = False, title: str | None = None) -> Watch:
    """Open a window on a model, as a program of its own, and go on at once.

    A model of the studio goes to the window whole. Of one of your own callables the window asks this program for what
    they say, so it can compute as long as this program runs; after that the last frames stay.

    Parameters
    ----------
    model : GenerativeModel or Run
        What `load`, `wrap`, `from_score` and the like return.
    data : array_like, optional
        Rows (n, D) in data units: an array, tensor or DataFrame. Without any the model's own samples are shown.
    block : bool
        Wait until the window is closed.
    title : str, optional
        What the window says of where the model is; the name of the script unless given.

    Returns
    -------
    Watch
        The window; its `wait` waits until it is closed.

    Raises
    ------
    SettingError
        Where `model` is none.
    DataError
        Where `data` does not fit it.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> window = dnf.show(dnf.load("diffflow-rings"))  # doctest: +SKIP
    """
    window = _opened(model, data, title, follows=False)
    if block:
        window.wait()
    return window


def _opened(model: object, data: object, title: str | None, follows: bool) -> Watch:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.training.run import Run

    found = model.flow if isinstance(model, Run) else model
    if not isinstance(found, GenerativeModel):
        raise SettingError(
            f"A window needs a model of the studio, such as dnf.load or dnf.wrap returns, not {type(model).__name__}."
        )
    return Watch(found, data, title or _script(), follows)


def _script() -> str:
    """What this program is called in the window."""
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-") else ""
    return "notebook" if "ipykernel" in sys.modules else name or "script"
