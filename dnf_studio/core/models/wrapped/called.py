"""A callable of x and t as a field of a model, evaluated without a trace and checked before it is used."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dnf_studio.core.models.wrapped.twins import Source, twin_of
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.errors import SettingError, UnsupportedError

ROWS = 2048
PROBED = 4
"""Points that a callable is tried at."""
SAME = 1e-3
"""Relative difference of two values that rounding may explain, unless a type is coarse."""
WHOLE = 1e-3
"""How near to a whole number a step must be to count as one: times in float32 hit it no better."""
FACTS = ("no_derivative", "constant", "kept_numbers", "multiply_adds")
"""What is found out of a callable by trying it."""


class Called(FieldNetwork):
    """The field `sign` · function(x, t) of a callable that takes x (B, D) and t (B,) and returns (B, D).

    It is called without gradients unless a derivative by x is asked for, outside of inference mode and autocast, with
    its modules in eval mode (`twins`), in the type of their weights or else in that of x. With `backwards` it is told
    1 − t. With `whole` it is told whole numbers t, int64; in between the values at both sides are joined.
    """

    value_rows: ClassVar[int] = ROWS

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        dim: int,
        sign: float = 1.0,
        backwards: bool = False,
        whole: bool = False,
    ) -> None:
        super().__init__()
        if not callable(function):
            raise SettingError(f"The {name} must be a callable of x and t, not {type(function).__name__}.")
        self.name, self.dim, self.sign, self.backwards, self.whole = name, dim, sign, backwards, whole
        self._source = Source(function)
        known: dict[int, nn.Module] = {}
        self.twins = nn.ModuleList([twin_of(one, Tensor.detach, known) for one in self._source.modules])
        self._function: Callable[..., Any] | None = None
        self.constant = False
        self._seen = 0.5
        self.no_derivative = ""
        """Why there is no derivative by x, as a sentence; empty where there is one."""

    @property
    def function(self) -> Callable[..., Any]:
        """The callable with the twins of its modules."""
        if self._function is None:
            # Past nn.Module, which would take a module for a part of its own
            self.__dict__["_function"] = self._source.rebuilt(list(self.twins))
        assert self._function is not None
        return self._function

    @property
    def weight(self) -> Tensor | None:
        """A weight of its modules, whose type and device are those it computes in; None where none is known."""
        return next((one for one in self.parameters() if one.is_floating_point()), None)

    @property
    def here(self) -> bool:
        """Whether it computes on the processor."""
        return self.weight is None or self.weight.device.type == "cpu"

    @cached_property
    def _kind(self) -> torch.dtype | None:
        """The type of `weight`."""
        weight = self.weight
        return None if weight is None else weight.dtype

    def train(self, mode: bool = True) -> Called:
        """Stay in eval mode."""
        return self

    @property
    def has_modules(self) -> bool:
        """Whether there are modules in it, whose weights can be copied."""
        return bool(self._source.modules)

    def __deepcopy__(self, memo: dict[int, Any]) -> Called:
        """Other weights in twins of the twins; what is a person's own is never copied."""

        def private(tensor: Tensor) -> Tensor:
            given = memo.get(id(tensor))
            return tensor.detach().clone() if given is None else given.detach()

        own = memo[id(self)] = self._like(self.twins, private)
        return own

    def renewed(self) -> Called:
        """A copy with copies of the weights that its modules have now, even where others have taken their place."""
        return self._like(self._source.modules, lambda tensor: tensor.detach().clone())

    def exchange(self, function: Callable[..., Any], facts: Mapping[str, Any]) -> None:
        """Call `function` from now on, which was tried elsewhere: `facts` are what was found out there, by `FACTS`."""
        self._source, self._function = Source(function), None
        self.twins = nn.ModuleList([twin_of(one, Tensor.detach, {}) for one in self._source.modules])
        self.__dict__.pop("_kind", None)
        self.__dict__.update({name: facts[name] for name in FACTS})

    @property
    def facts(self) -> dict[str, Any]:
        """What was found out of the callable, plain values by `FACTS`."""
        return {name: getattr(self, name) for name in FACTS}

    def _like(self, modules: Iterable[nn.Module], tensor: Callable[[Tensor], Tensor]) -> Called:
        """A copy with twins of `modules` of what `tensor` makes of theirs."""
        own = self.__class__.__new__(self.__class__)
        own.__dict__.update({name: copy.copy(value) for name, value in vars(self).items()})
        own.__dict__["_function"] = None
        own.__dict__.pop("_kind", None)
        known: dict[int, nn.Module] = {}
        own._modules = {"twins": nn.ModuleList([twin_of(one, tensor, known) for one in modules])}
        return own

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Called:
        """Go to another device, but never to another type, in which modules may have numbers that nobody knows of."""
        super()._apply(lambda tensor: fn(tensor).to(tensor.dtype), recurse)  # type: ignore[no-untyped-call]
        return self

    def begin_at_zero(self) -> None:
        raise UnsupportedError("A callable of your own is not trained here.")

    def embed_time(self, t: Tensor) -> Tensor:
        return t[:, None]

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        t = embedding.reshape(-1).expand(len(x))
        if self.backwards:
            t = 1 - t
        if not self.whole:
            value = self.value(x, t)
            return value if self.sign == 1 else value * self.sign
        near = t.round()
        t = torch.where((t - near).abs() < WHOLE, near, t)
        low, part = t.floor(), (t - t.floor())[:, None].to(x)
        value = self.value(x, low)
        if part.any():
            value = torch.lerp(value, self.value(x, low + 1), part)
        return value * self.sign

    def value(self, x: Tensor, t: Tensor) -> Tensor:
        """What the callable itself says at x (B, D) and t (B,) as it is told it, in the type of x."""
        graph, kind = torch.is_grad_enabled() and x.requires_grad, self._kind or x.dtype
        if graph and self.no_derivative:
            raise UnsupportedError(self.no_derivative)
        device = x.device.type
        # Entered at each value, a context costs as much as an operation on few points
        plain = torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
        with torch.inference_mode(False), torch.set_grad_enabled(graph), plain:
            points = x.to(kind, copy=True)
            value = self._checked(self.function(points, t.to(torch.int64 if self.whole else kind, copy=True)), points)
            if graph and not value.requires_grad:
                if not self.constant:
                    raise UnsupportedError(_without_graph(self.name))
                value = value + 0 * points
            return value if kind == x.dtype == value.dtype else value.to(x.dtype)

    def _checked(self, value: object, x: Tensor) -> Tensor:
        """`value`; raises `SettingError` where it is no field at x (B, D)."""
        wanted = f"The {self.name} must return a tensor of the shape {tuple(x.shape)} of its x"
        if not isinstance(value, Tensor):
            raise SettingError(f"{wanted}, not {type(value).__name__}.")
        if value.shape != x.shape:
            raise SettingError(f"{wanted}, not {tuple(value.shape)}.")
        if not value.is_floating_point():
            raise SettingError(f"The {self.name} must return real numbers of floating point, not {value.dtype}.")
        if value.device != x.device:
            raise SettingError(f"The {self.name} must return its values on {x.device}, where its x is, not on "
                               f"{value.device}.")  # fmt: skip
        return value

    def probe(self, times: Sequence[float]) -> None:
        """Try it at a few points and `times`, and note whether it has a derivative by x.

        Raises `SettingError` with one sentence for whatever is wrong; no global random number is used up.
        """
        weight, self._seen = self.weight, float(times[0])
        x = torch.randn(PROBED, self.dim, generator=torch.Generator().manual_seed(0))
        x = x if weight is None else x.to(weight)
        with torch.random.fork_rng(devices=[]):
            for time in times:
                self._probe_at(x, torch.tensor([float(time)], dtype=x.dtype, device=x.device))

    def _probe_at(self, x: Tensor, t: Tensor) -> None:
        with torch.no_grad():
            value, again, alone, other = (self._tried(points, t) for points in (x, x, x[:1], x + 0.5))
        told = f"at t = {float(self._told(t)):g}"
        if not value.isfinite().all():
            raise SettingError(f"The {self.name} gives numbers that are not finite {told}; begin later or end earlier.")
        size, same = float(value.abs().max()) or 1.0, max(SAME, 16 * torch.finfo(x.dtype).eps)
        if (value - again).abs().max() > same * size:
            raise SettingError(
                f"The {self.name} gives other values for the same points {told}; it must not draw random numbers, so "
                "put its network in eval mode, or hand over the network itself."
            )
        if (value[:1] - alone).abs().max() > same * size:
            raise SettingError(
                f"The {self.name} of a point depends on the other points of the batch {told}; put its network in eval "
                "mode, or hand over the network itself."
            )
        self.constant = bool((value - other).abs().max() <= 1e-6 * size)
        self.no_derivative = self.no_derivative or self._tried_derivative(x, t)

    def _told(self, t: Tensor) -> Tensor:
        return 1 - t if self.backwards else t

    def _tried(self, x: Tensor, t: Tensor) -> Tensor:
        try:
            return self.body(x, t)
        except SettingError:
            raise
        except Exception as problem:
            raise SettingError(
                f"The {self.name} cannot be called with x of shape {tuple(x.shape)} and t of shape {(len(x),)}: "
                f"{_first_line(problem)}."
            ) from problem

    def _tried_derivative(self, x: Tensor, t: Tensor) -> str:
        try:
            with torch.enable_grad():
                points = x.clone().requires_grad_()
                torch.autograd.grad(self.body(points, t).sum(), points)
        except UnsupportedError as problem:
            return str(problem)
        except Exception as problem:
            return f"{_without_graph(self.name)[:-1]} ({_first_line(problem)})."
        return ""

    @cached_property
    def kept_numbers(self) -> int:
        """About how many numbers autograd keeps of the evaluation at one point, weights apart; one at least."""
        if self.no_derivative:
            return 1
        own = {one.untyped_storage()._cdata for one in self.parameters()}
        kept: dict[int, int] = {}

        def note(values: Tensor) -> Tensor:
            kept[values.untyped_storage()._cdata] = values.untyped_storage().nbytes() // values.element_size()
            return values

        with torch.inference_mode(False), torch.enable_grad():
            x = self._one().requires_grad_()
            with torch.autograd.graph.saved_tensors_hooks(note, lambda values: values):
                graph = self.body(x, x.new_tensor([self._seen]))
        del graph
        return max(1, sum(count for storage, count in kept.items() if storage not in own))

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds of one evaluation at one point: of products of matrices, convolutions and attention."""
        from torch.utils.flop_counter import FlopCounterMode

        x = self._one()
        with torch.inference_mode(False), torch.no_grad(), FlopCounterMode(display=False) as counted:
            self.body(x, x.new_tensor([self._seen]))
        return int(counted.get_total_flops()) // 2

    def _one(self) -> Tensor:
        weight = self.weight
        zero = torch.zeros(1, self.dim)
        return zero if weight is None else zero.to(weight)


def _without_graph(name: str) -> str:
    return (
        f"The {name} has no derivative by x, so densities and divergences are not known; it must not run under "
        "torch.no_grad or leave torch."
    )


def _first_line(problem: Exception) -> str:
    words = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {words[0][:200].rstrip('.')}" if words else type(problem).__name__
