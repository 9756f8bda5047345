"""Python's own reference text, character by character, shipped with every CPython."""

import platform
from collections.abc import Mapping

import torch
from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import MissingExtraError
from workbench.data._arrays import Arrays
from workbench.data._looks import tokens
from workbench.data._splits import in_time
from workbench.data.contract import Card, Field

CARD = Card(
    title="The Python language reference as pydoc shows it, about 465,000 characters",
    source=f"Python Software Foundation, pydoc_data.topics of CPython {platform.python_version()}",
    licence="PSF-2.0",
    package="Python itself",
    caution="The text, and so every figure on it, differs between versions of Python.",
)


def load(length: int = 64) -> Arrays:
    """Windows of text; the target is the next character at every position.

    The topics stand in the order of the alphabet; the first 90 % train, then 5 % validate and 5 % test. Windows
    do not overlap.

    Args:
        length: Characters per window.
    """
    topics = _topics()
    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = tuple(sorted(set(text)))
    number = {character: i for i, character in enumerate(alphabet)}
    ids = torch.tensor([number[character] for character in text])
    return Arrays(
        name="python_docs",
        card=CARD,
        inputs=[Field(name="text", kind="tokens", shape=(length,), labels=alphabet)],
        answer=Field(name="next character", kind="next_token", shape=(length,), labels=alphabet),
        parts={split: _windows(ids[at], length) for split, at in in_time(len(ids), validation=0.05, test=0.05).items()},
        show=lambda batch: tokens(batch.inputs[0][0], alphabet, joint=""),  # type: ignore[index]
    )


def _topics() -> Mapping[str, str]:
    try:
        from pydoc_data.topics import topics
    except ModuleNotFoundError:
        raise MissingExtraError(
            "python_docs lies in pydoc_data of CPython's standard library, which this Python was installed without."
        ) from None
    return topics


def _windows(ids: Tensor, length: int) -> Batch:
    """Views of the text, each with the character that follows at its end."""
    rows = ids.unfold(0, length + 1, length)
    return Batch((rows[:, :-1],), rows[:, 1:])
