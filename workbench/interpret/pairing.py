"""A second input beside the first: what is explained of it, and how the two answers differ.

Two explanations can be compared only if they explain the same, so the second follows the first: the same class, the
same place, or the same direction, whatever the model itself would choose on the second input.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.batch import Batch
from workbench.core.calling import Call, call, scores
from workbench.core.live import evaluating, look
from workbench.interpret import targets
from workbench.interpret._labels import token_ids
from workbench.interpret.moment import Selection
from workbench.interpret.targets import Target, Wanted

MOST = 5
"""classes that are set side by side"""


@dataclass(frozen=True, slots=True)
class Change:
    """One class of two answers."""

    label: str
    first: float
    """probability on the first input"""
    second: float
    """probability on the second input"""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How the answer to a second input differs from that to the first."""

    changes: tuple[Change, ...] = ()
    """the likeliest classes of either, by their larger probability; empty where the outputs are no classes"""
    distance: float = 0.0
    """total variation of two distributions, second minus first of two numbers, 1 - cosine of two hidden vectors"""
    sentence: str
    """the same in words"""


def same(
    model: nn.Module, first: Target, wanted: Wanted | Target, output: Any, *, at: Selection, **options: Any
) -> Target:
    """What of a second output corresponds to the target of the first.

    Args:
        model: The model of both.
        first: What is explained of the first input.
        wanted: What was asked for there.
        output: What the model returned for the second input.
        at: What is pointed at: the example of the first input, or the node of the second.
        options: Those of ``targets.choose``.

    Raises:
        DataError: The second input has no such node.
    """
    if first.classes and at.node is not None:
        found = targets.of_node(model, output, first.classes[0], at.node, **options)
        return replace(found, sentence=f"the class explained of the first, at node {at.node}")
    if first.classes:
        kept = first.classes[min(at.example, len(first.classes) - 1)]
        return replace(targets.choose(model, output, kept, **options), sentence="the class explained of the first")
    if first.elsewhere and len(first.labels) in (1, len(scores(output))):
        values = first.pick(output).detach().reshape(-1)
        return Target(sentence=first.elsewhere, labels=tuple(f"{float(v):.4g}" for v in values), pick=first.pick)
    return targets.choose(model, output, wanted, **options)


def difference(
    first: Any, second: Any, called: Callable[[int], str], *, examples: tuple[int, int] = (0, 0)
) -> Difference:
    """How the answers to two inputs differ: by probabilities where they are classes, else by their numbers.

    Args:
        first: What the model returned for one input.
        second: What it returned for the other.
        called: The name of a class.
        examples: Which row of each is on show.
    """
    a, b = (_row(output, at) for output, at in zip((first, second), examples, strict=True))
    if a.shape != b.shape:
        return Difference(sentence=f"the answers have {len(a):,} and {len(b):,} numbers, so they cannot be compared")
    if targets.is_embedding(first):
        apart = 1 - float(torch.nn.functional.cosine_similarity(a, b, dim=0))
        return Difference(distance=apart, sentence=f"cosine {1 - apart:.3f} between the mean hidden vectors")
    if len(a) < 2:  # noqa: PLR2004 - one number an example
        apart = float(b[0] - a[0])
        return Difference(distance=apart, sentence=f"{float(a[0]):.4g} has become {float(b[0]):.4g} ({apart:+.4g})")
    a, b = a.softmax(-1), b.softmax(-1)
    best = torch.cat([p.topk(min(MOST, len(p))).indices for p in (a, b)]).unique()
    order = best[torch.maximum(a, b)[best].argsort(descending=True)][:MOST].tolist()
    changes = tuple(Change(called(i), float(a[i]), float(b[i])) for i in order)
    apart = float((a - b).abs().sum() / 2)
    return Difference(changes=changes, distance=apart, sentence=f"{apart:.0%} of the probability has moved")


def misfit(first: nn.Module, second: nn.Module, batch: Batch, how: Call | None = None) -> str:
    """Why a second model cannot be given the input of a first, in one sentence; empty where it can.

    The model is run on the input. Token ids mean other words in another vocabulary, so one of another size does not
    fit, although the model would run.

    Args:
        first: The model whose input it is.
        second: Any other.
        batch: The input.
        how: How the models are called, where that is not the ordinary way.
    """
    sizes = [_vocabulary(model) for model in (first, second)]
    if token_ids(batch) is not None and None not in sizes and sizes[0] != sizes[1]:
        return f"its vocabulary has {sizes[1]:,} tokens instead of {sizes[0]:,}, so the same ids are other words"
    try:
        with look(), evaluating(second), torch.no_grad():
            call(second, batch, call=how)
    except Exception as error:  # noqa: BLE001 - a foreign model may fail in any way
        lines = str(error).strip().splitlines() or [""]
        return f"it does not take this input ({type(error).__name__}: {lines[0][:160]})"
    return ""


def _vocabulary(model: nn.Module) -> int | None:
    size = getattr(getattr(model, "config", None), "vocab_size", None)
    return size if isinstance(size, int) else None


def _row(output: Any, example: int) -> Tensor:
    """One example's scores (classes,): those of the last position of a sequence, the mean over a picture or text."""
    value = scores(output).detach().float().cpu()
    if value.dim() < 2:  # noqa: PLR2004 - one number an example
        return value.reshape(-1)[min(example, value.numel() - 1)][None]
    row = value[min(example, len(value) - 1)]
    if row.dim() == 2:  # noqa: PLR2004 - (positions, classes)
        return row.mean(0) if targets.is_embedding(output) else row[-1]
    return row.flatten(1).mean(1) if row.dim() > 2 else row  # noqa: PLR2004 - (classes, height, width)
