"""The door for solvers and kinds of model that somebody else has written, as `registering` is for data and networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dnf_studio import plugins
from dnf_studio.api.trial import SMALL, check_call, check_name, check_samples, counted, groups_of, run_small, tried
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import GROUPS, MODEL_KINDS, ModelKind, Objective
from dnf_studio.config.names import add_model, remove_model
from dnf_studio.core.sde.solvers import SOLVERS, Needs, Solver, solver_names
from dnf_studio.core.sde.solvers.record import NOT_EULER, without_noise
from dnf_studio.errors import PluginError

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel

T = TypeVar("T")


def register_solver(
    name: str,
    *,
    needs: Needs = "fields",
    order: int = 1,
    noise: bool = False,
    evaluations: Callable[[int], int] = lambda steps: steps,
    title: str = "",
    equation: str = "",
    source: str = "",
    unused: Mapping[str, str] | None = None,
) -> Callable[[T], T]:
    """Register a way to step from noise to data.

    Parameters
    ----------
    name
        Small letters, digits, ``-`` and ``_``; that of ``sample --solver``.
    needs
        What it asks of a model: ``fields``, a drift f and a score s; ``marginals``, the noise ε̂ of a diffusion model;
        ``drift``, that of a flow; ``velocity``, that of flow matching.
    order
        By which power of the step its error falls.
    noise
        Whether its steps draw noise; one without follows the probability-flow ODE.
    evaluations
        How often N steps evaluate each network.
    title, equation, source
        What lists and the "?" say of it: a few words, a sentence, a paper.
    unused
        Why ``lam``, ``last``, ``parts`` or ``langevin`` mean nothing to it, a sentence each; for one without noise all
        of them, unless given.

    Returns
    -------
    A decorator of its function, which takes a model, a grid (``t``, ``dt``, ``g``), λ, ``"mean"`` or ``"noise"`` for
    the last step, and the type of hidden layers or None, and returns a function of latents z (B, D) and of what gives
    the noise of step j (B, D), which yields the states of steps N … 0, z first, model units. What models have is told
    in ``dnf_studio/core/sde/solvers/record.py``.

    Raises
    ------
    PluginError
        Where the name is taken, or the states are not N + 1 of the shape (B, D).

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> @dnf.register_solver("plain-euler", title="Plain Euler", equation="dx = [f − ½ g² s] dt, by Euler’s steps.")
    ... def plain_euler(model, grid, lam, last, hidden=None):
    ...     drift, score = model.fields(grid, hidden)
    ...     def states(x, noise):
    ...         yield x
    ...         for i in range(grid.steps, 0, -1):
    ...             x = x - (drift(i, x) - 0.5 * grid.g[i] ** 2 * score(i, x)) * grid.dt[i - 1]
    ...             yield x
    ...     return states
    >>> dnf.load("diffflow-rings").sample(4, steps=3, solver="plain-euler").shape
    torch.Size([4, 2])
    """
    # Long by its docstring, which tells each parameter

    def register(sampler: T) -> T:
        check_name("solver", name, solver_names())
        if needs not in SMALL or not callable(sampler):
            raise PluginError(f"The solver '{name}' is to be a function and to need one of {', '.join(SMALL)}.")
        check_call("solver", name, sampler, "model", "grid", "lam", "last", "hidden")
        words = title or name
        solver = Solver(
            name=name,
            label=words,
            title=words,
            moved_by=f"steps of {words}",
            equation=equation or f"{words}, of a plug-in.",
            card=f"<b>{words}</b>  {equation or 'of a plug-in'}",
            source=source or "a plug-in",
            needs=needs,
            order=order,
            noise=noise,
            sampler=counted(name, sampler),
            evaluations=evaluations,
            unused=unused if unused is not None else NOT_EULER if noise else without_noise(f"{words} steps"),
        )
        tried(lambda: run_small(solver))
        SOLVERS.append(solver)
        plugins.add("solver", name, sampler, lambda: SOLVERS.remove(solver))
        return sampler

    return register


def register_model(
    name: str,
    *,
    words: str,
    objective: Objective,
    equations: str = "",
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    unused: Mapping[str, str] | None = None,
    refused: Sequence[tuple[str, Callable[[Any], bool], str]] = (),
) -> Callable[[type[T]], type[T]]:
    """Register a kind of model, the value of the setting ``model``.

    Parameters
    ----------
    name
        Small letters, digits, ``-`` and ``_``; that of ``train --model``. It becomes the class's ``kind``.
    words
        What it is, in a few words: "diffusion model".
    objective
        What it is trained on: ``bound``, ``noise``, ``likelihood`` or ``velocity``; a class is trained as that kind
        of the studio is whose methods it has.
    equations
        How it goes forward and back, as a sentence.
    defaults, unused, refused
        Settings whose default is another, by group; those without an effect, and why; those that it cannot have: a
        dotted name, which values, and why as the end of a sentence. What is not given is as of the kind that the class
        is derived from.

    Returns
    -------
    A decorator of a class of `GenerativeModel`, mostly derived from one of the kinds in ``dnf_studio/core/models``.

    Raises
    ------
    PluginError
        Where the name is taken, or the class makes no such model.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> from dnf_studio.core.models.diffusion import Diffusion
    >>> small = {"network": {"channels": 8, "layers": 1}}
    >>> @dnf.register_model("small-diffusion", words="small diffusion model", objective="noise", defaults=small)
    ... class SmallDiffusion(Diffusion):
    ...     pass
    >>> dnf.train("moons", model="small-diffusion", iterations=1, batch=8).fit(progress=False).words
    'small diffusion model'
    """
    # Long by its docstring, which tells each parameter
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.models.build import MODELS, build_model
    from dnf_studio.core.training.engine import ENGINES

    def register(model: type[T]) -> type[T]:
        check_name("model", name, MODEL_KINDS)
        if not (isinstance(model, type) and issubclass(model, GenerativeModel)) or objective not in ENGINES:
            raise PluginError(
                f"The model '{name}' is to be a class of GenerativeModel with the objective {' or '.join(ENGINES)}."
            )
        own = groups_of("model", name, defaults)
        kind = _derived(model, ModelKind(words, equations, objective, own, unused or {}, tuple(refused)))
        before = model.__dict__.get("kind")
        forget = partial(_forget, name, model, before)
        add_model(name, kind)
        MODELS[name], model.kind = model, name  # type: ignore[assignment]
        try:
            tried(lambda: check_samples(name, build_model(2, Config.create({"model": name}))))
        except BaseException:
            forget()
            raise
        plugins.add("model", name, model, forget)
        return model

    return register


def _forget(name: str, model: type[GenerativeModel], before: str | None) -> None:
    """Let `model` be no kind any more, and its own `kind` what it was `before`."""
    from dnf_studio.core.models.build import MODELS

    MODELS.pop(name, None)
    remove_model(name)
    if before is None:
        del model.kind
    else:
        model.kind = before  # type: ignore[assignment]


def _derived(model: type, own: ModelKind) -> ModelKind:
    """`own` on top of what holds for the kind that `model` is derived from, if it is."""
    kinds = (getattr(one, "kind", "") for one in model.__mro__[1:])
    base = next((MODEL_KINDS[kind] for kind in kinds if kind in MODEL_KINDS), ModelKind("", "", own.objective))
    return replace(
        own,
        equations=own.equations or base.equations,
        defaults={group: {**base.defaults.get(group, {}), **own.defaults.get(group, {})} for group in GROUPS},
        unused={**base.unused, **own.unused},
        refused=(*base.refused, *own.refused),
    )
