"""``wb.load``: a pretrained model and its processor."""

from pathlib import Path
from typing import Any

from torch import nn

from workbench import pretrained


def load(name: str | Path) -> tuple[nn.Module, Any]:
    """A pretrained model in evaluation mode, and what prepares its inputs.

    Args:
        name: ``"minilm"``, ``"smollm2"``, ``"efficientnet-lite0"`` (from pinned, hash-checked packages, offline), a
            local folder in the transformers layout, or a model id, which transformers' own loader fetches.

    Returns:
        (model, processor): a tokenizer or an image transform.

    Raises:
        UnknownNameError: Neither a name, nor a folder, nor a model id that could be loaded.
        MissingExtraError: The package with the weights is not installed.
        CheckpointError: The weights are not the ones that were pinned.
    """
    return pretrained.load(name)
