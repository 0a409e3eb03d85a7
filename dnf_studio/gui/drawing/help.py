"""What the plots' "?" says: a few sentences and the equation behind the picture, with its number in the paper."""

from __future__ import annotations

from dataclasses import dataclass

from dnf_studio.core.sde.solvers import SOLVERS

__all__ = ["HELP", "Help"]

SOURCE = "Zhang and Chen, “Diffusion Normalizing Flow”, NeurIPS 2021"


@dataclass(frozen=True)
class Help:
    """Help on one plot, as rich text."""

    about: str
    """What it is on: “Help on …”."""
    text: str
    equations: tuple[str, ...]
    """Each on a line of its own."""
    source: str
    """Which equations these are,"""
    paper: str = SOURCE
    """and of which paper; empty where `source` says it all."""


_STEP_FORWARD = (
    "x<sub>i+1</sub> = x<sub>i</sub> + f(x<sub>i</sub>, t<sub>i</sub>) Δ<sub>i</sub> "
    "+ g<sub>i</sub> √Δ<sub>i</sub> δF<sub>i</sub>"
)
_STEP_BACKWARD = (
    "x<sub>i</sub> = x<sub>i+1</sub> − [f − g²<sub>i+1</sub> s](x<sub>i+1</sub>, t<sub>i+1</sub>) Δ<sub>i</sub> "
    "+ g<sub>i+1</sub> √Δ<sub>i</sub> δB<sub>i</sub>"
)
_SOURCES = tuple(dict.fromkeys(one.source for one in SOLVERS))


def _solver_lines() -> tuple[str, ...]:
    """A line for each solver, with the number of its source."""
    return tuple(dict.fromkeys(f"{one.card} [{_SOURCES.index(one.source) + 1}]" for one in SOLVERS))


HELP = {
    "forward": Help(
        "the forward process",
        "Each point begins at the data, t<sub>0</sub>, and is carried to noise by a learnt drift f and random kicks "
        "of strength g. The time cursor shows where all points are, standardised: each component less the data’s mean, "
        "over its standard deviation; wheel and drag zoom both processes, a double click shows the whole again. "
        "The tools at the left choose points by a rectangle or a lasso, at any time; Shift adds to what is chosen, "
        "Ctrl takes away. Density colours how many points are where, over the data set "
        "as grey dots; the signed difference where one process has more than the other, beyond two standard "
        "deviations of chance, in shares of the densest place; the log-density is the model’s at t<sub>0</sub> by the "
        "probability flow v. The arrows of a field point the way it moves points from data to noise, those of the "
        "score up the log-density; their length goes with the root of the strength.",
        (
            "dx = f(x, t) dt + g(t) dw",
            _STEP_FORWARD,
            "log p(x) = log N(x(t<sub>N</sub>); 0, I) + ∫ ∇·v dt along dx/dt = v = f − ½ g² s",
        ),
        "(8), one step of it, (11), and the density of (17) with λ = 0",
    ),
    "backward": Help(
        "the backward process",
        "Each point begins as noise, t<sub>N</sub>, and is carried to a sample by the same drift, corrected by the "
        "learnt score s. λ scales its noise: 1 is the equation below, 0 the deterministic probability flow; other "
        "solvers step otherwise, as the “?” of the Sampling panel says. "
        "Density over the grey dots of the data set shows where the model lacks or exceeds data. "
        "The Sampling panel leaves out the score or the drift, to see what each does, or has each point start where "
        "the forward point of its number ended: the two are then a round trip, and a selection is one of both. "
        "The arrows of a field point the way it moves points from noise to data, those of the score up the "
        "log-density.",
        (
            "dx = [f(x, t) − g²(t) s(x, t)] dt + g(t) dw̄",
            _STEP_BACKWARD,
            "with λ:  dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄",
        ),
        "(9), one step of it, (12), and the family with the same marginals, (17)",
    ),
    "solver": Help(
        "the solvers",
        "Ways to step from noise to data, on the same time grid and from the same latents. Every pair of SDEs has "
        "those that step by f and s. A diffusion model, whose network predicts the noise ε̂ "
        "of x<sub>t</sub> = a<sub>t</sub> x<sub>0</sub> + σ<sub>t</sub> ε, has more, which step from t to an earlier s "
        "by its exact marginals and so stand fewer steps; y is the data it predicts. A flow has steps of its ODE.",
        _solver_lines(),
        " ".join(f"[{number}] {source}." for number, source in enumerate(_SOURCES, 1)),
        paper="",
    ),
    "time": Help(
        "paths over steps",
        "One component of the paths, one step after the other: data at the left, noise at the right. A well-trained "
        "model has both directions fill the same band at every step. A click or a drag moves the time cursor. A "
        "rectangle or a lasso drawn over the cursor chooses the points in it, one drawn elsewhere the paths that pass "
        "through it.",
        (_STEP_FORWARD, _STEP_BACKWARD),
        "(11) and (12)",
    ),
    "disagreement": Help(
        "disagreement by step",
        "By how much each backward step misses the reverse of the forward step: the divergence of the two, averaged "
        "over forward paths, 0 for a perfect model. The densities it needs are those of the probability-flow ODE, "
        "solved from every node, so that all bars add up to the bound of the chain of SDE steps, whatever solver "
        "draws the samples, minus the NLL of the ODE; whiskers are standard errors. Diamonds, in up to three "
        "dimensions, have densities by nearest neighbours instead and no model in them; one that is filled, or a bar "
        "below zero by more than its error, says that the ODE’s own density is off there. The chooser shows each "
        "step’s contribution to the bound instead, which is not 0 for a perfect model, and its three parts. A click "
        "goes to a step, a second one chooses its five worst points.",
        (
            "e<sub>i</sub> = ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) + D ln(g<sub>i+1</sub>/g<sub>i</sub>) + "
            "ln p<sub>i</sub>(x<sub>i</sub>) − ln p<sub>i+1</sub>(x<sub>i+1</sub>)",
            "excess<sub>i</sub> = mean of e<sub>i</sub> = KL(p<sub>F</sub>(x<sub>i</sub>|x<sub>i+1</sub>) ‖ "
            "p<sub>B</sub>(x<sub>i</sub>|x<sub>i+1</sub>)), nats",
            "δB<sub>i</sub> = (x<sub>i</sub> − x<sub>i+1</sub> + [f − g²<sub>i+1</sub> s](x<sub>i+1</sub>, "
            "t<sub>i+1</sub>) Δ<sub>i</sub>) / (g<sub>i+1</sub> √Δ<sub>i</sub>) = n + d + c",
            "contribution: mean of ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) = noise ratio ½(‖n‖² − ‖δF‖²) + drift "
            "change ½⟨d, δB + n⟩ + score ½⟨c, δB + n⟩",
            "prior = KL(p<sub>N</sub> ‖ N(0, I)); of the contributions −log N(x<sub>N</sub>; 0, I) + "
            "D log(g<sub>N</sub>/g<sub>0</sub>)",
        ),
        "(15) for δB; the contribution is a summand of the trajectory KL, (13)",
    ),
    "space-time": Help(
        "the space-time map",
        "The excess by step, taken apart by where the paths are: steps across, one component or the radius up. A "
        "cell has the colour of the mean log-ratio of its paths, and none where no path is. Grey is 0; in a purple "
        "patch the model goes back too seldom, in a green one too often. More and more paths are looked at. A click "
        "moves the time cursor.",
        (
            "cell = mean of e<sub>i</sub> over the paths with x<sub>i</sub> in it, nats",
            "e<sub>i</sub> = ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) + D ln(g<sub>i+1</sub>/g<sub>i</sub>) + "
            "ln p<sub>i</sub>(x<sub>i</sub>) − ln p<sub>i+1</sub>(x<sub>i+1</sub>)",
        ),
        "(15) for δB; the densities by the probability-flow ODE",
    ),
    "loss": Help(
        "the loss",
        "What training lowers: a bound on the negative log-likelihood of the standardised data at the N of training, "
        "in nats. The thin line is the mean of each batch, the strong one is smoothed. It cannot fall below the "
        "entropy of the data, the dashed line, where that is known; nor below the dotted one, since the last step adds "
        "noise g<sub>1</sub>√Δ<sub>0</sub> and can show nothing thinner. A continuous normalizing flow has no bound: "
        "it trains on an unbiased estimate of the exact likelihood. A validation split has a second curve, the same of "
        "rows that training never sees; a diffusion model's loss is no likelihood, so there it has its own scale.",
        (
            "−log p<sub>B</sub>(x<sub>0</sub>) ≤ E[ −log N(x<sub>N</sub>; 0, I) + "
            "Σ<sub>i</sub> ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) ] + D log(g<sub>N</sub> / g<sub>0</sub>)",
            "of a flow:  −log p(x<sub>0</sub>) = −log N(x<sub>T</sub>; 0, I) − ∫ ∇·f dt",
        ),
        "from (13); (16) is the same without the terms that have no gradient",
    ),
    "grid": Help(
        "time grid and g",
        "Each bar is one step: as wide and as high as the time Δ<sub>i</sub> it takes. The line is the noise "
        "strength g with its scale at the right. Another N or grid of the view leaves the model's own grid as an "
        "outline. A click moves the time cursor.",
        (
            "reference grid:  t<sub>i</sub> = (t<sub>0</sub><sup>β</sup> + (i/N) (T<sup>β</sup> − "
            "t<sub>0</sub><sup>β</sup>))<sup>1/β</sup>",
            "paper’s grid L<sub>β</sub>:  t<sub>i</sub> = t<sub>0</sub> + (i/N)<sup>β</sup> (T − t<sub>0</sub>)",
            "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>",
        ),
        "g and Δ as in (11) and (12)",
    ),
    "round-trip": Help(
        "the round trip",
        "Each point of the data is carried to noise and back, and has the colour of how far from itself it arrives. "
        "With fresh noise that is what its latent does not know: places that share latents come back mixed. With "
        "the probability flow it is the discretisation, with the implied noises rounding alone.",
        (
            "error = ‖y − x<sub>0</sub>‖, model units",
            _STEP_FORWARD,
            _STEP_BACKWARD,
            "probability flow:  dx = [f − ½ g² s] dt",
        ),
        "(11) there, (12) back; (15) for the implied noises, (17) with λ = 0 for the flow",
    ),
    "path error": Help(
        "the error of coarse paths",
        "Every N follows the same Brownian paths, so that only the length of the steps makes paths differ from those "
        "of the finest grid. Where noise does not depend on x the error falls as 1/N once steps are short enough: "
        "between logarithms a line that falls by 1 in 1. A curve that stays high has steps too long for what the "
        "fields do there.",
        (
            "error<sub>i</sub>² = mean over paths of ‖x<sub>i</sub><sup>N</sup> − x(t<sub>i</sub>)<sup>finest</sup>‖²",
            _STEP_FORWARD,
            _STEP_BACKWARD,
        ),
        "(11) and (12), or (17) for another λ",
    ),
    "quality": Help(
        "the distance of samples",
        "The sliced Wasserstein distance of samples to fresh data, in model units, less what chance makes of it; "
        "of exact samples it is as often negative as positive. The sets m, m′ of samples and d, d′ of data share no "
        "point, and every N has its own; bars are 95% intervals of D², the root taken last. A hollow point under the "
        "dashed line is not told apart from the data, and no better than another one. Where the curve turns flat more "
        "steps, or another λ, are of no use. Kept curves of other models stand beside it; a step of a DiffFlow takes "
        "two network evaluations, one of a diffusion model one.",
        (
            "D² = SWD²(m, d) − ½ [SWD²(m, m′) + SWD²(d, d′)], shown as sign(D²) √|D²|",
            "SWD² = mean over directions θ of W₂²(θ·m, θ·d)",
        ),
        "samples by (12), or by (17) for another λ",
    ),
    "grid-editor": Help(
        "the steps of the grid",
        "Each node is one step of the grid; drag it up for a longer step, down for a shorter one. Its neighbours give "
        "way, or with Shift all other steps do: together they always take the time T − t<sub>0</sub>. Left and Right "
        "choose a step, Up and Down change it. Dashed are the steps of the model’s own grid. Short steps follow the "
        "SDEs closer, and each adds less noise, which is drawn below.",
        (
            "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>,  Σ<sub>i</sub> Δ<sub>i</sub> = T − t<sub>0</sub>",
            "noise of a step = g<sub>i</sub> √Δ<sub>i</sub>",
        ),
        "g and Δ as in (11) and (12)",
    ),
    "marginals": Help(
        "the marginals",
        "At each step the sliced Wasserstein distance between all forward and all backward points, in model units. "
        "A well-trained model has it near the floor, the dashed line: what two sets of so many points of one "
        "distribution differ by on average; chance alone leaves the band at about one step in ten. A rise towards the "
        "data says where samples go astray. A click moves the time cursor.",
        (
            "SWD<sub>i</sub>² = mean over directions θ of W₂²(θ·x<sub>i</sub> forward, θ·x<sub>i</sub> backward)",
            "W₂² = mean of (a<sub>(k)</sub> − b<sub>(k)</sub>)² over the points, both sorted",
        ),
        "forward points by (11), backward points by (12), or by (17) for another λ",
    ),
    "score": Help(
        "the score",
        "At each step the score’s share of the backward drift: the mean length of its term beside that of f, at the "
        "forward points. A sound model has a curve without edges; between two edges the score, or the drift, is too "
        "strong or too weak, and the lengths at the cursor tell which. Dots are steps whose score is idle, below the "
        "dashed line: there λ changes next to nothing. A click moves the time cursor.",
        (
            "share<sub>i</sub> = mean ‖½(1 + λ²) g² s‖ / (mean ‖f‖ + mean ‖½(1 + λ²) g² s‖) "
            "at (x<sub>i</sub>, t<sub>i</sub>), i = 1 … N",
            "with λ = 1:  dx = [f − g² s] dt + g dw̄",
        ),
        "(9), and (17) for another λ",
    ),
    "outlier steps": Help(
        "the step that went wrong",
        "From its bad state each outlier is followed back towards the noise as long as it is out of what the forward "
        "process visits: farther from the nearest of many forward points at that step than 99.9% of other forward "
        "points are. The step that led into this last run of states gets the blame. “z”: the latent was out there "
        "already. Bar 0 is the last step: nothing was wrong before it. A click moves the time cursor.",
        (
            _STEP_BACKWARD,
            "d(x<sub>i</sub>) = min over forward points y<sub>i</sub> of ‖x<sub>i</sub> − y<sub>i</sub>‖",
            "out where not  d(x<sub>i</sub>) ≤ 99.9% quantile of d over other forward points",
        ),
        "(12), or (17) for another λ, against points by (11)",
    ),
    "outlier latents": Help(
        "the latents of the outliers",
        "The noise that each outlier began as, over the latents of all points of the views. A cluster is a region of "
        "the noise that the model carries to the wrong place; an even spread is something that can happen to any. "
        "Of data with one component the end of each path is drawn up. A click chooses one.",
        ("z = x<sub>N</sub> ~ N(0, I)",),
        "the prior of (13)",
    ),
}
"""Help by the topic of a plot."""
