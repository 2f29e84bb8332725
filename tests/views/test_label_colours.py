"""The labels' colours, read from the style sheet: text on them is legible, and colour-blind readers can tell them apart.

Contrast as WCAG 2.2 defines it. Colour vision as in Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for
Simulation of Color Vision Deficiency", severity 1. Distances in OKLab (Ottosson 2020), times 100.
"""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from playground.views.span_text import COLOURS

CSS = Path(__file__).resolve().parents[2] / "assets" / "css"
SIGHT = {
    "common": np.eye(3),
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
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def theme(name):
    """The variables of one theme."""
    block = re.search(r':root(\[data-theme="dark"\])? \{(.*?)\}', base()[name == "dark"], re.DOTALL)
    return dict(re.findall(r"--pg-([\w-]+): (#[0-9a-f]{6});", block.group(2)))


def base():
    light, dark = (CSS / "base.css").read_text().split(':root[data-theme="dark"]', 1)
    return light, ':root[data-theme="dark"]' + dark


def rgb(colour):
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


def linear(channels):
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    darker, lighter = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def seen(colour, sight):
    return _LAB @ np.cbrt(_LMS @ np.clip(sight @ linear(rgb(colour)), 0, 1))


def filled(colour, ground):
    """As the style sheet mixes a mark's ground."""
    share = int(re.search(r"\.pg-e \{\s*background: color-mix\(in srgb, var\(--label\) (\d+)%", cards()).group(1)) / 100
    return share * rgb(colour) + (1 - share) * rgb(ground)


def cards():
    return (CSS / "cards.css").read_text()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_and_label_on_every_mark_are_aa(name):
    colours = theme(name)
    for place in range(COLOURS):
        ground = filled(colours[f"label-{place}"], colours["surface"])
        assert contrast(rgb(colours["ink"]), ground) >= 7
        assert contrast(rgb(colours["soft"]), ground) >= 4.5  # the true label, where a mark is wrong
        assert contrast(rgb(colours[f"label-{place}"]), rgb(colours["surface"])) >= 3  # its line: WCAG 1.4.11
    assert contrast(rgb(colours["soft"]), rgb(colours["surface"])) >= 4.5
    assert contrast(rgb(colours["line-strong"]), rgb(colours["surface"])) >= 3  # what is dashed


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_colour_blind_readers_can_tell_the_lines_apart(name, sight):
    colours = [seen(theme(name)[f"label-{place}"], SIGHT[sight]) for place in range(COLOURS)]
    apart = {
        (one, other): 100 * np.linalg.norm(colours[one] - colours[other])
        for one, other in itertools.combinations(range(COLOURS), 2)
    }
    assert min(apart.values()) > 7.5
    assert min(distance for pair, distance in apart.items() if max(pair) < 6) > 9  # most tasks have no more labels


def test_a_mark_of_every_number_has_its_colour():
    sheet = (CSS / "base.css").read_text()
    for place in range(COLOURS):
        assert f".pg-l{place} {{ --label: var(--pg-label-{place}); }}" in sheet
    assert f"--pg-label-{COLOURS}:" not in sheet
