"""Colours that mean different things stay apart under the three dichromacies, in both themes.

Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
Deficiency" (IEEE TVCG 2009), the matrices of severity 1.0, which act on linear RGB. Distances are
CIEDE2000 (Sharma, Wu and Dalal 2005), whose published pairs check the formula here.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme

MACHADO = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
APART = 10.0
"""Least CIEDE2000 distance; about 1 is just seen side by side, 10 at a glance."""
FAR_APART = 20.0
"""The same for forward and backward, which are told by colour wherever they lie over each other."""
Array = NDArray[np.float64]


def linear(colour: str) -> Array:
    parts = np.array(QColor(colour).getRgbF()[:3])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    xyz = TO_XYZ @ rgb / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(colour: str, deficiency: str) -> Array:
    """Lab of `colour` as it looks with `deficiency`."""
    return lab(np.clip(MACHADO[deficiency] @ linear(colour), 0, 1))


def ciede2000(first: Array, second: Array) -> float:
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, (1 + g) * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = 0.0 if grey else (h2 - h1 + 180) % 360 - 180
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = h1 + h2 if grey else (h1 + h2) / 2 if abs(h1 - h2) <= 180 else ((h1 + h2 + 360) / 2) % 360
    t = sum(
        weight * np.cos(np.radians(k * hm + shift))
        for weight, k, shift in ((1, 0, 0), (-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    turned = -np.sin(np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2)))) * 2 * np.sqrt(cm**7 / (cm**7 + 25**7))
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return float(np.sqrt(dl**2 + dc**2 + dh**2 + turned * dc * dh))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_ciede2000(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)
    assert ciede2000(np.array(second), np.array(first)) == pytest.approx(expected, abs=1e-4)


def test_simulated_greys_stay_grey() -> None:
    for deficiency in MACHADO:
        assert np.abs(seen("#808080", deficiency)[1:]).max() < 0.5


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_of_different_meaning_stay_apart(theme: Theme, deficiency: str) -> None:
    roles = {name: getattr(theme, name) for name in ("forward", "backward", "accent", "floor", "warning", "text")}
    for (a, first), (b, second) in itertools.combinations(roles.items(), 2):
        distance = ciede2000(seen(first, deficiency), seen(second, deficiency))
        least = FAR_APART if {a, b} == {"forward", "backward"} else APART
        assert distance >= least, (a, b, distance)


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_warning_is_told_from_a_caption_and_the_map_from_its_ground(theme: Theme, deficiency: str) -> None:
    assert ciede2000(seen(theme.warning, deficiency), seen(theme.muted, deficiency)) >= APART
    stops = [seen(stop, deficiency) for stop in theme.disagreement]
    for one, next_one in itertools.pairwise(stops):
        assert ciede2000(one, next_one) >= APART
    parts = [seen(part, deficiency) for part in theme.parts]
    for one, other in itertools.combinations([*parts, seen(theme.base, deficiency)], 2):
        assert ciede2000(one, other) >= FAR_APART
    for side in (stops[2:], stops[2::-1]):
        lightness = [stop[0] for stop in side]
        assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert ciede2000(stops[0], stops[-1]) >= FAR_APART and ciede2000(stops[1], stops[-2]) >= FAR_APART


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_colours_of_points_stay_apart(theme: Theme, deficiency: str) -> None:
    ground, chosen = seen(theme.base, deficiency), seen(theme.accent, deficiency)
    modes = [seen(colour, deficiency) for colour in theme.modes]
    assert len(modes) == 10
    for one, other in itertools.combinations(modes, 2):
        assert ciede2000(one, other) >= (2.3 if deficiency == "none" else 1.5) * APART
    for colour in modes:
        assert ciede2000(colour, ground) >= FAR_APART and ciede2000(colour, chosen) >= APART
    assert len(set(theme.curves)) == 6 and set(theme.curves) <= set(theme.modes)
    light = [float(linear(colour) @ TO_XYZ[1]) + 0.05 for colour in (theme.base, *theme.curves)]
    assert all(max(light[0], one) / min(light[0], one) >= 3 for one in light[1:]), "a thin line is seen"
    amounts = [seen(stop, deficiency) for stop in theme.amount]
    for one, next_one in itertools.pairwise([ground, *amounts]):
        assert ciede2000(one, next_one) >= APART
    lightness = [stop[0] for stop in amounts]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_angles_a_quarter_apart_are_told_apart_all_around(theme: Theme, deficiency: str) -> None:
    assert theme.cycle[0] == theme.cycle[-1]
    ring = [seen(colour, deficiency) for colour in colour_ramp(theme.cycle, 17)[:-1]]
    for place, colour in enumerate(ring):
        assert ciede2000(colour, seen(theme.base, deficiency)) >= 1.5 * APART
        assert ciede2000(colour, ring[(place + 4) % 16]) >= FAR_APART
        assert ciede2000(colour, ring[(place + 8) % 16]) >= 1.5 * FAR_APART


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_too_much_and_too_little_are_told_apart(theme: Theme, deficiency: str) -> None:
    low, less, middle, more, high = (seen(stop, deficiency) for stop in theme.divergence)
    assert ciede2000(low, high) >= APART and ciede2000(less, more) >= APART / 2
    for end, half in ((low, less), (high, more)):
        # Both ways the colour moves on from that of nothing
        assert ciede2000(end, middle) > ciede2000(half, middle) >= APART / 2


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_second_model_is_told_from_both_processes_of_the_first(theme: Theme, deficiency: str) -> None:
    second = seen(theme.second, deficiency)
    for name in ("forward", "backward", "base"):
        assert ciede2000(second, seen(getattr(theme, name), deficiency)) >= FAR_APART, name
    for name in ("accent", "text", "warning", "data"):
        assert ciede2000(second, seen(getattr(theme, name), deficiency)) >= APART, name
    for stops in (theme.forward_change, theme.backward_change):
        low, less, _, more, high = (seen(stop, deficiency) for stop in stops)
        assert ciede2000(low, high) >= FAR_APART and ciede2000(less, more) >= APART


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_two_halves_of_the_difference_leave_the_ground_evenly_and_apart(theme: Theme, deficiency: str) -> None:
    back, *_, ahead = stops = [seen(stop, deficiency) for stop in theme.difference]
    assert ciede2000(back, ahead) >= FAR_APART and ciede2000(stops[1], stops[3]) >= APART
    for half in (stops[:3], stops[:1:-1]):
        assert all(ciede2000(one, next_one) >= APART for one, next_one in itertools.pairwise(half))
        lightness = [stop[0] for stop in half]
        assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
