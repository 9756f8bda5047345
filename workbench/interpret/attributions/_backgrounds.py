"""Backgrounds: examples that an input is compared with and averaged over, given by a person or taken from the batch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench.core.errors import DataError
from workbench.interpret.attributions._centres import centres

if TYPE_CHECKING:
    from workbench.interpret.attributions._problem import Problem

MOST_GIVEN = 100
"""examples of a given background that are run"""
MOST_TAKEN = 10
"""examples of a batch that stand for all of it"""


def background_of(values: Sequence[Tensor], random: torch.Generator) -> dict[str, Any]:
    """What a problem is compared with by default where several examples are explained at once.

    All examples; of many rows of a table their centres, of many others some.

    Args:
        values: Of the leaves, (rows, ...).
        random: Draws examples or where centres are begun.

    Returns:
        References, their shares and what they are in words, as ``Problem`` has them.
    """
    rows = len(values[0])
    if rows <= MOST_TAKEN:
        return {"references": _spread(values, rows), "reference": f"each of the {rows} examples"}
    if all(value.dim() == 2 for value in values):  # noqa: PLR2004 - tables
        found, shares = centres(torch.cat([v.to(values[0]) for v in values], 1), MOST_TAKEN, random)
        parts = [p.to(v) for p, v in zip(found.split([v.size(1) for v in values], 1), values, strict=True)]
        words = f"{len(found)} centres of the {rows} examples (k-means)"
        return {"references": _spread(parts, rows), "shares": shares, "reference": words}
    chosen = torch.randperm(rows, generator=random)[:MOST_TAKEN].sort().values
    words = f"{MOST_TAKEN} of the {rows} examples, drawn at random"
    return {"references": _spread([v[chosen.to(v.device)] for v in values], rows), "reference": words}


def _spread(examples: Sequence[Tensor], rows: int) -> list[Tensor]:
    """(references, rows, ...): every row of the input is compared with the same examples."""
    return [e.unsqueeze(1).expand(-1, rows, *e.shape[1:]) for e in examples]


def given_to(problem: "Problem", background: Any) -> None:
    """Give a problem a background of examples, of which at most a hundred are drawn.

    Args:
        problem: What is explained; gets references.
        background: (examples, ...) for one input, or a mapping by name.

    Raises:
        DataError: The background does not fit the input.
    """
    given = background if isinstance(background, Mapping) else {problem.leaves[0].name: background}
    missing = [leaf.name for leaf in problem.leaves if leaf.name not in given]
    if missing or problem.joint:
        raise DataError(
            "A background is taken for models whose examples stand alone, with examples for each of "
            f"{', '.join(leaf.name for leaf in problem.leaves)}: pass reference=… instead."
        )
    count = len(next(iter(given.values())))
    chosen = torch.randperm(count, generator=problem.generator(7))[:MOST_GIVEN].sort().values
    for leaf, value in zip(problem.leaves, problem.values, strict=True):
        examples = torch.as_tensor(given[leaf.name])
        wanted = leaf.ids.shape[1:] if leaf.ids is not None else value.shape[1:]
        if examples.shape[1:] != wanted or len(examples) != count or not count:
            raise DataError(
                f"The background of {leaf.name!r} has shape {tuple(examples.shape)}; it must be (examples, "
                f"{', '.join(map(str, wanted))})."
            )
        examples = examples[chosen].to(value.device)
        with torch.no_grad():
            made = examples.to(value.dtype) if leaf.embedding is None else leaf.embedding(examples)
        problem.references.append(made.unsqueeze(1).expand(-1, *value.shape))
    drawn = f"{len(chosen)} of the {count}" if count > len(chosen) else f"the {count}"
    problem.reference = f"{drawn} background examples"
    problem.asked = True
