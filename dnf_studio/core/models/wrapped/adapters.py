"""From a network of a diffusion to a model, by what it predicts: score, noise or data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dnf_studio.core.models.wrapped.base import Units, checked_dim, checked_number, tensor_of, units_of
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.core.models.wrapped.coefficient import array_of
from dnf_studio.core.models.wrapped.diffusion import Predicts, WrappedDiffusion
from dnf_studio.core.models.wrapped.levels import Discrete, Exploding, NoisePath, VariancePreserving
from dnf_studio.errors import SettingError

KINDS = ("vp", "ve", "subvp")


def from_score(
    score: Callable[..., Any],
    *,
    dim: int,
    sde: Literal["vp", "ve", "subvp"] = "vp",
    beta_min: float = 0.1,
    beta_max: float = 20.0,
    sigma_min: float = 0.01,
    sigma_max: float = 50.0,
    t_start: float | None = None,
    steps: int = 100,
    mean: Units = 0.0,
    scale: Units = 1.0,
) -> WrappedDiffusion:
    """A diffusion model of your own score network in the convention of Song et al. 2021, as a model of the studio.

    `score` is ∇ ln p_t(x) for t from `t_start` to 1, where x_t = a x_0 + σ ε. With β = β_min + (β_max − β_min) t and
    B = ∫ β dt, for ``vp`` a² = e^−B and σ² = 1 − a², for ``subvp`` the same a and σ = 1 − a², and for ``ve`` a = 1 and
    σ = σ_min (σ_max/σ_min)^t. Reference: Song et al., "Score-Based Generative Modeling through Stochastic Differential
    Equations", ICLR 2021, arXiv:2011.13456, equation 29 and appendix C.

    Samples begin as N(0, I), of ``ve`` as N(0, σ_max² I). Of ``ve`` the studio carries x/√(1 + ρσ²) with
    ρ = 1 − 1/σ_max², which ends in N(0, I), over times in which g is constant; of ``subvp`` x times a number near 1.
    Marginals, ODE and λ are those of Song's SDEs.

    Parameters
    ----------
    score : callable
        s: called with x, a float tensor (B, D), and Song's t, a float tensor (B,), it returns (B, D); see `wrap`. A
        network that says −σ s or takes other labels than t needs a function around it.
    dim : int
        D, the number of components.
    sde : {"vp", "ve", "subvp"}
        How noise is added.
    beta_min, beta_max : float
        Of ``vp`` and ``subvp``.
    sigma_min, sigma_max : float
        Of ``ve``.
    t_start : float, optional
        The first t, where sampling ends: 0.001, of ``ve`` 0.00001, unless given.
    steps : int
        N of the model's own grid, which has short steps near the data.
    mean, scale : float or sequence
        What the network takes for data is (data − mean)/scale.

    Returns
    -------
    WrappedDiffusion
        A `GenerativeModel` with the solvers of a diffusion model.

    Raises
    ------
    SettingError
        With one sentence on what does not fit.

    Examples
    --------
    Of data N(0, 1/4):

    >>> import torch
    >>> import dnf_studio as dnf
    >>> def score(x, t):
    ...     kept = torch.exp(-(0.1 + 0.5 * 19.9 * t) * t)[:, None]
    ...     return -x / (1 - 0.75 * kept)
    >>> model = dnf.from_score(score, dim=1, sde="vp")
    >>> model.sample(10_000, steps=30, solver="heun").std().round(decimals=1)
    tensor(0.5000)
    >>> model.log_prob(torch.zeros(1, 1)).round(decimals=2)  # -ln(sqrt(2 pi)/2)
    tensor([-0.2300])
    """
    # Long by its docstring, which tells each parameter
    if sde not in KINDS:
        raise SettingError(f"The sde of a score is vp, ve or subvp, not {sde!r:.50}.")
    start = (1e-5 if sde == "ve" else 1e-3) if t_start is None else t_start
    first = checked_number("first time t_start", start, 0.0, 1.0)
    path: NoisePath
    if sde == "ve":
        low, high = _between(sigma_min, sigma_max)
        path = Exploding(low * (high / low) ** first, high, clock=low)
        adapter = {"sigma_min": low, "sigma_max": high}
    else:
        least, most = checked_number("β_min", beta_min), checked_number("β_max", beta_max)
        path = VariancePreserving(least, most, first, sde == "subvp")
        adapter = {"beta_min": least, "beta_max": most}
    settings = {"name": "from_score", "sde": sde, **adapter, "t_start": first}
    return _made(score, "score", "score", dim, path, {"steps": steps, "beta": 0.5 if sde != "ve" else 0.2},
                 settings, (mean, scale))  # fmt: skip


def from_epsilon(
    epsilon: Callable[..., Any],
    alphas_bar: ArrayLike | Tensor,
    *,
    dim: int,
    steps: int | None = None,
    mean: Units = 0.0,
    scale: Units = 1.0,
) -> WrappedDiffusion:
    """A diffusion model of your own noise prediction with discrete steps, as a model of the studio.

    `epsilon` is ε̂(x_k, k) = E[ε | x_k] of x_k = √ᾱ_k x_0 + √(1 − ᾱ_k) ε for k = 0 … K−1 (Ho, Jain and Abbeel,
    "Denoising Diffusion Probabilistic Models", NeurIPS 2020, arXiv:2006.11239, equations 4 and 14, whose steps 1 … T
    are counted from 0 here, as diffusers does with `alphas_cumprod`). The score is −ε̂/√(1 − ᾱ_k).

    In the studio's time ln ᾱ falls evenly, so that g is constant, and the last step is at 1. Its own grid has nodes at
    whole steps, and so has another N below K; between two of them, where the ODE needs it, ε̂ is joined linearly.
    Samples begin as N(0, I), and densities are those of this chain: with an ᾱ_{K−1} that is far from 0, as of the
    schedule ``scaled_linear`` of diffusers (0.0047), they are not quite those of the data however good ε̂ is. A schedule
    that ends at 0 (``rescale_betas_zero_snr``) is refused, since ε̂ says nothing of the data there.

    Parameters
    ----------
    epsilon : callable
        ε̂: called with x, a float tensor (B, D), and k, an int64 tensor (B,), it returns (B, D); see `wrap`.
    alphas_bar : array_like
        ᾱ_0 … ᾱ_{K−1}, falling, between 0 and 1: the running products of 1 − β_k.
    dim : int
        D, the number of components.
    steps : int, optional
        N of the model's own grid; 100, or K − 1 where there are fewer, unless given.
    mean, scale : float or sequence
        What the network takes for data is (data − mean)/scale.

    Returns
    -------
    WrappedDiffusion
        A `GenerativeModel` with the solvers of a diffusion model.

    Raises
    ------
    SettingError
        With one sentence on what does not fit.

    Examples
    --------
    Of data N(0, 1/4):

    >>> import torch
    >>> import dnf_studio as dnf
    >>> kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    >>> def epsilon(x, k):
    ...     a = kept[k].to(x)[:, None]
    ...     return (1 - a).sqrt() * x / (1 - 0.75 * a)
    >>> model = dnf.from_epsilon(epsilon, kept, dim=1)
    >>> model.sample(10_000, steps=30, solver="ddim").std().round(decimals=1)
    tensor(0.5000)
    >>> model.log_prob(torch.zeros(1, 1)).round(decimals=2)  # -ln(sqrt(2 pi)/2)
    tensor([-0.2300])
    """
    # Long by its docstring, which tells each parameter
    kept = array_of(alphas_bar)
    if kept is None or kept.ndim != 1 or len(kept) < 2:
        raise SettingError("The alphas_bar must be a list of two numbers or more, one for each step.")
    if not (np.isfinite(kept).all() and (kept > 0).all() and (kept < 1).all() and (np.diff(kept) < 0).all()):
        raise SettingError(
            "The alphas_bar must fall from step to step and lie between 0 and 1, as the running products of 1 − β do."
        )
    number = min(100, len(kept) - 1) if steps is None else steps
    adapter = {"name": "from_epsilon", "alphas_bar": kept.tolist()}
    return _made(epsilon, "epsilon", "noise", dim, Discrete(kept), {"steps": number}, adapter, (mean, scale))


def from_denoiser(
    denoiser: Callable[..., Any],
    sigma_min: float = 0.002,
    sigma_max: float = 80.0,
    *,
    dim: int,
    steps: int = 30,
    mean: Units = 0.0,
    scale: Units = 1.0,
) -> WrappedDiffusion:
    """A diffusion model of your own denoiser in the convention of EDM, as a model of the studio.

    `denoiser` is D(x; σ) = E[x_0 | x] of x = x_0 + σ ε with σ between `sigma_min` and `sigma_max`, so that the score is
    (D − x)/σ² (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", NeurIPS 2022,
    arXiv:2206.00364, equations 2 and 3). Samples begin as N(0, σ_max² I).

    The studio carries x/√(1 + ρσ²) with ρ = 1 − 1/σ_max², which ends in N(0, I), over times in which g is constant.
    Its own grid is that of Karras et al. (equation 5, ρ = 7), and its solver ``heun`` is their algorithm 1.

    Parameters
    ----------
    denoiser : callable
        D: called with x, a float tensor (B, D), and σ, a float tensor (B,), it returns (B, D); see `wrap`.
    sigma_min, sigma_max : float
        The least and the greatest noise.
    dim : int
        D, the number of components.
    steps : int
        N of the model's own grid.
    mean, scale : float or sequence
        What the network takes for data is (data − mean)/scale.

    Returns
    -------
    WrappedDiffusion
        A `GenerativeModel` with the solvers of a diffusion model.

    Raises
    ------
    SettingError
        With one sentence on what does not fit.

    Examples
    --------
    Of data N(0, 1/4):

    >>> import torch
    >>> import dnf_studio as dnf
    >>> def denoiser(x, sigma):
    ...     return x / (1 + 4 * sigma**2)[:, None]
    >>> model = dnf.from_denoiser(denoiser, dim=1)
    >>> model.sample(10_000, steps=18, solver="heun").std().round(decimals=1)
    tensor(0.5000)
    >>> model.log_prob(torch.zeros(1, 1)).round(decimals=2)  # -ln(sqrt(2 pi)/2)
    tensor([-0.2300])
    """
    # Long by its docstring, which tells each parameter
    low, high = _between(sigma_min, sigma_max)
    adapter = {"name": "from_denoiser", "sigma_min": low, "sigma_max": high}
    sde = {"steps": steps, "grid": "karras"}
    return _made(denoiser, "denoiser", "data", dim, Exploding(low, high), sde, adapter, (mean, scale))


def _between(sigma_min: object, sigma_max: object) -> tuple[float, float]:
    low, high = checked_number("σ_min", sigma_min), checked_number("σ_max", sigma_max)
    if not low < high:
        raise SettingError(f"The σ_min of the noise must be below its σ_max, and {low:g} is not below {high:g}.")
    return low, high


def _made(
    function: Callable[..., Any],
    name: str,
    predicts: Predicts,
    dim: int,
    path: NoisePath,
    sde: dict[str, Any],
    adapter: dict[str, Any],
    units: tuple[Units, Units],
) -> WrappedDiffusion:
    """The model of a network called `name` that predicts so, with its grid by the settings `sde`."""
    number = checked_dim(dim)
    called = Called(function, name, number, whole=isinstance(path, Discrete))
    ends = tensor_of([path.start, path.end])
    g = path.diffusion(ends).tolist()
    noise = {"g_start": g[0], "g_end": g[1], "linear": "beta"}
    first = float(path.levels(ends).signal[0])
    model = WrappedDiffusion(called, path, predicts, {**noise, **sde}, units_of(number, *units, first))
    told = [float(path.told(tensor_of([t]))) for t in (path.start, 0.5 * (path.start + path.end), path.end)]
    model.take(adapter, told)
    return model
