"""The colours of overlaid curves can be told apart, also by those who see fewer colours, and stand out on the paper."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from workbench import panels

# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, table 1, severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
PAPER = {"light": "#ffffff", "dark": "#111111"}


def linear(code):
    value = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB under D65 of linear sRGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = (to_xyz @ np.clip(rgb, 0, 1)) / (0.95047, 1.0, 1.08883)
    f = [v ** (1 / 3) if v > (6 / 29) ** 3 else v / (3 * (6 / 29) ** 2) + 4 / 29 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a, b):
    """WCAG 2.2, relative luminance."""
    light = sorted((linear(code) @ (0.2126, 0.7152, 0.0722) + 0.05 for code in (a, b)), reverse=True)
    return light[0] / light[1]


def palettes():
    style = (Path(panels.__file__).parent / "live.css").read_text("utf-8")
    rules = re.findall(r"^\.wb\.wb-live(\.wb-dark)? \{([^}]*)\}", style, re.MULTILINE)
    return {"dark" if dark else "light": re.findall(r"--wb-line\d: (#\w{6})", rule) for dark, rule in rules}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_six_runs_are_told_apart(theme, sight):
    colours = palettes()[theme]
    assert len(colours) == 6
    seen = {code: lab(np.array(SIGHT[sight]) @ linear(code)) for code in colours}
    apart = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(colours, 2)}
    closest = min(apart, key=apart.__getitem__)
    assert apart[closest] >= 24, (closest, apart[closest])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curves_stand_out_on_the_paper(theme):
    assert all(contrast(code, PAPER[theme]) >= 3 for code in palettes()[theme])
