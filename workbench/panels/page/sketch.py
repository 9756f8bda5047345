"""Drawings that need no script: a line chart as SVG, a matrix as PNG. They stand in where no widget is drawn."""

import base64
import struct
import zlib
from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

_INKS = ("#3b5bdb", "#c25e00", "#2b8a3e", "#c92a2a", "#5f6773")
_WIDE, _TALL, _LEFT = 640, 200, 48


def line_chart(curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> str:
    """Curves over steps as an SVG element; names are escaped, what is not finite is left out."""
    drawn = {name: (x[np.isfinite(y)], y[np.isfinite(y)]) for name, (x, y) in curves.items()}
    drawn = {name: (x, y) for name, (x, y) in drawn.items() if len(x)}
    if not drawn:
        return ""
    x0, x1 = min(x[0] for x, _ in drawn.values()), max(x[-1] for x, _ in drawn.values())
    low, high = min(y.min() for _, y in drawn.values()), max(y.max() for _, y in drawn.values())
    wide, tall = (x1 - x0) or 1.0, (high - low) or 1.0
    lines: list[str] = []
    for i, (name, (x, y)) in enumerate(drawn.items()):
        across, down = _LEFT + (x - x0) / wide * (_WIDE - _LEFT - 8), 8 + (high - y) / tall * (_TALL - 40)
        points = " ".join(f"{a:.1f},{d:.1f}" for a, d in zip(across, down, strict=True))
        ink = _INKS[i % len(_INKS)]
        lines.append(f'<polyline fill="none" stroke="{ink}" stroke-width="1.5" points="{points}"/>')
        lines.append(f'<text x="{_LEFT + 120 * (i % 5)}" y="{_TALL - 4}" fill="{ink}">{escape(name)}</text>')
    axis = (
        f'<text x="0" y="16">{high:.3g}</text><text x="0" y="{_TALL - 30}">{low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_TALL - 18}">step {x0:.0f}</text>'
        f'<text x="{_WIDE - 8}" y="{_TALL - 18}" text-anchor="end">step {x1:.0f}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_TALL}" width="{_WIDE}" height="{_TALL}" '
        f'font-size="11" font-family="sans-serif" fill="currentColor" role="img">{axis}{"".join(lines)}</svg>'
    )


def png(image: NDArray[np.uint8]) -> bytes:
    """A PNG of a grey (rows, columns) or an RGB (rows, columns, 3) image: PNG specification, section 5."""
    rows, columns = image.shape[:2]
    colour = 2 if image.ndim == 3 else 0  # noqa: PLR2004 - a third axis holds the colours
    flat = np.ascontiguousarray(image, dtype=np.uint8).reshape(rows, -1)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), flat], axis=1)  # filter 0 before every line

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines.tobytes()))
        + chunk(b"IEND", b"")
    )


def picture(image: NDArray[np.uint8], label: str, zoom: int = 1) -> str:
    """An image as an ``img`` element that carries its own pixels."""
    data = base64.b64encode(png(image)).decode("ascii")
    wide = image.shape[1] * zoom
    look = f'width="{wide}" style="image-rendering:pixelated"'
    return f'<img alt="{escape(label)}" {look} src="data:image/png;base64,{data}"/>'
