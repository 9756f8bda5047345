"""Targets: which score of an output is explained, inferred from the output or given by a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import scores
from workbench.core.errors import DataError

LARGE_VOCABULARY = 50
"""Classes above which an output over positions is read as next-token scores."""

Wanted = int | Tensor | Sequence[int] | tuple[int, int] | Callable[[Any], Tensor] | None
"""A class; one class per example; (position, class); a function from the output to (examples,) scores; or None."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The scores that are explained."""

    sentence: str
    """what is explained, in words"""
    labels: tuple[str, ...]
    """the explained score of each example, in words"""
    pick: Callable[[Any], Tensor]
    """output -> (examples,) scores that keep their gradient"""
    classes: tuple[int, ...] = ()
    """the explained class of each example, where it is one"""
    elsewhere: str = ""
    """what ``pick`` takes from the output for another input, in words; empty where it fits this output alone"""


def choose(
    model: nn.Module, output: Any, wanted: Wanted | Target = None, *, names: Sequence[str] | None = None
) -> Target:
    """The target a person asked for, or the one that the output suggests.

    Args:
        model: The model, whose class and config say what its output means.
        output: What it returned.
        wanted: See ``Wanted``; None to infer.
        names: Names of the classes.

    Raises:
        DataError: The target does not fit the output.
    """
    if isinstance(wanted, Target):
        return wanted
    if callable(wanted):
        return Target(sentence="a score of your own", labels=(), pick=wanted)
    if is_embedding(output) and wanted is None:
        return _similarity(output)
    value = scores(output)
    called = namer(model, names)
    if wanted is None:
        return _inferred(model, value.detach(), called)
    if isinstance(wanted, tuple) and len(wanted) == 2 and value.dim() > 1:  # noqa: PLR2004 - (position, class)
        return _at(value, int(wanted[0]), int(wanted[1]), called)
    classes = torch.as_tensor(wanted, dtype=torch.int64)
    if value.dim() < 2 or value.size(-1) == 1:  # noqa: PLR2004 - (examples, classes)
        raise DataError(
            f"The model's output has shape {tuple(value.shape)} and no classes to choose from: "
            "leave target out, or pass a function from the output to one score per example."
        )
    if classes.numel() not in (1, len(value)) or bool((classes < 0).any() | (classes >= _classes(value)).any()):
        raise DataError(
            f"target={_short(wanted)} does not fit an output of shape {tuple(value.shape)}: give one class from 0 to "
            f"{_classes(value) - 1}, or one for each of the {len(value)} examples."
        )
    return _per_row(value, classes.expand(len(value)), called, "the class that was asked for")


def of_node(
    model: nn.Module,
    output: Any,
    wanted: Wanted | Target,
    node: int,
    *,
    names: Sequence[str] | None = None,
) -> Target:
    """The target at one node of a graph: the class that was asked for, or the one that the model gives the node.

    Args:
        model: The model.
        output: What it returned; scores of shape (nodes, classes).
        wanted: A class, or None for the likeliest; anything else says itself where it looks.
        node: Which of the nodes.
        names: Names of the classes.

    Raises:
        DataError: There is no such node, or the target does not fit the output.
    """
    value = scores(output)
    if not (wanted is None or isinstance(wanted, int)) or value.dim() != 2:  # noqa: PLR2004 - (nodes, classes)
        return choose(model, output, wanted, names=names)
    if not 0 <= node < len(value):
        raise DataError(f"There is no node {node}: the graph has {len(value):,}, numbered from 0.")
    index = int(value[node].argmax()) if wanted is None else wanted
    found = choose(model, output, (node, index), names=names)
    said = "the predicted class" if wanted is None else "the class that was asked for"
    return replace(found, sentence=f"{said} of node {node}", classes=(index,))


def best_classes(output: Any, count: int) -> Tensor:
    """The best classes of each example, (examples, count), by the scores that ``choose`` would explain.

    Raises:
        DataError: The output has no classes.
    """
    value = by_class(scores(output))
    if value is None:
        raise DataError("The output has no classes to rank.")
    return value.topk(min(count, value.size(-1)), dim=-1).indices


def _classes(value: Tensor) -> int:
    return value.size(1) if value.dim() == 4 else value.size(-1)  # noqa: PLR2004 - (examples, classes, height, width)


def by_class(value: Tensor) -> Tensor | None:
    """(examples, classes): the last position of a sequence, the mean over the pixels of a picture."""
    if value.dim() == 2:  # noqa: PLR2004 - as it is
        return value
    if value.dim() == 3:  # noqa: PLR2004 - (examples, positions, classes)
        return value[:, -1]
    return value.mean((2, 3)) if value.dim() == 4 else None  # noqa: PLR2004 - pictures


def _per_row(value: Tensor, classes: Tensor, called: Callable[[int], str], sentence: str) -> Target:
    where = {3: " at the last position", 4: ", mean over pixels"}.get(value.dim(), "")

    def pick(output: Any) -> Tensor:
        rows = by_class(scores(output))
        if rows is None:
            raise DataError(f"A class cannot be chosen from an output of shape {tuple(scores(output).shape)}.")
        return rows.gather(-1, classes.to(rows.device)[:, None])[:, 0]

    chosen = tuple(int(c) for c in classes)
    return Target(sentence=sentence + where, labels=tuple(map(called, chosen)), pick=pick, classes=chosen)


def _at(value: Tensor, position: int, index: int, called: Callable[[int], str]) -> Target:
    rows = value.size(-2)
    if not (-rows <= position < rows and 0 <= index < value.size(-1)):
        raise DataError(
            f"target=({position}, {index}) does not fit an output of shape {tuple(value.shape)}: the position must be "
            f"below {rows} and the class below {value.size(-1)}."
        )
    # Without an axis of examples the position is a row, such as a node of a graph.
    return Target(
        sentence=f"{called(index)} at position {position}",
        labels=(called(index),) * (len(value) if value.dim() > 2 else 1),  # noqa: PLR2004 - (examples, positions, classes)
        pick=lambda output: scores(output)[..., position, index].reshape(-1),
    )


def _inferred(model: nn.Module, value: Tensor, called: Callable[[int], str]) -> Target:
    if value.dim() < 2 or (value.dim() == 2 and value.size(-1) == 1):  # noqa: PLR2004 - one number per example
        return Target(
            sentence="the predicted value",
            labels=tuple(f"{float(v):.4g}" for v in value.reshape(-1)[:64]),
            pick=lambda out: scores(out).reshape(-1),
        )
    if value.dim() == 3:  # noqa: PLR2004 - (examples, positions, classes)
        return _over_positions(model, value, called)
    rows = by_class(value)
    if rows is None:
        raise DataError(
            f"No target could be inferred from an output of shape {tuple(value.shape)}: "
            "pass target=lambda output: ... that returns one score per example."
        )
    return _per_row(value, rows.argmax(-1), called, "the predicted class")


def _over_positions(model: nn.Module, value: Tensor, called: Callable[[int], str]) -> Target:
    kind = type(model).__name__
    next_token = bool(getattr(model, "can_generate", bool)()) or "LMHead" in kind or "CausalLM" in kind
    if next_token or (value.size(-1) > LARGE_VOCABULARY and "CTC" not in kind and "Token" not in kind):
        return _per_row(value, value[:, -1].argmax(-1), called, "the predicted next token")
    # Detection models score "no object" last.
    shown = value.softmax(-1)[..., :-1] if "Detection" in kind else value
    best = shown.flatten(1).argmax(-1)
    rows, classes = best // shown.size(-1), best % shown.size(-1)
    examples = torch.arange(len(value))
    return Target(
        sentence="the most confident position and class",
        labels=tuple(f"{called(int(c))} at {int(r)}" for r, c in zip(rows, classes, strict=True)),
        pick=lambda out: scores(out)[examples, rows, classes],
    )


def is_embedding(output: Any) -> bool:
    """Whether a model returned hidden vectors and no answer."""
    return not isinstance(output, Tensor) and scores(output) is getattr(output, "last_hidden_state", None)


def _similarity(output: Any) -> Target:
    """For encoders without a head: the part of the mean vector along itself, which every token adds to."""
    pooled = scores(output).detach().mean(1)
    direction = pooled / pooled.norm(dim=-1, keepdim=True)

    def pick(out: Any) -> Tensor:
        return (scores(out).mean(1) * direction).sum(-1)

    labels = tuple(f"{float(v):.4g}" for v in pooled.norm(dim=-1))
    return Target(
        sentence="the length of the mean hidden vector along its own direction",
        labels=labels,
        pick=pick,
        elsewhere="the length of the mean hidden vector along that of the first",
    )


def namer(model: nn.Module, names: Sequence[str] | None) -> Callable[[int], str]:
    """What a class is called: by the names given, else by the model's config, else its number."""
    table = names if names is not None else getattr(getattr(model, "config", None), "id2label", None)

    def called(index: int) -> str:
        if isinstance(table, Mapping):
            return str(table.get(index, index))
        return str(table[index]) if table is not None and index < len(table) else str(index)

    return called


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."  # noqa: PLR2004 - a sentence must stay readable
