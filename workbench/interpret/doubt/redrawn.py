"""A model with weights drawn anew: on a copy where one can be made, else in place, put back bit for bit."""

import copy
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from workbench.core import seeds
from workbench.core.live import look, turn
from workbench.interpret.attributions._problem import Problem

_PART = 11
"""of the random numbers that follow from a seed"""


def with_weights(model: nn.Module) -> list[str]:
    """Paths of the modules that hold weights of their own, in the order in which they were registered."""
    return list(dict.fromkeys(path for path, _ in _weights(model)))


@contextmanager
def redrawn(problem: Problem, paths: Sequence[str], draw: int) -> Generator[Problem]:
    """The problem on the same model with some weights replaced by noise of their own mean and spread.

    Where no copy can be made, or a copy does not score as the model does, the live model itself is changed while the
    step lock is held: no training step and no other look comes in between, and its weights are the same memory with
    the same bits afterwards, whatever happens inside.

    Args:
        problem: What is explained; it stays as it was.
        paths: Modules whose own weights are replaced.
        draw: Which noise; a weight has the same noise in one draw, whatever else is replaced.
    """
    twin = copied(problem)
    if twin is not None:
        with _noised(twin.model, paths, problem.seed, draw):
            yield twin.on(twin.model)
        return
    with turn(), _noised(problem.model, paths, problem.seed, draw):
        yield problem.on(problem.model)


def copied(problem: Problem) -> Problem | None:
    """The problem on a copy of the model; None where the copy fails or its weights do not make its scores."""
    try:
        with look():
            model = copy.deepcopy(problem.model)
        twin = problem.on(model)
        if not torch.allclose(twin.score, problem.score, rtol=1e-4, atol=1e-6, equal_nan=True):
            return None
        # A call of the person's own, or an attribute that was not copied, may still run the original.
        with _noised(model, with_weights(model), problem.seed, 0):
            follows = not torch.equal(twin.on(model).score, twin.score)
    except Exception:  # noqa: BLE001 - a model may hold anything, of which any part may refuse to be copied
        return None
    return twin if follows else None


@contextmanager
def _noised(model: nn.Module, paths: Sequence[str], seed: int, draw: int) -> Generator[None]:
    """A model's weights replaced by noise; afterwards they are the same memory again."""
    wanted, kept = set(paths), list[tuple[nn.Parameter, Tensor]]()
    try:
        for place, (path, parameter) in enumerate(_weights(model)):
            if path in wanted:
                noise = _like(parameter.detach(), seeds.generator(seed, _PART, draw, place))
                kept.append((parameter, parameter.data))
                parameter.data = noise
        yield
    finally:
        for parameter, data in reversed(kept):
            parameter.data = data


def _weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Every weight once, with the path of the first module that holds it."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            if id(parameter) not in seen and parameter.is_floating_point():
                seen.add(id(parameter))
                yield path, parameter


def _like(weights: Tensor, random: torch.Generator) -> Tensor:
    drawn = torch.randn(weights.shape, generator=random).to(weights.device)
    wide = weights.float()
    return (wide.mean() + drawn * wide.std(correction=0)).to(weights.dtype)
