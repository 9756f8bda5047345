"""tcav: whether a concept that examples show, such as stripes, raises a score inside a live model."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.calling import Call, call
from workbench.core.entry import Paper
from workbench.core.errors import ConfigError, DataError
from workbench.core.live import evaluating, look
from workbench.core.markup import columns, table
from workbench.core.optional import need
from workbench.interpret.batches import as_batch
from workbench.interpret.targets import Target, Wanted, choose
from workbench.taps import tap

TCAV = Paper(
    title="Interpretability Beyond Feature Attribution: Quantitative Testing with Concept Activation Vectors (TCAV)",
    authors="Kim, Been and Wattenberg, Martin and Gilmer, Justin and Cai, Carrie and Wexler, James "
    "and Viegas, Fernanda and Sayres, Rory",
    year=2018,
    venue="ICML",
    arxiv="1711.11279",
)
LEVEL = 0.05
"""significance, which is shared by the concepts that are tested at once"""
FEWEST = 4
"""examples that a direction can be fitted to"""
TOLD_APART = 0.7
"""balanced accuracy below which a direction is noise"""
_HEADER = ("concept", "raises the score for", "p", "told apart")


@dataclass(frozen=True, kw_only=True, eq=False)
class Concept:
    """One concept at one place of the model."""

    name: str
    scores: Tensor
    """(runs,) fraction of examples whose score rises along the concept, for each time"""
    p: float
    """of a two-sided t-test that random directions give the same fractions"""
    accuracy: float
    """how often held-out examples of the concept and random ones are told apart; 0.5 is chance"""
    significant: bool
    """whether p is below the level, shared by all concepts that were tested"""

    @property
    def score(self) -> float:
        """The mean over runs."""
        return float(self.scores.mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Concepts:
    """Concepts by name, with what speaks against reading them."""

    found: Mapping[str, Concept]
    address: str
    """where in the model"""
    target: str
    """the score that is explained, in words"""
    random: Tensor
    """(runs,) the same fractions for directions between two sets of random examples"""
    warnings: tuple[str, ...] = ()

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (TCAV,)

    def __getitem__(self, name: str) -> Concept:
        """One concept."""
        return self.found[name]

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (c.name, f"{c.score:.0%}", f"{c.p:.2g}" + ("" if c.significant else ", may be chance"), f"{c.accuracy:.0%}")
            for c in self.found.values()
        ]

    @property
    def _said(self) -> str:
        low, high = float(self.random.min()), float(self.random.max())
        said = f"At {self.address}, of {self.target}. Random directions raise it for {low:.0%} to {high:.0%}."
        return " ".join((said, *self.warnings))

    def __str__(self) -> str:
        return columns(_HEADER, self._rows(), self._said)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(_HEADER, self._rows(), self._said)


def tcav(  # noqa: PLR0913 - each is a question of its own
    model: nn.Module,
    inputs: Any,
    concepts: Mapping[str, Any],
    others: Any,
    address: str,
    target: Wanted | Target = None,
    *,
    runs: int = 10,
    call: Call | None = None,
    seed: int = 0,
) -> Concepts:
    """For which fraction of inputs the score rises along the direction of a concept (Kim et al. 2018, equations 1, 2).

    A concept's direction is the normal of a logistic regression between activations of its examples and of random
    ones. It is fitted several times, and the fractions are compared with those of directions between random examples
    only by a t-test (section 3.4), with Welch's correction and the level shared by all concepts.

    Departure: each time has examples of the concept that no other time has. With the same examples every time, as in
    the paper, what they have in common by accident would pass for significant.

    Args:
        model: Any module; it stays as it was.
        inputs: Examples whose score is explained, usually of one class.
        concepts: Examples that show each concept, by name, in the form of ``inputs``.
        others: Random examples, at least eight.
        address: Where in the model, as ``taps`` addresses values.
        target: What is explained; see ``targets.Wanted``.
        runs: Times, 10 or more; a concept should have four examples or more for each.
        call: How the model is called, where that is not the ordinary way.
        seed: Of who is drawn when.

    Raises:
        ConfigError: ``runs`` is below 10.
        DataError: There are too few examples, or the value at the address has no axis of examples.
        AddressError: There is no such address.
        MissingExtraError: scikit-learn is not installed.
    """
    if runs < 10:  # noqa: PLR2004 - below, a t-test says little
        raise ConfigError(f"runs={runs} was given; a t-test needs 10 or more.")
    need("sklearn.linear_model", extra="data", purpose="for directions of concepts")
    slopes, chosen = _slopes(model, inputs, address, target, call)
    pool = _seen(model, others, address, call, slopes)
    if len(pool) < 2 * FEWEST:
        raise DataError(f"{len(pool)} random examples were given; give {2 * FEWEST} or more.")
    shown = {name: _seen(model, examples, address, call, slopes) for name, examples in concepts.items()}
    random = seeds.generator(seed, 31)
    chance = torch.stack([_fraction(slopes, d) for d, _ in _directions(pool, pool, runs, random, apart=True)])
    found: dict[str, Concept] = {}
    doubts: list[str] = []
    for name, examples in shown.items():
        if len(examples) < FEWEST:
            raise DataError(f"The concept {name!r} has {len(examples)} examples; give {FEWEST} or more.")
        fitted = _directions(examples, pool, runs, random)
        found[name] = _measured(name, fitted, slopes, chance, LEVEL / len(shown))
        doubts += _doubts(found[name], len(examples), runs)
    if not bool(slopes.any()):
        doubts.append("The score does not depend on the value at this address.")
    return Concepts(found=found, address=address, target=chosen.sentence, random=chance, warnings=tuple(doubts))


def _slopes(
    model: nn.Module, inputs: Any, address: str, target: Wanted | Target, how: Call | None
) -> tuple[Tensor, Target]:
    """(examples, ...) derivatives of the score by the value at the address."""
    batch = as_batch(inputs)
    with look(), evaluating(model):
        with torch.no_grad(), tap(model) as reading:
            seen = reading.read(address, device=None)
            output = call(model, batch, call=how)
        chosen = choose(model, output, target)
        point = seen[address].detach().clone().requires_grad_()
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False), tap(model) as editing:
            editing.edit({address: lambda _: point})
            score = chosen.pick(call(model, batch, call=how))
            if len(point) != len(score):
                raise DataError(
                    f"The value at {address!r} has shape {tuple(point.shape)}, without an axis for the {len(score)} "
                    "examples: choose another address."
                )
            (slope,) = torch.autograd.grad(score.sum(), point, allow_unused=True)
    # allow_unused gives None, which torch's types leave out
    return torch.zeros_like(point) if slope is None else slope, chosen  # pyright: ignore[reportUnnecessaryComparison]


def _seen(model: nn.Module, examples: Any, address: str, how: Call | None, like: Tensor) -> Tensor:
    """(examples, values) at the address."""
    with look(), evaluating(model), torch.no_grad(), tap(model) as reading:
        seen = reading.read(address, device=None)
        call(model, as_batch(examples), call=how)
    value = seen[address].detach()
    if value.shape[1:] != like.shape[1:]:
        raise DataError(
            f"At {address!r} examples of a concept have the shape {tuple(value.shape[1:])} and the inputs "
            f"{tuple(like.shape[1:])}: give inputs of one size."
        )
    return value.flatten(1).float().cpu()


def _directions(
    examples: Tensor, pool: Tensor, runs: int, random: torch.Generator, *, apart: bool = False
) -> list[tuple[Tensor, float]]:
    """A direction for each run, and how often examples that it has not seen are told apart.

    Args:
        examples: (examples, values) of the concept.
        pool: Random ones; the first half of them, drawn anew, is fitted to.
        runs: How many.
        random: Draws.
        apart: Whether both are the same, so that none may be on both sides.
    """
    size = max(FEWEST, len(examples) // runs)
    order = torch.randperm(len(examples), generator=random)
    found: list[tuple[Tensor, float]] = []
    for run in range(runs):
        mine = order.roll(-run * size)
        group, rest = examples[mine[:size]], examples[mine[size:]]
        left = pool[mine[size:]] if apart else pool
        drawn = left[torch.randperm(len(left), generator=random)]
        half = len(drawn) // 2
        found.append(_direction(group, drawn[:half], rest, drawn[half:]))
    return found


def _direction(examples: Tensor, others: Tensor, unseen: Tensor, unseen_others: Tensor) -> tuple[Tensor, float]:
    """The normal, of length one, towards the examples, and the balanced accuracy on unseen ones."""
    linear: Any = need("sklearn.linear_model", extra="data", purpose="for directions of concepts")
    scale = others.std(0).clamp_min(1e-6)
    values = (torch.cat([examples, others]) / scale).numpy()
    labels = np.repeat([1, 0], [len(examples), len(others)])
    fit = linear.LogisticRegression(max_iter=1000, class_weight="balanced").fit(values, labels)
    normal = torch.from_numpy(fit.coef_[0]).float() / scale
    right = [
        float((fit.predict((held / scale).numpy()) == label).mean())
        for held, label in ((unseen, 1), (unseen_others, 0))
        if len(held)
    ]
    return normal / normal.norm().clamp_min(torch.finfo(normal.dtype).tiny), sum(right) / len(right)


def _measured(name: str, fitted: list[tuple[Tensor, float]], slopes: Tensor, chance: Tensor, level: float) -> Concept:
    scores = torch.stack([_fraction(slopes, direction) for direction, _ in fitted])
    p, accuracy = _welch(scores, chance), sum(right for _, right in fitted) / len(fitted)
    return Concept(name=name, scores=scores, p=p, accuracy=accuracy, significant=p < level)


def _fraction(slopes: Tensor, direction: Tensor) -> Tensor:
    return (slopes.flatten(1).float().cpu() @ direction > 0).float().mean()


def _welch(one: Tensor, other: Tensor) -> float:
    """p of a two-sided test that both have one mean; where neither varies they are the same or not."""
    if not bool(one.std()) and not bool(other.std()):
        return float(one[0] == other[0])
    stats: Any = need("scipy.stats", extra="data", purpose="for the t-test of concepts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that one of them does not vary
        return float(stats.ttest_ind(one.double().numpy(), other.double().numpy(), equal_var=False).pvalue)


def _doubts(concept: Concept, count: int, runs: int) -> list[str]:
    said: list[str] = []
    if concept.accuracy < TOLD_APART:
        said.append(
            f"Examples of {concept.name!r} cannot be told from random ones here ({concept.accuracy:.0%}): "
            "its direction is noise."
        )
    if count < FEWEST * runs:
        said.append(
            f"The {count} examples of {concept.name!r} are used several times in {runs} runs, which makes p too small: "
            f"give {FEWEST * runs} or more."
        )
    return said
