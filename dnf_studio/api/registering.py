"""The door for data sets and networks that somebody else has written; `registering_methods` has the one for methods.

What is registered is in the lists, commands and helps where its like is. Each function checks what it is given by
trying it once, small. A name that is taken is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio import plugins
from dnf_studio.api.trial import check_call, check_name, groups_of, tried
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import NetworkKind
from dnf_studio.config.names import add_network, names_of, remove_network

if TYPE_CHECKING:
    from dnf_studio.core.data.function_set import Draw
    from dnf_studio.core.networks.module_network import MakeNetwork


def register_dataset(
    name: str,
    *,
    title: str = "",
    mean: Sequence[float] | None = None,
    variance: Sequence[float] | None = None,
    entropy: float | None = None,
    version: int = 1,
) -> Callable[[Draw], Draw]:
    """Register a distribution that a function draws points of, as a data set of that name.

    Parameters
    ----------
    name
        Small letters, digits, ``-`` and ``_``.
    title
        What lists call it; its name unless given.
    mean, variance
        The exact ones, D numbers each, data units; measured from 65,536 points unless given.
    entropy
        The exact differential entropy in nats, data units; unknown unless given.
    version
        To be raised whenever the function draws others than before, so that old models do not take it for their data.

    Returns
    -------
    A decorator of the function, which takes a count and a `numpy.random.Generator` and returns points (count, D).

    Raises
    ------
    PluginError
        Where the name is taken, or the function does not return finite points (count, D).

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> @dnf.register_dataset("parabola", title="A parabola")
    ... def parabola(count, rng):
    ...     x = rng.normal(size=(count, 2))
    ...     x[:, 1] = 0.1 * x[:, 1] + x[:, 0] ** 2
    ...     return x
    >>> dnf.train("parabola", iterations=1, batch=8, channels=8).fit(progress=False).dim
    2
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.data.catalogue import SETS, names
    from dnf_studio.core.data.function_set import FunctionSet

    def register(draw: Draw) -> Draw:
        check_name("data set", name, names())
        check_call("data set", name, draw, "count", "rng")
        one = FunctionSet(name, title or name, draw, mean, variance, entropy, version)
        SETS.append(one)
        plugins.add("data set", name, draw, lambda: SETS.remove(one))
        return draw

    return register


def register_network(
    name: str,
    *,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    unused: Mapping[str, str] | None = None,
) -> Callable[[MakeNetwork], MakeNetwork]:
    """Register a kind of network for the fields of the models, the value of the setting ``network.kind``.

    Parameters
    ----------
    name
        Small letters, digits, ``-`` and ``_``.
    defaults
        Where it has other defaults than an mlp, by group: ``{"network": {"channels": 64}}``.
    unused
        Settings without an effect on it, and why in a sentence: ``{"network.features": "It has none."}``.

    Returns
    -------
    A decorator of what makes one: it takes D, the settings of the group ``network`` (``layers``, ``channels``,
    ``features``) and the size of images, or None where points are none, and returns a torch Module v(x, t) from x
    (B, D), model units, and t (B,) to (B, D). The value at a point must depend on that point alone. For data that it
    is not made for it raises `StudioError`. A module that is a `FieldNetwork` is taken as it is.

    Raises
    ------
    PluginError
        Where the name is taken, or what is made is no such module.

    Examples
    --------
    >>> import dnf_studio as dnf, torch
    >>> @dnf.register_network("two-layers", unused={"network.features": "It has no Fourier features."})
    ... class TwoLayers(torch.nn.Module):
    ...     def __init__(self, dim, settings, image):
    ...         super().__init__()
    ...         self.first = torch.nn.Linear(dim + 1, settings.channels)
    ...         self.last = torch.nn.Linear(settings.channels, dim)
    ...     def forward(self, x, t):
    ...         return self.last(self.first(torch.cat([x, t[:, None]], 1)).tanh())
    >>> run = dnf.train("moons", model="diffusion", kind="two-layers", iterations=1, batch=8)
    >>> run.fit(progress=False).config.network.kind
    'two-layers'
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.networks.module_network import MAKERS, made

    def register(make: MakeNetwork) -> MakeNetwork:
        check_name("network", name, names_of(NetworkKind))
        check_call("network", name, make, "dim", "settings", "image")
        own = groups_of("network", name, defaults)

        def forget() -> None:
            del MAKERS[name]
            remove_network(name)

        MAKERS[name] = make
        add_network(name, own, dict(unused or {}))
        try:
            tried(lambda: made(name, 2, Config.create({"network": {"kind": name}}).network, None))
        except BaseException:
            forget()
            raise
        plugins.add("network", name, make, forget)
        return make

    return register
