"""Callables that can be evaluated without a trace: their modules stand in eval mode, beside those that a person trains.

A module in train mode draws from the global random numbers (dropout) and writes to itself (batch normalization), and
changing its mode for a moment would be seen by a training in another thread. So nothing of a person's is touched: a
twin is another module object with the same weights, not copies of them, in eval mode and without gradients. What a
training does to the weights in place the twin sees; what is done with the twin the training does not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn

Swap = Callable[[nn.Module], nn.Module]
Holding = (nn.Module, FunctionType, MethodType, partial)


class Source:
    """A callable as it was given, and the modules in it: itself, or what its function, closure or arguments name.

    It is the same in every copy of a model, which never copies what is a person's own.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.modules: list[nn.Module] = []
        self.swapped(self._found)

    def swapped(self, swap: Swap) -> Callable[..., Any]:
        """The callable with what `swap` makes of each module in its place."""
        made: Callable[..., Any] = _swapped(self.function, swap, {})
        return made

    def rebuilt(self, twins: list[nn.Module]) -> Callable[..., Any]:
        """The callable with `twins` in the place of `modules`."""
        of = {id(module): twin for module, twin in zip(self.modules, twins, strict=True)}
        return self.swapped(lambda module: of[id(module)])

    def _found(self, module: nn.Module) -> nn.Module:
        if not any(module is known for known in self.modules):
            self.modules.append(module)
        return module

    def __deepcopy__(self, _memo: dict[int, Any]) -> Source:
        return self


def twin_of(module: nn.Module, tensor: Callable[[Tensor], Tensor], known: dict[int, nn.Module]) -> nn.Module:
    """A module like `module` of what `tensor` makes of its parameters and buffers, in eval mode.

    What else it has as attributes is shared. `known` holds the twins that were made, so that a part that stands in two
    places has one.
    """
    if id(module) in known:
        return known[id(module)]
    if isinstance(module, torch.jit.ScriptModule):
        # Made of no Python attributes that could be exchanged
        return known.setdefault(id(module), copy.deepcopy(module).eval().requires_grad_(False))
    own = known[id(module)] = module.__class__.__new__(module.__class__)

    def part(value: Any) -> Any:  # noqa: ANN401 - an attribute of any kind
        if isinstance(value, nn.Module):
            return twin_of(value, tensor, known)
        if type(value) in (list, tuple) and any(isinstance(one, nn.Module) for one in value):
            return type(value)([part(one) for one in value])
        return copy.copy(value) if isinstance(value, dict) else value

    for name, value in vars(module).items():
        own.__dict__[name] = part(value)
    own.__dict__["training"] = False
    own.__dict__["_modules"] = {name: part(child) for name, child in module._modules.items()}
    own.__dict__["_parameters"] = {
        name: None if given is None else nn.Parameter(tensor(given), requires_grad=False)
        for name, given in module._parameters.items()
    }
    own.__dict__["_buffers"] = {
        name: None if given is None else tensor(given) for name, given in module._buffers.items()
    }
    return own


def _swapped(value: Any, swap: Swap, seen: dict[int, Any]) -> Any:  # noqa: ANN401 - whatever can be called
    """`value`, or a copy of it with other modules where it holds any."""
    if isinstance(value, nn.Module):
        return swap(getattr(value, "_orig_mod", value))
    if isinstance(value, MethodType):
        owner = _swapped(value.__self__, swap, seen)
        return value if owner is value.__self__ else MethodType(value.__func__, owner)
    if isinstance(value, partial):
        inner, given = _swapped(value.func, swap, seen), [_swapped(one, swap, seen) for one in value.args]
        return partial(inner, *given, **{name: _swapped(one, swap, seen) for name, one in value.keywords.items()})
    if isinstance(value, FunctionType):
        if id(value) not in seen:
            # Itself meanwhile, for a function that calls itself
            seen[id(value)] = value
            seen[id(value)] = _swapped_function(value, swap, seen)
        return seen[id(value)]
    if callable(value) and any(isinstance(one, Holding) for one in getattr(value, "__dict__", {}).values()):
        other = copy.copy(value)
        other.__dict__.update({name: _swapped(one, swap, seen) for name, one in vars(value).items()})
        return other
    return value


def _swapped_function(function: FunctionType, swap: Swap, seen: dict[int, Any]) -> FunctionType:
    """`function` with other modules in its closure, its defaults and the global names it uses."""
    names = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    held = {
        name: _swapped(one, swap, seen)
        for name, one in names.items()
        # Functions of libraries have modules of nobody's
        if isinstance(one, Holding) and (not isinstance(one, FunctionType) or one.__module__ == function.__module__)
    }
    cells = tuple(_swapped_cell(cell, swap, seen) for cell in function.__closure__ or ())
    defaults = tuple(_swapped(one, swap, seen) for one in function.__defaults__ or ())
    before = [*(names[name] for name in held), *(function.__closure__ or ()), *(function.__defaults__ or ())]
    if all(one is other for one, other in zip(before, [*held.values(), *cells, *defaults], strict=True)):
        return function
    scope = _Scope(function.__globals__, held)
    other = FunctionType(function.__code__, scope, function.__name__, defaults or None, cells or None)
    other.__kwdefaults__ = function.__kwdefaults__
    return other


class _Scope(dict[str, Any]):
    """The global names of a function as they are at the time, but for those that are `held`."""

    def __init__(self, names: dict[str, Any], held: dict[str, Any]) -> None:
        # Python looks for these two in the dictionary itself
        super().__init__({name: names[name] for name in ("__builtins__", "__name__") if name in names} | held)
        self._names = names

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - whatever is called so
        return self._names[name]


def _swapped_cell(cell: CellType, swap: Swap, seen: dict[int, Any]) -> CellType:
    try:
        held = cell.cell_contents
    except ValueError:
        return cell
    other = _swapped(held, swap, seen)
    return cell if other is held else CellType(other)


def _names(code: CodeType) -> set[str]:
    """The names that `code` and the functions written within it may look up."""
    inner = [_names(one) for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*inner)
