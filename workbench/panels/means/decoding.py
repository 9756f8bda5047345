"""The bytes of an uploaded picture, decoded within limits; nothing is written, no format that runs code is read."""

import io
import warnings
from typing import TYPE_CHECKING, Any

from workbench.core.errors import DataError
from workbench.core.optional import need

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 8_000_000
"""of a file; Jupyter's own limit on a message is 10 MiB"""
MOST_PIXELS = 40_000_000
"""of a picture; a small file may unfold into gigabytes"""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def decoded(data: bytes, name: str) -> "Image.Image":
    """The picture in a file, upright, in RGB, on white where it is transparent.

    Args:
        data: The bytes.
        name: Of the file, for the sentence.

    Raises:
        MissingExtraError: Pillow is not installed (extra ``data``).
        DataError: It is no picture, a broken one, or one over the limits.
    """
    images: Any = need("PIL.Image", extra="data", purpose="to read an uploaded picture")
    operations: Any = need("PIL.ImageOps", extra="data", purpose="to read an uploaded picture")
    called = f"{name[:60]!r}"
    if len(data) > MOST_BYTES:
        raise DataError(f"{called} has {len(data) / 1e6:.1f} MB; a picture of up to {MOST_BYTES // 10**6} MB is read.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, larger limit
            image = images.open(io.BytesIO(data), formats=FORMATS)
    except images.DecompressionBombError:
        raise DataError(f"{called} unfolds into too many pixels; up to {MOST_PIXELS:,} are read.") from None
    except Exception:  # noqa: BLE001 - each decoder fails in its own way
        raise DataError(f"{called} is no picture in one of the formats {', '.join(FORMATS)}.") from None
    wide, high = image.size
    if wide * high > MOST_PIXELS:
        raise DataError(f"{called} has {wide:,} by {high:,} pixels; up to {MOST_PIXELS:,} in all are read.")
    try:
        image.load()
        return _on_white(images, operations.exif_transpose(image))
    except Exception as error:  # noqa: BLE001 - each decoder fails in its own way
        raise DataError(f"{called} is broken or cut off and cannot be read ({type(error).__name__}).") from None


def _on_white(images: Any, image: Any) -> "Image.Image":
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    covered = image.convert("RGBA")
    paper = images.new("RGBA", covered.size, "white")
    paper.alpha_composite(covered)
    return paper.convert("RGB")
