"""A picture as a model takes it: by the processor, or resized and scaled as the examples on show are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.panels.means.base import main_input, replaced

_COLOURS = (1, 3)


def place_of_pictures(batch: Batch) -> tuple[str | int, Tensor] | None:
    """The (pictures, colours, height, width) among the inputs and where they stand; None where there are none."""
    if isinstance(batch.inputs, Mapping) and isinstance(batch.inputs.get("pixel_values"), Tensor):
        return "pixel_values", batch.inputs["pixel_values"]
    found = main_input(batch)
    if found is None or found[1].dim() != 4 or found[1].size(1) not in _COLOURS:  # noqa: PLR2004 - with an axis of pictures
        return None
    return found


def reads_pictures(processor: Any) -> bool:
    """Whether a processor is one for pictures, of transformers or a person's own function; a tokenizer is not."""
    if hasattr(processor, "image_processor") or hasattr(processor, "image_mean"):
        return True
    return (
        callable(processor) and not hasattr(processor, "convert_ids_to_tokens") and not hasattr(processor, "tokenizer")
    )


def by_processor(picture: Any, processor: Any, batch: Batch) -> Batch:
    """A picture as a processor prepares it.

    Args:
        picture: A PIL image.
        processor: An image processor of transformers, or a function on a PIL image or on a numpy array
            (height, width, 3) of 0 to 255.
        batch: What is on show, of which inputs that are no picture are kept.

    Raises:
        DataError: The processor fails, or does not return what the model takes.
    """
    own: Any = getattr(processor, "image_processor", processor)
    try:
        made = own(images=picture, return_tensors="pt") if hasattr(own, "image_mean") else _called(own, picture)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise DataError(f"The processor {type(own).__name__} failed on this picture ({said}).") from error
    if isinstance(made, Batch):
        return made
    found = place_of_pictures(batch)
    if isinstance(made, Mapping) or hasattr(made, "keys"):
        made = dict(made)
        return Batch({**batch.inputs, **made} if isinstance(batch.inputs, Mapping) else made)
    if not isinstance(made, Tensor | np.ndarray):
        raise DataError(f"The processor returned {type(made).__name__}; a tensor (colours, height, width) is needed.")
    pixels = torch.as_tensor(made)
    pixels = pixels[None] if found is None or pixels.dim() == found[1].dim() - 1 else pixels
    return Batch((pixels,)) if found is None else _alone(batch, found[0], pixels)


def _called(function: Any, picture: Any) -> Any:
    """Functions for PIL images and functions for arrays are told apart by trying."""
    try:
        return function(picture)
    except (TypeError, AttributeError, ValueError):
        return function(np.asarray(picture))


def like_the_examples(picture: Any, batch: Batch) -> tuple[Batch, str]:
    """The middle of a picture in the size, the colours and the range of values of the pictures in a batch.

    Args:
        picture: A PIL image in RGB.
        batch: Holds (pictures, 1 or 3, height, width).

    Returns:
        The batch with this picture alone, and what was done in words.

    Raises:
        DataError: There is no picture in the batch.
    """
    found = place_of_pictures(batch)
    if found is None:
        raise DataError("The input on show is no picture, so nothing says what an uploaded one should become.")
    at, examples = found
    high, wide = examples.shape[-2:]
    operations: Any = need("PIL.ImageOps", extra="data", purpose="to resize an uploaded picture")
    grey = examples.size(1) == 1
    fitted = operations.fit(picture.convert("L") if grey else picture, (wide, high))
    values = torch.from_numpy(np.array(fitted, dtype=np.float32)).reshape(high, wide, -1).permute(2, 0, 1)[None]
    low, top = _range(examples)
    scaled = (low + values / 255 * (top - low)).to(examples.dtype)
    colours = "grey" if grey else "in colours"
    said = f"its middle, resized to {wide} by {high}, {colours}, from {low:.4g} (black) to {top:.4g} (white)"
    return _alone(batch, at, scaled.to(examples.device)), said


def _range(examples: Tensor) -> tuple[float, float]:
    """The values of black and white: a usual pair that holds all values, else the least and the greatest."""
    low, top = float(examples.min()), float(examples.max())
    usual = [(0.0, 255.0)] if examples.dtype == torch.uint8 else [(0.0, 1.0), (-1.0, 1.0)]
    return next((pair for pair in usual if pair[0] <= low and top <= pair[1]), (low, top))


def _alone(batch: Batch, at: str | int, picture: Tensor) -> Batch:
    """One picture, with the first row of whatever else the model takes, and no target."""
    rows = len(batch)
    alone = Batch(batch.inputs).map(lambda value: value[:1] if value.dim() and len(value) == rows else value)
    return replaced(alone, at, picture)
