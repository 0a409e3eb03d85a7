"""How samples are drawn: solver, λ, last step and parts."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

HELP = Help(
    "the solvers",
    "Ways to step from noise to data, on the same time grid and from the same latents. The SDE, its ODE and "
    "Heun’s steps of that are there for every pair of SDEs. A diffusion model, whose network predicts the noise ε̂ "
    "of x<sub>t</sub> = a<sub>t</sub> x<sub>0</sub> + σ<sub>t</sub> ε, has more, which step from t to an earlier s "
    "by its exact marginals and so stand fewer steps; y is the data it predicts. A flow has one: "
    "Runge–Kutta steps of its ODE dx = f dt [5].",
    (
        "<b>SDE</b>  dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄, Euler–Maruyama [1]",
        "<b>ODE</b>  dx = [f − ½ g² s] dt, Euler [1]",
        "<b>ancestral</b>  x<sub>s</sub> = E q(x<sub>s</sub> | x<sub>t</sub>, y) + noise, y = (x<sub>t</sub> − "
        "σ<sub>t</sub> ε̂) / a<sub>t</sub> [2]",
        "<b>DDIM</b>  x<sub>s</sub> = a<sub>s</sub> y + σ<sub>s</sub> ε̂, no noise [3]",
        "<b>Heun</b>  the ODE at second order, of a diffusion model as d(x/a) = ε̂ d(σ/a); two evaluations a step "
        "but the last [4]",
    ),
    "[1] Zhang and Chen 2021, arXiv:2110.07579, (12) and (17). [2] Ho, Jain and Abbeel 2020, arXiv:2006.11239, 3.2 "
    "and (7). [3] J. Song, Meng and Ermon 2021, arXiv:2010.02502, (12) with σ = 0. [4] Karras et al. 2022, "
    "arXiv:2206.00364, algorithm 1. [5] Grathwohl et al. 2019, arXiv:1810.01367, (4).",
    paper="",
)
