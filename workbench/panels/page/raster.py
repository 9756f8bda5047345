"""Pictures of a tab as pixels: a map enlarged, or lines of text where there is no map."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.optional import need

_SIDE = 480
"""pixels of the longer side that small maps are enlarged to"""
_MOST_LINES, _MOST_LETTERS = 200, 240


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small image with every pixel repeated, (rows, columns) or (rows, columns, 3)."""
    times = max(1, _SIDE // max(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def written(text: str) -> NDArray[np.uint8]:
    """Text as a grey image (rows, columns), black on white, in letters of equal width.

    The letters are those of Latin-1; others become question marks. Long text is cut.

    Raises:
        MissingExtraError: Pillow is not installed (extra ``data``).
    """
    need("PIL", extra="data", purpose="to draw text as PNG")
    from PIL import Image, ImageDraw, ImageFont

    spaced = text.expandtabs().replace("\N{NO-BREAK SPACE}", " ")  # which has no width in this font
    lines = [line[:_MOST_LETTERS] for line in spaced.splitlines()[:_MOST_LINES]]
    plain = "\n".join(lines).encode("latin-1", "replace").decode("latin-1")
    font = ImageFont.load_default_imagefont()
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((8, 8), plain, font=font)
    image = Image.new("L", (int(right - left) + 16, int(bottom - top) + 16), 255)
    ImageDraw.Draw(image).multiline_text((8, 8), plain, fill=0, font=font)
    return np.asarray(image, dtype=np.uint8).repeat(2, axis=0).repeat(2, axis=1)
